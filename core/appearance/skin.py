"""Skin colour from pigments: melanin load m and log blood ratio h to linear sRGB albedo, the way back, and how light it looks.

Rule of this file: two numbers a place are all that skin may be; whatever else a photo shows is light.

Optical density D = -ln(albedo) = D0 + k m / (1 + s k m) + b h: melanin saturates as its packages shade one another, blood acts
as a power of its fraction. Constants fitted to the International Skin Spectra Archive's facial medians by typology angle (Lu
et al. 2025, Sci Data 12:487, CC BY 4.0); the form follows Jacques 1998 and Tsumura et al. 2003. They hold to 5-10 %.
"""

from __future__ import annotations

import numpy as np

D0 = np.array([0.649, 1.062, 1.108])
K_MELANIN = np.array([0.583, 1.000, 2.256])
SATURATION = 0.308
B_BLOOD = np.array([0.10, 0.44, 0.415])
MELANIN_RANGE = (0.05, 11.0)
"""From the lightest (67 degrees) to the deepest (-72) measured faces."""
BLOOD_SD = 0.25
"""Of h between people; 0 is the median face."""
XYZ_FROM_RGB = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
WHITE_XYZ = XYZ_FROM_RGB.sum(1)


def skin_density(melanin: np.ndarray | float, blood: np.ndarray | float) -> np.ndarray:
    """Optical density [..., 3] of skin with melanin load m and log blood ratio h."""
    load = np.asarray(melanin)[..., None] * K_MELANIN
    return D0 + load / (1 + SATURATION * load) + np.asarray(blood)[..., None] * B_BLOOD


def skin_albedo(melanin: np.ndarray | float, blood: np.ndarray | float) -> np.ndarray:
    """Linear sRGB albedo [..., 3] of skin with melanin load m and log blood ratio h."""
    return np.exp(-skin_density(melanin, blood))


def melanin_direction(melanin: np.ndarray | float) -> np.ndarray:
    """dD / d ln m, [..., 3]: how density changes as melanin grows by a small share."""
    load = np.asarray(melanin)[..., None] * K_MELANIN
    return load / (1 + SATURATION * load) ** 2


def find_pigments(albedo: np.ndarray, iterations: int = 12) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Linear albedo [..., 3] -> melanin m [...], log blood h [...], and the density [..., 3] that the two leave unexplained.

    Least squares in density by Gauss-Newton on (ln m, h), m kept within MELANIN_RANGE.
    """
    density = -np.log(np.maximum(albedo, 1e-4))
    low, high = np.log(MELANIN_RANGE)
    log_m = np.clip(np.log(np.maximum(density[..., 1] - D0[1], 0.05)), low, high)
    blood = np.zeros_like(log_m)
    for _ in range(iterations):
        error = density - skin_density(np.exp(log_m), blood)
        along = melanin_direction(np.exp(log_m))
        mm, mb, bb = (along**2).sum(-1), along @ B_BLOOD, B_BLOOD @ B_BLOOD
        em, eb = (error * along).sum(-1), error @ B_BLOOD
        determinant = np.maximum(mm * bb - mb**2, 1e-9)
        log_m = np.clip(log_m + np.clip((em * bb - eb * mb) / determinant, -1, 1), low, high)
        blood = np.clip(((density - skin_density(np.exp(log_m), 0.0)) @ B_BLOOD) / bb, -3, 3)
    return np.exp(log_m), blood, density - skin_density(np.exp(log_m), blood)


def lightness_and_hues(linear_rgb: np.ndarray) -> np.ndarray:
    """Linear sRGB [..., 3] -> CIELAB (D65, 2 degrees) [..., 3]: L*, a*, b*."""
    ratio = linear_rgb @ XYZ_FROM_RGB.T / WHITE_XYZ
    f = np.where(ratio > 216 / 24389, np.cbrt(np.maximum(ratio, 1e-9)), ratio * 841 / 108 + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def typology_angle(linear_rgb: np.ndarray) -> np.ndarray:
    """Individual typology angle atan2(L* - 50, b*) of linear sRGB [..., 3], degrees: above 55 very light, below -30 dark."""
    lab = lightness_and_hues(linear_rgb)
    return np.degrees(np.arctan2(lab[..., 0] - 50, lab[..., 2]))


def melanin_of_angle(angle: np.ndarray | float) -> np.ndarray:
    """Melanin load [...] of skin with median blood and the typology angle [...] in degrees."""
    load = np.geomspace(MELANIN_RANGE[0], MELANIN_RANGE[1], 200)
    return np.exp(np.interp(-np.asarray(angle, np.float64), -typology_angle(skin_albedo(load, 0.0)), np.log(load)))


def tone_of_melanin(melanin: float) -> float:
    """Where a melanin load lies between the palest face, 0, and the deepest, 1: evenly in the typology angle, as it looks."""
    palest, deepest = typology_angle(skin_albedo(np.array(MELANIN_RANGE), 0.0))
    angle = float(typology_angle(skin_albedo(np.clip(melanin, *MELANIN_RANGE), 0.0)))
    return (palest - angle) / (palest - deepest)


def melanin_of_tone(tone: float) -> float:
    """The other way, within MELANIN_RANGE."""
    palest, deepest = typology_angle(skin_albedo(np.array(MELANIN_RANGE), 0.0))
    return float(melanin_of_angle(palest + np.clip(tone, 0, 1) * (deepest - palest)))


def melanin_of_density(density: np.ndarray | float) -> np.ndarray:
    """Melanin load [...] of skin with median blood and this green density [...]: the law solved for m, within MELANIN_RANGE."""
    above = np.clip(np.asarray(density) - D0[1], 1e-3, 0.999 / SATURATION)
    return np.clip(above / (1 - SATURATION * above), *MELANIN_RANGE)


def skin_grid(num_melanin: int = 71, num_blood: int = 13) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The prior as a grid: m [M, B], h [M, B] and probability [M, B].

    Uniform in typology angle, so every human skin counts the same however many were photographed; h normal with BLOOD_SD.
    """
    ends = typology_angle(skin_albedo(np.array(MELANIN_RANGE), 0.0))
    melanin = melanin_of_angle(np.linspace(ends[0], ends[1], num_melanin))
    blood = np.linspace(-3, 3, num_blood) * BLOOD_SD
    share = np.exp(-0.5 * (blood / BLOOD_SD) ** 2)
    m, h = np.meshgrid(melanin, blood, indexing="ij")
    return m, h, np.broadcast_to(share / (share.sum() * num_melanin), m.shape)
