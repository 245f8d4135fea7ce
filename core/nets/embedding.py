"""A face recogniser as a plain function: aligned faces in, embeddings out, NumPy on both sides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from .importing import load_network
from .kinds import require_torch


def load_face_embedding(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Faces [N, 3, 112, 112] float32, RGB in [-1, 1] -> embeddings [N, 512], by the ArcFace network in a file, which may hold
    others beside it.

    Raises CheckpointError for a file that is not read, ModelError where it holds no such network, BackendError without PyTorch.
    """
    require_torch()
    import torch

    network = load_network(path, "arcface").network

    def embed(faces: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(torch.from_numpy(np.ascontiguousarray(faces, np.float32))).numpy().astype(np.float64)

    return embed
