"""A texture's samples as flat lists, and sums from them back to the mesh's vertices."""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import numpy as np

from ..head.model import HeadModel, triangulate
from ..render.rasterize import RasterResult, rasterize_uv
from ..render.runtime import as_warp, launch, load_texel_kernels, load_warp

KEPT = 2


@dataclass(frozen=True)
class Texels:
    """A texture's samples as a list: triangle_id [size^2] (-1: gap), barycentric [size^2, 3]."""

    size: int
    triangle_id: np.ndarray
    barycentric: np.ndarray

    def select(self, index: np.ndarray) -> RasterResult:
        """The samples at flat indices [N]; their depth is not known (0)."""
        return RasterResult(self.triangle_id[index], self.barycentric[index], np.zeros(len(index), np.float32))


def list_texels(uvs: np.ndarray, uv_triangles: np.ndarray, size: int) -> Texels:
    raster = rasterize_uv(uvs, uv_triangles, size)
    return Texels(size, raster.triangle_id.reshape(-1), raster.barycentric.reshape(-1, 3))


_kept: list[tuple[weakref.ref[HeadModel], Texels]] = []


def keep_texels(model: HeadModel, size: int) -> Texels:
    """The texels of a model's UV layout; the latest KEPT are remembered."""
    for reference, texels in _kept:
        if reference() is model and texels.size == size:
            return texels
    texels = list_texels(model.uvs, triangulate(model.face_uvs), size)
    _kept[:] = [(weakref.ref(model), texels), *_kept[: KEPT - 1]]
    return texels


def gather(
    texels: Texels,
    triangles: np.ndarray,
    index: np.ndarray,
    values: np.ndarray,
    weight: np.ndarray,
    num_vertices: int,
    stride: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Sums at the vertices [V, C] of texels' values [N, C] times weight [N] and barycentrics, and of the weights [V]."""
    wp = load_warp()
    sums, share = np.zeros((num_vertices, values.shape[1]), np.float32), np.zeros(num_vertices, np.float32)
    inputs = [
        as_warp(np.ascontiguousarray(index, np.int32), wp.int32), as_warp(values, wp.float32), as_warp(weight, wp.float32),
        stride,
        *texel_arrays(texels, triangles),
    ]  # fmt: skip
    launch(
        load_texel_kernels().gather_at_vertices,
        len(index) // stride,
        inputs,
        [as_warp(sums, wp.float32), as_warp(share, wp.float32)],
    )
    return sums, share


def texel_arrays(texels: Texels, triangles: np.ndarray) -> list:
    """triangles, triangle_id, barycentric as the texel kernels take them."""
    wp = load_warp()
    return [
        as_warp(np.ascontiguousarray(triangles, np.int32), wp.vec3i), as_warp(texels.triangle_id, wp.int32),
        as_warp(texels.barycentric, wp.vec3),
    ]  # fmt: skip
