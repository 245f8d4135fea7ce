"""The values of the head's build: the base mesh with all that deforms it, and the parts that hang on it.

Rule: a part follows every deformation of the base linearly, so one binding gives its template, identity and
expression offsets. Frame and unit are core.types' model space: metres, Y up, +Z front, +X the subject's left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

PART_NAMES = (
    "skin", "left_eye", "right_eye", "left_cornea", "right_cornea", "upper_teeth", "lower_teeth", "tongue", "lashes",
)  # fmt: skip
"""Order of the final vertices and faces, and HeadModel.part_names."""

NUM_BASE = 19158
EYE_RADIUS = 0.012
"""Radius of the eyeball's sphere, m (Bekerman 2014: 24.2 x 23.7 mm in adults)."""


@dataclass(frozen=True)
class BaseMesh:
    """MakeHuman's base mesh as one adult mean person, metrically corrected; every array is over all NUM_BASE vertices.

    vertices [19158, 3] m; quads [Q, 4] vertex indices, counter-clockwise from outside; uvs [T, 2] and quad_uvs [Q, 4]:
    MakeHuman's own texture coordinates; groups: name -> [n] indices into quads ('body', 'helper-l-eye', 'helper-r-eye',
    'helper-upper-teeth', 'helper-lower-teeth', 'helper-tongue', 'helper-l-eyelashes-1', ..., 'joint-l-eye', ...);
    units: ARKit name -> offsets [19158, 3] m at weight 1 (the corrected pose minus `vertices`), for parts to look at;
    head_quads [H] indices into quads: the skin that is kept.
    """

    vertices: np.ndarray
    quads: np.ndarray
    uvs: np.ndarray
    quad_uvs: np.ndarray
    groups: dict[str, np.ndarray]
    units: dict[str, np.ndarray]
    head_quads: np.ndarray

    def group_vertices(self, name: str) -> np.ndarray:
        """Sorted indices of the base vertices that a group's quads use."""
        return np.unique(self.quads[self.groups[name]])

    def eye_centre(self, side: str) -> np.ndarray:
        """Centre [3] m of the eyeball, side 'left' or 'right': the mean of its helper's vertices."""
        return self.vertices[self.group_vertices(f"helper-{side[0]}-eye")].mean(0)


@dataclass(frozen=True)
class Part:
    """A modelled part of the head.

    name: one of PART_NAMES[1:]; vertices [P, 3] m = binding @ base.vertices + offset; faces [F, 4], counter-clockwise from
    outside, -1 in the last place of a triangle; uvs [U, 2], face_uvs [F, 4] (-1 as in faces): own charts in [0, 1]^2, which
    uv.build_layout moves to their place in the atlas; binding sparse [P, 19158]; offset [P, 3] m, constant under
    identity and expression; weights [P, 5] over JOINT_NAMES, rows sum to 1.
    """

    name: str
    vertices: np.ndarray
    faces: np.ndarray
    uvs: np.ndarray
    face_uvs: np.ndarray
    binding: sp.csr_matrix
    offset: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class Skin:
    """The kept skin: base_indices [S] sorted, vertices [S, 3] m, faces [F, 4] into them, regions name -> [S] in [0, 1]."""

    base_indices: np.ndarray
    vertices: np.ndarray
    faces: np.ndarray
    regions: dict[str, np.ndarray]


@dataclass(frozen=True)
class Layout:
    """Texture coordinates of the whole head: uvs [U, 2] in [0, 1], v up; face_uvs [F, 4], faces in PART_NAMES order, -1 pads."""

    uvs: np.ndarray
    face_uvs: np.ndarray
