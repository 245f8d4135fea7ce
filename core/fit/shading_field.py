"""The photo's light on every vertex that it shows: irradiance with cast shadow, highlight, and what the lamps leave unexplained.

Rule of this file: the photo is albedo times `diffuse` plus `highlight`, linear. Light may vary smoothly beyond what the lamps
say, skin may not vary much: a smooth residual is light as far as pigments (melanin, blood) do not explain it better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..appearance.skin import B_BLOOD, find_pigments, melanin_direction
from ..head.model import HeadModel
from ..render.camera import camera_position, project
from ..render.rasterize import interpolate, rasterize, sample_image, sample_texture
from ..render.shading import SRGB_TABLE, encode_srgb
from ..types import Camera, Photo
from .atlas import Atlas, get_atlas
from .dome import BOUNCE, find_transfer, lamp_directions, trace_lamps
from .face_zones import soft_step
from .inner_light import light_openings, open_share, round_eyes
from .light import BURNT, SkinLight, head_crop
from .membrane import stretch_membrane
from .mouth_paint import BASE_TONE, MouthTone, find_mouth_tone, light_past_lips, tone_vertices
from .skin_cluster import is_foreign
from .surface import HeadSurface, pose_surface

TEXTURE_SIZE = 2048
TRACED_SHARE = 0.96
"""Lamps that together give this share of the light cast shadows; the others, dim, shine through."""
CLOSE_M = 2e-4
"""Rays start this far outside eyeballs and teeth: lids and lips lie close to them."""
VEIL = (0.05, 0.35)
"""Cosines between which highlights come in: at an outline lamps behind the head, which nothing measures, would make it glow."""
SOFT_M = 0.004
"""Shadows' edges are softened over this: the lamps are soft and the mesh is coarse."""
SMOOTH_M = 0.009
REACH_M = 0.04
LEVEL_SD, TINT_SD = 0.25, 0.05
"""Deviations of the smooth log light beyond the lamps: of brightness and of each channel's colour."""
MELANIN_SD, SKIN_BLOOD_SD, NOISE_SD = 0.1, 0.18, 0.02
"""Of ln m and h over one face (ANTHROPOMETRY.md B4), and of neither."""
TRUSTED_LOG = 0.6
"""A residual well beyond this is a beard or a patch of hair, no shadow."""
TRUSTED_TINT = 0.4
"""A residual of colour well beyond this is a mask or a scarf, no coloured light that the lamps do not know."""
LIGHTEST_LID, MOST_LIFT = 1.1, 1.5
"""Of the skin's albedo; and the log of the most that light on lids is raised."""
SAMPLING_PX = 448
GLINT, PALE, GLINT_SHARE = 1.08, 1.12, 0.75
"""Lighter than the skin by more than GLINT in all channels alike, or more green beside red by more than PALE, is mostly sweat or
oil and no pigment: so much of it is taken for highlight."""
LEAST_REMAINING = 0.2
"""Share of the photo's colour that stays when the highlight is taken off."""


@dataclass(frozen=True)
class Shading:
    """diffuse, highlight [V, 3] linear, as above; correction [V, 3]: the log part of diffuse that is not the lamps'; mouth: the
    tone of teeth and gums that the light between the lips goes with; unshadowed [V, 3]: the lamps' light without cast shadow."""

    diffuse: np.ndarray
    highlight: np.ndarray
    correction: np.ndarray
    unshadowed: np.ndarray
    mouth: MouthTone = BASE_TONE


def estimate_shading(photo: Photo, camera: Camera, posed: np.ndarray, model: HeadModel, skin_light: SkinLight) -> Shading:
    """The shading of posed vertices [V, 3] m."""
    atlas = get_atlas(model, TEXTURE_SIZE)
    surface = pose_surface(posed, atlas, camera)
    return correct_shading(photo, camera, surface, atlas, skin_light, lamp_shading(surface, atlas, camera, skin_light))


