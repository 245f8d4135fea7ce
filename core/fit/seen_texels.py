"""Which texels a photo shows, how well, and in what colour once its light is divided out.

Rule of this file: sight is judged at the coarse size and is smooth; colours are sampled at the fine size, one pass a texel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageFilter

from ..render.camera import model_to_camera, project
from ..render.rasterize import interpolate
from ..render.runtime import as_warp, launch, load_texel_kernels, load_warp
from ..render.shading import SRGB_TABLE, linear_to_srgb
from ..types import Camera, Photo
from .atlas import Atlas
from .face_zones import soft_step
from .light import SkinLight, head_crop
from .shading_field import GLINT, GLINT_SHARE, LEAST_REMAINING, PALE, Shading
from .skin_mask import MASK_PX, PhotoMask, build_mask
from .surface import HeadSurface, cosine_to_eye, mirror_values
from .texels import Texels, texel_arrays

GRAZING = (0.22, 0.5)
"""Cosines between which the photo's weight rises from 0 to 1: below, a texel is a smear of few pixels."""
BETTER_SEEN = (0.2, 0.45)
"""How much better (weight times cosine) a twin must be seen before, and until, it replaces the texel."""
LIT = (0.1, 0.25)
"""Light, relative to the face's brightest, between which a texel gets trusted: in deeper shadow division only amplifies noise."""
LEAST_WEIGHT = 0.01
ENCODE_CURVE = (255 * linear_to_srgb(np.linspace(0, 1, 1025) ** 2)).astype(np.float32)
"""sRGB bytes, not rounded, evenly over the square root of linear."""


@dataclass(frozen=True)
class SeenTexels:
    """index [N] into the flat texture; colour [N, 3] sRGB bytes as float32, de-lit; weight, cosine [N];
    quality [s, s]: weight times cosine, at the coarse size."""

    index: np.ndarray
    colour: np.ndarray
    weight: np.ndarray
    cosine: np.ndarray
    quality: np.ndarray


@dataclass(frozen=True)
class View:
    """What the painter samples: image [h, w, 3] sRGB bytes of `camera`, and where it may be painted."""

    image: np.ndarray
    camera: Camera
    mask: PhotoMask


@dataclass(frozen=True)
class Seat:
    """Where each vertex looks for its colour, its own place or its twin's: points in camera space [V, 3], cosine [V], the light
    there: diffuse, highlight [V, 3]; skin [3]: the person's, linear, and its gloss; margin_m: how near before it something may
    stand."""

    in_camera: np.ndarray
    cosine: np.ndarray
    diffuse: np.ndarray
    highlight: np.ndarray
    skin: np.ndarray
    gloss: float
    margin_m: float


def prepare_view(
    photo: Photo, camera: Camera, surface: HeadSurface, atlas: Atlas, skin_light: SkinLight, shading: Shading
) -> View:
    """Crop the head, shrink it when its pixels are finer than the texels (else they would alias), and judge its pixels."""
    pixels, _ = project(camera, surface.vertices)
    scale = atlas.texels.size / atlas.coarse.size
    shrink = min(1.0, scale / max(pixels_per_texel(pixels, atlas), 1e-3))
    image, view = head_crop(photo.pixels, camera, surface.vertices, max(64.0, shrink * np.ptp(pixels, axis=0).max()))
    small, small_view = head_crop(photo.pixels, camera, surface.vertices, MASK_PX)
    alpha = None if photo.alpha is None else head_crop(photo.alpha, camera, surface.vertices, MASK_PX)[0]
    expected = skin_light.skin_linear_rgb * shading.diffuse + shading.highlight
    mask = build_mask(
        small, alpha, small_view, surface.vertices, atlas.opaque, expected, atlas.zones, skin_light.spread, skin_light.foreign
    )
    return View(image, view, mask)


