"""The extension is switched off in the middle of a job, and on and off again fifty times; nothing stays behind."""

import gc
import sys
import time
from pathlib import Path

import addon_utils
import bpy

sys.path.insert(0, str(Path(__file__).parent))
from window import PACKAGE, PHOTO, children, count_blocks, report, wait, wait_idle, work


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def count_left() -> dict[str, int]:
    """What an extension may leave behind."""
    handlers = [getattr(bpy.app.handlers, name) for name in dir(bpy.app.handlers)]
    configs = bpy.context.window_manager.keyconfigs
    return {
        "handlers": sum(len(entry) for entry in handlers if isinstance(entry, list)),
        "classes": len([name for name in dir(bpy.types) if "LIKENESS" in name or "Likeness" in name]),
        "menus": len(bpy.types.TOPBAR_MT_file_import._dyn_ui_initialize()) + len(bpy.types.VIEW3D_MT_add._dyn_ui_initialize()),
        "shortcuts": sum(len(keymap.keymap_items) for keymap in configs.addon.keymaps),
        "processes": len(children()),
        "threads": len(list(Path("/proc/self/task").iterdir())),
    }


def steps():
    yield 2
    open_tab("Likeness")
    addon_utils.disable(PACKAGE)
    yield 0.5
    without, blocks = count_left(), count_blocks()
    addon_utils.enable(PACKAGE)
    yield 0.5
    with ctx():
        bpy.ops.likeness.fit_photo("INVOKE_DEFAULT", filepath=PHOTO)
    yield from wait(lambda: work().row and work().row[0].fraction > 0.3, 120)
    addon_utils.disable(PACKAGE)
    yield 2
    report(without=without, after=count_left(), is_untouched=count_blocks() == blocks)
    addon_utils.enable(PACKAGE)
    with ctx():
        bpy.ops.likeness.fit_photo("INVOKE_DEFAULT", filepath=PHOTO)
    yield from wait_idle()
    report(error=work().error, num_heads=len(bpy.data.armatures))
    seconds = []
    for turn in range(53):
        if turn == 3:
            gc.collect()
            memory, counts = resident_mb(), count_left()
        addon_utils.disable(PACKAGE)
        start = time.monotonic()
        addon_utils.enable(PACKAGE)
        seconds.append(time.monotonic() - start)
        yield 0.02
    gc.collect()
    report(enable_s=sorted(seconds), growth_mb=resident_mb() - memory, counts_before=counts, counts_after=count_left())
