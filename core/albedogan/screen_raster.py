"""What the crop's pixels see of a mesh under the scaled orthographic camera.

Rule of this file: the screen's positions go in (camera.py). An orthographic view is affine, so the weights of a triangle's
corners are too; the release's renderer takes it for a perspective one (Faithfulness.perspective_barycentrics).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..render.rasterize import RasterResult, rasterize_projected
from .faithfulness import FIXED, Faithfulness

RELEASED_OFFSET = 10.0
"""By how much the release moves the mesh away from its camera, once more with each picture."""
FAR_OFFSET = 1000.0


def rasterize_screen(
    screen: np.ndarray,
    triangles: np.ndarray,
    size: int,
    faithfulness: Faithfulness = FIXED,
    *,
    pictures_before: int = 0,
    cull: str = "none",
) -> RasterResult:
    """Screen positions [V, 3] (z into the screen), triangles [T, 3] -> what each of size x size pixels sees; depth is the
    screen's z. pictures_before: how many pictures of the mesh were made already, which counts for the released fault alone."""
    is_released = faithfulness.perspective_barycentrics
    offset = RELEASED_OFFSET * (1 + pictures_before) if is_released else FAR_OFFSET
    points_px = (screen[:, :2].astype(np.float64) * 0.5 + 0.5) * size
    raster = rasterize_projected(points_px, screen[:, 2] + offset, triangles, (size, size), cull)
    weights = raster.barycentric if is_released else affine_weights(points_px, triangles, raster.triangle_id)
    depth = (weights * screen[:, 2][triangles[raster.triangle_id]]).sum(-1)
    return replace(raster, barycentric=weights, depth=np.where(raster.is_covered, depth, 0).astype(np.float32))


def affine_weights(points_px: np.ndarray, triangles: np.ndarray, triangle_id: np.ndarray) -> np.ndarray:
    """Barycentrics [H, W, 3] float32 of the pixels' centres in their triangles, 0 where there is none."""
    height, width = triangle_id.shape
    rows, columns = np.nonzero(triangle_id >= 0)
    a, b, c = np.moveaxis(points_px[triangles[triangle_id[rows, columns]]], 1, 0)
    centre = np.stack([columns + 0.5, rows + 0.5], -1)

    def cross(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]

    area = cross(b - a, c - a)
    weights = np.zeros((height, width, 3), np.float32)
    second, third = cross(centre - a, c - a) / area, cross(b - a, centre - a) / area
    weights[rows, columns] = np.stack([1 - second - third, second, third], -1)
    return weights
