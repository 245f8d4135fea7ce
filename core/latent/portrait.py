"""A photo cut as the portraits of FFHQ are: turned level, the face in the middle, of the size that their generators draw.

    x' = right of the eyes' middles - left    y' = their middle - the mouth's corners' middle
    side = max(4 |x'|, 3.6 |y'|)    centre = the eyes' middle - y' / 10    axis x = unit(x' - rotate90(y'))

Karras et al. 2018, "Progressive Growing of GANs", appendix C. Rule of this file: points are (x, y) in index coordinates; NumPy
and Pillow alone.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

RIGHT_EYE, LEFT_EYE, MOUTH_CORNERS = slice(36, 42), slice(42, 48), [48, 54]
"""Of iBUG's 68 points; the subject's right eye is on the picture's left."""
FINER = 2
"""The cut is sampled that much finer than it will be, then averaged."""


def cut_portrait(pixels: np.ndarray, points68: np.ndarray, size: int) -> np.ndarray:
    """A photo [H, W, 3] uint8 with 68 points [68, 2] of its face -> [size, size, 3] uint8; what lies outside of the photo is its
    mirror image."""
    centre, axis, side = find_square(points68)
    shrink = max(1, int(side / (FINER * size)))
    image = np.asarray(Image.fromarray(pixels).reduce(shrink))
    centre, side = (centre + 0.5) / shrink, side / shrink
    reach = 0.5 * side * np.abs(axis).sum()
    before = np.maximum(np.ceil(reach - centre), 0).astype(int)
    after = np.maximum(np.ceil(centre + reach - image.shape[1::-1]), 0).astype(int)
    wide = np.pad(image, [(before[1], after[1]), (before[0], after[0]), (0, 0)], "symmetric")
    edge = FINER * size
    across, down = axis * side / edge, np.array([-axis[1], axis[0]]) * side / edge
    corner = centre + before - (across + down) * edge / 2
    matrix = (across[0], down[0], corner[0], across[1], down[1], corner[1])
    cut = Image.fromarray(wide).transform((edge, edge), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    return np.asarray(cut.reduce(FINER))


def find_square(points68: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Centre [2], the direction of its upper edge [2], and side, px."""
    points = np.asarray(points68, np.float64)
    right, left, mouth = points[RIGHT_EYE].mean(0), points[LEFT_EYE].mean(0), points[MOUTH_CORNERS].mean(0)
    eyes = (right + left) / 2
    across, up = left - right, eyes - mouth
    axis = across + np.array([-up[1], up[0]])
    axis /= np.linalg.norm(axis)
    return eyes - 0.1 * up, axis, float(max(4 * np.linalg.norm(across), 3.6 * np.linalg.norm(up)))
