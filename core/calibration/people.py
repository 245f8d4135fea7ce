"""Random people to look at: identity, expression and a painted skin, all placed by anatomy and never by landmarks.

Brows, lips, beard and hairline come from the mesh's anatomical regions, moved and thinned at random, so that a
detector's habits can be measured against the shape and not against a picture of themselves. Skin colour comes from pigments
(appearance/skin.py): melanin over the whole human range, blood by region.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from ..appearance.skin import skin_albedo
from ..head.brow_line import BROW_HALF_WIDTH_MM, BROW_MM, distance_to_line
from ..head.model import HeadModel, triangulate
from ..render.rasterize import interpolate, rasterize_uv
from ..types import HeadCode

HAIR_LINEAR = np.array([[0.010, 0.008, 0.007], [0.035, 0.02, 0.012], [0.09, 0.05, 0.025], [0.25, 0.16, 0.08], [0.3, 0.28, 0.26]])


@dataclass(frozen=True)
class UvMaps:
    """regions: name -> [S,S] in [0,1]; base: linear albedo [S,S,3]; is_skin [S,S]; position: template point per texel [S,S,3] m;
    eye_centres: side -> [3] m."""

    regions: dict[str, np.ndarray]
    base: np.ndarray
    is_skin: np.ndarray
    position: np.ndarray
    eye_centres: dict[str, np.ndarray]


def build_uv_maps(model: HeadModel, size: int = 512) -> UvMaps:
    """The model's regions and positions painted on its UV layout."""
    triangles, uv_triangles = triangulate(model.faces), triangulate(model.face_uvs)
    parts = np.repeat(model.face_parts, (model.faces[:, 3] >= 0) + 1)
    raster = rasterize_uv(model.uvs, uv_triangles, size)
    names = list(model.regions)
    stacked = np.stack([model.regions[name] for name in names], 1)
    maps = interpolate(np.concatenate([stacked, model.template], 1), raster, triangles)
    base = model.base_textures["albedo"]
    step = base.shape[0] // size
    base = base[::step, ::step, :3].astype(np.float32) / 255
    eye_centres = {
        side: model.template[np.unique(triangles[parts == model.part_names.index(f"{side}_eye")])].mean(0)
        for side in ("left", "right")
    }
    is_skin = (raster.triangle_id >= 0) & (parts[np.maximum(raster.triangle_id, 0)] == model.part_names.index("skin"))
    return UvMaps({n: maps[..., i] for i, n in enumerate(names)}, base**2.2, is_skin, maps[..., len(names) :], eye_centres)


@cache
def _noise_field(size: int, cells: int, number: int) -> np.ndarray:
    from scipy.ndimage import zoom

    coarse = np.random.default_rng((size, cells, number)).normal(size=(cells + 3, cells + 3))
    fine = zoom(coarse, (size + 8) / cells, order=2)[:size, :size]
    return ((fine - fine.mean()) / fine.std()).astype(np.float32)


def smooth_noise(rng: np.random.Generator, size: int, cells: int) -> np.ndarray:
    """[size,size] noise of unit variance, about `cells` features across: one of eight stored fields, rolled and flipped."""
    field = _noise_field(size, cells, int(rng.integers(8)))
    return np.roll(field, tuple(rng.integers(size, size=2)), (0, 1)) * rng.choice([-1, 1])


def _threshold(mask: np.ndarray, level: float, softness: float) -> np.ndarray:
    return np.clip((mask - level) / softness + 0.5, 0, 1)


def paint_albedo(maps: UvMaps, rng: np.random.Generator) -> np.ndarray:
    """A random person's sRGB albedo, [S,S,3] uint8."""
    size = maps.base.shape[0]

    def region(*names: str) -> np.ndarray:
        return np.sum([maps.regions.get(n, np.zeros((size, size), np.float32)) for n in names], axis=0)

    melanin = np.exp(rng.uniform(np.log(0.1), np.log(9.0)))
    local = 0.05 * smooth_noise(rng, size, 12) + 0.06 * smooth_noise(rng, size, 60) + 0.05 * rng.normal(size=(size, size))
    lids = region("upper_lid_left", "upper_lid_right", "lower_lid_left", "lower_lid_right")
    m = melanin * np.exp(local + rng.uniform(0, 0.3) * region("forehead") + rng.uniform(0, 0.4) * lids)
    flush = rng.uniform(0, 0.45) * region("cheek_left", "cheek_right") + rng.uniform(0, 0.4) * region("nose")
    h = rng.normal(0, 0.25) + flush + 0.12 * smooth_noise(rng, size, 40)
    lips = _threshold(region("lip_upper", "lip_lower"), rng.uniform(0.3, 0.6), rng.uniform(0.15, 0.5))
    lip_blood = rng.uniform(0.5, 1.9) if rng.random() > 0.15 else rng.uniform(0.0, 0.4)
    color = skin_albedo(m * (1 + 0.3 * lips), h + lip_blood * lips)
    if rng.random() < 0.2:
        lipstick = np.array([rng.uniform(0.25, 0.6), rng.uniform(0.02, 0.12), rng.uniform(0.03, 0.15)])
        color = _mix(color, lipstick, 0.8 * lips)
    hair = HAIR_LINEAR[rng.integers(len(HAIR_LINEAR))] * rng.uniform(0.7, 1.3)
    if melanin > 2:
        hair = HAIR_LINEAR[0] * rng.uniform(0.7, 2.0)
    color = _mix(color, hair * rng.uniform(0.8, 1.5), _brows(maps, rng, size))
    color = _mix(color, hair, _scalp_hair(maps, rng, size))
    if rng.random() < 0.3:
        beard = _threshold(region("chin", "jawline") + 0.5 * region("cheek_left", "cheek_right"), rng.uniform(0.4, 0.8), 0.6)
        strands = _streaks(rng, size)
        color = _mix(color, hair, beard * (1 - lips) * rng.uniform(0.1, 0.85) * strands)
    if rng.random() < 0.25:
        color = _mix(color, np.array(rng.uniform(0.02, 0.2, 3)), 0.6 * rng.random() * region("upper_lid_left", "upper_lid_right"))
    inside = np.clip(region("mouth_inside"), 0, 1)[..., None]
    color = color * (1 - inside) + maps.base * inside
    tint = np.where(maps.is_skin[..., None], color, maps.base * _eye_tint(rng))
    return (np.clip(tint, 0, 1) ** (1 / 2.2) * 255 + 0.5).astype(np.uint8)


