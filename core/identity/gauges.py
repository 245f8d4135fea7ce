"""What a head's traits are: read from its identity code, and measured on its mesh (data/identity_gauges.npz)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from ..config import DATA_DIR
from ..errors import ModelError
from .catalogue import NAMES, PERSON


@dataclass(frozen=True)
class Gauges:
    """T traits in NAMES' order, the last M of them measured on the mesh.

    weights [K, T], mean [T]: a code's traits are mean + code @ weights; ancestry_weights [K, 3]: its ancestry's shares likewise;
    rows [M, N], coefficients [M, N, 3] mm a metre: the same measures on vertices, sums of coefficients times coordinates;
    topology, num_vertices: of the mesh whose vertices these are (HeadModel.topology); model_name: HeadModel.name.
    """

    weights: np.ndarray
    mean: np.ndarray
    ancestry_weights: np.ndarray
    rows: np.ndarray
    coefficients: np.ndarray
    topology: str
    num_vertices: int
    model_name: str

    def read_code(self, identity: np.ndarray) -> np.ndarray:
        """Code [K] -> traits [T] of the head that the model makes of it."""
        return self.mean + identity @ self.weights

    def measure(self, vertices: np.ndarray) -> np.ndarray:
        """Vertices [..., V, 3] m -> the measured traits [..., M] mm; of offsets: their changes."""
        return np.einsum("mnc,...mnc->...m", self.coefficients, vertices[..., self.rows, :].astype(np.float64))


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
            return Gauges(weights, mean, ancestry_weights, file["rows"], coefficients, topology, num_vertices, model_name)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"The table {path} is missing or damaged ({error}): reinstall the extension.") from error


NUM_PERSON = len(PERSON)
"""The first traits of NAMES, which are read from the code alone."""
