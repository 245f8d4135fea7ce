"""Which head model a job uses: the embedded one, or a file of the user's. Loaded once a process."""

from __future__ import annotations

import hashlib
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..config import ASSETS_DIR, cache_dir
from ..errors import ModelError
from .model import HeadModel, load_model

EMBEDDED = "embedded"
LAYOUT = "texture_layout"
"""HeadAsset.provenance's key: EMBEDDED where a head of another model wears textures on the embedded head's UVs."""
PICKLE = b"\x80"
FLAME_ENTRIES = {"v_template.npy", "shapedirs.npy"}
FLAME_SUFFIXES = (".pkl", ".pickle", ".safetensors")


@lru_cache(maxsize=2)
def get_model(name: str = EMBEDDED) -> HeadModel:
    """name: 'embedded', or the path of a model file that Likeness has written (.npz) or of a FLAME file. Raises ModelError.

    A FLAME file is made ready once (half a minute) and kept in the cache, by its content.
    """
    if name == EMBEDDED:
        return load_model(ASSETS_DIR / "embedded_head.npz")
    path = Path(name)
    if not is_flame_file(path):
        return load_model(path)
    from ..flame.head_file import convert_flame, load_flame_head

    ready = place_of(path)
    if not ready.exists():
        convert_flame(path, ready, get_model(EMBEDDED))
    return load_flame_head(ready, get_model(EMBEDDED))


def embedded_identity(identity: np.ndarray, provenance: dict[str, Any]) -> np.ndarray:
    """A head's code as the embedded model's: its own, or the mean head's where the code is another model's. (Lines of age need to
    know how large a texel is; heads differ little in that.)"""
    return np.zeros(0) if provenance.get(LAYOUT) == EMBEDDED else np.asarray(identity)


def is_flame_file(path: Path) -> bool:
    """Whether a file passes for FLAME's: a pickle (which is not opened here), safetensors, or an archive with its arrays."""
    if path.suffix.lower() in FLAME_SUFFIXES:
        return True
    try:
        with path.open("rb") as file:
            if file.read(1) == PICKLE:
                return True
        with zipfile.ZipFile(path) as archive:
            return set(archive.namelist()) >= FLAME_ENTRIES
    except (OSError, zipfile.BadZipFile):
        return False


def has_to_be_made_ready(name: str) -> bool:
    """Whether get_model would have to make a FLAME file ready. Raises ModelError."""
    return name != EMBEDDED and is_flame_file(Path(name)) and not place_of(Path(name)).exists()


def place_of(path: Path) -> Path:
    """Where a FLAME file is kept made ready: by its content, what lies beside it, and the edition that its name tells."""
    from ..flame.companions import find_companions
    from ..flame.file import guess_edition
    from ..flame.head_file import FORMAT

    try:
        digest = hashlib.sha256(_digest(path))
        for companion in find_companions(path):
            digest.update(companion.name.encode() + _digest(companion))
    except OSError as error:
        raise ModelError(f"The head model {path} cannot be read ({error.strerror or error}): check the path.") from error
    digest.update(guess_edition(path)[0].encode())
    return cache_dir() / "flame" / f"{digest.hexdigest()}.{FORMAT}.npz"


def _digest(path: Path) -> bytes:
    """SHA-256 of a file, read again only when it has changed: every fit asks."""
    stat = path.stat()
    return _digest_of(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=16)
def _digest_of(path: Path, size_bytes: int, changed_ns: int) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
