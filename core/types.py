"""The values that flow: Photo -> Landmarks -> FitResult -> HeadAsset -> scene, and back.

Rule of this file: frozen dataclasses of NumPy arrays and plain Python values; no behaviour beyond what
follows from the fields, no bpy, no torch.

Frames and units
    model space   metres, right-handed, +X the subject's left, +Y up, +Z out of the face
    camera space  metres, OpenCV: +x right, +y down, +z forward; x_camera = R_camera_from_model @ x_model + t
    image space   pixels, origin at the top-left corner of the top-left pixel, so its centre is (0.5, 0.5)
    UV space      [0, 1], origin bottom-left (v up), as Blender and OpenGL
    scene space   Blender: metres, Z up, head facing -Y: (x, y, z)_scene = (x, -z, y)_model
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

JOINT_NAMES = ("root", "neck", "jaw", "left_eye", "right_eye")
JOINT_PARENTS = (-1, 0, 1, 1, 1)

ARKIT_NAMES = (
    "eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft", "eyeSquintLeft",
    "eyeWideLeft", "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight", "eyeLookOutRight", "eyeLookUpRight",
    "eyeSquintRight", "eyeWideRight", "jawForward", "jawLeft", "jawRight", "jawOpen", "mouthClose", "mouthFunnel",
    "mouthPucker", "mouthLeft", "mouthRight", "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft",
    "mouthFrownRight", "mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthPressLeft", "mouthPressRight",
    "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight", "browDownLeft",
    "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff", "cheekSquintLeft",
    "cheekSquintRight", "noseSneerLeft", "noseSneerRight", "tongueOut",
)  # fmt: skip
"""Apple ARKit's 52 blend shapes, in the order of ARFaceAnchor.BlendShapeLocation."""


