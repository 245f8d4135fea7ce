"""What every optimisation of a code has: a schedule of the learning rate, and steps that say how far it is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..types import Progress

RAMP_UP, RAMP_DOWN = 0.05, 0.25
"""Shares of the steps in which the learning rate rises linearly and, at the end, falls by a cosine."""


@dataclass(frozen=True)
class OptimisationStep(Progress):
    """loss: of this step."""

    loss: float = math.nan


def rate_at(t: float, highest: float = 0.1) -> float:
    """The learning rate at t in [0, 1].

    Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN", appendix D.
    """
    down = 0.5 - 0.5 * math.cos(math.pi * min(1.0, (1 - t) / RAMP_DOWN))
    return highest * down * min(1.0, t / RAMP_UP)


def require_steps(steps: int, make_error: Callable[[str], Exception] = ValueError) -> None:
    """Raises where there would be no step."""
    if steps < 1:
        raise make_error(f"{steps} steps change nothing: give 1 or more.")
