"""The kept skin: faces, and the points by which fits are compared."""

from __future__ import annotations

import numpy as np

from ..model import SurfacePoints
from .base_mesh import MeanHead
from .measures import SUBNASALE
from .parts import Skin
from .regions import build_regions

OUTER_CORNER, INNER_CORNER, MOUTH_CORNER = 6805, 6850, 7182
"""The left side's canthi (front edge of the lid margins) and the mouth's corner, base indices."""


def build_skin(head: MeanHead) -> Skin:
    """Skin vertices in base order, quads on them, soft regions."""
    lookup = np.full(len(head.source.vertices), -1)
    lookup[head.topology.skin] = np.arange(len(head.topology.skin))
    faces = lookup[head.source.quads[head.topology.head_quads]]
    vertices = head.base.vertices[head.topology.skin]
    return Skin(head.topology.skin, vertices, faces, build_regions(head, vertices, faces))


def landmarks7(head: MeanHead) -> SurfacePoints:
    """HeadAsset.landmarks7's points as vertices of the skin."""
    other = head.source.mirror
    points = (
        other[OUTER_CORNER], other[INNER_CORNER], INNER_CORNER, OUTER_CORNER, SUBNASALE, other[MOUTH_CORNER], MOUTH_CORNER,
    )  # fmt: skip
    indices = np.searchsorted(head.topology.skin, np.array(points))
    return SurfacePoints(np.repeat(indices[:, None], 3, 1), np.tile([1.0, 0.0, 0.0], (7, 1)))
