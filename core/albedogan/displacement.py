"""Displacement maps: the surface that they make of a coarse one, and its normals.

Rule of this file: maps are on the UV layout, [B, C, 256, 256], row 0 at v = 1; z is in metres along the unit vertex normal
(core/nets/displacement.py makes it of the displacement generator's pictures).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

from .faithfulness import FIXED, Faithfulness
from .normals import vertex_normals

MAP_SIZE = 256
MARGIN_X, MARGIN_Y = 2, 5


@cache
def grid_triangles() -> np.ndarray:
    """[122990, 3] int64: the map's pixels (row * 256 + column) as a mesh, two triangles a square, column by column; a margin of
    2 columns and 5 rows is left out. Counter-clockwise seen from outside."""
    x, y = np.arange(MARGIN_X, MAP_SIZE - MARGIN_X - 1), np.arange(MARGIN_Y, MAP_SIZE - MARGIN_Y - 1)
    corner = (y[None, :] * MAP_SIZE + x[:, None]).reshape(-1, 1)
    below, right, across = MAP_SIZE, 1, MAP_SIZE + 1
    return (corner[:, :, None] + np.array([[0, below, right], [right, below, across]])).reshape(-1, 3)


def displaced_positions(positions: Tensor, normals: Tensor, z: Tensor, mask: Tensor, fixed: Tensor) -> Tensor:
    """Maps of positions and normals [B, 3, 256, 256], z [B, 1, 256, 256], mask [1 or B, 1, 256, 256], fixed displacement
    [256, 256] -> positions of the detailed surface."""
    return positions + (z * mask + fixed) * normals


def detail_normals(positions: Tensor, normals: Tensor, z: Tensor, mask: Tensor, fixed: Tensor) -> Tensor:
    """Normals of the displaced surface inside the mask, blended to the coarse ones outside (not made unit again)."""
    batch = len(positions)
    detailed = displaced_positions(positions, normals, z, mask, fixed)
    triangles = torch.from_numpy(grid_triangles()).to(positions.device)
    found = vertex_normals(detailed.flatten(2).transpose(1, 2), triangles)
    maps = found.transpose(1, 2).reshape(batch, 3, MAP_SIZE, MAP_SIZE)
    return maps * mask + normals * (1 - mask)


def exported(z: Tensor, mask: Tensor, fixed: Tensor, faithfulness: Faithfulness = FIXED) -> Tensor:
    """The displacement of the dense mesh and of a displacement map, [B, 1, 256, 256] m; the mask takes the networks' detail off
    where it means nothing (not if Faithfulness.displacement_unmasked)."""
    return (z if faithfulness.displacement_unmasked else z * mask) + fixed
