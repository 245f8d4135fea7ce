"""Long work under an operator: a job in the worker process, watched by a modal operator; straight through in background mode.

Rule of this file: it knows Blender's window manager and nothing of heads. A timer belongs to one operator's job and goes with it.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

from ..core.errors import describe_error
from ..translations.sentences import translate_sentence
from .telling import describe_refusal

if TYPE_CHECKING:
    from ..worker.client import Worker
    from ..worker.jobs import Job, Jobs

PACKAGE = __package__.rpartition(".")[0]
TICK_S = 0.05
UNDO_MODES = {"OBJECT", "POSE"}
"""In other modes Blender's undo knows the edited data only: a result waits until they are left."""

TOOLS = ("TRANSFORM_OT_", "LIKENESS_OT_correct_landmarks")

_jobs: Jobs | None = None
_polled_s = 0.0
_timers: dict[int, bpy.types.Timer] = {}


class JobOperator:
    """To be inherited beside bpy.types.Operator: `_request` says what is done, `_finish` takes the result.

    needed: modules of ours that the result will need, imported one a tick while the worker works, so that the end is quick.
    """

    needed: tuple[str, ...] = ()

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Start the job."""
        return self._start(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Run to the end at once, for scripts.

        Such operators leave REGISTER out of their bl_options: "Adjust Last Operation" would repeat them while they are modal.
        """
        from ..worker.stories import STORIES

        try:
            _, story, arguments = self._request()
            return run_to_end(self._finish_in_steps(context, run_to_end(STORIES[story](**arguments))))
        except Exception as error:
            return self._fail(context, describe_error(error))

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Look at every tick how far the job is; Esc stops the running one."""
        open_jobs = get_jobs().open_jobs
        is_escape = event.type == "ESC" and event.value == "PRESS" and bool(open_jobs) and not is_tool_running(context)
        if is_escape:
            get_jobs().cancel(open_jobs[0])
        elif event.type != "TIMER":
            return {"PASS_THROUGH"}
        was_over = self._job.has_ended
        poll_jobs()
        # A result is put into the scene one tick after it came, so that the window is drawn in between.
        is_over = self._job.has_ended and (was_over or self._job.state != "done")
        outcome = self._end(context) if is_over else self._prepare()
        show_jobs(context)
        return outcome or ({"RUNNING_MODAL"} if is_escape else {"PASS_THROUGH"})

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator: another file is opened, or the program closes."""
        get_jobs().cancel(self._job)
        if steps := getattr(self, "_steps", None):
            steps.close()
        self._drop_timer()
        show_jobs(context)

    def _start(self, context: bpy.types.Context) -> set[str]:
        try:
            self._job = get_jobs().submit(*self._request())
        except Exception as error:
            return self._fail(context, describe_error(error))
        context.window_manager.likeness_job.error = ""
        _timers[self._job.number] = context.window_manager.event_timer_add(TICK_S, window=context.window)
        context.window_manager.modal_handler_add(self)
        show_jobs(context)
        return {"RUNNING_MODAL"}

    def _end(self, context: bpy.types.Context) -> set[str] | None:
        """What became of the job; None while its result waits for a mode that can be undone, or is being taken in."""
        job: Job = self._job
        if job.state == "done" and is_tool_running(context):
            return None
        if job.state == "done" and context.mode not in UNDO_MODES:
            set_status(context, rpt_("Likeness: {title} is ready: leave this mode (Tab) to see it").format(title=job.title))
            return None
        if job.state == "done":
            return self._take_result(context)
        self._drop_timer()
        if job.state == "cancelled":
            self.report({"INFO"}, "Cancelled: nothing was changed")
            return {"CANCELLED"}
        if job.details:
            sys.stderr.write(job.details)
        return self._fail(context, job.error)

    def _take_result(self, context: bpy.types.Context) -> set[str] | None:
        """One step of _finish_in_steps a tick; a tick that came up during the last step passes, so that the window is drawn."""
        if time.monotonic() - getattr(self, "_stepped_s", 0.0) < TICK_S / 2:
            return None
        try:
            self._steps = getattr(self, "_steps", None) or self._finish_in_steps(context, self._job.result)
            next(self._steps)
            self._stepped_s = time.monotonic()
            return None
        except StopIteration as end:
            outcome: set[str] = end.value
        except Exception as error:
            outcome = self._fail(context, describe_error(error))
        self._drop_timer()
        return outcome

    def _prepare(self) -> None:
        names = (f"{PACKAGE}.{name}" for name in self.needed)
        if (name := next((name for name in names if name not in sys.modules), None)) is not None:
            importlib.import_module(name)

    def _drop_timer(self) -> None:
        if timer := _timers.pop(self._job.number, None):
            bpy.context.window_manager.event_timer_remove(timer)

    def _fail(self, context: bpy.types.Context, sentence: str) -> set[str]:
        context.window_manager.likeness_job.error = sentence
        self.report({"ERROR"}, translate_sentence(sentence))
        return {"CANCELLED"}

    def _request(self) -> tuple[str, str, dict[str, Any]]:
        """The job's title for a person, the story (worker/stories.py) and its arguments."""
        raise NotImplementedError

    def _finish_in_steps(self, context: bpy.types.Context, result: Any) -> Generator[None, None, set[str]]:
        """_finish; operators that take long over it let the window be drawn in between."""
        return self._finish(context, result)
        yield

    def _finish(self, context: bpy.types.Context, result: Any) -> set[str]:
        raise NotImplementedError


