"""How far a head is turned to the side: the released code's measure from two triangles, and the angle itself.

Rule of this file: positive turns show the subject's right cheek: the face looks to the image's right.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .faithfulness import FIXED, Faithfulness
from .flame_layer import Poses
from .rotations import matrix_to_yaw

TRIANGLES = np.array([[3572, 3555, 2205], [3572, 723, 3555]])
"""FLAME's vertices of the two triangles on the nose whose normals are measured."""
REFERENCE = np.array([1.0, 0.0, 1.0])


def doubled_angles(vertices: np.ndarray) -> np.ndarray:
    """Posed vertices [B, V, 3] -> twice the angles in degrees between the two triangles' normals and (1, 0, 1), [B, 2]."""
    corners = vertices[:, TRIANGLES]
    normals = np.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0]).astype(np.float64)
    cosine = normals @ REFERENCE / (np.linalg.norm(normals, axis=-1) * np.linalg.norm(REFERENCE))
    return np.arccos(cosine.clip(-1, 1)) * 360 / np.pi


def average_angle(angles: np.ndarray) -> np.ndarray:
    """Two angles [..., 2], each cut to a whole number -> their mean, cut likewise, [...] int64."""
    return np.trunc(angles).astype(np.int64).sum(-1) // 2


def yaw_codes(vertices: np.ndarray, faithfulness: Faithfulness = FIXED) -> np.ndarray:
    """Posed vertices [B, V, 3] -> [B] int64, about twice the turn in degrees less one; below 0 to the image's left."""
    seen = vertices[:1] if faithfulness.yaw_of_first else vertices
    codes = 90 - (360 - average_angle(doubled_angles(seen)))
    return np.broadcast_to(codes, len(vertices)).copy()


def yaw_deg(poses: Poses) -> Tensor:
    """The head's turn about the vertical, root and neck together, degrees [B]."""
    rotations = poses.matrices()
    return torch.rad2deg(matrix_to_yaw(rotations[:, 0] @ rotations[:, 1]))
