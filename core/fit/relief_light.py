"""The photo's light as relief meets it: how brightness answers to a slope, and how a tile of the photo lies on the face."""

from __future__ import annotations

import numpy as np

from ..types import Camera
from .dome import lamp_directions
from .face_zones import soft_step
from .light import SkinLight
from .relief_solver import TileLight, Tiles
from .shading_field import Shading
from .surface import HeadSurface

WRAP = 0.1
"""How far light creeps round the terminator, as a share of the cosine."""
LEAST_COSINE = 0.3
"""Flatter sights are counted as this one."""
FAINTEST = 0.4
"""Share of the face's mean light below which shading says nothing."""


def tile_blocks(tiles: Tiles, block: int, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns [N] of the tiles' middles in a map [h, w] of blocks."""
    middle = tiles.side // 2
    rows, columns = ((corner + middle) // block for corner in (tiles.rows, tiles.columns))
    return np.clip(rows, 0, shape[0] - 1), np.clip(columns, 0, shape[1] - 1)


def slope_response(surface: HeadSurface, skin_light: SkinLight, shading: Shading) -> tuple[np.ndarray, np.ndarray]:
    """How log brightness changes as a vertex's normal turns, [V, 3] (tangential), and where there is light enough to tell [V]."""
    directions, lamps = lamp_directions(), skin_light.lamps.mean(1)
    cosine = surface.normals @ directions.T + WRAP
    lit = np.maximum(cosine, 0) @ lamps / (1 + WRAP)
    turning = ((cosine > 0) * lamps) @ directions / (1 + WRAP)
    turning -= surface.normals * np.einsum("vc,vc->v", turning, surface.normals)[:, None]
    reached = (shading.diffuse / np.exp(shading.correction)).mean(1) / np.maximum(lit, 1e-4)
    slope = turning / np.maximum(lit, 1e-4)[:, None] * np.clip(reached, 0, 1)[:, None]
    typical = float(np.median(shading.diffuse.mean(1)[surface.seen])) if surface.seen.any() else 1.0
    return slope, soft_step(shading.diffuse.mean(1) / max(typical, 1e-6), 0.5 * FAINTEST, 1.5 * FAINTEST)


def light_tiles(tiles: Tiles, maps: np.ndarray, depth: np.ndarray, small: Camera, block: int, distance: float) -> TileLight:
    """Light slope and metric of each tile, from maps [h, w, 6+] on blocks: normal, slope (camera axes)."""
    covered = (depth > 0).astype(np.float32)
    values = np.concatenate([maps[..., :6], depth[..., None]], -1) * covered[..., None]
    radius = max(0, tiles.side // (4 * block))
    rows, columns = tile_blocks(tiles, block, depth.shape)
    sums = np.zeros((len(rows), 8))
    for r in range(-radius, radius + 1):
        for c in range(-radius, radius + 1):
            place = np.clip(rows + r, 0, depth.shape[0] - 1), np.clip(columns + c, 0, depth.shape[1] - 1)
            sums[:, :7] += values[place]
            sums[:, 7] += covered[place]
    mean = sums[:, :7] / np.maximum(sums[:, 7:], 1)
    normal = mean[:, :3] / np.maximum(np.linalg.norm(mean[:, :3], axis=1, keepdims=True), 1e-6)
    known = (sums[:, 7] > 0)[:, None]
    normal = np.where(known, normal, (0, 0, -1.0))
    z = np.where(known[:, 0], mean[:, 6], distance)
    focal, centre = small.K[[0, 1], [0, 1]] * block, small.K[:2, 2] * block
    x, y = tiles.columns + tiles.side / 2, tiles.rows + tiles.side / 2
    ray = np.column_stack([(x - centre[0]) / focal[0], (y - centre[1]) / focal[1], np.ones(len(x))])
    facing = np.minimum(np.einsum("nc,nc->n", normal, ray), -LEAST_COSINE)
    steps = []
    for axis in range(2):
        step = np.zeros(3)
        step[axis] = 1 / focal[axis]
        steps.append(z[:, None] * (step - ray * (normal @ step / facing)[:, None]))
    dx, dy = steps
    xx, xy, yy = (np.einsum("nc,nc->n", a, b) for a, b in ((dx, dx), (dx, dy), (dy, dy)))
    determinant = np.maximum(xx * yy - xy**2, 1e-18)
    metric = np.column_stack([yy, -xy, xx]) / determinant[:, None]
    gx, gy = (np.einsum("nc,nc->n", mean[:, 3:6], step) for step in steps)
    slope = np.column_stack([metric[:, 0] * gx + metric[:, 1] * gy, metric[:, 1] * gx + metric[:, 2] * gy])
    return TileLight(slope, metric)
