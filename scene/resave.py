"""Run by a Blender of its own: a library file, which has no window, becomes a file that opens with its head in view.

    blender --background --factory-startup --python resave.py -- LIBRARY TARGET HEAD

Rule of this file: it imports nothing of the package, for the bare Blender that runs it does not know the extension.
"""

from __future__ import annotations

import sys

import bpy
import numpy as np
from mathutils import Quaternion, Vector

VIEW_TURN_RAD = np.radians(25)
VIEW_HEIGHTS = 1.8
"""How many heights of the head the view is away."""


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


def show_head_everywhere(obj: bpy.types.Object) -> None:
    """All 3D views of all workspaces."""
    for screen in bpy.data.screens:
        for area in screen.areas:
            if area.type == "VIEW_3D":
                show_head(area.spaces.active, obj)


def resave(library: str, target: str, head: str) -> None:
    """Open `library` under the factory's windows and save it as `target`, its object `head` selected and in view."""
    bpy.ops.wm.open_mainfile(filepath=library, load_ui=False)
    obj = bpy.data.objects[head]
    bpy.context.view_layer.objects.active = obj
    obj.select_set(True)
    bpy.context.view_layer.update()
    show_head_everywhere(obj)
    bpy.ops.wm.save_as_mainfile(filepath=target, copy=True, compress=True, relative_remap=False)


if __name__ == "__main__":
    resave(*sys.argv[-3:])
