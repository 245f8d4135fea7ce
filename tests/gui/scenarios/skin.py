"""A skin slider dragged with the mouse: painted after it came to rest, one step to undo, the newest wish wins, Esc lets go."""

import subprocess
import sys
import time
from pathlib import Path

import addon_utils
import bpy

sys.path.insert(0, str(Path(__file__).parent))
from window import PACKAGE, leave_panel_alone, press, redraw_gaps, report, wait, wait_idle, watch_redraws, work

HEADER, TONE = (1071, 97), (1110, 227)
"""In the window of 1600 x 1000 pixels, with the Skin panel alone: its closed header, and the first slider once it is open."""


def drag(x, y, pixels):
    moves = [word for _ in range(pixels) for word in ("mousemove_relative", "--", "1", "0", "sleep", "0.04")]
    start = ["mousemove", x - 3, y, "sleep", 0.3, "mousemove", x, y, "sleep", 0.3, "mousedown", 1, "sleep", 0.3]
    return subprocess.Popen(["xdotool", *map(str, start), *moves, "mouseup", "1"])


def head():
    return next(obj for obj in bpy.data.objects if "likeness" in obj)


def look():
    """What the sliders say and what the materials wear."""
    nodes = [node for material in head().data.materials for node in material.node_tree.nodes]
    worn = {node.image.name for node in nodes if node.type == "TEX_IMAGE" and node.label == "Albedo"}
    sliders = bpy.context.window_manager.likeness_skin
    return [round(sliders.tone, 3), round(sliders.stubble, 3), sorted(worn), head()["likeness_texture_albedo"].name]


def steps():
    yield 2
    open_tab("Likeness")
    yield 1
    with ctx():
        bpy.ops.likeness.generate("INVOKE_DEFAULT", seed=5)
    yield from wait_idle()
    yield 1
    taken = leave_panel_alone("skin")
    with ctx():
        bpy.ops.view3d.view_axis(type="FRONT")
    view = view3d()[1].spaces.active
    view.shading.type, view.shading.color_type, view.overlay.show_overlays = "SOLID", "TEXTURE", False
    yield 2
    open_tab("Likeness")
    yield 1
    click(*HEADER)
    yield 3
    shot("skin")
    skin, restyle = sys.modules[f"{PACKAGE}.scene.skin"], sys.modules[f"{PACKAGE}.operators.restyle_skin"]
    sliders = bpy.context.window_manager.likeness_skin
    handlers = [bpy.app.handlers.undo_post, bpy.app.handlers.redo_post, bpy.app.handlers.load_pre]

    def count_waiting():
        return sum(map(len, handlers)) + bpy.app.timers.is_registered(restyle._start_due)

    idle = count_waiting()
    bpy.ops.ed.undo_push(message="before the drag")
    before = look()
    dragging = drag(*TONE, 40)
    yield from wait(lambda: dragging.poll() is not None, 60)
    asked, start = look(), time.monotonic()
    shot("asked")
    yield from wait(lambda: not skin.has_wishes(), 120)
    seconds = [time.monotonic() - start]
    yield 1
    painted = look()
    shot("painted")
    with ctx():
        bpy.ops.ed.undo()
    yield 1
    undone = look()
    with ctx():
        bpy.ops.ed.redo()
    yield 1
    redone = look()
    report(before=before, asked=asked, painted=painted, undone=undone, redone=redone)

    watch_redraws()
    yield 1
    start = time.monotonic()
    yield 4
    report(gaps_idle=redraw_gaps(start, time.monotonic()))
    sliders.stubble, start = 0.3, time.monotonic()
    yield from wait(lambda: restyle._painting, 30, 0.02)
    job = next(iter(restyle._painting.values()))
    sliders.stubble = 0.8
    report(superseded=job.state)
    yield from wait(lambda: not skin.has_wishes(), 120)
    seconds.append(time.monotonic() - start)
    yield 1
    report(newest=look(), gaps=redraw_gaps(start, time.monotonic()), seconds=seconds)

    sliders.stubble = 0.1
    yield from wait(lambda: restyle._painting, 30, 0.02)
    press("Escape")
    yield from wait(lambda: not work().is_running, 10)
    yield 1
    report(escaped=look(), waiting=count_waiting() - idle, error=work().error)
    with ctx():
        bpy.ops.likeness.reset_skin("INVOKE_DEFAULT")
    yield from wait_idle()
    yield 1
    report(reset=look())
    for cls in reversed(taken):
        bpy.utils.register_class(cls)
    sliders.stubble = 0.5
    addon_utils.disable(PACKAGE)
    report(left=count_waiting() - idle)
