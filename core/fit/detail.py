"""Relief finer than the mesh, carved from the photo's shading: wrinkles, folds, pores as far as the photo resolves them.

Rule of this file: heights are found in the photo, where a wrinkle is one thing, and carried to the texels by the sight
that colours the albedo, so they know no UV seams. The relief is of the photo's expression: a smile's wrinkles stay on the
neutral head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from ..appearance.relief import encode_displacement, frame_texels, normal_map
from ..head.model import HeadModel
from ..render.camera import model_to_camera, resize
from ..render.rasterize import RasterResult, interpolate, rasterize, sample_image
from ..render.shading import SRGB_TABLE, encode_srgb
from ..types import Camera
from .face_zones import soft_step
from .relief_brightness import block_size, enlarge, fine_detail, pigment_leak, pixel_noise, relief_weights
from .relief_light import light_tiles, slope_response, tile_blocks
from .relief_solver import SHORTEST_PX, place_tiles, solve_relief
from .seen_texels import SeenTexels, View, image_points
from .several import SHARPNESS
from .surface import mirror_values
from .texels import Texels, keep_texels
from .texture import Sight

TALLEST_M = 0.0015
"""Heights saturate here, well inside the map's 4 mm."""
SEEN = (0.2, 0.55)
"""Quality of sight (weight times cosine) between which relief comes in."""
LIFTED, LEAST_LIFTED = 0.8, 0.004
"""Share of the relief's brightness that is taken out of the albedo, and log brightness not worth it."""


@dataclass(frozen=True)
class Detail:
    """height_m [s, s] float32 on the UVs, 0 where nothing was seen; weight [s, s] in [0, 1]: how well it was seen;
    log_shading [s, s]: brightness, log, that the relief explains in the photo; pixels_per_mm: how finely it sees the face."""

    height_m: np.ndarray
    weight: np.ndarray
    log_shading: np.ndarray
    pixels_per_mm: float


def carve_detail(sight: Sight, model: HeadModel, size: int) -> Detail:
    """The relief that a photo shows, as a texture of `size`."""
    image, camera = fit_view(sight.view, size)
    height, explained, scale = find_relief(image, camera, sight)
    return lay_on_texels(np.stack([height, explained], -1), camera, sight, model, size, scale)


def blend_details(details: list[Detail]) -> Detail:
    """Relief of several photos of one person -> one, by how well each texel was seen and how finely."""
    if len(details) == 1:
        return details[0]
    fineness = np.array([detail.pixels_per_mm for detail in details])
    shares = [d.weight**SHARPNESS * f**2 for d, f in zip(details, fineness / fineness.max(), strict=True)]
    total = np.maximum(sum(shares), 1e-9)
    height, shading = (
        sum(s * v for s, v in zip(shares, values, strict=True)) / total
        for values in ([d.height_m for d in details], [d.log_shading for d in details])
    )
    return Detail(height, np.maximum.reduce([d.weight for d in details]), shading, float(fineness.max()))


def lift_relief(albedo: np.ndarray, detail: Detail) -> np.ndarray:
    """Albedo [S, S, 3] sRGB uint8 without the brightness that the relief explains: a wrinkle's shadow is not painted."""
    size = len(albedo)
    shading = np.asarray(Image.fromarray(detail.log_shading).resize((size, size), Image.Resampling.BILINEAR)).reshape(-1)
    index = np.flatnonzero(np.abs(shading) > LEAST_LIFTED)
    lifted = albedo.reshape(-1, 3).copy()
    lifted[index] = encode_srgb(SRGB_TABLE[lifted[index]] * np.exp(-LIFTED * shading[index])[:, None])
    return lifted.reshape(albedo.shape)


def describe_detail(details: list[Detail]) -> dict[str, Any]:
    """JSON-able facts of the relief of one person's photos."""
    finest = max(detail.pixels_per_mm for detail in details)
    return {"pixels_per_mm": round(finest, 2), "finest_mm": round(SHORTEST_PX[1] / finest, 1), "expression": "as in the photo"}


def draw_relief(detail: Detail, model: HeadModel, vertices: np.ndarray) -> dict[str, np.ndarray]:
    """On neutral vertices [V, 3] m -> 'displacement' [s, s] uint16 and 'normal' [s, s, 3] uint8 (appearance/relief.py)."""
    texels = keep_texels(model, len(detail.height_m))
    grid = detail.height_m.shape
    raster = RasterResult(texels.triangle_id.reshape(grid), texels.barycentric.reshape(*grid, 3), np.ones(grid, np.float32))
    frames = frame_texels(model, vertices, raster)
    return {"displacement": encode_displacement(detail.height_m), "normal": normal_map(detail.height_m, frames)}


