"""What FLAME's site and DECA give beside the model: its own UV layout, named regions, the 68 landmarks. All of it optional.

Rule of this file: a companion lies in the model's folder under the name that it was downloaded with; one that is damaged, or of
another mesh, is an error in one line, for a head without it would be another than the user expects.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..errors import ModelError
from ..head.model import HeadModel, SurfacePoints
from .arrays import FlameArrays
from .embedding import read_landmark_embedding
from .masks import read_flame_masks
from .wavefront import read_obj

TEMPLATE, MASKS, EMBEDDING = "head_template.obj", "FLAME_masks.pkl", "landmark_embedding.npy"
NAMES = (TEMPLATE, MASKS, EMBEDDING)
LAYOUT_NAME, REGION_PREFIX = "FLAME", "flame_"


@dataclass(frozen=True)
class Companions:
    """uvs [F, 3, 2]: FLAME's own layout, v up, a triangle's corners; masks: region -> vertices; landmarks68: iBUG's points on
    FLAME's vertices. None, or empty, where there was no such file."""

    uvs: np.ndarray | None = None
    masks: dict[str, np.ndarray] = field(default_factory=dict)
    landmarks68: SurfacePoints | None = None


def find_companions(source: Path) -> list[Path]:
    """Those that lie beside a FLAME file, or beside the file that it links to."""
    folders = dict.fromkeys([source.parent, source.resolve().parent])
    found = {name: folder / name for folder in reversed(folders) for name in NAMES if (folder / name).is_file()}
    return [found[name] for name in NAMES if name in found]


def read_companions(source: Path, flame: FlameArrays) -> Companions:
    """What lies beside a FLAME file. Raises ModelError, one line, where one is damaged or of another mesh."""
    paths = {path.name: path for path in find_companions(source)}
    result = Companions()
    if TEMPLATE in paths:
        result = replace(result, uvs=read_layout(paths[TEMPLATE], flame))
    if MASKS in paths:
        result = replace(result, masks=read_flame_masks(paths[MASKS]))
    if EMBEDDING in paths:
        embedding = read_landmark_embedding(paths[EMBEDDING])
        points = SurfacePoints(flame.faces[embedding.full_faces], embedding.full_weights.astype(np.float64))
        result = replace(result, landmarks68=points)
    return result


def read_layout(path: Path, flame: FlameArrays) -> np.ndarray:
    """FLAME's triangles on its own UV plane [F, 3, 2], whatever order the .obj has them in. Raises ModelError."""
    mesh = read_obj(path)
    ours, theirs = np.sort(flame.faces, 1), np.sort(mesh.faces, 1)
    by_ours, by_theirs = (np.lexsort(faces.T[::-1]) for faces in (ours, theirs))
    if len(ours) != len(theirs) or not np.array_equal(ours[by_ours], theirs[by_theirs]) or mesh.face_uvs.min() < 0:
        raise ModelError(
            f"The file {path.name} is no UV layout of this FLAME file's triangles: give FLAME's own, or move it away."
        )
    corners = np.take_along_axis(mesh.face_uvs, np.argsort(mesh.faces, 1), 1)
    result = np.empty((len(ours), 3, 2), np.float32)
    rows, slots = by_ours[:, None], np.argsort(flame.faces, 1)[by_ours]
    result[rows, slots] = mesh.uvs[corners[by_theirs]]
    return result


def pack_companions(companions: Companions) -> dict[str, np.ndarray]:
    """As arrays of a converted file."""
    arrays = {f"mask_{name}": rows.astype(np.int32) for name, rows in companions.masks.items()}
    if companions.uvs is not None:
        arrays["flame_uvs"] = companions.uvs
    if companions.landmarks68 is not None:
        arrays |= {"landmarks68_indices": companions.landmarks68.indices, "landmarks68_weights": companions.landmarks68.weights}
    return arrays


def unpack_companions(arrays: dict[str, np.ndarray]) -> Companions:
    """What pack_companions made."""
    masks = {name.removeprefix("mask_"): rows.astype(np.int64) for name, rows in arrays.items() if name.startswith("mask_")}
    points = None
    if "landmarks68_indices" in arrays:
        points = SurfacePoints(arrays["landmarks68_indices"], arrays["landmarks68_weights"])
    return Companions(arrays.get("flame_uvs"), masks, points)


def with_companions(worn: HeadModel, companions: Companions) -> HeadModel:
    """FLAME's head with its regions ('flame_lips' ...), its UV layout beside ours, its 68 landmarks; the parts that FLAME lacks
    are in no region of it, and at the origin of its layout."""
    regions = dict(worn.regions)
    for name, rows in companions.masks.items():
        regions[REGION_PREFIX + name] = np.zeros(len(worn.template), np.float32)
        regions[REGION_PREFIX + name][rows] = 1.0
    more_uvs = dict(worn.more_uvs)
    if companions.uvs is not None:
        more_uvs[LAYOUT_NAME] = np.zeros((len(worn.faces), 4, 2), np.float32)
        more_uvs[LAYOUT_NAME][: len(companions.uvs), :3] = companions.uvs
    return replace(worn, regions=regions, more_uvs=more_uvs, landmarks68=companions.landmarks68)
