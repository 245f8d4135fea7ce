"""A slider dragged with the mouse: the mesh follows at every redraw, one undo takes the drag back, locks hold."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from window import PACKAGE, report, wait, wait_idle

HEADER, AGE = (1071, 97), (1125, 174)
"""In the window of 1600 x 1000 pixels, with the Identity panel alone: its closed header, and the slider once it is open."""


def leave_identity_alone():
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{PACKAGE}.panels.") and name.rpartition(".")[2] not in ("identity", "drawing"):
            for cls in reversed(getattr(module, "CLASSES", ())):
                if issubclass(cls, bpy.types.Panel):
                    bpy.utils.unregister_class(cls)


def drag(x, y, pixels):
    moves = [word for _ in range(pixels) for word in ("mousemove_relative", "--", "1", "0", "sleep", "0.06")]
    start = ["mousemove", x - 3, y, "sleep", 0.3, "mousemove", x, y, "sleep", 0.3, "mousedown", 1, "sleep", 0.3]
    return subprocess.Popen(["xdotool", *map(str, start), *moves, "mouseup", "1"])


def steps():
    yield 2
    open_tab("Likeness")
    yield 1
    with ctx():
        bpy.ops.likeness.generate("INVOKE_DEFAULT", seed=5, texture_size="512")
    yield from wait_idle()
    yield 1
    name = bpy.context.view_layer.objects.active.name
    head = lambda: bpy.data.objects[name]  # noqa: E731
    leave_identity_alone()
    yield 2
    open_tab("Likeness")
    yield 1
    click(*HEADER)
    yield 4
    shot("identity")
    identity, times = sys.modules[f"{PACKAGE}.scene.identity"], []
    set_trait = identity.set_trait

    def timed(*arguments, **options):
        start = time.perf_counter()
        set_trait(*arguments, **options)
        times.append(time.perf_counter() - start)

    identity.set_trait = timed
    bpy.ops.ed.undo_push(message="before the drag")
    age, before = head().likeness_identity.age, [vertex.co.copy() for vertex in head().data.vertices]
    dragging = drag(*AGE, 60)
    yield from wait(lambda: dragging.poll() is not None, 120, 0.3)
    yield 2
    after = head().likeness_identity.age
    moved = max((a - vertex.co).length for a, vertex in zip(before, head().data.vertices, strict=True))
    report(age=(age, after), moved_mm=1e3 * moved, changes=len(times), median_ms=1e3 * statistics.median(times or [9.9]))
    shot("dragged")
    with ctx():
        bpy.ops.ed.undo()
    yield 1
    left = max((a - vertex.co).length for a, vertex in zip(before, head().data.vertices, strict=True))
    report(undone=head().likeness_identity.age, undone_mm=1e3 * left)
