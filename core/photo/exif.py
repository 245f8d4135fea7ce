"""What a camera wrote into a photo: which way up it is, and the focal length in pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL import ExifTags, Image

FILM_DIAGONAL_MM = math.hypot(36, 24)
FOCAL_RANGE = (0.3, 25.0)
"""Plausible focal lengths as shares of the photo's long side: 11 to 900 mm on 36 mm film."""
_UNIT_MM = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}
_ORIENTATIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
}  # fmt: skip


@dataclass(frozen=True)
class CameraFacts:
    """EXIF's answer: orientation 1..8 (1 upright), focal_px for the stored pixel size or None, notes."""

    orientation: int
    focal_px: float | None
    notes: tuple[str, ...] = ()


def read_camera_facts(image: Image.Image, stored_size: tuple[int, int]) -> CameraFacts:
    """EXIF of a decoded picture that is stored_size (width, height) in its file; damaged EXIF counts as none."""
    try:
        exif = image.getexif()
        orientation = exif.get(ExifTags.Base.Orientation, 1)
        camera = exif.get_ifd(ExifTags.IFD.Exif)
        focal_px, notes = focal_length_px({**exif, **camera}, stored_size)
    except Exception as error:  # Pillow's EXIF reader raises whatever the damage provokes
        return CameraFacts(1, None, (f"its EXIF data is damaged and was ignored ({error})",))
    return CameraFacts(orientation if orientation in _ORIENTATIONS else 1, focal_px, notes)


def make_upright(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(_ORIENTATIONS[orientation]) if orientation in _ORIENTATIONS else image


def focal_length_px(tags: dict[int, object], size: tuple[int, int]) -> tuple[float | None, tuple[str, ...]]:
    """Focal length for an image of size (width, height) px as stored, and notes.

    The 35 mm equivalent is by the diagonal (CIPA DCG-001). A photo whose proportions are not those of the frame
    that EXIF describes was cropped: then its focal length in pixels is unknown.
    """
    frame = (_number(tags, ExifTags.Base.ExifImageWidth), _number(tags, ExifTags.Base.ExifImageHeight))
    if frame[0] and frame[1] and not _same_proportions(frame, size):
        return None, ("it was cropped after it was taken, so EXIF's focal length was not used",)
    if film_mm := _number(tags, ExifTags.Base.FocalLengthIn35mmFilm):
        focal_px = film_mm * math.hypot(*size) / FILM_DIAGONAL_MM
    else:
        focal_mm = _number(tags, ExifTags.Base.FocalLength)
        density = _number(tags, ExifTags.Base.FocalPlaneXResolution)
        unit_mm = _UNIT_MM.get(int(_number(tags, ExifTags.Base.FocalPlaneResolutionUnit) or 2))
        if not (focal_mm and density and unit_mm):
            return None, ()
        stored_width = max(size) if frame[0] and frame[0] >= (frame[1] or 0) else size[0]
        focal_px = focal_mm * density / unit_mm * (stored_width / frame[0] if frame[0] else 1.0)
    low, high = (share * max(size) for share in FOCAL_RANGE)
    if not low <= focal_px <= high:
        return None, (f"EXIF's focal length of {focal_px:.0f} pixels is not plausible and was not used",)
    return float(focal_px), ()


def _number(tags: dict[int, object], tag: int) -> float | None:
    """A positive finite number, or None."""
    try:
        value = float(tags[tag])  # type: ignore[arg-type]
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return value if math.isfinite(value) and value > 0 else None


def _same_proportions(frame: tuple[float | None, float | None], size: tuple[int, int]) -> bool:
    """Within 2 %, whichever side is the long one (some programs turn the pixels and leave the tags)."""
    a, b = sorted(side for side in frame if side)
    c, d = sorted(size)
    return abs(a * d / (b * c) - 1) < 0.02
