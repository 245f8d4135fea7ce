"""The space between a texture's charts: filled with their colours, so that mipmaps bring nothing foreign in."""

from __future__ import annotations

import numpy as np
from PIL import Image

FILL_PX = 512
"""Longer side of the texture that gutters are filled from: they carry colour, not detail."""


def fill_gutters(pixels: np.ndarray, gaps: np.ndarray, share: np.ndarray) -> None:
    """Spread the charts' colours into the gaps of pixels [S, S, C] uint8, in place (pull-push).

    gaps [N]: flat indices of the texels between charts; share [s, s]: covered share of each block of S / s texels.
    """
    size, small = len(pixels), len(share)
    flat = pixels.reshape(size * size, -1)
    flat[gaps] = 0
    scale = size // small
    planes = np.moveaxis(pixels, -1, 0)
    sums = np.stack([np.asarray(Image.fromarray(np.ascontiguousarray(p)).reduce(scale)) for p in planes], -1)
    filled = push_pull(sums / np.maximum(share, 0.2)[..., None], np.minimum(1, share * 4))
    rows, columns = np.divmod(gaps, size)
    flat[gaps] = np.clip(filled[rows // scale, columns // scale] + 0.5, 0, 255)


def push_pull(weighted: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """weighted [h, w, c] = colour times weight [h, w] -> colours everywhere, coarse where nothing is near."""
    height, width = weight.shape
    if height % 2 or width % 2 or min(height, width) <= 2:
        mean = weighted.sum((0, 1)) / np.maximum(weight.sum(), 1e-6)
        return weighted + (1 - np.minimum(weight, 1))[..., None] * mean
    blocks = weighted.reshape(height // 2, 2, width // 2, 2, -1)
    quarters = blocks[:, 0, :, 0] + blocks[:, 0, :, 1] + blocks[:, 1, :, 0] + blocks[:, 1, :, 1]
    coarse_weight = weight.reshape(height // 2, 2, width // 2, 2).sum((1, 3))
    limit = np.minimum(1, 1 / np.maximum(coarse_weight, 1e-6))
    coarse = push_pull(quarters * limit[..., None], coarse_weight * limit)
    up = np.repeat(np.repeat(coarse, 2, 0), 2, 1)
    return weighted + (1 - np.minimum(weight, 1))[..., None] * up
