"""The scaled orthographic camera (s, tx, ty), and the ways between its crop and the photo.

Rule of this file: FLAME's axes (y up, z to the viewer) go in; "the screen" is the crop in [-1, 1], y down, z into the screen.
An image's coordinates are in pixels of that image, in the release's convention: 0 is the first pixel's centre in a
transform's matrix, and (p / 2 + 1 / 2) * size in a screen position.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .faithfulness import FIXED, Faithfulness

ENCODER_SIZE = 224


def project(points: Tensor, camera: Tensor) -> Tensor:
    """[B, N, 3] m by cameras [B, 3] = (s, tx, ty) -> s (x + tx), s (y + ty), s z; still y up."""
    shift = torch.cat([camera[:, 1:], torch.zeros_like(camera[:, :1])], 1)
    return camera[:, None, :1] * (points + shift[:, None])


def flip_to_screen(projected: Tensor) -> Tensor:
    """y and z negated: y down, z into the screen."""
    return projected * projected.new_tensor([1.0, -1.0, -1.0])


def project_to_screen(points: Tensor, camera: Tensor) -> Tensor:
    """FLAME's points [B, N, 3] -> the screen."""
    return flip_to_screen(project(points, camera))


def screen_to_photo(points: Tensor, photo_from_crop: Tensor, photo_size: tuple[int, int], crop_size: int) -> Tensor:
    """The screen of a crop -> the screen of the whole photo (x, y in [-1, 1]; z as it was).

    points [B, N, 3]; photo_from_crop [B, 3, 3]: pixels of the crop to pixels of the photo (the inverse of crop.Crop's matrix);
    photo_size (width, height); crop_size: the crop's side.
    """
    pixels = (points[..., :2] * 0.5 + 0.5) * crop_size
    homogeneous = torch.cat([pixels, torch.ones_like(pixels[..., :1])], -1)
    in_photo = (homogeneous @ photo_from_crop.transpose(1, 2))[..., :2]
    return torch.cat([in_photo / points.new_tensor(photo_size) * 2 - 1, points[..., 2:]], -1)


def points_scale(crop_size: int, faithfulness: Faithfulness = FIXED) -> int:
    """The side that screen_to_photo is to be told: the crop's, or 224 whatever the crop (Faithfulness.photo_overlay_at_224)."""
    return ENCODER_SIZE if faithfulness.photo_overlay_at_224 else crop_size


@dataclass(frozen=True)
class OrthographicCamera:
    """The same camera as Blender wants it: ortho_scale m (the crop's side), position [3] m in FLAME's axes, looking along -z."""

    ortho_scale: float
    position: np.ndarray

    @staticmethod
    def build(camera: np.ndarray, distance_m: float = 1.0) -> OrthographicCamera:
        """camera [3] = (s, tx, ty)."""
        s, tx, ty = (float(value) for value in camera)
        return OrthographicCamera(2 / s, np.array([-tx, -ty, distance_m]))
