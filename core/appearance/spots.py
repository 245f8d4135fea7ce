"""Freckles, moles and age spots: where a person has them, drawn once by seed and stamped on a texture of any size.

Rule of this file: a spot is a place on the template's surface, a radius in metres and an amount of melanin; texels only show it.
"""

from __future__ import annotations

import numpy as np

from ..head.model import HeadModel
from ..render.runtime import as_warp, launch, load_skin_kernels, load_warp
from .canvas import Canvas
from .face_map import FaceMap, get_face_map
from .noise import noise_volume
from .parameters import Appearance

NUM_FRECKLES, NUM_MOLES, NUM_AGE_SPOTS = 1500, 26, 26
FRECKLE_FADE = 1.0
"""How much less a freckle adds per unit of ln melanin above its palest."""
COLUMNS = ("u", "v", "x", "y", "z", "radius", "softness", "strength", "raggedness")


def place_spots(model: HeadModel, appearance: Appearance) -> np.ndarray:
    """All spots of a person [n, 9] (COLUMNS; uv in [0, 1], lengths in m, strength in units of the skin's own melanin).

    Every spot that a person may ever have is drawn, each kind by a seed of its own; a number takes those that have come. So
    more freckles are the same ones and others beside them, and no mole moves.
    """
    face = get_face_map(model)
    pale = float(np.clip(1.0 - FRECKLE_FADE * np.log(appearance.melanin / 0.15) / np.log(1.2 / 0.15), 0.15, 1.0))
    sun = np.clip(face.nose + 0.9 * face.cheek + 0.4 * face.forehead + 0.12 * (1 - face.neck) * (1 - face.scalp), 0, 1)
    anywhere = np.clip(1 - 0.75 * face.scalp - 0.5 * face.ear, 0.05, 1)
    old = float(np.clip((appearance.age - 45) / 35, 0, 1))

    rng, count = np.random.default_rng((appearance.seed, 77)), NUM_FRECKLES
    has_come = rng.random(count) < appearance.freckles
    where = scatter(model, face, sun, count, rng)
    size = np.exp(rng.normal(np.log(0.00042), 0.42, count))
    fade = np.exp(rng.normal(np.log(0.55 * pale), 0.5, count))
    freckles = np.column_stack([where, size, 0.0004 + 0.4 * size, np.minimum(fade, 1.6), np.full(count, 0.35)])[has_come]

    rng, count = np.random.default_rng((appearance.seed, 77, 1)), NUM_MOLES
    has_come = rng.random(count) < appearance.moles
    where = scatter(model, face, anywhere, count, rng)
    size = np.minimum(np.exp(rng.normal(np.log(0.00062), 0.40, count)), 0.0021)
    depth = rng.uniform(1.0, 3.6, count) / max(appearance.melanin, 0.35) ** 0.6
    moles = np.column_stack([where, size, 0.0002 + 0.28 * size, depth, np.full(count, 0.10)])[has_come]

    rng, count = np.random.default_rng((appearance.seed, 77, 2)), NUM_AGE_SPOTS
    has_come = rng.random(count) < old * 0.5 * pale
    where = scatter(model, face, np.clip(sun + 0.3 * face.scalp, 0, 1), count, rng)
    size = rng.uniform(0.0012, 0.0036, count)
    of_age = np.column_stack([where, size, 0.0008 + 0.3 * size, rng.uniform(0.2, 0.6, count), np.full(count, 0.45)])[has_come]
    return np.concatenate([freckles, moles, of_age])


def scatter(model: HeadModel, face: FaceMap, share: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` places on the skin [count, 5] (u, v, x, y, z), as dense as `share` [V] says, none on lips, lids or inside."""
    weight = share * (1 - face.inside) * (1 - np.clip(face.lip, 0, 1)) * (1 - face.lids)
    quads = (model.face_parts == model.part_names.index("skin")) & (model.faces[:, 3] >= 0)
    corners = face.places[model.faces[quads]]
    area = np.linalg.norm(np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]), axis=1)
    chance = area * weight[model.faces[quads]].min(1)
    chosen = np.searchsorted(np.cumsum(chance) / chance.sum(), rng.random(count))
    a, b = rng.random((2, count, 1))
    weights = np.stack([(1 - a) * (1 - b), a * (1 - b), a * b, (1 - a) * b], 1)
    places = (weights * corners[chosen]).sum(1)
    uv = (weights * model.uvs[model.face_uvs[quads][chosen]]).sum(1)
    return np.column_stack([uv, places])


def stamp_spots(model: HeadModel, appearance: Appearance, canvas: Canvas) -> np.ndarray:
    """The spots' melanin on the canvas, [S, S] float32: what each texel adds in units of the skin's own."""
    wp, size = load_warp(), len(canvas.base)
    marks = np.zeros((size, size), np.float32)
    spots = place_spots(model, appearance)
    if not len(spots):
        return marks
    u, v, places, radius, softness = spots[:, 0], spots[:, 1], spots[:, 2:5], spots[:, 5], spots[:, 6]
    softness = np.maximum(softness, 0.7 * canvas.texel_m)
    reach = np.ceil(1.6 * (radius + softness) / canvas.texel_m + 1)
    strength = spots[:, 7] * np.minimum(1, (radius / (0.45 * canvas.texel_m)) ** 2)
    rows = np.column_stack([u * size, (1 - v) * size, reach, places, radius, softness, strength, spots[:, 8]])
    inputs = [
        noise_volume(), as_warp(np.ascontiguousarray(rows, np.float32), wp.float32), int(appearance.seed % 2**31),
        as_warp(np.ascontiguousarray(get_face_map(model).places, np.float32), wp.vec3),
        as_warp(np.ascontiguousarray(canvas.triangles, np.int32), wp.vec3i), as_warp(canvas.raster.triangle_id, wp.int32),
        as_warp(canvas.raster.barycentric, wp.vec3),
    ]  # fmt: skip
    launch(load_skin_kernels().stamp_spots, len(rows), inputs, [as_warp(marks, wp.float32)])
    return marks
