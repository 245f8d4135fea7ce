"""Models: which head model is used, under which licence, and the way to the preferences."""

from __future__ import annotations

import bpy

from ..preferences import embedded_model, find_preferences, licence_of, models_folder
from .drawing import SidebarPanel, draw_sentence


class LIKENESS_PT_models(SidebarPanel, bpy.types.Panel):
    """The head model that heads are made with, and its licence"""

    bl_idname = "LIKENESS_PT_models"
    bl_label = "Models"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        from ..scene import head, provenance

        chosen = find_preferences(context)
        is_built_in = not (chosen and chosen.model)
        if not is_built_in:
            self._draw_model(context, f"Photos: {chosen.model}", licence_of(models_folder(context) / chosen.model))
        self._draw_model(
            context, f"{'New heads' if is_built_in else 'Random people'}: built-in head", licence_of(embedded_model())
        )
        if selected := head.find_head(context):
            said = provenance.read_provenance(selected)
            self._draw_model(context, f"{selected.name}: {said.get('model', 'unknown model')}", said.get("model_licence", ""))
        if find_preferences(context):
            addon = __package__.rpartition(".")[0]
            self.layout.operator("preferences.addon_show", text="Preferences...", icon="PREFERENCES").module = addon

    def _draw_model(self, context: bpy.types.Context, name: str, licence: str) -> None:
        box = self.layout.box()
        box.label(text=name, icon="USER")
        draw_sentence(box, context, licence, "INFO")


CLASSES = (LIKENESS_PT_models,)
