"""The light around a head as a dome of soft lamps, each with its own shadow: what harmonics alone cannot say of a nose's shadow.

Rule of this file: a lamp's strength is what a white surface that faces it shows (render/shading.py), linear and never negative;
shading is linear in the strengths, so one table of transfer serves every iteration of a fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from ..render.shading import SKIN_WRAP, directional_light
from ..render.visibility import Occluder

NUM_LAMPS = 80
ROUGHNESS = 0.5
SKIN_REFRACTION = 1.4
"""A reflectance of .028 at normal incidence."""
GRAZING_COSINE = 0.2
"""Highlights are not followed beyond: an outline's vertices would glow."""
START_M = 1e-3
"""Rays start this far outside the surface, so that the faceted mesh does not shade itself."""
REACH_M = 0.4
BOUNCE = 0.35
"""Share of the shadowed light that comes back from the skin around, per unit of its albedo: creases are never black."""


@dataclass(frozen=True)
class Transfer:
    """What each lamp does to each point: diffuse [N, K, 3] (red creeps round the terminator); unshadowed [N, K]: the same without
    cast shadow; shine [N, K]: the highlight that the camera sees."""

    diffuse: np.ndarray
    unshadowed: np.ndarray
    shine: np.ndarray


@cache
def lamp_directions(count: int = NUM_LAMPS) -> np.ndarray:
    """Directions towards evenly spread lamps [count, 3], model axes (Fibonacci's spiral)."""
    i = np.arange(count) + 0.5
    y, angle = 1 - 2 * i / count, np.pi * (1 + 5**0.5) * i
    radius = np.sqrt(1 - y * y)
    return np.stack([radius * np.cos(angle), y, radius * np.sin(angle)], -1)


def trace_lamps(
    occluder: Occluder, points: np.ndarray, normals: np.ndarray, directions: np.ndarray, start_m: float = START_M
) -> np.ndarray:
    """Does each point [N, 3] see each lamp [K, 3] past the mesh? [N, K] float32, 0 for lamps below its horizon."""
    facing = normals @ directions.T > -SKIN_WRAP.max()
    n, k = np.nonzero(facing)
    start = (points + start_m * normals)[n]
    seen = np.zeros(facing.shape, np.float32)
    seen[n, k] = occluder.sees(start + REACH_M * directions[k], start, 0.0)
    return seen


def find_transfer(
    points: np.ndarray, normals: np.ndarray, eye: np.ndarray, visible: np.ndarray, directions: np.ndarray
) -> Transfer:
    """points, normals [N, 3], camera centre [3], visible [N, K] -> the table."""
    cosine = normals @ directions.T
    wrapped = np.maximum(cosine[..., None] + SKIN_WRAP, 0) / (1 + SKIN_WRAP)
    to_eye = eye - points
    to_eye /= np.linalg.norm(to_eye, axis=1, keepdims=True)
    shine = lamp_shine(normals, to_eye, directions)
    return Transfer(
        (wrapped * visible[..., None]).astype(np.float32),
        wrapped.mean(-1).astype(np.float32),
        (shine * visible).astype(np.float32),
    )


