"""--paper: heads by the paper's networks and a folder of their files, in place of our own way (core/paper)."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..core.types import HeadAsset, Progress
from .inputs import Task, UsageError

OPTIONS = {"unrefined": "--unrefined", "released": "--released", "truncation": "--truncation", "mix_seed": "--mix-seed"}
"""What means nothing without --paper."""


def add_fit_arguments(parser: argparse.ArgumentParser) -> None:
    """For photos."""
    _add_folder(parser)
    as_it_is = "with --paper: the networks' result as it is, its known faults mended, not refined by our fit"
    parser.add_argument("--unrefined", action="store_true", help=as_it_is)
    parser.add_argument("--released", action="store_true", help="with --paper: as the release computes it, with its faults")


def add_generate_arguments(parser: argparse.ArgumentParser, parse_seed: Callable[[str], int]) -> None:
    """For random people."""
    _add_folder(parser)
    far = "with --paper: how far from the mean person, 0 to 1 (0.5)"
    parser.add_argument("--truncation", type=parse_share, metavar="X", help=far)
    mixed = "with --paper: the finer half of each person is this seed's"
    parser.add_argument("--mix-seed", type=parse_seed, metavar="N", help=mixed)
    parser.add_argument("--released", action="store_true", help="with --paper: as the release computes it, with its faults")


def _add_folder(parser: argparse.ArgumentParser) -> None:
    folder = "the paper's files (data, stylegan2, ... as released, or all in one folder): by its networks, on FLAME's mesh"
    parser.add_argument("--paper", metavar="FOLDER", help=folder)


def parse_share(text: str) -> float:
    """0 to 1."""
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no share: give a number from 0 to 1")
    return share


def read_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """What core/paper's stories are told beside the photo or seed; nothing without --paper. Raises UsageError."""
    given = {name: getattr(arguments, name, None) for name in OPTIONS}
    if arguments.paper is None:
        if alone := [OPTIONS[name] for name, value in given.items() if value not in (None, False)]:
            raise UsageError(f"{alone[0]} goes with --paper: give the folder of the paper's files, or leave it out.")
        return {}
    if arguments.model != "embedded":
        raise UsageError("--paper takes the head model of its own folder: leave --model out.")
    if getattr(arguments, "same_person", False):
        raise UsageError("--paper makes a head of one photo: leave --same-person out.")
    told: dict[str, Any] = {"folder": arguments.paper}
    if given["released"]:
        told |= {"refine": False, "faults": ["all"]}
    if given["unrefined"]:
        told["refine"] = False
    return told | {name: given[name] for name in ("truncation", "mix_seed") if given[name] is not None}


def fit_by_paper(
    task: Task, told: dict[str, Any], face: int | None, sizes: dict[str, Any], on_progress: Callable[[Progress], None] | None
) -> list[HeadAsset]:
    """A task's heads; told: read_options' answer; face: None for all of a photo."""
    from ..core.paper.stories import fit_photo_by_paper, generate_by_paper
    from ..core.story import run

    if "latent" in told:
        from .latent import make_person

        return [make_person(task, told, sizes, on_progress)]
    if task.seed is not None:
        return [run(generate_by_paper(task.seed, **told, **sizes), on_progress)]
    faces = [face] if face is not None else list(range(count_faces(task.photo)))
    return [run(fit_photo_by_paper(task.photo, face=number, **told, **sizes), on_progress) for number in faces]


def count_faces(photo: str) -> int:
    """At least 1: for one without a face the fit says so."""
    from ..core.photo.image import load_photo
    from ..core.photo.landmarks import find_faces

    return max(1, len(find_faces(load_photo(photo))))


def model_of(told: dict[str, Any]) -> str:
    """The head model of the folder."""
    from ..core.paper.files import find_paper_files

    return str(find_paper_files(Path(told["folder"])).flame)
