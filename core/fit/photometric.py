"""The photometric fit: shape, expression, camera and light refined on what photos show beside landmarks, for one photo or more of
a person.

Levenberg-Marquardt over (identity; per photo: rotation, translation, focal length, expression, landmark modes, light, chroma and
skin) on calibrated landmarks, the brightness and redness of skin samples (photometry.py) and the outline (outline.py). What the
camera sees, ambient occlusion and the outline are found again every few iterations. The data's weight rises by stage.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from ..head.model import HeadModel
from ..render.camera import camera_position
from ..render.visibility import Occluder
from ..types import Camera, Photo
from .geometry import (
    FIRST_DAMPING,
    LEAST_DAMPING,
    MOST_DAMPING,
    NEAREST_M,
    SCHEDULE,
    FitSettings,
    FitStart,
    HeadState,
    LandmarkFit,
    LandmarkProblem,
    cross_matrices,
    face_frame,
)
from .light import opaque_triangles
from .measurement import LandmarkCalibration
from .outline import LEAST_WEIGHT, find_contour, find_edges, image_normals, outline_edges
from .photometry import LogImage, PhotometricCalibration, ShadingTerm, Sight, SkinState, first_skin, look
from .sampled_surface import Patch, SampledSurface, sample_surface
from .solver import solve_bounded

CONVERGED = 1e-4
START = tuple(replace(stage, iterations=n) for stage, n in zip(SCHEDULE, (4, 3, 3), strict=False))
"""The landmarks' own first stages, cut short, for the joint fit goes on."""
REFRESHED = 6
"""Iterations between two looks at what is seen and where the outline lies."""


@dataclass(frozen=True)
class Refinement:
    """softness: how many times wider the noise is taken; iterations; reach: how far the outline is searched, crop px."""

    softness: float
    iterations: int
    reach: int


STAGES = (Refinement(3.0, 4, 10), Refinement(1.5, 4, 6), Refinement(1.0, 6, 4))


@dataclass(frozen=True)
class PhotometricSettings:
    """Strengths, chosen on rendered heads of our own (never on the benchmark), where noise 2, 3, 4 left about 62, 64, 66 % of the
    mean head's error; photos are harder than renders.

    noise_scale multiplies the calibrated noise, whose samples are not independent; degrees of Student's t; outline_mm: the
    outline's standard deviation; outline_samples: how many independent ones a whole outline counts for.
    """

    noise_scale: float = 3.0
    degrees: float = 4.0
    outline_mm: float = 1.0
    outline_degrees: float = 2.0
    outline_samples: float = 60.0


DEFAULT_SETTINGS, DEFAULT_PHOTOMETRIC = FitSettings(), PhotometricSettings()


@dataclass(frozen=True)
class SkinLook:
    """What the photometric fit needs of a head model beside the landmarks; made once per model."""

    calibration: PhotometricCalibration
    surface: SampledSurface
    triangles: np.ndarray
    edges: np.ndarray
    basis: np.ndarray


def prepare_skin_look(model: HeadModel, calibration: PhotometricCalibration) -> SkinLook:
    """About .4 s; keep it."""
    surface = sample_surface(model, calibration.vertices, calibration.rings, calibration.ring_weights)
    basis = np.concatenate([model.identity_basis, model.expression_basis]).transpose(1, 0, 2)
    return SkinLook(calibration, surface, opaque_triangles(model), outline_edges(model), basis)


@dataclass
class ViewState:
    """One photo's unknowns; `head.identity` is the same in all views."""

    head: HeadState
    skin: SkinState


@dataclass(frozen=True)
class OutlineSamples:
    """points [M, 3] m where they were found, at code [K + E]; basis [M, K + E, 3] already posed; target, normal [M, 2] px;
    weight [M]; per_px: outline deviations a pixel."""

    points: np.ndarray
    code: np.ndarray
    basis: np.ndarray
    target: np.ndarray
    normal: np.ndarray
    weight: np.ndarray
    per_px: float


