"""--clip: heads edited by words through CLIP (core/clip), in place of the lexicon."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ..core.head.library import EMBEDDED, find_model, get_model, is_flame_file, note_model
from ..core.story import run
from ..core.types import HeadAsset, Progress
from .inputs import UsageError

STEPS = 100
MASKS = {"shape": "shape", "skin": "albedo", "expression": "expression"}
"""--only's kinds as core/clip calls them."""
OPTIONS = {"steps": "--steps", "seed": "--seed"}
"""What means nothing without --clip."""


def add_arguments(parser: argparse.ArgumentParser, parse_count: Callable[[str], int], parse_seed: Callable[[str], int]) -> None:
    """For `edit`."""
    file = "your own weights of CLIP, as open_clip has them (ViT-B-32): optimise the head by them (needs PyTorch and open_clip)"
    parser.add_argument("--clip", metavar="FILE", help=file)
    parser.add_argument("--steps", type=parse_count, metavar="N", help=f"with --clip: steps of the optimisation ({STEPS})")
    parser.add_argument("--seed", type=parse_seed, metavar="N", help="with --clip: of the views and their order (0)")
    parser.add_argument("--model", metavar="PATH", help="the FLAME file that the heads were made with, where it has moved")


def read_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """What `edit_by_clip` is told; nothing without --clip. Raises UsageError; ModelError, BackendError where something is
    missing."""
    if arguments.model not in (None, EMBEDDED) and is_flame_file(Path(arguments.model)):
        note_model(Path(arguments.model))
    if arguments.clip is None:
        if alone := [option for name, option in OPTIONS.items() if getattr(arguments, name) is not None]:
            raise UsageError(f"{alone[0]} goes with --clip: give a file of CLIP's weights, or leave it out.")
        return {}
    if not arguments.words.strip():
        raise UsageError("No words were given: say in a few words what the head should look like.")
    from ..core.nets.kinds import require_torch

    require_torch()
    _load(arguments.clip)
    return {"file": arguments.clip, "steps": arguments.steps or STEPS, "seed": arguments.seed or 0, "model": arguments.model}


def edit_by_clip(
    assets: Sequence[HeadAsset],
    words: str,
    strength: float,
    only: Sequence[str],
    options: dict[str, Any],
    on_progress: Callable[[Progress], None] | None = None,
) -> list[HeadAsset]:
    """Heads as the words want them; losses are in provenance. Raises WordsError, IdentityError, and what load_clip raises."""
    from ..core.clip.apply import apply_edit
    from ..core.clip.edit_head import edit_head

    clip = _load(options["file"])
    chosen: dict[str, Any] = {"masks": tuple(MASKS[kind] for kind in only), "strength": strength}
    chosen |= {"seed": options["seed"], "steps": options["steps"]}
    made = []
    for asset in assets:
        model = get_model(options["model"] or find_model(asset.provenance))
        made.append(apply_edit(asset, run(edit_head(words, asset, model, clip, **chosen), on_progress), model))
    return made


@cache
def _load(file: str) -> Any:
    """A core.clip.model.OpenClip, once a process."""
    from ..core.clip.model import load_clip

    return load_clip(Path(file))
