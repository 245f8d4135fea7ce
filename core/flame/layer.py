"""FLAME posed straight from its arrays, one head at a time, in the arrays' own expression components.

The joints follow identity and expression, as in FLAME's own code (those of core/head/model.py follow identity alone). The
batched differentiable layer is core/albedogan/flame_layer.py; a head with named expressions is core/head/model.py.
Source: Li et al. 2017, "Learning a model of facial shape and expression from 4D scans", section 3.
"""

from __future__ import annotations

import numpy as np

from ..head.model import rotation_matrices, skin
from .arrays import FlameArrays


def pose_flame(arrays: FlameArrays, shape: np.ndarray, expression: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """shape [s <= S] and expression [e <= E] in standard deviations, pose [15] rad (axis-angles of root, neck, jaw, left eye,
    right eye) -> vertices [V, 3] m, float64."""
    offsets = np.tensordot(np.asarray(shape, np.float64), arrays.shape_basis[: len(shape)], 1)
    offsets = offsets + np.tensordot(np.asarray(expression, np.float64), arrays.expression_basis[: len(expression)], 1)
    shaped = arrays.template + offsets
    rotations = rotation_matrices(np.asarray(pose, np.float64).reshape(-1, 3))
    correctives = np.tensordot((rotations[1:] - np.eye(3)).ravel(), arrays.pose_correctives, 1)
    return skin(shaped + correctives, arrays.joint_regressor.astype(np.float64) @ shaped, rotations, arrays.weights)
