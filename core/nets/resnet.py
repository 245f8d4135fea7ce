"""ResNet-50 as two published layouts have it, and DECA's encoders, which end in two linear layers.

He et al. 2015, "Deep Residual Learning". The layouts differ in where a block's stride is (in the 3x3, or as in Caffe in the
first 1x1) and in the padding of the pooling after the stem. DECA: Feng et al. 2021, "Learning an Animatable Detailed 3D Face
Model", section 4; its input is RGB in [0, 1], 224 x 224, with no mean taken off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .sizes import count_blocks, read_size

NUM_STAGES = 4
WIDTHS, EXPANSION = (64, 128, 256, 512), 4
"""ResNet-50's."""
COARSE_PARTS = {"shape": 100, "tex": 50, "exp": 50, "pose": 6, "cam": 3, "light": 27}
"""What E_flame's 236 outputs are, in order."""


@dataclass(frozen=True)
class ResNetSizes:
    """blocks, widths (of the 3x3 convolutions) and outputs of each stage."""

    colours: int
    stem: int
    blocks: tuple[int, ...]
    widths: tuple[int, ...]
    outputs: tuple[int, ...]

    @classmethod
    def read(cls, tensors: Mapping[str, Any], prefix: str = "") -> ResNetSizes:
        """From the tensors whose names begin with prefix."""
        stages = [f"{prefix}layer{i + 1}." for i in range(NUM_STAGES)]
        widths, outputs = [], []
        for stage, usual in zip(stages, WIDTHS, strict=True):
            narrow = [(f"{stage}0.bn1.weight", 0), (f"{stage}0.bn2.weight", 0), (f"{stage}0.conv2.weight", 0)]
            wide = [(f"{stage}0.bn3.weight", 0), (f"{stage}0.conv3.weight", 0), (f"{stage}0.downsample.0.weight", 0)]
            widths.append(read_size(tensors, narrow, usual))
            outputs.append(read_size(tensors, wide, usual * EXPANSION))
        return cls(
            colours=read_size(tensors, [(f"{prefix}conv1.weight", 1)], 3),
            stem=read_size(tensors, [(f"{prefix}bn1.weight", 0), (f"{prefix}conv1.weight", 0)], 64),
            blocks=tuple(count_blocks(tensors, stage) for stage in stages),
            widths=tuple(widths),
            outputs=tuple(outputs),
        )


class Bottleneck(nn.Module):
    """x + conv1x1(conv3x3(conv1x1(x))), with x projected where its shape changes: [B, n, H, W] -> [B, m, H', W']."""

    def __init__(self, inputs: int, width: int, outputs: int, stride: int, *, is_caffe: bool, has_projection: bool) -> None:
        super().__init__()
        first, second = (stride, 1) if is_caffe else (1, stride)
        self.conv1 = nn.Conv2d(inputs, width, 1, first, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, second, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        if has_projection:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        self.has_projection = has_projection

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.bn1(self.conv1(x)))
        y = functional.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return functional.relu(y + (self.downsample(x) if self.has_projection else x))


class ResNet(nn.Module):
    """Pictures [B, 3, 224, 224] -> the last stage's features averaged over the picture [B, 2048]."""

    def __init__(self, sizes: ResNetSizes, *, is_caffe: bool = False) -> None:
        super().__init__()
        self.sizes, self.is_caffe = sizes, is_caffe
        self.conv1 = nn.Conv2d(sizes.colours, sizes.stem, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(sizes.stem)
        inputs = sizes.stem
        for stage, (count, width, outputs) in enumerate(zip(sizes.blocks, sizes.widths, sizes.outputs, strict=True)):
            blocks = []
            for i in range(count):
                stride = 2 if stage and not i else 1
                blocks.append(Bottleneck(inputs, width, outputs, stride, is_caffe=is_caffe, has_projection=not i))
                inputs = outputs
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.bn1(self.conv1(x)))
        x = functional.max_pool2d(x, 3, 2, padding=0 if self.is_caffe else 1, ceil_mode=self.is_caffe)
        for stage in range(NUM_STAGES):
            x = getattr(self, f"layer{stage + 1}")(x)
        return x.mean((2, 3))


class DecaEncoder(nn.Module):
    """Pictures [B, 3, 224, 224], RGB in [0, 1] -> parameters [B, n]: E_flame's 236, or E_detail's 128."""

    def __init__(self, sizes: ResNetSizes, hidden: int, outputs: int) -> None:
        super().__init__()
        self.encoder = ResNet(sizes)
        self.layers = nn.Sequential(nn.Linear(sizes.outputs[-1], hidden), nn.ReLU(), nn.Linear(hidden, outputs))

    @classmethod
    def read(cls, tensors: Mapping[str, Any], outputs: int) -> DecaEncoder:
        """With the tensors' sizes; outputs: the published number of parameters."""
        hidden = read_size(tensors, [("layers.0.bias", 0), ("layers.0.weight", 0), ("layers.2.weight", 1)], 1024)
        count = read_size(tensors, [("layers.2.bias", 0), ("layers.2.weight", 0)], outputs)
        return cls(ResNetSizes.read(tensors, "encoder."), hidden, count)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.layers(self.encoder(pictures))


def split_coarse(parameters: Tensor) -> dict[str, Tensor]:
    """E_flame's output [B, 236] by name (COARSE_PARTS); light as [B, 9, 3], band by colour."""
    parts = dict(zip(COARSE_PARTS, torch.split(parameters, list(COARSE_PARTS.values()), 1), strict=True))
    return parts | {"light": parts["light"].reshape(-1, 9, 3)}
