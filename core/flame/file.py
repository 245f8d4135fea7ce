"""FLAME's own files: the original pickles (chumpy and scipy inside), npz or safetensors of the same arrays, our conversion.

What the file is, is read from its content; which edition it is cannot be, so that is taken from the names of file and folder, and
said to be. Nothing in the file is run (core/checkpoints). Source of names and shapes: Li et al. 2017 and FLAME's published files.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from ..checkpoints import Record, Sparse, read_file, read_metadata, write_safetensors
from ..errors import ModelError
from ..types import JOINT_PARENTS
from .arrays import NUM_FACES, NUM_JOINTS, NUM_POSE_FEATURES, NUM_SHAPE, NUM_VERTICES, FlameArrays

SHAPES: dict[str, tuple[int | None, ...]] = {
    "v_template": (NUM_VERTICES, 3),
    "f": (NUM_FACES, 3),
    "shapedirs": (NUM_VERTICES, 3, None),
    "posedirs": (NUM_VERTICES, 3, NUM_POSE_FEATURES),
    "J_regressor": (NUM_JOINTS, NUM_VERTICES),
    "kintree_table": (2, NUM_JOINTS),
    "weights": (NUM_VERTICES, NUM_JOINTS),
}
"""The entries that are used, and their shapes; None: any number."""
HEIGHT_M = (0.15, 0.6)
"""A head with its neck, from chin's underside to crown; FLAME's template is about 0.32 m high."""
REMEDY = "give generic_model.pkl as it was downloaded from FLAME's site, or a conversion of it"
RESEARCH = "Non-commercial research licence of the Max Planck Institute for Intelligent Systems"
OPEN = "CC BY 4.0"
UNKNOWN_LICENCE = (
    "The licence accepted on download: non-commercial research for FLAME 2017, 2020, 2023; CC BY 4.0 for FLAME 2023 Open"
)
EDITIONS = ("2017", "2019", "2020", "2023")


def read_flame(path: Path) -> FlameArrays:
    """FLAME's arrays from a pickle, npz or safetensors file. Raises ModelError, one line that names all that is wrong."""
    path = Path(path)
    content = read_file(path)
    if not isinstance(content, dict):
        raise ModelError(f"The file {path.name} holds no FLAME model (it is no dict of arrays): {REMEDY}.")
    entries = {name: array_of(content[name]) for name in SHAPES if name in content}
    if wrong := wrong_entries(entries):
        raise ModelError(f"The file {path.name} holds no FLAME model: {'; '.join(wrong)}: {REMEDY}.")
    found = {name: array for name, array in entries.items() if array is not None}
    told = read_metadata(path)
    edition, licence = (told["edition"], told["licence"]) if {"edition", "licence"} <= told.keys() else guess_edition(path)
    bases = _float32(found["shapedirs"].transpose(2, 0, 1))
    parents = found["kintree_table"][0].astype(np.int64)
    arrays = FlameArrays(
        template=_float32(found["v_template"]), faces=found["f"].astype(np.int64), shape_basis=bases[:NUM_SHAPE],
        expression_basis=bases[NUM_SHAPE:], pose_correctives=_float32(found["posedirs"].transpose(2, 0, 1)),
        joint_regressor=_float32(found["J_regressor"]), weights=_float32(found["weights"]),
        parents=np.where(np.arange(NUM_JOINTS) == 0, -1, parents),
        edition=edition, licence=licence, sha256=told.get("sha256") or sha256_of(path),
    )  # fmt: skip
    if wrong := wrong_facts(arrays):
        raise ModelError(f"The file {path.name} is no FLAME model as it should be: {'; '.join(wrong)}: {REMEDY}.")
    return arrays


