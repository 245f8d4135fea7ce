"""The head model at samples of its skin with their tangents: points, normals, and how both move with identity and expression.

A tangent is a fixed weighted sum over the vertices around a sample, so it is linear in the shape and is skinned like its point;
the normal is the tangents' cross product. Exact derivatives of any function of points and normals follow by the chain rule.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..head.model import HeadModel, joint_transforms, rotation_matrices
from .points import EVERY_ROW, STEP, Rows, joint_basis, turned_rows, unit_rotations


@dataclass(frozen=True)
class Patch:
    """The samples of one posed head: points, tangents u and v, unit normals [N, 3] m; area [N, 1] of u x v; blend [N, 3, 3]."""

    points: np.ndarray
    u: np.ndarray
    v: np.ndarray
    normals: np.ndarray
    area: np.ndarray
    blend: np.ndarray


@dataclass(frozen=True)
class SampledSurface:
    """N samples. rest [N, 9]: point and tangents of the template; basis [N, K + E, 9]: of identity and expression;
    correctives [36, N, 9]; weights [N, 5]; joints [5, 3], joint_basis [K, 5, 3]; unit_rotations [E, 15]; turned:
    as PointModel's."""

    rest: np.ndarray
    basis: np.ndarray
    correctives: np.ndarray
    weights: np.ndarray
    joints: np.ndarray
    joint_basis: np.ndarray
    unit_rotations: np.ndarray
    turned: tuple[tuple[int, Rows], ...]

    def pose(self, identity: np.ndarray, expression: np.ndarray) -> Patch:
        return self._skin(self._shape(identity, expression), identity, expression)

    def _shape(self, identity: np.ndarray, expression: np.ndarray) -> np.ndarray:
        code = np.concatenate([identity, expression]).astype(np.float32)
        shaped: np.ndarray = self.rest + np.matmul(code, self.basis)
        return shaped

    def blend_at(self, weights: np.ndarray, identity: np.ndarray, expression: np.ndarray) -> np.ndarray:
        """Skinning rotations [M, 3, 3] at points with joint weights [M, 5]."""
        rotations = rotation_matrices((expression @ self.unit_rotations).reshape(-1, 3))
        A, _ = joint_transforms(self.joints + np.tensordot(identity, self.joint_basis, 1), rotations)
        blend: np.ndarray = np.einsum("mj,jab->mab", weights, A)
        return blend

    def _skin(self, shaped: np.ndarray, identity: np.ndarray, expression: np.ndarray, rows: Rows = EVERY_ROW) -> Patch:
        rotations = rotation_matrices((expression @ self.unit_rotations).reshape(-1, 3))
        joints = self.joints + np.tensordot(identity, self.joint_basis, 1)
        A, b = joint_transforms(joints, rotations)
        weights, correctives = self.weights[rows], self.correctives[:, rows].reshape(36, -1)
        blend = np.tensordot(weights, A, 1)
        shaped = (shaped[rows].ravel() + (rotations[1:] - np.eye(3)).ravel() @ correctives).reshape(-1, 3, 3)
        posed = np.matmul(shaped, blend.transpose(0, 2, 1))
        u, v = posed[:, 1], posed[:, 2]
        cross = np.cross(u, v)
        area = np.linalg.norm(cross, axis=1, keepdims=True)
        return Patch(posed[:, 0] + weights @ b, u, v, cross / area, area, blend)

    def slopes(
        self, identity: np.ndarray, expression: np.ndarray, patch: Patch, by_point: np.ndarray, by_normal: np.ndarray
    ) -> np.ndarray:
        """Derivatives [F, N, K + E] of functions f_n by identity and expression, from df/dpoint and df/dnormal [F, N, 3]."""
        along = np.einsum("fnc,nc->fn", by_normal, patch.normals)[..., None] * patch.normals
        across = (by_normal - along) / patch.area
        by_posed = np.stack([by_point, np.cross(patch.v, across), np.cross(across, patch.u)], 2)
        by_shaped = np.matmul(by_posed, patch.blend).reshape(*by_point.shape[:2], 9).transpose(1, 2, 0)
        result = np.matmul(self.basis, by_shaped.astype(np.float32)).transpose(2, 0, 1).astype(np.float64)
        shaped, num_identity = self._shape(identity, expression), len(self.joint_basis)
        for unit, rows in self.turned:
            moved = expression.copy()
            moved[unit] += STEP
            other = self._skin(shaped + STEP * self.basis[:, num_identity + unit], identity, moved, rows)
            change = np.stack([other.points - patch.points[rows], other.u - patch.u[rows], other.v - patch.v[rows]], 1)
            result[:, rows, num_identity + unit] = (change * by_posed[:, rows]).sum((2, 3)) / STEP
        return result


