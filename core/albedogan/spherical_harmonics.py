"""Light in nine spherical harmonics a channel, as the encoders predict it, and its way to and from this project's own light.

Rule of this file: light is [..., 9, 3], coefficient by channel, for normals in FLAME's axes (x right in the image, y up, z to
the viewer); it is fixed to the camera, not to the head. shading_c = sum over k of light_kc c_k B_k(n), not clamped, with B =
1, x, y, z, xy, xz, yz, x^2 - y^2, 3 z^2 - 1. The release multiplies it with colours as they are displayed (sRGB), this
project with linear ones: the conversion exchanges the coefficients, not the colour space.
Source: Ramamoorthi & Hanrahan 2001, "An efficient representation for irradiance environment maps".
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ..render.shading import SH_CONSTANTS, sh_basis

CONSTANTS = (
    1 / math.sqrt(4 * math.pi),
    *[2 * math.pi / 3 * math.sqrt(3 / (4 * math.pi))] * 3,
    *[math.pi / 4 * 3 * math.sqrt(5 / (12 * math.pi))] * 3,
    math.pi / 4 * 3 / 2 * math.sqrt(5 / (12 * math.pi)),
    math.pi / 4 / 2 * math.sqrt(5 / (4 * math.pi)),
)
"""Real orthonormal harmonics with the clamped cosine's convolution in them."""
OURS_FROM_RELEASED = (0, 2, 3, 1, 4, 6, 8, 5, 7)
"""Which of the released coefficients belongs to each of ours (1, y, z, x, xy, yz, 3z^2-1, xz, x^2-y^2)."""
OUR_CONSTANTS = np.array([SH_CONSTANTS[k] for k in (0, 1, 1, 1, 2, 2, 3, 2, 4)])


def basis(normals: Tensor) -> Tensor:
    """Unit normals [..., 3] -> c_k B_k [..., 9]."""
    x, y, z = normals.unbind(-1)
    terms = torch.stack([torch.ones_like(x), x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 1], -1)
    return terms * normals.new_tensor(CONSTANTS)


def shade(normals: Tensor, light: Tensor) -> Tensor:
    """Unit normals [B, ..., 3], light [B, 9, 3] -> shading [B, ..., 3]."""
    return torch.einsum("b...k,bkc->b...c", basis(normals), light)


def shade_map(normals: Tensor, light: Tensor) -> Tensor:
    """The same for maps: normals [B, 3, H, W] -> shading [B, 3, H, W]."""
    return torch.einsum("bhwk,bkc->bchw", basis(normals.permute(0, 2, 3, 1)), light)


def ambient(rgb: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> np.ndarray:
    """Light that shows a white surface as `rgb` whatever its normal, [9, 3]."""
    light = np.zeros((9, 3))
    light[0] = np.asarray(rgb) / CONSTANTS[0]
    return light


def light_to_ours(light: np.ndarray) -> np.ndarray:
    """Released light [..., 9, 3] -> the same shading by core/render/shading.py's basis (core/types.py, FitResult.light)."""
    scaled = np.asarray(light, np.float64) * np.asarray(CONSTANTS)[:, None]
    return scaled[..., OURS_FROM_RELEASED, :] / OUR_CONSTANTS[:, None]


def light_from_ours(light: np.ndarray) -> np.ndarray:
    """The inverse of light_to_ours."""
    scaled = np.asarray(light, np.float64) * OUR_CONSTANTS[:, None]
    return scaled[..., np.argsort(OURS_FROM_RELEASED), :] / np.asarray(CONSTANTS)[:, None]


def rotate_light(light: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """Released light [9, 3] turned by rotation [3, 3]: shade(rotation @ n) after is shade(n) before.

    Exact: every band of harmonics is closed under rotation. To make a light that belongs to the posed head belong to the head at
    rest, turn it by the inverse of the head's root rotation.
    """
    directions = spread_directions(64)
    turned = sh_basis(directions @ np.asarray(rotation, np.float64).T)
    shading = sh_basis(directions) @ light_to_ours(light)
    return light_from_ours(np.linalg.lstsq(turned, shading, rcond=None)[0])


def spread_directions(count: int) -> np.ndarray:
    """[count, 3] unit vectors evenly over the sphere (Fibonacci's spiral)."""
    z = 1 - (2 * np.arange(count) + 1) / count
    angle = np.pi * (3 - math.sqrt(5)) * np.arange(count)
    return np.stack([np.sqrt(1 - z * z) * np.cos(angle), np.sqrt(1 - z * z) * np.sin(angle), z], -1)


def blend_lights(first: np.ndarray, second: np.ndarray, share: float) -> np.ndarray:
    """The light on the way from one to the other: shading is linear in the coefficients, so this blends what is seen."""
    return (1 - share) * np.asarray(first) + share * np.asarray(second)
