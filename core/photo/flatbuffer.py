"""FlatBuffers and FlexBuffers, read only, by hand: just what a .tflite file needs.

Rule of this file: nothing is trusted; a field outside the buffer raises struct.error, IndexError or ValueError.
Source: the FlatBuffers internals document and the FlexBuffers format description (flatbuffers.dev).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Table:
    """A FlatBuffers table at `start` of `data`; fields are addressed by their number in the schema."""

    data: bytes
    start: int

    def _field(self, number: int) -> int:
        """Position of a field, 0 when it is absent (then its default holds)."""
        vtable = self.start - _read("<i", self.data, self.start)
        entry = 4 + 2 * number
        if entry >= _read("<H", self.data, vtable):
            return 0
        offset = _read("<H", self.data, vtable + entry)
        return self.start + offset if offset else 0

    def _target(self, number: int) -> int:
        position = self._field(number)
        return position + _read("<I", self.data, position) if position else 0

    def scalar(self, number: int, layout: str, default: int = 0) -> int:
        """A number; layout as in struct ('<i', '<B', ...)."""
        position = self._field(number)
        return _read(layout, self.data, position) if position else default

    def array(self, number: int, dtype: str) -> np.ndarray:
        """A vector of numbers, a read-only view; empty when absent."""
        position = self._target(number)
        if not position:
            return np.zeros(0, dtype)
        return np.frombuffer(self.data, dtype, _read("<I", self.data, position), position + 4)

    def raw(self, number: int) -> bytes:
        return self.array(number, "u1").tobytes()

    def text(self, number: int) -> str:
        return self.raw(number).decode()

    def table(self, number: int) -> Table | None:
        position = self._target(number)
        return Table(self.data, position) if position else None

    def tables(self, number: int) -> list[Table]:
        position = self._target(number)
        if not position:
            return []
        count = _read("<I", self.data, position)
        if position + 4 + 4 * count > len(self.data):
            raise ValueError("a vector of tables is longer than the file")
        places = range(position + 4, position + 4 + 4 * count, 4)
        return [Table(self.data, place + _read("<I", self.data, place)) for place in places]


def read_root(data: bytes, identifier: bytes) -> Table:
    """The root table of a buffer whose four-byte file identifier must be `identifier`."""
    if data[4:8] != identifier:
        raise ValueError(f"its identifier is {data[4:8]!r}, not {identifier!r}")
    return Table(data, _read("<I", data, 0))


_FLEX_INT, _FLEX_UINT, _FLEX_FLOAT, _FLEX_MAP, _FLEX_VECTOR_INT = 1, 2, 3, 9, 11


def read_flex_map(data: bytes) -> dict[str, Any]:
    """A FlexBuffers map of integers, floats and typed integer vectors -> dict of int, float and lists of int."""
    if not data:
        return {}
    root_width = data[-1]
    kind, width = data[-2] >> 2, 1 << (data[-2] & 3)
    if kind != _FLEX_MAP:
        raise ValueError(f"custom options are of FlexBuffers type {kind}, not a map")
    position = len(data) - 2 - root_width
    values = position - _read_int(data, position, root_width)
    count = _read_int(data, values - width, width)
    keys = values - 3 * width - _read_int(data, values - 3 * width, width)
    key_width = _read_int(data, values - 2 * width, width)
    types = values + count * width
    if types + count > len(data):
        raise ValueError("a FlexBuffers map is longer than its buffer")
    result = {}
    for index in range(count):
        name_at = keys + index * key_width
        name_at -= _read_int(data, name_at, key_width)
        name = data[name_at : data.index(b"\0", name_at)].decode()
        result[name] = _read_flex(data, values + index * width, width, data[types + index])
    return result


def _read_flex(data: bytes, position: int, width: int, packed_type: int) -> Any:
    kind, child_width = packed_type >> 2, 1 << (packed_type & 3)
    if kind in (_FLEX_INT, _FLEX_UINT):
        return _read_int(data, position, width, signed=kind == _FLEX_INT)
    if kind == _FLEX_FLOAT:
        return _read({2: "<e", 4: "<f", 8: "<d"}[width], data, position)
    if kind == _FLEX_VECTOR_INT:
        start = position - _read_int(data, position, width)
        count = _read_int(data, start - child_width, child_width)
        if start + count * child_width > len(data):
            raise ValueError("a FlexBuffers vector is longer than its buffer")
        return [_read_int(data, start + k * child_width, child_width, signed=True) for k in range(count)]
    raise ValueError(f"FlexBuffers type {kind} is not supported")


def _read_int(data: bytes, position: int, width: int, signed: bool = False) -> int:
    if position < 0 or position + width > len(data):
        raise IndexError("an offset points outside the buffer")
    return int.from_bytes(data[position : position + width], "little", signed=signed)


def _read(layout: str, data: bytes, position: int) -> Any:
    if position < 0:
        raise IndexError("an offset points before the buffer")
    return struct.unpack_from(layout, data, position)[0]
