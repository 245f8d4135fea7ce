"""REALY's non-rigid step: a region of the scan is pulled onto the prediction, so that like meets like.

Levels from stiff to soft; in each, nearest target points and the affine maps that go there are found in turn until the maps
settle. With keypoints, a first very stiff level follows them alone, and their pull fades. The numbers are the benchmark's; they
are meant for its unit (a face is some 20 units wide). Source: the benchmark's published pipeline (bICP), after Amberg, Romdhani,
Vetter 2007, "Optimal step nonrigid ICP algorithms for surface registration".
"""

from __future__ import annotations

import numpy as np

from ..render.visibility import Occluder
from .stiff_graph import build_graph, solve_affine_maps

STIFFNESS, FIRST_STIFFNESS = 50.0, 150.0
EVERYWHERE, FIRST_BALANCE = np.ones(4), np.array([2.0, 2.0, 3.0, 2.0])
KEYPOINT_WEIGHT, FADING = 50.0, 0.9
SETTLED = 1.0
LEVELS, MOST_STEPS = 3, 11


class NearestPoints:
    """Nearest of a cloud's points [N, 3]: Warp's hierarchy over triangles without extent, brought to metre size."""

    def __init__(self, points: np.ndarray) -> None:
        self.points, self.centre = points, points.mean(0)
        self.size = float(np.ptp(points, axis=0).max()) or 1.0
        self.occluder = Occluder((points - self.centre) / self.size, np.repeat(np.arange(len(points))[:, None], 3, 1))

    def find(self, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """queries [M, 3] -> the nearest points [M, 3] and their distances [M]."""
        places = (queries - self.centre) / self.size
        chosen, _ = self.occluder.closest(places, 4.0 + 4 * float(np.abs(places).max(initial=0.0)))
        nearest = self.points[chosen]
        return nearest, np.linalg.norm(queries - nearest, axis=1)


def pull_onto(
    points: np.ndarray,
    triangles: np.ndarray,
    targets: np.ndarray,
    keypoints: np.ndarray | None = None,
    keypoint_targets: np.ndarray | None = None,
) -> np.ndarray:
    """A region's points [N, 3] and triangles, pulled onto a cloud of targets [M, 3]: where they end [N, 3].

    keypoints [K]: indices of points that belong to keypoint_targets [K, 3]; the last of a point's counts.
    """
    graph, cloud = build_graph(points, triangles), NearestPoints(targets)
    maps, previous = np.ones((len(points), 4, 3)), np.zeros((len(points), 4, 3))
    num_solved = 0
    if keypoints is not None and keypoint_targets is not None:
        goals, weights = points.copy(), np.zeros(len(points))
        goals[keypoints], weights[keypoints] = keypoint_targets, KEYPOINT_WEIGHT**2
        maps, previous = solve_affine_maps(graph, points, goals, weights, FIRST_STIFFNESS, FIRST_BALANCE), maps
        points, num_solved = _apply(maps, points), 1
    for level in range(LEVELS):
        stiffness, settled = STIFFNESS * np.exp(-0.5 * level), SETTLED * 0.5**level
        for _ in range(MOST_STEPS):
            if np.linalg.norm(maps - previous) <= settled:
                break
            goals, distances = cloud.find(points)
            weights = (distances < max(2 * distances.mean(), 1.0)).astype(np.float64)
            if keypoints is not None and keypoint_targets is not None:
                goals, weights = _add_keypoints(goals, weights, keypoints, keypoint_targets, num_solved)
            maps, previous = solve_affine_maps(graph, points, goals, weights, stiffness, EVERYWHERE), maps
            points, num_solved = _apply(maps, points), num_solved + 1
    return points


def _add_keypoints(
    goals: np.ndarray, weights: np.ndarray, keypoints: np.ndarray, targets: np.ndarray, num_solved: int
) -> tuple[np.ndarray, np.ndarray]:
    """A point with a nearest goal and a keypoint's is pulled to both: to their weighted mean, by the sum of their weights."""
    pull = np.zeros(len(weights))
    pull[keypoints] = (KEYPOINT_WEIGHT * np.exp(-FADING * num_solved) / 10) ** 2
    own = goals.copy()
    own[keypoints] = targets
    total = weights + pull
    mixed = (weights[:, None] * goals + pull[:, None] * own) / np.maximum(total, 1e-30)[:, None]
    return np.where(total[:, None] > 0, mixed, goals), total


def _apply(maps: np.ndarray, points: np.ndarray) -> np.ndarray:
    return np.einsum("na,nac->nc", np.column_stack([points, np.ones(len(points))]), maps)
