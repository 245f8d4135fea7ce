"""What the Blender tests ask of a head in the scene."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
from likeness.core.config import ASSETS_DIR
from likeness.core.head.library import get_model
from likeness.core.head.model import HeadModel
from likeness.core.types import Camera, FittedPhoto, HeadAsset, HeadCode, Photo, Texture
from synthetic import make_model, random_code

EXACT = {"faces", "face_uvs", "face_parts"}
TOLERANCE = {"pose_correctives": 2.1e-5}
"""Metres: correctives below .02 mm get no key."""


def models() -> list[HeadModel]:
    """The synthetic model, and the embedded one where it is built."""
    return [make_model(), *([get_model()] if (ASSETS_DIR / "embedded_head.npz").exists() else [])]


def code_of(model: HeadModel, identity: np.ndarray, seed: int) -> HeadCode:
    """Random expression and pose on one identity."""
    return replace(random_code(model, seed), identity=identity)


def differing_fields(one: HeadAsset, other: HeadAsset) -> list[str]:
    """Names of the fields that are not the same (floats to 1e-6, see TOLERANCE)."""
    return [f.name for f in fields(HeadAsset) if not _same(f.name, getattr(one, f.name), getattr(other, f.name))]


def _same(name: str, a: object, b: object) -> bool:
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(_same(name, a[key], b[key]) for key in a)
    if isinstance(a, tuple | list):
        return isinstance(b, tuple | list) and len(a) == len(b) and all(_same(name, x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, Camera | FittedPhoto | HeadCode | Photo | Texture) or hasattr(a, "axis_angle"):
        return type(a) is type(b) and all(_same(name, getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    if isinstance(a, np.ndarray):
        if not isinstance(b, np.ndarray) or a.shape != b.shape:
            return False
        return np.array_equal(a, b) if a.dtype.kind in "ui" else np.allclose(a, b, rtol=0, atol=TOLERANCE.get(name, 1e-6))
    if isinstance(a, float):
        return isinstance(b, float) and abs(a - b) < 1e-9
    return a == b
