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
    """Where there is no texture space: the weighted mean colour of the face, everywhere [size, size, 3]."""
    share = weight / max(float(weight.sum()), 1e-9)
    return np.broadcast_to((texture * share[..., None]).sum((0, 1)), (size, size, 3)).copy()
