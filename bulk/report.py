"""report.jsonl: one line a photo, whole or not there."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from ..core.staging import PREFIX, explain_write_error

NAME = "report.jsonl"


class Report:
    """Lines are written to a hidden file as they come; close() puts it in the place of an older report."""

    def __init__(self, out: Path) -> None:
        self.path = out / NAME
        self.partial = out / f"{PREFIX}{os.getpid()}-{NAME}"
        try:
            out.mkdir(parents=True, exist_ok=True)
            self.file: TextIO = self.partial.open("w", encoding="utf-8")
        except OSError as error:
            raise explain_write_error(error, out) from error
        atexit.register(self.close)

    def write(self, line: dict[str, Any]) -> None:
        """Add one photo's line. Raises ExportError when the disk is full."""
        try:
            self.file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self.file.flush()
        except OSError as error:
            raise explain_write_error(error, self.path) from error

    def close(self) -> None:
        """Put the report in its place. Called at the process's exit too, for Blender's exits that unwind nothing."""
        atexit.unregister(self.close)
        try:
            self.file.close()
            os.replace(self.partial, self.path)
        except OSError as error:
            raise explain_write_error(error, self.path) from error

    def drop(self) -> None:
        """Take an unfinished report away."""
        with contextlib.suppress(OSError):
            self.file.close()
        self.partial.unlink(missing_ok=True)


@contextlib.contextmanager
def reporting(out: Path) -> Iterator[Report]:
    """A report that is closed on the way out, also by Ctrl-C, and dropped if it cannot be written."""
    report = Report(out)
    try:
        yield report
    finally:
        try:
            report.close()
        except Exception:
            report.drop()
            raise
