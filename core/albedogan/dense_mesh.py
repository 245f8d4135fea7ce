"""The dense mesh: a vertex for each of the UV map's texels, 59,315 of them in the published template.

Rule of this file: NumPy; a dense vertex is a point on FLAME's mesh moved along the normal there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..errors import ModelError
from ..render.rasterize import rasterize_uv
from ..render.shading import vertex_normals
from .faithfulness import FIXED, Faithfulness

MAP_SIZE = 256
FIELDS = ("f", "x_coords", "y_coords", "valid_pixel_ids", "valid_pixel_3d_faces", "valid_pixel_b_coords")


@dataclass(frozen=True)
class DenseTemplate:
    """D vertices: pixels [D, 2] = (x, y) in the map; corners [D, 3] vertices of FLAME's triangle there; weights [D, 3];
    faces [F, 3] of the dense mesh; size: the map's side."""

    pixels: np.ndarray
    corners: np.ndarray
    weights: np.ndarray
    faces: np.ndarray
    size: int = MAP_SIZE

    @staticmethod
    def build(data: Mapping[str, np.ndarray]) -> DenseTemplate:
        """From texture_data_256.npy's dict. Raises ModelError when something is missing."""
        missing = [name for name in FIELDS if name not in data]
        if missing:
            raise ModelError(f"The dense template lacks {', '.join(missing)}: give DECA's texture_data_256.npy, or none at all.")
        ids = np.asarray(data["valid_pixel_ids"], np.int64)
        pixels = np.stack([np.asarray(data["x_coords"])[ids], np.asarray(data["y_coords"])[ids]], -1).astype(np.int64)
        return DenseTemplate(
            pixels,
            np.asarray(data["valid_pixel_3d_faces"], np.int64),
            np.asarray(data["valid_pixel_b_coords"], np.float64),
            np.asarray(data["f"], np.int64),
            int(np.asarray(data.get("img_size", MAP_SIZE))),
        )

    @staticmethod
    def from_layout(uvs: np.ndarray, uv_triangles: np.ndarray, triangles: np.ndarray, size: int = MAP_SIZE) -> DenseTemplate:
        """Our own, where the file is absent: the texels of a layout uvs [U, 2] (triangles [T, 3] of it and of the mesh) whose
        centres are covered, neighbours joined where all four corners of a square are. head_template.obj gives 58,515 texels."""
        raster = rasterize_uv(uvs, uv_triangles, size)
        rows, columns = np.nonzero(raster.is_covered)
        number = np.full((size, size), -1, np.int64)
        number[rows, columns] = np.arange(len(rows))
        upper_left, upper_right, lower_left, lower_right = number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:]
        square = np.stack([upper_left, upper_right, lower_left, lower_right], -1)
        a, b, c, d = square[(square >= 0).all(-1)].T
        faces = np.stack([np.stack([a, c, b], -1), np.stack([b, c, d], -1)], 1).reshape(-1, 3)
        chosen = raster.triangle_id[rows, columns]
        weights = raster.barycentric[rows, columns].astype(np.float64)
        return DenseTemplate(np.stack([columns, rows], -1), triangles[chosen], weights, faces, size)

    def interpolate(self, attributes: np.ndarray) -> np.ndarray:
        """Per-vertex values [V, C] at the dense vertices [D, C]."""
        return np.einsum("dk,dkc->dc", self.weights, attributes[self.corners].astype(np.float64))

    def facing_out(self, vertices: np.ndarray, triangles: np.ndarray) -> DenseTemplate:
        """With faces counter-clockwise seen from outside, as the mesh's own [V, 3], [T, 3] are; files differ in that."""
        dense, normals = self.interpolate(vertices)[self.faces], self.interpolate(vertex_normals(vertices, triangles, "area"))
        ours = np.cross(dense[:, 1] - dense[:, 0], dense[:, 2] - dense[:, 0])
        is_inward = (ours * normals[self.faces[:, 0]]).sum() < 0
        return replace(self, faces=self.faces[:, ::-1].copy()) if is_inward else self

    def displace(self, vertices: np.ndarray, normals: np.ndarray, displacement: np.ndarray) -> np.ndarray:
        """Posed vertices [V, 3], their unit normals, displacement map [256, 256] m -> dense vertices [D, 3], float64."""
        direction = self.interpolate(normals)
        direction /= np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-12)
        height = displacement[self.pixels[:, 1], self.pixels[:, 0]].astype(np.float64)
        return self.interpolate(vertices) + direction * height[:, None]

    def uvs(self, faithfulness: Faithfulness = FIXED) -> np.ndarray:
        """[D, 2], bottom-left origin: the texels' centres (corners if Faithfulness.texel_corner_uvs)."""
        offset = 0.0 if faithfulness.texel_corner_uvs else 0.5
        x, y = ((self.pixels + offset) / self.size).T
        return np.stack([x, 1 - y], -1)
