"""REALY's folders: images in, meshes out, keypoints and scan regions.

    images       <subject>.jpg (frontal), <subject>_<view>.jpg (from the side); folders below are sets of their own
    submission   <the same name>.obj, all of one topology; apart from them that topology once, with its 85 keypoints (.obj, .txt)
    truth        REALY_HIFI3D_keypoints/<subject>.obj (85 points), REALY_scan_region/<subject>/<region>.obj, metrical_scale.txt
    template     HIFI3D.obj with HIFI3D.txt: a topology whose 85 keypoints are known
The truth is in a unit of some 9 mm, told for every subject by its line of metrical_scale.txt.
Source: the benchmark's README and published pipeline. How the image folders are called inside could not be found: any will do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from ..errors import EvaluationError
from .meshes import read_mesh
from .now_challenge import IMAGE_SUFFIXES
from .realy_keypoints import NUM_KEYPOINTS, REGIONS, mean_keypoints, read_keypoints
from .realy_scores import Subject
from .tables import Cell, markdown_table

TOPOLOGY = "likeness"
KEYPOINTS_FOLDER, REGIONS_FOLDER, SCALES = "REALY_HIFI3D_keypoints", "REALY_scan_region", "metrical_scale.txt"
COLUMNS = ("method", "set", "images", "what", *REGIONS, "all", "not fitted", "not scored")
NAME = re.compile(r"(\d+)(_.*)?")
READING = """\
Per region: mean distance from the scan's points to the predicted points they correspond to, after global alignment by 7
keypoints, rigid alignment by region, and the non-rigid pull that finds the correspondences; "all" is the mean of the four
regions. Means, medians and sample standard deviations are over images. The steps are those of the benchmark's published
pipeline, with a linear solver and a search for nearest points of our own: numbers for its board are made by the benchmark.
"""


@dataclass(frozen=True)
class RealyImage:
    """path of the photo; name: where its prediction goes, without a suffix, relative to the folder of images."""

    path: Path
    name: str

    @property
    def subject(self) -> int | None:
        """The subject's number, None where the name has none."""
        found = NAME.fullmatch(PurePosixPath(self.name).name)
        return int(found[1]) if found else None

    @property
    def set_name(self) -> str:
        """The folder's name; without folders, frontal or side by the name."""
        parent = str(PurePosixPath(self.name).parent)
        return parent if parent != "." else "side" if "_" in self.name else "frontal"


def subject_of(name: str) -> int:
    """The subject's number in an image's name. Raises EvaluationError where it has none."""
    found = NAME.fullmatch(PurePosixPath(name).name)
    if not found:
        raise EvaluationError(f"The name {name} begins with no subject's number: call it <subject>.jpg or <subject>_<view>.jpg.")
    return int(found[1])


def list_images(folder: Path) -> list[RealyImage]:
    """All images under the folder. Raises EvaluationError."""
    if not folder.is_dir():
        raise EvaluationError(f"The folder of images {folder} does not exist: check the path.")
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in IMAGE_SUFFIXES]
    images = [RealyImage(path, str(PurePosixPath(path.relative_to(folder).as_posix()).with_suffix(""))) for path in paths]
    if not images:
        raise EvaluationError(f"The folder {folder} holds no images: give the benchmark's, called <subject>.jpg.")
    if len({image.name.casefold() for image in images}) < len(images):
        raise EvaluationError(f"Two images of {folder} differ by their suffix alone: their predictions would be one.")
    return images


def read_reference(template: Path | None, truth: Path | None) -> np.ndarray | None:
    """85 keypoints [85, 3] of a mesh that has them: the template's, or the mean of the truth's subjects; None without either."""
    if template is not None:
        mesh = read_mesh(template)
        return read_keypoints(template.with_suffix(".txt"), mesh.triangles).evaluate(mesh.vertices)
    found = sorted((truth / KEYPOINTS_FOLDER).glob("*.obj")) if truth is not None else []
    return mean_keypoints([_read_85(path) for path in found]) if found else None


def read_subject(truth: Path, number: int) -> Subject:
    """Raises EvaluationError where something of the subject's truth is missing or broken."""
    folder = truth / REGIONS_FOLDER / str(number)
    regions = {name: read_mesh(folder / f"{name}.obj") for name in REGIONS}
    return Subject(_read_85(truth / KEYPOINTS_FOLDER / f"{number}.obj"), regions, _read_scale(truth / SCALES, number))


def _read_85(path: Path) -> np.ndarray:
    points = read_mesh(path, needs_faces=False).vertices
    if len(points) != NUM_KEYPOINTS:
        raise EvaluationError(f"The keypoints {path} are {len(points)} points: give the benchmark's {NUM_KEYPOINTS}.")
    return points


def _read_scale(path: Path, number: int) -> float:
    try:
        scales = np.array(path.read_text(encoding="utf-8-sig").split(), np.float64)
        if not (1 <= number <= len(scales) and np.isfinite(scales).all()):
            raise ValueError(f"no line {number}")
        return float(scales[number - 1])
    except (OSError, ValueError) as error:
        raise EvaluationError(
            f"The scales {path} cannot be read ({error}): give the benchmark's {SCALES}, a subject a line."
        ) from error


@dataclass
class ScoredImage:
    """errors: region -> mm, empty where it was not scored; error: why, or why the mean head stands in."""

    image: RealyImage
    errors: dict[str, float]
    error: str | None = None


def sum_up(method: str, scored: Sequence[ScoredImage]) -> list[list[Cell]]:
    """Rows of COLUMNS: mean, median and standard deviation over each set's images."""
    rows: list[list[Cell]] = []
    for name in sorted({s.image.set_name for s in scored}):
        chosen = [s for s in scored if s.image.set_name == name]
        table = np.array([[s.errors[region] for region in REGIONS] for s in chosen if s.errors])
        failures = [sum(s.error is not None and bool(s.errors) for s in chosen), sum(not s.errors for s in chosen)]
        for what in ("mean", "median", "std"):
            rows.append([method, name, len(chosen), what, *_statistics(table, what), *failures])
    return rows


def _statistics(table: np.ndarray, what: str) -> list[float | None]:
    if len(table) < (2 if what == "std" else 1):
        return [None] * (len(REGIONS) + 1)
    if what == "mean":
        return [*map(float, table.mean(0)), float(table.mean(0).mean())]
    return [*map(float, np.median(table, 0) if what == "median" else table.std(0, ddof=1)), None]


def describe(rows: Sequence[Sequence[Cell]], scored: Sequence[ScoredImage]) -> str:
    """The Markdown page of a run."""
    page = ["# REALY-style scores (mm)\n", READING, markdown_table(COLUMNS, rows)]
    failed = [f"- {s.image.name}: {s.error}" for s in scored if s.error]
    if failed:
        page += [f"## Images that failed ({len(failed)} of {len(scored)})\n", "\n".join(failed) + "\n"]
    return "\n".join(page)
