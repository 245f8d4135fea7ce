"""StyleGAN2's discriminator: pictures to logits, with the tensors' names of the rosinality layout.

Residual blocks that halve the picture, the standard deviation over a small group as one more channel, two linear layers.
Karras et al. 2020, appendix B; mini-batch standard deviation: Karras et al. 2018, section 3.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .equalised import ActivatedLinear, Bias, EqualConv, EqualLinear
from .fir import Filter
from .sizes import count_blocks, read_size

GROUP = 4
"""The largest group whose standard deviation is taken."""


@dataclass(frozen=True)
class DiscriminatorSizes:
    """channels: of each resolution from the picture's on, halving; final: of the last convolution; base: its edge in pixels."""

    colours: int
    channels: tuple[int, ...]
    final: int
    base: int

    @classmethod
    def read(cls, tensors: Mapping[str, Any]) -> DiscriminatorSizes:
        """From the tensors of a discriminator in the rosinality layout."""
        first = [("convs.0.0.weight", 0), ("convs.0.1.bias", 0), ("convs.1.conv1.0.weight", 1), ("convs.1.skip.1.weight", 1)]
        channels = [read_size(tensors, first, 512)]
        for i in range(1, count_blocks(tensors, "convs.")):
            block = f"convs.{i}"
            witnesses = [(f"{block}.conv2.2.bias", 0), (f"{block}.conv2.1.weight", 0), (f"{block}.skip.1.weight", 0)]
            channels.append(read_size(tensors, witnesses, 512))
        last = [("final_conv.1.bias", 0), ("final_conv.0.weight", 0), ("final_linear.0.bias", 0), ("final_linear.1.weight", 1)]
        final = read_size(tensors, last, 512)
        flat = read_size(tensors, [("final_linear.0.weight", 1)], final * 16)
        return cls(read_size(tensors, [("convs.0.0.weight", 1)], 3), tuple(channels), final, max(1, math.isqrt(flat // final)))


class ResidualBlock(nn.Module):
    """x [B, n, H, W] -> [B, m, H / 2, W / 2]."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(EqualConv(inputs, inputs, 3, padding=1), Bias(inputs))
        self.conv2 = nn.Sequential(Filter(padding=2), EqualConv(inputs, outputs, 3, stride=2), Bias(outputs))
        self.skip = nn.Sequential(Filter(padding=1, stride=2), EqualConv(inputs, outputs, 1))

    def forward(self, x: Tensor) -> Tensor:
        return (self.conv2(self.conv1(x)) + self.skip(x)) / math.sqrt(2)


class Discriminator(nn.Module):
    """Pictures [B, 3, size, size] -> logits [B, 1]: high for real ones."""

    def __init__(self, sizes: DiscriminatorSizes) -> None:
        super().__init__()
        self.sizes, channels = sizes, sizes.channels
        self.size = sizes.base * 2 ** (len(channels) - 1)
        blocks = [ResidualBlock(before, after) for before, after in zip(channels, channels[1:], strict=False)]
        self.convs = nn.Sequential(nn.Sequential(EqualConv(sizes.colours, channels[0], 1), Bias(channels[0])), *blocks)
        self.final_conv = nn.Sequential(EqualConv(channels[-1] + 1, sizes.final, 3, padding=1), Bias(sizes.final))
        flat = sizes.final * sizes.base**2
        self.final_linear = nn.Sequential(ActivatedLinear(flat, sizes.final), EqualLinear(sizes.final, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        x = self.final_conv(append_deviation(self.convs(pictures)))
        return self.final_linear(x.flatten(1))


def append_deviation(x: Tensor) -> Tensor:
    """x [B, C, H, W] -> [B, C + 1, H, W]: one more channel with the mean standard deviation of each picture's group.

    A group is of as many pictures, up to GROUP, as divide the batch; its members are B / group apart.
    """
    batch, _, height, width = x.shape
    group = max(size for size in range(1, GROUP + 1) if batch % size == 0)
    variance = x.view(group, batch // group, *x.shape[1:]).var(0, unbiased=False)
    deviation = torch.sqrt(variance + 1e-8).mean((1, 2, 3))
    return torch.cat([x, deviation.repeat(group).view(batch, 1, 1, 1).expand(-1, -1, height, width)], 1)
