"""landmark_embedding.npy: where the 68 iBUG landmarks lie on FLAME's triangles; and the one for MediaPipe's points."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..checkpoints import read_file
from ..errors import ModelError
from .arrays import NUM_FACES

NUM_ROWS, NUM_CONTOUR, NUM_STATIC, NUM_FULL = 79, 17, 51, 68
REMEDY = "give landmark_embedding.npy as DECA's data folder has it"
MEDIAPIPE_REMEDY = "give mediapipe_landmark_embedding.npz as FLAME's site has it"


@dataclass(frozen=True)
class LandmarkEmbedding:
    """Faces are rows of FlameArrays.faces (int64), weights barycentric coordinates (float32, sums 1).

    static_faces [51], static_weights [51, 3]: iBUG points 17 to 67; full_faces [68], full_weights [68, 3]: all points,
    fixed to the skin; dynamic_faces [79, 17], dynamic_weights [79, 17, 3]: points 0 to 16, the visible contour, by the head's
    yaw in degrees (row y for 0 <= y <= 39, row 39 - y for -39 <= y < 0).
    """

    static_faces: np.ndarray
    static_weights: np.ndarray
    dynamic_faces: np.ndarray
    dynamic_weights: np.ndarray
    full_faces: np.ndarray
    full_weights: np.ndarray


@dataclass(frozen=True)
class MediapipeEmbedding:
    """landmarks [N] int64, indices among MediaPipe's points; faces [N] int64, weights [N, 3] float32: where they lie."""

    landmarks: np.ndarray
    faces: np.ndarray
    weights: np.ndarray


def read_landmark_embedding(path: Path) -> LandmarkEmbedding:
    """The embedding of .npy or .npz. Raises ModelError, one line that names all that is wrong."""
    content = _dict_of(path, REMEDY)
    shapes = {"static": (NUM_STATIC,), "dynamic": (NUM_ROWS, NUM_CONTOUR), "full": (NUM_FULL,)}
    fields: dict[str, np.ndarray] = {}
    wrong: list[str] = []
    for kind, shape in shapes.items():
        faces = _faces(content, f"{kind}_lmk_faces_idx", shape, wrong)
        weights = _weights(content, f"{kind}_lmk_bary_coords", (*shape, 3), wrong)
        fields |= {f"{kind}_faces": faces, f"{kind}_weights": weights}
    _refuse(path, wrong, REMEDY)
    return LandmarkEmbedding(**fields)


def read_mediapipe_embedding(path: Path) -> MediapipeEmbedding:
    """mediapipe_landmark_embedding.npz. Raises ModelError, one line that names all that is wrong."""
    content = _dict_of(path, MEDIAPIPE_REMEDY)
    landmarks = content.get("landmark_indices")
    num = len(landmarks) if isinstance(landmarks, np.ndarray) and landmarks.ndim == 1 and landmarks.dtype.kind in "iu" else 0
    wrong = [] if num else ["landmark_indices is missing or no list of numbers"]
    faces = _faces(content, "lmk_face_idx", (num,), wrong)
    weights = _weights(content, "lmk_b_coords", (num, 3), wrong)
    _refuse(path, wrong, MEDIAPIPE_REMEDY)
    return MediapipeEmbedding(np.asarray(landmarks, np.int64), faces, weights)


def _dict_of(path: Path, remedy: str) -> dict[str, Any]:
    content = read_file(Path(path))
    if not isinstance(content, dict):
        raise ModelError(f"The file {Path(path).name} holds no landmarks on FLAME (it is no dict of arrays): {remedy}.")
    return content


def _refuse(path: Path, wrong: list[str], remedy: str) -> None:
    if wrong:
        raise ModelError(f"The file {Path(path).name} holds no landmarks on FLAME: {'; '.join(wrong)}: {remedy}.")


def _numbers(content: dict[str, Any], name: str, shape: tuple[int, ...], kinds: str, wrong: list[str]) -> np.ndarray | None:
    """The entry in `shape`, also where it has leading axes of 1; else a word about it in `wrong`."""
    array = content.get(name)
    if not (isinstance(array, np.ndarray) and array.dtype.kind in kinds):
        wrong.append(f"{name} is missing or no array of numbers")
        return None
    extra = array.ndim - len(shape)
    if extra < 0 or array.shape[extra:] != shape or array.shape[:extra] != (1,) * extra:
        wrong.append(f"{name} has the shape {array.shape}, not {shape}")
        return None
    return array.reshape(shape)


def _faces(content: dict[str, Any], name: str, shape: tuple[int, ...], wrong: list[str]) -> np.ndarray:
    array = _numbers(content, name, shape, "iu", wrong)
    if array is None:
        return np.zeros(shape, np.int64)
    if array.size and (array.min() < 0 or array.max() >= NUM_FACES):
        wrong.append(f"{name} names faces that are not among FLAME's {NUM_FACES}")
    return array.astype(np.int64)


def _weights(content: dict[str, Any], name: str, shape: tuple[int, ...], wrong: list[str]) -> np.ndarray:
    array = _numbers(content, name, shape, "f", wrong)
    if array is None:
        return np.zeros(shape, np.float32)
    if not np.isfinite(array).all() or np.abs(array.sum(-1) - 1).max(initial=0) > 1e-3:
        wrong.append(f"{name} holds rows that do not sum to 1")
    return np.ascontiguousarray(array, np.float32)
