"""The neutral face or the photo's expression, in one click."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_tip as tip_
from bpy.props import EnumProperty

from ..translations import CONTEXT
from .selection import require_head

EXPRESSIONS = (
    ("NEUTRAL", "Neutral", "The face at rest: all shape keys and bones at zero"),
    ("PHOTO", "Photo", "The expression and gaze that were found in the photo"),
)


class LIKENESS_OT_apply_expression(bpy.types.Operator):
    """Show this head with a neutral face or with the photo's expression"""

    bl_idname = "likeness.apply_expression"
    bl_label = "Apply Expression"
    bl_options = {"REGISTER", "UNDO"}

    expression: EnumProperty(
        name="Expression", description="What the face shows", items=EXPRESSIONS, default="NEUTRAL", translation_context=CONTEXT
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return require_head(cls, context)

    @classmethod
    def description(cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return tip_(next(text for key, _, text in EXPRESSIONS if key == properties.expression))

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Set the head's shape keys and bones."""
        from ..scene import head

        head.apply_expression(head.find_head(context), self.expression.lower())
        return {"FINISHED"}


CLASSES = (LIKENESS_OT_apply_expression,)
