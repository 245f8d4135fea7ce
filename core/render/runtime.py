"""Warp, started at first use: importing likeness costs nothing, and nothing is printed.

Rule of this file: the only place that imports Warp and its kernels; kernels are compiled once into the user's cache folder.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ..config import cache_dir

DEVICE = "cpu"
COMPILING = "Compiling the renderer, once on this machine"
"""What a story says before it waits for kernels that are not compiled yet."""
CPU_BLOCK_DIM = 1
"""Warp's threads a block on a CPU; it is part of a compiled module's name."""


@cache
def load_warp() -> ModuleType:
    """The warp module, initialised quietly with its kernel cache in the user's folder."""
    import warp

    warp.config.log_level = warp.LOG_ERROR
    folder = cache_dir() / "warp" / warp.__version__
    folder.mkdir(parents=True, exist_ok=True)
    warp.config.kernel_cache_dir = str(folder)
    with silenced_stderr():
        warp.init()
    return warp


@contextmanager
def silenced_stderr() -> Iterator[None]:
    """Warp's native code writes "no CUDA driver" to the error stream of every machine without one, at any log level."""
    try:
        kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    except OSError:
        yield
        return
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)


@cache
def load_kernels() -> ModuleType:
    """The kernels of this room; the first launch on a machine compiles them (seconds)."""
    load_warp()
    from . import kernels

    return kernels


@cache
def load_texel_kernels() -> ModuleType:
    """The kernels that paint textures; compiled as the others."""
    load_warp()
    from . import texel_kernels

    return texel_kernels


@cache
def load_skin_kernels() -> ModuleType:
    """The kernels that paint a person's skin; compiled as the others, when the first person is generated."""
    load_warp()
    from ..appearance import skin_kernels

    return skin_kernels


@cache
def load_relief_kernels() -> ModuleType:
    """The kernels that raise a person's pores and wrinkles; compiled as the others, when the first person is generated."""
    load_warp()
    from ..appearance import relief_kernels

    return relief_kernels


FIT_KERNELS = (load_kernels, load_texel_kernels)


def are_kernels_compiled(loaders: tuple[Callable[[], ModuleType], ...] = FIT_KERNELS) -> bool:
    """Do this machine's files hold the kernels as they are now? Else the next launch, or warm_up, takes 5 to 20 seconds."""
    wp = load_warp()
    modules = [wp.get_module(load().__name__) for load in loaders]
    folders = [Path(wp.config.kernel_cache_dir, m.get_module_identifier(block_dim=CPU_BLOCK_DIM)) for m in modules]
    return all(any(folder.glob("*.o")) for folder in folders)


def warm_up(loaders: tuple[Callable[[], ModuleType], ...] = FIT_KERNELS) -> None:
    """Load the kernels now, compiled if they are not yet, so that a job can show it as a stage of its own."""
    for load in loaders:
        load_warp().load_module(load(), device=DEVICE)


def as_warp(array: np.ndarray, dtype: Any) -> Any:
    """A C-contiguous NumPy array as a Warp array on the CPU that shares its memory."""
    return load_warp().array(array, dtype=dtype, device=DEVICE, copy=False)


def launch(kernel: Any, dim: int | tuple[int, ...], inputs: list[Any]) -> None:
    load_warp().launch(kernel, dim=dim, inputs=inputs, device=DEVICE)
