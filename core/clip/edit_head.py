"""Words -> a head's own codes moved until its pictures are more of what they say, without any generator.

    loss = [1 - cos(CLIP(pictures), CLIP(words))] + [1 - cos(change of CLIP(pictures), CLIP(words) - CLIP("a face"))]
           + .008 |identity|^2 + .01 |expression - before|_1 + .05 |tints|^2

over random views, by Adam with StyleCLIP's schedule. Rule of this file: what a mask leaves out keeps its bits, and the result is
plain numbers, which apply.py makes a head of.
"""

from __future__ import annotations

from collections.abc import Collection, Generator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import WordsError
from ..head.model import HeadModel
from ..latent.steps import OptimisationStep, rate_at, require_steps
from ..types import HeadAsset
from .edit_latent import NO_WORDS, STEPS
from .head_view import HeadView, View
from .losses import CODE_WEIGHT, cosine_loss, directional_loss
from .model import TextImageModel

SHAPE, ALBEDO, EXPRESSION = MASKS = ("shape", "albedo", "expression")
RATES = {SHAPE: 0.1, ALBEDO: 0.03, EXPRESSION: 0.04}
EXPRESSION_WEIGHT, TINT_WEIGHT = 0.01, 0.05
NEUTRAL = "a face"
POOL = 6
"""Views in all; each step takes some of them."""
PREVIEWS, PREVIEW_PX = 20, 128
MOST_EXTREME = 3.0
"""No coordinate of the identity is moved beyond, in standard deviations, unless it was there."""
LARGEST_TINT = 1.5


@dataclass(frozen=True)
class HeadEdit:
    """identity: the change [K] in standard deviations; expression: unit -> weight of the units that moved; tints: field -> three
    logarithms of factors of linear colour; losses: of each step, with prices; loss_before, loss_after: both cosines' terms over
    all views, of the head as it was and as it is with this change; picture [S, S, 3] uint8."""

    words: str
    seed: int
    strength: float
    identity: np.ndarray
    expression: dict[str, float]
    tints: dict[str, tuple[float, float, float]]
    losses: tuple[float, ...]
    loss_before: float
    loss_after: float
    picture: np.ndarray


@dataclass(frozen=True)
class _Goal:
    """What pictures are compared with: words and neutral [1, E], each view's picture before [POOL, E]."""

    words: Tensor
    neutral: Tensor
    before: Tensor

    def measure(self, pictures: Tensor, which: list[int]) -> Tensor:
        return cosine_loss(pictures, self.words) + directional_loss(pictures, self.before[which], self.words, self.neutral)


