"""Relief finer than the mesh as maps: metric displacement in 16 bits, and the tangent-space normals that it implies.

Rule of this file: a height is metres along the neutral head's normal, positive outwards; maps lie on the UVs, row 0 at v = 1.
Normals are OpenGL's (+Y up, along growing v) in the frame that Blender and glTF build from normals and UVs.
Source: Mikkelsen 2008, "Simulation of wrinkled surfaces revisited" (the tangent frame).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..head.model import HeadModel, triangulate
from ..render.rasterize import RasterResult, interpolate
from ..render.shading import vertex_normals

DISPLACEMENT_RANGE_M = 0.008
"""From the map's 0 to its 1; .5 is the mesh itself, so a height is at most 4 mm."""
MIDLEVEL = 0.5
FLAT_NORMAL = (128, 128, 255)
STEEPEST = 1.5
"""Largest slope that a normal shows: 56 degrees."""
LEAST_STRETCH_M = 1e-4


def encode_displacement(height_m: np.ndarray) -> np.ndarray:
    """Heights [h, w] m -> uint16; beyond +-4 mm they are cut off."""
    share = np.clip(height_m / DISPLACEMENT_RANGE_M + MIDLEVEL, 0, 1)
    return (share * 65535 + 0.5).astype(np.uint16)


def decode_displacement(pixels: np.ndarray) -> np.ndarray:
    """What encode_displacement made -> heights [h, w] m, float32."""
    return ((pixels.astype(np.float32) / 65535 - MIDLEVEL) * DISPLACEMENT_RANGE_M).astype(np.float32)


@dataclass(frozen=True)
class TexelFrames:
    """How texels lie on the surface, [s, s] each: along_u m per unit of u; skew, along_v: the tangent's and the bitangent's share
    of the way per unit of v, m; is_covered."""

    along_u: np.ndarray
    skew: np.ndarray
    along_v: np.ndarray
    is_covered: np.ndarray


def frame_texels(model: HeadModel, vertices: np.ndarray, raster: RasterResult) -> TexelFrames:
    """The texels of a rasterised UV layout on neutral vertices [V, 3] m."""
    triangles, uv_triangles = triangulate(model.faces), triangulate(model.face_uvs)
    normals = vertex_normals(vertices, triangles)
    frames = frames_at_uvs(vertices, normals, triangles, model.uvs, uv_triangles)
    along_u, skew, along_v = np.moveaxis(interpolate(frames, raster, uv_triangles), -1, 0)
    return TexelFrames(along_u, skew, along_v, raster.is_covered)


def frames_at_uvs(
    vertices: np.ndarray, normals: np.ndarray, triangles: np.ndarray, uvs: np.ndarray, uv_triangles: np.ndarray
) -> np.ndarray:
    """along_u, skew, along_v of every UV vertex, [U, 3]: means over its triangles by area."""
    p, q = vertices[triangles], uvs[uv_triangles]
    side, uv_side = p[:, 1:] - p[:, :1], q[:, 1:] - q[:, :1]
    area = uv_side[:, 0, 0] * uv_side[:, 1, 1] - uv_side[:, 0, 1] * uv_side[:, 1, 0]
    safe = np.where(np.abs(area) < 1e-14, np.inf, area)[:, None]
    per_u = (uv_side[:, 1, 1, None] * side[:, 0] - uv_side[:, 0, 1, None] * side[:, 1]) / safe
    per_v = (uv_side[:, 0, 0, None] * side[:, 1] - uv_side[:, 1, 0, None] * side[:, 0]) / safe
    weight = np.abs(area)[:, None]
    table = np.concatenate([weight * per_u, weight * per_v, weight * np.sign(area)[:, None], weight], 1)
    index = uv_triangles.ravel()
    summed = np.stack([np.bincount(index, np.repeat(table[:, c], 3), len(uvs)) for c in range(8)], -1)
    mean = summed[:, :6] / np.maximum(summed[:, 7:], 1e-20)
    normal = np.zeros((len(uvs), 3))
    normal[index] = normals[triangles.ravel()]
    u, v = (x - normal * np.einsum("uc,uc->u", x, normal)[:, None] for x in (mean[:, :3], mean[:, 3:]))
    length = np.maximum(np.linalg.norm(u, axis=1), LEAST_STRETCH_M)
    tangent = u / length[:, None]
    bitangent = np.cross(normal, tangent) * np.where(summed[:, 6:7] < 0, -1, 1)
    return np.column_stack(
        [length, np.einsum("uc,uc->u", v, tangent), np.maximum(np.einsum("uc,uc->u", v, bitangent), LEAST_STRETCH_M)]
    )


def slopes(height_m: np.ndarray, frames: TexelFrames) -> tuple[np.ndarray, np.ndarray]:
    """Rise of heights [s, s] m along tangent and bitangent, [s, s] each; across a chart's edge none."""
    size = len(height_m)
    per_u = size * difference(height_m, frames.is_covered, 1)
    per_v = -size * difference(height_m, frames.is_covered, 0)
    along = per_u / np.maximum(frames.along_u, LEAST_STRETCH_M)
    across = (per_v - along * frames.skew) / np.maximum(frames.along_v, LEAST_STRETCH_M)
    return along, across


def difference(values: np.ndarray, is_covered: np.ndarray, axis: int) -> np.ndarray:
    """Central difference per texel along an axis, one-sided beside what is not covered, 0 on it."""
    step = np.diff(values, axis=axis) * np.logical_and(*(np.take(is_covered, s, axis) for s in pair_of(values, axis)))
    known = np.logical_and(*(np.take(is_covered, s, axis) for s in pair_of(values, axis))).astype(np.float32)
    pad = [(0, 0), (0, 0)]
    total = np.zeros_like(values)
    count = np.zeros_like(values)
    for side in ((1, 0), (0, 1)):
        pad[axis] = side
        total += np.pad(step, pad)
        count += np.pad(known, pad)
    return total / np.maximum(count, 1)


def pair_of(values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    index = np.arange(values.shape[axis])
    return index[:-1], index[1:]


def normal_map(height_m: np.ndarray, frames: TexelFrames) -> np.ndarray:
    """Heights [s, s] m -> tangent-space normals [s, s, 3] uint8: (n + 1) / 2 in steps of 1 / 255."""
    along, across = slopes(height_m.astype(np.float32), frames)
    steep = np.sqrt(along**2 + across**2)
    limit = np.minimum(1, STEEPEST / np.maximum(steep, 1e-6))
    along, across = along * limit, across * limit
    up = 1 / np.sqrt(1 + along**2 + across**2)
    normal = np.stack([-along * up, -across * up, up], -1)
    return (normal * 127.5 + 128).clip(0, 255).astype(np.uint8)
