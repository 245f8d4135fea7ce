"""A .blend of its own for one head, for batch work: it opens with the head in view, textured, and the photo's camera set.

Rule of this file: it changes the open file as it likes; it is for files that hold nothing but the head.
"""

from __future__ import annotations

from pathlib import Path

import bpy

from ..core.staging import staged
from .camera import match_render
from .export import blender_errors
from .head import head_camera
from .resave import show_head_everywhere


def save_main_file(obj: bpy.types.Object, path: Path) -> None:
    """Save the open file, whose only content is this head, as `path`. Raises ExportError."""
    scene = bpy.context.scene
    scene.name = obj.name
    scene.view_settings.view_transform = "Standard"
    if (camera := head_camera(obj)) is not None:
        match_render(scene, camera)
    show_head_everywhere(obj)
    with staged(path.parent) as folder, blender_errors(path):
        bpy.ops.wm.save_as_mainfile(filepath=str(folder / path.name), copy=True, compress=True, relative_remap=False)