def pixels_per_texel(pixels: np.ndarray, atlas: Atlas) -> float:
    """Median over the front's triangles of the photo's pixels along a coarse texel's side."""
    front = atlas.is_skin & (atlas.zones.front[atlas.triangles].min(1) > 0.5)
    seen = atlas.coarse.triangle_id[atlas.coarse.triangle_id >= 0]
    texels = np.bincount(seen, minlength=len(atlas.triangles))
    p = pixels[atlas.triangles[front]]
    a, b = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]
    area = 0.5 * np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    counted = texels[front] > 2
    return float(np.sqrt(np.median(area[counted] / texels[front][counted]))) if counted.any() else 1.0


def own_seat(surface: HeadSurface, camera: Camera, shading: Shading, skin_light: SkinLight) -> Seat:
    return Seat(
        model_to_camera(camera, surface.vertices),
        surface.cosine,
        shading.diffuse,
        shading.highlight,
        skin_light.skin_linear_rgb,
        skin_light.gloss,
        2e-4,
    )


def twin_seat(surface: HeadSurface, camera: Camera, shading: Shading, skin_light: SkinLight, atlas: Atlas) -> Seat:
    """The places of the mirror twins: what the photo shows of the other side."""
    table = mirror_values(np.column_stack([surface.vertices, surface.normals, shading.diffuse, shading.highlight]), atlas.mirror)
    normals = table[:, 3:6] / np.maximum(np.linalg.norm(table[:, 3:6], axis=1, keepdims=True), 1e-9)
    cosine = cosine_to_eye(table[:, :3], normals, camera)
    return Seat(
        model_to_camera(camera, table[:, :3]),
        cosine,
        table[:, 6:9],
        table[:, 9:],
        skin_light.skin_linear_rgb,
        skin_light.gloss,
        1e-3,
    )


def see_texels(view: View, surface: HeadSurface, atlas: Atlas, seat: Seat, wanted: np.ndarray | None = None) -> SeenTexels:
    """The skin texels that the photo shows at the seats, with soft weights.

    The weight is found at the coarse size: facing, free sight, enough light, the photo's mask; a texel next to a hidden one
    counts for less, so that no occluder's rim is painted on what lies behind. wanted [s, s]: coarse texels to look at.
    """
    coarse = atlas.coarse
    may_face = np.append(seat.cosine[atlas.triangles].max(1) > GRAZING[0], False)
    index = atlas.coarse_skin[may_face[coarse.triangle_id[atlas.coarse_skin]]]
    if wanted is not None:
        index = index[wanted.reshape(-1)[index]]
    lit = seat.diffuse.mean(1) / max(np.percentile(seat.diffuse.mean(1)[surface.seen], 90) if surface.seen.any() else 1.0, 1e-6)
    table = np.column_stack([seat.in_camera, seat.cosine, atlas.exposed, lit])
    values = interpolate(table, coarse.select(index), atlas.triangles)
    is_free = values[:, 3] > GRAZING[0]
    is_free[is_free] = surface.sees_camera.sees(np.zeros(3), values[is_free, :3], seat.margin_m)
    judged = soft_step(values[:, 3], *GRAZING) * values[:, 4] * soft_step(values[:, 5], *LIT)
    judged *= view.mask.sample(image_points(view.mask.camera, values[:, :3]))
    weight = soften(coarse, index, is_free, judged)
    quality = np.zeros(coarse.size**2, np.float32)
    quality[index] = weight.reshape(-1)[index] * np.clip(values[:, 3], 0, 1)
    colour, fine_weight, cosine, fine = sample_texels(view, atlas, seat, weight)
    return SeenTexels(fine, colour, fine_weight, cosine, quality.reshape(weight.shape))


