"""Jobs in a row: one runs in the worker process, the others wait. Who polls learns what became of them.

Rule of this file: a job ends once, as done, failed or cancelled; the worker is started for the first job, kept for the next, and
started anew after it died.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from ..core.errors import LikenessError, WorkerError
from .client import CHOOSE_PYTHON, Worker
from .pace import Pace
from .wire import Cancel, Cancelled, Failure, Ready, Request, Result, Step, encode_message

WAITING, RUNNING, DONE, FAILED, CANCELLED = "waiting", "running", "done", "failed", "cancelled"
READY_S = 120.0
"""A process that has not said Ready by then is no worker."""
PATIENCE_S = 3.0
"""A worker that has not let go of a cancelled job by then, when the next one wants it, is ended."""


@dataclass
class Job:
    """One piece of work: what is shown of it, and its result or its error once it has ended; picture: the last that it showed."""

    title: str
    request: Request
    state: str = WAITING
    stage: str = "Waiting"
    result: Any = None
    error: str = ""
    details: str = ""
    picture: Any = None
    started_s: float = 0.0
    pace: Pace = field(default_factory=Pace)

    @property
    def number(self) -> int:
        return self.request.job

    @property
    def has_ended(self) -> bool:
        return self.state in (DONE, FAILED, CANCELLED)

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self.started_s if self.state == RUNNING else 0.0

    @property
    def fraction(self) -> float:
        return self.pace.fraction(self.elapsed_s)

    @property
    def remaining_s(self) -> float | None:
        return self.pace.remaining_s(self.elapsed_s)


class Jobs:
    """The row of jobs and the worker that does them. start_worker: how to get one; it may raise WorkerError."""

    def __init__(self, start_worker: Callable[[], Worker]) -> None:
        self._start_worker = start_worker
        self._numbers = count(1)
        self._row: deque[Job] = deque()
        self._earlier: dict[str, list[tuple[float, float]]] = {}
        self._let_go_by: dict[int, float] = {}
        self._ready_by = 0.0
        self._is_outdated = False
        self.worker: Worker | None = None
        self.facts: tuple[str, ...] = ()

    @property
    def open_jobs(self) -> tuple[Job, ...]:
        """The running one, then those that wait."""
        return tuple(self._row)

    def submit(self, title: str, story: str, arguments: dict[str, Any]) -> Job:
        """Put a job at the end of the row; it starts at once where nothing runs. Raises WorkerError when it is there already."""
        wanted = encode_message(Request(0, story, arguments))
        if any(encode_message(replace(job.request, job=0)) == wanted for job in self._row):
            raise WorkerError(f"{title} is being made already.")
        job = Job(title, Request(next(self._numbers), story, arguments))
        self._row.append(job)
        try:
            self._start_next()
        except BaseException:
            self._row.remove(job)
            raise
        return job

    def cancel(self, job: Job) -> None:
        """The job has ended when this returns; the worker lets go of it at its next step."""
        if job.has_ended:
            return
        if job.state == RUNNING and self.worker is not None and self.facts:
            self.worker.send(Cancel(job.number))
            self._let_go_by[job.number] = time.monotonic() + PATIENCE_S
        self._end(job, CANCELLED)

    def cancel_all(self) -> None:
        """Leave the row empty."""
        for job in reversed(self.open_jobs):
            self.cancel(job)

    def poll(self) -> None:
        """Take what the worker said and go on with the row."""
        if self.worker is None:
            return
        was_alive = self.worker.is_alive()
        try:
            for message in self.worker.receive():
                self._hear(message)
        except WorkerError as error:
            self._mourn(str(error))
        else:
            if not was_alive:
                self._mourn(self.worker.describe_end())
            elif not self.facts and time.monotonic() > self._ready_by:
                self._mourn(f"The worker's Python {self.worker.python} did not answer: {CHOOSE_PYTHON}.")
        if self._row and self._let_go_by and min(self._let_go_by.values()) < time.monotonic():
            self.stop_worker()
        self._start_next()

    def stop_worker(self) -> None:
        """End the process; jobs in the row stay there and get a new one when they are polled."""
        if self.worker is not None:
            self.worker.stop()
        self.worker, self.facts, self._is_outdated = None, (), False
        self._let_go_by.clear()

    def renew_worker(self) -> None:
        """The worker's settings changed: the next job that starts has a new one, and none is left idle meanwhile."""
        self._is_outdated = True
        if not self._row:
            self.stop_worker()

    def close(self) -> None:
        """End everything."""
        self.cancel_all()
        self.stop_worker()

    def _start_next(self) -> None:
        """Hand the first job to the worker unless the worker is still busy with one that was cancelled."""
        while self._row and self._row[0].state == WAITING and not self._let_go_by:
            job = self._row[0]
            if self.worker is not None and (self._is_outdated or not self.worker.is_alive()):
                self.stop_worker()
            try:
                if self.worker is None:
                    self.worker, self._ready_by = self._start_worker(), time.monotonic() + READY_S
            except LikenessError as error:
                job.error = str(error)
                self._end(job, FAILED)
                continue
            job.state, job.stage, job.started_s = RUNNING, "Starting" if self.facts else "Starting the worker", time.monotonic()
            job.pace = Pace(self._earlier.get(job.request.story, []))
            if self.facts:
                self.worker.send(job.request)  # else when it is ready: a pipe that nobody reads yet would be waited for

    def _hear(self, message: Any) -> None:
        if isinstance(message, Ready):
            self.facts = message.facts
            if self._row and self._row[0].state == RUNNING and self.worker is not None:
                self.worker.send(self._row[0].request)
            return
        if isinstance(message, (Result, Failure, Cancelled)):
            self._let_go_by.pop(message.job, None)
        job = next((job for job in self._row if job.number == message.job), None)
        if job is None:
            return
        if isinstance(message, Step):
            job.stage = message.progress.stage
            job.picture = job.picture if message.progress.picture is None else message.progress.picture
            job.pace.add_step(message.progress.fraction, job.elapsed_s, message.progress.is_once)
        elif isinstance(message, Result):
            job.result = message.value
            self._earlier[job.request.story] = [*job.pace.steps, (1.0, job.pace.worked_s(job.elapsed_s))]
            self._end(job, DONE)
        elif isinstance(message, Failure):
            job.error, job.details = message.sentence, message.details
            self._end(job, FAILED)

    def _mourn(self, reason: str) -> None:
        """The process is gone, or no use: the job that it had fails, the others go on with a new one."""
        job = self._row[0] if self._row and self._row[0].state == RUNNING else None
        if job is not None:
            job.error = reason
            self._end(job, FAILED)
        self.stop_worker()

    def _end(self, job: Job, state: str) -> None:
        job.state = state
        self._row.remove(job)
