"""478 landmarks of every face in a photo: detect, then MediaPipe's attention mesh, run twice.

The first run is on the detector's window, the second on the window that the first run's landmarks give, mirrored as well.
Points are in the order of MediaPipe's attention mesh; 468-472 are the subject's right iris, 473-477 the left.
Source: Grishchenko et al. 2020, "Attention mesh: high-fidelity face mesh prediction in real-time".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

from ..errors import FaceError
from ..types import Landmarks, Photo
from .crop import Square, crop_square
from .detector import (
    MAX_OVERLAP,
    Detection,
    box_overlap,
    detect_in_window,
    look_closer,
    merge_detections,
    tile_windows,
    whole_photo,
)
from .mirror import mirror_points
from .networks import FACE_LANDMARKER, open_network

RESOLUTION = 192
NUM_POINTS = 478
RIGHT_EYE_OUTER, LEFT_EYE_OUTER = 33, 263
MIN_LIKELIHOOD = 0.5
SEARCH_SIDE = 1024
SMALL_FACE = 0.25
"""When the largest face of the whole photo is below this share of its long side, there may be others too small to be seen."""
WINDOW_SCALE = 1.5
"""The network's window is this much larger than the box around the face, as it was trained."""


def find_faces(photo: Photo) -> list[Landmarks]:
    """All faces, largest first; the search goes on to smaller and turned windows until it has found some."""
    pixels = photo.pixels
    faces = _large_faces(pixels)
    if not faces or face_size(faces[0]) < SMALL_FACE * max(pixels.shape[:2]):
        tiles = [window for divisions in (2, 4) for window in tile_windows(pixels.shape, divisions)]
        faces = _faces_in(pixels, tiles, faces)
    return faces or _turned_faces(pixels)


def detect_landmarks(photo: Photo, index: int = 0) -> Landmarks:
    """One face by its size, 0 the largest. Raises FaceError when there is none, or not so many."""
    faces = _large_faces(photo.pixels) if index == 0 else []
    faces = faces or find_faces(photo)
    if not faces:
        raise FaceError(
            f"No face was found in {photo.source}. Use a photo that shows one face from the front or half turned, "
            "sharp and evenly lit, at least 100 pixels wide."
        )
    if not 0 <= index < len(faces):
        raise FaceError(f"{photo.source} shows {len(faces)} face(s): choose a number from 0 to {len(faces) - 1}, not {index}.")
    return faces[index]


def likelihood(face: Landmarks) -> float:
    """How sure both networks are of a face; in trials .55 to .97 for faces (even dark, noisy), up to .50 for other things."""
    return face.presence * face.detection_score


def face_size(face: Landmarks) -> float:
    """The side in pixels of the square as large as the points' bounding box."""
    return float(np.sqrt(np.prod(np.ptp(face.points_px, axis=0))))


def _large_faces(pixels: np.ndarray) -> list[Landmarks]:
    """What can be seen in the photo as a whole."""
    return _faces_in(pixels, [whole_photo(pixels.shape)], [])


def _turned_faces(pixels: np.ndarray) -> list[Landmarks]:
    """Faces that lie on their side, upside down or askew: in the whole photo, else in its parts."""
    turns = [k * np.pi / 4 for k in (2, 6, 4, 1, 7, 3, 5)]
    faces = _faces_in(pixels, [whole_photo(pixels.shape, turn) for turn in turns], [])
    return faces or _faces_in(pixels, [window for turn in turns[:3] for window in tile_windows(pixels.shape, 2, turn)], [])