def edit_head(
    words: str,
    asset: HeadAsset,
    model: HeadModel,
    clip: TextImageModel,
    *,
    masks: Collection[str] = MASKS,
    strength: float = 1.0,
    seed: int = 0,
    steps: int = STEPS,
    num_views: int = 1,
    held: np.ndarray | None = None,
    backend: str = "warp",
) -> Generator[OptimisationStep, None, HeadEdit]:
    """The change of a head [of `model`] that makes it look like the words, in English.

    masks: what may change; strength: share of the found change that is made, 0 none; num_views: pictures a step; held: how far
    the identity leaves each vertex where it is, [V] in [0, 1]; backend: of core/render/differentiable.
    Closing the story cancels. Raises WordsError, IdentityError, BackendError.
    """
    if not words.strip():
        raise WordsError(NO_WORDS)
    if wrong := sorted(set(masks) - set(MASKS)) or (not masks and ["nothing"]):
        raise WordsError(f"{', '.join(wrong)} cannot change: choose from {', '.join(MASKS)}.")
    require_steps(steps, WordsError)
    yield OptimisationStep("Reading the words", 0.0)
    view = HeadView(asset, model, held=held, backend=backend)
    start = {
        SHAPE: torch.zeros(view.num_identity),
        ALBEDO: torch.zeros(len(view.tint_names), 3),
        EXPRESSION: view.expression(asset),
    }
    views = view.random_views(POOL, seed)
    everywhere = list(range(POOL))
    with torch.no_grad():
        texts = clip.encode_text([words, NEUTRAL])
        goal = _Goal(texts[:1], texts[1:], _embed(view, start, views, clip))
        loss_before = float(goal.measure(goal.before, everywhere))
    codes = {name: code.clone().requires_grad_(name in masks) for name, code in start.items()}
    adam = torch.optim.Adam([{"params": [codes[name]], "name": name} for name in MASKS if name in masks], lr=0.1)
    free = [codes[name] for name in MASKS if name in masks]
    random = np.random.default_rng((seed, 11))
    losses: list[float] = []
    for step in range(steps):
        for group in adam.param_groups:
            group["lr"] = rate_at(step / steps, RATES[group["name"]])
        which = [int(i) for i in random.choice(POOL, min(num_views, POOL), replace=False)]
        with torch.enable_grad():
            loss = goal.measure(_embed(view, codes, [views[i] for i in which], clip), which) + _price(codes, start)
            adam.zero_grad()
            loss.backward(inputs=free)
        adam.step()
        _stay_within(codes, asset, masks)
        losses.append(float(loss.detach()))
        is_shown = step % max(1, steps // PREVIEWS) == 0
        picture = _picture(view, codes, PREVIEW_PX) if is_shown else None
        yield OptimisationStep("Moving the head towards the words", (step + 1) / steps, loss=losses[-1], picture=picture)
    made = {
        name: start[name] + strength * (codes[name].detach() - start[name]) if name in masks else start[name] for name in MASKS
    }
    _stay_within(made, asset, masks)
    with torch.no_grad():
        loss_after = float(goal.measure(_embed(view, made, views, clip), everywhere))
    numbers = (words, seed, float(strength), *_plain(view, made, start))
    return HeadEdit(*numbers, tuple(losses), loss_before, loss_after, _picture(view, made, clip.size))


def _embed(view: HeadView, codes: dict[str, Tensor], views: list[View], clip: TextImageModel) -> Tensor:
    return clip.encode_image(view.draw(codes[SHAPE], codes[EXPRESSION], codes[ALBEDO], views, clip.size))


def _price(codes: dict[str, Tensor], start: dict[str, Tensor]) -> Tensor:
    expression = (codes[EXPRESSION] - start[EXPRESSION]).abs().sum()
    shape, tints = codes[SHAPE].square().sum(), codes[ALBEDO].square().sum()
    return CODE_WEIGHT * shape + EXPRESSION_WEIGHT * expression + TINT_WEIGHT * tints


def _stay_within(codes: dict[str, Tensor], asset: HeadAsset, masks: Collection[str]) -> None:
    """Codes back into their ranges, in place; of the masks' alone."""
    with torch.no_grad():
        if SHAPE in masks:
            before = torch.as_tensor(asset.identity[: len(codes[SHAPE])], dtype=torch.float32)
            limit = before.abs().clamp_min(MOST_EXTREME)
            codes[SHAPE].copy_(torch.minimum(torch.maximum(codes[SHAPE], -limit - before), limit - before))
        if ALBEDO in masks:
            codes[ALBEDO].clamp_(-LARGEST_TINT, LARGEST_TINT)
        if EXPRESSION in masks:
            codes[EXPRESSION].clamp_(0, 1)


def _picture(view: HeadView, codes: dict[str, Tensor], size: int) -> np.ndarray:
    with torch.no_grad():
        shown = view.draw(codes[SHAPE], codes[EXPRESSION], codes[ALBEDO], [view.frontal_view()], size)
    pixels: np.ndarray = (255 * shown[0].permute(1, 2, 0) + 0.5).to(torch.uint8).numpy()
    return pixels


def _plain(
    view: HeadView, made: dict[str, Tensor], start: dict[str, Tensor]
) -> tuple[np.ndarray, dict[str, float], dict[str, tuple[float, float, float]]]:
    """(identity, expression, tints) of what has moved."""
    pairs = zip(view.expression_names, made[EXPRESSION].tolist(), start[EXPRESSION].tolist(), strict=True)
    expression = {name: now for name, now, was in pairs if now != was}
    rows = zip(view.tint_names, made[ALBEDO].tolist(), strict=True)
    tints = {name: (r, g, b) for name, (r, g, b) in rows if r or g or b}
    return made[SHAPE].numpy().astype(np.float64), expression, tints
