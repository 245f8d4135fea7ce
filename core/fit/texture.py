"""From a photo on a fitted head to a whole albedo texture: seen texels, mirrored texels, and invented skin without a seam.

Rule of this file: three layers under soft weights, each over the one before. (1) The base texture toned to the person's skin,
moved by a membrane on the mesh so that it meets the seen skin in colour. (2) The other side's detail, where that side was seen
better. (3) The photo. Colours are blended as sRGB bytes in float32, tones are matched in linear light.

The photo's light is still in layer 3: the issue "Likeness" divides it out where `photo_colours` samples (same place for
layer 2), with the light that core/fit/light.py estimates.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageFilter

from ..head.model import HeadModel, triangulate
from ..render.camera import camera_position, model_to_camera, project
from ..render.rasterize import RasterResult, interpolate, rasterize_uv, sample_image, sample_image_bicubic
from ..render.shading import SRGB_TABLE, linear_to_srgb, srgb_to_linear, vertex_normals
from ..render.visibility import Occluder
from ..types import Camera, Photo
from .eye_texture import iris_colour, iris_radius, tint_irises
from .face_zones import FaceZones, find_zones, soft_step
from .light import SkinLight, fit_skin_light, head_crop, opaque_triangles
from .membrane import stretch_membrane
from .skin_mask import MASK_PX, PhotoMask, build_mask

GRAZING = (0.22, 0.5)
"""Cosines between which the photo's weight rises from 0 to 1: below, a texel is a smear of few pixels."""
BETTER_SEEN = (0.2, 0.45)
"""How much better (weight times cosine) a twin must be seen before, and until, it replaces the texel."""
MIRROR_CERTAINTY = 0.08
MIRROR_CONFIDENCE = 85
COUNTED_TEXELS = 400_000
"""About how many texels are counted for the colours around the vertices: some dozens a vertex."""
LEAST_TEXELS = 0.5


@dataclass(frozen=True)
class HeadSurface:
    """The posed mesh as the painter needs it.

    vertices, normals [V, 3]; triangles, uv_triangles [T, 3] of all parts in the same order; opaque: those that hide;
    is_skin [T]; occluder in model space, sees_camera in camera space; zones;
    exposed [V]: 0 deep in mouth, nostrils and sockets, 1 outside.
    """

    vertices: np.ndarray
    normals: np.ndarray
    triangles: np.ndarray
    uv_triangles: np.ndarray
    opaque: np.ndarray
    is_skin: np.ndarray
    occluder: Occluder
    sees_camera: Occluder
    zones: FaceZones
    exposed: np.ndarray


@dataclass(frozen=True)
class SeenTexels:
    """index [N] into the flat texture; colour [N, 3] sRGB bytes as float32; weight, cosine [N];
    quality [h, w]: weight times cosine, at half the texture's size."""

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


