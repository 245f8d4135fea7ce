"""Square windows of a photo: turned, scaled, and resampled without aliasing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Square:
    """A window in image space: centre (x, y) px, side px, turn_rad clockwise on the screen (its x axis is (cos, sin))."""

    x: float
    y: float
    side: float
    turn_rad: float = 0.0

    @property
    def axes(self) -> np.ndarray:
        """[2, 2], columns: the window's x and y axis in the image."""
        c, s = np.cos(self.turn_rad), np.sin(self.turn_rad)
        return np.array([[c, -s], [s, c]])

    def scaled(self, factor: float) -> Square:
        """The same window in the photo resized by `factor`."""
        return Square(self.x * factor, self.y * factor, self.side * factor, self.turn_rad)

    def to_image(self, points: np.ndarray) -> np.ndarray:
        """points [..., 2] in the window's unit square ((0, 0) top-left corner) -> image space."""
        return (points - 0.5) * self.side @ self.axes.T + (self.x, self.y)

    def from_image(self, points: np.ndarray) -> np.ndarray:
        """Inverse of to_image."""
        return (points - (self.x, self.y)) @ self.axes / self.side + 0.5


def crop_square(pixels: np.ndarray, square: Square, resolution: int, repeat_edge: bool) -> np.ndarray:
    """pixels [H, W, 3] uint8 -> [resolution, resolution, 3] uint8; outside the photo black, or its edge repeated."""
    scale = square.side / resolution
    factor = max(1, int(scale))
    corners = square.to_image(np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float64))
    low = np.floor(corners.min(0)).astype(int) - 2 * factor
    blocks = np.ceil((corners.max(0) - low) / factor).astype(int) + 2
    region = _cut(pixels, low, low + blocks * factor, repeat_edge)
    reduced = Image.fromarray(region).reduce(factor)
    matrix = square.axes * (scale / factor)
    offset = (square.to_image(np.zeros(2)) - low) / factor
    data = (*matrix[0], offset[0], *matrix[1], offset[1])
    window = reduced.transform((resolution, resolution), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)
    return np.asarray(window)


def _cut(pixels: np.ndarray, low: np.ndarray, high: np.ndarray, repeat_edge: bool) -> np.ndarray:
    """pixels[low_y:high_y, low_x:high_x], also beyond the photo's edges; low, high (x, y)."""
    size = np.array([pixels.shape[1], pixels.shape[0]])
    inner_low = np.clip(low, 0, size - 1)
    inner_high = np.clip(high, inner_low + 1, size)
    before = np.maximum(inner_low - low, 0)
    after = (high - low) - (inner_high - inner_low) - before
    region = pixels[inner_low[1] : inner_high[1], inner_low[0] : inner_high[0]]
    if not (before.any() or after.any()):
        return region
    margins = ((before[1], after[1]), (before[0], after[0]), (0, 0))
    return np.pad(region, margins, mode="edge") if repeat_edge else np.pad(region, margins)
