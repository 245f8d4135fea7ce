"""Variants: the worker draws the sheet while the window goes on, the dialog opens by itself, Esc ends the drawing."""

import sys
import time
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from window import PACKAGE, point, press, redraw_gaps, report, wait, wait_idle, watch_redraws, work


def code():
    return [round(number, 4) for number in next(obj for obj in bpy.data.objects if "likeness" in obj)["likeness"]["identity"]]


def steps():
    yield 2
    open_tab("Likeness")
    yield 1
    with ctx():
        bpy.ops.likeness.generate("INVOKE_DEFAULT", seed=5)
    yield from wait_idle()
    yield 1
    identity = sys.modules[f"{PACKAGE}.operators.identity"]
    before = code()
    watch_redraws()
    yield 2
    point(700, 500)
    start = time.monotonic()
    with ctx():
        bpy.ops.likeness.choose_variant("INVOKE_DEFAULT", seed=4, strength=0.8)
    yield from wait(lambda: identity._sheet is not None, 120)
    report(seconds=time.monotonic() - start)
    yield 1
    report(gaps=redraw_gaps(start, time.monotonic()), is_untouched=code() == before, error=work().error)
    shot("sheet")
    press("Return")
    yield from wait(lambda: identity._sheet is None, 20)
    yield 1
    report(is_as_it_is=code() == before, seed=bpy.context.object.likeness_identity.seed)
    with ctx():
        bpy.ops.likeness.choose_variant("INVOKE_DEFAULT", seed=4, strength=0.8)
    yield from wait(lambda: work().is_running, 20, 0.01)
    press("Escape")
    yield from wait_idle(20)
    yield 2
    report(is_dialog_open=identity._sheet is not None, loaded=sorted({"warp", "torch"} & set(sys.modules)), left=work().error)
