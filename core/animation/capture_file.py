"""Files of recorded faces -> FaceCapture: Live Link Face's .csv, and any .csv or .json whose columns are ARKit's units.

Columns are known by name, whatever their case: the 52 units (also 'eyeBlink_L'), HeadYaw, HeadPitch and HeadRoll, and one that
tells the time: Timecode (hh:mm:ss:ff.fff), seconds, a timestamp in any unit, or a frame's number. What else there is, '_neutral'
and the rotations of the eyes among it, is ignored: the units eyeLook... already say where the eyes look.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Generator, Iterable, Sequence
from pathlib import Path

import numpy as np

from ..errors import CaptureError
from ..types import ARKIT_NAMES, Progress
from .capture import FaceCapture
from .capture_table import Cell, open_table, plain_name

HEAD_COLUMNS = ("headyaw", "headpitch", "headroll")
TIMECODE = re.compile(r"(\d{1,3}):(\d{1,2}):(\d{1,2})(?:[:;.](\d+(?:\.\d*)?))?")
RATES = (24.0, 25.0, 30.0, 48.0, 50.0, 60.0, 90.0, 100.0, 120.0, 240.0, 1000.0)
"""What a timecode's last field may count; 1000 are milliseconds."""
DAY_S = 86400.0
SECONDS = {"seconds": 1.0, "timesec": 1.0, "timeseconds": 1.0, "times": 1.0, "timems": 1e-3, "timestampms": 1e-3,
           "milliseconds": 1e-3, "ms": 1e-3, "timestampus": 1e-6, "timeus": 1e-6, "timestampns": 1e-9}  # fmt: skip
"""Columns whose name says what they count, and how many seconds that is."""
TIMES = ("time", "timestamp", "t")
"""Columns that count seconds, milli-, micro- or nanoseconds: rows follow each other by 1 to 1000 thousandths of a second."""
FRAMES = ("frame", "frames", "frameindex", "framenumber", "frameid", "frameno", "index", "")
READING = "Reading the capture"
ROWS_A_STEP = 2000
FULL_TURN = 2 * np.pi
"""Angles beyond it are degrees."""


def read_capture(path: str | Path, rows_per_second: float = 60.0) -> Generator[Progress, None, FaceCapture]:
    """rows_per_second: of a file that counts frames or does not tell the time. Raises CaptureError."""
    path = Path(path)
    yield Progress(READING, 0.0)
    with open_table(path) as (names, rows, read_share):
        units, clock = _unit_columns(names), _clock_column(names)
        head = [names.index(name) for name in HEAD_COLUMNS] if set(HEAD_COLUMNS) <= set(names) else []
        numbers, clocks, places, num_rows = yield from _readable(rows, [*units.values(), *head], clock, read_share)
    if not units:
        raise CaptureError(
            f"{path.name} names none of ARKit's 52 units: choose a .csv of Live Link Face, or a .csv or .json whose columns or "
            "keys are such names (jawOpen, eyeBlinkLeft ...)."
        )
    if 2 * len(numbers) < num_rows or not len(numbers):
        raise CaptureError(f"{path.name} has {num_rows} rows, {len(numbers)} of which are readable: export the capture again.")
    times_s = _read_times(names[clock] if clock is not None else None, clocks, places, rows_per_second)
    rising = np.flatnonzero(times_s > np.concatenate([[-np.inf], np.maximum.accumulate(times_s)[:-1]]))
    if 2 * len(rising) < len(numbers):
        raise CaptureError(f"The times in {path.name} do not rise from row to row: export the capture again.")
    values = np.zeros((len(rising), len(ARKIT_NAMES)))
    values[:, list(units)] = np.clip(numbers[rising, : len(units)], 0.0, 1.0)
    times_s = times_s[rising] - times_s[rising[0]]
    return FaceCapture(times_s, values, _read_head(numbers[rising, len(units) :]), num_rows - len(rising))


def _unit_columns(names: Sequence[str]) -> dict[int, int]:
    """Index of a unit in ARKIT_NAMES -> its column, for the units that there are."""
    found = {}
    for number, unit in enumerate(ARKIT_NAMES):
        plain = plain_name(unit)
        short = re.sub(r"(left|right)$", lambda side: side[0][0], plain)
        column = next((i for i, name in enumerate(names) if name in (plain, short)), None)
        if column is not None:
            found[number] = column
    return found


