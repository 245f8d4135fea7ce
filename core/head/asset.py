"""What of a HeadAsset follows from its model and its neutral vertices alone: fitted, random and read heads ask here."""

from __future__ import annotations

from typing import Any

import numpy as np

from .model import HeadModel


def fields_of_model(model: HeadModel, vertices: np.ndarray) -> dict[str, Any]:
    """HeadAsset's fields for a head of a model with neutral vertices [V, 3] m. Joints by einsum, whose order is fixed."""
    return {
        "vertices": vertices.astype(np.float32),
        "faces": model.faces,
        "uvs": model.uvs,
        "face_uvs": model.face_uvs,
        "face_parts": model.face_parts,
        "part_names": model.part_names,
        "shape_keys": dict(zip(model.expression_names, model.expression_basis, strict=True)),
        "bone_rotations": model.bone_rotations,
        "pose_correctives": model.pose_correctives,
        "joints": np.einsum("jv,vc->jc", model.joint_regressor, vertices).astype(np.float32),
        "joint_moves": _name_moves(model),
        "weights": model.weights,
        "landmarks7": model.landmarks7.evaluate(vertices).astype(np.float32),
        "model_name": model.name,
        "regions": model.regions,
        "more_uvs": model.more_uvs,
        "landmarks68": model.landmarks68.evaluate(vertices).astype(np.float32) if model.landmarks68 else None,
    }


def _name_moves(model: HeadModel) -> dict[str, np.ndarray]:
    if model.joint_moves is None:
        return {}
    return {name: move for name, move in zip(model.expression_names, model.joint_moves, strict=True) if move.any()}
