"""What the paper's networks say of a face, as our own fit starts from it: in our units, and how far it is trusted."""

from __future__ import annotations

import weakref

import numpy as np

from ..fit.geometry import FIXED_UNITS, FitStart
from ..fit.solver import solve_bounded
from ..head.model import HeadModel
from ..types import Camera, HeadCode
from .files import FIRST_OF_FLAME

SIGMA = 1.0
"""How far a person is from what the networks say, in people's own deviations from the mean person. It is the bound: networks that
are nearer to people than the mean person is leave no more than people's own spread. How much less is not known: NoW's medians
(.90 mm for MICA, 1.09 mm for DECA) hold what scans and models add, and by the same protocol our mean head is .77 mm [.72, .82]
from 100 people of its own family.
The bound costs little. A direction of the shape of which the photo tells with precision p (in the prior's units) errs by
sqrt((t^2 / s^4 + p) / (1 / s^2 + p)^2), s believed and t true: with the portrait's own p, 1 costs 2.7 % of the least error where
.75 is true and 1.7 % where 1.25 is; .75 would cost 10.7 % there."""
RIDGE = 0.02
"""Pull of each unit to rest, as a share of the units' mean square: keeps those that look alike from fighting."""

_kept: list[tuple[weakref.ref[HeadModel], np.ndarray]] = []


def believe(fitted: HeadModel, code: HeadCode, camera: Camera) -> FitStart:
    """code: of fitted.worn, with the networks' identity, Exp units and jaw; camera: any of the photo."""
    identity = np.zeros(fitted.num_identity)
    shared = min(fitted.num_identity, len(code.identity))
    identity[:shared] = code.identity[:shared]
    return FitStart(identity, SIGMA, find_units(fitted, code), camera.R, centred(camera))


def centred(camera: Camera) -> np.ndarray:
    """t [3] of the camera whose principal point is the photo's middle and that shows the head's origin at the same place."""
    shift = camera.K[:2, 2] - np.array(camera.size) / 2
    shifted: np.ndarray = camera.t + np.array([*(shift * camera.t[2] / np.diag(camera.K)[:2]), 0.0])
    return shifted


def find_units(fitted: HeadModel, code: HeadCode) -> np.ndarray:
    """Weights [E] in [0, 1] of the fitted model's units that move the face as code's Exp units and jaw do on fitted.worn."""
    worn = fitted.worn
    assert worn is not None
    moves = unit_moves(worn)
    goal = move_face(worn, code.expression, code.pose)
    is_open = np.array([name not in FIXED_UNITS for name in fitted.expression_names])
    A = moves[:, is_open]
    H = A.T @ A
    H += RIDGE * np.trace(H) / len(H) * np.eye(len(H))
    units = np.zeros(fitted.num_expression)
    units[is_open] = solve_bounded(H, -A.T @ goal, np.zeros(len(H)), np.ones(len(H)), is_exact=True)
    return units


def unit_moves(worn: HeadModel) -> np.ndarray:
    """What each of our units does alone to the mean person's face [3 F, E]; the latest model's are kept."""
    for reference, moves in _kept:
        if reference() is worn:
            return moves
    number = worn.expression_names.index(FIRST_OF_FLAME)
    units = np.eye(worn.num_expression)[:number]
    moves = np.stack([move_face(worn, unit, np.zeros(15)) for unit in units], 1)
    _kept[:] = [(weakref.ref(worn), moves)]
    return moves


def move_face(worn: HeadModel, expression: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """How an expression and a pose move the mean person's face from rest [3 F], each vertex by its share of the face."""
    nobody = np.zeros(0)
    rest = worn.pose(HeadCode(nobody, np.zeros(worn.num_expression), np.zeros(15)))
    face = np.flatnonzero(worn.regions["face"] > 0)
    moved = (worn.pose(HeadCode(nobody, expression, pose)) - rest)[face]
    flat: np.ndarray = (np.sqrt(worn.regions["face"][face])[:, None] * moved).ravel()
    return flat
