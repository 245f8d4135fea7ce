"""Anthropometric points of the base mesh, by vertex number, published means, and the field that brings the mean head to them."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import PchipInterpolator

VERTEX = 881
GLABELLA = 234
SELLION = 132
PRONASALE = 5054
SUBNASALE = 343
LABIALE_SUPERIUS = 455
LABIALE_INFERIUS = 496
POGONION = 5162
MENTON = 5296
ENDOCANTHION, EXOCANTHION = 6850, 6805
CHEILION = 7182
LID_MARGIN_TOP, LID_MARGIN_BOTTOM = 13352, 13370
ALARE = 11753

PUBLISHED_MM = {
    "head breadth": (151.0, 6.2), "head length": (194.6, 8.7), "bizygomatic": (142.1, 7.4), "sellion-menton": (117.9, 8.0),
    "sellion-subnasale": (49.8, 4.4), "nose protrusion": (19.8, 2.8), "nose breadth": (36.5, 4.9), "interpupillary": (62.9, 3.7),
    "endocanthion": (32.6, 2.7), "exocanthion": (89.5, 3.8), "fissure height": (10.9, 1.1), "lip length": (50.2, 4.5),
}  # fmt: skip
"""Mean and SD, mm, pooled over women and men: ANSUR II (2012), NIOSH (2003), Farkas (eyes). Bizygomatic: NIOSH's 140.6 and the
1.5 mm by which a caliper presses the tissue in, since the mesh is skin."""


def measure_mm(
    vertices: np.ndarray, skin: np.ndarray, mirror: np.ndarray, eyes: tuple[np.ndarray, np.ndarray]
) -> dict[str, np.ndarray]:
    """People on the base [n, 19158, 3] m -> measure's name -> [n] mm. skin: kept base indices; mirror [19158]; eyes: balls."""
    mean = vertices.mean(0)

    def distance(a: int, b: int) -> np.ndarray:
        return np.linalg.norm(vertices[:, a] - vertices[:, b], axis=1) * 1000

    above_ears = skin[mean[skin, 1] > mean[SELLION, 1] + 0.030]
    midline = skin[(mirror[skin] == skin) & (mean[skin, 2] < mean[VERTEX, 2]) & (mean[skin, 1] > mean[SUBNASALE, 1])]
    cheek = skin[(np.abs(mean[skin, 1] - mean[SELLION, 1] + 0.02) < 0.015) & (mean[skin, 2] > 0.022)]
    centres = [vertices[:, ball].mean(1) for ball in eyes]
    return {
        "head breadth": np.ptp(vertices[:, above_ears, 0], axis=1) * 1000,
        "head length": np.linalg.norm(vertices[:, midline] - vertices[:, [GLABELLA]], axis=2).max(1) * 1000,
        "bizygomatic": np.ptp(vertices[:, cheek, 0], axis=1) * 1000,
        "sellion-menton": distance(SELLION, MENTON),
        "sellion-subnasale": distance(SELLION, SUBNASALE),
        "nose protrusion": distance(SUBNASALE, PRONASALE),
        "nose breadth": distance(ALARE, mirror[ALARE]),
        "interpupillary": np.linalg.norm(centres[0] - centres[1], axis=1) * 1000,
        "endocanthion": distance(ENDOCANTHION, mirror[ENDOCANTHION]),
        "exocanthion": distance(EXOCANTHION, mirror[EXOCANTHION]),
        "fissure height": distance(LID_MARGIN_TOP, LID_MARGIN_BOTTOM),
        "lip length": distance(CHEILION, mirror[CHEILION]),
    }


GIRTH_HEIGHTS = np.array([-0.20, -0.11, -0.07, -0.03, 0.0, 0.035, 0.14])
GIRTH = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 1.008, 1.02])
"""Breadth over the evenly scaled head's, by height over the sellion, m: a wider skull; the face keeps its proportions."""
NOSE_SCALE, LOWER_FACE_SCALE = 0.965, 1.065
"""Height of nose and lower face over the evenly scaled head's."""
NOSE_FORWARD, NOSE_REACH = 0.0042, 0.012
"""How far the nose's tip is brought forwards, and over what distance, m."""
NOSE_NARROWING = 0.09
"""Share of their distance from the midline that the wings lose."""


def metric_field(
    points: np.ndarray, sellion: np.ndarray, subnasale: np.ndarray, menton: np.ndarray, pronasale: np.ndarray
) -> np.ndarray:
    """Smooth displacements [N, 3] m at points [N, 3] of the evenly scaled mean head; landmarks [3] of the same."""
    field = np.zeros_like(points)
    up = points[:, 1] - sellion[1]
    sideways = np.clip((np.abs(points[:, 0]) - 0.034) / 0.026, 0, 1)
    sideways = sideways * sideways * (3 - 2 * sideways)
    girth = PchipInterpolator(GIRTH_HEIGHTS, GIRTH)(np.clip(up, GIRTH_HEIGHTS[0], GIRTH_HEIGHTS[-1]))
    field[:, 0] = (girth - 1) * points[:, 0] * sideways
    nose, chin = sellion[1] - subnasale[1], subnasale[1] - menton[1]
    knots = np.array([-0.30, -nose - chin - 0.06, -nose - chin, -nose, 0.0, 0.05, 0.30])
    at_nose = (1 - NOSE_SCALE) * nose
    at_chin = at_nose - (LOWER_FACE_SCALE - 1) * chin
    shift = PchipInterpolator(knots, [0, 0, at_chin, at_nose, 0, 0, 0])(np.clip(up, -0.30, 0.30))
    front = np.clip((points[:, 2] - 0.0) / 0.045, 0, 1)
    field[:, 1] = shift * front * front * (3 - 2 * front)
    field[:, 2] = NOSE_FORWARD * np.exp(-0.5 * ((points - pronasale) ** 2).sum(1) / NOSE_REACH**2)
    wings = np.exp(-0.5 * (((points[:, 1] - subnasale[1] - 0.006) / 0.010) ** 2 + ((points[:, 2] - subnasale[2]) / 0.014) ** 2))
    aside = np.clip((0.032 - np.abs(points[:, 0])) / 0.012, 0, 1)
    field[:, 0] -= NOSE_NARROWING * points[:, 0] * wings * aside * aside * (3 - 2 * aside)
    return field
