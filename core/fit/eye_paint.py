"""Eyes from the photo: the white's own tone and veins, the iris' own pattern, where the photo shows them clearly.

Rule of this file: an eyeball is never painted far from what eyeballs are: the photo moves the base eye, tinted to the person's
iris, within narrow bounds, and only where lids, lashes and reflections leave no doubt. An iris whose seat is in doubt keeps its
tint alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..render.camera import model_to_camera
from ..render.rasterize import interpolate, sample_image
from ..render.shading import SRGB_TABLE, linear_to_srgb
from ..types import Camera
from .atlas import Atlas
from .eye_texture import EYES, IRIS_M, PUPIL_M
from .face_zones import soft_step
from .inner_light import PLAIN_TINT
from .seen_texels import image_points, refine, soften
from .surface import HeadSurface

LEAST_WEIGHT = 0.02
FACING = (0.25, 0.55)
WHITE_LEVEL, WHITE_TINT = (-0.35, 0.1), 0.06
IRIS_LEVEL, IRIS_TINT = (-0.9, 0.55), 0.35
"""How far the photo may move the base: logs of brightness, and of a channel against it."""
DARK = (-0.5, -0.25)
"""Log brightness of the white below which it is a lash or its shadow."""
REFLECTED = (0.25, 0.6)
"""Log brightness over the iris' usual from which it is a reflection in the cornea."""
SEAT_STEPS = np.linspace(-0.36, 0.36, 7)
"""Where the iris is looked for, in its radii."""
SEAT_RANGE = (0.5, 1.6)
"""Ring, in iris radii, in which its edge is looked for."""
SEATED = (0.45, 0.7)
"""Correlation with the base eye's brightness from which an iris counts as found."""
SEAT_PULL = 0.3
"""Correlation that a shift by a whole radius has to win."""
NUM_SEAT = 400
LEAST_TEXELS = 60


@dataclass(frozen=True)
class EyeTexels:
    """Texels of one eyeball that the camera sees: index [N] in the flat texture; pixels [N, 2] in the view; radius [N]
    m: from the gaze's axis; light [N, 3]; weight [N]; radius_px: the iris' in the view."""

    index: np.ndarray
    pixels: np.ndarray
    radius: np.ndarray
    light: np.ndarray
    weight: np.ndarray
    radius_px: float


def paint_eyes(
    albedo: np.ndarray, image: np.ndarray, view: Camera, surface: HeadSurface, atlas: Atlas, diffuse: np.ndarray
) -> None:
    """Albedo [S, S, 3] sRGB bytes whose irises are tinted -> with the eyes that `image` of `view` shows, in place.

    diffuse [V, 3]: the light, with what lids and lashes take (inner_light.light_openings).
    """
    flat = albedo.reshape(-1, 3)
    for eye in range(len(EYES)):
        texels = see_eye(view, surface, atlas, diffuse, eye)
        if texels is None:
            continue
        base = SRGB_TABLE[flat[texels.index]].astype(np.float64)
        shift, certainty = seat_iris(image, texels, base)
        ring = texels.radius / IRIS_M
        pixels = texels.pixels + shift * (1 - soft_step(ring, 1.1, 1.6))[:, None]
        seen = sample_image(image, pixels, SRGB_TABLE).astype(np.float64) / np.maximum(texels.light, 0.02)
        colour, weight = move_white(base, seen)
        iris_colour, iris_weight = move_iris(base, seen, texels.radius)
        share = soft_step(ring, 0.97, 1.05)[:, None]
        colour = iris_colour * (1 - share) + colour * share
        weight = texels.weight * (iris_weight * certainty * (1 - share[:, 0]) + weight * share[:, 0])
        painted = 255 * linear_to_srgb(base + weight[:, None] * (colour - base))
        flat[texels.index] = np.clip(painted + 0.5, 0, 255).astype(np.uint8)


