"""What the encoders say of a face, and a face made of it.

Rule of this file: frozen values of NumPy arrays; torch tensors only where a network's own input is kept (the latent code).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from .crop import Crop
from .flame_layer import NUM_SHAPE, Poses

PARTS = (("shape", 100), ("texture", 50), ("expression", 50), ("pose", 6), ("camera", 3), ("light", 27))
"""The coarse encoder's 236 numbers, in this order."""


@dataclass(frozen=True)
class PaperCodes:
    """shape [300] and expression [50] in standard deviations; pose [6] rad, axis-angles of root and jaw; camera [3] = s, tx, ty
    of the crop; light [9, 3] (spherical_harmonics.py); texture [50]; detail [128] or None; neck [3], eyes [6] rad."""

    shape: np.ndarray
    expression: np.ndarray
    pose: np.ndarray
    camera: np.ndarray
    light: np.ndarray
    texture: np.ndarray
    detail: np.ndarray | None = None
    neck: np.ndarray = field(default_factory=lambda: np.zeros(3, np.float32))
    eyes: np.ndarray = field(default_factory=lambda: np.zeros(6, np.float32))

    @staticmethod
    def split(parameters: Tensor, detail: Tensor | None = None) -> PaperCodes:
        """The encoders' outputs for one face, [236] and [128]; the shape's last 200 components are zero."""
        sizes = [size for _, size in PARTS]
        found = {name: part.numpy() for (name, _), part in zip(PARTS, parameters.split(sizes), strict=True)}
        found["shape"] = np.pad(found["shape"], (0, NUM_SHAPE - len(found["shape"])))
        found["light"] = found["light"].reshape(9, 3)
        return PaperCodes(**found, detail=None if detail is None else detail.numpy())

    def poses(self, *, is_neck_straight: bool = False) -> Poses:
        """As the FLAME layer wants them, a batch of one."""
        neck = None if is_neck_straight else torch.as_tensor(self.neck, dtype=torch.float32)[None]
        pose, eyes = (torch.as_tensor(value, dtype=torch.float32)[None] for value in (self.pose, self.eyes))
        return Poses.build(pose, eyes, neck)


@dataclass(frozen=True)
class PaperGeometry:
    """vertices [V, 3] m, posed, FLAME's axes; normals [V, 3] of them; screen [V, 3] of the crop (camera.py); landmarks2d,
    landmarks3d [68, 3] on the screen, or None without an embedding; displacement [256, 256] m; detail_normals [256, 256, 3] on
    the UV layout; dense_vertices [D, 3] m."""

    vertices: np.ndarray
    normals: np.ndarray
    screen: np.ndarray
    landmarks2d: np.ndarray | None
    landmarks3d: np.ndarray | None
    displacement: np.ndarray
    detail_normals: np.ndarray
    dense_vertices: np.ndarray


@dataclass(frozen=True)
class PaperFace:
    """A face by the paper's method. texture [N, N, 3] float32 RGB as displayed, 0..1: unlit, but for Faithfulness.texture_lit;
    seen [N, N] in 0..1: how well the picture showed each texel; picture: the crop that it was made of; latent [1, L, D] w+ of a
    random face."""

    codes: PaperCodes
    geometry: PaperGeometry
    texture: np.ndarray
    seen: np.ndarray
    picture: Crop
    latent: Tensor | None = None
