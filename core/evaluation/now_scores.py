"""NoW's measure of one prediction against one scan, from the protocol's description (METHOD 2.1, steps a to d).

    a  similarity from 7 landmarks, prediction -> scan
    b  the scan is cropped to a sphere about the face
    c  the similarity is refined: least squared distances of the scan's points to the prediction's surface
    d  the error is every cropped scan point's distance to the refined surface
Metrical: the same with rigid motions, so the prediction has to be in the scan's unit.
Source: Sanyal et al. 2019, "Learning to regress 3D face shape and expression from an image without 3D supervision".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .meshes import TriangleMesh
from .similarity import Similarity, fit_similarity, refine_similarity
from .surface import Surface


@dataclass(frozen=True)
class ScanScore:
    """distances [N] of the cropped scan's points, in the scan's unit (mm); alignment: scan from prediction;
    landmark_rms: of the 7 after step a; is_mirrored: a mirrored prediction would fit the landmarks far better."""

    distances: np.ndarray
    alignment: Similarity
    landmark_rms: float
    is_mirrored: bool

    @property
    def median(self) -> float:
        return float(np.median(self.distances))

    @property
    def mean(self) -> float:
        return float(self.distances.mean())

    @property
    def std(self) -> float:
        return float(self.distances.std())


def face_sphere(landmarks: np.ndarray) -> tuple[np.ndarray, float]:
    """7 landmarks [7, 3] -> the centre [3] and radius of what is compared.

    Centre: the nose's bottom, moved .3 of the way to its bridge (between the inner eye corners); radius: .7 of the outer eye
    corners' distance and the nose's length together.
    """
    bridge, bottom = (landmarks[1] + landmarks[2]) / 2, landmarks[4]
    size = np.linalg.norm(landmarks[0] - landmarks[3]) + np.linalg.norm(bridge - bottom)
    return bottom + 0.3 * (bridge - bottom), float(1.4 * size / 2)


def crop_scan(points: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The scan's points [V, 3] in the sphere about its face [N, 3]."""
    centre, radius = face_sphere(landmarks)
    return points[((points - centre) ** 2).sum(1) <= radius**2]


def score_prediction(
    scan_points: np.ndarray, scan_landmarks: np.ndarray, prediction: TriangleMesh, landmarks: np.ndarray, free_scale: bool = True
) -> ScanScore:
    """Steps a, c and d on a cropped scan [N, 3]; landmarks [7, 3] of scan and prediction, each in its mesh's frame.

    Raises ValueError where the prediction has no surface or no number, or nothing of the scan is left.
    """
    if not (np.isfinite(prediction.vertices).all() and np.isfinite(landmarks).all()):
        raise ValueError("The prediction holds something that is no number.")
    if not len(scan_points):
        raise ValueError("No point of the scan lies within the face: its landmarks belong to another scan.")
    start = fit_similarity(landmarks, scan_landmarks, free_scale)
    misses = start.apply(landmarks) - scan_landmarks
    mirrored = landmarks * (-1.0, 1.0, 1.0)
    mirrored_misses = fit_similarity(mirrored, scan_landmarks).apply(mirrored) - scan_landmarks
    alignment, distances = refine_similarity(scan_points, Surface(prediction.vertices, prediction.triangles), start, free_scale)
    return ScanScore(
        distances,
        alignment,
        float(np.sqrt((misses**2).sum(1).mean())),
        bool(np.linalg.norm(mirrored_misses) < 0.5 * np.linalg.norm(misses)),
    )
