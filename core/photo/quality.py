"""How far landmarks can be trusted, and what to tell the user about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..types import Landmarks, Photo
from .landmarks import face_size, likelihood

SHARP_SIZE_PX = 128
"""The network looks at 192 pixels, of which the face fills two thirds: a smaller face is enlarged for it."""


@dataclass(frozen=True)
class LandmarkQuality:
    """confidence in [0, 1]; warnings: sentences for the user, empty for a good photo."""

    confidence: float
    warnings: tuple[str, ...]


def assess_landmarks(photo: Photo, face: Landmarks) -> LandmarkQuality:
    """Judge by the networks' own scores, the face's size in pixels, its turn, and what of it lies outside the photo."""
    size, yaw_deg = face_size(face), abs(float(np.degrees(face.yaw_rad)))
    outside = hidden_share(photo, face)
    warnings = []
    if size < SHARP_SIZE_PX:
        warnings.append(f"The face is only {size:.0f} pixels large: a photo with a larger face gives a better likeness.")
    if yaw_deg > 50:
        warnings.append(f"The face is turned {yaw_deg:.0f} degrees to the side: its hidden half is a guess.")
    if outside > 0.01:
        warnings.append(f"{outside:.0%} of the face lies outside the photo or under transparent pixels: that part is a guess.")
    if likelihood(face) < 0.75:
        warnings.append("The face is hard to recognise (dark, blurred, covered or turned away): the likeness may be poor.")
    confidence = (
        np.interp(likelihood(face), [0.4, 0.85], [0, 1])
        * np.interp(size, [16, SHARP_SIZE_PX], [0.2, 1])
        * np.interp(yaw_deg, [40, 80], [1, 0.3])
        * np.interp(outside, [0, 0.4], [1, 0.2])
    )
    return LandmarkQuality(float(confidence), tuple(warnings))


def hidden_share(photo: Photo, face: Landmarks) -> float:
    """Share of the points that lie outside the photo or on mostly transparent pixels."""
    height, width = photo.pixels.shape[:2]
    columns, rows = np.floor(face.points_px).astype(int).T
    is_inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    if photo.alpha is not None:
        is_inside[is_inside] = photo.alpha[rows[is_inside], columns[is_inside]] >= 128
    return float(1 - is_inside.mean())
