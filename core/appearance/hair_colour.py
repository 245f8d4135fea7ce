"""The colour of hair from its pigments.

Source: Chiang et al. 2016, "A practical and controllable hair and fur model for production path tracing", section 4.
"""

from __future__ import annotations

import numpy as np

EUMELANIN = np.array([0.419, 0.697, 1.37])
PHEOMELANIN = np.array([0.187, 0.4, 1.05])
"""Absorption per unit of concentration, red, green, blue."""
SCATTER = 5.89
"""How often light meets fibres before it comes back, at an azimuthal roughness of .3: colour = exp(-SCATTER sqrt(absorption))."""
WHITE = np.array([0.46, 0.44, 0.41])
"""Hair without pigment."""
SURFACE = 0.006
"""What the cuticle reflects into every direction."""


def hair_albedo(eumelanin: float, pheomelanin: float) -> np.ndarray:
    """Linear RGB [3] of a mass of hair with these concentrations of both pigments."""
    absorption = eumelanin * EUMELANIN + pheomelanin * PHEOMELANIN
    return SURFACE + np.exp(-SCATTER * np.sqrt(absorption)) * (1 - SURFACE)
