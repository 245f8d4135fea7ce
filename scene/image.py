"""Textures and photos as packed image datablocks: lossless PNG inside the .blend, read back bit for bit.

Rule of this file: an image that Likeness made carries its file in the .blend, so that a saved head needs no sidecar.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Generator, Mapping
from contextlib import suppress

import bpy
import numpy as np
from PIL import Image

from ..core.errors import SceneError
from ..core.image_files import EncodedImage, encode_texture
from ..core.types import Texture

PNG_SIZE = struct.Struct(">II")


def create_image(encoded: EncodedImage, name: str) -> bpy.types.Image:
    """A packed image datablock."""
    is_data = encoded.color_space == "Non-Color"
    image = bpy.data.images.new(name, 1, 1, alpha=encoded.has_alpha, is_data=is_data)  # its size is the file's in the end
    image.pack(data=encoded.data, data_len=len(encoded.data))
    image.source = "FILE"
    image.colorspace_settings.name = encoded.color_space
    return image


def create_images_in_steps(files: Mapping[str, EncodedImage], name: str) -> Generator[None, None, dict[str, bpy.types.Image]]:
    """create_image for each, "name key", and one decoded a step: else their first drawing holds the window for all of them.

    Whatever ends it early takes away what it made, and nothing else. Raises SceneError when that is gone after a step.
    """
    made: dict[str, int] = {}
    try:
        for key, encoded in files.items():
            image = create_image(encoded, f"{name} {key}")
            made[key] = image.session_uid
            decode_image(image)
            yield
        images = {image.session_uid: image for image in bpy.data.images}
        if not images.keys() >= set(made.values()):
            raise SceneError("An undo came in between: nothing was changed, please try again.")
        return {key: images[uid] for key, uid in made.items()}
    except BaseException:
        bpy.data.batch_remove([image for image in bpy.data.images if image.session_uid in made.values()])
        raise


def decode_image(image: bpy.types.Image) -> None:
    """Let Blender decode the image's file now."""
    len(image.pixels)


def upload_image(image: bpy.types.Image) -> None:
    """Let Blender give the image to the GPU now, where a window is drawn with one."""
    with suppress(RuntimeError):
        image.gl_load()


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


def read_file(image: bpy.types.Image) -> EncodedImage:
    """The image's own file where it is one that we packed and nobody painted on it since."""
    if image.packed_file is None or image.is_dirty or image.file_format != "PNG":
        return encode_texture(read_texture(image))
    data = bytes(image.packed_file.data)
    width, height = PNG_SIZE.unpack_from(data, 16)  # image.size would have Blender decode the file
    return EncodedImage(data, (width, height), False, image.colorspace_settings.name)


def fill_preview(preview: bpy.types.ImagePreview, picture: np.ndarray) -> None:
    """A picture [h, w, 3] uint8, row 0 at the top, into one of Blender's previews, which buttons can show."""
    height, width = picture.shape[:2]
    preview.image_size = (width, height)
    pixels = np.ones((height, width, 4), np.float32)
    pixels[..., :3] = picture[::-1] / np.float32(255)
    preview.image_pixels_float.foreach_set(pixels.ravel())
