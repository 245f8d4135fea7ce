"""Viseme keys of a head in the scene (core/head/visemes.py): added, removed, and kept right while the head changes.

Rule of this file: a viseme key is a shape key like any other, with no driver and no bone of its own, so that its slider at 1
shows the viseme with bones and other keys at rest; whatever sets the units anew (presets, the photo's expression) puts these keys
to 0, so that nothing is shown twice.
"""

from __future__ import annotations

import json

import bpy
import numpy as np

from ..core.animation.visemes import KEYS
from ..core.head.visemes import bake_visemes, key_changes
from ..core.types import BoneRotation
from . import ownership
from .convert import model_to_scene
from .fcurves import list_curves, remove_curves
from .head import HEAD, read_bare_head
from .mesh import write_shape_keys


def why_not(obj: bpy.types.Object) -> str | None:
    """Why viseme keys cannot be added to this head or taken away now, as a sentence for the user; None when they can be."""
    if (reason := ownership.why_not(obj, [])) is not None:
        return reason
    if obj.data.shape_keys is None:
        return "This head has no shape keys"
    if obj.mode != "OBJECT":
        return "Leave this mode first (Object Mode in the 3D view's header): shape keys are added and removed in Object Mode"
    return None


def find_keys(obj: bpy.types.Object) -> list[bpy.types.ShapeKey]:
    """The head's viseme keys."""
    keys = obj.data.shape_keys
    return [keys.key_blocks[key] for key in KEYS if key in keys.key_blocks] if keys is not None else []


def add_keys(obj: bpy.types.Object) -> int:
    """Adds the viseme keys that the head lacks, made of its units as they are now; how many. Raises ValueError, ModelError."""
    asset, active = read_bare_head(obj), obj.active_shape_key_index
    missing = {key: offsets for key, offsets in bake_visemes(asset).items() if key not in obj.data.shape_keys.key_blocks}
    write_shape_keys(obj, asset.vertices, missing)
    for key in missing:
        obj.data.shape_keys.key_blocks[key].value = 0.0
    obj.active_shape_key_index = active
    return len(missing)


def remove_keys(obj: bpy.types.Object) -> None:
    """Takes the viseme keys away, and what drives or animates them."""
    keys, found = obj.data.shape_keys, find_keys(obj)
    paths = {key.path_from_id("value") for key in found}
    if keys.animation_data is not None:
        if curves := [curve for curve in list_curves(keys) if curve.data_path in paths]:
            remove_curves(keys, curves)
        for driver in [driver for driver in keys.animation_data.drivers if driver.data_path in paths]:
            keys.animation_data.drivers.remove(driver)
    for key in found:
        obj.shape_key_remove(key)


def follow_shape(obj: bpy.types.Object, vertices: np.ndarray, joints: np.ndarray, weights: np.ndarray) -> None:
    """After all keys went along with the neutral shape: what the jaw, turned by a viseme, does to moved vertices, for its key.

    vertices [V, 3], joints [5, 3] m: how far they moved, model space; weights [V, 5]. The mesh may not be in edit mode.
    """
    found = {key.name: key for key in find_keys(obj)}
    if not found:
        return
    told = json.loads(obj[HEAD]["facts"])["bone_rotations"]
    rotations = {unit: tuple(BoneRotation(joint, np.array(turn)) for joint, turn in turns) for unit, turns in told.items()}
    values = np.empty(3 * len(vertices), np.float32)
    for name, change in key_changes(vertices, joints, weights, rotations, list(found)).items():
        if change.any():
            found[name].points.foreach_get("co", values)
            values += np.ascontiguousarray(model_to_scene(change), np.float32).ravel()
            found[name].points.foreach_set("co", values)
    obj.data.update_tag()
