"""What the networks were trained with, and by which weights.

Rule of this file: every loss is a function of tensors that gives one number without its weight, but for landmark weights, which
are part of the formula. Points are in [-1, 1] of the crop. The ID-MRF loss and the generators' own are core/nets'.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from ..nets.vggface2 import SIZE_PX, preprocess
from .faithfulness import FIXED, Faithfulness
from .image_sampling import resize_maps

EYE_PAIRS = ((37, 41), (38, 40), (43, 47), (44, 46))
LIP_PAIRS = ((61, 67), (62, 66), (63, 65))
WEIGHT_EPSILON = 1e-8


@dataclass(frozen=True)
class LossWeights:
    """The defaults of the release; RELEASED_WEIGHTS is what its configuration file sets."""

    landmark: float = 1.0
    eye_closure: float = 1.0
    lip_closure: float = 0.5
    photometric: float = 2.0
    identity: float = 0.2
    shape: float = 1e-4
    expression: float = 1e-4
    texture: float = 1e-4
    light: float = 1.0
    jaw_roll: float = 100.0
    jaw_closed: float = 10.0
    photometric_detail: float = 2.0
    mrf_detail: float = 2.0 * 0.05
    z: float = 0.005
    shading_smooth: float = 0.005
    z_symmetry: float = 0.005


RELEASED_WEIGHTS = LossWeights(landmark=5.0, photometric=0.1, identity=0.0, texture=0.0, light=0.0, z_symmetry=0.0)


def landmark_weights(like: Tensor) -> Tensor:
    """[68]: the contour's corners, nose and mouth count more."""
    weights = torch.ones(68, dtype=like.dtype, device=like.device)
    for indices, weight in (
        ([5, 6, 10, 11], 2.0),
        (range(27, 36), 1.5),
        ([30, 31, 35], 3.0),
        (range(48, 68), 1.5),
        ([48, 54], 3.0),
    ):
        weights[list(indices)] = weight
    return weights


def landmark_loss(predicted: Tensor, given: Tensor, visibility: Tensor, weights: Tensor | None = None) -> Tensor:
    """Points [B, 68, 2], visibility [B, 68] -> their mean L1 distance weighted by visibility and `weights` [68] (none: 1)."""
    share = visibility if weights is None else visibility * weights
    return ((predicted - given).abs() * share[..., None]).sum() / (2 * share.sum() + WEIGHT_EPSILON)


def pair_distances(points: Tensor, pairs: tuple[tuple[int, int], ...]) -> Tensor:
    """[B, 68, 2] -> how far the upper and the lower point of each pair are apart, [B, P]."""
    upper, lower = zip(*pairs, strict=True)
    return torch.linalg.vector_norm(points[:, list(upper)] - points[:, list(lower)], dim=-1)


def closure_loss(predicted: Tensor, given: Tensor, pairs: tuple[tuple[int, int], ...]) -> Tensor:
    """How differently lids (EYE_PAIRS) or lips (LIP_PAIRS) are opened."""
    return (pair_distances(predicted, pairs) - pair_distances(given, pairs)).abs().mean()


def code_regularizer(code: Tensor) -> Tensor:
    """Half the squared norm of shape, expression or texture codes, summed over the batch."""
    return (code**2).sum() / 2


def light_regularizer(light: Tensor) -> Tensor:
    """[B, 9, 3]: how coloured the light is."""
    return ((light.mean(-1, keepdim=True) - light) ** 2).mean()


def jaw_regularizers(euler: Tensor) -> tuple[Tensor, Tensor]:
    """Euler angles [B, 3] = pitch, yaw, roll of the jaw, rad -> roll's term, and that of a jaw closed beyond rest."""
    return (euler[:, 2] ** 2).sum() / 2, (torch.relu(-euler[:, 0]) ** 2).sum() / 2


def photometric_loss(predicted: Tensor, given: Tensor, mask: Tensor) -> Tensor:
    """Pictures [B, 3, H, W], mask [B, 1, H, W]: the masked mean absolute difference."""
    return (mask * (predicted - given).abs()).mean()


def shading_smoothness(shading: Tensor) -> Tensor:
    """[B, 3, H, W]: mean squared difference of neighbours, across and down; the outermost rows are left out across, the outermost
    columns down."""
    across, down = shading[:, :, 1:-1].diff(dim=-1), shading[:, :, :, 1:-1].diff(dim=-2)
    return (across**2).mean() + (down**2).mean()


def displacement_regularizer(z: Tensor) -> Tensor:
    """Mean absolute displacement."""
    return z.abs().mean()


def displacement_symmetry(z: Tensor, hidden: Tensor) -> Tensor:
    """[B, 1, H, W]: how far hidden texels' displacement is from its mirror image's, summed."""
    return (hidden * (z - z.flip(-1)).abs()).sum()


def logcosh_loss(fake: Tensor, real: Tensor, faithfulness: Faithfulness = FIXED) -> Tensor:
    """Pictures [B, C, H, W] -> mean of log cosh(fake - real); summed over the batch if Faithfulness.logcosh_of_batch."""
    difference = (fake - real).abs()
    total = (difference + torch.log1p(torch.exp(-2 * difference)) - torch.log(torch.tensor(2.0, dtype=fake.dtype))).sum()
    count = fake[0].numel() if faithfulness.logcosh_of_batch else fake.numel()
    return total / count


def symmetric_logcosh_loss(fake: Tensor, real: Tensor, faithfulness: Faithfulness = FIXED) -> Tensor:
    """Half of the loss to a texture and half of that to its mirror image: pulls textures towards symmetry."""
    return (logcosh_loss(fake, real, faithfulness) + logcosh_loss(fake, real.flip(-1), faithfulness)) / 2


def identity_input(pictures: Tensor, faithfulness: Faithfulness = FIXED) -> Tensor:
    """Pictures [B, 3, H, W] in [0, 1], RGB -> the VGGFace2 network's input [B, 3, 224, 224].

    Its crop is meant for 224 px, so others are resized first (not if Faithfulness.identity_of_texture_corner).
    """
    is_whole = not faithfulness.identity_of_texture_corner and pictures.shape[-2:] != (SIZE_PX, SIZE_PX)
    return preprocess(resize_maps(pictures, SIZE_PX) if is_whole else pictures)


def identity_loss(
    network: Callable[[Tensor], Tensor], pictures: Tensor, others: Tensor, faithfulness: Faithfulness = FIXED
) -> Tensor:
    """Mean of 1 - cosine between the network's features of pictures of any size, RGB in [0, 1]."""
    features = [network(identity_input(both, faithfulness)) for both in (pictures, others)]
    return (1 - cosine_similarity(features[0], features[1])).mean()
