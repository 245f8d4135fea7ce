"""The primitives' call shape for our own engines: what is given is checked and made uniform here, then an engine renders.

Rule of this file: an engine (autograd.py, reference.py) gets positions [S, V, 4] and tables [S, N, C] whose S is the number
of images or 1, triangles whose indices are vertices, and everything of one type on one device; it checks no argument again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

from torch import Tensor

from .arguments import (
    check_attributes,
    check_color,
    check_positions,
    check_raster,
    check_texture,
    check_topology,
    check_triangles,
    choose_channels,
    choose_filter,
    find_ranges,
    refuse,
)
from .mipmap import build_mipmaps, choose_detail
from .topology import find_topology


def check_indices(tri: Tensor, num_vertices: int, owner: str) -> None:
    """Indices beyond the vertices would read foreign memory."""
    largest = find_topology(tri).num_vertices
    if largest > num_vertices:
        refuse("tri", f"numbers below the {num_vertices} vertices of {owner}", largest - 1)


@dataclass(frozen=True)
class Primitives:
    """The functions of this package of the same names, on one engine."""

    engine: ModuleType

    def rasterize(
        self, pos: Tensor, tri: Tensor, resolution: tuple[int, int], ranges: Tensor | None = None, grad_db: bool = True
    ) -> tuple[Tensor, Tensor]:
        check_positions(pos)
        self.engine.check_float(pos)
        check_triangles(tri, pos)
        check_indices(tri, pos.shape[-2], "pos")
        image_ranges, count = find_ranges(pos, tri, ranges)
        height, width = (int(side) for side in resolution)
        return self.engine.rasterize(batched(pos), tri, image_ranges, count, (height, width), grad_db)

    def interpolate(
        self,
        attr: Tensor,
        rast: Tensor,
        tri: Tensor,
        rast_db: Tensor | None = None,
        diff_attrs: str | Sequence[int] | None = None,
    ) -> tuple[Tensor, Tensor]:
        self.engine.check_float(rast)
        check_raster("rast", rast, rast)
        check_triangles(tri, rast)
        table = check_attributes(attr, rast)
        check_indices(tri, table.shape[1], "attr")
        out = self.engine.interpolate(table, rast, tri)
        if rast_db is None or diff_attrs is None or not len(diff_attrs):
            return out, out.new_empty(*out.shape[:3], 0)
        check_raster("rast_db", rast_db, rast)
        channels = choose_channels(diff_attrs, table.shape[2])
        return out, self.engine.interpolate_derivatives(table, rast, rast_db, tri, channels)

    def texture(
        self,
        tex: Tensor,
        uv: Tensor,
        uv_da: Tensor | None = None,
        mip_level_bias: Tensor | None = None,
        mip: list[Tensor] | None = None,
        filter_mode: str = "auto",
        boundary_mode: str = "wrap",
        max_mip_level: int | None = None,
    ) -> Tensor:
        self.engine.check_float(uv)
        check_texture(tex, uv)
        mode = choose_filter(filter_mode, boundary_mode, uv_da is not None or mip_level_bias is not None)
        levels, detail = [tex], None
        if "mipmap" in mode:
            levels += build_mipmaps(tex, max_mip_level) if mip is None else mip
            size, is_nearest = (tex.shape[1], tex.shape[2]), mode.endswith("nearest")
            detail = choose_detail(uv_da, mip_level_bias, size, len(levels), is_nearest)
        return self.engine.texture(levels, uv, detail, mode != "nearest", boundary_mode)

    def antialias(
        self,
        color: Tensor,
        rast: Tensor,
        pos: Tensor,
        tri: Tensor,
        topology_hash: Tensor | None = None,
        pos_gradient_boost: float = 1.0,
    ) -> Tensor:
        self.engine.check_float(rast)
        check_raster("rast", rast, rast)
        check_color(color, rast)
        check_positions(pos, len(rast))
        check_triangles(tri, rast)
        check_indices(tri, pos.shape[-2], "pos")
        neighbours = find_topology(tri).neighbours if topology_hash is None else check_topology(topology_hash, tri)
        return self.engine.antialias(color, rast, batched(pos), tri, neighbours, float(pos_gradient_boost))

    def antialias_construct_topology_hash(self, tri: Tensor) -> Tensor:
        return find_topology(tri).neighbours


def batched(pos: Tensor) -> Tensor:
    """[B, V, 4] or [V, 4] -> [B or 1, V, 4]."""
    return pos if pos.ndim == 3 else pos[None]
