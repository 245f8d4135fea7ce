"""head_template.obj: FLAME's triangles on the UV plane, read from the v, vt and f lines of the Wavefront format."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import ModelError

MAX_BYTES = 16 << 20
REMEDY = "give head_template.obj as it was downloaded"


@dataclass(frozen=True)
class ObjMesh:
    """vertices [V, 3] float64 as the file has them; uvs [U, 2] float64, v up; faces, face_uvs [F, 3] int64 (face_uvs -1 where the
    file has none). Polygons were cut into triangles about their first corner."""

    vertices: np.ndarray
    uvs: np.ndarray
    faces: np.ndarray
    face_uvs: np.ndarray


def read_obj(path: Path) -> ObjMesh:
    """Raises ModelError where the file is missing, too large or damaged; the message names the line."""
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ModelError(f"The file {path.name} is larger than any head's .obj: {REMEDY}.")
        lines = path.read_bytes().decode("utf-8", "replace").replace("\\\n", " ").splitlines()
    except OSError as error:
        raise ModelError(
            f"The file {path} cannot be read ({error.strerror}): check the path and that you may read it."
        ) from error
    vertices: list[tuple[float, ...]] = []
    uvs: list[tuple[float, ...]] = []
    corners: list[tuple[tuple[int, int], ...]] = []
    for number, line in enumerate(lines, 1):
        words = line.split("#", 1)[0].split()
        try:
            if words[:1] == ["v"]:
                vertices.append(_numbers(words[1:4], 3))
            elif words[:1] == ["vt"]:
                uvs.append(_numbers(words[1:3], 2))
            elif words[:1] == ["f"]:
                polygon = [_corner(word, len(vertices), len(uvs)) for word in words[1:]]
                if len(polygon) < 3:
                    raise ValueError("a face needs three corners")
                corners += [(polygon[0], polygon[k], polygon[k + 1]) for k in range(1, len(polygon) - 1)]
        except ValueError as error:
            raise ModelError(f"The file {path.name} is no .obj: line {number} cannot be read ({error}): {REMEDY}.") from error
    if not vertices or not corners:
        raise ModelError(f"The file {path.name} is no .obj: it has no {'faces' if vertices else 'vertices'}: {REMEDY}.")
    both = np.array(corners, np.int64)
    return ObjMesh(np.array(vertices), np.array(uvs).reshape(-1, 2), both[..., 0], both[..., 1])


def _numbers(words: list[str], count: int) -> tuple[float, ...]:
    values = tuple(float(word[:40]) for word in words)
    if len(values) != count or not all(map(math.isfinite, values)):
        raise ValueError(f"{count} numbers are needed")
    return values


def _corner(word: str, num_vertices: int, num_uvs: int) -> tuple[int, int]:
    """'7', '7/3', '7/3/2' or '7//2', counted from 1, or from the last one back with a minus -> (vertex, uv or -1), from 0."""
    parts = word[:60].split("/")
    uv = _index(parts[1], num_uvs) if len(parts) > 1 and parts[1] else -1
    return _index(parts[0], num_vertices), uv


def _index(text: str, count: int) -> int:
    index = int(text)
    at = index - 1 if index > 0 else count + index
    if index == 0 or not 0 <= at < count:
        raise ValueError("a face names what the file does not have")
    return at
