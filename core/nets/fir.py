"""Filters of StyleGAN2's resampling: every channel alone, by one small kernel.

Source: Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN", and 2019, section 2 (bilinear, [1, 3, 3, 1]).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def filter_channels(x: Tensor, kernel: Tensor, padding: int, stride: int = 1, bias: Tensor | None = None) -> Tensor:
    """x [B, C, H, W] convolved with kernel [h, w] after zero padding, and bias [C] added; every stride-th pixel of it."""
    per_channel = kernel.flip(0, 1).expand(x.shape[1], 1, *kernel.shape)
    if x.is_contiguous(memory_format=torch.channels_last):
        per_channel = per_channel.contiguous(memory_format=torch.channels_last)
    return functional.conv2d(x, per_channel, bias, stride=stride, padding=padding, groups=x.shape[1])


def double(x: Tensor, kernel: Tensor) -> Tensor:
    """x [B, C, H, W] at twice the size: zeros between the pixels, then the kernel [4, 4], whose sum is 4."""
    per_channel = kernel.expand(x.shape[1], 1, *kernel.shape)
    return functional.conv_transpose2d(x, per_channel, stride=2, padding=1, groups=x.shape[1])


class Filter(nn.Module):
    """filter_channels with a kernel that is a buffer, as the files hold it."""

    kernel: Tensor

    def __init__(self, padding: int, stride: int = 1) -> None:
        super().__init__()
        self.register_buffer("kernel", torch.empty(4, 4))
        self.padding, self.stride = padding, stride

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        return filter_channels(x, self.kernel, self.padding, self.stride, bias)


class Doubling(nn.Module):
    """double, likewise."""

    kernel: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kernel", torch.empty(4, 4))

    def forward(self, x: Tensor) -> Tensor:
        return double(x, self.kernel)
