"""Values on a pipe: messages between Blender and its worker, which may run another Python with another NumPy.

Rule of this file: JSON and raw arrays only, no pickle, so that neither side can be made to run anything; a class that is not in
CLASSES does not pass.

A message is the JSON's length and the number of buffers (two u32), the buffers' lengths (u64 each), the JSON, the buffers; all
little-endian. In the JSON an object has one key that says what it is: $a an array, $b bytes, $t a tuple, $d a dictionary,
otherwise a class.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import numpy as np

from ..core.animation.capture import FaceCapture
from ..core.image_files import EncodedImage, HeadImages, PackedEdit, PackedHead, PackedPaint, PackedPhoto
from ..core.types import BoneRotation, Camera, FittedPhoto, HeadAsset, HeadCode, Photo, Progress, Texture

COUNTS = struct.Struct("<II")
PLAIN_KINDS = "biuf"
"""Of arrays: truth values, integers, numbers. An array of objects would be made of pointers."""
LONGEST_TEXT, MOST_BUFFERS = 1 << 28, 1 << 16
LENGTH = struct.Struct("<Q")


@dataclass(frozen=True)
class Request:
    """Do this: a story of stories.py and its arguments; `job` names it in every answer."""

    job: int
    story: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Cancel:
    """Stop this job at its next step; Cancelled, or what came before, is the answer."""

    job: int


@dataclass(frozen=True)
class Ready:
    """The worker is there: what it runs on, as sentences for a person."""

    facts: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """Where a job is."""

    job: int
    progress: Progress


@dataclass(frozen=True)
class Result:
    """A job is done."""

    job: int
    value: Any


@dataclass(frozen=True)
class Failure:
    """A job could not be done: the sentence for the user; details: the traceback where the fault is ours, else empty."""

    job: int
    sentence: str
    details: str = ""


@dataclass(frozen=True)
class Cancelled:
    """A job was stopped on request."""

    job: int


MESSAGES = (Request, Cancel, Ready, Step, Result, Failure, Cancelled)
VALUES = (
    Progress, Photo, Camera, HeadCode, FittedPhoto, Texture, BoneRotation, HeadAsset, EncodedImage, HeadImages, PackedHead,
    PackedPaint, PackedPhoto, PackedEdit, FaceCapture,
)  # fmt: skip
CLASSES: dict[str, type] = {cls.__name__: cls for cls in (*MESSAGES, *VALUES)}


def encode_message(value: Any) -> list[bytes | memoryview]:
    """The message as chunks to be written one after the other. Raises TypeError for what may not pass."""
    buffers: list[memoryview] = []
    text = json.dumps(_flatten(value, buffers)).encode()
    head = COUNTS.pack(len(text), len(buffers)) + b"".join(LENGTH.pack(buffer.nbytes) for buffer in buffers)
    return [head + text, *buffers]


def _flatten(value: Any, buffers: list[memoryview]) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in PLAIN_KINDS:
            raise TypeError(f"arrays of type {value.dtype} do not pass between Blender and its worker")
        values = np.ascontiguousarray(value)
        buffers.append(values.data.cast("B") if values.size else memoryview(b""))
        return {"$a": [len(buffers) - 1, values.dtype.str, list(value.shape)]}
    if isinstance(value, (bytes, bytearray)):
        buffers.append(memoryview(value))
        return {"$b": len(buffers) - 1}
    if isinstance(value, list):
        return [_flatten(item, buffers) for item in value]
    if isinstance(value, tuple):
        return {"$t": [_flatten(item, buffers) for item in value]}
    if isinstance(value, dict):
        return {"$d": [[_flatten(key, buffers), _flatten(item, buffers)] for key, item in value.items()]}
    if is_dataclass(value) and CLASSES.get(type(value).__name__) is type(value):
        return {type(value).__name__: {f.name: _flatten(getattr(value, f.name), buffers) for f in fields(value)}}
    raise TypeError(f"{type(value).__name__} does not pass between Blender and its worker")


class Decoder:
    """Bytes as they come -> messages as they become whole."""

    def __init__(self) -> None:
        self._pending = bytearray()

    @property
    def is_inside_message(self) -> bool:
        """Whether more bytes must follow."""
        return bool(self._pending)

    def feed(self, data: bytes) -> Iterator[Any]:
        """Every message that `data` completes. Raises ValueError, KeyError when the bytes are no message of ours."""
        self._pending += data
        while (length := self._length_of_first()) is not None:
            whole, self._pending = self._pending[:length], self._pending[length:]
            yield _decode(whole)

    def _length_of_first(self) -> int | None:
        pending = self._pending
        if len(pending) < COUNTS.size:
            return None
        text, count = COUNTS.unpack_from(pending)
        if text > LONGEST_TEXT or count > MOST_BUFFERS:
            raise ValueError("no message is that long")
        start = COUNTS.size + count * LENGTH.size
        if len(pending) < start:
            return None
        length = start + text + sum(size for (size,) in LENGTH.iter_unpack(pending[COUNTS.size : start]))
        return length if len(pending) >= length else None


def _decode(message: bytearray) -> Any:
    """One whole message; its arrays share the message's memory and can be written."""
    text, count = COUNTS.unpack_from(message)
    start = COUNTS.size + count * LENGTH.size
    sizes = [size for (size,) in LENGTH.iter_unpack(message[COUNTS.size : start])]
    view, offset, buffers = memoryview(message), start + text, []
    for size in sizes:
        buffers.append(view[offset : offset + size])
        offset += size
    return _restore(json.loads(bytes(view[start : start + text])), buffers)


def _restore(value: Any, buffers: list[memoryview]) -> Any:
    if isinstance(value, list):
        return [_restore(item, buffers) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "$a":
        index, dtype, shape = content
        if np.dtype(dtype).kind not in PLAIN_KINDS:
            raise ValueError(f"arrays of type {dtype} do not pass")
        return np.ndarray(shape, np.dtype(dtype), buffers[index])
    if kind == "$b":
        return bytes(buffers[content])
    if kind == "$t":
        return tuple(_restore(item, buffers) for item in content)
    if kind == "$d":
        return {_restore(key, buffers): _restore(item, buffers) for key, item in content}
    return CLASSES[kind](**{name: _restore(item, buffers) for name, item in content.items()})