def _clock_column(names: Sequence[str]) -> int | None:
    wanted = ("timecode", *SECONDS, *TIMES, *FRAMES)
    found = [names.index(name) for name in wanted if name in names]
    return found[0] if found else None


def _readable(
    rows: Iterable[Sequence[Cell]], columns: Sequence[int], clock: int | None, read_share: Callable[[], float]
) -> Generator[Progress, None, tuple[np.ndarray, list[Cell], np.ndarray, int]]:
    """Of the rows whose cells are all finite numbers: these [N, len(columns)], their clocks and their places in the file.

    Last, how many rows there are in all.
    """
    numbers, clocks, places, num_rows = array("d"), [], array("q"), 0
    for place, row in enumerate(rows):
        num_rows = place + 1
        if num_rows % ROWS_A_STEP == 0:
            yield Progress(READING, min(read_share(), 1.0))
        try:
            cells = [float(row[column]) for column in columns]
            moment = _clock_cell(row[clock]) if clock is not None else float(place)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        numbers.extend(cells)
        clocks.append(moment)
        places.append(place)
    found = np.array(numbers).reshape(len(clocks), len(columns))
    finite = np.flatnonzero(np.isfinite(found).all(1))
    return found[finite], [clocks[i] for i in finite], np.array(places)[finite], num_rows


def _clock_cell(cell: Cell) -> Cell:
    """A timecode as it stands, else a finite number. Raises ValueError."""
    if isinstance(cell, str) and TIMECODE.fullmatch(cell.strip()):
        return cell.strip()
    number = float(cell)
    if not np.isfinite(number):
        raise ValueError(cell)
    return number


def _read_times(name: str | None, clocks: Sequence[Cell], places: np.ndarray, rows_per_second: float) -> np.ndarray:
    """Seconds [N], as the file counts them."""
    if name is None:
        return places / rows_per_second
    if any(isinstance(clock, str) for clock in clocks):
        return _read_timecodes([str(clock) for clock in clocks])
    counted = np.array(clocks, np.float64)
    if name in SECONDS:
        return counted * SECONDS[name]
    if name in TIMES and len(counted) > 1:
        step = float(np.median(np.diff(counted)))
        return counted * next((scale for limit, scale in ((1.0, 1.0), (1e3, 1e-3), (1e6, 1e-6)) if step < limit), 1e-9)
    return counted / rows_per_second


def _read_timecodes(clocks: Sequence[str]) -> np.ndarray:
    """hh:mm:ss:ff.fff, whose frame rate shows in the highest ff of a whole second; past midnight the next day follows."""
    parts = [TIMECODE.fullmatch(clock) for clock in clocks]
    fields = np.array([[float(part[i] or 0) for i in (1, 2, 3, 4)] if part else [np.nan] * 4 for part in parts])
    seconds, frames = fields[:, :3] @ (3600.0, 60.0, 1.0), fields[:, 3]
    is_decimal = any("." in clock and clock.count(":") == 2 for clock in clocks)
    if is_decimal:
        seconds, frames = np.array([_decimal_seconds(clock) for clock in clocks]), np.zeros(len(clocks))
    has_whole_second = len(set(seconds.tolist())) > 1
    highest = float(np.nanmax(np.floor(frames))) + 1 if has_whole_second else max(float(np.nanmax(np.floor(frames))) + 1, 60.0)
    rate = next((rate for rate in RATES if rate >= highest), highest)
    times_s = seconds + frames / rate
    return times_s + DAY_S * np.concatenate([[0], np.cumsum(np.diff(times_s) < -DAY_S / 2)])


def _decimal_seconds(clock: str) -> float:
    hours, minutes, seconds = clock.replace(";", ":").split(":")[:3]
    return float(hours) * 3600 + float(minutes) * 60 + float(seconds)


def _read_head(angles: np.ndarray) -> np.ndarray | None:
    if angles.shape[1] != len(HEAD_COLUMNS):
        return None
    return np.radians(angles) if np.abs(angles).max() > FULL_TURN else angles
