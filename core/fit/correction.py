"""Corrected by hand: points of the face pulled to where they lie in the photo, and the head that agrees with them.

What the photo told is kept as a Gaussian around the fit: its precision is that of the calibrated landmarks and the priors at the
fit (Laplace's approximation), so what no pin touches moves as little as it should, and the order of pulls does not matter. A
pin is a further, much surer measurement of one surface point. A few Gauss-Newton steps: NumPy only, tens of milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from ..head.model import HeadModel, rotation_matrices
from ..types import Camera, HeadCode
from .geometry import FIXED_UNITS, NEAREST_M, FitSettings, cross_matrices, expression_precision
from .measurement import FaceFrame, LandmarkCalibration, face_frame
from .points import PointModel, restrict
from .solver import solve_bounded

HANDLES = {
    "forehead": (10,),
    "right temple": (127,), "left temple": (356,),
    "right jaw": (93, 58, 172, 136, 149), "chin": (152,), "left jaw": (323, 288, 397, 365, 378),
    "right brow": (70, 105, 107), "left brow": (300, 334, 336),
    "nose bridge": (168, 197), "nose tip": (4,), "nose base": (2,), "right nostril": (98,), "left nostril": (327,),
    "right eye corner": (33, 133), "left eye corner": (362, 263),
    "right lid": (159, 145), "left lid": (386, 374),
    "right pupil": (468,), "left pupil": (473,),
    "right mouth corner": (61,), "left mouth corner": (291,), "upper lip": (0, 13), "lower lip": (14, 17),
}  # fmt: skip
"""What a person can point at -> landmarks of the attention mesh (sides are the subject's)."""
HANDLE_POINTS = np.array([point for points in HANDLES.values() for point in points])
PIN_MM, PIN_PX = 0.1, 0.1
"""A pin's standard deviation: the larger of the two."""
STEPS = 6
FOCAL = 6
"""The lens stays: depth and focal length in the place of shape would explain a pull, and nobody means that."""
CONVERGED_PX = 0.05
SETTINGS = FitSettings()


@dataclass(frozen=True)
class CorrectedHead:
    """code, camera; points_px [N, 2]: where the calibration's surface points lie now."""

    code: HeadCode
    camera: Camera
    points_px: np.ndarray


class Correction:
    """One fitted head whose points can be pulled. Unknowns: rotation 3, translation 3, log focal 1, identity K, expression E, all
    as changes since the fit."""

    def __init__(self, model: HeadModel, calibration: LandmarkCalibration, code: HeadCode, camera: Camera) -> None:
        self._model, self._code, self._camera = model, code, camera
        self._points: PointModel = restrict(model, calibration.points)
        self._is_open = np.concatenate([np.ones(7 + model.num_identity, bool), ~np.isin(model.expression_names, FIXED_UNITS)])
        self._is_open[FOCAL] = False
        with threadpool_limits(1, "blas"):
            self._precision = self._fit_precision(calibration)

    def locate(self) -> np.ndarray:
        """[N, 2] px: the surface points at the fit."""
        return self._project(np.zeros(len(self._is_open)))[0]

    def solve(self, pins: Mapping[int, np.ndarray]) -> CorrectedHead:
        """pins: index of a calibration point -> where it lies in the photo [2], px."""
        change = np.zeros(len(self._is_open))
        at = np.array(list(pins), int)
        target = np.array(list(pins.values()), float).reshape(-1, 2)
        with threadpool_limits(1, "blas"):
            for _ in range(STEPS if len(at) else 0):
                step = self._step(change, at, target)
                before = self._project(change)[0]
                change = change + step
                if np.abs(self._project(change)[0] - before).max() < CONVERGED_PX:
                    break
        code, camera = self._head(change)
        return CorrectedHead(code, camera, self._project(change)[0])

    def _step(self, change: np.ndarray, at: np.ndarray, target: np.ndarray) -> np.ndarray:
        pixels, J = self._linearise(change)
        weight = self._pin_px() ** -2
        rows = J[at].reshape(-1, len(change))
        H = self._precision + weight * rows.T @ rows
        g = self._precision @ change + weight * rows.T @ (pixels[at] - target).ravel()
        lower, upper = np.full(len(g), -np.inf), np.full(len(g), np.inf)
        units = slice(7 + self._model.num_identity, None)
        expression = self._code.expression + change[units]
        lower[units], upper[units] = np.minimum(-expression, 0), np.maximum(1 - expression, 0)
        is_open, step = self._is_open, np.zeros(len(g))
        step[is_open] = solve_bounded(H[np.ix_(is_open, is_open)], g[is_open], lower[is_open], upper[is_open])
        return step

    def _fit_precision(self, calibration: LandmarkCalibration) -> np.ndarray:
        """[P, P]: how sure the fit is, from the calibrated landmarks, whose common errors (modes) are free, and the priors."""
        K = self._model.num_identity
        _, J = self._linearise(np.zeros(len(self._is_open)))
        frame = self._frame()
        measurement = calibration.at(frame.yaw, frame.pitch)
        whiten = np.linalg.inv(np.linalg.cholesky(SETTINGS.noise_scale**2 * measurement.covariance))
        rows = np.matmul(whiten @ np.linalg.inv(frame.px_from_m), J).reshape(-1, J.shape[2])
        modes = np.matmul(whiten, measurement.modes.transpose(1, 2, 0)).reshape(len(rows), -1)
        across = modes.T @ rows
        explained = np.linalg.solve(modes.T @ modes + np.eye(modes.shape[1]), across)
        precision: np.ndarray = rows.T @ rows - across.T @ explained
        precision[FOCAL, FOCAL] += SETTINGS.focal_sigma**-2
        precision[7 : 7 + K, 7 : 7 + K] += np.eye(K) * SETTINGS.identity_sigma**-2
        precision[7 + K :, 7 + K :] += expression_precision(self._model.expression_names, SETTINGS)
        return precision

    def _frame(self) -> FaceFrame:
        camera = self._camera
        return face_frame(camera.R, camera.K[0, 0], (self._points.template @ camera.R.T + camera.t)[:, 2].mean())

    def _pin_px(self) -> float:
        px_per_m = np.sqrt(abs(np.linalg.det(self._frame().px_from_m)))
        return max(PIN_MM * 1e-3 * px_per_m, PIN_PX)

    def _head(self, change: np.ndarray) -> tuple[HeadCode, Camera]:
        K = self._model.num_identity
        camera, code = self._camera, self._code
        intrinsics = camera.K.copy()
        intrinsics[[0, 1], [0, 1]] *= np.exp(change[6])
        moved = replace(camera, K=intrinsics, R=rotation_matrices(change[:3]) @ camera.R, t=camera.t + change[3:6])
        expression = np.clip(code.expression + change[7 + K :], np.minimum(code.expression, 0), np.maximum(code.expression, 1))
        return replace(code, identity=code.identity + change[7 : 7 + K], expression=expression), moved

    def _project(self, change: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """-> pixels [N, 2], camera points [N, 3] m."""
        code, camera = self._head(change)
        points = self._points.evaluate(code.identity, code.expression, code.pose) @ camera.R.T + camera.t
        depth = np.maximum(points[:, 2:], NEAREST_M)
        return points[:, :2] / depth * camera.K[[0, 1], [0, 1]] + camera.K[:2, 2], points

    def _linearise(self, change: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """-> pixels [N, 2], Jacobian [N, 2, P]."""
        code, camera = self._head(change)
        pixels, points = self._project(change)
        slopes = self._points.jacobian(code.identity, code.expression, code.pose)[1].transpose(0, 2, 1)
        depth = np.maximum(points[:, 2:], NEAREST_M)
        focal, central = camera.K[[0, 1], [0, 1]], pixels - camera.K[:2, 2]
        by_camera = np.zeros((len(points), 2, 3))
        by_camera[:, [0, 1], [0, 1]] = focal / depth
        by_camera[:, :, 2] = -central / depth
        by_rotation = -np.einsum("nab,nbc->nac", by_camera, cross_matrices(points - camera.t))
        J = np.concatenate([by_rotation, by_camera, central[:, :, None], np.matmul(by_camera @ camera.R, slopes)], 2)
        return pixels, J
