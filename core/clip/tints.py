"""Tints: a person's colours moved by region, as three numbers each, on smooth fields over the skin. NumPy alone.

Rule of this file: a tint is the logarithm of a factor of linear colour, so tints add up, their sign says lighter or darker, and
their multiple is the same change more or less strongly. A texture's own detail stays.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..head.model import triangulate
from ..render.rasterize import interpolate, rasterize_uv
from ..render.shading import SRGB_TABLE, encode_srgb
from ..types import HeadAsset

SKIN = "skin"
"""The field of all skin; the others are the head's regions, on it."""
NO_SKIN = ("eye_socket", "mouth_inside", "nostrils", "left_eyeball", "right_eyeball", "boundary")
SMOOTHINGS = 12
LEAST = 0.5
"""A region without this much weight in all is none."""
ROWS = 128


def tint_fields(asset: HeadAsset) -> dict[str, np.ndarray]:
    """Name -> weights [V] in [0, 1], without hard borders on the skin, 0 on eyes, teeth and tongue."""
    part = asset.part_names.index(SKIN) if SKIN in asset.part_names else 0
    of_skin = asset.faces[asset.face_parts == part]
    skin = np.zeros(len(asset.vertices), np.float32)
    skin[of_skin[of_skin >= 0]] = 1
    triangles = triangulate(asset.faces)
    fields = {SKIN: skin}
    for name, weights in asset.regions.items():
        if name not in NO_SKIN and name != SKIN and (weights * skin).sum() > LEAST:
            fields[name] = _smoothed(weights.astype(np.float32) * skin, triangles) * skin
    return fields


def tint_albedo(asset: HeadAsset, tints: Mapping[str, tuple[float, float, float]]) -> np.ndarray:
    """The albedo [S, S, 3] uint8 sRGB with tints by field; the very same array where none is other than 0."""
    albedo = asset.textures["albedo"].pixels
    moved = {name: tint for name, tint in tints.items() if any(tint)}
    if not moved:
        return albedo
    fields = tint_fields(asset)
    by_vertex = sum(fields[name][:, None] * np.array(tint, np.float32) for name, tint in moved.items())
    raster = rasterize_uv(asset.uvs, triangulate(asset.face_uvs), len(albedo))
    factor = np.exp(interpolate(np.asarray(by_vertex), raster, triangulate(asset.faces)))
    outside = ~raster.is_covered
    factor[outside] = np.exp(np.array(moved.get(SKIN, (0, 0, 0)), np.float32))
    tinted = albedo.copy()
    for row in range(0, len(albedo), ROWS):
        part = slice(row, row + ROWS)
        tinted[part] = encode_srgb(SRGB_TABLE[albedo[part]] * factor[part])
    is_same = (factor == 1).all(-1)
    tinted[is_same] = albedo[is_same]
    return tinted


def _smoothed(weights: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """SMOOTHINGS times the mean of each vertex and its neighbours."""
    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    count = 1 + np.bincount(pairs.ravel(), minlength=len(weights))
    values = weights.astype(np.float64)
    for _ in range(SMOOTHINGS):
        sums = np.bincount(pairs[:, 0], values[pairs[:, 1]], len(values)) + np.bincount(
            pairs[:, 1], values[pairs[:, 0]], len(values)
        )
        values = (values + sums) / count
    return values.astype(np.float32)
