"""A machine of our own that runs a pickle's opcodes on plain data: it imports nothing and calls no foreign code.

A GLOBAL yields an inert entry of the allow-list (allowed.py) or ends the reading; REDUCE, NEWOBJ and BUILD only ever reach such
entries and the inert values that they made. Python's own Unpickler is not used: it allocates what a file claims, and importing is
what it is for. Opcodes that honest files of arrays never have (INST, OBJ, NEWOBJ_EX, EXT, PERSID, buffers) are refused.
"""

from __future__ import annotations

import codecs
import struct
from typing import Any

from .allowed import ALLOWED
from .inert import Inert, build, checked_key, described
from .limits import BYTES_PER_OPCODE, DAMAGED, FOREIGN, UNTRUSTED, Refused, Surroundings, shown

MAX_INTEGER_BYTES = 256
LARGE = 1 << 12
"""Byte strings of this size on are views of the file, not copies."""
SET_BYTES = 192
"""What a set, or a dict with its first item, takes beyond BYTES_PER_OPCODE."""
FORBIDDEN = {
    ord("i"): "INST", ord("o"): "OBJ", 0x92: "NEWOBJ_EX", 0x82: "EXT1", 0x83: "EXT2", 0x84: "EXT4", ord("P"): "PERSID",
    0x97: "NEXT_BUFFER", 0x98: "READONLY_BUFFER",
}  # fmt: skip


