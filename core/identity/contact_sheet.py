"""Small pictures of heads to choose from: their mesh and albedo in even light, nine of them in a second."""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence

import numpy as np

from ..head.kinds import kind_of_part
from ..head.model import HeadModel, triangulate
from ..image_files import EncodedImage, decode_pixels
from ..render.camera import look_at
from ..render.runtime import COMPILING, are_kernels_compiled, load_kernels, warm_up
from ..render.shading import ambient_light, directional_light, render_head, vertex_normals
from ..types import Progress
from .directions import open_space
from .state import IdentityState, reroll, shape

TARGET_M = np.array([0.0, -0.006, 0.03])
"""The middle of the picture on the mean head, model space."""
DISTANCE_M, WIDTH_M, YAW_RAD = 1.1, 0.245, 0.35
LIGHT = ambient_light((0.26, 0.26, 0.28)) + directional_light(np.array([-0.6, 0.6, 0.55]), (0.95, 0.92, 0.88))
BACKDROP_SRGB = 46
PICTURE_PX, ALBEDO_PX = 160, 512
"""A picture's side; the albedo is thinned out to about this size."""


def draw_sheet(
    state: IdentityState, vertices: np.ndarray, albedo: EncodedImage | None, seeds: Sequence[int | None], strength: float,
    locks: Collection[str], keep_person: bool,
) -> Generator[Progress, None, list[np.ndarray]]:  # fmt: skip
    """One picture [160, 160, 3] uint8 a seed, of a head of the embedded model as a re-roll would make it; None: as it is.

    vertices [V, 3] m: the head as it is now, sculpted or not; albedo: its texture, or None for the model's own.
    """
    yield Progress("Loading the head model", 0.0)
    space = open_space()
    if not are_kernels_compiled((load_kernels,)):
        yield Progress(COMPILING, 0.1, is_once=True)
        warm_up((load_kernels,))
    yield Progress("Drawing the variants", 0.2)
    pixels = space.model.base_textures["albedo"] if albedo is None else decode_pixels(albedo)
    step = max(pixels.shape[0] // ALBEDO_PX, 1)
    small = np.ascontiguousarray(pixels[::step, ::step, :3])
    sculpted = vertices - shape(space, state)
    pictures: list[np.ndarray] = []
    for seed in seeds:
        yield Progress("Drawing the variants", 0.2 + 0.8 * len(pictures) / len(seeds))
        other = state if seed is None else reroll(space, state, seed, strength, locks, keep_person)
        pictures += draw_heads(space.model, [(sculpted + shape(space, other)).astype(np.float32)], small, PICTURE_PX)
    return pictures


def draw_heads(model: HeadModel, heads: Sequence[np.ndarray], albedo: np.ndarray, size_px: int = PICTURE_PX) -> list[np.ndarray]:
    """Neutral vertices [V, 3] m of each head -> [size, size, 3] sRGB bytes; albedo [h, w, 3] uint8 sRGB, better small."""
    clear = [number for number, part in enumerate(model.part_names) if kind_of_part(part) in ("cornea", "lashes")]
    is_drawn = ~np.isin(model.face_parts, clear)
    triangles, uv_triangles = triangulate(model.faces[is_drawn]), triangulate(model.face_uvs[is_drawn])
    eye = TARGET_M + DISTANCE_M * np.array([np.sin(YAW_RAD), 0.06, np.cos(YAW_RAD)])
    camera = look_at(eye, TARGET_M, (size_px, size_px), size_px * DISTANCE_M / WIDTH_M)
    backdrop = np.full((size_px, size_px, 3), BACKDROP_SRGB, np.uint8)
    pictures = []
    for vertices in heads:
        normals = vertex_normals(vertices, triangles, "area")
        pictures.append(
            render_head(
                vertices, triangles, model.uvs, uv_triangles, albedo, camera, LIGHT,
                background=backdrop, normals=normals, supersample=2,
            )
        )  # fmt: skip
    return pictures
