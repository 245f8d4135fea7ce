"""Pose, focal length, identity and expression from landmarks: robust Gauss-Newton with the calibrated measurement model.

The unknowns are (rotation 3, translation 3, log focal 1, identity K, expression E, detector modes R). Priors: identity N(0, I);
expression a half-normal inside [0, 1] with left and right coupled; log focal around the EXIF value or a portrait lens; modes
N(0, I). Schedule: closed-form pose, then SCHEDULE. The photometric stage of the issue "Likeness"
continues from this result (core/pipeline.py calls it after fit_landmarks).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from ..head.model import HeadModel, rotation_matrices
from ..types import Camera, HeadCode
from .measurement import FaceFrame, LandmarkCalibration, Measurement, face_frame
from .points import PointModel, restrict
from .solver import solve_bounded

FIXED_UNITS = ("tongueOut", "cheekPuff", "jawForward", "mouthClose")
"""Units that 478 surface points in one view can't tell from identity; left at rest."""


@dataclass(frozen=True)
class Stage:
    """A part of the schedule: what is open beside camera and modes, how many times wider the noise is taken, iterations."""

    use_identity: bool
    use_expression: bool
    softness: float
    iterations: int


SCHEDULE = (Stage(False, False, 6.0, 6), Stage(False, True, 3.0, 4), Stage(True, True, 2.0, 4), Stage(True, True, 1.0, 12))
"""Pose first, then expression, then identity; the data's weight rises (RASTER.md: a naive order finds wrong minima)."""
NEAREST_M = 0.05
"""No point of a head is nearer to the camera than this, whatever a step tries."""
FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-4, 1e-7, 1e3
CONVERGED = 1e-5
"""Relative fall of the cost below which a stage ends."""


@dataclass(frozen=True)
class FitSettings:
    """Strengths, chosen on rendered heads of our own (never on the benchmark): noise 1, 2, 3 gave 78, 77, 77 % of the mean
    head's error on 79 held-out ones, and photos are harder than renders.

    noise_scale multiplies the calibrated standard deviations; identity_sigma the prior's; expression_sigma is the half-normal's
    width; asymmetry_sigma of left against right units; focal_sigma of log focal without EXIF, exif_sigma with it;
    degrees: of the Student t that tames outliers; portrait_lens: focal length over the longer image side.
    """

    noise_scale: float = 3.0
    identity_sigma: float = 1.0
    expression_sigma: float = 0.25
    asymmetry_sigma: float = 0.12
    focal_sigma: float = 0.3
    exif_sigma: float = 0.03
    degrees: float = 5.0
    portrait_lens: float = 1.4
    num_identity: int | None = None


@dataclass(frozen=True)
class FitStart:
    """What is believed of a head before it is fitted: identity [K], the prior's middle, and identity_sigma, how sure of it (in
    the prior's own deviations); expression [E] in [0, 1], R [3, 3] and t [3] m (for a principal point in the photo's middle),
    where the fit starts if the landmarks agree."""

    identity: np.ndarray
    identity_sigma: float
    expression: np.ndarray
    R: np.ndarray
    t: np.ndarray


@dataclass(frozen=True)
class LandmarkFit:
    """code, camera; residual_px [N] of each landmark; trust [N] its final robust weight in [0, 1]; spread [K]: posterior standard
    deviation of each identity coefficient (1 = nothing learnt)."""

    code: HeadCode
    camera: Camera
    residual_px: np.ndarray
    trust: np.ndarray
    spread: np.ndarray


@dataclass
class HeadState:
    """R [3, 3], t [3] m, log of the focal length in px; identity, expression, modes: coefficients."""

    R: np.ndarray
    t: np.ndarray
    log_focal: float
    identity: np.ndarray
    expression: np.ndarray
    modes: np.ndarray


def fit_landmarks(
    points_px: np.ndarray,
    size: tuple[int, int],
    focal_px: float | None,
    model: HeadModel,
    calibration: LandmarkCalibration,
    settings: FitSettings = FitSettings(),
) -> LandmarkFit:
    """points_px [478,2], dense landmarks in an image of size (width, height) -> the head and camera that explain them best."""
    problem = LandmarkProblem(points_px, size, focal_px, model, calibration, settings)
    with threadpool_limits(1, "blas"):  # the matrices are small: more threads only wait for each other
        state = problem.initial_state()
        for stage in SCHEDULE:
            state = problem.solve(state, stage)
        return problem.result(state)


