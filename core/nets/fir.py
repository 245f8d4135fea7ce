"""Filters of StyleGAN2's resampling: every channel alone, by one small kernel.

Source: Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN", and 2019, section 2 (bilinear, [1, 3, 3, 1]).
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def filter_channels(x: Tensor, kernel: Tensor, padding: int, stride: int = 1) -> Tensor:
    """x [B, C, H, W] convolved with kernel [h, w] after zero padding; every stride-th pixel of it."""
    per_channel = kernel.flip(0, 1).expand(x.shape[1], 1, *kernel.shape)
    return functional.conv2d(x, per_channel, stride=stride, padding=padding, groups=x.shape[1])


def double(x: Tensor, kernel: Tensor) -> Tensor:
    """x [B, C, H, W] at twice the size: zeros between the pixels, then the kernel [4, 4], whose sum is 4."""
    per_channel = kernel.expand(x.shape[1], 1, *kernel.shape)
    return functional.conv_transpose2d(x, per_channel, stride=2, padding=1, groups=x.shape[1])
