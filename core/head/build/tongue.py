"""The tongue: the base's own helper, narrowed between the teeth and given its groove.

Rule: each vertex is one helper vertex (mixed with its mirror twin) plus an offset, so tongueOut and identity move it
exactly as they move the helper. Weights fall from the jaw at the tip to the neck at the root.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ...types import JOINT_NAMES
from .flatten import flatten_disc
from .parts import NUM_BASE, BaseMesh, Part
from .topology import vertex_normals

NARROWING = 0.93
GROOVE_DEPTH = 0.0011
GROOVE_WIDTH = 0.0032
ROOT_DEPTH = 0.070
"""Distance behind the tip, m, where the tongue no longer follows the jaw fully."""


def build_tongue(base: BaseMesh) -> Part:
    """The whole tongue as one closed part with two charts (top and underside)."""
    indices = base.group_vertices("helper-tongue")
    faces = np.searchsorted(indices, base.quads[base.groups["helper-tongue"]])
    helper = base.vertices[indices]
    num = len(indices)
    twin = mirror_twins(helper)
    mix = 0.5 * (1 + NARROWING) * sp.identity(num) + 0.5 * (1 - NARROWING) * sp.csr_matrix((np.ones(num), (np.arange(num), twin)))
    select = sp.csr_matrix((np.ones(num), (np.arange(num), indices)), (num, NUM_BASE))
    binding = sp.csr_matrix(mix @ select)
    normals = vertex_normals(helper, faces)
    offset = np.zeros((num, 3))
    behind_tip = helper[:, 2].max() - helper[:, 2]
    fade = np.clip((behind_tip - 0.006) / 0.012, 0, 1) * np.clip((0.062 - behind_tip) / 0.02, 0, 1)
    groove = np.exp(-((helper[:, 0] / GROOVE_WIDTH) ** 2)) * np.clip(normals[:, 1], 0, 1) * fade
    offset[:, 1] = -GROOVE_DEPTH * groove
    uvs, face_uvs = chart_tongue(helper, faces, normals)
    weights = np.zeros((num, len(JOINT_NAMES)))
    jaw = np.clip(1 - (behind_tip - 0.5 * ROOT_DEPTH) / (0.5 * ROOT_DEPTH), 0, 1)
    weights[:, JOINT_NAMES.index("jaw")] = jaw
    weights[:, JOINT_NAMES.index("neck")] = 1 - jaw
    return Part("tongue", binding @ base.vertices + offset, faces, uvs, face_uvs, binding, offset, weights)


def mirror_twins(points: np.ndarray) -> np.ndarray:
    """Index [N] of each point's mirror twin in x."""
    mirrored = points * np.array([-1.0, 1.0, 1.0])
    return np.argmin(np.linalg.norm(points[:, None] - mirrored[None], axis=2), axis=0)


def chart_tongue(vertices: np.ndarray, faces: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two charts, top at the left and underside at the right of the unit square: uvs [U, 2], face_uvs [F, 4]."""
    is_top = normals[faces].mean(1)[:, 1] > -0.05
    uvs: list[np.ndarray] = []
    face_uvs = np.empty_like(faces)
    for column, mask in enumerate((is_top, ~is_top)):
        used, uv = flatten_disc(vertices, faces[mask])
        across = np.linalg.lstsq(uv - uv.mean(0), vertices[used, 0], rcond=None)[0]
        across *= (1 if column == 0 else -1) / np.linalg.norm(across)
        uv = uv @ np.stack([across, [-across[1], across[0]]], 1)
        face_uvs[mask] = np.searchsorted(used, faces[mask]) + sum(len(chart) for chart in uvs)
        uvs.append((uv - uv.min(0)) * 5.0 + np.array([0.01 + 0.5 * column, 0.01]))
    both = np.concatenate(uvs)
    return both / max(1.0, both.max() / 0.99), face_uvs
