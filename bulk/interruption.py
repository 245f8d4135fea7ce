"""Ctrl-C and SIGTERM: held back from a step that must not be cut in two, and not forgotten where Blender swallows them."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)
stop_codes: list[int] = []
"""The exit codes of the signals that came; batch.py's handler adds to it."""


def leave_if_stopped() -> None:
    """Unwind again: a SystemExit that is raised while Blender 4.2 registers its own scripts is printed, and the work goes on."""
    if stop_codes:
        sys.exit(stop_codes[0])


@contextmanager
def held_back() -> Iterator[None]:
    """What arrives in the block is done after it. Signals reach Python in its main thread; in others this is idle."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    ours = [number for number in SIGNALS if signal.getsignal(number) is not None]
    handlers = {number: signal.signal(number, lambda number, frame: arrived.append(number)) for number in ours}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if arrived:
            signal.raise_signal(arrived[0])
