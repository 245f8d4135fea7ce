"""FLAME's 68 landmarks (iBUG's order): fixed points, and a contour that slides with the head's turn.

Two sets: `landmarks2d` are 17 contour points, chosen by the turn, and 51 fixed ones, as a detector of outlines sees them;
`landmarks3d` are 68 fixed points.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..flame.embedding import LandmarkEmbedding
from .rotations import matrix_to_yaw

LARGEST_YAW_DEG = 39
VISIBLE_BELOW = 0.1
"""A landmark is seen where its vertex normal's z (z into the screen) is below this."""


@dataclass(frozen=True)
class LandmarkPoints:
    """A landmark embedding (core/flame/embedding.py) as tensors: faces int64 and barycentrics of the static [51] ones, the
    contour's [79, 17] rows (0..39 for a turn of 0..39 degrees, 40..78 for -1..-39), and the full [68] set."""

    static_faces: Tensor
    static_weights: Tensor
    contour_faces: Tensor
    contour_weights: Tensor
    full_faces: Tensor
    full_weights: Tensor

    @staticmethod
    def build(embedding: LandmarkEmbedding) -> LandmarkPoints:
        """The same points."""
        given = (embedding.static_faces, embedding.static_weights, embedding.dynamic_faces, embedding.dynamic_weights)
        return LandmarkPoints(*(torch.from_numpy(array) for array in (*given, embedding.full_faces, embedding.full_weights)))

    def landmarks2d(self, vertices: Tensor, faces: Tensor, rows: Tensor) -> Tensor:
        """[B, V, 3], triangles [F, 3], contour_rows [B] -> [B, 68, 3]: the contour, then the static points."""
        batch = len(vertices)
        chosen = torch.cat([self.contour_faces[rows], self.static_faces.expand(batch, -1)], 1)
        weights = torch.cat([self.contour_weights[rows], self.static_weights.expand(batch, -1, -1)], 1)
        return surface_points(vertices, faces, chosen, weights)

    def landmarks3d(self, vertices: Tensor, faces: Tensor) -> Tensor:
        """[B, V, C] (positions, normals...), triangles [F, 3] -> [B, 68, C] at the full set's points."""
        batch = len(vertices)
        return surface_points(vertices, faces, self.full_faces.expand(batch, -1), self.full_weights.expand(batch, -1, -1))


def surface_points(vertices: Tensor, faces: Tensor, chosen: Tensor, weights: Tensor) -> Tensor:
    """[B, V, C] at barycentric points: chosen faces [B, N], weights [B, N, 3] -> [B, N, C]."""
    batch = torch.arange(len(vertices), device=vertices.device)[:, None, None]
    return (vertices[batch, faces[chosen]] * weights[..., None].to(vertices.dtype)).sum(2)


def contour_rows(rotations: Tensor, *, sign: int = 1) -> Tensor:
    """The contour's row for each head [B] from its joints' rotations [B, 5, 3, 3]: the turn of root and neck together, in whole
    degrees. sign: -1 for FLAME_PyTorch, which counts the turn the other way round."""
    yaw_deg = sign * torch.rad2deg(matrix_to_yaw(rotations[:, 0] @ rotations[:, 1]))
    whole = torch.round(yaw_deg.clamp(max=LARGEST_YAW_DEG)).to(torch.int64)
    return torch.where(whole >= 0, whole, LARGEST_YAW_DEG - whole.clamp(min=-LARGEST_YAW_DEG))


def visible_landmarks(normals: Tensor, faces: Tensor, points: LandmarkPoints) -> tuple[Tensor, Tensor]:
    """Vertex normals [B, V, 3] in the flipped camera frame (camera.flip_to_screen) -> their z at the 68 full points [B, 68], and
    which of these are seen [B, 68] bool."""
    z = points.landmarks3d(normals, faces)[..., 2]
    return z, z < VISIBLE_BELOW
