"""FLAME_masks.pkl: named regions as vertex indices."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..checkpoints import read_file
from ..checkpoints.limits import shown
from ..errors import ModelError
from .arrays import NUM_VERTICES

REMEDY = "give FLAME_masks.pkl as it was downloaded from FLAME's site"


def read_flame_masks(path: Path) -> dict[str, np.ndarray]:
    """Region name ('face', 'scalp', 'left_eyeball', ...; left and right of the subject) -> vertex indices [N] int64, ascending.

    Raises ModelError where the file is no such file.
    """
    path = Path(path)
    content = read_file(path)
    if not isinstance(content, dict) or not content or not all(isinstance(name, str) for name in content):
        raise ModelError(f"The file {path.name} holds no regions by name: {REMEDY}.")
    regions, wrong = {}, []
    for name, value in content.items():
        is_list = isinstance(value, list) and all(type(index) is int for index in value)
        indices = np.asarray(value) if is_list or isinstance(value, np.ndarray) else np.zeros((0, 0))
        if indices.ndim != 1 or indices.dtype.kind not in "iu" or not len(indices):
            wrong.append(f"{shown(name, 40)} is no list of vertices")
        elif indices.min() < 0 or indices.max() >= NUM_VERTICES:
            wrong.append(f"{shown(name, 40)} names vertices that are not among FLAME's {NUM_VERTICES}")
        else:
            regions[name] = np.unique(indices.astype(np.int64))
    if wrong:
        raise ModelError(f"The file {path.name} holds no FLAME regions: {'; '.join(wrong[:5])}: {REMEDY}.")
    return regions
