"""--texture-space: the user's own space of skins on FLAME's layout, for what photos hide, and for random people."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..core.types import HeadAsset
from .inputs import Task, UsageError


def add_argument(parser: argparse.ArgumentParser) -> None:
    """For photos and random people."""
    space = (
        "FLAME_texture.npz or FLAME_albedo_from_BFM.npz: skin that no photo shows is of it (needs head_template.obj beside FLAME)"
    )
    parser.add_argument("--texture-space", default="", metavar="FILE", help=space)


def read_option(arguments: argparse.Namespace) -> str:
    """The file, or ''. Raises UsageError, and what reading it raises."""
    if not arguments.texture_space:
        return ""
    if arguments.model == "embedded" and arguments.paper is None:
        raise UsageError("--texture-space lies on FLAME's layout: give your FLAME file with --model.")
    from ..core.flame.skin_space import read_skin_space

    read_skin_space(Path(arguments.texture_space))
    return str(arguments.texture_space)


def dress(asset: HeadAsset, task: Task, file: str, model_name: str, paper: dict[str, Any]) -> HeadAsset:
    """A head with its hidden skin of the space in a file; a random person of our own with a skin of it. Raises ModelError."""
    from ..core.flame.skin_space import draw_skin, fill_hidden_skin, read_skin_space
    from ..core.head.library import get_model
    from .paper import model_of

    space, model = read_skin_space(Path(file)), get_model(model_of(paper) if paper else model_name)
    if task.seed is not None and not paper:
        return draw_skin(asset, space, model, task.seed)
    return fill_hidden_skin(asset, space, model)
