"""A linear space of skins on FLAME's own layout, a file of the user's: for what a photo hides of a head, and for random people.

    seen, de-lit texels ~ mean + components . code    least squares, |code|^2 priced
    hidden skin         = mean + components . code + what the seen skin is beside it, stretched over the head as a membrane

Rule of this file: seen skin keeps its bytes; NumPy alone. The head needs FLAME's layout (head_template.obj beside its file), for
that is where its points have places on the space.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..checkpoints import read_file
from ..errors import ModelError
from ..fit.face_zones import find_zones
from ..fit.gutters import FILL_PX, fill_gutters
from ..fit.membrane import build_graph, stretch_membrane
from ..fit.texels import Texels, gather, keep_texels
from ..fit.texture import bake_surface_maps
from ..head.model import HeadModel, triangulate, triangulate_corners
from ..render.rasterize import interpolate, sample_texture
from ..render.shading import srgb_to_linear
from ..types import HeadAsset, Texture
from .companions import LAYOUT_NAME

SIDE, KEPT_SIDE, MOST_COMPONENTS = 512, 256, 50
"""Pixels of a file's textures; of ours, every second one; components that are used, as many as the method's encoder speaks of."""
BFM = ("MU", "PC", 1.0, "those accepted for BFM 2017: not commercial")
FLAME = ("mean", "tex_dir", 255.0, "those accepted at its download: not commercial")
"""Mean, components, their range and terms: of FLAME_albedo_from_BFM.npz, FLAME_texture.npz."""
NUM_SAMPLES, RIDGE = 20_000, 0.02
"""Seen texels that are compared; price of a code's square, as a share of the components' mean effect."""
SURE = 64
"""Of the map of confidence: from here on a texel is the photo's, or its mirror's, alone."""
MOST_SD = 2.0
"""No component of a random skin is further from the mean."""
OURS_INSIDE = ("mouth_inside", "nostrils", "eye_socket")
"""Regions that a flat picture of skin says nothing of."""
NO_LAYOUT = "A texture space lies on FLAME's own layout: put head_template.obj beside the FLAME file and give it with --model."
NO_SPACE = "{name} is no texture space on FLAME's layout: give FLAME_texture.npz or FLAME_albedo_from_BFM.npz."
LICENCE = "The terms of the texture space ({terms}), and the head model's, hold for this head"


@dataclass(frozen=True)
class SkinSpace:
    """mean [256, 256, 3] and components [K, 256, 256, 3] float32 (of one deviation), RGB, sRGB in 0..1; name, sha256 (hex), terms
    of the file."""

    mean: np.ndarray
    components: np.ndarray
    name: str
    sha256: str
    terms: str

    def texture(self, code: np.ndarray) -> np.ndarray:
        """Code [k <= K] -> [256, 256, 3], not clamped."""
        return self.mean + np.tensordot(code.astype(np.float32), self.components[: len(code)], 1)


def read_skin_space(path: Path) -> SkinSpace:
    """The latest is kept until its file changes. Raises ModelError, CheckpointError."""
    try:
        stat = path.stat()
    except OSError as error:
        raise ModelError(f"There is no texture space {path}: check the path.") from error
    return _read(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=1)
def _read(path: Path, size: int, changed_ns: int) -> SkinSpace:
    content = read_file(path)
    kinds = [kind for kind in (BFM, FLAME) if isinstance(content, dict) and {kind[0], kind[1]} <= content.keys()]
    if not kinds:
        raise ModelError(NO_SPACE.format(name=path.name))
    mean, components, scale, terms = content[kinds[0][0]], content[kinds[0][1]], kinds[0][2], kinds[0][3]
    num_values = SIDE * SIDE * 3
    if mean.size != num_values or components.size % num_values or not components.size or mean.dtype.kind not in "fiu":
        raise ModelError(NO_SPACE.format(name=path.name))
    step = SIDE // KEPT_SIDE

    def keep(array: np.ndarray) -> np.ndarray:
        """Blue-first pixels by rows -> ours."""
        pixels = array.reshape(SIDE, SIDE, 3, -1)[::step, ::step, ::-1]
        return np.ascontiguousarray(np.moveaxis(pixels, -1, 0), np.float32) / np.float32(scale)

    directions = keep(components.reshape(num_values, -1)[:, :MOST_COMPONENTS])
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return SkinSpace(keep(mean)[0], directions, path.name, digest, terms)


def fill_hidden_skin(asset: HeadAsset, space: SkinSpace, model: HeadModel) -> HeadAsset:
    """A photo's head -> the same with its hidden skin of the space. model: that it was made with. Raises ModelError without
    FLAME's layout."""
    places = find_places(asset, model)
    albedo, confidence = asset.textures["albedo"].pixels, asset.textures["albedo_confidence"].pixels.reshape(-1)[places.index]
    seen = np.clip(confidence / np.float32(SURE), 0, 1)
    colour = albedo.reshape(-1, 3)[places.index].astype(np.float32)
    code = fit_code(space, places.uv, colour / 255, np.where(seen == 1, confidence / np.float32(255), 0))
    return _lay(asset, space, model, places, colour, code, seen)


