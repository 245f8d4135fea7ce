"""From what the command line names (photos, folders, globs, manifests) to a list of photos with distinct output names."""

from __future__ import annotations

import csv
import glob
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

PHOTO_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".png", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".heic", ".heif", ".avif", ".ppm", ".pgm")
)
HEAD_SUFFIXES = frozenset((".blend", ".npz"))
MANIFEST_SUFFIXES = frozenset((".txt", ".csv", ".jsonl"))
PATH_COLUMNS = ("photo", "path", "file", "filename", "image")


class UsageError(Exception):
    """The command line cannot be followed; the message says what to change."""


@dataclass(frozen=True)
class Task:
    """One photo and the stem of its output files; others: further photos of the same person.

    With a seed there is no photo: a random person is made, and `photo` only says so.
    """

    photo: str
    stem: str
    others: tuple[str, ...] = ()
    seed: int | None = None


def list_people(first_seed: int, count: int) -> list[Task]:
    """Random people with consecutive seeds."""
    return [Task(f"seed {seed}", f"person_{seed}", seed=seed) for seed in range(first_seed, first_seed + count)]


def list_tasks(inputs: list[str]) -> list[Task]:
    """Every photo that `inputs` name, in order, each path once. Raises UsageError where an input names none."""
    paths = dict.fromkeys(path for entry in inputs for path in _expand(entry))
    return name_outputs(list(paths))


def list_heads(inputs: list[str], out: Path) -> list[Task]:
    """Every file of a head that `inputs` name (files, folders, patterns), each once. Raises UsageError where an input names none,
    or `out` is where a head lies that would be replaced."""
    paths: dict[str, None] = {}
    for entry in inputs:
        path = Path(entry)
        if path.is_dir():
            found = sorted(str(p) for p in path.iterdir() if p.suffix.lower() in HEAD_SUFFIXES and p.is_file())
        elif path.exists() or not glob.has_magic(entry):
            found = [entry]
        else:
            found = sorted(p for p in glob.glob(entry, recursive=True) if Path(p).is_file())
        if not found:
            raise UsageError(f"{entry} names no head: give .blend or .npz files that Likeness wrote, or their folder.")
        paths |= dict.fromkeys(found)
    for name in paths:
        if Path(name).resolve().parent == out.resolve():
            raise UsageError(f"{name} lies in {out}, where the results go: give another folder with --out.")
    return name_outputs(list(paths))


def join_tasks(tasks: list[Task]) -> list[Task]:
    """All photos as one task, named after the first: they show one person."""
    return [replace(tasks[0], others=tuple(task.photo for task in tasks[1:]))]


def name_outputs(photos: list[str]) -> list[Task]:
    """Photos -> tasks whose stems differ, also on file systems that ignore case: the second "a.jpg" becomes a_2."""
    taken: set[str] = set()
    tasks = []
    for photo in photos:
        base = re.sub(r"[\x00-\x1f<>:\"|?*]", "_", Path(photo).stem).strip(" .") or "photo"
        stem, number = base, 2
        while stem.casefold() in taken:
            stem, number = f"{base}_{number}", number + 1
        taken.add(stem.casefold())
        tasks.append(Task(photo, stem))
    return tasks


def _expand(entry: str) -> Iterator[str]:
    path = Path(entry)
    if path.is_dir():
        found = sorted(str(p) for p in path.iterdir() if p.suffix.lower() in PHOTO_SUFFIXES and p.is_file())
        if not found:
            raise UsageError(f"The folder {entry} holds no photos: name a folder with JPEG, PNG, TIFF, WebP or HEIC files.")
    elif path.suffix.lower() in MANIFEST_SUFFIXES:
        found = _read_manifest(path)
    elif path.exists() or not glob.has_magic(entry):
        found = [entry]
    else:
        found = sorted(p for p in glob.glob(entry, recursive=True) if Path(p).is_file())
        if not found:
            raise UsageError(f"No file matches {entry}: check the pattern and the folder that it starts from.")
    yield from found


def _read_manifest(path: Path) -> list[str]:
    """Photos listed in a text (one path a line), CSV or JSON-lines file; relative paths start at the manifest's folder."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The list {path} cannot be read ({error}): give a text file in UTF-8.") from error
    readers = {".txt": _read_lines, ".csv": _read_csv, ".jsonl": _read_jsonl}
    listed = readers[path.suffix.lower()](text, path)
    if not listed:
        raise UsageError(f"The list {path} names no photos: write one path a line.")
    return [str(path.parent / photo) for photo in listed]


def _read_lines(text: str, path: Path) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _read_csv(text: str, path: Path) -> list[str]:
    rows = [row for row in csv.reader(text.splitlines()) if row]
    if not rows:
        return []
    header = [cell.strip().lower() for cell in rows[0]]
    column = next((header.index(name) for name in PATH_COLUMNS if name in header), None)
    body = rows if column is None else rows[1:]
    return [row[column or 0].strip() for row in body if len(row) > (column or 0) and row[column or 0].strip()]


def _read_jsonl(text: str, path: Path) -> list[str]:
    photos = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            photos.append(entry if isinstance(entry, str) else next(str(entry[key]) for key in PATH_COLUMNS if key in entry))
        except (ValueError, TypeError, StopIteration) as error:
            raise UsageError(f'Line {number} of {path} names no photo: write {{"photo": "path"}} on every line.') from error
    return photos
