"""Photos that wait for their turn: each becomes a job of its own, the next one when likeness.fit_photo takes it.

Rule of this file: a job is what a click on Generate starts, with its progress, its cancel and its own step to undo.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import bpy

LOOK_AGAIN_S = 0.3

_waiting: list[PhotoJob] = []


@dataclass(frozen=True)
class PhotoJob:
    """Arguments of likeness.fit_photo."""

    filepath: str
    others: str = ""
    faces: str = "LARGEST"
    face: int = 0


def make_heads(context: bpy.types.Context, jobs: list[PhotoJob]) -> None:
    """In background mode: all heads at once. In the window: start the first, let the others wait.

    Raises RuntimeError with likeness.fit_photo's own sentence where it cannot run.
    """
    if bpy.app.background:
        for job in jobs:
            bpy.ops.likeness.fit_photo("EXEC_DEFAULT", **asdict(job))
        return
    _waiting.extend(jobs)
    _start_waiting(context)
    if _waiting and not bpy.app.timers.is_registered(_look_again):
        bpy.app.timers.register(_look_again, first_interval=LOOK_AGAIN_S)


def num_waiting() -> int:
    """How many photos have not been started yet."""
    return len(_waiting)


def forget_waiting() -> None:
    """Let go of all photos that were not started; for Cancel and for unregister()."""
    _waiting.clear()
    if bpy.app.timers.is_registered(_look_again):
        bpy.app.timers.unregister(_look_again)


def _start_waiting(context: bpy.types.Context) -> None:
    """Start as many as likeness.fit_photo takes now; one that it refuses for another reason than a running job is dropped."""
    while _waiting and (bpy.ops.likeness.fit_photo.poll() or not context.window_manager.likeness_job.is_running):
        bpy.ops.likeness.fit_photo("INVOKE_DEFAULT", **asdict(_waiting.pop(0)))


def _look_again() -> float | None:
    """The timer's function. A cancelled job takes the waiting photos with it."""
    state = bpy.context.window_manager.likeness_job
    if state.is_cancelled:
        _waiting.clear()
        return None
    view = find_3d_view(bpy.context)
    if view is None:
        return LOOK_AGAIN_S
    try:
        with bpy.context.temp_override(**view):
            _start_waiting(bpy.context)
    except RuntimeError as error:
        state.error = refusal_of(error)
    return LOOK_AGAIN_S if _waiting else None


def find_3d_view(context: bpy.types.Context) -> dict | None:
    """Window, area and region of a 3D view, as temp_override takes them; None where no window shows one."""
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                region = next(region for region in area.regions if region.type == "WINDOW")
                return {"window": window, "area": area, "region": region}
    return None


def refusal_of(error: RuntimeError) -> str:
    """The sentence alone of what Blender raises when an operator's poll fails or it reports an error."""
    return str(error).strip().partition(".poll() ")[2].strip() or str(error).strip().removeprefix("Error: ")
