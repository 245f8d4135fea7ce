"""What several panels draw alike: the tab they live in, wrapped sentences, an image file's small picture."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from pathlib import Path

import bpy
import bpy.utils.previews

from ..translations import CONTEXT
from ..translations.sentences import translate_sentence

WIDE_PIECES = re.compile(r"(?:[\u0021-\u1fff]+|[^\u0021-\u1fff])[\u3001\u3002\uff09\uff0c\uff1a\uff1b]* ?")
"""Words of narrow letters, and single wide letters, each with the point after it."""
_thumbnails: bpy.utils.previews.ImagePreviewCollection | None = None


class SidebarPanel:
    """To be inherited beside bpy.types.Panel: the 3D view's sidebar, tab "Likeness"."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Likeness"
    bl_translation_context = CONTEXT


class HeadPanel(SidebarPanel):
    """A panel about the selected head: it shows only where there is one."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        from ..scene import head

        return head.find_head(context) is not None


NO_PRESET = "Presets"
"""The name of a menu of presets until one is applied, whose name it bears from then on, as Blender's do."""


class PresetMenu:
    """To be inherited before bpy.types.Menu: presets of the folder preset_subdir, shown by preset_operator."""

    bl_label = NO_PRESET
    preset_extensions = {".py"}
    draw = bpy.types.Menu.draw_preset


def draw_presets(layout: bpy.types.UILayout, menu: type[bpy.types.Menu], add: str) -> None:
    """The menu, and the buttons that add and remove a preset."""
    row = layout.row(align=True)
    row.menu(menu.bl_idname, text=menu.bl_label)
    row.operator(add, text="", icon="ADD")
    row.operator(add, text="", icon="REMOVE").remove_active = True


def forget_presets() -> None:
    """Take applied presets' names off their menus, for unregister()."""
    for menu in PresetMenu.__subclasses__():
        menu.bl_label = NO_PRESET


def draw_sentence(layout: bpy.types.UILayout, context: bpy.types.Context, sentence: str, icon: str) -> None:
    """A sentence in Blender's language, wrapped to the sidebar's width."""
    draw_lines(layout, context, translate_sentence(sentence), icon)


def draw_lines(layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str) -> None:
    """Text as it is, wrapped to the sidebar's width."""
    characters = max(int((context.region.width / context.preferences.system.ui_scale - 95) / 6), 16)
    column = layout.column(align=True)
    for number, line in enumerate(wrap_sentence(text, characters)):
        column.label(text=line, icon=icon if number == 0 else "BLANK1", translate=False)


def draw_job(layout: bpy.types.UILayout, context: bpy.types.Context, job: bpy.types.PropertyGroup) -> None:
    """Where a job of the row is, and the button that ends it."""
    column = layout.column(align=True)
    draw_lines(column, context, f"{job.name}: {translate_sentence(job.stage)}", "SORTTIME")
    row = column.row(align=True)
    row.progress(factor=job.fraction, text=job.remaining or f"{job.fraction:.0%}", translate=False)
    row.operator("likeness.cancel", text="", icon="X").number = job.number


def wrap_sentence(sentence: str, width: int) -> list[str]:
    """Lines of at most `width` letters; between wide letters, which count twice, they break anywhere but before a point."""
    if not any(map(_is_wide, sentence)):
        return textwrap.wrap(sentence, width)
    lines = [""]
    for piece in WIDE_PIECES.findall(sentence):
        if lines[-1] and _width_of(lines[-1] + piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return [line.strip() for line in lines]


def _is_wide(letter: str) -> bool:
    return unicodedata.east_asian_width(letter) in "WF"


def _width_of(text: str) -> int:
    return sum(1 + _is_wide(letter) for letter in text)


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
