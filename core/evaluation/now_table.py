"""What the NoW challenge reports: distances of many images as medians, means and standard deviations, by challenge.

Rule of this file: distances are joined over images and then summed up, as the challenge does; an image without a prediction is
counted and named, never left out in silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from .now_challenge import CHALLENGES, ChallengeImage
from .tables import Cell, markdown_table

MEASURES = {"non-metrical": True, "metrical": False}
"""Measure -> is the scale free?"""
MOST_MM, STEP_MM = 7.0, 0.1
COLUMNS = ("method", "measure", "images", "challenge", "median", "mean", "std", "not fitted", "not scored")

READING = """\
Every scan point within the face's sphere to the nearest point of the predicted neutral head, after alignment by 7 landmarks and
refinement on the surface; non-metrical with free scale, metrical without. Distances of all images are joined. "not fitted": the
mean head stands in for the photo; "not scored": no distances at all. The head model's own mean head stands beside: a fit that
does not beat it has found nothing of the person.
"""


@dataclass
class ScoredImage:
    """distances: measure -> [N] mm; error: why there are none, or why the mean head stands in."""

    image: ChallengeImage
    distances: dict[str, np.ndarray] = field(default_factory=dict)
    error: str | None = None


def sum_up(method: str, scored: Sequence[ScoredImage]) -> list[list[Cell]]:
    """Rows of COLUMNS: all images, then every challenge, for each measure."""
    named = [name for name in CHALLENGES.values() if any(s.image.challenge == name for s in scored)]
    named += sorted({s.image.challenge for s in scored} - {*named, ""})
    rows: list[list[Cell]] = []
    for measure in MEASURES:
        for challenge in ["all", *named]:
            chosen = [s for s in scored if challenge in ("all", s.image.challenge)]
            rows.append([method, measure, len(chosen), challenge, *_statistics(chosen, measure), *_failures(chosen)])
    return rows


def _statistics(scored: Sequence[ScoredImage], measure: str) -> list[float | None]:
    found = [s.distances[measure] for s in scored if measure in s.distances]
    if not found:
        return [None, None, None]
    joined = np.concatenate(found)
    return [float(np.median(joined)), float(joined.mean(dtype=np.float64)), float(joined.std(dtype=np.float64))]


def _failures(scored: Sequence[ScoredImage]) -> list[int]:
    return [sum(s.error is not None and bool(s.distances) for s in scored), sum(not s.distances for s in scored)]


def cumulative(methods: Mapping[str, Sequence[ScoredImage]]) -> tuple[list[str], list[list[Cell]]]:
    """The curves that the challenge draws: header and rows, the share (%) of all distances below 0, .1 ... 7 mm."""
    header, columns = ["below mm"], [np.round(np.arange(0, MOST_MM + STEP_MM / 2, STEP_MM), 1)]
    for method, scored in methods.items():
        for measure in MEASURES:
            found = [s.distances[measure] for s in scored if measure in s.distances]
            if found:
                joined = np.sort(np.concatenate(found))
                header.append(f"{method}, {measure}")
                columns.append(100 * np.searchsorted(joined, columns[0], side="right") / len(joined))
    return header, [[float(value) for value in row] for row in zip(*columns, strict=True)]


def describe(rows: Sequence[Sequence[Cell]], scored: Sequence[ScoredImage]) -> str:
    """The Markdown page of a run."""
    failed = [f"- {s.image.name}: {s.error}" for s in scored if s.error]
    page = ["# NoW-style scores (mm)\n", READING, markdown_table(COLUMNS, rows)]
    if failed:
        page += [f"## Images that failed ({len(failed)} of {len(scored)})\n", "\n".join(failed) + "\n"]
    return "\n".join(page)
