"""Similarities x -> scale * R x + t: from corresponding points, and refined on a surface.

Source: Umeyama 1991, "Least-squares estimation of transformation parameters between two point patterns".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..head.model import rotation_matrices
from .surface import Surface

CONVERGED = 1e-6
"""Relative fall of the cost at which a refinement has ended."""


@dataclass(frozen=True)
class Similarity:
    """scale > 0, R [3, 3] a proper rotation, t [3]."""

    scale: float
    R: np.ndarray
    t: np.ndarray

    def apply(self, points: np.ndarray) -> np.ndarray:
        """points [..., 3] -> scale * R x + t."""
        return self.scale * points @ self.R.T + self.t

    def undo(self, points: np.ndarray) -> np.ndarray:
        """The inverse of apply."""
        return (points - self.t) @ self.R / self.scale


IDENTITY = Similarity(1.0, np.eye(3), np.zeros(3))


def fit_similarity(source: np.ndarray, target: np.ndarray, free_scale: bool = True) -> Similarity:
    """The similarity (without free_scale: the rigid motion) that takes source [N, 3] nearest to target [N, 3]; no mirroring."""
    mean_source, mean_target = source.mean(0), target.mean(0)
    a, b = source - mean_source, target - mean_target
    U, S, Vt = np.linalg.svd(b.T @ a)
    D = np.diag([1.0, 1.0, np.sign(np.linalg.det(U @ Vt))])
    R = U @ D @ Vt
    scale = float((S * np.diag(D)).sum() / np.maximum((a**2).sum(), 1e-30)) if free_scale else 1.0
    return Similarity(scale, R, mean_target - scale * R @ mean_source)


def refine_similarity(
    points: np.ndarray, surface: Surface, start: Similarity, free_scale: bool = True, iterations: int = 60
) -> tuple[Similarity, np.ndarray]:
    """The similarity of a mesh that makes the squared distances of points [N, 3] to its surface least, and those distances [N].

    Levenberg-Marquardt on the true distances: rotation, translation and log scale about the surface points' centre, with the
    nearest points found anew at every step. Surface: in the mesh's own frame, whose distances are scaled into the points'.
    """
    now = start
    normals, nearest, distances = _look(points, surface, now)
    cost, damping = float(distances @ distances), 1e-3
    for _ in range(iterations):
        centre = nearest.mean(0)
        arms = nearest - centre
        J = -np.concatenate([np.cross(arms, normals), normals, (arms * normals).sum(1, keepdims=True)], 1)
        J = J if free_scale else J[:, :6]
        H, g = J.T @ J, J.T @ distances
        for _ in range(8):
            step = np.linalg.solve(H + damping * np.diag(np.diag(H) + 1e-30), -g)
            moved = _move(now, step, centre)
            seen = _look(points, surface, moved)
            new_cost = float(seen[2] @ seen[2])
            if new_cost < cost:
                break
            damping *= 5
        else:
            break
        is_done = cost - new_cost < CONVERGED * cost
        now, (normals, nearest, distances), cost = moved, seen, new_cost
        damping = max(damping / 5, 1e-7)
        if is_done:
            break
    return now, distances


def _move(now: Similarity, step: np.ndarray, centre: np.ndarray) -> Similarity:
    turn = rotation_matrices(step[:3])
    growth = float(np.exp(step[6])) if len(step) > 6 else 1.0
    return Similarity(growth * now.scale, turn @ now.R, growth * turn @ (now.t - centre) + centre + step[3:6])


def _look(points: np.ndarray, surface: Surface, now: Similarity) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Directions [N, 3] from the surface to the points, nearest surface points [N, 3], distances [N], in the points' frame."""
    queries = now.undo(points)
    distances, nearest, triangles = surface.closest(queries)
    away = queries - nearest
    near = distances < 1e-9 * surface.size
    away[near] = surface.normals[triangles[near]]
    away[~near] /= distances[~near, None]
    return away @ now.R.T, now.apply(nearest), distances * now.scale
