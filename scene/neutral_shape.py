"""A head's neutral shape moved: every shape key with it, the joints, and the bones that stand on them.

Rule of this file: what the artist made of the head stays. Keys keep their offsets from the Basis, sculpted vertices their
distance from where the model would put them, bones their directions, rolls and poses: all of them are only carried along.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import bpy
import numpy as np
from mathutils import Vector

from ..core.types import JOINT_NAMES
from .convert import model_to_scene
from .rig import DRIVE_PREFIX


def move_vertices(mesh: bpy.types.Mesh, before: np.ndarray, after: np.ndarray) -> None:
    """The mesh and all its keys from one shape to another, both [V, 3] m float32, model space. The mesh may not be in edit mode.

    On the grid of core.identity.directions the additions are exact.
    """
    keys = mesh.shape_keys.key_blocks if mesh.shape_keys else ()
    offsets = np.ascontiguousarray(model_to_scene(after - before), np.float32).ravel()
    base, values = np.empty_like(offsets), np.empty_like(offsets)
    (mesh.shape_keys.reference_key.points if keys else mesh.vertices).foreach_get("co", base)
    for key in keys:
        key.points.foreach_get("co", values)
        values += offsets
        key.points.foreach_set("co", values)
    base += offsets
    mesh.vertices.foreach_set("co", base)
    mesh.update()


def move_bones(rig: bpy.types.Object, before: np.ndarray, after: np.ndarray) -> None:
    """The rest bones from joints [5, 3] m to others, model space, heads and tails alike. Pose, selection and modes stay."""
    starts, goals = (np.asarray(model_to_scene(joints), np.float32) for joints in (before, after))
    with _editing_bones(rig) as bones:
        for joint, start, goal in zip(JOINT_NAMES, starts.tolist(), goals.tolist(), strict=True):
            for name in (joint, DRIVE_PREFIX + joint):
                if (bone := bones.get(name)) is not None:
                    head = Vector(goal) + (bone.head - Vector(start))
                    bone.tail, bone.head = head + (bone.tail - bone.head), head


@contextmanager
def _editing_bones(rig: bpy.types.Object) -> Iterator[bpy.types.ArmatureEditBones]:
    """Rest bones are movable in edit mode alone. A scene of our own gives one without touching the user's mode or selection."""
    mode, is_hidden = rig.mode, rig.hide_viewport
    workshop = bpy.data.scenes.new("Likeness workshop")
    try:
        rig.hide_viewport = False
        workshop.collection.objects.link(rig)
        layer = workshop.view_layers[0]
        layer.objects.active = rig
        with bpy.context.temp_override(scene=workshop, view_layer=layer, active_object=rig, object=rig, selected_objects=[rig]):
            bpy.ops.object.mode_set(mode="EDIT")
            yield rig.data.edit_bones
            bpy.ops.object.mode_set(mode=mode)
    finally:
        rig.hide_viewport = is_hidden
        bpy.data.scenes.remove(workshop)
