"""Small stories for a worker under test: a module that the worker process imports."""

from __future__ import annotations

import os
import sys
import time

from likeness.core.errors import FaceError
from likeness.core.types import Progress


def echo(value):
    yield Progress("Echoing", 0.5)
    return value


def count_steps(steps: int, seconds: float):
    for step in range(steps):
        yield Progress(f"Step {step}", step / steps)
        time.sleep(seconds)
    return steps


def be_stubborn(seconds: float):
    yield Progress("Being stubborn", 0.1)
    time.sleep(seconds)
    return None


def find_no_face():
    yield Progress("Looking", 0.5)
    raise FaceError("No face was found: use another photo.")


def meet_a_fault():
    yield Progress("Working", 0.5)
    raise ZeroDivisionError("a fault")


def die():
    yield Progress("Dying", 0.5)
    os.kill(os.getpid(), 9)


def print_much():
    yield Progress("Printing", 0.5)
    for _ in range(3000):
        print("noise " * 20)
        print("noise " * 20, file=sys.stderr)
        os.write(1, b"native noise\n")
    return "done"


def send_much(megabytes: int):
    yield Progress("Sending", 0.5)
    return bytes(megabytes << 20)


def whoami(turn: int = 0):
    yield Progress("Looking", 0.5)
    return [os.getpid(), sys.executable, sorted(sys.modules)]


def read_variable(name: str):
    yield Progress("Looking", 0.5)
    return os.environ.get(name)


STORIES = {
    story.__name__: story
    for story in (echo, count_steps, be_stubborn, find_no_face, meet_a_fault, die, print_much, send_much, read_variable, whoami)
}
