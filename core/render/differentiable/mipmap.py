"""Mipmaps: the halved textures, laid one after the other, and which of them a pixel needs. Plain torch on every backend.

Rule of this file: everything is differentiable by autograd, so the kernels only sample.
"""

from __future__ import annotations

import torch

from .arguments import refuse


def halve(tex: torch.Tensor) -> torch.Tensor:
    """Mean of 2 x 2 texels (of 2 where a side is 1): [B, H, W, C] -> [B, H / 2, W / 2, C]."""
    count, height, width, channels = tex.shape
    tall, wide = (2 if height > 1 else 1), (2 if width > 1 else 1)
    return tex.reshape(count, height // tall, tall, width // wide, wide, channels).mean((2, 4))


def build_mipmaps(tex: torch.Tensor, max_level: int | None = None) -> list[torch.Tensor]:
    """The levels after tex [B, H, W, C], down to 1 x 1, to max_level of them, or to the first odd side above 1."""
    levels: list[torch.Tensor] = []
    last = tex
    while max_level is None or len(levels) < max_level:
        sides = [side for side in last.shape[1:3] if side > 1]
        if not sides or any(side % 2 for side in sides):
            break
        last = halve(last)
        levels.append(last)
    return levels


def flatten_levels(levels: list[torch.Tensor]) -> tuple[torch.Tensor, list[tuple[int, int, int]]]:
    """Levels [B, h, w, C] -> texels [B, N, C] and (first texel, height, width) of each level."""
    shapes, first = [], 0
    for level in levels:
        if level.ndim != 4 or level.shape[0] != levels[0].shape[0] or level.shape[3] != levels[0].shape[3]:
            refuse("mip", "levels of tex's batch and channels", level)
        shapes.append((first, level.shape[1], level.shape[2]))
        first += level.shape[1] * level.shape[2]
    flat = [level.flatten(1, 2) for level in levels]
    return (flat[0] if len(flat) == 1 else torch.cat(flat, 1)), shapes


def choose_detail(
    uv_da: torch.Tensor | None, bias: torch.Tensor | None, size: tuple[int, int], num_levels: int, is_nearest: bool
) -> torch.Tensor:
    """Level of detail [B, H, W]: log2 of the longer axis (texels) of a pixel's footprint ellipse, plus the bias.

    uv_da [B, H, W, 4]: (du/dX, du/dY, dv/dX, dv/dY) a pixel; size (height, width) of level 0. The axes are the singular
    values of the 2 x 2 Jacobian. Source: Heckbert 1989, "Fundamentals of texture mapping and image warping", section 3.5.
    """
    detail = bias
    if uv_da is not None:
        s = uv_da[..., :2] * size[1]
        t = uv_da[..., 2:] * size[0]
        ss, tt, st = (s * s).sum(-1), (t * t).sum(-1), (s * t).sum(-1)
        spread = ((ss - tt).square() / 4 + st * st).clamp_min(1e-24).sqrt()
        level = 0.5 * ((ss + tt) / 2 + spread).clamp_min(1e-12).log2()
        detail = level if bias is None else level + bias
    assert detail is not None
    detail = detail.clamp(0, num_levels - 1)
    return detail.round() if is_nearest else detail
