"""DECA's detail decoder: jaw pose, expression and detail code to a map of displacements.

Feng et al. 2021, section 4.2. Rule of this file: all but the first batch normalisation have epsilon 0.8, as the published
weights were trained (a quirk of the release, which the numbers depend on).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from .sizes import count_blocks, read_size

CODE_PARTS = {"jaw": 3, "exp": 50, "detail": 128}
"""What a code is made of, in order."""
START = 8
"""The first map's edge in texels."""
AMPLITUDE_M = 0.01
EPSILON, PUBLISHED_EPSILON = 1e-5, 0.8
CHANNELS = (128, 128, 64, 64, 32, 16)
"""The release's, of each resolution from START on."""


class DetailDecoder(nn.Module):
    """Code [B, 181] = (jaw 3, expression 50, detail 128) -> displacement along the normal [B, 1, 256, 256], metres.

    Names: conv_blocks.0 normalises, 4k + 2 and 4k + 3 convolve and normalise the k-th doubling, 4n + 1 is the last convolution.
    """

    def __init__(self, inputs: int, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.channels, self.num_doublings = channels, len(channels) - 1
        self.l1 = nn.Sequential(nn.Linear(inputs, channels[0] * START**2))
        self.conv_blocks = nn.ModuleDict({"0": nn.BatchNorm2d(channels[0], eps=EPSILON)})
        for k, (before, after) in enumerate(zip(channels, channels[1:], strict=False)):
            self.conv_blocks[str(4 * k + 2)] = nn.Conv2d(before, after, 3, padding=1)
            self.conv_blocks[str(4 * k + 3)] = nn.BatchNorm2d(after, eps=PUBLISHED_EPSILON)
        self.conv_blocks[str(4 * self.num_doublings + 1)] = nn.Conv2d(channels[-1], 1, 3, padding=1)

    @classmethod
    def read(cls, tensors: Mapping[str, Any]) -> DetailDecoder:
        """With the tensors' sizes."""
        num_doublings = count_blocks(tensors, "conv_blocks.", step=4, first=3)
        norms = ["conv_blocks.0", *(f"conv_blocks.{4 * k + 3}" for k in range(num_doublings))]
        usual = CHANNELS + (CHANNELS[-1],) * max(0, num_doublings + 1 - len(CHANNELS))
        parts = ("weight", "bias", "running_mean")
        channels = [read_size(tensors, [(f"{n}.{p}", 0) for p in parts], size) for n, size in zip(norms, usual, strict=False)]
        return cls(read_size(tensors, [("l1.0.weight", 1)], sum(CODE_PARTS.values())), tuple(channels))

    def forward(self, code: Tensor) -> Tensor:
        x = self.conv_blocks["0"](self.l1(code).view(-1, self.channels[0], START, START))
        for k in range(self.num_doublings):
            x = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = functional.leaky_relu(self.conv_blocks[str(4 * k + 3)](self.conv_blocks[str(4 * k + 2)](x)), 0.2)
        return AMPLITUDE_M * self.conv_blocks[str(4 * self.num_doublings + 1)](x).tanh()
