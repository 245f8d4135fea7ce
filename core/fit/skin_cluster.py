"""Which of two colours on a face is its skin: a mask, a scarf or a bandage is another colour than the skin beside it.

Under one light the skin is the redder of the two, whatever its tone (haemoglobin and melanin both absorb blue most). Two
coloured lights grade into one another over a face; only colours with a gap between them are told apart.
"""

from __future__ import annotations

import numpy as np

DARK = 0.01
"""Added to linear colours before the logarithm."""
ROUNDS = 12
LEAST_SHARE = 0.15
"""Share of the samples from which a second colour counts: less is left to robust weights."""
LEAST_GAP, CLEARNESS = 0.3, 4.5
"""Distance between two colours (in log red/green and log green/blue) from which they may be two things, and how many times
their mean spread it must be: 60 rendered people without masks reach 3.9."""


def find_foreign(colours: np.ndarray, weight: np.ndarray) -> np.ndarray | None:
    """Linear colours [N, 3] of what should be skin, weight [N] -> the tints [2, 2] of what covers it and of the skin, or None
    where all is one colour."""
    if weight.sum() <= 0:
        return None
    tint = find_tint(colours)
    redness = tint.sum(1)
    low, high = np.quantile(redness, [0.05, 0.95])
    centres = np.stack([tint[redness <= low].mean(0), tint[redness >= high].mean(0)])
    is_red = np.ones(len(colours), bool)
    for _ in range(ROUNDS):
        is_red = ~is_foreign(colours, centres)
        if is_red.all() or not is_red.any():
            return None
        centres = np.stack([np.median(tint[~is_red], 0), np.median(tint[is_red], 0)])
    axis = centres[1] - centres[0]
    gap = float(np.linalg.norm(axis))
    if gap < LEAST_GAP:
        return None
    along = (tint - centres[0]) @ (axis / gap)
    spread = np.mean([1.4826 * np.median(np.abs(along[m] - np.median(along[m]))) for m in (is_red, ~is_red)])
    share = float(weight[~is_red].sum() / weight.sum())
    is_two = gap > CLEARNESS * spread and LEAST_SHARE < share < 1 - LEAST_SHARE
    return centres if is_two else None


def is_foreign(colours: np.ndarray, tints: np.ndarray | None) -> np.ndarray:
    """Which linear colours [..., 3] are rather what covers the skin than skin, by find_foreign's tints."""
    if tints is None:
        return np.zeros(colours.shape[:-1], bool)
    covering, skin = np.linalg.norm(find_tint(colours)[..., None, :] - tints, axis=-1).transpose(-1, *range(colours.ndim - 1))
    result: np.ndarray = covering < skin
    return result


def find_tint(colours: np.ndarray) -> np.ndarray:
    """Linear colours [..., 3] -> log red/green and log green/blue [..., 2]."""
    logs = np.log(np.maximum(colours, 0) + DARK)
    return -np.diff(logs, axis=-1)
