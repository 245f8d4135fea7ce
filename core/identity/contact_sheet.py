"""Small pictures of heads to choose from: their mesh and albedo in even light, fast enough to draw nine while somebody waits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..head.kinds import kind_of_part
from ..head.model import HeadModel, triangulate
from ..render.camera import look_at
from ..render.runtime import are_kernels_compiled, load_kernels
from ..render.shading import ambient_light, directional_light, render_head, vertex_normals

TARGET_M = np.array([0.0, -0.006, 0.03])
"""The middle of the picture on the mean head, model space."""
DISTANCE_M, WIDTH_M, YAW_RAD = 1.1, 0.245, 0.35
LIGHT = ambient_light((0.26, 0.26, 0.28)) + directional_light(np.array([-0.6, 0.6, 0.55]), (0.95, 0.92, 0.88))
BACKDROP_SRGB = 46


def is_ready() -> bool:
    """Whether pictures come at once; else the first ones wait some seconds for the renderer to be compiled."""
    return are_kernels_compiled((load_kernels,))


def draw_heads(model: HeadModel, heads: Sequence[np.ndarray], albedo: np.ndarray, size_px: int = 160) -> list[np.ndarray]:
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