def write_flame(arrays: FlameArrays, path: Path) -> None:
    """Convert once: a safetensors file under FLAME's own names, with edition, licence and the original's sha256."""
    bases = np.concatenate([arrays.shape_basis, arrays.expression_basis])
    tensors = {
        "v_template": arrays.template, "f": arrays.faces.astype(np.uint32), "shapedirs": bases.transpose(1, 2, 0),
        "posedirs": arrays.pose_correctives.transpose(1, 2, 0), "J_regressor": arrays.joint_regressor,
        "kintree_table": np.array([arrays.parents, np.arange(NUM_JOINTS)], np.int64), "weights": arrays.weights,
    }  # fmt: skip
    facts = {"edition": arrays.edition, "licence": arrays.licence, "sha256": arrays.sha256}
    write_safetensors(path, tensors, facts)


def array_of(value: Any) -> np.ndarray | None:
    """An entry as a dense array; None where it is none."""
    if isinstance(value, Sparse):
        return value.to_dense()
    if isinstance(value, Record):
        value = value.state.get("x")
    return value if isinstance(value, np.ndarray) and value.dtype.kind in "iuf" else None


def wrong_entries(found: dict[str, np.ndarray | None]) -> list[str]:
    """What is missing or has the wrong shape, in words."""
    missing = [name for name in SHAPES if name not in found]
    wrong = [f"it lacks {', '.join(missing)}"] if missing else []
    for name, array in found.items():
        wanted = SHAPES[name]
        if array is None:
            wrong.append(f"{name} is no array of numbers")
        elif array.ndim != len(wanted) or any(n is not None and n != m for n, m in zip(wanted, array.shape, strict=True)):
            wrong.append(f"{name} has the shape {array.shape}, not ({', '.join(str(n or 'any') for n in wanted)})")
    return wrong


def wrong_facts(arrays: FlameArrays) -> list[str]:
    """What every FLAME model is, and this one is not, in words."""
    floats = {
        "v_template": arrays.template, "shapedirs": arrays.shape_basis, "shapedirs (expression)": arrays.expression_basis,
        "posedirs": arrays.pose_correctives, "J_regressor": arrays.joint_regressor, "weights": arrays.weights,
    }  # fmt: skip
    if endless := [name for name, array in floats.items() if not np.isfinite(array).all()]:
        return [f"{', '.join(endless)} holds numbers that are not finite"]
    wrong = []
    if arrays.faces.min() < 0 or arrays.faces.max() >= NUM_VERTICES:
        wrong.append(f"f names vertices that are not among the {NUM_VERTICES}")
    if tuple(arrays.parents) != JOINT_PARENTS:
        wrong.append(f"kintree_table hangs the joints at {tuple(arrays.parents.tolist())}, not {JOINT_PARENTS}")
    if np.abs(arrays.weights.sum(1) - 1).max() > 1e-3 or arrays.weights.min() < -1e-3:
        wrong.append("the rows of weights are no shares of 1")
    if np.abs(arrays.joint_regressor.sum(1) - 1).max() > 1e-2:
        wrong.append("the rows of J_regressor do not sum to 1")
    height = float(np.ptp(arrays.template[:, 1]))
    if not HEIGHT_M[0] <= height <= HEIGHT_M[1]:
        wrong.append(f"v_template is {height:.3g} m high, which is no head in metres")
    if not len(arrays.shape_basis):
        wrong.append("shapedirs has no columns")
    return wrong


def guess_edition(path: Path) -> tuple[str, str]:
    """(edition, licence) by the names of the file and its folder, and said to be so; content does not tell editions apart."""
    name = f"{path.parent.name}/{path.stem}".lower()
    found = [year for year in EDITIONS if year in name]
    if len(found) != 1:
        return "FLAME, edition unknown", UNKNOWN_LICENCE
    is_open = found == ["2023"] and "open" in name
    edition = f"FLAME {found[0]}{' Open' if is_open else ''}"
    return f"{edition} (by the file's name)", f"{OPEN if is_open else RESEARCH} (of {edition}, known by the file's name alone)"


def sha256_of(path: Path) -> str:
    """Hex digest of a file's bytes."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _float32(array: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # too large becomes infinite, which wrong_facts names
        return np.ascontiguousarray(array, np.float32)
