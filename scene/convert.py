"""Frames: between model space and camera space (core/types.py) and Blender's scene and camera conventions.

Rule of this file: pure NumPy; every function says from which frame to which.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.types import Camera

R_SCENE_FROM_MODEL = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
R_OPENCV_FROM_BLENDER = np.diag([1.0, -1.0, -1.0])
"""A Blender camera looks along -Z with +Y up, an OpenCV one along +Z with -Y up."""
SENSOR_WIDTH_MM = 36.0


def model_to_scene(vectors: np.ndarray) -> np.ndarray:
    """Points or offsets [..., 3], model space -> scene space: (x, -z, y)."""
    x, y, z = np.moveaxis(np.asarray(vectors), -1, 0)
    return np.stack([x, -z, y], -1)


def scene_to_model(vectors: np.ndarray) -> np.ndarray:
    """Points or offsets [..., 3], scene space -> model space: (x, z, -y)."""
    x, y, z = np.moveaxis(np.asarray(vectors), -1, 0)
    return np.stack([x, z, -y], -1)


@dataclass(frozen=True)
class Lens:
    """A pinhole camera in Blender's terms, for sensor_fit HORIZONTAL and render resolution `size`.

    lens_mm, sensor_width_mm; shift_x, shift_y in image widths; pixel_aspect_y > 1 where pixels are tall (fx > fy);
    matrix_world [4, 4] of a camera beside a head at the origin.
    """

    lens_mm: float
    sensor_width_mm: float
    shift_x: float
    shift_y: float
    pixel_aspect_y: float
    size: tuple[int, int]
    matrix_world: np.ndarray


def camera_to_lens(camera: Camera) -> Lens:
    """Exact for any K without skew; Blender scales heights by pixel_aspect_y = fx / fy."""
    width, height = camera.size
    fx, fy, cx, cy = camera.K[0, 0], camera.K[1, 1], camera.K[0, 2], camera.K[1, 2]
    aspect = fx / fy
    matrix = np.eye(4)
    matrix[:3, :3] = R_SCENE_FROM_MODEL @ camera.R.T @ R_OPENCV_FROM_BLENDER
    matrix[:3, 3] = R_SCENE_FROM_MODEL @ (-camera.R.T @ camera.t)
    return Lens(
        lens_mm=fx * SENSOR_WIDTH_MM / width,
        sensor_width_mm=SENSOR_WIDTH_MM,
        shift_x=0.5 - cx / width,
        shift_y=(cy - height / 2) * aspect / width,
        pixel_aspect_y=aspect,
        size=(width, height),
        matrix_world=matrix,
    )
