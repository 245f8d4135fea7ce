"""The nearest point of a surface that faces the same way: of two lips that touch, the own one.

A plain closest-point query takes the other lip, or the other side of an ear, where surfaces lie closer than two meshes agree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..head.closest import closest_of_triangles
from ..head.model import SurfacePoints
from ..render.shading import vertex_normals
from ..render.visibility import Occluder

LEAST_COSINE = 0.3
SEARCHED = 400
"""Triangles, nearest by their middles, that are tried where the nearest point faces another way."""


@dataclass(frozen=True)
class Nearest:
    """N points of a surface: triangle [N], barycentrics [N, 3] there; cosine [N] of its normals to those that were asked with."""

    triangle: np.ndarray
    barycentrics: np.ndarray
    cosine: np.ndarray


@dataclass(frozen=True)
class FacingSurface:
    """A surface ready for queries: vertices [V, 3] m, triangles [T, 3], vertex normals [V, 3]."""

    vertices: np.ndarray
    triangles: np.ndarray
    normals: np.ndarray
    occluder: Occluder

    def points(self, found: Nearest) -> SurfacePoints:
        """What was found as weights of the surface's vertices."""
        return SurfacePoints(self.triangles[found.triangle], found.barycentrics)

    def closest(self, points: np.ndarray, normals: np.ndarray, *, is_thorough: bool = False) -> Nearest:
        """The nearest points to points [N, 3] m with normals [N, 3].

        is_thorough: where the nearest point faces another way, the nearest of those that do not is taken, if there is one.
        """
        face, weights = self.occluder.closest(points)
        triangle, inside = np.maximum(face, 0), weights.astype(np.float64)
        cosine = self._cosine(triangle, inside, normals)
        if is_thorough:
            facing = self._face_normals()
            for row in np.flatnonzero(cosine < LEAST_COSINE):
                able = np.flatnonzero(facing @ normals[row] > LEAST_COSINE)
                if len(able):
                    triangle[row], inside[row] = self.closest_among(points[row], able)
            cosine = self._cosine(triangle, inside, normals)
        return Nearest(triangle, inside, cosine)

    def closest_among(self, point: np.ndarray, triangles: np.ndarray) -> tuple[int, np.ndarray]:
        """The nearest to a point [3] of some triangles [M], and the barycentrics [3] there."""
        distance = ((self.vertices[self.triangles[triangles]].mean(1) - point) ** 2).sum(1)
        near = triangles[np.argsort(distance, kind="stable")[:SEARCHED]]
        best, inside = closest_of_triangles(point, self.vertices[self.triangles[near]])
        return int(near[best]), inside

    def _cosine(self, triangle: np.ndarray, inside: np.ndarray, normals: np.ndarray) -> np.ndarray:
        there = np.einsum("nk,nkc->nc", inside, self.normals[self.triangles[triangle]])
        cosine: np.ndarray = np.einsum("nc,nc->n", there, normals) / np.maximum(np.linalg.norm(there, axis=1), 1e-9)
        return cosine

    def _face_normals(self) -> np.ndarray:
        a, b, c = (self.vertices[self.triangles[:, k]] for k in range(3))
        cross = np.cross(b - a, c - a)
        facing: np.ndarray = cross / np.maximum(np.linalg.norm(cross, axis=1, keepdims=True), 1e-12)
        return facing


def prepare_surface(vertices: np.ndarray, triangles: np.ndarray) -> FacingSurface:
    """A surface for queries."""
    return FacingSurface(vertices, triangles, vertex_normals(vertices, triangles), Occluder(vertices, triangles))
