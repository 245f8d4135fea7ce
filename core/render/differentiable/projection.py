"""From this project's cameras to clip space. NumPy only."""

from __future__ import annotations

import numpy as np

from ...types import Camera
from ..camera import resize


def clip_matrix(camera: Camera, near: float = 0.05, far: float = 10.0, size: tuple[int, int] | None = None) -> np.ndarray:
    """[4, 4]: (model point, 1) @ clip_matrix.T is the clip-space position for an image of size (width, height).

    y points down, so row 0 of the rendered image is its top, and pixel centres are those of core/render/camera.py. near, far: m.
    """
    view = camera if size is None else resize(camera, size)
    width, height = view.size
    to_ndc = np.array([[2 / width, 0, -1], [0, 2 / height, -1], [0, 0, 1]]) @ view.K
    depth_row = np.array([0.0, 0.0, (far + near) / (far - near)])
    projection = np.zeros((4, 4))
    projection[[0, 1, 3], :3] = to_ndc
    projection[2, :3], projection[2, 3] = depth_row, -2 * far * near / (far - near)
    T_camera_model = np.eye(4)
    T_camera_model[:3, :3], T_camera_model[:3, 3] = camera.R, camera.t
    return projection @ T_camera_model