def see_eye(view: Camera, surface: HeadSurface, atlas: Atlas, diffuse: np.ndarray, eye: int) -> EyeTexels | None:
    """The clearly visible texels of the eyeball EYES[eye]; None when there are hardly any."""
    of_eye = atlas.inner == eye
    in_camera = model_to_camera(view, surface.vertices)
    index = atlas.coarse_inner[of_eye[atlas.triangles[atlas.coarse.triangle_id[atlas.coarse_inner]][:, 0]]]
    values = interpolate(np.column_stack([in_camera, surface.cosine]), atlas.coarse.select(index), atlas.triangles)
    is_free = values[:, 3] > FACING[0]
    is_free[is_free] = surface.sees_camera.sees(np.zeros(3), values[is_free, :3])
    weight = soften(atlas.coarse, index, is_free, soft_step(values[:, 3], *FACING))
    fine = refine(np.flatnonzero(weight.reshape(-1) > LEAST_WEIGHT), atlas.coarse.size, atlas.texels.size)
    fine = fine[np.append(of_eye[atlas.triangles[:, 0]], False)[atlas.texels.triangle_id[fine]]]
    if len(fine) < LEAST_TEXELS:
        return None
    radius = np.where(np.isfinite(atlas.iris_radius), atlas.iris_radius, 0.02)
    table = interpolate(np.column_stack([in_camera, radius, diffuse]), atlas.texels.select(fine), atlas.triangles)
    scale = atlas.texels.size // atlas.coarse.size
    row, column = np.divmod(fine, atlas.texels.size)
    radius_px = IRIS_M * view.K[0, 0] / float(np.median(table[:, 2]))
    return EyeTexels(
        fine, image_points(view, table[:, :3]), table[:, 3], table[:, 4:], weight[row // scale, column // scale], radius_px
    )


def seat_iris(image: np.ndarray, texels: EyeTexels, base: np.ndarray) -> tuple[np.ndarray, float]:
    """Where the photo has the iris beside where the fit has it, px [2], and how sure that is, in [0, 1].

    The shift at which the ring around the limbus agrees best with the base eye's brightness.
    """
    ring = texels.radius / IRIS_M
    chosen = np.flatnonzero((ring > SEAT_RANGE[0]) & (ring < SEAT_RANGE[1]) & (texels.weight > 0.3))
    if len(chosen) < LEAST_TEXELS:
        return np.zeros(2), 0.0
    chosen = chosen[:: max(1, len(chosen) // NUM_SEAT)]
    wanted = np.log(base[chosen].mean(1) + 0.01)
    x, y = np.meshgrid(SEAT_STEPS, SEAT_STEPS)
    shifts = np.stack([x.ravel(), y.ravel()], 1)
    places = texels.pixels[chosen] + texels.radius_px * shifts[:, None]
    light = texels.light[chosen].mean(1)
    seen = np.log(sample_image(image, places, SRGB_TABLE).mean(-1) / np.maximum(light, 0.02) + 0.01)
    agreement = correlate(seen, wanted) - SEAT_PULL * (shifts**2).sum(1)
    best = int(np.argmax(agreement))
    if np.abs(shifts[best]).max() >= SEAT_STEPS[-1] - 1e-9:
        return np.zeros(2), 0.0
    return texels.radius_px * shifts[best], float(soft_step(agreement[best], *SEATED))


def correlate(values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Correlation of each row of values [S, N] with wanted [N], [S]."""
    a = values - values.mean(-1, keepdims=True)
    b = wanted - wanted.mean()
    return (a @ b) / np.maximum(np.sqrt((a**2).sum(-1) * (b**2).sum()), 1e-9)


def move_white(base: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Linear base and seen albedo [N, 3] -> the white of the eye within its bounds [N, 3], weight [N]."""
    moved = np.log(np.maximum(seen, 2e-3)) - np.log(np.maximum(base, 2e-3))
    level, red = moved.mean(1), moved[:, 0] - moved[:, 1]
    weight = (1 - soft_step(red, *PLAIN_TINT)) * soft_step(level, *DARK)
    return base * np.exp(bound(moved, WHITE_LEVEL, WHITE_TINT)), weight


def move_iris(base: np.ndarray, seen: np.ndarray, radius: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same for the iris; the pupil stays as it is: what the photo shows of it is the cornea's reflection."""
    on_ring = (radius > 1.2 * PUPIL_M) & (radius < 0.95 * IRIS_M)
    usual = np.median(base[on_ring], 0) if on_ring.any() else base.mean(0)
    brightness = np.log(np.maximum(seen.mean(1), 2e-3) / max(usual.mean(), 2e-3))
    weight = (1 - soft_step(brightness, *REFLECTED)) * soft_step(radius, PUPIL_M, 1.25 * PUPIL_M)
    smooth = np.broadcast_to(usual, base.shape)
    moved = np.log(np.maximum(seen, 2e-3)) - np.log(np.maximum(smooth, 2e-3))
    return smooth * np.exp(bound(moved, IRIS_LEVEL, IRIS_TINT)), weight


def bound(moved: np.ndarray, level: tuple[float, float], tint: float) -> np.ndarray:
    """Log ratios [N, 3] with their mean within `level` and each channel's rest within +-tint."""
    mean = moved.mean(1, keepdims=True)
    return np.clip(mean, *level) + np.clip(moved - mean, -tint, tint)
