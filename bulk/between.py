"""`batch.py between`: two heads' files -> the first with a shape key towards the second, or heads on the way, in named steps."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..core.types import HeadAsset
from .edit import read_heads
from .fit import FitOptions, write_heads
from .inputs import Task, UsageError, list_heads
from .terminal import OK, say

MOST_STEPS = 100


def add_command(commands: Any, add_result_arguments: Callable[[argparse.ArgumentParser], None]) -> None:
    """The command and its arguments."""
    between = commands.add_parser("between", help="one head becomes another", description=between_command.__doc__)
    between.add_argument("heads", nargs=2, metavar="HEAD", help="a .blend or .npz that Likeness wrote; of the same head model")
    steps = "heads between the two instead of a shape key, evenly spaced"
    between.add_argument("--steps", type=parse_steps, metavar="N", help=steps)
    add_result_arguments(between)
    between.set_defaults(run=between_command)


def parse_steps(text: str) -> int:
    """1 to MOST_STEPS."""
    if not text.isdigit() or not 1 <= int(text) <= MOST_STEPS:
        raise argparse.ArgumentTypeError(f"{text} is no number of heads: give 1 to {MOST_STEPS}")
    return int(text)


def between_command(arguments: argparse.Namespace, script: Path) -> int:
    """Write the first head with a shape key whose slider makes it the second; with --steps, heads between the two, textures and
    all. (A key is in a .blend, .glb or .fbx; an .npz has none.)"""
    from ..core.latent.between_people import add_key_towards, mix_in_steps

    tasks = list_heads(arguments.heads, Path(arguments.out))
    if len(tasks) != 2:
        raise UsageError("Both heads are the same file: give two.")
    if arguments.steps is None and arguments.export == ("npz",):
        raise UsageError("An .npz has no shape key towards another head: export blend, glb or fbx, or give --steps.")
    one, other = (_read_named(task) for task in tasks)
    options = FitOptions(arguments.out, arguments.export, preview=arguments.preview, has_visemes=arguments.visemes)
    stem = f"{tasks[0].stem}_to_{tasks[1].stem}"
    if arguments.steps is None:
        made = [(stem, add_key_towards(one, other))]
    else:
        shares = [number / (arguments.steps + 1) for number in range(1, arguments.steps + 1)]
        made = [(f"{stem}_{number:03d}", head) for number, head in enumerate(mix_in_steps(one, other, shares), 1)]
    for path in write_heads(made, options):
        say(path)
    return OK


def _read_named(task: Task) -> HeadAsset:
    """The first head in a file, called as the file."""
    return replace(read_heads(Path(task.photo))[0], name=Path(task.photo).stem)
