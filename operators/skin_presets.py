"""Presets of a head's skin: the numbers that make it look so; what a preset does not name stays as it is."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import StringProperty

from .job import hand_over
from .presets import AddsPreset, name_menu
from .restyle_skin import describe_changes
from .selection import require_head
from .telling import describe_error

PRESET_FOLDER = "likeness/skin"
PRESET_MENU = "LIKENESS_MT_skin_presets"


class LIKENESS_OT_apply_skin_preset(bpy.types.Operator):
    """Give the selected head this skin"""

    bl_idname = "likeness.apply_skin_preset"
    bl_label = "Apply Skin Preset"
    bl_options: set[Any] = set()

    filepath: StringProperty(name="Preset", description="The preset's file", subtype="FILE_PATH", options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return require_head(cls, context, "skin")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Read the preset and let likeness.restyle_skin paint it."""
        from ..core.appearance.catalogue import NAMES
        from ..core.presets import read_preset

        try:
            changes = describe_changes(read_preset(self.filepath, NAMES))
        except Exception as error:
            self.report({"ERROR"}, describe_error(error))
            return {"CANCELLED"}
        name_menu(PRESET_MENU, self.filepath)
        return hand_over(self, bpy.ops.likeness.restyle_skin, changes=changes)


class LIKENESS_OT_skin_preset_add(AddsPreset, bpy.types.Operator):
    """Keep this head's skin as a preset, to give it to any head"""

    bl_idname = "likeness.skin_preset_add"
    bl_label = "Add Skin Preset"
    preset_menu = PRESET_MENU
    preset_subdir = PRESET_FOLDER

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return require_head(cls, context, "skin")

    def _write(self, context: bpy.types.Context, filepath: str) -> None:
        from ..core.appearance.catalogue import NAMES
        from ..core.presets import write_preset
        from ..scene import head, skin

        obj = head.find_head(context)
        write_preset(filepath, "skin", {name: skin.shown_number(obj, name) for name in NAMES})


CLASSES = (LIKENESS_OT_apply_skin_preset, LIKENESS_OT_skin_preset_add)
