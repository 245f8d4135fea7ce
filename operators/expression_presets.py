"""Expressions beyond the neutral and the photo's: presets kept and applied, sides mirrored, a random one.

Rule of this file: only shape keys are set; bones that somebody turned by hand stay.
"""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.translations import pgettext_tip as tip_
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ..translations import CONTEXT
from .presets import AddsPreset, name_menu, shipped_presets
from .selection import require_head
from .telling import describe_error

PRESET_FOLDER = "likeness/expression"
PRESET_MENU = "LIKENESS_MT_expression_presets"
SIDES = (
    ("SWAP", "Swap Sides", "Each side of the face shows what the other showed"),
    ("LEFT", "Left to Right", "Both sides show what the person's left side shows"),
    ("RIGHT", "Right to Left", "Both sides show what the person's right side shows"),
)


def require_free_keys(operator: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    """For poll(): whether a head is selected whose shape keys can be set; if not, the tooltip says so."""
    from ..scene import head

    if not require_head(operator, context):
        return False
    keys = head.find_head(context).data.shape_keys
    if keys is None or len(keys.key_blocks) < 2:
        operator.poll_message_set("This head has no shape keys")
        return False
    if not keys.is_editable:
        operator.poll_message_set("This head is linked from another file: make it local, or override it in the library")
        return False
    return True


class LIKENESS_OT_apply_expression_preset(bpy.types.Operator):
    """Show this expression on the selected head"""

    bl_idname = "likeness.apply_expression_preset"
    bl_label = "Apply Expression Preset"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(name="Preset", description="The preset's file", subtype="FILE_PATH", options={"HIDDEN", "SKIP_SAVE"})
    strength: FloatProperty(
        name="Strength",
        description="How much of the expression: 0 is the face at rest, 1 as it was kept",
        default=1.0,
        min=0.0,
        max=2.0,
        soft_max=1.5,
        options={"SKIP_SAVE"},
    )
    is_added: BoolProperty(
        name="Add to Current",
        description="Keep what the face shows now and show this as well",
        default=False,
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return require_free_keys(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Read the preset and set the shape keys."""
        from ..core.head.expressions import add_expressions, read_expression, strengthen
        from ..scene import expression, head

        try:
            wanted = strengthen(read_expression(self.filepath), self.strength)
        except Exception as error:
            self.report({"ERROR"}, describe_error(error))
            return {"CANCELLED"}
        obj = head.find_head(context)
        expression.set_keys(obj, add_expressions(expression.read_keys(obj), wanted) if self.is_added else wanted)
        name_menu(PRESET_MENU, self.filepath)
        return {"FINISHED"}


class LIKENESS_OT_expression_preset_add(AddsPreset, bpy.types.Operator):
    """Keep this head's expression as a preset, to show it on any head"""

    bl_idname = "likeness.expression_preset_add"
    bl_label = "Add Expression Preset"
    preset_menu = PRESET_MENU
    preset_subdir = PRESET_FOLDER

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return require_head(cls, context)

    def _write(self, context: bpy.types.Context, filepath: str) -> None:
        from ..core.head.expressions import write_expression
        from ..core.head.visemes import spell_out
        from ..scene import expression, head

        write_expression(filepath, spell_out(expression.read_keys(head.find_head(context))))


class LIKENESS_OT_mirror_expression(bpy.types.Operator):
    """Mirror this head's expression"""

    bl_idname = "likeness.mirror_expression"
    bl_label = "Mirror Expression"
    bl_options = {"REGISTER", "UNDO"}

    sides: EnumProperty(name="Sides", description="What is mirrored", items=SIDES, default="SWAP", translation_context=CONTEXT)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return require_free_keys(cls, context)

    @classmethod
    def description(cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return tip_(next(text for key, _, text in SIDES if key == properties.sides))

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Set the shape keys."""
        from ..core.head.expressions import mirror_expression
        from ..scene import expression, head

        obj = head.find_head(context)
        expression.set_keys(obj, mirror_expression(expression.read_keys(obj), self.sides))
        return {"FINISHED"}


class LIKENESS_OT_random_expression(bpy.types.Operator):
    """Show an expression that is made up of the presets'; each press another one"""

    bl_idname = "likeness.random_expression"
    bl_label = "Random Expression"
    bl_options = {"REGISTER", "UNDO"}

    seed: IntProperty(
        name="Seed", description="Which expression: the same seed always shows the same", min=0, options={"SKIP_SAVE"}
    )
    strength: FloatProperty(
        name="Strength", description="How much of the expression: 0 is the face at rest", default=1.0, min=0.0, max=1.5
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return require_free_keys(cls, context)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """A seed of its own for each press."""
        import random

        if not self.properties.is_property_set("seed"):
            self.seed = random.randrange(100_000)
        return self.execute(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Mix the shipped presets and set the shape keys."""
        from ..core.head.expressions import mix_expression, read_expression, strengthen
        from ..scene import expression, head

        try:
            presets = [read_expression(path) for path in shipped_presets(PRESET_FOLDER)]
        except Exception as error:
            self.report({"ERROR"}, describe_error(error))
            return {"CANCELLED"}
        expression.set_keys(head.find_head(context), strengthen(mix_expression(presets, self.seed), self.strength))
        return {"FINISHED"}


CLASSES: tuple[Any, ...] = (
    LIKENESS_OT_apply_expression_preset,
    LIKENESS_OT_expression_preset_add,
    LIKENESS_OT_mirror_expression,
    LIKENESS_OT_random_expression,
)
