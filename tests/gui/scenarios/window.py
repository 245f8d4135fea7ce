"""What the scenarios have in common: facts for the test outside, waiting, the window's redraws.

A scenario is run by gui_shot.sh in a Blender with a window, after the extension was installed from its zip. It is a generator
`steps` that yields the seconds Blender shall have, and reports facts; tests/gui/test_window.py asserts on them.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy

PACKAGE = "bl_ext.user_default.likeness"
PHOTO = os.environ["LIKENESS_GUI_PHOTO"]
OUT = Path(os.environ["GS_OUT"])
BLOCKS = ("objects", "meshes", "armatures", "materials", "images", "cameras", "lights", "collections", "node_groups", "actions")

_facts: dict = {}
_redraws: list[float] = []


def report(**facts) -> None:
    """Facts for the test; written at once, so that a crash loses none."""
    _facts.update(facts)
    OUT.with_suffix(".json").write_text(json.dumps(_facts, default=str))


def work():
    """The row of jobs as the panel sees it."""
    return bpy.context.window_manager.likeness_job


def names() -> list[str]:
    return sorted(obj.name for obj in bpy.data.objects)


def count_blocks() -> dict[str, int]:
    return {name: len(getattr(bpy.data, name)) for name in BLOCKS}


def worker_process() -> int | None:
    """The worker's process id, where there is a worker."""
    jobs = sys.modules[f"{PACKAGE}.operators.job"]._jobs
    return jobs.worker.process_id if jobs and jobs.worker else None


def children() -> list[int]:
    """Process ids of Blender's children that are not dead."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid() and state != "Z":
                found.append(int(stat.parent.name))
    return found


def wait(condition: Callable[[], bool], seconds: float, every: float = 0.05) -> Iterator[float]:
    """For `yield from`: until the condition holds. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s; jobs {[(j.name, j.stage) for j in work().row]}, {work().error}")
        yield every


def wait_idle(seconds: float = 300) -> Iterator[float]:
    yield from wait(lambda: not work().is_running, seconds)


def leave_panel_alone(name: str) -> list[type]:
    """The other panels' classes, taken away: so the one of panels/<name>.py is seen whole."""
    taken = []
    for path, module in list(sys.modules.items()):
        if path.startswith(f"{PACKAGE}.panels.") and path.rpartition(".")[2] not in (name, "drawing"):
            for cls in reversed(getattr(module, "CLASSES", ())):
                if issubclass(cls, bpy.types.Panel):
                    bpy.utils.unregister_class(cls)
                    taken.append(cls)
    return taken


def point(x: int, y: int) -> None:
    """The pointer to window pixels from the top left."""
    subprocess.run(["xdotool", "mousemove", str(x), str(y), "sleep", "0.1"], check=True)


def press(key: str) -> None:
    """A real key press, where the pointer is."""
    subprocess.run(["xdotool", "key", key], check=True)


def resize(title: str, width: int, height: int) -> None:
    """The window with this in its title, in pixels."""
    subprocess.run(["xdotool", "search", "--name", title, "windowsize", str(width), str(height)], check=True)


def watch_redraws() -> None:
    """Ask for redraws all the time and remember when the 3D view was drawn."""

    def ask() -> float:
        for window in bpy.context.window_manager.windows:
            for area in window.screen.areas:
                if area.type == "VIEW_3D":
                    area.tag_redraw()
        return 0.03

    bpy.types.SpaceView3D.draw_handler_add(lambda: _redraws.append(time.monotonic()), (), "WINDOW", "POST_PIXEL")
    bpy.app.timers.register(ask)


def redraw_gaps(start: float, end: float) -> list[tuple[float, float]]:
    """Redraws from start to end: (seconds since the one before, seconds since start), the longest last."""
    at = [start, *(t for t in _redraws if start < t < end), end]
    return sorted((round(b - a, 3), round(b - start, 2)) for a, b in zip(at, at[1:], strict=False))


def go_on_after_loading(steps: Iterator[float]) -> None:
    """Opening a file ends the timer that runs a scenario: `steps` are the rest of it, and Blender ends with them."""

    def step() -> float:
        try:
            return next(steps)
        except StopIteration:
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)

    bpy.app.timers.register(step, first_interval=2, persistent=True)
