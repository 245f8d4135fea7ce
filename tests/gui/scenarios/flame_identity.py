"""A photo's head on FLAME's own mesh: sliders that move it, its points over the photo, its file made ready again by a button."""

import os
import statistics
import sys
import time
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from window import PACKAGE, PHOTO, leave_panel_alone, point, press, report, wait_idle, work

MODEL = Path(os.environ["LIKENESS_GUI_FLAME"])
HEADER = (1071, 97)
"""In the window of 1600 x 1000 pixels, with the Identity panel alone: its closed header."""
MOVED = {"nose_width": 44.0, "jaw_width": 136.0, "age": 70.0, "cheek_fullness": 0.0, "chin_height": 44.0, "ear_length": 68.0}


def steps():
    yield 2
    open_tab("Likeness")
    yield 1
    with ctx():
        bpy.ops.likeness.import_model("EXEC_DEFAULT", filepath=str(MODEL), is_licence_accepted=True)
        bpy.ops.likeness.use_model("EXEC_DEFAULT", filename=MODEL.name)
        bpy.ops.likeness.fit_photo("INVOKE_DEFAULT", filepath=PHOTO, texture_size="1024")
    yield from wait_idle()
    yield 1
    bpy.data.objects["Cube"].hide_set(True)
    head = next(obj for obj in bpy.data.objects if "likeness" in obj)
    leave_panel_alone("identity")
    yield 2
    open_tab("Likeness")
    yield 1
    click(*HEADER)
    yield 4
    shot("as_fitted")
    times = []
    for name, value in MOVED.items():
        for share in (0.25, 0.5, 0.75, 1.0):
            was = getattr(head.likeness_identity, name)
            start = time.perf_counter()
            setattr(head.likeness_identity, name, was + share * (value - was))
            times.append(1e3 * (time.perf_counter() - start))
        yield 0.3
    yield 1
    shot("moved")
    report(traits={name: round(getattr(head.likeness_identity, name), 1) for name in MOVED}, median_ms=statistics.median(times))
    with ctx():
        bpy.ops.likeness.reset_identity()
        report(started=list(bpy.ops.likeness.correct_landmarks("INVOKE_DEFAULT")))
    yield 2
    point(3, 3)
    yield 1
    shot("points")
    press("Escape")
    yield 1
    cache = sys.modules[f"{PACKAGE}.core.config"].cache_dir() / "flame"
    for ready in cache.glob("*.npz"):
        ready.unlink()
    yield 2
    open_tab("Likeness")
    yield 1
    shot("not_ready")
    with ctx():
        report(made_ready=list(bpy.ops.likeness.make_model_ready("INVOKE_DEFAULT")))
    yield from wait_idle()
    yield 1
    before = head.likeness_identity.nose_width
    head.likeness_identity.nose_width = before + 3
    report(error=work().error, ready=len(list(cache.glob("*.npz"))), moved=head.likeness_identity.nose_width - before)
    shot()