class View:
    """One photo's part of the problem. Own unknowns: rotation 3, translation 3, focal 1, expression E, modes R, skin."""

    def __init__(self, photo: Photo, landmarks: LandmarkProblem, skin_look: SkinLook, settings: PhotometricSettings) -> None:
        self.photo, self.landmarks, self.skin_look, self.settings = photo, landmarks, skin_look, settings
        self.model = landmarks.model
        self.image: LogImage | None = None
        self.outline: OutlineSamples | None = None
        self.sight = Sight(np.zeros(0), np.zeros(0))
        self._posed: tuple[HeadState, Patch] | None = None

    def _patch(self, head: HeadState) -> Patch:
        """The samples of a head; the last one's are kept, for a step is judged and then taken from."""
        if self._posed is None or self._posed[0] is not head:
            self._posed = (head, self.skin_look.surface.pose(self.landmarks.full_identity(head), head.expression))
        return self._posed[1]

    def begin(self, head: HeadState) -> ViewState:
        """Look for the first time; the first light."""
        code, camera = self.landmarks.code(head), self.landmarks.camera(head)
        self.image = LogImage(self.photo.pixels, camera, self.model.pose(code))
        self.term = ShadingTerm(self.skin_look.calibration, self.image, self.settings.noise_scale, self.settings.degrees)
        self.look(head, STAGES[0].reach)
        patch = self._patch(head)
        values, _, is_inside = self.image.sample(self._project(head, patch.points)[0])
        calibration, weight = self.skin_look.calibration, self.sight.weight * is_inside
        skin = first_skin(values, patch.normals, weight, self.sight, calibration.mean, len(calibration.modes))
        return ViewState(head, skin)

    def look(self, head: HeadState, reach: int) -> None:
        """Find again what the camera sees and where the outline lies."""
        code, camera = self.landmarks.code(head), self.landmarks.camera(head)
        posed = self.model.pose(code)
        occluder = Occluder(posed, self.skin_look.triangles)
        patch = self._patch(head)
        self.sight = look(patch, camera_position(camera), occluder)
        self.outline = self._find_outline(head, posed, camera, occluder, reach)
        direction = face_frame(head.R, 1.0, 1.0)
        self.landmarks.refresh(direction.yaw, direction.pitch)

    def _find_outline(
        self, head: HeadState, posed: np.ndarray, camera: Camera, occluder: Occluder, reach: int
    ) -> OutlineSamples | None:
        assert self.image is not None
        contour = find_contour(posed, self.skin_look.triangles, self.skin_look.edges, camera, occluder)
        K = camera.K * self.image.scale
        K[:2, 2] += self.image.offset
        K[2, 2] = 1.0
        pixels, normals = image_normals(replace(camera, K=K), contour)
        if not len(pixels):
            return None
        offset, weight = find_edges(self.image.bytes.astype(np.float32) / 255, pixels, normals, reach)
        kept = weight > LEAST_WEIGHT
        if kept.sum() < 8:
            return None
        corners, share = contour.corners[kept], contour.share[kept][:, None, None]
        basis, blend = self.skin_look.basis, self._blend(head, corners, contour.share[kept])
        basis = basis[corners[:, 0]] * (1 - share) + basis[corners[:, 1]] * share
        counted = min(1.0, self.settings.outline_samples / weight[kept].sum())
        return OutlineSamples(
            points=contour.points[kept],
            code=np.concatenate([self.landmarks.full_identity(head), head.expression]),
            basis=np.matmul(basis, blend.transpose(0, 2, 1)),
            target=((pixels + offset[:, None] * normals)[kept] - self.image.offset) / self.image.scale,
            normal=normals[kept],
            weight=weight[kept] * counted,
            per_px=self.image.scale / self.image.px_per_mm / self.settings.outline_mm,
        )

    def _blend(self, head: HeadState, corners: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Skinning rotations [M, 3, 3] at points on edges; shared by all skin samples' joints."""
        weights = self.model.weights[corners[:, 0]] * (1 - share)[:, None] + self.model.weights[corners[:, 1]] * share[:, None]
        return self.skin_look.surface.blend_at(weights, self.landmarks.full_identity(head), head.expression)

    def _project(self, head: HeadState, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """-> pixels [N, 2], camera-space points [N, 3]."""
        camera_points = points @ head.R.T + head.t
        depth = np.maximum(camera_points[:, 2:], NEAREST_M)
        return np.exp(head.log_focal) * camera_points[:, :2] / depth + self.landmarks.center, camera_points

    def _camera_slopes(self, head: HeadState, camera_points: np.ndarray, by_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """From df/dpixel [N, 2]: derivatives by rotation, translation, log focal [N, 7] and by the model-space point [N, 3]."""
        depth = np.maximum(camera_points[:, 2:], NEAREST_M)
        focal = np.exp(head.log_focal)
        central = focal * camera_points[:, :2] / depth
        by_camera = np.concatenate([by_px * focal / depth, -(by_px * central).sum(1, keepdims=True) / depth], 1)
        by_rotation = -np.einsum("nb,nbc->nc", by_camera, cross_matrices(camera_points - head.t))
        return np.column_stack([by_rotation, by_camera, (by_px * central).sum(1)]), by_camera @ head.R

    def cost(self, state: ViewState, softness: float) -> float:
        head = state.head
        patch = self._patch(head)
        prediction = self.term.predict(state.skin, patch, self._project(head, patch.points)[0], self.sight)
        total = self.landmarks.cost(head, 1.0) + self.term.cost(state.skin, prediction, self.sight, softness)
        if self.outline is not None:
            residual = self._outline_residual(head, self.outline)[0] / softness
            degrees = self.settings.outline_degrees
            total += 0.5 * (degrees + 1) * float(self.outline.weight @ np.log1p(residual**2 / degrees))
        return total

    def _outline_residual(self, head: HeadState, outline: OutlineSamples) -> tuple[np.ndarray, np.ndarray]:
        change = np.concatenate([self.landmarks.full_identity(head), head.expression]) - outline.code
        pixels, camera_points = self._project(head, outline.points + np.einsum("npc,p->nc", outline.basis, change))
        return ((pixels - outline.target) * outline.normal).sum(1) * outline.per_px, camera_points

    def normal_equations(self, state: ViewState, softness: float) -> tuple[np.ndarray, np.ndarray]:
        """H [K + P, K + P] and g [K + P] over identity and own unknowns."""
        head, K, E = state.head, self.landmarks.num_identity, self.model.num_expression
        R, S = len(head.modes), len(state.skin.vector())
        H, g = np.zeros((K + 7 + E + R + S,) * 2), np.zeros(K + 7 + E + R + S)
        own_landmarks, own_gradient, _, _ = self.landmarks.normal_equations(head, 1.0)
        at = np.concatenate([K + np.arange(7), np.arange(K), K + 7 + np.arange(E + R)])
        H[np.ix_(at, at)], g[at] = own_landmarks, own_gradient
        rows, residual, weight = self._shading_rows(state, softness)
        if self.outline is not None:
            more, more_residual, more_weight = self._outline_rows(head, self.outline, softness)
            rows = np.concatenate([rows, np.pad(more, ((0, 0), (0, S)))])
            residual, weight = np.concatenate([residual, more_residual]), np.concatenate([weight, more_weight])
        weighted = rows * weight[:, None]
        at = np.concatenate([np.arange(K + 7 + E), K + 7 + E + R + np.arange(S)])
        H[np.ix_(at, at)] += weighted.T @ rows
        g[at] += weighted.T @ residual
        H[-S:, -S:] += np.diag(self.term.precision)
        g[-S:] += self.term.precision * state.skin.vector()
        return H, g

    def _shading_rows(self, state: ViewState, softness: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Jacobian [2 N, K + 7 + E + S], residual and robust squared weight [2 N]."""
        head, surface, K = state.head, self.skin_look.surface, self.landmarks.num_identity
        identity = self.landmarks.full_identity(head)
        patch = self._patch(head)
        pixels, camera_points = self._project(head, patch.points)
        prediction = self.term.predict(state.skin, patch, pixels, self.sight)
        by_normal = np.stack(self.term.normal_slopes(state.skin, patch, prediction))
        by_camera, by_point = zip(*(self._camera_slopes(head, camera_points, -s) for s in prediction.slopes), strict=True)
        shape = surface.slopes(identity, head.expression, patch, np.stack(by_point), by_normal)
        skin, unknown = self.term.skin_jacobian(patch, prediction), shape.shape[2] - self.model.num_expression
        rows = np.concatenate([shape[..., :K], np.stack(by_camera), shape[..., unknown:], skin], 2)
        whiten = self.term.whitening(prediction, self.sight, softness)
        trust = (self.settings.degrees + 1) / (self.settings.degrees + (prediction.residual * whiten) ** 2)
        return rows.reshape(-1, rows.shape[2]), prediction.residual.ravel(), (whiten**2 * trust).ravel()

    def _outline_rows(
        self, head: HeadState, outline: OutlineSamples, softness: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        residual, camera_points = self._outline_residual(head, outline)
        by_camera, by_point = self._camera_slopes(head, camera_points, outline.normal * outline.per_px)
        shape = np.einsum("npc,nc->np", outline.basis, by_point)
        K, unknown = self.landmarks.num_identity, shape.shape[1] - self.model.num_expression
        degrees = self.settings.outline_degrees
        trust = (degrees + 1) / (degrees + (residual / softness) ** 2) * outline.weight / softness**2
        return np.concatenate([shape[:, :K], by_camera, shape[:, unknown:]], 1), residual, trust

    def moved(self, state: ViewState, identity_step: np.ndarray, own: np.ndarray) -> ViewState:
        E, R = self.model.num_expression, len(state.head.modes)
        step = np.concatenate([own[:7], identity_step, own[7 : 7 + E + R]])
        return ViewState(self.landmarks.move(state.head, step), state.skin.moved(own[7 + E + R :]))


def fit_person(
    photos: list[Photo],
    points_px: list[np.ndarray],
    model: HeadModel,
    calibration: LandmarkCalibration,
    skin_look: SkinLook,
    settings: FitSettings = DEFAULT_SETTINGS,
    photometric: PhotometricSettings = DEFAULT_PHOTOMETRIC,
    start: FitStart | None = None,
) -> list[LandmarkFit]:
    """Photos of one person and each one's dense landmarks [478, 2] -> a fit for each, all with the same identity.

    start: what is believed of the head of the one photo.
    """
    views, states = [], []
    with threadpool_limits(1, "blas"):
        for photo, points in zip(photos, points_px, strict=True):
            size = (photo.pixels.shape[1], photo.pixels.shape[0])
            problem = LandmarkProblem(points, size, photo.focal_px, model, calibration, settings, 1 / len(photos), start)
            views.append(View(photo, problem, skin_look, photometric))
            head = problem.initial_state()
            for stage in START:
                head = problem.solve(head, stage)
            states.append(head)
        identity = np.mean([head.identity for head in states], 0)
        started = [view.begin(replace(head, identity=identity)) for view, head in zip(views, states, strict=True)]
        for refinement in STAGES:
            started = _solve(views, started, refinement)
        spread = _identity_spread(views, started)
        return [view.landmarks.result(state.head, spread) for view, state in zip(views, started, strict=True)]


def _joint_equations(views: list[View], states: list[ViewState], softness: float) -> tuple[np.ndarray, np.ndarray, list[slice]]:
    """The block-arrow system: identity first, then each view's own unknowns."""
    K = views[0].landmarks.num_identity
    parts = [view.normal_equations(state, softness) for view, state in zip(views, states, strict=True)]
    sizes = [len(g) - K for _, g in parts]
    starts = K + np.concatenate([[0], np.cumsum(sizes)])
    H, g, own = np.zeros((starts[-1],) * 2), np.zeros(starts[-1]), []
    for (part, gradient), start, size in zip(parts, starts, sizes, strict=False):
        at = np.concatenate([np.arange(K), start + np.arange(size)])
        H[np.ix_(at, at)] += part
        g[at] += gradient
        own.append(slice(int(start), int(start + size)))
    return H, g, own


def _identity_spread(views: list[View], states: list[ViewState]) -> np.ndarray:
    model, K = views[0].model, views[0].landmarks.num_identity
    H, _, _ = _joint_equations(views, states, 1.0)
    spread = np.ones(model.num_identity)
    spread[:K] = np.sqrt(np.diag(np.linalg.inv(H))[:K])
    return spread


def _solve(views: list[View], states: list[ViewState], stage: Refinement) -> list[ViewState]:
    K, E, damping = views[0].landmarks.num_identity, views[0].model.num_expression, FIRST_DAMPING
    for iteration in range(stage.iterations):
        if iteration % REFRESHED == 0:
            for view, state in zip(views, states, strict=True):
                view.look(state.head, stage.reach)
        H, g, own = _joint_equations(views, states, stage.softness)
        cost = sum(view.cost(state, stage.softness) for view, state in zip(views, states, strict=True))
        is_open, lower, upper = np.ones(len(g), bool), np.full(len(g), -np.inf), np.full(len(g), np.inf)
        for view, state, part in zip(views, states, own, strict=True):
            units = slice(part.start + 7, part.start + 7 + E)
            is_open[units] = ~view.landmarks.is_fixed
            lower[units], upper[units] = -state.head.expression, 1 - state.head.expression
        while True:
            step = np.zeros(len(g))
            damped = H + np.diag(damping * np.diag(H))
            step[is_open] = solve_bounded(damped[np.ix_(is_open, is_open)], g[is_open], lower[is_open], upper[is_open])
            moved = [v.moved(state, step[:K], step[part]) for v, state, part in zip(views, states, own, strict=True)]
            new_cost = sum(view.cost(state, stage.softness) for view, state in zip(views, moved, strict=True))
            if new_cost < cost or damping >= MOST_DAMPING:
                break
            damping *= 10
        if not new_cost < cost:
            break
        states, damping = moved, max(damping / 5, LEAST_DAMPING)
        if cost - new_cost < CONVERGED * abs(cost):
            break
    return states
