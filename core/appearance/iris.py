"""The iris' colour: the atlas holds one brown iris and its mask; any other colour is that one re-coloured."""

from __future__ import annotations

import numpy as np

IRIS_COLOURS = {
    "brown": (0.105, 0.055, 0.028), "dark brown": (0.045, 0.022, 0.012), "amber": (0.21, 0.115, 0.04),
    "hazel": (0.135, 0.10, 0.045), "green": (0.115, 0.135, 0.065), "grey": (0.165, 0.185, 0.19), "blue": (0.11, 0.165, 0.225),
}  # fmt: skip
"""Linear sRGB means of common irises, to choose from."""


def tint_iris(albedo: np.ndarray, iris: np.ndarray, colour: tuple[float, float, float]) -> np.ndarray:
    """Albedo [H, W, 3] uint8 sRGB whose irises (mask [H, W] uint8) have the linear mean `colour`; fibres and ring stay.

    Raises ValueError when mask and albedo differ in size.
    """
    if iris.shape != albedo.shape[:2]:
        raise ValueError(f"The iris mask is {iris.shape}, the albedo {albedo.shape[:2]}: give both in one size.")
    rows, columns = np.nonzero(iris)
    share = iris[rows, columns, None] / 255.0
    old = srgb_to_linear(albedo[rows, columns] / 255.0)
    light = old @ np.array([0.2126, 0.7152, 0.0722])
    light /= np.average(light, weights=share[:, 0])
    new = old + share * (light[:, None] * np.array(colour) - old)
    out = albedo.copy()
    out[rows, columns] = np.rint(255 * linear_to_srgb(np.clip(new, 0, 1))).astype(np.uint8)
    return out


def srgb_to_linear(srgb: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1, [0, 1]."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(linear: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1, [0, 1]."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)