def poll_jobs() -> None:
    """Look after the row once a tick, however many operators watch it."""
    global _polled_s
    if time.monotonic() - _polled_s >= TICK_S / 2:
        get_jobs().poll()
        _polled_s = time.monotonic()


def is_tool_running(context: bpy.types.Context) -> bool:
    """Whether a person is in the middle of something that Esc ends and a new head would disturb."""
    running = context.window.modal_operators if context.window else ()
    return any(operator.bl_idname.startswith(TOOLS) for operator in running)


def hand_over(operator: bpy.types.Operator, other: Any, **properties: Any) -> set[str]:
    """Start another operator of ours from this one, as a click would; what it refuses is this one's error, in a sentence."""
    try:
        other("INVOKE_DEFAULT", **properties)
    except RuntimeError as error:
        operator.report({"ERROR"}, describe_refusal(error))
    return {"CANCELLED"}


def get_jobs() -> Jobs:
    """The row of jobs; made, and its worker started, at first use."""
    global _jobs
    if _jobs is None:
        from ..worker.jobs import Jobs

        _jobs = Jobs(_start_worker)
    return _jobs


def close_jobs() -> None:
    """For unregister(): end all jobs and the worker process, take all timers away."""
    global _jobs
    if _jobs is not None:
        _jobs.close()
        show_jobs(bpy.context)
        _jobs = None
    while _timers:
        bpy.context.window_manager.event_timer_remove(_timers.popitem()[1])


def _start_worker() -> Worker:
    from ..worker.client import Worker

    addon = bpy.context.preferences.addons.get(PACKAGE)
    if addon is None:
        return Worker()
    return Worker(bpy.path.abspath(addon.preferences.worker_python), device=addon.preferences.device.lower())


def renew_worker() -> None:
    """The preferences say another Python or device: the next job gets a worker with it."""
    if _jobs is not None:
        _jobs.renew_worker()
        show_jobs(bpy.context)


def show_jobs(context: bpy.types.Context) -> None:
    """Write the row into the window manager's properties and the status bar; redraw the sidebars where something changed."""
    state, jobs = context.window_manager.likeness_job, get_jobs()
    shown = [
        (job.number, job.title, job.stage, round(job.fraction, 2), _describe_time(job.remaining_s)) for job in jobs.open_jobs
    ]
    if shown == [(item.number, item.name, item.stage, round(item.fraction, 2), item.remaining) for item in state.row]:
        return
    state.row.clear()
    for number, title, stage, fraction, remaining in shown:
        item = state.row.add()
        item.number, item.name, item.stage, item.fraction, item.remaining = number, title, stage, fraction, remaining
    state.is_running, state.worker = bool(shown), " | ".join(jobs.facts)
    if shown:
        _, title, stage, fraction, remaining = shown[0]
        others = rpt_(", {count} waiting").format(count=len(shown) - 1) if len(shown) > 1 else ""
        left = f", {remaining}" if remaining else ""
        stage = translate_sentence(stage)
        set_status(context, f"Likeness: {title}: {stage} ({fraction:.0%}{left}){others}   {rpt_('Esc: Cancel')}")
    else:
        set_status(context, None)
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()


def _describe_time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 90:
        return rpt_("{seconds:.0f} s left").format(seconds=seconds)
    return rpt_("{minutes:.0f} min left").format(minutes=seconds / 60)


def set_status(context: bpy.types.Context, status: str | None) -> None:
    """Put a text into the status bar; None: Blender's own."""
    workspaces = bpy.data.workspaces if status is None else [context.workspace]
    for workspace in filter(None, workspaces):
        workspace.status_text_set(status)


def run_to_end(steps: Generator[Any, None, Any]) -> Any:
    """Drive a generator to its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
