"""Rotations as axis-angles, matrices and Euler angles, batched and differentiable.

Rule of this file: axis-angles are in radians, matrices act on column vectors.
"""

from __future__ import annotations

import torch
from torch import Tensor

ANGLE_EPSILON = 1e-8
"""Added to every component before the norm is taken, so that the gradient exists at no rotation."""


def axis_angle_to_matrix(axis_angle: Tensor) -> Tensor:
    """Rodrigues' formula: [..., 3] rad -> [..., 3, 3]. The norm is of the vector plus ANGLE_EPSILON, as FLAME's layers do."""
    angle = torch.linalg.vector_norm(axis_angle + ANGLE_EPSILON, dim=-1)[..., None, None]
    K = cross_matrix(axis_angle) / angle
    identity = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    return identity + torch.sin(angle) * K + (1 - torch.cos(angle)) * (K @ K)


def cross_matrix(vectors: Tensor) -> Tensor:
    """[..., 3] -> [..., 3, 3] with cross_matrix(a) @ b = a x b."""
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*vectors.shape, 3)


def matrix_to_yaw(matrix: Tensor) -> Tensor:
    """[..., 3, 3] = Rz Ry Rx -> the angle of Ry, rad, [...] in [-pi/2, pi/2]."""
    return torch.atan2(-matrix[..., 2, 0], torch.hypot(matrix[..., 0, 0], matrix[..., 1, 0]))


def euler_xyz_to_axis_angle(angles: Tensor) -> Tensor:
    """Angles [..., 3] rad of Rx Ry Rz -> axis-angle [..., 3] rad, by the product of the three quaternions."""
    cosine, sine = torch.cos(angles / 2).unbind(-1), torch.sin(angles / 2).unbind(-1)
    zero = torch.zeros_like(cosine[0])
    turns = [torch.stack([cosine[k], *(sine[k] if axis == k else zero for axis in range(3))], -1) for k in range(3)]
    return quaternion_to_axis_angle(multiply_quaternions(multiply_quaternions(turns[0], turns[1]), turns[2]))


def multiply_quaternions(p: Tensor, q: Tensor) -> Tensor:
    """Hamilton's product of [..., 4] (real part first): first q's rotation, then p's."""
    real = p[..., :1] * q[..., :1] - (p[..., 1:] * q[..., 1:]).sum(-1, keepdim=True)
    vector = p[..., :1] * q[..., 1:] + q[..., :1] * p[..., 1:] + torch.linalg.cross(p[..., 1:], q[..., 1:])
    return torch.cat([real, vector], -1)


def quaternion_to_axis_angle(quaternion: Tensor) -> Tensor:
    """Unit [..., 4] (real part first) -> axis-angle [..., 3] rad, of at most pi."""
    sine = torch.linalg.vector_norm(quaternion[..., 1:], dim=-1, keepdim=True)
    sign = torch.where(quaternion[..., :1] < 0, -1.0, 1.0)
    angle = 2 * torch.atan2(sine, quaternion[..., :1].abs())
    is_small = sine < ANGLE_EPSILON
    return quaternion[..., 1:] * sign * torch.where(is_small, 2.0, angle / torch.where(is_small, 1.0, sine))
