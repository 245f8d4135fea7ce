"""Expressions beyond the neutral and the photo's: presets kept and applied, sides mirrored, a random one.

Rule of this file: only shape keys are set; bones that somebody turned by hand stay. Presets are Blender's own kind of files,
in the presets folder of the user, but they are read as data and never run.
"""

from __future__ import annotations

import os
from typing import Any

import bpy
from bl_operators.presets import AddPresetBase
from bpy.app.translations import pgettext_tip as tip_
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ..translations import CONTEXT
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
        from ..core.head.expressions import add_expressions, read_preset, strengthen
        from ..scene import expression, head

        try:
            wanted = strengthen(read_preset(self.filepath), self.strength)
        except Exception as error:
            self.report({"ERROR"}, describe_error(error))
            return {"CANCELLED"}
        obj = head.find_head(context)
        expression.set_keys(obj, add_expressions(expression.read_keys(obj), wanted) if self.is_added else wanted)
        getattr(bpy.types, PRESET_MENU).bl_label = name_preset(self.filepath)
        return {"FINISHED"}


class LIKENESS_OT_expression_preset_add(AddPresetBase, bpy.types.Operator):
    """Keep this head's expression as a preset, to show it on any head"""

    bl_idname = "likeness.expression_preset_add"
    bl_label = "Add Expression Preset"
    preset_menu = PRESET_MENU
    preset_subdir = PRESET_FOLDER

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return require_head(cls, context)

    @classmethod
    def description(cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        is_remove = properties.remove_active or properties.remove_name
        return tip_("Remove the preset that was applied last") if is_remove else tip_(cls.__doc__)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """As Blender's own, but the menu is named so that "-" finds the new preset, whatever its letters' case."""
        outcome = super().execute(context)
        if outcome == {"FINISHED"} and self.name and not (self.remove_active or self.remove_name):
            getattr(bpy.types, PRESET_MENU).bl_label = name_preset(self.as_filename(self.name))
        return outcome

    def add(self, context: bpy.types.Context, filepath: str) -> None:
        """AddPresetBase's hook: write the file."""
        from ..core.head.expressions import write_preset
        from ..scene import expression, head

        try:
            write_preset(filepath, expression.read_keys(head.find_head(context)))
        except Exception as error:
            self.report({"ERROR"}, describe_error(error))


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
        from ..core.head.expressions import mix_expression, read_preset, strengthen
        from ..scene import expression, head

        try:
            presets = [read_preset(path) for path in shipped_presets()]
        except Exception as error:
            self.report({"ERROR"}, describe_error(error))
            return {"CANCELLED"}
        expression.set_keys(head.find_head(context), strengthen(mix_expression(presets, self.seed), self.strength))
        return {"FINISHED"}


def name_preset(filepath: str) -> str:
    """A preset's name, as Blender's menu of presets writes it."""
    return bpy.path.display_name(os.path.basename(filepath), title_case=False)


def extension_folder() -> str:
    """The extension's own folder, which holds the folder of presets."""
    return os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def shipped_presets() -> list[str]:
    """Paths of the presets that come with the extension, sorted, so that a random expression's seed means the same everywhere."""
    folder = os.path.join(extension_folder(), "presets", *PRESET_FOLDER.split("/"))
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".py")]


def attach() -> None:
    """Let Blender find the shipped presets."""
    bpy.utils.register_preset_path(extension_folder())


def detach() -> None:
    """Take the folder back."""
    bpy.utils.unregister_preset_path(extension_folder())


CLASSES: tuple[Any, ...] = (
    LIKENESS_OT_apply_expression_preset,
    LIKENESS_OT_expression_preset_add,
    LIKENESS_OT_mirror_expression,
    LIKENESS_OT_random_expression,
)
