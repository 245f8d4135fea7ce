"""A stand-in for FLAME's files made from seeds, as published/README.md section 3 defines it."""

from __future__ import annotations

from functools import cache

import numpy as np
from likeness.core.flame.arrays import NUM_FACES, NUM_JOINTS, NUM_SHAPE, NUM_VERTICES, FlameArrays
from likeness.tests.golden.vectors import rng

NUM_SHAPEDIRS, NUM_CONTOUR_ROWS = 400, 79
PARENTS = (-1, 0, 1, 1, 1)
EMBEDDING_SIZES = {"static": (51,), "dynamic": (NUM_CONTOUR_ROWS, 17), "full": (1, 68)}


def normal(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Standard normal numbers of one name, float64."""
    return rng(name).standard_normal(shape)


def barycentrics(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Positive weights that sum to 1 over the last axis, float64."""
    weights = np.abs(normal(name, shape)) + 0.1
    return weights / weights.sum(-1, keepdims=True)


def synthetic_faces() -> np.ndarray:
    """[9976, 3] int64: a strip wound around the template's spiral."""
    i = np.arange(NUM_FACES // 2)
    even, odd = np.stack([i, i + 1, i + 71], -1), np.stack([i + 1, i + 72, i + 71], -1)
    return np.stack([even, odd], 1).reshape(-1, 3) % NUM_VERTICES


def synthetic_template() -> np.ndarray:
    """[5023, 3] float32 m: a spiral over a head-sized ellipsoid."""
    i = np.arange(NUM_VERTICES)
    t, a = 2 * np.pi * i / 71, 0.98 * np.pi * (i / (NUM_VERTICES - 1) - 0.5)
    spiral = np.stack([0.08 * np.cos(a) * np.sin(t), 0.12 * np.sin(a), 0.09 * np.cos(a) * np.cos(t)], -1)
    return (spiral + 0.0005 * normal("flame/v_template", (NUM_VERTICES, 3))).astype(np.float32)


def synthetic_regressor() -> np.ndarray:
    """[5, 5023] float32: each joint is a weighted mean of 50 vertices."""
    regressor = np.zeros((NUM_JOINTS, NUM_VERTICES))
    for joint in range(NUM_JOINTS):
        generator = rng(f"flame/J_regressor/{joint}")
        columns = generator.permutation(NUM_VERTICES)[:50]
        weights = np.abs(generator.standard_normal(50)) + 0.1
        regressor[joint, columns] = weights / weights.sum()
    return regressor.astype(np.float32)


def original_arrays() -> dict[str, np.ndarray]:
    """The arrays under the names, shapes and axis orders of generic_model.pkl, float32 where FLAME's are float64; J_regressor is
    dense here (FLAME's file holds it sparse)."""
    logits = 2 * normal("flame/weights", (NUM_VERTICES, NUM_JOINTS))
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return {
        "v_template": synthetic_template(),
        "f": synthetic_faces().astype(np.uint32),
        "shapedirs": (0.0002 * normal("flame/shapedirs", (NUM_VERTICES, 3, NUM_SHAPEDIRS))).astype(np.float32),
        "posedirs": (0.0005 * normal("flame/posedirs", (NUM_VERTICES, 3, 36))).astype(np.float32),
        "J_regressor": synthetic_regressor(),
        "kintree_table": np.array([PARENTS, range(NUM_JOINTS)], np.int64),
        "weights": (weights / weights.sum(-1, keepdims=True)).astype(np.float32),
    }


@cache
def synthetic_flame() -> FlameArrays:
    """The stand-in as FLAME's arrays, made once a process; nobody may write into it."""
    arrays = original_arrays()
    bases = np.ascontiguousarray(arrays["shapedirs"].transpose(2, 0, 1))
    return FlameArrays(
        template=arrays["v_template"],
        faces=arrays["f"].astype(np.int64),
        shape_basis=bases[:NUM_SHAPE],
        expression_basis=bases[NUM_SHAPE:],
        pose_correctives=np.ascontiguousarray(arrays["posedirs"].transpose(2, 0, 1)),
        joint_regressor=arrays["J_regressor"],
        weights=arrays["weights"],
        parents=np.array(PARENTS, np.int64),
        edition="synthetic",
        licence="none: made from seeds",
    )


def synthetic_embedding() -> dict[str, np.ndarray]:
    """The arrays of landmark_embedding.npy under its names: faces int64, barycentrics float32. (In the real file static is
    full[17:]; here they are independent.)"""
    arrays: dict[str, np.ndarray] = {}
    for kind, shape in EMBEDDING_SIZES.items():
        arrays[f"{kind}_lmk_faces_idx"] = rng(f"flame/lmk/{kind}_faces_idx").integers(0, NUM_FACES, shape)
        arrays[f"{kind}_lmk_bary_coords"] = barycentrics(f"flame/lmk/{kind}_bary_coords", (*shape, 3)).astype(np.float32)
    return arrays