def bake_texture(
    photo: Photo, camera: Camera, posed: np.ndarray, model: HeadModel, size: int = 2048, skin_light: SkinLight | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Photo and its fitted camera and posed vertices [V, 3] -> albedo [size, size, 3] sRGB uint8, confidence [size, size] uint8.

    Confidence: 255 seen straight on, less at grazing angles, at most 85 where mirrored from the other side, 0 invented.
    """
    skin_light = fit_skin_light(photo, camera, posed, model) if skin_light is None else skin_light
    surface = prepare_surface(posed, model, camera)
    raster = rasterize_uv(model.uvs, surface.uv_triangles, size)
    coarse = rasterize_uv(model.uvs, surface.uv_triangles, size // 2)
    view = prepare_view(photo, camera, surface, skin_light, coarse)
    mirror, mirrored_vertices, mirrored_normals = mirror_surface(surface, model.template)
    direct = see_texels(view, surface, raster, coarse, surface.vertices, surface.normals, 2e-4)
    other = see_texels(view, surface, raster, coarse, mirrored_vertices, mirrored_normals, 1e-3, direct.quality < 0.8)
    direct = yield_to_mirror(direct, other, size)
    base = toned_base(model, surface, raster, direct, skin_light, size)
    albedo = paint(base, raster, surface, direct, other, mirror)
    radius = iris_radius(model)
    iris = iris_colour(view.image, view.camera, posed, surface.normals, radius, surface.occluder)
    if iris is not None:
        tint_irises(albedo, iris, radius, surface.triangles, raster)
    confidence = rate_confidence(direct, other, raster.triangle_id.shape)
    return fill_gutters(albedo, raster.is_covered), confidence


def prepare_surface(posed: np.ndarray, model: HeadModel, camera: Camera) -> HeadSurface:
    """The posed head with what the painting asks of it again and again: normals, openness, occluder, mirror twins."""
    triangles, opaque = triangulate(model.faces), opaque_triangles(model)
    parts = np.repeat(model.face_parts, 1 + (model.faces[:, 3] >= 0))
    at_rest, skin = vertex_normals(model.template, opaque), np.unique(triangles[parts == model.part_names.index("skin")])
    openness = np.zeros(len(posed))
    openness[skin] = Occluder(model.template, opaque).openness(model.template[skin], at_rest[skin], 16, 0.02)
    return HeadSurface(
        posed,
        vertex_normals(posed, opaque),
        triangles,
        triangulate(model.face_uvs),
        opaque,
        parts == model.part_names.index("skin"),
        Occluder(posed, opaque),
        Occluder(model_to_camera(camera, posed), opaque),
        find_zones(model),
        soft_step(openness, 0.1, 0.3),
    )


def prepare_view(photo: Photo, camera: Camera, surface: HeadSurface, skin_light: SkinLight, coarse: RasterResult) -> View:
    """Crop the head, shrink it when its pixels are finer than the texels (else they would alias), and judge its pixels."""
    pixels, _ = project(camera, surface.vertices)
    shrink = min(1.0, 2.0 / max(pixels_per_texel(pixels, surface, coarse), 1e-3))  # a coarse texel is two of the texture's wide
    image, view = head_crop(photo.pixels, camera, surface.vertices, max(64.0, shrink * np.ptp(pixels, axis=0).max()))
    small, small_view = head_crop(photo.pixels, camera, surface.vertices, MASK_PX)
    alpha = None if photo.alpha is None else head_crop(photo.alpha, camera, surface.vertices, MASK_PX)[0]
    mask = build_mask(small, alpha, small_view, surface.vertices, surface.opaque, surface.normals, surface.zones, skin_light)
    return View(image, view, mask)


def pixels_per_texel(pixels: np.ndarray, surface: HeadSurface, raster: RasterResult) -> float:
    """Median over the front's triangles of the photo's pixels along a texel's side."""
    front = surface.is_skin & (surface.zones.front[surface.triangles].min(1) > 0.5)
    texels = np.bincount(raster.triangle_id[raster.is_covered], minlength=len(surface.triangles))
    p = pixels[surface.triangles[front]]
    a, b = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]
    area = 0.5 * np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    counted = texels[front] > 4
    return float(np.sqrt(np.median(area[counted] / texels[front][counted]))) if counted.any() else 1.0


def mirror_surface(surface: HeadSurface, template: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray, np.ndarray]:
    """Each vertex's twin on the other side: (triangle corners [V, 3], weights [V, 3]), its posed position and normal [V, 3].

    The twin is the template's surface point nearest to the vertex reflected in x = 0; it moves with the posed mesh.
    """
    skin = surface.triangles[surface.is_skin]
    face, weights = Occluder(template, skin).closest(template * np.array([-1.0, 1.0, 1.0]))
    corners = skin[np.maximum(face, 0)]
    vertices = np.einsum("vk,vkc->vc", weights, surface.vertices[corners])
    normals = np.einsum("vk,vkc->vc", weights, surface.normals[corners])
    return (corners, weights), vertices, normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)


