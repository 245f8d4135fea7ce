"""A photo's neutral head alone: the pipeline's fit without light, paint and relief, which no benchmark of shapes looks at."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..fit.confidence import expected_error_mm
from ..fit.photometric import fit_person
from ..head.library import EMBEDDED
from ..head.model import HeadModel, triangulate
from ..photo.dense_landmarks import locate_dense_landmarks
from ..photo.detector import box_overlap
from ..photo.image import load_photo
from ..photo.landmarks import detect_landmarks, find_faces
from ..photo.quality import assess_landmarks
from ..pipeline import load_calibrated_model
from ..render.runtime import COMPILING, are_kernels_compiled, warm_up
from ..types import Landmarks, Photo, Progress

SAME_FACE = 0.3
"""Intersection over union from which a face is the one in a box."""


@dataclass(frozen=True)
class FoundShape:
    """identity [K] standard deviations; expected_error_mm: fit/confidence.expected_error_mm; warnings: sentences."""

    identity: np.ndarray
    expected_error_mm: float
    warnings: tuple[str, ...]


def fit_shape(
    photo: str | Path, *, model: str = EMBEDDED, box: tuple[float, float, float, float] | None = None
) -> Generator[Progress, None, FoundShape]:
    """The head of the photo's largest face, as pipeline.fit_photo finds it, or of the face in a box (x0, y0, x1, y1) px.

    Raises PhotoError, FaceError, ModelError.
    """
    yield Progress("Reading the photo", 0.0)
    loaded = load_photo(photo)
    yield Progress("Finding the face", 0.1)
    landmarks = detect_landmarks(loaded) if box is None else choose_face(loaded, box)
    yield Progress("Loading the head model", 0.3)
    tools = load_calibrated_model(model)
    if not are_kernels_compiled():
        yield Progress(COMPILING, 0.35, is_once=True)
    warm_up()
    yield Progress("Fitting the head", 0.4)
    dense = locate_dense_landmarks(loaded, landmarks)
    (fit,) = fit_person([loaded], [dense], tools.model, tools.calibration, tools.skin_look)
    return FoundShape(fit.code.identity, expected_error_mm(tools.model, fit), assess_landmarks(loaded, landmarks).warnings)


def choose_face(photo: Photo, box: tuple[float, float, float, float]) -> Landmarks:
    """The face that shares most with the box; the largest where none does (a box may be another program's idea of the photo)."""
    largest = detect_landmarks(photo)
    if box_overlap(face_box(largest), box) > SAME_FACE:
        return largest
    faces = find_faces(photo)
    chosen = max(faces, key=lambda face: box_overlap(face_box(face), box), default=largest)
    return chosen if box_overlap(face_box(chosen), box) > 0 else largest


def face_box(face: Landmarks) -> tuple[float, ...]:
    """The box (x0, y0, x1, y1) px around a face's points."""
    return (*face.points_px.min(0), *face.points_px.max(0))


@dataclass(frozen=True)
class OuterMesh:
    """What of a head model a scan can show: indices [N] of its vertices, triangles [T, 3] into those."""

    indices: np.ndarray
    triangles: np.ndarray


def outer_mesh(model: HeadModel) -> OuterMesh:
    """The skin that can be seen and the eyeballs: no mouth's inside, sockets, teeth, tongue, corneas or lashes."""
    triangles = triangulate(outer_faces(model))
    indices, compact = np.unique(triangles, return_inverse=True)
    return OuterMesh(indices, compact.reshape(-1, 3))


def outer_faces(model: HeadModel) -> np.ndarray:
    """The model's faces [F, 4] of outer_mesh."""
    none = np.zeros(len(model.template))
    hidden = np.maximum(model.regions.get("mouth_inside", none), model.regions.get("eye_socket", none))
    names = np.array(model.part_names)[model.face_parts]
    corners = np.where(model.faces >= 0, model.faces, model.faces[:, :1])
    is_seen = (names == "skin") & (hidden[corners].min(1) < 0.5)
    return model.faces[is_seen | np.isin(names, ["left_eye", "right_eye"])]
