"""Take a head out of the scene, with everything that came with it."""

from __future__ import annotations

import bpy

from .selection import require_head


class LIKENESS_OT_remove_head(bpy.types.Operator):
    """Remove this head with its rig, materials, images, camera and light"""

    bl_idname = "likeness.remove_head"
    bl_label = "Remove Head"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return require_head(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Remove the head that the active object belongs to."""
        from ..scene import head

        head.remove_head(head.find_head(context))
        return {"FINISHED"}


CLASSES = (LIKENESS_OT_remove_head,)
