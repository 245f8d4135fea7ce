"""The stories, each a generator of Progress that returns its result: run it in a loop, a test, a worker or a modal operator."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from .appearance.estimate import READ
from .appearance.parameters import describe_appearance
from .config import VERSION
from .errors import TopologyError
from .fit.confidence import covered_parts, expected_error_mm, judge_fit, shares_of_face
from .fit.correction import follow_identity
from .fit.detail import blend_details, carve_detail, describe_detail, draw_relief, lift_relief
from .fit.geometry import FitStart, LandmarkFit
from .fit.light import SkinLight, fit_skin_lights, try_light
from .fit.measurement import LandmarkCalibration, load_calibration
from .fit.mouth_paint import describe_mouth
from .fit.photometric import SkinLook, fit_person, prepare_skin_look
from .fit.photometry import load_photometry
from .fit.several import blend_textures, crop_to_head
from .fit.texture import bake_surface_maps, look_at_skin, paint_sight
from .head.asset import fields_of_model
from .head.library import EMBEDDED, describe_model, get_model, has_to_be_made_ready
from .head.model import HeadModel
from .photo.dense_landmarks import locate_dense_landmarks
from .photo.image import load_photo
from .photo.landmarks import detect_landmarks, find_faces
from .render.runtime import COMPILING, are_kernels_compiled, warm_up
from .story import run
from .types import Camera, FitResult, FittedPhoto, HeadAsset, HeadCode, Landmarks, Photo, Progress, Texture

TEXTURE_SIZE = 2048


@contextmanager
def _timed(times_s: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    times_s[stage] = times_s.get(stage, 0.0) + time.perf_counter() - start


def _read_photo(photo: str | Path | Photo, times_s: dict[str, float]) -> Photo:
    with _timed(times_s, "photo"):
        return photo if isinstance(photo, Photo) else load_photo(photo)


def fit_photo(
    photo: str | Path | Photo, *, model: str = EMBEDDED, face: int = 0, texture_size: int = TEXTURE_SIZE
) -> Generator[Progress, None, HeadAsset]:
    """One photo -> the head of its `face`-th largest face. Raises PhotoError, FaceError, ModelError."""
    times_s: dict[str, float] = {}
    yield Progress("Reading the photo", 0.0)
    photo = _read_photo(photo, times_s)
    yield Progress("Finding the face", 0.08)
    with _timed(times_s, "landmarks"):
        landmarks = detect_landmarks(photo, index=face)
    return (yield from fit_found_face(photo, landmarks, model, texture_size, times_s))


def fit_all_faces(
    photo: str | Path | Photo, *, model: str = EMBEDDED, texture_size: int = TEXTURE_SIZE
) -> Generator[Progress, None, list[HeadAsset]]:
    """One photo -> a head for every face in it, largest first."""
    times_s: dict[str, float] = {}
    yield Progress("Reading the photo", 0.0)
    photo = _read_photo(photo, times_s)
    yield Progress("Finding the faces", 0.05)
    with _timed(times_s, "landmarks"):
        faces = find_faces(photo)
    assets = []
    for index, landmarks in enumerate(faces):
        job = fit_found_face(photo, landmarks, model, texture_size, dict(times_s))
        while True:
            try:
                progress = next(job)
            except StopIteration as end:
                name = end.value.name if len(faces) == 1 else f"{end.value.name}_{index + 1}"
                assets.append(replace(end.value, name=name))
                break
            stage = f"Face {index + 1} of {len(faces)}: {progress.stage}"
            yield Progress(stage, (index + progress.fraction) / len(faces), progress.is_once)
    return assets


def fit_photos(
    photos: Sequence[str | Path | Photo], *, model: str = EMBEDDED, texture_size: int = TEXTURE_SIZE
) -> Generator[Progress, None, HeadAsset]:
    """Several photos of one person -> one head: shared identity and albedo, each photo's own camera, expression and light.

    The largest face of each photo is taken; name, camera, expression and light are those of the photo that shows most skin.
    Raises PhotoError, FaceError, ModelError.
    """
    times_s: dict[str, float] = {}
    read, landmarks = [], []
    for number, source in enumerate(photos):
        yield Progress(f"Photo {number + 1} of {len(photos)}: finding the face", 0.2 * number / len(photos))
        read.append(_read_photo(source, times_s))
        with _timed(times_s, "landmarks"):
            landmarks.append(detect_landmarks(read[-1]))
    return (yield from _fit_faces(read, landmarks, model, texture_size, times_s))


def fit_found_face(
    photo: Photo,
    landmarks: Landmarks,
    model_name: str,
    texture_size: int,
    times_s: dict[str, float],
    start: FitStart | None = None,
) -> Generator[Progress, None, HeadAsset]:
    """fit_photo from the landmarks on; times_s: what was spent before; start: what is believed of the head."""
    return (yield from _fit_faces([photo], [landmarks], model_name, texture_size, times_s, start))


def _fit_faces(
    photos: list[Photo],
    landmarks: list[Landmarks],
    model_name: str,
    texture_size: int,
    times_s: dict[str, float],
    start: FitStart | None = None,
) -> Generator[Progress, None, HeadAsset]:
    tools = yield from _load_tools(model_name, times_s)
    yield Progress("Fitting the head", 0.3)
    with _timed(times_s, "landmarks"):
        dense = [locate_dense_landmarks(photo, points) for photo, points in zip(photos, landmarks, strict=True)]
    with _timed(times_s, "geometry"):
        fits = fit_person(photos, dense, tools.model, tools.calibration, tools.skin_look, start=start)
    painted = yield from _paint_head(photos, fits, tools, texture_size, times_s)
    main = painted.main
    result = judge_fit(photos[main], landmarks[main], tools.model, fits[main], painted.skin_light.light, painted.covered, times_s)
    asset = build_asset(tools.model, result, photos[main], painted.textures, painted.skin_light)
    asset.provenance["expected_shape_error_mm"] = round(expected_error_mm(tools.model, fits[main]), 2)
    asset.provenance.update(painted.provenance)
    if len(photos) > 1:
        asset.provenance["photos"] = [{"name": Path(p.source).name, "sha256": p.sha256} for p in photos]
        kept = [crop_to_head(p, fit.code, fit.camera, tools.model.pose(fit.code)) for p, fit in zip(photos, fits, strict=True)]
        named = Path(photos[0].source).stem or asset.name  # after the photo that was chosen first, whichever shows most
        asset = replace(asset, name=named, further=tuple(kept[:main] + kept[main + 1 :]))
    yield Progress("Done", 1.0)
    return asset


def repaint_head(
    photo: Photo,
    code: HeadCode,
    camera: Camera,
    *,
    further: Sequence[FittedPhoto] = (),
    texture_size: int = TEXTURE_SIZE,
    model: str = EMBEDDED,
) -> Generator[Progress, None, PaintedHead]:
    """A head whose shape was corrected -> what its photos paint on it now. Raises ModelError, FaceError.

    further: the head's other photos as they were fitted: their cameras and expressions follow the shape that it has now;
    model: that it was made with.
    """
    times_s: dict[str, float] = {}
    tools = yield from _load_tools(model, times_s)
    unsure = np.ones(tools.model.num_identity)
    others = follow_identity(tools.model, tools.calibration, [(f.code, f.camera) for f in further], code.identity)
    fits = [LandmarkFit(*fit, np.zeros(1), np.ones(1), unsure) for fit in [(code, camera), *others]]
    painted = yield from _paint_head([photo, *(f.photo for f in further)], fits, tools, texture_size, times_s)
    yield Progress("Done", 1.0)
    return painted


@dataclass(frozen=True)
class PaintedHead:
    """What photos paint on a head: textures; main: the photo that shows most skin, its skin_light and covered parts; provenance:
    what to tell of it."""

    textures: dict[str, Texture]
    main: int
    skin_light: SkinLight
    covered: list[str]
    provenance: dict[str, Any]


def _load_tools(model_name: str, times_s: dict[str, float]) -> Generator[Progress, None, CalibratedModel]:
    if has_to_be_made_ready(model_name):
        yield Progress("Making the FLAME file ready, once", 0.2, is_once=True)
    else:
        yield Progress("Loading the head model", 0.2)
    with _timed(times_s, "model"):
        tools = load_calibrated_model(model_name)
    with _timed(times_s, "kernels"):
        is_compiled = are_kernels_compiled()
    if not is_compiled:
        yield Progress(COMPILING, 0.25, is_once=True)
    with _timed(times_s, "kernels"):
        warm_up()
    return tools


def _paint_head(
    photos: list[Photo], fits: list[LandmarkFit], tools: CalibratedModel, texture_size: int, times_s: dict[str, float]
) -> Generator[Progress, None, PaintedHead]:
    """Light told from skin, the texture, the relief: all that follows once the shape is known."""
    yield Progress("Estimating the light", 0.45)
    with _timed(times_s, "light"):
        poses = [tools.model.pose(fit.code) for fit in fits]
        tried = [try_light(p, f.camera, v, tools.model) for p, f, v in zip(photos, fits, poses, strict=True)]
        lights = fit_skin_lights(tried)
    painted, carved, surfaces = [], [], []
    for number, (photo, fit, posed, skin_light) in enumerate(zip(photos, fits, poses, lights, strict=True)):
        yield Progress("Painting the texture", 0.5 + 0.5 * number / len(photos))
        with _timed(times_s, "texture"):
            sight = look_at_skin(photo, fit.camera, posed, tools.model, texture_size, skin_light)
            painted.append(paint_sight(sight))
            surfaces.append(sight.surface)
        with _timed(times_s, "detail"):
            carved.append(carve_detail(sight, tools.model, texture_size // 2))
    with _timed(times_s, "detail"):
        detail = blend_details(carved)
    with _timed(times_s, "texture"):
        main, albedo, confidence_map = blend_textures([(p.albedo, p.confidence) for p in painted])
        albedo = lift_relief(albedo, detail)
        skin_light = lights[main]
        maps = bake_surface_maps(albedo, tools.model, skin_light.skin_linear_rgb)
        textures = {"albedo": Texture(albedo, "sRGB"), "albedo_confidence": Texture(confidence_map, "Non-Color")}
        textures |= {name: Texture(pixels, "Non-Color") for name, pixels in maps.items()}
    with _timed(times_s, "detail"):
        relief = draw_relief(detail, tools.model, tools.model.shape(fits[main].code.identity))
        textures |= {name: Texture(pixels, "Non-Color") for name, pixels in relief.items()}
    covered = covered_parts(tools.model, surfaces[main], fits[main].camera, confidence_map)
    appearance = replace(painted[main].appearance, seed=int(photos[main].sha256[:7] or "0", 16))
    provenance = {
        "appearance": describe_appearance(appearance),
        "appearance_read": list(READ),
        "mouth": describe_mouth([p.mouth for p in painted]),
        "detail": describe_detail(carved),
        "face_shares": shares_of_face(tools.model, confidence_map),
    }
    return PaintedHead(textures, main, skin_light, covered, provenance)


@dataclass(frozen=True)
class CalibratedModel:
    """A head model and what is known of how photos show it."""

    model: HeadModel
    calibration: LandmarkCalibration
    skin_look: SkinLook


@lru_cache(maxsize=2)
def load_calibrated_model(name: str) -> CalibratedModel:
    """The model and its calibrations. Raises ModelError, TopologyError when they do not belong together."""
    model, calibration, photometry = get_model(name), load_calibration(), load_photometry()
    if {calibration.topology, photometry.topology} != {model.topology}:
        remedy = "run `make assets` again, or reinstall the extension" if name == EMBEDDED else "use the embedded model"
        raise TopologyError(f"The head model {name} has another mesh than the one its landmarks were calibrated on: {remedy}.")
    return CalibratedModel(model, calibration, prepare_skin_look(model, photometry))


def build_asset(model: HeadModel, fit: FitResult, photo: Photo, textures: dict[str, Texture], skin_light: SkinLight) -> HeadAsset:
    """Everything about one fitted head, in NumPy only, on the mesh that the model's heads wear."""
    code: HeadCode = fit.code
    facts = describe_model(model)
    model = model.worn or model
    vertices = model.shape(code.identity)
    provenance: dict[str, Any] = {
        "program": "Likeness",
        "version": VERSION,
        **facts,
        "photo": Path(photo.source).name,
        "photo_sha256": photo.sha256,
        "photo_notes": list(photo.notes),
        "confidence": fit.confidence,
        "warnings": [*model.warnings, *fit.warnings],
        "residual_px": fit.residual_px,
        "skin_angle_sd": round(skin_light.ita_sd, 1),
        "times_s": dict(fit.times_s),
    }
    return HeadAsset(
        name=Path(photo.source).stem or "head",
        **fields_of_model(model, vertices),
        expression=dict.fromkeys(model.expression_names, 0.0)
        | dict(zip(model.expression_names, map(float, code.expression), strict=False)),
        pose=code.pose,
        identity=code.identity,
        textures=textures,
        skin_linear_rgb=np.asarray(skin_light.skin_linear_rgb, np.float32),
        camera=fit.camera,
        light=fit.light,
        photo=photo,
        provenance=provenance,
    )


__all__ = ["build_asset", "fit_all_faces", "fit_photo", "fit_photos", "repaint_head", "run"]
