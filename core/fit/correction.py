"""Corrected by hand: points of the face pulled to where they lie in the photo, and the head that agrees with them.

What the photo told is kept as a Gaussian around the fit: its precision is that of the calibrated landmarks and the priors at the
fit (Laplace's approximation), so what no pin touches moves as little as it should, and the order of pulls does not matter. A
pin is a further, much surer measurement of one surface point. A few Gauss-Newton steps: NumPy only, tens of milliseconds.

Rule of this file: all pins are solved together and always from the head as it was fitted, never from a corrected one; so the same
pins give the same head in one sitting or in several, and a pin that is let go leaves nothing behind. Further photos of the person
say with their own Gaussians how far the identity may move, and follow it when it has moved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
STEPS = 10
SHARES = 0.5 ** np.arange(6)
FOCAL = 6
"""The lens stays: depth and focal length in the place of shape would explain a pull, and nobody means that."""
CONVERGED_PX = 0.05
SETTINGS = FitSettings()
SURE_TURN_RAD, SURE_IDENTITY = np.radians(0.5), 0.5
"""What shading and outline told beside the landmarks, as deviations of the head's direction and of each identity coefficient:
else a pulled mouth corner would turn the head by ten degrees. On rendered heads with all points pulled to their true places the
error left is .60 of the fit's instead of .67."""


@dataclass(frozen=True)
class CorrectedHead:
    """code, camera; points_px [N, 2]: where the calibration's surface points lie now."""

    code: HeadCode
    camera: Camera
    points_px: np.ndarray


