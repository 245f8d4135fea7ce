"""NVIDIA's names for StyleGAN2's tensors (stylegan2-ada-pytorch, stylegan3), in the rosinality layout's.

Rule of this file: tensors are renamed and reshaped, never changed. The kernels of the upsampling convolutions are taken as they
are; only files made from TensorFlow's pickles have them flipped, and those that are published already were.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import ModelError

Tensors = Mapping[str, np.ndarray]
MEAN_LATENT, NVIDIA_MEAN = "latent_avg", "mapping.w_avg"
FILTER = "resample_filter"
LARGEST = 1e30
UP_GAIN = 4.0
"""A filter that doubles a picture keeps its brightness: the layout's kernels hold what NVIDIA multiplies by at run time."""
LAYER = {
    "weight": "conv.weight",
    "affine.weight": "conv.modulation.weight",
    "affine.bias": "conv.modulation.bias",
    "noise_strength": "noise.weight",
    "bias": "activate.bias",
}
COLOURS = {
    "weight": "conv.weight",
    "affine.weight": "conv.modulation.weight",
    "affine.bias": "conv.modulation.bias",
    "bias": "bias",
}
NOT_STYLEGAN2 = "This generator is a StyleGAN3: choose a StyleGAN2 pickle (stylegan2-..., or trained with --cfg=stylegan2)."
CONDITIONAL = "This network wants a class label beside its latent code: choose one that was trained without labels."


def read_options(arguments: Any) -> dict[str, Any]:
    """'limit', what the layers' outputs are clipped to, of the arguments that a network was made with (conv_clamp there)."""
    given = dict(arguments) if isinstance(arguments, Mapping) else {}
    nested = [given, *(value for value in given.values() if isinstance(value, Mapping))]
    limits = [one["conv_clamp"] for one in nested if isinstance(one.get("conv_clamp"), (int, float))]
    return {"limit": float(limits[0])} if limits and 0 < limits[0] <= LARGEST else {}


def list_unused(tensors: Tensors) -> tuple[str, ...]:
    """Filters of layers that change no resolution: NVIDIA saves one with every layer."""
    parts = r"synthesis\.b4\.resample_filter|synthesis\.b\d+\.conv1\.resample_filter"
    parts += r"|b\d+\.resample_filter|b\d+\.(fromrgb|conv0|conv)\.resample_filter"
    return tuple(name for name in tensors if re.fullmatch(parts, name))


def rename_generator(tensors: Tensors) -> dict[str, np.ndarray]:
    """In the rosinality layout, and latent_avg [1, D]. What has no name there keeps its own, so that the strict loader names it.

    Raises ModelError for a StyleGAN3 and for a generator that wants class labels.
    """
    if any(name.startswith(("synthesis.L", "synthesis.input.")) for name in tensors):
        raise ModelError(NOT_STYLEGAN2)
    if any(name.startswith("mapping.embed.") for name in tensors):
        raise ModelError(CONDITIONAL)
    renamed: dict[str, np.ndarray] = {}
    for name, tensor in tensors.items():
        for new, value in _rename_synthesis(name, np.asarray(tensor)):
            renamed[name if new in renamed else new] = value
    return renamed


def _rename_synthesis(name: str, tensor: np.ndarray) -> list[tuple[str, np.ndarray]]:
    if name == NVIDIA_MEAN:
        return [(MEAN_LATENT, tensor.reshape(1, -1))]
    if name == "synthesis.b4.const":
        return [("input.input", tensor[None])]
    if mapping := re.fullmatch(r"mapping\.fc(\d{1,3})\.(weight|bias)", name):
        return [(f"style.{int(mapping[1]) + 1}.{mapping[2]}", tensor)]
    if own := re.fullmatch(r"synthesis\.b(\d{1,5})\.resample_filter", name):
        level = _level(own[1])
        return [(f"to_rgbs.{level - 1}.upsample.kernel", tensor * UP_GAIN)] if level else []
    layer = re.fullmatch(r"synthesis\.b(\d{1,5})\.(conv0|conv1|torgb)\.(.+)", name)
    if layer is None:
        return [(name, tensor)]
    level, which, part = _level(layer[1]), layer[2], layer[3]
    if which == "torgb":
        place = f"to_rgbs.{level - 1}" if level else "to_rgb1"
        return _rename_part(name, tensor, place, part, COLOURS)
    place = "conv1" if not level else f"convs.{2 * level - 2 + (which == 'conv1')}"
    if part == FILTER:
        return [(f"{place}.conv.blur.kernel", tensor * UP_GAIN)] if which == "conv0" else []
    if part == "noise_const":
        return [(f"noises.noise_{2 * level - (which == 'conv0')}", tensor[None, None])]
    return _rename_part(name, tensor, place, part, LAYER)


def _rename_part(name: str, tensor: np.ndarray, place: str, part: str, names: dict[str, str]) -> list[tuple[str, np.ndarray]]:
    if part not in names:
        return [(name, tensor)]
    if part == "weight":
        tensor = tensor[None]
    elif part == "noise_strength":
        tensor = tensor.reshape(-1)
    elif part == "bias" and names is COLOURS:
        tensor = tensor.reshape(1, -1, 1, 1)
    return [(f"{place}.{names[part]}", tensor)]


def _level(resolution: str) -> int:
    """0 for 4 x 4, 1 for 8 x 8, ..."""
    return int(resolution).bit_length() - 3


def rename_discriminator(tensors: Tensors) -> dict[str, np.ndarray]:
    """In the rosinality layout; see rename_generator."""
    resolutions = [int(match[1]) for name in tensors if (match := re.match(r"b(\d{1,5})\.conv0\.", name))]
    largest = max(resolutions, default=4)
    renamed: dict[str, np.ndarray] = {}
    for name, tensor in tensors.items():
        for new in _places_in_discriminator(name, largest):
            renamed[name if new in renamed else new] = np.asarray(tensor)
    return renamed


def _places_in_discriminator(name: str, largest: int) -> list[str]:
    parts = re.fullmatch(r"b(\d{1,5})\.(?:(fromrgb|conv0|conv1|skip|conv|fc|out)\.)?(\w+)", name)
    if parts is None:
        return [name]
    block = largest.bit_length() - int(parts[1]).bit_length() + 1
    layer, part = parts[2], parts[3]
    if part == FILTER:
        kernels = {"conv1": f"convs.{block}.conv2.0.kernel", "skip": f"convs.{block}.skip.0.kernel"}
        return [kernels[layer]] if layer in kernels else []
    weights = {
        "fromrgb": ("convs.0.0.weight", "convs.0.1.bias"),
        "conv0": (f"convs.{block}.conv1.0.weight", f"convs.{block}.conv1.1.bias"),
        "conv1": (f"convs.{block}.conv2.1.weight", f"convs.{block}.conv2.2.bias"),
        "skip": (f"convs.{block}.skip.1.weight", name),
        "conv": ("final_conv.0.weight", "final_conv.1.bias"),
        "fc": ("final_linear.0.weight", "final_linear.0.bias"),
        "out": ("final_linear.1.weight", "final_linear.1.bias"),
    }
    if layer not in weights or part not in ("weight", "bias"):
        return [name]
    return [weights[layer][part == "bias"]]
