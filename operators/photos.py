"""Which further photos of the same person are used beside the chosen one; for this session only, as that one."""

from __future__ import annotations

import os
from typing import Any

import bpy
from bpy.props import CollectionProperty, StringProperty

from ..properties import IMAGE_FILTER, RELATIVE_PATH


class LIKENESS_OT_add_photos(bpy.types.Operator):
    """Choose further photos of the same person, from other sides if there are any: one head is made from all"""

    bl_idname = "likeness.add_photos"
    bl_label = "Add Photos"
    bl_options: set[Any] = {"INTERNAL"}

    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE"} | RELATIVE_PATH)
    files: CollectionProperty(type=bpy.types.OperatorFileListElement, options={"SKIP_SAVE"})
    filter_glob: StringProperty(default=IMAGE_FILTER, options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Several can be chosen at once."""
        self.directory = photo_folder(context.scene.likeness.photo)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """The first becomes the photo if none is chosen yet."""
        settings = context.scene.likeness
        folder = bpy.path.abspath(self.directory)
        paths = [os.path.join(folder, file.name) for file in self.files if file.name]
        if paths and not settings.photo:
            settings.photo = paths.pop(0)
        known = [settings.photo, *settings.others.splitlines()]
        settings.others = "\n".join([*known[1:], *dict.fromkeys(path for path in paths if path not in known)])
        return {"FINISHED"}


def photo_folder(photo: str) -> str:
    """Where to look for photos: where the chosen one lies, else beside the .blend, else at home."""
    known = os.path.dirname(photo) or bpy.path.abspath("//")
    return os.path.join(known if os.path.isdir(known) else os.path.expanduser("~"), "")


class LIKENESS_OT_clear_photos(bpy.types.Operator):
    """Go back to one photo"""

    bl_idname = "likeness.clear_photos"
    bl_label = "Only One Photo"
    bl_options: set[Any] = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Forget the further photos."""
        context.scene.likeness.others = ""
        return {"FINISHED"}


CLASSES = (LIKENESS_OT_add_photos, LIKENESS_OT_clear_photos)
