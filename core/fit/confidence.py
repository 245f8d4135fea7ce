"""How sure a result is, in one number and in sentences: the landmarks' quality and how the head explains them."""

from __future__ import annotations

import numpy as np

from ..head.model import HeadModel
from ..photo.quality import assess_landmarks
from ..render.camera import project
from ..types import Camera, FitResult, Landmarks, Photo
from .geometry import LandmarkFit
from .surface import HeadSurface
from .texture import MIRROR_CONFIDENCE

TYPICAL = 0.69
"""Mean distance after alignment over the posterior's root mean square: its ratio on 20 held-out rendered heads."""
PARTS = {
    "forehead": "forehead", "nose": "nose", "left cheek": "cheek_left", "right cheek": "cheek_right", "chin": "chin",
}  # fmt: skip
"""What a sentence calls a region of the model."""
STRAIGHT = 0.75
"""Cosine to the camera from which seen skin has a confidence well above what is mirrored."""
LEAST_SHOWN, COVERED = 0.3, 0.5
"""Shares: of a part that must look at the camera to be judged, and of that which must be hidden to be called covered."""
TRUSTED = 0.3
"""Robust weight from which a landmark counts as explained."""


def judge_fit(
    photo: Photo,
    landmarks: Landmarks,
    model: HeadModel,
    fit: LandmarkFit,
    light: np.ndarray,
    covered: list[str],
    times_s: dict[str, float],
) -> FitResult:
    """Confidence in [0, 1]: the landmarks' own, times how many of them the head explains and how closely; with warnings."""
    quality = assess_landmarks(photo, landmarks)
    camera = fit.camera
    corners = model.landmarks7.evaluate(model.pose(fit.code))[[0, 3]] @ camera.R.T + camera.t
    eye_distance_px = np.linalg.norm(corners[1] - corners[0]) * camera.K[0, 0] / corners[:, 2].mean()
    inliers = float((fit.trust > TRUSTED).mean())
    residual = float(np.median(fit.residual_px))
    explained = float(np.interp(inliers, [0.4, 0.85], [0.1, 1]) * np.interp(residual / eye_distance_px, [0.012, 0.05], [1, 0.2]))
    warnings = list(quality.warnings) + covering_warnings(covered)
    if explained < 0.75:
        warnings.append("The head does not explain the whole face (something covers it, or it is drawn or grimacing).")
    return FitResult(
        code=fit.code, camera=camera, light=light, residual_px=residual, inliers=inliers,
        confidence=0.95 * quality.confidence * explained, warnings=tuple(warnings), times_s=dict(times_s),
    )  # fmt: skip


def expected_error_mm(model: HeadModel, fit: LandmarkFit) -> float:
    """The fit's expected mean distance (mm) to the true neutral face after alignment, by the posterior spread of the identity.

    Honest for people of the model's own family; how far a real one lies outside of it nobody knows.
    """
    weight = model.regions["face"] / model.regions["face"].sum()
    variance = np.einsum("kvc,kvc,v->k", model.identity_basis, model.identity_basis, weight, optimize=True)
    return 1000 * TYPICAL * float(np.sqrt(fit.spread**2 @ variance))


def covered_parts(model: HeadModel, surface: HeadSurface, camera: Camera, confidence_map: np.ndarray) -> list[str]:
    """Parts of the face that look straight at the camera, unhidden by the posed head itself, and yet show no skin."""
    corners, confidence = skin_confidence(model, confidence_map)
    pixels, _ = project(camera, surface.vertices)
    is_shown = surface.seen & (surface.cosine > STRAIGHT) & ((pixels > 0) & (pixels < camera.size)).all(1)
    covered = []
    for part, region in PARTS.items():
        weight = (model.regions[region] * is_shown)[corners]
        if weight.sum() > LEAST_SHOWN * model.regions[region][corners].sum():
            hidden = weight[confidence <= MIRROR_CONFIDENCE].sum() / weight.sum()
            covered += [part] if hidden > COVERED else []
    return covered


def covering_warnings(parts: list[str]) -> list[str]:
    """One sentence for all covered parts, or none."""
    if not parts:
        return []
    names = parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
    return [f"Something covers the {names} (hair, a mask, deep shadow): what lies under it is a guess."]


def skin_confidence(model: HeadModel, confidence_map: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices [F, 3] of the skin's faces (first three corners) and the confidence map's bytes there [F, 3]."""
    skin = model.face_parts == model.part_names.index("skin")
    corners, uvs = model.faces[skin][:, :3], model.uvs[model.face_uvs[skin][:, :3]]
    size = len(confidence_map)
    column = np.clip(uvs[..., 0] * size, 0, size - 1).astype(int)
    row = np.clip((1 - uvs[..., 1]) * size, 0, size - 1).astype(int)
    return corners, confidence_map[row, column]


def shares_of_face(model: HeadModel, confidence_map: np.ndarray) -> dict[str, float]:
    """Shares of the face's skin that the photos show, that is copied from its mirror side, and that is invented; sum 1."""
    corners, confidence = skin_confidence(model, confidence_map)
    weight = model.regions["face"][corners]
    seen, known = confidence > MIRROR_CONFIDENCE, confidence > 0
    total = weight.sum()
    shares = {"seen": weight[seen].sum(), "mirrored": weight[known & ~seen].sum(), "invented": weight[~known].sum()}
    return {name: round(float(share / total), 3) for name, share in shares.items()}
