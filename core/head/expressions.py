"""Expressions as values of ARKit's 52 units: mirrored, mixed, added, and kept in preset files."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from ..presets import read_preset, write_preset
from ..types import ARKIT_NAMES

UPPER_FACE = ("brow", "eye")
"""Units that begin so move the brows and eyes; all others the cheeks, nose, mouth and jaw."""
ASYMMETRY = 0.25
"""A random expression's sides differ by at most this share of a unit's value."""
GAZE = 0.25
"""How far a random expression looks up, down or aside, in units' values."""
GLANCES = ("eyeLookIn", "eyeLookOut")
ASIDE = ("jawLeft", "jawRight", "mouthLeft", "mouthRight")
SMALLEST = 5e-4
"""A value below this is left out of a preset."""


def read_expression(path: str | Path) -> dict[str, float]:
    """A preset's units -> values. Raises PresetError."""
    return read_preset(path, ARKIT_NAMES)


def write_expression(path: str | Path, expression: dict[str, float]) -> None:
    """Keep an expression's ARKit units; what is zero is left out. Raises PresetError."""
    kept = [unit for unit in ARKIT_NAMES if abs(expression.get(unit, 0.0)) >= SMALLEST]
    write_preset(path, "expression", {unit: expression[unit] for unit in kept})


def mirror_name(unit: str) -> str:
    """The same unit on the other side of the face; a unit of both sides is its own."""
    if unit.endswith("Left"):
        return unit.removesuffix("Left") + "Right"
    return unit.removesuffix("Right") + "Left" if unit.endswith("Right") else unit


def mirror_expression(expression: dict[str, float], sides: str = "SWAP") -> dict[str, float]:
    """SWAP: each side shows what the other showed. LEFT, RIGHT: both sides show what the subject's left or right side showed.

    A jaw or mouth moved aside turns to the other side with SWAP, and to the middle with LEFT and RIGHT; a glance aside turns
    with SWAP and stays with the others, for what is one eye's inwards is the other's outwards.
    """
    if sides == "SWAP":
        return {unit: expression.get(mirror_name(unit), 0.0) for unit in expression}
    if sides not in ("LEFT", "RIGHT"):
        raise ValueError(f"Sides '{sides}' are unknown: use 'SWAP', 'LEFT' or 'RIGHT'.")
    other = "Right" if sides == "LEFT" else "Left"
    copied = [unit for unit in expression if unit.endswith(other) and not unit.startswith(GLANCES)]
    mirrored = expression | {unit: expression.get(mirror_name(unit), 0.0) for unit in copied}
    return mirrored | {unit: 0.0 for unit in ASIDE if unit in expression}


def strengthen(expression: dict[str, float], strength: float) -> dict[str, float]:
    """Every unit times `strength`, at most 1."""
    return {unit: min(value * strength, 1.0) for unit, value in expression.items()}


def add_expressions(first: dict[str, float], second: dict[str, float]) -> dict[str, float]:
    """Both at once, no unit over 1."""
    return {unit: min(first.get(unit, 0.0) + second.get(unit, 0.0), 1.0) for unit in {**first, **second}}


def mix_expression(presets: Sequence[dict[str, float]], seed: int) -> dict[str, float]:
    """A face that nobody drew: brows and eyes of two presets, mouth of two others, the sides a little different, a glance.

    Every unit stays between what the presets show, so that what is plausible in them is so in the mixture. The seed decides.
    """
    chance = random.Random(seed)
    upper, lower = (_blend(chance, presets) for _ in range(2))
    mixed = {unit: (upper if unit.startswith(UPPER_FACE) else lower)[unit] for unit in ARKIT_NAMES}
    lean = chance.uniform(-ASYMMETRY, ASYMMETRY)
    for unit in ARKIT_NAMES:
        side = unit.endswith("Left") - unit.endswith("Right")
        mixed[unit] *= 1.0 + min(side * lean, 0.0)
    aside, up = chance.uniform(-GAZE, GAZE), chance.uniform(-GAZE, GAZE)
    looks = {
        "eyeLookOutLeft": aside, "eyeLookInRight": aside, "eyeLookInLeft": -aside, "eyeLookOutRight": -aside,
        "eyeLookUpLeft": up, "eyeLookUpRight": up, "eyeLookDownLeft": -up, "eyeLookDownRight": -up,
    }  # fmt: skip
    return mixed | {unit: max(value, 0.0) for unit, value in looks.items()}


def _blend(chance: random.Random, presets: Sequence[dict[str, float]]) -> dict[str, float]:
    first, second = chance.sample(presets, 2)
    share = chance.random()
    return {unit: share * first.get(unit, 0.0) + (1.0 - share) * second.get(unit, 0.0) for unit in ARKIT_NAMES}
