"""Sizes read from the names and shapes of tensors.

Rule of this file: a size is what most of its witnesses say, so that one wrong tensor is found wrong by the others. The published
size is a witness too, and believed where there is no majority: what only one tensor tells cannot differ from what was published.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MAX_BLOCKS = 256
"""No network has more blocks of one kind; a file that says so is not built."""
Witness = tuple[str, int]
"""A tensor's name and the axis whose length says the size."""


def read_size(tensors: Mapping[str, Any], witnesses: Iterable[Witness], usual: int) -> int:
    """The length that most witnesses have, of which `usual`, the published one, is the first. Missing ones say nothing."""
    shapes = [(tensors[name].shape, axis) for name, axis in witnesses if name in tensors]
    votes = [shape[axis] for shape, axis in shapes if -len(shape) <= axis < len(shape) and shape[axis] > 0]
    return Counter([usual, *votes]).most_common(1)[0][0]


def count_blocks(tensors: Mapping[str, Any], prefix: str, step: int = 1, first: int = 0) -> int:
    """How many of prefix<first>., prefix<first + step>., ... follow each other without a gap; MAX_BLOCKS at most."""
    names = [name[len(prefix) :] for name in tensors if name.startswith(prefix)]
    numbers = {name.partition(".")[0] for name in names if "." in name}
    count = 0
    while count < MAX_BLOCKS and str(first + count * step) in numbers:
        count += 1
    return count


def most_agree(counts: Sequence[int]) -> int:
    """The count that most sources give; the first of those if none has a majority."""
    return Counter(counts).most_common(1)[0][0]
