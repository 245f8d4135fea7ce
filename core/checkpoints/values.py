"""What a file of others is read as, beside dicts, lists, tuples, text, numbers and NumPy arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import CheckpointError
from .limits import DAMAGED, Refused

MAX_DENSE_BYTES = 64 << 20


@dataclass(frozen=True)
class Record:
    """An object of a foreign class, as data: nothing of the class was run.

    class_name: 'argparse.Namespace', 'chumpy.reordering.Select', ...; in NVIDIA's pickles the class alone, 'Generator'.
    state: its attributes by name; a network's is {'init_args': tuple, 'init_kwargs': dict, 'state_dict': flat dict of dotted
    names -> arrays, 'attributes': the other plain attributes of the outermost module}.
    """

    class_name: str
    state: dict[str, Any]


@dataclass(frozen=True)
class Sparse:
    """A sparse matrix of `shape` (rows, columns): data, indices [N] and indptr, compressed by columns ('csc') or rows ('csr')."""

    layout: str
    shape: tuple[int, int]
    data: np.ndarray
    indices: np.ndarray
    indptr: np.ndarray

    def to_dense(self) -> np.ndarray:
        """[rows, columns] float64; entries named twice add up. Raises CheckpointError where it has more than 64 MiB."""
        if math.prod(self.shape) * 8 > MAX_DENSE_BYTES:
            size = f"{self.shape[0]:,} x {self.shape[1]:,}"
            raise CheckpointError(f"A sparse matrix of {size} is too large to be written out: use the file as it was published.")
        dense = np.zeros(self.shape)
        outer = np.repeat(np.arange(len(self.indptr) - 1), np.diff(self.indptr))
        at = (self.indices, outer) if self.layout == "csc" else (outer, self.indices)
        np.add.at(dense, at, self.data)
        return dense


def checked_sparse(layout: str, state: dict[str, Any]) -> Sparse:
    """A scipy matrix's attributes as a Sparse, after all that compressed storage promises was checked."""
    shape = state.get("_shape", state.get("shape"))
    arrays = [state.get(name) for name in ("data", "indices", "indptr")]
    if not (
        isinstance(shape, tuple) and len(shape) == 2 and all(isinstance(n, int | np.integer) and 0 <= n < 2**31 for n in shape)
    ):
        raise Refused("holds a sparse matrix without a proper shape", DAMAGED)
    if not all(isinstance(a, np.ndarray) and a.ndim == 1 and a.dtype.kind in "biuf" for a in arrays):
        raise Refused("holds a sparse matrix without its arrays", DAMAGED)
    data, indices, indptr = (np.asarray(a) for a in arrays)
    inner, outer = shape if layout == "csc" else shape[::-1]
    fits = (
        indices.dtype.kind in "iu" and indptr.dtype.kind in "iu" and len(indptr) == outer + 1 and len(data) == len(indices)
        and indptr[0] == 0 and indptr[-1] == len(indices) and (np.diff(indptr.astype(np.int64)) >= 0).all()
        and (not len(indices) or (indices.min() >= 0 and indices.max() < inner))
    )  # fmt: skip
    if not fits:
        raise Refused("holds a sparse matrix whose indices contradict each other", DAMAGED)
    return Sparse(layout, (int(shape[0]), int(shape[1])), data, indices.astype(np.int64), indptr.astype(np.int64))
