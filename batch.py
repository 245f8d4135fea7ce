"""Heads from photos, of random people, and by words, without a window.

    blender -b --python batch.py -- fit PHOTO... --out DIR
    blender -b --python batch.py -- generate --seed N --count N --out DIR
    blender -b --python batch.py -- edit HEAD "a bit older, not smiling" --out DIR
    .venv/bin/python batch.py fit PHOTO... --out DIR

Exit code 0: every photo became a head; 2: some did not (report.jsonl says why); 1: the command cannot be followed.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import signal
import sys
from pathlib import Path
from types import ModuleType
from typing import NoReturn


def load_package() -> ModuleType:
    """This file's folder as the package `likeness`, wherever it lies and whatever it is called."""
    if "likeness" not in sys.modules:
        folder = Path(__file__).resolve().parent
        sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != folder]
        init = folder / "__init__.py"
        spec = importlib.util.spec_from_file_location("likeness", init, submodule_search_locations=[str(folder)])
        assert spec
        assert spec.loader
        package = importlib.util.module_from_spec(spec)
        sys.modules["likeness"] = package
        spec.loader.exec_module(package)
    return sys.modules["likeness"]


def own_arguments(argv: list[str]) -> list[str]:
    """What follows "--" on Blender's command line, or what follows the script's name on Python's."""
    is_blender = "--python" in argv or "-P" in argv
    if is_blender:
        return argv[argv.index("--") + 1 :] if "--" in argv else []
    return argv[1:]


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    load_package()
    from likeness.bulk import interruption
    from likeness.bulk.command_line import run

    interruption.stop_codes = _stop_codes
    return run(own_arguments(sys.argv) if argv is None else argv, script=Path(__file__).resolve())


def _exit_now(code: int) -> None:
    """Leave at once: Blender's own exit ignores codes and can crash in a library's clean-up."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _stop(number: int, frame: object) -> NoReturn:
    """SIGTERM, Ctrl-C: unwind. Under one of its callbacks Blender ends the process instead, and not every version survives that:
    then what atexit runs tidies up, and the last of it leaves. A KeyboardInterrupt it would swallow there, and crash later."""
    signal.signal(number, signal.SIG_IGN)
    _stop_codes.append(128 + number)
    sys.exit(128 + number)


def _leave_if_stopped() -> None:
    if _stop_codes:
        _exit_now(_stop_codes[0])


_stop_codes: list[int] = []

if __name__ == "__main__":
    atexit.register(_leave_if_stopped)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        _exit_now(main())
    except SystemExit as end:
        _exit_now(end.code if isinstance(end.code, int) else 1)
