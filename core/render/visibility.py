"""What a camera or a lamp sees of a mesh: exact ray queries against a bounding-volume hierarchy.

Rule of this file: a point on the surface is tested with a margin far below the thickness of a lid or a lip, so nothing
behind them passes for visible; softness is the caller's business.
"""

from __future__ import annotations

import numpy as np

from ..types import Camera
from .camera import camera_position
from .runtime import as_warp, launch_on_cpu, load_kernels, load_warp

MARGIN_M = 2e-4
"""Last stretch of a ray before its target where nothing counts as in the way: .2 mm."""


class Occluder:
    """A mesh prepared for ray queries: vertices [V, 3] m, triangles [T, 3]. Building takes a few ms; keep it for many queries."""

    def __init__(self, vertices: np.ndarray, triangles: np.ndarray) -> None:
        wp = load_warp()
        self.points = as_warp(np.array(vertices, np.float32), wp.vec3)
        self.indices = as_warp(np.array(triangles, np.int32).ravel(), wp.int32)
        self.mesh = wp.Mesh(points=self.points, indices=self.indices)

    def sees(self, origins: np.ndarray, targets: np.ndarray, margin: float = MARGIN_M) -> np.ndarray:
        """Is the segment from origins ([3] or [N, 3]) to targets [N, 3] free? [N] bool."""
        wp, kernels = load_warp(), load_kernels()
        ends = np.ascontiguousarray(targets, np.float32)
        starts = np.ascontiguousarray(np.broadcast_to(np.asarray(origins, np.float32), ends.shape))
        free = np.empty(len(ends), np.uint8)
        inputs = [self.mesh.id, as_warp(starts, wp.vec3), as_warp(ends, wp.vec3), margin]
        launch_on_cpu(kernels.find_occlusion, len(ends), inputs, [as_warp(free, wp.uint8)])
        return free.astype(bool)

    def openness(self, points: np.ndarray, normals: np.ndarray, num_rays: int = 64, reach: float = 0.15) -> np.ndarray:
        """Cosine-weighted share of the hemisphere over each point [N, 3] that is free for `reach` m, [N] in [0, 1]."""
        wp, kernels = load_warp(), load_kernels()
        result = np.empty(len(points), np.float32)
        launch_on_cpu(
            kernels.count_open_rays,
            len(points),
            [
                self.mesh.id,
                as_warp(np.ascontiguousarray(points, np.float32), wp.vec3),
                as_warp(np.ascontiguousarray(normals, np.float32), wp.vec3),
                as_warp(cosine_directions(num_rays), wp.vec3),
                MARGIN_M,
                reach,
            ],
            [as_warp(result, wp.float32)],
        )
        return result

    def closest(self, points: np.ndarray, reach: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """The mesh's nearest point to each point [N, 3]: triangle [N] (-1 beyond `reach` m), barycentrics [N, 3]."""
        wp, kernels = load_warp(), load_kernels()
        queries = as_warp(np.ascontiguousarray(points, np.float32), wp.vec3)
        face, weights = np.empty(len(points), np.int32), np.zeros((len(points), 3), np.float32)
        outputs = [as_warp(face, wp.int32), as_warp(weights, wp.vec3)]
        launch_on_cpu(kernels.find_closest_points, len(points), [self.mesh.id, queries, reach], outputs)
        return face, weights

    def lamp_visibility(
        self, points: np.ndarray, normals: np.ndarray, direction: np.ndarray, radius_rad: float, num_rays: int = 16
    ) -> np.ndarray:
        """Share of a distant disc lamp (half angle radius_rad) that each point [N, 3] sees past the mesh, [N] in [0, 1]."""
        unit = np.asarray(direction, np.float64) / np.linalg.norm(direction)
        side = np.cross(unit, (0.0, 1.0, 0.0) if abs(unit[1]) < 0.9 else (1.0, 0.0, 0.0))
        side /= np.linalg.norm(side)
        disc = spiral_disc(num_rays) * np.tan(radius_rad)
        rays = unit + disc[:, :1] * side + disc[:, 1:] * np.cross(unit, side)
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        facing = normals @ unit > -np.sin(radius_rad) - 0.25
        start = (points + normals * 1e-3)[facing]
        seen = np.zeros(len(points), np.float32)
        for ray in rays:
            seen[facing] += self.sees(start + ray * 0.4, start, 0.0)
        return seen / num_rays


def spiral_disc(count: int) -> np.ndarray:
    """Evenly spread points of the unit disc [count, 2] (Vogel's golden-angle spiral)."""
    i = np.arange(count)
    radius, angle = np.sqrt((i + 0.5) / count), i * np.pi * (3 - np.sqrt(5))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1)


def cosine_directions(count: int) -> np.ndarray:
    """Directions [count, 3] float32 about +z with density proportional to the cosine (Malley: lifted disc points)."""
    disc = spiral_disc(count)
    return np.column_stack([disc, np.sqrt(1 - (disc**2).sum(1))]).astype(np.float32)


def visible_points(
    occluder: Occluder, camera: Camera, points: np.ndarray, normals: np.ndarray, margin: float = MARGIN_M
) -> np.ndarray:
    """Which surface points [N, 3] with outward normals [N, 3] the camera sees, [N] bool (vertices or texels alike)."""
    eye = camera_position(camera)
    candidates = np.einsum("nc,nc->n", normals, eye - points) > 0
    seen = np.zeros(len(points), bool)
    seen[candidates] = occluder.sees(eye, points[candidates], margin)
    return seen


def ambient_openness(
    vertices: np.ndarray, triangles: np.ndarray, normals: np.ndarray, num_rays: int = 64, reach: float = 0.15
) -> np.ndarray:
    """Ambient occlusion per vertex, [V] in [0, 1], 1 in the open."""
    return Occluder(vertices, triangles).openness(vertices, normals, num_rays, reach)
