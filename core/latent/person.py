"""A person's latent code: found in a photo, mixed with another's, moved along directions, edited by words.

Rule of this file: codes alone; what becomes of a code is core/paper/stories.py's.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from PIL import Image

from ..albedogan.pipeline import arrange_styles
from ..errors import FaceError, ModelError
from ..evaluation.realy_keypoints import DENSE_LANDMARKS
from ..evaluation.tables import csv_table
from ..nets.importing import load_network
from ..nets.stylegan2 import Generator as StyleGenerator
from ..paper.files import PaperFiles
from ..photo.image import load_photo
from ..photo.landmarks import detect_landmarks
from ..types import Progress
from .code_files import LatentCode, write_code
from .codes import Rows, spread_code
from .directions import Direction, follow_direction
from .mixing import mix_styles, truncate
from .portrait import cut_portrait
from .projection import ProjectionOptions, project
from .similarity import Embedding, face_embedding
from .tools import LatentTools

MEAN_SHARE = 0.5
STEPS_BY_WORDS = 300
OTHER_GENERATOR = "The latent code has {ours} numbers a layer and the generator {theirs}: give a code of that generator."
NO_FACE = "No face was found: the middle square of the picture was taken as it is."


@dataclass(frozen=True)
class PhotoCode:
    """code: with its noise; picture: what it shows [S, S, 3] uint8; wanted: what was looked for, the same; losses: of each step,
    the result's own last; compared_by: sentences' words; warnings."""

    code: LatentCode
    picture: np.ndarray
    wanted: np.ndarray
    losses: tuple[float, ...]
    compared_by: tuple[str, ...]
    warnings: tuple[str, ...]


def project_photo(
    photo: str | Path, tools: LatentTools, *, space: Literal["w", "w+"] = "w+", steps: int = 1000, seed: int = 0
) -> Generator[Progress, None, PhotoCode]:
    """The latent code of a photo, cut as the generator's portraits are where a face is found. Raises PhotoError, ModelError."""
    yield Progress("Reading the photo", 0.0)
    read = load_photo(photo)
    wanted, warnings = read.pixels, [NO_FACE]
    with suppress(FaceError):
        points = detect_landmarks(read).points_px[list(DENSE_LANDMARKS)] - 0.5
        wanted, warnings = cut_portrait(read.pixels, points, tools.generator.size), []
    options = ProjectionOptions(space, steps, seed)
    found = yield from project(tools.generator, wanted, options, features=tools.features, embedding=tools.embedding)
    told = {
        "photo_sha256": read.sha256, "space": space, "steps": steps, "seed": seed, "compared_by": tools.losses,
        "loss": [round(found.losses[0], 6), round(found.losses[-1], 6)], "networks": tools.describe(),
    }  # fmt: skip
    code = LatentCode(found.latent, found.noise, told)
    return PhotoCode(code, found.picture, wanted, found.losses, tuple(tools.losses), tuple(warnings))


def write_photo_code(found: PhotoCode, folder: Path, stem: str) -> None:
    """<stem>_code.safetensors and .png, <stem>_wanted.png, <stem>_loss.csv."""
    write_code(folder / f"{stem}_code.safetensors", found.code)
    Image.fromarray(found.picture).save(folder / f"{stem}_code.png")
    Image.fromarray(found.wanted).save(folder / f"{stem}_wanted.png")
    table = csv_table(("step", "unlikeness"), [[step, loss] for step, loss in enumerate(found.losses)])
    (folder / f"{stem}_loss.csv").write_text(table, encoding="utf-8")


@dataclass(frozen=True)
class CodeChange:
    """What is done with a code, in this order. truncation: how far from the mean it stays (None: as it is); mix: another code,
    which takes these rows (None: the finer half), as much of it as mix_share says; moves: directions and how far; words: by
    CLIP's file, `strength` of what was found in `steps`; rows: those that moves and words may change (None: all)."""

    truncation: float | None = None
    mix: LatentCode | None = None
    mix_rows: Rows | None = None
    mix_share: float = 1.0
    moves: Sequence[tuple[Direction, float]] = ()
    words: str = ""
    clip: str = ""
    strength: float = 1.0
    steps: int = STEPS_BY_WORDS
    rows: Rows | None = None


@dataclass(frozen=True)
class ChangedCode:
    """latent: w+ [L, D] float32; done: sentences; loss: of the words, before and after, or None."""

    latent: np.ndarray
    done: tuple[str, ...]
    loss: tuple[float, float] | None = None


