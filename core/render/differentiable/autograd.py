"""The Warp backend: the kernels as torch.autograd.Functions over shared memory, on the CPU or on torch's current CUDA stream.

Rule of this file: no copies between torch and Warp, no state between calls but a mesh's topology, whose making is all that
ever reads a value back from a GPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from ...errors import BackendError
from ..runtime import load_warp
from .arguments import BOUNDARIES, refuse
from .mipmap import flatten_levels

wp = load_warp()
from .kernels import interpolation, outlines, sampling, visibility  # noqa: E402  (after Warp knows its cache folder)
from .kernels.geometry import MAX_CHANNELS  # noqa: E402

Tensor = torch.Tensor


def check_float(like: Tensor) -> None:
    """float32 on a device that Warp has too."""
    if like.dtype != torch.float32:
        refuse("every tensor but tri and ranges", "float32 (float64 runs on the backend 'torch')", like)
    if like.device.type == "cuda" and not wp.is_cuda_available():
        raise BackendError("Warp finds no CUDA driver that it can use: update the driver, or move the tensors to the CPU.")
    if like.device.type not in ("cpu", "cuda"):
        raise BackendError(f"The renderer runs on the CPU and on CUDA, not on {like.device}: move the tensors to the CPU.")


DESCRIPTOR = type(wp.from_torch(torch.empty(0), return_ctype=True))
"""Warp's array argument. Made directly it takes a sixth of wp.from_torch's time; a picture needs forty."""


def vectors(tensor: Tensor | None, length: int, first: int = 0, stride: int = 0) -> Any:
    """A contiguous tensor as a kernel's flat array: of every `stride` numbers (length, if 0), `length` from `first` on.

    None becomes an empty array with the strides of a packed one: for such arrays Warp's CPU kernels are fastest.
    """
    step = stride or length
    if tensor is None:
        return DESCRIPTOR(0, 0, 1, (0,), (step * 4,))
    assert tensor.is_contiguous()
    size, count = tensor.element_size(), tensor.numel() // step
    if count >= 2**31:
        raise BackendError("A batch of 2^31 pixels, texels or vertices or more: render it in smaller batches.")
    array = DESCRIPTOR(tensor.data_ptr() + first * size, 0, 1, (count,), (step * size,))
    array.owner = tensor
    return array


def channel_groups(*tensors: Tensor | None) -> Iterator[tuple[int, list[Any]]]:
    """The channels of tensors [..., C] by groups as long as kernels take them -> length, each tensor's array of vectors."""
    total = next(tensor.shape[-1] for tensor in tensors if tensor is not None)
    for first in range(0, total, MAX_CHANNELS):
        length = min(MAX_CHANNELS, total - first)
        yield length, [vectors(tensor, length, first, total) for tensor in tensors]


def image_stride(table: Tensor) -> int:
    """Rows from one image to the next in [images or 1, N, C]: none where all images share one."""
    return table.shape[1] if table.shape[0] > 1 else 0


def launch(kernel: Any, dim: int, inputs: list[Any], like: Tensor) -> None:
    """Queue a kernel on the device of `like`, on the stream that torch uses there."""
    stream = wp.stream_from_torch(torch.cuda.current_stream(like.device)) if like.is_cuda else None
    wp.launch(kernel, dim=dim, inputs=inputs, device=wp.device_from_torch(like.device), stream=stream)


def launch_pixels(kernel: Any, shape: tuple[int, ...] | torch.Size, inputs: list[Any], like: Tensor) -> None:
    """Queue a kernel over images' pixels (B, H, W): a thread a pixel on a GPU, a thread a row on the CPU."""
    count, height, width = shape
    threads = count * height * (width if like.is_cuda else 1)
    launch(kernel, threads, [*inputs, height, width, 1 if like.is_cuda else width], like)


def launch_list(kernel: Any, shape: tuple[int, ...] | torch.Size, inputs: list[Any], like: Tensor) -> None:
    """Queue a kernel over a list of some pixels: a thread for all that may be on it on a GPU, one for all on the CPU."""
    count, height, width = shape
    num_pixels = count * height * width
    threads, span = (num_pixels, 1) if like.is_cuda else (1, num_pixels)
    launch(kernel, threads, [*inputs, height, width, span], like)


def launch_triangles(kernel: Any, num_images: int, count: int, inputs: list[Any], like: Tensor) -> None:
    """Queue a kernel over images' triangles: a thread a triangle on a GPU, a thread an image on the CPU."""
    threads, span = (count, 1) if like.is_cuda else (1, count)
    if count:
        launch(kernel, num_images * threads, [*inputs, count, span], like)


