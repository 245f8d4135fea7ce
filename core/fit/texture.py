"""From a photo on a fitted head to a whole, de-lit albedo texture: seen, mirrored and invented texels without a seam.

Rule of this file: three layers under soft weights, each over the one before. (1) The base texture toned to the person's skin,
moved by a membrane on the mesh so that it meets the seen skin in colour. (2) The other side's detail, where that side was seen
better. (3) The photo. The photo's light is divided out of (2) and (3) before anything is compared with them. Colours are blended
as sRGB bytes, tones are matched in linear light.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..appearance.albedo import vertex_colours
from ..appearance.estimate import estimate_appearance
from ..appearance.parameters import Appearance
from ..appearance.surface_maps import scatter_share
from ..head.model import HeadModel
from ..render.rasterize import interpolate
from ..render.runtime import as_warp, launch, load_texel_kernels, load_warp
from ..render.shading import SRGB_TABLE, linear_to_srgb, srgb_to_linear
from ..types import Camera, Photo
from .atlas import COUNTED_TEXELS, Atlas, get_atlas
from .eye_paint import paint_eyes
from .eye_texture import IRIS_M, iris_colour, tint_irises
from .gutters import fill_gutters
from .light import SkinLight, fit_skin_light
from .membrane import stretch_membrane
from .mouth_paint import TONED_CONFIDENCE, MouthTone, paint_mouth
from .seen_texels import SeenTexels, View, own_seat, prepare_view, see_texels, twin_seat, yield_to_mirror
from .shading_field import Shading, correct_shading, lamp_shading
from .surface import HeadSurface, mirror_values, pose_surface
from .texels import gather, texel_arrays

MIRROR_CERTAINTY = 0.08
MIRROR_CONFIDENCE = 85
LEAST_TEXELS = 0.5
TONE_RANGE = (0.02, 8.0)
"""Factors by which the base skin may be darkened and lightened."""
CERTAIN_TEXELS = 200
FULL_LIP = 0.9


def bake_texture(
    photo: Photo, camera: Camera, posed: np.ndarray, model: HeadModel, size: int = 2048, skin_light: SkinLight | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Photo and its fitted camera and posed vertices [V, 3] -> albedo [size, size, 3] sRGB uint8, confidence [size, size] uint8.

    Confidence: 255 seen straight on, less at grazing angles, at most 85 where mirrored from the other side, 60 on teeth and
    gums whose tone the photo shows, 0 invented.
    """
    painting = paint_sight(look_at_skin(photo, camera, posed, model, size, skin_light))
    return painting.albedo, painting.confidence


@dataclass(frozen=True)
class Sight:
    """What one photo shows of a posed head's skin, at one texture size."""

    atlas: Atlas
    surface: HeadSurface
    skin_light: SkinLight
    shading: Shading
    view: View
    direct: SeenTexels
    other: SeenTexels


def look_at_skin(
    photo: Photo, camera: Camera, posed: np.ndarray, model: HeadModel, size: int = 2048, skin_light: SkinLight | None = None
) -> Sight:
    """Photo and its fitted camera and posed vertices [V, 3] -> its sight."""
    skin_light = fit_skin_light(photo, camera, posed, model) if skin_light is None else skin_light
    atlas = get_atlas(model, size)
    surface = pose_surface(posed, atlas, camera)
    shading = lamp_shading(surface, atlas, camera, skin_light)
    shading = correct_shading(photo, camera, surface, atlas, skin_light, shading)
    view = prepare_view(photo, camera, surface, atlas, skin_light, shading)
    direct = see_texels(view, surface, atlas, own_seat(surface, view.camera, shading, skin_light))
    other = see_texels(view, surface, atlas, twin_seat(surface, view.camera, shading, skin_light, atlas), direct.quality < 0.8)
    return Sight(atlas, surface, skin_light, shading, view, yield_to_mirror(direct, other, size), other)


@dataclass(frozen=True)
class Painting:
    """bake_texture's albedo and confidence; appearance: what the photo says of the person's skin, which filled what it hides;
    mouth: what it says of teeth and gums."""

    albedo: np.ndarray
    confidence: np.ndarray
    appearance: Appearance
    mouth: MouthTone


