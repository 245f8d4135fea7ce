"""Long work as a generator that yields where it is and returns its result."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

Step = TypeVar("Step")
Result = TypeVar("Result")


def run(story: Generator[Step, None, Result], on_step: Callable[[Step], None] | None = None) -> Result:
    """Drive a story to its end and return its result."""
    while True:
        try:
            step = next(story)
        except StopIteration as end:
            result: Result = end.value
            return result
        if on_step:
            on_step(step)
