"""Which triangles meet at an edge: the table that outlines are walked on, made once a mesh and remembered.

Rule of this file: a table belongs to a tensor of triangles in one state; it is forgotten when the tensor goes or is changed.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Topology:
    """neighbours [T, 3] int32: for edge k (corners k, k + 1) of each triangle 3 * other triangle + its edge, -1 for none.

    num_vertices: the largest vertex index + 1. An edge of three or more triangles counts as the end of each.
    """

    neighbours: torch.Tensor
    num_vertices: int


_REMEMBERED: dict[int, tuple[weakref.ref[torch.Tensor], int, Topology]] = {}


def find_topology(triangles: torch.Tensor) -> Topology:
    """The topology of triangles [T, 3], made at the first call (milliseconds) and remembered as long as the tensor lives.

    A tensor is recognised by identity and by torch's own count of changes: do not change its memory by other means.
    """
    key = id(triangles)
    known = _REMEMBERED.get(key)
    if known and known[0]() is triangles and known[1] == triangles._version:
        return known[2]
    topology = build_topology(triangles)
    reference = weakref.ref(triangles, lambda _: _REMEMBERED.pop(key, None))
    _REMEMBERED[key] = (reference, triangles._version, topology)
    return topology


def build_topology(triangles: torch.Tensor) -> Topology:
    """Pair the triangles' edges by their two vertices: triangles [T, 3] int32 on any device."""
    with torch.no_grad():
        corners = triangles.long()
        num_vertices = int(corners.max()) + 1 if len(corners) else 0
        ends = torch.stack([corners, corners.roll(-1, 1)], -1).reshape(-1, 2)
        edges = ends.amin(1) * num_vertices + ends.amax(1)
        ordered, order = edges.sort(stable=True)
        same = ordered[1:] == ordered[:-1]
        no = same.new_zeros(1)
        with_next, with_last = torch.cat([same, no]), torch.cat([no, same])
        follows_pair, precedes_pair = torch.cat([no, with_last[:-1]]), torch.cat([with_next[1:], no])
        opens = with_next & ~with_last & ~precedes_pair
        closes = with_last & ~with_next & ~follows_pair
        neighbours = torch.full_like(edges, -1)
        neighbours[order[opens]] = order[closes]
        neighbours[order[closes]] = order[opens]
        return Topology(neighbours.to(torch.int32).reshape(-1, 3).contiguous(), num_vertices)
