"""REALY's 85 keypoints on a mesh: iBUG's 68 and 17 more on the cheeks, which only the benchmark's own files define.

File of a topology: JSON, one [triangle (from 0), a, b] a keypoint; the third corner's weight is 1 - a - b. The 68 are taken from
the head model's calibrated landmarks; the other 17 are brought over from a mesh that has all 85 (the benchmark's template, or the
85 points of its subjects): similarity, then a smooth warp through the common points, then the nearest point of our surface.
Source: the README of the benchmark's repository; Chai et al. 2022, "REALY: rethinking the evaluation of 3D face reconstruction".
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import EvaluationError
from ..head.model import HeadModel, SurfacePoints
from .meshes import TriangleMesh
from .similarity import fit_similarity
from .surface import Surface

NUM_KEYPOINTS = 85
SEVEN = (36, 39, 42, 45, 33, 48, 54)
MOUTH, EYE_CORNERS_AND_LOWER_LIDS = (*range(48, 61), 64), (36, 41, 40, 39, 42, 47, 46, 45)
REGION_KEYPOINTS = {
    "nose": tuple(range(27, 36)),
    "mouth": MOUTH,
    "forehead": (*range(36, 48), *range(17, 27)),
    "cheek": (*MOUTH, 76, 77, *EYE_CORNERS_AND_LOWER_LIDS, 7, 8, 9),
}
"""Keypoints that guide a region; a nose is aligned by two more."""
ALIGNING_KEYPOINTS = REGION_KEYPOINTS | {"nose": (*range(27, 36), 70, 71)}
REGIONS = tuple(REGION_KEYPOINTS)
DENSE_LANDMARKS = (
    127, 234, 93, 132, 172, 150, 149, 176, 152, 400, 378, 379, 397, 361, 323, 454, 356,
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300, 6, 197, 195, 1, 98, 97, 2, 326, 327,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 321, 314, 17, 84, 91, 78, 81, 13, 311, 308, 402, 14, 178,
)  # fmt: skip
"""The points of MediaPipe's mesh that lie where iBUG's 68 do, in iBUG's order."""
COMMON = (8, *range(17, 68))
"""iBUG's points that mean the same on every face, for bringing others over: all but the outline of the cheeks."""


def locate_68(model: HeadModel, dense_points: SurfacePoints) -> SurfacePoints:
    """iBUG's 68 on a head model whose 478 dense landmarks are calibrated; where the model knows them itself, its own."""
    indices = dense_points.indices[list(DENSE_LANDMARKS)].copy()
    weights = dense_points.weights[list(DENSE_LANDMARKS)].copy()
    indices[list(SEVEN)], weights[list(SEVEN)] = model.landmarks7.indices, model.landmarks7.weights
    return SurfacePoints(indices, weights)


def bring_over(points68: np.ndarray, reference: np.ndarray, mesh: TriangleMesh) -> SurfacePoints:
    """The 85 on a mesh whose 68 [68, 3] are known, by a reference's 85 [85, 3] in any frame."""
    start = fit_similarity(reference[list(COMMON)], points68[list(COMMON)])
    moved = start.apply(reference)
    further = warp(moved[68:], moved[list(COMMON)], points68[list(COMMON)])
    return find_on_mesh(np.concatenate([points68, further]), mesh)


def warp(points: np.ndarray, sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The smoothest displacement field that takes sources [K, 3] to targets [K, 3], at points [N, 3].

    Radial kernel r plus an affine map (Bookstein's thin plate, in space); hardly damped, for landmarks are never quite the same.
    """
    spread = np.linalg.norm(sources - sources.mean(0), axis=1).mean()
    distance = lambda a, b: np.linalg.norm(a[:, None] - b[None], axis=-1) / spread  # noqa: E731
    flat = lambda a: np.column_stack([np.ones(len(a)), (a - sources.mean(0)) / spread])  # noqa: E731
    count = len(sources)
    system = np.zeros((count + 4, count + 4))
    system[:count, :count] = distance(sources, sources) - 0.02 * np.eye(count)
    system[:count, count:], system[count:, :count] = flat(sources), flat(sources).T
    weights = np.linalg.solve(system, np.concatenate([targets - sources, np.zeros((4, 3))]))
    return points + distance(points, sources) @ weights[:count] + flat(points) @ weights[count:]


def find_on_mesh(points: np.ndarray, mesh: TriangleMesh) -> SurfacePoints:
    """The surface points nearest to points [N, 3]."""
    surface = Surface(mesh.vertices, mesh.triangles)
    _, nearest, chosen = surface.closest(points)
    return SurfacePoints(mesh.triangles[surface.kept[chosen]], barycentrics(nearest, surface.corners[chosen]))


def barycentrics(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Weights [N, 3] of the corners [N, 3, 3] that make points [N, 3] in their triangles' planes; they sum to 1."""
    side_a, side_b = corners[:, 0] - corners[:, 2], corners[:, 1] - corners[:, 2]
    sides = np.stack([side_a, side_b], -1)
    ab = np.linalg.solve(np.swapaxes(sides, 1, 2) @ sides, np.einsum("nck,nc->nk", sides, points - corners[:, 2])[..., None])
    return np.column_stack([ab[..., 0], 1 - ab[..., 0].sum(1)])


def describe_keypoints(points: SurfacePoints, triangles: np.ndarray) -> str:
    """The benchmark's file of a topology: each keypoint's triangle, found by its corners, and two weights."""
    places = {tuple(corners): number for number, corners in enumerate(triangles.tolist())}
    rows = [
        [places[tuple(corners)], float(weights[0]), float(weights[1])]
        for corners, weights in zip(points.indices.tolist(), points.weights, strict=True)
    ]
    return json.dumps(rows)


def read_keypoints(path: Path, triangles: np.ndarray) -> SurfacePoints:
    """Such a file and its topology's triangles [T, 3] -> the 85. Raises EvaluationError."""
    try:
        table = np.array(json.loads(path.read_text(encoding="utf-8-sig")), np.float64)
        if table.shape != (NUM_KEYPOINTS, 3) or not np.isfinite(table).all():
            raise ValueError(f"{table.shape} numbers instead of {NUM_KEYPOINTS} rows of three")
        number = table[:, 0].astype(np.int64)
        if number.min() < 0 or number.max() >= len(triangles):
            raise ValueError("a triangle that the mesh does not have")
        return SurfacePoints(triangles[number], np.column_stack([table[:, 1:], 1 - table[:, 1:].sum(1)]))
    except (OSError, ValueError, TypeError, RecursionError, UnicodeDecodeError) as error:
        remedy = f"give {NUM_KEYPOINTS} rows of [triangle, a, b] for the mesh's own triangles"
        raise EvaluationError(f"The keypoints {path} cannot be read ({error}): {remedy}.") from error


def mean_keypoints(subjects: Sequence[np.ndarray]) -> np.ndarray:
    """The mean [85, 3] of many subjects' keypoints, each aligned with the first."""
    first = subjects[0]
    return np.mean([fit_similarity(points, first).apply(points) for points in subjects], axis=0)
