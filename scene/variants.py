"""Pictures of who a head could be, as previews that Blender's buttons can show."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import bpy
import numpy as np

from ..core.identity.contact_sheet import draw_heads, is_ready
from ..core.identity.directions import open_space
from ..core.identity.state import reroll, shape
from .head import texture_images
from .identity import read_state
from .image import read_pixels
from .mesh import read_vertices

PICTURE_PX = 160
ALBEDO_PX = 512
"""The albedo is thinned out to about this size."""


def are_pictures_ready() -> bool:
    """Whether the pictures come at once."""
    return is_ready()


def draw_variants(
    obj: bpy.types.Object, seeds: Sequence[int | None], strength: float, locks: Collection[str], keep_person: bool
) -> list[np.ndarray]:
    """One picture [160, 160, 3] uint8 a seed, of the head as a re-roll would make it; None: as it is."""
    space, state = open_space(), read_state(obj)
    sculpted, heads = read_vertices(obj.data) - shape(space, state), []
    for seed in seeds:
        other = state if seed is None else reroll(space, state, seed, strength, locks, keep_person)
        heads.append((sculpted + shape(space, other)).astype(np.float32))
    return draw_heads(space.model, heads, _small_albedo(obj, space.model.base_textures["albedo"]), PICTURE_PX)


def fill_previews(previews: Sequence[bpy.types.ImagePreview], pictures: Sequence[np.ndarray]) -> None:
    """Pictures [h, w, 3] uint8 into Blender's previews."""
    for preview, picture in zip(previews, pictures, strict=True):
        height, width = picture.shape[:2]
        preview.image_size = (width, height)
        pixels = np.ones((height, width, 4), np.float32)
        pixels[..., :3] = picture[::-1] / np.float32(255)
        preview.image_pixels_float.foreach_set(pixels.ravel())


def _small_albedo(obj: bpy.types.Object, instead: np.ndarray) -> np.ndarray:
    image = texture_images(obj).get("albedo")
    pixels = instead if image is None else read_pixels(image)
    step = max(pixels.shape[0] // ALBEDO_PX, 1)
    return np.ascontiguousarray(pixels[::step, ::step, :3])
