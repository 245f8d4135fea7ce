"""The method's data folder, as DECA and the release lay it out: each file is used when it is there, and stood in for when not.

Rule of this file: it finds and reads; what an array means is said where it is used. Only FLAME and its layout are needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from ..checkpoints import read_file
from ..errors import ModelError
from ..flame.embedding import read_landmark_embedding
from ..flame.file import read_flame
from ..flame.wavefront import read_obj
from ..paper.files import TEXTURE_SPACES
from .dense_mesh import DenseTemplate
from .displacement import MAP_SIZE
from .mask import FaceMask
from .parts import PaperMesh
from .texture_space import TextureSpace
from .unwrap import TEXTURE_SIZE

FLAME, LAYOUT, MASK = "generic_model.pkl", "head_template.obj", "uv_face_eye_mask.png"
FIXED, DENSE, EMBEDDING = "fixed_displacement_256.npy", "texture_data_256.npy", "landmark_embedding.npy"


def read_paper_mesh(folder: Path, *, flame: Path | None = None, texture_size: int = TEXTURE_SIZE) -> PaperMesh:
    """The mesh of a data folder. flame: FLAME's file, if it is not the folder's generic_model.pkl. Raises ModelError where FLAME
    or its layout is missing, or a file that is there is damaged or of another mesh."""
    arrays = read_flame(folder / FLAME if flame is None else flame)
    template = read_obj(folder / LAYOUT)
    if not np.array_equal(template.faces, arrays.faces) or (template.face_uvs < 0).any():
        raise ModelError(
            f"The file {LAYOUT} has not FLAME's triangles with a UV at each corner: give it as DECA's data folder has it."
        )
    return PaperMesh.build(
        arrays,
        template.uvs,
        template.face_uvs,
        dense=_if_there(folder / DENSE, lambda path: DenseTemplate.build(_dict_of(path))),
        mask=_if_there(folder / MASK, lambda path: FaceMask.build(_read_mask(path))),
        fixed=_if_there(folder / FIXED, _read_fixed),
        embedding=_if_there(folder / EMBEDDING, read_landmark_embedding),
        texture_size=texture_size,
    )


def read_texture_space(folder: Path) -> TextureSpace | None:
    """The folder's texture space, BFM's before FLAME's own; None where there is none. Raises ModelError for a damaged one."""
    for name in TEXTURE_SPACES:
        if (folder / name).is_file():
            return TextureSpace.build(_dict_of(folder / name))
    return None


def _if_there(path: Path, read: Any) -> Any:
    return read(path) if path.is_file() else None


def _dict_of(path: Path) -> Mapping[str, Any]:
    content = read_file(path)
    if not isinstance(content, dict):
        raise ModelError(f"The file {path.name} is no dict of arrays: give it as DECA's data folder has it, or leave it away.")
    return content


def _read_mask(path: Path) -> np.ndarray:
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image if image.mode in ("L", "RGB", "RGBA") else image.convert("RGBA"))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ModelError(f"The mask {path.name} cannot be read ({error}): give DECA's, or leave it away.") from error
    if pixels.shape[:2] != (MAP_SIZE, MAP_SIZE):
        raise ModelError(f"The mask {path.name} has {pixels.shape[1]} x {pixels.shape[0]} px, not 256 x 256: give DECA's.")
    return pixels


def _read_fixed(path: Path) -> np.ndarray:
    content = read_file(path)
    if not isinstance(content, np.ndarray) or content.shape != (MAP_SIZE, MAP_SIZE) or content.dtype.kind != "f":
        raise ModelError(f"The file {path.name} is no displacement of 256 x 256 numbers: give DECA's, or leave it away.")
    return content
