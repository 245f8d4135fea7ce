"""The sidebar's "Likeness" tab: choose a photo, generate, see how sure the result is, change and export it."""

from __future__ import annotations

import textwrap
from pathlib import Path

import bpy
import bpy.utils.previews

CONFIDENCE_WORDS = (
    (0.85, "Very sure", "CHECKMARK"),
    (0.5, "Fairly sure", "CHECKMARK"),
    (0.25, "Unsure", "QUESTION"),
    (0.0, "A guess", "ERROR"),
)
EXPORTS = ("glb", "fbx", "obj", "npz", "blend")

_thumbnails: bpy.utils.previews.ImagePreviewCollection | None = None


def thumbnail_of(path: str) -> int:
    """Blender's own small picture of an image file, read in the background; its icon id, or 0 without a file."""
    global _thumbnails
    file = Path(bpy.path.abspath(path))
    if not path or not file.is_file():
        return 0
    if _thumbnails is None:
        _thumbnails = bpy.utils.previews.new()
    key = f"{file}:{file.stat().st_mtime_ns}"
    if key not in _thumbnails:
        _thumbnails.clear()
        _thumbnails.load(key, str(file), "IMAGE")
    return _thumbnails[key].icon_id


def drop_thumbnails() -> None:
    """Give the pictures back; for unregister()."""
    global _thumbnails
    if _thumbnails is not None:
        bpy.utils.previews.remove(_thumbnails)
        _thumbnails = None


def draw_sentence(layout: bpy.types.UILayout, context: bpy.types.Context, sentence: str, icon: str) -> None:
    """A sentence wrapped to the sidebar's width."""
    characters = max(int((context.region.width / context.preferences.system.ui_scale - 95) / 6), 16)
    column = layout.column(align=True)
    for number, line in enumerate(textwrap.wrap(sentence, characters)):
        column.label(text=line, icon=icon if number == 0 else "BLANK1")


class LIKENESS_PT_main(bpy.types.Panel):
    """From a photo to a head"""

    bl_idname = "LIKENESS_PT_main"
    bl_label = "Head from Photo"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Likeness"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings, job = self.layout, context.scene.likeness, context.window_manager.likeness_job
        icon = thumbnail_of(settings.photo)
        if icon:
            layout.template_icon(icon_value=icon, scale=7.0)
        layout.prop(settings, "photo", text="")
        self._draw_others(layout, settings)
        if not settings.others:
            row = layout.row(align=True)
            row.prop(settings, "faces", text="")
            if settings.faces == "ONE":
                row.prop(settings, "face", text="")
        if job.is_running:
            layout.progress(factor=job.fraction, text=job.stage)
            layout.operator("likeness.cancel", icon="X")
        else:
            self._draw_generate(layout, settings)
        if job.error:
            draw_sentence(layout.box(), context, job.error, "ERROR")

    def _draw_others(self, layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
        names = [Path(path).name for path in settings.others.splitlines()]
        column = layout.column(align=True)
        for name in names:
            column.label(text=name, icon="IMAGE_DATA")
        row = layout.row(align=True)
        row.operator("likeness.add_photos", text="Add Photos of the Same Person" if not names else "Add", icon="ADD")
        if names:
            row.operator("likeness.clear_photos", text="", icon="X")

    def _draw_generate(self, layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
        column = layout.column()
        column.scale_y = 1.5
        text = "Generate Head" if settings.photo else "Choose a Photo..."
        generate = column.operator("likeness.fit_photo", text=text, icon="USER")
        generate.filepath, generate.others = settings.photo, settings.others
        generate.faces, generate.face = settings.faces, settings.face
        row = layout.row(align=True)
        row.operator("likeness.generate", text="Random Person", icon="FILE_REFRESH").seed = settings.seed
        row.prop(settings, "seed", text="")


class LIKENESS_PT_head(bpy.types.Panel):
    """What can be done with the selected head"""

    bl_idname = "LIKENESS_PT_head"
    bl_label = "Head"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Likeness"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        from ..scene import head

        return head.find_head(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        from ..scene import head, provenance

        layout = self.layout
        self._draw_result(layout, context, provenance.read_provenance(head.find_head(context)))
        row = layout.row(align=True)
        row.operator("likeness.apply_expression", text="Neutral").expression = "NEUTRAL"
        row.operator("likeness.apply_expression", text="Photo").expression = "PHOTO"
        self._draw_shading(layout, context.space_data.shading)
        layout.label(text="Export")
        flow = layout.grid_flow(columns=3, row_major=True, even_columns=True, align=True)
        for format_name in EXPORTS:
            flow.operator("likeness.export_head", text=format_name.upper()).format = format_name
        layout.separator()
        layout.operator("likeness.remove_head", icon="TRASH")

    def _draw_shading(self, layout: bpy.types.UILayout, shading: bpy.types.View3DShading) -> None:
        if shading.type == "SOLID":
            row = layout.row(align=True)
            row.prop_enum(shading, "color_type", "MATERIAL", text="Plain")
            row.prop_enum(shading, "color_type", "TEXTURE", text="Textured")

    def _draw_result(self, layout: bpy.types.UILayout, context: bpy.types.Context, provenance: dict) -> None:
        confidence = provenance.get("confidence")
        box = layout.box()
        if confidence is None:
            box.label(text="Not made from a photo", icon="USER")
            return
        _, words, icon = next(entry for entry in CONFIDENCE_WORDS if confidence >= entry[0])
        seconds = sum(provenance.get("times_s", {}).values())
        box.label(text=f"{words} ({confidence:.0%}), made in {seconds:.1f} s", icon=icon)
        if "expected_shape_error_mm" in provenance:
            parts = ", ".join(f"{share:.0%} {name}" for name, share in provenance["face_shares"].items())
            said = f"Shape within about {provenance['expected_shape_error_mm']:.1f} mm. Of the face {parts}"
            draw_sentence(box, context, said, "HIDE_OFF")
        for warning in provenance.get("warnings", ()):
            draw_sentence(box, context, warning, "INFO")


CLASSES = (LIKENESS_PT_main, LIKENESS_PT_head)
