"""Brows drawn hair by hair on a chart of the face seen from the front, then read where the skin's texels lie.

Rule of this file: a brow is the published line above the pupil, moved as the person's numbers say; hairs stand upright over the
inner corner, lie outwards along the arch and down at the tail; the two sides have hairs of their own.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ..head.brow_line import BROW_HALF_WIDTH_MM, BROW_MM, distance_to_line
from ..render.rasterize import sample_image
from .parameters import Appearance

PX_PER_MM = 20.0
CORNER_MM = np.array([-26.0, 2.0])
SIZE_MM = (56.0, 34.0)
NUM_ROOTS = 6400
FINE_SHARE = 0.28
"""What the short down between the hairs adds over the whole brow."""
GREY_SHARE = 0.45
"""Brows turn white later than the hair of the head: this share of it."""
ARCH_MM = np.array([0.0, 0.4, 1.0, 1.6, 1.2, -0.2])
"""What one unit of arch adds to the line's heights."""


def draw_brow(appearance: Appearance, side: int) -> np.ndarray:
    """One brow's pigmented and white hairs [H, W, 2] uint8; side: 0 left, 1 right.

    Row 0 lowest, inner end left, over CORNER_MM and SIZE_MM from the pupil.
    """
    rng = np.random.default_rng((appearance.seed, 51, side))
    line = BROW_MM + np.stack([np.zeros(6), (appearance.brow_arch - 1) * ARCH_MM + 1000 * appearance.brow_height], 1)
    line = line + rng.normal(0, [0.35, 0.35])
    widths = BROW_HALF_WIDTH_MM * appearance.brow_thickness
    roots = CORNER_MM + rng.uniform(size=(NUM_ROOTS, 2)) * SIZE_MM
    chance, shades = rng.uniform(0.0, 1.0, NUM_ROOTS), rng.integers(110, 250, NUM_ROOTS)
    lengths, leans, bends = rng.uniform(3.2, 6.0, NUM_ROOTS), rng.normal(size=NUM_ROOTS), rng.normal(-14, 8, NUM_ROOTS)
    distance, width = distance_to_line(roots, line, widths)
    inner = np.clip((roots[:, 0] - line[0, 0]) / 5.0, 0.25, 1.0)
    keep = chance < np.clip(1.25 - distance / width, 0, 1) * inner * appearance.brow_density
    is_white = rng.random(NUM_ROOTS) < GREY_SHARE * appearance.hair_grey
    size = (round(SIZE_MM[0] * PX_PER_MM), round(SIZE_MM[1] * PX_PER_MM))
    pictures = [Image.new("L", size, 0) for _ in range(2)]
    draws = [ImageDraw.Draw(picture) for picture in pictures]
    paths = grow_hairs(roots[keep], line, lengths[keep], leans[keep], bends[keep], appearance.brow_thickness)
    for path, shade, white in zip(paths.tolist(), shades[keep].tolist(), is_white[keep].tolist(), strict=True):
        for k, (a, b) in enumerate(pairwise(path)):
            draws[white].line([*a, *b], fill=int(shade * (1 - 0.13 * k)), width=3 if k < 3 else 2)
    soft = np.stack([np.asarray(picture.filter(ImageFilter.GaussianBlur(1.2)), np.float32) for picture in pictures], -1)
    soft[..., 0] += FINE_SHARE * appearance.brow_density * (1 - 0.5 * appearance.hair_grey) * down(line, widths, soft.shape)
    return np.clip(soft, 0, 255).astype(np.uint8)


def grow_hairs(
    roots: np.ndarray, line: np.ndarray, lengths: np.ndarray, leans: np.ndarray, bends: np.ndarray, thickness: float
) -> np.ndarray:
    """The hairs' paths on the chart [n, 6, 2] px: from roots [n, 2] mm, of these lengths mm, leaning and bending by chance."""
    share = np.clip((roots[:, 0] + 18) / 40, 0, 1)
    height = roots[:, 1] - np.interp(roots[:, 0], line[:, 0], line[:, 1])
    first = np.radians(76 - 92 * share**0.6 + 8 * leans) - 0.05 * height * share
    angles = first[:, None] + (np.radians(bends) * (1 - 0.5 * share))[:, None] * np.linspace(0, 1, 5)
    steps = lengths * (0.72 + 0.4 * np.sin(np.pi * share)) * (0.7 + 0.3 * thickness) / 5
    ways = np.cumsum(steps[:, None, None] * np.stack([np.cos(angles), np.sin(angles)], -1), 1)
    return (np.concatenate([roots[:, None], roots[:, None] + ways], 1) - CORNER_MM) * PX_PER_MM


def down(line: np.ndarray, widths: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A soft cover over the brow's inside, [H, W] in 0..255."""
    step = 8
    x, y = np.meshgrid(np.arange(step / 2, shape[1], step), np.arange(step / 2, shape[0], step))
    distance, width = distance_to_line(np.stack([x.ravel(), y.ravel()], 1) / PX_PER_MM + CORNER_MM, line, widths)
    cover = np.clip(1.2 - distance / width, 0, 1).reshape(x.shape)
    small = Image.fromarray((255 * cover * cover * (3 - 2 * cover)).astype(np.uint8))
    return np.asarray(small.resize((shape[1], shape[0]), Image.Resampling.BILINEAR), np.float32)


def read_brows(appearance: Appearance, seen_mm: tuple[np.ndarray, np.ndarray], texel_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Either brow [N, 2] uint8 where texels are seen from the front (seen_mm [N, 2]: outwards and up from the pupil)."""
    out = []
    for side, seen in enumerate(seen_mm):
        picture = draw_brow(appearance, side)
        scale = max(1, round(0.8 * texel_mm * PX_PER_MM))
        small = np.stack([np.asarray(Image.fromarray(layer).reduce(scale)) for layer in np.moveaxis(picture, -1, 0)], -1)
        at = (seen - CORNER_MM) * PX_PER_MM / scale
        inside = ((at >= 0) & (at <= np.array(small.shape[1::-1]))).all(1)
        values = np.zeros((len(seen), 2), np.uint8)
        values[inside] = sample_image(small, at[inside]) * 255
        out.append(values)
    return out[0], out[1]
