"""Export: the selected head as a file for other programs."""

from __future__ import annotations

import bpy

from .drawing import HeadPanel, draw_sentence

EXPORTS = ("glb", "fbx", "obj", "npz", "blend")


class LIKENESS_PT_export(HeadPanel, bpy.types.Panel):
    """Write the selected head to a file"""

    bl_idname = "LIKENESS_PT_export"
    bl_label = "Export"

    def draw(self, context: bpy.types.Context) -> None:
        from ..scene import animation, head

        flow = self.layout.grid_flow(columns=3, row_major=True, even_columns=True, align=True)
        for format_name in EXPORTS:
            flow.operator("likeness.export_head", text=format_name.upper()).format = format_name
        if animation.is_animated(head.find_head(context)):
            draw_sentence(self.layout, context, "Without the animation: File > Export > glTF 2.0 or FBX takes it along", "INFO")


CLASSES = (LIKENESS_PT_export,)
