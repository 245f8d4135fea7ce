"""What stands for a class or function in a pickle, and for an object of a foreign class: names and data, nothing that runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .limits import UNTRUSTED, Refused, Surroundings, shown
from .values import Record, checked_sparse

if TYPE_CHECKING:
    from .resolve import Resolver

Make = Callable[[Surroundings, tuple[Any, ...]], Any]


@dataclass(frozen=True, eq=False)
class Inert:
    """An entry of the allow-list. call: what REDUCE gives for its arguments; new: what NEWOBJ gives; None: not allowed."""

    name: str
    call: Make | None = None
    new: Make | None = None


class InertValue:
    """A value that is complete only once the whole file was read: BUILD adds to it, resolve() ends it."""

    class_name = "a value"

    def build(self, around: Surroundings, state: Any) -> None:
        raise Refused(f"sets the state of {self.class_name}, which has none", UNTRUSTED)

    def resolve(self, resolver: Resolver) -> Any:
        raise NotImplementedError


class InertObject(InertValue):
    """An object of an allowed foreign class: its name and its attributes."""

    def __init__(self, class_name: str, state: dict[str, Any] | None = None) -> None:
        self.class_name = class_name
        self.state: dict[str, Any] = {} if state is None else state

    def build(self, around: Surroundings, state: Any) -> None:
        if type(state) is tuple and len(state) == 2 and state[0] is None:
            state = state[1]
        if type(state) is not dict:
            raise Refused(f"has an object of {self.class_name} whose attributes are no dict", UNTRUSTED)
        self.state = state

    def attributes(self, resolver: Resolver) -> dict[str, Any]:
        """The attributes, resolved; the names are judged here, since a pickle may add some after BUILD."""
        if not all(type(key) is str for key in self.state):
            raise Refused(f"has an object of {self.class_name} whose attributes have no names", UNTRUSTED)
        return {key: resolver.value(value) for key, value in self.state.items()}

    def resolve(self, resolver: Resolver) -> Any:
        return Record(self.class_name, self.attributes(resolver))


class InertChumpy(InertObject):
    """An array of chumpy: its `x` where it has one (class Ch). Derived kinds stay records: nothing is evaluated."""

    def resolve(self, resolver: Resolver) -> Any:
        state = self.attributes(resolver)
        return state["x"] if self.class_name.endswith(".Ch") and "x" in state else Record(self.class_name, state)


class InertSparse(InertObject):
    """A sparse matrix of scipy, compressed by columns or rows."""

    def resolve(self, resolver: Resolver) -> Any:
        return checked_sparse(self.class_name.rsplit(".", 1)[-1][:3], self.attributes(resolver))


def build(around: Surroundings, target: Any, state: Any) -> None:
    """The opcode BUILD. Attributes of dicts (torch's `_metadata`) are dropped."""
    if isinstance(target, InertValue):
        target.build(around, state)
    elif not (type(target) is dict and type(state) is dict):
        raise Refused(f"sets the state of an object of type {type(target).__name__}, which is no data", UNTRUSTED)


def checked_key(key: Any) -> Any:
    """A dict's or set's key: none that could be chosen to collide with others or to take long to hash."""
    if type(key) in (str, bytes, bool, type(None)) or (type(key) is int and abs(key) < 1 << 60):
        return key
    raise Refused(f"has a key of a dict or set that is neither text nor a number ({described(key)})", UNTRUSTED)


def described(value: Any) -> str:
    """What kind of thing a value is, for a message."""
    if isinstance(value, Inert):
        return shown(value.name)
    return shown(value.class_name) if isinstance(value, InertValue) else f"an object of type {type(value).__name__}"
