"""Teeth, gums and tongue from the photo: their tone, within what teeth and mouths are.

Rule of this file: how much light gets past the lips is known by half at best, its colour better; so the photo moves a tone as far
as it can know it, and what it shows dark, burnt or in a lip's colour says nothing of teeth. Single teeth are not painted: those
of the head stand where anatomy has them, not where this person's do.

Numbers: the 16 tabs of the VITA classical guide in CIELAB (O'Brien, Groh & Boenke 1990, J Dent Res 69: L* 65-80, a* -2-2,
b* 12-22), widened to teeth in vivo (ANTHROPOMETRY.md B5: L* 73.5, SD 7.6) and bleached ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..appearance.skin import B_BLOOD, find_pigments
from ..render.rasterize import interpolate, rasterize, sample_image
from ..render.shading import SRGB_TABLE, linear_to_srgb
from ..types import Camera, Photo
from .atlas import INNER_PARTS, Atlas
from .face_zones import soft_step
from .light import head_crop
from .skin_mask import minimum_filter
from .surface import HeadSurface

TEETH = (INNER_PARTS.index("upper_teeth"), INNER_PARTS.index("lower_teeth"))
FIRST_MOUTH_PART = min(TEETH)
MOUTH_PX = 256
"""Longer side of the mouth in the photo that tones are read from."""
MARGIN_M = 6e-4
"""So near a lip, or where tooth meets gum, a pixel says nothing."""
GUM_TINT = 0.5
"""Log of red over green in the base's paint: teeth below, gums and tongue above."""
TOOTH_TINT, MUCOSA_TINT = (0.35, 0.5), (0.3, 0.5)
"""The same of what the photo shows, its light divided out: surely a tooth below the first, surely no tooth above the second."""
BURNT_COLOUR = 0.95
DEEP = 0.3
"""Light, relative to the best lit of the mouth, below which a pixel is in the dark."""
GAP, SHINE = -0.5, 0.3
"""Log brightness beside the upper quartile: gaps and shadows below, wet shine above."""
LEAST_PIXELS, SURE_SHARE = 16, 0.55
"""Pixels that must agree, and which share of those that should: else the mouth of the fit is not the photo's."""
BASIS = np.array([[1 / 3, 1 / 3, 1 / 3], [1, -1, 0], [0, 1, -1]])
"""Log colour -> level, red over green, green over blue."""
TOOTH_MEAN = np.array([-0.85, 0.16, 0.39])
TOOTH_COVARIANCE = np.array([[0.0355, -0.0069, -0.0095], [-0.0069, 0.0046, 0.0053], [-0.0095, 0.0053, 0.0111]])
TOOTH_RANGE = np.array([[-1.3, 0.04, 0.12], [-0.42, 0.32, 0.65]])
"""Of teeth in BASIS: the guide's mean and covariance (darker teeth are redder and yellower) with scatter about the tabs, and the
bounds: L* 62 to 86, b* 6 to 25."""
PASSED_ON = 0.4
"""Share of the log light taken by lips that comes back: no tooth shows more than the lamps give it."""
LIGHT_BIAS, LIGHT_SD = np.array([0.05, 0.07, -0.10]), np.array([0.23, 0.07, 0.09])
"""What teeth show beyond their paint in that light, in BASIS, and how that varies: light from lips, wet shine. Measured on 29
rendered heads (seeds 8,800,000 and up)."""
MUCOSA_LIGHT_BIAS, MUCOSA_LIGHT_SD = np.array([-0.8, 0.08, 0.07]), np.array([0.6, 0.17, 0.20])
"""The same of gums and tongue, on 20 of them: deeper in the mouth it is darker."""
MUCOSA_SD, MUCOSA_RANGE = np.array([0.12, 0.12, 0.06]), np.array([0.25, 0.25, 0.12])
"""Of gums and tongues beside the base's: deviation between people and the bounds."""
TONED_CONFIDENCE = 60
"""In the confidence map, where the photo shows the tone and no more: less than a mirror twin's skin."""
BLOOD_SHARE, BLOOD_RANGE = 0.5, 0.5
"""How far an unseen mouth follows the skin's blood."""


@dataclass(frozen=True)
class MouthTone:
    """Factors [3] of the base's linear paint, teeth and mucosa (gums, tongue), and which of them the photo shows."""

    teeth: np.ndarray
    mucosa: np.ndarray
    sees_teeth: bool = False
    sees_mucosa: bool = False


BASE_TONE = MouthTone(np.ones(3), np.ones(3))


