"""Surfaces under the photo's light: what the skin's samples say of the lamps around the head, robustly, in linear light.

Rule of this file: only the product of light and skin is seen; core/fit/skin_split.py tells them apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from ..appearance.face_map import FaceMap, find_face_map
from ..appearance.skin import skin_albedo
from ..head.model import HeadModel, triangulate
from ..render.camera import camera_position, crop, project, resize
from ..render.rasterize import sample_image
from ..render.shading import SRGB_TABLE, vertex_normals
from ..render.visibility import Occluder, visible_points
from ..types import Camera, Photo
from .dome import Transfer, dome_harmonics, find_transfer, lamp_directions, skin_response, solve_lamps, trace_lamps
from .eye_texture import ScleraSamples, find_sclera, iris_radius
from .face_zones import FaceZones, find_zones, soft_step
from .skin_cluster import find_foreign, find_tint, is_foreign
from .skin_split import Split, Trial, split_together

SAMPLING_PX = 320
"""Longer side of the head in the photo that light is read from: pores and noise are averaged away."""
REDUCING_GAP = 2.0
"""A crop that shrinks more than twice this much is first averaged in whole blocks: faster, .2 grey levels off on average."""
NUM_SAMPLES = 320
RIDGE = 1e-2
"""Pull of each lamp to the dome's mean: keeps what no sample sees calm."""
TINT_RIDGE = 0.1
"""Pull of each lamp to one colour with the others: they differ, but not as red from green."""
ITERATIONS = 4
TRIED_MELANIN = (0.08, 0.25, 0.7, 1.6, 3.5, 8.0)
UNLIT_SPREAD = 0.35
"""Deviation of log colour over a face before the light is known: what is far off it is doubted from the first."""
BURNT = (0.85, 0.97)
"""Linear values between which a channel begins to say no more than "at least this much"."""
EXPLAINED = 0.4
"""Robust weight from which a sample counts as bare skin when skins are compared."""
LEAST_SAMPLES = 30
FLOOR = 0.05
"""Least share of the typical colour that counts as such."""
MIDDLING_MELANIN = 0.9
EYE_PX = 1024
"""Longer side of the head in the photo that the white of the eye is read from."""
FULL_LIP, DRY_LIP, LIP_FACING = 0.8, 0.02, 0.3
"""Of the face map's lip and inside, and cosine to the camera: where a vertex is surely the red of a lip."""
LEAST_LIPS, MOST_LIPS = 10, 60
LESS_RED = 0.1
"""Log of red over green by which a lip may fall short of the skin's; cloth does by more."""
BLACK, DARKEST = 2e-3, 1e-4
"""Linear luminance: below the first a bar or a crushed shadow, not a lip; the second keeps logarithms finite."""
LUMINANCE = np.array([0.2127, 0.7152, 0.0722])
TRANSPARENT_PARTS = ("left_cornea", "right_cornea", "lashes")
"""Parts that neither hide what is behind them nor take paint."""


@dataclass(frozen=True)
class SkinLight:
    """light [9, 3] (types.FitResult.light); skin_linear_rgb [3]; spread [3]: robust deviations of log photo from log model
    on sure skin, of brightness, of red against green, of green against blue; lamps [K, 3]: strengths of the dome's lamps
    (dome.lamp_directions), of which `light` is the smooth part; ita_sd: doubt about the skin, degrees of typology angle;
    gloss: how strong highlights are, 1 for bare skin; foreign: skin_cluster.find_foreign's tints where a mask covers skin."""

    light: np.ndarray
    skin_linear_rgb: np.ndarray
    spread: np.ndarray
    lamps: np.ndarray
    ita_sd: float
    gloss: float = 1.0
    foreign: np.ndarray | None = None


@dataclass(frozen=True)
class SkinSamples:
    """Skin that the photo shows: points, normals, colours (linear) [N, 3], weight [N]; burnt [N, 3]: 1 where clipped; foreign:
    skin_cluster.find_foreign's tints of what covers the rest."""

    points: np.ndarray
    normals: np.ndarray
    colours: np.ndarray
    weight: np.ndarray
    burnt: np.ndarray
    foreign: np.ndarray | None = None


def opaque_triangles(model: HeadModel) -> np.ndarray:
    """Triangles [T, 3] of the parts that hide what is behind them."""
    transparent = [model.part_names.index(n) for n in TRANSPARENT_PARTS if n in model.part_names]
    return triangulate(model.faces[~np.isin(model.face_parts, transparent)])


