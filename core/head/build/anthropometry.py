"""Published measurements of adult heads: means and spreads by sex and ancestry, correlations, ageing. Millimetres.

Sources. Calipers and tapes: ANSUR II (US Army 2012, public working database; 4,082 men, 1,986 women) and the NIOSH respirator
survey (2003; 3,997 people), both computed from individual records within sex and ancestry; ANSUR where it has the measure. Eyes
and lips: Farkas's norms and a review of 67 studies (inner canthi by ancestry), far less sure. Ear growth: Meijerman 2007.
Head length and girth of the women of African descent are the other women's with the men's difference: braids were measured along.
"""

from __future__ import annotations

import numpy as np

SEXES = ("female", "male")
ANCESTRIES = ("european", "african", "hispanic", "asian")
"""As the surveys name them: White, Black or African American, Hispanic, and Asian (NIOSH's 'other', who are mostly that)."""

MEANS_MM: dict[str, tuple[tuple[float, float, float, float], tuple[float, float, float, float]]] = {
    "head breadth": ((147.1, 148.0, 148.4, 151.9), (154.0, 154.6, 154.9, 158.2)),
    "head length": ((188.8, 190.0, 187.0, 183.7), (199.9, 201.1, 197.0, 192.3)),
    "head circumference": ((555.1, 558.8, 555.5, 554.5), (574.4, 578.1, 571.6, 564.9)),
    "tragion-vertex": ((126.1, 126.5, 127.1, 129.0), (131.3, 129.9, 131.5, 132.0)),
    "minimum frontal": ((102.9, 104.7, 102.4, 100.7), (105.5, 106.6, 105.1, 104.8)),
    "bizygomatic": ((132.3, 134.9, 134.2, 139.2), (141.9, 143.6, 144.0, 146.7)),
    "bigonial": ((108.5, 113.8, 113.6, 112.4), (119.9, 120.8, 123.5, 120.0)),
    "sellion-menton": ((112.4, 114.0, 114.1, 111.6), (122.3, 124.2, 122.8, 121.7)),
    "sellion-subnasale": ((48.6, 47.4, 48.1, 46.2), (52.3, 50.8, 52.3, 51.3)),
    "nose breadth": ((31.6, 40.1, 34.8, 35.0), (35.3, 43.4, 37.4, 38.3)),
    "nose protrusion": ((20.4, 18.2, 19.6, 17.3), (21.7, 19.3, 20.3, 19.9)),
    "nasal root": ((16.1, 17.2, 16.4, 16.5), (16.5, 17.4, 16.5, 16.1)),
    "lip length": ((47.1, 51.9, 49.1, 46.8), (50.7, 54.4, 51.1, 50.6)),
    "interpupillary": ((60.2, 64.0, 61.6, 61.7), (63.3, 66.9, 64.2, 64.2)),
    "endocanthion": ((30.7, 37.0, 31.6, 33.9), (32.1, 38.5, 33.0, 35.3)),
    "exocanthion": ((87.8, 91.5, 88.8, 88.4), (91.2, 95.0, 92.2, 93.0)),
    "fissure height": ((11.0, 11.0, 11.0, 11.0), (10.8, 10.8, 10.8, 10.8)),
    "philtrum": ((13.8, 13.8, 13.8, 13.8), (15.9, 15.9, 15.9, 15.9)),
    "upper vermilion": ((8.7, 12.7, 8.7, 8.7), (8.0, 12.0, 8.0, 8.0)),
    "lower vermilion": ((9.4, 13.4, 9.4, 9.4), (9.3, 13.3, 9.3, 9.3)),
    "ear length": ((59.6, 58.7, 59.9, 59.1), (64.5, 62.1, 65.4, 64.6)),
    "ear breadth": ((33.1, 33.6, 33.0, 32.2), (36.1, 36.1, 36.0, 35.1)),
    "neck circumference": ((328.2, 334.1, 327.1, 321.9), (397.5, 402.2, 397.0, 380.2)),
}  # fmt: skip
"""Measure -> mean by sex (SEXES), then by ancestry (ANCESTRIES)."""