def see_texels(
    view: View,
    surface: HeadSurface,
    raster: RasterResult,
    coarse: RasterResult,
    vertices: np.ndarray,
    normals: np.ndarray,
    margin_m: float,
    wanted: np.ndarray | None = None,
) -> SeenTexels:
    """The skin texels that the photo shows at vertices [V, 3] (the head's own or its mirrored ones), with soft weights.

    The weight is found at half the texture's size: facing, free sight, the photo's mask; a texel next to a hidden one
    counts for less, so that no occluder's rim is painted on what lies behind. wanted [h, w]: coarse texels to look at.
    """
    eye = camera_position(view.camera)
    to_eye = eye - vertices
    cosine = np.einsum("vc,vc->v", normals, to_eye) / np.linalg.norm(to_eye, axis=1)
    may_face = np.append(surface.is_skin & (cosine[surface.triangles].max(1) > GRAZING[0]), False)
    is_candidate = may_face[coarse.triangle_id]
    rows, columns = np.nonzero(is_candidate if wanted is None else is_candidate & wanted)
    in_camera = model_to_camera(view.camera, vertices)
    values = interpolate(np.column_stack([in_camera, cosine, surface.exposed]), coarse.select(rows, columns), surface.triangles)
    is_free = values[:, 3] > GRAZING[0]
    is_free[is_free] = surface.sees_camera.sees(np.zeros(3), values[is_free, :3], margin_m)
    seen_by_mask = view.mask.sample(image_points(view.mask.camera, values[:, :3]))
    weight = soften(coarse, rows, columns, is_free, soft_step(values[:, 3], *GRAZING) * values[:, 4] * seen_by_mask)
    coarse_cosine = np.clip(values[:, 3], 0, 1)
    scale = raster.triangle_id.shape[0] // weight.shape[0]
    near = np.repeat(np.repeat(weight > 0.01, scale, 0), scale, 1)
    fine_rows, fine_columns = np.nonzero(near & raster.is_covered)
    fine = raster.select(fine_rows, fine_columns)
    fine_weight = sample_image(weight[..., None], (np.stack([fine_columns, fine_rows], -1) + 0.5) / scale)[:, 0]
    values = interpolate(np.column_stack([in_camera, cosine]), fine, surface.triangles)
    colour = photo_colours(view, image_points(view.camera, values[:, :3]))
    index = fine_rows * raster.triangle_id.shape[1] + fine_columns
    quality = np.zeros_like(weight)
    quality[rows, columns] = weight[rows, columns] * coarse_cosine
    return SeenTexels(index, colour, fine_weight, np.clip(values[:, 3], 0, 1), quality)


