"""Where faces are: MediaPipe's short-range face detector on windows of the photo.

The network looks at 128x128 pixels and sees faces from about a tenth of its window; smaller and turned faces are
found by giving it smaller and turned windows.
Source: Bazarevsky et al. 2019, "BlazeFace: Sub-millisecond neural face detection on mobile GPUs", for anchors and blending.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from .crop import Square, crop_square
from .networks import FACE_DETECTOR, open_network

RESOLUTION = 128
MIN_SCORE = 0.5
SURE_SCORE = 0.9
"""From here on a face seen in its own window is taken to be the right way up: upside-down ones stay below."""
MAX_OVERLAP = 0.3
LIKELY_SCORE = 0.6
CLOSE_UP = 2.1
"""Side of the window for a second look, in sizes of the face's box."""


@dataclass(frozen=True)
class Detection:
    """A face: centre [2] and size [2] px of its box in the window it was found in, that window's turn_rad, score in [0, 1].

    keypoints [6, 2] px in the photo: the subject's right eye, left eye, nose tip, mouth, right and left ear.
    """

    centre: np.ndarray
    size: np.ndarray
    turn_rad: float
    keypoints: np.ndarray
    score: float

    @property
    def roll_rad(self) -> float:
        """Direction from the right to the left eye in the photo, clockwise on the screen."""
        dx, dy = self.keypoints[1] - self.keypoints[0]
        return float(np.arctan2(dy, dx))

    def scaled(self, factor: float) -> Detection:
        """The same face in the photo resized by `factor`."""
        return replace(self, centre=self.centre * factor, size=self.size * factor, keypoints=self.keypoints * factor)

    @property
    def box_px(self) -> tuple[float, float, float, float]:
        """(x0, y0, x1, y1), upright in the photo."""
        half = self.size / 2
        c, s = abs(np.cos(self.turn_rad)), abs(np.sin(self.turn_rad))
        reach = np.array([c * half[0] + s * half[1], s * half[0] + c * half[1]])
        (x0, y0), (x1, y1) = (self.centre - reach).tolist(), (self.centre + reach).tolist()
        return x0, y0, x1, y1


def detect_in_window(pixels: np.ndarray, window: Square) -> list[Detection]:
    """pixels [H, W, 3] uint8 -> the faces in a window, best first."""
    crop = crop_square(pixels, window, RESOLUTION, repeat_edge=False)
    outputs = open_network(FACE_DETECTOR).run(crop.astype(np.float32) / 127.5 - 1)
    logits = outputs["classificators"].reshape(-1).astype(np.float64)
    scores = 1 / (1 + np.exp(-np.clip(logits, -100, 100)))
    keep = np.flatnonzero(scores >= MIN_SCORE)
    coordinates = outputs["regressors"][0, keep].reshape(-1, 8, 2) / RESOLUTION
    coordinates[:, [0, 2, 3, 4, 5, 6, 7]] += _anchors()[keep, None]
    faces = []
    for cluster in _clusters(coordinates[:, 0], coordinates[:, 1], scores[keep]):
        weights = scores[keep][cluster]
        blended = np.average(coordinates[cluster], axis=0, weights=weights).astype(np.float64)
        centre, *keypoints = window.to_image(blended[[0, 2, 3, 4, 5, 6, 7]])
        size = blended[1] * window.side
        faces.append(Detection(centre, size, window.turn_rad, np.array(keypoints), float(weights.max())))
    return faces


def look_closer(pixels: np.ndarray, face: Detection) -> list[Detection]:
    """What `face` is in a window of its own: up to two detections that differ in which way is up, best first.

    The detector answers to faces on their side and upside down too, with a lower score and wrong keypoints, so the
    window is turned until the answer is sure. Empty when no turn shows a likely face.
    """
    x, y = face.centre.tolist()
    seen: list[Detection] = []
    for number, eighths in enumerate((0, 4, 2, 6, 1, 7, 3, 5)):
        if number == 4 and max((f.score for f in seen), default=0) < LIKELY_SCORE:
            return []
        window = Square(x, y, CLOSE_UP * float(face.size.max()), face.roll_rad + eighths * np.pi / 4)
        near = [f for f in detect_in_window(pixels, window) if np.linalg.norm(f.centre - face.centre) < face.size.max() / 2]
        if near and near[0].score >= SURE_SCORE:
            return near[:1]
        seen += near
    best = max(seen, key=lambda f: f.score)
    others = [f for f in seen if np.cos(f.roll_rad - best.roll_rad) < np.cos(np.pi / 4)]
    return [best, max(others, key=lambda f: f.score)] if others else [best]


def merge_detections(faces: list[Detection]) -> list[Detection]:
    """Of detections that overlap, from several windows, only the best; best first."""
    kept: list[Detection] = []
    for face in sorted(faces, key=lambda f: -f.score):
        if all(box_overlap(face.box_px, other.box_px) < MAX_OVERLAP for other in kept):
            kept.append(face)
    return kept


def box_overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Intersection over union of two boxes (x0, y0, x1, y1)."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)


def whole_photo(shape: tuple[int, ...], turn_rad: float = 0.0) -> Square:
    """The window that holds all of a photo of shape (H, W, ...) when upright or turned by right angles."""
    return Square(shape[1] / 2, shape[0] / 2, float(max(shape[:2])), turn_rad)


def tile_windows(shape: tuple[int, ...], divisions: int, turn_rad: float = 0.0) -> Iterator[Square]:
    """Windows of 1/divisions of the long side, each overlapping the next by at least half, over the whole photo."""
    side = max(shape[:2]) / divisions
    height, width = shape[:2]
    for y in _tile_centres(height, side):
        for x in _tile_centres(width, side):
            yield Square(x, y, side, turn_rad)


def _tile_centres(length: float, side: float) -> np.ndarray:
    if length <= side:
        return np.array([length / 2])
    count = int(np.ceil((length - side) / (side / 2))) + 1
    return np.linspace(side / 2, length - side / 2, count)


@cache
def _anchors() -> np.ndarray:
    """[896, 2] centres of the network's cells in its unit square: 16x16 cells twice, then 8x8 cells six times."""
    grids = []
    for cells, repeats in ((16, 2), (8, 6)):
        y, x = (np.mgrid[:cells, :cells] + 0.5) / cells
        grids.append(np.repeat(np.stack([x.ravel(), y.ravel()], 1), repeats, 0))
    return np.concatenate(grids).astype(np.float32)


def _clusters(centres: np.ndarray, sizes: np.ndarray, scores: np.ndarray) -> Iterator[np.ndarray]:
    """Groups of overlapping boxes, [n] indices each, around the best box that is left."""
    low, high = centres - sizes / 2, centres + sizes / 2
    order = np.argsort(-scores)
    while order.size:
        best = order[0]
        common = np.clip(np.minimum(high[order], high[best]) - np.maximum(low[order], low[best]), 0, None).prod(1)
        overlap = common / (sizes[order].prod(1) + sizes[best].prod() - common)
        is_near = overlap > MAX_OVERLAP
        is_near[0] = True
        yield order[is_near]
        order = order[~is_near]
