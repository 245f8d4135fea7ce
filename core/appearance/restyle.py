"""Another skin for a finished head: a photo's or a random person's texture moved to numbers that an artist chose.

Rule of this file: the texture's own detail stays. Both skins are painted by the same law and the texture is multiplied by their
ratio in linear light, so a photo's pores and moles are still there on deeper skin, and what the two have in common cancels. A
relief likewise: the difference of the two is added, so lines of age come beside a photo's own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import SkinError
from ..head.model import HeadModel
from ..render.shading import SRGB_TABLE, encode_srgb
from .albedo import paint_albedo
from .catalogue import IN_RELIEF, NAMES
from .parameters import RANGES, Appearance
from .relief import FLAT_NORMAL, STEEPEST, decode_displacement, encode_displacement
from .skin_relief import raise_relief, tilt_relief
from .surface_maps import take_slopes

OF_THE_SKIN = NAMES
OF_THE_RELIEF = IN_RELIEF
"""What can be moved on any texture: these are painted where anatomy has them, not where one person's hairs grow.
OF_THE_RELIEF are in the relief too."""
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


def restyle_relief(
    maps: dict[str, np.ndarray],
    bare_roughness: np.ndarray,
    model: HeadModel,
    vertices: np.ndarray,
    was: Appearance,
    now: Appearance,
) -> dict[str, np.ndarray]:
    """'displacement' [s, s] uint16, 'normal' [s, s, 3] and 'roughness' [m, m] uint8 of a person on neutral vertices [V, 3] m ->
    with other lines of age. bare_roughness: of skin whose relief nothing shows; the roughness loses what the new normals show."""
    size = len(maps["displacement"])
    raised = raise_relief(model, now, size) - raise_relief(model, was, size)
    normal = add_slopes(maps["normal"], tilt_relief(model, vertices, raised))
    before, after = (take_slopes(bare_roughness, n).astype(np.float32) for n in (maps["normal"], normal))
    roughness = np.rint(np.clip(maps["roughness"] * after / np.maximum(before, 1), 0, 255)).astype(np.uint8)
    displacement = encode_displacement(decode_displacement(maps["displacement"]) + raised)
    return {"displacement": displacement, "normal": normal, "roughness": roughness}


def add_slopes(normal: np.ndarray, added: np.ndarray) -> np.ndarray:
    """Two normal maps [s, s, 3] uint8 of one surface -> the map of both reliefs; where one is flat, the other as it is."""
    out = normal.copy()
    where = np.flatnonzero((added != FLAT_NORMAL).any(-1))
    slopes = np.zeros((len(where), 2), np.float32)
    for pixels in (normal, added):
        n = pixels.reshape(-1, 3)[where].astype(np.float32) / np.float32(127.5) - 1
        slopes += n[:, :2] / np.maximum(n[:, 2:], 0.3)
    steep = np.hypot(slopes[:, 0], slopes[:, 1])
    slopes *= np.minimum(1, STEEPEST / np.maximum(steep, 1e-6))[:, None]
    up = 1 / np.sqrt(1 + (slopes**2).sum(-1, keepdims=True))
    out.reshape(-1, 3)[where] = (np.hstack([slopes * up, up]) * 127.5 + 128).clip(0, 255).astype(np.uint8)
    return out