def sample_surface(model: HeadModel, vertices: np.ndarray, rings: np.ndarray, ring_weights: np.ndarray) -> SampledSurface:
    """The surface at `vertices` [N]; tangents are sums over rings [N, R] of vertices with ring_weights [2, N, R]."""

    def with_tangents(values: np.ndarray) -> np.ndarray:
        """[..., V, 3] -> [..., N, 9]."""
        around = values[..., rings, :]
        tangents = [np.einsum("nr,...nrc->...nc", weights, around) for weights in ring_weights.astype(values.dtype)]
        return np.concatenate([values[..., vertices, :], *tangents], -1)

    bases = [
        with_tangents(b[start : start + 16])
        for b in (model.identity_basis, model.expression_basis)
        for start in range(0, len(b), 16)
    ]
    correctives = np.ascontiguousarray(with_tangents(model.pose_correctives), np.float64)
    weights, rotations = model.weights[vertices].astype(np.float64), unit_rotations(model)
    return SampledSurface(
        rest=with_tangents(model.template).astype(np.float64),
        basis=np.ascontiguousarray(np.concatenate(bases).transpose(1, 0, 2), np.float32),
        correctives=correctives,
        weights=weights,
        joints=(model.joint_regressor @ model.template).astype(np.float64),
        joint_basis=joint_basis(model),
        unit_rotations=rotations,
        turned=turned_rows(rotations, weights, correctives),
    )


def tangent_weights(
    template: np.ndarray, normals: np.ndarray, triangles: np.ndarray, vertices: np.ndarray, reach: float = 0.004
) -> tuple[np.ndarray, np.ndarray]:
    """Least-squares slopes over two rings of neighbours, near ones first: rings [N, R], weights [2, N, R] (0 pads)."""
    neighbours: list[set[int]] = [set() for _ in range(len(template))]
    for a, b, c in triangles.tolist():
        neighbours[a] |= {b, c}
        neighbours[b] |= {a, c}
        neighbours[c] |= {a, b}
    found = []
    for i in vertices.tolist():
        ring = np.array(sorted(set().union(*(neighbours[j] for j in neighbours[i])) - {i}))
        ring = ring[normals[ring] @ normals[i] > 0.3]
        u = np.cross([0.0, 1.0, 0.0], normals[i])
        u /= np.linalg.norm(u)
        offset = template[ring] - template[i]
        plane = np.stack([offset @ u, offset @ np.cross(normals[i], u)], 1)
        near = np.exp(-(offset**2).sum(1) / (2 * reach**2))
        slopes = np.linalg.solve((plane * near[:, None]).T @ plane + 1e-12 * np.eye(2), (plane * near[:, None]).T)
        found.append((np.append(ring, i), np.column_stack([slopes, -slopes.sum(1)])))
    width = max(len(ring) for ring, _ in found)
    rings, weights = np.zeros((len(vertices), width), np.int64), np.zeros((2, len(vertices), width))
    for row, (ring, slopes) in enumerate(found):
        rings[row, : len(ring)], weights[:, row, : len(ring)] = ring, slopes
    return rings, weights
