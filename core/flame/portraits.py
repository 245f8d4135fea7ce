"""Clay portraits of a head without a texture, and where the landmark network sees the face in them.

Rule of this file: two heads are only ever compared under the same light, views and eyes, so that what the network thinks of clay
falls out of the difference.
"""

from __future__ import annotations

import numpy as np

from ..errors import FaceError
from ..photo.image import photo_from_pixels
from ..photo.landmarks import detect_landmarks
from ..render.camera import orbit_camera, resize
from ..render.rasterize import interpolate, rasterize
from ..render.shading import ambient_light, directional_light, linear_to_srgb, shade, vertex_normals
from ..render.visibility import Occluder
from ..types import Camera

SIZE_PX = 640
VIEWS_RAD = [
    (np.radians(yaw), np.radians(pitch)) for yaw, pitch in ((0, 0), (-18, 0), (18, 0), (-38, 0), (38, 0), (0, -14), (0, 12))
]
CLAY = np.array([0.50, 0.30, 0.22])
SCLERA, IRIS, PUPIL = np.array([0.75, 0.73, 0.70]), np.array([0.10, 0.055, 0.03]), np.array([0.01, 0.01, 0.01])
IRIS_ANGLE, PUPIL_ANGLE = np.arcsin(5.9 / 12.0), np.arcsin(2.0 / 12.0)
BACKGROUND = 0.35


def views_of(face: np.ndarray) -> list[Camera]:
    """The cameras around a face's vertices [N, 3] m."""
    return [orbit_camera(face, (SIZE_PX, SIZE_PX), yaw, pitch, fill=0.8) for yaw, pitch in VIEWS_RAD]


def clay_colours(vertices: np.ndarray, triangles: np.ndarray, eyes: list[np.ndarray]) -> np.ndarray:
    """Lit linear colours [V, 3]: clay, and eyes (rows of each eyeball) that look straight ahead."""
    normals = vertex_normals(vertices, triangles)
    colour = np.broadcast_to(CLAY, vertices.shape).copy()
    openness = Occluder(vertices, triangles).openness(vertices + normals * 5e-4, normals, 48, 0.06).astype(np.float64)
    for rows in eyes:
        outwards = vertices[rows] - vertices[rows].mean(0)
        angle = np.arccos(np.clip(outwards[:, 2] / np.linalg.norm(outwards, axis=1), -1, 1))
        colour[rows] = np.where((angle < IRIS_ANGLE)[:, None], IRIS, SCLERA)
        colour[rows[angle < PUPIL_ANGLE]] = PUPIL
        openness[rows] = 0.4 + 0.6 * openness[rows]
    light = ambient_light((0.55, 0.55, 0.58)) + directional_light(np.array([0.25, 0.5, 1.0]), (0.55, 0.53, 0.5))
    return colour * shade(normals, light) * openness[:, None]


def draw_portrait(vertices: np.ndarray, triangles: np.ndarray, colours: np.ndarray, camera: Camera) -> np.ndarray:
    """[SIZE_PX, SIZE_PX, 3] uint8 sRGB, averaged from four times as many samples."""
    double = resize(camera, (2 * SIZE_PX, 2 * SIZE_PX))
    raster = rasterize(vertices, triangles, double)
    linear = np.where(raster.is_covered[..., None], interpolate(colours, raster, triangles), BACKGROUND)
    averaged = linear.reshape(SIZE_PX, 2, SIZE_PX, 2, 3).mean((1, 3))
    return np.round(255 * linear_to_srgb(averaged)).astype(np.uint8)


def see_landmarks(
    vertices: np.ndarray, triangles: np.ndarray, eyes: list[np.ndarray], cameras: list[Camera]
) -> list[np.ndarray | None]:
    """The 478 landmarks [478, 2] px in each view; None where no face is seen, and everywhere where the first
    view, which should be the front, shows none."""
    colours = clay_colours(vertices, triangles, eyes)
    found: list[np.ndarray | None] = []
    for camera in cameras:
        photo = photo_from_pixels(draw_portrait(vertices, triangles, colours, camera), source="a clay portrait")
        try:
            found.append(detect_landmarks(photo).points_px)
        except FaceError:
            found.append(None)
        if found[0] is None:
            return [None] * len(cameras)
    return found
