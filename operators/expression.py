"""The neutral face or the photo's expression, in one click."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_tip as tip_
from bpy.props import EnumProperty

from ..translations import CONTEXT
from ..translations.sentences import translate_sentence
from .selection import require_head

EXPRESSIONS = (
    ("NEUTRAL", "Neutral", "The face at rest: all shape keys and bones at zero"),
    ("PHOTO", "Photo", "The expression and gaze that were found in the photo"),
)


def why_not(obj: bpy.types.Object, expression: str) -> str | None:
    """Why this head cannot show one of EXPRESSIONS, as a sentence for the user; None when it can."""
    from ..scene import head

    if expression == "PHOTO" and not head.has_photo(obj):
        return "This head was made without a photo: there is no expression of it"
    return None


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
        from ..scene import head

        obj = head.find_head(context)
        reason = why_not(obj, properties.expression) if obj is not None else None
        return tip_(reason or next(text for key, _, text in EXPRESSIONS if key == properties.expression))

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Set the head's shape keys and bones."""
        from ..scene import head

        obj = head.find_head(context)
        if (reason := why_not(obj, self.expression)) is not None:
            self.report({"ERROR"}, translate_sentence(reason))
            return {"CANCELLED"}
        head.apply_expression(obj, self.expression.lower())
        return {"FINISHED"}


CLASSES = (LIKENESS_OT_apply_expression,)
