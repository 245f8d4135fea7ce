"""Differentiable rendering in PyTorch: rasterize, interpolate, texture, antialias with the call shape of nvdiffrast.

Rule of this package: the only one that imports torch, and only when a primitive is first called; the default path of the
product never comes here. Written from Laine et al. 2020, "Modular primitives for high-performance differentiable
rendering", with one difference: outlines are found by walking the mesh, so they are right on dense meshes too.

    from likeness.core.render import differentiable as dr
    rast, rast_db = dr.rasterize(pos, tri, (256, 256))            # pos [B, V, 4] clip space, tri [T, 3] int32
    normals, _ = dr.interpolate(attr, rast, tri)                  # attr [B, V, C]
    colour = dr.texture(tex, uv)                                  # tex [B, h, w, C], uv [B, H, W, 2]
    image = dr.antialias(colour, rast, pos, tri)                  # outline gradients flow to pos

There is no context to make: leave nvdiffrast's first argument of `rasterize` out. backend= chooses, in every function,
'warp' (default; CPU and CUDA from one source, float32), 'torch' (the plain twin: slow, float32 or float64, any number of
derivatives) or 'nvdiffrast' (CUDA, where the user installed it). Or `dr = load_backend("torch")` once; dr.rasterize(...).

Conventions, as there: row 0 of an image is y = -1 of clip space; u, v are the perspective-correct weights of a triangle's
first two corners, never clamped; depth is z/w in [-1, 1]; texture row 0 is v = 0. An image with row 0 on top comes from a
projection with y down: projection.clip_matrix gives one for a camera of this project.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .backends import BACKENDS, Backend, load_backend

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "BACKENDS",
    "Backend",
    "antialias",
    "antialias_construct_topology_hash",
    "interpolate",
    "load_backend",
    "rasterize",
    "texture",
]


def rasterize(
    pos: Tensor,
    tri: Tensor,
    resolution: tuple[int, int],
    ranges: Tensor | None = None,
    grad_db: bool = True,
    *,
    backend: str = "warp",
) -> tuple[Tensor, Tensor]:
    """What each pixel sees: rast [B, H, W, 4] = (u, v, z/w, triangle + 1), zeros where there is nothing, and rast_db.

    pos [B, V, 4], or [V, 4] with ranges [B, 2] int32 on the CPU (first triangle, count); tri [T, 3] int32; resolution
    (height, width). rast_db [B, H, W, 4] = (du/dX, du/dY, dv/dX, dv/dY) a pixel. Gradients flow from u, v, z/w and, with
    grad_db, from rast_db to pos. Both sides of a triangle are drawn; w <= 0 needs no clipping.
    """
    return load_backend(backend).rasterize(pos, tri, resolution, ranges, grad_db)


def interpolate(
    attr: Tensor,
    rast: Tensor,
    tri: Tensor,
    rast_db: Tensor | None = None,
    diff_attrs: str | Sequence[int] | None = None,
    *,
    backend: str = "warp",
) -> tuple[Tensor, Tensor]:
    """attr [B, V, C] ([1, V, C], [V, C]: the same for all) at the pixels -> out [B, H, W, C], 0 where there is nothing.

    tri may be other triangles than those rasterised, in the same order (UV corners). With rast_db and diff_attrs ('all' or
    channel numbers) out_da [B, H, W, 2 K] holds (dA/dX, dA/dY) of each channel in turn; else it is empty.
    """
    return load_backend(backend).interpolate(attr, rast, tri, rast_db, diff_attrs)


def texture(
    tex: Tensor,
    uv: Tensor,
    uv_da: Tensor | None = None,
    mip_level_bias: Tensor | None = None,
    mip: list[Tensor] | None = None,
    filter_mode: str = "auto",
    boundary_mode: str = "wrap",
    max_mip_level: int | None = None,
    *,
    backend: str = "warp",
) -> Tensor:
    """tex [B, h, w, C] (or [1, ...]) at uv [B, H, W, 2] -> [B, H, W, C].

    filter_mode: 'nearest', 'linear', 'linear-mipmap-nearest', 'linear-mipmap-linear', or 'auto' (mipmaps where uv_da or
    mip_level_bias is given); boundary_mode: 'wrap', 'clamp', 'zero'. uv_da [B, H, W, 4] is interpolate's out_da of u and v;
    mip: own levels after tex. Gradients flow to tex, uv, uv_da and mip_level_bias.
    """
    arguments = (uv_da, mip_level_bias, mip, filter_mode, boundary_mode, max_mip_level)
    return load_backend(backend).texture(tex, uv, *arguments)


def antialias(
    color: Tensor,
    rast: Tensor,
    pos: Tensor,
    tri: Tensor,
    topology_hash: Tensor | None = None,
    pos_gradient_boost: float = 1.0,
    *,
    backend: str = "warp",
) -> Tensor:
    """Blend color [B, H, W, C] across outlines by where they cross between pixel centres; gradients flow to color and pos.

    tri must be joined (corners of one place are one vertex), else every seam is an outline. Who makes a new tri tensor at
    each call passes antialias_construct_topology_hash(tri), made once.
    """
    return load_backend(backend).antialias(color, rast, pos, tri, topology_hash, pos_gradient_boost)


def antialias_construct_topology_hash(tri: Tensor, *, backend: str = "warp") -> Tensor:
    """Which triangles meet at which edge, for antialias: made at its first call otherwise, and remembered with tri."""
    return load_backend(backend).antialias_construct_topology_hash(tri)