def draw_skin(asset: HeadAsset, space: SkinSpace, model: HeadModel, seed: int) -> HeadAsset:
    """A random person's head -> the same with a random skin of the space, under our own pores and marks. Raises ModelError."""
    places = find_places(asset, model)
    code = np.clip(np.random.default_rng((seed, 5)).standard_normal(len(space.components)), -MOST_SD, MOST_SD)
    colour = asset.textures["albedo"].pixels.reshape(-1, 3)[places.index].astype(np.float32)
    return _lay(asset, space, model, places, colour, code, np.zeros(len(colour), np.float32))


@dataclass(frozen=True)
class Places:
    """The skin's texels: their flat index [N], and where on FLAME's layout they are, uv [N, 2]; triangles [T, 3] of the head, and
    which of them are skin."""

    texels: Texels
    index: np.ndarray
    uv: np.ndarray
    triangles: np.ndarray
    is_skin: np.ndarray


def find_places(asset: HeadAsset, model: HeadModel) -> Places:
    """Raises ModelError where the head has no place on FLAME's layout."""
    worn = model.worn
    if worn is None or LAYOUT_NAME not in worn.more_uvs or worn.template.shape != asset.vertices.shape:
        raise ModelError(NO_LAYOUT)
    corners = triangulate_corners(worn.faces, worn.more_uvs[LAYOUT_NAME])
    parts = np.repeat(worn.face_parts, 1 + (worn.faces[:, 3] >= 0))
    is_skin = parts == worn.part_names.index("skin")
    texels = keep_texels(worn, len(asset.textures["albedo"].pixels))
    index = np.flatnonzero(np.append(is_skin, False)[texels.triangle_id])
    inside = texels.barycentric[index]
    uv = np.einsum("nk,nkc->nc", inside, corners[texels.triangle_id[index]])
    return Places(texels, index, uv.astype(np.float32), triangulate(worn.faces), is_skin)


