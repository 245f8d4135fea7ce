"""What presets of expressions and of skins have in common: files and folders of Blender's own kind, read as data, never run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import bpy
from bl_operators.presets import AddPresetBase
from bpy.app.translations import pgettext_tip as tip_

from .telling import describe_error

if TYPE_CHECKING:
    Operator = bpy.types.Operator
else:
    Operator = object


class AddsPreset(AddPresetBase, Operator):
    """To be inherited before bpy.types.Operator: preset_menu, preset_subdir, and `_write`."""

    @classmethod
    def description(cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        is_remove = properties.remove_active or properties.remove_name
        return tip_("Remove the preset that was applied last") if is_remove else tip_(cls.__doc__)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """As Blender's own, but the menu is named so that "-" finds the new preset, whatever its letters' case."""
        outcome = super().execute(context)
        if outcome == {"FINISHED"} and self.name and not (self.remove_active or self.remove_name):
            name_menu(self.preset_menu, self.as_filename(self.name))
        return outcome

    def add(self, context: bpy.types.Context, filepath: str) -> None:
        """AddPresetBase's hook: write the file."""
        try:
            self._write(context, filepath)
        except Exception as error:
            self.report({"ERROR"}, describe_error(error))

    def _write(self, context: bpy.types.Context, filepath: str) -> None:
        """Raises PresetError."""
        raise NotImplementedError


def name_menu(menu: str, filepath: str) -> None:
    """A menu of presets bears the name of the one that was applied last, as Blender's do."""
    getattr(bpy.types, menu).bl_label = name_preset(filepath)


def name_preset(filepath: str) -> str:
    """A preset's name, as Blender's menu of presets writes it."""
    return bpy.path.display_name(os.path.basename(filepath), title_case=False)


def shipped_presets(subdir: str) -> list[str]:
    """Paths of the presets that come with the extension, sorted, so that a random expression's seed means the same everywhere."""
    folder = os.path.join(extension_folder(), "presets", *subdir.split("/"))
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".py")]


def extension_folder() -> str:
    """The extension's own folder, which holds the folder of presets."""
    return os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def attach() -> None:
    """Let Blender find the shipped presets."""
    bpy.utils.register_preset_path(extension_folder())


def detach() -> None:
    """Take the folder back."""
    bpy.utils.unregister_preset_path(extension_folder())
