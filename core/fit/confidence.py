"""How sure a result is, in one number and in sentences: the landmarks' quality and how the head explains them."""

from __future__ import annotations

import numpy as np

from ..head.model import HeadModel
from ..photo.quality import assess_landmarks
from ..types import FitResult, Landmarks, Photo
from .geometry import LandmarkFit

TRUSTED = 0.3
"""Robust weight from which a landmark counts as explained."""


def judge_fit(
    photo: Photo, landmarks: Landmarks, model: HeadModel, fit: LandmarkFit, light: np.ndarray, times_s: dict[str, float]
) -> FitResult:
    """Confidence in [0, 1]: the landmarks' own, times how many of them the head explains and how closely; with warnings."""
    quality = assess_landmarks(photo, landmarks)
    camera = fit.camera
    corners = model.landmarks7.evaluate(model.pose(fit.code))[[0, 3]] @ camera.R.T + camera.t
    eye_distance_px = np.linalg.norm(corners[1] - corners[0]) * camera.K[0, 0] / corners[:, 2].mean()
    inliers = float((fit.trust > TRUSTED).mean())
    residual = float(np.median(fit.residual_px))
    explained = float(np.interp(inliers, [0.4, 0.85], [0.1, 1]) * np.interp(residual / eye_distance_px, [0.012, 0.05], [1, 0.2]))
    warnings = list(quality.warnings)
    if explained < 0.75:
        warnings.append("The head does not explain the whole face (something covers it, or it is drawn or grimacing).")
    return FitResult(
        code=fit.code, camera=camera, light=light, residual_px=residual, inliers=inliers,
        confidence=0.95 * quality.confidence * explained, warnings=tuple(warnings), times_s=dict(times_s),
    )  # fmt: skip
