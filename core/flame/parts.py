"""Which of FLAME's triangles are skin and which are eyeballs, told from how they hang together and where its joints lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arrays import FlameArrays

LEFT_EYE, RIGHT_EYE = 3, 4
LEAST_VERTICES = 30
OFF_CENTRE, UNEVEN = 0.5, 0.15
"""Of its radius: how far an eyeball's middle may lie from its joint, and the deviation of its vertices' distances from it."""


@dataclass(frozen=True)
class FlameParts:
    """skin_faces, left_eye_faces, right_eye_faces [F] bool; of a file without round eyeballs all faces are skin."""

    skin_faces: np.ndarray
    left_eye_faces: np.ndarray
    right_eye_faces: np.ndarray

    @property
    def has_eyes(self) -> bool:
        return bool(self.left_eye_faces.any() and self.right_eye_faces.any())

    def eye_rows(self, flame: FlameArrays) -> list[tuple[np.ndarray, np.ndarray]]:
        """Left, right: the eyeball's triangles [T, 3] and vertices; none without eyes."""
        masks = (self.left_eye_faces, self.right_eye_faces) if self.has_eyes else ()
        return [(flame.faces[mask], np.unique(flame.faces[mask])) for mask in masks]


def find_parts(flame: FlameArrays) -> FlameParts:
    """Skin and eyeballs: an eyeball is a round component about an eye's joint."""
    labels = label_components(flame.faces, len(flame.template))
    joints = flame.joint_regressor @ flame.template
    nothing = np.zeros(len(flame.faces), bool)
    eyes = {}
    for joint in (LEFT_EYE, RIGHT_EYE):
        eyes[joint] = nothing
        for label in np.unique(labels):
            points = flame.template[labels == label]
            radius = np.linalg.norm(points - points.mean(0), axis=1)
            is_near = np.linalg.norm(points.mean(0) - joints[joint]) < OFF_CENTRE * radius.mean()
            if len(points) > LEAST_VERTICES and is_near and radius.std() < UNEVEN * radius.mean():
                eyes[joint] = labels[flame.faces[:, 0]] == label
    left, right = eyes[LEFT_EYE], eyes[RIGHT_EYE]
    if not left.any() or not right.any() or (left & right).any():
        return FlameParts(~nothing, nothing, nothing)
    return FlameParts(~(left | right), left, right)


def label_components(faces: np.ndarray, num_vertices: int) -> np.ndarray:
    """The smallest vertex number of each vertex' component, [V]."""
    labels = np.arange(num_vertices)
    while True:
        lowest = labels[faces].min(1)
        new = labels.copy()
        np.minimum.at(new, faces.ravel(), np.repeat(lowest, 3))
        new = new[new]
        if np.array_equal(new, labels):
            return labels
        labels = new
