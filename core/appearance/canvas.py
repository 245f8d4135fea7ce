"""What painting skin on a model's UVs asks again and again whoever is painted: texels, lips, wet margins, gutters.

Rule of this file: nothing here depends on a person, so it is made once a process and texture size and kept. Where the red of the
lips and the wet of the lids begin is read off the model's own base albedo, the only place that knows it to a texel.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..fit.gutters import FILL_PX
from ..head.model import HeadModel, triangulate
from ..render.rasterize import RasterResult, interpolate, rasterize_uv
from .face_map import FaceMap, get_face_map
from .iris import srgb_to_linear

KEPT = 2
LIP_GREEN, MUCOSA_GREEN = (0.195, 0.142), (0.124, 0.092)
"""Linear green of the base's bare skin and of its full lip; of lip and of the mouth's lining."""
WET_BLUE = (0.70, 0.83)
"""Blue over green of the base's bare skin and of its wet lid margins."""
FACE_TEXEL_M = 0.00014
"""A texel of a 2048 texture on the face."""
BROW_BOX_MM = ((-26.0, 30.0), (2.0, 36.0), -14.0)
"""Outwards and up from the pupil, and how far behind the eye's centre a brow may reach."""


@dataclass(frozen=True)
class Canvas:
    """raster of the UVs, all parts; triangles, uv_triangles [T, 3]; skin [N]: the skin's flat indices; lips, wet [S * S]
    uint8 shares; brow_texels: left, right flat indices, brow_seen: where those are seen from the front, mm from the pupil; base
    [S, S, 3] uint8; iris [S, S] uint8; eyes [M]: flat indices of the eyeballs; gaps, gap_share: see fit/gutters.py; texel_m."""

    raster: RasterResult
    triangles: np.ndarray
    uv_triangles: np.ndarray
    skin: np.ndarray
    lips: np.ndarray
    wet: np.ndarray
    brow_texels: tuple[np.ndarray, np.ndarray]
    brow_seen: tuple[np.ndarray, np.ndarray]
    base: np.ndarray
    iris: np.ndarray
    eyes: np.ndarray
    gaps: np.ndarray
    gap_share: np.ndarray
    texel_m: float


_kept: list[tuple[weakref.ref[HeadModel], int, Canvas]] = []


def get_canvas(model: HeadModel, size: int) -> Canvas:
    """The canvas of a model at a texture size; the latest KEPT are remembered."""
    for reference, kept_size, canvas in _kept:
        if reference() is model and kept_size == size:
            return canvas
    canvas = build_canvas(model, size)
    _kept[:] = [(weakref.ref(model), size, canvas), *_kept[: KEPT - 1]]
    return canvas


def build_canvas(model: HeadModel, size: int) -> Canvas:
    """About a second at 2048."""
    triangles, uv_triangles = triangulate(model.faces), triangulate(model.face_uvs)
    parts = np.repeat(model.face_parts, 1 + (model.faces[:, 3] >= 0))
    raster = rasterize_uv(model.uvs, uv_triangles, size)
    part = np.where(raster.is_covered, parts[raster.triangle_id], -1)
    face_map = get_face_map(model)
    skin = np.flatnonzero(part == model.part_names.index("skin"))
    base = resize(model.base_textures["albedo"][..., :3], size)
    shares = find_features(model, face_map, raster, triangles, base, part == model.part_names.index("skin"))
    texels, seen = find_brow_texels(face_map, raster, triangles, skin)
    eyes = np.isin(part, [model.part_names.index("left_eye"), model.part_names.index("right_eye")])
    covered = Image.fromarray(raster.is_covered.astype(np.uint8) * 255)
    return Canvas(
        raster, triangles, uv_triangles, skin.astype(np.int32), *shares, texels, seen, base,
        resize(model.base_textures["iris"], size), np.flatnonzero(eyes), np.flatnonzero(~raster.is_covered),
        np.asarray(covered.reduce(max(1, size // FILL_PX))) / np.float32(255), FACE_TEXEL_M * 2048 / size,
    )  # fmt: skip


def resize(pixels: np.ndarray, size: int) -> np.ndarray:
    """A square uint8 image at another size."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(image if image.size == (size, size) else image.resize((size, size), Image.Resampling.LANCZOS))


def find_features(
    model: HeadModel, face_map: FaceMap, raster: RasterResult, triangles: np.ndarray, base: np.ndarray, is_skin: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Shares of lip and of wet lid margin, [S * S] uint8 each."""
    gates = interpolate(np.stack([face_map.lip, face_map.inside, face_map.lids], 1), raster, triangles)
    out = []
    for chosen, is_lip in ((np.maximum(gates[..., 0], gates[..., 1]) > 0.02, True), (gates[..., 2] > 0.02, False)):
        share = np.zeros(is_skin.shape, np.uint8)
        at = np.nonzero(chosen & is_skin)
        linear = srgb_to_linear(base[at] / 255.0)
        if is_lip:
            value = (LIP_GREEN[0] - linear[:, 1]) / (LIP_GREEN[0] - LIP_GREEN[1])
        else:
            value = (linear[:, 2] / linear[:, 1] - WET_BLUE[0]) / (WET_BLUE[1] - WET_BLUE[0])
        value = np.clip(value, 0, 1)
        share[at] = np.rint(255 * value * value * (3 - 2 * value))
        out.append(share.reshape(-1))
    return out[0], out[1]


def find_brow_texels(
    face_map: FaceMap, raster: RasterResult, triangles: np.ndarray, skin: np.ndarray
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The texels around either brow, and where they are seen from the front."""
    (left, right), (low, high), back = BROW_BOX_MM
    near = interpolate(
        (np.abs(face_map.places[:, 1] - face_map.eyes[0, 1] - 0.02) < 0.03).astype(np.float32) * (face_map.places[:, 2] > 0.02),
        raster, triangles,
    ).reshape(-1)  # fmt: skip
    skin = skin[near[skin] > 0]
    rows, columns = np.divmod(skin, raster.triangle_id.shape[1])
    places = interpolate(face_map.places, raster.select(rows, columns), triangles)
    texels, seen = [], []
    for eye, sign in zip(face_map.eyes, (1.0, -1.0), strict=True):
        offset = 1000 * (places - eye)
        at = np.stack([sign * offset[:, 0], offset[:, 1]], 1)
        chosen = (at[:, 0] > left) & (at[:, 0] < right) & (at[:, 1] > low) & (at[:, 1] < high) & (offset[:, 2] > back)
        texels.append(skin[chosen])
        seen.append(at[chosen])
    return (texels[0], texels[1]), (seen[0], seen[1])
