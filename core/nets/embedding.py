"""A face recogniser as a plain function: aligned faces in, embeddings out, NumPy on both sides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..checkpoints import read_file
from ..checkpoints.reading import read_metadata
from ..errors import ModelError
from .identify import identify
from .importing import load_network
from .kinds import KINDS, build_network, require_torch

KIND = "arcface"


def load_face_embedding(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Faces [N, 3, 112, 112] float32, RGB in [-1, 1] -> embeddings [N, 512], by the ArcFace network in a file, which may hold
    others beside it.

    Raises CheckpointError for a file that is not read, ModelError where it holds no such network, BackendError without PyTorch.
    """
    require_torch()
    import torch

    if "likeness" in read_metadata(path):
        loaded = load_network(path)
        found = [loaded.network] if loaded.information.kind == KIND else []
    else:
        networks = identify(read_file(path), path.name).preferred()
        found = [build_network(network.kind, network.tensors) for network in networks if network.kind == KIND]
    if not found:
        raise ModelError(
            f"{path.name} holds no {KINDS[KIND].title}: give the file of one, as MICA's or InsightFace's in PyTorch."
        )
    (network,) = found

    def embed(faces: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(torch.from_numpy(np.ascontiguousarray(faces, np.float32))).numpy().astype(np.float64)

    return embed