@dataclass(frozen=True)
class MouthPixels:
    """What the photo shows behind the lips, clear of them: in BASIS its colour over the light, albedo, and the base's paint there
    [N, 3]; light (mean), is_tooth and is_burnt [N]: at least so bright, in no certain colour."""

    albedo: np.ndarray
    paint: np.ndarray
    light: np.ndarray
    is_tooth: np.ndarray
    is_burnt: np.ndarray


def find_mouth_tone(
    photo: Photo, camera: Camera, surface: HeadSurface, atlas: Atlas, diffuse: np.ndarray, skin: np.ndarray
) -> MouthTone:
    """diffuse [V, 3]: the light (light_past_lips); skin [3]: the person's, linear."""
    _, blood, _ = find_pigments(skin)
    unseen = np.exp(-BLOOD_SHARE * np.clip(blood, -BLOOD_RANGE, BLOOD_RANGE) * B_BLOOD)
    pixels = see_mouth(photo, camera, surface, atlas, diffuse)
    teeth, mucosa = (None, None) if pixels is None else (read_teeth(pixels), read_mucosa(pixels))
    return MouthTone(
        np.ones(3) if teeth is None else np.exp(teeth),
        unseen if mucosa is None else np.exp(mucosa),
        teeth is not None,
        mucosa is not None,
    )


def light_past_lips(shadowed: np.ndarray, unshadowed: np.ndarray) -> np.ndarray:
    """The lamps' light in a mouth [V, 3], between what is left by traced lips and by none: lips and teeth pass light on."""
    return np.maximum(shadowed, 1e-3) ** (1 - PASSED_ON) * np.maximum(unshadowed, 1e-3) ** PASSED_ON


def see_mouth(photo: Photo, camera: Camera, surface: HeadSurface, atlas: Atlas, diffuse: np.ndarray) -> MouthPixels | None:
    """The pixels whose rays meet teeth, gums or tongue a margin away from anything else; None where the lips hide them."""
    shown = np.flatnonzero((atlas.inner >= FIRST_MOUTH_PART) & surface.seen)
    if not len(shown):
        return None
    image, view = head_crop(photo.pixels, camera, surface.vertices[shown], MOUTH_PX)
    raster = rasterize(surface.vertices, atlas.opaque, view)
    in_mouth = raster.is_covered & (atlas.inner[atlas.opaque[raster.triangle_id, 0]] >= FIRST_MOUTH_PART)
    paint = interpolate(np.log(base_paint(atlas)), raster, atlas.opaque)
    is_tooth = in_mouth & (paint @ BASIS[1] < GUM_TINT)
    pixel_m = np.median(raster.depth[in_mouth]) / view.K[0, 0] if in_mouth.any() else 1.0
    radius = max(1, round(MARGIN_M / pixel_m))
    clear = minimum_filter(is_tooth, radius) | minimum_filter(in_mouth & ~is_tooth, radius)
    row, column = np.nonzero(clear)
    if len(row) < LEAST_PIXELS:
        return None
    light = interpolate(diffuse, raster.select(row, column), atlas.opaque)
    colour = sample_image(image, np.stack([column, row], -1) + 0.5, SRGB_TABLE)
    lit = light.mean(1) > DEEP * np.percentile(light.mean(1), 90)
    row, column, light, colour = row[lit], column[lit], light[lit], colour[lit]
    albedo = np.log(np.maximum(colour, 2e-3)) - np.log(np.maximum(light, 1e-3))
    is_burnt = colour.max(1) > BURNT_COLOUR
    return MouthPixels(albedo @ BASIS.T, paint[row, column] @ BASIS.T, light.mean(1), is_tooth[row, column], is_burnt)


def read_teeth(pixels: MouthPixels) -> np.ndarray | None:
    """Log factor [3] of the base's teeth; None where too few pixels surely are teeth."""
    trust = pixels.is_tooth * pixels.light * (1 - soft_step(pixels.albedo[:, 1], *TOOTH_TINT))
    trust = without_outliers(pixels.albedo[:, 0], trust)
    if not is_sure(trust, pixels.is_tooth):
        return None
    base = np.median(pixels.paint[pixels.is_tooth], 0)
    seen = middle_colour(pixels.albedo, trust, pixels.is_burnt) - LIGHT_BIAS
    if ((seen < TOOTH_RANGE[0] - LIGHT_SD) | (seen > TOOTH_RANGE[1] + 2 * LIGHT_SD)).any():
        return None
    gain = TOOTH_COVARIANCE @ np.linalg.inv(TOOTH_COVARIANCE + np.diag(LIGHT_SD**2))
    tone = np.clip(TOOTH_MEAN + gain @ (seen - TOOTH_MEAN), *TOOTH_RANGE)
    return np.linalg.solve(BASIS, tone - base)