class Machine:
    """One run over `data` (bytes-like) from `start`; run() returns the unresolved root (resolve.py) and where it ended."""

    def __init__(self, data: memoryview, start: int, around: Surroundings) -> None:
        self.data, self.at, self.around = data, start, around
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> tuple[Any, int]:
        budget = self.around.budget
        allowed = min(budget.opcodes_left, budget.bytes_left // BYTES_PER_OPCODE)
        data, end, opcodes, steps = self.data, len(self.data), OPCODES, 0
        while True:
            if self.at >= end:
                raise Refused("is cut short", DAMAGED)
            code = data[self.at]
            self.at += 1
            steps += 1
            if steps > allowed:
                raise Refused("has more steps than a file of its size can need", DAMAGED)
            if code == STOP:
                break
            step = opcodes.get(code)
            if step is None:
                name = FORBIDDEN.get(code)
                if name:
                    raise Refused(f"uses the opcode {name}, which files of arrays do not have", UNTRUSTED)
                raise Refused(f"has an unknown opcode (0x{code:02x})", DAMAGED)
            step(self)
        budget.opcodes_left -= steps
        budget.bytes_left -= steps * BYTES_PER_OPCODE
        if len(self.stack) != 1 or self.marks:
            raise Refused("ends with a stack that is not one object", DAMAGED)
        return self.stack[0], self.at

    # what the opcodes are made of

    def take(self, count: int) -> memoryview:
        if count < 0 or count > len(self.data) - self.at:
            raise Refused("is cut short", DAMAGED)
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, layout: str) -> int:
        return int(struct.unpack(layout, self.take(struct.calcsize(layout)))[0])

    def line(self) -> bytes:
        width = 64
        while (length := bytes(self.data[self.at : self.at + width]).find(b"\n")) < 0:
            if self.at + width >= len(self.data):
                raise Refused("has a line without an end", DAMAGED)
            width *= 16
        self.around.budget.take_bytes(length, "text")
        self.at += length + 1
        return bytes(self.data[self.at - length - 1 : self.at - 1])

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        if not self.stack:
            raise Refused("takes more from its stack than it put there", DAMAGED)
        return self.stack.pop()

    def top(self) -> Any:
        if not self.stack:
            raise Refused("takes more from its stack than it put there", DAMAGED)
        return self.stack[-1]

    def pop_mark(self) -> list[Any]:
        if not self.marks:
            raise Refused("closes a list that it never opened", DAMAGED)
        items, self.stack = self.stack, self.marks.pop()
        return items

    def text(self, raw: memoryview, encoding: str = "utf-8") -> str:
        self.around.budget.take_bytes(len(raw), "text")
        return str(raw, encoding, "surrogatepass" if encoding == "utf-8" else "strict")

    def bytes(self, raw: memoryview) -> bytes | memoryview:
        return raw if len(raw) >= LARGE else bytes(raw)

    # opcodes with more than one line

    def mark(self) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def pop_one(self) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.pop_mark()

    def protocol(self) -> None:
        version = self.number("<B")
        if version > 5:
            raise Refused(f"has pickle protocol {version}, which does not exist", DAMAGED)

    def frame(self) -> None:
        if self.number("<Q") > len(self.data) - self.at:
            raise Refused("is cut short", DAMAGED)

    def integer_line(self) -> None:
        line = self.line()
        if line in (b"00", b"01"):
            return self.push(line == b"01")
        digits = line.removesuffix(b"L")
        if len(digits) > MAX_INTEGER_BYTES or not digits.removeprefix(b"-").isdigit():
            raise Refused("has a number that is none", DAMAGED)
        return self.push(int(digits))

    def float_line(self) -> None:
        line = self.line()
        if len(line) > 64:
            raise Refused("has a number that is none", DAMAGED)
        self.push(float(line))

    def long_integer(self, layout: str) -> None:
        count = self.number(layout)
        if count > MAX_INTEGER_BYTES:
            raise Refused("has an integer of more than 2,048 bits", UNTRUSTED)
        self.push(int.from_bytes(self.take(count), "little", signed=True))

    def quoted_line(self) -> None:
        line = self.line()
        if len(line) < 2 or line[0] != line[-1] or line[:1] not in b"'\"":
            raise Refused("has text without quotation marks", DAMAGED)
        self.push(codecs.escape_decode(line[1:-1])[0].decode("latin-1"))

    def add_to_list(self, items: list[Any]) -> None:
        if type(self.top()) is not list:
            raise Refused("appends to what is no list", UNTRUSTED)
        self.top().extend(items)

    def add_to_set(self, items: list[Any]) -> None:
        if type(self.top()) is not set:
            raise Refused("adds to what is no set", UNTRUSTED)
        self.top().update(map(checked_key, items))

    def set_items(self, items: list[Any]) -> None:
        target = self.top()
        if type(target) is not dict or len(items) % 2:
            raise Refused("sets items of what is no dict", UNTRUSTED)
        if not target:
            self.around.budget.take_bytes(SET_BYTES, "dicts")
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[checked_key(key)] = value

    def new_set(self) -> None:
        self.around.budget.take_bytes(SET_BYTES, "sets")
        self.push(set())

    def new_dict(self) -> None:
        items = self.pop_mark()
        self.push({})
        self.set_items(items)

    def get(self, index: int) -> None:
        if index not in self.memo:
            raise Refused("refers to an object that it does not have", DAMAGED)
        self.push(self.memo[index])

    def put(self, index: int) -> None:
        self.memo[index] = self.top()

    def index_line(self) -> int:
        line = self.line()
        if len(line) > 10 or not line.isdigit():
            raise Refused("has a reference that is no number", DAMAGED)
        return int(line)

    def look_up(self, module: Any, name: Any) -> None:
        if not (type(module) is str and type(name) is str):
            raise Refused("names a class by what is no text", UNTRUSTED)
        entry = ALLOWED.get((module, name))
        if entry is None:
            raise Refused(f"wants {shown(f'{module}.{name}')}, which is not among the kinds of data that are read", FOREIGN)
        self.push(entry)

    def named_lines(self) -> None:
        module, name = self.line(), self.line()
        self.look_up(module.decode("utf-8"), name.decode("utf-8"))

    def named_on_stack(self) -> None:
        name = self.pop()
        self.look_up(self.pop(), name)

    def reduce(self) -> None:
        arguments, entry = self.pop(), self.pop()
        if type(entry) is not Inert or entry.call is None or type(arguments) is not tuple:
            raise Refused(f"calls {described(entry)}, which is no data", UNTRUSTED)
        self.push(entry.call(self.around, arguments))

    def new_object(self) -> None:
        arguments, entry = self.pop(), self.pop()
        if type(entry) is not Inert or entry.new is None or type(arguments) is not tuple:
            raise Refused(f"makes an object of {described(entry)}, which is no data", UNTRUSTED)
        self.push(entry.new(self.around, arguments))

    def set_state(self) -> None:
        state = self.pop()
        build(self.around, self.top(), state)

    def persistent(self) -> None:
        if self.around.storage_of is None:
            raise Refused("refers to data outside of it (a persistent id), which this kind of file has not", UNTRUSTED)
        self.push(self.around.storage_of(self.pop()))


