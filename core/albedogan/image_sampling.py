"""Bilinear pictures: resampled to another size, and sampled at given places, in NumPy.

Rule of this file: index coordinates, a pixel's centre is a whole number. The torch twins (resize_maps) are torch's own.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor
from torch.nn.functional import interpolate


def resize_maps(maps: Tensor, size: int) -> Tensor:
    """[B, C, H, W] -> [B, C, size, size], bilinear at pixel centres, not smoothed first when it gets smaller."""
    return interpolate(maps, (size, size), mode="bilinear", align_corners=False, antialias=False)


def resize_image(image: np.ndarray, size: int) -> np.ndarray:
    """[H, W, C] -> [size, size, C] float64, by the same rule."""
    height, width = image.shape[:2]
    rows, columns = ((np.arange(size) + 0.5) * (side / size) - 0.5 for side in (height, width))
    return sample_grid(image, rows.clip(0, height - 1), columns.clip(0, width - 1))


def sample_grid(image: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """image [H, W, C] where rows [R] and columns [S] cross -> [R, S, C] float64; what sample_zero_outside gives, in less time."""
    across = _sample_axis(np.asarray(image, np.float64), columns, 1)
    return _sample_axis(across, rows, 0)


def _sample_axis(image: np.ndarray, places: np.ndarray, axis: int) -> np.ndarray:
    size = image.shape[axis]
    first = np.floor(places).astype(np.int64)
    shape = tuple(-1 if k == axis else 1 for k in range(image.ndim))
    out: np.ndarray = np.zeros(1)
    for index, weight in ((first, 1 - (places - first)), (first + 1, places - first)):
        inside = weight * ((index >= 0) & (index < size))
        out = out + np.take(image, index.clip(0, size - 1), axis) * inside.reshape(shape)
    return out


def sample_zero_outside(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """image [H, W, C] at (x, y) [..., 2] -> [..., C] float64, bilinear; every pixel outside of the picture is black."""
    height, width = image.shape[:2]
    points = np.asarray(points, np.float64)
    corner = np.floor(points).astype(np.int64)
    fraction = points - corner
    out = np.zeros((*points.shape[:-1], image.shape[2]))
    for down in (0, 1):
        for right in (0, 1):
            x, y = corner[..., 0] + right, corner[..., 1] + down
            across, along = fraction[..., 0], fraction[..., 1]
            weight = (across if right else 1 - across) * (along if down else 1 - along)
            is_inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
            out += (weight * is_inside)[..., None] * image[y.clip(0, height - 1), x.clip(0, width - 1)]
    return out


def warp_image(image: np.ndarray, target_from_source: np.ndarray, size: int) -> np.ndarray:
    """The picture [H, W, C] through a matrix [3, 3] from its index coordinates to those of a square of `size` px ->
    [size, size, C] float64; black where the square reaches outside."""
    source_from_target = np.linalg.inv(target_from_source)
    x, y = np.meshgrid(np.arange(size, dtype=np.float64), np.arange(size, dtype=np.float64))
    points = np.stack([x, y], -1) @ source_from_target[:2, :2].T + source_from_target[:2, 2]
    return sample_zero_outside(image, points)