class Rasterize(torch.autograd.Function):
    """positions [S, V, 4], tri [T, 3], ranges [B, 2] -> raster, raster_db [B, H, W, 4]."""

    @staticmethod
    def forward(
        ctx: Any, positions: Tensor, tri: Tensor, ranges: Tensor, count: int, size: tuple[int, int], grad_db: bool
    ) -> Any:
        shape = (len(ranges), *size)
        mesh = [vectors(positions, 4), image_stride(positions), vectors(tri, 3)]
        keys = torch.full(shape, visibility.NO_TRIANGLE_KEY, dtype=torch.int64, device=positions.device)
        nearest = vectors(keys, 1)
        launch_triangles(visibility.cover_samples, shape[0], count, [*mesh, vectors(ranges, 2), nearest, *size], positions)
        raster, raster_db = positions.new_zeros(*shape, 4), positions.new_zeros(*shape, 4)
        outputs = [vectors(raster, 4), vectors(raster_db, 4)]
        launch_pixels(visibility.resolve_samples, shape, [*mesh, nearest, *outputs], positions)
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
        mesh = [vectors(positions, 4), image_stride(positions), vectors(tri, 3)]
        rasters = [vectors(t, 4) for t in (raster, *gradients, gradient)]
        launch_pixels(visibility.resolve_samples_adjoint, raster.shape[:3], [*mesh, *rasters], positions)
        return gradient, None, None, None, None, None


class Interpolate(torch.autograd.Function):
    """table [B or 1, V, C], raster [B, H, W, 4] -> values [B, H, W, C]."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, raster: Tensor, tri: Tensor) -> Tensor:
        out = table.new_zeros(*raster.shape[:3], table.shape[2])
        surface = [image_stride(table), vectors(tri, 3), vectors(raster, 4)]
        for length, (attributes, values) in channel_groups(table, out):
            launch_pixels(interpolation.INTERPOLATE[length], raster.shape[:3], [attributes, *surface, values], table)
        ctx.save_for_backward(table, raster, tri)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_out: Tensor) -> Any:
        table, raster, tri = ctx.saved_tensors
        by_table = torch.zeros_like(table) if ctx.needs_input_grad[0] else None
        by_raster = torch.zeros_like(raster) if ctx.needs_input_grad[1] else None
        surface = [image_stride(table), vectors(tri, 3), vectors(raster, 4)]
        for length, (attributes, *gradients) in channel_groups(table, by_out.contiguous(), by_table):
            inputs = [attributes, *surface, *gradients, vectors(by_raster, 4)]
            launch_pixels(interpolation.INTERPOLATE_ADJOINT[length], raster.shape[:3], inputs, table)
        return by_table, by_raster, None


class InterpolateDerivatives(torch.autograd.Function):
    """As Interpolate, with raster_db and channels [K] int32 -> derivatives [B, H, W, 2 K]."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, raster: Tensor, raster_db: Tensor, tri: Tensor, channels: Tensor) -> Tensor:
        out = table.new_zeros(*raster.shape[:3], 2 * len(channels))
        given = (table, raster, raster_db, tri, channels)
        arguments = [*InterpolateDerivatives.surface(*given), vectors(out, 2)]
        launch_pixels(interpolation.interpolate_derivatives, raster.shape[:3], arguments, table)
        ctx.save_for_backward(*given)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_out: Tensor) -> Any:
        table, raster, raster_db, _, _ = ctx.saved_tensors
        by_table = torch.zeros_like(table) if ctx.needs_input_grad[0] else None
        by_raster_db = torch.zeros_like(raster_db) if ctx.needs_input_grad[2] else None
        outputs = [vectors(by_table, 1), vectors(by_raster_db, 4)]
        inputs = [*InterpolateDerivatives.surface(*ctx.saved_tensors), vectors(by_out.contiguous(), 2), *outputs]
        launch_pixels(interpolation.interpolate_derivatives_adjoint, raster.shape[:3], inputs, table)
        return by_table, None, by_raster_db, None, None

    @staticmethod
    def surface(table: Tensor, raster: Tensor, raster_db: Tensor, tri: Tensor, channels: Tensor) -> list[Any]:
        """The arguments that both kernels begin with."""
        attributes = [vectors(table, 1), table.shape[2], image_stride(table)]
        return [*attributes, vectors(tri, 3), vectors(raster, 4), vectors(raster_db, 4), vectors(channels, 1)]


class SampleTexture(torch.autograd.Function):
    """texels [B or 1, N, C], levels [L, 3] int32, uv [B, H, W, 2], detail [B, H, W] or None -> samples [B, H, W, C]."""

    @staticmethod
    def forward(
        ctx: Any, texels: Tensor, uv: Tensor, detail: Tensor | None, levels: Tensor, is_linear: bool, boundary: int
    ) -> Tensor:
        out = texels.new_zeros(*uv.shape[:3], texels.shape[2])
        ctx.save_for_backward(texels, uv, detail, levels)
        ctx.modes = (int(is_linear), boundary)
        lookup = [image_stride(texels), vectors(levels, 3), vectors(uv, 2), vectors(detail, 1), *ctx.modes]
        for length, (table, samples) in channel_groups(texels, out):
            launch_pixels(sampling.SAMPLE[length], uv.shape[:3], [table, *lookup, samples], texels)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_out: Tensor) -> Any:
        texels, uv, detail, levels = ctx.saved_tensors
        inputs = (texels, uv, detail)
        by_texels, by_uv, by_detail = (
            torch.zeros_like(t) if needed else None for t, needed in zip(inputs, ctx.needs_input_grad[:3], strict=True)
        )
        lookup = [image_stride(texels), vectors(levels, 3), vectors(uv, 2), vectors(detail, 1), *ctx.modes]
        for length, (table, *gradients) in channel_groups(texels, by_out.contiguous(), by_texels):
            arguments = [table, *lookup, *gradients, vectors(by_uv, 2), vectors(by_detail, 1)]
            launch_pixels(sampling.SAMPLE_ADJOINT[length], uv.shape[:3], arguments, texels)
        return by_texels, by_uv, by_detail, None, None, None