class FittedView:
    """One photo's fit and what moves in it. Unknowns: rotation 3, translation 3, log focal 1, identity K, expression E, all as
    changes since the fit."""

    def __init__(self, model: HeadModel, points: PointModel, code: HeadCode, camera: Camera) -> None:
        self.code, self.camera, self._model, self._points = code, camera, model, points
        self.identity = slice(7, 7 + model.num_identity)
        self.units = slice(7 + model.num_identity, None)
        self.is_open = np.concatenate([np.ones(7 + model.num_identity, bool), ~np.isin(model.expression_names, FIXED_UNITS)])
        self.is_open[FOCAL] = False

    def precision(self, calibration: LandmarkCalibration) -> np.ndarray:
        """[P, P]: how sure the fit is, from the calibrated landmarks, whose common errors (modes) are free, and the priors of
        camera and expression; the identity's, which photos of a person share, is left out."""
        _, J = self.linearise(np.zeros(len(self.is_open)))
        frame = self.frame()
        measurement = calibration.at(frame.yaw, frame.pitch)
        whiten = np.linalg.inv(np.linalg.cholesky(SETTINGS.noise_scale**2 * measurement.covariance))
        rows = np.matmul(whiten @ np.linalg.inv(frame.px_from_m), J).reshape(-1, J.shape[2])
        modes = np.matmul(whiten, measurement.modes.transpose(1, 2, 0)).reshape(len(rows), -1)
        across = modes.T @ rows
        explained = np.linalg.solve(modes.T @ modes + np.eye(modes.shape[1]), across)
        precision: np.ndarray = rows.T @ rows - across.T @ explained
        precision[:3, :3] += np.eye(3) * SURE_TURN_RAD**-2
        precision[FOCAL, FOCAL] += SETTINGS.focal_sigma**-2
        precision[self.units, self.units] += expression_precision(self._model.expression_names, SETTINGS)
        return precision

    def identity_precision(self, calibration: LandmarkCalibration) -> np.ndarray:
        """[K, K]: what this photo says of the identity, whatever its own camera and expression are (Schur's complement)."""
        precision, own = self.precision(calibration), self._own()
        across = precision[own, self.identity]
        return precision[self.identity, self.identity] - across.T @ np.linalg.solve(precision[np.ix_(own, own)], across)

    def follow(self, identity: np.ndarray, calibration: LandmarkCalibration) -> tuple[HeadCode, Camera]:
        """This photo's expression and camera once the identity is another, such that what it showed stays where it lay."""
        change, own = np.zeros(len(self.is_open)), self._own()
        change[self.identity] = identity - self.code.identity
        precision = self.precision(calibration)
        lower, upper = self.bounds(change)
        gradient = precision[own] @ change
        change[own] = solve_bounded(precision[np.ix_(own, own)], gradient, lower[own], upper[own], is_exact=True)
        return self.head(change)

    def bounds(self, change: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Least and greatest step [P] from `change` that keeps the expression's weights in their range."""
        lower, upper = np.full(len(change), -np.inf), np.full(len(change), np.inf)
        expression = self.code.expression + change[self.units]
        lower[self.units], upper[self.units] = np.minimum(-expression, 0), np.maximum(1 - expression, 0)
        return lower, upper

    def frame(self) -> FaceFrame:
        camera = self.camera
        return face_frame(camera.R, camera.K[0, 0], (self._points.template @ camera.R.T + camera.t)[:, 2].mean())

    def head(self, change: np.ndarray) -> tuple[HeadCode, Camera]:
        camera, code = self.camera, self.code
        intrinsics = camera.K.copy()
        intrinsics[[0, 1], [0, 1]] *= np.exp(change[6])
        moved = replace(camera, K=intrinsics, R=rotation_matrices(change[:3]) @ camera.R, t=camera.t + change[3:6])
        expression = np.clip(code.expression + change[self.units], np.minimum(code.expression, 0), np.maximum(code.expression, 1))
        return replace(code, identity=code.identity + change[self.identity], expression=expression), moved

    def project(self, change: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """-> pixels [N, 2], camera points [N, 3] m."""
        return self.place(*self.head(change))

    def place(self, code: HeadCode, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
        """The surface points of any head in any camera: pixels [N, 2], camera points [N, 3] m."""
        points = self._points.evaluate(code.identity, code.expression, code.pose) @ camera.R.T + camera.t
        depth = np.maximum(points[:, 2:], NEAREST_M)
        return points[:, :2] / depth * camera.K[[0, 1], [0, 1]] + camera.K[:2, 2], points

    def linearise(self, change: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """-> pixels [N, 2], Jacobian [N, 2, P]."""
        code, camera = self.head(change)
        pixels, points = self.place(code, camera)
        slopes = self._points.jacobian(code.identity, code.expression, code.pose)[1].transpose(0, 2, 1)
        depth = np.maximum(points[:, 2:], NEAREST_M)
        focal, central = camera.K[[0, 1], [0, 1]], pixels - camera.K[:2, 2]
        by_camera = np.zeros((len(points), 2, 3))
        by_camera[:, [0, 1], [0, 1]] = focal / depth
        by_camera[:, :, 2] = -central / depth
        by_rotation = -np.einsum("nab,nbc->nac", by_camera, cross_matrices(points - camera.t))
        J = np.concatenate([by_rotation, by_camera, central[:, :, None], np.matmul(by_camera @ camera.R, slopes)], 2)
        return pixels, J

    def _own(self) -> np.ndarray:
        """Indices of the open unknowns beside the identity."""
        is_own = self.is_open.copy()
        is_own[self.identity] = False
        return np.flatnonzero(is_own)


class Correction:
    """One fitted head whose points can be pulled in its photo.

    code, camera: the fit; further: code and camera of every further photo; beside [V, 3] m: what the mesh has beside the model's
    shape (sculpting, what locks keep).
    """

    def __init__(
        self, model: HeadModel, calibration: LandmarkCalibration, code: HeadCode, camera: Camera,
        further: Sequence[tuple[HeadCode, Camera]] = (), beside: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        points = restrict(model, calibration.points)
        if beside is not None:
            points = replace(points, template=points.template + calibration.points.evaluate(beside))
        self.code, self.camera = code, camera
        self._view = view = FittedView(model, points, code, camera)
        with threadpool_limits(1, "blas"):
            self._precision = view.precision(calibration)
            self._precision[view.identity, view.identity] += np.eye(model.num_identity) * SURE_IDENTITY**-2
            for other in further:
                self._precision[view.identity, view.identity] += FittedView(model, points, *other).identity_precision(calibration)

    def locate(self) -> np.ndarray:
        """[N, 2] px: the surface points at the fit."""
        return self._view.place(self.code, self.camera)[0]

    def place(self, code: HeadCode, camera: Camera) -> CorrectedHead:
        """Any head in any camera with its surface points."""
        return CorrectedHead(code, camera, self._view.place(code, camera)[0])

    def solve(self, pins: Mapping[int, np.ndarray]) -> CorrectedHead:
        """pins: index of a calibration point -> where it lies in the photo [2], px. Without any it is the fit."""
        change = np.zeros(len(self._view.is_open))
        at = np.array(sorted(pins), int)
        target = np.array([pins[point] for point in sorted(pins)], float).reshape(-1, 2)
        with threadpool_limits(1, "blas"):
            for _ in range(STEPS if len(at) else 0):
                moved = self._descend(change, self._step(change, at, target), at, target)
                path_px = np.abs(self._view.project(moved)[0] - self._view.project(change)[0]).max()
                change = moved
                if path_px < CONVERGED_PX:
                    break
        return self.place(*self._view.head(change))

    def _descend(self, change: np.ndarray, step: np.ndarray, at: np.ndarray, target: np.ndarray) -> np.ndarray:
        """As far along the step as it leads down: a face does not turn and open as straight as its tangent."""
        cost = self._cost(change, at, target)
        for share in SHARES:
            moved: np.ndarray = change + share * step
            if self._cost(moved, at, target) < cost:
                return moved
        return change

    def _cost(self, change: np.ndarray, at: np.ndarray, target: np.ndarray) -> float:
        off_px = self._view.project(change)[0][at] - target
        return float(change @ self._precision @ change + (off_px**2).sum() / self._pin_px() ** 2)

    def _step(self, change: np.ndarray, at: np.ndarray, target: np.ndarray) -> np.ndarray:
        pixels, J = self._view.linearise(change)
        weight = self._pin_px() ** -2
        rows = J[at].reshape(-1, len(change))
        H = self._precision + weight * rows.T @ rows
        g = self._precision @ change + weight * rows.T @ (pixels[at] - target).ravel()
        lower, upper = self._view.bounds(change)
        is_open, step = self._view.is_open, np.zeros(len(g))
        step[is_open] = solve_bounded(H[np.ix_(is_open, is_open)], g[is_open], lower[is_open], upper[is_open], is_exact=True)
        return step

    def _pin_px(self) -> float:
        px_per_m = np.sqrt(abs(np.linalg.det(self._view.frame().px_from_m)))
        return max(PIN_MM * 1e-3 * px_per_m, PIN_PX)


def follow_identity(
    model: HeadModel, calibration: LandmarkCalibration, fits: Sequence[tuple[HeadCode, Camera]], identity: np.ndarray
) -> list[tuple[HeadCode, Camera]]:
    """Photos' fits (code, camera) -> those for another identity [K]: each photo's face stays where it lay."""
    points = restrict(model, calibration.points)
    with threadpool_limits(1, "blas"):
        return [FittedView(model, points, *fit).follow(identity, calibration) for fit in fits]
