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


def move_shape(obj: bpy.types.Object, rig: bpy.types.Object | None, offsets: np.ndarray, joint_offsets: np.ndarray) -> None:
    """Adds offsets [V, 3] m, model space, to the mesh and all its keys, and joint_offsets [5, 3] m to the rest bones.

    Pose, selection and everybody's mode stay; obj and rig may not be in edit mode.
    """
    _move_vertices(obj.data, np.ascontiguousarray(model_to_scene(offsets), np.float32).ravel())
    if rig is not None:
        _move_bones(rig, model_to_scene(joint_offsets))


def _move_vertices(mesh: bpy.types.Mesh, offsets: np.ndarray) -> None:
    values = np.empty_like(offsets)
    keys = mesh.shape_keys.key_blocks if mesh.shape_keys else ()
    for key in keys:
        key.points.foreach_get("co", values)
        values += offsets
        key.points.foreach_set("co", values)
    if keys:
        mesh.shape_keys.reference_key.points.foreach_get("co", values)
    else:
        mesh.vertices.foreach_get("co", values)
        values += offsets
    mesh.vertices.foreach_set("co", values)
    mesh.update()


def _move_bones(rig: bpy.types.Object, offsets: np.ndarray) -> None:
    with _editing_bones(rig) as bones:
        for joint, offset in zip(JOINT_NAMES, offsets.tolist(), strict=True):
            for name in (joint, DRIVE_PREFIX + joint):
                if (bone := bones.get(name)) is not None:
                    bone.head, bone.tail = bone.head + Vector(offset), bone.tail + Vector(offset)


@contextmanager
def _editing_bones(rig: bpy.types.Object) -> Iterator[bpy.types.ArmatureEditBones]:
    """Rest bones are movable in edit mode alone. A scene of our own gives one without touching the user's mode or selection."""
    mode = rig.mode
    workshop = bpy.data.scenes.new("Likeness workshop")
    try:
        workshop.collection.objects.link(rig)
        layer = workshop.view_layers[0]
        layer.objects.active = rig
        with bpy.context.temp_override(scene=workshop, view_layer=layer, active_object=rig, object=rig, selected_objects=[rig]):
            bpy.ops.object.mode_set(mode="EDIT")
            yield rig.data.edit_bones
            bpy.ops.object.mode_set(mode=mode)
    finally:
        bpy.data.scenes.remove(workshop)
