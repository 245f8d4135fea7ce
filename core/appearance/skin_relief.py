"""A person's relief from the person's numbers: pores, the fine pattern of skin, lips' furrows and the lines of age, as maps.

Rule of this file: depths are metres at the skin's real scale and know no texture size; what differs over the face is said at the
vertices, what differs between people by Appearance, and the format of the maps is relief.py's. What a texel cannot hold is not
drawn: it is in the roughness, which was measured with all of it (surface_maps.take_slopes).

Sources. Pattern: polygons of lines 20 to 200 um deep over the body (Bibb et al. 2015); furrows of adults 40 um deep until about
40 years, over 100 um past 80, the secondary direction fading (Corcuff et al. 1983, forearms). The nose is the roughest of the
face after 40, the forehead is the smoothest in youth (Korn et al. 2016). Follicles: 439 in a cm2 of forehead (Blume et al.
1991), fewer from the middle of the face outwards (Pagnoni et al. 1994); a pore is seen from 250 um on (Flament et al. 2015), most
on nose and forehead (Jung et al. 2014), drawn out with age, first past the thirties (Skin Res Technol 24:304, 2018, 116 women);
50 to 150 um deep (ANTHROPOMETRY.md B5, a weak figure). Lips' furrows do not change with age (Leveque and Goubanova 2004); their
depth here is set by eye.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import numpy as np

from ..head.model import HeadModel
from ..render.runtime import as_warp, launch, load_relief_kernels, load_warp
from .canvas import Canvas, get_canvas
from .face_map import FaceMap, get_face_map, soft_step
from .noise import noise_volume
from .parameters import Appearance
from .relief import FLAT_NORMAL, LEAST_STRETCH_M, STEEPEST, encode_displacement
from .wrinkles import CELL_M, draw_creases

MICRON = 1e-6
LIP_FURROW_M = 65 * MICRON
PORE_LENGTH = 0.45
"""How much old pores are drawn out."""
COARSE_M = 0.00045
"""Texels wider than this hold no skin's pattern: off the face and neck they stay smooth."""
WIDEST_TEXEL_M = 0.003
"""Beyond it a triangle's texels say nothing of its neighbours'."""
BORDER_PX = 3
"""Texels beside a chart that carry its border on, so that reading between texels brings nothing foreign in."""


@dataclass(frozen=True)
class ReliefCanvas:
    """skin [N]: flat indices of the texels that have relief; border, source [M]: texels beside charts, and whose values they
    take; texel_m [V]: size of a texel at each vertex."""

    skin: np.ndarray
    border: np.ndarray
    source: np.ndarray
    texel_m: np.ndarray


_kept: list[tuple[weakref.ref[Canvas], ReliefCanvas]] = []


def get_relief_canvas(model: HeadModel, canvas: Canvas) -> ReliefCanvas:
    """What belongs to a canvas, remembered for the latest one."""
    for reference, relief_canvas in _kept:
        if reference() is canvas:
            return relief_canvas
    relief_canvas = build_relief_canvas(model, canvas)
    _kept[:] = [(weakref.ref(canvas), relief_canvas)]
    return relief_canvas


def build_relief_canvas(model: HeadModel, canvas: Canvas) -> ReliefCanvas:
    """Some tenths of a second at 2048."""
    size = len(canvas.base)
    face = get_face_map(model)
    border, source = find_border(canvas.raster.is_covered)
    frames = frames_of_triangles(face.places, canvas.triangles, model.uvs, canvas.uv_triangles)
    longer = np.maximum(frames[:, 0], np.hypot(frames[:, 1], frames[:, 2])) / size
    texel = np.zeros(len(face.places))
    np.maximum.at(texel, canvas.triangles.ravel(), np.repeat(np.minimum(longer, WIDEST_TEXEL_M), 3))
    has = (hidden_share(model, face) < 1) & (hold_pattern(face, texel) > 0) | (face.lip > 0)
    skin = canvas.skin[has[canvas.triangles].any(1)[canvas.raster.triangle_id.reshape(-1)[canvas.skin]]]
    return ReliefCanvas(skin.astype(np.int32), border, source, texel)