def head_crop(photo: np.ndarray, camera: Camera, vertices: np.ndarray, longest_px: float) -> tuple[np.ndarray, Camera]:
    """Bytes [H, W] or [H, W, 3] of a photo or its alpha -> the part that shows `vertices`, its longer side at most
    `longest_px`, and its camera."""
    pixels, _ = project(camera, vertices)
    width, height = camera.size
    margin = 0.03 * np.ptp(pixels, axis=0).max() + 2
    x0, y0 = (int(v) for v in np.clip(np.floor(pixels.min(0) - margin), 0, (width - 1, height - 1)))
    x1, y1 = (int(v) for v in np.clip(np.ceil(pixels.max(0) + margin), (x0 + 1, y0 + 1), (width, height)))
    image, view = np.ascontiguousarray(photo[y0:y1, x0:x1]), crop(camera, x0, y0, (x1 - x0, y1 - y0))
    shrink = longest_px / max(view.size)
    if shrink >= 1:
        return image, view
    size = (max(1, round(view.size[0] * shrink)), max(1, round(view.size[1] * shrink)))
    small = Image.fromarray(image).resize(size, Image.Resampling.LANCZOS, reducing_gap=REDUCING_GAP)
    return np.asarray(small), resize(view, size)


@dataclass(frozen=True)
class LightTrials:
    """What one photo says of light and skin together: its samples, what each lamp does to them, the fits to every tried skin."""

    samples: SkinSamples
    transfer: Transfer
    trials: list[Trial]


def fit_skin_light(photo: Photo, camera: Camera, posed: np.ndarray, model: HeadModel) -> SkinLight:
    """The photo's light and skin on posed vertices [V, 3]; where too little skin is seen, white light on a middling skin."""
    return fit_skin_lights([try_light(photo, camera, posed, model)])[0]


def fit_skin_lights(photos: list[LightTrials | None]) -> list[SkinLight]:
    """The lights of several photos of one person (try_light of each) and the one skin that explains them together.

    A photo that shows too little skin gets white light on the skin of the others.
    """
    shown = [p for p in photos if p is not None]
    splits = iter(split_together([p.trials for p in shown]) if shown else [])
    lights: list[SkinLight | None] = []
    known: Split | None = None
    for photo in photos:
        if photo is None:
            lights.append(None)
            continue
        known = next(splits)
        fit = fit_lamps(skin_response(photo.transfer, known.albedo, known.gloss), photo.samples)
        lamps = fit.lamps / known.albedo
        harmonics = dome_harmonics(lamp_directions(), lamps)
        spread, foreign = tint_spread(fit.error), photo.samples.foreign
        lights.append(SkinLight(harmonics, known.albedo, spread, lamps, known.ita_sd, known.gloss, foreign))
    dark = unknown_light() if known is None else replace(unknown_light(), skin_linear_rgb=known.albedo, ita_sd=known.ita_sd)
    return [dark if light is None else light for light in lights]


def try_light(photo: Photo, camera: Camera, posed: np.ndarray, model: HeadModel) -> LightTrials | None:
    """Read bare skin and the white of the eyes on posed vertices [V, 3]; None where too little skin is seen."""
    image, view = head_crop(photo.pixels, camera, posed, SAMPLING_PX)
    triangles = opaque_triangles(model)
    normals, occluder = vertex_normals(posed, triangles), Occluder(posed, triangles)
    samples = sample_skin(image, view, posed, normals, occluder, find_zones(model))
    if samples is None:
        return None
    directions = lamp_directions()
    visible = trace_lamps(occluder, samples.points, samples.normals, directions)
    transfer = find_transfer(samples.points, samples.normals, camera_position(camera), visible, directions)
    close, close_view = head_crop(photo.pixels, camera, posed, EYE_PX)
    sclera = find_sclera(close, close_view, posed, normals, iris_radius(model), occluder)
    lips = sample_lips(close, close_view, posed, normals, occluder, find_face_map(model), samples)
    return LightTrials(samples, transfer, try_skins(transfer, samples, light_on_sclera(sclera, occluder), sclera, lips))


