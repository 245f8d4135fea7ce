"""A stand-in for FLAME that is a human head: FLAME's counts, structure and vertex order, on a mesh of its own kind.

Made from the embedded head (CC0) of another person: its skin is coarsened to 3,931 vertices at other places than the embedded
ones, its eyeballs are spheres of 546. Which point of the embedded head each vertex is, is known: tests judge registration by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from likeness.core.flame.arrays import FlameArrays
from likeness.core.head.library import get_model
from likeness.core.head.model import HeadModel, SurfacePoints, triangulate

NUM_SKIN, NECK_RING, EYE_RINGS, EYE_SEGMENTS = 3931, 60, 17, 32
SCALE, SHIFT = 1.03, np.array([0.002, 0.013, -0.021])
"""FLAME's heads are of another size and lie elsewhere."""
EYE_RADIUS_M = 0.0125


@dataclass(frozen=True)
class StandIn:
    """arrays; truth: where on the embedded mesh the skin's vertices lie [3931]; identity: the template's code in the embedded
    model."""

    arrays: FlameArrays
    truth: SurfacePoints
    identity: np.ndarray


@cache
def flame_head(seed: int = 0) -> StandIn:
    """The stand-in; about ten seconds, once a process."""
    model = get_model()
    rng = np.random.default_rng(seed)
    identity = rng.normal(0, 0.5, model.num_identity)
    of_skin = triangulate(model.faces[model.face_parts == 0])
    points, finer = split_ring(model.template.astype(np.float64), of_skin)
    triangles, kept = coarsen(points.evaluate(model.template.astype(np.float64)), finer, rng)
    truth = wander(kept, points, of_skin, triangles, rng)
    return StandIn(_arrays(model, truth, triangles, identity, rng), truth, identity)


