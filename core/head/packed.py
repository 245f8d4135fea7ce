"""A head model as named arrays and JSON-able facts, to the last bit, and back.

Rule of this file: what a field is, is told by its kind and not by its name, so a field that HeadModel gets is kept as well.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from ..types import BoneRotation
from .model import HeadModel, SurfacePoints


def pack_model(model: HeadModel, left_out: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Facts and arrays of all fields but those `left_out` and those that are None."""
    facts: dict[str, Any] = {}
    arrays: dict[str, np.ndarray] = {}
    for name in (field.name for field in fields(model) if field.name not in left_out):
        value = getattr(model, name)
        if isinstance(value, np.ndarray):
            arrays[name] = value
        elif isinstance(value, SurfacePoints):
            arrays |= {f"{name}.indices": value.indices, f"{name}.weights": value.weights}
        elif name == "bone_rotations":
            facts[name] = {unit: [[r.joint, list(map(float, r.axis_angle))] for r in turns] for unit, turns in value.items()}
        elif isinstance(value, dict):
            facts[name] = list(value)
            arrays |= {f"{name}/{key}": array for key, array in value.items()}
        elif value is not None:
            facts[name] = value
    return facts, arrays


def unpack_model(facts: dict[str, Any], arrays: dict[str, np.ndarray], **given: Any) -> HeadModel:
    """What pack_model packed; given: the fields that it left out. Raises KeyError, TypeError where something is missing."""
    found: dict[str, Any] = dict(given)
    for name in (field.name for field in fields(HeadModel) if field.name not in given):
        if name in arrays:
            found[name] = arrays[name]
        elif f"{name}.indices" in arrays:
            found[name] = SurfacePoints(arrays[f"{name}.indices"], arrays[f"{name}.weights"])
        elif name == "bone_rotations":
            found[name] = {u: tuple(BoneRotation(joint, np.array(a)) for joint, a in turns) for u, turns in facts[name].items()}
        elif name in facts and any(f"{name}/{key}" in arrays for key in facts[name]):
            found[name] = {key: arrays[f"{name}/{key}"] for key in facts[name]}
        elif facts.get(name):
            found[name] = tuple(facts[name]) if isinstance(facts[name], list) else facts[name]
    return HeadModel(**found)
