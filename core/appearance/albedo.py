"""A person's albedo on a model's UVs, from the person's numbers.

Rule of this file: skin is pigment in optical density (skin.py), varied by where on the face it is (face_map.py), by marks
(spots.py, brows.py) and by seeded noise in space (skin_kernels.py); eyes, teeth, gums and tongue are the model's own, the
irises tinted.

Sources: ANTHROPOMETRY.md B4 (variation over the face), E (lips: the measured rule of lip against skin, which holds from light to
deep skin, where blood alone would not explain the colour).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..fit.gutters import fill_gutters
from ..head.model import HeadModel
from ..render.runtime import as_warp, launch, load_skin_kernels, load_warp
from ..render.shading import ENCODE_TABLE
from .brows import read_brows
from .canvas import Canvas, get_canvas
from .face_map import FaceMap, get_face_map
from .hair_colour import WHITE as WHITE_HAIR
from .hair_colour import hair_albedo
from .iris import linear_to_srgb, srgb_to_linear, tint_iris
from .noise import noise_volume
from .parameters import RANGES, Appearance
from .skin import (
    B_BLOOD,
    D0,
    K_MELANIN,
    SATURATION,
    find_pigments,
    lightness_and_hues,
    melanin_direction,
    skin_albedo,
    skin_density,
)
from .spots import stamp_spots

DEOXYGENATION = np.array([0.045, 0.007, 0.010])
"""Optical density per fifth of the blood's oxygen that is gone."""
AGE_YELLOW = np.array([0.0003, 0.0006, 0.0015])
"""Optical density per year beyond 30."""
SCLERA_AGE = np.array([0.0010, 0.0020, 0.0045])
LEAST_LIP_CHROMA = 15.5
"""The lip rule ends at L* 33; below it chroma stays about that of its deepest group."""
BROW_PIGMENT = 1.7
"""Brows are darker than the hair of the head."""
MUCOSA_LAB, CONJUNCTIVA_LAB = (44.0, 26.0, 14.0), (60.0, 18.0, 12.5)
LIP_COVER, MEAN_STUBBLE = 0.76, 0.34
"""What skin_kernels.paint_skin lays of a full lip's colour, and of hair where stubble is fullest, from afar."""
RGB_FROM_XYZ = np.array(
    [[3.2404542, -1.5371385, -0.4985314], [-0.969266, 1.8760108, 0.041556], [0.0556434, -0.2040259, 1.0572252]]
)
WHITE_XYZ = np.array([0.95047, 1.0, 1.08883])


def paint_albedo(model: HeadModel, appearance: Appearance, size: int = 2048) -> np.ndarray:
    """sRGB [size, size, 3] uint8 on the model's UVs, no light in it; the same person at every size."""
    wp, canvas, face = load_warp(), get_canvas(model, size), get_face_map(model)
    table = vertex_table(appearance, face)
    brows = np.zeros((size * size, 2), np.uint8)
    for texels, values in zip(canvas.brow_texels, read_brows(appearance, canvas.brow_seen, 1000 * canvas.texel_m), strict=True):
        brows[texels] = values
    albedo = canvas.base.reshape(-1, 3).copy()
    bare = skin_colour(appearance)
    inputs = [
        noise_volume(), as_warp(canvas.skin, wp.int32), as_warp(table, wp.float32),
        as_warp(np.ascontiguousarray(canvas.triangles, np.int32), wp.vec3i),
        as_warp(canvas.raster.triangle_id.reshape(-1), wp.int32), as_warp(canvas.raster.barycentric.reshape(-1, 3), wp.vec3),
        as_warp(canvas.lips, wp.uint8), as_warp(canvas.wet, wp.uint8),
        as_warp(stamp_spots(model, appearance, canvas).reshape(-1), wp.float32), as_warp(brows, wp.uint8),
        canvas.texel_m, int(appearance.seed % 2**31), wp.vec3(*(D0 + AGE_YELLOW * (appearance.age - 30))), wp.vec3(*K_MELANIN),
        SATURATION, wp.vec3(*B_BLOOD), wp.vec3(*DEOXYGENATION), wp.vec3(*lip_colour(appearance, bare)),
        wp.vec3(*lab_to_linear(MUCOSA_LAB)), wp.vec3(*(lab_to_linear(CONJUNCTIVA_LAB) * np.clip(bare / 0.3, 0.45, 1.1) ** 0.35)),
        wp.vec3(*hair_albedo(appearance.hair_eumelanin, appearance.hair_pheomelanin)),
        appearance.hair_grey,
        wp.vec3(*hair_albedo(BROW_PIGMENT * appearance.hair_eumelanin, appearance.hair_pheomelanin)), wp.vec3(*WHITE_HAIR),
        appearance.mottling, float(np.clip(appearance.stubble, 0, 1)), as_warp(ENCODE_TABLE, wp.uint8),
    ]  # fmt: skip
    launch(load_skin_kernels().paint_skin, len(canvas.skin), inputs, [as_warp(albedo, wp.uint8)])
    pixels = tint_eyes(albedo.reshape(size, size, 3), appearance, canvas)
    fill_gutters(pixels, canvas.gaps, canvas.gap_share)
    return pixels


def skin_colour(appearance: Appearance) -> np.ndarray:
    """The person's bare skin, linear RGB [3]."""
    return skin_albedo(appearance.melanin, appearance.blood) * np.exp(-AGE_YELLOW * (appearance.age - 30))


def with_colour(appearance: Appearance, linear_rgb: np.ndarray) -> Appearance:
    """The same person with the melanin and blood whose bare skin comes nearest to a linear RGB [3]."""
    melanin, blood, _ = find_pigments(np.asarray(linear_rgb, np.float64) * np.exp(AGE_YELLOW * (appearance.age - 30)))
    return replace(appearance, melanin=float(melanin), blood=float(np.clip(blood, *RANGES["blood"])))


