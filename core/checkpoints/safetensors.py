"""The safetensors format: a length (8 bytes), a JSON header of names, types, shapes and places, and the bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ExportError
from ..staging import staged
from .inert_numpy import checked_shape
from .limits import DAMAGED, UNTRUSTED, Budget, Refused, shown

DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip
CODES = {code: name for name, code in DTYPES.items() if name != "BF16"}
MAX_HEADER = 4 << 20


def looks_like_safetensors(start: bytes, size: int) -> bool:
    """Whether a file of `size` bytes with this `start` (9 bytes or more) can be one."""
    return len(start) > 8 and start[8:9] == b"{" and 2 <= int.from_bytes(start[:8], "little") <= size - 8


def read_safetensors(data: memoryview, budget: Budget) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """(tensors by name, metadata). bfloat16 becomes float32, exactly."""
    length = int.from_bytes(data[:8], "little")
    header, metadata = read_header(bytes(data[8 : 8 + min(length, MAX_HEADER)]), length, budget)
    body, tensors, at = data[8 + length :], {}, 0
    places = {name: _place(name, entry) for name, entry in header.items()}
    for name in sorted(places, key=lambda name: places[name][2]):
        kind, shape, begin, end = places[name]
        if begin != at or end > len(body) or end - begin != math.prod(shape) * np.dtype(DTYPES[kind]).itemsize:
            raise Refused(f"has a tensor {shown(name)} whose place and shape contradict each other", DAMAGED)
        at = end
        budget.take_bytes((end - begin) * (2 if kind == "BF16" else 1), "a tensor")
        array = np.frombuffer(body[begin:end], DTYPES[kind]).reshape(shape)
        tensors[name] = (array.astype("<u4") << 16).view("<f4") if kind == "BF16" else array.copy()
    if at != len(body):
        raise Refused("has bytes that belong to no tensor, or is cut short", DAMAGED)
    return {name: tensors[name] for name in header}, metadata


def outline_safetensors(start: memoryview, size: int, budget: Budget) -> dict[str, np.ndarray]:
    """The tensors of a file of `size` bytes by name, zeros that take no memory; start: of the file, the header and more."""
    length = int.from_bytes(start[:8], "little")
    header, _ = read_header(bytes(start[8 : 8 + min(length, MAX_HEADER)]), length, budget)
    tensors = {}
    for name, entry in header.items():
        kind, shape, _, end = _place(name, entry)
        if end > size - 8 - length:
            raise Refused("is cut short", DAMAGED)
        tensors[name] = np.broadcast_to(np.zeros((), "<f4" if kind == "BF16" else DTYPES[kind]), shape)
    return tensors


def read_header(raw: bytes, length: int, budget: Budget) -> tuple[dict[str, Any], dict[str, str]]:
    """(descriptions of the tensors, metadata) of a header that should be `length` bytes long."""
    if len(raw) != length:
        raise Refused("is cut short, or has a header of more than four million bytes", DAMAGED)
    budget.take_bytes(16 * length, "the header")
    header = _parse(str(raw, "utf-8"))
    metadata = header.pop("__metadata__", {})
    if type(metadata) is not dict or not all(type(value) is str for value in metadata.values()):
        raise Refused("has metadata that are not text", UNTRUSTED)
    return header, metadata


def _parse(text: str) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise Refused("names a tensor twice", UNTRUSTED)
        return dict(pairs)

    try:
        header = json.loads(text, object_pairs_hook=unique, parse_int=_short_int)
    except (ValueError, RecursionError) as error:
        raise Refused("has a header that is no JSON", DAMAGED) from error
    if type(header) is not dict:
        raise Refused("has a header that is no JSON", DAMAGED)
    return header


def _short_int(digits: str) -> int:
    if len(digits) > 19:
        raise Refused("has a number beyond all sizes", UNTRUSTED)
    return int(digits)


def _place(name: str, entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    if type(entry) is not dict or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise Refused(f"has a tensor {shown(name)} without a description", DAMAGED)
    kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if type(kind) is not str or kind not in DTYPES:
        raise Refused(f"has a tensor {shown(name)} of the data type {shown(kind)}, which is not read", UNTRUSTED)
    if not (type(offsets) is list and len(offsets) == 2 and all(type(n) is int and n >= 0 for n in offsets)):
        raise Refused(f"has a tensor {shown(name)} without a place", DAMAGED)
    return kind, checked_shape(shape), offsets[0], offsets[1]


def write_safetensors(path: Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None) -> None:
    """Write a file whole or not at all. The header keeps the order given; the bytes lie by size of item, so that all are aligned.

    Raises ExportError where the folder cannot be written to, or an array's type has no name in the format.
    """
    arrays = {name: np.asarray(array) for name, array in tensors.items()}
    for name, array in arrays.items():
        if array.dtype.newbyteorder("<").str not in CODES or name == "__metadata__":
            raise ExportError(f"safetensors cannot hold {name} (of type {array.dtype}): give it as numbers.")
    order = sorted(arrays, key=lambda name: -arrays[name].dtype.itemsize)
    ends = np.cumsum([0, *(arrays[name].nbytes for name in order)]).tolist()
    place = {name: [ends[k], ends[k + 1]] for k, name in enumerate(order)}
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    for name, array in arrays.items():
        kind = CODES[array.dtype.newbyteorder("<").str]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": place[name]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with staged(path.parent) as folder, open(folder / path.name, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in order:
            file.write(np.ascontiguousarray(arrays[name], arrays[name].dtype.newbyteorder("<")).data)
