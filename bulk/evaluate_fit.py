"""What the benchmarks of shapes share: every image becomes a neutral head, the mean head where there is no fit."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core.head.library import get_model
from .fit import FitOptions
from .inputs import Task
from .report import reporting
from .workers import fit_all

PREDICTIONS = "predictions"


@dataclass(frozen=True)
class FittedImage:
    """vertices [V, 3] mm of the model's neutral head; error: None, or why it is the mean head."""

    name: str
    vertices: np.ndarray
    error: str | None


def fit_images(
    images: Iterable[tuple[Path, str]], arguments: argparse.Namespace, script: Path
) -> Generator[FittedImage, None, None]:
    """Fit (photo, name) pairs as `fit` does, in this process or in several, in any order; report.jsonl has a line for each."""
    model = get_model(arguments.model)
    options = FitOptions(arguments.out, (), arguments.model, is_shape_only=True)
    names = {str(photo): name for photo, name in images}
    tasks = [Task(photo, name) for photo, name in names.items()]
    report_to, lines_of = reporting(Path(arguments.out)), fit_all(tasks, options, arguments.jobs, script)
    with report_to as report, contextlib.closing(lines_of) as lines:
        for line in lines:
            name = names[line["input"]]
            report.write(line | {"name": name, "is_mean_head": not line["ok"]})
            vertices = model.shape(np.array(line.get("identity", ()))) * 1000 if line["ok"] else model.template * 1000
            yield FittedImage(name, vertices, None if line["ok"] else f"{line['error']} The mean head stands in.")
