"""A long face capture: read by the worker, written in steps, one step to undo; Esc in the middle leaves nothing."""

import math
import os
import sys
import time
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from window import OUT, PACKAGE, press, redraw_gaps, report, wait, wait_idle, watch_redraws, work

MINUTES = float(os.environ.get("LIKENESS_CAPTURE_MINUTES", "5"))
FPS = 60


def write_take(path, units):
    with path.open("w") as file:
        file.write("Timecode,BlendShapeCount," + ",".join(units) + ",HeadYaw,HeadPitch,HeadRoll\n")
        for i in range(int(60 * FPS * MINUTES)):
            at = i / FPS
            values = ",".join(f"{0.4 + 0.4 * math.sin(at * (0.5 + number / 9)):.6f}" for number in range(len(units)))
            clock = f"{i // FPS // 3600:02d}:{i // FPS // 60 % 60:02d}:{i // FPS % 60:02d}:{i % FPS:02d}.000"
            file.write(f"{clock},{len(units)},{values},{0.3 * math.sin(at):.6f},0.1,0\n")


def steps():
    yield 2
    open_tab("Likeness")
    yield 1
    with ctx():
        bpy.ops.likeness.generate("INVOKE_DEFAULT", seed=5)
    yield from wait_idle()
    yield 1
    names = list(sys.modules[f"{PACKAGE}.core.types"].ARKIT_NAMES)
    long, short = OUT.with_name("long.csv"), OUT.with_name("short.csv")
    write_take(long, names)
    short.write_text("".join(long.read_text().splitlines(keepends=True)[: 10 * FPS]))
    watch_redraws()
    yield 1
    start = time.monotonic()
    yield 4
    report(gaps_idle=redraw_gaps(start, time.monotonic()))

    def keys():
        block = next(obj for obj in bpy.data.objects if "likeness" in obj).data.shape_keys
        data = block.animation_data
        return [round(edge) for edge in data.action.frame_range] if data and data.action else []

    def begin(path):
        with ctx():
            return sorted(bpy.ops.likeness.import_face_capture("EXEC_DEFAULT", filepath=str(path), is_from_selector=True))

    bpy.ops.ed.undo_push(message="before")
    start = time.monotonic()
    report(short=begin(short), short_s=time.monotonic() - start, short_keys=keys())
    with ctx():
        bpy.ops.likeness.clear_animation()
    bpy.ops.ed.undo_push(message="cleared")
    yield 1
    stages, start = [], time.monotonic()
    begin(long)
    while work().is_running:
        if not stages or stages[-1] != work().row[0].stage:
            stages.append(work().row[0].stage)
        yield 0.02
    yield 2
    report(
        stages=stages,
        seconds=time.monotonic() - start,
        gaps=redraw_gaps(start, time.monotonic()),
        keys=keys(),
        error=work().error,
    )
    shot()
    with ctx():
        bpy.ops.ed.undo()
    yield 2
    report(undone=keys())
    count = len(bpy.data.actions)
    begin(long)
    yield from wait(lambda: any(row.stage == "Writing the keys" for row in work().row), 300, 0.01)
    shot("writing")
    press("Escape")
    yield from wait_idle(20)
    yield 1
    report(escaped=keys(), actions=len(bpy.data.actions) - count, left=work().error)
    long.unlink()
    short.unlink()