def try_skins(
    transfer: Transfer, samples: SkinSamples, on_sclera: np.ndarray | None, sclera: ScleraSamples | None, lips: LipSamples | None
) -> list[Trial]:
    """Fit the lamps to every skin of TRIED_MELANIN; the robust weights are those of the middling one."""
    trials = []
    burnt = 0.0 if sclera is None else float(soft_step(sclera.colour, *BURNT).max())
    first = fit_lamps(skin_response(transfer, skin_albedo(MIDDLING_MELANIN, 0.0)), samples)
    for melanin in TRIED_MELANIN:
        fit = fit_lamps(skin_response(transfer, skin_albedo(melanin, 0.0)), samples, first)
        product = np.average(np.einsum("nkc,kc->nc", transfer.diffuse, fit.lamps), axis=0, weights=samples.weight)
        white = None
        if sclera is not None and on_sclera is not None:
            white = sclera.colour * product / np.maximum(on_sclera @ fit.lamps, 0.02 * product)
        misfit = np.average((fit.error**2).mean(1), weights=samples.weight * (fit.robust > EXPLAINED))
        lip = None if lips is None else lip_ratio(lips, fit.lamps, skin_albedo(melanin, 0.0))
        trials.append(Trial(melanin, product, white, float(misfit), burnt, lip))
    return trials


@dataclass(frozen=True)
class LipSamples:
    """The red of the lips where it is seen: colours [N, 3] linear, and what the dome's lamps do there."""

    colours: np.ndarray
    transfer: Transfer


