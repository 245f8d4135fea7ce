"""From what a pickle left behind to plain values: every container rebuilt, no cycle, nothing that unfolds without end."""

from __future__ import annotations

from typing import Any

import numpy as np

from .inert import Inert, InertValue
from .limits import UNTRUSTED, Budget, Refused, shown

PLAIN = (str, bytes, int, float, bool, complex, type(None))


class Resolver:
    """Resolves values of one file. What the file shares stays shared; size counts what a walk over all references meets."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.done: dict[int, tuple[Any, int]] = {}
        self.open: set[int] = set()
        self.size = 0

    def value(self, raw: Any) -> Any:
        """The plain value of a raw one, which has to stay alive until the end."""
        kind = type(raw)
        if kind in PLAIN or isinstance(raw, np.generic):
            return self._count(1, raw)
        if id(raw) in self.done:
            value, size = self.done[id(raw)]
            return self._count(size, value)
        if id(raw) in self.open:
            raise Refused("holds an object that contains itself", UNTRUSTED)
        if len(self.open) >= self.budget.limits.max_depth:
            raise Refused(f"nests objects more than {self.budget.limits.max_depth} deep", UNTRUSTED)
        self.open.add(id(raw))
        before = self.size
        value = self._rebuilt(raw)
        self._count(1, None)
        self.open.discard(id(raw))
        self.done[id(raw)] = value, self.size - before
        return value

    def _count(self, size: int, value: Any) -> Any:
        self.size += size
        if self.size > self.budget.limits.max_opcodes:
            raise Refused("holds references that unfold to more objects than any checkpoint has", UNTRUSTED)
        return value

    def _rebuilt(self, raw: Any) -> Any:
        if type(raw) is dict:
            return {key: self.value(value) for key, value in raw.items()}
        if type(raw) is list:
            return [self.value(value) for value in raw]
        if type(raw) is tuple:
            return tuple([self.value(value) for value in raw])
        if type(raw) in (set, frozenset):
            return frozenset(raw) if type(raw) is frozenset else set(raw)
        if type(raw) is memoryview:
            self.budget.take_bytes(len(raw), "bytes")
            return bytes(raw)
        if isinstance(raw, InertValue):
            return raw.resolve(self)
        name = shown(raw.name) if isinstance(raw, Inert) else f"an object of type {type(raw).__name__}"
        raise Refused(f"holds {name} as a value, which is no data", UNTRUSTED)
