"""Files that appear whole or not at all: written into a hidden folder beside their place, then moved."""

from __future__ import annotations

import atexit
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import ExportError

PREFIX = ".likeness-partial-"
REMEDIES = {
    errno.ENOSPC: "The disk is full: free some space or choose another folder",
    errno.EDQUOT: "Your disk quota is used up: free some space or choose another folder",
    errno.EFBIG: "The file grew over the size limit of this system: choose another disk",
    errno.EACCES: "You may not write there: choose another folder or change its permissions",
    errno.EPERM: "You may not write there: choose another folder or change its permissions",
    errno.EROFS: "That disk is read-only: choose another folder",
    errno.ENOTDIR: "A part of that path is a file, not a folder: choose another folder",
    errno.EEXIST: "There is a file of that name where a folder is needed: choose another folder",
    errno.ENAMETOOLONG: "The name is too long for this disk: choose a shorter one",
}


def explain_write_error(error: OSError, path: Path) -> ExportError:
    """What went wrong on writing under `path`, and what to do, as one sentence."""
    remedy = REMEDIES.get(error.errno or 0, f"Writing failed ({error.strerror or error}): choose another folder")
    shown = Path(*(part for part in path.parts if not part.startswith(PREFIX)))
    return ExportError(f"{remedy} ({shown}).")


_unfinished: set[Path] = set()


@atexit.register
def _remove_unfinished() -> None:
    """Blender ends the process without unwinding it when SystemExit (SIGTERM) is raised under one of its callbacks."""
    for folder in _unfinished:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A scratch folder inside `folder` (made if needed) whose files replace those of the same name when the block ends well.

    On any error, and on Ctrl-C, the scratch folder goes and `folder` keeps what it had. OSError becomes ExportError.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=folder))
    except OSError as error:
        raise explain_write_error(error, folder) from error
    _unfinished.add(partial)
    try:
        yield partial
        for path in sorted(partial.iterdir()):
            os.replace(path, folder / path.name)
    except OSError as error:
        raise explain_write_error(error, folder) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        _unfinished.discard(partial)


def sweep(folder: Path, process_id: int) -> None:
    """Take away what a process that was killed left in the middle of writing."""
    for path in folder.glob(f"{PREFIX}{process_id}-*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
