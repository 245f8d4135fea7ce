"""Which pixels of a photo may be painted on a fitted head: skin and features yes; hair, fringe, background, cloth, headset no.

Rule of this file: all is decided in the photo, where a fringe is one connected thing, and softly, so nothing ends in a cut.
Three judges are multiplied: colour (does the pixel look like this person's skin in this light), outline (is the pixel
clear of the head's and the nose's edge, where a small error of the fit would paint what lies behind), and the photo's alpha.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..render.rasterize import RasterResult, interpolate, rasterize, sample_image
from ..render.shading import SRGB_TABLE, sh_basis
from ..types import Camera
from .face_zones import FaceZones, soft_step
from .light import SkinLight

MASK_PX = 448
"""Longer side of the image in which the mask is made."""
STEP_BEHIND_M = 0.006
"""A pixel this much deeper than a neighbour lies behind an edge."""


@dataclass(frozen=True)
class PhotoMask:
    """weight [h, w] float32 in [0, 1] over the image of `camera` (the head's crop); colour, outline: its factors."""

    weight: np.ndarray
    colour: np.ndarray
    outline: np.ndarray
    camera: Camera

    def sample(self, points_px: np.ndarray) -> np.ndarray:
        """Weight at pixels [..., 2] of its camera; 0 outside the image."""
        inside = ((points_px > 0) & (points_px < self.camera.size)).all(-1)
        return sample_image(self.weight[..., None], points_px)[..., 0] * inside


def build_mask(
    image: np.ndarray,
    alpha: np.ndarray | None,
    camera: Camera,
    vertices: np.ndarray,
    triangles: np.ndarray,
    normals: np.ndarray,
    zones: FaceZones,
    skin_light: SkinLight,
) -> PhotoMask:
    """image [h, w, 3] sRGB bytes and alpha [h, w] of `camera` (MASK_PX at most), posed mesh (opaque triangles), its zones and light."""
    raster = rasterize(vertices, triangles, camera, "back")
    table = np.column_stack([normals, zones.feature, zones.inner_face, zones.front])
    values = interpolate(table, raster, triangles)
    face_px = face_size_px(raster, values[..., 5])
    outline = outline_clearance(raster, face_px)
    colour = colour_agreement(image, raster, values, skin_light, face_px)
    weight = colour * outline
    if alpha is not None:
        weight = weight * soft_step(box_blur(alpha / 255.0, 1), 0.9, 1.0)
    return PhotoMask(weight.astype(np.float32), colour, outline, camera)


def face_size_px(raster: RasterResult, front: np.ndarray) -> float:
    """Side of the square with the area of the face's front, in pixels."""
    return max(float(np.sqrt((front > 0.5).sum())), 8.0)


def outline_clearance(raster: RasterResult, face_px: float) -> np.ndarray:
    """1 clear of every edge that something stands in front of or ends at, 0 at the edge; [h, w]."""
    depth = np.where(raster.is_covered, raster.depth, 1e3)
    behind = raster.is_covered.astype(np.float64)
    radii = np.unique(np.maximum(1, np.round(face_px * np.array([0.008, 0.016, 0.024, 0.032])).astype(int)))
    clear = np.zeros(depth.shape)
    for radius in radii:
        nearest = minimum_filter(depth, radius)
        clear += (depth - nearest < STEP_BEHIND_M + 0.35 * radius * pixel_size_m(raster)) & (minimum_filter(behind, radius) > 0)
    return box_blur(clear / len(radii), radii[0]) * behind


def pixel_size_m(raster: RasterResult) -> float:
    """A pixel's width on the head: its area there is spread by perspective only slightly."""
    covered = raster.is_covered
    return 0.25 / max(float(np.sqrt(covered.sum())), 1.0)


def colour_agreement(
    image: np.ndarray, raster: RasterResult, values: np.ndarray, skin_light: SkinLight, face_px: float
) -> np.ndarray:
    """How much each pixel looks like this skin in this light, with tolerance by zone; [h, w] in [0, 1]."""
    normals, feature, inner, front = values[..., :3], values[..., 3], values[..., 4], values[..., 5]
    normals = normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-6)
    predicted = np.maximum(sh_basis(normals) @ skin_light.light, 0.06) * skin_light.skin_linear_rgb
    linear = box_blur(SRGB_TABLE[image].astype(np.float64), max(0, round(face_px / 250)))
    error = np.log(linear + 0.012) - np.log(predicted + 0.012)
    brightness = error.mean(-1)
    tint = np.stack([error[..., 0] - error[..., 1], error[..., 1] - error[..., 2]], -1)
    spread = np.clip(skin_light.spread, 0.05, 0.25)
    tint_sigma = np.clip(1.2 * np.hypot(spread[0], spread[1]) * 0.6, 0.07, 0.2)
    tolerance = 1 + 1.0 * front + 1.6 * inner
    darkness = np.maximum(-brightness, 0) / (0.16 + 0.6 * spread.mean()) / tolerance
    glare = np.maximum(brightness, 0) / 0.35 / tolerance
    tinted = np.linalg.norm(tint, axis=-1) / tint_sigma / (1.6 + tolerance)
    texture = local_roughness(linear, face_px) / 0.12 / tolerance
    doubt = np.sqrt(darkness**2 + glare**2 + tinted**2 + np.maximum(texture - 0.5, 0) ** 2)
    alike = 1 - soft_step(doubt, 0.8, 1.5)
    alike = np.maximum(alike, soft_step(feature, 0.2, 0.8)) * raster.is_covered
    around = box_blur(alike, max(1, round(0.03 * face_px)), raster.is_covered)
    alike = alike * np.maximum(soft_step(around, 0.35, 0.75), feature)
    shrunk = minimum_filter(alike, max(1, round(0.008 * face_px)))
    return np.where(inner > 0.5, alike, box_blur(np.minimum(shrunk, alike), max(1, round(0.012 * face_px))))


