"""The photo's light and mean skin colour on a fitted head: robust linear least squares with a constant skin albedo.

Rule of this file: only the product of light and skin is seen, so the light's mean over the lit face is set to white, 1;
what is left is the skin. (The issue "Likeness" separates them with a skin model: it replaces `split_light_and_skin`.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..head.model import HeadModel, triangulate
from ..render.camera import camera_position, crop, project, resize
from ..render.rasterize import sample_image
from ..render.shading import SRGB_TABLE, sh_basis, vertex_normals
from ..render.visibility import Occluder, visible_points
from ..types import Camera, Photo
from .face_zones import find_zones

SAMPLING_PX = 320
"""Longer side of the head in the photo that light is read from: pores and noise are averaged away."""
REDUCING_GAP = 2.0
"""A crop that shrinks more than twice this much is first averaged in whole blocks: faster, .2 grey levels off on average."""
RIDGE = np.array([0.0] + [0.003] * 3 + [0.012] * 5)
"""Pull of each coefficient to 0, against the mean square of its harmonic (.08): the unseen back of the sphere stays calm."""
ITERATIONS = 12
TRANSPARENT_PARTS = ("left_cornea", "right_cornea", "lashes")
"""Parts that neither hide what is behind them nor take paint."""


@dataclass(frozen=True)
class SkinLight:
    """light [9, 3] (types.FitResult.light); skin_linear_rgb [3]; spread [3]: robust deviations of log photo from log model
    on sure skin, of brightness, of red against green, of green against blue."""

    light: np.ndarray
    skin_linear_rgb: np.ndarray
    spread: np.ndarray


def opaque_triangles(model: HeadModel) -> np.ndarray:
    """Triangles [T, 3] of the parts that hide what is behind them."""
    transparent = [model.part_names.index(n) for n in TRANSPARENT_PARTS if n in model.part_names]
    return triangulate(model.faces[~np.isin(model.face_parts, transparent)])


def head_crop(photo: np.ndarray, camera: Camera, vertices: np.ndarray, longest_px: float) -> tuple[np.ndarray, Camera]:
    """Bytes [H, W] or [H, W, 3] of a photo or its alpha -> the part that shows `vertices`, its longer side at most
    `longest_px`, and its camera."""
    pixels, _ = project(camera, vertices)
    width, height = camera.size
    margin = 0.03 * np.ptp(pixels, axis=0).max() + 2
    x0, y0 = (int(v) for v in np.clip(np.floor(pixels.min(0) - margin), 0, (width - 1, height - 1)))
    x1, y1 = (int(v) for v in np.clip(np.ceil(pixels.max(0) + margin), (x0 + 1, y0 + 1), (width, height)))
    image, view = np.ascontiguousarray(photo[y0:y1, x0:x1]), crop(camera, x0, y0, (x1 - x0, y1 - y0))
    shrink = longest_px / max(view.size)
    if shrink >= 1:
        return image, view
    size = (max(1, round(view.size[0] * shrink)), max(1, round(view.size[1] * shrink)))
    small = Image.fromarray(image).resize(size, Image.Resampling.LANCZOS, reducing_gap=REDUCING_GAP)
    return np.asarray(small), resize(view, size)


def fit_skin_light(photo: Photo, camera: Camera, posed: np.ndarray, model: HeadModel) -> SkinLight:
    """The photo's light and skin on posed vertices [V, 3]; where too little skin is seen, white light on a middling skin."""
    image, view = head_crop(photo.pixels, camera, posed, SAMPLING_PX)
    triangles = opaque_triangles(model)
    normals = vertex_normals(posed, triangles)
    pixels, _ = project(view, posed)
    inside = ((pixels > 0) & (pixels < view.size)).all(1)
    weight = find_zones(model).sure_skin * inside
    to_eye = camera_position(camera) - posed
    weight = weight * np.clip(np.einsum("vc,vc->v", normals, to_eye) / np.linalg.norm(to_eye, axis=1), 0, 1)
    index = np.flatnonzero(weight > 0.05)
    index = index[visible_points(Occluder(posed, triangles), camera, posed[index], normals[index])]
    if len(index) < 30:
        return SkinLight(neutral_light(), np.array([0.45, 0.28, 0.2]), np.array([0.3, 0.1, 0.1]))
    colours = sample_image(image, pixels[index], SRGB_TABLE).astype(np.float64)
    product, spread = fit_product(sh_basis(normals[index]), colours, weight[index])
    light, skin = split_light_and_skin(product, normals[index], weight[index])
    return SkinLight(light, skin, spread)


def neutral_light() -> np.ndarray:
    """White light from everywhere, [9, 3]."""
    light = np.zeros((9, 3))
    light[0] = 1 / 0.28209479
    return light


def fit_product(basis: np.ndarray, colours: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """basis [N, 9], linear colours [N, 3], weight [N] -> light times skin [9, 3], SkinLight.spread [3].

    Least squares reweighted by a Cauchy loss on the relative error of a sample's worst channel, so that brows, hair,
    highlights and glasses drop out together in all channels.
    """
    typical = np.median(colours, 0) + 1e-4
    target = colours / typical
    robust = np.ones(len(basis))
    for _ in range(ITERATIONS):
        w = weight * robust
        normal_matrix = (basis * w[:, None]).T @ basis / w.sum()
        product = np.linalg.solve(normal_matrix + np.diag(RIDGE), (basis * w[:, None]).T @ target / w.sum())
        predicted = np.maximum(basis @ product, 0.05)
        error = np.log(np.maximum(target, 0.02) / predicted)
        spread = 1.4826 * np.median(np.abs(error), 0) + 0.02
        robust = 1 / (1 + ((error / (2 * spread)) ** 2).max(1))
    tint = np.stack([error.mean(1), error[:, 0] - error[:, 1], error[:, 1] - error[:, 2]], -1)
    return product * typical, 1.4826 * np.median(np.abs(tint - np.median(tint, 0)), 0)


def split_light_and_skin(product: np.ndarray, normals: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Light times skin [9, 3] -> light [9, 3] whose mean over the seen skin is white, 1, and the skin [3] that remains."""
    shown = np.maximum(sh_basis(normals) @ product, 1e-3)
    skin = np.average(shown, axis=0, weights=weight)
    return product / skin, skin
