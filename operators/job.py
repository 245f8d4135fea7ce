"""Long work under an operator: a job in the worker process, watched by a modal operator; straight through in background mode.

Rule of this file: it knows Blender's window manager and nothing of heads. A timer is there while operators watch jobs in its
window, and goes with the last of them.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

from ..core.errors import describe_error
from ..core.story import run
from ..translations.sentences import translate_sentence
from .job_pictures import icon_of, keep_pictures
from .status import set_status
from .telling import describe_refusal

if TYPE_CHECKING:
    from ..core.types import Progress
    from ..worker.client import Worker
    from ..worker.jobs import Job, Jobs

PACKAGE = __package__.rpartition(".")[0]
TICK_S = 0.05
UNDO_MODES = {"OBJECT", "POSE"}
"""In other modes Blender's undo knows the edited data only: a result waits until they are left."""

TOOLS = ("TRANSFORM_OT_", "LIKENESS_OT_correct_landmarks")

SHOWN_IN = {("VIEW_3D", "UI"), ("PREFERENCES", "WINDOW")}
"""Areas' regions that show the row."""
MAX_SHOWN = 5
"""So many jobs of the row are named, of the others how many they are: what each tick compares and draws stays small."""


@dataclass
class Finishing:
    """A result that has come and is not in the scene yet. is_held: a mode or a tool has to end first."""

    stage: str
    fraction: float
    is_held: bool = False
    is_unwanted: bool = False


@dataclass(frozen=True)
class Watched:
    """A job that an operator watches until its result is in the scene; window: whose timer wakes the operator."""

    job: Job
    window: int


_jobs: Jobs | None = None
_polled_s = 0.0
_watched: dict[int, Watched] = {}
"""By the job's number."""
_timers: dict[int, bpy.types.Timer] = {}
"""One for each window: of several, each would wake every operator."""
_finishing: dict[int, Finishing] = {}
"""By the job's number."""


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
            return run(self._finish_in_steps(context, run(STORIES[story](**arguments))))
        except Exception as error:
            return self._fail(context, describe_error(error))

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Look at every tick how far the job is; Esc stops the running one."""
        is_open = bool(_list_finishing() or get_jobs().open_jobs)
        is_escape = event.type == "ESC" and event.value == "PRESS" and is_open and not is_tool_running(context)
        if is_escape:
            cancel_job()
        elif event.type != "TIMER":
            return {"PASS_THROUGH"}
        was_over = self._job.has_ended
        poll_jobs(context)
        # A result is put into the scene one tick after it came, so that the window is drawn in between.
        is_over = self._job.has_ended and (was_over or self._job.state != "done")
        outcome = self._end(context) if is_over else self._prepare()
        if is_escape or is_over:
            show_jobs(context)
        return outcome or ({"RUNNING_MODAL"} if is_escape else {"PASS_THROUGH"})

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator: another file is opened, or the program closes."""
        get_jobs().cancel(self._job)
        self._stop_watching()
        show_jobs(context)

    def _start(self, context: bpy.types.Context) -> set[str]:
        try:
            request = self._request()  # may start the row anew
            self._job = get_jobs().submit(*request)
        except Exception as error:
            return self._fail(context, describe_error(error))
        context.window_manager.likeness_job.error = ""
        window = context.window.as_pointer()
        if window not in _timers:
            _timers[window] = context.window_manager.event_timer_add(TICK_S, window=context.window)
        _watched[self._job.number] = Watched(self._job, window)
        context.window_manager.modal_handler_add(self)
        show_jobs(context)
        return {"RUNNING_MODAL"}

    def _end(self, context: bpy.types.Context) -> set[str] | None:
        """What became of the job; None while its result waits for a mode that can be undone, or is being taken in."""
        job: Job = self._job
        finishing = _finishing.get(job.number)
        is_cancelled = job.state == "cancelled" or (finishing is not None and finishing.is_unwanted)
        if job.state == "done" and not is_cancelled:
            is_held = is_tool_running(context) or context.mode not in UNDO_MODES
            if finishing is not None:
                finishing.is_held = is_held
            if is_tool_running(context):
                return None
            if is_held:
                set_status(context, rpt_("Likeness: {title} is ready: leave this mode (Tab) to see it").format(title=job.title))
                return None
            return self._take_result(context)
        self._stop_watching()
        if is_cancelled:
            self.report({"INFO"}, "Cancelled: nothing was changed")
            return {"CANCELLED"}
        if job.details:
            sys.stderr.write(job.details)
        return self._fail(context, job.error)

    def _take_result(self, context: bpy.types.Context) -> set[str] | None:
        """One step of _finish_in_steps a tick; a tick that came up during the last step passes, so that the window is drawn."""
        if time.monotonic() - getattr(self, "_stepped_s", 0.0) < TICK_S / 2:
            return None
        job: Job = self._job
        try:
            self._steps = getattr(self, "_steps", None) or self._finish_in_steps(context, job.result)
            progress = next(self._steps)
            if progress is not None:
                _finishing[job.number] = Finishing(progress.stage, progress.fraction)
            self._stepped_s = time.monotonic()
            return None
        except StopIteration as end:
            outcome: set[str] = end.value
        except Exception as error:
            outcome = self._fail(context, describe_error(error))
        self._stop_watching()
        return outcome

    def _prepare(self) -> None:
        names = (f"{PACKAGE}.{name}" for name in self.needed)
        if (name := next((name for name in names if name not in sys.modules), None)) is not None:
            importlib.import_module(name)

    def _stop_watching(self) -> None:
        """The job is watched no longer; of a result that is being put into the scene, what is there goes."""
        if steps := getattr(self, "_steps", None):
            steps.close()
        _finishing.pop(self._job.number, None)
        watched = _watched.pop(self._job.number, None)
        if watched is None or any(other.window == watched.window for other in _watched.values()):
            return
        if timer := _timers.pop(watched.window, None):
            bpy.context.window_manager.event_timer_remove(timer)

    def _fail(self, context: bpy.types.Context, sentence: str) -> set[str]:
        context.window_manager.likeness_job.error = sentence
        self.report({"ERROR"}, translate_sentence(sentence))
        return {"CANCELLED"}

    def _request(self) -> tuple[str, str, dict[str, Any]]:
        """The job's title for a person, the story (worker/stories.py) and its arguments."""
        raise NotImplementedError

    def _finish_in_steps(self, context: bpy.types.Context, result: Any) -> Generator[Progress | None, None, set[str]]:
        """_finish; operators that take long over it let the window be drawn in between.

        Where it yields Progress it is shown as a job is, and can be cancelled: it is closed then, and has to leave nothing.
        """
        return self._finish(context, result)
        yield

    def _finish(self, context: bpy.types.Context, result: Any) -> set[str]:
        raise NotImplementedError


