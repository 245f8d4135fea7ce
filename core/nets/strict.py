"""Networks take exactly the tensors that they are made of.

Rule of this file: nothing is skipped. Every tensor that is missing, unexpected or of another shape is named, in one error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from ..checkpoints.limits import shown
from ..errors import ModelError

Network = TypeVar("Network", bound=nn.Module)
MAX_UNEXPECTED = 1000
"""What is named of names that a file makes up."""
COUNTER = "num_batches_tracked"
"""Batch normalisation's count of training steps; no output depends on it."""


def fill(title: str, construct: Callable[[], Network], tensors: Mapping[str, np.ndarray]) -> Network:
    """The network that `construct` makes, with copies of these tensors, for evaluation and without gradients to its weights.

    title: the network's name in the error. Raises ModelError when a tensor is missing, unexpected or of another shape.
    """
    with torch.device("meta"):
        network = construct()
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    require_tensors(title, expected, {name: tuple(np.shape(tensor)) for name, tensor in tensors.items()})
    network.load_state_dict({name: _tensor(name, array) for name, array in tensors.items()}, strict=True, assign=True)
    return network.eval().requires_grad_(False)


def require_tensors(title: str, expected: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]]) -> None:
    """Raise ModelError unless both have the same names with the same shapes."""
    missing = [name for name in expected if name not in found]
    unexpected = [name for name in found if name not in expected]
    both = [name for name in expected if name in found and found[name] != expected[name]]
    misshaped = [f"{name} is {_shape(found[name])}, not {_shape(expected[name])}" for name in both]
    surplus = len(unexpected) - MAX_UNEXPECTED
    unexpected = [shown(name) for name in unexpected[:MAX_UNEXPECTED]] + [f"and {surplus} more"] * (surplus > 0)
    groups = (("missing", missing), ("not of it", unexpected), ("of another shape", misshaped))
    faults = [f"{len(names)} {_are(names)} {fault} ({', '.join(names)})" for fault, names in groups if names]
    if faults:
        raise ModelError(
            f"These tensors are not a whole {title}: {'; '.join(faults)}. Take the file as it was published, or convert it again."
        )


def require_shape(title: str, name: str, found: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """Raise ModelError unless a single tensor beside the network has its shape."""
    require_tensors(title, {name: expected}, {name: found})


def with_counters(construct: Callable[[], nn.Module], tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors, with counters of batch normalisation where a file came without all of them."""
    if any(name.endswith(COUNTER) for name in tensors):
        return dict(tensors)
    with torch.device("meta"):
        names = construct().state_dict()
    return {**tensors, **{name: np.zeros((), np.int64) for name in names if name.endswith(COUNTER)}}


def _tensor(name: str, array: np.ndarray) -> torch.Tensor:
    """A copy: integers stay 64-bit, everything else is float32."""
    kind = np.int64 if name.endswith(COUNTER) else np.float32
    return torch.from_numpy(np.array(array, kind, copy=True, order="C"))


def _are(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a single number"