def read_mucosa(pixels: MouthPixels) -> np.ndarray | None:
    """Log factor [3] of the base's gums and tongue; None where too few pixels surely are theirs."""
    beside = pixels.albedo - pixels.paint
    trust = ~pixels.is_tooth * pixels.light * soft_step(pixels.albedo[:, 1], *MUCOSA_TINT)
    trust = without_outliers(beside[:, 0], trust)
    if not is_sure(trust, ~pixels.is_tooth):
        return None
    seen = middle_colour(beside, trust, pixels.is_burnt) - MUCOSA_LIGHT_BIAS
    gain = MUCOSA_SD**2 / (MUCOSA_SD**2 + MUCOSA_LIGHT_SD**2)
    return np.linalg.solve(BASIS, np.clip(gain * seen, -MUCOSA_RANGE, MUCOSA_RANGE))


def is_sure(trust: np.ndarray, expected: np.ndarray) -> bool:
    """Are enough pixels trusted [N], and most of those that the head's shape expects there [N] bool?"""
    count = (trust > 0).sum()
    return bool(count >= LEAST_PIXELS and count > SURE_SHARE * expected.sum())


def without_outliers(level: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """Trust [N] without what is far darker or lighter in log brightness [N] than the trusted's upper quartile."""
    if not (trust > 0).any():
        return trust
    beside = level - np.percentile(level[trust > 0], 75)
    return trust * ((beside > GAP) & (beside < SHINE))


def middle_colour(colours: np.ndarray, trust: np.ndarray, is_burnt: np.ndarray) -> np.ndarray:
    """Median [3] in BASIS of colours [N, 3] under trust [N]; what is burnt [N] tells brightness and no tint."""
    level = weighted_median(colours[:, :1], trust)
    tint = weighted_median(colours[:, 1:], np.maximum(trust * ~is_burnt, 1e-9 * trust))
    return np.concatenate([level, tint])


def weighted_median(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Of each column of values [N, C] under weight [N], [C]."""
    order = np.argsort(values, axis=0)
    share = np.cumsum(weight[order], axis=0)
    middle = (share < 0.5 * share[-1]).sum(0)
    return np.take_along_axis(values, np.take_along_axis(order, middle[None], 0), 0)[0]


def describe_mouth(tones: list[MouthTone]) -> dict[str, str]:
    """For the provenance: whether any photo shows the teeth's tone, and that of gums and tongue."""
    seen = {"teeth": [tone.sees_teeth for tone in tones], "gums and tongue": [tone.sees_mucosa for tone in tones]}
    return {part: "from the photo" if any(shown) else "assumed" for part, shown in seen.items()}


def base_paint(atlas: Atlas) -> np.ndarray:
    """The base's linear paint around each vertex [V, 3], at least 1e-3."""
    return np.maximum(SRGB_TABLE[np.clip(atlas.base_vertex, 0, 255).astype(np.uint8)].astype(np.float64), 1e-3)


def tone_vertices(atlas: Atlas, tone: MouthTone) -> np.ndarray:
    """base_paint with the mouth toned."""
    paint = base_paint(atlas)
    at = np.flatnonzero(atlas.inner >= FIRST_MOUTH_PART)
    is_tooth = np.log(paint[at]) @ BASIS[1] < GUM_TINT
    paint[at] *= np.where(is_tooth[:, None], tone.teeth, tone.mucosa)
    return paint


def paint_mouth(albedo: np.ndarray, atlas: Atlas, tone: MouthTone) -> np.ndarray:
    """Tone teeth, gums and tongue of albedo [S, S, 3] sRGB bytes in place; flat index [N] of those whose tone the photo shows."""
    in_mouth = np.append(atlas.inner[atlas.triangles[:, 0]] >= FIRST_MOUTH_PART, False)
    index = np.flatnonzero(in_mouth[atlas.texels.triangle_id])
    flat = albedo.reshape(-1, 3)
    paint = flat[index]
    log_table = np.log(np.maximum(SRGB_TABLE, 1e-3))
    is_tooth = log_table[paint[:, 0]] - log_table[paint[:, 1]] < GUM_TINT
    for factor, chosen in ((tone.teeth, is_tooth), (tone.mucosa, ~is_tooth)):
        curves = (255 * linear_to_srgb(SRGB_TABLE[:, None] * factor) + 0.5).astype(np.uint8)
        flat[index[chosen]] = np.stack([curves[paint[chosen, channel], channel] for channel in range(3)], -1)
    return index[is_tooth * tone.sees_teeth | ~is_tooth * tone.sees_mucosa]
