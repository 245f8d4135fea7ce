"""Joints and skinning weights: root at the neck's base, neck at the atlas, jaw below the condyles, the eyes in their balls."""

from __future__ import annotations

import numpy as np

from ...types import JOINT_NAMES
from .base_mesh import MeanHead
from .expressions import jaw_weight
from .parts import Skin
from .topology import smoothing_matrix

HEAD_BONES = ("head", "jaw", "eye", "levator", "oculi", "orbicularis", "oris", "risorius", "special", "tongue", "temporalis")
NECK_SHARE = {"neck03": 0.72, "neck02": 0.38, "neck01": 0.1}
"""How far each of MakeHuman's cervical bones turns with the head."""
JAW = np.array([0.0, -0.0260, 0.0120])
"""The mandible's centre of rotation on the mean head, m: below the condyles, because these glide forwards as the mouth opens."""
ATLAS = np.array([0.0, -0.0300, -0.0170])
NUM_NEAR = 160
"""Vertices that hold a joint."""


def head_weight(head: MeanHead, faces: np.ndarray) -> np.ndarray:
    """Share [S] of the skin's motion that follows the neck joint (the rest stays with the root): MakeHuman's bones, smoothed."""
    rows = head.topology.skin
    share = np.zeros(len(rows))
    total = np.zeros(len(rows))
    for bone, values in head.source.bone_weights.items():
        total += values[rows]
        share += values[rows] * (1.0 if bone.startswith(HEAD_BONES) else NECK_SHARE.get(bone, 0.0))
    share /= np.maximum(total, 1e-9)
    smooth = smoothing_matrix(faces, len(rows))
    for _ in range(12):
        share = smooth @ share
    ring = np.searchsorted(rows, head.topology.neck_loop)
    distance = rings_from(faces, len(rows), ring)
    return np.clip(share * np.clip(distance / 4, 0, 1), 0, 1)


def rings_from(faces: np.ndarray, count: int, start: np.ndarray) -> np.ndarray:
    """Number of edges from the nearest start vertex, [count]."""
    distance = np.full(count, np.inf)
    distance[start] = 0
    following = np.roll(faces, -1, 1)
    edges = np.concatenate([np.stack([a, b], -1).reshape(-1, 2) for a, b in ((faces, following), (following, faces))])
    for _ in range(count):
        nearer = np.full(count, np.inf)
        np.minimum.at(nearer, edges[:, 0], distance[edges[:, 1]] + 1)
        if not (nearer < distance).any():
            return distance
        distance = np.minimum(distance, nearer)
    return distance


def joint_regressor(
    vertices: np.ndarray, num_skin: int, ring: np.ndarray, eyes: dict[str, tuple[np.ndarray, np.ndarray]]
) -> np.ndarray:
    """[5, V] rows that sum to 1: root from the neck ring, neck and jaw from the skin around them (least-norm weights, symmetric),
    each eye as its eyeball part's vertices give the ball's centre exactly."""
    regressor = np.zeros((len(JOINT_NAMES), len(vertices)))
    regressor[0, ring] = 1 / len(ring)
    for row, goal in ((1, ATLAS), (2, JAW)):
        offset = (vertices[:num_skin] - goal) * [0.35, 1, 1]
        near = np.argsort(np.linalg.norm(offset, axis=1))[:NUM_NEAR]
        regressor[row, near] = least_norm_weights(vertices[near], goal)
    for side, (rows, centre) in eyes.items():
        regressor[JOINT_NAMES.index(f"{side}_eye"), rows] = least_norm_weights(vertices[rows], centre)
    return regressor


def least_norm_weights(points: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Weights [N] of least norm that sum to 1 and give `goal` from points [N, 3]."""
    A = np.vstack([(points - goal).T, np.full(len(points), 0.1)])
    return np.linalg.pinv(A) @ np.array([0, 0, 0, 0.1])


def skin_weights(head: MeanHead, skin: Skin, opening: np.ndarray, jaw_joint: np.ndarray, angle: float) -> np.ndarray:
    """[S, 5]: neck against root by MakeHuman's bones, jaw by what its opening [S, 3] m explains."""
    up = head_weight(head, skin.faces)
    jaw = jaw_weight(skin.vertices, opening, jaw_joint, angle)
    smooth = smoothing_matrix(skin.faces, len(jaw))
    for _ in range(6):
        jaw = smooth @ jaw
    jaw = np.where(jaw < 0.01, 0, jaw)
    weights = np.zeros((len(jaw), len(JOINT_NAMES)))
    weights[:, 2] = jaw * up
    weights[:, 1] = up - weights[:, 2]
    weights[:, 0] = 1 - up
    return weights
