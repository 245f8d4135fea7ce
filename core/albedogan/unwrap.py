"""The picture's colours brought to the UV layout: where each texel lies in the crop, whether it is seen, what colour is there.

Rule of this file: maps are [B, C, H, W] with row 0 at v = 1; positions are the screen's (camera.py: x, y in [-1, 1], y down, z
into the screen). What lies outside of the layout is 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample

from ..render.rasterize import rasterize_uv
from .faithfulness import FIXED, Faithfulness
from .image_sampling import resize_maps
from .screen_raster import rasterize_screen

MAP_SIZE, TEXTURE_SIZE = 256, 1024
RIM_COSINE, CLEAR_COSINE = 0.05, 0.4
"""Between a normal's z of these a texel's weight rises from nothing to all."""
DEPTH_TOLERANCE = 0.05
"""On the screen, whose half side is 1: half a centimetre for a usual camera."""


@dataclass(frozen=True)
class UvMap:
    """A rasterised UV layout: corners [H, W, 3] vertices of the mesh at each texel; weights [H, W, 3], 0 outside."""

    corners: Tensor
    weights: Tensor

    @staticmethod
    def build(uvs: np.ndarray, uv_triangles: np.ndarray, triangles: np.ndarray, size: int) -> UvMap:
        """uvs [U, 2] (bottom-left origin), the same triangles [T, 3] in the layout and in the mesh."""
        raster = rasterize_uv(uvs, uv_triangles, size)
        corners = np.where(raster.is_covered[..., None], triangles[raster.triangle_id], 0).astype(np.int64)
        weights = np.where(raster.is_covered[..., None], raster.barycentric, 0).astype(np.float32)
        return UvMap(torch.from_numpy(corners), torch.from_numpy(weights))

    @property
    def is_covered(self) -> Tensor:
        return self.weights.sum(-1) > 0

    def interpolate(self, attributes: Tensor) -> Tensor:
        """Per-vertex values [B, V, C] -> [B, C, H, W], differentiable."""
        weights = self.weights.to(attributes)
        values = sum(attributes[:, self.corners[..., k]] * weights[..., k, None] for k in range(3))
        assert isinstance(values, Tensor)
        return values.permute(0, 3, 1, 2)


@dataclass(frozen=True)
class UvLayout:
    """A mesh's UVs and what was rasterised of them: at 256 for geometry, at 1024 for colours."""

    uvs: np.ndarray
    uv_triangles: np.ndarray
    triangles: np.ndarray
    coarse: UvMap
    fine: UvMap

    @staticmethod
    def build(
        uvs: np.ndarray,
        uv_triangles: np.ndarray,
        triangles: np.ndarray,
        texture_size: int = TEXTURE_SIZE,
        map_size: int = MAP_SIZE,
    ) -> UvLayout:
        """Rasterises the layout twice."""
        given = (uvs, uv_triangles, triangles)
        return UvLayout(*given, UvMap.build(*given, map_size), UvMap.build(*given, texture_size))


def uv_positions(screen: Tensor, layout: UvLayout, faithfulness: Faithfulness = FIXED) -> Tensor:
    """Screen positions of the vertices [B, V, 3] -> of the texels [B, 3, N, N]. If Faithfulness.uv_positions_at_256 they are
    enlarged from a coarse map, with the islands' borders smeared into the nothing around them."""
    if not faithfulness.uv_positions_at_256:
        return layout.fine.interpolate(screen)
    return resize_maps(layout.coarse.interpolate(screen), layout.fine.weights.shape[0])


def sample_crop(crop: Tensor, positions: Tensor) -> Tensor:
    """Crop [B, 3, N, N] at positions [B, 2 or 3, H, W] -> [B, 3, H, W]; black outside of the crop."""
    grid = positions[:, :2].permute(0, 2, 3, 1)
    return grid_sample(crop, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def seen_texels(positions: Tensor, normals: Tensor, screen: np.ndarray, triangles: np.ndarray, size: int) -> np.ndarray:
    """How well the crop shows each texel of one head, [N, N] in 0..1: 1 where it faces the viewer, falling to 0 at the rim, 0
    where something lies in front of it, outside of the crop and outside of the layout.

    positions [1, 3, N, N] of the texels on the screen, normals [1, 3, M, M] in FLAME's axes (z to the viewer), screen [V, 3] and
    triangles [T, 3] of the mesh that hides them; size: pixels of the depth map's side.
    """
    x, y, z = positions[0].numpy()
    texture_size = x.shape[0]
    towards = resize_maps(normals, texture_size)[0, 2].numpy()
    facing = np.clip((towards - RIM_COSINE) / (CLEAR_COSINE - RIM_COSINE), 0, 1)
    raster = rasterize_screen(screen, triangles, size)
    nearest = np.where(raster.is_covered, raster.depth, np.inf)
    column, row = (((p * 0.5 + 0.5) * size).astype(np.int64) for p in (x, y))
    is_inside = (column >= 0) & (column < size) & (row >= 0) & (row < size)
    front = nearest[row.clip(0, size - 1), column.clip(0, size - 1)]
    is_texel = (positions[0] != 0).any(0).numpy()
    is_open = is_inside & (z <= front + DEPTH_TOLERANCE) | ~is_texel
    return facing * facing * (3 - 2 * facing) * feathered(is_open) * is_texel


def feathered(is_open: np.ndarray) -> np.ndarray:
    """[N, N] bool -> weights that fall to 0 towards what is not open, over a hundredth of the side."""
    reach = len(is_open) // 128
    share = avg_pool2d(torch.from_numpy(is_open[None].astype(np.float32)), 2 * reach + 1, 1, reach, count_include_pad=False)
    return (2 * share[0].numpy() - 1).clip(0, 1) * is_open
