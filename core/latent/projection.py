"""A picture -> the latent code whose picture is most like it, found by optimisation, in W or W+.

    w starts at the mean of random codes; the noise maps start normal
    each step: w' = w + wandering(t) N(0, 1), wandering = .05 deviation max(0, 1 - t / .75)^2
               loss = unlikeness(synthesise(w', noise), picture) + 1e5 sum over maps of noise_regulariser
               Adam on w and the maps; then every map is given mean 0 and variance 1 again

Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN", appendix D. Rule of this file: the seed decides
everything; no global state is read or left changed, and the generator's weights have no gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..errors import ModelError
from ..nets.stylegan2 import Generator as StyleGenerator
from ..nets.vgg19 import VGG19
from .similarity import Embedding, feature_distance, halve, identity_distance, pixel_distance
from .steps import OptimisationStep, rate_at, require_steps

WANDERING, WANDERING_ENDS = 0.05, 0.75
NOISE_WEIGHT = 1e5
SMALLEST_NOISE = 8
IDENTITY_WEIGHT = 0.1
NUM_CODES = 10_000
"""How many random codes the mean and the deviation are of."""
PREVIEWS = 20
"""Pictures on the way."""


@dataclass(frozen=True)
class ProjectionOptions:
    """space: 'w', one style for all layers, or 'w+', one a layer (closer, less editable); rate: the highest learning rate;
    picture_range: of the generator's pictures."""

    space: Literal["w", "w+"] = "w+"
    steps: int = 1000
    seed: int = 0
    rate: float = 0.1
    num_codes: int = NUM_CODES
    picture_range: tuple[float, float] = (-1.0, 1.0)


@dataclass(frozen=True)
class Projection:
    """latent: w [D] or w+ [L, D] float32; noise: the maps [R, R] of the layers; losses: before each step, and the result's own
    at the end; all are the unlikeness alone; picture [S, S, 3] uint8."""

    latent: np.ndarray
    noise: tuple[np.ndarray, ...]
    losses: tuple[float, ...]
    picture: np.ndarray


@dataclass(frozen=True)
class CodeStatistics:
    """Of random codes: mean [1, D]; deviation: the root of their mean squared distance from it."""

    mean: Tensor
    deviation: float


