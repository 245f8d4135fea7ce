"""The outline of a head against what lies behind it: where the mesh turns away from the camera, and where the photo has its edge.

Only contours with free space behind them are used (the jaw over the neck or the nose over the cheek are shading, not outline).
An edge counts when the photo changes abruptly there and is even up to it, so that hair over the face or a busy background
finds nothing instead of something wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..head.model import HeadModel
from ..render.camera import camera_position, project
from ..render.rasterize import sample_image
from ..render.shading import vertex_normals
from ..render.visibility import Occluder
from ..types import Camera

SEGMENT = 4
"""Pixels of the crop on both sides of an edge that are compared."""
DEEPER = 6
"""The inside must be even for this many pixels more."""
BEHIND_M = 0.03
"""Least free depth behind a contour."""
EVENNESS = 4e-4
CONTRAST = (0.04, 0.12)
"""Steps between which an edge counts from nothing to fully; sRGB in [0, 1]."""
CLEARNESS = (2.0, 8.0)
LEAST_WEIGHT = 0.05


@dataclass(frozen=True)
class Contour:
    """corners [M, 2] vertices, share [M] of the second; points, normals [M, 3] m on the posed head."""

    corners: np.ndarray
    share: np.ndarray
    points: np.ndarray
    normals: np.ndarray


def outline_edges(model: HeadModel) -> np.ndarray:
    """Edges [N, 2] of the outer skin that may lie on the outline: no ears (they differ more than the model does), no neck."""
    triangles = model.faces[model.face_parts == model.part_names.index("skin")]
    corners = model.landmarks7.evaluate(model.template)
    unit = np.linalg.norm(corners[3] - corners[0])
    place = (model.template - (corners[0] + corners[3]) / 2) / unit
    hidden = np.maximum.reduce(
        [model.regions[n] for n in model.regions if n in ("mouth_inside", "eye_socket", "nostrils", "ear_left", "ear_right")]
    )
    usable = (hidden < 0.3) & (place[:, 1] > -1.75) & (place[:, 2] > -1.35)
    edges = np.concatenate([triangles[:, [i, (i + 1) % 4]] for i in range(4)])
    edges = np.unique(np.sort(edges[(edges >= 0).all(1)], axis=1), axis=0)
    return edges[usable[edges].all(1)]


def find_contour(posed: np.ndarray, triangles: np.ndarray, edges: np.ndarray, camera: Camera, occluder: Occluder) -> Contour:
    """Where edges [N, 2] of posed vertices [V, 3] turn away from the camera, seen, and with free space behind."""
    normals, eye = vertex_normals(posed, triangles), camera_position(camera)
    facing = np.einsum("vc,vc->v", normals, eye - posed)
    facing /= np.linalg.norm(eye - posed, axis=1)
    a, b = edges[facing[edges[:, 0]] * facing[edges[:, 1]] < 0].T
    share = facing[a] / (facing[a] - facing[b])
    points = posed[a] * (1 - share)[:, None] + posed[b] * share[:, None]
    outward = normals[a] * (1 - share)[:, None] + normals[b] * share[:, None]
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    beside = points + 3e-3 * outward
    ray = beside - eye
    is_free = occluder.sees(eye, points + 1e-3 * outward, 1e-3)
    is_free &= occluder.sees(eye, beside + BEHIND_M * ray / np.linalg.norm(ray, axis=1, keepdims=True), 0.0)
    return Contour(np.stack([a, b], 1)[is_free], share[is_free], points[is_free], outward[is_free])


def image_normals(camera: Camera, contour: Contour) -> tuple[np.ndarray, np.ndarray]:
    """The contour's pixels and outward unit normals in the image, [M, 2] each."""
    here, _ = project(camera, contour.points)
    there, _ = project(camera, contour.points + 1e-3 * contour.normals)
    direction = there - here
    return here, direction / np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-9)


def find_edges(image: np.ndarray, pixels: np.ndarray, normals: np.ndarray, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """Along normals from pixels [M, 2] of an image [h, w, 3] in [0, 1]: offset [M] px of the clearest step, its weight [M]."""
    steps = np.arange(-reach - SEGMENT - DEEPER, reach + SEGMENT + 1)
    places = pixels[:, None] + steps[None, :, None] * normals[:, None]
    profile = sample_image(image, places.reshape(-1, 2)).reshape(*places.shape[:2], -1).astype(np.float64)
    inside = ((places > 1.5) & (places < np.array(image.shape[1::-1]) - 1.5)).all((1, 2))
    sums, squares = (np.pad(np.cumsum(p, 1), ((0, 0), (1, 0), (0, 0))) for p in (profile, profile**2))
    offsets = np.arange(-reach, reach + 1)
    at = offsets + reach + DEEPER + SEGMENT

    def segment(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean = (sums[:, high] - sums[:, low]) / (high - low)[:, None]
        return mean, np.maximum((squares[:, high] - squares[:, low]) / (high - low)[:, None] - mean**2, 0).sum(-1)

    (near, near_variance), (beyond, beyond_variance) = segment(at - SEGMENT, at), segment(at + 1, at + 1 + SEGMENT)
    deep, _ = segment(at - SEGMENT - DEEPER, at - SEGMENT + 1)
    step = ((beyond - near) ** 2).sum(-1)
    uneven = near_variance + 0.3 * beyond_variance + EVENNESS + ((near - deep) ** 2).sum(-1)
    clearness = step / uneven * np.exp(-0.5 * (offsets / (0.6 * reach)) ** 2)
    best, row = clearness.argmax(1), np.arange(len(pixels))
    slope = np.abs(np.diff(profile, axis=1)).sum(-1)
    between = steps[:-1] + 0.5
    slope *= np.exp(-(((between - offsets[best][:, None]) / 1.5) ** 2))
    slope = np.maximum(slope - 0.1 * slope.max(1, keepdims=True), 0)
    found = (slope * between).sum(1) / np.maximum(slope.sum(1), 1e-9)
    weight = np.clip((np.sqrt(step[row, best]) - CONTRAST[0]) / (CONTRAST[1] - CONTRAST[0]), 0, 1)
    weight *= np.clip((clearness[row, best] - CLEARNESS[0]) / (CLEARNESS[1] - CLEARNESS[0]), 0, 1)
    return found, weight * inside * (np.abs(offsets[best]) < reach)