def lamp_shine(normals: np.ndarray, to_eye: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Highlight [N, K] of every lamp [K, 3] at normals [N, 3] seen from to_eye [N, 3], all unit; GGX with Smith's masking.

    Other than the renderer's quick highlight (shading.specular) it keeps its energy at grazing angles: there a face wears a
    veil of two to four times the reflectance at normal incidence, in which deep skin would be taken for light.
    Source: Walter et al. 2007.
    """
    alpha2 = ROUGHNESS**4
    n_light = np.clip(normals @ directions.T, 0, 1)
    n_eye = np.clip(np.einsum("nc,nc->n", normals, to_eye), GRAZING_COSINE, 1)[:, None]
    eye_light = to_eye @ directions.T
    half = np.sqrt(np.maximum(2 + 2 * eye_light, 1e-6))
    n_half = np.clip((n_light + n_eye) / half, 0, 1)
    spread = alpha2 / np.maximum(np.pi * (n_half**2 * (alpha2 - 1) + 1) ** 2, 1e-6)
    masking = 0.5 / np.maximum(
        n_light * np.sqrt(alpha2 + (1 - alpha2) * n_eye**2) + n_eye * np.sqrt(alpha2 + (1 - alpha2) * n_light**2), 1e-4
    )
    return np.pi * spread * masking * dielectric_fresnel(np.clip(half / 2, 0, 1)) * n_light


def dielectric_fresnel(cosine: np.ndarray, refraction: float = SKIN_REFRACTION) -> np.ndarray:
    """Reflectance of unpolarised light at this cosine, exact: Schlick's gives skin a quarter less at 50 degrees."""
    g = np.sqrt(refraction**2 - 1 + cosine**2)
    return 0.5 * ((g - cosine) / (g + cosine)) ** 2 * (1 + ((cosine * (g + cosine) - 1) / (cosine * (g - cosine) + 1)) ** 2)


def skin_response(transfer: Transfer, albedo: np.ndarray, gloss: float = 1.0) -> np.ndarray:
    """What one unit of (lamp times albedo [3]) adds to each point: [3, N, K]: diffuse, bounced, and highlight over albedo."""
    lost = transfer.unshadowed[..., None] - transfer.diffuse.mean(-1, keepdims=True)
    veil = gloss * transfer.shine[..., None] / np.maximum(albedo, 0.01)
    return np.ascontiguousarray(np.moveaxis(transfer.diffuse + BOUNCE * albedo * np.maximum(lost, 0) + veil, -1, 0), np.float32)


def dome_harmonics(directions: np.ndarray, rgb: np.ndarray) -> np.ndarray:
    """Lamps [K, 3], rgb [K, 3] -> harmonics [9, 3] (types.FitResult.light)."""
    return np.sum([directional_light(d, c) for d, c in zip(directions, rgb, strict=True)], 0)


def solve_lamps(
    response: np.ndarray, colours: np.ndarray, weight: np.ndarray, rest: np.ndarray, ridge: float, start: np.ndarray
) -> np.ndarray:
    """Strengths x [K, 3] >= 0 that minimise mean weight (response x - colours)^2 + ridge |x - rest|^2.

    response [3, N, K]; colours, weight [N, 3]; rest [K, 1] or [K, 3]: what a lamp is when nothing is known of it; start [K, 3].
    """
    total = weight.sum(0)[:, None, None]
    weighted = np.ascontiguousarray(np.swapaxes(response * weight.T[..., None].astype(np.float32), 1, 2))
    gram = weighted @ response / total + ridge * np.eye(response.shape[2])
    target = weighted @ colours.T[..., None] / total + ridge * np.broadcast_to(rest, start.shape).T[..., None]
    return solve_nonnegative(gram, target, start.T[..., None])[..., 0].T


def solve_nonnegative(gram: np.ndarray, target: np.ndarray, start: np.ndarray, iterations: int = 80) -> np.ndarray:
    """argmin x gram x / 2 - target x with x >= 0 for each of C problems: gram [C, K, K], target, start [C, K, 1] -> [C, K, 1].

    Accelerated projected gradients (Beck & Teboulle's FISTA), restarted where the momentum points uphill.
    """
    step = 1 / np.abs(gram).sum(2).max(1)[:, None, None]
    x = y = start
    momentum = np.ones((len(gram), 1, 1))
    for _ in range(iterations):
        new = np.maximum(y - step * (gram @ y - target), 0)
        uphill = ((y - new) * (new - x)).sum(1, keepdims=True) > 0
        momentum = np.where(uphill, 1.0, momentum)
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        y = new + (momentum - 1) / following * (new - x)
        x, momentum = new, following
    return x
