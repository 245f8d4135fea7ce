"""The seven landmarks beside a mesh or a scan: .npy, .txt, and MeshLab's picked points (.pp).

Order (NoW challenge): the subject's right outer eye corner, right inner, left inner, left outer, subnasale, right mouth
corner, left mouth corner. Rule of this file: a bad file is one sentence; nothing is unpickled, no XML entity is expanded.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np

from ..errors import EvaluationError

LANDMARK_SUFFIXES = (".npy", ".txt", ".pp")
NUM_LANDMARKS = 7
MOST_BYTES = 1 << 20
POINT = re.compile(r"<point\b[^>]*>")
ATTRIBUTE = re.compile(r'\b([xyz])\s*=\s*"([^"]*)"')


def read_landmarks(path: Path, count: int = NUM_LANDMARKS) -> np.ndarray:
    """-> [count, 3] float64 in the file's own unit. Raises EvaluationError."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError("larger than landmarks can be")
        data = path.read_bytes()
        points = _READERS[path.suffix.lower()](data)
        if points.size != count * 3 or not np.isfinite(points).all():
            raise ValueError(f"not {count} points of three numbers")
        return points.reshape(count, 3)
    except (OSError, ValueError, KeyError, EOFError, MemoryError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        remedy = f"give {count} points as .npy, .txt (x, y, z a line) or .pp"
        raise EvaluationError(f"The landmarks {path} cannot be read ({reason}): {remedy}.") from error


def find_landmarks(folder: Path, stem: str) -> Path | None:
    """The landmark file of a mesh called `stem` in a folder: stem.npy, .txt, .pp, or <stem>_picked_points.pp."""
    names = [f"{stem}{suffix}" for suffix in LANDMARK_SUFFIXES] + [f"{stem}_picked_points.pp"]
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _read_npy(data: bytes) -> np.ndarray:
    return np.asarray(np.load(io.BytesIO(data), allow_pickle=False), np.float64)


def _read_txt(data: bytes) -> np.ndarray:
    return np.array(data.decode("utf-8-sig").replace(",", " ").split(), np.float64)


def _read_pp(data: bytes) -> np.ndarray:
    points = [dict(ATTRIBUTE.findall(tag)) for tag in POINT.findall(data.decode("utf-8", "replace"))]
    return np.array([[float(point[axis]) for axis in "xyz"] for point in points])


_READERS = {".npy": _read_npy, ".txt": _read_txt, ".pp": _read_pp}
