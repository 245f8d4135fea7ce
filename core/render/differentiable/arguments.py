"""What the primitives accept, checked once for every backend; a message says which argument and what it must be.

Rule of this file: checks look at shapes, types and devices, never at values on a GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import torch

MAX_TRIANGLES = 2**24 - 1
"""Triangle numbers travel as float32."""
FILTERS = ("nearest", "linear", "linear-mipmap-nearest", "linear-mipmap-linear")
BOUNDARIES = ("wrap", "clamp", "zero")


def refuse(name: str, wanted: str, got: object) -> NoReturn:
    """Raise ValueError in one form."""
    shown = f"{tuple(got.shape)} {got.dtype} on {got.device}" if isinstance(got, torch.Tensor) else repr(got)
    raise ValueError(f"{name} must be {wanted}; it is {shown}.")


def check_tensor(name: str, value: torch.Tensor, wanted: str, ndim: int, last: int | None, like: torch.Tensor) -> None:
    """A floating tensor of ndim axes whose last has `last` entries, on the device and of the type of `like`."""
    if not isinstance(value, torch.Tensor) or value.ndim != ndim or (last is not None and value.shape[-1] != last):
        refuse(name, wanted, value)
    if value.dtype != like.dtype or value.device != like.device:
        refuse(name, f"{like.dtype} on {like.device}, as the other arguments", value)


def check_triangles(tri: torch.Tensor, like: torch.Tensor) -> None:
    """tri is [T, 3] int32 beside `like`."""
    if tri.ndim != 2 or tri.shape[1] != 3 or tri.dtype != torch.int32 or not 0 < len(tri) <= MAX_TRIANGLES:
        refuse("tri", f"[T, 3] int32 with 1 to {MAX_TRIANGLES} triangles", tri)
    if tri.device != like.device:
        refuse("tri", f"on {like.device}, as the other arguments", tri)


def check_positions(pos: torch.Tensor, num_images: int | None = None) -> None:
    """pos is [B, V, 4], or [V, 4] where ranges say what belongs to an image."""
    if pos.ndim not in (2, 3) or pos.shape[-1] != 4 or not pos.is_floating_point():
        refuse("pos", "[B, V, 4], or [V, 4] with ranges, of clip-space (x, y, z, w)", pos)
    if num_images is not None and pos.ndim == 3 and pos.shape[0] not in (1, num_images):
        refuse("pos", f"of {num_images} images", pos)


def check_raster(name: str, rast: torch.Tensor, like: torch.Tensor) -> None:
    """rast and rast_db are [B, H, W, 4]."""
    check_tensor(name, rast, "[B, H, W, 4], from rasterize", 4, 4, like)


def find_ranges(pos: torch.Tensor, tri: torch.Tensor, ranges: torch.Tensor | None) -> tuple[torch.Tensor, int]:
    """(first triangle, count) of each image [B, 2] int32 beside pos, and the largest count."""
    if pos.ndim == 3:
        if ranges is not None:
            refuse("ranges", "None where pos is [B, V, 4]", ranges)
        whole = torch.zeros(len(pos), 2, dtype=torch.int32, device=pos.device)
        whole[:, 1] = len(tri)
        return whole, len(tri)
    if ranges is None or ranges.ndim != 2 or ranges.shape[1] != 2 or ranges.dtype != torch.int32 or ranges.device.type != "cpu":
        refuse("ranges", "[B, 2] int32 on the CPU (first triangle, count) where pos is [V, 4]", ranges)
    if bool((ranges < 0).any()) or bool((ranges.sum(1) > len(tri)).any()):
        refuse("ranges", f"within the {len(tri)} triangles of tri", ranges.tolist())
    return ranges.to(pos.device), int(ranges[:, 1].max()) if len(ranges) else 0


def check_attributes(attr: torch.Tensor, rast: torch.Tensor) -> torch.Tensor:
    """attr [B, V, C], [1, V, C] or [V, C] -> [B or 1, V, C]."""
    table = attr[None] if attr.ndim == 2 else attr
    check_tensor("attr", table, "[B, V, C], [1, V, C] or [V, C]", 3, None, rast)
    if table.shape[0] not in (1, rast.shape[0]):
        refuse("attr", f"of 1 or {rast.shape[0]} images", attr)
    return table


def check_texture(tex: torch.Tensor, uv: torch.Tensor) -> None:
    """tex is [B or 1, h, w, C] at uv [B, H, W, 2]."""
    check_tensor("uv", uv, "[B, H, W, 2]", 4, 2, uv)
    check_tensor("tex", tex, "[B, h, w, C] or [1, h, w, C]", 4, None, uv)
    if tex.shape[0] not in (1, uv.shape[0]):
        refuse("tex", f"of 1 or {uv.shape[0]} images", tex)


def check_color(color: torch.Tensor, rast: torch.Tensor) -> None:
    """color is [B, H, W, C] of rast's size."""
    check_tensor("color", color, "[B, H, W, C] of rast's size", 4, None, rast)
    if color.shape[:3] != rast.shape[:3]:
        refuse("color", f"of rast's size {tuple(rast.shape[:3])}", color)


def check_topology(neighbours: torch.Tensor, tri: torch.Tensor) -> torch.Tensor:
    """A topology of as many triangles, beside them."""
    if neighbours.shape != tri.shape or neighbours.dtype != torch.int32 or neighbours.device != tri.device:
        refuse("topology_hash", "what antialias_construct_topology_hash gave for tri", neighbours)
    return neighbours


def choose_filter(filter_mode: str, boundary_mode: str, has_detail: bool) -> str:
    """Resolve 'auto' and refuse what there is not."""
    mode = ("linear-mipmap-linear" if has_detail else "linear") if filter_mode == "auto" else filter_mode
    if mode not in FILTERS:
        refuse("filter_mode", f"'auto' or one of {FILTERS}", filter_mode)
    if boundary_mode not in BOUNDARIES:
        refuse("boundary_mode", f"one of {BOUNDARIES} (there are no cube maps)", boundary_mode)
    if "mipmap" in mode and not has_detail:
        refuse("uv_da", f"given (from interpolate with rast_db and diff_attrs) for filter_mode {mode!r}, or mip_level_bias", None)
    return mode


def choose_channels(diff_attrs: str | Sequence[int], num_channels: int) -> list[int]:
    """diff_attrs ('all' or channel numbers) -> channel numbers."""
    channels = list(range(num_channels)) if diff_attrs == "all" else [int(c) for c in diff_attrs]
    if any(not 0 <= c < num_channels for c in channels):
        refuse("diff_attrs", f"'all' or channel numbers below {num_channels}", diff_attrs)
    return channels
