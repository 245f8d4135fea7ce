"""Skin: tone, colour zones, marks and shaved hair, each a slider; a moment after one came to rest the new skin is there."""

from __future__ import annotations

import bpy

from ..skin_properties import COLOUR, SLIDERS, number_of_slider
from ..translations import CONTEXT
from .drawing import HeadPanel, PresetMenu, draw_presets, draw_sentence


class LIKENESS_MT_skin_presets(PresetMenu, bpy.types.Menu):
    """Skins to give to the selected head"""

    bl_idname = "LIKENESS_MT_skin_presets"
    preset_subdir = "likeness/skin"
    preset_operator = "likeness.apply_skin_preset"


class LIKENESS_PT_skin(HeadPanel, bpy.types.Panel):
    """The selected head's skin"""

    bl_idname = "LIKENESS_PT_skin"
    bl_label = "Skin"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        from ..scene import head, skin

        obj = head.find_head(context)
        reason = skin.why_not(obj)
        if reason is not None:
            draw_sentence(self.layout.box(), context, reason, "INFO")
            return
        settings = context.window_manager.likeness_skin
        read = skin.names_read(obj)
        column = self.layout.column(align=True)
        column.prop(settings, COLOUR, text="")
        column.operator("likeness.reset_skin", text="Back to the Photo" if read else "Back to the Start", icon="FILE_REFRESH")
        draw_presets(column, LIKENESS_MT_skin_presets, "likeness.skin_preset_add")
        if read:
            self.layout.label(text="Read from the photo", icon="IMAGE_DATA")
        for group, sliders in SLIDERS.items():
            self._draw_group(settings, group, sliders, read)
        if skin.wished_numbers(obj):
            self.layout.label(text="Painting the new skin...", icon="SORTTIME")

    def _draw_group(self, settings: bpy.types.PropertyGroup, group: str, sliders: tuple[str, ...], read: frozenset[str]) -> None:
        """Sliders of numbers that were read from the photo carry a picture's icon."""
        header, body = self.layout.panel(f"likeness_skin_{group.split()[0].lower()}", default_closed=group != "Tone")
        header.label(text=group, text_ctxt=CONTEXT)
        if body is None:
            return
        column = body.column(align=True)
        for name in sliders:
            row = column.row(align=True)
            row.prop(settings, name, slider=True)
            if read:
                row.label(text="", icon="IMAGE_DATA" if number_of_slider(name) in read else "BLANK1")


CLASSES = (LIKENESS_MT_skin_presets, LIKENESS_PT_skin)
