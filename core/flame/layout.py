"""A UV layout carried from one surface to another that lies on it.

Rule of this file: a triangle belongs to one side of one chart. Where its corners lie on several (it crosses a seam), the side of
its middle is taken, and the corners beyond are drawn to that side's edge.
"""

from __future__ import annotations

import numpy as np

from ..render.shading import vertex_normals
from .facing import FacingSurface
from .parts import label_components

STRETCHED = 5.0
"""A triangle whose UV edges are this many times as long as usual for its edges crosses a seam."""
MIDDLE_U = 0.5


def carry_layout(
    vertices: np.ndarray, triangles: np.ndarray, surface: FacingSurface, uvs: np.ndarray, uv_triangles: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Triangles [T, 3] on a surface whose own triangles have uv_triangles in uvs -> their uvs [U, 2] and face_uvs [T, 3]."""
    charts = label_components(uv_triangles, len(uvs))[uv_triangles[:, 0]]
    side = 2 * charts + (uvs[uv_triangles].mean(1)[:, 0] > MIDDLE_U)
    used, local = np.unique(triangles, return_inverse=True)
    local = local.reshape(-1, 3)
    normals = vertex_normals(vertices, triangles)
    found = surface.closest(vertices[used], normals[used], is_thorough=True)
    at = np.einsum("nk,nkc->nc", found.barycentrics, uvs[uv_triangles[found.triangle]])
    corner_uvs, corner_sides = at[local], side[found.triangle][local]
    is_torn = crosses_seam(vertices[triangles], corner_uvs, charts[found.triangle][local])
    middles = vertices[triangles[is_torn]].mean(1)
    facing = normals[triangles[is_torn]].mean(1)
    sides_of_torn = side[surface.closest(middles, facing, is_thorough=True).triangle]
    for row, own in zip(np.flatnonzero(is_torn), sides_of_torn, strict=True):
        able = np.flatnonzero(side == own)
        for corner in range(3):
            if corner_sides[row, corner] != own:
                triangle, inside = surface.closest_among(vertices[triangles[row, corner]], able)
                corner_uvs[row, corner] = inside @ uvs[uv_triangles[triangle]]
                corner_sides[row, corner] = own
    keys = np.column_stack([triangles.ravel(), np.round(corner_uvs.reshape(-1, 2) * 2**20)]).astype(np.int64)
    _, first, face_uvs = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return corner_uvs.reshape(-1, 2)[first], face_uvs.reshape(-1, 3)


def crosses_seam(corners: np.ndarray, uvs: np.ndarray, charts: np.ndarray) -> np.ndarray:
    """Which triangles (corners [T, 3, 3] m, uvs [T, 3, 2], charts [T, 3]) lie on more than one chart, or on both ends of one."""
    length = np.linalg.norm(corners - np.roll(corners, 1, 1), axis=2)
    drawn = np.linalg.norm(uvs - np.roll(uvs, 1, 1), axis=2)
    stretch = (drawn / np.maximum(length, 1e-6)).max(1)
    is_mixed = (charts != charts[:, :1]).any(1)
    whole = ~is_mixed & (length.min(1) > 1e-5)
    usual = np.median(stretch[whole]) if whole.any() else 1.0
    crossing: np.ndarray = is_mixed | (stretch > STRETCHED * usual)
    return crossing