def vertex_pigments(appearance: Appearance, face: FaceMap) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """ln melanin, log blood and deoxygenation of a person's skin where nothing mottles it, [V] each."""
    under_eye, shadow = face.under_eye * appearance.under_eye, face.beard * appearance.stubble
    log_m = np.log(appearance.melanin) + appearance.zone_contrast * zone_melanin(face) + 0.14 * under_eye + 0.1 * shadow
    blood = appearance.blood + (
        appearance.flush_nose * face.nose + appearance.flush_cheeks * (face.cheek + 0.5 * face.chin)
        + appearance.flush_ears * face.ear + 0.14 * face.lid + 0.05 * under_eye - 0.14 * face.neck - 0.12 * face.scalp
    )  # fmt: skip
    return log_m, blood, 0.3 * face.lid + 0.6 * under_eye + 0.5 * shadow


def zone_melanin(face: FaceMap) -> np.ndarray:
    """How much more melanin each place usually has, in its logarithm, [V]."""
    return (
        0.14 * face.forehead + 0.13 * face.lid + 0.05 * face.nose + 0.06 * face.chin - 0.09 * face.cheek + 0.08 * face.scalp
        + 0.08 * face.neck
    )  # fmt: skip


def vertex_colours(appearance: Appearance, face: FaceMap) -> np.ndarray:
    """Linear colour [V, 3] of a person's skin as it looks from afar: pigments by zone, lips and stubble, no marks, no brows."""
    log_m, blood, pallor = vertex_pigments(appearance, face)
    yellow = AGE_YELLOW * (appearance.age - 30)
    colour = np.exp(-skin_density(np.exp(log_m), blood) - yellow - pallor[:, None] * DEOXYGENATION)
    growth = np.maximum(face.beard * appearance.stubble, face.scalp * appearance.scalp_stubble)
    cover = MEAN_STUBBLE * growth * (0.55 + 0.45 * np.clip(appearance.stubble, 0, 1)) * (1 - appearance.hair_grey)
    colour += cover[:, None] * (hair_albedo(appearance.hair_eumelanin, appearance.hair_pheomelanin) - colour)
    return colour + LIP_COVER * face.lip[:, None] * (lip_colour(appearance, skin_colour(appearance)) - colour)


def vertex_table(appearance: Appearance, face: FaceMap) -> np.ndarray:
    """What skin_kernels.paint_skin interpolates, [V, 11] float32."""
    uneven = appearance.mottling
    wide, narrow = (vertex_noise(face, appearance.seed, number, length) for number, length in ((1, 0.050), (5, 0.028)))
    log_m, blood, pallor = vertex_pigments(appearance, face)
    log_m = log_m + uneven * (0.030 * wide + 0.030 * narrow)
    blood = blood + uneven * 0.045 * (wide - narrow)
    return np.ascontiguousarray(
        np.column_stack([
            face.places, log_m, blood, pallor, face.inside, face.upper, face.beard * appearance.stubble,
            face.scalp * appearance.scalp_stubble, face.pores,
        ]),
        np.float32,
    )  # fmt: skip


def vertex_noise(face: FaceMap, seed: int, number: int, length: float) -> np.ndarray:
    """Smooth noise of unit variance at the vertices, [V], its blobs `length` m wide."""
    wp = load_warp()
    out = np.zeros(len(face.places), np.float32)
    places = as_warp(np.ascontiguousarray(face.places, np.float32), wp.vec3)
    inputs = [noise_volume(), int(seed % 2**31), number, length, places]
    launch(load_skin_kernels().draw_noise, len(out), inputs, [as_warp(out, wp.float32)])
    return out.astype(np.float64)


def lip_colour(appearance: Appearance, skin: np.ndarray) -> np.ndarray:
    """Linear RGB [3] of the lower lip beside the linear skin [3].

    L* falls below the skin's by half of what it has over 30, chroma and hue follow lightness (410 people, cross-polarised); the
    person's own blood and melanin move it from there.
    """
    lightness = float(lightness_and_hues(skin)[0]) - 0.06 * (appearance.age - 30)
    lip = lightness - max(0.0, (lightness - 30) / 2)
    chroma, hue = max(0.81 * lip - 10.8, LEAST_LIP_CHROMA), np.radians(31.9 - 0.375 * (lip - 46))
    usual = lab_to_linear((lip, chroma * np.cos(hue), chroma * np.sin(hue)))
    return usual * np.exp(-appearance.lip_blood * B_BLOOD - appearance.lip_melanin * melanin_direction(appearance.melanin))


def tint_eyes(albedo: np.ndarray, appearance: Appearance, canvas: Canvas) -> np.ndarray:
    """Albedo [S, S, 3] with the person's irises, and eyeballs yellowed by age."""
    flat = albedo.reshape(-1, 3)
    for channel, rate in enumerate(SCLERA_AGE):
        curve = 255 * linear_to_srgb(srgb_to_linear(np.arange(256) / 255) * np.exp(-rate * (appearance.age - 30)))
        flat[canvas.eyes, channel] = np.clip(np.rint(curve), 0, 255).astype(np.uint8)[flat[canvas.eyes, channel]]
    return tint_iris(albedo, canvas.iris, appearance.iris)


def lab_to_linear(lab: tuple[float, float, float]) -> np.ndarray:
    """CIELAB (D65) -> linear sRGB [3] in [0, 1]."""
    y = (lab[0] + 16) / 116
    f = np.array([y + lab[1] / 500, y, y - lab[2] / 200])
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * WHITE_XYZ
    return np.clip(RGB_FROM_XYZ @ xyz, 0, 1)
