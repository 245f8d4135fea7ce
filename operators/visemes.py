"""The mouth as it speaks: a viseme shown by the face's units, and viseme keys for lip-sync programs, added and taken away."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.app.translations import pgettext_tip as tip_
from bpy.props import FloatProperty, StringProperty

from .expression_presets import require_free_keys
from .selection import require_head
from .telling import describe_error


class LIKENESS_OT_apply_viseme(bpy.types.Operator):
    """Show the selected head saying a sound; brows and eyes stay as they are"""

    bl_idname = "likeness.apply_viseme"
    bl_label = "Apply Viseme"
    bl_options = {"REGISTER", "UNDO"}

    viseme: StringProperty(name="Viseme", description="What the mouth says: sil, PP, FF, TH and so on", options={"SKIP_SAVE"})
    strength: FloatProperty(
        name="Strength",
        description="How much of the mouth's movement: 0 is the mouth at rest",
        default=1.0,
        min=0.0,
        max=1.5,
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return require_free_keys(cls, context)

    @classmethod
    def description(cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        from ..core.animation.visemes import load_visemes

        viseme = load_visemes().get(properties.viseme)
        if viseme is None or not viseme.sounds:
            return tip_("The mouth at rest; brows and eyes stay as they are")
        told = tip_("The mouth says {sounds}, as in {words}; brows and eyes stay as they are")
        return told.format(sounds=viseme.sounds, words=viseme.words)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Set the mouth's shape keys."""
        from ..core.head.visemes import show_viseme
        from ..scene import expression, head

        obj = head.find_head(context)
        try:
            shown = show_viseme(expression.read_keys(obj), self.viseme, self.strength)
        except Exception as error:
            self.report({"ERROR"}, describe_error(error))
            return {"CANCELLED"}
        expression.set_keys(obj, shown)
        return {"FINISHED"}


class LIKENESS_OT_add_visemes(bpy.types.Operator):
    """Give this head 15 more shape keys, viseme_PP and so on, which exports carry: for lip-sync in game engines and on the web"""

    bl_idname = "likeness.add_visemes"
    bl_label = "Add Viseme Keys"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return require_head(cls, context, "visemes")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Make the keys of the head's units."""
        from ..scene import head, visemes

        try:
            number = visemes.add_keys(head.find_head(context))
        except Exception as error:
            self.report({"ERROR"}, describe_error(error))
            return {"CANCELLED"}
        self.report({"INFO"}, rpt_("Added {number} viseme keys").format(number=number))
        return {"FINISHED"}


class LIKENESS_OT_remove_visemes(bpy.types.Operator):
    """Take this head's viseme keys away, and what animates them"""

    bl_idname = "likeness.remove_visemes"
    bl_label = "Remove Viseme Keys"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        from ..scene import head, visemes

        if not require_head(cls, context, "visemes"):
            return False
        if not visemes.find_keys(head.find_head(context)):
            cls.poll_message_set("This head has no viseme keys")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Remove the keys."""
        from ..scene import head, visemes

        visemes.remove_keys(head.find_head(context))
        return {"FINISHED"}


CLASSES: tuple[Any, ...] = (LIKENESS_OT_apply_viseme, LIKENESS_OT_add_visemes, LIKENESS_OT_remove_visemes)
