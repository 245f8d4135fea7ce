"""Makes a closed eye close along the lower lid.

MakeHuman's blink, carried over to the smaller eyeball, shuts too far and bends at the corners. The upper margin's end is put
OVERLAP below the lower margin's line and under the lower lid, which leaves something over for people with wider eyes than
the mean and for a raised gaze; the lid above follows by its share of the margin's travel and stays outside ball and cornea.
"""

from __future__ import annotations

import numpy as np

from .eye_region import cover_radius, soft_maximum
from .parts import EYE_RADIUS

OVERLAP = 0.0031
"""How far the closed upper margin passes the lower one in the mean head, m."""
TUCK = 0.9
"""What lies below the lower margin goes inwards by this share of its depth: under the lower lid."""
THICKNESS, THICKER, THICKER_FROM = 0.0011, 0.0009, 0.0025
"""Least distance of the moved lid over ball and cornea, m, at the margin, and what is added higher up, whole from there."""
KEEP, SPREAD, CORNER_FREE = 0.45, 0.0055, 0.006
REACH, FAR = 0.0016, 0.016
"""How sharply a lid point follows the margin's nearest points, and where the correction has faded, m."""
CORNER_LENGTH = 0.004
"""Over this length at the canthi the overlap fades in, m."""


def close_lids(neutral: np.ndarray, offsets: np.ndarray, upper: np.ndarray, lower: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Corrected offsets [N, 3] m of a blink.

    neutral [N, 3]; upper, lower: rows of the lid margins' front edge from the inner to the outer corner, both included;
    centre [3] of the eye.
    """
    open_, shut = neutral - centre, neutral + offsets - centre
    t_upper, length = arc_length(open_[upper])
    t_lower, _ = arc_length(open_[lower])
    goal = np.stack([np.interp(t_upper, t_lower, shut[lower, k]) for k in range(3)], 1)
    fade = np.clip(np.minimum(t_upper, 1 - t_upper) * length / CORNER_LENGTH, 0, 1)
    line = goal[:, 1].copy()
    goal[:, 1] -= OVERLAP * fade
    excess = goal - shut[upper]
    travel = np.linalg.norm(offsets, axis=1)
    to_upper = np.linalg.norm(open_[:, None] - open_[upper], axis=2)
    to_lower = np.linalg.norm(open_[:, None] - open_[lower], axis=2).min(1)
    nearest = to_upper.min(1, keepdims=True)
    nearness = np.exp(-0.5 * (to_upper**2 - nearest**2) / REACH**2)
    nearness /= nearness.sum(1, keepdims=True)
    on_upper = np.clip((to_lower / np.maximum(to_lower + to_upper.min(1), 1e-9) - 0.3) / 0.4, 0, 1)
    share = np.clip(travel / np.maximum(nearness @ travel[upper], 0.0005), 0, 1) * on_upper
    share *= np.exp(-((nearest[:, 0] / FAR) ** 4))
    moved = shut + share[:, None] * (nearness @ excess)
    distance = np.linalg.norm(moved, axis=1, keepdims=True)
    angle = np.arccos(np.clip(moved[:, 2:] / np.maximum(distance, 1e-9), -1, 1))
    depth = np.maximum(nearness @ line - moved[:, 1], 0) * on_upper
    free = 1 - 0.7 * np.clip(depth / OVERLAP, 0, 1)
    cover = cover_radius(angle[:, 0]) + THICKNESS * free + THICKER * np.clip(to_upper.min(1) / THICKER_FROM, 0, 1)
    cover = np.where(np.linalg.norm(open_, axis=1) > EYE_RADIUS, cover, 0)
    lift = np.maximum(cover - (distance[:, 0] - TUCK * depth), 0) * np.minimum(2 * share, 1)
    new_distance = distance[:, 0] - TUCK * depth + lift
    return np.where(share[:, None] > 0, moved * (new_distance / np.maximum(distance[:, 0], 1e-9))[:, None] - open_, offsets)


def even_lids(
    people: np.ndarray, upper: np.ndarray, lower: np.ndarray, ball: np.ndarray, lid: np.ndarray, mean: np.ndarray
) -> np.ndarray:
    """People [n, C, 3] m whose lids, seen from their own eye's centre, differ less from the mean in height and depth.

    How wide an eye stands open is an expression more than an identity, and a blink that is the same for everybody has to
    close it and clear the ball. KEEP of a difference stays at the margin, all of it SPREAD away and sideways; most of it at the
    canthi. Nowhere does the skin come too near the ball. ball, lid: rows of the eyeball's helper and of the skin around the eye;
    mean [C, 3]: the mean head.
    """
    centre = people[:, ball].mean(1, keepdims=True)
    relative = people[:, lid] - centre
    to_margin = np.linalg.norm(mean[lid][:, None] - mean[np.union1d(upper, lower)], axis=2).min(1)
    to_corner = np.linalg.norm(mean[lid][:, None] - mean[upper[[0, -1]]], axis=2).min(1)
    loss = (1 - KEEP) * np.exp(-0.5 * (to_margin / SPREAD) ** 2) * np.clip(to_corner / CORNER_FREE, 0.3, 1)
    result = np.array(people)
    relative = relative - loss[:, None] * (relative - (mean[lid] - mean[ball].mean(0))) * [0, 1, 1]
    least = EYE_RADIUS + np.minimum(0.0004 + 0.4 * to_margin, 0.0022)
    distance = np.linalg.norm(relative, axis=2)
    relative *= (soft_maximum(distance, least) / distance)[..., None]
    result[:, lid] = relative + centre
    return result


def arc_length(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Share [n] of the length of a polyline [n, 3] at its points, and the whole length."""
    lengths = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    return lengths / lengths[-1], float(lengths[-1])


def split_ring(ring: list[int], inner: int, outer: int) -> tuple[list[int], list[int]]:
    """A ring's vertices from `inner` to `outer` one way round and the other way round, both ends included."""
    turned = ring[ring.index(inner) :] + ring[: ring.index(inner)]
    split = turned.index(outer)
    return turned[: split + 1], [inner, *turned[: split - 1 : -1]]
