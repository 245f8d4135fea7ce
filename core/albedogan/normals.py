"""Vertex normals of batched meshes."""

from __future__ import annotations

import torch
from torch import Tensor

NORMAL_EPSILON = 1e-6
"""The length below which a normal is not stretched to 1."""


def face_corners(vertices: Tensor, faces: Tensor) -> Tensor:
    """[B, V, C], [F, 3] -> [B, F, 3, C]."""
    return vertices[:, faces]


def vertex_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """Positions [B, V, 3], triangles [F, 3] -> unit normals [B, V, 3], each triangle weighted by its area."""
    corners = face_corners(vertices, faces)
    area = torch.linalg.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0])
    summed = torch.zeros_like(vertices)
    for corner in range(3):
        summed = summed.index_add(1, faces[:, corner], area)
    return torch.nn.functional.normalize(summed, dim=-1, eps=NORMAL_EPSILON)
