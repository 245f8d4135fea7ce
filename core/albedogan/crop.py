"""The square crop around 68 points that the encoders and the texture see.

Rule of this file: points are (x, y) in index coordinates of the photo, 0 being the first pixel's centre (this project's image
space has it at .5; from_image_space takes that off).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .faithfulness import FIXED, Faithfulness
from .image_sampling import sample_grid

CROP_SIZE, CROP_SCALE = 1024, 1.25
LANDMARK_MARGIN, DETECTOR_DROP = 1.1, 0.12


@dataclass(frozen=True)
class FaceBox:
    """size: the mean side of the face, px; centre (x, y) px."""

    size: float
    centre: tuple[float, float]


@dataclass(frozen=True)
class Crop:
    """pixels [N, N, 3] in [0, 1], RGB; crop_from_photo [3, 3] in index coordinates of both."""

    pixels: np.ndarray
    crop_from_photo: np.ndarray


def from_image_space(points_px: np.ndarray) -> np.ndarray:
    """This project's image space (pixel centres at .5) -> index coordinates."""
    return np.asarray(points_px) - 0.5


def box_of_edges(left: float, right: float, top: float, bottom: float, source: str = "landmarks") -> FaceBox:
    """source: 'landmarks' (the box of 68 points) or 'detector' (a face detector's, which sits higher and has its margin)."""
    mean_side = (right - left + bottom - top) / 2
    x, y = right - (right - left) / 2, bottom - (bottom - top) / 2
    if source == "landmarks":
        return FaceBox(mean_side * LANDMARK_MARGIN, (x, y))
    if source == "detector":
        return FaceBox(mean_side, (x, y + mean_side * DETECTOR_DROP))
    raise ValueError(f"source must be 'landmarks' or 'detector', not {source!r}")


def box_of_landmarks(landmarks: np.ndarray) -> FaceBox:
    """The box of 68 points [68, 2]."""
    (left, top), (right, bottom) = landmarks.min(0), landmarks.max(0)
    return box_of_edges(float(left), float(right), float(top), float(bottom))


def whole_image_box(size: tuple[int, int], faithfulness: Faithfulness = FIXED) -> FaceBox:
    """The whole of a picture of `size` (width, height) px, for one in which no face was found."""
    width, height = (size[1], size[0]) if faithfulness.whole_image_size_swapped else size
    return box_of_edges(0.0, width - 1.0, 0.0, height - 1.0)


def crop_matrix(box: FaceBox, size: int = CROP_SIZE, scale: float = CROP_SCALE) -> np.ndarray:
    """crop_from_photo [3, 3]: the square of whole-pixel side `scale` times the box's -> the crop's outermost pixel centres."""
    side = int(box.size * scale)
    zoom = (size - 1) / side
    matrix = np.diag([zoom, zoom, 1.0])
    matrix[:2, 2] = [-zoom * (middle - side / 2) for middle in box.centre]
    return matrix


def crop_photo(image: np.ndarray, box: FaceBox, size: int = CROP_SIZE) -> Crop:
    """image [H, W, 3] uint8 RGB -> the crop; black outside of the photo."""
    matrix = crop_matrix(box, size)
    columns, rows = ((np.arange(size) - matrix[axis, 2]) / matrix[axis, axis] for axis in (0, 1))
    return Crop(sample_grid(image, rows, columns) / 255, matrix)
