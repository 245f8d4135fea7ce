"""Which head model a job uses: the embedded one, or a file of the user's. Loaded once a process."""

from __future__ import annotations

import hashlib
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..config import ASSETS_DIR, cache_dir
from ..errors import ExportError, LikenessError, ModelError
from ..staging import staged
from .model import HeadModel, load_model

EMBEDDED = "embedded"
LAYOUT = "texture_layout"
"""HeadAsset.provenance's key: EMBEDDED where a head of another model wears textures on the embedded head's UVs."""
FILE_NAME, FILE_SHA256 = "model_file", "model_sha256"
"""HeadAsset.provenance's keys: of the user's file whose people a head of another model is one of. Its folder is not told."""
PICKLE = b"\x80"
FLAME_ENTRIES = {"v_template.npy", "shapedirs.npy"}
FLAME_SUFFIXES = (".pkl", ".pickle", ".safetensors")


def get_model(name: str = EMBEDDED) -> HeadModel:
    """name: 'embedded', or the path of a model file that Likeness has written (.npz) or of a FLAME file. Raises ModelError.

    A FLAME file is made ready once (half a minute) and kept in the cache, by its content.
    """
    return _load(name)


def forget_models() -> None:
    """Load models anew when they are next asked for."""
    _load.cache_clear()


@lru_cache(maxsize=2)
def _load(name: str) -> HeadModel:
    if name == EMBEDDED:
        return load_model(ASSETS_DIR / "embedded_head.npz")
    path = Path(name)
    if not is_flame_file(path):
        return load_model(path)
    from ..flame.head_file import load_flame_head

    made = load_flame_head(make_ready(name), get_model(EMBEDDED))
    _remember(path, made.sha256)
    return made


def make_ready(name: str) -> Path:
    """A FLAME file's place in the cache, where it is made ready unless it is. Raises ModelError."""
    from ..flame.head_file import convert_flame

    path = Path(name)
    ready = place_of(path)
    if not ready.exists():
        convert_flame(path, ready, get_model(EMBEDDED))
    return ready


def describe_model(model: HeadModel) -> dict[str, str]:
    """What a head's provenance tells of its model."""
    of_file = {FILE_NAME: model.file_name, FILE_SHA256: model.sha256} if model.sha256 else {}
    layout = {LAYOUT: EMBEDDED} if model.worn else {}
    return {"model": model.name, "model_licence": model.licence, **of_file, **layout}


def find_model(provenance: dict[str, Any]) -> str:
    """get_model's name for the model that a head was made with: 'embedded', or where its FLAME file lies on this computer.

    Raises ModelError with why_not_found's sentence.
    """
    if (reason := why_not_found(provenance)) is not None:
        raise ModelError(f"{reason}.")
    sha256 = provenance.get(FILE_SHA256)
    return str(_recall(sha256)) if sha256 else EMBEDDED


def why_not_found(provenance: dict[str, Any]) -> str | None:
    """Why a head's FLAME file is not at hand, as a sentence for the user; None when it is, and for the built-in head."""
    name, sha256 = provenance.get(FILE_NAME, ""), provenance.get(FILE_SHA256)
    if not sha256:
        return None
    if (found := _recall(sha256)) is None:
        return f"This head's FLAME file ({name}) is not known here: import it in the preferences, or press Check All there"
    if not found.is_file():
        return f"This head's FLAME file ({name}) is not where it was: put it back, or import it in the preferences"
    if not _is_told(found, sha256):
        return f"Another file lies where this head's FLAME file ({name}) was: put it back, or import it in the preferences"
    return None


def note_model(path: Path) -> None:
    """Remember where a FLAME file lies, so that heads made with it find it. Raises ModelError where it cannot be read."""
    try:
        _remember(path, _sha256_told(path, *_stamp(path)))
    except OSError as error:
        raise ModelError(f"The head model {path} cannot be read ({error.strerror or error}): check the path.") from error


def _remember(path: Path, sha256: str) -> None:
    """A cache that cannot be written to remembers nothing: the file is then asked for again."""
    note, place = _note_of(sha256), str(path.absolute())
    try:
        if note.is_file() and note.read_text(encoding="utf-8") == place:
            return
        with staged(note.parent) as folder:
            (folder / note.name).write_text(place, encoding="utf-8")
    except (OSError, ValueError, ExportError):
        return


def _recall(sha256: str) -> Path | None:
    """Where a FLAME file lay when it was last used here."""
    try:
        return Path(_note_of(sha256).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _is_told(path: Path, sha256: str) -> bool:
    """Whether a file is FLAME's that a head was made with; one that cannot be read is none."""
    try:
        return _sha256_told(path, *_stamp(path)) == sha256
    except (OSError, LikenessError):
        return False


def _note_of(sha256: str) -> Path:
    return cache_dir() / "flame" / f"{sha256}.place"


@lru_cache(maxsize=16)
def _sha256_told(path: Path, size_bytes: int, changed_ns: int) -> str:
    """As FLAME files are known by: of a conversion (.safetensors) what it tells of the original."""
    from ..checkpoints import read_metadata

    return read_metadata(path).get("sha256") or _digest(path).hex()


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


def _stamp(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


def _digest(path: Path) -> bytes:
    """SHA-256 of a file, read again only when it has changed: every fit asks."""
    return _digest_of(path, *_stamp(path))


@lru_cache(maxsize=16)
def _digest_of(path: Path, size_bytes: int, changed_ns: int) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
