"""Expression: the face at rest, or as in the photo."""

from __future__ import annotations

import bpy

from .drawing import HeadPanel


class LIKENESS_PT_expression(HeadPanel, bpy.types.Panel):
    """What the selected head's face shows"""

    bl_idname = "LIKENESS_PT_expression"
    bl_label = "Expression"

    def draw(self, context: bpy.types.Context) -> None:
        row = self.layout.row(align=True)
        row.operator("likeness.apply_expression", text="Neutral").expression = "NEUTRAL"
        row.operator("likeness.apply_expression", text="Photo").expression = "PHOTO"


CLASSES = (LIKENESS_PT_expression,)
