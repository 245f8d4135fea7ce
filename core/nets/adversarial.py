"""Losses of a generator against its discriminator, and the two regularisers of StyleGAN2.

Non-saturating logistic loss: Goodfellow et al. 2014; R1: Mescheder et al. 2018; path lengths: Karras et al. 2020, section 3.2.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

DECAY = 0.01
"""How fast the running mean of path lengths follows."""


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """mean softplus(-D(real)) + mean softplus(D(fake))."""
    return functional.softplus(-real_logits).mean() + functional.softplus(fake_logits).mean()


def generator_loss(fake_logits: Tensor) -> Tensor:
    """mean softplus(-D(fake))."""
    return functional.softplus(-fake_logits).mean()


def r1_penalty(real_logits: Tensor, real: Tensor) -> Tensor:
    """The mean over the batch of |d D(x) / d x|^2; `real` [B, ...] must be watched. It can be derived again."""
    (gradient,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)
    return gradient.square().flatten(1).sum(1).mean()


def path_lengths(pictures: Tensor, latent: Tensor, noise: Tensor | None = None) -> Tensor:
    """|J^T y| [B] of pictures [B, 3, H, W] = G(latent [B, L, D]), the root of the mean over the L rows.

    noise: y [B, 3, H, W], normal (default: fresh); it is divided by sqrt(H W). It can be derived again.
    """
    y = torch.randn_like(pictures) if noise is None else noise
    scaled = y / math.sqrt(pictures.shape[2] * pictures.shape[3])
    (gradient,) = torch.autograd.grad((pictures * scaled).sum(), latent, create_graph=True)
    return gradient.square().sum(2).mean(1).sqrt()


def path_penalty(lengths: Tensor, mean: Tensor | float = 0.0) -> tuple[Tensor, Tensor]:
    """Path lengths [B] and their running mean so far -> (penalty, the new running mean, detached from the graph).

    AlbedoGAN's release hands 0 for `mean` at every call.
    """
    new = mean + DECAY * (lengths.mean() - mean)
    return (lengths - new).square().mean(), new.detach()
