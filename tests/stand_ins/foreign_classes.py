"""Classes of packages that are not installed, while a pickle that names them is written; and a pickler of Python 2's kind."""

from __future__ import annotations

import io
import pickle
import struct
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def foreign_classes(**modules: dict[str, type | Any]) -> Iterator[None]:
    """Put modules with these members into sys.modules ('__' in a name stands for a dot) and take them out again at the end."""
    names = {name.replace("__", "."): members for name, members in modules.items()}
    before = {name: sys.modules.get(name) for full in names for name in _with_parents(full)}
    try:
        for full, members in names.items():
            for name in _with_parents(full):
                sys.modules[name] = types.ModuleType(name) if name == full or name not in sys.modules else sys.modules[name]
            for member, value in members.items():
                value.__module__, value.__qualname__ = full, member
                setattr(sys.modules[full], member, value)
        yield
    finally:
        for name, module in before.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module


def _with_parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[: k + 1]) for k in range(len(parts))]


class Python2Pickler(pickle._Pickler):  # type: ignore[name-defined]
    """Protocol 2 as Python 2 wrote it: text and bytes alike as byte strings, and the module names of its time."""

    dispatch = dict(pickle._Pickler.dispatch)  # type: ignore[attr-defined]

    def __init__(self, file: io.BufferedIOBase) -> None:
        super().__init__(file, 2, fix_imports=True)

    def save_string(self, value: Any) -> None:
        raw = value.encode("latin-1") if isinstance(value, str) else value
        short = len(raw) < 256
        self.write(pickle.SHORT_BINSTRING + bytes([len(raw)]) if short else pickle.BINSTRING + struct.pack("<i", len(raw)))
        self.write(raw)
        self.memoize(value)

    dispatch[str] = dispatch[bytes] = save_string

    def save_global(self, obj: Any, name: str | None = None) -> None:
        module = getattr(obj, "__module__", None)
        if isinstance(module, str) and module.startswith("numpy._core"):
            self.write(f"cnumpy.core{module.removeprefix('numpy._core')}\n{obj.__qualname__}\n".encode())
            self.memoize(obj)
        else:
            super().save_global(obj, name)

    dispatch[type(save_string)] = dispatch[type] = save_global  # functions, and below classes of NumPy by their reduce


def python2_pickle(value: Any) -> bytes:
    """The bytes of `value` as Python 2 would have pickled it (protocol 2)."""
    file = io.BytesIO()
    Python2Pickler(file).dump(value)
    return file.getvalue()
