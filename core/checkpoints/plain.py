"""Python's own containers in pickles that say them by a call."""

from __future__ import annotations

from typing import Any

from .inert import Inert, checked_key
from .limits import UNTRUSTED, Refused, Surroundings

MAX_ITEMS_BYTES = 100


def _need(condition: bool, kind: str) -> None:
    if not condition:
        raise Refused(f"makes {kind} in a way that Python does not", UNTRUSTED)


def make_dict(around: Surroundings, arguments: tuple[Any, ...]) -> dict[Any, Any]:
    """OrderedDict, Counter, EasyDict: from nothing, a dict, or a list of pairs."""
    _need(len(arguments) <= 1, "a dict")
    given = arguments[0] if arguments else []
    pairs = list(given.items()) if type(given) is dict else given
    _need(type(pairs) is list and all(type(pair) in (tuple, list) and len(pair) == 2 for pair in pairs), "a dict")
    around.budget.take_bytes(MAX_ITEMS_BYTES * len(pairs), "a dict")
    return {checked_key(key): value for key, value in pairs}


def make_default_dict(around: Surroundings, arguments: tuple[Any, ...]) -> dict[Any, Any]:
    """defaultdict(factory): the factory is dropped."""
    _need(len(arguments) <= 1 and (not arguments or arguments[0] is None or type(arguments[0]) is Inert), "a dict")
    return {}


def _items(around: Surroundings, arguments: tuple[Any, ...], kind: str) -> list[Any]:
    _need(len(arguments) <= 1 and all(type(a) in (list, tuple) for a in arguments), kind)
    items = list(arguments[0]) if arguments else []
    around.budget.take_bytes(MAX_ITEMS_BYTES * len(items) + 216, kind)
    return [checked_key(item) for item in items]


def make_set(around: Surroundings, arguments: tuple[Any, ...]) -> set[Any]:
    return set(_items(around, arguments, "a set"))


def make_frozenset(around: Surroundings, arguments: tuple[Any, ...]) -> frozenset[Any]:
    return frozenset(_items(around, arguments, "a set"))


def make_encoded(around: Surroundings, arguments: tuple[Any, ...]) -> bytes:
    """_codecs.encode(text, 'latin1'): bytes in protocols before 3."""
    _need(len(arguments) == 2 and type(arguments[0]) is str and arguments[1] in ("latin1", "latin-1"), "bytes")
    around.budget.take_bytes(len(arguments[0]), "bytes")
    return arguments[0].encode("latin-1")


def make_bytes(around: Surroundings, arguments: tuple[Any, ...]) -> bytes:
    """bytes(): how protocols before 3 say b''."""
    _need(arguments == (), "bytes")
    return b""


def make_bytearray(around: Surroundings, arguments: tuple[Any, ...]) -> bytes:
    """bytearray(bytes) or bytearray(text, 'latin-1'), read as bytes."""
    if len(arguments) == 2:
        return make_encoded(around, arguments)
    _need(arguments == () or (len(arguments) == 1 and type(arguments[0]) in (bytes, memoryview)), "bytes")
    return arguments[0] if arguments else b""


def make_complex(around: Surroundings, arguments: tuple[Any, ...]) -> complex:
    _need(len(arguments) == 2 and all(type(a) is float for a in arguments), "a complex number")
    return complex(*arguments)


def make_reconstructed(around: Surroundings, arguments: tuple[Any, ...]) -> Any:
    """copyreg._reconstructor(class, object, None): how protocols 0 and 1 start an object; of a dict's subclass with its items."""
    _need(len(arguments) == 3 and type(arguments[0]) is Inert and arguments[0].new is not None, "an object")
    entry, base, state = arguments
    if base is OBJECT:
        _need(state is None, "an object")
        return entry.new(around, ())
    _need(base is DICT and type(state) is dict, "an object")
    made = entry.new(around, (state,))
    _need(type(made) is dict, "an object")
    return made


OBJECT, DICT = Inert("object"), Inert("dict", call=make_dict)
