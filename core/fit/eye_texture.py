"""The eyes' colour: the base eye texture, its iris tinted to the photo's.

Rule of this file: an iris in a portrait is some tens of pixels under a highlight and a lid's shadow; only its colour is
trustworthy, its picture is not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..head.model import HeadModel
from ..render.camera import camera_position, project
from ..render.rasterize import interpolate, sample_image
from ..render.shading import SRGB_TABLE, linear_to_srgb
from ..render.visibility import Occluder
from ..types import JOINT_NAMES, Camera
from .face_zones import soft_step
from .texels import Texels

EYES = ("left_eye", "right_eye")
PUPIL_M = 0.0019
IRIS_M = 0.00585
"""Radii about the gaze axis on the neutral head (head/build/eyes.py)."""
SAMPLED_M = (0.0026, 0.0052)
"""The ring that is read in the photo: clear of pupil and limbus."""
MIN_SAMPLES = 10
IRIS_SHARE = (0.1, 0.5)
SCLERA_SHARE = (0.65, 0.95)
"""Which of the samples count, by brightness."""
SCLERA_M = (0.0066, 0.0105)
"""The ring of the white of the eye that lids rarely hide, clear of the limbus."""
LIKELY = np.array([[0.006, 0.005, 0.004], [0.30, 0.28, 0.30]])
"""Darkest and lightest believable mean iris, linear."""


@dataclass(frozen=True)
class ScleraSamples:
    """The white of the eye where it is seen: colour [3] linear (its brighter, unglinting part), points, normals [N, 3]."""

    colour: np.ndarray
    points: np.ndarray
    normals: np.ndarray


def find_sclera(
    image: np.ndarray, view: Camera, posed: np.ndarray, normals: np.ndarray, radius: np.ndarray, occluder: Occluder
) -> ScleraSamples | None:
    """The white of the eyes in `image` [h, w, 3] (sRGB bytes of `view`) by iris_radius [V]; None when too little is seen.

    The upper half without the glints stands for it: below are lashes, lids and what a gaze that went astray shows.
    """
    ring = np.flatnonzero((radius > SCLERA_M[0]) & (radius < SCLERA_M[1]))
    if not len(ring):
        return None
    pixels, _ = project(view, posed[ring])
    inside = ((pixels > 1) & (pixels < np.array(view.size) - 1)).all(1)
    seen = inside & occluder.sees(camera_position(view), posed[ring] + 2e-4 * normals[ring])
    if seen.sum() < MIN_SAMPLES:
        return None
    colours = sample_image(image, pixels[seen], SRGB_TABLE).astype(np.float64)
    order = np.argsort(colours.sum(1))
    low, high = (round(share * len(order)) for share in SCLERA_SHARE)
    return ScleraSamples(np.median(colours[order[low : max(high, low + 1)]], 0), posed[ring[seen]], normals[ring[seen]])


def iris_radius(model: HeadModel) -> np.ndarray:
    """Distance of each vertex from its eye's gaze axis at rest, [V] m; infinite off the eyeballs' fronts."""
    radius = np.full(len(model.template), np.inf)
    joints = model.locate_joints(model.template)
    for name in EYES:
        if name not in model.part_names:
            continue
        faces = model.faces[model.face_parts == model.part_names.index(name)]
        vertices = np.unique(faces[faces >= 0])
        offset = model.template[vertices] - joints[JOINT_NAMES.index(name)]
        radius[vertices] = np.where(offset[:, 2] > 0.004, np.hypot(offset[:, 0], offset[:, 1]), np.inf)
    return radius


def iris_colour(
    image: np.ndarray, view: Camera, posed: np.ndarray, normals: np.ndarray, radius: np.ndarray, occluder: Occluder
) -> np.ndarray | None:
    """Linear median colour [3] of the irises in `image` [h, w, 3] (sRGB bytes of `view`), or None when too little is seen.

    Cut off: the darkest tenth (lashes, pupil) and the brighter half (reflections in the cornea, the white of the eye).
    """
    ring = np.flatnonzero((radius > SAMPLED_M[0]) & (radius < SAMPLED_M[1]))
    if not len(ring):
        return None
    pixels, _ = project(view, posed[ring])
    inside = ((pixels > 1) & (pixels < np.array(view.size) - 1)).all(1)
    seen = inside & occluder.sees(camera_position(view), posed[ring] + 2e-4 * normals[ring])
    if seen.sum() < MIN_SAMPLES:
        return None
    colours = sample_image(image, pixels[seen], SRGB_TABLE)
    order = np.argsort(colours.sum(1))
    low, high = (round(share * len(order)) for share in IRIS_SHARE)
    return np.median(colours[order[low : max(high, low + 1)]], 0)


def tint_irises(pixels: np.ndarray, colour: np.ndarray, radius: np.ndarray, triangles: np.ndarray, texels: Texels) -> None:
    """Scale the iris texels of `pixels` [h, w, 3] (sRGB uint8, changed in place) to the mean `colour` [3], linear.

    radius: iris_radius of the vertices [V]; triangles [T, 3] as the texels know them.
    """
    is_iris = np.isfinite(radius[triangles]).all(1) & (radius[triangles].min(1) < IRIS_M)
    index = np.flatnonzero(np.append(is_iris, False)[texels.triangle_id])
    distance = interpolate(np.where(np.isfinite(radius), radius, 1.0), texels.select(index), triangles)
    share = soft_step(distance, PUPIL_M, 1.2 * PUPIL_M) * (1 - soft_step(distance, 0.94 * IRIS_M, 1.02 * IRIS_M))
    flat = pixels.reshape(-1, 3)
    linear = SRGB_TABLE[flat[index]]
    on_ring = (distance > SAMPLED_M[0]) & (distance < SAMPLED_M[1])
    if not on_ring.any():
        return
    ratio = np.clip(colour, *LIKELY) / np.maximum(np.median(linear[on_ring], 0), 1e-3)
    tinted = 255 * linear_to_srgb(linear * ratio)
    flat[index] = flat[index] + share[:, None] * (tinted - flat[index]) + 0.5