@dataclass(frozen=True)
class DrawnCode:
    """latent: w+ [1, L, D] as the generator takes it; noise: its maps [1, 1, R, R], or None; told: JSON-able facts."""

    latent: torch.Tensor
    noise: list[torch.Tensor] | None
    told: dict[str, Any]


def draw_code(
    seed: int,
    code: LatentCode | None,
    change: CodeChange | None,
    files: PaperFiles,
    generator: StyleGenerator,
    styles: dict[str, Any],
) -> Generator[Progress, None, DrawnCode]:
    """A code that was given, or the seed's own (styles: core/albedogan/pipeline.arrange_styles'), with a change. Its noise is
    kept where it is of the generator's sizes."""
    with torch.no_grad():
        start = arrange_styles(seed, generator, **styles)[0].numpy() if code is None else code.latent
    networks = dict(files.networks)
    wanted, embedding = change or CodeChange(), None
    if wanted.words and "arcface" in networks:
        embedding = face_embedding(cast("Any", load_network(networks["arcface"], "arcface").network))
    changed = yield from change_code(start, wanted, generator, embedding)
    noise = None
    if code is not None and [len(each) for each in code.noise] == list(generator.resolutions):
        noise = [torch.from_numpy(each)[None, None] for each in code.noise]
    told: dict[str, Any] = {"from": f"seed {seed}" if code is None else code.name, "done": list(changed.done)}
    if code is not None and code.told:
        told["projection"] = code.told
    if changed.loss is not None:
        told["loss"] = list(changed.loss)
    return DrawnCode(torch.from_numpy(changed.latent)[None], noise, told)


def change_code(
    latent: np.ndarray, change: CodeChange, generator: StyleGenerator, embedding: Embedding | None = None
) -> Generator[Progress, None, ChangedCode]:
    """latent: w [D] or w+ [L, D]; embedding: of faces, by which the words keep the person.
    Raises ModelError for codes and directions of another generator, WordsError, and what load_clip raises."""
    num_rows = generator.num_latents
    code = spread_code(latent.astype(np.float64), num_rows)
    if code.shape[1] != generator.sizes.style_size:
        raise ModelError(OTHER_GENERATOR.format(ours=code.shape[1], theirs=generator.sizes.style_size))
    done = []
    if change.truncation is not None:
        mean = generator.mean_latent() if generator.latent_avg is None else generator.latent_avg
        code = truncate(code, mean[0].numpy(), change.truncation)
        done.append(f"{change.truncation:g} of its way from the mean person")
    if change.mix is not None:
        rows = range(int(MEAN_SHARE * num_rows), num_rows) if change.mix_rows is None else change.mix_rows
        code = mix_styles(code, change.mix.latent, rows, num_rows, change.mix_share)
        done.append(f"{change.mix_share:.0%} of {change.mix.name or 'another code'} in {name_rows(rows)}")
    for direction, amount in change.moves:
        code = follow_direction(code, direction, amount, change.rows, num_rows)
        done.append(f"{amount:+g} along {direction.name}" + ("" if change.rows is None else f" in {name_rows(change.rows)}"))
    if not change.words:
        return ChangedCode(code.astype(np.float32), tuple(done))
    from ..clip.edit_latent import edit_latent
    from ..clip.model import load_clip

    yield Progress("Loading CLIP", 0.0)
    clip = load_clip(Path(change.clip))
    edit = yield from edit_latent(
        change.words, generator, code, clip, strength=change.strength, steps=change.steps, identity=embedding, rows=change.rows
    )
    loss = round(edit.loss_before, 5), round(edit.loss_after, 5)
    done.append(f"'{change.words}' by CLIP: {loss[0]:.3f} -> {loss[1]:.3f}")
    return ChangedCode(edit.latent, tuple(done), loss)


def name_rows(rows: Rows) -> str:
    """(4, 5, 6, 9) -> 'layers 4-6, 9'."""
    runs: list[list[int]] = []
    for row in sorted(set(rows)):
        if runs and runs[-1][1] == row - 1:
            runs[-1][1] = row
        else:
            runs.append([row, row])
    return "layers " + ", ".join(f"{first}-{last}" if last > first else str(first) for first, last in runs)


def pack_code(latent: np.ndarray) -> list[Any]:
    """w+ [L, D] as lists of JSON, w [D] where all layers have the same."""
    code = latent[0] if (latent == latent[:1]).all() else latent
    packed: list[Any] = np.round(code.astype(np.float64), 6).tolist()
    return packed