@dataclass(frozen=True)
class Progress:
    """One step of a long job: `stage` is shown to the user, `fraction` in [0, 1] is the whole job's.

    is_once: what follows is done once a machine or a process, so it says nothing about how long such jobs take;
    picture: what is being made as it is now, [h, w, 3] uint8 sRGB, at some of the steps.
    """

    stage: str
    fraction: float
    is_once: bool = False
    picture: np.ndarray | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Photo:
    """An upright photo in sRGB.

    pixels [H, W, 3] uint8 sRGB; alpha [H, W] uint8 or None; focal_px: focal length in pixels from EXIF, or None;
    source: file path (of a head read back, the file's name) or a description; sha256: of the file's bytes (hex);
    notes: what was done on reading.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None
    focal_px: float | None
    source: str
    sha256: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Landmarks:
    """478 points of one face (MediaPipe's attention-mesh order; 468-472 right iris, 473-477 left iris, of the subject).

    points_px [478, 2] float64 in the photo's image space; depth_px [478] relative, towards the camera negative;
    box_px (x0, y0, x1, y1) the detector's face box; detection_score, presence in [0, 1];
    yaw_rad, roll_rad: rough head turn from the points (yaw > 0: the subject turns towards the image's right side).
    """

    points_px: np.ndarray
    depth_px: np.ndarray
    box_px: tuple[float, float, float, float]
    detection_score: float
    presence: float
    yaw_rad: float
    roll_rad: float


@dataclass(frozen=True)
class Camera:
    """A pinhole camera (OpenCV): K [3, 3] px, R [3, 3] camera from model, t [3] m, size (width, height) px."""

    K: np.ndarray
    R: np.ndarray
    t: np.ndarray
    size: tuple[int, int]


@dataclass(frozen=True)
class HeadCode:
    """The parameters of one head in one pose, by FLAME's conventions.

    identity [K], in standard deviations; expression [E], one weight per model expression unit;
    pose [15] axis-angle rad: root, neck, jaw, left eye, right eye (root is the camera's business: zero here).
    """

    identity: np.ndarray
    expression: np.ndarray
    pose: np.ndarray


@dataclass(frozen=True)
class FitResult:
    """What the fit found: the head's code, camera, light, and how well it explains the photo.

    light [9, 3]: linear-RGB spherical-harmonic irradiance coefficients in camera-independent model axes, order
    1, y, z, x, xy, yz, 3z^2-1, xz, x^2-y^2 (real orthonormal SH basis);
    residual_px: median landmark distance; inliers: share of landmarks kept by the robust weights;
    confidence in [0, 1]; warnings: sentences for the user; times_s: stage -> seconds.
    """

    code: HeadCode
    camera: Camera
    light: np.ndarray
    residual_px: float
    inliers: float
    confidence: float
    warnings: tuple[str, ...] = ()
    times_s: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Texture:
    """An image on the UVs: pixels [H, W] or [H, W, C] uint8, or [H, W] uint16, row 0 at the top (v = 1); color_space 'sRGB' or
    'Non-Color'."""

    pixels: np.ndarray
    color_space: str


@dataclass(frozen=True)
class BoneRotation:
    """An expression unit that turns a joint: at weight 1 `joint` is rotated by axis_angle [3] rad in model axes about itself."""

    joint: str
    axis_angle: np.ndarray


@dataclass(frozen=True)
class FittedPhoto:
    """A photo of a person, cropped to the head, and how it was fitted: code, and the camera of the crop."""

    photo: Photo
    code: HeadCode
    camera: Camera


@dataclass(frozen=True)
class HeadAsset:
    """A finished head, all that Blender or an exporter needs; NumPy only.

    vertices [V, 3] m, model space, the person's neutral expression, joints at rest;
    faces [F, 4] vertex indices, counter-clockwise seen from outside; a triangle has -1 in its last place;
    uvs [U, 2]; face_uvs [F, 4] indices into uvs (-1 as in faces); face_parts [F] indices into part_names;
    shape_keys: name -> offsets [V, 3] m at weight 1, what remains beside the unit's bone rotation;
    bone_rotations: name of a unit -> its joint rotations (possibly none);
    pose_correctives [36, V, 3] m: offsets per element of (R - I) of neck, jaw, left eye, right eye, row-major (FLAME);
    joints [5, 3] m; weights [V, 5] (JOINT_NAMES, rows sum to 1);
    expression: unit name -> weight in the photo; pose [15] as HeadCode.pose;
    landmarks7 [7, 3] m on the neutral head (right outer eye corner, right inner, left inner, left outer, subnasale,
    right and left mouth corner; of the subject);
    identity [K]; model_name; textures: 'albedo' and 'albedo_confidence' at least;
    skin_linear_rgb [3]; camera, light, photo: None for a head without a photo;
    regions: vertex-group name -> weights [V] in [0, 1];
    provenance: JSON-able facts (model, licence, photo hash, version, confidence, warnings, times_s);
    further: the other photos of a head from several, in the order that they were given in;
    more_uvs: name of a further UV layout -> the faces' corners on it [F, 4, 2] (0 where a face has none); textures are not on it;
    landmarks68 [68, 3] m on the neutral head, iBUG's order, where the model knows them;
    joint_moves: unit -> offsets [5, 3] m of the joints at weight 1 (FLAME's own expressions); Blender's bones stay.
    """

    name: str
    vertices: np.ndarray
    faces: np.ndarray
    uvs: np.ndarray
    face_uvs: np.ndarray
    face_parts: np.ndarray
    part_names: tuple[str, ...]
    shape_keys: dict[str, np.ndarray]
    bone_rotations: dict[str, tuple[BoneRotation, ...]]
    pose_correctives: np.ndarray
    joints: np.ndarray
    weights: np.ndarray
    expression: dict[str, float]
    pose: np.ndarray
    landmarks7: np.ndarray
    identity: np.ndarray
    model_name: str
    textures: dict[str, Texture]
    skin_linear_rgb: np.ndarray
    camera: Camera | None
    light: np.ndarray | None
    photo: Photo | None
    regions: dict[str, np.ndarray]
    provenance: dict[str, Any]
    further: tuple[FittedPhoto, ...] = ()
    more_uvs: dict[str, np.ndarray] = field(default_factory=dict)
    landmarks68: np.ndarray | None = None
    joint_moves: dict[str, np.ndarray] = field(default_factory=dict)
