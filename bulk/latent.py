"""--code, --mix, --move, --words of `generate --paper`: people from latent codes, and what is done with a code on the way."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..core.errors import ModelError
from ..core.types import HeadAsset, Progress
from .inputs import Task, UsageError, name_outputs

OPTIONS = {
    "code": "--code", "mix": "--mix", "mix_layers": "--mix-layers", "mix_share": "--mix-share", "move": "--move",
    "layers": "--layers", "words": "--words", "clip": "--clip", "strength": "--strength", "steps": "--steps",
}  # fmt: skip
NEEDS = {"mix_layers": "mix", "mix_share": "mix", "clip": "words", "words": "clip", "strength": "words", "steps": "words"}
"""What an option means nothing without."""
NOT_OURS = (
    "{name} was not made from a latent code: give a head made by generate --paper, or a file that `batch.py project` wrote."
)


def add_arguments(
    parser: argparse.ArgumentParser, parse_share: Callable[[str], float], parse_strength: Callable[[str], float],
    parse_count: Callable[[str], int],
) -> None:  # fmt: skip
    """For `generate`."""
    code = "with --paper, instead of --seed: people from latent codes (files that project wrote, heads made from codes, arrays)"
    parser.add_argument("--code", nargs="+", metavar="FILE", help=code)
    parser.add_argument("--mix", metavar="FILE", help="with --paper: another code, which takes the finer half of the layers")
    parser.add_argument("--mix-layers", type=parse_layers, metavar="A-B", help="with --mix: the layers that it takes, from 0")
    parser.add_argument("--mix-share", type=parse_share, metavar="X", help="with --mix: as much of it, 0 to 1 (1)")
    move = "with --paper: along a direction (InterFaceGAN, GANSpace, SeFa, npy, npz, pt); of several in a file its NAME or number"
    parser.add_argument("--move", nargs="+", type=parse_move, metavar="FILE[:NAME]=AMOUNT", help=move)
    parser.add_argument("--layers", type=parse_layers, metavar="A-B", help="the layers that --move and --words may change (all)")
    parser.add_argument("--words", metavar="TEXT", help="with --paper and --clip: the code edited by words")
    parser.add_argument("--clip", metavar="FILE", help="with --words: your own weights of CLIP, as open_clip has them (ViT-B-32)")
    parser.add_argument("--strength", type=parse_strength, metavar="X", help="with --words: 0 nothing, 1 as found (1), up to 2")
    parser.add_argument("--steps", type=parse_count, metavar="N", help="with --words: steps of the optimisation (300)")


def parse_layers(text: str) -> tuple[int, ...]:
    """'4-7,9' -> (4, 5, 6, 7, 9)."""
    from ..core.latent.codes import parse_rows

    try:
        return parse_rows(text)
    except ModelError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def parse_move(text: str) -> tuple[str, str | None, float]:
    """'smile.npy=2', 'pca.npz:3=-1.5' -> file, name or None, amount."""
    place, _, amount = text.rpartition("=")
    try:
        far = float(amount)
    except ValueError:
        far = float("nan")
    if not place or not abs(far) < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no move: give FILE=AMOUNT, or FILE:NAME=AMOUNT, as in smile.npy=2")
    file, colon, name = place.rpartition(":")
    if colon and file and not Path(place).is_file():
        return file, name, far
    return place, None, far


def read_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """What is done with codes, as JSON; nothing where no option says so. Raises UsageError, and what reading the files raises."""
    given = {name: value for name in OPTIONS if (value := getattr(arguments, name)) is not None}
    if given and arguments.paper is None:
        raise UsageError(
            f"{OPTIONS[next(iter(given))]} goes with --paper: give the folder of the paper's files, or leave it out."
        )
    for name, needed in NEEDS.items():
        if name in given and needed not in given:
            raise UsageError(f"{OPTIONS[name]} goes with {OPTIONS[needed]}: give both, or leave it out.")
    if "layers" in given and not {"move", "words"} & given.keys():
        raise UsageError("--layers goes with --move or --words: give one of them, or leave it out.")
    if "words" in given and not given["words"].strip():
        raise UsageError("No words were given: say in a few words what the person should look like.")
    _require_who(arguments)
    told = {name: value for name, value in given.items() if name != "code"}
    for file in [*given.get("code", ()), *([told["mix"]] if "mix" in told else [])]:
        if not Path(file).is_file():
            raise UsageError(f"There is no file {file}: check the path.")
    if "move" in told:
        from ..core.latent.directions import find_direction, read_directions
    for file, name, _ in told.get("move", ()):
        find_direction(read_directions(Path(file)), name)
    if "clip" in told:
        from ..core.nets.kinds import require_torch

        require_torch()
        if not Path(told["clip"]).is_file():
            raise UsageError(f"There is no CLIP file {told['clip']}: check the path.")
    return told


def _require_who(arguments: argparse.Namespace) -> None:
    if arguments.code is None and arguments.seed is None:
        raise UsageError("Say who is made: give --seed N, or --paper FOLDER with --code FILE.")
    if arguments.code is not None:
        for name, option in (("seed", "--seed"), ("mix_seed", "--mix-seed")):
            if getattr(arguments, name) is not None:
                raise UsageError(f"{option} is another person than --code's: give one of the two.")
        if arguments.count != 1:
            raise UsageError("--count goes with --seed: of a code there is one person.")


def list_codes(files: list[str], out: Path) -> list[Task]:
    """A task a file. Raises UsageError where one would be replaced."""
    for name in files:
        if Path(name).resolve().parent == out.resolve():
            raise UsageError(f"{name} lies in {out}, where the results go: give another folder with --out.")
    return name_outputs(files)


def make_person(
    task: Task, told: dict[str, Any], sizes: dict[str, Any], on_progress: Callable[[Progress], None] | None
) -> HeadAsset:
    """A task's head by the paper's networks; told: bulk/paper.read_options' answer with 'latent'. Raises what stories raise."""
    from ..core.latent.directions import find_direction, read_directions
    from ..core.latent.person import CodeChange
    from ..core.paper.stories import generate_by_paper
    from ..core.story import run

    told = dict(told)
    latent = told.pop("latent")
    code = None if task.seed is not None else read_any_code(Path(task.photo))
    change = CodeChange(
        truncation=told.pop("truncation", None) if code is not None else None,
        mix=read_any_code(Path(latent["mix"])) if "mix" in latent else None,
        mix_rows=latent.get("mix_layers"),
        mix_share=latent.get("mix_share", 1.0),
        moves=[(find_direction(read_directions(Path(file)), name), far) for file, name, far in latent.get("move", ())],
        rows=latent.get("layers"),
        **{name: latent[name] for name in ("words", "clip", "strength", "steps") if name in latent},
    )
    story = generate_by_paper(task.seed or 0, code=code, change=change, **told, **sizes)
    return run(story, on_progress)


def read_any_code(path: Path) -> Any:
    """The LatentCode (core/latent/code_files) in a file, or of the head in a .blend. Raises ModelError, WordsError."""
    from ..core.latent.code_files import LatentCode, read_code

    if path.suffix.lower() != ".blend":
        return read_code(path)
    import numpy as np

    from .edit import read_heads

    told = read_heads(path)[0].provenance.get("latent", {})
    if "code" not in told:
        raise ModelError(NOT_OURS.format(name=path))
    return LatentCode(np.array(told["code"], np.float32), name=path.name)


def tell_code(asset: HeadAsset) -> dict[str, Any]:
    """What was done with a head's code, for its line of the report."""
    told = asset.provenance.get("latent", {})
    losses = {"loss": told["loss"]} if "loss" in told else {}
    return ({"understood": told["done"]} if told.get("done") else {}) | losses
