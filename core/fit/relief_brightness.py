"""What of a photo's fine brightness may be relief: pigments' share taken out by colour, features, hair and hard shadow left out.

Rule of this file: image space only. Relief changes all channels alike; melanin and blood do not, and shine turns skin pale.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from ..appearance.skin import B_BLOOD, find_pigments, melanin_direction
from ..render.shading import SRGB_TABLE
from .face_zones import soft_step
from .light import BURNT
from .skin_mask import box_blur

RELIEF_SD, MELANIN_SD, BLOOD_SD, NOISE_SD = 0.06, 0.12, 0.15, 0.015
"""Deviations of fine log brightness by relief, of fine ln m of pale skin and of h (spots, flush), and of what either is not."""
FLOOR = 0.004
"""Linear; keeps logarithms of dark pixels calm."""
BLOCK_M = 0.002
"""Smooth things are computed on blocks of this size."""
ROUGH = (0.15, 0.26)
"""Deviations of fine brightness, over 6 mm, between which it is no longer skin's relief but hair, stubble or a shadow's edge."""
SHADOWED = (0.06, 0.16)
"""The same of the expected brightness: between them is a shadow's edge, which never lies quite where it is expected."""
DARK = (0.2, 0.45)
"""How far below the bare skin that the lamps alone make expect, in log brightness over 6 mm, a place is doubted as hair, beard or
cast shadow."""
NOISE_GAIN = 2 * 1.2533 / 6
"""Twice what white noise of this mean absolute second difference has: hair's waves are longer than a pixel."""
TINTED, LEAK = 0.7, 1.3
"""See pigment_leak."""
STRONGEST = 0.35
"""Fine brightness saturates here: a single dark line is a hair or an open crease."""


def relief_weights(skin_linear_rgb: np.ndarray) -> tuple[np.ndarray, float]:
    """How fine log colour is weighed so that relief counts fully and pigments little, [3], and the deviation of
    what passes that is no relief: the best linear guess from the deviations above, scaled. In deep skin melanin looks
    most like shading."""
    melanin, _, _ = find_pigments(skin_linear_rgb)
    along = melanin_direction(melanin)
    varied = MELANIN_SD / (1 + melanin)
    other = varied**2 * np.outer(along, along) + BLOOD_SD**2 * np.outer(B_BLOOD, B_BLOOD) + NOISE_SD**2 * np.eye(3)
    weights = np.linalg.inv(RELIEF_SD**2 + other).sum(0)
    weights /= weights.sum()
    return weights, float(np.sqrt(weights @ other @ weights))


def relief_brightness(image: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """sRGB bytes [H, W, 3] -> the log brightness [H, W] float32 in which relief shows and pigments do not."""
    tables = (np.log(SRGB_TABLE + FLOOR)[:, None] * weights).astype(np.float32)
    return tables[:, 0][image[..., 0]] + tables[:, 1][image[..., 1]] + tables[:, 2][image[..., 2]]


def block_size(pixels_per_m: float) -> int:
    return max(1, round(BLOCK_M * pixels_per_m))


def shrink(values: np.ndarray, block: int) -> np.ndarray:
    """Means over blocks of [H, W] float32; the last ones may be smaller."""
    return np.asarray(Image.fromarray(values.astype(np.float32)).reduce(block))


def enlarge(values: np.ndarray, shape: tuple[int, ...], block: int) -> np.ndarray:
    """Blocks' values back on the pixels [H, W], linearly."""
    height, width = shape
    box = (0, 0, width / block, height / block)
    return np.asarray(Image.fromarray(values.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR, box))


def fine_detail(
    image: np.ndarray, mask: np.ndarray, expected: np.ndarray, weights: np.ndarray, block: int
) -> tuple[np.ndarray, np.ndarray]:
    """image [H, W, 3] bytes, mask [H, W] in [0, 1], expected [h, w]: mean log colour of skin there, by blocks -> fine brightness
    [H, W], 0 on average, fading to 0 where not trusted; trust [H, W] in [0, 1]."""
    brightness = relief_brightness(image, weights)
    share = shrink(mask, block)
    local = smooth(shrink(brightness * mask, block)) / np.maximum(smooth(share), 1e-3)
    fine = (brightness - enlarge(local, mask.shape, block)) * (mask > 0)
    near = np.maximum(box_blur(share, 1), 1e-3)
    rough = np.sqrt(box_blur(shrink(fine**2 * mask, block), 1) / near)
    level = np.log(np.maximum(shrink(SRGB_TABLE[image].mean(-1) * mask, block) / np.maximum(share, 1e-3), 1e-3))
    dark = box_blur((expected - level) * share, 1) / near
    edge = np.sqrt(box_blur((expected - smooth(expected * share) / np.maximum(smooth(share), 1e-3)) ** 2 * share, 1) / near)
    burnt = shrink(soft_step(SRGB_TABLE[image.max(-1)], *BURNT), block)
    trust = (1 - soft_step(rough, *ROUGH)) * (1 - soft_step(dark, *DARK)) * (1 - soft_step(edge, *SHADOWED))
    trust *= (1 - soft_step(burnt, 0.05, 0.3)) * (share > 0.01)
    trust = mask * enlarge(box_blur(trust, 1), mask.shape, block)
    return STRONGEST * np.tanh(fine / STRONGEST) * trust, trust


def smooth(values: np.ndarray) -> np.ndarray:
    """About a Gaussian of 5 mm deviation on blocks [h, w]."""
    for _ in range(3):
        values = box_blur(values, 2)
    return values


def pixel_noise(fine: np.ndarray, trust: np.ndarray, block: int) -> np.ndarray:
    """Deviation a pixel of what no wave of three pixels or more explains, by blocks [h, w]: grain, stubble, fine hair.

    From second differences across both axes, over about 10 mm.
    """
    second = np.zeros_like(fine)
    along = fine[:, 2:] + fine[:, :-2] - 2 * fine[:, 1:-1]
    second[1:-1, 1:-1] = np.abs(along[2:] + along[:-2] - 2 * along[1:-1])
    share = box_blur(shrink(trust, block), 2)
    return NOISE_GAIN * box_blur(shrink(second, block), 2) / np.maximum(share, 0.05)


def pigment_leak(image: np.ndarray, fine: np.ndarray, trust: np.ndarray, block: int) -> np.ndarray:
    """Deviation of fine brightness that spots may have left, by blocks [h, w], from fine colour: log blue over red, over 10 mm.

    Relief changes it too, for red light creeps further, but by TINTED of its brightness at most; pigments change it by more than
    they leave in the brightness.
    """
    tables = np.log(SRGB_TABLE + FLOOR).astype(np.float32)
    colour = tables[image[..., 2]] - tables[image[..., 0]]
    share = shrink(trust, block)
    near = np.maximum(smooth(share), 0.05)
    local = enlarge(smooth(shrink(colour * trust, block)) / near, trust.shape, block)
    half = max(1, block // 3)
    fine_colour = shrink((colour - local) * trust, half)
    spread = np.asarray(Image.fromarray(fine_colour**2).resize((share.shape[1], share.shape[0]), Image.Resampling.BOX))
    varied, lit = (np.sqrt(box_blur(v, 2) / np.maximum(box_blur(share, 2), 0.05)) for v in (spread, shrink(fine**2, block)))
    return LEAK * np.maximum(varied - TINTED * lit, 0)
