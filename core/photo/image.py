"""Reading photos: upright, 8-bit sRGB, at most 4096 pixels, with the focal length in pixels where EXIF tells it."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import PhotoError
from ..types import Photo
from .colour import to_srgb
from .decode import MAX_SIDE, decode_picture, open_picture
from .exif import make_upright, read_camera_facts

MIN_SIDE = 64


def load_photo(path: str | Path) -> Photo:
    """Read a picture file. Raises PhotoError with the remedy for whatever is wrong with it.

    The first frame of an animation is used; transparent pixels are shown on grey and alpha is kept.
    """
    path = Path(path)
    digest = _hash_file(path)
    with open_picture(path) as image:
        stored_size, frames = image.size, _count_frames(image)
        decoded = decode_picture(image, path)
        facts = read_camera_facts(image, stored_size)
        profile = image.info.get("icc_profile")
    decoded = make_upright(decoded, facts.orientation)
    pixels, alpha, colour_notes = to_srgb(decoded, profile)
    notes = [*facts.notes, *colour_notes]
    if facts.orientation != 1:
        notes.append(f"it was turned upright (EXIF orientation {facts.orientation})")
    if frames > 1:
        notes.append(f"the first of its {frames} frames was used")
    if stored_size not in (decoded.size, decoded.size[::-1]):
        notes.append(f"it was reduced from {stored_size[0]} x {stored_size[1]} to {decoded.width} x {decoded.height} pixels")
    focal_px = facts.focal_px and facts.focal_px * max(decoded.size) / max(stored_size)
    return _check(Photo(pixels, alpha, focal_px, str(path), digest, tuple(notes)), stored_size)


def photo_from_pixels(pixels: np.ndarray, source: str = "pixels in memory", focal_px: float | None = None) -> Photo:
    """A Photo of an array: [H, W] grey or [H, W, 1 | 2 | 3 | 4] grey, grey-alpha, RGB, RGBA.

    uint8, uint16 or float in [0, 1], sRGB, upright. Larger pictures are reduced as by load_photo, focal_px with them.
    Raises PhotoError when the array is not such a picture.
    """
    array = np.asarray(pixels)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (2, 3, 4)) or array.size == 0:
        raise PhotoError(f"{source} has the shape {array.shape}: give pixels of shape [H, W], [H, W, 3] or [H, W, 4].")
    if array.dtype == np.uint16:
        array = np.rint(array / np.float32(257)).astype(np.uint8)
    elif array.dtype.kind == "f":
        array = np.rint(np.clip(np.nan_to_num(array), 0, 1) * 255).astype(np.uint8)
    elif array.dtype != np.uint8:
        raise PhotoError(f"{source} has values of type {array.dtype}: give uint8, uint16 or float in [0, 1].")
    array = np.ascontiguousarray(array)
    image = Image.fromarray(array)
    shrink = min(1.0, MAX_SIDE / max(image.size))
    if shrink < 1:
        image = image.resize([max(1, round(side * shrink)) for side in image.size], Image.Resampling.HAMMING)
    rgb, alpha, notes = to_srgb(image, None)
    if shrink < 1:
        notes += (f"it was reduced from {array.shape[1]} x {array.shape[0]} to {image.width} x {image.height} pixels",)
    digest = sha256(array.tobytes()).hexdigest()
    return _check(Photo(rgb, alpha, focal_px and focal_px * shrink, source, digest, notes), (array.shape[1], array.shape[0]))


def _check(photo: Photo, stored_size: tuple[int, int]) -> Photo:
    """The photo, unless no face could be in it."""
    if min(photo.pixels.shape[:2]) < MIN_SIDE:
        raise PhotoError(
            f"{photo.source} is too small or too narrow ({stored_size[0]} x {stored_size[1]} pixels): "
            f"use a photo of at least {MIN_SIDE} x {MIN_SIDE} pixels, better 512 x 512."
        )
    if photo.alpha is not None and photo.alpha.max() == 0:
        raise PhotoError(f"{photo.source} is fully transparent: use a photo without transparency.")
    return photo


def _hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes; PhotoError when there are none to be read."""
    if os.path.isdir(path):
        raise PhotoError(f"{path} is a folder: choose a photo file in it.")
    if os.path.exists(path) and not os.path.isfile(path):
        raise PhotoError(f"{path} is a device or a pipe: choose a photo file.")
    digest = sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
            size = file.tell()
    except FileNotFoundError as error:
        raise PhotoError(f"The photo {path} does not exist: check the path.") from error
    except PermissionError as error:
        raise PhotoError(f"The photo {path} may not be read: allow yourself to read the file, or copy it elsewhere.") from error
    except (OSError, ValueError) as error:
        raise PhotoError(f"The photo {path} cannot be opened ({error}): check the path and the disk.") from error
    if not size:
        raise PhotoError(f"The photo {path} is empty: copy or download it again.")
    return digest.hexdigest()


def _count_frames(image: Image.Image) -> int:
    """Frames of an animation or pages of a TIFF; a camera's MPO has one photo, whatever else it carries."""
    if image.format == "MPO":
        return 1
    frames = getattr(image, "n_frames", 1)
    image.seek(0)
    return frames
