"""The embedded head laid over another head's surface: which point of one is which point of the other.

Rule of this file: from stiff to soft. (1) Scale and place from the eyes' joints. (2) The embedded model's own identities, so that
the head changes as heads do. (3) A membrane that bends the rest, ever softer, first towards where the landmark network sees the
same features in clay portraits of both. (4) Snapped to the surface where both face the same way; what the other head lacks
follows its neighbours. Half a minute on one core, once for a file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..fit.membrane import MeshGraph, build_graph, stretch_membrane
from ..head.model import HeadModel, SurfacePoints, rotation_matrices, triangulate
from ..render.camera import camera_position
from ..render.shading import vertex_normals
from ..types import Camera
from .arrays import FlameArrays
from .facing import FacingSurface, prepare_surface
from .parts import FlameParts, find_parts
from .portraits import see_landmarks, views_of

INNER_REGIONS = ("mouth_inside", "eye_socket", "nostrils")
"""What lies inside openings is matched last: from outside the nearest surface is another one."""
IDENTITY_STEPS = 30
NOISE_M = 0.004
"""How far the other head may lie from the embedded family's identities."""
STIFFNESS_M = (0.030, 0.020, 0.012, 0.008, 0.005, 0.003)
STEPS_EACH = 3
LOOKED_FROM_M = 0.020
"""Only as long as the membrane is this stiff are landmarks asked: they tell what is where, the surface tells the rest."""
LANDMARK_STIFFNESS_M = 0.025
SIGHT_PX, DEPTH_M, SLIDE_M = 1.0, 0.001, 0.006
"""Noise of a landmark's place in a portrait; how far one may ask for motion along the normal, and in all."""
LEAST_FACING = 0.35
FAR_M = 0.03
SNAPPED_M = 0.003
LEAST_COSINE = 0.5


@dataclass(frozen=True)
class Registration:
    """vertices [S, 3] m: the embedded skin laid on the other head (its frame); on_other [S]: where its vertices lie there;
    is_matched [S]: that they do (the others follow); error_m [S]: how far they were before they were snapped; scale: of the
    other head to the embedded; skin [S]: the rows of the embedded model's skin; num_seen: in how many of VIEWS_RAD the landmark
    network sees a face on the other head."""

    vertices: np.ndarray
    on_other: SurfacePoints
    is_matched: np.ndarray
    error_m: np.ndarray
    scale: float
    skin: np.ndarray
    num_seen: int


def register_head(model: HeadModel, flame: FlameArrays, points: SurfacePoints) -> Registration:
    """The embedded head's skin on FLAME's template; points [478]: where the landmarks lie on the embedded head."""
    parts = find_parts(flame)
    target = prepare_surface(flame.template.astype(np.float64), flame.faces[parts.skin_faces])
    triangles = triangulate(model.faces[model.face_parts == 0])
    skin, local = np.unique(triangles, return_inverse=True)
    local = local.reshape(-1, 3)
    is_outer = ~np.any([model.regions[name][skin] > 0.5 for name in INNER_REGIONS], axis=0)
    rim = rim_of(target)
    scale, place = place_by_eyes(model, flame, parts)
    vertices = fit_identity(model, skin, local, is_outer, target, rim, scale, place)
    graph = build_graph(local)
    sitter = Sitter(target, parts.eye_rows(flame), flame.template.astype(np.float64), skin, points)
    for stiffness in STIFFNESS_M:
        if stiffness >= LOOKED_FROM_M:
            vertices = vertices + sitter.ask(vertices, local, graph)
        allowed = is_outer if stiffness > STIFFNESS_M[-3] else np.ones(len(skin), bool)
        for _ in range(STEPS_EACH):
            wanted, certainty = pull(vertices, local, target, rim, allowed, max(stiffness, 0.006))
            vertices = vertices + stretch_membrane(vertices, graph, wanted, certainty, 0.2, stiffness, 2000)
    normals = vertex_normals(vertices, local)
    found = target.closest(vertices, normals, is_thorough=True)
    on_other = target.points(found)
    offset = on_other.evaluate(target.vertices) - vertices
    error = np.linalg.norm(offset, axis=1)
    is_matched = (error < SNAPPED_M) & (found.cosine > LEAST_COSINE) & ~touches(on_other, rim)
    follow = stretch_membrane(vertices, graph, offset, np.where(is_matched, 1e3, 0.0), 1.0, 0.004, 2000)
    vertices = np.where(is_matched[:, None], vertices + offset, vertices + follow)
    return Registration(vertices, on_other, is_matched, error, scale, skin, sitter.num_seen)


