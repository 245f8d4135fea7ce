"""A person's numbers read from de-lit skin: what a photo shows of melanin, blood and lips, and no more.

Rule of this file: every number starts at what is usual and moves only as far as seen skin says, so a number that nothing shows
stays usual. Marks, brows, stubble and age are never read: where a photo shows them they are in its texels, where it does not they
would be invented. Shadow below the eyes, stubble and ears were tried on rendered people: what was read of them was no nearer than
what is usual.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .albedo import LIP_COVER, vertex_colours, zone_melanin
from .face_map import FaceMap
from .parameters import RANGES, Appearance, usual_hair
from .skin import B_BLOOD, find_pigments, melanin_direction

NAMES = ("melanin", "blood", "zone_contrast", "flush_cheeks", "flush_nose")
USUAL = np.array([0.0, 0.0, 1.0, 0.26, 0.28])
SPREAD = np.array([0.6, 0.25, 0.3, 0.13, 0.12])
"""Of NAMES in people, as parameters.sample_appearance draws them; melanin in its logarithm, around the light's estimate."""
NOISE = 0.10
"""Log deviation of de-lit skin from the pigments' law at a place; twice that begins to be something else."""
NUM_INDEPENDENT = 60.0
"""How many places' worth all seen skin speaks: neighbours err alike, for the light's error is smooth."""
ITERATIONS = 6
BEARD_DOUBT = 0.8
"""How much less the beard's zone says of bare skin."""
READ = (*NAMES, "lip_blood", "lip_melanin")
"""What is read; all else of the appearance is what is usual, with no brows or marks beside the photo's own."""
LIP_SPREAD, LIP_NOISE = np.array([0.25, 0.2]), 0.15
"""Of lip_blood and lip_melanin in people; of the lips' mean log colour as it is seen."""
LEAST_SEEN = 20.0
"""Vertices' worth of sight below which a part says nothing."""
SMALL_PART = 0.25
"""Of LEAST_SEEN, for lips."""
DARKEST = 2e-3


def estimate_appearance(
    colour: np.ndarray, weight: np.ndarray, feature: np.ndarray, skin: np.ndarray, face: FaceMap | None
) -> Appearance:
    """De-lit linear colour [V, 3], seen with weight [V] in [0, 1]; feature [V]: how far brows, eyes, nostrils or lips are there;
    skin [3]: the light estimate's -> the appearance that explains it best. Without a face map the skin alone says what it can."""
    pigments = find_pigments(np.asarray(skin, np.float64))
    melanin, blood = float(np.clip(pigments[0], *RANGES["melanin"])), float(np.clip(pigments[1], -0.5, 0.5))
    appearance = Appearance(melanin=melanin, blood=blood, hair_eumelanin=usual_hair(melanin), moles=0.0, brow_density=0.0)
    if face is None:
        return appearance
    plain = weight * (1 - feature) * (1 - np.clip(face.inside + face.lip, 0, 1)) * (1 - face.scalp)
    if plain.sum() > LEAST_SEEN:
        appearance = read_skin(appearance, colour, plain * (1 - BEARD_DOUBT * face.beard), face)
    return read_lips(appearance, colour, weight * (face.lip > 0.8) * (face.inside < 0.02), face)


def read_skin(start: Appearance, colour: np.ndarray, weight: np.ndarray, face: FaceMap) -> Appearance:
    """NAMES by Gauss-Newton in optical density, robust, people's spread as the prior."""
    seen = np.flatnonzero(weight > 0.05)
    density = -np.log(np.maximum(colour[seen], DARKEST))
    counted = weight[seen] * NUM_INDEPENDENT / weight[seen].sum()
    origin = np.array([np.log(start.melanin), start.blood, *USUAL[2:]])
    values, now = origin.copy(), start
    for _ in range(ITERATIONS):
        now = with_values(start, values)
        error = density + np.log(np.maximum(vertex_colours(now, face)[seen], DARKEST))
        J = density_jacobian(now, face)[seen]
        trust = counted / (1 + (error**2).mean(1) / (2 * NOISE) ** 2) / NOISE**2
        gram = np.einsum("n,nck,ncl->kl", trust, J, J) + np.diag(SPREAD**-2.0)
        pull = np.einsum("n,nck,nc->k", trust, J, error) - (values - origin) / SPREAD**2
        values = values + np.linalg.solve(gram, pull)
    return with_values(start, values)


def with_values(appearance: Appearance, values: np.ndarray) -> Appearance:
    """The appearance with NAMES' values [5], melanin's logarithm first, kept within RANGES."""
    natural = dict(zip(NAMES, [np.exp(values[0]), *values[1:]], strict=True))
    kept: dict[str, Any] = {name: float(np.clip(value, *RANGES[name])) for name, value in natural.items()}
    return replace(appearance, **kept)


def density_jacobian(appearance: Appearance, face: FaceMap) -> np.ndarray:
    """d density / d NAMES at every vertex, [V, 3, 5]: what albedo.vertex_pigments says, differentiated."""
    one = np.ones(len(face.nose))
    melanin, blood = (np.multiply.outer(one, d) for d in (melanin_direction(appearance.melanin), B_BLOOD))
    flushes = [where[:, None] * blood for where in (face.cheek + 0.5 * face.chin, face.nose)]
    return np.stack([melanin, blood, zone_melanin(face)[:, None] * melanin, *flushes], -1)


def read_lips(appearance: Appearance, colour: np.ndarray, weight: np.ndarray, face: FaceMap) -> Appearance:
    """lip_blood and lip_melanin from the mean density of what is surely lip."""
    if weight.sum() < SMALL_PART * LEAST_SEEN:
        return appearance
    share = (weight / weight.sum())[:, None]
    usual, seen = (np.log(np.maximum(c, DARKEST)) for c in (vertex_colours(appearance, face), colour))
    denser = (share * (usual - seen)).sum(0)
    J = LIP_COVER * np.stack([B_BLOOD, melanin_direction(appearance.melanin)], 1)
    moved = np.linalg.solve(J.T @ J / LIP_NOISE**2 + np.diag(LIP_SPREAD**-2.0), J.T @ denser / LIP_NOISE**2)
    lip_blood, lip_melanin = np.clip(moved, -0.6, 0.6)
    return replace(appearance, lip_blood=float(lip_blood), lip_melanin=float(lip_melanin))
