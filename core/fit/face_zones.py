"""Where on a head skin is certain and where hair, brows, lips or eyes may be: soft zones per vertex, from seven landmarks.

Rule of this file: only the template's landmarks7 place the zones, so any model with them (FLAME too) has the same ones.
Face units: the origin lies between the outer eye corners, the unit is their distance (about 88 mm), axes as model space.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..head.model import HeadModel

FEATURES = (
    ((0.33, 0.27), (0.30, 0.12)),
    ((0.35, 0.00), (0.20, 0.13)),
    ((0.12, -0.50), (0.11, 0.08)),
    ((0.00, -0.82), (0.34, 0.17)),
)
"""Ellipses (centre, radii) on the subject's left, mirrored: brows, eyes, nostrils, lips."""
LIDS = ((0.35, 0.06), (0.25, 0.17))


@dataclass(frozen=True)
class FaceZones:
    """Per vertex [V] in [0, 1].

    sure_skin: bare skin in nearly every photo (cheeks, nose, brow ridge to mid forehead, chin), the light is fitted there;
    feature: brows, eyes, nostrils and lips, whose colours are not skin's and yet belong; opening: eyes and lips alone,
    where eyeballs and teeth may show that are no skin; upper: above the eyes, where hair may hang in; inner_face: brows to chin,
    where beards and make-up may be but fringes and background may not; front: the front of the face, where a photo may paint
    at all without perfect agreement with skin; lids: the eyelids up to the brow.
    """

    sure_skin: np.ndarray
    feature: np.ndarray
    opening: np.ndarray
    upper: np.ndarray
    inner_face: np.ndarray
    front: np.ndarray
    lids: np.ndarray


def find_zones(model: HeadModel) -> FaceZones:
    """The zones of a model's vertices; a few ms."""
    corners = model.landmarks7.evaluate(model.template)
    unit = np.linalg.norm(corners[3] - corners[0])
    x, y, z = ((model.template - (corners[0] + corners[3]) / 2) / unit).T
    side = np.abs(x)
    in_front = soft_step(z, -0.55, -0.25)
    brow, eye, nostril, lip = (1 - soft_step(np.hypot((side - c[0]) / r[0], (y - c[1]) / r[1]), 0.9, 1.25) for c, r in FEATURES)
    opening = np.maximum(eye, lip) * in_front
    feature = np.maximum(np.maximum(brow, nostril) * in_front, opening)
    cheek = ellipse(side, y, (0.36, -0.42), (0.22, 0.24))
    nose = ellipse(side, y, (0.0, -0.22), (0.12, 0.24))
    brow_ridge = ellipse(side, y, (0.0, 0.42), (0.34, 0.12))
    chin = ellipse(side, y, (0.0, -1.18), (0.2, 0.12))
    sure_skin = np.maximum.reduce([cheek, nose, brow_ridge, 0.5 * chin]) * (1 - feature) * in_front
    inner = (1 - soft_step(side, 0.5, 0.68)) * soft_step(y, -1.5, -1.3) * (1 - soft_step(y, 0.3, 0.5)) * in_front
    front = (1 - soft_step(side, 0.68, 0.85)) * soft_step(y, -1.5, -1.25) * (1 - soft_step(y, 0.65, 0.85)) * in_front
    lids = (1 - soft_step(np.hypot((side - LIDS[0][0]) / LIDS[1][0], (y - LIDS[0][1]) / LIDS[1][1]), 0.8, 1.15)) * in_front
    return FaceZones(sure_skin, feature, opening, soft_step(y, 0.08, 0.16), inner, front, lids)


def ellipse(side: np.ndarray, y: np.ndarray, centre: tuple[float, float], radii: tuple[float, float]) -> np.ndarray:
    return 1 - soft_step(np.hypot((side - centre[0]) / radii[0], (y - centre[1]) / radii[1]), 0.8, 1.0)


def soft_step(value: np.ndarray, low: float, high: float) -> np.ndarray:
    """Smoothstep from 0 below `low` to 1 above `high`."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3 - 2 * t)
