"""The Warp backend: kernels.py as torch.autograd.Functions over shared memory, on the CPU or on torch's current CUDA stream.

Rule of this file: no copies between torch and Warp, no state between calls but a mesh's topology, whose making is all that
ever reads a value back from a GPU.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd.function import once_differentiable

from ...errors import BackendError
from ..runtime import load_warp
from .arguments import (
    BOUNDARIES,
    check_attributes,
    check_positions,
    check_raster,
    check_tensor,
    check_triangles,
    choose_channels,
    choose_filter,
    find_ranges,
    refuse,
)
from .mipmap import build_mipmaps, choose_detail, flatten_levels
from .topology import find_topology

wp = load_warp()
from . import kernels  # noqa: E402  (after Warp knows its cache folder)

Tensor = torch.Tensor


def check_backend(like: Tensor) -> None:
    """float32 on a device that Warp has too."""
    if like.dtype != torch.float32:
        refuse("every tensor but tri and ranges", "float32 (float64 runs on the backend 'torch')", like)
    if like.device.type == "cuda" and not wp.is_cuda_available():
        raise BackendError("Warp finds no CUDA driver that it can use: update the driver, or move the tensors to the CPU.")
    if like.device.type not in ("cpu", "cuda"):
        raise BackendError(f"The renderer runs on the CPU and on CUDA, not on {like.device}: move the tensors to the CPU.")


def view(tensor: Tensor | None, dtype: Any) -> Any:
    """A contiguous tensor as Warp's array argument on the same memory; None as an empty array."""
    return None if tensor is None else wp.from_torch(tensor.detach(), dtype=dtype, requires_grad=False, return_ctype=True)


def launch(kernel: Any, dim: int, inputs: list[Any], like: Tensor) -> None:
    """Queue a kernel on the device of `like`, on the stream that torch uses there."""
    stream = wp.stream_from_torch(torch.cuda.current_stream(like.device)) if like.is_cuda else None
    wp.launch(kernel, dim=dim, inputs=inputs, device=wp.device_from_torch(like.device), stream=stream)


def launch_pixels(kernel: Any, shape: tuple[int, ...] | torch.Size, inputs: list[Any], like: Tensor) -> None:
    """Queue a kernel over images' pixels (B, H, W): a thread a pixel on a GPU, a thread a row on the CPU."""
    count, height, width = shape
    threads = count * height * (width if like.is_cuda else 1)
    launch(kernel, threads, [*inputs, height, width, 1 if like.is_cuda else width], like)


def launch_triangles(kernel: Any, num_images: int, count: int, inputs: list[Any], like: Tensor) -> None:
    """Queue a kernel over images' triangles: a thread a triangle on a GPU, a thread an image on the CPU."""
    span = 1 if like.is_cuda else count
    launch(kernel, num_images * (count if like.is_cuda else 1), [*inputs, count, span], like)


class Rasterize(torch.autograd.Function):
    """positions [S, V, 4], tri [T, 3], ranges [B, 2] -> raster, raster_db [B, H, W, 4]."""

    @staticmethod
    def forward(
        ctx: Any, positions: Tensor, tri: Tensor, ranges: Tensor, count: int, size: tuple[int, int], grad_db: bool
    ) -> Any:
        shape = (len(ranges), *size)
        mesh = [view(flat(positions), wp.vec4), positions.shape[1], view(tri, wp.vec3i)]
        keys = torch.full(shape, kernels.NO_TRIANGLE_KEY, dtype=torch.int64, device=positions.device)
        nearest = view(keys.reshape(-1), wp.int64)
        launch_triangles(kernels.cover_samples, shape[0], count, [*mesh, view(ranges, wp.vec2i), nearest, *size], positions)
        raster, raster_db = positions.new_empty(*shape, 4), positions.new_empty(*shape, 4)
        outputs = [view(flat(raster), wp.vec4), view(flat(raster_db), wp.vec4)]
        launch_pixels(kernels.resolve_samples, shape, [*mesh, nearest, *outputs], positions)
        ctx.save_for_backward(positions, tri, raster)
        ctx.set_materialize_grads(False)
        if not grad_db:
            ctx.mark_non_differentiable(raster_db)
        return raster, raster_db

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_raster: Tensor | None, by_raster_db: Tensor | None) -> Any:
        positions, tri, raster = ctx.saved_tensors
        if by_raster is None and by_raster_db is None:
            return None, None, None, None, None, None
        gradient = torch.zeros_like(positions)
        gradients = [None if g is None else g.contiguous() for g in (by_raster, by_raster_db)]
        mesh = [view(flat(positions), wp.vec4), positions.shape[1], view(tri, wp.vec3i)]
        rasters = [None if t is None else view(flat(t), wp.vec4) for t in (raster, *gradients, gradient)]
        launch_pixels(kernels.resolve_samples_adjoint, raster.shape[:3], [*mesh, *rasters], positions)
        return gradient, None, None, None, None, None


