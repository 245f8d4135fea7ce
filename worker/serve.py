"""The worker process's side: reads requests, runs one story at a time, writes steps and results.

Rule of this file: whatever else prints, the pipe carries messages only; and the process never outlives who started it.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, BinaryIO

from ..core.errors import LikenessError, describe_error
from .stories import Story, describe_process
from .wire import Cancel, Cancelled, Decoder, Failure, Ready, Request, Result, Step, encode_message

IDLE_S = 900.0
"""A worker that nobody asked for anything this long gives its memory back."""
CHUNK = 1 << 16
NICENESS = 5
"""The window comes first."""


def serve_standard_streams(stories_module: str) -> None:
    """Serve on the standard streams, after turning what others print to stderr."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    stories = importlib.import_module(stories_module).STORIES
    Server(os.fdopen(0, "rb", buffering=0), answers, stories).run(describe_process())


class Server:
    """One story at a time from `requests`; a thread reads on, so that a Cancel is heard while a story runs."""

    def __init__(self, requests: BinaryIO, answers: BinaryIO, stories: dict[str, Callable[..., Story]]) -> None:
        self._requests, self._answers, self._stories = requests, answers, stories
        self._inbox: queue.Queue[Request] = queue.Queue()
        self._cancelled: set[int] = set()

    def run(self, facts: tuple[str, ...]) -> None:
        """Until nobody asks for IDLE_S seconds; ends the whole process when the other side is gone."""
        self._send(Ready(facts))
        threading.Thread(target=self._read, daemon=True).start()
        with contextlib.suppress(queue.Empty):
            while True:
                self._answer(self._inbox.get(timeout=IDLE_S))

    def _read(self) -> None:
        decoder = Decoder()
        while data := self._requests.read(CHUNK):
            for message in decoder.feed(data):
                if isinstance(message, Cancel):
                    self._cancelled.add(message.job)
                else:
                    self._inbox.put(message)
        os._exit(0)

    def _answer(self, request: Request) -> None:
        try:
            value = self._run_story(request)
        except LikenessError as error:
            self._send(Failure(request.job, str(error)))
        except Exception as error:
            details = io.StringIO()
            with contextlib.redirect_stderr(details):
                sentence = describe_error(error)
            self._send(Failure(request.job, sentence, details.getvalue()))
        else:
            self._send(Cancelled(request.job) if request.job in self._cancelled else Result(request.job, value))

    def _run_story(self, request: Request) -> Any:
        story = self._stories[request.story](**request.arguments)
        while request.job not in self._cancelled:
            try:
                progress = next(story)
            except StopIteration as end:
                return end.value
            self._send(Step(request.job, progress))
        story.close()
        return None

    def _send(self, message: Any) -> None:
        try:
            for chunk in encode_message(message):
                view = memoryview(chunk)
                while view:
                    view = view[self._answers.write(view) or 0 :]
        except OSError:
            os._exit(0)
