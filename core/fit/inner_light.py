"""Light in the eyes' and the mouth's openings: lids and lips shade what lies behind them, and wet surfaces glint.

Rule of this file: an opening's own paint is known well enough (the white of the eye, enamel) that what the photo shows darker or
lighter over a few millimetres is light; it stays in the shading and is never painted.
"""

from __future__ import annotations

import numpy as np

from ..render.camera import project
from ..render.rasterize import sample_image
from ..render.shading import SRGB_TABLE
from ..render.visibility import Occluder
from ..types import Camera, Photo
from .atlas import Atlas
from .eye_texture import EYES, IRIS_M
from .face_zones import soft_step
from .light import head_crop
from .membrane import stretch_membrane
from .surface import HeadSurface

EYE_PX = 1024
"""Longer side of the head in the photo that openings are read from: eyes are small."""
REACH_M, STIFFNESS_M = 0.008, 0.0018
CAVITY_M = 0.025
"""How far lips and lids are looked for around a point."""
NUM_RAYS = 16
EYE_RANGE, MOUTH_RANGE = (-1.2, 0.35), (-3.0, 0.35)
"""Log light beyond the lamps' that an opening may show: lashes over an eye, the dark of a mouth."""
TINT_RANGE = 0.15
PLAIN_TINT = (0.15, 0.35)
"""Log deviation of red over green from the expected: eyeball or tooth below, skin or lip above."""
LIMBUS_M = 0.0065
"""From here outward the white of the eye is clear of the iris."""
SCLERA_CAP = 0.80
"""Linear albedo above which the white of the eye is a reflection."""
IRIS_CAP = 1.5
"""Times the iris' usual brightness, likewise."""
LEAST_SAMPLES = 8


def open_share(occluder: Occluder, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """How open points [N, 3] lie among lids or lips: the share of bounced light that gets in, [N] in [0, 1]."""
    return occluder.openness(points + 2e-4 * normals, normals, NUM_RAYS, CAVITY_M)


def round_eyes(surface: HeadSurface, atlas: Atlas) -> tuple[np.ndarray, np.ndarray]:
    """Points and normals [V, 3] at which light arrives: the surface's, but a sphere's over the recessed iris, for the cornea in
    front of it takes the light."""
    points, normals = surface.vertices.copy(), surface.normals.copy()
    for eye in range(len(EYES)):
        ball = np.flatnonzero(atlas.inner == eye)
        if not len(ball):
            continue
        centre = points[ball].mean(0)
        outward = points[ball] - centre
        distance = np.linalg.norm(outward, axis=1)
        front = atlas.iris_radius[ball] < LIMBUS_M
        normals[ball[front]] = (outward / distance[:, None])[front]
        points[ball[front]] = centre + np.percentile(distance, 90) * normals[ball[front]]
    return points, normals


def light_openings(
    photo: Photo, camera: Camera, surface: HeadSurface, atlas: Atlas, diffuse: np.ndarray, paint: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Diffuse light by the lamps and linear paint [V, 3] -> the log part of light beyond them and the glints, [V, 3] each, 0
    outside eyes and mouth."""
    image, view = head_crop(photo.pixels, camera, surface.vertices, EYE_PX)
    pixels, _ = project(view, surface.vertices)
    inside = ((pixels > 1) & (pixels < np.array(view.size) - 1)).all(1)
    index = np.flatnonzero((atlas.inner >= 0) & inside & surface.seen & (surface.cosine > 0.15))
    correction, glint = np.zeros_like(diffuse), np.zeros_like(diffuse)
    if len(index) < LEAST_SAMPLES:
        return correction, glint
    colour = sample_image(image, pixels[index], SRGB_TABLE).astype(np.float64)
    residual = np.log(np.maximum(colour, 3e-3) / np.maximum(paint[index] * diffuse[index], 3e-3))
    is_eye = atlas.inner[index] < len(EYES)
    level = residual.mean(1)
    tint = residual - level[:, None]
    low, high = (np.where(is_eye, e, m) for e, m in zip(EYE_RANGE, MOUTH_RANGE, strict=True))
    trust = np.where(is_eye, 1 - soft_step(residual[:, 0] - residual[:, 1], *PLAIN_TINT), 1.0)
    trust = trust * np.where(is_eye & (atlas.iris_radius[index] < LIMBUS_M), 0.0, 1.0) * surface.cosine[index]
    known, certainty = np.zeros_like(diffuse), np.zeros(len(diffuse))
    known[index] = np.clip(level, low, high)[:, None] + np.clip(tint, -TINT_RANGE, TINT_RANGE)
    certainty[index] = trust
    correction = stretch_membrane(
        surface.vertices, atlas.inner_graph, known, certainty, reach_m=REACH_M, stiffness_m=STIFFNESS_M, tolerance=1e-5
    )
    glint[index] = find_glints(colour, diffuse[index] * np.exp(correction[index]), is_eye, atlas.iris_radius[index])
    return correction, glint


def find_glints(colour: np.ndarray, light: np.ndarray, is_eye: np.ndarray, iris_radius: np.ndarray) -> np.ndarray:
    """What is brighter than an eye's paint can be under its light, [N, 3]: the white's limit, or the iris' own brightness."""
    glint = np.zeros_like(colour)
    albedo = colour / np.maximum(light, 0.02)
    white = is_eye & (iris_radius >= IRIS_M)
    glint[white] = np.maximum(albedo[white] - SCLERA_CAP, 0) * light[white]
    iris = is_eye & (iris_radius < IRIS_M)
    if iris.sum() >= LEAST_SAMPLES:
        cap = IRIS_CAP * np.percentile(albedo[iris], 40, axis=0)
        glint[iris] = np.maximum(albedo[iris] - cap, 0).min(1, keepdims=True) * light[iris]
    return glint