def lamp_shading(surface: HeadSurface, atlas: Atlas, camera: Camera, skin_light: SkinLight) -> Shading:
    """What the dome's lamps do: traced shadows where the camera sees, none elsewhere; highlights on skin alone, for those of eyes
    and teeth are small and sharp."""
    directions, lamps = lamp_directions(), skin_light.lamps
    points, normals = round_eyes(surface, atlas)
    strength = np.sort(lamps.sum(1))[::-1]
    num_traced = int(np.searchsorted(strength.cumsum(), TRACED_SHARE * strength.sum())) + 1
    dimmest = strength[:num_traced].min()
    on_skin = np.zeros(len(points), bool)
    on_skin[atlas.skin] = True
    behind = np.flatnonzero((atlas.inner >= 0) & (surface.cosine > 0))
    traced, shaded = np.flatnonzero(lamps.sum(1) >= dimmest), np.flatnonzero(surface.seen & on_skin)
    visible = (normals @ directions.T > 0).astype(np.float32)
    visible[np.ix_(shaded, traced)] = trace_lamps(surface.occluder, points[shaded], normals[shaded], directions[traced])
    visible[np.ix_(behind, traced)] = trace_lamps(surface.occluder, points[behind], normals[behind], directions[traced], CLOSE_M)
    transfer = find_transfer(points, normals, camera_position(camera), visible, directions)
    unshadowed = transfer.unshadowed @ lamps
    direct = np.einsum("vkc,kc->vc", transfer.diffuse, lamps.astype(np.float32)).astype(np.float64)
    lost = np.maximum(unshadowed - direct, 0)
    bounced = BOUNCE * skin_light.skin_linear_rgb * lost
    bounced[behind] *= open_share(surface.occluder, points[behind], normals[behind])[:, None]
    diffuse = direct + bounced
    ratio = np.log(np.maximum(diffuse, 1e-4) / np.maximum(unshadowed, 1e-4))
    soft = stretch_membrane(
        points, atlas.graph, ratio, surface.seen.astype(float), reach_m=0.1, stiffness_m=SOFT_M, tolerance=1e-5
    )
    diffuse = np.where(on_skin[:, None], unshadowed * np.exp(soft), diffuse)
    shown = (surface.seen & on_skin) * soft_step(surface.cosine, *VEIL)
    highlight = skin_light.gloss * shown[:, None] * (transfer.shine @ lamps)
    return Shading(diffuse, highlight, np.zeros_like(diffuse), unshadowed)


def correct_shading(
    photo: Photo, camera: Camera, surface: HeadSurface, atlas: Atlas, skin_light: SkinLight, lamps: Shading
) -> Shading:
    """The lamps' shading times what they leave unexplained: smoothly on bare skin, on lids, in eyes and mouth; and its glints."""
    sight = look_at_vertices(photo, camera, surface)
    skin = read_bare_skin(sight, surface, atlas, skin_light, lamps)
    correction = spread_residual(skin, surface, atlas, skin_light)
    diffuse, highlight = lamps.diffuse * np.exp(correction), lamps.highlight.copy()
    on_lids, lift = find_lift(sight, surface, atlas, skin_light, diffuse)
    correction[on_lids] += lift
    diffuse[on_lids] *= np.exp(lift)
    highlight[skin.index] += find_glints_on_skin(skin, skin_light, diffuse)
    past_lips = light_past_lips(lamps.diffuse, lamps.unshadowed)
    mouth = find_mouth_tone(photo, camera, surface, atlas, past_lips, skin_light.skin_linear_rgb)
    beyond, glint = light_openings(photo, camera, surface, atlas, diffuse, tone_vertices(atlas, mouth))
    return Shading(diffuse * np.exp(beyond), highlight + glint, correction + beyond, lamps.unshadowed, mouth)


@dataclass(frozen=True)
class VertexSight:
    """A crop of the photo (sRGB bytes), all vertices' pixels [V, 2] in it; is_shown [V]: seen by the camera, in the picture."""

    image: np.ndarray
    pixels: np.ndarray
    is_shown: np.ndarray


def look_at_vertices(photo: Photo, camera: Camera, surface: HeadSurface) -> VertexSight:
    image, view = head_crop(photo.pixels, camera, surface.vertices, SAMPLING_PX)
    pixels, _ = project(view, surface.vertices)
    return VertexSight(image, pixels, ((pixels > 0) & (pixels < view.size)).all(1) & surface.seen)


@dataclass(frozen=True)
class BareSkin:
    """How surely each vertex shows bare skin, certainty [V]; of those that may, index [N]: matt, their linear colour without the
    lamps' highlight, residual: log of it over what is expected there [N, 3], is_covered [N]: by a mask or a scarf."""

    certainty: np.ndarray
    index: np.ndarray
    matt: np.ndarray
    residual: np.ndarray
    is_covered: np.ndarray


def read_bare_skin(sight: VertexSight, surface: HeadSurface, atlas: Atlas, skin_light: SkinLight, lamps: Shading) -> BareSkin:
    """What the photo shows of bare skin beside what skin under the lamps would show; certain where it agrees roughly."""
    zones = atlas.zones
    bare = np.maximum(zones.sure_skin, 0.5 * zones.front * (1 - zones.feature))
    certainty = bare * sight.is_shown * np.clip(2 * surface.cosine - 0.3, 0, 1)
    index = np.flatnonzero(certainty > 0.01)
    colour = sample_image(sight.image, sight.pixels[index], SRGB_TABLE).astype(np.float64)
    matt = np.maximum(colour - lamps.highlight[index], LEAST_REMAINING * colour)
    expected = skin_light.skin_linear_rgb * np.maximum(lamps.diffuse[index], 1e-3)
    residual = np.log(np.maximum(matt, 2e-3) / np.maximum(expected, 2e-3))
    tint = np.linalg.norm(np.diff(residual, axis=1), axis=1)
    is_covered = is_foreign(colour, skin_light.foreign)
    certainty[index] /= 1 + (residual.mean(1) / TRUSTED_LOG) ** 4 + (tint / TRUSTED_TINT) ** 4
    certainty[index[is_covered]] = 0
    certainty[index] *= 1 - 0.98 * soft_step(colour.max(1), *BURNT)
    return BareSkin(certainty, index, matt, residual, is_covered)


