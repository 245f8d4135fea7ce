"""Directions in a generator's latent space, from the files in which they are published, and codes moved along them.

    InterFaceGAN    .npy (1, D): the unit normal of a boundary                    w + strength n
    GANSpace        .npz, .pkl, .pt with (lat_comp, lat_stdev) or (comp, std)     w + strength s_i c_i
    closed form     .pt with eigvec [D, K] (SeFa)                                 w + strength v_i
    anything else   an array, or arrays by name: [D], (1, D), or [L, D] a layer   w + strength v

Shen et al. 2020, "Interpreting the Latent Space of GANs"; Härkönen et al. 2020, "GANSpace"; Shen & Zhou 2021, "Closed-Form
Factorization of Latent Semantics in GANs". Files go through core/checkpoints: nothing in them is run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..checkpoints import read_file
from ..errors import ModelError
from .codes import Rows, require_alike, require_code, require_rows, spread_code

COMPONENTS = (("lat_comp", "lat_stdev"), ("comp", "std"), ("comp", "stdev"), ("act_comp", "act_stdev"))
"""Principal components [K, D] or [K, 1, D], and how far codes spread along each [K]; the first pair that is there counts."""
EIGENVECTORS = "eigvec"
NO_DIRECTION = (
    "{name} holds no direction: give an array of shape (512,), (1, 512) or (18, 512), arrays by name, or GANSpace's file."
)
MIN_SIZE = 2
"""No style has fewer numbers; single numbers beside directions in a file are no directions."""


@dataclass(frozen=True)
class Direction:
    """vector [D], or [L, D] with a part for each layer; strength 1 goes this far."""

    name: str
    vector: np.ndarray


def read_directions(path: Path) -> list[Direction]:
    """Every direction in a file, in the file's order. Raises CheckpointError for a file that is refused, ModelError
    for one without directions."""
    path = Path(path)
    content = read_file(path)
    if isinstance(content, Mapping):
        return _read_named(content, path.name)
    if isinstance(content, (list, tuple)):
        return [_direction(str(i), array, path.name) for i, array in enumerate(content)] or _refuse(path.name)
    return [_direction(path.stem, content, path.name)]


def find_direction(directions: list[Direction], name: str | None = None) -> Direction:
    """The direction of that name; without a name the only one. Raises ModelError, which says what there is."""
    found = [direction for direction in directions if name in (None, direction.name)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(direction.name for direction in directions[:20]) + (", ..." if len(directions) > 20 else "")
    raise ModelError(f"There are {len(directions)} directions in the file: choose one of {known}.")


def follow_direction(
    code: np.ndarray, direction: Direction, strength: float, rows: Rows | None = None, num_rows: int | None = None
) -> np.ndarray:
    """The code `strength` further, in all rows or in these.

    w [D] stays w where direction and rows are for all layers alike; else it becomes w+ [num_rows, D], for which num_rows is
    needed. Raises ModelError.
    """
    start, step = require_code(code), require_code(direction.vector, f"The direction {direction.name}")
    if start.ndim == 1 and step.ndim == 1 and rows is None:
        require_alike(start, step, f"The direction {direction.name}")
        return start + strength * step
    if start.ndim == 1:
        if num_rows is None and step.ndim == 1:
            raise ModelError("Single layers of w cannot be moved: say how many layers the generator has, or give w+.")
        start = spread_code(start, len(step) if num_rows is None else num_rows)
    require_alike(start, step, f"The direction {direction.name}")
    chosen = require_rows(rows, len(start))
    moved = start.copy()
    moved[chosen] += strength * np.broadcast_to(step, start.shape)[chosen]
    return moved


def _read_named(content: Mapping[Any, Any], file: str) -> list[Direction]:
    for components, spread in COMPONENTS:
        if components in content and spread in content:
            return _read_components(content[components], content[spread], file)
    if EIGENVECTORS in content:
        vectors = _numbers(content[EIGENVECTORS], EIGENVECTORS, file)
        if vectors.ndim != 2:
            raise ModelError(f"{EIGENVECTORS} in {file} is of shape {vectors.shape}, not [D, K]: give the file as it was made.")
        return [Direction(str(i), vector) for i, vector in enumerate(vectors.T)]
    arrays = {str(name): value for name, value in content.items() if isinstance(value, np.ndarray) and value.size >= MIN_SIZE}
    return [_direction(name, array, file) for name, array in arrays.items()] or _refuse(file)


def _read_components(components: Any, spread: Any, file: str) -> list[Direction]:
    vectors, deviations = _numbers(components, "the components", file), _numbers(spread, "the deviations", file).ravel()
    if vectors.ndim == 3 and vectors.shape[1] == 1:
        vectors = vectors[:, 0]
    if vectors.ndim != 2 or len(vectors) != len(deviations):
        shapes = f"{vectors.shape} and {deviations.shape}"
        raise ModelError(
            f"The components and deviations in {file} are of shapes {shapes}, not [K, D] and [K]: export them again."
        )
    pairs = enumerate(zip(vectors, deviations, strict=True))
    return [Direction(str(i), require_code(s * v, f"Component {i} of {file}")) for i, (v, s) in pairs]


def _direction(name: str, value: Any, file: str) -> Direction:
    array = _numbers(value, name, file)
    if array.ndim == 3 and 1 in array.shape[:2]:
        array = array.reshape(-1, array.shape[2])
    if array.ndim not in (1, 2) or array.shape[-1] < MIN_SIZE:
        raise ModelError(f"{name} in {file} is of shape {array.shape}: a direction is (512,), (1, 512) or (18, 512).")
    return Direction(name, require_code(array, f"{name} in {file}"))


def _numbers(value: Any, name: str, file: str) -> np.ndarray:
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
        raise ModelError(f"{name} in {file} is no array of numbers: give the file as it was made.")
    return value


def _refuse(file: str) -> list[Direction]:
    raise ModelError(NO_DIRECTION.format(name=file))
