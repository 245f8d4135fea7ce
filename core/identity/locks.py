"""Where a locked head holds still: a smooth field over the mesh, 1 where nothing moves.

Rule of this file: lids and eyeballs, lips and teeth go together. A lock beside them fades out before it reaches them, so that
half of an eye never moves without the other half.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..head.model import HeadModel
from .catalogue import LOCKS

FADE_M = 0.016
"""A lock fades over this distance from its region's border."""
TOGETHER = ("eyes", "mouth")
"""Locks whose region moves as a whole or not at all."""
INSIDE = 0.5
"""A vertex belongs to a region from this weight on."""


def lock_field(model: HeadModel, locks: Iterable[str]) -> np.ndarray:
    """[V] in [0, 1]: how far each vertex is held by the locks (names in LOCKS); 1 all over their regions."""
    locks = frozenset(locks)
    field = nearness(model, region_rows(model, locks), FADE_M)
    for free in TOGETHER:
        if free not in locks:
            field = field * (1 - nearness(model, region_rows(model, [free]), FADE_M / 2))
    field[region_rows(model, locks)] = 1
    return field


def region_rows(model: HeadModel, locks: Iterable[str]) -> np.ndarray:
    """The vertices [N] of some locks' regions and parts."""
    inside = np.zeros(len(model.template), bool)
    for lock in LOCKS:
        if lock.name in locks:
            for region in lock.regions:
                inside |= model.regions[region] >= INSIDE
            faces = model.faces[np.isin(model.face_parts, [model.part_names.index(part) for part in lock.parts])]
            inside[faces[faces >= 0]] = True
    return np.flatnonzero(inside)


def nearness(model: HeadModel, rows: np.ndarray, fade_m: float, flat_m: float = 0.0) -> np.ndarray:
    """[V] 1 at vertices `rows` of the template and up to flat_m from them, falling smoothly to 0 over fade_m more."""
    points = model.template.astype(np.float32)
    if not len(rows):
        return np.zeros(len(points), np.float32)
    goal = points[rows]
    squares = np.empty(len(points), np.float32)
    for part in np.array_split(np.arange(len(points)), 24):
        squares[part] = ((points[part] ** 2).sum(1)[:, None] + (goal**2).sum(1) - 2 * points[part] @ goal.T).min(1)
    squares[rows] = 0
    t = np.clip(1 - (np.sqrt(np.maximum(squares, 0)) - flat_m) / fade_m, 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)
