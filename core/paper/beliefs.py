"""What the paper's networks say of a face, as our own fit starts from it: in our units, and how far it is trusted."""

from __future__ import annotations

import weakref

import numpy as np

from ..fit.geometry import FIXED_UNITS, FitStart
from ..fit.solver import solve_bounded
from ..head.model import HeadModel
from ..types import Camera, HeadCode
from .files import FIRST_OF_FLAME

SIGMA_OF_FACE_NETWORK, SIGMA_OF_COARSE_ENCODER = 0.75, 0.9
"""The share of people's spread that remains when a network has told the shape: NoW's median errors, .90 mm (MICA) and 1.09 mm
(DECA), over 1.21 mm of FLAME's mean head."""
RIDGE = 0.02
"""Pull of each unit to rest, as a share of the units' mean square: keeps those that look alike from fighting."""

_kept: list[tuple[weakref.ref[HeadModel], np.ndarray]] = []


def believe(fitted: HeadModel, code: HeadCode, camera: Camera, *, has_face_network: bool) -> FitStart:
    """code: of fitted.worn, with the networks' identity, Exp units and jaw; camera: any of the photo."""
    identity = np.zeros(fitted.num_identity)
    shared = min(fitted.num_identity, len(code.identity))
    identity[:shared] = code.identity[:shared]
    sigma = SIGMA_OF_FACE_NETWORK if has_face_network else SIGMA_OF_COARSE_ENCODER
    return FitStart(identity, sigma, find_units(fitted, code), camera.R, centred(camera))


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