SPREADS_MM: dict[str, tuple[float, float]] = {
    "head breadth": (5.1, 5.6), "head length": (6.9, 6.9), "head circumference": (16.0, 16.0), "tragion-vertex": (6.5, 6.2),
    "minimum frontal": (5.4, 5.8), "bizygomatic": (5.4, 6.1), "bigonial": (9.0, 10.6), "sellion-menton": (6.0, 6.6),
    "sellion-subnasale": (3.8, 4.1), "nose breadth": (3.1, 3.5), "nose protrusion": (2.4, 2.6), "nasal root": (2.0, 2.3),
    "lip length": (3.8, 4.0), "interpupillary": (3.2, 3.2), "endocanthion": (2.5, 2.7), "exocanthion": (3.4, 3.5),
    "fissure height": (1.1, 1.0), "philtrum": (2.0, 2.0), "upper vermilion": (1.3, 1.4), "lower vermilion": (1.5, 1.6),
    "ear length": (3.9, 4.4), "ear breadth": (2.7, 3.0), "neck circumference": (18.5, 25.0),
}  # fmt: skip
"""Measure -> standard deviation within a sex and ancestry, by sex."""

ALLOWANCE_MM = {"bizygomatic": 1.5, "bigonial": 1.5, "head circumference": -8.0}
"""What the mesh's measure is larger by: a caliper presses the tissue in, and the mesh is skin at rest; a tape around the head
lies on hair (1.5 mm of it over most of the way), and the mesh is bald."""

ARCS_MM: dict[str, tuple[tuple[float, float, float, float], tuple[float, float, float, float]]] = {
    "bitragion-coronal": ((338.1, 343.0, 342.2, 342.2), (350.4, 349.8, 353.2, 351.2)),
    "bitragion-frontal": ((286.8, 291.6, 288.1, 286.9), (303.8, 305.5, 304.7, 305.1)),
    "bitragion-subnasale": ((274.3, 290.4, 282.5, 280.6), (293.0, 302.1, 298.4, 295.9)),
    "bitragion-chin": ((300.3, 318.2, 308.9, 304.1), (329.8, 339.3, 333.6, 330.2)),
}  # fmt: skip
"""As MEANS_MM (NIOSH): never fitted, kept to check the shape between the fitted measures."""

ADIPOSITY = "adiposity"
"""The last row of the correlations: body mass as a standard score."""

_NIOSH = ("head breadth", "head length", "head circumference", "minimum frontal", "bizygomatic", "bigonial", "nasal root",
          "nose breadth", "lip length", "sellion-subnasale", "sellion-menton", "nose protrusion", "interpupillary")  # fmt: skip
_NIOSH_CORRELATIONS = (
    (0.20,),
    (0.51, 0.72),
    (0.44, 0.30, 0.36),
    (0.64, 0.20, 0.45, 0.52),
    (0.41, 0.20, 0.34, 0.37, 0.64),
    (0.21, 0.22, 0.22, 0.34, 0.29, 0.27),
    (0.24, 0.17, 0.23, 0.29, 0.31, 0.28, 0.20),
    (0.15, 0.18, 0.19, 0.24, 0.25, 0.17, 0.13, 0.39),
    (0.05, 0.12, 0.09, 0.08, 0.02, -0.07, -0.07, 0.05, 0.13),
    (0.23, 0.34, 0.33, 0.27, 0.24, 0.17, 0.18, 0.12, 0.13, 0.52),
    (0.06, 0.15, 0.17, 0.02, 0.11, 0.05, -0.04, 0.01, 0.08, 0.29, 0.26),
    (0.34, 0.27, 0.34, 0.53, 0.48, 0.30, 0.31, 0.33, 0.28, 0.09, 0.23, 0.06),
)
_ANSUR = ("head breadth", "head length", "head circumference", "bizygomatic", "sellion-menton", "interpupillary")
_ANSUR_CORRELATIONS = {
    "ear length": (0.10, 0.19, 0.19, 0.23, 0.18, 0.22),
    "ear breadth": (0.06, 0.09, 0.08, 0.10, 0.12, 0.09),
    "tragion-vertex": (0.31, 0.31, 0.41, 0.21, 0.19, 0.19),
    "neck circumference": (0.38, 0.29, 0.41, 0.56, 0.23, 0.27),
    ADIPOSITY: (0.34, 0.35, 0.45, 0.54, 0.29, 0.27),
}
_OTHER_CORRELATIONS = {
    ("ear length", "ear breadth"): 0.34, ("ear length", "tragion-vertex"): 0.09, ("ear breadth", "tragion-vertex"): -0.03,
    ("ear length", "neck circumference"): 0.30, ("ear breadth", "neck circumference"): 0.14,
    ("tragion-vertex", "neck circumference"): 0.17, ("ear length", ADIPOSITY): 0.34, ("ear breadth", ADIPOSITY): 0.16,
    ("tragion-vertex", ADIPOSITY): 0.20, ("neck circumference", ADIPOSITY): 0.78, ("bigonial", ADIPOSITY): 0.60,
    ("bigonial", "neck circumference"): 0.60,
    ("endocanthion", "interpupillary"): 0.65, ("exocanthion", "interpupillary"): 0.80,
    ("endocanthion", "exocanthion"): 0.55, ("exocanthion", "bizygomatic"): 0.45, ("exocanthion", "head breadth"): 0.35,
    ("exocanthion", "minimum frontal"): 0.45, ("endocanthion", "nasal root"): 0.35, ("upper vermilion", "lower vermilion"): 0.50,
    ("philtrum", "sellion-menton"): 0.30, ("lower vermilion", "sellion-menton"): 0.15,
}  # fmt: skip
"""Ears, neck and body mass from ANSUR II; eyes and lips are estimates, for no table was to be had."""
_UNKNOWN = 0.12
"""Correlation of a pair of which nothing was read: ears, lids and lips go with size by .1 to .2."""

