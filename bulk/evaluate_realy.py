"""`batch.py evaluate realy`: every image a mesh of one topology, that topology's keypoints, and scores where scans are given."""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from collections.abc import Generator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import EvaluationError, LikenessError
from ..core.evaluation.meshes import MESH_SUFFIXES, TriangleMesh, describe_obj, read_mesh
from ..core.evaluation.realy_benchmark import (
    COLUMNS,
    TOPOLOGY,
    ScoredImage,
    describe,
    list_images,
    read_reference,
    read_subject,
    subject_of,
    sum_up,
)
from ..core.evaluation.realy_keypoints import bring_over, describe_keypoints, locate_68, read_keypoints
from ..core.evaluation.realy_scores import score_subject
from ..core.evaluation.shape_fit import outer_mesh
from ..core.evaluation.tables import csv_table
from ..core.head.library import get_model
from ..core.head.model import SurfacePoints
from ..core.pipeline import load_calibrated_model
from ..core.staging import staged
from .evaluate_fit import PREDICTIONS, fit_images
from .inputs import Task, UsageError
from .terminal import OK, SOME_FAILED, say, say_error
from .workers import ScoreOptions, fit_in_children

MEAN_HEAD = "mean head/"
"""Before a subject's number: the task of scoring the mean head in the place of a prediction."""
NO_KEYPOINTS = (
    "Only the benchmark's own files say where its 85 keypoints are: give --template HIFI3D.obj (from its repository, with "
    "HIFI3D.txt beside it) to have likeness.txt written, or ask the benchmark's authors for it with likeness.obj."
)


def evaluate_realy(arguments: argparse.Namespace, script: Path) -> int:
    """The command; its exit code: 2 where an image was not fitted or not scored."""
    if arguments.predictions and not arguments.scans:
        raise UsageError("There is nothing to do: give --scans to score predictions, or no --predictions to make them.")
    if arguments.scans and not Path(arguments.scans).is_dir():
        raise EvaluationError(f"The folder of scans {arguments.scans} does not exist: check the path.")
    images, started, out = list_images(Path(arguments.images)), time.perf_counter(), Path(arguments.out)
    scored = {image.name: ScoredImage(image, {}) for image in images}
    if not arguments.predictions:
        write_submission(scored, arguments, script)
    if arguments.scans:
        means = score_images(scored, arguments, script)
        write_scores(out, list(scored.values()), means)
    num_failed = sum(s.error is not None for s in scored.values())
    say(f"{len(scored) - num_failed} of {len(scored)} images in {time.perf_counter() - started:.1f} s; {out}")
    return SOME_FAILED if num_failed else OK


def write_submission(scored: dict[str, ScoredImage], arguments: argparse.Namespace, script: Path) -> None:
    """Write the topology with its keypoints, then fit and write every image's mesh (mm)."""
    model = get_model(arguments.model)
    mesh, out = outer_mesh(model), Path(arguments.out)
    keypoints = place_keypoints(arguments.model, arguments.template or "", arguments.scans or "")
    with staged(out) as partial:
        text = describe_obj(model.template[mesh.indices] * 1000, mesh.triangles)
        (partial / f"{TOPOLOGY}.obj").write_text(text, encoding="ascii")
        if keypoints is not None:
            (partial / f"{TOPOLOGY}.txt").write_text(describe_keypoints(keypoints, mesh.triangles), encoding="ascii")
    if keypoints is None:
        say(NO_KEYPOINTS)
    images = [(s.image.path, name) for name, s in scored.items()]
    with contextlib.closing(fit_images(images, arguments, script)) as heads:
        for number, head in enumerate(heads, 1):
            place = out / PREDICTIONS / head.name
            text = describe_obj(head.vertices[mesh.indices], mesh.triangles)
            with staged(place.parent) as partial:
                (partial / f"{place.name}.obj").write_text(text, encoding="ascii")
            scored[head.name].error = head.error
            (say_error if head.error else say)(f"[{number}/{len(images)}] {head.name}: {head.error or 'written'}")


@lru_cache(maxsize=1)
def place_keypoints(model_name: str, template: str, truth: str) -> SurfacePoints | None:
    """The 85 on the outer mesh of our head model; None where nothing given says where they are."""
    reference = read_reference(Path(template) if template else None, Path(truth) if truth else None)
    if reference is None:
        return None
    tools = load_calibrated_model(model_name)
    points68 = locate_68(tools.model, tools.calibration.points).evaluate(tools.model.template)
    return bring_over(points68 * 1000, reference, mean_head(model_name))