def sample_lips(
    image: np.ndarray, view: Camera, posed: np.ndarray, normals: np.ndarray, occluder: Occluder, face: FaceMap | None,
    skin: SkinSamples,
) -> LipSamples | None:  # fmt: skip
    """Lips in `image` [h, w, 3] (sRGB bytes of `view`): what is there, not black and as red as the skin; None when that is hardly
    any or not most of it, or no map says where lips are."""
    if face is None:
        return None
    index = np.flatnonzero((face.lip > FULL_LIP) & (face.inside < DRY_LIP))
    pixels, _ = project(view, posed[index])
    to_eye = camera_position(view) - posed[index]
    facing = np.einsum("nc,nc->n", normals[index], to_eye) / np.linalg.norm(to_eye, axis=1)
    index = index[((pixels > 1) & (pixels < np.array(view.size) - 1)).all(1) & (facing > LIP_FACING)]
    index = index[visible_points(occluder, view, posed[index], normals[index])]
    colours = sample_image(image, project(view, posed[index])[0], SRGB_TABLE).astype(np.float64)
    least_red = np.median(find_tint(skin.colours)[:, 0]) - LESS_RED
    is_lip = (find_tint(colours)[:, 0] > least_red) & ~is_foreign(colours, skin.foreign) & (colours @ LUMINANCE > BLACK)
    if is_lip.sum() < max(LEAST_LIPS, len(index) / 2):
        return None
    step = -(-int(is_lip.sum()) // MOST_LIPS)
    index, colours = index[is_lip][::step], colours[is_lip][::step]
    directions = lamp_directions()
    visible = trace_lamps(occluder, posed[index], normals[index], directions)
    transfer = find_transfer(posed[index], normals[index], camera_position(view), visible, directions)
    return LipSamples(colours, transfer)


def lip_ratio(lips: LipSamples, lamps: np.ndarray, skin: np.ndarray) -> float:
    """Log luminance of the lips over that of the skin [3] beside them, both matt, under lamps times the skin's albedo [K, 3]."""
    matt, glossy = (predict(skin_response(lips.transfer, skin, gloss), lamps) for gloss in (0.0, 1.0))
    seen = np.maximum(lips.colours - (glossy - matt), 0.3 * lips.colours)
    return float(np.median(np.log(np.maximum(seen @ LUMINANCE, DARKEST) / np.maximum(matt @ LUMINANCE, DARKEST))))


def light_on_sclera(sclera: ScleraSamples | None, occluder: Occluder) -> np.ndarray | None:
    """How much of each lamp falls on the white of the eye, [K]."""
    if sclera is None:
        return None
    visible = trace_lamps(occluder, sclera.points, sclera.normals, lamp_directions())
    return (np.maximum(sclera.normals @ lamp_directions().T, 0) * visible).mean(0)


def unknown_light() -> SkinLight:
    lamps = np.full((len(lamp_directions()), 3), 4.0 / len(lamp_directions()))
    return SkinLight(
        dome_harmonics(lamp_directions(), lamps), skin_albedo(MIDDLING_MELANIN, 0.0), np.array([0.3, 0.1, 0.1]), lamps, 35.0
    )


def sample_skin(
    image: np.ndarray, view: Camera, posed: np.ndarray, normals: np.ndarray, occluder: Occluder, zones: FaceZones
) -> SkinSamples | None:
    """Visible vertices of bare skin with the photo's colours; None when fewer than LEAST_SAMPLES are seen."""
    pixels, _ = project(view, posed)
    inside = ((pixels > 0) & (pixels < view.size)).all(1)
    to_eye = camera_position(view) - posed
    facing = np.clip(np.einsum("vc,vc->v", normals, to_eye) / np.linalg.norm(to_eye, axis=1), 0, 1)
    bare = np.maximum(zones.sure_skin, 0.3 * zones.front * (1 - zones.feature))
    weight = bare * inside * facing
    index = np.flatnonzero(weight > 0.05)
    index = index[visible_points(occluder, view, posed[index], normals[index])]
    if len(index) < LEAST_SAMPLES:
        return None
    if len(index) > NUM_SAMPLES:
        index = np.sort(np.random.default_rng(0).permutation(index)[:NUM_SAMPLES])
    colours = sample_image(image, pixels[index], SRGB_TABLE).astype(np.float64)
    foreign = find_foreign(colours, weight[index])
    is_skin = ~is_foreign(colours, foreign)
    if is_skin.sum() < LEAST_SAMPLES:
        return None
    index, colours = index[is_skin], colours[is_skin]
    return SkinSamples(posed[index], normals[index], colours, weight[index], soft_step(colours, *BURNT), foreign)


@dataclass(frozen=True)
class LampFit:
    """lamps times albedo [K, 3]; robust weights [N] and log errors [N, 3] of the samples."""

    lamps: np.ndarray
    robust: np.ndarray
    error: np.ndarray


def fit_lamps(response: np.ndarray, samples: SkinSamples, start: LampFit | None = None) -> LampFit:
    """response [3, N, K] -> the lamps: least squares of relative errors, from and with the weights of `start` if given.

    Else reweighted by a Cauchy loss on a sample's worst channel, so that brows, hair, beards and glasses drop out together
    in all channels.
    """
    typical = np.median(samples.colours, 0) + 1e-4
    target = samples.colours / typical
    rest = 4 / response.shape[2]
    lamps = np.full((response.shape[2], 3), rest) if start is None else start.lamps / typical
    predicted = np.ones_like(target) if start is None else np.maximum(predict(response, lamps), FLOOR)
    robust = resist(np.log(np.maximum(target, FLOOR)), UNLIT_SPREAD) if start is None else start.robust
    for _ in range(ITERATIONS if start is None else 1):
        told = 1 - 0.95 * samples.burnt * (predicted > target)
        weight = told * (samples.weight * robust)[:, None] / np.maximum(predicted, 0.25) ** 2
        grey = (RIDGE * rest + TINT_RIDGE * lamps.mean(1, keepdims=True)) / (RIDGE + TINT_RIDGE)
        lamps = solve_lamps(response, target, weight, grey, RIDGE + TINT_RIDGE, lamps)
        predicted = np.maximum(predict(response, lamps), FLOOR)
        error = told * np.log(np.maximum(target, FLOOR) / predicted)
        if start is None:
            robust = resist(error, 1.4826 * np.median(np.abs(error), 0) + 0.02)
    return LampFit(lamps * typical, robust, error)


def resist(error: np.ndarray, spread: np.ndarray | float) -> np.ndarray:
    """Cauchy weights [N] by the worst channel of log errors [N, 3]."""
    return 1 / (1 + ((error / (2 * spread)) ** 2).max(1))


def tint_spread(error: np.ndarray) -> np.ndarray:
    """Log errors [N, 3] -> SkinLight.spread [3]."""
    tint = np.stack([error.mean(1), error[:, 0] - error[:, 1], error[:, 1] - error[:, 2]], -1)
    return 1.4826 * np.median(np.abs(tint - np.median(tint, 0)), 0)


def predict(response: np.ndarray, lamps: np.ndarray) -> np.ndarray:
    """[3, N, K], [K, 3] -> [N, 3]."""
    return np.einsum("cnk,kc->nc", response, lamps)
