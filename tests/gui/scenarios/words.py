"""Edit with Words: painted beside the window, then all of it in one step to undo; adjusted afterwards; Esc changes nothing."""

import sys
import time
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from window import PACKAGE, leave_panel_alone, press, redraw_gaps, report, wait, wait_idle, watch_redraws, work

WORDS = "a wider nose, freckles 0.8 and a half smile"


def head():
    return next(obj for obj in bpy.data.objects if "likeness" in obj)


def look():
    """Nose, smile and freckles, and the texture that the head wears."""
    keys = head().data.shape_keys.key_blocks
    told = head().likeness_skin
    numbers = (head().likeness_identity.nose_width, keys["mouthSmileLeft"].value, told.freckles)
    return [*(round(number, 3) for number in numbers), head()["likeness_texture_albedo"].name]


def edit():
    with ctx():
        bpy.ops.likeness.edit_with_words("INVOKE_DEFAULT", True, words=WORDS)


def steps():
    yield 2
    open_tab("Likeness")
    yield 1
    with ctx():
        bpy.ops.likeness.generate("INVOKE_DEFAULT", seed=5)
    yield from wait_idle()
    yield 1
    open_tab("Likeness")
    bpy.context.scene.likeness.words = WORDS
    taken = leave_panel_alone("words")
    skin, restyle = sys.modules[f"{PACKAGE}.scene.skin"], sys.modules[f"{PACKAGE}.operators.restyle_skin"]
    handlers = [bpy.app.handlers.undo_post, bpy.app.handlers.redo_post, bpy.app.handlers.load_pre]
    idle = sum(map(len, handlers))
    bpy.ops.ed.undo_push(message="before the words")
    before = look()
    edit()
    yield from wait(lambda: restyle._painting, 30, 0.02)
    meanwhile = look()
    meanwhile[2] = before[2]  # the skin's slider shows what it will be
    yield from wait_idle()
    yield 1
    edited = look()
    shot("edited")
    with ctx():
        bpy.ops.ed.undo()
    yield 1
    undone = look()
    with ctx():
        bpy.ops.ed.redo()
    yield 1
    report(before=before, meanwhile=meanwhile, edited=edited, undone=undone, redone=look())

    with ctx():
        bpy.ops.ed.undo()
    yield 1
    watch_redraws()
    yield 1
    start = time.monotonic()
    yield 4
    report(gaps_idle=redraw_gaps(start, time.monotonic()))
    start = time.monotonic()
    edit()
    yield from wait_idle()
    yield 1
    report(gaps=redraw_gaps(start, time.monotonic()))
    last = bpy.context.window_manager.operators[-1]
    report(adjustable=last.bl_idname)
    last.properties.strength = 0.5
    with ctx():
        bpy.ops.ed.undo_redo()
    yield from wait(lambda: not skin.has_wishes(), 120)
    yield 1
    adjusted = look()
    shot("adjusted")
    for _ in range(2):
        with ctx():
            bpy.ops.ed.undo()
        yield 1
    report(adjusted=adjusted, adjusted_back=look())

    edit()
    yield from wait(lambda: restyle._painting, 30, 0.02)
    press("Escape")
    yield from wait(lambda: not work().is_running, 10)
    yield 1
    for cls in reversed(taken):
        bpy.utils.register_class(cls)
    report(escaped=look(), waiting=sum(map(len, handlers)) - idle, has_warp="warp" in sys.modules)
