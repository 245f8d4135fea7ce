"""VGG-19's convolutions, and the ID-MRF loss on its features.

Simonyan & Zisserman 2015; Wang et al. 2018, "Image Inpainting via Generative Multi-column Convolutional Neural Networks",
section 3.3 (implicit diversified Markov random field).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .sizes import read_size

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, which the network's input is normalised by."""
STYLE_LAYERS, CONTENT_LAYERS = (11, 20), (20,)
"""The ReLUs after the first convolutions of blocks 3 and 4. The release calls them relu3_2 and relu4_2; they are relu3_1 and
relu4_1. The second counts twice."""
BANDWIDTH, EPSILON = 0.5, 1e-5
CHANNELS = {0: 64, 2: 64, 5: 128, 7: 128, 10: 256, 12: 256, 14: 256, 16: 256} | dict.fromkeys(
    (19, 21, 23, 25, 28, 30, 32, 34), 512
)
"""VGG-19's, by the convolution's index."""


class VGG19(nn.Module):
    """Pictures [B, 3, H, W], RGB in [0, 1] -> feature maps by layer index.

    Named by index, as torchvision's `features`: a convolution, its ReLU at the next index, and a 2x2 maximum wherever the next
    convolution is three further.
    """

    def __init__(self, channels: Mapping[int, int], colours: int = 3) -> None:
        super().__init__()
        inputs = colours
        for index, outputs in sorted(channels.items()):
            self.add_module(str(index), nn.Conv2d(inputs, outputs, 3, padding=1))
            inputs = outputs
        self.indices = sorted(channels)

    @classmethod
    def read(cls, tensors: Mapping[str, Any]) -> VGG19:
        """Up to the last of VGG-19's convolutions that the tensors have."""
        last = max((index for index in CHANNELS if f"{index}.weight" in tensors or f"{index}.bias" in tensors), default=34)
        indices = [index for index in CHANNELS if index <= last]
        sizes = {i: read_size(tensors, [(f"{i}.bias", 0), (f"{i}.weight", 0)], CHANNELS[i]) for i in indices}
        return cls(sizes, read_size(tensors, [("0.weight", 1)], 3))

    def forward(self, pictures: Tensor, layers: Sequence[int]) -> dict[int, Tensor]:
        """The maps of these layers; a layer is the index of a ReLU."""
        mean, deviation = (torch.tensor(v, dtype=pictures.dtype, device=pictures.device).view(3, 1, 1) for v in (MEAN, DEVIATION))
        x, found = (pictures - mean) / deviation, {}
        for index in self.indices:
            if index and index - 3 in self.indices and index - 2 not in self.indices:
                x = functional.max_pool2d(x, 2)
            x = functional.relu(getattr(self, str(index))(x))
            if index + 1 in layers:
                found[index + 1] = x
            if len(found) == len(set(layers)):
                return found
        raise ValueError(f"no such layers: {sorted(set(layers) - found.keys())}")


def mrf_loss(generated: Tensor, target: Tensor) -> Tensor:
    """How far the target's patches are from having, each, an own like among the generated; both [B, C, H, W]; a sum over B.

    With c the cosines of features less the target's mean, d = (1 - c) / 2 of a target's p and a generated q:
    r = d_pq / (min_p d_pq + eps), w = exp((1 - r) / h), normalised over p; -log(mean_p max_q w_pq).
    """
    mean = target.mean(1, keepdim=True)
    q, p = (functional.normalize(x - mean, dim=1).flatten(2) for x in (generated, target))
    distance = (1 - p.transpose(1, 2) @ q) / 2
    relative = distance / (distance.amin(1, keepdim=True) + EPSILON)
    weight = torch.softmax((1 - relative) / BANDWIDTH, 1)
    return -weight.amax(2).mean(1).log().sum()


def id_mrf_loss(network: VGG19, generated: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """(style, content) of pictures [B, 3, H, W], RGB in [0, 1]; the release's loss is their sum."""
    layers = sorted({*STYLE_LAYERS, *CONTENT_LAYERS})
    ours, theirs = network(generated, layers), network(target, layers)
    terms = {layer: mrf_loss(ours[layer], theirs[layer]) for layer in layers}
    style, content = (torch.stack([terms[layer] for layer in chosen]).sum() for chosen in (STYLE_LAYERS, CONTENT_LAYERS))
    return style, content