def local_roughness(linear: np.ndarray, face_px: float) -> np.ndarray:
    """Robust-enough deviation of log brightness in a window of about 2 % of the face, [h, w]: hair is streaky, skin is not."""
    brightness = np.log(linear.mean(-1) + 0.02)
    radius = max(1, round(0.018 * face_px))
    mean = box_blur(brightness, radius)
    return np.sqrt(np.maximum(box_blur(brightness**2, radius) - mean**2, 0))


def box_blur(image: np.ndarray, radius: int, mask: np.ndarray | None = None) -> np.ndarray:
    """Mean over a (2 radius + 1)^2 window, [h, w] or [h, w, c]; edges repeat; with a mask [h, w], the mean over its pixels."""
    if mask is not None:
        share = box_blur(mask.astype(np.float64), radius)
        return box_blur(image * mask, radius) / np.maximum(share, 1e-6)
    if radius <= 0:
        return image
    for axis in (0, 1):
        pad = [(0, 0)] * image.ndim
        pad[axis] = (radius + 1, radius)
        sums = np.cumsum(np.pad(image, pad, mode="edge"), axis=axis, dtype=np.float64)
        length = image.shape[axis]
        window = 2 * radius + 1
        image = (np.take(sums, np.arange(window, window + length), axis) - np.take(sums, np.arange(length), axis)) / window
    return image


def minimum_filter(image: np.ndarray, radius: int) -> np.ndarray:
    """Minimum over a (2 radius + 1)^2 window, edges repeat, [h, w]."""
    for axis in (0, 1):
        pad = [(0, 0), (0, 0)]
        pad[axis] = (radius, radius)
        padded = np.pad(image, pad, mode="edge")
        length = image.shape[axis]
        windows = (padded[s : s + length] if axis == 0 else padded[:, s : s + length] for s in range(2 * radius + 1))
        image = functools.reduce(np.minimum, windows)
    return image


def shrink_alpha(alpha: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(Image.fromarray(alpha).resize(size, Image.Resampling.BILINEAR))
