"""Likeness in Blender's own menus (File > Import, Add > Mesh) and a pie menu, which has a shortcut only where one is wanted."""

from __future__ import annotations

import random

import bpy

from .paper import set_style

NUM_SEEDS = 100_000


class LIKENESS_MT_pie(bpy.types.Menu):
    """What is done most, around the mouse"""

    bl_idname = "LIKENESS_MT_pie"
    bl_label = "Likeness"

    def draw(self, context: bpy.types.Context) -> None:
        pie = self.layout.menu_pie()
        pie.operator("likeness.import_photos", text="Head from Photo...", icon="USER")
        draw_random_head(pie, context)
        pie.operator("likeness.apply_expression", text="Neutral").expression = "NEUTRAL"
        pie.operator("likeness.apply_expression", text="Photo Expression").expression = "PHOTO"
        pie.operator("likeness.paste_photo", icon="PASTEDOWN")
        pie.operator("likeness.random_expression", icon="SHADERFX")
        pie.operator("likeness.export_head", text="Export glTF...", icon="EXPORT").format = "glb"
        pie.operator("likeness.remove_head", icon="TRASH")


def draw_random_head(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Another person each time the menu opens, made as the panel shows."""
    person = layout.operator("likeness.generate", text="Random Person", icon="FILE_REFRESH")
    person.seed = random.randrange(NUM_SEEDS)
    set_style(person, context)


def draw_import(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    """File > Import."""
    menu.layout.operator("likeness.import_photos", text="Photo as Head (Likeness)")


def draw_add(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    """Add > Mesh, where heads can be made: not while a mesh is edited."""
    if context.mode != "OBJECT":
        return
    menu.layout.separator()
    menu.layout.operator("likeness.import_photos", text="Head from Photo...", icon="USER")
    draw_random_head(menu.layout, context)


def attach() -> None:
    """Add the entries."""
    bpy.types.TOPBAR_MT_file_import.append(draw_import)
    bpy.types.VIEW3D_MT_mesh_add.append(draw_add)


def detach() -> None:
    """Take them away again."""
    bpy.types.VIEW3D_MT_mesh_add.remove(draw_add)
    bpy.types.TOPBAR_MT_file_import.remove(draw_import)


CLASSES = (LIKENESS_MT_pie,)