def fit_code(space: SkinSpace, uv: np.ndarray, colour: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The code [K] whose texture is most like colours [N, 3] (sRGB in 0..1) at uv [N, 2] by weights [N]; an even difference of
    tone is free, for it is the membrane's. The mean's where nothing is seen."""
    chosen = np.flatnonzero(weight > 0)
    chosen = chosen[:: max(1, len(chosen) // NUM_SAMPLES)]
    if not len(chosen):
        return np.zeros(len(space.components))
    spots, trust = uv[chosen], np.sqrt(weight[chosen])[:, None]
    wanted = colour[chosen] - sample_texture(space.mean, spots)
    effects = np.stack([sample_texture(component, spots) for component in space.components], -1).astype(np.float64)
    share = trust**2 / (trust**2).sum()
    effects = (trust[..., None] * (effects - (share[..., None] * effects).sum(0))).reshape(-1, len(space.components))
    goal = (trust * (wanted - (share * wanted).sum(0))).ravel()
    H = effects.T @ effects
    H += (RIDGE * np.trace(H) / len(H) + 1e-12) * np.eye(len(H))
    code: np.ndarray = np.linalg.solve(H, effects.T @ goal)
    return code


def _lay(
    asset: HeadAsset, space: SkinSpace, model: HeadModel, places: Places, colour: np.ndarray, code: np.ndarray, seen: np.ndarray
) -> HeadAsset:
    """colour [N, 3] bytes of the skin's texels, which stay as far as seen [N] says."""
    worn = model.worn
    assert worn is not None
    texels, triangles, count = places.texels, places.triangles, len(asset.vertices)
    drawn = 255 * sample_texture(np.clip(space.texture(code), 0, 1), places.uv).astype(np.float32)
    ones = np.ones(len(colour), np.float32)
    total = np.maximum(gather(texels, triangles, places.index, ones[:, None], ones, count)[1], 1e-6)
    sums, share = gather(texels, triangles, places.index, colour - drawn, seen, count)
    known, certainty = sums / np.maximum(share, 1e-6)[:, None], np.where(share > 0.01 * total, share / total, 0)
    shift = np.zeros((count, 3))
    if certainty.any():
        middle = np.average(known, axis=0, weights=certainty)
        skin = triangles[places.is_skin]
        graph = build_graph(skin)
        spread = stretch_membrane(asset.vertices.astype(np.float64), graph, known - middle, certainty)
        shift[np.unique(skin)] = (middle + spread)[np.unique(skin)]
    raster = texels.select(places.index)
    smooth = gather(texels, triangles, places.index, colour, ones, count)[0] / total[:, None]
    plain = 1 - find_zones(worn).feature
    grain = (colour - interpolate(smooth, raster, triangles)) * interpolate(plain, raster, triangles)[:, None]
    hidden = drawn + interpolate(shift, raster, triangles) + grain
    inside = np.max([worn.regions[name] for name in OURS_INSIDE if name in worn.regions], 0, initial=0)
    kept = np.maximum(seen, interpolate(inside * np.ones(count), raster, triangles))[:, None]
    laid = kept * colour + (1 - kept) * hidden
    albedo = asset.textures["albedo"].pixels.copy()
    albedo.reshape(-1, 3)[places.index] = np.clip(np.round(laid), 0, 255).astype(np.uint8)
    covered = texels.triangle_id.reshape(albedo.shape[:2]) >= 0
    share_covered = Image.fromarray(covered.astype(np.uint8) * 255).reduce(max(1, len(albedo) // FILL_PX))
    fill_gutters(albedo, np.flatnonzero(~covered), np.asarray(share_covered) / np.float32(255))
    skin_colour = asset.skin_linear_rgb
    if not certainty.any():
        sure = interpolate(find_zones(worn).sure_skin, raster, triangles) > 0.5
        skin_colour = srgb_to_linear(np.median(laid[sure], 0) / 255).astype(np.float32)
    textures = asset.textures | {"albedo": Texture(albedo, "sRGB")}
    if "subsurface" in textures:
        maps = bake_surface_maps(albedo, model, skin_colour)
        textures |= {"subsurface": Texture(maps["subsurface"], "Non-Color")}
    told: dict[str, Any] = {"name": space.name, "sha256": space.sha256, "terms": space.terms, "code": np.round(code, 5).tolist()}
    licence = LICENCE.format(terms=space.terms)
    if "paper" in asset.provenance:
        licence = f"{asset.provenance['licence']}; {licence}"
    provenance = asset.provenance | {"texture_space": told, "licence": licence}
    return replace(asset, textures=textures, skin_linear_rgb=skin_colour, provenance=provenance)