def yield_to_mirror(direct: SeenTexels, other: SeenTexels, size: int) -> SeenTexels:
    """The direct texels, fading where the other side shows its twin much straighter (the far cheek of a turned head)."""
    fade = soft_step(other.quality - direct.quality, *BETTER_SEEN)
    row, column = np.divmod(direct.index, size)
    scale = size // len(fade)
    kept = 1 - fade[row // scale, column // scale]
    return replace(direct, weight=direct.weight * kept)


def image_points(camera: Camera, points_camera: np.ndarray) -> np.ndarray:
    """Camera-space points [N, 3] -> pixels [N, 2], all in float32 (a million points: no precision is lost that a photo has)."""
    focal, centre = camera.K[[0, 1], [0, 1]].astype(np.float32), camera.K[:2, 2].astype(np.float32)
    return points_camera[:, :2] * (focal / points_camera[:, 2:]) + centre


def photo_colours(view: View, pixels: np.ndarray) -> np.ndarray:
    """The photo at pixels [N, 2] -> sRGB bytes [N, 3] float32. De-lighting (issue "Likeness") divides by the irradiance here."""
    return sample_image_bicubic(view.image, pixels)


def soften(coarse: RasterResult, rows: np.ndarray, columns: np.ndarray, is_free: np.ndarray, judged: np.ndarray) -> np.ndarray:
    """Weights of the listed texels as a map [h, w] float32: hidden texels' neighbours fade over a hundredth of the texture."""
    radius = max(1, round(coarse.triangle_id.shape[0] / 200))
    free = np.where(coarse.is_covered, 0, 255).astype(np.uint8)
    free[rows, columns] = 255 * is_free
    near = np.asarray(Image.fromarray(free).filter(ImageFilter.BoxBlur(radius)))[rows, columns] / 255
    weight = np.zeros(free.shape, np.uint8)
    weight[rows, columns] = 255 * judged * soft_step(near, 0.6, 0.98) * is_free + 0.5
    blur = ImageFilter.BoxBlur(max(1, radius // 3))
    blurred = np.asarray(Image.fromarray(weight).filter(blur)).astype(np.float32)
    inside = np.asarray(Image.fromarray(coarse.is_covered.astype(np.uint8) * 255).filter(blur))
    return blurred / np.maximum(inside, 1) * coarse.is_covered


@dataclass(frozen=True)
class TonedBase:
    """The base texture in this person's tone: pixels [size, size, 3] sRGB bytes float32; vertex [V, 3]: their mean there."""

    pixels: np.ndarray
    vertex: np.ndarray


def toned_base(
    model: HeadModel, surface: HeadSurface, raster: RasterResult, direct: SeenTexels, skin_light: SkinLight, size: int
) -> TonedBase:
    """The base albedo at `size`, its skin scaled in linear light so that its sure skin has the seen skin's median colour."""
    image = Image.fromarray(np.ascontiguousarray(model.base_textures["albedo"][..., :3]))
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.LANCZOS)
    pixels = np.asarray(image)
    skin_of_photo = seen_skin_colour(surface, raster, direct, skin_light)
    sure = np.flatnonzero(surface.zones.sure_skin > 0.5)
    vertex, counted = vertex_means(pixels.reshape(-1, 3), None, surface, raster)
    on_skin = np.isin(np.arange(len(vertex)), surface.triangles[surface.is_skin])
    vertex[counted == 0] = np.median(vertex[on_skin & (counted > 0)], 0)
    base_skin = srgb_to_linear(np.median(vertex[sure], 0) / 255) if len(sure) else skin_of_photo
    ratio = np.clip(skin_of_photo / np.maximum(base_skin, 1e-3), 0.02, 8.0)
    table = 255 * linear_to_srgb(SRGB_TABLE[:, None] * ratio)
    toned = np.asarray(image.point(np.round(table).astype(int).T.ravel().tolist()))
    is_skin = np.append(surface.is_skin, False)[raster.triangle_id]
    curve = np.stack([np.interp(vertex[:, c], np.arange(256), table[:, c]) for c in range(3)], -1)
    return TonedBase(np.where(is_skin[..., None], toned, pixels).astype(np.float32), curve)


def seen_skin_colour(surface: HeadSurface, raster: RasterResult, direct: SeenTexels, skin_light: SkinLight) -> np.ndarray:
    """Linear median of the painted sure skin, or the light estimate's skin where too little is seen; [3]."""
    sure = interpolate(surface.zones.sure_skin, flat_texels(raster, direct.index), surface.triangles)
    chosen = (sure > 0.5) & (direct.weight > 0.5)
    if chosen.sum() < 200:
        return skin_light.skin_linear_rgb
    return srgb_to_linear(np.median(direct.colour[chosen], 0) / 255)


def flat_texels(raster: RasterResult, index: np.ndarray) -> RasterResult:
    """The raster's samples at flat indices [N]."""
    return RasterResult(
        raster.triangle_id.reshape(-1)[index], raster.barycentric.reshape(-1, 3)[index], raster.depth.reshape(-1)[index]
    )


def vertex_means(
    colour: np.ndarray, weight: np.ndarray | None, surface: HeadSurface, raster: RasterResult, index: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Mean colour around each vertex [V, 3] and mean weight [V]: of all texels, colour [h * w, 3], or of index [N], weight [N].

    The weight is 0 where too few texels are near (creases of the layout).
    """
    covered = np.flatnonzero(raster.is_covered.reshape(-1))
    step = max(1, len(covered) // COUNTED_TEXELS)
    covered = covered[::step]
    counted, num = flat_texels(raster, covered), len(surface.vertices)
    total = splat(counted, surface.triangles, np.ones(len(covered)), num)
    if index is None or weight is None:
        chosen, colour, weight = counted, colour[covered], np.ones(len(covered))
    else:
        chosen, colour, weight = flat_texels(raster, index[::step]), colour[::step], weight[::step]
    share = splat(chosen, surface.triangles, weight, num)
    sums = np.stack([splat(chosen, surface.triangles, weight * colour[:, c], num) for c in range(3)], -1)
    is_counted = (total > LEAST_TEXELS) & (share > 0.01 * total)
    return sums / np.maximum(share, 1e-6)[:, None], np.where(is_counted, share / np.maximum(total, 1e-6), 0)


def splat(texels: RasterResult, triangles: np.ndarray, values: np.ndarray, num_vertices: int) -> np.ndarray:
    """Sum over texels [N] of values times barycentrics, at the triangles' corners [V]."""
    corners = triangles[texels.triangle_id]
    return np.bincount(corners.ravel(), (texels.barycentric * values[:, None]).ravel(), num_vertices)


def paint(
    base: TonedBase,
    raster: RasterResult,
    surface: HeadSurface,
    direct: SeenTexels,
    other: SeenTexels,
    mirror: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """Base moved by the membrane, then the mirrored detail, then the photo: [size, size, 3] sRGB bytes float32."""
    skin = surface.triangles[surface.is_skin]
    plain = 1 - surface.zones.feature
    seen, seen_weight = vertex_means(direct.colour, direct.weight, surface, raster, direct.index)
    twin, twin_weight = vertex_means(other.colour, other.weight, surface, raster, other.index)
    certainty = np.clip(seen_weight, 0, 1) * plain
    hint = MIRROR_CERTAINTY * np.clip(twin_weight, 0, 1) * plain * (1 - np.clip(seen_weight, 0, 1))
    both = certainty + hint
    wanted = (seen * certainty[:, None] + twin * hint[:, None]) / np.maximum(both, 1e-6)[:, None]
    shift = stretch_membrane(surface.vertices, skin, wanted - base.vertex, both)
    smooth = smooth_skin(base, surface, skin, plain) + shift
    corners, weights = mirror
    smooth_twin = np.einsum("vk,vkc->vc", weights, smooth[corners])
    pixels = base.pixels.reshape(-1, 3)
    pixels += interpolate(shift, raster, surface.triangles).reshape(-1, 3)
    from_twin = interpolate(smooth - smooth_twin, flat_texels(raster, other.index), surface.triangles)
    pixels[other.index] += other.weight[:, None] * (other.colour + from_twin - pixels[other.index])
    pixels[direct.index] += direct.weight[:, None] * (direct.colour - pixels[direct.index])
    return base.pixels


def smooth_skin(base: TonedBase, surface: HeadSurface, skin: np.ndarray, plain: np.ndarray) -> np.ndarray:
    """The base's vertex colours without brows, eyes, nostrils and lips: plain skin stretched over them, [V, 3]."""
    middle = np.median(base.vertex[plain > 0.5], 0)
    return middle + stretch_membrane(surface.vertices, skin, base.vertex - middle, plain, stiffness_m=0.01)


def rate_confidence(direct: SeenTexels, other: SeenTexels, shape: tuple[int, ...]) -> np.ndarray:
    """How well each texel was seen, 0 to 255 of `shape`: by its own visibility, else by its mirror twin's, discounted."""
    confidence = np.zeros(int(np.prod(shape)), np.float32)
    confidence[other.index] = MIRROR_CONFIDENCE * other.weight * other.cosine**2
    confidence[direct.index] = np.maximum(confidence[direct.index], 255 * direct.weight * direct.cosine**2)
    return np.round(confidence).astype(np.uint8).reshape(shape)


def fill_gutters(pixels: np.ndarray, is_covered: np.ndarray) -> np.ndarray:
    """Spread the charts' colours into the space between them (pull-push), so that mipmaps bring nothing foreign in; -> uint8."""
    result = np.clip(pixels + 0.5, 0, 255, out=pixels).astype(np.uint8)
    rows, columns = np.nonzero(~is_covered)
    result[rows, columns] = 0
    sums = np.asarray(Image.fromarray(result).reduce(2)).astype(np.float32)
    share = np.asarray(Image.fromarray(is_covered.astype(np.uint8) * 255).reduce(2)) / np.float32(255)
    filled = push_pull(sums / np.maximum(share, 0.2)[..., None], np.minimum(1, share * 4))
    result[rows, columns] = np.clip(filled[rows // 2, columns // 2] + 0.5, 0, 255)
    return result


def push_pull(weighted: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """weighted [h, w, c] = colour times weight [h, w] -> colours everywhere, coarse where nothing is near."""
    height, width = weight.shape
    if height % 2 or width % 2 or min(height, width) <= 2:
        mean = weighted.sum((0, 1)) / np.maximum(weight.sum(), 1e-6)
        return weighted + (1 - np.minimum(weight, 1))[..., None] * mean
    blocks = weighted.reshape(height // 2, 2, width // 2, 2, -1)
    quarters = blocks[:, 0, :, 0] + blocks[:, 0, :, 1] + blocks[:, 1, :, 0] + blocks[:, 1, :, 1]
    coarse_weight = weight.reshape(height // 2, 2, width // 2, 2).sum((1, 3))
    limit = np.minimum(1, 1 / np.maximum(coarse_weight, 1e-6))
    coarse = push_pull(quarters * limit[..., None], coarse_weight * limit)
    up = np.repeat(np.repeat(coarse, 2, 0), 2, 1)
    return weighted + (1 - np.minimum(weight, 1))[..., None] * up


__all__ = ["SeenTexels", "bake_texture"]
