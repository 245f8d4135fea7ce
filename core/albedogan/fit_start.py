"""What the encoders say of a photo, as this project's own fit starts from: code, pinhole camera and light in its conventions.

Rule of this file: NumPy. An orthographic camera has no distance; a pinhole one at the distance that a focal length implies shows
the head's middle plane at the same size, and everything else nearly where the orthographic one did.
"""

from __future__ import annotations

import numpy as np

from ..render.camera import CAMERA_FROM_MODEL_FRONT
from ..types import Camera, HeadCode
from .codes import PaperCodes
from .crop import Crop
from .flame_layer import FlameLayer
from .rotations import axis_angle_to_matrix
from .spherical_harmonics import light_to_ours, rotate_light


def head_code(codes: PaperCodes) -> HeadCode:
    """identity [300], expression [50], pose [15]; the root's rotation is the camera's business and zero here."""
    pose = np.concatenate([np.zeros(3), codes.neck, codes.pose[3:], codes.eyes]).astype(np.float64)
    return HeadCode(codes.shape.astype(np.float64), codes.expression.astype(np.float64), pose)


def root_rotation(codes: PaperCodes) -> np.ndarray:
    """[3, 3] of the head's root, float64."""
    return axis_angle_to_matrix(codes.poses().root)[0].numpy().astype(np.float64)


def pinhole_camera(
    codes: PaperCodes,
    crop: Crop,
    flame: FlameLayer,
    photo_size: tuple[int, int],
    focal_px: float | None = None,
    weights: np.ndarray | None = None,
) -> Camera:
    """The camera of the whole photo (width, height), for heads whose root does not turn (head_code's).

    focal_px: from EXIF; without, 1.4 times the photo's longer side. weights [V]: of the vertices whose middle is shown at the
    size that it has in the crop (the face's, say); without, of all alike.
    """
    focal = 1.4 * max(photo_size) if focal_px is None else focal_px
    s, tx, ty = (float(value) for value in codes.camera)
    zoom = float(crop.crop_from_photo[0, 0])
    side = crop.pixels.shape[0]
    pixels_per_metre = s * side / 2 / zoom
    distance = focal / pixels_per_metre
    centre = (np.array([side / 2 - 0.5, side / 2 - 0.5]) - crop.crop_from_photo[:2, 2]) / zoom + 0.5
    root = root_rotation(codes)
    shaped = flame.shape(*(flame.template.new_tensor(code)[None] for code in (codes.shape, codes.expression)))[0]
    pivot = (flame.joint_regressor[0] @ shaped).numpy().astype(np.float64)
    middle = root @ (np.average(shaped.numpy(), 0, weights) - pivot) + pivot
    lateral = pivot - root @ pivot + [tx, ty, -middle[2]]
    K = np.array([[focal, 0.0, centre[0]], [0.0, focal, centre[1]], [0.0, 0.0, 1.0]])
    translation = CAMERA_FROM_MODEL_FRONT @ lateral + [0.0, 0.0, distance]
    return Camera(K, CAMERA_FROM_MODEL_FRONT @ root, translation, photo_size)


def model_light(codes: PaperCodes) -> np.ndarray:
    """The light [9, 3] in the axes of the head at rest and in our harmonics (FitResult.light). The encoders' light multiplies
    colours as displayed; taken for linear light it is a start, no more."""
    return light_to_ours(rotate_light(codes.light.astype(np.float64), root_rotation(codes).T))
