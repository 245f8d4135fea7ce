"""Pictures of a face in its crop, differentiable: texture times the light's shading on a white ground.

Rule of this file: colours as displayed, no linear light, as the release has it; every number has a gradient but which triangle a
pixel sees. The plain twin of what a pixel sees is screen_raster.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..render.differentiable import load_backend
from .codes import PaperFace
from .faithfulness import FIXED, Faithfulness
from .lamps import PREVIEW_ALBEDO, preview_shading
from .normals import vertex_normals
from .parts import PaperMesh
from .screen_raster import RELEASED_OFFSET
from .spherical_harmonics import shade
from .unwrap import UvLayout

DEPTH_RANGE = 16.0
"""The screen's z that is still drawn, either way."""


@dataclass(frozen=True)
class Rendering:
    """picture [B, 3, N, N] on white; alpha [B, 1, N, N]: 1 on the mesh; normals [B, 3, N, N] in FLAME's axes, 0 beside it."""

    picture: Tensor
    alpha: Tensor
    normals: Tensor


def clip_positions(screen: Tensor, faithfulness: Faithfulness = FIXED, pictures_before: int = 0) -> Tensor:
    """Screen positions [B, V, 3] -> clip space [B, V, 4] whose row 0 is the picture's top; an orthographic one, but for
    Faithfulness.perspective_barycentrics (see screen_raster.rasterize_screen)."""
    x, y, z = screen.unbind(-1)
    if not faithfulness.perspective_barycentrics:
        return torch.stack([x, y, z / DEPTH_RANGE, torch.ones_like(z)], -1)
    w = z + RELEASED_OFFSET * (1 + pictures_before)
    return torch.stack([x * w, y * w, z / DEPTH_RANGE * w, w], -1)


def render(
    screen: Tensor,
    normals: Tensor,
    layout: UvLayout,
    texture: Tensor,
    light: Tensor | None,
    size: int,
    faithfulness: Faithfulness = FIXED,
    *,
    pictures_before: int = 0,
    backend: str = "warp",
) -> Rendering:
    """screen and vertex normals [B, V, 3], textures [B, 3, h, w] (row 0 at v = 1), light [B, 9, 3] (None: none, the texture as
    it is) -> pictures of size x size px. backend: of core/render/differentiable; 'torch' is slow and takes float64 too."""
    primitives = load_backend(backend)
    tables = (np.ascontiguousarray(table, np.int32) for table in (layout.triangles, layout.uv_triangles))
    triangles, corners = (torch.from_numpy(table).to(screen.device) for table in tables)
    positions = clip_positions(screen, faithfulness, pictures_before).contiguous()
    raster, _ = primitives.rasterize(positions, triangles, (size, size))
    seen, _ = primitives.interpolate(normals.contiguous(), raster, triangles)
    uvs = torch.from_numpy(layout.uvs * [1, -1] + [0, 1]).to(screen)
    places, _ = primitives.interpolate(uvs[None].contiguous(), raster, corners)
    colour = primitives.texture(texture.permute(0, 2, 3, 1).contiguous(), places, filter_mode="linear", boundary_mode="clamp")
    lit = colour if light is None else colour * shade(seen, light)
    alpha = (raster[..., 3:] > 0).to(screen)
    picture = lit * alpha + (1 - alpha)
    return Rendering(picture.permute(0, 3, 1, 2), alpha.permute(0, 3, 1, 2), (seen * alpha).permute(0, 3, 1, 2))


@torch.no_grad()
def render_face(
    face: PaperFace, mesh: PaperMesh, size: int, light: np.ndarray | None = None, *, turn: Tensor | None = None
) -> np.ndarray:
    """A face as its crop shows it, [N, N, 3] in 0..1, in its own light or another [9, 3]. turn [3, 3]: a rotation about the
    head's middle first, for views from the side; the light stays with the camera."""
    vertices = torch.from_numpy(face.geometry.vertices)[None]
    screen = torch.from_numpy(face.geometry.screen)[None]
    if turn is not None:
        middle = vertices.mean(1, keepdim=True)
        moved = (vertices - middle) @ turn.to(vertices).T - (vertices - middle)
        screen = screen + float(face.codes.camera[0]) * moved * screen.new_tensor([1.0, -1.0, -1.0])
        vertices = vertices + moved
    texture = torch.from_numpy(np.ascontiguousarray(face.texture.transpose(2, 0, 1), np.float32))[None]
    chosen = torch.from_numpy(np.asarray(face.codes.light if light is None else light, np.float32))[None]
    normals = vertex_normals(vertices, mesh.flame.faces)
    return render(screen, normals, mesh.layout, texture, chosen, size).picture[0].permute(1, 2, 0).clamp(0, 1).numpy()


@torch.no_grad()
def render_shape(face: PaperFace, mesh: PaperMesh, size: int) -> np.ndarray:
    """The shape without its texture, grey under the release's five lamps, [N, N, 3] in 0..1 on white."""
    vertices, screen = (torch.from_numpy(values)[None] for values in (face.geometry.vertices, face.geometry.screen))
    grey = torch.full((1, 3, 2, 2), PREVIEW_ALBEDO)
    seen = render(screen, vertex_normals(vertices, mesh.flame.faces), mesh.layout, grey, None, size)
    shading = preview_shading(seen.normals.flatten(2).transpose(1, 2)).reshape(size, size, 3)
    is_head = seen.alpha[0, 0, :, :, None] > 0
    return torch.where(is_head, PREVIEW_ALBEDO * shading, 1.0).clamp(0, 1).numpy()
