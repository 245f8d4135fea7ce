"""Exact distances from points to a triangle mesh.

Rule of this file: Warp's hierarchy says which triangle is nearest (in float32), the distance to it is computed in float64.
The slow twin is in the tests (every point against every triangle).
"""

from __future__ import annotations

import numpy as np

from ..render.visibility import Occluder


class Surface:
    """A mesh made ready for nearest-point queries: vertices [V, 3] in any unit, triangles [T, 3]; those without area are dropped.

    kept [K]: the triangles that have one; corners [K, 3, 3], normals [K, 3] unit: theirs; size: the longest side of the box.
    Coordinates are brought to metre size about the mesh's centre for Warp, whose queries are in float32. Raises ValueError where
    nothing with an area is left.
    """

    def __init__(self, vertices: np.ndarray, triangles: np.ndarray) -> None:
        corners = np.asarray(vertices, np.float64)[triangles]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        lengths = np.linalg.norm(normals, axis=1)
        self.size = float(np.ptp(corners.reshape(-1, 3), axis=0).max()) if len(corners) else 0.0
        solid = lengths > 1e-12 * self.size**2
        if not solid.any():
            raise ValueError("The mesh has no face with an area.")
        self.kept = np.flatnonzero(solid)
        self.corners = corners[solid]
        self.normals = normals[solid] / lengths[solid, None]
        self.centre = self.corners.mean((0, 1))
        flat = (self.corners.reshape(-1, 3) - self.centre) / self.size
        self.occluder = Occluder(flat, np.arange(len(flat)).reshape(-1, 3))

    def closest(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """points [N, 3] -> distances [N], the surface's nearest points [N, 3], their triangles [N] (into normals, corners)."""
        queries = (points - self.centre) / self.size
        reach = 4.0 + float(np.abs(queries).max(initial=0.0)) * 4
        triangles, _ = self.occluder.closest(queries, reach)
        assert (triangles >= 0).all()
        nearest = closest_on_triangles(np.asarray(points, np.float64), self.corners[triangles])
        return np.linalg.norm(points - nearest, axis=1), nearest, triangles


def closest_on_triangles(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """The nearest point [N, 3] of triangle n to point n: points [N, 3], corners [N, 3, 3].

    The foot of the perpendicular where it falls inside, else the nearest point of the three sides.
    """
    origin, side_u, side_v = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    offset = points - origin
    uu, uv, vv = (np.einsum("nc,nc->n", a, b) for a, b in ((side_u, side_u), (side_u, side_v), (side_v, side_v)))
    pu, pv = np.einsum("nc,nc->n", offset, side_u), np.einsum("nc,nc->n", offset, side_v)
    area = np.maximum(uu * vv - uv * uv, 1e-300)
    a, b = (vv * pu - uv * pv) / area, (uu * pv - uv * pu) / area
    nearest = origin + a[:, None] * side_u + b[:, None] * side_v
    outside = np.flatnonzero((a < 0) | (b < 0) | (a + b > 1))
    if len(outside):
        nearest[outside] = _closest_on_sides(points[outside], corners[outside])
    return nearest


def _closest_on_sides(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    sides = corners[:, [1, 2, 0]] - corners
    along = np.einsum("nsc,nsc->ns", points[:, None] - corners, sides) / np.maximum((sides**2).sum(-1), 1e-300)
    candidates = corners + np.clip(along, 0, 1)[..., None] * sides
    chosen = ((points[:, None] - candidates) ** 2).sum(-1).argmin(1)
    return candidates[np.arange(len(points)), chosen]
