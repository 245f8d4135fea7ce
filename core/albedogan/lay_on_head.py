"""The method's maps, which lie on its own layout of FLAME's triangles, laid on the layout that our heads wear.

Rule of this file: worn is FLAME's own mesh with our layout (HeadModel.worn): FLAME's triangles come first and in FLAME's order,
so that a texel of ours is a point of a triangle, and that point has a place on the method's layout.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..fit.texels import keep_texels
from ..head.model import HeadModel
from ..render.rasterize import sample_texture
from .codes import PaperFace
from .parts import PaperMesh
from .texture_correction import mirror

MOST_MIRRORED = 85
"""Of the map of confidence, what is mirrored has no more (core/fit/texture.py)."""


@dataclass(frozen=True)
class HeadMaps:
    """On our layout: colour [S, S, 3] uint8 sRGB; is_laid [S, S]: where the method has texels; seen [S, S] in 0..1; confidence
    [S, S] uint8: 255 seen, at most 85 mirrored, 0 invented; height_m [R, R] float32."""

    colour: np.ndarray
    is_laid: np.ndarray
    seen: np.ndarray
    confidence: np.ndarray
    height_m: np.ndarray


def lay_on_head(face: PaperFace, mesh: PaperMesh, worn: HeadModel, size: int, *, is_invented: bool = False) -> HeadMaps:
    """size: texels of the colour's side; the displacement's is half of it. is_invented: nothing of the texture is a picture's."""
    uv, is_laid = find_places(mesh, worn, size)
    colour = np.zeros((size, size, 3), np.uint8)
    colour[is_laid] = np.clip(255 * sample_texture(face.texture, uv) + 0.5, 0, 255).astype(np.uint8)
    side = face.seen.shape[0]
    mask = mesh.mask.at(side)[0, 0].numpy()
    own = face.seen * mask
    both = np.stack([own, mirror(own[..., None], midline_u=mesh.midline_u)[..., 0]], -1)
    own, other = np.zeros((2, size, size), np.float32)
    own[is_laid], other[is_laid] = sample_texture(both * (not is_invented), uv).T
    confidence = np.maximum(255 * own, MOST_MIRRORED * other)
    place, is_raised = find_places(mesh, worn, size // 2)
    height = np.zeros((size // 2, size // 2), np.float32)
    height[is_raised] = sample_texture(face.geometry.displacement[..., None], place)[:, 0]
    return HeadMaps(colour, is_laid, own, np.clip(confidence, 0, 255).astype(np.uint8), height)


def find_places(mesh: PaperMesh, worn: HeadModel, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Where each of our texels lies on the method's layout: uv [N, 2] of those that do, and which they are [size, size] bool."""
    texels = keep_texels(worn, size)
    uv_triangles = mesh.layout.uv_triangles
    is_laid = (texels.triangle_id >= 0) & (texels.triangle_id < len(uv_triangles))
    inside = texels.barycentric[is_laid]
    corners = uv_triangles[texels.triangle_id[is_laid]]
    uv = sum(inside[:, k, None] * mesh.layout.uvs[corners[:, k]].astype(np.float32) for k in range(3))
    assert isinstance(uv, np.ndarray)
    return uv, is_laid.reshape(size, size)