def place_by_eyes(model: HeadModel, flame: FlameArrays, parts: FlameParts) -> tuple[float, np.ndarray]:
    """Scale and shift [3] that take the embedded template onto FLAME's; by boxes where the eyes' joints lie impossibly."""
    ours, theirs = (regressor @ points for regressor, points in
                    ((model.joint_regressor, model.template), (flame.joint_regressor, flame.template)))  # fmt: skip
    scale = float(np.linalg.norm(theirs[3] - theirs[4]) / np.linalg.norm(ours[3] - ours[4]))
    boxes = [np.stack([p.min(0), p.max(0)]) for p in (model.template[np.unique(model.faces[model.face_parts == 0])],
                                                     flame.template[np.unique(flame.faces[parts.skin_faces])])]  # fmt: skip
    width = float(np.ptp(boxes[1], axis=0)[0] / np.ptp(boxes[0], axis=0)[0])
    if parts.has_eyes and 0.7 < scale / width < 1.4:
        return scale, theirs[3:].mean(0) - scale * ours[3:].mean(0)
    height = float(np.ptp(boxes[1], axis=0)[1] / np.ptp(boxes[0], axis=0)[1])
    scale = float(np.sqrt(width * height))
    return scale, boxes[1].mean(0) - scale * boxes[0].mean(0)


