"""The head model restricted to a few surface points, with exact values and analytic Jacobians: what Gauss-Newton needs.

Interpolating the bases at a point before skinning differs from skinning the triangle's corners only by the change of
skinning weights inside one triangle (below .05 mm on the embedded head).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..head.model import HeadModel, SurfacePoints, joint_transforms, rotation_matrices
from ..types import JOINT_NAMES


@dataclass(frozen=True)
class PointModel:
    """N points: template [N,3], identity [K,N,3], expression [E,N,3], correctives [36,N,3], weights [N,5], joints of the template
    [5,3] and per identity component [K,5,3]; unit_rotations [E,15] rad per unit weight."""

    template: np.ndarray
    identity: np.ndarray
    expression: np.ndarray
    correctives: np.ndarray
    weights: np.ndarray
    joints: np.ndarray
    joint_basis: np.ndarray
    unit_rotations: np.ndarray

    def evaluate(self, identity: np.ndarray, expression: np.ndarray, pose: np.ndarray) -> np.ndarray:
        """Posed points [N, 3] m."""
        return self._pose(identity, expression, pose)[0]

    def _pose(self, identity: np.ndarray, expression: np.ndarray, pose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rotations = rotation_matrices((pose + expression @ self.unit_rotations).reshape(-1, 3))
        joints = self.joints + np.tensordot(identity, self.joint_basis, 1)
        rest = self.template + np.tensordot(identity, self.identity, 1) + np.tensordot(expression, self.expression, 1)
        rest = rest + np.tensordot((rotations[1:] - np.eye(3)).ravel(), self.correctives, 1)
        A, b = joint_transforms(joints, rotations)
        blend = np.einsum("nj,jab->nab", self.weights, A)
        return np.einsum("nab,nb->na", blend, rest) + self.weights @ b, blend

    def jacobian(
        self, identity: np.ndarray, expression: np.ndarray, pose: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points [N,3] and their derivatives by identity [K,N,3] and by expression [E,N,3].

        Joints moving with identity are left out of the identity derivative (their effect is the shift times the joint's
        rotation); units that turn joints are differenced numerically, exactly to first order.
        """
        points, blend = self._pose(identity, expression, pose)
        by_identity = np.matmul(self.identity.transpose(1, 0, 2), blend.transpose(0, 2, 1)).transpose(1, 0, 2)
        by_expression = np.matmul(self.expression.transpose(1, 0, 2), blend.transpose(0, 2, 1)).transpose(1, 0, 2)
        step = 1e-4
        for unit in np.flatnonzero(np.abs(self.unit_rotations).max(1)):
            moved = expression.copy()
            moved[unit] += step
            by_expression[unit] = (self.evaluate(identity, moved, pose) - points) / step
        return points, by_identity, by_expression


def restrict(model: HeadModel, points: SurfacePoints) -> PointModel:
    """The model at surface points."""
    unit_rotations = np.zeros((model.num_expression, 15))
    for index, name in enumerate(model.expression_names):
        for rotation in model.bone_rotations.get(name, ()):
            joint = JOINT_NAMES.index(rotation.joint)
            unit_rotations[index, 3 * joint : 3 * joint + 3] += rotation.axis_angle

    def at_points(basis: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(points.evaluate(basis), np.float64)

    return PointModel(
        template=at_points(model.template),
        identity=at_points(model.identity_basis),
        expression=at_points(model.expression_basis),
        correctives=at_points(model.pose_correctives),
        weights=at_points(model.weights),
        joints=(model.joint_regressor @ model.template).astype(np.float64),
        joint_basis=np.einsum("jv,kvc->kjc", model.joint_regressor, model.identity_basis, optimize=True).astype(np.float64),
        unit_rotations=unit_rotations,
    )