def poll_jobs(context: bpy.types.Context) -> None:
    """Look after the row once a tick, however many operators watch it."""
    global _polled_s
    if time.monotonic() - _polled_s >= TICK_S / 2:
        get_jobs().poll()
        for number, watched in _watched.items():
            if watched.job.state == "done":
                _finishing.setdefault(number, Finishing(watched.job.stage, 1.0))
        show_jobs(context)
        _polled_s = time.monotonic()


def is_watching() -> bool:
    """Whether a job is open, or done and its result not in the scene yet."""
    return bool(_watched)


def cancel_job(number: int = 0) -> None:
    """End a job, 0: the first that is shown, -1: all that wait. What is being put into the scene ends at its operator's tick."""
    jobs = get_jobs()
    if found := next((finishing for key, finishing in _list_finishing() if number in (0, key)), None):
        found.is_unwanted = True
    elif number == -1:
        for job in reversed(jobs.open_jobs[1:]):
            jobs.cancel(job)
    else:
        for job in [job for job in jobs.open_jobs if number in (0, job.number)][:1]:
            jobs.cancel(job)


def _list_finishing() -> list[tuple[int, Finishing]]:
    """What is being put into the scene now, by the job's number."""
    return [(number, finishing) for number, finishing in _finishing.items() if not finishing.is_held]


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
    _watched.clear()
    _finishing.clear()
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
    finishing = _list_finishing()
    num_jobs = len(finishing) + len(jobs.open_jobs)
    shown = [
        (key, _watched[key].job.title, part.stage, round(part.fraction, 2), "", icon_of(_watched[key].job))
        for key, part in finishing
    ]
    shown += [
        (job.number, job.title, job.stage, round(job.fraction, 2), _describe_time(job.remaining_s), icon_of(job))
        for job in jobs.open_jobs[:MAX_SHOWN]
    ]
    del shown[MAX_SHOWN:]
    known = [(item.number, item.name, item.stage, round(item.fraction, 2), item.remaining, item.picture) for item in state.row]
    if (shown, num_jobs - len(shown)) == (known, state.num_more):
        return
    state.row.clear()
    keep_pictures([number for number, *_ in shown])
    for number, title, stage, fraction, remaining, picture in shown:
        item = state.row.add()
        item.number, item.name, item.stage, item.fraction = number, title, stage, fraction
        item.remaining, item.picture = remaining, picture
    state.num_more, state.is_running, state.worker = num_jobs - len(shown), bool(shown), " | ".join(jobs.facts)
    if shown:
        _, title, stage, fraction, remaining, _ = shown[0]
        others = rpt_(", {count} waiting").format(count=num_jobs - 1) if num_jobs > 1 else ""
        left = f", {remaining}" if remaining else ""
        stage = translate_sentence(stage)
        set_status(context, f"Likeness: {title}: {stage} ({fraction:.0%}{left}){others}   {rpt_('Esc: Cancel')}")
    else:
        set_status(context, None)
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            for region in area.regions:
                if (area.type, region.type) in SHOWN_IN:
                    region.tag_redraw()


def _describe_time(seconds: float | None) -> str:
    if seconds is None or seconds < 0.5:
        return ""
    if seconds < 90:
        return rpt_("{seconds:.0f} s left").format(seconds=seconds)
    return rpt_("{minutes:.0f} min left").format(minutes=seconds / 60)
