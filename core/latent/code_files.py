"""A latent code in a file: as Likeness writes it, in a head's .npz, or as other projectors leave it.

Rule of this file: files go through core/checkpoints, nothing in them is run; a code is checked before it is believed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..checkpoints import read_file, read_metadata, write_safetensors
from ..errors import ModelError
from .codes import require_code

LATENT, NOISE, FACTS = "latent", "noise_", "likeness_code"
NAMES = (LATENT, "w", "w_plus", "latents", "projected_w")
"""What projectors call the code."""
NO_CODE = (
    "{name} holds no latent code: give a file that `batch.py project` wrote, a head made from a code, or an array (18, 512)."
)


@dataclass(frozen=True)
class LatentCode:
    """latent: w [D] or w+ [L, D] float32; noise: the maps [R, R] that were found with it, where they were; told: JSON-able facts;
    name: of the file."""

    latent: np.ndarray
    noise: tuple[np.ndarray, ...] = ()
    told: dict[str, Any] = field(default_factory=dict)
    name: str = ""


def write_code(path: Path, code: LatentCode) -> None:
    """As safetensors, whole or not at all. Raises ExportError."""
    arrays = {LATENT: code.latent.astype(np.float32)}
    arrays |= {f"{NOISE}{number}": noise.astype(np.float32) for number, noise in enumerate(code.noise)}
    write_safetensors(path, arrays, {FACTS: json.dumps(code.told)})


def read_code(path: Path) -> LatentCode:
    """The code in a file. Raises CheckpointError for a file that is refused, ModelError for one without a code."""
    content = read_file(path)
    while isinstance(content, Mapping) and len(content) == 1 and isinstance(next(iter(content.values())), Mapping):
        content = next(iter(content.values()))
    array = _find(content, path.name)
    if array.ndim == 3 and len(array) == 1:
        array = array[0]
    noise: tuple[np.ndarray, ...] = ()
    if isinstance(content, Mapping):
        maps = [content[name] for name in (f"{NOISE}{number}" for number in range(64)) if name in content]
        noise = tuple(each.astype(np.float32) for each in maps if isinstance(each, np.ndarray) and each.ndim == 2)
    latent = require_code(array, f"The code in {path.name}").astype(np.float32)
    return LatentCode(latent, noise, _read_facts(path), path.name)


def _find(content: Any, file: str) -> np.ndarray:
    if isinstance(content, Mapping):
        arrays = {str(name): value for name, value in content.items() if isinstance(value, np.ndarray)}
        named = [arrays[name] for name in NAMES if name in arrays]
        content = named[0] if named else next(iter(arrays.values())) if len(arrays) == 1 else None
    if not isinstance(content, np.ndarray) or content.dtype.kind != "f":
        raise ModelError(NO_CODE.format(name=file))
    return content


def _read_facts(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(read_metadata(path).get(FACTS, "{}"))
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
