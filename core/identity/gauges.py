"""What a head's traits are: read from its identity code, and measured on its mesh (data/identity_gauges.npz)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from ..config import DATA_DIR
from ..errors import ModelError
from ..head.model import HeadModel
from .catalogue import NAMES, PERSON


@dataclass(frozen=True)
class Gauges:
    """T traits in NAMES' order, the last M of them measured on the mesh.

    weights [K, T], mean [T]: a code's traits are mean + code @ weights; ancestry_weights [K, 3]: its ancestry's shares likewise;
    rows [M, N], coefficients [M, N, 3] mm a metre: the same measures on vertices, sums of coefficients times coordinates;
    topology, num_vertices: of the mesh whose vertices these are (HeadModel.topology); model_name: HeadModel.name;
    start [M] mm: what the measures have beside those sums; offered [T] bool: which traits the model's people span;
    person_codes [K, P]: the changes of code that a unit of sex, age and weight is, where they are another model's, brought over
    (flame/traits.py), and kept [P], how much of their motion is left; None: what the weights say.
    """

    weights: np.ndarray
    mean: np.ndarray
    ancestry_weights: np.ndarray
    rows: np.ndarray
    coefficients: np.ndarray
    topology: str
    num_vertices: int
    model_name: str
    start: np.ndarray
    offered: np.ndarray
    person_codes: np.ndarray | None = None
    kept: np.ndarray | None = None

    def of_model(self, model: HeadModel) -> Gauges:
        """The same measures of exactly this build of the head: builds differ from machine to machine by thousandths of a mm."""
        basis, template = (array[..., self.rows, :].astype(np.float64) for array in (model.identity_basis, model.template))
        weights, mean = self.weights.copy(), self.mean.copy()
        weights[:, NUM_PERSON:] = np.einsum("mnc,kmnc->km", self.coefficients, basis)
        mean[NUM_PERSON:] = self.start + np.einsum("mnc,mnc->m", self.coefficients, template)
        return replace(self, weights=weights, mean=mean)

    def read_code(self, identity: np.ndarray) -> np.ndarray:
        """Code [K] -> traits [T] of the head that the model makes of it."""
        return self.mean + identity @ self.weights

    def measure(self, vertices: np.ndarray) -> np.ndarray:
        """Vertices [..., V, 3] m -> the measured traits [..., M] mm."""
        return self.start + np.einsum("mnc,...mnc->...m", self.coefficients, vertices[..., self.rows, :].astype(np.float64))

    @property
    def is_of_file(self) -> bool:
        """Whether they are of a file of the user's, which heads know by its SHA-256, and not of the built-in head."""
        return self.person_codes is not None

    def offers(self, name: str) -> bool:
        """Whether a trait has a slider: the model's people differ in it."""
        return bool(self.offered[NAMES.index(name)])


@cache
def load_gauges() -> Gauges:
    """The embedded head's table. Raises ModelError when it is missing, damaged or of another version."""
    path = DATA_DIR / "identity_gauges.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            if tuple(map(str, file["names"])) != NAMES:
                raise ModelError(f"The table {path} is of another version: reinstall the extension.")
            floats = ("weights", "mean", "ancestry_weights", "coefficients")
            weights, mean, ancestry_weights, coefficients = (file[key].astype(np.float64) for key in floats)
            topology, model_name = (str(file[key]) for key in ("topology", "model_name"))
            num_vertices = int(file["num_vertices"])
            start, offered = np.zeros(len(coefficients)), np.ones(len(NAMES), bool)
            return Gauges(
                weights, mean, ancestry_weights, file["rows"], coefficients, topology, num_vertices, model_name, start, offered
            )
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"The table {path} is missing or damaged ({error}): reinstall the extension.") from error


NUM_PERSON = len(PERSON)
"""The first traits of NAMES, which are read from the code alone."""