def sample_texels(
    view: View, atlas: Atlas, seat: Seat, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Coarse weights [s, s] -> colour [N, 3], weight, cosine [N] and flat index [N] of the fine texels under them."""
    wp, texels = load_warp(), atlas.texels
    index = refine(np.flatnonzero(weight.reshape(-1) > LEAST_WEIGHT), atlas.coarse.size, texels.size)
    colour = np.empty((len(index), 3), np.float32)
    fine_weight, cosine = np.empty(len(index), np.float32), np.empty(len(index), np.float32)
    K = view.camera.K
    table = np.column_stack([seat.in_camera, seat.cosine, seat.diffuse, seat.highlight])
    common = [
        as_warp(np.ascontiguousarray(view.image), wp.uint8), wp.vec2(K[0, 0], K[1, 1]), wp.vec2(K[0, 2], K[1, 2]),
        as_warp(np.ascontiguousarray(table, np.float32), wp.float32), *texel_arrays(texels, atlas.triangles),
        as_warp(np.ascontiguousarray(weight, np.float32), wp.float32), texels.size, LEAST_REMAINING,
        wp.vec3(*map(float, seat.skin)), GLINT, PALE, GLINT_SHARE * min(seat.gloss, 1.0),
        as_warp(SRGB_TABLE, wp.float32),
        as_warp(ENCODE_CURVE, wp.float32),
    ]  # fmt: skip
    outputs = [as_warp(index, wp.int32)] + [as_warp(a, wp.float32) for a in (colour, fine_weight, cosine)]
    launch(load_texel_kernels().sample_skin, len(index), common, outputs)
    return colour, fine_weight, cosine, index


def refine(index: np.ndarray, coarse_size: int, size: int) -> np.ndarray:
    """Flat indices [N] of a coarse texture -> those of all texels under them, [N scale^2] int32."""
    scale = size // coarse_size
    rows, columns = np.divmod(index.astype(np.int32), coarse_size)
    corner = rows * (scale * size) + columns * scale
    inner = (np.arange(scale, dtype=np.int32)[:, None] * size + np.arange(scale, dtype=np.int32)).ravel()
    return (corner[:, None] + inner).ravel()


def yield_to_mirror(direct: SeenTexels, other: SeenTexels, size: int) -> SeenTexels:
    """The direct texels, fading where the other side shows its twin much straighter (the far cheek of a turned head)."""
    fade = soft_step(other.quality - direct.quality, *BETTER_SEEN)
    if not fade.any():
        return direct
    row, column = np.divmod(direct.index, size)
    scale = size // len(fade)
    return replace(direct, weight=direct.weight * (1 - fade[row // scale, column // scale]).astype(np.float32))


def image_points(camera: Camera, points_camera: np.ndarray) -> np.ndarray:
    """Camera-space points [N, 3] -> pixels [N, 2], all in float32."""
    focal, centre = camera.K[[0, 1], [0, 1]].astype(np.float32), camera.K[:2, 2].astype(np.float32)
    return points_camera[:, :2] * (focal / points_camera[:, 2:]) + centre


def soften(coarse: Texels, index: np.ndarray, is_free: np.ndarray, judged: np.ndarray) -> np.ndarray:
    """Weights of the listed texels as a map [s, s] float32: hidden texels' neighbours fade over a hundredth of the texture."""
    radius = max(1, round(coarse.size / 200))
    is_covered = coarse.triangle_id >= 0
    free = np.where(is_covered, 0, 255).astype(np.uint8)
    free[index] = 255 * is_free
    near = blur_bytes(free, coarse.size, radius)[index] / 255
    weight = np.zeros(coarse.size**2, np.uint8)
    weight[index] = 255 * judged * soft_step(near, 0.6, 0.98) * is_free + 0.5
    blurred = blur_bytes(weight, coarse.size, max(1, radius // 3)).astype(np.float32)
    inside = blur_bytes(is_covered.astype(np.uint8) * 255, coarse.size, max(1, radius // 3))
    return (blurred / np.maximum(inside, 1) * is_covered).reshape(coarse.size, coarse.size)


def blur_bytes(flat: np.ndarray, size: int, radius: int) -> np.ndarray:
    return np.asarray(Image.fromarray(flat.reshape(size, size)).filter(ImageFilter.BoxBlur(radius))).reshape(-1)
