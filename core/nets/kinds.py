"""Which networks there are, and how one is built from its tensors.

Rule of this file: it imports no network until one is built, so that files can be looked at without PyTorch.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from ..errors import BackendError, ModelError

if TYPE_CHECKING:
    from torch import nn

KindName = Literal[
    "stylegan2",
    "albedogan",
    "disp_gan",
    "discriminator",
    "deca_coarse",
    "deca_detail",
    "deca_decoder",
    "arcface",
    "mica_shape",
    "mica_other",
    "vggface2",
    "vgg19",
]
NVIDIA = "weights made at NVIDIA: research and evaluation only, no commercial use (NVIDIA Source Code License)"
MAX_PLANCK = "Max Planck Institute's licence of the project: research only, no commercial use"
UNKNOWN = "not known: ask whoever made the file"


@dataclass(frozen=True)
class Kind:
    """title: in sentences, after 'a' or 'the'; range: what its numbers are; licence: of the published weights, where known."""

    title: str
    range: str
    licence: str


KINDS: dict[KindName, Kind] = {
    "stylegan2": Kind("StyleGAN2 generator", "RGB pictures in [-1, 1]", f"FFHQ's {NVIDIA}"),
    "albedogan": Kind("AlbedoGAN generator", "RGB albedo in [0, 1] on FLAME's texture", UNKNOWN),
    "disp_gan": Kind("displacement generator", "pictures in [0, 1], whose first channel is a displacement", UNKNOWN),
    "discriminator": Kind("StyleGAN2 discriminator", "logits", UNKNOWN),
    "deca_coarse": Kind("DECA coarse encoder", "FLAME parameters", MAX_PLANCK),
    "deca_detail": Kind("DECA detail encoder", "detail codes", MAX_PLANCK),
    "deca_decoder": Kind("DECA detail decoder", "displacement in metres, within 0.01", MAX_PLANCK),
    "arcface": Kind("ArcFace network", "embeddings", "InsightFace's licence of its models: research only, no commercial use"),
    "mica_shape": Kind("MICA mapping network", "FLAME shape coefficients", MAX_PLANCK),
    "mica_other": Kind("head for expression, pose, camera and light", "FLAME parameters", UNKNOWN),
    "vggface2": Kind("VGGFace2 ResNet-50", "features", "not known: read the terms of VGGFace2's authors"),
    "vgg19": Kind("VGG-19", "features", "torchvision's, BSD 3-Clause; trained on ImageNet, which has terms of its own"),
}


GENERATORS = ("stylegan2", "albedogan", "disp_gan")


def require_torch() -> None:
    """Raises BackendError where PyTorch is not installed."""
    try:
        importlib.import_module("torch")
    except ImportError as error:
        raise BackendError(
            f"The networks need PyTorch, which the Python that does the work lacks: run {sys.executable} -m pip install torch, "
            "or choose another Python under Worker in Likeness' preferences."
        ) from error


def build_network(kind: KindName, tensors: Mapping[str, np.ndarray], *, limit: float | None = None) -> nn.Module:
    """The network that these tensors are, sizes and all, on the CPU, for evaluation and without gradients to its weights.

    limit: of a generator trained in half precision, what its layers' outputs are clipped to (NVIDIA's conv_clamp).
    Raises ModelError, which names every tensor that is missing, unexpected or of another shape; BackendError without PyTorch.
    """
    if kind not in KINDS:
        raise ModelError(f"There is no network of the kind {kind!r}: choose one of {', '.join(KINDS)}.")
    require_torch()
    from .builders import BUILDERS

    network = BUILDERS[kind](tensors)
    if limit is not None and kind in GENERATORS:
        cast("Any", network).limit = limit
    return network
