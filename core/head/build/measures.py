"""The measurements of anthropometry, taken on a head's skin, and the points they are taken between.

Rule: lengths are straight distances between the mesh's own vertices, or extents of fixed bands of them; girths and arcs are those
of a taut tape, which lies along the convex hull of the slice. The head stands as the mean head does, in the Frankfurt plane.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .anthropometry import ARCS_MM, MEANS_MM

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
STOMION = 474
TRAGION = 12045
GONION = 7459
FRONTOTEMPORALE = 7024
NASAL_ROOT_SIDE, NASAL_ROOT_FRONT = 6894, 6899
SUPERAURALE, SUBAURALE, PREAURALE, POSTAURALE = 7578, 12329, 12045, 12040
LARYNX, NAPE = 791, 855
OPISTHOCRANION = 962
"""Vertices of the base mesh; of a pair the left one. LARYNX and NAPE: where the neck's slice meets the midline."""

BASE_POINTS = {
    "vertex": VERTEX, "glabella": GLABELLA, "sellion": SELLION, "pronasale": PRONASALE, "subnasale": SUBNASALE,
    "labiale superius": LABIALE_SUPERIUS, "labiale inferius": LABIALE_INFERIUS, "pogonion": POGONION, "menton": MENTON,
    "endocanthion": ENDOCANTHION, "exocanthion": EXOCANTHION, "cheilion": CHEILION, "lid margin top": LID_MARGIN_TOP,
    "lid margin bottom": LID_MARGIN_BOTTOM, "alare": ALARE, "stomion": STOMION, "tragion": TRAGION, "gonion": GONION,
    "frontotemporale": FRONTOTEMPORALE, "nasal root side": NASAL_ROOT_SIDE, "nasal root front": NASAL_ROOT_FRONT,
    "superaurale": SUPERAURALE, "subaurale": SUBAURALE, "preaurale": PREAURALE, "postaurale": POSTAURALE,
    "larynx": LARYNX, "nape": NAPE, "opisthocranion": OPISTHOCRANION,
}  # fmt: skip
HEAD_POINTS = {
    "vertex": (881, 881), "glabella": (234, 234), "sellion": (132, 132), "pronasale": (1519, 1519), "subnasale": (343, 343),
    "labiale superius": (455, 466), "labiale inferius": (496, 496), "pogonion": (1627, 1627), "menton": (1761, 1761),
    "endocanthion": (2330, 66), "exocanthion": (2285, 21), "cheilion": (2662, 422), "lid margin top": (4382, 2236),
    "lid margin bottom": (4400, 2254), "alare": (3767, 1604), "stomion": (474, 474), "tragion": (4059, 1911),
    "gonion": (2939, 739), "frontotemporale": (2504, 255), "nasal root side": (2374, 110), "nasal root front": (2379, 115),
    "superaurale": (3058, 873), "subaurale": (4343, 2197), "preaurale": (4059, 1911), "postaurale": (4054, 1906),
    "larynx": (791, 791), "nape": (855, 855), "opisthocranion": (962, 962),
}  # fmt: skip
"""The same points as vertices of the head mesh: left and right, twice the same on the midline. The upper lip's red ends between
two vertices."""

DISTANCES = {
    "sellion-menton": ("sellion", "menton"), "sellion-subnasale": ("sellion", "subnasale"),
    "nose protrusion": ("subnasale", "pronasale"), "fissure height": ("lid margin top", "lid margin bottom"),
    "philtrum": ("subnasale", "labiale superius"), "upper vermilion": ("labiale superius", "stomion"),
    "lower vermilion": ("stomion", "labiale inferius"), "ear length": ("superaurale", "subaurale"),
    "ear breadth": ("preaurale", "postaurale"),
}  # fmt: skip
"""Between two points of a side, both sides averaged."""
BREADTHS = {
    "minimum frontal": ("frontotemporale",), "bigonial": ("gonion",), "nasal root": ("nasal root side", "nasal root front"),
    "nose breadth": ("alare",), "lip length": ("cheilion",), "endocanthion": ("endocanthion",), "exocanthion": ("exocanthion",),
}  # fmt: skip
"""Between a point's two sides; half the nasal root's depth lies between two points."""
NUM_DIRECTIONS = 96
"""Of the sum that gives a hull's girth (Cauchy): its error is below a thousandth."""
BAND = 0.035
"""Edges this near to a slice's plane in the mean head are looked at in everybody, m."""
TAPES = {
    "head circumference": ("glabella", "opisthocranion"), "neck circumference": ("larynx", "nape"),
    "bitragion-coronal": ("tragion", "vertex"), "bitragion-frontal": ("tragion", "glabella"),
    "bitragion-subnasale": ("tragion", "subnasale"), "bitragion-chin": ("tragion", "pogonion"),
}  # fmt: skip
"""Slices across the head through two points (both tragions and the second point for an arc)."""


@dataclass(frozen=True)
class Rulers:
    """What is measured along, found once on the mean head's skin: rows above_ears, occiput, cheeks; edges: tape's name -> [B, 2]
    rows of the edges near its slice."""

    above_ears: np.ndarray
    occiput: np.ndarray
    cheeks: np.ndarray
    edges: dict[str, np.ndarray]


