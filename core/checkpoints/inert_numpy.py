"""NumPy's arrays, scalars and data types in pickles, made from checked descriptions; none of NumPy's is called."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from .inert import Inert, InertValue
from .limits import DAMAGED, UNTRUSTED, Refused, Surroundings, shown

if TYPE_CHECKING:
    from .resolve import Resolver

PLAIN_CODE = re.compile(r"(\?|b1|i[1248]|u[1248]|f[248]|c8|c16|[SU][1-9][0-9]{0,5})\Z")
OBJECT_CODE = re.compile(r"O[48]?\Z")
MAX_DIMENSIONS, MAX_ITEMS = 32, 1 << 40


def plain_dtype(code: str) -> np.dtype:
    """The data type of a description as '<f8', 'b1' or 'U12'. Raises Refused for all but numbers, truth values, text."""
    body = code[1:] if code[:1] in tuple("<>|=") else code
    if not PLAIN_CODE.match(body):
        raise Refused(f"has an array of the data type {shown(code)}, which is not read", UNTRUSTED)
    return np.dtype(code)


def checked_shape(shape: Any) -> tuple[int, ...]:
    """A shape out of a file: at most 32 sizes, none negative."""
    if not (type(shape) in (tuple, list) and len(shape) <= MAX_DIMENSIONS and all(type(n) is int and n >= 0 for n in shape)):
        raise Refused("has an array whose shape is none", DAMAGED)
    if math.prod(n for n in shape if n) > MAX_ITEMS:
        raise Refused(f"has an array of shape {shown(shape)}, which no memory holds", DAMAGED)
    return tuple(shape)


def array_of_bytes(raw: Any, dtype: np.dtype, shape: tuple[int, ...], order: str, around: Surroundings) -> np.ndarray:
    """A writable array in native byte order from exactly as many bytes as it needs; a writable `raw` becomes the array's own."""
    if type(raw) is str:
        raw = raw.encode("latin-1")
    if type(raw) not in (bytes, memoryview, bytearray):
        raise Refused("has an array without its bytes", UNTRUSTED)
    if math.prod(shape) * dtype.itemsize != len(raw):
        raise Refused(f"has an array of shape {shown(shape)} with {len(raw):,} bytes, which is not what it needs", DAMAGED)
    around.budget.take_bytes(len(raw), "an array")
    if not len(raw):
        return np.empty(shape, dtype.newbyteorder("="))
    found = np.frombuffer(raw, dtype).reshape(shape, order="F" if order == "F" else "C")
    return found if found.flags.writeable and found.flags.aligned and dtype.isnative else found.astype(dtype.newbyteorder("="))


class InertDtype(InertValue):
    """A data type; BUILD gives its byte order."""

    class_name = "numpy.dtype"

    def __init__(self, code: str) -> None:
        self.is_object = bool(OBJECT_CODE.match(code.lstrip("|")))
        self.dtype = np.dtype(object) if self.is_object else plain_dtype(code)

    def build(self, around: Surroundings, state: Any) -> None:
        if not (type(state) is tuple and 8 <= len(state) <= 9 and state[1] in ("<", ">", "|", "=")):
            raise Refused("has a data type that is none", DAMAGED)
        if any(state[2:5]) or any(state[8:]):
            raise Refused("has a data type with fields, which is not read", UNTRUSTED)
        if not self.is_object:
            self.dtype = self.dtype.newbyteorder(state[1])

    def resolve(self, resolver: Resolver) -> Any:
        return self.dtype


class InertArray(InertValue):
    """An array whose shape, type and bytes come by BUILD."""

    class_name = "numpy.ndarray"

    def __init__(self) -> None:
        self.array: np.ndarray | None = None
        self.items: list[Any] | None = None
        self.shape: tuple[int, ...] = ()
        self.order = "C"

    def build(self, around: Surroundings, state: Any) -> None:
        if not (type(state) is tuple and len(state) in (4, 5) and type(state[-3]) is InertDtype):
            raise Refused("has an array without a description", DAMAGED)
        self.fill(around, *state[-4:])

    def fill(self, around: Surroundings, shape: Any, dtype: InertDtype, is_fortran: Any, raw: Any) -> None:
        """Take shape, data type, order and bytes (of an array of objects: a list)."""
        if self.array is not None or self.items is not None:
            raise Refused("fills an array twice", UNTRUSTED)
        self.shape, self.order = checked_shape(shape), "F" if is_fortran else "C"
        if not dtype.is_object:
            self.array = array_of_bytes(raw, dtype.dtype, self.shape, self.order, around)
        elif type(raw) is list and len(raw) == math.prod(self.shape):
            around.budget.take_bytes(8 * len(raw), "an array")
            self.items = raw
        else:
            raise Refused("has an array of objects with another number of objects than its shape says", DAMAGED)

    def resolve(self, resolver: Resolver) -> Any:
        """The array; an array of one object without axes is that object."""
        if self.array is not None:
            return self.array
        if self.items is None:
            raise Refused("has an array without a description", DAMAGED)
        if self.shape == ():
            return resolver.value(self.items[0])
        flat = np.empty(len(self.items), object)
        for k, item in enumerate(self.items):
            flat[k] = resolver.value(item)
        return flat.reshape(self.shape, order="F" if self.order == "F" else "C")


def make_dtype(around: Surroundings, arguments: tuple[Any, ...]) -> InertDtype:
    """numpy.dtype(code, align, copy)."""
    if not (1 <= len(arguments) <= 3 and type(arguments[0]) is str):
        raise Refused("has a data type that is none", UNTRUSTED)
    return InertDtype(arguments[0])


def make_array(around: Surroundings, arguments: tuple[Any, ...]) -> InertArray:
    """numpy's _reconstruct(numpy.ndarray, (0,), b'b'): the start of every pickled array."""
    if not (len(arguments) == 3 and arguments[0] is NDARRAY and arguments[1] == (0,) and arguments[2] in (b"b", "b")):
        raise Refused("makes an array in a way that NumPy does not", UNTRUSTED)
    return InertArray()


def make_array_of_buffer(around: Surroundings, arguments: tuple[Any, ...]) -> InertArray:
    """numpy's _frombuffer(bytes, dtype, shape, order), of protocol 5."""
    if not (len(arguments) == 4 and type(arguments[1]) is InertDtype and arguments[3] in ("C", "F", "A", "K")):
        raise Refused("makes an array in a way that NumPy does not", UNTRUSTED)
    array = InertArray()
    array.fill(around, arguments[2], arguments[1], arguments[3] == "F", arguments[0])
    return array


def make_scalar(around: Surroundings, arguments: tuple[Any, ...]) -> Any:
    """numpy's scalar(dtype, bytes)."""
    if not (len(arguments) == 2 and type(arguments[0]) is InertDtype and not arguments[0].is_object):
        raise Refused("makes a number in a way that NumPy does not", UNTRUSTED)
    return array_of_bytes(arguments[1], arguments[0].dtype, (), "C", around)[()]


NDARRAY = Inert("numpy.ndarray")
