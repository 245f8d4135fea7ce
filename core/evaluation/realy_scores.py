"""REALY's measure of one prediction against one subject's scan, region by region (METHOD 2.2 and 2.3).

    1  similarity from 7 keypoints, prediction -> scan
    2  per region: rigid ICP of the scan region's points to the prediction's surface, the region's keypoints weighing as much
    3  per region: the scan region is pulled onto the prediction (nonrigid.py), and each of its points gets the prediction's
       point nearest to where it was pulled
    4  error = mean distance between these pairs, times the subject's scale in mm
The one number of a benchmark is the mean of the four regions' means.
Source: Chai et al. 2022, "REALY: rethinking the evaluation of 3D face reconstruction", and the benchmark's published pipeline.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..head.model import SurfacePoints
from .meshes import TriangleMesh
from .nonrigid import pull_onto
from .realy_keypoints import ALIGNING_KEYPOINTS, REGION_KEYPOINTS, REGIONS, SEVEN
from .similarity import Similarity, fit_similarity
from .surface import Surface

SETTLED, MOST_ITERATIONS = 1e-6, 100
CHEEK_SHARE = 0.25
"""Of the region's points: what the cheek's keypoints weigh together; other regions' weigh as much as the points."""


@dataclass(frozen=True)
class Subject:
    """keypoints [85, 3]; regions: name -> its part of the scan; scale: mm of a unit."""

    keypoints: np.ndarray
    regions: dict[str, TriangleMesh]
    scale: float


def score_subject(mesh: TriangleMesh, keypoints: SurfacePoints, subject: Subject) -> dict[str, float]:
    """Region -> error in mm. Raises ValueError where the prediction has no surface."""
    start = align_globally(keypoints.evaluate(mesh.vertices), subject.keypoints)
    aligned = start.apply(mesh.vertices)
    surface = Surface(aligned, mesh.triangles)
    return {
        name: subject.scale * float(score_region(name, surface, keypoints.evaluate(aligned), subject).mean()) for name in REGIONS
    }


def align_globally(keypoints: np.ndarray, truth: np.ndarray) -> Similarity:
    """Step 1: rotation by least squares; the scale is the ratio of summed absolute coordinates about the mean."""
    source, target = keypoints[list(SEVEN)], truth[list(SEVEN)]
    R = fit_similarity(source, target).R
    turned = (source - source.mean(0)) @ R.T
    scale = float(np.abs(target - target.mean(0)).sum() / np.abs(turned).sum())
    return Similarity(scale, R, target.mean(0) - scale * R @ source.mean(0))


def score_region(name: str, surface: Surface, keypoints: np.ndarray, subject: Subject) -> np.ndarray:
    """Steps 2 to 4 of a region, in the scan's unit: distances [N] of its points. Surface and keypoints: globally aligned."""
    region = merge_doubles(subject.regions[name])
    move = align_region(name, subject.regions[name].vertices, surface, keypoints, subject.keypoints)
    nearest = _closest(surface, move, region.vertices)
    chosen = list(REGION_KEYPOINTS[name])
    guides: tuple[np.ndarray, np.ndarray] | tuple[()] = ()
    if name != "cheek":
        guides = _nearest_vertices(region.vertices, subject.keypoints[chosen]), move.apply(keypoints[chosen])
    pulled = pull_onto(region.vertices, region.triangles, nearest, *guides)
    return np.linalg.norm(_closest(surface, move, pulled) - region.vertices, axis=1)


def align_region(name: str, points: np.ndarray, surface: Surface, keypoints: np.ndarray, truth: np.ndarray) -> Similarity:
    """Step 2: the rigid motion of the prediction for a region's points [N, 3]."""
    chosen = list(ALIGNING_KEYPOINTS[name])
    share = CHEEK_SHARE if name == "cheek" else 1.0
    repeats = int(len(points) / len(chosen) * share)
    targets = np.concatenate([points, truth[chosen]])
    weights = np.concatenate([np.ones(len(points)), np.full(len(chosen), float(repeats))])
    move, previous = Similarity(1.0, np.eye(3), np.zeros(3)), 0.0
    for _ in range(MOST_ITERATIONS):
        sources = np.concatenate([_closest(surface, move, points), move.apply(keypoints[chosen])])
        step = _fit_rigid(sources, targets, weights)
        error = float(weights @ ((step.apply(sources) - targets) ** 2).sum(1) / weights.sum())
        if abs(error - previous) < SETTLED:
            break
        previous = error
        move = Similarity(1.0, step.R @ move.R, step.R @ move.t + step.t)
    return move


def merge_doubles(mesh: TriangleMesh) -> TriangleMesh:
    """A mesh whose vertices at one place are one, without those that no face uses."""
    used = np.unique(mesh.triangles)
    compact = np.zeros(len(mesh.vertices), np.int64)
    places, inverse = np.unique(mesh.vertices[used].round(8), axis=0, return_inverse=True)
    compact[used] = inverse.ravel()
    return TriangleMesh(places, compact[mesh.triangles])


def _fit_rigid(sources: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> Similarity:
    share = weights / weights.sum()
    mean_source, mean_target = share @ sources, share @ targets
    U, _, Vt = np.linalg.svd(((targets - mean_target) * share[:, None]).T @ (sources - mean_source))
    R = U @ np.diag([1.0, 1.0, np.sign(np.linalg.det(U @ Vt))]) @ Vt
    return Similarity(1.0, R, mean_target - R @ mean_source)


def _closest(surface: Surface, move: Similarity, points: np.ndarray) -> np.ndarray:
    """The moved surface's points nearest to points [N, 3]."""
    return move.apply(surface.closest(move.undo(points))[1])


def _nearest_vertices(vertices: np.ndarray, points: np.ndarray) -> np.ndarray:
    return np.array([((vertices - point) ** 2).sum(1).argmin() for point in points])
