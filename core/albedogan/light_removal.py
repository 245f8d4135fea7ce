"""Skin without its light: the shading of nine harmonics is found on the texture itself and divided out.

Rule of this file: textures, albedos and normals are maps [H, W, 3], row 0 at v = 1; light [9, 3] is spherical_harmonics'. The
release leaves the light in (Faithfulness.texture_lit); the paper tells of its removal, its code does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .spherical_harmonics import CONSTANTS

LEAST_SHADING, DARK_SHADING = 0.1, 0.2
NUM_ROUNDS, MISFIT, MOST_TEXELS = 8, 0.08, 40_000
"""Rounds of reweighting, the misfit (as displayed) at which a texel counts a quarter, and how many texels are looked at."""
PRIOR_SHARE, COLOUR_SHARE = 1e-5, 0.005
"""How much a prior counts, as a share of all texels: the light that was given, where the texels say nothing; the light without
colour, so that what is not skin does not tint it."""
CHROMA_MISFIT = 0.03
"""How far a texel's chroma is from its reference's when it counts half: hair, lips and teeth say little of the light."""


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
    reweighted against outliers (brows, lips, beards, shine); prior [9, 3]: what it is where nothing tells.

    First a light without colour, of the brightness alone; then one tint for all of it; then the colour of each band, as far as
    the texels insist on it.
    """
    texels = np.flatnonzero(weights > 0)
    if not len(texels):
        return np.asarray(prior, np.float64).copy()
    chosen = np.unravel_index(texels[:: -(-len(texels) // MOST_TEXELS)], weights.shape)
    basis, seen, albedo = harmonics(normals[chosen]), texture[chosen], reference[chosen]
    weight = weights[chosen] / (1 + (chroma_distance(seen, albedo) / CHROMA_MISFIT) ** 2)
    grey = fit_harmonics(basis * albedo.mean(-1, keepdims=True), seen.mean(-1), weight, prior.mean(-1), PRIOR_SHARE)
    channels = []
    for seen_channel, albedo_channel in zip(seen.T, albedo.T, strict=True):
        design = basis * albedo_channel[:, None]
        even = design @ grey
        tinted = grey * (weight @ (even * seen_channel)) / max(float(weight @ (even * even)), 1e-9)
        channels.append(fit_harmonics(design, seen_channel, weight, tinted, COLOUR_SHARE))
    return np.stack(channels, -1)


def chroma_distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """How far colours [..., 3] are from others when brightness is left out, [...]."""
    shares = [colours / np.maximum(colours.sum(-1, keepdims=True), 1e-3) for colours in (first, second)]
    return np.linalg.norm(shares[0] - shares[1], axis=-1)


def fit_harmonics(design: np.ndarray, seen: np.ndarray, weight: np.ndarray, prior: np.ndarray, share: float) -> np.ndarray:
    """design [N, 9] @ light [9] = seen [N], robustly, pulled to the prior [9] with a share of all weight -> [9]."""
    light = np.asarray(prior, np.float64)
    pull = share * weight.sum() * np.eye(9)
    for _ in range(NUM_ROUNDS):
        robust = weight / (1 + ((seen - design @ light) / MISFIT) ** 2) ** 2
        light = np.linalg.solve(design.T @ (robust[:, None] * design) + pull, design.T @ (robust * seen) + pull @ prior)
    return light


def remove_light(texture: np.ndarray, normals: np.ndarray, light: np.ndarray, reference: np.ndarray) -> UnlitTexture:
    """Divide the light's shading out. Where it is very dark there is no colour left to find: there the chroma is the
    reference's, at the brightness that was found."""
    shading = harmonics(normals) @ light
    albedo = np.clip(texture / np.maximum(shading, LEAST_SHADING), 0, 1)
    darkness = np.clip(1 - shading.mean(-1, keepdims=True) / DARK_SHADING, 0, 1)
    brightness = albedo.mean(-1, keepdims=True) / np.maximum(reference.mean(-1, keepdims=True), 1e-3)
    return UnlitTexture(np.clip((1 - darkness) * albedo + darkness * brightness * reference, 0, 1), shading, light)
