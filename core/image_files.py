"""Textures and photos as image files in memory: what a .blend packs, made where it keeps nobody waiting.

Rule of this file: Pillow and NumPy only, no Blender data, so it runs in a thread or in the worker process.
"""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from .types import FittedPhoto, HeadAsset, Photo, Texture

LOSSLESS_PIXELS = 6_000_000
"""Photos above this are packed as JPEG (quality 95): a 24 megapixel PNG would cost 40 MB and seconds."""
LOSSLESS_FURTHER = 1_000_000
"""The same for a person's further photos, at which nobody looks: painted from JPEG, a texture differs by half a byte's step."""


@dataclass(frozen=True)
class EncodedImage:
    """An image file in memory: data, its size (width, height), whether it has alpha, its colour space."""

    data: bytes
    size: tuple[int, int]
    has_alpha: bool
    color_space: str


@dataclass(frozen=True)
class HeadImages:
    """The files of a head's textures by name, of its photo where it has one, and of its further photos."""

    textures: dict[str, EncodedImage]
    photo: EncodedImage | None
    further: tuple[EncodedImage, ...] = ()


@dataclass(frozen=True)
class PackedHead:
    """A head whose pictures are files already: the asset keeps none of their pixels, so that it travels light."""

    asset: HeadAsset
    images: HeadImages


@dataclass(frozen=True)
class PackedPhoto:
    """A fitted photo whose picture is a file: `fitted` keeps none of its pixels."""

    image: EncodedImage
    fitted: FittedPhoto


@dataclass(frozen=True)
class PackedPaint:
    """New textures of a head that is there already, what to tell of them, and the skin's linear colour [3]."""

    textures: dict[str, EncodedImage]
    provenance: dict[str, Any]
    skin_linear_rgb: np.ndarray


@dataclass(frozen=True)
class PackedEdit:
    """How a head that is there already changes. identity [K]: what is added to its code; expression: unit -> new weight, of those
    that moved; paint: new textures, where there are any; told: what is to be told of it."""

    identity: np.ndarray
    expression: dict[str, float]
    paint: PackedPaint | None
    told: dict[str, Any]


def pack_edit(before: HeadAsset, after: HeadAsset, told: dict[str, Any]) -> PackedEdit:
    """The difference of two heads of one model; sculpting is no part of it."""
    moved = {name: weight for name, weight in after.expression.items() if weight != before.expression[name]}
    new = {name: texture for name, texture in after.textures.items() if texture is not before.textures.get(name)}
    paint = pack_paint(new, {}, after.skin_linear_rgb) if new else None
    return PackedEdit(np.asarray(after.identity, float) - before.identity, moved, paint, told)


def pack_paint(textures: dict[str, Texture], provenance: dict[str, Any], skin_linear_rgb: np.ndarray) -> PackedPaint:
    """Make the image files of textures now."""
    return PackedPaint(_encode_textures(textures), provenance, np.asarray(skin_linear_rgb, np.float32))


def pack_head(asset: HeadAsset) -> PackedHead:
    """Make the image files of a head now, so that writing it into the scene takes no longer than it must."""
    photo = asset.photo and _without_pixels(asset.photo)
    further = tuple(replace(fitted, photo=_without_pixels(fitted.photo)) for fitted in asset.further)
    return PackedHead(replace(asset, textures={}, photo=photo, further=further), encode_images(asset))


def unpack_photo(packed: PackedPhoto) -> FittedPhoto:
    """The fitted photo with its pixels."""
    pixels = decode_pixels(packed.image)
    alpha = pixels[..., 3] if pixels.shape[-1] == 4 else None
    return replace(packed.fitted, photo=replace(packed.fitted.photo, pixels=pixels[..., :3], alpha=alpha))


def _without_pixels(photo: Photo) -> Photo:
    return replace(photo, pixels=np.empty((0, 0, 3), np.uint8), alpha=None)


def encode_images(asset: HeadAsset) -> HeadImages:
    """All image files of a head, two at a time. The threads end before this returns: Blender's operators crash beside
    running threads."""
    photo = encode_photo(asset.photo) if asset.photo is not None else None
    return HeadImages(
        _encode_textures(asset.textures), photo, tuple(encode_photo(fitted.photo, LOSSLESS_FURTHER) for fitted in asset.further)
    )


def _encode_textures(textures: dict[str, Texture]) -> dict[str, EncodedImage]:
    with ThreadPoolExecutor(2) as encoders:
        return dict(zip(textures, encoders.map(encode_texture, textures.values()), strict=True))


def encode_texture(texture: Texture) -> EncodedImage:
    """Lossless."""
    return _encode(texture.pixels, texture.color_space, is_lossless=True)


def decode_pixels(encoded: EncodedImage) -> np.ndarray:
    """A file's pixels: bytes, or 16 bits; of a lossless one as they were encoded."""
    pixels = np.array(Image.open(io.BytesIO(encoded.data)))
    return pixels if pixels.dtype == np.uint8 else pixels.astype(np.uint16)


def encode_photo(photo: Photo, lossless_pixels: int = LOSSLESS_PIXELS) -> EncodedImage:
    """The upright photo, with its alpha where it has one."""
    pixels = photo.pixels if photo.alpha is None else np.dstack([photo.pixels, photo.alpha])
    is_lossless = photo.alpha is not None or pixels.shape[0] * pixels.shape[1] <= lossless_pixels
    return _encode(pixels, "sRGB", is_lossless)


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
