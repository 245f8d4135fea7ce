"""One file of a head and words -> the head as the words want it: what `batch.py edit` does for each of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..core.errors import WordsError
from ..core.import_npz import NOT_OURS, read_npz
from ..core.story import run
from ..core.types import HeadAsset, Progress
from ..core.words.edit import edit_head


def edit_file(
    path: Path,
    words: str,
    strength: float,
    only: Sequence[str],
    on_progress: Callable[[Progress], None] | None = None,
    clip: dict[str, Any] | None = None,
) -> list[HeadAsset]:
    """Every head in a .blend or .npz of ours, edited; clip: what bulk/clip.py is told, instead of the lexicon. Raises WordsError,
    SkinError."""
    if clip:
        from .clip import edit_by_clip

        return edit_by_clip(read_heads(path), words, strength, only, clip, on_progress)
    return [run(edit_head(asset, words, strength, only), on_progress) for asset in read_heads(path)]


def read_heads(path: Path) -> list[HeadAsset]:
    """The heads in a file, each showing the expression that it shows there. Raises WordsError where there is none."""
    if not path.is_file():
        raise WordsError(f"There is no file {path}: check the path.")
    if path.suffix.lower() == ".npz":
        return [read_npz(path)]
    if path.suffix.lower() != ".blend":
        raise WordsError(NOT_OURS.format(path=path))
    return _read_blend(path)


def _read_blend(path: Path) -> list[HeadAsset]:
    import bpy

    from ..scene import expression, head

    try:
        bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False, use_scripts=False)
    except RuntimeError as error:
        raise WordsError(NOT_OURS.format(path=path)) from error
    objects = [obj for obj in bpy.data.objects if head.is_head(obj)]
    if not objects:
        raise WordsError(NOT_OURS.format(path=path))
    return [replace(head.read_head(obj), expression=expression.read_keys(obj), pose=head.current_pose(obj)) for obj in objects]