def spread_residual(skin: BareSkin, surface: HeadSurface, atlas: Atlas, skin_light: SkinLight) -> np.ndarray:
    """The smooth part of the residual that is light's, log [V, 3]."""
    residual = np.zeros_like(surface.vertices, np.float64)
    residual[skin.index] = skin.residual
    smooth = stretch_membrane(
        surface.vertices, atlas.graph, residual, skin.certainty, reach_m=REACH_M, stiffness_m=SMOOTH_M, tolerance=1e-6
    )
    return smooth @ light_share(skin_light.skin_linear_rgb).T


def find_lift(
    sight: VertexSight, surface: HeadSurface, atlas: Atlas, skin_light: SkinLight, diffuse: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The lids' vertices that the photo shows [N] and the log by which light [V, 3] there is raised, [N, 3]."""
    lids = np.zeros(len(surface.vertices))
    lids[atlas.skin] = (atlas.zones.lids * sight.is_shown)[atlas.skin]
    on_lids = np.flatnonzero(lids > 0.01)
    colour = sample_image(sight.image, sight.pixels[on_lids], SRGB_TABLE).astype(np.float64)
    return on_lids, lift_lids(colour, skin_light.skin_linear_rgb, diffuse[on_lids]) * lids[on_lids, None]


def find_glints_on_skin(skin: BareSkin, skin_light: SkinLight, diffuse: np.ndarray) -> np.ndarray:
    """Sweat and oil beyond the lamps' highlight, [N, 3] linear; diffuse [V, 3]."""
    light = diffuse[skin.index]
    share = GLINT_SHARE * min(skin_light.gloss, 1.0)
    glint = find_glint(skin.matt / np.maximum(light, 1e-3), skin_light.skin_linear_rgb, share)
    return glint * light * ~skin.is_covered[:, None]


def lift_lids(colour: np.ndarray, skin: np.ndarray, diffuse: np.ndarray) -> np.ndarray:
    """Log [N, 3] by which the light on lids of a photo's colour [N, 3] was found too dark.

    No lid is much lighter than the skin [3] about it, but a fold that the head has deeper than the person takes light away.
    """
    ratio = np.maximum(colour, 1e-4) / np.maximum(LIGHTEST_LID * skin * diffuse, 1e-4)
    return np.clip(np.log(ratio), 0, MOST_LIFT)


def find_glint(albedo: np.ndarray, skin: np.ndarray, share: float) -> np.ndarray:
    """The part of albedo [N, 3] beside a skin [3] that is highlight, [N, 3]; texel_kernels.sample_skin does the same finer."""
    relative = albedo / np.maximum(skin, 1e-3)
    fade = np.maximum(relative[:, 1] / np.maximum(relative[:, 0], 1) / PALE, 1) ** -share
    left = albedo * np.column_stack([np.ones(len(albedo)), fade, fade])
    left = left - share * np.maximum((left - GLINT * skin).min(1), 0)[:, None]
    return np.maximum(albedo - left, 0)


def light_share(skin: np.ndarray) -> np.ndarray:
    """What part [3, 3] of a smooth log residual is light's, given skin [3]: the best linear guess from the deviations above."""
    melanin, _, _ = find_pigments(skin)
    light = LEVEL_SD**2 * np.ones((3, 3)) + TINT_SD**2 * np.eye(3)
    along = melanin_direction(melanin)
    pigment = MELANIN_SD**2 * np.outer(along, along) + SKIN_BLOOD_SD**2 * np.outer(B_BLOOD, B_BLOOD)
    return light @ np.linalg.inv(light + pigment + NOISE_SD**2 * np.eye(3))


def render_shaded(
    albedo: np.ndarray, shading: Shading, posed: np.ndarray, model: HeadModel, camera: Camera
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Albedo [h, w, 3] uint8 under a shading -> the image [H, W, 3] uint8 of the camera, the face's pixels (brows to chin) and
    those of its skin, without eyeballs, teeth and tongue, [H, W] bool."""
    atlas = get_atlas(model, TEXTURE_SIZE)
    raster = rasterize(posed, atlas.opaque, camera)
    uv = interpolate(model.uvs, raster, atlas.uv_triangles[atlas.is_opaque])
    light = interpolate(np.column_stack([shading.diffuse, shading.highlight, atlas.zones.inner_face]), raster, atlas.opaque)
    colour = sample_texture(albedo, uv, SRGB_TABLE) * light[..., :3] + light[..., 3:6]
    face = raster.is_covered & (light[..., 6] > 0.5)
    return encode_srgb(colour), face, face & np.append(atlas.is_skin[atlas.is_opaque], False)[raster.triangle_id]
