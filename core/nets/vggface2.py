"""VGGFace2's ResNet-50 as a measure of identity.

Cao et al. 2018, "VGGFace2". Rule of this file: `preprocess` is the release's, quirk and all (the range is doubled after the mean
was taken off), because its losses and thresholds belong to those numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .resnet import ResNet, ResNetSizes
from .sizes import read_size

MEAN_BGR = (91.4953, 103.8827, 131.0912)
CROP = slice(10, 214)
SIZE_PX = 224


class VGGFace2(ResNet):
    """Preprocessed pictures [B, 3, 224, 224] -> features [B, 2048]. The classifier `fc` is loaded and takes no part."""

    def __init__(self, sizes: ResNetSizes, classes: int) -> None:
        super().__init__(sizes, is_caffe=True)
        self.fc = nn.Linear(sizes.outputs[-1], classes)

    @classmethod
    def read(cls, tensors: Mapping[str, Any]) -> VGGFace2:
        """With the tensors' sizes."""
        return cls(ResNetSizes.read(tensors), read_size(tensors, [("fc.bias", 0), ("fc.weight", 0)], 8631))


def preprocess(pictures: Tensor) -> Tensor:
    """RGB in [0, 1], [B, 3, H, W] with H, W >= 214 -> what the network takes, [B, 3, 224, 224]; differentiable.

    The crop is of the rows and columns 10 to 213 whatever the size: hand in 224 x 224 to keep the face whole.
    """
    mean = torch.tensor(MEAN_BGR, dtype=pictures.dtype, device=pictures.device).view(3, 1, 1)
    cropped = (pictures.flip(1) * 255 - mean)[:, :, CROP, CROP]
    return functional.interpolate(cropped * 2 - 1, (SIZE_PX, SIZE_PX), mode="bilinear", align_corners=False)


def identity_loss(network: VGGFace2, pictures: Tensor, others: Tensor) -> Tensor:
    """The mean over the batch of 1 - cos between the features of both, RGB in [0, 1], [B, 3, 224, 224]."""
    ours, theirs = (network(preprocess(both)) for both in (pictures, others))
    return (1 - functional.cosine_similarity(ours, theirs, dim=1)).mean()
