"""The 52 units as FLAME's structure has them: what is a rotation turns a joint, what skinning then gets wrong goes into that
joint's pose correctives, the rest is the unit's own offsets.

Rule: at weight 1 a single unit gives the artist's shape exactly (undone skinning).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...types import ARKIT_NAMES, JOINT_NAMES, BoneRotation
from ..model import joint_transforms, rotation_matrices, skin

GAZE_DEGREES = {"Up": 25.0, "Down": 28.0, "In": 32.0, "Out": 32.0}
"""Turn of the eye at weight 1; the artist's lids, made for 10 to 15 degrees, move LID_GAIN times as far."""
LID_GAIN = {"Up": 0.5, "Down": 1.3, "In": 0.5, "Out": 0.5}
NUM_CORRECTIVES = 36


@dataclass(frozen=True)
class Units:
    """offsets [52, V, 3] m; rotations: unit -> joint rotations; correctives [36, V, 3] m."""

    offsets: np.ndarray
    rotations: dict[str, tuple[BoneRotation, ...]]
    correctives: np.ndarray


def jaw_rotation(teeth: np.ndarray, offsets: np.ndarray, centre: np.ndarray, axis: int) -> float:
    """Angle, rad, about an axis through the jaw's centre that best moves the lower teeth's helper [n, 3] by its offsets."""
    others = [k for k in range(3) if k != axis]
    a, b = (teeth - centre)[:, others], (teeth + offsets - centre)[:, others]
    angle = np.arctan2((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum(), (a * b).sum())
    return float(-angle if axis == 1 else angle)


def jaw_weight(vertices: np.ndarray, offsets: np.ndarray, centre: np.ndarray, angle: float) -> np.ndarray:
    """Share [V] of the jaw's opening that explains the artist's offsets best, in [0, 1]."""
    R = rotation_matrices(np.array([angle, 0, 0]))
    motion = (vertices - centre) @ (R - np.eye(3)).T
    return np.clip((offsets * motion).sum(1) / np.maximum((motion**2).sum(1), 1e-8), 0, 1)


def unskin(goal: np.ndarray, joints: np.ndarray, pose: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Rest positions [V, 3] that linear blend skinning in `pose` [15] takes to `goal` [V, 3]."""
    A, b = joint_transforms(joints, rotation_matrices(pose.reshape(-1, 3)))
    blended = np.einsum("vj,jab->vab", weights, A)
    return np.linalg.solve(blended, (goal - weights @ b)[..., None])[..., 0]


def split_units(
    vertices: np.ndarray, offsets: dict[str, np.ndarray], joints: np.ndarray, weights: np.ndarray,
    lower_teeth: tuple[np.ndarray, dict[str, np.ndarray]],
) -> Units:  # fmt: skip
    """Artist's offsets [V, 3] by unit -> Units. lower_teeth: the helper's positions and its offsets by unit."""
    helper, helper_offsets = lower_teeth
    out = np.stack([offsets[name] for name in ARKIT_NAMES])
    index = {name: i for i, name in enumerate(ARKIT_NAMES)}
    rotations: dict[str, tuple[BoneRotation, ...]] = {}
    correctives = np.zeros((4, 3, 3, *vertices.shape))
    for name, axis in (("jawOpen", 0), ("jawLeft", 1), ("jawRight", 1)):
        angle = jaw_rotation(helper, helper_offsets[name], joints[2], axis)
        axis_angle = np.eye(3)[axis] * angle
        rotations[name] = (BoneRotation("jaw", axis_angle),)
        pose = np.zeros(15)
        pose[6:9] = axis_angle
        out[index[name]] = unskin(vertices + offsets[name], joints, pose, weights) - vertices
        if name == "jawOpen":
            closed = unskin(vertices + offsets[name] + offsets["mouthClose"], joints, pose, weights) - vertices
            out[index["mouthClose"]] = closed - out[index[name]]
    opening = rotations["jawOpen"][0].axis_angle[0]
    odd = out[index["jawOpen"]] / (2 * np.sin(opening))
    correctives[1, 2, 1] += odd
    correctives[1, 1, 2] -= odd
    out[index["jawOpen"]] = 0
    sideways = 0.5 * (out[index["jawLeft"]] - out[index["jawRight"]])
    turn = 0.5 * (rotations["jawLeft"][0].axis_angle[1] - rotations["jawRight"][0].axis_angle[1])
    correctives[1, 0, 2] += sideways / (2 * np.sin(turn))
    correctives[1, 2, 0] -= sideways / (2 * np.sin(turn))
    out[index["jawLeft"]] -= sideways
    out[index["jawRight"]] += sideways
    for side in ("Left", "Right"):
        _split_gaze(side, out, index, rotations, correctives, weights)
    return Units(out, rotations, correctives.reshape(NUM_CORRECTIVES, *vertices.shape))


def _split_gaze(
    side: str, out: np.ndarray, index: dict[str, int], rotations: dict[str, tuple[BoneRotation, ...]],
    correctives: np.ndarray, weights: np.ndarray,
) -> None:  # fmt: skip
    """Gaze units of one eye become turns of its ball; the lids follow as pose correctives of that turn, exact at both ends."""
    joint = f"{side.lower()}_eye"
    block = JOINT_NAMES.index(joint) - 1
    still = weights[:, block + 1] > 0.5
    inwards = -1 if side == "Left" else 1
    signs = {"Down": 1, "Up": -1, "In": inwards, "Out": -inwards}
    for direction, sign in signs.items():
        name = f"eyeLook{direction}{side}"
        axis = np.array([1.0, 0, 0]) if direction in ("Up", "Down") else np.array([0, 1.0, 0])
        rotations[name] = (BoneRotation(joint, sign * np.radians(GAZE_DEGREES[direction]) * axis),)
        out[index[name]] *= LID_GAIN[direction]
        out[index[name]][still] = 0
    for one, other, rows in (("Down", "Up", (2, 1, 1, 1)), ("In", "Out", (0, 2, 0, 0))):
        a, b = np.radians([GAZE_DEGREES[one] * signs[one], GAZE_DEGREES[other] * signs[other]])
        A = np.array([[np.sin(a), np.cos(a) - 1], [np.sin(b), np.cos(b) - 1]])
        lids = np.stack([out[index[f"eyeLook{one}{side}"]], out[index[f"eyeLook{other}{side}"]]])
        odd, even = np.tensordot(np.linalg.inv(A), lids, 1)
        correctives[block, rows[0], rows[1]] += odd / 2
        correctives[block, rows[1], rows[0]] -= odd / 2
        correctives[block, rows[2], rows[3]] += even
        out[index[f"eyeLook{one}{side}"]] = 0
        out[index[f"eyeLook{other}{side}"]] = 0


def neck_correctives(vertices: np.ndarray, joints: np.ndarray, weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """[9, V, 3] m: what linear blending loses against blending the angle itself, fitted over random turns of the neck.

    The reference turns each vertex by its neck share of the whole turn about the neck joint, so a twisted neck keeps its girth.
    """
    moved = np.flatnonzero((weights[:, 1] > 1e-3) & (weights[:, 0] > 1e-3))
    shares = weights[moved, 1] + weights[moved, 2]
    V, W = vertices[moved], weights[moved]
    turns = rng.normal(0, np.radians([22, 32, 18]), (60, 3))
    features, offsets = [], []
    for turn in turns:
        goal = np.einsum("vab,vb->va", rotation_matrices(shares[:, None] * turn), V - joints[1]) + joints[1]
        pose = np.zeros(15)
        pose[3:6] = turn
        offsets.append(unskin(goal, joints, pose, W) - V)
        features.append((rotation_matrices(turn) - np.eye(3)).ravel())
    X = np.array(features)
    solution = np.linalg.solve(X.T @ X + 1e-3 * np.eye(9), X.T @ np.array(offsets).reshape(len(turns), -1))
    result = np.zeros((9, *vertices.shape))
    result[:, moved] = solution.reshape(9, len(moved), 3)
    return result


def skinned_pose(vertices: np.ndarray, joints: np.ndarray, pose: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Linear blend skinning in an axis-angle pose [15]."""
    return skin(vertices, joints, rotation_matrices(pose.reshape(-1, 3)), weights)
