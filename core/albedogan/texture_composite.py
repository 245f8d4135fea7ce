"""One texture of two: the photo's inside the face mask, the texture space's with grain outside.

Rule of this file: textures are [H, W, 3] float, row 0 at v = 1, colours as displayed (sRGB), about 0..1.
"""

from __future__ import annotations

import numpy as np

from .faithfulness import FIXED, Faithfulness


def skin_outside(skin: np.ndarray, grain: np.ndarray, faithfulness: Faithfulness = FIXED) -> np.ndarray:
    """Skin [H, W, 3] and grain [H, W], the same for all three colours -> what lies outside of the mask; within [0, 1] (not if
    Faithfulness.composite_not_clamped)."""
    grained = skin + grain[..., None]
    return grained if faithfulness.composite_not_clamped else grained.clip(0, 1)


def compose(inside: np.ndarray, outside: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Textures [H, W, 3] by the mask [H, W]: 1 shows `inside`."""
    share = mask[..., None]
    return inside * share + outside * (1 - share)


def plain_skin(texture: np.ndarray, weight: np.ndarray, size: int) -> np.ndarray:
    """Where there is no texture space: the middle one of the face's colours, by channel, everywhere [size, size, 3]. Grey where
    no texel has a weight above a half."""
    is_sure = weight > 0.5
    colour = np.median(texture[is_sure], 0) if is_sure.any() else np.full(3, 0.5)
    return np.broadcast_to(colour, (size, size, 3)).copy()
