"""How far a picture is from words, in CLIP's space; everything is differentiable, in float32 and float64.

Patashnik et al. 2021, "StyleCLIP", section 4 (1 - cosine, the code's distance as a price); Gal et al. 2021, "StyleGAN-NADA",
section 4 (the picture's change in the direction of the words' change).
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

CODE_WEIGHT, IDENTITY_WEIGHT = 0.008, 0.005
"""StyleCLIP's prices of a code's squared distance and of another person."""
SMALL_CHANGE = 0.1
"""Of a unit embedding."""


def cosine_loss(pictures: Tensor, words: Tensor) -> Tensor:
    """Embeddings [B, E] and [1 or B, E] -> the mean of 1 - cosine."""
    return (1 - functional.cosine_similarity(pictures, words, dim=-1)).mean()


def directional_loss(pictures: Tensor, before: Tensor, words: Tensor, neutral: Tensor) -> Tensor:
    """1 - cosine of the pictures' change [B, E] and the words' [1, E], the mean. A change shorter than SMALL_CHANGE counts by its
    length, so that the loss is 1, with a gradient of usual size, where nothing has changed yet."""
    change = pictures - before
    length = (change.square().sum(-1, keepdim=True) + 1e-12).sqrt().clamp_min(SMALL_CHANGE)
    return (1 - (change / length * functional.normalize(words - neutral, dim=-1)).sum(-1)).mean()


def code_distance(code: Tensor, before: Tensor) -> Tensor:
    """Sum of squares."""
    return (code - before).square().sum()


def fit_pictures(pictures: Tensor, size: int) -> Tensor:
    """[B, C, H, W] -> [B, C, size, size], each new pixel the mean of the area that it covers.

    From 1024 to 224 this is StyleCLIP's enlargement by 7 and mean of 32 x 32, without the 7168 x 7168 picture between.
    """
    height, width = pictures.shape[-2:]
    rows, columns = (_area_weights(edge, size).to(pictures) for edge in (height, width))
    return torch.einsum("yh,bchw,xw->bcyx", rows, pictures, columns)


@cache
def _area_weights(before: int, after: int) -> Tensor:
    """[after, before]: the shares of the old pixels in the new ones."""
    old, new = torch.arange(before, dtype=torch.float64), torch.arange(after, dtype=torch.float64)
    step = before / after
    overlap = torch.minimum(new[:, None] * step + step, old + 1) - torch.maximum(new[:, None] * step, old)
    return overlap.clamp_min(0) / step
