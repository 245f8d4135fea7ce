"""How long the window waits to be drawn while heads are made; no pictures in between, for taking one stops Blender."""

import sys
import time
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from window import PHOTO, names, redraw_gaps, report, wait, wait_idle, watch_redraws, work

HEADS = 4


def steps():
    yield 2
    open_tab("Likeness")
    yield 1
    open_tab("Likeness")
    yield 1
    watch_redraws()
    yield 1
    start = time.monotonic()
    yield 4
    report(gaps_idle=redraw_gaps(start, time.monotonic()))
    bpy.context.scene.likeness.photo = PHOTO
    gaps, seconds = [], []
    for _ in range(HEADS):
        before = len(names())
        start = time.monotonic()
        with ctx():
            bpy.ops.likeness.fit_photo("INVOKE_DEFAULT", filepath=PHOTO)
        yield from wait(lambda: work().is_running, 10)
        yield from wait_idle()
        seconds.append(time.monotonic() - start)
        yield 2
        gaps.append(redraw_gaps(start, time.monotonic()))
        report(gaps=gaps, seconds=seconds, made=len(names()) - before)
        if len(gaps) < HEADS:
            with ctx():
                bpy.ops.ed.undo()
            yield 2
    shot()
