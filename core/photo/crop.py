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
    height, width = pixels.shape[:2]
    if min(low) >= 0 and high[0] <= width and high[1] <= height:
        return pixels[low[1] : high[1], low[0] : high[0]]
    columns, rows = np.arange(low[0], high[0]), np.arange(low[1], high[1])
    region = pixels[np.clip(rows, 0, height - 1)[:, None], np.clip(columns, 0, width - 1)]
    if not repeat_edge:
        region[(rows < 0) | (rows >= height)] = 0
        region[:, (columns < 0) | (columns >= width)] = 0
    return region
