"""Changed minds: Esc and Cancel in the middle, a queue, the worker still warm."""

import sys
import time
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from window import PHOTO, count_blocks, names, point, press, report, wait, wait_idle, work, worker_process


def start_fit():
    with ctx():
        bpy.ops.likeness.fit_photo("INVOKE_DEFAULT", filepath=PHOTO)


def steps():
    yield 2
    open_tab("Likeness")
    yield 1
    start_fit()
    yield from wait_idle()
    yield 1
    process, before, objects = worker_process(), count_blocks(), names()
    times = {}
    point(500, 500)
    yield 1
    for what in ("escape", "button"):
        for fraction in (0.1, 0.4, 0.7):
            start_fit()
            yield from wait(lambda fraction=fraction: work().row and work().row[0].fraction > fraction, 60, 0.02)
            start = time.monotonic()
            if what == "escape":
                press("Escape")
            else:
                with ctx():
                    bpy.ops.likeness.cancel()
            yield from wait(lambda: not work().is_running, 10, 0.01)
            times[f"{what} at {fraction}"] = time.monotonic() - start
            yield 0.5
    report(
        cancel_s=times, is_untouched=(count_blocks(), names()) == (before, objects), is_same_worker=worker_process() == process
    )
    bpy.context.scene.likeness.seed = 5
    start_fit()
    with ctx():
        bpy.ops.likeness.generate("INVOKE_DEFAULT", seed=5, texture_size="512")
        bpy.ops.likeness.generate("INVOKE_DEFAULT", seed=6, texture_size="512")
    report(row=[item.name for item in work().row], next_seed=bpy.context.scene.likeness.seed)
    yield 0.3
    shot("queue")
    with ctx():
        bpy.ops.likeness.cancel(number=work().row[1].number)
    yield from wait_idle()
    yield 1
    report(made=sorted(set(names()) - set(objects)), error=work().error)
