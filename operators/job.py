"""Long work under an operator: a generator of Progress, run straight through or one stage a timer tick.

Rule of this file: it knows Blender's window manager and nothing of heads. One job runs at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import bpy

if TYPE_CHECKING:
    from ..core.types import Progress

TICK_S = 0.02


class Job:
    """A generator being stepped by a modal operator; its stage and fraction show in the panel and the status bar."""

    current: Job | None = None

    def __init__(self, context: bpy.types.Context, steps: Generator[Progress, None, Any]) -> None:
        self.steps = steps
        self.result: Any = None
        self.timer = context.window_manager.event_timer_add(TICK_S, window=context.window)
        state = context.window_manager.likeness_job
        state.is_running, state.is_cancelled, state.error, state.stage, state.fraction = True, False, "", "Starting", 0.0
        Job.current = self

    def step(self, context: bpy.types.Context) -> bool:
        """Run to the next Progress; True once the result is there. Raises what the work raises."""
        try:
            progress = next(self.steps)
        except StopIteration as end:
            self.result = end.value
            return True
        state = context.window_manager.likeness_job
        state.stage, state.fraction = progress.stage, progress.fraction
        show(context, f"Likeness: {progress.stage} ({progress.fraction:.0%})   Esc: Cancel")
        return False

    def stop(self, context: bpy.types.Context) -> None:
        """End the work wherever it is and take its signs off the screen."""
        self.steps.close()
        context.window_manager.event_timer_remove(self.timer)
        context.window_manager.likeness_job.is_running = False
        show(context, None)
        Job.current = None


def show(context: bpy.types.Context, status: str | None) -> None:
    """Put a text into the status bar (None: Blender's own) and redraw the sidebars."""
    if context.workspace:
        context.workspace.status_text_set(status)
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


def run_to_end(steps: Generator[Progress, None, Any], on_progress: Callable[[Progress], None] | None = None) -> Any:
    """Drive a generator of Progress to its result."""
    while True:
        try:
            progress = next(steps)
        except StopIteration as end:
            return end.value
        if on_progress:
            on_progress(progress)
