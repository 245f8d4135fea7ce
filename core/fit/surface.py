"""The posed head under the photo's camera, and its mirror image: what painting and shading look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..render.camera import camera_position, model_to_camera
from ..render.shading import vertex_normals
from ..render.visibility import Occluder
from ..types import Camera
from .atlas import Atlas


@dataclass(frozen=True)
class HeadSurface:
    """vertices, normals [V, 3]; cosine [V] to the camera; occluder in model space, sees_camera in camera space; seen [V]:
    vertices that the camera sees."""

    vertices: np.ndarray
    normals: np.ndarray
    cosine: np.ndarray
    occluder: Occluder
    sees_camera: Occluder
    seen: np.ndarray


def pose_surface(posed: np.ndarray, atlas: Atlas, camera: Camera) -> HeadSurface:
    """Vertices [V, 3] m as posed -> the surface."""
    normals = vertex_normals(posed, atlas.opaque)
    cosine = cosine_to_eye(posed, normals, camera)
    in_camera = model_to_camera(camera, posed)
    sees_camera = Occluder(in_camera, atlas.opaque)
    seen = cosine > 0
    seen[seen] = sees_camera.sees(np.zeros(3), in_camera[seen])
    return HeadSurface(posed, normals, cosine, Occluder(posed, atlas.opaque), sees_camera, seen)


def cosine_to_eye(vertices: np.ndarray, normals: np.ndarray, camera: Camera) -> np.ndarray:
    to_eye = camera_position(camera) - vertices
    return np.einsum("vc,vc->v", normals, to_eye) / np.linalg.norm(to_eye, axis=1)


def mirror_values(values: np.ndarray, mirror: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Values [V, C] -> those at each vertex's twin."""
    corners, weights = mirror
    return np.einsum("vk,vkc->vc", weights, values[corners])
