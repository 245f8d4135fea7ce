"""The row of jobs as Blender shows it, and results that are put into the scene in steps; the window's part is played."""

from __future__ import annotations

import time
from types import SimpleNamespace

import bpy
import pytest
from likeness.core.types import Progress
from likeness.operators import job as jobs_in_blender
from likeness.worker.jobs import Jobs
from likeness.worker.wire import Result
from played_worker import PlayedWorker

pytestmark = pytest.mark.usefixtures("extension")
TICK = SimpleNamespace(type="TIMER", value="NOTHING")
ESCAPE = SimpleNamespace(type="ESC", value="PRESS")


class Writes(jobs_in_blender.JobOperator):
    """Puts four things into the scene, one a step."""

    def __init__(self, job) -> None:
        self._job, self.reports, self.written = job, [], []
        jobs_in_blender._watched[job.number] = jobs_in_blender.Watched(job, 0)

    def report(self, kinds, text) -> None:
        self.reports.append((kinds, text))

    def _finish_in_steps(self, context, result):
        try:
            for number in range(4):
                yield Progress("Writing", number / 4)
                self.written.append(number)
        except GeneratorExit:
            self.written.clear()
            raise
        return {"FINISHED"}


@pytest.fixture
def row(monkeypatch):
    jobs = Jobs(PlayedWorker)
    monkeypatch.setattr(jobs_in_blender, "_jobs", jobs)
    monkeypatch.setattr(jobs_in_blender, "TICK_S", 0.0)
    yield jobs
    jobs_in_blender.close_jobs()


@pytest.fixture
def context():
    manager = bpy.context.window_manager
    return SimpleNamespace(window_manager=manager, window=None, mode="OBJECT", workspace=None)


def state():
    return bpy.context.window_manager.likeness_job


def test_of_many_jobs_the_first_are_named_and_the_others_counted(row, context):
    for number in range(50):
        row.submit(f"photo {number}", "fit_photos", {"photos": [f"{number}.png"]})
    jobs_in_blender.show_jobs(context)
    assert [item.name for item in state().row] == [f"photo {number}" for number in range(5)]
    assert state().num_more == 45
    jobs_in_blender.cancel_job(-1)
    jobs_in_blender.show_jobs(context)
    assert ([item.name for item in state().row], state().num_more) == (["photo 0"], 0)


def test_a_tick_with_fifty_jobs_takes_less_than_five_milliseconds(row, context):
    operators = [Writes(row.submit(f"photo {number}", "fit_photos", {"photos": [f"{number}.png"]})) for number in range(50)]
    seconds = []
    for _ in range(40):
        start = time.process_time()
        for operator in operators:
            operator.modal(context, TICK)
        seconds.append(time.process_time() - start)
    assert sorted(seconds)[20] < 0.005


def end(row, job) -> None:
    """The worker has done the job."""
    row.poll()
    row.worker.says = [Result(job.number, "done")]
    row.poll()
    assert job.state == "done"


def test_what_is_put_into_the_scene_in_steps_is_shown_and_one_step_a_tick(row, context):
    operator = Writes(row.submit("take", "read_capture", {}))
    end(row, operator._job)
    jobs_in_blender.poll_jobs(context)
    assert state().is_running
    outcomes = [operator.modal(context, TICK) for _ in range(3)]
    assert (outcomes, operator.written) == ([{"PASS_THROUGH"}] * 3, [0, 1])
    assert [(item.name, item.stage, item.fraction) for item in state().row] == [("take", "Writing", 0.5)]
    assert state().is_running and jobs_in_blender.is_watching()
    outcomes = [operator.modal(context, TICK) for _ in range(2)]
    assert (outcomes[-1], operator.written) == ({"FINISHED"}, [0, 1, 2, 3])
    assert not state().is_running and not jobs_in_blender.is_watching()


@pytest.mark.parametrize("way", ["escape", "button", "file"])
def test_cancelling_between_two_steps_leaves_nothing(row, context, way):
    operator = Writes(row.submit("take", "read_capture", {}))
    end(row, operator._job)
    for _ in range(3):
        operator.modal(context, TICK)
    assert operator.written == [0, 1]
    if way == "file":
        operator.cancel(context)
    else:
        if way == "button":
            bpy.ops.likeness.cancel(number=operator._job.number)
        assert operator.modal(context, ESCAPE if way == "escape" else TICK) == {"CANCELLED"}
        assert operator.reports == [({"INFO"}, "Cancelled: nothing was changed")]
    assert operator.written == []
    assert not state().is_running and not jobs_in_blender.is_watching()


def test_the_worker_is_not_tried_out_while_a_finished_head_waits(row, context):
    operator = Writes(row.submit("head", "fit_photos", {}))
    end(row, operator._job)
    context.mode = "EDIT_MESH"
    operator.modal(context, TICK)
    assert not state().is_running
    assert operator.modal(context, ESCAPE) == {"PASS_THROUGH"}
    assert not bpy.ops.likeness.test_worker.poll()
    with pytest.raises(RuntimeError, match="A finished head waits"):
        bpy.ops.likeness.test_worker()
    context.mode = "OBJECT"
    for _ in range(5):
        operator.modal(context, TICK)
    assert operator.written == [0, 1, 2, 3]
    assert bpy.ops.likeness.test_worker.poll()
