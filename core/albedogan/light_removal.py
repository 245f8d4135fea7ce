"""Skin without its light: the shading of nine harmonics is found on the texture itself and divided out.

Rule of this file: textures, albedos and normals are maps [H, W, 3], row 0 at v = 1; light [9, 3] is spherical_harmonics'. The
release leaves the light in (Faithfulness.texture_lit); the paper tells of its removal, its code does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .spherical_harmonics import CONSTANTS

LEAST_SHADING, DARK_SHADING = 0.1, 0.2
NUM_ROUNDS, MISFIT = 8, 0.08
"""Rounds of reweighting, and the misfit (as displayed) at which a texel counts half."""
PRIOR_SHARE = 1e-5
"""How much the light that was given counts, as a share of all texels, where the texels say nothing of it."""


@dataclass(frozen=True)
class UnlitTexture:
    """albedo [H, W, 3] in 0..1; shading [H, W, 3] that was divided out; light [9, 3] that makes it."""

    albedo: np.ndarray
    shading: np.ndarray
    light: np.ndarray


def harmonics(normals: np.ndarray) -> np.ndarray:
    """NumPy twin of spherical_harmonics.basis: unit normals [..., 3] -> [..., 9]."""
    x, y, z = np.moveaxis(normals, -1, 0)
    terms = np.stack([np.ones_like(x), x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 1], -1)
    return terms * np.asarray(CONSTANTS)


def estimate_light(
    texture: np.ndarray, reference: np.ndarray, normals: np.ndarray, weights: np.ndarray, prior: np.ndarray
) -> np.ndarray:
    """The light [9, 3] that best makes `texture` of the albedo `reference`: least squares over texels with weights [H, W] > 0,
    reweighted against outliers (brows, lips, beards, shine); prior [9, 3]: what it is where nothing tells."""
    chosen = weights > 0
    basis, weight = harmonics(normals[chosen]), weights[chosen]
    light = np.asarray(prior, np.float64).copy()
    if not chosen.any():
        return light
    for channel in range(3):
        albedo, seen = reference[chosen][:, channel], texture[chosen][:, channel]
        design = basis * albedo[:, None]
        for _ in range(NUM_ROUNDS):
            misfit = seen - design @ light[:, channel]
            robust = weight / (1 + (misfit / MISFIT) ** 2) ** 2
            pull = PRIOR_SHARE * weight.sum() * np.eye(9)
            normal = design.T @ (robust[:, None] * design) + pull
            light[:, channel] = np.linalg.solve(normal, design.T @ (robust * seen) + pull @ prior[:, channel])
    return light


def remove_light(texture: np.ndarray, normals: np.ndarray, light: np.ndarray, reference: np.ndarray) -> UnlitTexture:
    """Divide the light's shading out. Where it is very dark there is no colour left to find: there the chroma is the
    reference's, at the brightness that was found."""
    shading = harmonics(normals) @ light
    albedo = np.clip(texture / np.maximum(shading, LEAST_SHADING), 0, 1)
    darkness = np.clip(1 - shading.mean(-1, keepdims=True) / DARK_SHADING, 0, 1)
    brightness = albedo.mean(-1, keepdims=True) / np.maximum(reference.mean(-1, keepdims=True), 1e-3)
    return UnlitTexture(np.clip((1 - darkness) * albedo + darkness * brightness * reference, 0, 1), shading, light)
