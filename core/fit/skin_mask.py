"""Which pixels of a photo may be painted on a fitted head: skin and features yes; hair, fringe, background, cloth, headset no.

Rule of this file: all is decided in the photo, where a fringe is one connected thing, and softly, so nothing ends in a cut.
Three judges are multiplied: colour (does the pixel look like this person's skin in this light), outline (is the pixel
clear of the head's and the nose's edge, where a small error of the fit would paint what lies behind), and the photo's alpha.
"""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass

import numpy as np

from ..render.rasterize import RasterResult, interpolate, rasterize, sample_image
from ..render.shading import SRGB_TABLE
from ..types import Camera
from .face_zones import FaceZones, soft_step
from .skin_cluster import is_foreign

MASK_PX = 448
"""Longer side of the image in which the mask is made."""
FOREIGN_TINT = 0.45
"""Log difference of colour from which a patch is no skin, but a mask or a plaster: its soft edge and the
features in its midst are not painted either."""
RED_LIP, LIP_PERCENTILE, LEAST_LIP_PX = 0.08, 65, 20
"""What tells a lip's usual brightness: log of red over green beyond the skin's; which of those pixels."""
MOUTH_DARK = (0.4, 0.85)
"""Log brightness below a lip's from which a pixel about it belongs to the dark between the lips."""
MOUTH_SHARE, BESIDE = (0.15, 0.3), 0.9
"""Share of five by five pixels that makes a mouth (a highlight on a lip is smaller); how surely the pixel beside is no lip."""
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
    expected: np.ndarray,
    zones: FaceZones,
    spread: np.ndarray,
    foreign: np.ndarray | None = None,
) -> PhotoMask:
    """image [h, w, 3] sRGB bytes and alpha [h, w] of `camera` (MASK_PX at most), posed mesh (opaque triangles), zones.

    expected [V, 3]: linear colour that this person's bare skin has there in this light; spread, foreign: light.SkinLight's.
    """
    raster = rasterize(vertices, triangles, camera, "back")
    names = [field.name for field in dataclasses.fields(zones)]
    table = np.column_stack([expected, *(getattr(zones, name) for name in names)])
    maps = interpolate(table, raster, triangles)
    values = {"expected": maps[..., :3]} | {name: maps[..., 3 + k] for k, name in enumerate(names)}
    face_px = face_size_px(raster, values["front"])
    outline = outline_clearance(raster, face_px)
    colour = colour_agreement(image, raster, values, spread, foreign, face_px)
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
    radii = np.unique(np.maximum(1, np.round(face_px * np.array([0.01, 0.02, 0.03, 0.042])).astype(int)))
    clear = np.zeros(depth.shape)
    for radius in radii:
        nearest = minimum_filter(depth, radius)
        clear += (depth - nearest < STEP_BEHIND_M + 1.0 * radius * pixel_size_m(raster)) & (minimum_filter(behind, radius) > 0)
    return box_blur(clear / len(radii), radii[0]) * behind


def pixel_size_m(raster: RasterResult) -> float:
    """A pixel's width on the head: its area there is spread by perspective only slightly."""
    covered = raster.is_covered
    return 0.25 / max(float(np.sqrt(covered.sum())), 1.0)


def colour_agreement(
    image: np.ndarray,
    raster: RasterResult,
    values: dict[str, np.ndarray],
    spread: np.ndarray,
    foreign: np.ndarray | None,
    face_px: float,
) -> np.ndarray:
    """How much each pixel looks like this skin in this light, with tolerance by zone; [h, w] in [0, 1].

    Features may have any colour, except what shows through an opening (eyeball, teeth) and hair that hangs in from above.
    Then only what hangs together with sure skin counts: background over a crown, a collar, a hand are not reached.
    """
    interior = interior_share(raster, face_px)
    tolerance = 1 + interior * (values["front"] + 1.6 * values["inner_face"])
    brightness, tint = skin_error(image, values["expected"], face_px)
    spread = np.clip(spread, (0.06, 0.03, 0.03), (0.25, 0.1, 0.1))
    tint_distance = np.linalg.norm(tint / (3 * spread[1:]), axis=-1)
    darkness = np.maximum(-brightness, 0) / (0.16 + 0.6 * spread[0]) / tolerance
    shine = soft_step(brightness, 0.05, 0.5) * interior
    tint_distance = tint_distance * (1 - 0.75 * shine)
    glare = np.maximum(brightness, 0) / (0.35 + 0.5 * interior) / tolerance
    streaks = local_roughness(image, face_px) / 0.12 / tolerance
    doubt = np.sqrt(darkness**2 + glare**2 + (tint_distance / (0.6 + 0.4 * tolerance)) ** 2 + np.maximum(streaks - 0.5, 0) ** 2)
    alike = (1 - soft_step(doubt, 0.8, 1.5)) * raster.is_covered
    behind = show_through(brightness, tint[..., 0], values["opening"], values["opening"] * (1 - values["lids"]))
    feature = soft_step(values["feature"] * interior, 0.2, 0.8) * (1 - behind)
    hanging = flood((alike < 0.5) & (values["inner_face"] < 0.5) & raster.is_covered, (alike < 0.6) & (values["upper"] > 0.5))
    rim = soft_step(box_blur(hanging.astype(float), max(2, round(0.03 * face_px))), 0.01, 0.2)
    is_plain = (values["feature"] < 0.5) & raster.is_covered
    covering = is_foreign(SRGB_TABLE[image], foreign)
    cover = ((np.linalg.norm(tint, axis=-1) > FOREIGN_TINT) | covering) & is_plain
    feature *= 1 - soft_step(box_blur(cover.astype(np.float64), max(2, round(0.12 * face_px)), is_plain), 0.3, 0.6)
    cover |= flood(cover, covering & raster.is_covered)
    radius = max(1, round(0.015 * face_px))
    spread_out = box_blur(minimum_filter(cover.astype(np.float64), radius), 4 * radius)
    rim = np.maximum(rim, soft_step(spread_out, 0.01, 0.2))
    allowed = np.maximum(alike * (1 - behind), feature) * (1 - rim)
    reached = flood((values["sure_skin"] > 0.5) & (alike > 0.5), allowed > 0.3)
    # Hair and what is behind the head are kept at a distance; inside the face a beauty spot may not tear a hole.
    keep_off = box_blur(((allowed < 0.4) & (values["inner_face"] * interior < 0.5)).astype(float), max(1, round(0.03 * face_px)))
    clear = np.minimum(allowed, 1 - soft_step(keep_off, 0.02, 0.35)) * reached
    return box_blur(clear, max(1, round(0.008 * face_px)))


