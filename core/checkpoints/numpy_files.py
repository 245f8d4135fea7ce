"""NumPy's own files: .npy and .npz. Arrays of objects in them are pickles, and are read as such."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from .archives import Archive
from .inert_numpy import array_of_bytes, checked_shape, plain_dtype
from .limits import DAMAGED, Refused, Surroundings
from .torch_files import read_pickle

NPY_MAGIC = b"\x93NUMPY"
HEADER = re.compile(r"\{'descr': '([<>|=]?[?a-zA-Z]\d{0,6})', 'fortran_order': (True|False), 'shape': \(([\dL, ]*)\),? ?\}\s*\Z")
"""What every writer of NumPy's writes; a header is not evaluated as Python."""
MAX_HEADER = 1 << 14


def read_npy(data: memoryview, around: Surroundings) -> Any:
    """The array of a .npy file; an array of one object without axes is that object."""
    major = data[6] if len(data) > 10 else 0
    width = {1: 2, 2: 4, 3: 4}.get(major)
    if bytes(data[:6]) != NPY_MAGIC or width is None:
        raise Refused("is no .npy file of the versions 1 to 3", DAMAGED)
    start = 8 + width
    length = int.from_bytes(data[8:start], "little")
    if length > min(MAX_HEADER, len(data) - start):
        raise Refused("is cut short, or has a header of more than 16,384 bytes", DAMAGED)
    found = HEADER.match(str(data[start : start + length], "latin-1"))
    if found is None:
        raise Refused("has a header that describes no plain array", DAMAGED)
    code, fortran, sizes = found.groups()
    shape = checked_shape(tuple(int(size.strip(" L")) for size in sizes.split(",") if size.strip()))
    body = data[start + length :]
    if code.lstrip("|") != "O":
        return array_of_bytes(body, plain_dtype(code), shape, "F" if fortran == "True" else "C", around)
    value = read_pickle(body, around)
    if shape != () and not (isinstance(value, np.ndarray) and value.dtype == object and value.shape == shape):
        raise Refused("holds another array than its header says", DAMAGED)
    return value


def read_npz(archive: Archive, around: Surroundings) -> dict[str, Any]:
    """The arrays of a .npz file by name."""
    return {name.removesuffix(".npy"): read_npy(memoryview(archive.read(name)), around) for name in archive.names}
