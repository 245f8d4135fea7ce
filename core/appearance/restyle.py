"""Another skin for a finished head: a photo's or a random person's texture moved to numbers that an artist chose.

Rule of this file: the texture's own detail stays. Both skins are painted by the same law and the texture is multiplied by their
ratio in linear light, so a photo's pores and moles are still there on deeper skin, and what the two have in common cancels.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import SkinError
from ..head.model import HeadModel
from ..render.shading import SRGB_TABLE, encode_srgb
from .albedo import paint_albedo
from .catalogue import NAMES
from .parameters import RANGES, Appearance

OF_THE_SKIN = NAMES
"""What can be moved on any texture: these are painted where anatomy has them, not where one person's hairs grow. Age is not among
them: it is in the relief too."""
LARGEST_RATIO = 40.0
DARKEST = 1e-3
"""Linear albedo below which bytes say little: ratios of such darkness are pulled to 1."""
ROWS = 64
"""So many at a time stay in the processor's cache: three times as fast as all at once."""


def change_appearance(appearance: Appearance, wanted: dict[str, float]) -> Appearance:
    """The appearance with the wanted numbers. Raises SkinError for a name that is none or a number out of its range."""
    for name, value in wanted.items():
        if name not in OF_THE_SKIN:
            raise SkinError(f"{name} is no number of the skin: choose from {', '.join(OF_THE_SKIN)}.")
        low, high = RANGES[name]
        if not low <= value <= high:
            raise SkinError(f"{name} {value:g} is out of range: give {low:g} to {high:g}.")
    kept: dict[str, Any] = {name: float(value) for name, value in wanted.items()}
    return replace(appearance, **kept)


def restyle_albedo(albedo: np.ndarray, model: HeadModel, was: Appearance, now: Appearance) -> np.ndarray:
    """sRGB [S, S, 3] uint8 of a person who looks as `was` says -> the same person as `now` says; only skin changes."""
    if was == now:
        return albedo
    return move_albedo(albedo, *(paint_albedo(model, person, len(albedo)) for person in (was, now)))


def move_albedo(albedo: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """An albedo times the ratio of two painted ones, all sRGB [S, S, 3] uint8, in linear light."""
    linear = (SRGB_TABLE + DARKEST).astype(np.float32)
    ratio = np.clip(linear / linear[:, None], 1 / LARGEST_RATIO, LARGEST_RATIO).ravel()
    moved = np.empty_like(albedo)
    for rows in range(0, len(albedo), ROWS):
        part = slice(rows, rows + ROWS)
        pairs = before[part].astype(np.uint16) * 256 + after[part]
        moved[part] = encode_srgb(SRGB_TABLE[albedo[part]] * ratio[pairs])
    return moved