_AGES = (23.5, 37.0, 55.5)
_AGE_OFFSETS = {
    "head breadth": (-0.8, -0.3, 0.7), "head circumference": (-1.1, 0.2, 0.4), "minimum frontal": (-0.7, -0.3, 0.7),
    "bizygomatic": (-1.3, -0.3, 1.0), "bigonial": (-2.2, -0.2, 1.4), "nose breadth": (-1.1, -0.5, 1.1),
    "lip length": (-1.5, 0.0, 0.9), "sellion-subnasale": (-1.0, -0.2, 0.8), "sellion-menton": (-1.6, 0.0, 0.9),
    "nose protrusion": (-0.3, 0.0, 0.2), "interpupillary": (-0.9, -0.1, 0.6), "neck circumference": (-12.4, -0.1, 5.0),
}  # fmt: skip
"""Mean deviation from the cell at three ages (NIOSH, 18-29, 30-44, 45-66)."""
_EAR_GROWTH = {"ear length": 0.17, "ear breadth": 0.073}
"""Millimetres a year."""
MEAN_AGE = 38.0
"""Of the surveys' people, about; the ears' growth is counted from here."""


def cell_means() -> np.ndarray:
    """Means [2, 4, M] mm over SEXES, ANCESTRIES and MEANS_MM, as the skin of a mesh should have them."""
    allowance = np.array([ALLOWANCE_MM.get(name, 0.0) for name in MEANS_MM])
    return np.moveaxis(np.array(list(MEANS_MM.values())), 0, -1) + allowance


def spreads() -> np.ndarray:
    """Standard deviations [2, M] mm within a cell, over SEXES and MEANS_MM."""
    return np.array([SPREADS_MM[name] for name in MEANS_MM]).T


def pooled_deviations() -> np.ndarray:
    """Standard deviations [M] mm over women and men and the ancestries in equal shares."""
    deviations: np.ndarray = np.sqrt(cell_means().var((0, 1)) + (spreads() ** 2).mean(0))
    return deviations


def correlations() -> np.ndarray:
    """Positive semi-definite correlations [M + 1, M + 1] within a cell, over MEANS_MM and ADIPOSITY."""
    names = (*MEANS_MM, ADIPOSITY)
    row = {name: i for i, name in enumerate(names)}
    matrix = np.full((len(names), len(names)), _UNKNOWN)
    known = dict(_OTHER_CORRELATIONS)
    for i, values in enumerate(_NIOSH_CORRELATIONS, 1):
        known |= {(_NIOSH[i], _NIOSH[j]): value for j, value in enumerate(values)}
    for name, values in _ANSUR_CORRELATIONS.items():
        known |= {(name, other): value for other, value in zip(_ANSUR, values, strict=True)}
    for (one, other), value in known.items():
        matrix[row[one], row[other]] = matrix[row[other], row[one]] = value
    np.fill_diagonal(matrix, 1)
    eigenvalues, vectors = np.linalg.eigh(matrix)
    matrix = (vectors * np.maximum(eigenvalues, 0.005)) @ vectors.T
    scale = 1 / np.sqrt(np.diag(matrix))
    return matrix * scale * scale[:, None]


def ageing(years: np.ndarray) -> np.ndarray:
    """Deviations [n, M] mm from the cells' means at ages [n]."""
    result = np.zeros((len(years), len(MEANS_MM)))
    for column, name in enumerate(MEANS_MM):
        if name in _AGE_OFFSETS:
            result[:, column] = np.interp(years, _AGES, _AGE_OFFSETS[name])
        elif name in _EAR_GROWTH:
            result[:, column] = _EAR_GROWTH[name] * (np.clip(years, 18, 70) - MEAN_AGE)
    return result
