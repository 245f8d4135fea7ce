"""Shape-key values of a head, all at once. Bones that somebody turned by hand stay as they are."""

from __future__ import annotations

import bpy

from .mesh import POSE_KEY_PREFIX


def read_keys(obj: bpy.types.Object) -> dict[str, float]:
    """Unit name -> shape-key value as it is now."""
    return {key.name: key.value for key in _unit_keys(obj)}


def set_keys(obj: bpy.types.Object, expression: dict[str, float]) -> None:
    """Shape-key values by unit name, others 0. A value outside a key's range widens the range rather than being cut."""
    for key in _unit_keys(obj):
        value = expression.get(key.name, 0.0)
        key.slider_min, key.slider_max = min(key.slider_min, value), max(key.slider_max, value)
        key.value = value
    obj.data.update_tag()


def _unit_keys(obj: bpy.types.Object) -> list[bpy.types.ShapeKey]:
    keys = obj.data.shape_keys
    return [key for key in keys.key_blocks[1:] if not key.name.startswith(POSE_KEY_PREFIX)] if keys else []
