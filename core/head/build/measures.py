"""Anthropometric points of the base mesh, by vertex number, and the measures that ANSUR II and NIOSH published."""

from __future__ import annotations

import numpy as np

VERTEX = 881
GLABELLA = 234
SELLION = 132
PRONASALE = 5054
SUBNASALE = 343
STOMION_UPPER = 468
STOMION_LOWER = 493
LABIALE_SUPERIUS = 455
LABIALE_INFERIUS = 496
POGONION = 5162
MENTON = 5296

ANSUR_MEANS_MM = {"head breadth": 151.0, "head length": 194.6, "sellion-menton": 117.9, "bizygomatic": 138.2}
"""Means over the sexes of ANSUR II (2012), mm."""


def measure_mm(vertices: np.ndarray, skin: np.ndarray) -> dict[str, float]:
    """Base vertices [19158, 3] m and the kept skin's indices -> measure's name -> mm."""
    head = vertices[skin]
    above_ears = head[head[:, 1] > vertices[SELLION, 1] + 0.035]
    midline = head[np.abs(head[:, 0]) < 0.002]
    behind = midline[midline[:, 2] < vertices[VERTEX, 2]]
    cheek = head[(head[:, 2] > np.median(head[:, 2])) & (np.abs(head[:, 1] - vertices[PRONASALE, 1]) < 0.03)]
    distance = lambda a, b: float(np.linalg.norm(vertices[a] - vertices[b]) * 1000)  # noqa: E731
    return {
        "head breadth": float(np.ptp(above_ears[:, 0]) * 1000),
        "head length": float(np.linalg.norm(behind - vertices[GLABELLA], axis=1).max() * 1000),
        "sellion-menton": distance(SELLION, MENTON),
        "bizygomatic": float(np.ptp(cheek[:, 0]) * 1000),
        "sellion-subnasale": distance(SELLION, SUBNASALE),
        "nose protrusion": distance(SUBNASALE, PRONASALE),
    }