def _faces_in(pixels: np.ndarray, windows: list[Square], known: list[Landmarks]) -> list[Landmarks]:
    """`known` and the further faces in some windows, largest first.

    Candidates are sought in a small copy of the photo, then looked at closely, the best first; one in the middle of
    a face that is known by then is a part of it.
    """
    factor = max(1, max(pixels.shape[:2]) // SEARCH_SIDE)
    small = np.asarray(Image.fromarray(pixels).reduce(factor))
    found = [face for window in windows for face in detect_in_window(small, window.scaled(1 / factor))]
    faces = list(known)
    for candidate in merge_detections([face.scaled(factor) for face in found]):
        if any(_is_inside(candidate.centre, points_box(face.points_px)) for face in faces):
            continue
        if views := look_closer(pixels, candidate):
            face = _most_likely(pixels, views)
            if likelihood(face) >= MIN_LIKELIHOOD:
                faces.append(face)
    return _distinct(faces)


def _is_inside(point: np.ndarray, box: tuple[float, float, float, float]) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def _most_likely(pixels: np.ndarray, detections: list[Detection]) -> Landmarks:
    """The landmarks of the detection that the mesh network agrees with most."""
    faces = [landmarks_of_detection(pixels, detection) for detection in detections]
    return max(faces, key=likelihood)


def _distinct(faces: list[Landmarks]) -> list[Landmarks]:
    """Of faces whose points lie over each other, only the likeliest; largest first."""
    kept: list[Landmarks] = []
    for face in sorted(faces, key=lambda f: -likelihood(f)):
        box = points_box(face.points_px)
        if all(box_overlap(box, points_box(other.points_px)) < MAX_OVERLAP for other in kept):
            kept.append(face)
    return sorted(kept, key=lambda face: -face_size(face))


def points_box(points: np.ndarray) -> tuple[float, float, float, float]:
    """(x0, y0, x1, y1) around points [N, 2]."""
    (x0, y0), (x1, y1) = points.min(0).tolist(), points.max(0).tolist()
    return x0, y0, x1, y1


def landmarks_of_detection(pixels: np.ndarray, detection: Detection) -> Landmarks:
    """Run the network on the detector's window, then on the window around what it found, and there on its mirror image too.

    The mean with the mirror image has 5 % less scatter about the truth than one run, and no bias to a side.
    """
    first, presence = run_mesh(pixels, detection_window(detection))
    window = points_window(first)
    crop = crop_square(pixels, window, RESOLUTION, repeat_edge=True)
    plain, mirror_image = read_mesh(crop), read_mesh(crop[:, ::-1])
    mirrored = mirror_points(mirror_image.points, RESOLUTION)
    points = crop_to_image((plain.points + mirrored) / 2, window)
    yaw, roll = head_turn(points)
    return Landmarks(
        points_px=points[:, :2],
        depth_px=points[:, 2],
        box_px=detection.box_px,
        detection_score=detection.score,
        presence=min(presence, plain.presence, mirror_image.presence, agreement(plain.points, mirrored)),
        yaw_rad=yaw,
        roll_rad=roll,
    )


def head_turn(points: np.ndarray) -> tuple[float, float]:
    """Yaw and roll (rad, as in Landmarks) of points [478, 3] from the line through the outer eye corners."""
    dx, dy, dz = points[LEFT_EYE_OUTER] - points[RIGHT_EYE_OUTER]
    return float(np.arctan2(dz, np.hypot(dx, dy))), float(np.arctan2(dy, dx))


def agreement(points: np.ndarray, others: np.ndarray) -> float:
    """How alike two meshes [478, 3] of one crop are: 1 up to a mean distance of 2 % of the outer eye corners', 0 from 10 %.

    Of a face, a crop and its mirror image give meshes 1 to 3 % apart; of something else, the network draws a face
    with full presence, but another one in the mirror: 6 to 20 % apart.
    """
    eyes = np.linalg.norm(points[LEFT_EYE_OUTER] - points[RIGHT_EYE_OUTER])
    distance = np.linalg.norm((points - others)[:, :2], axis=1).mean() / max(eyes, 1e-6)
    return float(np.clip((0.10 - distance) / 0.08, 0, 1))


def detection_window(detection: Detection) -> Square:
    """The network's window for a detection: eyes level, 1.5 times the box."""
    x, y = detection.centre.tolist()
    return Square(x, y, WINDOW_SCALE * float(detection.size.max()), detection.roll_rad)


def points_window(points: np.ndarray) -> Square:
    """The network's window for landmarks [478, >= 2]: eyes level, 1.5 times the box around them."""
    low, high = points[:, :2].min(0), points[:, :2].max(0)
    dx, dy = (points[LEFT_EYE_OUTER] - points[RIGHT_EYE_OUTER])[:2]
    x, y = ((low + high) / 2).tolist()
    return Square(x, y, WINDOW_SCALE * float((high - low).max()), float(np.arctan2(dy, dx)))


def run_mesh(pixels: np.ndarray, window: Square) -> tuple[np.ndarray, float]:
    """pixels [H, W, 3] uint8 -> points [478, 3] (image-space x, y and relative depth, px) and presence in [0, 1]."""
    reading = read_mesh(crop_square(pixels, window, RESOLUTION, repeat_edge=True))
    return crop_to_image(reading.points, window), reading.presence


def crop_to_image(points: np.ndarray, window: Square) -> np.ndarray:
    """points [478, 3] in crop pixels -> image space, depth in the photo's pixels."""
    return np.column_stack([window.to_image(points[:, :2] / RESOLUTION), points[:, 2] * window.side / RESOLUTION])


@dataclass(frozen=True)
class MeshReading:
    """What the network says of one crop: points [478, 3] in crop pixels, presence in [0, 1], inner layers by name."""

    points: np.ndarray
    presence: float
    layers: dict[str, np.ndarray]


def read_mesh(crop: np.ndarray, layers: Sequence[str] = ()) -> MeshReading:
    """crop [192, 192, 3] uint8 -> the network's reading, with the inner layers asked for.

    The lips and eyes of the coarse mesh are replaced by those of the attention branches; the irises, which the
    branches give in the plane alone, take the mean depth of their eye's contour.
    """
    outputs = open_network(FACE_LANDMARKER).run(crop.astype(np.float32) / 255, layers)
    points = np.empty((NUM_POINTS, 3))
    points[:468] = outputs["output_mesh_identity"].reshape(468, 3)
    for output, members in _attention_members().items():
        points[members, :2] = outputs[output].reshape(-1, 2)
    for side, iris in (("left", slice(468, 473)), ("right", slice(473, 478))):
        points[iris, :2] = outputs[f"output_{side}_iris"].reshape(-1, 2)
        points[iris, 2] = points[_lids(side), 2].mean()
    presence = 1 / (1 + np.exp(-float(outputs["conv_faceflag"].item())))
    return MeshReading(points, presence, {name: outputs[name] for name in layers})


def eye_points() -> np.ndarray:
    """[42]: the points on the lids' margins and on the irises."""
    return np.concatenate([_lids("left"), _lids("right"), np.arange(468, NUM_POINTS)])


def _lids(side: str) -> np.ndarray:
    """The 16 points around an eye; side as in the image."""
    return _attention_members()[f"output_{side}_eye"][:16]


@cache
def _attention_members() -> dict[str, np.ndarray]:
    """Output name of an attention branch -> the mesh points it refines: those its window was laid around, in order."""
    windows = [s.options["subset_idxs"] for s in open_network(FACE_LANDMARKER).steps if s.name == "Landmarks2TransformMatrix"]
    return dict(zip(("output_lips", "output_left_eye", "output_right_eye"), map(np.array, windows), strict=True))
