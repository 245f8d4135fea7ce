"""Pinhole cameras by OpenCV's convention (see core/types.py): building, projecting, cropping, looking around a head.

Rule of this file: a camera is a value; every change gives a new one, and pixel centres lie at .5.
"""

from __future__ import annotations

import numpy as np

from ..types import Camera

FULL_FRAME_WIDTH_MM = 36.0
CAMERA_FROM_MODEL_FRONT = np.diag([1.0, -1.0, -1.0])
"""Looks along -Z at a face that looks along +Z: image right = the subject's left."""


def perspective_camera(
    size: tuple[int, int],
    focal_px: float | None = None,
    focal_35mm: float = 50.0,
    R: np.ndarray | None = None,
    t: np.ndarray | None = None,
) -> Camera:
    """A camera with square pixels and a centred principal point.

    focal_px wins over focal_35mm, which is the focal length (mm) of the same view over the longer side on a 36 mm wide
    frame. Without R the camera faces the head frontally; without t it stands 1 m away.
    """
    width, height = size
    focal = focal_px if focal_px is not None else focal_35mm / FULL_FRAME_WIDTH_MM * max(width, height)
    K = np.array([[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]])
    rotation = CAMERA_FROM_MODEL_FRONT if R is None else np.asarray(R, np.float64)
    translation = np.array([0.0, 0.0, 1.0]) if t is None else np.asarray(t, np.float64)
    return Camera(K, rotation, translation, (int(width), int(height)))


def model_to_camera(camera: Camera, points: np.ndarray) -> np.ndarray:
    """Model space [..., 3] -> camera space [..., 3]."""
    return points @ camera.R.T + camera.t


def project(camera: Camera, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Model points [..., 3] m -> pixels [..., 2] and depth [...] m along the optical axis (negative: behind the camera)."""
    points_camera = model_to_camera(camera, points)
    depth = points_camera[..., 2]
    homogeneous = points_camera @ camera.K.T
    safe = np.where(np.abs(depth) < 1e-9, 1e-9, depth)
    return homogeneous[..., :2] / safe[..., None], depth


def camera_position(camera: Camera) -> np.ndarray:
    """The camera's centre in model space, [3] m."""
    return -camera.R.T @ camera.t


def crop(camera: Camera, x: float, y: float, size: tuple[int, int]) -> Camera:
    """The camera of the sub-image of `size` (width, height) whose top-left corner is at (x, y); may reach outside the image."""
    K = camera.K.copy()
    K[:2, 2] -= (x, y)
    return Camera(K, camera.R, camera.t, (int(size[0]), int(size[1])))


def resize(camera: Camera, size: tuple[int, int]) -> Camera:
    """The camera of the same view resampled to `size` (width, height)."""
    scale = np.array([size[0] / camera.size[0], size[1] / camera.size[1], 1.0])
    return Camera(scale[:, None] * camera.K, camera.R, camera.t, (int(size[0]), int(size[1])))


def look_at(position: np.ndarray, target: np.ndarray, size: tuple[int, int], focal_px: float) -> Camera:
    """A camera at `position` [3] that sees `target` [3] in its centre, model +Y up."""
    forward = np.asarray(target, np.float64) - position
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, (0.0, 1.0, 0.0))
    right /= np.linalg.norm(right)
    R = np.stack([right, np.cross(forward, right), forward])
    return perspective_camera(size, focal_px=focal_px, R=R, t=-R @ np.asarray(position, np.float64))


def orbit_camera(
    vertices: np.ndarray,
    size: tuple[int, int],
    yaw_rad: float = 0.0,
    pitch_rad: float = 0.0,
    focal_35mm: float = 85.0,
    fill: float = 0.9,
) -> Camera:
    """A preview camera around the head: yaw > 0 shows the subject's left side, pitch > 0 looks from above.

    The distance is such that the sphere around the vertices' bounding box fills `fill` of the shorter side at every yaw.
    """
    low, high = vertices.min(0), vertices.max(0)
    centre, radius = (low + high) / 2, float(np.linalg.norm(vertices - (low + high) / 2, axis=1).max())
    focal_px = focal_35mm / FULL_FRAME_WIDTH_MM * max(size)
    half_angle = np.arctan(0.5 * fill * min(size) / focal_px)
    direction = np.array([np.sin(yaw_rad) * np.cos(pitch_rad), np.sin(pitch_rad), np.cos(yaw_rad) * np.cos(pitch_rad)])
    return look_at(centre + direction * radius / np.sin(half_angle), centre, size, focal_px)