def paint_sight(sight: Sight) -> Painting:
    """One photo's whole texture."""
    atlas, surface, view, direct, other = sight.atlas, sight.surface, sight.view, sight.direct, sight.other
    means = [vertex_means(texels, atlas, len(surface.vertices)) for texels in (direct, other)]
    skin = seen_skin_colour(atlas, direct, sight.skin_light)
    tone = tone_base(atlas, skin)
    appearance = read_appearance(*means[0], atlas, skin)
    albedo = paint(atlas, surface, direct, other, means, tone, expected_shift(atlas, tone, appearance))
    iris = iris_colour(view.image, view.camera, surface.vertices, surface.normals, atlas.iris_radius, surface.occluder)
    if iris is not None:
        light = np.maximum(eye_light(atlas, surface, sight.shading.diffuse), 0.02)
        tint_irises(albedo, iris / light, atlas.iris_radius, atlas.triangles, atlas.texels)
        paint_eyes(albedo, view.image, view.camera, surface, atlas, sight.shading.diffuse)
    toned = paint_mouth(albedo, atlas, sight.shading.mouth)
    fill_gutters(albedo, atlas.gaps, atlas.gap_share)
    confidence = rate_confidence(direct, other, atlas.texels.size)
    confidence.reshape(-1)[toned] = TONED_CONFIDENCE
    return Painting(albedo, confidence, appearance, sight.shading.mouth)


