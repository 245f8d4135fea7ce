"""A face capture's file as a table: the names of its columns, lower-case letters and digits alone, and its rows one by one.

Read are .csv (comma, semicolon or tab) and .json. A .json holds a list of frames, in each of which units are named, however deep
('blendshapes': {...}, or {'categoryName': ..., 'score': ...} as MediaPipe writes them; the first face counts), or a list of
names beside a list of rows of numbers (as Audio2Face writes them, with 'exportFps').
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from ..errors import CaptureError

MAX_CSV_BYTES = 256_000_000
"""An hour of Live Link Face at 60 frames a second is 170 MB."""
MAX_JSON_BYTES = 64_000_000
"""A .json is held in memory as a whole, twenty times as large."""
MAX_ROWS = 1_000_000
MAX_DEPTH = 6
NAME_KEYS = ("categoryName", "category_name", "name", "displayName", "display_name")
SCORE_KEYS = ("score", "value", "weight")
RATE_KEYS = ("exportFps", "fps", "frameRate", "frame_rate")

Cell = str | float
Table = tuple[list[str], Iterator[list[Cell]]]


@contextmanager
def open_table(path: Path) -> Iterator[tuple[list[str], Iterator[list[Cell]], Callable[[], float]]]:
    """Columns' names, an iterator of rows, which may be shorter or longer than these, and what share of the file has been read.

    Rows are read while the file is open. Raises CaptureError for what is no such file.
    """
    is_json = path.suffix.lower() == ".json"
    limit = MAX_JSON_BYTES if is_json else MAX_CSV_BYTES
    with _explained(path):
        size = path.stat().st_size
        if size > limit:
            raise CaptureError(f"{path.name} is larger than {limit // 1_000_000} MB: cut the capture into parts.")
        with path.open("rb") as content, io.TextIOWrapper(content, encoding="utf-8-sig", newline="") as file:
            names, rows = _from_json(_load(file, path)) if is_json else _from_csv(file)
            yield names, _limited(rows, path), lambda: content.tell() / max(size, 1)


def plain_name(name: str) -> str:
    """'Eye_Blink Left' -> 'eyeblinkleft'."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise CaptureError(f"There is no file {path}: check the path.") from error
    except OSError as error:
        raise CaptureError(f"{path} cannot be read ({error.strerror}): choose another file.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise CaptureError(f"{path.name} is not a table of text: choose the .csv or .json of a face capture.") from error


def _load(file: TextIO, path: Path) -> Any:
    try:
        return json.load(file)
    except UnicodeDecodeError:
        raise
    except (ValueError, RecursionError) as error:
        raise CaptureError(f"{path.name} is damaged, or no .json: export the capture again.") from error


def _limited(rows: Iterator[list[Cell]], path: Path) -> Iterator[list[Cell]]:
    for number, row in enumerate(rows):
        if number >= MAX_ROWS:
            raise CaptureError(f"{path.name} has more than {MAX_ROWS} rows: cut the capture into parts.")
        yield row


def _from_csv(file: TextIO) -> Table:
    first = file.readline()
    delimiter = max(",;\t", key=first.count)
    file.seek(0)
    reader = csv.reader(file, delimiter=delimiter)
    names = [plain_name(name) for name in next(reader, [])]
    rows = (row for row in reader if row)
    return names, (([cell.replace(",", ".") for cell in row] for row in rows) if delimiter == ";" else rows)  # type: ignore


def _from_json(content: Any) -> Table:
    if isinstance(content, dict) and (table := _from_matrix(content)):
        return table
    frames = content if isinstance(content, list) else _longest_list(content)
    found = [dict(_named_numbers(frame)) for frame in frames]
    names = list(dict.fromkeys(name for frame in found for name in frame))
    # A unit that a frame leaves out is at rest; a frame without any, where no face was found, stays short and is bridged.
    return names, ([frame.get(name, 0.0) for name in names] if frame else [] for frame in found)


def _from_matrix(content: dict[str, Any]) -> Table | None:
    """Names beside rows of numbers, else None."""
    lists = [value for value in content.values() if isinstance(value, list) and value]
    names = [value for value in lists if all(isinstance(name, str) for name in value)]
    rows = [value for value in lists if all(isinstance(row, list) for row in value)]
    pairs = [(n, r) for n in names for r in rows if len(n) == len(r[0]) and all(isinstance(cell, (int, float)) for cell in r[0])]
    if not pairs:
        return None
    columns, matrix = pairs[0]
    rate = next((content[key] for key in RATE_KEYS if isinstance(content.get(key), (int, float)) and content[key] > 0), None)
    if rate is None:
        return [plain_name(name) for name in columns], iter(matrix)
    return ["seconds", *map(plain_name, columns)], ([i / rate, *row] for i, row in enumerate(matrix))


def _longest_list(content: Any) -> list[Any]:
    values = content.values() if isinstance(content, dict) else ()
    return max((value for value in values if isinstance(value, list)), key=len, default=[])


def _named_numbers(node: Any, depth: int = 0) -> Iterator[tuple[str, float]]:
    """(plain name, number) of all that has both, backwards: in a dict() of them what the file names first stays."""
    if depth > MAX_DEPTH:
        return
    if isinstance(node, list):
        for item in reversed(node):
            yield from _named_numbers(item, depth + 1)
    elif isinstance(node, dict):
        name = next((node[key] for key in NAME_KEYS if isinstance(node.get(key), str) and node[key]), None)
        score = next((node[key] for key in SCORE_KEYS if _is_number(node.get(key))), None)
        if name is not None and score is not None:
            yield plain_name(name), float(score)
            return
        for key, value in reversed(node.items()):
            if _is_number(value):
                yield plain_name(key), float(value)
            else:
                yield from _named_numbers(value, depth + 1)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300
