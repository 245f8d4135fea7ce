"""open_clip itself with random weights, beside a PyTorch whose torchvision has no compiled operators."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch
from likeness.core.checkpoints import write_safetensors
from likeness.core.clip import model
from torch import nn

SIZES = model.ClipSizes(32, 128, 2, 32, 64, 64, 2, 77, 49408)
"""The smallest CLIP with whole attention heads; only its vocabulary is the published one."""


def import_real_open_clip():
    """open_clip, where it is installed; torchvision's compiled operators need not be."""
    if importlib.util.find_spec("open_clip") is None:
        pytest.skip("open_clip is not installed: pip install open_clip_torch")
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return model.import_open_clip()


def save_random_clip(folder: Path) -> tuple[nn.Module, Path]:
    """The network of SIZES with random weights, and its file."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    network = model.build_network(import_real_open_clip(), SIZES, is_quick=True).eval()
    path = folder / "vit-quickgelu.safetensors"
    write_safetensors(path, {k: v.numpy() for k, v in network.state_dict().items() if k != "attn_mask"})
    return network, path
