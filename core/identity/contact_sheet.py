"""Small pictures of heads to choose from: their mesh and albedo in even light, nine of them in a second."""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from dataclasses import replace

import numpy as np

from ..head.kinds import kind_of_part
from ..head.library import EMBEDDED
from ..head.model import HeadModel, triangulate
from ..image_files import EncodedImage, decode_pixels
from ..render.camera import look_at
from ..render.runtime import COMPILING, are_kernels_compiled, load_kernels, warm_up
from ..render.shading import ambient_light, directional_light, render_head, vertex_normals
from ..types import Camera, Progress
from .directions import open_space
from .locks import region_rows
from .state import IdentityState, reroll, shape

TARGET_M = np.array([0.0, -0.006, 0.03])
"""About the middle of any head, model space."""
DISTANCE_M, YAW_RAD = 1.1, 0.35
MARGIN = 0.04
"""Of a picture's side, left free around the largest head without its neck."""
LIGHT = ambient_light((0.26, 0.26, 0.28)) + directional_light(np.array([-0.6, 0.6, 0.55]), (0.95, 0.92, 0.88))
BACKDROP_SRGB = 46
PICTURE_PX, ALBEDO_PX = 160, 512
"""A picture's side; the albedo is thinned out to about this size."""


def draw_sheet(
    state: IdentityState, vertices: np.ndarray, albedo: EncodedImage | None, seeds: Sequence[int | None], strength: float,
    locks: Collection[str], keep_person: bool, model: str = EMBEDDED,
) -> Generator[Progress, None, list[np.ndarray]]:  # fmt: skip
    """One picture [160, 160, 3] uint8 a seed, of a head of the model as a re-roll would make it; None: as it is.

    vertices [V, 3] m: the head as it is now, sculpted or not; albedo: its texture, or None for the model's own.
    """
    yield Progress("Loading the head model", 0.0)
    space = open_space(model)
    if not are_kernels_compiled((load_kernels,)):
        yield Progress(COMPILING, 0.1, is_once=True)
        warm_up((load_kernels,))
    yield Progress("Drawing the variants", 0.2)
    pixels = space.model.base_textures["albedo"] if albedo is None else decode_pixels(albedo)
    step = max(pixels.shape[0] // ALBEDO_PX, 1)
    small = np.ascontiguousarray(pixels[::step, ::step, :3])
    sculpted = vertices - shape(space, state)
    states = [state if seed is None else reroll(space, state, seed, strength, locks, keep_person) for seed in seeds]
    heads = [(sculpted + shape(space, other)).astype(np.float32) for other in states]
    camera = frame_heads(space.model, heads, PICTURE_PX)
    pictures: list[np.ndarray] = []
    for head in heads:
        yield Progress("Drawing the variants", 0.2 + 0.8 * len(pictures) / len(seeds))
        pictures += draw_heads(space.model, [head], small, camera)
    return pictures


def frame_heads(model: HeadModel, heads: Sequence[np.ndarray], size_px: int) -> Camera:
    """The camera in which each of the heads [V, 3] m is whole, but for its neck, and all are seen at one scale."""
    eye = TARGET_M + DISTANCE_M * np.array([np.sin(YAW_RAD), 0.06, np.cos(YAW_RAD)])
    camera = look_at(eye, TARGET_M, (size_px, size_px), 1.0)
    framed = np.delete(np.arange(len(model.template)), region_rows(model, ("neck",)))
    seen = np.concatenate([vertices[framed] for vertices in heads]) @ camera.R.T + camera.t
    low, high = (end(seen[:, :2] / seen[:, 2:], axis=0) for end in (np.min, np.max))
    focal_px = size_px * (1 - 2 * MARGIN) / (high - low).max()
    x, y = size_px / 2 - focal_px * (low + high) / 2
    return replace(camera, K=np.array([[focal_px, 0, x], [0, focal_px, y], [0, 0, 1]]))


def draw_heads(model: HeadModel, heads: Sequence[np.ndarray], albedo: np.ndarray, camera: Camera) -> list[np.ndarray]:
    """Neutral vertices [V, 3] m of each head -> [h, w, 3] sRGB bytes; albedo [h, w, 3] uint8 sRGB, better small."""
    clear = [number for number, part in enumerate(model.part_names) if kind_of_part(part) in ("cornea", "lashes")]
    is_drawn = ~np.isin(model.face_parts, clear)
    triangles, uv_triangles = triangulate(model.faces[is_drawn]), triangulate(model.face_uvs[is_drawn])
    backdrop = np.full((*camera.size[::-1], 3), BACKDROP_SRGB, np.uint8)
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
