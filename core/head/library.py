"""Which head model a job uses: the embedded one, or a file of the user's. Loaded once a process."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from ..config import ASSETS_DIR
from ..errors import ModelError
from .model import HeadModel, load_model

EMBEDDED = "embedded"


@lru_cache(maxsize=2)
def get_model(name: str = EMBEDDED) -> HeadModel:
    """name: 'embedded' or the path of a model file (.npz as save_model writes). Raises ModelError."""
    if name == EMBEDDED:
        return load_model(ASSETS_DIR / "embedded_head.npz")
    path = Path(name)
    if path.suffix != ".npz":
        raise ModelError(f"{name} is not a head model that this version reads: give 'embedded' or a Likeness .npz model.")
    return load_model(path)