def find_border(is_covered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Uncovered texels within BORDER_PX of covered ones, and a covered one near each; flat indices."""
    size = is_covered.shape[1]
    known = is_covered.copy()
    source = np.where(is_covered, np.arange(is_covered.size, dtype=np.int32).reshape(is_covered.shape), -1)
    for _ in range(BORDER_PX):
        before, taken = known.copy(), source.copy()
        for rows, columns in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            to = (slice(max(rows, 0), size + min(rows, 0)), slice(max(columns, 0), size + min(columns, 0)))
            of = (slice(max(-rows, 0), size + min(-rows, 0)), slice(max(-columns, 0), size + min(-columns, 0)))
            new = before[of] & ~known[to]
            source[to][new] = taken[of][new]
            known[to] |= new
    border = np.flatnonzero(known & ~is_covered)
    return border, source.reshape(-1)[border]


def hidden_share(model: HeadModel, face: FaceMap) -> np.ndarray:
    """How far within mouth, nostrils or eye sockets, [V] in [0, 1]: there is no relief."""
    zero = np.zeros(len(face.places))
    return np.clip(np.maximum(face.inside, model.regions.get("eye_socket", zero)) * 1.5, 0, 1)


def hold_pattern(face: FaceMap, texel_m: np.ndarray) -> np.ndarray:
    """Where texels are fine enough, or skin is seen enough, for a pattern, [V] in [0, 1]."""
    return np.maximum(
        1 - soft_step(texel_m, 0.7 * COARSE_M, COARSE_M), soft_step(face.neck, 0.3, 0.6) * (face.places[:, 2] > -0.06)
    )


def vertex_table(model: HeadModel, appearance: Appearance, face: FaceMap, texel_m: np.ndarray) -> np.ndarray:
    """What relief_kernels.raise_skin interpolates, [V, 13] float32: its grounds, patterns, pits and hair_depth."""
    bare = 1 - hidden_share(model, face)
    zero = np.zeros(len(face.places))
    old = soft_step(np.array(appearance.age), 38.0, 88.0).item()
    lids, under = face.lid, np.clip(face.under_eye + 0.6 * face.lid, 0, 1)
    mouth = np.clip(model.regions.get("lip_upper", zero) + model.regions.get("lip_lower", zero), 0, 1)
    nose, cheek, chin = np.clip(face.nose, 0, 1), np.clip(face.cheek, 0, 1), np.clip(face.chin, 0, 1)
    smooth, held = np.clip(face.ear + 0.6 * nose, 0, 1), hold_pattern(face, texel_m)
    fine = (27 + 9 * face.forehead + 8 * chin + 12 * face.neck + 4 * lids) * (1 - 0.5 * smooth) * (1 + 1.2 * old) * held
    level = 5 * face.forehead + 14 * face.neck + 16 * lids + 6 * under
    level = level + old * (22 * face.forehead + 50 * face.neck + 20 * lids + 15 * under)
    upright = 5 * chin + 8 * mouth + old * (26 * chin + 34 * mouth)
    slanting = 4 * cheek + old * 34 * np.clip(cheek + 0.5 * face.beard, 0, 1) * (1 - mouth) * held
    dimples = (7 + 7 * nose + 7 * cheek + 12 * chin + 6 * face.forehead + 10 * old) * (1 - 0.7 * face.scalp) * held
    bridge = np.clip(model.regions.get("nose", zero) - model.regions.get("nostrils", zero), 0, 1)
    pores = np.maximum(165 * nose, 95 * bridge) + 125 * cheek + 75 * face.forehead + 110 * chin
    radius = 0.00015 + 0.00004 * nose + 0.00003 * cheek + 0.00002 * old
    share = np.clip(np.maximum(nose, 0.7 * bridge) + 0.8 * cheek + 0.5 * face.forehead + 0.7 * chin, 0.2, 1)
    hairs = 30 * face.beard * appearance.stubble * (1 - mouth) + 14 * face.scalp * appearance.scalp_stubble * held
    strength = MICRON * appearance.pores * bare
    deep = [strength * field * (1 - 0.9 * mouth * is_off) for field, is_off in
            ((fine, 0), (level, 0), (upright, 0), (slanting, 0), (dimples, 0), (np.minimum(pores, 185), 1))]  # fmt: skip
    columns = [face.places, texel_m, *deep, radius, share, MICRON * bare * hairs]
    return np.ascontiguousarray(np.column_stack(columns), np.float32)


def raise_relief(model: HeadModel, appearance: Appearance, size: int) -> np.ndarray:
    """Heights [size, size] m on the model's UVs, 0 where there is no skin; the same person at every size."""
    wp, canvas, face = load_warp(), get_canvas(model, size), get_face_map(model)
    own = get_relief_canvas(model, canvas)
    creases = draw_creases(model, appearance)
    height = np.zeros(size * size, np.float32)
    table = vertex_table(model, appearance, face, own.texel_m)
    fours = [as_warp(np.ascontiguousarray(table[:, k : k + 4]), wp.vec4) for k in (0, 4, 8)]
    segments = [as_warp(columns, wp.vec4) for columns in (creases.starts, creases.ways, creases.sizes, creases.sides)]
    inputs = [
        noise_volume(), as_warp(own.skin, wp.int32), *fours, as_warp(np.ascontiguousarray(table[:, 12]), wp.float32),
        as_warp(np.ascontiguousarray(canvas.triangles, np.int32), wp.vec3i),
        as_warp(canvas.raster.triangle_id.reshape(-1), wp.int32), as_warp(canvas.raster.barycentric.reshape(-1, 3), wp.vec3),
        as_warp(canvas.lips, wp.uint8), int(appearance.seed % 2**31), LIP_FURROW_M * appearance.pores,
        PORE_LENGTH * soft_step(np.array(appearance.age), 30.0, 75.0).item(), *segments,
        wp.vec3(*creases.origin.tolist()), CELL_M, wp.vec3i(*creases.counts.tolist()), as_warp(creases.offsets, wp.int32),
        as_warp(creases.items, wp.int32),
    ]  # fmt: skip
    launch(load_relief_kernels().raise_skin, len(own.skin), inputs, [as_warp(height, wp.float32)])
    height[own.border] = height[own.source]
    return height.reshape(size, size)


def paint_relief(model: HeadModel, vertices: np.ndarray, appearance: Appearance, size: int) -> dict[str, np.ndarray]:
    """The person's relief on neutral vertices [V, 3] m: 'displacement' [size, size] uint16, 'normal' [size, size, 3] uint8."""
    height = raise_relief(model, appearance, size)
    return {"displacement": encode_displacement(height), "normal": tilt_relief(model, vertices, height)}


def frames_of_triangles(vertices: np.ndarray, triangles: np.ndarray, uvs: np.ndarray, uv_triangles: np.ndarray) -> np.ndarray:
    """along_u, skew, along_v (relief.TexelFrames) of every triangle, [T, 3]: exact where UVs are sheared and means are not."""
    p, q = vertices[triangles].astype(np.float64), uvs[uv_triangles].astype(np.float64)
    side, uv_side = p[:, 1:] - p[:, :1], q[:, 1:] - q[:, :1]
    area = uv_side[:, 0, 0] * uv_side[:, 1, 1] - uv_side[:, 0, 1] * uv_side[:, 1, 0]
    safe = np.where(np.abs(area) < 1e-14, np.inf, area)[:, None]
    per_u = (uv_side[:, 1, 1, None] * side[:, 0] - uv_side[:, 0, 1, None] * side[:, 1]) / safe
    per_v = (uv_side[:, 0, 0, None] * side[:, 1] - uv_side[:, 1, 0, None] * side[:, 0]) / safe
    along_u = np.maximum(np.linalg.norm(per_u, axis=1), LEAST_STRETCH_M)
    skew = np.einsum("tc,tc->t", per_u, per_v) / along_u
    across = np.linalg.norm(np.cross(per_u, per_v), axis=1) / along_u
    return np.ascontiguousarray(np.column_stack([along_u, skew, np.maximum(across, LEAST_STRETCH_M)]), np.float32)


def tilt_relief(model: HeadModel, vertices: np.ndarray, height: np.ndarray) -> np.ndarray:
    """relief.normal_map of heights [size, size] m on neutral vertices [V, 3] m in one pass; [size, size, 3] uint8."""
    wp, size = load_warp(), len(height)
    canvas = get_canvas(model, size)
    own = get_relief_canvas(model, canvas)
    frames = frames_of_triangles(vertices, canvas.triangles, model.uvs, canvas.uv_triangles)
    normal = np.empty((size, size, 3), np.uint8)
    normal[:] = FLAT_NORMAL
    inputs = [
        as_warp(own.skin, wp.int32), as_warp(frames, wp.vec3), as_warp(canvas.raster.triangle_id.reshape(-1), wp.int32), size,
        as_warp(height.reshape(-1), wp.float32), STEEPEST,
    ]  # fmt: skip
    launch(load_relief_kernels().tilt_skin, len(own.skin), inputs, [as_warp(normal.reshape(-1), wp.uint8)])
    flat = normal.reshape(-1, 3)
    flat[own.border] = flat[own.source]
    return normal
