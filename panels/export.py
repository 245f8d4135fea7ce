"""Export: the selected head as a file for other programs."""

from __future__ import annotations

import bpy

from .drawing import HeadPanel

EXPORTS = ("glb", "fbx", "obj", "npz", "blend")


class LIKENESS_PT_export(HeadPanel, bpy.types.Panel):
    """Write the selected head to a file"""

    bl_idname = "LIKENESS_PT_export"
    bl_label = "Export"

    def draw(self, context: bpy.types.Context) -> None:
        flow = self.layout.grid_flow(columns=3, row_major=True, even_columns=True, align=True)
        for format_name in EXPORTS:
            flow.operator("likeness.export_head", text=format_name.upper()).format = format_name


CLASSES = (LIKENESS_PT_export,)
