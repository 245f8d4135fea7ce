"""The .ply format (Stanford, Turk 1994): vertices and faces out of ASCII, little- and big-endian files.

Rule of this file: the header's counts are believed only as far as the file has bytes for them. Raises ValueError.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2", "uint16": "u2",
    "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
FACE_LISTS = ("vertex_indices", "vertex_index")
MOST_CORNERS = 64


@dataclass
class Element:
    """One section of a file: its name, how many rows, and each row's properties: (name, type, type of a list's length or '')."""

    name: str
    count: int
    properties: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def has_lists(self) -> bool:
        return any(length for _, _, length in self.properties)

    def row(self, order: str) -> np.dtype:
        """The binary row of an element without lists."""
        return np.dtype([(name, order + kind) for name, kind, _ in self.properties])


def parse_ply(data: bytes) -> tuple[np.ndarray, list[np.ndarray]]:
    """A file's bytes -> vertices [V, 3] float64 and its polygons by size, each [N, K] int64."""
    order, elements, body = _read_header(data)
    return _read_ascii(elements, data[body:]) if order == "" else _read_binary(elements, data, body, order)


def _read_header(data: bytes) -> tuple[str, list[Element], int]:
    end = data.find(b"end_header")
    newline = data.find(b"\n", end)
    if not data.startswith(b"ply") or end < 0 or newline < 0:
        raise ValueError("no .ply header")
    order, elements = None, []
    for line in data[:end].decode("ascii", "replace").splitlines()[1:]:
        words = line.split()
        if words[:1] == ["format"] and len(words) >= 2:
            order = ORDERS.get(words[1])
        elif words[:1] == ["element"] and len(words) == 3:
            elements.append(Element(words[1], int(words[2])))
        elif words[:1] == ["property"] and elements:
            elements[-1].properties.append(_read_property(words))
    if order is None or any(not 0 <= e.count <= len(data) for e in elements):
        raise ValueError("a .ply header that does not fit the file")
    return order, elements, newline + 1


def _read_property(words: list[str]) -> tuple[str, str, str]:
    if len(words) == 5 and words[1] == "list" and words[2] in TYPES and words[3] in TYPES:
        return words[4], TYPES[words[3]], TYPES[words[2]]
    if len(words) == 3 and words[1] in TYPES:
        return words[2], TYPES[words[1]], ""
    raise ValueError(f"the property {' '.join(words[1:4])}")


def _read_ascii(elements: list[Element], body: bytes) -> tuple[np.ndarray, list[np.ndarray]]:
    lines = [line for line in body.splitlines() if line.strip()]
    vertices, start = np.zeros((0, 3)), 0
    by_size: dict[int, list[list[int]]] = {}
    for element in elements:
        rows = lines[start : start + element.count]
        if len(rows) < element.count:
            raise ValueError("it ends too early")
        start += element.count
        if element.name == "vertex":
            columns = _position_columns(element)
            table = [row.split() for row in rows]
            vertices = np.array([[row[c] for c in columns] for row in table], dtype="S").astype(np.float64).reshape(-1, 3)
        elif element.name == "face":
            by_size = _group(_ascii_polygon(row.split(), element) for row in rows)
    return vertices, [np.array(p, np.int64) for p in by_size.values()]


def _ascii_polygon(words: list[bytes], element: Element) -> list[int]:
    place = 0
    for name, _, length in element.properties:
        size = int(words[place]) if length else 0
        if not 0 <= size <= MOST_CORNERS:
            raise ValueError("a face of too many corners")
        if length and name in FACE_LISTS:
            corners = [int(word) for word in words[place + 1 : place + 1 + size]]
            if len(corners) == size:
                return corners
            break
        place += 1 + size
    raise ValueError("a face without its corners")


def _read_binary(elements: list[Element], data: bytes, place: int, order: str) -> tuple[np.ndarray, list[np.ndarray]]:
    vertices = np.zeros((0, 3))
    polygons: list[np.ndarray] = []
    for element in elements:
        if not element.has_lists:
            row = element.row(order)
            if place + row.itemsize * element.count > len(data):
                raise ValueError("it ends too early")
            table = np.frombuffer(data, row, element.count, place) if row.itemsize else None
            place += row.itemsize * element.count
            if element.name == "vertex" and table is not None:
                _position_columns(element)
                vertices = np.stack([table[axis] for axis in "xyz"], -1).astype(np.float64)
        elif element.name == "vertex":
            raise ValueError("vertices with lists")
        else:
            found, place = _read_faces(element, data, place, order)
            polygons = found if element.name == "face" else polygons
    return vertices, polygons


def _read_faces(element: Element, data: bytes, place: int, order: str) -> tuple[list[np.ndarray], int]:
    """Rows with lists -> polygons by size, and where the next element starts."""
    same = _read_even_faces(element, data, place, order)
    if same is not None:
        return same
    by_size: dict[int, list[np.ndarray]] = {}
    for _ in range(element.count):
        for name, kind, length in element.properties:
            size = 1
            if length:
                size = int(np.frombuffer(data, order + length, 1, place)[0])
                place += np.dtype(length).itemsize
                if not 0 <= size <= MOST_CORNERS:
                    raise ValueError("a face of too many corners")
            width = np.dtype(kind).itemsize * size
            if place + width > len(data):
                raise ValueError("it ends too early")
            if length and name in FACE_LISTS and size >= 3:
                by_size.setdefault(size, []).append(np.frombuffer(data, order + kind, size, place))
            place += width
    return [np.array(p).astype(np.int64) for p in by_size.values()], place


def _read_even_faces(element: Element, data: bytes, place: int, order: str) -> tuple[list[np.ndarray], int] | None:
    """Faces that are all triangles, with nothing else in a row, in one step; None where they are not."""
    if len(element.properties) != 1 or element.properties[0][0] not in FACE_LISTS:
        return None
    _, kind, length = element.properties[0]
    row = np.dtype([("size", order + length), ("corners", order + kind, 3)])
    if place + row.itemsize * element.count > len(data):
        return None
    table = np.frombuffer(data, row, element.count, place)
    if not (table["size"] == 3).all():
        return None
    return [table["corners"].astype(np.int64)], place + row.itemsize * element.count


def _position_columns(element: Element) -> list[int]:
    names = [name for name, _, _ in element.properties]
    if element.has_lists or not {"x", "y", "z"} <= set(names):
        raise ValueError("vertices without x, y and z")
    return [names.index(axis) for axis in "xyz"]


def _group(polygons: Iterable[list[int]]) -> dict[int, list[list[int]]]:
    by_size: dict[int, list[list[int]]] = {}
    for polygon in polygons:
        if len(polygon) >= 3:
            by_size.setdefault(len(polygon), []).append(polygon)
    return by_size
