"""How unlike two pictures are: by VGG-19's features where it is at hand, else by pixels at several scales; and by a face
recogniser, whether they show the same person.

Pictures are [B, 3, H, W]; every function is differentiable in both, in float32 and float64.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from ..nets.vgg19 import VGG19

Embedding = Callable[[Tensor], Tensor]
"""Pictures [B, 3, H, W], RGB in [-1, 1] -> what tells people apart, [B, E]."""
FEATURE_LAYERS = (3, 8, 15, 22, 29)
"""VGG-19's ReLUs one convolution into, or before, each halving: relu1_2, relu2_2, relu3_3, relu4_2, relu5_1."""
FFHQ_FACE = (0.125, 0.137, 0.734)
"""Left, top and edge of the face in an FFHQ portrait, as shares of it: what StyleCLIP's identity loss looks at."""
FACE_PX = 112
LARGEST_PX, SMALLEST_PX = 256, 8
"""Edges between which pictures are compared: finer detail is not seen by the features, coarser is one colour."""


def halve(pictures: Tensor) -> Tensor:
    """Means of 2 x 2 pixels."""
    return functional.avg_pool2d(pictures, 2)


def reduce_to(pictures: Tensor, edge: int) -> Tensor:
    """Halved until no edge is longer than `edge`."""
    while max(pictures.shape[-2:]) > edge:
        pictures = halve(pictures)
    return pictures


def face_embedding(network: Callable[[Tensor], Tensor]) -> Embedding:
    """An ArcFace network [B, 3, 112, 112] -> [B, E] as an embedding of whole portraits that are aligned as FFHQ's are."""
    left, top, edge = FFHQ_FACE

    def embed(pictures: Tensor) -> Tensor:
        height, width = pictures.shape[-2:]
        rows = slice(round(top * height), round((top + edge) * height))
        columns = slice(round(left * width), round((left + edge) * width))
        small = (FACE_PX, FACE_PX)
        return network(functional.interpolate(pictures[..., rows, columns], small, mode="bilinear", antialias=True))

    return embed


def pixel_distance(one: Tensor, other: Tensor) -> Tensor:
    """Mean squared difference, averaged over a pyramid of halved pictures: a number."""
    one, other = (reduce_to(pictures, LARGEST_PX) for pictures in (one, other))
    terms = [(one - other).square().mean()]
    while min(one.shape[-2:]) >= 2 * SMALLEST_PX:
        one, other = halve(one), halve(other)
        terms.append((one - other).square().mean())
    return torch.stack(terms).mean()


def feature_layers(network: VGG19) -> list[int]:
    """FEATURE_LAYERS as far as the network goes."""
    return [layer for layer in FEATURE_LAYERS if layer - 1 in network.indices]


def feature_distance(network: VGG19, one: Tensor, other: Tensor) -> Tensor:
    """Mean squared difference of VGG-19's features, of unit length at each pixel, summed over channels and layers: a number.

    Pictures in [-1, 1]. Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", section 3,
    with all channels weighted alike.
    """
    layers = feature_layers(network)
    ours, theirs = (network(reduce_to(pictures, LARGEST_PX) / 2 + 0.5, layers) for pictures in (one, other))
    units = [[features[layer] / (features[layer].square().sum(1, keepdim=True) + 1e-10).sqrt() for layer in layers]
             for features in (ours, theirs)]  # fmt: skip
    return torch.stack([(a - b).square().sum(1).mean() for a, b in zip(*units, strict=True)]).sum()


def identity_distance(embedding: Embedding, one: Tensor, other: Tensor) -> Tensor:
    """1 - cosine of the two embeddings, the batch's mean: 0 for the same person."""
    return (1 - functional.cosine_similarity(embedding(one), embedding(other), dim=1)).mean()
