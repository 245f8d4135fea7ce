"""Models: which head model is used, under which licence, and the way to the preferences."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

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
            said = iface_("Photos: {model}").format(model=chosen.model)
            self._draw_model(context, said, licence_of(models_folder(context) / chosen.model))
        users = iface_("New heads: built-in head") if is_built_in else iface_("Random people: built-in head")
        self._draw_model(context, users, licence_of(embedded_model()))
        if selected := head.find_head(context):
            said = provenance.read_provenance(selected)
            model = said.get("model") or iface_("unknown model")
            self._draw_model(context, f"{selected.name}: {model}", said.get("model_licence", ""))
        if find_preferences(context):
            addon = __package__.rpartition(".")[0]
            self.layout.operator("preferences.addon_show", text="Preferences...", icon="PREFERENCES").module = addon

    def _draw_model(self, context: bpy.types.Context, name: str, licence: str) -> None:
        box = self.layout.box()
        box.label(text=name, icon="USER", translate=False)
        draw_sentence(box, context, licence, "INFO")


CLASSES = (LIKENESS_PT_models,)
