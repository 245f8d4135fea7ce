"""A CLIP of a few thousand random weights: words are a direction drawn from their hash, pictures go through two layers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from likeness.core.checkpoints import write_safetensors
from torch import Tensor
from torch.nn import functional

SIZE, CELL, EMBEDDING = 64, 8, 24


class TinyClip:
    """A TextImageModel; every embedding is of unit length."""

    def __init__(self, seed: int = 0, dtype: torch.dtype = torch.float32) -> None:
        torch.set_num_threads(1)
        random = torch.Generator().manual_seed(seed)
        cells = 3 * (SIZE // CELL) ** 2
        self.first, self.second = (
            torch.randn(shape, generator=random).to(dtype) / shape[0] ** 0.5 for shape in ((cells, 64), (64, EMBEDDING))
        )
        self.name, self.size, self.mean, self.deviation = "tiny", SIZE, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") for text in texts]
        drawn = [torch.randn(EMBEDDING, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        return functional.normalize(torch.stack(drawn).to(self.first.dtype), dim=-1)

    def encode_image(self, pictures: Tensor) -> Tensor:
        cells = functional.avg_pool2d((pictures - 0.5) / 0.25, CELL).flatten(1)
        return functional.normalize(torch.tanh(cells @ self.first) @ self.second, dim=-1)


def write_clip_file(path: Path) -> Path:
    """A file with those of open_clip's tensors from which sizes are read, of zeros."""
    shapes = {
        "visual.conv1.weight": (64, 3, 32, 32), "visual.positional_embedding": (5, 64), "text_projection": (64, EMBEDDING),
        "token_embedding.weight": (10, 64), "positional_embedding": (8, 64),
    }  # fmt: skip
    write_safetensors(path, {name: np.zeros(shape, np.float32) for name, shape in shapes.items()})
    return path
