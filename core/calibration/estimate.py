"""From detections on heads of known shape to the measurement model: where each landmark lies, how it errs.

1. embedding: per yaw bin, the surface point whose projection is nearest to the detections in the mean square. Over vertices that
   is one matrix product of moments; inside the best vertex's triangles it is a small constrained quadratic.
2. bias: what is left on average, linear in sin(pitch); 3. modes: the leading principal components of the rest, the detector's
   correlated errors; 4. covariance [2,2] per landmark of what remains.
Every head counts twice, as itself and mirrored. Samples are weighted by a Gaussian in yaw around the bin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..fit.measurement import LandmarkCalibration, face_frame
from ..head.model import HeadModel, SurfacePoints, triangulate
from ..types import Camera

IRIS = {"right_eye": range(468, 473), "left_eye": range(473, 478)}
NUM_MODES = 40
FLOOR_M = 1.5e-4


@dataclass(frozen=True)
class Sample:
    """One rendered head: detected [N,2] px, vertices [V,3] m posed in model space, camera."""

    detected: np.ndarray
    vertices: np.ndarray
    camera: Camera


@dataclass(frozen=True)
class _Upright:
    """A sample in the upright face frame, m: detected [N,2], projected vertices [V,2], yaw, pitch rad."""

    detected: np.ndarray
    projected: np.ndarray
    yaw: float
    pitch: float


def mirror_vertices(template: np.ndarray) -> np.ndarray:
    """[V] index of each vertex's mirror twin across x = 0 (the nearest one)."""
    from scipy.spatial import cKDTree

    return cKDTree(template).query(template * [-1, 1, 1])[1]


def mirror_landmarks(mean_points: np.ndarray) -> np.ndarray:
    """[N] index of each landmark's mirror twin, from the detections' mean in the upright frame [N,2] centred on the midline."""
    from scipy.optimize import linear_sum_assignment

    distance = np.linalg.norm(mean_points[:, None] * [-1, 1] - mean_points[None], axis=2)
    for irises in IRIS.values():
        distance[list(irises), : IRIS["right_eye"].start] += 1.0
        distance[: IRIS["right_eye"].start, list(irises)] += 1.0
    return linear_sum_assignment(distance)[1]


def upright_samples(samples: Sequence[Sample], vertex_twins: np.ndarray, landmark_twins: np.ndarray) -> list[_Upright]:
    """Every sample and its mirror image in the face frame, origin at the projected model origin."""
    result = []
    for sample in samples:
        points = sample.vertices @ sample.camera.R.T + sample.camera.t
        pixels = points @ sample.camera.K.T
        pixels = pixels[:, :2] / pixels[:, 2:]
        origin = sample.camera.K @ sample.camera.t
        frame = face_frame(sample.camera.R, sample.camera.K[0, 0], points[:, 2].mean())
        to_frame = np.linalg.inv(frame.px_from_m).T
        detected = (sample.detected - origin[:2] / origin[2]) @ to_frame
        projected = (pixels - origin[:2] / origin[2]) @ to_frame
        result.append(_Upright(detected, projected, frame.yaw, frame.pitch))
        flip = np.array([-1.0, 1.0])
        result.append(_Upright(detected[landmark_twins] * flip, projected[vertex_twins] * flip, -frame.yaw, frame.pitch))
    return result


def find_landmark_twins(samples: Sequence[Sample]) -> np.ndarray:
    """Landmark twins from near-frontal samples: the mean of their upright detections, the midline at its mean x."""
    identity = np.arange(samples[0].vertices.shape[0])
    upright = upright_samples(samples, identity, np.arange(len(samples[0].detected)))[::2]
    frontal = [u.detected - u.detected.mean(0) for u in upright if abs(u.yaw) < np.radians(8)]
    return mirror_landmarks(np.mean(frontal, 0))


def calibrate(samples: Sequence[Sample], model: HeadModel, yaws: np.ndarray, width: float, topology: str) -> LandmarkCalibration:
    """samples -> LandmarkCalibration with bins `yaws` [B] rad and Gaussian width (rad)."""
    landmark_twins = find_landmark_twins(samples)
    upright = upright_samples(samples, mirror_vertices(model.template), landmark_twins)
    detected = np.stack([u.detected for u in upright]).astype(np.float32)
    projected = np.stack([u.projected for u in upright]).astype(np.float32)
    sample_yaws, sin_pitch = np.array([u.yaw for u in upright]), np.sin([u.pitch for u in upright])
    search = _SurfaceSearch(model)
    bins = [
        _calibrate_bin(detected, projected, np.exp(-0.5 * ((sample_yaws - yaw) / width) ** 2), sin_pitch, search) for yaw in yaws
    ]
    points, bias, modes, covariance = zip(*bins, strict=True)
    return LandmarkCalibration(
        yaws, np.stack([p.indices for p in points]), np.stack([p.weights for p in points]),
        np.stack(bias), np.stack(modes), np.stack(covariance), topology,
    )  # fmt: skip