def fit_view(view: View, size: int) -> tuple[np.ndarray, Camera]:
    """The photo's crop with no more pixels than the texture has texels."""
    shrink = size / max(view.camera.size)
    if shrink >= 1:
        return view.image, view.camera
    small = (max(1, round(view.camera.size[0] * shrink)), max(1, round(view.camera.size[1] * shrink)))
    image = Image.fromarray(view.image).resize(small, Image.Resampling.LANCZOS, reducing_gap=2.0)
    return np.asarray(image), resize(view.camera, small)


def find_relief(image: np.ndarray, camera: Camera, sight: Sight) -> tuple[np.ndarray, np.ndarray, float]:
    """Heights [H, W] m of the image's pixels, the log brightness that they explain, and pixels per mm."""
    surface, atlas, skin_light, shading = sight.surface, sight.atlas, sight.skin_light, sight.shading
    distance = float(np.median(model_to_camera(camera, surface.vertices[surface.seen])[:, 2])) if surface.seen.any() else 1.0
    pixels_per_m = camera.K[0, 0] / distance
    block = block_size(pixels_per_m)
    height, width = image.shape[:2]
    K = camera.K.copy()
    K[:2] /= block
    small = Camera(K, camera.R, camera.t, (-(-width // block), -(-height // block)))
    slope, brightness = slope_response(surface, skin_light, shading)
    raster = rasterize(surface.vertices, atlas.opaque, small, "back")
    normals = surface.normals @ camera.R.T
    expected = skin_light.skin_linear_rgb * shading.diffuse / np.exp(shading.correction) + shading.highlight
    table = np.column_stack([normals, slope @ camera.R.T, expected.mean(1), 1 - atlas.zones.feature, brightness])
    maps = interpolate(table, raster, atlas.opaque)
    seen = np.asarray(Image.fromarray(sight.view.mask.weight).resize((width, height), Image.Resampling.BILINEAR))
    mask = seen * enlarge(maps[..., 7] * maps[..., 8], (height, width), block)
    mask = np.where(mask < 0.01, 0, mask).astype(np.float32)
    log_expected = np.log(np.maximum(maps[..., 6], 1e-3))
    weights, mottle = relief_weights(skin_light.skin_linear_rgb)
    fine, trust = fine_detail(image, mask, log_expected, weights, block)
    tiles = place_tiles(trust, pixels_per_m)
    if not len(tiles.rows):
        return np.zeros_like(mask), np.zeros_like(mask), pixels_per_m / 1000
    light = light_tiles(tiles, maps, raster.depth, small, block, distance)
    rows, columns = tile_blocks(tiles, block, raster.depth.shape)
    mottle = np.hypot(mottle, pigment_leak(image, fine, trust, block)[rows, columns])
    relief, explained = solve_relief(fine, tiles, light, mottle, pixel_noise(fine, trust, block)[rows, columns])
    relief = TALLEST_M * np.tanh(relief * trust / TALLEST_M)
    return relief, explained * trust, pixels_per_m / 1000


def lay_on_texels(maps: np.ndarray, camera: Camera, sight: Sight, model: HeadModel, size: int, pixels_per_mm: float) -> Detail:
    """maps [H, W, 2] (height, log shading) of the photo -> on the UVs: seen texels, and under them their mirror twins'."""
    surface, atlas = sight.surface, sight.atlas
    texels = keep_texels(model, size)
    out = np.zeros((size * size, 2), np.float32)
    total = np.zeros(size * size, np.float32)
    twins = mirror_values(surface.vertices, atlas.mirror)
    for seen, vertices in ((sight.other, twins), (sight.direct, surface.vertices)):
        index, weight = seen_index(seen, texels)
        points = interpolate(model_to_camera(camera, vertices), texels.select(index), atlas.triangles)
        values = sample_image(maps, image_points(camera, points))
        out[index] += weight[:, None] * (values - out[index])
        total[index] = np.maximum(total[index], weight)
    grid = (size, size)
    return Detail(out[:, 0].reshape(grid), total.reshape(grid), out[:, 1].reshape(grid), pixels_per_mm)


def seen_index(seen: SeenTexels, texels: Texels) -> tuple[np.ndarray, np.ndarray]:
    """Flat indices [N] of texels that are seen well enough for relief, and their weights [N]."""
    soft = Image.fromarray(soft_step(seen.quality, *SEEN).astype(np.float32))
    weight = np.asarray(soft.resize((texels.size, texels.size), Image.Resampling.BILINEAR)).reshape(-1)
    index = np.flatnonzero((weight > 0.01) & (texels.triangle_id >= 0)).astype(np.int32)
    return index, weight[index]
