"""The photo's light as sun lamps: a key from the dominant direction and soft fills around it.

Rule of this file: the user's world is not touched; strengths are such that a matte white surface renders as the
spherical-harmonic irradiance says (Cycles and EEVEE: radiance = albedo * strength / pi under a sun at normal incidence).
"""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Matrix

from .convert import R_SCENE_FROM_MODEL

KEY_ANGLE_RAD, FILL_ANGLE_RAD = np.radians(12.0), np.radians(100.0)
NUM_NORMALS, NUM_DISC = 200, 32
FRONT_WEIGHT = 0.5
"""Normals count by this + their z: what faces forward is what the photo shows."""
MIN_STRENGTH = 0.01


def create_lights(light: np.ndarray, name: str) -> list[bpy.types.Object]:
    """light [9, 3] as FitResult.light -> sun objects (linked to no scene yet), the key first."""
    directions, strengths = fit_suns(light)
    lights = []
    for i, (direction, rgb) in enumerate(zip(directions, strengths, strict=True)):
        energy = float(rgb.max())
        if energy < MIN_STRENGTH:
            continue
        data = bpy.data.lights.new(f"{name} {'key' if i == 0 else 'fill'}", "SUN")
        data.energy, data.color = energy, (rgb / energy).tolist()
        data.angle = KEY_ANGLE_RAD if i == 0 else FILL_ANGLE_RAD
        obj = bpy.data.objects.new(data.name, data)
        obj.matrix_world = _sun_matrix(R_SCENE_FROM_MODEL @ direction)
        lights.append(obj)
    return lights


def fit_suns(light: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Suns' directions (towards the sun) [6, 3] in model axes and strengths [6, 3] >= 0, W/m2.

    Key: the direction in which the irradiance is brightest to first order; fills: the five other ends of a cross around it.
    Non-negative least squares on the irradiance over the sphere of normals, the front above all.
    """
    luminance = light @ (0.2126, 0.7152, 0.0722)
    key = luminance[[3, 1, 2]]
    key = key / np.linalg.norm(key) if np.linalg.norm(key) > 1e-6 else np.array([0.3, 0.5, 0.81])
    side = np.cross((0.0, 1.0, 0.0) if abs(key[1]) < 0.9 else (0.0, 0.0, 1.0), key)
    side /= np.linalg.norm(side)
    up = np.cross(key, side)
    directions = np.stack([key, side, -side, up, -up, -key])
    normals = _spread_normals(NUM_NORMALS)
    weights = np.clip(FRONT_WEIGHT + normals[:, 2:], 0, None)
    lamps = np.stack(
        [sun_irradiance(normals, d, KEY_ANGLE_RAD if i == 0 else FILL_ANGLE_RAD) for i, d in enumerate(directions)], 1
    )
    irradiance = spherical_harmonics(normals) @ light
    return directions, np.pi * solve_nonnegative(weights * lamps, weights * irradiance)


def sun_irradiance(normals: np.ndarray, direction: np.ndarray, angle_rad: float) -> np.ndarray:
    """Irradiance [N] on normals [N, 3] from a sun of strength 1 whose disc is angle_rad wide and evenly bright.

    As in Cycles, a surface that faces the sun receives its strength, however wide the disc.
    """
    i = np.arange(NUM_DISC) + 0.5
    cosine, turn = 1 - (1 - np.cos(angle_rad / 2)) * i / NUM_DISC, np.pi * (1 + 5**0.5) * i
    side = np.cross(direction, (0.0, 1.0, 0.0) if abs(direction[1]) < 0.9 else (0.0, 0.0, 1.0))
    side /= np.linalg.norm(side)
    around = np.cos(turn)[:, None] * side + np.sin(turn)[:, None] * np.cross(direction, side)
    points = cosine[:, None] * direction + np.sqrt(1 - cosine**2)[:, None] * around
    return np.clip(normals @ points.T, 0, None).mean(1) / cosine.mean()


def spherical_harmonics(normals: np.ndarray) -> np.ndarray:
    """The real orthonormal basis of order 0-2 at unit normals [N, 3] -> [N, 9], in FitResult.light's order."""
    x, y, z = normals.T
    one = np.ones_like(x)
    return np.stack([
        0.282095 * one, 0.488603 * y, 0.488603 * z, 0.488603 * x, 1.092548 * x * y, 1.092548 * y * z,
        0.315392 * (3 * z * z - 1), 1.092548 * x * z, 0.546274 * (x * x - y * y),
    ], -1)  # fmt: skip


def solve_nonnegative(A: np.ndarray, b: np.ndarray, iterations: int = 300) -> np.ndarray:
    """argmin |A x - b|^2 with x >= 0, by coordinate descent: A [N, K], b [N, C] -> x [K, C]."""
    gram, target = A.T @ A, A.T @ b
    x = np.zeros_like(target)
    for _ in range(iterations):
        for k in range(len(gram)):
            x[k] = np.clip(x[k] + (target[k] - gram[k] @ x) / gram[k, k], 0, None)
    return x


def _spread_normals(count: int) -> np.ndarray:
    """Fibonacci points on the unit sphere."""
    i = np.arange(count) + 0.5
    z, angle = 1 - 2 * i / count, np.pi * (1 + 5**0.5) * i
    radius = np.sqrt(1 - z * z)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], -1)


def _sun_matrix(towards: np.ndarray) -> Matrix:
    """A sun shines along its local -Z: +Z points towards it; it stands 1 m away, where the artist can see it."""
    z = towards / np.linalg.norm(towards)
    x = np.cross((0.0, 0.0, 1.0) if abs(z[2]) < 0.99 else (0.0, 1.0, 0.0), z)
    x /= np.linalg.norm(x)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([x, np.cross(z, x), z], 1)
    matrix[:3, 3] = z
    return Matrix(matrix.tolist())
