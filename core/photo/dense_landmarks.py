"""Where fixed points of the head's surface lie in a photo, hidden ones included: what the fit measures a head by.

The attention mesh draws outlines (its jaw points slide along the edge of the face as the head turns) and pulls unusual
faces towards its mean. A linear map from its points and its last inner layers to corrections, learnt on rendered heads of
known shape (core/calibration), takes most of that away. The idea of fixed, dense landmarks learnt from renders alone: Wood
et al. 2022, "3D face reconstruction with dense landmarks".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from PIL import Image

from ..config import DATA_DIR
from ..errors import ModelError
from ..types import Landmarks, Photo
from .crop import Square, crop_square
from .landmarks import NUM_POINTS, RESOLUTION, MeshReading, points_window, read_mesh
from .mirror import mirror_points

FINE_RESOLUTION = 256
LAYERS = ("p_re_lu_17", "p_re_lu_19", "p_re_lu_32", "p_re_lu_45", "p_re_lu_65")
"""The trunk's last two layers, the last ones of the lips', left and right eye's branch; 2,080 numbers."""
FARTHEST = 2.0
"""Corrections are kept within this many standard deviations a component (root mean square), wherever a picture lies."""


@dataclass(frozen=True)
class DenseRegressor:
    """points + directions.T @ z + offset, z = weights.T @ (features - mean) / scale; crop pixels.

    mean, scale [D]; weights [D,R], z has unit variance over the training heads; directions [R, 956], offset [956].
    """

    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    directions: np.ndarray
    offset: np.ndarray

    def locate(self, reading: MeshReading) -> np.ndarray:
        """-> [478, 2] in crop pixels."""
        z = (features_of(reading) - self.mean) / self.scale @ self.weights
        z *= min(1.0, FARTHEST / max(float(np.sqrt(np.mean(z**2))), 1e-9))
        return reading.points[:, :2] + (z @ self.directions + self.offset).reshape(NUM_POINTS, 2)


def locate_dense_landmarks(photo: Photo, landmarks: Landmarks) -> np.ndarray:
    """[478, 2] float64 in image space: the mean of what the window around a found face and its mirror image give."""
    window, plain, mirrored = read_face(photo.pixels, landmarks)
    regressor = load_regressor()
    points = (regressor.locate(plain) + mirror_points(regressor.locate(mirrored), RESOLUTION)) / 2
    return window.to_image(points / RESOLUTION)


def read_face(pixels: np.ndarray, landmarks: Landmarks) -> tuple[Square, MeshReading, MeshReading]:
    """The window around a found face, and the network's readings of it and of its mirror image, inner layers kept."""
    window = points_window(landmarks.points_px)
    fine = Image.fromarray(crop_square(pixels, window, FINE_RESOLUTION, repeat_edge=True))
    crop = np.asarray(fine.resize((RESOLUTION, RESOLUTION), Image.Resampling.BILINEAR))
    return window, read_mesh(crop, LAYERS), read_mesh(crop[:, ::-1], LAYERS)


def features_of(reading: MeshReading) -> np.ndarray:
    """[D] float64: all points (in units of 30 crop pixels) and the inner layers."""
    return np.concatenate([reading.points.ravel() / 30, *(reading.layers[name].ravel() for name in LAYERS)])


def save_regressor(regressor: DenseRegressor, path: Path) -> None:
    np.savez_compressed(path, **{name: getattr(regressor, name).astype(np.float16) for name in DenseRegressor.__annotations__})


@cache
def load_regressor(path: Path = DATA_DIR / "dense_landmarks.npz") -> DenseRegressor:
    """Read what save_regressor wrote. Raises ModelError when it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return DenseRegressor(**{name: file[name].astype(np.float64) for name in DenseRegressor.__annotations__})
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise ModelError(f"The landmark regressor {path} cannot be read ({error}): reinstall Likeness.") from error
