"""Several photos at a time, or several scores, in child processes of the same Python or Blender.

Not `multiprocessing`, which does not live with Blender. A child reads one task a line on standard input and answers with
one JSON line on standard output, marked; everything else that it prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from ..core.staging import sweep
from .fit import FitOptions, fit_to_files, say_compiling
from .inputs import Task

MARK = "@likeness "
WORKER_COMMAND = "work"


def child_command(script: Path) -> list[str]:
    """How to start `script` as a worker: with this Blender if we run in one, else with this Python."""
    blender = sys.modules["bpy"].app.binary_path if "bpy" in sys.modules else ""
    if blender:
        return [blender, "--background", "--python-exit-code", "3", "--python", str(script), "--", WORKER_COMMAND]
    return [sys.executable, "-u", str(script), WORKER_COMMAND]


def fit_in_children(
    tasks: list[Task], options: FitOptions | ScoreOptions, num_jobs: int, script: Path
) -> Generator[dict[str, Any], None, None]:
    """Report lines as they are finished, in any order: of fits, or by ScoreOptions of scores. Closing it ends the children."""
    waiting: queue.SimpleQueue[Task] = queue.SimpleQueue()
    for task in tasks:
        waiting.put(task)
    done: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    children = [Child(script, options, num_jobs) for _ in range(min(num_jobs, len(tasks)))]
    for child in children:
        threading.Thread(target=child.serve, args=(waiting, done), daemon=True).start()
    try:
        for _ in tasks:
            yield done.get()
    finally:
        for child in children:
            child.stop()


def fit_all(tasks: list[Task], options: FitOptions, num_jobs: int, script: Path) -> Generator[dict[str, Any], None, None]:
    """Report lines, one a task: in this process, or in several."""
    if num_jobs == 1:
        for task in tasks:
            yield fit_to_files(task, options, say_compiling)
    else:
        yield from fit_in_children(tasks, options, num_jobs, script)


@dataclass(frozen=True)
class ScoreOptions:
    """What to score by REALY: the folders out, truth and predictions, the predictions' keypoints file, the head model whose mean
    head stands beside, and the template that tells its keypoints ("" for none)."""

    out: str
    truth: str
    predictions: str
    keypoints: str
    model: str
    template: str


class Child:
    """One worker process, started again when it dies."""

    def __init__(self, script: Path, options: FitOptions | ScoreOptions, num_jobs: int) -> None:
        self.command = child_command(script)
        self.options = options
        self.threads = max((os.cpu_count() or 1) // num_jobs, 1)
        self.process: subprocess.Popen[str] | None = None
        self.is_stopped = False

    def serve(self, waiting: queue.SimpleQueue[Task], done: queue.SimpleQueue[dict[str, Any]]) -> None:
        """Take tasks until none is left."""
        while not self.is_stopped:
            try:
                task = waiting.get_nowait()
            except queue.Empty:
                break
            done.put(self._ask(task))
        self.stop()

    def stop(self) -> None:
        """End the process: it cleans up behind itself on SIGTERM."""
        self.is_stopped = True
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                sweep(Path(self.options.out), self.process.pid)

    def _start(self) -> subprocess.Popen[str]:
        environment = os.environ | {"OMP_NUM_THREADS": str(self.threads), "OPENBLAS_NUM_THREADS": str(self.threads)}
        return subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, encoding="utf-8", errors="replace"
        )

    def _ask(self, task: Task) -> dict[str, Any]:
        if self.process is None or self.process.poll() is not None:
            self.process = self._start()
        process = self.process
        assert process.stdin
        assert process.stdout
        try:
            process.stdin.write(json.dumps({"task": asdict(task), type(self.options).__name__: asdict(self.options)}) + "\n")
            process.stdin.flush()
            answer = next((line for line in process.stdout if line.startswith(MARK)), None)
        except OSError:
            answer = None
        if answer is not None:
            return json.loads(answer.removeprefix(MARK))
        code = process.wait()
        sweep(Path(self.options.out), process.pid)
        sentence = f"The worker process ended with code {code}: try this photo alone, with fewer --jobs if memory is short."
        return {"input": task.photo, "ok": False, "error": sentence, "outputs": [], "heads": [], "times_s": {}}


def take_standard_output() -> TextIO:
    """A private handle on standard output; what this process and its libraries print from now on goes to standard error."""
    sys.stdout.flush()
    private = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return private


def work() -> int:
    """The child's side: fit or score until standard input ends."""
    answers = take_standard_output()
    for line in sys.stdin:
        order = json.loads(line)
        task = Task(**order["task"])
        if given := order.get(ScoreOptions.__name__):
            from .evaluate_realy import score_task

            result = score_task(task, ScoreOptions(**given))
        else:
            given = order[FitOptions.__name__]
            result = fit_to_files(task, FitOptions(**(given | {"formats": tuple(given["formats"])})), say_compiling)
        answers.write(MARK + json.dumps(result) + "\n")
        answers.flush()
    return 0
