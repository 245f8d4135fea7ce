"""From landmarks on heads of known shape to the measurement model: where each lies on the surface, how it errs.

embed_landmarks: the surface point whose projection is nearest to a landmark in the mean square over nearly frontal heads. Over
vertices that is one matrix product of moments; inside the best vertex's triangles it is a small constrained quadratic.
calibrate, per yaw bin: bias, what the error is on average, linear in sin(pitch); modes, the leading principal components of the
rest, correlated errors; covariance [2,2] per landmark of what remains. Samples are weighted by a Gaussian in yaw around the
bin. Every head counts twice, as itself and mirrored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..fit.measurement import FaceFrame, LandmarkCalibration, face_frame
from ..head.model import HeadModel, SurfacePoints, triangulate
from ..photo.mirror import MIRRORED
from ..types import Camera

IRIS = {"right_eye": range(468, 473), "left_eye": range(473, 478)}
NUM_MODES = 40
FLOOR_M = 1.5e-4
FLIP = np.array([-1.0, 1.0])


@dataclass(frozen=True)
class Sample:
    """One rendered head: detected [N,2] px, vertices [V,3] m posed in model space, camera."""

    detected: np.ndarray
    vertices: np.ndarray
    camera: Camera

    def project(self, points_m: np.ndarray) -> np.ndarray:
        """points_m [N,3] in model space -> [N,2] px."""
        pixels = (points_m @ self.camera.R.T + self.camera.t) @ self.camera.K.T
        return pixels[:, :2] / pixels[:, 2:]

    @property
    def frame(self) -> FaceFrame:
        """The upright face frame at the head's mean depth."""
        depth = (self.vertices @ self.camera.R[2] + self.camera.t[2]).mean()
        return face_frame(self.camera.R, self.camera.K[0, 0], depth)


def mirror_vertices(template: np.ndarray) -> np.ndarray:
    """[V] index of each vertex's mirror twin across x = 0 (the nearest one)."""
    from scipy.spatial import cKDTree

    return cKDTree(template).query(template * [-1, 1, 1])[1]


def embed_landmarks(samples: Sequence[Sample], model: HeadModel, width: float) -> SurfacePoints:
    """The surface points that the landmarks mark when a head looks ahead; samples weighted by a Gaussian in yaw, `width` rad."""
    twins = mirror_vertices(model.template)
    detected, projected, weights = [], [], []
    for sample in samples:
        frame = sample.frame
        weight = np.exp(-0.5 * (frame.yaw / width) ** 2)
        if weight < 0.05:
            continue
        to_frame = np.linalg.inv(frame.px_from_m).T
        origin = sample.project(np.zeros((1, 3)))
        found, true = (sample.detected - origin) @ to_frame, (sample.project(sample.vertices) - origin) @ to_frame
        detected += [found, found[MIRRORED] * FLIP]
        projected += [true, true[twins] * FLIP]
        weights += [weight, weight]
    return _SurfaceSearch(model).nearest(np.array(detected, np.float32), np.array(projected, np.float32), np.array(weights))


def calibrate(
    samples: Sequence[Sample], points: SurfacePoints, yaws: np.ndarray, width: float, topology: str
) -> LandmarkCalibration:
    """Landmarks that should lie at the surface `points` -> how they err, in bins `yaws` [B] rad of Gaussian `width` rad."""
    error, sample_yaws, sin_pitch = [], [], []
    for sample in samples:
        frame = sample.frame
        off = (sample.detected - sample.project(points.evaluate(sample.vertices))) @ np.linalg.inv(frame.px_from_m).T
        error += [off, off[MIRRORED] * FLIP]
        sample_yaws += [frame.yaw, -frame.yaw]
        sin_pitch += [np.sin(frame.pitch)] * 2
    errors, turns, tilts = np.array(error), np.array(sample_yaws), np.array(sin_pitch)
    bins = [_calibrate_bin(errors, np.exp(-0.5 * ((turns - yaw) / width) ** 2), tilts) for yaw in yaws]
    bias, modes, covariance = zip(*bins, strict=True)
    return LandmarkCalibration(points, yaws, np.stack(bias), np.stack(modes), np.stack(covariance), topology)


def _calibrate_bin(error: np.ndarray, weights: np.ndarray, sin_pitch: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    keep = weights > 0.05
    error, sin_pitch, weights = error[keep], sin_pitch[keep], weights[keep]
    trusted = weights * _head_trust(error)
    design = np.stack([np.ones_like(sin_pitch), sin_pitch], 1)
    scaled = design * trusted[:, None]
    flat = error.reshape(len(error), -1)
    bias = np.linalg.solve(scaled.T @ design + np.diag([1e-6, 1.0]) * trusted.mean(), scaled.T @ flat)
    rest: np.ndarray = flat - design @ bias
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
    return bias.reshape(2, num_landmarks, 2), modes.reshape(NUM_MODES, num_landmarks, 2), covariance


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
