"""What the face network is shown: 112 px, turned and scaled by five points, as numbers in -1..1.

Rule of this file: points are (x, y) in index coordinates; the network wants red first, and gets it, unless
Faithfulness.bgr_to_face_networks.
"""

from __future__ import annotations

import numpy as np

from .faithfulness import FIXED, Faithfulness
from .image_sampling import resize_image, warp_image

FACE_SIZE = 112
TEMPLATE = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])
"""Where the subject's right eye, left eye, nose tip, right and left mouth corner lie in the face network's picture."""


def fit_similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The similarity [2, 3] that takes source [N, 2] nearest to target in the least squares' sense.

    Source: Umeyama 1991, "Least-squares estimation of transformation parameters between two point patterns".
    """
    mean_source, mean_target = source.mean(0), target.mean(0)
    centred = source - mean_source
    U, spread, Vt = np.linalg.svd((target - mean_target).T @ centred / len(source))
    sign = np.array([1.0, np.sign(np.linalg.det(U) * np.linalg.det(Vt))])
    rotation = U * sign @ Vt
    scale = (spread * sign).sum() / centred.var(0).sum()
    return np.column_stack([scale * rotation, mean_target - scale * rotation @ mean_source])


def align_matrix(points5: np.ndarray) -> np.ndarray:
    """Five points [5, 2] of a photo, in TEMPLATE's order -> face from photo [2, 3]."""
    return fit_similarity(np.asarray(points5, np.float64), TEMPLATE)


def face_blob(face: np.ndarray, faithfulness: Faithfulness = FIXED) -> np.ndarray:
    """RGB face [112, 112, 3], 0..255 -> the network's input [3, 112, 112] float32."""
    ordered = face[..., ::-1] if faithfulness.bgr_to_face_networks else face
    return ((ordered.transpose(2, 0, 1) - 127.5) / 127.5).astype(np.float32)


def align_face(image: np.ndarray, points5: np.ndarray, faithfulness: Faithfulness = FIXED) -> np.ndarray:
    """The network's input [3, 112, 112] from a whole photo [H, W, 3] RGB (0..255) and five points of the face in it."""
    matrix = np.vstack([align_matrix(points5), [0.0, 0.0, 1.0]])
    return face_blob(warp_image(image, matrix, FACE_SIZE), faithfulness)


def whole_image_face(image: np.ndarray, faithfulness: Faithfulness = FIXED) -> np.ndarray:
    """The network's input [3, 112, 112] from a picture [H, W, 3] RGB (0..255) in which no five points were found."""
    return face_blob(resize_image(image, FACE_SIZE), faithfulness)


def closest_box(boxes: np.ndarray, image_size: tuple[int, int], faithfulness: Faithfulness = FIXED) -> int:
    """Of boxes [N, 4] = (x0, y0, x1, y1) the one whose centre is nearest to the middle of a picture of (width, height)."""
    width, height = image_size
    middle = (height // 2, width // 2) if faithfulness.image_centre_swapped else (width // 2, height // 2)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    return int(np.argmin(((centres - middle) ** 2).sum(1)))


def five_points(landmarks: np.ndarray) -> np.ndarray:
    """68 points [68, 2] (iBUG) -> five in TEMPLATE's order: eyes' middles, nose tip, mouth corners. For where no detector of
    five points is at hand; the published one's lie up to some pixels elsewhere."""
    right_eye, left_eye = landmarks[36:42].mean(0), landmarks[42:48].mean(0)
    return np.stack([right_eye, left_eye, landmarks[30], landmarks[48], landmarks[54]])