STOP = ord(".")


def _opcodes() -> dict[int, Any]:
    m = Machine
    table = {
        "(": m.mark, "0": m.pop_one, "1": lambda s: s.pop_mark() and None, "2": lambda s: s.push(s.top()),
        "N": lambda s: s.push(None), "\x88": lambda s: s.push(True), "\x89": lambda s: s.push(False),
        "\x80": m.protocol, "\x95": m.frame,
        "I": m.integer_line, "L": m.integer_line, "F": m.float_line,
        "J": lambda s: s.push(s.number("<i")), "K": lambda s: s.push(s.number("<B")), "M": lambda s: s.push(s.number("<H")),
        "\x8a": lambda s: s.long_integer("<B"), "\x8b": lambda s: s.long_integer("<i"),
        "G": lambda s: s.push(struct.unpack(">d", s.take(8))[0]),
        "S": m.quoted_line, "V": lambda s: s.push(s.line().decode("raw-unicode-escape")),
        "T": lambda s: s.push(s.text(s.take(s.number("<i")), "latin-1")),
        "U": lambda s: s.push(s.text(s.take(s.number("<B")), "latin-1")),
        "B": lambda s: s.push(s.bytes(s.take(s.number("<I")))), "C": lambda s: s.push(s.bytes(s.take(s.number("<B")))),
        "\x8e": lambda s: s.push(s.bytes(s.take(s.number("<Q")))), "\x96": lambda s: s.push(s.bytes(s.take(s.number("<Q")))),
        "X": lambda s: s.push(s.text(s.take(s.number("<I")))), "\x8c": lambda s: s.push(s.text(s.take(s.number("<B")))),
        "\x8d": lambda s: s.push(s.text(s.take(s.number("<Q")))),
        "]": lambda s: s.push([]), "}": lambda s: s.push({}), ")": lambda s: s.push(()),
        "\x8f": m.new_set,
        "l": lambda s: s.push(s.pop_mark()), "t": lambda s: s.push(tuple(s.pop_mark())), "d": m.new_dict,
        "\x91": lambda s: s.push(frozenset(map(checked_key, s.pop_mark()))),
        "\x85": lambda s: s.push((s.pop(),)), "\x86": lambda s: s.push((s.pop(), s.pop())[::-1]),
        "\x87": lambda s: s.push((s.pop(), s.pop(), s.pop())[::-1]),
        "a": lambda s: s.add_to_list([s.pop()]), "e": lambda s: s.add_to_list(s.pop_mark()),
        "\x90": lambda s: s.add_to_set(s.pop_mark()),
        "s": lambda s: s.set_items([s.pop(), s.pop()][::-1]), "u": lambda s: s.set_items(s.pop_mark()),
        "g": lambda s: s.get(s.index_line()), "h": lambda s: s.get(s.number("<B")), "j": lambda s: s.get(s.number("<I")),
        "p": lambda s: s.put(s.index_line()), "q": lambda s: s.put(s.number("<B")), "r": lambda s: s.put(s.number("<I")),
        "\x94": lambda s: s.put(len(s.memo)),
        "c": m.named_lines, "\x93": m.named_on_stack, "R": m.reduce, "\x81": m.new_object, "b": m.set_state, "Q": m.persistent,
    }  # fmt: skip
    return {ord(key): step for key, step in table.items()}


OPCODES = _opcodes()