class Interpolate(torch.autograd.Function):
    """table [B or 1, V, C], raster [B, H, W, 4] -> values [B, H, W, C]."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, raster: Tensor, tri: Tensor) -> Tensor:
        out = table.new_empty(*raster.shape[:3], table.shape[2])
        given = [*surface(table, raster, tri), floats(out)]
        launch_pixels(kernels.interpolate_attributes, raster.shape[:3], given, table)
        ctx.save_for_backward(table, raster, tri)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_out: Tensor) -> Any:
        table, raster, tri = ctx.saved_tensors
        by_table = torch.zeros_like(table) if ctx.needs_input_grad[0] else None
        by_raster = torch.empty_like(raster) if ctx.needs_input_grad[1] else None
        outputs = [floats(by_table), view(flat(by_raster), wp.vec4)]
        inputs = [*surface(table, raster, tri), floats(by_out.contiguous()), *outputs]
        launch_pixels(kernels.interpolate_attributes_adjoint, raster.shape[:3], inputs, table)
        return by_table, by_raster, None


class InterpolateDerivatives(torch.autograd.Function):
    """As Interpolate, with raster_db and channels [K] int32 -> derivatives [B, H, W, 2 K]."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, raster: Tensor, raster_db: Tensor, tri: Tensor, channels: Tensor) -> Tensor:
        out = table.new_empty(*raster.shape[:3], 2 * len(channels))
        inputs = surface(table, raster, tri, raster_db)
        given = [*inputs, view(channels, wp.int32), floats(out)]
        launch_pixels(kernels.interpolate_derivatives, raster.shape[:3], given, table)
        ctx.save_for_backward(table, raster, raster_db, tri, channels)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_out: Tensor) -> Any:
        table, raster, raster_db, tri, channels = ctx.saved_tensors
        by_table = torch.zeros_like(table) if ctx.needs_input_grad[0] else None
        by_raster_db = torch.empty_like(raster_db) if ctx.needs_input_grad[2] else None
        outputs = [floats(by_table), view(flat(by_raster_db), wp.vec4)]
        given = [view(channels, wp.int32), floats(by_out.contiguous())]
        inputs = [*surface(table, raster, tri, raster_db), *given, *outputs]
        launch_pixels(kernels.interpolate_derivatives_adjoint, raster.shape[:3], inputs, table)
        return by_table, None, by_raster_db, None, None


class SampleTexture(torch.autograd.Function):
    """texels [B or 1, N, C], levels [L, 3] int32, uv [B, H, W, 2], detail [B, H, W] or None -> samples [B, H, W, C]."""

    @staticmethod
    def forward(
        ctx: Any, texels: Tensor, uv: Tensor, detail: Tensor | None, levels: Tensor, is_linear: bool, boundary: int
    ) -> Tensor:
        out = texels.new_empty(*uv.shape[:3], texels.shape[2])
        ctx.save_for_backward(texels, uv, detail, levels)
        ctx.modes = (int(is_linear), boundary)
        inputs = [*lookup(texels, uv, detail, levels), *ctx.modes, floats(out)]
        launch_pixels(kernels.sample_texture, uv.shape[:3], inputs, texels)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_out: Tensor) -> Any:
        texels, uv, detail, levels = ctx.saved_tensors
        needed = ctx.needs_input_grad
        by_texels = torch.zeros_like(texels) if needed[0] else None
        by_uv = torch.empty_like(uv) if needed[1] else None
        by_detail = torch.empty_like(detail) if needed[2] else None
        outputs = [floats(by_texels), view(flat(by_uv), wp.vec2)]
        outputs.append(floats(by_detail))
        given = [*lookup(texels, uv, detail, levels), *ctx.modes, floats(by_out.contiguous())]
        launch_pixels(kernels.sample_texture_adjoint, uv.shape[:3], [*given, *outputs], texels)
        return by_texels, by_uv, by_detail, None, None, None


