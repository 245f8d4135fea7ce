"""Which head model a job uses: the embedded one, or a file of the user's. Loaded once a process."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from ..config import ASSETS_DIR, cache_dir
from ..errors import ModelError
from .model import HeadModel, load_model

EMBEDDED = "embedded"
CONVERTED = "flame"
"""The folder of the cache that keeps FLAME files made ready."""


@lru_cache(maxsize=2)
def get_model(name: str = EMBEDDED) -> HeadModel:
    """name: 'embedded', or the path of a model file that Likeness has written (.npz) or of a FLAME file. Raises ModelError.

    A FLAME file is made ready once (half a minute) and kept in the cache, by its content.
    """
    if name == EMBEDDED:
        return load_model(ASSETS_DIR / "embedded_head.npz")
    from ..flame.head_file import is_head_file, load_flame_head

    path = Path(name)
    if is_head_file(path):
        return load_flame_head(path, get_model(EMBEDDED))
    if path.suffix == ".npz" and not _holds_flame(path):
        return load_model(path)
    return load_flame_head(_ready(path), get_model(EMBEDDED))


def _holds_flame(path: Path) -> bool:
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            return {"v_template.npy", "shapedirs.npy"} <= set(archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def _ready(path: Path) -> Path:
    """The made-ready file of a FLAME file, made now where it is not there."""
    from ..flame.head_file import convert_flame

    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"The head model {path} cannot be read ({error.strerror or error}): check the path.") from error
    target = cache_dir() / CONVERTED / f"{digest}.npz"
    if not target.exists():
        convert_flame(path, target, get_model(EMBEDDED))
    return target