def find_rulers(skin: np.ndarray, faces: np.ndarray) -> Rulers:
    """From the mean head's skin [S, 3] m and its quads [F, 4]."""
    up = skin[:, 1] - skin[_row("sellion"), 1]
    aside = np.abs(skin[:, 0])
    is_ear = (aside > 0.0705) & (up < 0.016) & (up > -0.056) & (skin[:, 2] < 0.020)
    rows = Rulers(
        above_ears=np.flatnonzero(up > 0.030),
        occiput=np.flatnonzero((aside < 1e-4) & (skin[:, 2] < 0) & (skin[:, 1] > skin[_row("subnasale"), 1])),
        cheeks=np.flatnonzero((np.abs(up + 0.020) < 0.015) & (skin[:, 2] > 0.022)),
        edges={},
    )
    edges = np.unique(np.sort(np.stack([faces, np.roll(faces, -1, 1)], -1).reshape(-1, 2), axis=1), axis=0)
    edges = edges[~is_ear[edges].any(1)]
    for name in TAPES:
        origin, axes = _plane(name, skin[None])
        rows.edges[name] = edges[(np.abs((skin - origin[0]) @ axes[0, 2])[edges] < BAND).any(1)]
    return rows


def measure_mm(rulers: Rulers, skin: np.ndarray, eye_centres: np.ndarray) -> np.ndarray:
    """Heads' skin [n, S, 3] m and eyeballs' centres [n, 2, 3] m -> [n, M] mm over MEANS_MM."""
    values = {
        "head breadth": np.ptp(skin[:, rulers.above_ears, 0], axis=1),
        "head length": np.linalg.norm(skin[:, rulers.occiput] - skin[:, [_row("glabella")]], axis=2).max(1),
        "tragion-vertex": skin[:, rulers.above_ears, 1].max(1) - skin[:, HEAD_POINTS["tragion"], 1].mean(1),
        "bizygomatic": np.ptp(skin[:, rulers.cheeks, 0], axis=1),
        "interpupillary": np.linalg.norm(eye_centres[:, 0] - eye_centres[:, 1], axis=1),
        "head circumference": tape(rulers, skin, "head circumference"),
        "neck circumference": tape(rulers, skin, "neck circumference"),
    }
    for name, points in DISTANCES.items():
        one, other = (skin[:, HEAD_POINTS[point]] for point in points)
        values[name] = np.linalg.norm(one - other, axis=2).mean(1)
    for name, pairs in BREADTHS.items():
        left, right = np.array([HEAD_POINTS[pair] for pair in pairs]).T
        values[name] = np.linalg.norm(skin[:, left] - skin[:, right], axis=2).mean(1)
    return np.stack([values[name] for name in MEANS_MM], 1) * 1000


def measure_arcs_mm(rulers: Rulers, skin: np.ndarray) -> np.ndarray:
    """Heads' skin [n, S, 3] m -> [n, A] mm over ARCS_MM: from tragion to tragion over the named point."""
    return np.stack([tape(rulers, skin, name) for name in ARCS_MM], 1) * 1000


def tape(rulers: Rulers, skin: np.ndarray, name: str) -> np.ndarray:
    """Length [n] m of a taut tape in the slice's plane: around the head, or from tragion to tragion."""
    origin, axes = _plane(name, skin)
    is_arc = name.startswith("bitragion")
    ends = skin[:, HEAD_POINTS["tragion"]]
    a, b = (skin[:, rulers.edges[name][:, k]] for k in (0, 1))
    da, db = (np.einsum("nek,nk->ne", p - origin[:, None], axes[:, 2]) for p in (a, b))
    crossing = da * db < 0
    angle = np.linspace(0, 2 * np.pi, NUM_DIRECTIONS, endpoint=False)
    directions = np.stack([np.cos(angle), np.sin(angle)])
    lengths = np.empty(len(skin))
    for i, crosses in enumerate(crossing):
        t = (da[i, crosses] / (da[i, crosses] - db[i, crosses]))[:, None]
        points = a[i, crosses] * (1 - t) + b[i, crosses] * t
        plane = (points - origin[i]) @ axes[i, :2].T
        if is_arc:
            plane = np.concatenate([plane[plane[:, 1] > 0], (ends[i] - origin[i]) @ axes[i, :2].T])
        lengths[i] = (plane @ directions).max(0).sum() * (2 * np.pi / NUM_DIRECTIONS)
    return lengths - np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1) if is_arc else lengths


def _row(name: str) -> int:
    return HEAD_POINTS[name][0]


def _plane(name: str, skin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A slice's origin [n, 3] and axes [n, 3, 3]: across the head, along the slice, and its normal."""
    start, goal = TAPES[name]
    one = skin[:, HEAD_POINTS[start]].mean(1)
    across = np.tile([1.0, 0.0, 0.0], (len(skin), 1))
    if goal == "vertex":
        other = one + np.array([0.0, 0.1, 0.0])
    else:
        other = skin[:, HEAD_POINTS[goal]].mean(1)
    if start == "tragion":
        left, right = HEAD_POINTS["tragion"]
        across = skin[:, left] - skin[:, right]
        across /= np.linalg.norm(across, axis=1, keepdims=True)
    along = other - one
    along -= (along * across).sum(1, keepdims=True) * across
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    return one, np.stack([across, along, np.cross(across, along)], 1)
