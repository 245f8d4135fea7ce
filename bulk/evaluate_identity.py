"""`batch.py evaluate identity`: photos become heads, heads are seen from elsewhere, a face recogniser compares."""

from __future__ import annotations

import argparse
import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import EvaluationError, LikenessError
from ..core.evaluation.identity_table import COLUMNS, compare, describe, sum_up
from ..core.evaluation.novel_views import (
    YAWS_DEG,
    Embedding,
    face_of_photo,
    face_of_view,
    read_fitted_head,
    render_views,
    write_views,
)
from ..core.evaluation.tables import csv_table
from ..core.head.library import get_model
from ..core.staging import staged
from .fit import FitOptions
from .inputs import UsageError, list_tasks
from .report import reporting
from .terminal import OK, SOME_FAILED, say, say_line
from .workers import fit_all

HEADS, VIEWS = "heads", "views"
NEEDS_NETWORK = (
    "Photos and heads are compared by a face recogniser, and none comes with Likeness: give your ArcFace file (--arcface)."
)


def evaluate_identity(arguments: argparse.Namespace, script: Path, embed: Embedding | None = None) -> int:
    """The command; its exit code: 2 where a photo was not fitted. embed: instead of the network of --arcface."""
    embed = embed or load_embedding(arguments.arcface)
    out = Path(arguments.out)
    tasks = list_tasks([arguments.images])
    stems = {task.photo: task.stem for task in tasks}
    options = FitOptions(str(out / HEADS), ("npz",), arguments.model, texture_size=arguments.texture_size)
    photos, views, names, failed = [], [], [], []
    with reporting(out) as report, contextlib.closing(fit_all(tasks, options, arguments.jobs, script)) as lines:
        for number, line in enumerate(lines, 1):
            if line["ok"]:
                try:
                    faces = cut_faces(line, stems[line["input"]], out, arguments.model)
                except LikenessError as error:
                    line |= {"ok": False, "error": str(error)}
                else:
                    embedded = embed(faces)
                    photos.append(embedded[0])
                    views.append(embedded[1:])
                    names.append(line["input"])
            if not line["ok"]:
                failed.append(f"{line['input']}: {line['error']}")
            report.write(line)
            say_line(line, number, len(tasks))
    if not photos:
        raise EvaluationError(f"None of the {len(tasks)} photos became a head: {report.path} says why of each.")
    cosines = compare(np.array(photos), np.array(views))
    write_tables(out, cosines, names, failed)
    return SOME_FAILED if failed else OK


def load_embedding(path: str | None) -> Embedding:
    """The user's network as a function. Raises UsageError without one."""
    if path is None:
        raise UsageError(NEEDS_NETWORK)
    if not Path(path).is_file():
        raise UsageError(f"There is no network file {path}: check the path.")
    from ..core.nets.embedding import load_face_embedding

    return load_face_embedding(Path(path))


def cut_faces(line: dict[str, Any], stem: str, out: Path, model_name: str) -> np.ndarray:
    """The photo's face and its head's at every yaw [1 + Y, 3, 112, 112]; the views are written too."""
    model = get_model(model_name)
    head = read_fitted_head(Path(line["outputs"][0]), model)
    views = render_views(head, model)
    write_views(out / VIEWS, stem, views)
    return np.stack([face_of_photo(Path(line["input"])), *(face_of_view(*view, head, model_name) for view in views)])


def write_tables(out: Path, cosines: np.ndarray, names: list[str], failed: list[str]) -> None:
    """scores.md, scores.csv, scores.jsonl (a line a photo)."""
    order = np.argsort(names)
    lines = [
        {"photo": names[n]} | {f"{yaw:+d}": round(float(cosines[y, n, n]), 4) for y, yaw in enumerate(YAWS_DEG)} for n in order
    ]
    rows = sum_up(cosines)
    page = describe(rows, failed)
    with staged(out) as folder:
        (folder / "scores.md").write_text(page, encoding="utf-8")
        (folder / "scores.csv").write_text(csv_table(COLUMNS, rows), encoding="utf-8")
        (folder / "scores.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    say(page)
