"""The point of triangles that is nearest to a point, exactly and one at a time: where few are asked for."""

from __future__ import annotations

import numpy as np


def closest_of_triangles(point: np.ndarray, corners: np.ndarray) -> tuple[int, np.ndarray]:
    """Which of triangles [T, 3, 3] is nearest to a point [3], and its barycentrics [3] there."""
    inside = barycentrics_of_closest(point, corners)
    distance = ((np.einsum("tk,tkc->tc", inside, corners) - point) ** 2).sum(1)
    best = int(np.argmin(distance))
    return best, inside[best]


def barycentrics_of_closest(point: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Barycentrics [T, 3] of each triangle's point nearest to a point [3]: within it, else on the nearest of its edges."""
    edge = np.roll(corners, -1, 1) - corners
    from_corner = point - corners
    along = np.clip(np.einsum("tkc,tkc->tk", from_corner, edge) / np.maximum(np.einsum("tkc,tkc->tk", edge, edge), 1e-30), 0, 1)
    on_edge = corners + along[..., None] * edge
    best = np.argmin(((on_edge - point) ** 2).sum(-1), axis=1)
    rows = np.arange(len(corners))
    result = np.zeros((len(corners), 3))
    share = along[rows, best]
    result[rows, best], result[rows, (best + 1) % 3] = 1 - share, share
    normal = np.cross(edge[:, 0], -edge[:, 2])
    square = np.maximum(np.einsum("tc,tc->t", normal, normal), 1e-30)
    plane = np.stack(
        [np.einsum("tc,tc->t", np.cross(edge[:, (k + 1) % 3], from_corner[:, (k + 1) % 3]), normal) / square for k in range(3)], 1
    )
    is_within = (plane >= 0).all(1)
    result[is_within] = plane[is_within]
    return result
