"""A .blend of its own for one head, for batch work: it opens with the head in view, textured, and the photo's camera set.

Rule of this file: it changes the open file as it likes; it is for files that hold nothing but the head.
"""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
from mathutils import Quaternion, Vector

from ..core.staging import staged
from .camera import match_render
from .export import blender_errors
from .head import head_camera

VIEW_TURN_RAD = np.radians(25)
VIEW_HEIGHTS = 1.8
"""How many heights of the head the view is away."""


def save_main_file(obj: bpy.types.Object, path: Path) -> None:
    """Save the open file, whose only content is this head, as `path`. Raises ExportError."""
    scene = bpy.context.scene
    scene.name = obj.name
    scene.view_settings.view_transform = "Standard"
    if (camera := head_camera(obj)) is not None:
        match_render(scene, camera)
    for screen in bpy.data.screens:
        for area in screen.areas:
            if area.type == "VIEW_3D":
                show_head(area.spaces.active, obj)
    with staged(path.parent) as folder, blender_errors(path):
        bpy.ops.wm.save_as_mainfile(filepath=str(folder / path.name), copy=True, compress=True, relative_remap=False)


def show_head(space: bpy.types.SpaceView3D, obj: bpy.types.Object) -> None:
    """Turn a 3D view to the head, half from the side, with its texture in solid shading."""
    corners = np.array([obj.matrix_world @ Vector(corner) for corner in obj.bound_box])
    view = space.region_3d
    view.view_perspective = "PERSP"
    view.view_location = (corners.min(0) + corners.max(0)) / 2
    view.view_distance = VIEW_HEIGHTS * float(np.ptp(corners[:, 2]))
    view.view_rotation = Quaternion((0, 0, 1), VIEW_TURN_RAD) @ Quaternion((1, 0, 0), np.radians(85))
    space.clip_start = 0.01
    space.shading.type = "SOLID"
    space.shading.color_type = "TEXTURE"
