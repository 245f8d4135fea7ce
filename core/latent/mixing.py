"""Codes made of codes: style mixing by layers, interpolation, truncation.

Karras et al. 2019, "A Style-Based Generator Architecture" (mixing regularisation, truncation trick).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .codes import Rows, require_alike, require_code, require_rows, spread_code


def mix_styles(code: np.ndarray, other: np.ndarray, rows: Rows, num_rows: int, share: float = 1.0) -> np.ndarray:
    """w+ [num_rows, D]: the code, and in these rows the other one, or as much of it as share says. Raises ModelError."""
    one, two = (spread_code(require_code(each), num_rows) for each in (code, other))
    require_alike(one, two, "The other code")
    chosen = require_rows(rows, num_rows)
    mixed = one.copy()
    mixed[chosen] = (1 - share) * one[chosen] + share * two[chosen]
    return mixed


def interpolate(code: np.ndarray, other: np.ndarray, share: float) -> np.ndarray:
    """On the straight line from the code (share 0) to the other (1), as w where both are, else as w+. Raises ModelError."""
    one, two = _match(code, other)
    return (1 - share) * one + share * two


def interpolate_spherical(code: np.ndarray, other: np.ndarray, share: float, mean: np.ndarray) -> np.ndarray:
    """As interpolate, on the arc round `mean`: directions from it turn evenly, distances change evenly, so that half way is no
    more average than the two are. Opposite or equal directions go straight. Raises ModelError.

    Shoemake 1985, "Animating rotation with quaternion curves" (slerp).
    """
    one, two = _match(code, other)
    centre = require_code(mean, "The mean code")
    require_alike(one, centre, "The mean code")
    a, b = one - centre, two - centre
    lengths = np.linalg.norm(a, axis=-1, keepdims=True), np.linalg.norm(b, axis=-1, keepdims=True)
    length = (1 - share) * lengths[0] + share * lengths[1]
    units = [v / np.maximum(n, 1e-12) for v, n in zip((a, b), lengths, strict=True)]
    angle = np.arccos(np.clip((units[0] * units[1]).sum(-1, keepdims=True), -1, 1))
    sine = np.sin(angle)
    is_arc = (sine > 1e-6) & (lengths[0] > 1e-12) & (lengths[1] > 1e-12)
    safe = np.where(is_arc, sine, 1.0)
    arc = (np.sin((1 - share) * angle) * units[0] + np.sin(share * angle) * units[1]) / safe * length
    return centre + np.where(is_arc, arc, (1 - share) * a + share * b)


def interpolate_in_steps(code: np.ndarray, other: np.ndarray, count: int, mean: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """`count` codes from the one to the other, both included; on the arc round `mean` where it is given. Raises ModelError."""
    for share in np.linspace(0, 1, count):
        yield interpolate(code, other, share) if mean is None else interpolate_spherical(code, other, share, mean)


def truncate(code: np.ndarray, mean: np.ndarray, psi: float, rows: Rows | None = None) -> np.ndarray:
    """m + psi (w - m), of all rows or of these alone (for which the code has to be w+). Raises ModelError."""
    one, centre = _match(code, mean) if rows is not None else (require_code(code), require_code(mean, "The mean code"))
    require_alike(one, centre, "The mean code")
    if rows is None:
        return centre + psi * (one - centre)
    wide = np.atleast_2d(one).copy()
    chosen = require_rows(rows, len(wide))
    middle = np.broadcast_to(centre, wide.shape)
    wide[chosen] = middle[chosen] + psi * (wide[chosen] - middle[chosen])
    return wide


def _match(code: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both as w, or both as w+ where one of them is."""
    one, two = require_code(code), require_code(other, "The other code")
    require_alike(one, two, "The other code")
    if one.ndim != two.ndim:
        num_rows = len(one) if one.ndim == 2 else len(two)
        one, two = spread_code(one, num_rows), spread_code(two, num_rows)
    return one, two
