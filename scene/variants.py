"""Pictures of who a head could be: what the worker needs to draw them, and previews that Blender's buttons can show."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from typing import Any

import bpy
import numpy as np

from . import head_model
from .head import texture_images
from .identity import read_state, require_editable
from .image import fill_preview, read_file
from .mesh import read_vertices


def sheet_arguments(
    obj: bpy.types.Object, seeds: Sequence[int | None], strength: float, locks: Collection[str], keep_person: bool
) -> dict[str, Any]:
    """What the story 'variants' needs for one picture a seed; None: the head as it is. Raises IdentityError."""
    require_editable(obj)
    state, image = read_state(obj), texture_images(obj).get("albedo")
    return {
        "state": {field.name: getattr(state, field.name) for field in fields(state)}, "vertices": read_vertices(obj.data),
        "albedo": read_file(image) if image is not None else None, "seeds": list(seeds), "strength": strength,
        "locks": sorted(locks), "keep_person": keep_person, "model": head_model.name_of_model(obj),
    }  # fmt: skip


def fill_previews(previews: Sequence[bpy.types.ImagePreview], pictures: Sequence[np.ndarray]) -> None:
    """Pictures [h, w, 3] uint8 into Blender's previews."""
    for preview, picture in zip(previews, pictures, strict=True):
        fill_preview(preview, picture)
