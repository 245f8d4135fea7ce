"""How much a file may ask for, and the refusal that ends its reading."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

DAMAGED = "download or copy it again"
UNTRUSTED = "nothing of it was run; use the file as its authors publish it"
FOREIGN = "nothing of it was run; use the file as its authors publish it, or one with nothing but its arrays (a state dict)"
TOO_LARGE = "use the file as its authors publish it, uncompressed if it is an archive"
BYTES_PER_OPCODE = 64
"""What one step of a pickle may leave in memory: an object and a reference to it."""


class Refused(Exception):
    """Why a file is not read: `reason` continues the sentence 'The file ...', `remedy` says what to do."""

    def __init__(self, reason: str, remedy: str = DAMAGED) -> None:
        super().__init__(reason)
        self.reason, self.remedy, self.kind = reason, remedy, "file"


@dataclass(frozen=True)
class Limits:
    """Bytes that reading may build: bytes_per_file_byte times the file's size and slack_bytes on top, max_bytes at most.

    max_depth: of containers in containers; max_opcodes: steps of all pickles in the file, and objects that it may unfold to.
    """

    bytes_per_file_byte: int = 8
    slack_bytes: int = 64 << 20
    max_bytes: int = 16 << 30
    max_depth: int = 64
    max_opcodes: int = 4_000_000


@dataclass
class Budget:
    """What is left of the limits while one file is read, shared by the files within the file."""

    limits: Limits
    bytes_left: int
    opcodes_left: int

    def take_bytes(self, count: int, what: str) -> None:
        """Refuse what does not fit, before it is allocated."""
        if count > self.bytes_left:
            raise Refused(f"asks for more memory than a file of its size can need ({what})", TOO_LARGE)
        self.bytes_left -= count


def budget_for(size: int, limits: Limits) -> Budget:
    """The budget of a file of `size` bytes."""
    if size > limits.max_bytes:
        raise Refused(f"has {size:,} bytes, more than the limit of {limits.max_bytes:,}", TOO_LARGE)
    return Budget(limits, min(limits.bytes_per_file_byte * size + limits.slack_bytes, limits.max_bytes), limits.max_opcodes)


@dataclass(frozen=True)
class Surroundings:
    """Where a pickle lies: the budget; storage_of, which turns a torch file's persistent id into a storage (None where no such id
    may occur); read_nested, which reads a torch file from bytes within the pickle; level: of files within files;
    is_outline: torch's tensors are wanted without their numbers."""

    budget: Budget
    read_nested: Callable[[Any, Surroundings], Any]
    storage_of: Callable[[Any], Any] | None = None
    level: int = 0
    is_outline: bool = False


def shown(text: object, length: int = 60) -> str:
    """A name or shape out of the file, fit for one line: at most `length` printable characters."""
    line = "".join(c if c.isprintable() else "?" for c in str(text)[: length + 1])
    return line if len(line) <= length else f"{line[: length - 3]}..."
