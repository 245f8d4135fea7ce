"""Where kernels run: what was asked for, what this machine has, and how that is told.

Rule of this file: a GPU is used when somebody chose it, never by itself: on the CPU the same seed gives the same bytes on every
machine. Whatever goes wrong on a GPU, the CPU does the work.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from types import ModuleType

from ..errors import BackendError

CHOICES = ("auto", "cpu", "cuda", "mps")
VARIABLE = "LIKENESS_DEVICE"
"""The environment variable that holds the choice; unset: auto."""
CPU = "cpu"
NO_CUDA = "CUDA finds no NVIDIA GPU with a driver here."
NO_METAL = "The built-in head does not run on Metal."


@dataclass(frozen=True)
class Device:
    """name: as Warp calls it; problem: why it is not the one that was chosen, a sentence."""

    name: str = CPU
    label: str = ""
    problem: str = ""


def find_device(wp: ModuleType) -> Device:
    """The device that was chosen in VARIABLE, or the CPU where it is not to be had. Raises BackendError for no known choice."""
    choice = os.environ.get(VARIABLE, "").lower() or "auto"
    if choice not in CHOICES:
        raise BackendError(f"{VARIABLE} is '{choice}': use {', '.join(CHOICES[:-1])} or {CHOICES[-1]}.")
    if choice == "mps":
        return Device(problem=NO_METAL)
    if choice != "cuda":
        return Device()
    if not wp.is_cuda_available():
        return Device(problem=NO_CUDA)
    cuda = wp.get_cuda_device()
    return Device(cuda.alias, cuda.name)


def describe_failure(error: Exception) -> str:
    """Why a GPU is not used any more."""
    return f"The GPU failed ({(str(error) or type(error).__name__).splitlines()[0]})."


def describe_device(device: Device) -> tuple[str, ...]:
    """What is used, after why it is not what was chosen; sentences for a person."""
    return (device.problem, describe_use(device)) if device.problem else (describe_use(device),)


def describe_use(device: Device) -> str:
    """What does the work."""
    from threadpoolctl import threadpool_info

    threads = max((pool["num_threads"] for pool in threadpool_info()), default=1)
    if device.name == CPU:
        return f"Everything runs on the CPU, {threads} threads."
    return f"Paints on {device.label} by CUDA, fits on the CPU, {threads} threads."