def measure_codes(generator: StyleGenerator, count: int = NUM_CODES, seed: int = 0) -> CodeStatistics:
    """Where the codes of a generator are, from `count` random ones."""
    z = torch.randn(count, generator.sizes.latent_size, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        codes = generator.map(z.to(generator.input.input))
        mean = codes.mean(0, keepdim=True)
        return CodeStatistics(mean, float((codes - mean).square().sum(1).mean().sqrt()))


def project(
    generator: StyleGenerator,
    picture: np.ndarray,
    options: ProjectionOptions | None = None,
    *,
    features: VGG19 | None = None,
    embedding: Embedding | None = None,
) -> Generator[OptimisationStep, None, Projection]:
    """The code of a picture [H, W, 3] uint8 sRGB, which is resampled to the generator's size.

    features: a VGG-19; without it pixels are compared at several scales. embedding: of faces, to keep the person; it sees
    pictures in [-1, 1]. Closing the story cancels: nothing is left. Raises ModelError for what is no picture.
    """
    chosen = options or ProjectionOptions()
    require_steps(chosen.steps, ModelError)
    like = generator.input.input
    wanted = torch.from_numpy(_fit_picture(picture, generator.size)).to(like)
    yield OptimisationStep("Measuring the generator's codes", 0.0)
    codes = measure_codes(generator, chosen.num_codes, chosen.seed)
    random = torch.Generator().manual_seed(chosen.seed)
    num_rows = 1 if chosen.space == "w" else generator.num_latents
    latent = codes.mean.detach().repeat(num_rows, 1).requires_grad_()
    noise = [torch.randn(1, 1, r, r, generator=random).to(like).requires_grad_() for r in generator.resolutions]
    adam = torch.optim.Adam([latent, *noise], lr=chosen.rate, betas=(0.9, 0.999))
    measure = _unlikeness(wanted, features, embedding, chosen.picture_range)
    losses: list[float] = []
    for step in range(chosen.steps):
        t = step / chosen.steps
        wandering = WANDERING * codes.deviation * max(0.0, 1 - t / WANDERING_ENDS) ** 2
        adam.param_groups[0]["lr"] = rate_at(t, chosen.rate)
        with torch.enable_grad():
            wander = wandering * torch.randn(latent.shape, generator=random).to(like)
            shown = generator.synthesise(_rows(latent + wander, generator), noise)
            unlikeness = measure(shown)
            loss = unlikeness + NOISE_WEIGHT * noise_regulariser(noise)
            adam.zero_grad()
            loss.backward(inputs=[latent, *noise])
        adam.step()
        _normalise(noise)
        losses.append(float(unlikeness.detach()))
        is_shown = step % max(1, chosen.steps // PREVIEWS) == 0
        preview = _to_bytes(shown.detach(), chosen.picture_range) if is_shown else None
        yield OptimisationStep("Looking for the picture's code", (step + 1) / chosen.steps, loss=losses[-1], picture=preview)
    with torch.no_grad():
        shown = generator.synthesise(_rows(latent, generator), noise)
        losses.append(float(measure(shown)))
    found = latent.detach().cpu().numpy().astype(np.float32)
    maps = tuple(each.detach().cpu().numpy()[0, 0].astype(np.float32) for each in noise)
    return Projection(found[0] if chosen.space == "w" else found, maps, tuple(losses), _to_bytes(shown, chosen.picture_range))


def noise_regulariser(maps: list[Tensor]) -> Tensor:
    """Sum of squared means of neighbouring products, [.. 1, 1, R, R], over the maps and their halvings down to 8 px: noise that
    says nothing has 0. A halved map is doubled in strength, so that its variance stays."""
    terms = []
    for noise in maps:
        level = noise
        while True:
            if level.shape[-1] > 1:
                for axis in (2, 3):
                    terms.append((level * level.roll(1, axis)).mean().square())
            if level.shape[-1] <= SMALLEST_NOISE:
                break
            level = 2 * halve(level)
    return torch.stack(terms).sum()


def _normalise(maps: list[Tensor]) -> None:
    with torch.no_grad():
        for noise in maps:
            noise -= noise.mean()
            noise *= noise.square().mean().clamp_min(1e-12).rsqrt()


def _rows(latent: Tensor, generator: StyleGenerator) -> Tensor:
    """[1 or L, D] -> [1, L, D]."""
    return latent.expand(generator.num_latents, -1)[None]


def _unlikeness(
    wanted: Tensor, features: VGG19 | None, embedding: Embedding | None, picture_range: tuple[float, float]
) -> Callable[[Tensor], Tensor]:
    low, high = picture_range

    def measure(shown: Tensor) -> Tensor:
        picture = (shown - low) * (2 / (high - low)) - 1
        distance = pixel_distance(picture, wanted) if features is None else feature_distance(features, picture, wanted)
        return distance if embedding is None else distance + IDENTITY_WEIGHT * identity_distance(embedding, picture, wanted)

    return measure


def _fit_picture(picture: np.ndarray, size: int) -> np.ndarray:
    """[H, W, 3] uint8 -> [1, 3, size, size] float32 in [-1, 1]; its middle square."""
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or 0 in picture.shape:
        raise ModelError(f"The picture is {picture.shape} {picture.dtype}: give [height, width, 3] uint8.")
    height, width, edge = *picture.shape[:2], min(picture.shape[:2])
    top, left = (height - edge) // 2, (width - edge) // 2
    square = np.ascontiguousarray(picture[top : top + edge, left : left + edge])
    resized = square if edge == size else np.asarray(Image.fromarray(square).resize((size, size), Image.Resampling.LANCZOS))
    return (resized.astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None].copy()


def _to_bytes(shown: Tensor, picture_range: tuple[float, float]) -> np.ndarray:
    """[1, 3, S, S] -> [S, S, 3] uint8."""
    low, high = picture_range
    share = ((shown[0].permute(1, 2, 0) - low) / (high - low)).clamp(0, 1)
    pixels: np.ndarray = (255 * share + 0.5).to(torch.uint8).cpu().numpy()
    return pixels
