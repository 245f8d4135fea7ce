"""How sure a result is, in one number and in sentences a person can act on."""

from __future__ import annotations

import numpy as np

from ..head.model import HeadModel
from ..types import FitResult, Landmarks, Photo
from .geometry import LandmarkFit
from .measurement import face_frame

GOOD_FACE_PX = 220
"""Distance between the outer eye corners from which a photo holds all that 478 landmarks can use, times about 2.5."""


def judge_fit(
    photo: Photo, landmarks: Landmarks, model: HeadModel, fit: LandmarkFit, light: np.ndarray, times_s: dict[str, float]
) -> FitResult:
    """Confidence in [0, 1] as a product of what weakens a fit: detector, resolution, head turn, outliers, border; with warnings."""
    camera = fit.camera
    points = model.landmarks7.evaluate(model.pose(fit.code)) @ camera.R.T + camera.t
    frame = face_frame(camera.R, camera.K[0, 0], points[:, 2].mean())
    eye_distance_px = float(np.linalg.norm(points[0] - points[3])) * camera.K[0, 0] / points[:, 2].mean()
    face_px = 2.5 * eye_distance_px
    relative_residual = float(np.median(fit.residual_px)) / eye_distance_px
    inliers = float((fit.trust > 0.3).mean())
    turn = abs(np.degrees(frame.yaw))
    low, high = landmarks.points_px.min(0), landmarks.points_px.max(0)
    is_cut = (low < 0).any() or (high > np.array([photo.pixels.shape[1], photo.pixels.shape[0]])).any()
    factors = {
        "The detector is unsure that this is a face; compare the head with the photo.": np.clip(landmarks.presence / 0.9, 0, 1),
        f"The face is small ({face_px:.0f} pixels wide); a larger photo gives a better texture.": np.clip(
            face_px / GOOD_FACE_PX, 0.2, 1
        ),
        f"The head is turned by {turn:.0f} degrees; the far side is invented from the near one.": np.clip(
            1.15 - turn / 75, 0.15, 1
        ),
        "Many landmarks disagree with the head (occlusion, a mask or a drawing?).": np.clip((inliers - 0.4) / 0.45, 0.1, 1),
        "The head does not explain the face well; the expression may be outside the model.": np.clip(
            1.4 - relative_residual / 0.03, 0.2, 1
        ),
        "The face is cut off by the photo's border.": 0.7 if is_cut else 1.0,
    }
    warnings = tuple(sentence for sentence, factor in factors.items() if factor < 0.75)
    confidence = float(0.95 * np.prod(list(factors.values())))
    return FitResult(
        code=fit.code, camera=camera, light=light, residual_px=float(np.median(fit.residual_px)), inliers=inliers,
        confidence=confidence, warnings=warnings, times_s=dict(times_s),
    )  # fmt: skip