def bake_surface_maps(albedo: np.ndarray, model: HeadModel, skin_linear_rgb: np.ndarray) -> dict[str, np.ndarray]:
    """Finished albedo [size, size, 3] -> 'roughness', 'specular', 'subsurface', [m, m] uint8 each (m at most 1024)."""
    maps = get_atlas(model, len(albedo)).surface_maps
    step = len(albedo) // len(maps)
    share = scatter_share(SRGB_TABLE[albedo[step // 2 :: step, step // 2 :: step]], skin_linear_rgb)
    subsurface = np.clip(maps[..., 2] * share, 0, 255).astype(np.uint8)
    return {"roughness": maps[..., 0].copy(), "specular": maps[..., 1].copy(), "subsurface": subsurface}


def eye_light(atlas: Atlas, surface: HeadSurface, diffuse: np.ndarray) -> np.ndarray:
    """Mean light [3] on the irises as far as they are seen, of the vertices' [V, 3]."""
    ring = (atlas.iris_radius < IRIS_M) & surface.seen
    return diffuse[ring].mean(0) if ring.any() else np.ones(3)


@dataclass(frozen=True)
class Tone:
    """Curves [256, 3] from the base's bytes to the person's (float32), the base's vertex colours through them: vertex, plain
    [V, 3] (atlas.base_vertex, base_plain)."""

    curves: np.ndarray
    vertex: np.ndarray
    plain: np.ndarray


def tone_base(atlas: Atlas, skin: np.ndarray) -> Tone:
    """The base skin scaled in linear light so that its sure skin has the linear colour `skin` [3]."""
    ratio = np.clip(skin / np.maximum(atlas.base_skin, 1e-3), *TONE_RANGE)
    curves = (255 * linear_to_srgb(SRGB_TABLE[:, None] * ratio)).astype(np.float32)
    vertex, plain = (
        np.stack([np.interp(colours[:, c], np.arange(256), curves[:, c]) for c in range(3)], -1)
        for colours in (atlas.base_vertex, atlas.base_plain)
    )
    return Tone(curves, vertex, plain)


def seen_skin_colour(atlas: Atlas, direct: SeenTexels, skin_light: SkinLight) -> np.ndarray:
    """Linear median of the painted sure skin, or the light estimate's skin where too little is seen; [3]."""
    step = max(1, len(direct.index) // COUNTED_TEXELS)
    index, weight = direct.index[::step], direct.weight[::step]
    sure = interpolate(atlas.zones.sure_skin, atlas.texels.select(index), atlas.triangles)
    chosen = (sure > 0.5) & (weight > 0.5)
    if chosen.sum() * step < CERTAIN_TEXELS:
        return skin_light.skin_linear_rgb
    return srgb_to_linear(np.median(direct.colour[::step][chosen], 0) / 255)


def vertex_means(texels: SeenTexels, atlas: Atlas, num_vertices: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean colour of seen texels around each vertex [V, 3], and their mean weight [V]: 0 where too few texels are near."""
    if not len(texels.index):
        return np.zeros((num_vertices, 3)), np.zeros(num_vertices)
    stride = max(1, len(texels.index) // COUNTED_TEXELS)
    sums, share = gather(atlas.texels, atlas.triangles, texels.index, texels.colour, texels.weight, num_vertices, stride)
    ones = np.ones(len(texels.index), np.float32)
    total = gather(atlas.texels, atlas.triangles, texels.index, ones[:, None], ones, num_vertices, stride)[1]
    is_counted = (total > LEAST_TEXELS) & (share > 0.01 * total)
    return sums / np.maximum(share, 1e-6)[:, None], np.where(is_counted, share / np.maximum(total, 1e-6), 0)


def read_appearance(seen: np.ndarray, weight: np.ndarray, atlas: Atlas, skin: np.ndarray) -> Appearance:
    """What the seen skin's mean colours [V, 3] (sRGB bytes, weights [V]) say of the person; skin [3]: its linear median."""
    return estimate_appearance(srgb_to_linear(seen / 255), np.clip(weight, 0, 1), atlas.zones.feature, skin, atlas.face_map)


def expected_shift(atlas: Atlas, tone: Tone, appearance: Appearance) -> np.ndarray:
    """How far the toned base is from the person's expected colours, sRGB bytes [V, 3]: skin by its zones, and lips."""
    face = atlas.face_map
    if face is None:
        return np.zeros_like(tone.plain)
    expected = 255 * linear_to_srgb(vertex_colours(appearance, face))
    lip = face.lip * (1 - np.clip(face.inside, 0, 1))
    shift = (1 - lip[:, None]) * (expected - tone.plain)
    full = (face.lip > FULL_LIP) & (face.inside < 0.02)
    if full.any():
        shift += lip[:, None] * np.median(expected[full] - tone.vertex[full], 0)
    return shift * (1 - face.inside[:, None]) * (atlas.inner < 0)[:, None]


def paint(
    atlas: Atlas, surface: HeadSurface, direct: SeenTexels, other: SeenTexels, means: list[tuple[np.ndarray, np.ndarray]],
    tone: Tone, expected: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Base moved by expected [V, 3] and the membrane, then the mirrored detail, then the photo: [size, size, 3] sRGB uint8."""
    plain = 1 - atlas.zones.feature
    (seen, seen_weight), (twin, twin_weight) = means
    certainty = np.clip(seen_weight, 0, 1) * plain
    hint = MIRROR_CERTAINTY * np.clip(twin_weight, 0, 1) * plain * (1 - np.clip(seen_weight, 0, 1))
    both = certainty + hint
    wanted = (seen * certainty[:, None] + twin * hint[:, None]) / np.maximum(both, 1e-6)[:, None]
    shift = expected + stretch_membrane(surface.vertices, atlas.graph, wanted - tone.vertex - expected, both)
    smooth = tone.plain + shift
    albedo = np.empty((atlas.texels.size, atlas.texels.size, 3), np.uint8)
    paint_base(albedo, atlas, tone, shift)
    blend_texels(albedo, atlas, other, smooth - mirror_values(smooth, atlas.mirror))
    blend_texels(albedo, atlas, direct, np.zeros_like(smooth))
    return albedo


def paint_base(albedo: np.ndarray, atlas: Atlas, tone: Tone, shift: np.ndarray) -> None:
    """Fill albedo [size, size, 3] uint8 with the toned base, its skin moved by shift [V, 3]."""
    wp = load_warp()
    inputs = [
        as_warp(atlas.base.reshape(-1), wp.uint8), as_warp(tone.curves, wp.float32),
        as_warp(np.ascontiguousarray(shift, np.float32), wp.float32), *texel_arrays(atlas.texels, atlas.triangles),
        as_warp(atlas.is_skin.astype(np.uint8), wp.uint8),
    ]  # fmt: skip
    launch(load_texel_kernels().paint_base, atlas.texels.size**2, inputs, [as_warp(albedo.reshape(-1), wp.uint8)])


def blend_texels(albedo: np.ndarray, atlas: Atlas, texels: SeenTexels, shift: np.ndarray) -> None:
    """Lay texels, moved by shift [V, 3], over albedo by their weights, in place."""
    if not len(texels.index):
        return
    wp = load_warp()
    inputs = [
        as_warp(texels.index, wp.int32), as_warp(texels.colour, wp.float32), as_warp(texels.weight, wp.float32),
        as_warp(np.ascontiguousarray(shift, np.float32), wp.float32), *texel_arrays(atlas.texels, atlas.triangles),
    ]  # fmt: skip
    launch(load_texel_kernels().blend_texels, len(texels.index), inputs, [as_warp(albedo.reshape(-1), wp.uint8)])


def rate_confidence(direct: SeenTexels, other: SeenTexels, size: int) -> np.ndarray:
    """How well each texel was seen, [size, size] uint8: by its own visibility, else by its mirror twin's, discounted."""
    confidence = np.zeros(size * size, np.float32)
    confidence[other.index] = MIRROR_CONFIDENCE * other.weight * other.cosine**2
    confidence[direct.index] = np.maximum(confidence[direct.index], 255 * direct.weight * direct.cosine**2)
    return np.round(confidence).astype(np.uint8).reshape(size, size)


__all__ = ["bake_surface_maps", "bake_texture", "look_at_skin", "paint_sight"]
