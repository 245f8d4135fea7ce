"""Blender's side of a worker process: start it, send to it, take what it says, end it.

Rule of this file: nothing waits and no thread runs beside Blender: pipes are read when somebody polls, as far as they are full.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, cast

from ..core.config import PACKAGE_DIR
from ..core.errors import WorkerError
from ..core.render.device import VARIABLE as DEVICE_VARIABLE
from .wire import Decoder, encode_message

PARTS = ("numpy", "PIL", "pillow_heif", "warp", "threadpoolctl")
STORIES = "likeness.worker.stories"
CHUNK = 1 << 20
RECEIVE_S = 0.05
"""Longest stay in one poll while a message keeps coming; 30 MB take about half of it."""
KILLED = -9
PATIENT = {"OMP_WAIT_POLICY": "PASSIVE"}
"""PyTorch's threads sleep while they wait for each other: beside a busy window they would burn the time that the others need, and
a step of CLIP took four times as long."""


class Worker:
    """A running worker process. Raises WorkerError when it cannot be started."""

    def __init__(self, python: str = "", *, device: str = "", stories: str = STORIES, sites: Sequence[str] | None = None) -> None:
        """python: any Python's path, '' for the one that runs this; device: core/render/device.py's choice, '' for its usual one;
        sites: folders where it finds what it lacks itself."""
        self.python = python or find_python()
        if hasattr(signal, "SIGPIPE") and signal.getsignal(signal.SIGPIPE) == signal.SIG_DFL:
            signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # in some Blenders a pipe that closed would end the whole program
        command = [self.python, "-I", "-u", str(PACKAGE_DIR / "worker" / "launch.py"), str(PACKAGE_DIR), stories]
        try:
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the process)
            self._process = subprocess.Popen(
                [*command, *(site_folders() if sites is None else sites)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                bufsize=0,
                env=_environment(device),
                creationflags=_quiet_flags(),
            )
        except OSError as error:
            raise WorkerError(f"The worker's Python {self.python} cannot be started ({error}): {CHOOSE_PYTHON}.") from error
        self._decoder = Decoder()
        self._requests, self._answers = cast(IO[bytes], self._process.stdin), cast(IO[bytes], self._process.stdout)
        self._pipe = Pipe(self._answers.fileno())

    @property
    def process_id(self) -> int:
        return self._process.pid

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def send(self, message: Any) -> bool:
        """Whether the message went out; False when the process is gone."""
        try:
            for chunk in encode_message(message):
                view = memoryview(chunk)
                while view:
                    view = view[self._requests.write(view) or 0 :]
        except OSError:
            return False
        return True

    def receive(self) -> list[Any]:
        """The messages that have come; waits only for the rest of one that is coming, RECEIVE_S at most. Raises WorkerError when
        what comes is no message of ours."""
        messages: list[Any] = []
        deadline = time.monotonic() + RECEIVE_S
        while time.monotonic() < deadline:
            data = self._pipe.read_available(CHUNK)
            try:
                messages += self._decoder.feed(data)
            except (ValueError, KeyError, TypeError) as error:
                raise WorkerError(f"{self.python} says what no worker says: {CHOOSE_PYTHON}.") from error
            if not data:
                if not self._decoder.is_inside_message or not self.is_alive():
                    break
                time.sleep(0.0005)
        return messages

    def describe_end(self) -> str:
        """Why the process ended, as a sentence for the user: its own last words where it gave up by itself."""
        code = self._process.poll()
        self._errors.seek(0)
        last_words = self._errors.read().decode(errors="replace").strip().splitlines()
        if code == 1 and last_words:
            return last_words[-1]
        reason = "the system ended it, perhaps for want of memory" if code == KILLED else f"exit code {code}"
        return f"The worker process ended in the middle of its work ({reason}): nothing was changed, please try again."

    def stop(self) -> None:
        """End the process now; its pipes are closed when this returns."""
        self._process.kill()
        self._process.wait()
        for stream in (self._requests, self._answers, self._errors):
            stream.close()


CHOOSE_PYTHON = "choose another in Likeness' preferences, or leave it empty for Blender's own"


def find_python() -> str:
    """The Python that Blender carries (or that runs this). Raises WorkerError where there is none."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    names = (version, f"{version}.exe", "python3", "python.exe")
    candidates = [Path(sys.executable), *(Path(sys.prefix, "bin", name) for name in names)]
    for candidate in candidates:
        if candidate.name.lower().startswith("python") and candidate.is_file():
            return str(candidate)
    if found := shutil.which(version):
        return found
    raise WorkerError(f"Blender's own Python was not found: {CHOOSE_PYTHON.split(',')[0]}.")


def site_folders() -> list[str]:
    """The folders from which this process would import PARTS, without importing them."""
    found = (importlib.util.find_spec(name) for name in PARTS)
    return list(dict.fromkeys(str(Path(spec.origin).parents[1]) for spec in found if spec is not None and spec.origin))


def _environment(device: str) -> dict[str, str]:
    """Ours, without what another Python must not read; PATIENT where nobody chose otherwise."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return PATIENT | kept | ({DEVICE_VARIABLE: device} if device else {})


def _quiet_flags() -> int:
    """Windows: no console window, and the window of Blender comes first. Elsewhere the worker sees to it itself."""
    if sys.platform != "win32":
        return 0
    return subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS


if sys.platform == "win32":
    import _winapi
    import msvcrt

    class Pipe:
        """A pipe's reading end that never waits; Windows' pipes can be told so only from Python 3.12 on, so it looks first."""

        def __init__(self, descriptor: int) -> None:
            self._descriptor, self._handle = descriptor, msvcrt.get_osfhandle(descriptor)

        def read_available(self, size: int) -> bytes:
            """What there is, `size` bytes at most; nothing also when the other end is closed."""
            try:
                available, _ = _winapi.PeekNamedPipe(self._handle, 0)
            except OSError:
                return b""
            return os.read(self._descriptor, min(size, available)) if available else b""

else:

    class Pipe:
        """A pipe's reading end that never waits."""

        def __init__(self, descriptor: int) -> None:
            os.set_blocking(descriptor, False)
            self._descriptor = descriptor

        def read_available(self, size: int) -> bytes:
            """What there is, `size` bytes at most; nothing also when the other end is closed."""
            try:
                return os.read(self._descriptor, size)
            except BlockingIOError:
                return b""
