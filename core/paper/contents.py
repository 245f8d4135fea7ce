"""Which of the method's networks a file holds, told by the names and shapes of its tensors.

Rule of this file: no number of a tensor is read and no torch imported; what was seen of a file is kept until the file changes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..checkpoints import read_metadata, read_outline
from ..errors import CheckpointError

DECA, FACE = ("deca_coarse", "deca_detail", "deca_decoder"), ("arcface", "mica_shape")
WANTED = (*DECA, *FACE, "stylegan2", "albedogan", "disp_gan")
"""The method's kinds of networks."""
SUFFIXES, IMPORTED = (".pt", ".pth", ".tar"), ".safetensors"
"""torch's files (MICA's and DECA's .tar are such, no archives), and what Likeness writes."""
NVIDIA_NAMES = ("ffhq*.pkl", "stylegan2*.pkl")
"""Pickles that hold their tensors in between, too large to be looked through: their names tell."""


@dataclass(frozen=True)
class NetworkContents:
    """kinds: of WANTED, none where the file holds other things; problem: a sentence where it cannot be read."""

    path: Path
    kinds: tuple[str, ...]
    problem: str = ""


def look_into(path: Path) -> NetworkContents:
    """What a file holds; some hundredths of a second, and nothing at all until the file changes."""
    stat = path.stat()
    return _look_into(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=256)
def _look_into(path: Path, size: int, changed_ns: int) -> NetworkContents:
    if any(path.match(pattern) for pattern in NVIDIA_NAMES):
        return NetworkContents(path, ("stylegan2",))
    try:
        found = _told_kinds(path) if path.suffix == IMPORTED else _seen_kinds(path)
    except CheckpointError as error:
        return NetworkContents(path, (), str(error))
    except (ValueError, AttributeError):
        return NetworkContents(path, (), f"The network file {path.name} does not say what it is: import the original again.")
    return NetworkContents(path, tuple(kind for kind in WANTED if kind in found))


def _told_kinds(path: Path) -> set[str]:
    """Of a network that Likeness has written, as it says itself (core/nets/importing.py)."""
    return {json.loads(read_metadata(path).get("likeness", "{}")).get("kind")}


def _seen_kinds(path: Path) -> set[str]:
    from ..nets.identify import identify

    return {network.kind for network in identify(read_outline(path), path.name).preferred()}