def closed_form_pose(
    points_px: np.ndarray, points_m: np.ndarray, center_px: np.ndarray, focal_px: float
) -> tuple[np.ndarray, np.ndarray]:
    """Scaled-orthographic pose from correspondences [N,2], [N,3] -> R [3,3], t [3]."""
    middle = points_m.mean(0)
    affine = np.linalg.lstsq(points_m - middle, points_px - points_px.mean(0), rcond=None)[0].T
    U, S, Vt = np.linalg.svd(affine, full_matrices=False)
    rows = U @ Vt
    R = np.vstack([rows, np.cross(rows[0], rows[1])])
    depth = focal_px / S.mean()
    offset = (points_px.mean(0) - center_px) * depth / focal_px
    return R, np.array([*offset, depth]) - R @ middle


class LandmarkProblem:
    """One photo's least-squares problem; the measurement model is refreshed when the head's direction moves a bin.

    share: of the identity's prior, when several photos of a person share it. start: what is believed of the head beforehand.
    """

    def __init__(
        self,
        points_px: np.ndarray,
        size: tuple[int, int],
        focal_px: float | None,
        model: HeadModel,
        calibration: LandmarkCalibration,
        settings: FitSettings,
        share: float = 1.0,
        start: FitStart | None = None,
    ) -> None:
        self.points_px, self.size, self.settings, self.start = points_px, size, settings, start
        self.identity_precision = share * (settings.identity_sigma * (start.identity_sigma if start else 1.0)) ** -2
        self.model, self.calibration = model, calibration
        self.center = np.array(size) / 2
        self.prior_log_focal = np.log(focal_px or settings.portrait_lens * max(size))
        self.focal_sigma = settings.exif_sigma if focal_px else settings.focal_sigma
        self.num_identity = min(settings.num_identity or model.num_identity, model.num_identity)
        self.prior_identity = np.zeros(self.num_identity) if start is None else start.identity[: self.num_identity]
        self.expression_precision = expression_precision(model.expression_names, settings)
        self.is_fixed = np.array([name in FIXED_UNITS for name in model.expression_names])
        self.points: PointModel = restrict(model, calibration.points)
        self.direction: tuple[float, float] | None = None

    def initial_state(self) -> HeadState:
        self.refresh(0.0, 0.0)
        focal = np.exp(self.prior_log_focal)
        R, t = closed_form_pose(self.points_px, self.points.template, self.center, focal)
        neutral, modes = np.zeros(self.model.num_expression), np.zeros(len(self.measurement.modes))
        state = HeadState(R, t, self.prior_log_focal, self.prior_identity.copy(), neutral, modes)
        return state if self.start is None else self._believed_state(state, self.start)

    def _believed_state(self, plain: HeadState, start: FitStart) -> HeadState:
        """What explains most: the plain state, or the believed expression by its own camera or as the landmarks have it."""
        told = replace(plain, expression=start.expression.copy(), R=start.R, t=start.t)
        points = self.points.evaluate(self.full_identity(told), told.expression, np.zeros(15))
        R, t = closed_form_pose(self.points_px, points, self.center, np.exp(plain.log_focal))
        candidates = (plain, told, replace(told, R=R, t=t))
        return min(candidates, key=lambda state: self.cost(state, SCHEDULE[0].softness))

    def refresh(self, yaw: float, pitch: float) -> None:
        if self.direction is None or max(abs(yaw - self.direction[0]), abs(pitch - self.direction[1])) > np.radians(1.0):
            self.direction = (yaw, pitch)
            self.measurement: Measurement = self.calibration.at(yaw, pitch)
            noise = self.settings.noise_scale**2 * self.measurement.covariance
            self.whiten = np.linalg.inv(np.linalg.cholesky(noise))

    def full_identity(self, state: HeadState) -> np.ndarray:
        return np.pad(state.identity, (0, self.model.num_identity - self.num_identity))

    def _residual(
        self, state: HeadState, points: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """-> residual [N,2] whitened; residual_px [N,2]; camera points [N,3] m; whitening of pixels [N,2,2]."""
        if points is None:
            points = self.points.evaluate(self.full_identity(state), state.expression, np.zeros(15))
        camera_points = points @ state.R.T + state.t
        focal = np.exp(state.log_focal)
        depth = np.maximum(camera_points[:, 2:], NEAREST_M)
        frame = face_frame(state.R, focal, depth.mean())
        offsets = self.measurement.bias + np.tensordot(state.modes, self.measurement.modes, 1)
        predicted = focal * camera_points[:, :2] / depth + self.center + offsets @ frame.px_from_m.T
        whiten = self.whiten @ np.linalg.inv(frame.px_from_m)
        residual_px = predicted - self.points_px
        return np.einsum("nab,nb->na", whiten, residual_px), residual_px, camera_points, whiten

    def _linearise(self, state: HeadState) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """-> residual [N,2] whitened, Jacobian [N,2,P] whitened, residual_px [N,2]."""
        points, slopes = self.points.jacobian(self.full_identity(state), state.expression, np.zeros(15))
        residual, residual_px, camera_points, whiten = self._residual(state, points)
        focal = np.exp(state.log_focal)
        depth = np.maximum(camera_points[:, 2:], NEAREST_M)
        central = focal * camera_points[:, :2] / depth
        by_camera = np.zeros((len(points), 2, 3))
        by_camera[:, 0, 0] = by_camera[:, 1, 1] = focal / depth[:, 0]
        by_camera[:, :, 2] = -central / depth
        by_rotation = -np.einsum("nab,nbc->nac", by_camera, cross_matrices(camera_points - state.t))
        shape = slopes.transpose(0, 2, 1)
        if self.num_identity < self.model.num_identity:
            shape = np.delete(shape, np.s_[self.num_identity : self.model.num_identity], 2)
        frame = face_frame(state.R, focal, depth.mean())
        by_modes = (self.measurement.modes @ frame.px_from_m.T).transpose(1, 2, 0)
        J = np.concatenate([by_rotation, by_camera, central[:, :, None], np.matmul(by_camera @ state.R, shape), by_modes], 2)
        return residual, np.matmul(whiten, J), residual_px

    def normal_equations(self, state: HeadState, softness: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        residual, J, residual_px = self._linearise(state)
        residual, J = residual / softness, J / softness
        degrees = self.settings.degrees
        trust = (degrees + 2) / (degrees + (residual**2).sum(1))
        flat = J.reshape(-1, J.shape[2])
        weighted = (J * trust[:, None, None]).reshape(flat.shape)
        H, g = weighted.T @ flat, weighted.T @ residual.ravel()
        K, E = self.num_identity, self.model.num_expression
        i, e, z = slice(7, 7 + K), slice(7 + K, 7 + K + E), slice(7 + K + E, None)
        H[6, 6] += self.focal_sigma**-2
        g[6] += (state.log_focal - self.prior_log_focal) * self.focal_sigma**-2
        H[i, i] += np.eye(K) * self.identity_precision
        g[i] += (state.identity - self.prior_identity) * self.identity_precision
        H[e, e] += self.expression_precision
        g[e] += self.expression_precision @ state.expression
        H[z, z] += np.eye(len(state.modes))
        g[z] += state.modes
        return H, g, np.minimum(trust, 1), residual_px

    def cost(self, state: HeadState, softness: float) -> float:
        """What the normal equations descend: Student's t on the residuals, Gaussian priors."""
        squared = (self._residual(state)[0] ** 2).sum(1) / softness**2
        degrees = self.settings.degrees
        return float(
            0.5 * (degrees + 2) * np.log1p(squared / degrees).sum()
            + 0.5 * ((state.log_focal - self.prior_log_focal) / self.focal_sigma) ** 2
            + 0.5 * self.identity_precision * ((state.identity - self.prior_identity) ** 2).sum()
            + 0.5 * state.expression @ self.expression_precision @ state.expression
            + 0.5 * (state.modes**2).sum()
        )

    def solve(self, state: HeadState, stage: Stage) -> HeadState:
        """Levenberg-Marquardt on one stage; the measurement follows the head's direction between iterations."""
        K, E = self.num_identity, self.model.num_expression
        damping = FIRST_DAMPING
        for _ in range(stage.iterations):
            direction = face_frame(state.R, 1.0, 1.0)
            self.refresh(direction.yaw, direction.pitch)
            H, g, _, _ = self.normal_equations(state, stage.softness)
            cost = self.cost(state, stage.softness)
            is_open = np.ones(len(g), bool)
            is_open[7 : 7 + K] = stage.use_identity
            is_open[7 + K : 7 + K + E] = ~self.is_fixed & stage.use_expression
            lower, upper = np.full(len(g), -np.inf), np.full(len(g), np.inf)
            lower[7 + K : 7 + K + E], upper[7 + K : 7 + K + E] = -state.expression, 1 - state.expression
            while True:
                step = np.zeros(len(g))
                damped = H + np.diag(damping * np.diag(H))
                step[is_open] = solve_bounded(damped[np.ix_(is_open, is_open)], g[is_open], lower[is_open], upper[is_open])
                candidate = self.move(state, step)
                new_cost = self.cost(candidate, stage.softness)
                if new_cost < cost or damping >= MOST_DAMPING:
                    break
                damping *= 10
            if not new_cost < cost:
                break
            state, damping = candidate, max(damping / 5, LEAST_DAMPING)
            if cost - new_cost < CONVERGED * cost:
                break
        return state

    def move(self, state: HeadState, step: np.ndarray) -> HeadState:
        K, E = self.num_identity, self.model.num_expression
        return HeadState(
            rotation_matrices(step[:3]) @ state.R,
            state.t + step[3:6],
            state.log_focal + float(np.clip(step[6], -0.3, 0.3)),
            state.identity + step[7 : 7 + K],
            np.clip(state.expression + step[7 + K : 7 + K + E], 0, 1),
            state.modes + step[7 + K + E :],
        )

    def camera(self, state: HeadState) -> Camera:
        focal = float(np.exp(state.log_focal))
        K = np.array([[focal, 0, self.center[0]], [0, focal, self.center[1]], [0, 0, 1]])
        return Camera(K, state.R, state.t, self.size)

    def code(self, state: HeadState) -> HeadCode:
        return HeadCode(self.full_identity(state), state.expression, np.zeros(15))

    def result(self, state: HeadState, spread: np.ndarray | None = None) -> LandmarkFit:
        """The fit; spread [K] of the identity, by default as the landmarks alone give it."""
        H, _, trust, residual_px = self.normal_equations(state, 1.0)
        if spread is None:
            spread = np.ones(self.model.num_identity)
            spread[: self.num_identity] = np.sqrt(np.diag(np.linalg.inv(H))[7 : 7 + self.num_identity])
        return LandmarkFit(self.code(state), self.camera(state), np.linalg.norm(residual_px, axis=1), trust, spread)


def cross_matrices(vectors: np.ndarray) -> np.ndarray:
    """[N,3] -> [N,3,3] with cross_matrices(v) @ w = v x w."""
    x, y, z = vectors.T
    zero = np.zeros_like(x)
    return np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(-1, 3, 3)


def expression_precision(names: tuple[str, ...], settings: FitSettings) -> np.ndarray:
    """Prior precision [E,E]: each unit half-normal, each left unit near its right twin (gaze: one eye in, the other out)."""
    precision = np.eye(len(names)) * settings.expression_sigma**-2
    for a, name in enumerate(names):
        if not name.endswith("Left"):
            continue
        twin = name[:-4] + "Right"
        tightness = settings.asymmetry_sigma**-2
        if name.startswith("eyeLook"):
            twin = twin.replace("In", "Swap").replace("Out", "In").replace("Swap", "Out")
            tightness = 0.05**-2
        if twin in names and not name.startswith(("jaw", "mouthLeft")) and name != "mouthLeft":
            b = names.index(twin)
            precision[[a, b], [a, b]] += tightness
            precision[[a, b], [b, a]] -= tightness
    return precision


__all__ = ["FaceFrame", "FitSettings", "HeadState", "LandmarkFit", "LandmarkProblem", "closed_form_pose", "fit_landmarks"]
