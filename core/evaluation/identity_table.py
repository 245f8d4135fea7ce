"""What a face recogniser says of turned heads: cosines of photos with their own heads' views, and with others'."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .novel_views import YAWS_DEG, cosine_similarity
from .tables import Cell, markdown_table

COLUMNS = ("view", "photos", "mean", "std", "least", "another photo's head")
READING = """\
Cosine similarity of a face recogniser's embeddings: each photo with its own head, rendered with its texture and its expression
at that yaw under soft light on white. "another photo's head" is the mean over all other photos' heads at the same yaw: what a
stranger's head reaches, if the photos show different people. Yaws and ground are those of the method's scripts; its own
table, network and light could not be obtained, so compare only what was measured in the same way.
"""


def compare(photos: np.ndarray, views: np.ndarray) -> np.ndarray:
    """Embeddings of N photos [N, D] and of their heads' views [N, Y, D] -> cosines [Y, N, N]: photo n, head m."""
    return np.stack([cosine_similarity(photos, views[:, y]) for y in range(views.shape[1])])


def sum_up(cosines: np.ndarray) -> list[list[Cell]]:
    """Rows of COLUMNS: every yaw by size, then all."""
    count = cosines.shape[1]
    is_own = np.eye(count, dtype=bool)
    order = sorted(range(len(YAWS_DEG)), key=lambda y: YAWS_DEG[y])
    rows = [_row(f"{YAWS_DEG[y]:+d} degrees" if YAWS_DEG[y] else "0 degrees", cosines[y : y + 1], is_own) for y in order]
    return [*rows, _row("all", cosines, is_own)]


def _row(name: str, cosines: np.ndarray, is_own: np.ndarray) -> list[Cell]:
    own, others = cosines[:, is_own], cosines[:, ~is_own]
    spread = float(own.std()) if own.size > 1 else None
    return [name, is_own.shape[0], float(own.mean()), spread, float(own.min()), float(others.mean()) if others.size else None]


def describe(rows: Sequence[Sequence[Cell]], failed: Sequence[str]) -> str:
    """The Markdown page of a run; failed: a sentence each."""
    page = ["# Identity from elsewhere (cosine similarity)\n", READING, markdown_table(COLUMNS, rows)]
    if failed:
        page += [f"## Photos that failed ({len(failed)})\n", "\n".join(f"- {line}" for line in failed) + "\n"]
    return "\n".join(page)
