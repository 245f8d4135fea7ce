"""FLAME's arrays as its files hold them, whatever the container was.

Frame: metres, +X the subject's left, +Y up, +Z out of the face, as model space (core/types.py). Identity and expression
coefficients are in standard deviations. Source: Li et al. 2017, "Learning a model of facial shape and expression from 4D scans".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NUM_SHAPE = 300
"""Of FLAME's blend shapes the first 300 are identity, the others expression."""
NUM_VERTICES, NUM_FACES, NUM_POSE_FEATURES, NUM_JOINTS = 5023, 9976, 36, 5


@dataclass(frozen=True)
class FlameArrays:
    """template [V, 3]; faces [F, 3] int64; shape_basis [S, V, 3]; expression_basis [E, V, 3]; pose_correctives [36, V, 3] per
    element of R - I of neck, jaw, left eye, right eye, row-major; joint_regressor [5, V]; weights [V, 5]; parents [5], the root's
    is -1. Floating-point arrays are float32.

    edition: what is known of the file, 'FLAME 2020' or so; licence: under which terms it may be used; sha256 (hex) of the file.
    """

    template: np.ndarray
    faces: np.ndarray
    shape_basis: np.ndarray
    expression_basis: np.ndarray
    pose_correctives: np.ndarray
    joint_regressor: np.ndarray
    weights: np.ndarray
    parents: np.ndarray
    edition: str = ""
    licence: str = ""
    sha256: str = ""