def _mix(color: np.ndarray, paint: np.ndarray, amount: np.ndarray) -> np.ndarray:
    a = np.clip(amount, 0, 1)[..., None]
    return color * (1 - a) + paint * a


def _streaks(rng: np.random.Generator, size: int) -> np.ndarray:
    from scipy.ndimage import gaussian_filter1d

    noise = gaussian_filter1d(rng.normal(size=(size, size)), rng.uniform(2, 5), axis=int(rng.integers(2)))
    return np.clip(0.75 + 0.5 * noise / noise.std(), 0, 1.2)


def _brows(maps: UvMaps, rng: np.random.Generator, size: int) -> np.ndarray:
    """Brows drawn texel by texel along their anatomical line, moved, tilted, bent, thickened and thinned at random."""
    up, out, tilt, arch = rng.normal(0, [2.0, 1.5, 0.06, 0.006])
    thickness, softness, density = rng.uniform(0.6, 1.35), rng.uniform(0.2, 1.0), rng.uniform(0.2, 1.0)
    line = BROW_MM * [rng.uniform(0.9, 1.08), 1] + [out, up]
    line[:, 1] += tilt * line[:, 0] - arch * (line[:, 0] - 4) ** 2 * 0.1
    amount = np.zeros((size, size), np.float32)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        centre = maps.eye_centres[side] * 1000
        near = maps.is_skin & (maps.position[..., 2] > 0.04) & (np.abs(maps.position[..., 0] * sign - 0.03) < 0.04)
        near &= np.abs(maps.position[..., 1] - 0.02) < 0.04
        place = maps.position[near] * 1000
        seen = np.stack([(place[:, 0] - centre[0]) * sign, place[:, 1] - centre[1]], 1)
        distance, width = distance_to_line(seen, line, BROW_HALF_WIDTH_MM * thickness)
        amount[near] = np.clip((1 + softness / 2 - distance / width) / softness, 0, 1)
    return amount * density * _streaks(rng, size)


def _scalp_hair(maps: UvMaps, rng: np.random.Generator, size: int) -> np.ndarray:
    if rng.random() < 0.15:
        return np.zeros((size, size))
    level, softness = rng.uniform(0.15, 0.8), rng.uniform(0.1, 0.5)
    wobble = 0.15 * smooth_noise(rng, size, 25)
    return _threshold(maps.regions["scalp"] + wobble, level, softness) * rng.uniform(0.35, 1.0) * _streaks(rng, size)


def _eye_tint(rng: np.random.Generator) -> np.ndarray:
    return np.array([1.0, 1.0, 1.0]) * rng.uniform(0.75, 1.1) * (1 + rng.normal(0, 0.05, 3))


def random_expression(names: tuple[str, ...], rng: np.random.Generator) -> np.ndarray:
    """Unit weights [E]: a third nearly neutral, the rest a few mostly symmetric units; gaze and blinks small and often."""
    weights = np.zeros(len(names))
    index = {name: i for i, name in enumerate(names)}
    is_calm = rng.random() < 0.35
    pool = [n for n in names if not n.startswith(("eyeLook", "tongue")) and not n.endswith("Right") and n != "mouthClose"]
    for name in rng.choice(pool, size=rng.integers(0, 3 if is_calm else 6), replace=False):
        strength = rng.beta(1.2, 2.5) * (0.4 if is_calm else 1.0)
        strength *= {"jawOpen": 0.8, "eyeBlinkLeft": 0.5, "cheekPuff": 0.3, "jawForward": 0.5}.get(name, 1.0)
        weights[index[name]] = strength
        if name.endswith("Left") and (twin := name[:-4] + "Right") in index and name not in ("jawLeft", "mouthLeft"):
            weights[index[twin]] = np.clip(strength * rng.normal(1, 0.15), 0, 1)
    if rng.random() < 0.35:
        smile = rng.beta(2, 2) * (0.4 if is_calm else 1)
        for side in ("Left", "Right"):
            weights[index["mouthSmile" + side]] = np.clip(smile * rng.normal(1, 0.1), 0, 1)
            weights[index["cheekSquint" + side]] = np.clip(smile * rng.uniform(0.2, 0.8), 0, 1)
    horizontal, vertical = rng.normal(0, 0.25, 2)
    for side, sign in (("Left", 1), ("Right", -1)):
        weights[index[f"eyeLook{'Out' if horizontal * sign > 0 else 'In'}{side}"]] = min(abs(horizontal), 1)
        weights[index[f"eyeLook{'Up' if vertical > 0 else 'Down'}{side}"]] = min(abs(vertical), 1)
    return weights


def random_code(model: HeadModel, rng: np.random.Generator) -> HeadCode:
    """A random person of the model's own family with a random expression."""
    return HeadCode(rng.normal(size=model.num_identity), random_expression(model.expression_names, rng), np.zeros(15))
