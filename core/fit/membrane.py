"""Smooth completion over the head: values known on part of the mesh, spread over all of it as a stretched membrane.

Rule of this file: it works on the mesh, not on the texture, so the result knows no UV seams.
"""

from __future__ import annotations

import numpy as np


def mesh_edges(triangles: np.ndarray) -> np.ndarray:
    """Undirected edges [E, 2] of triangles [T, 3], each once."""
    pairs = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    base = int(triangles.max()) + 1
    return np.stack(np.divmod(np.unique(pairs[:, 0] * np.int64(base) + pairs[:, 1]), base), -1)


def stretch_membrane(
    vertices: np.ndarray,
    triangles: np.ndarray,
    values: np.ndarray,
    certainty: np.ndarray,
    reach_m: float = 0.05,
    stiffness_m: float = 0.004,
    iterations: int = 300,
) -> np.ndarray:
    """values [V, C] trusted by certainty [V] >= 0 -> [V, C] smooth everywhere, falling to 0 some `reach_m` away from the known.

    Minimises sum of certainty (x - value)^2 a + stiffness^2 |grad x|^2 a + (stiffness / reach)^2 x^2 a over the surface
    (a: vertex area): details below stiffness_m are smoothed even where known. Conjugate gradients with Jacobi scaling.
    """
    edges = mesh_edges(triangles)
    i, j = edges.T
    length = np.linalg.norm(vertices[i] - vertices[j], axis=1)
    area = vertex_areas(vertices, triangles)
    conductance = stiffness_m**2 * (area[i] + area[j]) / (6 * np.maximum(length, 1e-5) ** 2)
    diagonal = area * (certainty + (stiffness_m / reach_m) ** 2) + 1e-14
    flow = np.bincount(i, conductance, len(area)) + np.bincount(j, conductance, len(area))
    target = area[:, None] * certainty[:, None] * values

    def apply(x: np.ndarray) -> np.ndarray:
        out = (diagonal + flow)[:, None] * x
        for c in range(x.shape[1]):
            out[:, c] -= np.bincount(i, conductance * x[j, c], len(x)) + np.bincount(j, conductance * x[i, c], len(x))
        return out

    scale = 1 / (diagonal + flow)[:, None]
    x = np.where(certainty[:, None] > 0, values, 0.0)
    residual = target - apply(x)
    direction = scale * residual
    energy = (residual * direction).sum(0)
    tolerance = 1e-9 * np.maximum((target * scale * target).sum(0), 1e-30)
    for _ in range(iterations):
        if (energy <= tolerance).all():
            break
        mapped = apply(direction)
        step = energy / np.maximum((direction * mapped).sum(0), 1e-300)
        x += step * direction
        residual -= step * mapped
        scaled = scale * residual
        new_energy = (residual * scaled).sum(0)
        direction = scaled + new_energy / np.maximum(energy, 1e-300) * direction
        energy = new_energy
    return x


def vertex_areas(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """A third of the area of each vertex's triangles, [V] m^2."""
    corners = vertices[triangles]
    area = 0.5 * np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    return np.bincount(triangles.ravel(), np.repeat(area / 3, 3), len(vertices))
