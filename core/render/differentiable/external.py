"""The user's own nvdiffrast behind our call shape. Nothing of it is part of this project.

Rule of this file: arguments pass through unchanged; the context that its rasterizer wants is made once a device.
Its outline rule looks only at triangles that a pixel shows, and so loses most of the gradient on meshes whose triangles
are smaller than pixels.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import nvdiffrast.torch as external
import torch

from ...errors import BackendError

interpolate = external.interpolate
texture = external.texture
antialias = external.antialias
antialias_construct_topology_hash = external.antialias_construct_topology_hash


@cache
def context_on(device: torch.device) -> Any:
    """Its rasterizer's state on a GPU."""
    return external.RasterizeCudaContext(device)


def rasterize(
    pos: torch.Tensor,
    tri: torch.Tensor,
    resolution: tuple[int, int],
    ranges: torch.Tensor | None = None,
    grad_db: bool = True,
) -> Any:
    """See likeness.core.render.differentiable.rasterize. Raises BackendError off CUDA."""
    if not pos.is_cuda:
        raise BackendError("The backend 'nvdiffrast' runs on CUDA only: move the tensors there, or choose the backend 'warp'.")
    return external.rasterize(context_on(pos.device), pos, tri, resolution=resolution, ranges=ranges, grad_db=grad_db)
