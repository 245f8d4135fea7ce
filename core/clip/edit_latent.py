"""Words -> a latent code whose picture is more of what they say: StyleCLIP's latent optimisation.

    loss = 1 - cos(CLIP(picture), CLIP(words)) + .008 |code - before|^2 + .005 (1 - cos(face(picture), face(before)))

by Adam at .1, rising over the first 5 % of the steps, falling over the last 25 %. Patashnik et al. 2021, "StyleCLIP", section 4.
Rule of this file: only the chosen rows move; all others keep their bits.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import ModelError, WordsError
from ..latent.codes import Rows, require_alike, require_code, require_rows, spread_code
from ..latent.similarity import Embedding, identity_distance
from ..latent.steps import OptimisationStep, rate_at, require_steps
from ..nets.stylegan2 import Generator as StyleGenerator
from .losses import CODE_WEIGHT, IDENTITY_WEIGHT, code_distance, cosine_loss, fit_pictures
from .model import TextImageModel

RATE, STEPS = 0.1, 300
PREVIEWS = 20
NO_WORDS = "No words were given: say in a few words what the picture should show, for example 'a smiling face'."


@dataclass(frozen=True)
class LatentEdit:
    """latent: w+ [L, D] float32; losses: of each step, with prices; loss_before, loss_after: 1 - cosine alone, of the code that
    was given and of this one; picture [S, S, 3] uint8."""

    latent: np.ndarray
    losses: tuple[float, ...]
    loss_before: float
    loss_after: float
    picture: np.ndarray


def edit_latent(
    words: str,
    generator: StyleGenerator,
    latent: np.ndarray,
    clip: TextImageModel,
    *,
    strength: float = 1.0,
    seed: int = 0,
    steps: int = STEPS,
    identity: Embedding | None = None,
    rows: Rows | None = None,
    code_weight: float = CODE_WEIGHT,
) -> Generator[OptimisationStep, None, LatentEdit]:
    """latent: w [D] or w+ [L, D]. strength: share of the found change that is made, 0 none; seed: of the start, a hair's breadth
    off the code; identity: a face recogniser whose person should stay; rows: which may move (4-7 for expressions alone).

    Closing the story cancels. Raises ModelError for a code of another shape, WordsError without words.
    """
    if not words.strip():
        raise WordsError(NO_WORDS)
    require_steps(steps, ModelError)
    code = spread_code(require_code(latent), generator.num_latents)
    require_alike(np.zeros((generator.num_latents, generator.sizes.style_size)), code, "The latent code")
    chosen = require_rows(rows, len(code))
    before = torch.from_numpy(code).to(generator.input.input)
    yield OptimisationStep("Reading the words", 0.0)
    wanted = clip.encode_text([words]).to(before)
    noise = torch.randn(len(chosen), before.shape[1], generator=torch.Generator().manual_seed(seed)).to(before)
    change = (1e-4 * noise).requires_grad_()
    adam = torch.optim.Adam([change], lr=RATE)
    with torch.no_grad():
        shown = generator.synthesise(before[None])
        loss_before = float(_unlike_words(shown, clip, wanted))
    start = shown.detach()
    losses: list[float] = []
    for step in range(steps):
        adam.param_groups[0]["lr"] = rate_at(step / steps, RATE)
        with torch.enable_grad():
            moved = _move(before, chosen, change)
            shown = generator.synthesise(moved[None])
            loss = _unlike_words(shown, clip, wanted) + code_weight * code_distance(moved, before)
            if identity is not None:
                loss = loss + IDENTITY_WEIGHT * identity_distance(identity, shown, start)
            adam.zero_grad()
            loss.backward(inputs=[change])
        adam.step()
        losses.append(float(loss.detach()))
        picture = to_bytes(shown.detach()) if step % max(1, steps // PREVIEWS) == 0 else None
        yield OptimisationStep("Moving the code towards the words", (step + 1) / steps, loss=losses[-1], picture=picture)
    with torch.no_grad():
        moved = _move(before, chosen, strength * change) if strength else before
        shown = generator.synthesise(moved[None])
        loss_after = float(_unlike_words(shown, clip, wanted))
    return LatentEdit(moved.cpu().numpy().astype(np.float32), tuple(losses), loss_before, loss_after, to_bytes(shown))


def to_bytes(shown: Tensor) -> np.ndarray:
    """[1, 3, S, S] in [-1, 1] -> [S, S, 3] uint8."""
    pixels: np.ndarray = (255 * (shown[0].permute(1, 2, 0) / 2 + 0.5).clamp(0, 1) + 0.5).to(torch.uint8).cpu().numpy()
    return pixels


def _move(before: Tensor, chosen: list[int], change: Tensor) -> Tensor:
    return before.index_add(0, torch.tensor(chosen, device=before.device), change)


def _unlike_words(shown: Tensor, clip: TextImageModel, wanted: Tensor) -> Tensor:
    return cosine_loss(clip.encode_image(fit_pictures(shown / 2 + 0.5, clip.size)), wanted)
