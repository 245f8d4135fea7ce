"""`batch.py evaluate now`: every image a neutral head, a submission, and scores where scans are given."""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import EvaluationError, LikenessError
from ..core.evaluation.meshes import TriangleMesh
from ..core.evaluation.now_challenge import ChallengeImage, Scan, list_images, read_prediction, read_scan, write_prediction
from ..core.evaluation.now_scores import ScanScore, crop_scan, score_prediction
from ..core.evaluation.now_table import COLUMNS, MEASURES, ScoredImage, cumulative, describe, sum_up
from ..core.evaluation.shape_fit import outer_mesh
from ..core.evaluation.tables import csv_table
from ..core.head.library import get_model
from ..core.staging import staged
from .evaluate_fit import PREDICTIONS, fit_images
from .inputs import UsageError
from .terminal import OK, SOME_FAILED, say, say_error

Outcomes = Generator[tuple[str, str | None], None, None]
"""(image's name, None or why it was not fitted), in any order."""


def evaluate_now(arguments: argparse.Namespace, script: Path) -> int:
    """The command; its exit code: 2 where an image was not fitted or not scored."""
    images = list_images(Path(arguments.images), Path(arguments.list) if arguments.list else None)
    judge = NowJudge(Path(arguments.scans), arguments.model) if arguments.scans else None
    if arguments.predictions and judge is None:
        raise UsageError("There is nothing to do: give --scans to score predictions, or no --predictions to make them.")
    out, started = Path(arguments.out), time.perf_counter()
    folder = Path(arguments.predictions) if arguments.predictions else out / PREDICTIONS
    outcomes = _take_as_given(images) if arguments.predictions else write_submission(images, arguments, script)
    by_name, scored = {image.name: image for image in images}, []
    with contextlib.closing(outcomes):
        for number, (name, error) in enumerate(outcomes, 1):
            scored.append(ScoredImage(by_name[name], error=error))
            if judge:
                judge.score(scored[-1], folder)
            say_image(scored[-1], number, len(images))
    scored.sort(key=lambda s: s.image.name)
    num_failed = sum(s.error is not None for s in scored)
    if judge:
        write_scores(out, judge, scored)
    say(f"{len(scored) - num_failed} of {len(scored)} images in {time.perf_counter() - started:.1f} s; {out}")
    return SOME_FAILED if num_failed else OK


def _take_as_given(images: list[ChallengeImage]) -> Outcomes:
    yield from ((image.name, None) for image in images)


def write_submission(images: list[ChallengeImage], arguments: argparse.Namespace, script: Path) -> Outcomes:
    """Fit and write every image's prediction."""
    model = get_model(arguments.model)
    mesh, folder = outer_mesh(model), Path(arguments.out) / PREDICTIONS
    with contextlib.closing(fit_images([(image.path, image.name) for image in images], arguments, script)) as heads:
        for head in heads:
            landmarks = model.landmarks7.evaluate(head.vertices)
            write_prediction(folder, head.name, head.vertices[mesh.indices], mesh.triangles, landmarks)
            yield head.name, head.error


class NowJudge:
    """Scores against the scans of a folder: each is read once, and each subject's mean head is scored once."""

    def __init__(self, scans: Path, model_name: str) -> None:
        if not scans.is_dir():
            raise EvaluationError(f"The folder of scans {scans} does not exist: check the path.")
        model = get_model(model_name)
        mesh = outer_mesh(model)
        self.mean_head = TriangleMesh(model.template[mesh.indices] * 1000, mesh.triangles)
        self.mean_landmarks = model.landmarks7.evaluate(model.template) * 1000
        self.folder = scans
        self.scans: dict[str, Scan] = {}
        self.means: dict[str, dict[str, np.ndarray]] = {}
        self.lines: list[dict[str, Any]] = []

    def score(self, scored: ScoredImage, predictions: Path) -> None:
        """Fill in the image's distances, or why there are none."""
        image = scored.image
        line: dict[str, Any] = {"image": image.name, "subject": image.subject, "challenge": image.challenge}
        try:
            scan = self._scan(image.subject)
            mesh, landmarks = read_prediction(predictions, image.name)
            for measure, free_scale in MEASURES.items():
                score = score_prediction(scan.points, scan.landmarks, mesh, landmarks, free_scale)
                scored.distances[measure] = score.distances.astype(np.float32)
                line[measure] = _describe_score(score)
        except (LikenessError, ValueError, np.linalg.LinAlgError) as error:
            scored.distances.clear()
            scored.error = " ".join(filter(None, (scored.error, str(error))))
        self.lines.append(line | {"error": scored.error})

    def mean_scores(self, scored: list[ScoredImage]) -> list[ScoredImage]:
        """The mean head in the place of every scored image's prediction."""
        return [ScoredImage(s.image, self.means[s.image.subject]) for s in scored if s.distances]

    def _scan(self, subject: str) -> Scan:
        if subject not in self.scans:
            scan = read_scan(self.folder, subject)
            cropped = Scan(crop_scan(scan.points, scan.landmarks), scan.landmarks)
            self.means[subject] = {
                measure: score_prediction(cropped.points, cropped.landmarks, self.mean_head, self.mean_landmarks, free).distances
                for measure, free in MEASURES.items()
            }
            self.scans[subject] = cropped
        return self.scans[subject]


def _describe_score(score: ScanScore) -> dict[str, Any]:
    numbers = {"median": score.median, "mean": score.mean, "std": score.std, "landmark_rms": score.landmark_rms}
    return {k: round(v, 4) for k, v in numbers.items()} | {"points": len(score.distances), "is_mirrored": score.is_mirrored}


def write_scores(out: Path, judge: NowJudge, scored: list[ScoredImage]) -> None:
    """scores.md, scores.csv, cumulative.csv, scores.jsonl (a line an image)."""
    methods = {"prediction": scored, "mean head": judge.mean_scores(scored)}
    rows = [row for method, found in methods.items() for row in sum_up(method, found)]
    lines = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in sorted(judge.lines, key=lambda line: line["image"]))
    page = describe(rows, scored)
    with staged(out) as folder:
        (folder / "scores.md").write_text(page, encoding="utf-8")
        (folder / "scores.csv").write_text(csv_table(COLUMNS, rows), encoding="utf-8")
        (folder / "cumulative.csv").write_text(csv_table(*cumulative(methods)), encoding="utf-8")
        (folder / "scores.jsonl").write_text(lines, encoding="utf-8")
    say(page)


def say_image(scored: ScoredImage, number: int, count: int) -> None:
    """One image's outcome for the terminal."""
    medians = ", ".join(f"{measure} median {np.median(d):.3f} mm" for measure, d in scored.distances.items())
    text = f"[{number}/{count}] {scored.image.name}: {medians or ('' if scored.error else 'written')}"
    if scored.error:
        say_error(f"{text}{'; ' if medians else ''}{scored.error}")
    else:
        say(text)
