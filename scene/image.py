"""Textures and photos as packed image datablocks: lossless PNG inside the .blend, read back bit for bit.

Rule of this file: an image that Likeness made carries its file in the .blend, so that a saved head needs no sidecar.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import bpy
import numpy as np
from PIL import Image

from ..core.types import Photo, Texture

LOSSLESS_PIXELS = 6_000_000
"""Photos above this are packed as JPEG (quality 95): a 24 megapixel PNG would cost 40 MB and seconds."""


@dataclass(frozen=True)
class EncodedImage:
    """An image file in memory: data, its size (width, height), whether it has alpha, its colour space."""

    data: bytes
    size: tuple[int, int]
    has_alpha: bool
    color_space: str


def encode_texture(texture: Texture) -> EncodedImage:
    """Lossless; touches no Blender data, so it may run in a thread."""
    return _encode(texture.pixels, texture.color_space, is_lossless=True)


def encode_photo(photo: Photo) -> EncodedImage:
    """The upright photo, with its alpha where it has one; may run in a thread."""
    pixels = photo.pixels if photo.alpha is None else np.dstack([photo.pixels, photo.alpha])
    is_lossless = photo.alpha is not None or pixels.shape[0] * pixels.shape[1] <= LOSSLESS_PIXELS
    return _encode(pixels, "sRGB", is_lossless)


def create_image(encoded: EncodedImage, name: str) -> bpy.types.Image:
    """A packed image datablock."""
    is_data = encoded.color_space == "Non-Color"
    image = bpy.data.images.new(name, *encoded.size, alpha=encoded.has_alpha, is_data=is_data)
    image.pack(data=encoded.data, data_len=len(encoded.data))
    image.source = "FILE"
    image.colorspace_settings.name = encoded.color_space
    return image


def read_pixels(image: bpy.types.Image) -> np.ndarray:
    """[H, W] or [H, W, C] uint8, or [H, W] uint16 of a 16-bit map, row 0 at the top; from the packed file, or from the
    pixels when somebody painted on them."""
    if image.packed_file is not None and not image.is_dirty:
        pixels = np.array(Image.open(io.BytesIO(image.packed_file.data)))
        return pixels if pixels.dtype == np.uint8 else pixels.astype(np.uint16)
    width, height = image.size
    values = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(values)
    if image.is_float and image.colorspace_settings.name == "Non-Color":
        return np.rint(values.reshape(height, width, -1)[::-1, :, 0] * 65535).clip(0, 65535).astype(np.uint16)
    pixels = np.rint(values.reshape(height, width, image.channels)[::-1] * 255).clip(0, 255).astype(np.uint8)
    return pixels[..., :3] if image.channels == 4 and (pixels[..., 3] == 255).all() else pixels


def read_texture(image: bpy.types.Image) -> Texture:
    return Texture(read_pixels(image), image.colorspace_settings.name)


def encode_png(pixels: np.ndarray) -> bytes:
    """Run-length strategy: a 2048 square in .7 s, faster and no larger than zlib's default at this level."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1, compress_type=3)
    return buffer.getvalue()


def encode_jpeg(pixels: np.ndarray, quality: int = 95) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()


def _encode(pixels: np.ndarray, color_space: str, is_lossless: bool) -> EncodedImage:
    height, width = pixels.shape[:2]
    has_alpha = pixels.ndim == 3 and pixels.shape[2] == 4
    return EncodedImage(encode_png(pixels) if is_lossless else encode_jpeg(pixels), (width, height), has_alpha, color_space)
