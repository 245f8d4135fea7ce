"""ArcFace's residual network, which tells people apart, and MICA's mapping from its embedding to FLAME's shape.

Deng et al. 2019, "ArcFace" (IResNet: batch normalisation, 3x3, batch normalisation, PReLU, 3x3 with the stride, batch
normalisation); Zielonka et al. 2022, "Towards Metrical Reconstruction of Human Faces", section 4. The embedding is divided by
its length before it is mapped.
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
WIDTHS = (64, 128, 256, 512)
OTHER_PARTS = {"exp": 50, "pose": 6, "cam": 3, "light": 27}
"""What the 86 outputs of the head for other parameters are, in order."""


@dataclass(frozen=True)
class ArcFaceSizes:
    """blocks and widths of each stage; flat: numbers of the last map; embedding: of the output."""

    colours: int
    stem: int
    blocks: tuple[int, ...]
    widths: tuple[int, ...]
    flat: int
    embedding: int

    @classmethod
    def read(cls, tensors: Mapping[str, Any]) -> ArcFaceSizes:
        """From the tensors of an IResNet of any depth."""
        stages = [f"layer{i + 1}." for i in range(NUM_STAGES)]
        widths = [
            read_size(tensors, [(f"{stage}0.bn3.weight", 0), (f"{stage}0.bn2.weight", 0), (f"{stage}0.conv2.weight", 0)], usual)
            for stage, usual in zip(stages, WIDTHS, strict=True)
        ]
        return cls(
            colours=read_size(tensors, [("conv1.weight", 1)], 3),
            stem=read_size(tensors, [("bn1.weight", 0), ("prelu.weight", 0), ("conv1.weight", 0)], 64),
            blocks=tuple(count_blocks(tensors, stage) for stage in stages),
            widths=tuple(widths),
            flat=read_size(tensors, [("fc.weight", 1)], widths[-1] * 49),
            embedding=read_size(tensors, [("fc.bias", 0), ("fc.weight", 0), ("features.weight", 0)], 512),
        )


class ResidualBlock(nn.Module):
    """[B, n, H, W] -> [B, m, H / stride, W / stride]."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.prelu = nn.PReLU(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        if stride > 1:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        y = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        return self.bn3(self.conv2(y)) + (self.downsample(x) if self.stride > 1 else x)


class ArcFace(nn.Module):
    """Aligned faces [B, 3, 112, 112], RGB in [-1, 1] -> embeddings [B, 512], of any length."""

    def __init__(self, sizes: ArcFaceSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.conv1 = nn.Conv2d(sizes.colours, sizes.stem, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(sizes.stem)
        self.prelu = nn.PReLU(sizes.stem)
        inputs = sizes.stem
        for stage, (count, width) in enumerate(zip(sizes.blocks, sizes.widths, strict=True)):
            blocks = [ResidualBlock(width if i else inputs, width, 1 if i else 2) for i in range(count)]
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
            inputs = width
        self.bn2 = nn.BatchNorm2d(inputs)
        self.fc = nn.Linear(sizes.flat, sizes.embedding)
        self.features = nn.BatchNorm1d(sizes.embedding)

    def forward(self, faces: Tensor) -> Tensor:
        x = self.prelu(self.bn1(self.conv1(faces)))
        for stage in range(NUM_STAGES):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.features(self.fc(self.bn2(x).flatten(1)))


class Regressor(nn.Module):
    """Embeddings [B, 512] of length 1 -> codes [B, n]."""

    def __init__(self, inputs: int, widths: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        both = zip((inputs, *widths), widths, strict=False)
        self.network = nn.ModuleList(nn.Linear(before, after) for before, after in both)
        self.output = nn.Linear(widths[-1], outputs)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.network:
            x = functional.leaky_relu(layer(x), 0.2)
        return self.output(x)


class MappingNetwork(nn.Module):
    """Embeddings [B, 512] of any length -> FLAME's 300 shape coefficients [B, 300], or the 86 other parameters."""

    def __init__(self, inputs: int, widths: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        self.regressor = Regressor(inputs, widths, outputs)

    @classmethod
    def read(cls, tensors: Mapping[str, Any], outputs: int) -> MappingNetwork:
        """With the tensors' sizes; outputs: the published number."""
        layers = [f"regressor.network.{i}" for i in range(count_blocks(tensors, "regressor.network."))]
        widths = tuple(read_size(tensors, [(f"{layer}.bias", 0), (f"{layer}.weight", 0)], 300) for layer in layers)
        inputs = read_size(tensors, [("regressor.network.0.weight", 1)], 512)
        last = [("regressor.output.bias", 0), ("regressor.output.weight", 0)]
        return cls(inputs, widths or (300,), read_size(tensors, last, outputs))

    def forward(self, embedding: Tensor) -> Tensor:
        return self.regressor(functional.normalize(embedding, dim=1))


def split_other(parameters: Tensor) -> dict[str, Tensor]:
    """The 86 other parameters [B, 86] by name (OTHER_PARTS); light as [B, 9, 3], band by colour."""
    parts = dict(zip(OTHER_PARTS, torch.split(parameters, list(OTHER_PARTS.values()), 1), strict=True))
    return parts | {"light": parts["light"].reshape(-1, 9, 3)}
