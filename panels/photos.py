"""Photo(s): choose, generate, watch, cancel."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ..preferences import chosen_method, paper_folder
from .drawing import SidebarPanel, draw_job, draw_sentence, thumbnail_of
from .paper import draw_method, draw_styles, set_style


class LIKENESS_PT_photos(SidebarPanel, bpy.types.Panel):
    """From a photo to a head"""

    bl_idname = "LIKENESS_PT_photos"
    bl_label = "Head from Photo"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings, job = self.layout, context.scene.likeness, context.window_manager.likeness_job
        icon = thumbnail_of(settings.photo)
        if icon:
            layout.template_icon(icon_value=icon, scale=7.0)
        row = layout.row(align=True)
        row.prop(settings, "photo", text="")
        row.operator("likeness.paste_photo", text="", icon="PASTEDOWN")
        self._draw_others(layout, settings)
        if not settings.others:
            row = layout.row(align=True)
            row.prop(settings, "faces", text="")
            if settings.faces == "ONE":
                row.prop(settings, "face", text="")
        layout.prop(settings, "texture_size")
        if paper_folder(context):
            draw_method(layout, settings)
        self._draw_generate(context, layout, settings)
        self._draw_jobs(context, layout, job)
        if job.error:
            draw_sentence(layout.box(), context, job.error, "ERROR")

    def _draw_jobs(self, context: bpy.types.Context, layout: bpy.types.UILayout, job: bpy.types.PropertyGroup) -> None:
        for item in job.row:
            draw_job(layout, context, item)
        if job.num_more:
            row = layout.row(align=True)
            row.label(text=iface_("and {count} more").format(count=job.num_more), icon="BLANK1", translate=False)
            row.operator("likeness.cancel", text="", icon="X").number = -1

    def _draw_others(self, layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
        names = [Path(path).name for path in settings.others.splitlines()]
        column = layout.column(align=True)
        for name in names:
            column.label(text=name, icon="IMAGE_DATA", translate=False)
        row = layout.row(align=True)
        row.operator("likeness.add_photos", text="Add Photos of the Same Person" if not names else "Add", icon="ADD")
        if names:
            row.operator("likeness.clear_photos", text="", icon="X")

    def _draw_generate(self, context: bpy.types.Context, layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
        column = layout.column()
        column.scale_y = 1.5
        text = "Generate Head" if settings.photo else "Choose a Photo..."
        generate = column.operator("likeness.fit_photo", text=text, icon="USER")
        generate.filepath, generate.others = settings.photo, settings.others
        generate.faces, generate.face, generate.texture_size = settings.faces, settings.face, settings.texture_size
        generate.method, generate.refine, generate.as_released = chosen_method(context), settings.refine, settings.as_released
        row = layout.row(align=True)
        person = row.operator("likeness.generate", text="Random Person", icon="FILE_REFRESH")
        person.seed = settings.seed
        set_style(person, context)
        row.prop(settings, "seed", text="")
        if chosen_method(context) == "PAPER":
            draw_styles(layout, settings)


CLASSES = (LIKENESS_PT_photos,)
