"""One photo -> its files and its line of the report. Runs in the batch process itself or in a worker."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.errors import describe_error
from ..core.staging import staged
from ..core.types import HeadAsset, Progress
from .inputs import Task
from .interruption import held_back, leave_if_stopped
from .latent import tell_code

SCENE_FORMATS = ("blend", "glb", "fbx", "obj")
FORMATS = (*SCENE_FORMATS, "npz")


@dataclass(frozen=True)
class FitOptions:
    """What to do with every photo: out (folder), formats out of FORMATS, head model, face (0 the largest; None: all), preview,
    texture_size (texels along a side of the albedo; None: the pipeline's own), skin (numbers of it to move, by name),
    has_visemes: 15 shape keys more, for lip-sync (not by default: a .glb of 8.2 MB has 10.0 with them, its mesh half as much
    again, and whoever has ARKit's units can mix them),
    is_shape_only: nothing is painted or written, the report's line holds the identity; words, strength, only: of tasks that
    are heads' files, how these are edited (core/words); paper: what core/paper's stories are told, where they do the work;
    clip: what bulk/clip.py is told, where it edits by the words; texture_space: the file of a space of skins for hidden ones."""

    out: str
    formats: tuple[str, ...]
    model: str = "embedded"
    face: int | None = 0
    preview: bool = False
    texture_size: int | None = None
    skin: dict[str, float] = field(default_factory=dict)
    is_shape_only: bool = False
    has_visemes: bool = False
    words: str = ""
    strength: float = 1.0
    only: tuple[str, ...] = ()
    paper: dict[str, Any] = field(default_factory=dict)
    clip: dict[str, Any] = field(default_factory=dict)
    texture_space: str = ""


def fit_to_files(task: Task, options: FitOptions, on_progress: Callable[[Progress], None] | None = None) -> dict[str, Any]:
    """Make one task's heads (of photos, or of a seed) and write their files; returns the report's line.

    A failure is a line with its sentence, not an exception.
    """
    started = time.perf_counter()
    times_s: dict[str, float] = {}
    line: dict[str, Any] = {"input": task.photo, "ok": False, "error": None, "outputs": [], "heads": []}
    if task.others:
        line["others"] = list(task.others)
    try:
        line |= {"sha256": hash_photo(Path(task.photo))} if task.seed is None else {"seed": task.seed}
        if options.is_shape_only:
            line |= _find_shape(task, options, on_progress)
        else:
            assets = _make(task, options, on_progress)
            line["heads"], times_s = _write(assets, task, options)
            line |= summarise(line["heads"])
        if task.seed is not None or "latent" in options.paper or (options.words and not line["confidence"]):
            del line["confidence"]
        line["ok"] = True
    except Exception as error:
        line["error"] = describe_error(error)
    line["times_s"] = {k: round(v, 4) for k, v in (times_s | {"total": time.perf_counter() - started}).items()}
    return line


def say_compiling(progress: Progress) -> None:
    """For fit_to_files, to standard error: the one stage that a batch mentions, for it can outlast all others together."""
    from ..core.pipeline import COMPILING

    if progress.stage.endswith(COMPILING):
        sys.stderr.write(f"{COMPILING} ...\n")
        sys.stderr.flush()


def hash_photo(path: Path) -> str | None:
    """SHA-256 (hex) of the file's bytes; None where they cannot be read (the reader of photos says why)."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def summarise(heads: list[dict[str, Any]]) -> dict[str, Any]:
    """The photo's outputs, warnings and lowest confidence, over its heads."""
    return {
        "outputs": [output for head in heads for output in head["outputs"]],
        "confidence": min(head["confidence"] for head in heads),
        "warnings": list(dict.fromkeys(warning for head in heads for warning in head["warnings"])),
        **({"understood": [said for head in heads for said in head["understood"]]} if "understood" in heads[0] else {}),
        **({"loss": heads[0]["loss"]} if "loss" in heads[0] else {}),
    }


def _tell_words(asset: HeadAsset, options: FitOptions) -> dict[str, Any]:
    """What was understood of the words, and as warnings what was not."""
    if not options.words:
        return {}
    told = asset.provenance["words"][-1]
    losses = {"loss": [told["loss_before"], told["loss_after"]]} if "loss_before" in told else {}
    return {"understood": told["understood"], "warnings": told["ignored"], **losses}


def _find_shape(task: Task, options: FitOptions, on_progress: Callable[[Progress], None] | None) -> dict[str, Any]:
    from ..core.evaluation.now_challenge import read_box
    from ..core.evaluation.shape_fit import fit_shape
    from ..core.story import run

    found = run(fit_shape(task.photo, model=options.model, box=read_box(Path(task.photo))), on_progress)
    identity = [round(float(value), 5) for value in found.identity]
    return {"identity": identity, "expected_shape_error_mm": round(found.expected_error_mm, 2), "warnings": list(found.warnings)}


def _make(task: Task, options: FitOptions, on_progress: Callable[[Progress], None] | None) -> list[HeadAsset]:
    assets = _fit(task, options, on_progress)
    if options.texture_space:
        from .texture_space import dress

        assets = [dress(asset, task, options.texture_space, options.model, options.paper) for asset in assets]
    if not options.skin:
        return assets
    from ..core.head.library import get_model
    from ..core.restyle import restyle_head
    from .paper import model_of

    model = get_model(model_of(options.paper) if options.paper else options.model)
    return [restyle_head(asset, options.skin, model) for asset in assets]


def _fit(task: Task, options: FitOptions, on_progress: Callable[[Progress], None] | None) -> list[HeadAsset]:
    if options.words:
        from .edit import edit_file

        return edit_file(Path(task.photo), options.words, options.strength, options.only, on_progress, options.clip)
    if options.paper:
        from .paper import fit_by_paper

        size = {} if options.texture_size is None else {"texture_size": options.texture_size}
        return fit_by_paper(task, options.paper, options.face, size, on_progress)
    from ..core import pipeline

    sizes: dict[str, Any] = {} if options.texture_size is None else {"texture_size": options.texture_size}
    if task.seed is not None:
        from ..core.generation import generate_head

        return [pipeline.run(generate_head(task.seed, model=options.model, **sizes), on_progress)]
    if task.others:
        return [pipeline.run(pipeline.fit_photos([task.photo, *task.others], model=options.model, **sizes), on_progress)]
    if options.face is None:
        return pipeline.run(pipeline.fit_all_faces(task.photo, model=options.model, **sizes), on_progress)
    return [pipeline.run(pipeline.fit_photo(task.photo, model=options.model, face=options.face, **sizes), on_progress)]


def _write(assets: list[HeadAsset], task: Task, options: FitOptions) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Write every head's files; all of a photo's files appear together or none does, though a signal comes between two."""
    heads: list[dict[str, Any]] = []
    times_s = dict(assets[0].provenance.get("times_s", {}))
    out = Path(options.out)
    with ExitStack() as end, staged(out) as folder:
        for number, asset in enumerate(assets, 1):
            stem = task.stem if len(assets) == 1 else f"{task.stem}_face{number}"
            before = set(folder.iterdir())
            for stage, seconds in _write_head(asset, folder, stem, options).items():
                times_s[stage] = times_s.get(stage, 0.0) + seconds
            written = sorted(path.name for path in set(folder.iterdir()) - before)
            heads.append(
                {
                    "name": stem,
                    "outputs": [str(out / name) for name in written],
                    "confidence": asset.provenance.get("confidence", 0.0),
                    "warnings": [] if options.words else list(asset.provenance.get("warnings", ())),
                    **{key: asset.provenance[key] for key in ("appearance", "appearance_read") if key in asset.provenance},
                    **(tell_code(asset) if "latent" in options.paper else _tell_words(asset, options)),
                }
            )
        end.enter_context(held_back())
    return heads, times_s


def write_heads(named: list[tuple[str, HeadAsset]], options: FitOptions) -> list[str]:
    """Stems and heads -> the paths of their files, which appear together or not at all."""
    out = Path(options.out)
    with ExitStack() as end, staged(out) as folder:
        for stem, asset in named:
            _write_head(asset, folder, stem, options)
        written = sorted(str(out / path.name) for path in folder.iterdir())
        end.enter_context(held_back())
    return written


def _write_head(asset: HeadAsset, folder: Path, stem: str, options: FitOptions) -> dict[str, float]:
    times_s: dict[str, float] = {}
    clock = time.perf_counter()
    if options.has_visemes:
        from ..core.head.visemes import add_visemes

        asset = add_visemes(asset)

    def lap(stage: str) -> None:
        nonlocal clock
        times_s[stage] = time.perf_counter() - clock
        clock = time.perf_counter()
        leave_if_stopped()

    if "npz" in options.formats:
        from ..core import export_npz

        export_npz.export_npz(asset, folder / f"{stem}.npz")
        lap("npz")
    scene_formats = [name for name in options.formats if name in SCENE_FORMATS]
    if not scene_formats and not options.preview:
        return times_s
    import bpy

    from ..scene import export, head, main_file

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    lap("empty scene")
    obj = head.create_head(bpy.context, asset)
    lap("scene")
    for name in scene_formats:
        if name == "blend":
            main_file.save_main_file(obj, folder / f"{stem}.blend")
        else:
            export.export_head(obj, folder / f"{stem}.{name}", name)
        lap(name)
    if options.preview:
        from ..scene import preview

        preview.render_preview(obj, asset.photo, folder / f"{stem}_preview.png")
        lap("preview")
    return times_s
