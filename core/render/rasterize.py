"""Rasterise, interpolate, sample: triangles -> samples, by Warp, with a plain NumPy twin of every step.

Rule of this file: the barycentrics are those of the sample, never clamped (clamping breaks position gradients), and
coverage is exclusive: a sample inside the mesh belongs to exactly one of two neighbouring triangles.

Gradients (issue "Likeness"): the adjoints of `interpolate` and `sample_texture`, and the outline's, take the same
arguments as these functions and live beside them; nothing here keeps state between calls.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..types import Camera
from .camera import project
from .runtime import as_warp, launch, load_kernels, load_warp

NEAR_M = 1e-3


@dataclass(frozen=True)
class RasterResult:
    """What each sample sees.

    triangle_id [H, W] int32, -1 where there is nothing; barycentric [H, W, 3] float32, perspective-correct;
    depth [H, W] float32 m along the optical axis, 0 where there is nothing.
    """

    triangle_id: np.ndarray
    barycentric: np.ndarray
    depth: np.ndarray

    @property
    def is_covered(self) -> np.ndarray:
        return self.triangle_id >= 0

    def select(self, rows: np.ndarray, columns: np.ndarray) -> RasterResult:
        """The samples at rows, columns [N] as a list: fields [N], [N, 3], [N]."""
        return RasterResult(self.triangle_id[rows, columns], self.barycentric[rows, columns], self.depth[rows, columns])


def rasterize(vertices: np.ndarray, triangles: np.ndarray, camera: Camera, cull: str = "none") -> RasterResult:
    """Model-space vertices [V, 3] m, triangles [T, 3] -> what each pixel centre of camera.size sees.

    cull: 'none', 'back' or 'front' (faces are counter-clockwise seen from outside). A triangle that reaches behind the
    camera is dropped. For supersampling, rasterise camera.resize'd to a multiple and average.
    """
    points_px, depth = project(camera, vertices)
    return rasterize_projected(points_px, np.where(depth > NEAR_M, depth, 0.0), triangles, camera.size, cull)


def rasterize_uv(uvs: np.ndarray, face_uvs: np.ndarray, size: int | tuple[int, int]) -> RasterResult:
    """The UV layout as an image: uvs [U, 2], triangles face_uvs [T, 3] -> texels (row 0 at v = 1); depth is 1 inside."""
    width, height = (size, size) if isinstance(size, int) else size
    points_px = np.stack([uvs[:, 0] * width, (1.0 - uvs[:, 1]) * height], -1)
    return rasterize_projected(points_px, np.ones(len(uvs)), face_uvs, (width, height))


def rasterize_projected(
    points_px: np.ndarray, depth: np.ndarray, triangles: np.ndarray, size: tuple[int, int], cull: str = "none"
) -> RasterResult:
    """points_px [V, 2], depth [V] (<= 0: not to be drawn), triangles [T, 3], size (width, height)."""
    wp, kernels = load_warp(), load_kernels()
    width, height = size
    points = as_warp(np.ascontiguousarray(points_px, np.float32), wp.vec2)
    depths = as_warp(np.ascontiguousarray(depth, np.float32), wp.float32)
    corners = as_warp(np.ascontiguousarray(triangles, np.int32), wp.vec3i)
    keys_array = np.full((height, width), kernels.NO_TRIANGLE_KEY, np.int64)
    keys = as_warp(keys_array, wp.int64)
    launch(kernels.rasterize_triangles, len(triangles), [points, depths, corners, CULL_SIGNS[cull]], [keys])
    result = RasterResult(
        np.empty((height, width), np.int32), np.empty((height, width, 3), np.float32), np.empty((height, width), np.float32)
    )
    outputs = [as_warp(result.triangle_id, wp.int32), as_warp(result.barycentric, wp.vec3), as_warp(result.depth, wp.float32)]
    launch(kernels.resolve_samples, (height, width), [points, depths, corners, keys], outputs)
    return result


CULL_SIGNS = {"none": 0, "back": 1, "front": -1}
"""Sign of the projected area (y down) of the triangles to drop: a front face, counter-clockwise, has a negative one."""


def interpolate(attributes: np.ndarray, raster: RasterResult, triangles: np.ndarray) -> np.ndarray:
    """attributes [V, C] (or [V]) at the raster's samples -> [H, W, C] (or [H, W]) float32, 0 where there is nothing.

    triangles [T, 3] index the attributes' rows, and may be others than those rasterised (UV corners, for example).
    """
    wp, kernels = load_warp(), load_kernels()
    table = np.ascontiguousarray(attributes, np.float32).reshape(len(attributes), -1)
    out = np.zeros((raster.triangle_id.size, table.shape[1]), np.float32)
    ids = as_warp(raster.triangle_id.reshape(-1), wp.int32)
    weights = as_warp(raster.barycentric.reshape(-1, 3), wp.vec3)
    corners = as_warp(np.ascontiguousarray(triangles, np.int32), wp.vec3i)
    launch(
        kernels.interpolate_attributes,
        len(out),
        [as_warp(table, wp.float32), corners, ids, weights],
        [as_warp(out, wp.float32)],
    )
    return out.reshape(raster.triangle_id.shape + attributes.shape[1:])


def sample_image(image: np.ndarray, points_px: np.ndarray, decode: np.ndarray | None = None) -> np.ndarray:
    """Bilinear samples of image [H, W, C] at image-space points [..., 2] (pixel centres at .5), clamped to the border.

    A uint8 image is decoded by the table `decode` [256] before blending (default: value / 255). Returns [..., C] float32.
    """
    wp, kernels = load_warp(), load_kernels()
    position = as_warp(np.ascontiguousarray(points_px.reshape(-1, 2) - 0.5, np.float32), wp.vec2)
    out = np.empty((points_px.size // 2, image.shape[2]), np.float32)
    is_bytes = image.dtype == np.uint8
    values = as_warp(np.ascontiguousarray(image, None if is_bytes else np.float32), wp.uint8 if is_bytes else wp.float32)
    table = as_warp(np.ascontiguousarray(np.arange(256) / 255 if decode is None else decode, np.float32), wp.float32)
    launch(kernels.sample_bilinear, len(out), [values, table, position], [as_warp(out, wp.float32)])
    return out.reshape(*points_px.shape[:-1], image.shape[2])


def sample_texture(image: np.ndarray, uv: np.ndarray, decode: np.ndarray | None = None) -> np.ndarray:
    """Bilinear samples of a texture [H, W, C] (row 0 at v = 1) at uv [..., 2], clamped to the border; see sample_image."""
    height, width = image.shape[:2]
    return sample_image(image, np.stack([uv[..., 0] * width, (1.0 - uv[..., 1]) * height], -1), decode)


def sample_image_bicubic(image: np.ndarray, points_px: np.ndarray) -> np.ndarray:
    """Catmull-Rom samples of a uint8 image [H, W, C] at image-space points [..., 2] -> [..., C] float32, clamped to 0..255."""
    wp, kernels = load_warp(), load_kernels()
    position = as_warp(np.ascontiguousarray(points_px.reshape(-1, 2) - 0.5, np.float32), wp.vec2)
    out = np.empty((points_px.size // 2, image.shape[2]), np.float32)
    pixels = as_warp(np.ascontiguousarray(image), wp.uint8)
    launch(kernels.sample_bicubic_bytes, len(out), [pixels, position], [as_warp(out, wp.float32)])
    return np.clip(out, 0, 255, out=out).reshape(*points_px.shape[:-1], image.shape[2])


def rasterize_reference(points_px: np.ndarray, depth: np.ndarray, triangles: np.ndarray, size: tuple[int, int]) -> RasterResult:
    """Slow float64 twin of rasterize_projected without culling, written for reading: one triangle at a time over all samples."""
    width, height = size
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    triangle_id = np.full((height, width), -1, np.int32)
    barycentric = np.zeros((height, width, 3))
    nearest = np.full((height, width), np.inf)
    for t, corners in enumerate(triangles):
        p, z = np.asarray(points_px, np.float64)[corners], np.asarray(depth, np.float64)[corners]
        if (z <= 0).any():
            continue
        q, r = np.roll(p, -1, 0), np.roll(p, -2, 0)
        sides = np.stack([(b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]) for a, b in zip(q, r, strict=True)])
        area = sides.sum(0)[0, 0]
        if abs(area) == 0:
            continue
        direction = (r - q) * np.sign(area)
        is_top_left = (direction[:, 1] < 0) | ((direction[:, 1] == 0) & (direction[:, 0] > 0))
        signed = sides * np.sign(area)
        is_inside = ((signed > 0) | ((signed == 0) & is_top_left[:, None, None])).all(0)
        weights = sides / z[:, None, None]
        sample_depth = area / np.where(is_inside, weights.sum(0), 1.0)
        wins = is_inside & (sample_depth < nearest)
        nearest[wins], triangle_id[wins] = sample_depth[wins], t
        barycentric[wins] = (weights / np.where(is_inside, weights.sum(0), 1.0))[:, wins].T
    return RasterResult(triangle_id, barycentric, np.where(triangle_id >= 0, nearest, 0.0))


def interpolate_reference(attributes: np.ndarray, raster: RasterResult, triangles: np.ndarray) -> np.ndarray:
    """NumPy twin of interpolate."""
    values = np.einsum("hwk,hwkc->hwc", raster.barycentric, attributes[triangles[raster.triangle_id]])
    return np.where(raster.is_covered[..., None], values, 0.0)


def sample_image_reference(image: np.ndarray, points_px: np.ndarray) -> np.ndarray:
    """NumPy twin of sample_image for float images."""
    height, width = image.shape[:2]
    x = np.clip(points_px[..., 0] - 0.5, 0, width - 1)
    y = np.clip(points_px[..., 1] - 0.5, 0, height - 1)
    x0, y0 = np.minimum(x.astype(int), max(width - 2, 0)), np.minimum(y.astype(int), max(height - 2, 0))
    x1, y1 = np.minimum(x0 + 1, width - 1), np.minimum(y0 + 1, height - 1)
    fx, fy = (x - x0)[..., None], (y - y0)[..., None]
    top = image[y0, x0] * (1 - fx) + image[y0, x1] * fx
    bottom = image[y1, x0] * (1 - fx) + image[y1, x1] * fx
    return top * (1 - fy) + bottom * fy
