"""Edit with Words by CLIP: the panel offers it once a file is chosen, shows the head on its way, ends in one step to undo."""

import os
import sys
import time
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from window import PACKAGE, leave_panel_alone, press, redraw_gaps, report, wait, wait_idle, watch_redraws, work

WORDS = "an angry old man"
STEPS = 40


def head():
    return next(obj for obj in bpy.data.objects if "likeness" in obj)


def look():
    """Identity, face and texture."""
    obj = head()
    face = {key.name: round(key.value, 4) for key in obj.data.shape_keys.key_blocks[1:] if key.value > 1e-4}
    return [[round(number, 4) for number in obj["likeness"]["identity"]], face, obj["likeness_texture_albedo"].name]


def edit(steps=STEPS):
    with ctx():
        bpy.ops.likeness.edit_with_clip("INVOKE_DEFAULT", True, words=WORDS, steps=steps)


def steps():
    yield 2
    open_tab("Likeness")
    yield 1
    with ctx():
        bpy.ops.likeness.generate("INVOKE_DEFAULT", seed=5)
    yield from wait_idle()
    yield 1
    open_tab("Likeness")
    leave_panel_alone("words")
    settings, chosen = bpy.context.scene.likeness, bpy.context.preferences.addons[PACKAGE].preferences
    settings.words, settings.words_way = WORDS, "CLIP"
    yield 1
    shot("without_file")
    chosen.clip_file = os.environ["LIKENESS_GUI_CLIP"]
    report(refusal=chosen.clip_refusal)
    yield 1
    shot("offered")

    bpy.ops.ed.undo_push(message="before the words")
    before = look()
    edit()  # Blender's own Python has no open_clip
    yield from wait_idle(60)
    yield 1
    report(lacking=work().error, before=before, after_lacking=look())
    shot("lacking")
    press("Escape")  # the error's window

    chosen.worker_python = os.environ["LIKENESS_GUI_CLIP_PYTHON"]
    watch_redraws()
    yield 1
    start = time.monotonic()
    edit()
    yield from wait(lambda: any(job.picture and job.fraction > 0.4 for job in work().row), 240, 0.02)
    report(meanwhile=look(), stage=work().row[0].stage)
    yield 0.5
    shot("on_its_way")
    yield from wait_idle(240)
    yield 1
    report(seconds=time.monotonic() - start, gaps=redraw_gaps(start, time.monotonic()), error=work().error, edited=look())
    shot("edited")
    with ctx():
        bpy.ops.ed.undo()
    yield 1
    report(undone=look())
    with ctx():
        bpy.ops.ed.redo()
    yield 1
    report(redone=look())

    edit(1000)
    yield from wait(lambda: any(job.picture for job in work().row), 60, 0.02)
    start = time.monotonic()
    press("Escape")
    yield from wait(lambda: not work().is_running, 10, 0.01)
    report(seconds_of_escape=time.monotonic() - start, escaped=look(), loaded=sorted({"warp", "torch"} & set(sys.modules)))
    chosen.worker_python = ""
    page = sys.modules[f"{PACKAGE}.preferences"].LikenessPreferences
    for name in ("_draw_installation", "_draw_models", "_draw_cache", "_draw_paper", "_draw_worker"):
        setattr(page, name, lambda *_: None)  # so that the section is seen without scrolling
    bpy.ops.screen.userpref_show()
    yield 1
    bpy.context.preferences.active_section = "EXTENSIONS"
    bpy.ops.preferences.addon_show(module=PACKAGE)
    yield 2
    shot("preferences")
