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
INSIDE = 0.5
"""A vertex belongs to a region from this weight on."""
TOGETHER = {"eyes": (("eye_socket",), 0.0025), "mouth": (("lip_upper", "lip_lower", "mouth_inside"), 0.0)}
"""Lock -> what of its regions moves as a whole with its parts or not at all, with the skin this near (m) to it."""
TOGETHER_FADE_M = 0.006


def lock_field(model: HeadModel, locks: Iterable[str]) -> np.ndarray:
    """[V] in [0, 1]: how far each vertex is held by the locks (names in LOCKS); 1 at their region_rows."""
    locks = frozenset(locks)
    rows = region_rows(model, locks)
    field = nearness(model, rows, FADE_M)
    for name in TOGETHER:
        if name not in locks:
            field = field * (1 - nearness(model, whole_rows(model, name), TOGETHER_FADE_M))
    field[rows] = 1
    return field


def region_rows(model: HeadModel, locks: Iterable[str]) -> np.ndarray:
    """The vertices [N] that some locks hold: their regions and parts, but for the rims of lids and lips that are not locked."""
    locks = frozenset(locks)
    inside = np.zeros(len(model.template), bool)
    for lock in LOCKS:
        if lock.name in locks:
            inside[_rows_of(model, lock.regions)] = True
            inside[_rows_of_parts(model, lock.name)] = True
    for name in TOGETHER.keys() - locks:
        inside[whole_rows(model, name)] = False
    return np.flatnonzero(inside)


def whole_rows(model: HeadModel, name: str) -> np.ndarray:
    """The vertices [N] of eyes or mouth that move as a whole or not at all."""
    regions, flat_m = TOGETHER[name]
    skin = nearness(model, _rows_of(model, regions), 1e-4, flat_m) > 0.99
    skin[_rows_of_parts(model, name)] = True
    return np.flatnonzero(skin)


def _rows_of(model: HeadModel, regions: Iterable[str]) -> np.ndarray:
    return np.flatnonzero(np.any([model.regions[region] >= INSIDE for region in regions], axis=0))


def _rows_of_parts(model: HeadModel, name: str) -> np.ndarray:
    parts = next(lock.parts for lock in LOCKS if lock.name == name)
    faces = model.faces[np.isin(model.face_parts, [model.part_names.index(part) for part in parts])]
    return np.unique(faces[faces >= 0])


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