class Antialias(torch.autograd.Function):
    """colour [B, H, W, C], raster [B, H, W, 4], positions [S, V, 4], neighbours [T, 3] -> colour with blended outlines."""

    @staticmethod
    def forward(
        ctx: Any, colour: Tensor, raster: Tensor, positions: Tensor, tri: Tensor, neighbours: Tensor, boost: float
    ) -> Tensor:
        shape, num_pixels = tuple(raster.shape[:3]), raster.numel() // 4
        marks, num_near = (torch.zeros(n, dtype=torch.int32, device=colour.device) for n in (num_pixels, 1))
        near, edges = (torch.empty(num_pixels * n, dtype=torch.int32, device=colour.device) for n in (1, 4))
        vertices = [vectors(positions, 4), image_stride(positions)]
        mesh, found = [*vertices, vectors(tri, 3), vectors(neighbours, 1)], [vectors(near, 1), vectors(num_near, 1)]
        launch_triangles(outlines.mark_outlines, shape[0], len(tri), [*mesh, vectors(marks, 1), *found, *shape[1:]], colour)
        launch_list(outlines.find_outlines, shape, [*mesh, *found, vectors(raster, 4), vectors(edges, 2)], colour)
        out = colour.clone()
        for length, colours in channel_groups(colour, out):
            launch_list(outlines.BLEND[length], shape, [*vertices, *found, vectors(edges, 2), *colours], colour)
        ctx.save_for_backward(colour, near, num_near, edges, positions)
        ctx.boost = boost
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_out: Tensor) -> Any:
        colour, near, num_near, edges, positions = ctx.saved_tensors
        by_out = by_out.contiguous()
        by_colour = by_out.clone() if ctx.needs_input_grad[0] else None
        by_positions = torch.zeros_like(positions) if ctx.needs_input_grad[2] else None
        found = [vectors(positions, 4), image_stride(positions), vectors(near, 1), vectors(num_near, 1), vectors(edges, 2)]
        for length, (colours, *gradients) in channel_groups(colour, by_out, by_colour):
            inputs = [*found, colours, ctx.boost, *gradients, vectors(by_positions, 4)]
            launch_list(outlines.BLEND_ADJOINT[length], colour.shape[:3], inputs, colour)
        return by_colour, None, by_positions, None, None, None


def rasterize(
    positions: Tensor, tri: Tensor, ranges: Tensor, count: int, size: tuple[int, int], grad_db: bool
) -> tuple[Tensor, Tensor]:
    """Raster and its derivatives [B, H, W, 4] of each image's triangles (first, number) in ranges [B, 2], at most `count`."""
    return Rasterize.apply(positions.contiguous(), tri.contiguous(), ranges, count, size, grad_db)


def interpolate(table: Tensor, raster: Tensor, tri: Tensor) -> Tensor:
    """table [B or 1, V, C] at the pixels [B, H, W, C]."""
    return Interpolate.apply(table.contiguous(), raster.contiguous(), tri.contiguous())


def interpolate_derivatives(table: Tensor, raster: Tensor, raster_db: Tensor, tri: Tensor, channels: list[int]) -> Tensor:
    """(dA/dX, dA/dY) of the channels at the pixels [B, H, W, 2 K]."""
    numbers = torch.tensor(channels, dtype=torch.int32, device=raster.device)
    tensors = (table.contiguous(), raster.contiguous(), raster_db.contiguous(), tri.contiguous(), numbers)
    return InterpolateDerivatives.apply(*tensors)


def texture(levels: list[Tensor], uv: Tensor, detail: Tensor | None, is_linear: bool, boundary: str) -> Tensor:
    """Mip levels [B or 1, h, w, C] at uv [B, H, W, 2] and detail [B, H, W] (None: the first) -> [B, H, W, C]."""
    texels, shapes = flatten_levels(levels)
    table = torch.tensor(shapes, dtype=torch.int32, device=uv.device)
    level = None if detail is None else detail.contiguous()
    return SampleTexture.apply(texels.contiguous(), uv.contiguous(), level, table, is_linear, BOUNDARIES.index(boundary))


def antialias(color: Tensor, raster: Tensor, positions: Tensor, tri: Tensor, neighbours: Tensor, boost: float) -> Tensor:
    """color [B, H, W, C] blended across outlines; the gradient by positions is scaled by boost."""
    tensors = (color, raster, positions, tri, neighbours)
    return Antialias.apply(*(tensor.contiguous() for tensor in tensors), boost)
