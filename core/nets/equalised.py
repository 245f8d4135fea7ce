"""Layers whose weights are scaled when they are used, and the activation that goes with them.

Equalised learning rate (Karras et al. 2018, "Progressive Growing of GANs", section 4.1): weights are stored with variance 1
(over the square of the learning-rate multiplier) and multiplied by gain / sqrt(fan in) at run time.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE, GAIN = 0.2, math.sqrt(2)
"""Leaky ReLU's slope, and the gain that keeps the variance."""


def activate(x: Tensor, bias: Tensor) -> Tensor:
    """sqrt(2) leakyReLU(x + bias), bias [C] along axis 1; overwrites x unless autograd watches it."""
    bias = bias.view(-1, *[1] * (x.ndim - 2))
    if x.requires_grad or bias.requires_grad:
        return functional.leaky_relu(x + bias, SLOPE) * GAIN
    return functional.leaky_relu_(x.add_(bias), SLOPE).mul_(GAIN)


class EqualLinear(nn.Module):
    """x [..., n] -> [..., m]. rate: the learning-rate multiplier of weight and bias."""

    def __init__(self, inputs: int, outputs: int, rate: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.scale, self.rate = rate / math.sqrt(inputs), rate

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight * self.scale, self.bias * self.rate)


class ActivatedLinear(EqualLinear):
    """EqualLinear and the activation."""

    def forward(self, x: Tensor) -> Tensor:
        return activate(functional.linear(x, self.weight * self.scale), self.bias * self.rate)


class EqualConv(nn.Module):
    """x [B, n, H, W] -> [B, m, H', W'], without a bias."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1, padding: int = 0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, size, size))
        self.scale, self.stride, self.padding = 1 / math.sqrt(inputs * size**2), stride, padding

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.weight * self.scale, stride=self.stride, padding=self.padding)


class Bias(nn.Module):
    """The bias of one activation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.empty(channels))

    def forward(self, x: Tensor) -> Tensor:
        return activate(x, self.bias)
