"""Someone's first minute: the panel, a click on Generate, the head, undo, redo, save, reload."""

import sys
import time
from pathlib import Path

import bpy
from mathutils import Vector

sys.path.insert(0, str(Path(__file__).parent))
from window import OUT, PHOTO, go_on_after_loading, names, point, report, wait, wait_idle, watch_redraws, work

GENERATE = (1155, 393)
"""The button's place in the window of 1600 x 1000 pixels, the sidebar at its first width."""


def show_tab():
    yield 2
    open_tab("Likeness")
    yield 1
    open_tab("Likeness")
    yield 1


def steps():
    yield from show_tab()
    report(before=names())
    shot("panel_first")
    bpy.context.scene.likeness.photo = PHOTO
    watch_redraws()  # what a script sets is not drawn by itself
    yield 3
    shot("panel_photo")
    point(*GENERATE)
    yield 1
    start = time.monotonic()
    click(*GENERATE)
    yield from wait(lambda: work().is_running, 10)
    report(clicked=True)
    yield from wait(lambda: work().row and work().row[0].fraction > 0.3, 120)
    shot("panel_running")
    yield from wait_idle()
    report(seconds=time.monotonic() - start)
    yield 2
    space = view3d()[1].spaces.active
    facing = (space.region_3d.view_rotation @ Vector((0, 0, 1))).dot(Vector((0, -1, 0)))
    report(shown=space.shading.color_type, facing=facing)
    report(made=names(), error=work().error, worker=work().worker)
    shot("panel_head")
    with ctx():
        bpy.ops.ed.undo()
    yield 1
    report(undone=names())
    with ctx():
        bpy.ops.ed.redo()
    yield 1
    report(redone=names())
    path = str(OUT.parent / "saved.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    go_on_after_loading(look_again())
    bpy.ops.wm.open_mainfile(filepath=path)
    yield 60


def look_again():
    yield from show_tab()
    report(reloaded=names(), can_export=bpy.ops.likeness.export_head.poll(), photo_after_reload=bpy.context.scene.likeness.photo)
    shot()
