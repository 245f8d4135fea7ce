"""Jobs in a real worker process, with small stories."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest
from likeness.core.errors import WorkerError
from likeness.worker.client import Worker, find_python, site_folders
from likeness.worker.jobs import CANCELLED, DONE, FAILED, RUNNING, WAITING, Jobs
from likeness.worker.pace import Pace


def start_worker(python=""):
    return Worker(python, stories="worker_stories", sites=[*site_folders(), str(Path(__file__).parent)])


@pytest.fixture
def jobs():
    row = Jobs(start_worker)
    yield row
    row.close()


def wait_for(jobs, condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, [(job.title, job.state, job.stage) for job in jobs.open_jobs]
        jobs.poll()
        time.sleep(0.005)


def finish(jobs, *submitted):
    wait_for(jobs, lambda: all(job.has_ended for job in submitted))


def is_process(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_job_goes_through_its_steps_to_its_result(jobs):
    job = jobs.submit("Count", "count_steps", {"steps": 3, "seconds": 0.2})
    assert (job.state, jobs.open_jobs) == (RUNNING, (job,))
    stages = set()
    while not job.has_ended:
        jobs.poll()
        stages.add(job.stage)
        time.sleep(0.01)
    assert {"Starting the worker", "Step 0", "Step 1", "Step 2"} <= stages
    assert (job.state, job.result, jobs.open_jobs) == (DONE, 3, ())
    assert any("Python" in fact for fact in jobs.facts)


def test_jobs_run_one_after_the_other_in_one_process(jobs):
    first, second = jobs.submit("One", "whoami", {}), jobs.submit("Two", "whoami", {"turn": 2})
    assert second.state == WAITING
    finish(jobs, first, second)
    assert first.result[0] == second.result[0] == jobs.worker.process_id


def test_the_worker_knows_nothing_of_blender_and_loads_no_torch(jobs):
    job = jobs.submit("Who", "whoami", {})
    finish(jobs, job)
    assert not {"bpy", "torch", "scipy"} & set(job.result[2])


def test_an_error_of_the_family_is_its_sentence_and_the_worker_lives_on(jobs):
    failing, next_one = jobs.submit("Fail", "find_no_face", {}), jobs.submit("Echo", "echo", {"value": 5})
    finish(jobs, failing, next_one)
    assert (failing.state, failing.error, failing.details) == (FAILED, "No face was found: use another photo.", "")
    assert next_one.result == 5


def test_a_fault_says_so_and_keeps_its_traceback(jobs):
    job = jobs.submit("Fault", "meet_a_fault", {})
    finish(jobs, job)
    assert "fault of its own (ZeroDivisionError" in job.error
    assert "Traceback" in job.details


def test_a_cancelled_job_has_ended_at_once_and_the_next_one_runs_in_the_same_process(jobs):
    first = jobs.submit("Who", "whoami", {})
    finish(jobs, first)
    long, waiting = jobs.submit("Long", "count_steps", {"steps": 1000, "seconds": 0.05}), jobs.submit("Who", "whoami", {})
    wait_for(jobs, lambda: long.stage.startswith("Step"))
    start = time.monotonic()
    jobs.cancel(long)
    assert long.state == CANCELLED
    assert time.monotonic() - start < 0.1
    finish(jobs, waiting)
    assert waiting.result[0] == first.result[0]


def test_a_waiting_job_can_be_cancelled(jobs):
    first, second = jobs.submit("Echo", "echo", {"value": 1}), jobs.submit("Echo", "echo", {"value": 2})
    jobs.cancel(second)
    finish(jobs, first)
    assert (first.result, second.state) == (1, CANCELLED)


def test_a_worker_that_does_not_let_go_is_ended_for_the_next_job(jobs, monkeypatch):
    monkeypatch.setattr("likeness.worker.jobs.PATIENCE_S", 0.3)
    stubborn = jobs.submit("Stubborn", "be_stubborn", {"seconds": 600})
    wait_for(jobs, lambda: stubborn.stage == "Being stubborn")
    process = jobs.worker.process_id
    jobs.cancel(stubborn)
    job = jobs.submit("Who", "whoami", {})
    finish(jobs, job)
    assert job.result[0] != process
    assert not is_process(process)


@pytest.mark.parametrize("moment", ["start", "first step", "later"])
def test_a_killed_worker_fails_its_job_with_one_sentence_and_the_next_one_works(jobs, moment):
    job, waiting = jobs.submit("Long", "count_steps", {"steps": 600, "seconds": 0.1}), jobs.submit("Echo", "echo", {"value": 7})
    if moment != "start":
        wait_for(jobs, lambda: job.stage.startswith("Step 0" if moment == "first step" else "Step 3"))
    os.kill(jobs.worker.process_id, 9)
    finish(jobs, job, waiting)
    assert job.state == FAILED
    assert job.error.startswith("The worker process ended in the middle of its work")
    assert "\n" not in job.error
    assert waiting.result == 7


def test_a_worker_that_dies_by_itself_is_mourned_and_replaced(jobs):
    job, later = jobs.submit("Die", "die", {}), jobs.submit("Echo", "echo", {"value": 1})
    finish(jobs, job, later)
    assert (job.state, later.state) == (FAILED, DONE)


def test_a_worker_killed_between_jobs_is_replaced_unnoticed(jobs):
    finish(jobs, jobs.submit("Echo", "echo", {"value": 1}))
    os.kill(jobs.worker.process_id, 9)
    time.sleep(0.1)
    job = jobs.submit("Echo", "echo", {"value": 2})
    finish(jobs, job)
    assert job.result == 2


def test_an_idle_worker_whose_settings_changed_is_ended_and_the_next_job_has_a_new_one(jobs):
    first = jobs.submit("One", "whoami", {})
    finish(jobs, first)
    jobs.renew_worker()
    assert jobs.worker is None
    second = jobs.submit("Two", "whoami", {})
    finish(jobs, second)
    assert second.result[0] != first.result[0]
    third = jobs.submit("Three", "whoami", {})
    finish(jobs, third)
    assert third.result[0] == second.result[0]


def test_settings_that_change_during_a_job_hold_from_the_next_one_on(jobs):
    first, second = jobs.submit("One", "whoami", {}), jobs.submit("Two", "whoami", {"turn": 2})
    jobs.renew_worker()
    finish(jobs, first, second)
    assert (first.state, second.state) == (DONE, DONE)
    assert first.result[0] != second.result[0]


def test_the_worker_is_told_the_device(monkeypatch):
    monkeypatch.setenv("LIKENESS_DEVICE", "cpu")
    row = Jobs(lambda: Worker(device="mps"))
    try:
        finish(row, row.submit("Worker", "check", {}))
        assert row.facts[1] == "The built-in head does not run on Metal."
    finally:
        row.close()


def test_what_stories_and_native_code_print_does_not_disturb(jobs):
    job = jobs.submit("Print", "print_much", {})
    finish(jobs, job)
    assert job.result == "done"


def test_a_large_result_arrives_and_no_poll_takes_long(jobs):
    job, longest = jobs.submit("Send", "send_much", {"megabytes": 40}), 0.0
    while not job.has_ended:
        start = time.process_time()
        jobs.poll()
        longest = max(longest, time.process_time() - start)
        time.sleep(0.005)
    assert len(job.result) == 40 << 20
    assert longest < 0.4


def test_no_thread_runs_beside_blender(jobs):
    before = threading.active_count()
    finish(jobs, jobs.submit("Echo", "echo", {"value": 1}))
    assert threading.active_count() == before


def test_close_ends_the_process_at_once(jobs):
    job = jobs.submit("Stubborn", "be_stubborn", {"seconds": 600})
    wait_for(jobs, lambda: job.stage == "Being stubborn")
    process = jobs.worker.process_id
    jobs.close()
    assert job.state == CANCELLED
    assert not is_process(process)


def test_the_worker_ends_when_its_pipe_closes():
    worker = start_worker()
    while not worker.receive():
        time.sleep(0.01)
    worker._process.stdin.close()
    worker._process.wait(timeout=10)
    worker.stop()


@pytest.mark.parametrize("python", ["/nowhere/python", str(Path(__file__))])
def test_a_python_that_cannot_start_is_one_sentence(python):
    jobs = Jobs(lambda: start_worker(python))
    job = jobs.submit("Echo", "echo", {"value": 1})
    assert job.state == FAILED
    assert "cannot be started" in job.error


def test_a_python_without_the_parts_says_what_it_needs():
    bare = Jobs(lambda: Worker(_bare_python(), stories="worker_stories", sites=[]))
    job = bare.submit("Echo", "echo", {"value": 1})
    finish(bare, job)
    assert "cannot use numpy" in job.error or "cannot use PIL" in job.error
    assert "it needs numpy, Pillow, warp-lang and threadpoolctl" in job.error
    bare.close()


def _bare_python() -> str:
    """This Python outside its virtual environment."""
    base = Path(sys.base_prefix, "bin", f"python{sys.version_info[0]}.{sys.version_info[1]}")
    if not base.exists():
        pytest.skip("the Python outside the virtual environment was not found")
    return str(base)


def test_the_python_that_is_found_is_a_python():
    assert Path(find_python()).name.lower().startswith("python")


def test_worker_errors_are_of_the_family():
    with pytest.raises(WorkerError):
        Worker("/nowhere/python")


def test_what_is_in_the_row_already_is_refused(jobs):
    job = jobs.submit("Echo", "echo", {"value": 1})
    with pytest.raises(WorkerError, match="is being made already"):
        jobs.submit("Echo", "echo", {"value": 1})
    finish(jobs, job)
    finish(jobs, jobs.submit("Echo", "echo", {"value": 1}))


def test_without_experience_the_pace_is_what_was_reported():
    pace = Pace()
    pace.add_step(0.0, 2.0)
    assert pace.remaining_s(2.5) is None
    pace.add_step(0.25, 3.0)
    assert pace.remaining_s(3.0) == pytest.approx(3.0)
    assert pace.fraction(4.0) == 0.25


def test_with_experience_the_bar_moves_between_steps_and_the_end_is_foreseen():
    pace = Pace(earlier=[(0.0, 0.0), (0.5, 1.0), (1.0, 4.0)])
    pace.add_step(0.0, 0.5)
    pace.add_step(0.5, 2.0)
    assert pace.remaining_s(2.0) == pytest.approx(3.0)
    assert pace.fraction(3.5) == pytest.approx(3.0 / 4.5)
    assert pace.fraction(100.0) < 1


def test_what_is_done_once_does_not_count():
    pace = Pace()
    pace.add_step(0.0, 1.0)
    pace.add_step(0.25, 2.0, is_once=True)
    assert pace.remaining_s(10.0) is None
    pace.add_step(0.3, 22.0)
    pace.add_step(0.5, 23.0)
    assert pace.worked_s(23.0) == pytest.approx(2.0)
    assert pace.remaining_s(23.0) == pytest.approx(2.0)


@pytest.mark.parametrize("chosen", ["", "ACTIVE"])
def test_the_workers_threads_sleep_while_they_wait_unless_somebody_chose_otherwise(monkeypatch, chosen):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if chosen:
        monkeypatch.setenv("OMP_WAIT_POLICY", chosen)
    jobs = Jobs(start_worker)
    job = jobs.submit("Look", "read_variable", {"name": "OMP_WAIT_POLICY"})
    finish(jobs, job)
    jobs.close()
    assert job.result == (chosen or "PASSIVE")


def test_a_program_that_is_no_python_is_one_sentence_and_the_row_goes_on(jobs, tmp_path):
    program = tmp_path / "python-like"
    program.write_text("#!/bin/sh\necho Blender 5.2.0\nsleep 600\n")
    program.chmod(0o755)
    row = Jobs(lambda: start_worker(str(program)))
    job = row.submit("Echo", "echo", {"value": 1})
    finish(row, job)
    assert "says what no worker says" in job.error
    row.close()


def test_a_program_that_says_nothing_is_given_up(monkeypatch, tmp_path):
    monkeypatch.setattr("likeness.worker.jobs.READY_S", 0.5)
    program = tmp_path / "silent"
    program.write_text("#!/bin/sh\nsleep 600\n")
    program.chmod(0o755)
    row = Jobs(lambda: start_worker(str(program)))
    job = row.submit("Echo", "echo", {"value": 1})
    finish(row, job)
    assert "did not answer" in job.error
    row.close()


def test_a_start_that_fails_otherwise_leaves_no_job_behind(monkeypatch):
    row = Jobs(lambda: (_ for _ in ()).throw(RuntimeError("no")))
    with pytest.raises(RuntimeError):
        row.submit("Echo", "echo", {"value": 1})
    assert row.open_jobs == ()