@lru_cache(maxsize=1)
def mean_head(model_name: str) -> TriangleMesh:
    """The outer mesh of the model's mean head, mm."""
    model = get_model(model_name)
    mesh = outer_mesh(model)
    return TriangleMesh(model.template[mesh.indices] * 1000, mesh.triangles)


def score_images(scored: dict[str, ScoredImage], arguments: argparse.Namespace, script: Path) -> dict[int, dict[str, float]]:
    """Fill in every image's errors, or why there are none; -> each subject's errors of the mean head."""
    own = Path(arguments.predictions).parent if arguments.predictions else Path(arguments.out)
    options = ScoreOptions(
        arguments.out,
        arguments.scans,
        arguments.predictions or str(Path(arguments.out) / PREDICTIONS),
        str(arguments.keypoints or own / f"{TOPOLOGY}.txt"),
        arguments.model,
        arguments.template or "",
    )
    numbers = sorted({s.image.subject for s in scored.values() if s.image.subject is not None})
    means: dict[int, dict[str, float]] = {}
    tasks = [Task(name, name) for name in [*scored, *(f"{MEAN_HEAD}{number}" for number in numbers)]]
    with contextlib.closing(score_all(tasks, options, arguments.jobs, script)) as lines:
        for number, line in enumerate(lines, 1):
            name = line["input"]
            if name in scored:
                scored[name].errors = line.get("errors", {})
                scored[name].error = " ".join(filter(None, (scored[name].error, line["error"]))) or None
            elif line["ok"]:
                means[int(name.removeprefix(MEAN_HEAD))] = line["errors"]
            told = line["error"] or ", ".join(f"{region} {error:.3f}" for region, error in line["errors"].items()) + " mm"
            (say if line["ok"] else say_error)(f"[{number}/{len(tasks)}] {name}: {told}")
    return means


def score_all(tasks: list[Task], options: ScoreOptions, num_jobs: int, script: Path) -> Generator[dict[str, Any], None, None]:
    """Lines, one a task: in this process, or in several."""
    if num_jobs == 1:
        yield from (score_task(task, options) for task in tasks)
    else:
        yield from fit_in_children(tasks, options, num_jobs, script)


def score_task(task: Task, options: ScoreOptions) -> dict[str, Any]:
    """One image's or mean head's errors by region, or the sentence why there are none."""
    line: dict[str, Any] = {"input": task.photo, "ok": False, "error": None}
    try:
        if task.photo.startswith(MEAN_HEAD):
            number, mesh = int(task.photo.removeprefix(MEAN_HEAD)), mean_head(options.model)
            keypoints = place_keypoints(options.model, options.template, options.truth)
            if keypoints is None:
                raise EvaluationError(NO_KEYPOINTS)
        else:
            number, mesh = subject_of(task.photo), read_prediction(Path(options.predictions), task.photo)
            keypoints = read_keypoints(Path(options.keypoints), mesh.triangles)
        errors = score_subject(mesh, keypoints, read_subject(Path(options.truth), number))
        return line | {"ok": True, "errors": {region: round(error, 5) for region, error in errors.items()}}
    except (LikenessError, ValueError, np.linalg.LinAlgError) as error:
        return line | {"error": str(error)}


def read_prediction(folder: Path, name: str) -> TriangleMesh:
    """Anyone's mesh of an image. Raises EvaluationError."""
    place = folder / name
    paths = [place.with_name(place.name + suffix) for suffix in MESH_SUFFIXES]
    mesh = next((path for path in paths if path.is_file()), None)
    if mesh is None:
        raise EvaluationError(f"There is no mesh {place}: give {name}.obj or .ply.")
    return read_mesh(mesh)


def write_scores(out: Path, scored: list[ScoredImage], means: dict[int, dict[str, float]]) -> None:
    """scores.md, scores.csv, scores.jsonl (a line an image)."""
    beside = [ScoredImage(s.image, means[s.image.subject]) for s in scored if s.errors and s.image.subject in means]
    rows = sum_up("prediction", scored) + sum_up("mean head", beside)
    page = describe(rows, scored)
    lines = [{"image": s.image.name, "subject": s.image.subject, "error": s.error, **s.errors} for s in scored]
    with staged(out) as folder:
        (folder / "scores.md").write_text(page, encoding="utf-8")
        (folder / "scores.csv").write_text(csv_table(COLUMNS, rows), encoding="utf-8")
        (folder / "scores.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    say(page)
