"""What several panels draw alike: the tab they live in, wrapped sentences, an image file's small picture."""

from __future__ import annotations

import textwrap
import unicodedata
from pathlib import Path

import bpy
import bpy.utils.previews
from bpy.app.translations import pgettext_iface as iface_

from ..translations import CONTEXT

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


def draw_sentence(layout: bpy.types.UILayout, context: bpy.types.Context, sentence: str, icon: str) -> None:
    """A sentence in Blender's language, wrapped to the sidebar's width."""
    sentence = iface_(sentence)
    is_wide = any(unicodedata.east_asian_width(letter) in "WF" for letter in sentence)
    characters = max(int((context.region.width / context.preferences.system.ui_scale - 95) / (12 if is_wide else 6)), 8)
    column = layout.column(align=True)
    for number, line in enumerate(textwrap.wrap(sentence, characters)):
        column.label(text=line, icon=icon if number == 0 else "BLANK1", translate=False)


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
