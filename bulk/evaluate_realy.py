"""`batch.py evaluate realy`: every image a mesh of one topology, that topology's keypoints, and scores where scans are given."""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from collections.abc import Generator
from pathlib import Path

import numpy as np

from ..core.errors import EvaluationError, LikenessError
from ..core.evaluation.meshes import MESH_SUFFIXES, TriangleMesh, describe_obj, read_mesh
from ..core.evaluation.realy_benchmark import (
    COLUMNS,
    TOPOLOGY,
    RealyImage,
    ScoredImage,
    describe,
    list_images,
    read_reference,
    read_subject,
    sum_up,
)
from ..core.evaluation.realy_keypoints import bring_over, describe_keypoints, locate_68, read_keypoints
from ..core.evaluation.realy_scores import Subject, score_subject
from ..core.evaluation.shape_fit import outer_mesh
from ..core.evaluation.tables import csv_table
from ..core.head.library import get_model
from ..core.head.model import SurfacePoints
from ..core.pipeline import load_calibrated_model
from ..core.staging import staged
from .evaluate_fit import PREDICTIONS, fit_images
from .inputs import UsageError
from .terminal import OK, SOME_FAILED, say, say_error

NO_KEYPOINTS = (
    "Only the benchmark's own files say where its 85 keypoints are: give --template HIFI3D.obj (from its repository, with "
    "HIFI3D.txt beside it) to have likeness.txt written, or ask the benchmark's authors for it with likeness.obj."
)
Predictions = Generator[tuple[str, TriangleMesh | None, str | None], None, None]
"""(image's name, its mesh or None, None or why it was not fitted or read), in any order."""


def evaluate_realy(arguments: argparse.Namespace, script: Path) -> int:
    """The command; its exit code: 2 where an image was not fitted or not scored."""
    if arguments.predictions and not arguments.scans:
        raise UsageError("There is nothing to do: give --scans to score predictions, or no --predictions to make them.")
    images, started = list_images(Path(arguments.images)), time.perf_counter()
    predictions = read_meshes(images, arguments) if arguments.predictions else write_submission(images, arguments, script)
    judge = RealyJudge(arguments) if arguments.scans else None
    by_name, scored = {image.name: image for image in images}, []
    with contextlib.closing(predictions):
        for number, (name, mesh, error) in enumerate(predictions, 1):
            scored.append(ScoredImage(by_name[name], {}, error))
            if judge and mesh is not None:
                judge.score(scored[-1], mesh)
            say_image(scored[-1], number, len(images))
    scored.sort(key=lambda s: s.image.name)
    if judge:
        write_scores(Path(arguments.out), judge, scored)
    num_failed = sum(s.error is not None for s in scored)
    say(f"{len(scored) - num_failed} of {len(scored)} images in {time.perf_counter() - started:.1f} s; {arguments.out}")
    return SOME_FAILED if num_failed else OK


def write_submission(images: list[RealyImage], arguments: argparse.Namespace, script: Path) -> Predictions:
    """Write the topology with its keypoints, then fit and write every image's mesh (mm)."""
    model = get_model(arguments.model)
    mesh, out = outer_mesh(model), Path(arguments.out)
    keypoints = place_keypoints(arguments)
    with staged(out) as partial:
        text = describe_obj(model.template[mesh.indices] * 1000, mesh.triangles)
        (partial / f"{TOPOLOGY}.obj").write_text(text, encoding="ascii")
        if keypoints is not None:
            (partial / f"{TOPOLOGY}.txt").write_text(describe_keypoints(keypoints, mesh.triangles), encoding="ascii")
    if keypoints is None:
        say(NO_KEYPOINTS)
    with contextlib.closing(fit_images([(image.path, image.name) for image in images], arguments, script)) as heads:
        for head in heads:
            found = TriangleMesh(head.vertices[mesh.indices], mesh.triangles)
            place = out / PREDICTIONS / head.name
            with staged(place.parent) as partial:
                (partial / f"{place.name}.obj").write_text(describe_obj(found.vertices, found.triangles), encoding="ascii")
            yield head.name, found, head.error


