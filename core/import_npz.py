"""A head back from the .npz that export_npz.py wrote: the arrays, and of the built-in head model what every head has in common.

Rule of this file: plain arrays only, nothing is unpickled; what an array should be is checked before it is believed.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from .animation.visemes import KEYS
from .config import VERSION
from .errors import WordsError
from .head.asset import fields_of_model
from .head.library import get_model
from .head.model import HeadModel, triangulate
from .types import HeadAsset, Texture

COLOURS = {"albedo"}
LARGEST_SIDE = 8192
"""Of a texture, texels."""
NOT_OURS = "{path} holds no head that can be edited: give a .blend, or an .npz of the built-in head model, that Likeness wrote."


def read_npz(path: Path) -> HeadAsset:
    """The head in a file. It has no photo and no camera. Raises WordsError where the file is none of ours or of another model."""
    model = get_model()
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
        return _build(path, model, arrays)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise WordsError(NOT_OURS.format(path=path)) from error


def _build(path: Path, model: HeadModel, arrays: dict[str, np.ndarray]) -> HeadAsset:
    """Raises ValueError, KeyError where an array is missing or of another shape than the model's."""
    vertices, identity = (_numbers(arrays[key], shape) for key, shape in (
        ("vertices", model.template.shape), ("identity", (model.num_identity,)),
    ))  # fmt: skip
    if not np.array_equal(arrays["faces"], triangulate(model.faces)):
        raise ValueError("another mesh")
    names = list(map(str, arrays["expression_names"]))
    shown = dict(zip(names, _numbers(arrays["expression"], (len(names),)).tolist(), strict=True))
    told = list(map(str, arrays["appearance_names"]))
    numbers: dict[str, Any] = dict(zip(told, _numbers(arrays["appearance"], (len(told),)).tolist(), strict=True))
    if "seed" in numbers:
        numbers["seed"] = int(numbers["seed"])
    fields = fields_of_model(model, vertices)
    fields["shape_keys"] |= _read_visemes(arrays, model)
    return HeadAsset(
        name=path.stem,
        **fields,
        expression={name: shown.get(name, 0.0) for name in model.expression_names},
        pose=np.zeros(15),
        identity=identity,
        textures={key: _texture(key, array) for key, array in arrays.items() if _is_texture(array)},
        skin_linear_rgb=_numbers(arrays["skin_linear_rgb"], (3,)).astype(np.float32),
        camera=None,
        light=None,
        photo=None,
        provenance={
            "program": "Likeness", "version": VERSION, "model": model.name, "model_licence": model.licence,
            "read_from": path.name, **({"appearance": numbers} if numbers else {}),
        },
    )  # fmt: skip


def _read_visemes(arrays: dict[str, np.ndarray], model: HeadModel) -> dict[str, np.ndarray]:
    """Viseme key -> offsets, where the file has them."""
    names = list(map(str, arrays.get("viseme_names", ())))
    if not names:
        return {}
    if not set(names) <= set(KEYS):
        raise ValueError("keys that are no visemes")
    offsets = _numbers(arrays["viseme_offsets"], (len(names), *model.template.shape)).astype(np.float32)
    return dict(zip(names, offsets, strict=True))


def _numbers(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The array as float64. Raises ValueError where it has another shape, or numbers that are none."""
    if array.shape != shape or array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        raise ValueError("an array of another shape")
    return array.astype(np.float64)


def _is_texture(array: np.ndarray) -> bool:
    is_image = array.dtype in (np.uint8, np.uint16) and array.ndim in (2, 3)
    return bool(is_image and array.shape[0] == array.shape[1] and 16 <= len(array) <= LARGEST_SIDE)


def _texture(name: str, array: np.ndarray) -> Texture:
    return Texture(array, "sRGB" if name in COLOURS else "Non-Color")