def show_through(brightness: np.ndarray, red: np.ndarray, opening: np.ndarray, lips: np.ndarray) -> np.ndarray:
    """Share of each pixel that is no lid and no lip but what an opening shows, [h, w]: eyeballs and teeth, the dark of a mouth.

    brightness, red: of skin_error, red against green; opening, lips: zones [h, w]. A photo's pixel beside a tooth shows
    half of it.
    """
    pale = soft_step(-red, 0.08, 0.2) * soft_step(brightness, -2.0, -1.3)
    on_lips = (lips > 0.5) & (red > RED_LIP)
    usual = np.percentile(brightness[on_lips], LIP_PERCENTILE) if on_lips.sum() > LEAST_LIP_PX else 0.0
    dark = soft_step(usual - brightness, *MOUTH_DARK)
    in_mouth = np.maximum(pale, dark) * lips
    beside = (1 - minimum_filter(1 - in_mouth, 1)) * soft_step(box_blur(in_mouth, 2), *MOUTH_SHARE)
    return np.maximum(np.maximum(pale * opening, dark * lips), BESIDE * beside * lips)


def skin_error(image: np.ndarray, expected: np.ndarray, face_px: float) -> tuple[np.ndarray, np.ndarray]:
    """Log photo minus log of the expected skin [h, w, 3]: brightness [h, w], tint (red - green, green - blue) [h, w, 2]."""
    linear = box_blur(SRGB_TABLE[image].astype(np.float64), max(0, round(face_px / 250)))
    error = np.log(linear + 0.012) - np.log(np.maximum(expected, 0) + 0.012)
    return error.mean(-1), np.stack([error[..., 0] - error[..., 1], error[..., 1] - error[..., 2]], -1)


def flood(seeds: np.ndarray, passable: np.ndarray) -> np.ndarray:
    """Pixels of `passable` (and seeds) that hang together with a seed, [h, w] bool; at half size, so across gaps of a pixel."""
    height, width = seeds.shape
    even = np.pad(np.stack([seeds & passable, passable]), ((0, 0), (0, height % 2), (0, width % 2)))
    wet, open_ = even.reshape(2, even.shape[1] // 2, 2, even.shape[2] // 2, 2).any((2, 4))
    count = -1
    while count != (count := int(wet.sum())):
        for _ in range(8):
            grown = wet.copy()
            grown[1:] |= wet[:-1]
            grown[:-1] |= wet[1:]
            grown[:, 1:] |= wet[:, :-1]
            grown[:, :-1] |= wet[:, 1:]
            wet = grown & open_
    return np.repeat(np.repeat(wet, 2, 0), 2, 1)[:height, :width] & passable


def interior_share(raster: RasterResult, face_px: float) -> np.ndarray:
    """1 well inside the head's outline, 0 at it: nearer than an eighth of the face the photo may show what is behind; [h, w]."""
    share = box_blur(raster.is_covered.astype(np.float64), max(1, round(0.12 * face_px)))
    return soft_step(share, 0.65, 1.0)


def local_roughness(image: np.ndarray, face_px: float) -> np.ndarray:
    """Deviation of log brightness in a window of about 2 % of the face, [h, w]: hair is streaky, skin is not."""
    brightness = np.log(SRGB_TABLE[image].mean(-1) + 0.02)
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
