"""Where brows grow: the published heights above the pupil as a line with widths, on the mean head seen from the front."""

from __future__ import annotations

import numpy as np

BROW_MM = np.array([[-17.5, 14.0], [-9.0, 17.5], [0.0, 19.5], [8.0, 20.0], [15.0, 17.5], [21.0, 13.5]])
"""The brow's middle line from the centre of the pupil, outwards and up, seen from the front."""
BROW_HALF_WIDTH_MM = np.array([4.2, 4.3, 4.0, 3.4, 2.4, 1.2])


def distance_to_line(points: np.ndarray, line: np.ndarray, widths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points [N, 2] -> distance to the polyline [L, 2] and the width [L] interpolated at the nearest place, [N] each."""
    best, width = np.full(len(points), np.inf), np.ones(len(points))
    for a, b, wa, wb in zip(line[:-1], line[1:], widths[:-1], widths[1:], strict=True):
        t = np.clip((points - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
        distance = np.linalg.norm(points - a - t[:, None] * (b - a), axis=1)
        nearer = distance < best
        best[nearer], width[nearer] = distance[nearer], (wa + t * (wb - wa))[nearer]
    return best, width
