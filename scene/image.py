"""Textures and photos as packed image datablocks: lossless PNG inside the .blend, read back bit for bit.

Rule of this file: an image that Likeness made carries its file in the .blend, so that a saved head needs no sidecar.
"""

from __future__ import annotations

import io

import bpy
import numpy as np
from PIL import Image

from ..core.types import Photo, Texture

LOSSLESS_PIXELS = 6_000_000
"""Photos above this are packed as JPEG (quality 95): a 24 megapixel PNG would cost 40 MB and seconds."""


def create_image(texture: Texture, name: str) -> bpy.types.Image:
    """A packed image with the texture's colour space."""
    return _pack(name, texture.pixels, encode_png(texture.pixels), texture.color_space)


def create_photo_image(photo: Photo, name: str) -> bpy.types.Image:
    """The upright photo (with its alpha where it has one), packed."""
    pixels = photo.pixels if photo.alpha is None else np.dstack([photo.pixels, photo.alpha])
    is_large = pixels.shape[0] * pixels.shape[1] > LOSSLESS_PIXELS
    return _pack(name, pixels, encode_jpeg(photo.pixels) if is_large else encode_png(pixels), "sRGB")


def read_pixels(image: bpy.types.Image) -> np.ndarray:
    """[H, W] or [H, W, C] uint8, row 0 at the top; from the packed file, or from the pixels when somebody painted on them."""
    if image.packed_file is not None and not image.is_dirty:
        return np.array(Image.open(io.BytesIO(image.packed_file.data)))
    width, height = image.size
    values = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(values)
    pixels = np.rint(values.reshape(height, width, image.channels)[::-1] * 255).clip(0, 255).astype(np.uint8)
    return pixels[..., :3] if image.channels == 4 and (pixels[..., 3] == 255).all() else pixels


def read_texture(image: bpy.types.Image) -> Texture:
    return Texture(read_pixels(image), image.colorspace_settings.name)


def encode_png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def encode_jpeg(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


def _pack(name: str, pixels: np.ndarray, data: bytes, color_space: str) -> bpy.types.Image:
    height, width = pixels.shape[:2]
    image = bpy.data.images.new(name, width, height, alpha=pixels.shape[-1] == 4, is_data=color_space == "Non-Color")
    image.pack(data=data, data_len=len(data))
    image.source = "FILE"
    image.colorspace_settings.name = color_space
    return image
