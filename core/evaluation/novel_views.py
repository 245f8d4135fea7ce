"""A fitted head from elsewhere: rendered with its texture at several yaws on white, and cut out as a face recogniser wants it.

The expression is the photo's, the gaze straight; the light is soft and the same for everyone, so that only shape and texture
speak. Yaw > 0 turns the face towards the image's right side. What the method's authors measured with could not be obtained:
the yaws and the white ground are those of their scripts (METHOD 2.4).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import EvaluationError
from ..fit.light import TRANSPARENT_PARTS
from ..head.model import HeadModel, rotation_matrices, triangulate
from ..photo.image import load_photo
from ..photo.landmarks import detect_landmarks
from ..pipeline import load_calibrated_model
from ..render.camera import CAMERA_FROM_MODEL_FRONT, perspective_camera, project
from ..render.shading import ambient_light, directional_light, render_head, vertex_normals
from ..render.visibility import Occluder
from ..staging import staged
from ..types import Camera, HeadCode

YAWS_DEG = (0, 15, -15, 30, -30)
SIZE, SUPERSAMPLE = 512, 2
FOCAL_35MM, FACE_SHARE = 85.0, 0.48
"""A portrait lens; what the face takes of the picture's height."""
EYES, NOSE_TIP, MOUTH_CORNERS = ((33, 133), (362, 263)), 1, (61, 291)
"""The recogniser's five points among the 478 dense landmarks: eyes between their corners, the subject's right first."""

Embedding = Callable[[np.ndarray], np.ndarray]
"""Aligned faces [N, 3, 112, 112] float32 -> embeddings [N, D] of any length."""


@dataclass(frozen=True)
class FittedHead:
    """vertices [V, 3] m as in the photo, without gaze and turn; albedo [S, S, 3] sRGB uint8."""

    vertices: np.ndarray
    albedo: np.ndarray


def read_fitted_head(path: Path, model: HeadModel) -> FittedHead:
    """From the .npz that `fit` writes. Raises EvaluationError where it is not one of this head model."""
    try:
        with np.load(path, allow_pickle=False) as data:
            identity, albedo = data["identity"].astype(np.float64), data["albedo"]
            weights = dict(zip(data["expression_names"].tolist(), data["expression"].tolist(), strict=True))
        expression = np.array([weights[name] for name in model.expression_names])
        code = HeadCode(np.pad(identity, (0, model.num_identity - len(identity))), expression, np.zeros(15))
        return FittedHead(model.pose(code), albedo)
    except (OSError, ValueError, KeyError) as error:
        raise EvaluationError(
            f"The head {path} cannot be read ({error}): fit its photo again with the same head model."
        ) from error


def render_views(head: FittedHead, model: HeadModel) -> list[tuple[np.ndarray, Camera]]:
    """The head at YAWS_DEG: pixels [SIZE, SIZE, 3] sRGB uint8, and the camera."""
    triangles, uv_triangles = _opaque(model)
    normals = vertex_normals(head.vertices, triangles)
    occluder = Occluder(head.vertices, triangles)
    openness = occluder.openness(head.vertices + normals * 5e-4, normals, num_rays=32)
    white = np.full((SIZE, SIZE, 3), 255, np.uint8)
    views = []
    for yaw_deg in YAWS_DEG:
        camera = place_camera(head.vertices, model, yaw_deg)
        facing = -camera.R[2]
        light = ambient_light((0.75, 0.75, 0.75)) + directional_light(facing + camera.R.T @ (0.3, -0.5, 0.0), (0.3, 0.3, 0.3))
        pixels = render_head(
            head.vertices, triangles, model.uvs, uv_triangles, head.albedo, camera, light,
            background=white, openness=openness, normals=normals, occluder=occluder, supersample=SUPERSAMPLE,
        )  # fmt: skip
        views.append((pixels, camera))
    return views


def place_camera(vertices: np.ndarray, model: HeadModel, yaw_deg: float) -> Camera:
    """A camera that sees the face turned by yaw_deg, in the middle of the picture."""
    focal_px = FOCAL_35MM / 36 * SIZE
    R = CAMERA_FROM_MODEL_FRONT @ rotation_matrices(np.radians([[0.0, yaw_deg, 0.0]]))[0]
    landmarks = model.landmarks7.evaluate(vertices)
    face_height = 2.6 * np.linalg.norm(landmarks[:4].mean(0) - landmarks[5:].mean(0))
    distance = focal_px * face_height / (SIZE * FACE_SHARE)
    return perspective_camera((SIZE, SIZE), focal_px=focal_px, R=R, t=np.array([0, 0, distance]) - R @ landmarks.mean(0))


def face_of_view(pixels: np.ndarray, camera: Camera, head: FittedHead, model_name: str) -> np.ndarray:
    """A view as the recogniser wants it, [3, 112, 112], by the head's own landmarks."""
    points = load_calibrated_model(model_name).calibration.points.evaluate(head.vertices)
    return _align(pixels, project(camera, points)[0])


def face_of_photo(photo: Path) -> np.ndarray:
    """A photo's largest face as the recogniser wants it, [3, 112, 112]. Raises PhotoError, FaceError."""
    loaded = load_photo(photo)
    return _align(loaded.pixels, detect_landmarks(loaded).points_px)


def _align(pixels: np.ndarray, dense_px: np.ndarray) -> np.ndarray:
    """Averaged over whole pixels first where the face is much larger than 112, then turned, scaled and cut out."""
    from ..albedogan.alignment import align_face, align_matrix

    eyes = [dense_px[list(corners)].mean(0) for corners in EYES]
    five = np.stack([*eyes, dense_px[NOSE_TIP], *dense_px[list(MOUTH_CORNERS)]])
    factor = max(1, int(1 / np.linalg.norm(align_matrix(five)[:, 0])))
    reduced = np.asarray(Image.fromarray(pixels).reduce(factor))
    return align_face(reduced, five / factor - 0.5)


def write_views(folder: Path, stem: str, views: list[tuple[np.ndarray, Camera]]) -> None:
    """<stem>_yaw<degrees>.png of every view. Raises ExportError."""
    with staged(folder) as partial:
        for yaw_deg, (pixels, _) in zip(YAWS_DEG, views, strict=True):
            Image.fromarray(pixels).save(partial / f"{stem}_yaw{yaw_deg:+d}.png")


def cosine_similarity(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Embeddings [N, D] and [M, D] -> cosines [N, M]."""
    unit = lambda e: e / np.maximum(np.linalg.norm(e, axis=1, keepdims=True), 1e-12)  # noqa: E731
    return unit(a) @ unit(b).T


def _opaque(model: HeadModel) -> tuple[np.ndarray, np.ndarray]:
    """Triangles and their UVs without the corneas."""
    is_opaque = ~np.isin(np.array(model.part_names)[model.face_parts], TRANSPARENT_PARTS)
    return triangulate(model.faces[is_opaque]), triangulate(model.face_uvs[is_opaque])