def place_keypoints(arguments: argparse.Namespace) -> SurfacePoints | None:
    """The 85 on the outer mesh of our head model; None where nothing given says where they are."""
    truth = Path(arguments.scans) if arguments.scans else None
    reference = read_reference(Path(arguments.template) if arguments.template else None, truth)
    if reference is None:
        return None
    tools = load_calibrated_model(arguments.model)
    mesh = outer_mesh(tools.model)
    points68 = locate_68(tools.model, tools.calibration.points).evaluate(tools.model.template)
    return bring_over(points68 * 1000, reference, TriangleMesh(tools.model.template[mesh.indices] * 1000, mesh.triangles))


def read_meshes(images: list[RealyImage], arguments: argparse.Namespace) -> Predictions:
    """Anyone's predictions, by the images' names."""
    for image in images:
        place = Path(arguments.predictions) / image.name
        paths = [place.with_name(place.name + suffix) for suffix in MESH_SUFFIXES]
        try:
            mesh = next((path for path in paths if path.is_file()), None)
            if mesh is None:
                raise EvaluationError(f"There is no mesh {place}: give {image.name}.obj or .ply.")
            yield image.name, read_mesh(mesh), None
        except EvaluationError as error:
            yield image.name, None, str(error)


class RealyJudge:
    """Scores against the benchmark's truth; each subject's mean head is scored once, beside."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.truth, self.arguments = Path(arguments.scans), arguments
        if not self.truth.is_dir():
            raise EvaluationError(f"The folder of scans {self.truth} does not exist: check the path.")
        model = get_model(arguments.model)
        mesh = outer_mesh(model)
        self.mean_head = TriangleMesh(model.template[mesh.indices] * 1000, mesh.triangles)
        self.own_keypoints = place_keypoints(arguments)
        self.keypoints = None if arguments.predictions else self.own_keypoints
        self.subjects: dict[int, Subject] = {}
        self.means: dict[int, dict[str, float]] = {}

    def score(self, scored: ScoredImage, mesh: TriangleMesh) -> None:
        """Fill in the image's errors, or why there are none."""
        try:
            number = scored.image.subject
            if number is None:
                raise EvaluationError(f"The name {scored.image.name} begins with no subject's number: call it <subject>.jpg.")
            subject = self._subject(number)
            scored.errors = score_subject(mesh, self._keypoints(mesh), subject)
        except (LikenessError, ValueError, np.linalg.LinAlgError) as error:
            scored.error = " ".join(filter(None, (scored.error, str(error))))

    def mean_scores(self, scored: list[ScoredImage]) -> list[ScoredImage]:
        """The mean head in the place of every scored image's prediction."""
        return [ScoredImage(s.image, self.means[s.image.subject]) for s in scored if s.errors and s.image.subject in self.means]

    def _keypoints(self, mesh: TriangleMesh) -> SurfacePoints:
        if self.keypoints is None and self.arguments.predictions:
            given = self.arguments.keypoints or Path(self.arguments.predictions).parent / f"{TOPOLOGY}.txt"
            self.keypoints = read_keypoints(Path(given), mesh.triangles)
        if self.keypoints is None:
            raise EvaluationError(NO_KEYPOINTS)
        return self.keypoints

    def _subject(self, number: int) -> Subject:
        if number not in self.subjects:
            self.subjects[number] = read_subject(self.truth, number)
            if self.own_keypoints is not None:
                self.means[number] = score_subject(self.mean_head, self.own_keypoints, self.subjects[number])
        return self.subjects[number]


def write_scores(out: Path, judge: RealyJudge, scored: list[ScoredImage]) -> None:
    """scores.md, scores.csv, scores.jsonl (a line an image)."""
    rows = sum_up("prediction", scored) + sum_up("mean head", judge.mean_scores(scored))
    page = describe(rows, scored)
    lines = [{"image": s.image.name, "subject": s.image.subject, "error": s.error, **s.errors} for s in scored]
    with staged(out) as folder:
        (folder / "scores.md").write_text(page, encoding="utf-8")
        (folder / "scores.csv").write_text(csv_table(COLUMNS, rows), encoding="utf-8")
        (folder / "scores.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    say(page)


def say_image(scored: ScoredImage, number: int, count: int) -> None:
    """One image's outcome for the terminal."""
    errors = ", ".join(f"{region} {error:.3f}" for region, error in scored.errors.items())
    text = f"[{number}/{count}] {scored.image.name}: {f'{errors} mm' if errors else '' if scored.error else 'written'}"
    if scored.error:
        say_error(f"{text}{'; ' if errors else ''}{scored.error}")
    else:
        say(text)
