"""Which program does the rendering: Warp, plain PyTorch, or nvdiffrast where a user has it.

Rule of this file: a backend is five functions of one call shape; what it needs is imported when it is first asked for, and
what is missing is said by name.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from ...errors import BackendError

BACKENDS = {"warp": "autograd", "torch": "reference", "nvdiffrast": "external"}
"""Name -> the module of this package that has it."""
REMEDIES = {
    "torch": "The differentiable renderer needs PyTorch: install it (pip install torch, or make environment) for this Python.",
    "warp": "The backend 'warp' needs warp-lang: install it (pip install warp-lang), or choose the backend 'torch'.",
    "nvdiffrast": "The backend 'nvdiffrast' needs nvdiffrast, which its makers license for research only: install it from "
    "their repository if that suits you, or choose the backend 'warp', which runs on CUDA as well.",
}


@dataclass(frozen=True)
class Backend:
    """The primitives; see this package's functions of the same names."""

    name: str
    rasterize: Callable[..., Any]
    interpolate: Callable[..., Any]
    texture: Callable[..., Any]
    antialias: Callable[..., Any]
    antialias_construct_topology_hash: Callable[..., Any]


@cache
def load_backend(name: str) -> Backend:
    """The backend of that name, imported now. Raises BackendError with the remedy when something is not installed."""
    if name not in BACKENDS:
        raise BackendError(f"There is no rendering backend {name!r}: choose one of {', '.join(BACKENDS)}.")
    try:
        importlib.import_module("torch")
        module = importlib.import_module(f".{BACKENDS[name]}", __package__)
        own = importlib.import_module(".primitives", __package__)
    except ImportError as error:
        missing = (error.name or "").split(".")[0]
        if missing not in REMEDIES:
            raise
        raise BackendError(REMEDIES[missing]) from error
    source = module if name == "nvdiffrast" else own.Primitives(module)
    return Backend(name, *(getattr(source, field.name) for field in fields(Backend)[1:]))