def _calibrate_bin(detected, projected, weights, sin_pitch, search) -> tuple[SurfacePoints, np.ndarray, np.ndarray, np.ndarray]:
    keep = weights > 0.05
    detected, projected, sin_pitch, weights = detected[keep], projected[keep], sin_pitch[keep], weights[keep]
    points = search.nearest(detected, projected, weights)
    error = detected - points.evaluate(projected)
    trusted = weights * _head_trust(error)
    design = np.stack([np.ones_like(sin_pitch), sin_pitch], 1)
    scaled = design * trusted[:, None]
    flat = error.reshape(len(error), -1)
    bias = np.linalg.solve(scaled.T @ design + np.diag([1e-6, 1.0]) * trusted.mean(), scaled.T @ flat)
    rest = flat - design @ bias
    num_landmarks = error.shape[1]
    root = np.sqrt(trusted / trusted.sum())
    _, singular, right = np.linalg.svd(root[:, None] * rest, full_matrices=False)
    count = min(NUM_MODES, len(singular) // 3)
    modes = np.zeros((NUM_MODES, 2 * num_landmarks))
    modes[:count] = singular[:count, None] * right[:count]
    left_over = (rest - rest @ right[:count].T @ right[:count]).reshape(error.shape)
    covariance = np.einsum("s,sna,snb->nab", trusted / trusted.sum(), left_over, left_over)
    effective = trusted.sum() ** 2 / (trusted**2).sum()
    covariance *= effective / max(effective - count - 2, 1)
    covariance += np.eye(2) * FLOOR_M**2
    return points, bias.reshape(2, num_landmarks, 2), modes.reshape(NUM_MODES, num_landmarks, 2), covariance


def _head_trust(error: np.ndarray) -> np.ndarray:
    """[S] 0 for heads on which the detector failed as a whole (median error above four times the usual), else 1."""
    size = np.median(np.linalg.norm(error, axis=2), axis=1)
    return (size < 4 * np.median(size)).astype(np.float64)


class _SurfaceSearch:
    """Nearest surface point by mean squared image distance; iris landmarks on their eyeball, all others on the outer skin."""

    def __init__(self, model: HeadModel):
        triangles = triangulate(model.faces)
        parts = np.repeat(model.face_parts, (model.faces[:, 3] >= 0) + 1)
        hidden = np.maximum.reduce([model.regions[name] for name in ("mouth_inside", "eye_socket", "nostrils")])
        names = model.part_names
        self.groups = {"skin": triangles[(parts == names.index("skin")) & (hidden[triangles].max(1) < 0.5)]}
        for name in IRIS:
            eye = triangles[parts == names.index(name)]
            depth = model.template[eye].mean(1)[:, 2]
            front = depth > depth.max() - 0.006
            self.groups[name] = eye[front]
        self.num_vertices = len(model.template)

    def nearest(self, detected: np.ndarray, projected: np.ndarray, weights: np.ndarray) -> SurfacePoints:
        """detected [S,N,2], projected [S,V,2], weights [S] -> points [N]."""
        num_landmarks = detected.shape[1]
        indices, barycentric = np.zeros((num_landmarks, 3), np.int64), np.zeros((num_landmarks, 3))
        group_of = np.full(num_landmarks, "skin", object)
        for name, irises in IRIS.items():
            group_of[list(irises)] = name
        for name, triangles in self.groups.items():
            which = np.flatnonzero(group_of == name)
            candidates = np.unique(triangles)
            root = np.sqrt(weights / weights.sum()).astype(np.float32)[:, None, None]
            P = (detected[:, which] * root).transpose(1, 0, 2).reshape(len(which), -1)
            Q = (projected[:, candidates] * root).transpose(1, 0, 2).reshape(len(candidates), -1)
            cost = (Q**2).sum(1)[None] - 2 * P @ Q.T
            best = candidates[cost.argmin(1)]
            for row, landmark in enumerate(which):
                around = triangles[(triangles == best[row]).any(1)]
                indices[landmark], barycentric[landmark] = _nearest_in_triangles(
                    P[row], Q, np.searchsorted(candidates, around), around
                )
        return SurfacePoints(indices, barycentric)


def _nearest_in_triangles(
    target: np.ndarray, Q: np.ndarray, rows: np.ndarray, triangles: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The barycentric point of the given triangles that minimises |b @ Q[rows] - target|^2 with b >= 0, sum b = 1."""
    best = (np.inf, triangles[0], np.array([1.0, 0, 0]))
    for corners, triangle in zip(rows, triangles, strict=True):
        A = Q[corners].astype(np.float64)
        for b in _simplex_candidates(A, target):
            cost = float(((b @ A - target) ** 2).sum())
            if cost < best[0]:
                best = (cost, triangle, b)
    return best[1], best[2]


def _simplex_candidates(A: np.ndarray, target: np.ndarray) -> list[np.ndarray]:
    """Minimisers over the triangle, its edges and corners that are feasible."""
    result = list(np.eye(3))
    e = np.stack([A[1] - A[0], A[2] - A[0]])
    b = np.linalg.lstsq(e @ e.T, e @ (target - A[0]), rcond=None)[0]
    full = np.array([1 - b.sum(), b[0], b[1]])
    if (full >= 0).all():
        return [full]
    for i, j in ((0, 1), (1, 2), (2, 0)):
        d = A[j] - A[i]
        s = float(np.clip(d @ (target - A[i]) / max(d @ d, 1e-12), 0, 1))
        edge = np.zeros(3)
        edge[i], edge[j] = 1 - s, s
        result.append(edge)
    return result
