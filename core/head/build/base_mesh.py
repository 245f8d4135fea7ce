"""From MakeHuman's raw mesh to a metrically correct adult head: what is kept, and one linear correction for mesh, targets and units.

Rule: the correction is linear in the vertex positions (weights per vertex, anchored at the eyes' own centres), so it acts
on a person, an offset and an expression alike and needs no case distinction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .parts import BaseMesh
from .topology import QuadMesh
from .wheel_data import SourceData

NECK_LOOP = (1491, 1492)
"""Two neighbouring vertices of the quad loop at the neck's base where the head is cut."""
CROWN = 881
HEAD_LOWEST_DM = 4.9
"""Base vertices above this height (base.obj) are carried along: the head, its helpers and joint cubes."""
SCALE = np.array([1.057, 1.065, 1.010])
"""Metres of a mean adult per MakeHuman decimetre/10, along x, y, z: ANSUR II's head breadth, face and head height, head length."""
IPD = 0.063


@dataclass(frozen=True)
class HeadTopology:
    """skin [S] sorted base indices of the kept skin; head_quads [H] indices into quads; carried [C] sorted base indices;
    neck_loop: ordered base indices of the cut; eyes: side -> base indices of the eyeball's helper."""

    skin: np.ndarray
    head_quads: np.ndarray
    carried: np.ndarray
    neck_loop: np.ndarray
    eyes: dict[str, np.ndarray]


def find_head(source: SourceData) -> HeadTopology:
    """Cut the body's skin at the neck loop; keep mouth bag and eye sockets."""
    body = source.quads[source.groups["body"]]
    mesh = QuadMesh(body)
    loop = mesh.edge_loop(*NECK_LOOP)
    skin = mesh.flood(CROWN, set(loop))
    inside = np.zeros(len(source.vertices), bool)
    inside[skin] = True
    head_quads = source.groups["body"][inside[body].all(1)]
    carried = np.flatnonzero(source.vertices[:, 1] > HEAD_LOWEST_DM)
    eyes = {side: np.unique(source.quads[source.groups[f"helper-{side[0]}-eye"]]) for side in ("left", "right")}
    return HeadTopology(skin, head_quads, carried, np.array(loop), eyes)


def scale_to_metres(vertices_dm: np.ndarray) -> np.ndarray:
    """[..., 3] dm -> [..., 3] m with the anisotropic head scale."""
    return vertices_dm * (0.1 * SCALE)


def as_base_mesh(source: SourceData, topology: HeadTopology, vertices: np.ndarray, units: dict[str, np.ndarray]) -> BaseMesh:
    """The value that parts are built on."""
    return BaseMesh(vertices, source.quads, source.uvs, source.quad_uvs, source.groups, units, topology.head_quads)
