"""Warp, started at first use: importing likeness costs nothing, and nothing is printed.

Rule of this file: the only place that imports Warp and its kernels; kernels are compiled once into the user's cache folder.
Arrays are NumPy's, on the CPU; what a GPU is given goes there and comes back within one launch.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ..config import cache_dir
from .device import CPU, Device, describe_failure, find_device

COMPILING = "Compiling the renderer, once on this machine"
"""What a story says before it waits for kernels that are not compiled yet."""
BINARIES = {CPU: (1, "*.o"), "cuda": (256, "*.cubin")}
"""Kind of device -> Warp's threads a block there, which are part of a compiled module's name, and its files."""
LEAST_THREADS = 1 << 16
"""Smaller launches stay on the CPU: the way to a GPU and back would take longer."""


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


_device: Device | None = None


def get_device() -> Device:
    """Where large launches run; chosen at first use (device.py)."""
    global _device
    if _device is None:
        _device = find_device(load_warp())
    return _device


def are_kernels_compiled(loaders: tuple[Callable[[], ModuleType], ...] = FIT_KERNELS) -> bool:
    """Do this machine's files hold the kernels as they are now? Else the next launch, or warm_up, takes 5 to 20 seconds."""
    wp = load_warp()
    modules = [wp.get_module(load().__name__) for load in loaders]
    for block_dim, files in (BINARIES[name.partition(":")[0]] for name in _devices()):
        folders = [Path(wp.config.kernel_cache_dir, module.get_module_identifier(block_dim=block_dim)) for module in modules]
        if not all(any(folder.glob(files)) for folder in folders):
            return False
    return True


def _devices() -> set[str]:
    return {CPU, get_device().name}


def warm_up(loaders: tuple[Callable[[], ModuleType], ...] = FIT_KERNELS) -> None:
    """Load the kernels now, compiled if they are not yet, so that a job can show it as a stage of its own."""
    wp = load_warp()
    for load in loaders:
        wp.load_module(load(), device=CPU)
    if (name := get_device().name) != CPU:
        with _on_gpu(name):
            for load in loaders:
                wp.load_module(load(), device=name)


def as_warp(array: np.ndarray, dtype: Any) -> Any:
    """A C-contiguous NumPy array as a Warp array on the CPU that shares its memory."""
    return load_warp().array(array, dtype=dtype, device=CPU, copy=False)


def launch(kernel: Any, dim: int | tuple[int, ...], inputs: Sequence[Any], outputs: Sequence[Any] = ()) -> None:
    """Run a kernel on the CPU's arrays, to its end; on the chosen GPU where it is large.

    outputs: the arrays that it writes, its last arguments; the only ones that come back from a GPU.
    """
    if (name := get_device().name) != CPU and math.prod(np.atleast_1d(dim)) >= LEAST_THREADS:
        with _on_gpu(name):
            _launch_elsewhere(name, kernel, dim, inputs, outputs)
            return
    launch_on_cpu(kernel, dim, inputs, outputs)


def launch_on_cpu(kernel: Any, dim: int | tuple[int, ...], inputs: Sequence[Any], outputs: Sequence[Any] = ()) -> None:
    """As launch, for kernels that use what lies in the CPU's memory (wp.Mesh)."""
    load_warp().launch(kernel, dim=dim, inputs=[*inputs, *outputs], device=CPU)


def _launch_elsewhere(name: str, kernel: Any, dim: int | tuple[int, ...], inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
    wp = load_warp()
    moved = [wp.clone(value, device=name) if isinstance(value, wp.array) else value for value in (*inputs, *outputs)]
    wp.launch(kernel, dim=dim, inputs=moved, device=name)
    wp.synchronize_device(name)
    for ours, theirs in zip(outputs, moved[len(inputs) :], strict=True):
        wp.copy(ours, theirs)
    wp.synchronize_device(name)


@contextmanager
def _on_gpu(name: str) -> Iterator[None]:
    """Work that the CPU does as well: from a GPU's first failure on, everything runs on the CPU."""
    global _device
    try:
        yield
    except Exception as error:
        _device = Device(problem=describe_failure(error))