def _arrays(model: HeadModel, truth: SurfacePoints, triangles: np.ndarray, identity: np.ndarray, rng: np.random.Generator):
    shaped = model.shape(identity)
    skin = truth.evaluate(shaped)
    joints = model.locate_joints(shaped)
    sphere, eye_faces = ball()
    vertices = np.concatenate([skin, *(joints[3 + k] + EYE_RADIUS_M * sphere for k in range(2))])
    faces = np.concatenate([triangles, *(eye_faces + NUM_SKIN + k * len(sphere) for k in range(2))])

    def widen(basis: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Offsets [N, V, 3] of the embedded mesh -> of this one; eyeballs move as a whole, by `rows` [N, 2, 3]."""
        balls = np.repeat(rows, len(sphere), axis=1)
        return np.concatenate([truth.evaluate(basis), balls], 1)

    moves = np.einsum("jv,kvc->kjc", model.joint_regressor, model.identity_basis)[:, 3:]
    known = widen(model.identity_basis, moves)
    units = model.expression_basis.reshape(len(model.expression_basis), -1)
    mixing = np.linalg.qr(rng.normal(size=(100, len(units))))[0]
    still = np.zeros((100, 2, 3))
    expression = widen((mixing @ units).reshape(100, -1, 3), still)
    shape = np.concatenate([known, 0.02 * rng.normal(size=(300 - len(known), 1, 3)) * known[: 300 - len(known)]])
    weights = np.concatenate([truth.evaluate(model.weights), np.repeat(np.eye(5)[3:], len(sphere), axis=0)])
    regressor = np.zeros((5, len(vertices)))
    for joint, goal in enumerate(joints[:3]):
        near = np.argsort(np.linalg.norm(skin - goal, axis=1))[:200]
        system = np.vstack([(skin[near] - goal).T, np.full(200, 0.1)])
        regressor[joint, near] = np.linalg.pinv(system) @ [0, 0, 0, 0.1]
    for k in range(2):
        regressor[3 + k, NUM_SKIN + k * len(sphere) : NUM_SKIN + (k + 1) * len(sphere)] = 1 / len(sphere)
    f32 = lambda a: np.ascontiguousarray(a, np.float32)  # noqa: E731
    return FlameArrays(
        template=f32(SCALE * vertices + SHIFT), faces=faces, shape_basis=f32(SCALE * shape),
        expression_basis=f32(SCALE * expression),
        pose_correctives=f32(SCALE * widen(model.pose_correctives, np.zeros((36, 2, 3)))),
        joint_regressor=f32(regressor), weights=f32(weights / weights.sum(1, keepdims=True)), parents=np.array([-1, 0, 1, 1, 1]),
        edition="stand-in", licence="CC0-1.0", sha256="0" * 64,
    )  # fmt: skip


def ball() -> tuple[np.ndarray, np.ndarray]:
    """A unit sphere of 546 vertices with its poles in front and behind, and its 1,088 triangles."""
    polar = np.pi * np.arange(1, EYE_RINGS + 1) / (EYE_RINGS + 1)
    around = 2 * np.pi * np.arange(EYE_SEGMENTS) / EYE_SEGMENTS
    ring = np.stack(np.broadcast_arrays(np.sin(polar)[:, None] * np.cos(around), np.sin(polar)[:, None] * np.sin(around),
                                        np.cos(polar)[:, None]), -1).reshape(-1, 3)  # fmt: skip
    vertices = np.vstack([[0, 0, 1], ring, [0, 0, -1]])
    s, t = np.arange(EYE_SEGMENTS), (np.arange(EYE_SEGMENTS) + 1) % EYE_SEGMENTS
    faces = [np.stack([np.zeros_like(s), 1 + s, 1 + t], 1)]
    for row in range(EYE_RINGS - 1):
        a, b = 1 + row * EYE_SEGMENTS, 1 + (row + 1) * EYE_SEGMENTS
        faces += [np.stack([a + s, b + s, b + t], 1), np.stack([a + s, b + t, a + t], 1)]
    last = 1 + (EYE_RINGS - 1) * EYE_SEGMENTS
    faces.append(np.stack([last + s, np.full_like(s, len(vertices) - 1), last + t], 1))
    return vertices, np.concatenate(faces)


def split_ring(vertices: np.ndarray, triangles: np.ndarray) -> tuple[SurfacePoints, np.ndarray]:
    """Halve the neck's longest edges until its ring has NECK_RING: the vertices as points of the old mesh, and the triangles."""
    indices, weights = np.repeat(np.arange(len(vertices))[:, None], 3, 1), np.tile([1.0, 0, 0], (len(vertices), 1))
    ring = sorted(boundary(triangles.tolist()), key=lambda edge: -np.linalg.norm(vertices[edge[0]] - vertices[edge[1]]))
    faces = triangles.tolist()
    for a, b in ring[: NECK_RING - len(ring)]:
        number = next(n for n, f in enumerate(faces) if (a, b) in zip(f, [*f[1:], f[0]], strict=True))
        c = next(v for v in faces[number] if v not in (a, b))
        faces[number] = [a, len(indices), c]
        faces.append([len(indices), b, c])
        indices, weights = np.vstack([indices, [a, b, c]]), np.vstack([weights, [0.5, 0.5, 0]])
    return SurfacePoints(indices, weights), np.array(faces)


def coarsen(vertices: np.ndarray, triangles: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Collapse short edges but for the neck's until NUM_SKIN vertices are left: triangles [T, 3] in new numbers, and the old
    number of each vertex that was kept."""
    faces_of: list[set[int]] = [set() for _ in range(len(vertices))]
    faces = [list(map(int, t)) for t in triangles]
    for number, face in enumerate(faces):
        for v in face:
            faces_of[v].add(number)
    used = np.unique(triangles)
    alive = set(used.tolist())

    def collapse(gone: int, stays: int) -> bool:
        around = lambda v: {w for n in faces_of[v] for w in faces[n]} - {v}  # noqa: E731
        shared = faces_of[gone] & faces_of[stays]
        if len(around(gone) & around(stays)) != len(shared):
            return False
        for n in faces_of[gone] - shared:
            old = vertices[faces[n]]
            new = vertices[[stays if v == gone else v for v in faces[n]]]
            a, b = (np.cross(t[1] - t[0], t[2] - t[0]) for t in (old, new))
            if a @ b < 0.5 * np.linalg.norm(a) * np.linalg.norm(b) or np.linalg.norm(b) < 1e-9:
                return False
        for n in shared:
            for v in faces[n]:
                faces_of[v].discard(n)
            faces[n] = []
        for n in list(faces_of[gone]):
            faces[n] = [stays if v == gone else v for v in faces[n]]
            faces_of[stays].add(n)
        faces_of[gone].clear()
        alive.discard(gone)
        return True

    def shortest(edges: list[tuple[int, int]]) -> list[tuple[int, int]]:
        ends = np.array(edges)
        length = np.linalg.norm(vertices[ends[:, 0]] - vertices[ends[:, 1]], axis=1) * rng.uniform(0.7, 1.3, len(ends))
        return [edges[k] for k in np.argsort(length)]

    fixed = {v for edge in boundary(faces) for v in edge}
    while len(alive) > NUM_SKIN:
        edges = list({(f[k], f[k - 1]) for f in faces if f for k in range(3) if f[k] not in fixed})
        touched: set[int] = set()
        for gone, stays in shortest(edges)[: max(8, len(edges) // 20)]:
            if len(alive) > NUM_SKIN and not {gone, stays} & touched and collapse(gone, stays):
                touched |= {gone, stays}
    left = np.array([f for f in faces if f])
    kept = np.unique(left)
    return np.searchsorted(kept, left), kept


def boundary(faces: list[list[int]]) -> list[tuple[int, int]]:
    """The directed edges that only one face has."""
    half = {(f[k], f[(k + 1) % 3]) for f in faces if f for k in range(3)}
    return [(a, b) for a, b in half if (b, a) not in half]


def wander(kept: np.ndarray, points: SurfacePoints, old: np.ndarray, new: np.ndarray, rng: np.random.Generator) -> SurfacePoints:
    """Each kept vertex moved a way into one of the old triangles about it; the neck's ring stays."""
    still = {kept[v] for edge in boundary(new.tolist()) for v in edge}
    about: dict[int, list[int]] = {}
    for number, face in enumerate(old):
        for v in face:
            about.setdefault(int(v), []).append(number)
    indices, weights = points.indices[kept], points.weights[kept]
    for row, v in enumerate(kept):
        if v not in still:
            face, share = old[rng.choice(about[int(v)])], rng.uniform(0, 0.22, 2)
            indices[row], weights[row] = (v, *face[face != v]), (1 - share.sum(), *share)
    return SurfacePoints(indices, weights)
