"""A program: enable and disable the extension many times, as Blender's preferences do, and print what is left behind, as JSON.

    BLENDER_USER_RESOURCES=<empty folder> python enabling.py <folder of the extension> <times>

The first round is not counted: it imports the modules. Counts are of the state with the extension disabled. Blender's own
unpacking of wheels is left out.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import bpy  # first: it makes the next one found

import addon_utils  # isort: skip

MODULE = "bl_ext.workshop.likeness"


def memory_mb() -> float:
    """What the process holds now; 0 where /proc tells nothing."""
    gc.collect()
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else ["VmRSS: 0 kB"]
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def count_children() -> int:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(os.getpid())], capture_output=True, text=True).stdout
    return max(len(listed.split()) - 1, 0)


def count_all() -> dict[str, int]:
    """Everything that an extension can leave in Blender."""
    kinds = (bpy.types.Menu, bpy.types.Panel, bpy.types.Header)
    drawn = [getattr(cls.draw, "_draw_funcs", ()) for kind in kinds for cls in kind.__subclasses__() if hasattr(cls, "draw")]
    keyconfig = bpy.context.window_manager.keyconfigs.addon
    keymaps = keyconfig.keymaps if keyconfig else ()
    owners = (bpy.types.Scene, bpy.types.WindowManager, bpy.types.Object, bpy.types.ID, bpy.types.Image, bpy.types.Collection)
    return {
        "classes": len(dir(bpy.types)),
        "operators": len([name for module in dir(bpy.ops) for name in dir(getattr(bpy.ops, module))]),
        "panels and menus": sum(len(base.__subclasses__()) for base in (bpy.types.Panel, bpy.types.Menu, bpy.types.FileHandler)),
        "properties": sum(len(owner.bl_rna.properties) for owner in owners),
        "handlers": sum(
            len(found) for name in dir(bpy.app.handlers) if isinstance(found := getattr(bpy.app.handlers, name), list)
        ),
        "draw functions of menus": sum(map(len, drawn)),
        "keymap items": sum(len(keymap.keymap_items) for keymap in keymaps),
        "preset folders": len(bpy.utils._preset_path_registry),
        "threads": threading.active_count(),
        "children": count_children(),
        "data": sum(
            len(found) for name in dir(bpy.data) if isinstance(found := getattr(bpy.data, name), bpy.types.bpy_prop_collection)
        ),
        "preferences": len(bpy.context.preferences.addons),
    }


def main() -> None:
    folder, times = Path(sys.argv[1]), int(sys.argv[2])
    repository = Path(bpy.utils.resource_path("USER")) / "workshop"
    repository.mkdir(parents=True)
    (repository / "likeness").symlink_to(folder)
    bpy.context.preferences.extensions.repos.new(
        name="workshop", module="workshop", custom_directory=str(repository), remote_url=""
    )

    def enable_and_disable() -> float:
        start = time.perf_counter()
        enabled = addon_utils.enable(MODULE, default_set=True, refresh_handled=True)
        seconds = time.perf_counter() - start
        assert enabled is not None and hasattr(bpy.types.Scene, "likeness"), "the extension was not enabled"
        addon_utils.disable(MODULE, default_set=True, refresh_handled=True)
        return seconds

    first_s = enable_and_disable()
    before, memory_before = count_all(), memory_mb()
    seconds = sorted(enable_and_disable() for _ in range(times))
    after, memory_after = count_all(), memory_mb()
    result = {
        "before": before, "after": after, "first_s": first_s, "median_s": seconds[len(seconds) // 2], "longest_s": seconds[-1],
        "grown_mb": memory_after - memory_before,
    }  # fmt: skip
    print("RESULT", json.dumps(result))


if __name__ == "__main__":
    main()
