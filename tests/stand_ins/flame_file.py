"""FLAME's files in their original containers, of made-up numbers: generic_model.pkl as Python 2 wrote it, and its companions."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from foreign_classes import foreign_classes, python2_pickle
from likeness.core.flame.arrays import NUM_JOINTS, NUM_VERTICES, FlameArrays
from likeness.tests.golden.synthetic_flame import original_arrays, synthetic_embedding

PARENTS_IN_FILES = (2**32 - 1, 0, 1, 1, 1)
"""The root's parent is -1 as an unsigned number."""
CHUMPY = {"2017": ("v_template", "shapedirs", "posedirs", "weights"), "2020": ("v_template", "shapedirs"), "2023": ("shapedirs",)}
"""Editions differ here in which entries are chumpy arrays, so that every mixture is read."""
SPARSE_MODULES = {"2017": "scipy__sparse__csc", "2020": "scipy__sparse__csc", "2023": "scipy__sparse___csc"}
REGIONS = {
    "eye_region": 751, "neck": 253, "left_eyeball": 546, "right_eyeball": 546, "right_ear": 588,
    "right_eye_region": 287, "forehead": 133, "lips": 254, "nose": 379, "scalp": 489,
    "boundary": 114, "face": 1787, "left_ear": 588, "left_eye_region": 287,
}  # fmt: skip


def original_of(arrays: FlameArrays) -> dict[str, np.ndarray]:
    """FLAME's arrays under the names, shapes and axis orders of its own files."""
    bases = np.concatenate([arrays.shape_basis, arrays.expression_basis])
    return {
        "v_template": arrays.template, "f": arrays.faces.astype(np.uint32), "shapedirs": bases.transpose(1, 2, 0),
        "posedirs": arrays.pose_correctives.transpose(1, 2, 0), "J_regressor": arrays.joint_regressor, "weights": arrays.weights,
        "kintree_table": np.array([PARENTS_IN_FILES, range(NUM_JOINTS)], np.int64),
    }  # fmt: skip


def write_flame_pickle(path: Path, arrays: FlameArrays | dict[str, np.ndarray] | None = None, edition: str = "2020") -> Path:
    """generic_model.pkl: protocol 2 of Python 2, chumpy arrays, a csc matrix of scipy; float64. Returns `path`.

    arrays: FlameArrays, or a dict under the names of the file (without: the golden README's synthetic FLAME).
    """
    given = original_arrays() if arrays is None else original_of(arrays) if isinstance(arrays, FlameArrays) else arrays
    wide = {name: a.astype(np.float64) if a.dtype.kind == "f" else a for name, a in given.items()}
    if "kintree_table" in wide:
        wide["kintree_table"] = np.where(wide["kintree_table"] < 0, 2**32 - 1, wide["kintree_table"])
    wide = {name: np.ascontiguousarray(a) if name != "posedirs" else np.asfortranarray(a) for name, a in wide.items()}

    class Ch:
        def __init__(self, x: np.ndarray) -> None:
            state = {"_dirty_vars": set(), "_itr": None, "_make_dense": False, "_make_sparse": False, "_depends_on_deps": {}}
            self.__dict__.update(state | {"x": x, "_status": "new"})

    class csc_matrix:
        def __init__(self, dense: np.ndarray) -> None:
            self.__dict__.update({**compressed(dense), "_shape": dense.shape, "maxprint": 50, "format": "csc"})

    with foreign_classes(chumpy__ch={"Ch": Ch}, **{SPARSE_MODULES[edition]: {"csc_matrix": csc_matrix}}):
        content: dict[str, Any] = {"bs_type": "lrotmin", "bs_style": "lbs", **wide}
        if "J_regressor" in wide:
            content["J_regressor"] = csc_matrix(wide["J_regressor"])
        if {"J_regressor", "v_template"} <= wide.keys():
            content["J"] = Ch(wide["J_regressor"] @ wide["v_template"])
        content |= {name: Ch(wide[name]) for name in CHUMPY[edition] if name in wide}
        path.write_bytes(python2_pickle(content))
    return path


def compressed(dense: np.ndarray) -> dict[str, np.ndarray]:
    """data, indices and indptr of a matrix compressed by columns."""
    columns, rows = np.nonzero(dense.T)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(columns, minlength=dense.shape[1]))])
    return {"data": dense[rows, columns], "indices": rows.astype(np.int32), "indptr": indptr.astype(np.int32)}


def write_flame_masks(path: Path, seed: int = 0) -> Path:
    """FLAME_masks.pkl with regions of the right sizes at random places (the eyeballs where FLAME has them)."""
    rng = np.random.default_rng(seed)
    regions = {name: rng.permutation(NUM_VERTICES)[:size] for name, size in REGIONS.items()}
    regions |= {"left_eyeball": np.arange(3931, 4477), "right_eyeball": np.arange(4477, 5023)}
    path.write_bytes(pickle.dumps(regions, protocol=2))
    return path


def write_landmark_embedding(path: Path) -> Path:
    """landmark_embedding.npy: an array of one dict, some of its entries torch tensors (needs torch)."""
    import torch

    entries: dict[str, Any] = dict(synthetic_embedding())
    entries["static_lmk_bary_coords"] = np.asfortranarray(entries["static_lmk_bary_coords"].astype(np.float64))
    for name in ("dynamic_lmk_faces_idx", "dynamic_lmk_bary_coords"):
        entries[name] = torch.from_numpy(np.ascontiguousarray(entries[name]))
    with open(path, "wb") as file:
        np.save(file, np.array(entries), allow_pickle=True)
    return path
