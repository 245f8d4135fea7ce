"""FLAME as a batched differentiable layer.

    shaped   = template + shape + expression
    joints   = joint_regressor @ shaped
    vertices = skin(shaped + pose correctives(R - I), joints, R, weights)

FLAME's joints follow the expression, by a fraction of a millimetre. core/head/model.py is the twin for one head with named
expressions. Source: Li et al. 2017, "Learning a model of facial shape and expression from 4D scans", section 3.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ..errors import ModelError
from ..flame.arrays import NUM_JOINTS, FlameArrays
from .rotations import axis_angle_to_matrix

NUM_SHAPE, NUM_EXPRESSION = 300, 50
"""What the paper uses of FLAME's 300 shape and 100 expression components."""
NUM_SHAPE_DECA = 100
"""What DECA's encoder predicts; the components after them are zero."""


@dataclass(frozen=True)
class Poses:
    """A batch of poses: axis-angles [B, 3] rad, eyes [B, 6] (left, right)."""

    root: Tensor
    jaw: Tensor
    neck: Tensor
    eyes: Tensor

    @staticmethod
    def build(pose6: Tensor, eyes: Tensor | None = None, neck: Tensor | None = None) -> Poses:
        """From the encoders' pose [B, 6] = root, jaw. The release knows no other neck than a straight one."""
        zeros = torch.zeros_like(pose6)
        return Poses(pose6[:, :3], pose6[:, 3:], zeros[:, :3] if neck is None else neck, zeros if eyes is None else eyes)

    def matrices(self) -> Tensor:
        """[B, 5, 3, 3] in the order of FLAME's joints: root, neck, jaw, left eye, right eye."""
        return axis_angle_to_matrix(torch.cat([self.root, self.neck, self.jaw, self.eyes], 1).reshape(-1, NUM_JOINTS, 3))


@dataclass(frozen=True)
class FlameLayer:
    """FLAME's arrays as tensors: template [V, 3] m; faces [F, 3] int64; shape_basis [S, 3 V]; expression_basis [E, 3 V];
    pose_correctives [36, 3 V]; joint_regressor [5, V]; weights [V, 5]; parents: each joint's, -1 for the root's."""

    template: Tensor
    faces: Tensor
    shape_basis: Tensor
    expression_basis: Tensor
    pose_correctives: Tensor
    joint_regressor: Tensor
    weights: Tensor
    parents: tuple[int, ...]

    @staticmethod
    def build(
        arrays: FlameArrays,
        num_shape: int = NUM_SHAPE,
        num_expression: int = NUM_EXPRESSION,
        *,
        dtype: torch.dtype = torch.float32,
        device: str | torch.device = "cpu",
    ) -> FlameLayer:
        """With the first components of each basis. Raises ModelError where the file has fewer."""
        found = (len(arrays.shape_basis), len(arrays.expression_basis))
        if found[0] < num_shape or found[1] < num_expression:
            raise ModelError(
                f"This FLAME has {found[0]} shape and {found[1]} expression components, {num_shape} and {num_expression} are "
                "needed: use the full model (generic_model.pkl)."
            )

        def tensor(array: object, *shape: int) -> Tensor:
            values = torch.as_tensor(array).to(dtype=dtype, device=device)
            return values.reshape(shape) if shape else values

        return FlameLayer(
            tensor(arrays.template),
            torch.as_tensor(arrays.faces).to(dtype=torch.int64, device=device),
            tensor(arrays.shape_basis[:num_shape], num_shape, -1),
            tensor(arrays.expression_basis[:num_expression], num_expression, -1),
            tensor(arrays.pose_correctives, len(arrays.pose_correctives), -1),
            tensor(arrays.joint_regressor),
            tensor(arrays.weights),
            tuple(int(parent) for parent in arrays.parents),
        )

    def to(self, like: Tensor) -> FlameLayer:
        """The same layer with the floating type and on the device of a tensor."""
        moved = {
            f.name: value.to(like.device, like.dtype if value.is_floating_point() else value.dtype)
            for f in fields(self)
            if isinstance(value := getattr(self, f.name), Tensor)
        }
        return FlameLayer(**moved, parents=self.parents)

    def shape(self, shape: Tensor, expression: Tensor | None = None) -> Tensor:
        """Identity [B, s <= S] and expression [B, e <= E] in standard deviations -> vertices with joints at rest [B, V, 3] m."""
        offsets = shape @ self.shape_basis[: shape.shape[1]]
        if expression is not None:
            offsets = offsets + expression @ self.expression_basis[: expression.shape[1]]
        return self.template + offsets.reshape(len(shape), -1, 3)

    def pose(self, shape: Tensor, expression: Tensor, poses: Poses, translation: Tensor | None = None) -> Tensor:
        """shape [B, s <= S], expression [B, e <= E], translation [B, 3] m (nobody's but FLAME_PyTorch's) -> vertices [B, V, 3]
        m, in FLAME's axes: x to the subject's left, y up, z out of the face."""
        shaped = self.shape(shape, expression)
        rotations = poses.matrices()
        identity = torch.eye(3, dtype=shape.dtype, device=shape.device)
        offsets = (rotations[:, 1:] - identity).flatten(1) @ self.pose_correctives
        posed = self.skin(shaped + offsets.reshape(shaped.shape), self.joint_regressor @ shaped, rotations)
        return posed if translation is None else posed + translation[:, None]

    def skin(self, vertices: Tensor, joints: Tensor, rotations: Tensor) -> Tensor:
        """Linear blend skinning of [B, V, 3] about joints [B, 5, 3] by local rotations [B, 5, 3, 3]."""
        turns: list[Tensor] = []
        places: list[Tensor] = []
        for joint, parent in enumerate(self.parents):
            if parent < 0:
                turns.append(rotations[:, joint])
                places.append(joints[:, joint])
            else:
                reach = joints[:, joint] - joints[:, parent]
                turns.append(turns[parent] @ rotations[:, joint])
                places.append(places[parent] + (turns[parent] @ reach[..., None])[..., 0])
        turn = torch.stack(turns, 1)
        shift = torch.stack(places, 1) - (turn @ joints[..., None])[..., 0]
        blended = (self.weights @ turn.flatten(2)).reshape(*vertices.shape, 3)
        return (blended @ vertices[..., None])[..., 0] + self.weights @ shift
