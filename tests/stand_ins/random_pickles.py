"""Pickles made at random of what the reader allows, put together as no pickler would: most are nonsense, some are read."""

from __future__ import annotations

import random

from likeness.core.checkpoints.allowed import ALLOWED
from pickle_assembly import (
    array,
    call,
    data,
    dict_of,
    dtype,
    list_of,
    named,
    npy,
    number,
    pickle_of,
    real,
    shape_of,
    storage,
    tensor,
    text,
    torch_legacy,
    torch_zip,
    tuple_of,
)  # fmt: skip

NAMES = sorted(ALLOWED)
PLAIN = (b"N", b"\x88", b")", b"]", b"}", text("x"), text("storage"), text("0"), data(b"b"), real(1.5), text("latin1"))
NUMBERS = (0, 1, 2, 3, 4, -1, 255, 2**31, 2**63, 10**12)
ATTRIBUTES = ("x", "data", "indices", "indptr", "_shape", "_modules", "_parameters", "_buffers", "_init_kwargs", "weight")
OPCODES = (b"b", b"a", b"s", b"R", b"\x81", b"e", b"u", b"\x86", b"Q", b"0")
MAX_DEPTH = 4


def random_file(dice: random.Random) -> bytes:
    """A plain pickle, a torch file of either kind, or an .npy, each about a random object."""
    body = value(dice, 0)
    kind = dice.randrange(4)
    if kind == 0:
        return pickle_of(body, 4)
    if kind == 1:
        return torch_zip(body)
    if kind == 2:
        return torch_legacy(body, keys=value(dice, 2) if dice.random() < 0.2 else b"")
    return npy("'|O'", "()", pickle_of(body))


def value(dice: random.Random, depth: int) -> bytes:
    """Opcodes that leave about one object on the stack."""

    def inner(chance: float = 1.0, otherwise: bytes = b"") -> bytes:
        return value(dice, depth + 1) if dice.random() < chance else otherwise

    def several(most: int) -> list[bytes]:
        return [inner() for _ in range(dice.randrange(most))]

    def attributes() -> bytes:
        return dict_of({name: inner() for name in dice.sample(ATTRIBUTES, 3)})

    def network() -> bytes:
        meta = {"type": text("class"), "class_name": text("G"), "state": attributes()}
        return call(named("torch_utils.persistence", "_reconstruct_persistent_obj"), dict_of(meta))

    if depth > MAX_DEPTH or dice.random() < 0.12:
        return dice.choice((*PLAIN, number(dice.choice(NUMBERS))))
    name = named(*dice.choice(NAMES))
    code = dice.choice(("f4", "O8", "i8", "U2", "b1", ">f8", "U0", "V3"))
    shape = shape_of(*dice.choices((0, 1, 2, 4), k=dice.randrange(3)))
    makers = (
        lambda: array(inner(0.3, shape), code, inner(0.4, data(bytes(dice.choice((0, 4, 8, 16)))))),
        lambda: tensor(inner(0.15), inner(0.15), inner(0.15), inner(0.15)),
        lambda: storage(kind=inner(0.3)),
        lambda: dtype(code, inner(0.4)),
        lambda: call(name, *several(5)),
        lambda: call(name, *several(3)),
        lambda: name + tuple_of(*several(3)) + b"\x81" + inner() + b"b",
        lambda: name + b")\x81" + attributes() + b"b",
        lambda: list_of(*several(4)),
        lambda: tuple_of(*several(4)),
        attributes,
        network,
        lambda: inner() + b"q" + bytes([dice.randrange(4)]),
        lambda: b"h" + bytes([dice.randrange(4)]),
        lambda: inner() + inner() + dice.choice(OPCODES),
    )
    return dice.choice(makers)()