class Antialias(torch.autograd.Function):
    """colour [B, H, W, C], raster [B, H, W, 4], positions [S, V, 4], neighbours [T, 3] -> colour with blended outlines."""

    @staticmethod
    def forward(
        ctx: Any, colour: Tensor, raster: Tensor, positions: Tensor, tri: Tensor, neighbours: Tensor, boost: float
    ) -> Tensor:
        shape = tuple(raster.shape[:3])
        near = torch.zeros(shape, dtype=torch.uint8, device=colour.device)
        mesh = [view(positions, wp.vec4), view(tri, wp.vec3i), view(neighbours, wp.int32)]
        launch_triangles(kernels.mark_outlines, shape[0], len(tri), [*mesh, view(near.reshape(-1), wp.uint8), *shape[1:]], colour)
        edges = torch.zeros(*shape, 4, dtype=torch.int32, device=colour.device)
        out = colour.clone()
        given = [view(flat(colour), wp.float32), view(raster, wp.vec4), *mesh, view(near.reshape(-1), wp.uint8)]
        inputs = [*given, view(flat(edges), wp.vec4i), view(flat(out), wp.float32)]
        launch_pixels(kernels.blend_outlines, shape, inputs, colour)
        ctx.save_for_backward(colour, edges, positions)
        ctx.boost = boost
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_out: Tensor) -> Any:
        colour, edges, positions = ctx.saved_tensors
        by_out = by_out.contiguous()
        by_colour = by_out.clone() if ctx.needs_input_grad[0] else None
        by_positions = torch.zeros_like(positions) if ctx.needs_input_grad[2] else None
        given = [view(flat(colour), wp.float32), view(flat(edges), wp.vec4i), view(positions, wp.vec4), ctx.boost]
        outputs = [
            view(flat(by_out), wp.float32),
            view(flat(by_colour), wp.float32),
            None if by_positions is None else view(flat(by_positions), wp.vec4),
        ]
        launch_pixels(kernels.blend_outlines_adjoint, edges.shape[:3], [*given, *outputs], colour)
        return by_colour, None, by_positions, None, None, None


def flat(tensor: Any) -> Any:
    """[..., C] -> [N, C]; None stays None."""
    return None if tensor is None else tensor.reshape(-1, tensor.shape[-1])


def floats(tensor: Tensor | None) -> Any:
    """A contiguous tensor as Warp's array of all its numbers, which kernels count in 32 bits."""
    if tensor is None:
        return None
    if tensor.numel() >= 2**31:
        raise BackendError("An image, texture or attribute batch of 2^31 numbers or more: render it in smaller batches.")
    return view(tensor.reshape(-1), wp.float32)


def surface(table: Tensor, raster: Tensor, tri: Tensor, raster_db: Tensor | None = None) -> list[Any]:
    """The arguments that all interpolation kernels begin with."""
    rasters = [view(flat(raster), wp.vec4)] + ([] if raster_db is None else [view(flat(raster_db), wp.vec4)])
    head = [floats(table), table.shape[1], table.shape[2], view(tri, wp.vec3i)]
    return [*head, *rasters]


def lookup(texels: Tensor, uv: Tensor, detail: Tensor | None, levels: Tensor) -> list[Any]:
    """The arguments that both texture kernels begin with."""
    table = [floats(texels), texels.shape[1], texels.shape[2], view(levels, wp.vec3i)]
    places = [view(flat(uv), wp.vec2), floats(detail)]
    return [*table, *places]


def check_indices(tri: Tensor, num_vertices: int, owner: str) -> None:
    """Indices beyond the vertices would read foreign memory."""
    largest = find_topology(tri).num_vertices
    if largest > num_vertices:
        refuse("tri", f"numbers below the {num_vertices} vertices of {owner}", largest - 1)


