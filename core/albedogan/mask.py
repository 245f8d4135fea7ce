"""Where the face is on the UV layout: the soft mask between what a photo shows and what the texture space gives.

Rule of this file: the mask is a value; what using it does to the release's (it gets softer) makes another one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .faithfulness import FIXED, Faithfulness
from .image_sampling import resize_maps

MASK_SIZE, TEXTURE_SIZE = 256, 1024
FACE_COLUMNS, FACE_ROWS = (45, 210), (48, 194)
"""The extent of the published mask's face, px of 256."""
EYE_U, EYE_V = (0.859, 0.992), (0.859, 0.992)
"""The left eyeball's island in head_template.obj's layout; the right one's is mirrored."""
SOFT_PX = 12.0


@dataclass(frozen=True)
class FaceMask:
    """texels [1, 1, 256, 256] in 0..1."""

    texels: Tensor

    @staticmethod
    def build(image: np.ndarray) -> FaceMask:
        """From uv_face_eye_mask.png's pixels [256, 256, 4] (or [256, 256]) uint8: the first channel counts."""
        channel = image[..., 0] if image.ndim == 3 else image
        return FaceMask(torch.from_numpy(np.asarray(channel, np.float32) / 255)[None, None])

    @staticmethod
    def stand_in() -> FaceMask:
        """Ours where there is no such file: a soft ellipse of the face's extent, and head_template.obj's eyeballs."""
        centre = np.arange(MASK_SIZE) + 0.5
        (left, right), (top, bottom) = FACE_COLUMNS, FACE_ROWS
        x = (centre[None, :] - (left + right) / 2) / ((right - left) / 2)
        y = (centre[:, None] - (top + bottom) / 2) / ((bottom - top) / 2)
        depth_px = (1 - np.sqrt(x * x + y * y)) * (bottom - top) / 2
        face = np.clip(depth_px / SOFT_PX, 0, 1)
        u, v = centre[None, :] / MASK_SIZE, 1 - centre[:, None] / MASK_SIZE
        is_row = (v > EYE_V[0]) & (v < EYE_V[1])
        eyes = is_row & (((u > EYE_U[0]) & (u < EYE_U[1])) | ((1 - u > EYE_U[0]) & (1 - u < EYE_U[1])))
        return FaceMask(torch.from_numpy(np.maximum(face, eyes).astype(np.float32))[None, None])

    def at(self, size: int) -> Tensor:
        """[1, 1, size, size]."""
        return self.texels if size == MASK_SIZE else resize_maps(self.texels, size)

    def after_use(self, faithfulness: Faithfulness = FIXED) -> FaceMask:
        """What the next head gets: the same, or a softer one (Faithfulness.mask_resized_again)."""
        return FaceMask(resize_maps(self.at(TEXTURE_SIZE), MASK_SIZE)) if faithfulness.mask_resized_again else self
