"""Makes a closed eye close along the lower lid.

MakeHuman's blink, carried over to the smaller eyeball, shuts too far and bends at the corners. The upper margin's end is put
on the lower margin's line, OVERLAP below it, which leaves something over for people with wider eyes than the mean; the
lid above follows by its share of the margin's travel and stays outside ball and cornea.
"""

from __future__ import annotations

import numpy as np

from .eye_region import cover_radius

OVERLAP = 0.0011
"""How far the closed upper margin passes the lower one in the mean head, m."""
THICKNESS = 0.0006
"""Least distance of the moved lid over ball and cornea, m, where it was as far before."""
REACH, FAR = 0.0016, 0.016
"""How sharply a lid point follows the margin's nearest points, and where the correction has faded, m."""
CORNER_LENGTH = 0.004
"""Over this length at the canthi the overlap fades in, m."""


def close_lids(
    neutral: np.ndarray, offsets: np.ndarray, upper: np.ndarray, lower: np.ndarray, centre: np.ndarray
) -> np.ndarray:
    """Corrected offsets [N, 3] m of a blink.

    neutral [N, 3]; upper, lower: rows of the lid margins' front edge from the inner to the outer corner, both included;
    centre [3] of the eye.
    """
    open_, shut = neutral - centre, neutral + offsets - centre
    t_upper, length = arc_length(open_[upper])
    t_lower, _ = arc_length(open_[lower])
    goal = np.stack([np.interp(t_upper, t_lower, shut[lower, k]) for k in range(3)], 1)
    fade = np.clip(np.minimum(t_upper, 1 - t_upper) * length / CORNER_LENGTH, 0, 1)
    goal[:, 1] -= OVERLAP * fade
    excess = goal - shut[upper]
    travel = np.linalg.norm(offsets, axis=1)
    to_upper = np.linalg.norm(open_[:, None] - open_[upper], axis=2)
    to_lower = np.linalg.norm(open_[:, None] - open_[lower], axis=2).min(1)
    nearness = np.exp(-0.5 * ((to_upper - to_upper.min(1, keepdims=True)) * (to_upper + to_upper.min(1, keepdims=True))) / REACH**2)
    nearness /= nearness.sum(1, keepdims=True)
    on_upper = np.clip((to_lower / np.maximum(to_lower + to_upper.min(1), 1e-9) - 0.3) / 0.4, 0, 1)
    share = np.clip(travel / np.maximum(nearness @ travel[upper], 0.0005), 0, 1) * on_upper * np.exp(-((to_upper.min(1) / FAR) ** 4))
    moved = shut + share[:, None] * (nearness @ excess)
    distance = np.linalg.norm(moved, axis=1, keepdims=True)
    angle = np.arccos(np.clip(moved[:, 2:] / np.maximum(distance, 1e-9), -1, 1))
    cover = np.minimum(np.linalg.norm(shut, axis=1, keepdims=True), cover_radius(angle) + THICKNESS)
    return np.where(share[:, None] > 0, moved * np.maximum(1, cover / np.maximum(distance, 1e-9)) - open_, offsets)


def arc_length(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Share [n] of the length of a polyline [n, 3] at its points, and the whole length."""
    lengths = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    return lengths / lengths[-1], float(lengths[-1])


def split_ring(ring: list[int], inner: int, outer: int) -> tuple[list[int], list[int]]:
    """A ring's vertices from `inner` to `outer` one way round and the other way round, both ends included."""
    turned = ring[ring.index(inner) :] + ring[: ring.index(inner)]
    split = turned.index(outer)
    return turned[: split + 1], [inner, *turned[:split - 1 : -1]]
