"""Opening and decoding picture files within a fixed memory, however large the picture or hostile the file.

A picture is decoded at the smallest scale its format offers, then brought to at most MAX_SIDE pixels strip by strip.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from ..errors import PhotoError
from .colour import full_scale, to_base_mode

MAX_SIDE = 4096
MAX_DECODE_BYTES = 700_000_000
FORMATS = ("JPEG", "MPO", "PNG", "TIFF", "WEBP", "GIF", "BMP", "PPM", "JPEG2000", "AVIF", "HEIF")
_MODE_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
_CODEC_BYTES = {"WEBP": 10, "AVIF": 8, "HEIF": 8, "JPEG2000": 16}
"""Bytes a pixel that a codec needs beside Pillow's own picture."""
_STRIP_PIXELS = 1 << 22
_PILLOW_LIMIT = threading.Lock()


@contextmanager
def open_picture(path: Path) -> Iterator[Image.Image]:
    """An opened, not yet decoded picture. Every fault of the file, here or in the block, becomes a PhotoError."""
    _register_heif()
    try:
        with _without_pillow_limit(), Image.open(path, formats=[name for name in FORMATS if name in Image.OPEN]) as image:
            yield image
    except PhotoError:
        raise
    except UnidentifiedImageError as error:
        raise PhotoError(_unknown_format(path)) from error
    except MemoryError as error:
        raise PhotoError(
            f"There is not enough memory to read the photo {path}: save it smaller, or close other programs."
        ) from error
    except Exception as error:  # a decoder may raise anything on a damaged file
        raise PhotoError(
            f"The photo {path} is damaged ({error}): copy or download it again, or save it anew as JPEG or PNG."
        ) from error


def decode_picture(image: Image.Image, path: Path) -> Image.Image:
    """Decode to one of BASE_MODES with the long side at most MAX_SIDE. Raises PhotoError when memory would not suffice."""
    width, height = image.size
    shrink = min(1.0, MAX_SIDE / max(width, height))
    goal = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    if image.format in ("JPEG", "MPO"):
        image.draft(None, goal)
    if (need := decoding_bytes(image, (width, height))) > MAX_DECODE_BYTES:
        side = int(min(width, height) * math.sqrt(MAX_DECODE_BYTES / need))
        raise PhotoError(
            f"The photo {path} is too large to be read ({width} x {height} pixels, {image.format}): "
            f"save it as baseline JPEG, or with at most {side} pixels on its short side."
        )
    image.load()
    white = full_scale(image) if image.mode in ("I", "F") or image.mode.startswith("I;16") else 255.0
    factor = max(image.width // goal[0], 1)
    reduced = to_base_mode(image, white) if factor == 1 else _reduce_strips(image, factor, white)
    return reduced if reduced.size == goal else reduced.resize(goal, Image.Resampling.HAMMING)


def decoding_bytes(image: Image.Image, stored_size: tuple[int, int]) -> int:
    """An upper estimate of the memory to decode a picture; image.size may be a JPEG's reduced size."""
    pixels = image.width * image.height
    need = pixels * (_MODE_BYTES.get(image.mode, 4) + _CODEC_BYTES.get(image.format or "", 0))
    if image.info.get("progressive"):
        layers = getattr(image, "layer", ())
        largest = max((h * v for _, h, v, _ in layers), default=1)
        need += int(2 * math.prod(stored_size) * sum(h * v for _, h, v, _ in layers) / largest)
    return need


@contextmanager
def _without_pillow_limit() -> Iterator[None]:
    """Pillow's own limit on pixels is off: decode_picture has one by memory. One picture at a time, for it is a global."""
    with _PILLOW_LIMIT:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _register_heif() -> bool:
    """Teach Pillow to read HEIC where the pillow-heif wheel is there."""
    Image.init()
    if "HEIF" in Image.OPEN:
        return True
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


def _unknown_format(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(32)
    if head[4:8] == b"ftyp" and not _register_heif():
        return f"The photo {path} is a HEIC file and the pillow-heif package is missing: install it, or save the photo as JPEG."
    return f"{path} is not a photo that can be read: choose a JPEG, PNG, TIFF, WebP, HEIC, AVIF, GIF or BMP file."


def _reduce_strips(image: Image.Image, factor: int, white: float) -> Image.Image:
    """Box-filter a decoded picture by a whole factor, a strip of rows at a time."""
    rows = factor * max(1, _STRIP_PIXELS // (image.width * factor))
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        strip = to_base_mode(strip, white).reduce(factor)
        if top == 0:
            result = Image.new(strip.mode, (-(-image.width // factor), -(-image.height // factor)))
        result.paste(strip, (0, top // factor))
    return result
