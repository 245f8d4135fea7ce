"""Head models as files in a folder of the user's: what each is, taking one in, taking one away.

Rule of this file: a file is read only when it is asked what it is; that is remembered until the file changes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

from .errors import ModelError
from .fit.measurement import load_calibration
from .flame.companions import NAMES as COMPANIONS
from .flame.companions import find_companions
from .flame.file import read_flame
from .head.library import is_flame_file, note_model
from .head.model import load_model
from .staging import explain_write_error, staged

SUFFIXES = (".npz", ".pkl", ".pickle", ".safetensors")
"""What a models folder is searched for; FLAME's own files are pickles."""
OTHER_MESH = "Its mesh is another than the one that photos are fitted on: no photo can be fitted with it."

State = Literal["usable", "other mesh", "unreadable"]


@dataclass(frozen=True)
class ModelFile:
    """What a file in a models folder is. `sentence` is for the user; name and licence as the model itself says."""

    path: Path
    size_bytes: int
    sha256: str
    state: State
    sentence: str
    name: str = ""
    licence: str = ""


_inspected: dict[tuple[str, int, int], ModelFile] = {}


def list_model_files(folder: Path) -> list[Path]:
    """The files in a folder that may be models, by name; nothing is read. A folder that is missing holds none."""
    try:
        with os.scandir(folder) as entries:
            files = [entry.name for entry in entries if entry.name not in COMPANIONS and entry.is_file()]
            names = [name for name in files if name.lower().endswith(SUFFIXES) and not name.startswith(".")]
    except OSError:
        return []
    return [folder / name for name in sorted(names, key=str.lower)]


def inspect_model_file(path: Path) -> ModelFile:
    """Read a file and say what it is; heads that were made with it find it from then on. Raises ModelError when there is no
    such file or it may not be read."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        key = _key_of(path)
    except OSError as error:
        raise ModelError(f"The file {path} cannot be read ({error.strerror or error}): check the path.") from error
    read = replace(_read(path), sha256=digest)
    _inspected[key] = read
    return read


def recall_model_file(path: Path) -> ModelFile | None:
    """What inspect_model_file said of this file, if it has not changed since; nothing is read."""
    try:
        return _inspected.get(_key_of(path))
    except OSError:
        return None


def import_model_file(source: Path, folder: Path, *, is_link: bool = False) -> Path:
    """Copy a model into the folder, or link to it where it lies; returns its place. What lies beside a FLAME file
    (flame/companions.py) is copied along where the folder has none; a link finds it where it is.

    Raises ModelError when it is no model that photos can be fitted with, or one of that name is there; ExportError
    when it cannot be written.
    """
    found = inspect_model_file(source)
    if found.state != "usable":
        raise ModelError(f"{source.name} was not imported. {found.sentence}")
    target = folder / source.name
    if os.path.lexists(target):
        raise ModelError(f"A model named {source.name} is in the models folder already: remove it first, or rename the file.")
    with staged(folder) as partial:
        if is_link:
            (partial / source.name).symlink_to(source.resolve())
        else:
            beside = find_companions(source) if is_flame_file(source) else []
            for path in [source, *(path for path in beside if not os.path.lexists(folder / path.name))]:
                shutil.copyfile(path, partial / path.name)
    if is_flame_file(target):
        note_model(target)
    return target


def remove_model_file(path: Path) -> None:
    """Delete a model's file; of a link only the link. Raises ModelError when it is gone, ExportError when it is protected."""
    try:
        path.unlink()
    except FileNotFoundError as error:
        raise ModelError(f"There is no file {path}: it is gone already.") from error
    except OSError as error:
        raise explain_write_error(error, path) from error


@cache
def fitted_topology() -> str:
    """The mesh that the landmark calibration knows (HeadModel.topology)."""
    return load_calibration().topology


def _key_of(path: Path) -> tuple[str, int, int]:
    stat = path.stat()
    return str(path), stat.st_size, stat.st_mtime_ns


def _read(path: Path) -> ModelFile:
    size = path.stat().st_size
    if is_flame_file(path):
        try:
            flame = read_flame(path)
            note_model(path)
        except ModelError as error:
            return ModelFile(path, size, "", "unreadable", str(error))
        return ModelFile(
            path, size, "", "usable", "A FLAME file: photos can be fitted with it. Its first use makes it ready (half a minute).",
            flame.edition, flame.licence,
        )  # fmt: skip
    try:
        model = load_model(path)
    except (ModelError, MemoryError):
        return ModelFile(path, size, "", "unreadable", "It is damaged, or no head model that Likeness has written.")
    if model.topology != fitted_topology():
        return ModelFile(path, size, "", "other mesh", OTHER_MESH, model.name, model.licence)
    return ModelFile(path, size, "", "usable", "Photos can be fitted with it.", model.name, model.licence)
