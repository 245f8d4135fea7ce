"""Meshes of others: Wavefront .obj and Stanford .ply (ASCII, both binary orders) as vertices and triangles, nothing else.

Rule of this file: what a file claims is checked against what it holds before memory is taken; a bad file is one sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import EvaluationError
from .ply import parse_ply

MESH_SUFFIXES = (".obj", ".ply")
MOST_BYTES = 1 << 28
"""A scan of 120,000 points takes some 10 MB."""


@dataclass(frozen=True)
class TriangleMesh:
    """vertices [V, 3] float64 in the file's own unit; triangles [T, 3] int64 (none in a file of points)."""

    vertices: np.ndarray
    triangles: np.ndarray


def read_mesh(path: Path, needs_faces: bool = True) -> TriangleMesh:
    """Raises EvaluationError where the file is missing, damaged, empty, or holds no faces though they are needed."""
    try:
        if path.suffix.lower() not in MESH_SUFFIXES:
            raise ValueError(f"not one of {', '.join(MESH_SUFFIXES)}")
        if path.stat().st_size > MOST_BYTES:
            raise ValueError("larger than a head scan can be")
        data = path.read_bytes()
        vertices, polygons = parse_obj(data) if path.suffix.lower() == ".obj" else parse_ply(data)
        return _checked(vertices, polygons, needs_faces)
    except (OSError, ValueError, IndexError, OverflowError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise EvaluationError(f"The mesh {path} cannot be read ({reason}): give a whole .obj or .ply file.") from error


def _checked(vertices: np.ndarray, polygons: list[np.ndarray], needs_faces: bool) -> TriangleMesh:
    if not len(vertices):
        raise ValueError("no vertices")
    if not np.isfinite(vertices).all():
        raise ValueError("a vertex that is no number")
    triangles = np.concatenate([fan(p) for p in polygons]) if polygons else np.zeros((0, 3), np.int64)
    if needs_faces and not len(triangles):
        raise ValueError("no faces")
    if len(triangles) and (triangles.min() < 0 or triangles.max() >= len(vertices)):
        raise ValueError("a face names a vertex that is not there")
    return TriangleMesh(vertices, triangles)


def fan(polygons: np.ndarray) -> np.ndarray:
    """Polygons of one size [N, K] -> triangles [N * (K - 2), 3] about their first corners."""
    corners = polygons.shape[1]
    first = np.repeat(polygons[:, :1], corners - 2, 1)
    return np.stack([first, polygons[:, 1:-1], polygons[:, 2:]], -1).reshape(-1, 3)


def parse_obj(data: bytes) -> tuple[np.ndarray, list[np.ndarray]]:
    """An .obj's bytes -> vertices [V, 3] and its polygons by size, each [N, K] (from 0); colours behind vertices are dropped."""
    positions: list[list[bytes]] = []
    by_size: dict[int, list[list[int]]] = {}
    for line in data.splitlines():
        if line[:2] in (b"v ", b"v\t"):
            parts = line.split()[1:4]
            if len(parts) != 3:
                raise ValueError("a vertex without three numbers")
            positions.append(parts)
        elif line[:2] in (b"f ", b"f\t"):
            corners = [int(corner.partition(b"/")[0]) for corner in line.split()[1:]]
            if len(corners) < 3 or 0 in corners:
                raise ValueError("a face without three corners")
            corners = [c - 1 if c > 0 else c + len(positions) for c in corners]
            by_size.setdefault(len(corners), []).append(corners)
    vertices = np.array(positions, dtype="S").astype(np.float64) if positions else np.zeros((0, 3))
    return vertices, [np.array(polygons, np.int64) for polygons in by_size.values()]


def describe_obj(vertices: np.ndarray, triangles: np.ndarray) -> str:
    """The .obj's text of a mesh: positions in the order given and faces, no colours, no texture, as benchmarks read it."""
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices.tolist()]
    lines += [f"f {a} {b} {c}" for a, b, c in (triangles + 1).tolist()]
    return "\n".join(lines) + "\n"
