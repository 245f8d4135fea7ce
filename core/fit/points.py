"""The head model restricted to a few surface points, with exact values and analytic Jacobians: what Gauss-Newton needs.

Interpolating the bases at a point before skinning differs from skinning the triangle's corners only by the change of
skinning weights inside one triangle (below .05 mm on the embedded head).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..head.model import HeadModel, SurfacePoints, joint_transforms, rotation_matrices
from ..types import JOINT_NAMES, JOINT_PARENTS

STEP = 1e-4
LEAST_CORRECTIVE_M = 1e-6
Rows = np.ndarray | slice
EVERY_ROW = slice(None)


@dataclass(frozen=True)
class PointModel:
    """N points: template [N,3], basis [N,K+E,3] of identity and expression, correctives [36,N,3], weights [N,5], joints of the
    template [5,3] and per identity component [K,5,3]; unit_rotations [E,15] rad per unit weight; turned: units that turn joints
    and the points they move."""

    template: np.ndarray
    basis: np.ndarray
    correctives: np.ndarray
    weights: np.ndarray
    joints: np.ndarray
    joint_basis: np.ndarray
    unit_rotations: np.ndarray
    turned: tuple[tuple[int, Rows], ...]

    def evaluate(self, identity: np.ndarray, expression: np.ndarray, pose: np.ndarray) -> np.ndarray:
        """Posed points [N, 3] m."""
        return self._pose(self._shape(identity, expression), identity, expression, pose)[0]

    def _shape(self, identity: np.ndarray, expression: np.ndarray) -> np.ndarray:
        shaped: np.ndarray = self.template + np.matmul(np.concatenate([identity, expression]), self.basis)
        return shaped

    def _pose(
        self, shaped: np.ndarray, identity: np.ndarray, expression: np.ndarray, pose: np.ndarray, rows: Rows = EVERY_ROW
    ) -> tuple[np.ndarray, np.ndarray]:
        rotations = rotation_matrices((pose + expression @ self.unit_rotations).reshape(-1, 3))
        joints = self.joints + np.tensordot(identity, self.joint_basis, 1)
        correctives, weights = self.correctives[:, rows].reshape(36, -1), self.weights[rows]
        shaped = shaped[rows] + ((rotations[1:] - np.eye(3)).ravel() @ correctives).reshape(-1, 3)
        A, b = joint_transforms(joints, rotations)
        blend = np.tensordot(weights, A, 1)
        return np.matmul(blend, shaped[..., None])[..., 0] + weights @ b, blend

    def jacobian(self, identity: np.ndarray, expression: np.ndarray, pose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points [N,3] and their derivatives by identity and expression [N,K+E,3].

        Joints moving with identity are left out of the identity derivative (their effect is the shift times the joint's
        rotation); units that turn joints are differenced numerically, exactly to first order.
        """
        shaped = self._shape(identity, expression)
        points, blend = self._pose(shaped, identity, expression, pose)
        slopes = np.matmul(self.basis, blend.transpose(0, 2, 1))
        for unit, rows in self.turned:
            moved = expression.copy()
            moved[unit] += STEP
            column = len(identity) + unit
            other = self._pose(shaped + STEP * self.basis[:, column], identity, moved, pose, rows)[0]
            slopes[rows, column] = (other - points[rows]) / STEP
        return points, slopes


def turned_rows(unit_rotations: np.ndarray, weights: np.ndarray, correctives: np.ndarray) -> tuple[tuple[int, Rows], ...]:
    """Units that turn joints, each with the rows of weights [N, 5] and correctives [36, N, ...] that its joints move."""
    strength = np.abs(correctives).reshape(4, 9, len(weights), -1).max((1, 3)) > LEAST_CORRECTIVE_M
    moved_by = weights.T > 0
    moved_by[1:] |= strength
    found: list[tuple[int, Rows]] = []
    for unit in np.flatnonzero(np.abs(unit_rotations).max(1)).tolist():
        turns = np.abs(unit_rotations[unit].reshape(5, 3)).max(1) > 0
        for joint, parent in enumerate(JOINT_PARENTS):
            turns[joint] |= parent >= 0 and turns[parent]
        rows = np.flatnonzero(moved_by[turns].any(0))
        found.append((unit, rows if 2 * len(rows) < len(weights) else EVERY_ROW))
    return tuple(found)


def unit_rotations(model: HeadModel) -> np.ndarray:
    """[E, 15] rad: the rotations that each expression unit drives, per unit weight."""
    result = np.zeros((model.num_expression, 15))
    for index, name in enumerate(model.expression_names):
        for rotation in model.bone_rotations.get(name, ()):
            joint = JOINT_NAMES.index(rotation.joint)
            result[index, 3 * joint : 3 * joint + 3] += rotation.axis_angle
    return result


def joint_basis(model: HeadModel) -> np.ndarray:
    """[K, 5, 3] m: how the joints move with identity."""
    moves: np.ndarray = np.einsum("jv,kvc->kjc", model.joint_regressor, model.identity_basis, optimize=True).astype(np.float64)
    return moves


def restrict(model: HeadModel, points: SurfacePoints) -> PointModel:
    """The model at surface points."""

    def at_points(basis: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(points.evaluate(basis), np.float64)

    correctives, weights, rotations = at_points(model.pose_correctives), at_points(model.weights), unit_rotations(model)
    return PointModel(
        template=at_points(model.template),
        basis=np.ascontiguousarray(
            np.concatenate([at_points(model.identity_basis), at_points(model.expression_basis)]).transpose(1, 0, 2)
        ),
        correctives=correctives,
        weights=weights,
        joints=(model.joint_regressor @ model.template).astype(np.float64),
        joint_basis=joint_basis(model),
        unit_rotations=rotations,
        turned=turned_rows(rotations, weights, correctives),
    )
