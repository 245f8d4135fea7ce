"""Distant and near lamps on plain matt surfaces, and the preview of a shape without texture made of them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

PREVIEW_DIRECTIONS = ((-1.0, 1.0, 1.0), (1.0, 1.0, 1.0), (-1.0, -1.0, 1.0), (1.0, -1.0, 1.0), (0.0, 0.0, 1.0))
PREVIEW_INTENSITY, PREVIEW_ALBEDO = 1.7, 180 / 255


def directional_shading(normals: Tensor, lamps: Tensor) -> Tensor:
    """Normals [B, N, 3], lamps [B, L, 6] = direction towards the lamp (of any length), rgb -> mean over the lamps [B, N, 3]."""
    cosine = (normals @ normalize(lamps[..., :3], dim=-1).transpose(1, 2)).clamp(0.0, 1.0)
    return cosine @ lamps[..., 3:] / lamps.shape[1]


def point_shading(positions: Tensor, normals: Tensor, lamps: Tensor) -> Tensor:
    """As directional_shading with lamps [B, L, 6] = position, rgb, on positions [B, N, 3]; light from behind is negative."""
    towards = normalize(lamps[:, :, None, :3] - positions[:, None], dim=-1)
    cosine = (towards * normals[:, None]).sum(-1)
    return cosine.transpose(1, 2) @ lamps[..., 3:] / lamps.shape[1]


def preview_lamps(like: Tensor) -> Tensor:
    """The five lamps of the preview, [1, 5, 6]."""
    directions = like.new_tensor(PREVIEW_DIRECTIONS)
    return torch.cat([directions, torch.full_like(directions, PREVIEW_INTENSITY)], -1)[None]


def preview_shading(normals: Tensor) -> Tensor:
    """Normals [B, N, 3] -> how brightly a white shape is lit [B, N, 3]; the preview shows PREVIEW_ALBEDO times this."""
    return directional_shading(normals, preview_lamps(normals).expand(len(normals), -1, -1))