def fit_identity(
    model: HeadModel, skin: np.ndarray, triangles: np.ndarray, is_outer: np.ndarray, target: FacingSurface, rim: np.ndarray,
    scale: float, place: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """The skin [S, 3] of the family's head that lies nearest to the surface: its code, turn, scale and place by Gauss-Newton."""
    template = model.template[skin].astype(np.float64)
    basis = model.identity_basis[:, skin].astype(np.float64)
    num, middle = len(basis), template.mean(0)
    code, turn = np.zeros(num), np.eye(3)
    shift = place + scale * middle
    for step in range(IDENTITY_STEPS):
        shaped = template - middle + np.tensordot(code, basis, 1)
        vertices = scale * shaped @ turn.T + shift
        wanted, certainty = pull(vertices, triangles, target, rim, is_outer, FAR_M * (1 - 0.7 * step / IDENTITY_STEPS))
        rows = np.flatnonzero(certainty > 0.05)
        if len(rows) < 100:
            break
        normals = vertex_normals(vertices, triangles)[rows]
        share = certainty[rows] * len(skin) / max(len(rows), 1)
        turned = scale * shaped[rows] @ turn.T
        slopes = np.concatenate([
            np.einsum("krc,dc->rdk", basis[:, rows], scale * turn),
            -np.stack([np.cross(turned, axis) for axis in np.eye(3)], -1),
            np.broadcast_to(np.eye(3), (len(rows), 3, 3)), turned[..., None],
        ], 2)  # fmt: skip
        across = np.einsum("rc,rck->rk", normals, slopes)
        weight = share / (NOISE_M**2 * 10)
        system = (across * weight[:, None]).T @ across
        right = (across * weight[:, None]).T @ np.einsum("rc,rc->r", normals, wanted[rows])
        flat = slopes.reshape(-1, slopes.shape[2])
        slide = np.repeat(0.05 * weight, 3)
        system += (flat * slide[:, None]).T @ flat
        right += (flat * slide[:, None]).T @ wanted[rows].ravel()
        prior = np.zeros(num + 7)
        prior[:num] = 1.0
        system += np.diag(prior + 1e-6)
        right[:num] -= code
        change = np.linalg.solve(system, right)
        code = code + change[:num]
        turn = rotation_matrices(change[num : num + 3]) @ turn
        shift = shift + change[num + 3 : num + 6]
        scale = scale * float(np.exp(np.clip(change[-1], -0.1, 0.1)))
    return scale * (template - middle + np.tensordot(code, basis, 1)) @ turn.T + shift


class Sitter:
    """Where the landmark network sees a face's features on the other head, against where it sees them on ours laid over it."""

    def __init__(
        self,
        target: FacingSurface,
        eyes: list[tuple[np.ndarray, np.ndarray]],
        template: np.ndarray,
        skin: np.ndarray,
        points: SurfacePoints,
    ) -> None:  # fmt: skip
        eye_faces = [faces for faces, _ in eyes]
        self._eyes = [rows for _, rows in eyes]
        self._template, self._eye_faces = template, eye_faces
        self._indices = np.searchsorted(skin, points.indices)
        self._is_skin = np.isin(points.indices, skin).all(1)
        self._weights = points.weights
        triangles = np.concatenate([target.triangles, *eye_faces])
        front = target.vertices[np.unique(target.triangles)]
        middle = np.concatenate([template[rows] for rows in self._eyes]).mean(0) if self._eyes else front.mean(0)
        reach = 0.55 * np.ptp(front[:, 0])
        self._cameras = views_of(front[np.linalg.norm(front - middle, axis=1) < reach])
        self._goals = see_landmarks(template, triangles, self._eyes, self._cameras)

    @property
    def num_seen(self) -> int:
        """In how many views there is a face."""
        return sum(goal is not None for goal in self._goals)

    def ask(self, vertices: np.ndarray, triangles: np.ndarray, graph: MeshGraph) -> np.ndarray:
        """Offsets [S, 3] m that bring the features where the other head has them; zero where no face is seen."""
        if not self.num_seen:
            return np.zeros_like(vertices)
        whole = np.concatenate([vertices, self._template])
        faces = np.concatenate([triangles, *(f + len(vertices) for f in self._eye_faces)])
        seen = see_landmarks(whole, faces, [rows + len(vertices) for rows in self._eyes], self._cameras)
        normals = vertex_normals(vertices, triangles)
        indices = np.where(self._is_skin[:, None], self._indices, 0)
        places, facing = (np.einsum("nk,nkc->nc", self._weights, a[indices]) for a in (vertices, normals))
        facing /= np.maximum(np.linalg.norm(facing, axis=1, keepdims=True), 1e-9)
        system = np.einsum("nc,nd->ncd", facing, facing) / DEPTH_M**2 + np.eye(3) / SLIDE_M**2
        right, count = np.zeros_like(places), np.zeros(len(places))
        for camera, ours, theirs in zip(self._cameras, seen, self._goals, strict=True):
            if ours is None or theirs is None:
                continue
            towards = camera_position(camera) - places
            cosine = np.einsum("nc,nc->n", facing, towards) / np.linalg.norm(towards, axis=1)
            weight = self._is_skin * np.clip((cosine - LEAST_FACING) / 0.2, 0, 1) / SIGHT_PX**2
            slopes = projection_slopes(camera, places)
            system += np.einsum("n,npc,npd->ncd", weight, slopes, slopes)
            right += np.einsum("n,npc,np->nc", weight, slopes, theirs - ours)
            count += weight
        moves = np.linalg.solve(system, right[..., None])[..., 0]
        wanted, certainty = np.zeros_like(vertices), np.zeros(len(vertices))
        shares = self._weights * (count * SIGHT_PX**2)[:, None]
        np.add.at(certainty, indices, shares)
        np.add.at(wanted, indices, shares[..., None] * moves[:, None])
        wanted /= np.maximum(certainty, 1e-9)[:, None]
        return stretch_membrane(vertices, graph, wanted, np.minimum(certainty, 1.0), 0.05, LANDMARK_STIFFNESS_M, 2000)


def projection_slopes(camera: Camera, points: np.ndarray) -> np.ndarray:
    """How a point's pixels move with the point, [N, 2, 3] px a metre."""
    there = points @ camera.R.T + camera.t
    focal = camera.K[0, 0]
    slopes = np.zeros((len(points), 2, 3))
    slopes[:, 0, 0] = slopes[:, 1, 1] = focal / there[:, 2]
    slopes[:, :, 2] = -focal * there[:, :2] / there[:, 2:] ** 2
    return np.matmul(slopes, camera.R)


def pull(
    vertices: np.ndarray, triangles: np.ndarray, target: FacingSurface, rim: np.ndarray, allowed: np.ndarray, far_m: float
) -> tuple[np.ndarray, np.ndarray]:
    """Towards the surface: offsets [S, 3] m and their certainty [S] in [0, 1], 0 where the nearest point is the surface's rim, or
    faces another way, or is farther than about `far_m`."""
    normals = vertex_normals(vertices, triangles)
    found = target.closest(vertices, normals)
    points = target.points(found)
    offset = points.evaluate(target.vertices) - vertices
    distance = np.linalg.norm(offset, axis=1)
    certainty = np.clip((found.cosine - 0.3) / 0.4, 0, 1) / (1 + (distance / far_m) ** 4)
    return offset, np.where(touches(points, rim) | ~allowed, 0.0, certainty)


def rim_of(surface: FacingSurface) -> np.ndarray:
    """Which vertices lie on an edge of only one triangle, [V] bool."""
    half = np.concatenate([surface.triangles[:, [k, (k + 1) % 3]] for k in range(3)])
    size = len(surface.vertices)
    keys, twins = half[:, 0] * size + half[:, 1], half[:, 1] * size + half[:, 0]
    result = np.zeros(size, bool)
    result[half[~np.isin(keys, twins)]] = True
    return result


def touches(points: SurfacePoints, marked: np.ndarray) -> np.ndarray:
    """Which points lie on nothing but marked vertices, [N] bool."""
    return ((points.weights < 1e-4) | marked[points.indices]).all(1)