def rasterize(
    pos: Tensor, tri: Tensor, resolution: tuple[int, int], ranges: Tensor | None = None, grad_db: bool = True
) -> tuple[Tensor, Tensor]:
    """See likeness.core.render.differentiable.rasterize."""
    check_positions(pos)
    check_backend(pos)
    check_triangles(tri, pos)
    check_indices(tri, pos.shape[-2], "pos")
    triangles_of_image, count = find_ranges(pos, tri, ranges)
    positions = (pos if pos.ndim == 3 else pos[None]).contiguous()
    height, width = (int(side) for side in resolution)
    return Rasterize.apply(positions, tri.contiguous(), triangles_of_image, count, (height, width), grad_db)


def interpolate(
    attr: Tensor, rast: Tensor, tri: Tensor, rast_db: Tensor | None = None, diff_attrs: Any = None
) -> tuple[Tensor, Tensor]:
    """See likeness.core.render.differentiable.interpolate."""
    check_backend(rast)
    check_raster("rast", rast, rast)
    check_triangles(tri, rast)
    table = check_attributes(attr, rast).contiguous()
    check_indices(tri, table.shape[1], "attr")
    raster, corners = rast.contiguous(), tri.contiguous()
    out = Interpolate.apply(table, raster, corners)
    if rast_db is None or diff_attrs is None or not len(diff_attrs):
        return out, out.new_empty(*out.shape[:3], 0)
    check_raster("rast_db", rast_db, rast)
    channels = torch.tensor(choose_channels(diff_attrs, table.shape[2]), dtype=torch.int32, device=rast.device)
    return out, InterpolateDerivatives.apply(table, raster, rast_db.contiguous(), corners, channels)


def texture(
    tex: Tensor,
    uv: Tensor,
    uv_da: Tensor | None = None,
    mip_level_bias: Tensor | None = None,
    mip: list[Tensor] | None = None,
    filter_mode: str = "auto",
    boundary_mode: str = "wrap",
    max_mip_level: int | None = None,
) -> Tensor:
    """See likeness.core.render.differentiable.texture."""
    check_backend(uv)
    check_tensor("uv", uv, "[B, H, W, 2]", 4, 2, uv)
    check_tensor("tex", tex, "[B, h, w, C] or [1, h, w, C]", 4, None, uv)
    if tex.shape[0] not in (1, uv.shape[0]):
        refuse("tex", f"of 1 or {uv.shape[0]} images", tex)
    mode = choose_filter(filter_mode, boundary_mode, uv_da is not None or mip_level_bias is not None)
    levels, detail = [tex], None
    if "mipmap" in mode:
        levels += build_mipmaps(tex, max_mip_level) if mip is None else list(mip)
        detail = choose_detail(
            uv_da, mip_level_bias, (tex.shape[1], tex.shape[2]), len(levels), mode.endswith("nearest")
        ).contiguous()
    texels, shapes = flatten_levels(levels)
    table = torch.tensor(shapes, dtype=torch.int32, device=uv.device)
    arguments = (texels.contiguous(), uv.contiguous(), detail, table, mode != "nearest", BOUNDARIES.index(boundary_mode))
    return SampleTexture.apply(*arguments)


def antialias(
    color: Tensor, rast: Tensor, pos: Tensor, tri: Tensor, topology_hash: Tensor | None = None, pos_gradient_boost: float = 1.0
) -> Tensor:
    """See likeness.core.render.differentiable.antialias."""
    check_backend(rast)
    check_raster("rast", rast, rast)
    check_tensor("color", color, "[B, H, W, C] of rast's size", 4, None, rast)
    if color.shape[:3] != rast.shape[:3]:
        refuse("color", f"of rast's size {tuple(rast.shape[:3])}", color)
    check_positions(pos, len(rast))
    check_triangles(tri, rast)
    check_indices(tri, pos.shape[-2], "pos")
    neighbours = find_topology(tri).neighbours if topology_hash is None else topology_hash
    if neighbours.shape != tri.shape or neighbours.dtype != torch.int32 or neighbours.device != tri.device:
        refuse("topology_hash", "what antialias_construct_topology_hash gave for tri", neighbours)
    positions = (pos if pos.ndim == 3 else pos[None]).contiguous()
    tensors = (color.contiguous(), rast.contiguous(), positions, tri.contiguous(), neighbours.contiguous())
    return Antialias.apply(*tensors, float(pos_gradient_boost))
