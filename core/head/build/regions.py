"""Soft anatomical masks on the skin, drawn from the mesh's own rings and anthropometric distances, not by a detector.

Lengths are the mean head's. Angles (azimuth) turn about the vertical through HEAD_AXIS_Z: 0 in front, positive to both sides.
Brow and hairline heights follow published distances (inferior limbus to brow 19.4 mm; trichion to glabella 55-61 mm).
"""

from __future__ import annotations

import numpy as np

from ..brow_line import BROW_HALF_WIDTH_MM, BROW_MM, distance_to_line
from .base_mesh import LID_MARGIN, SOCKET, MeanHead
from .measures import CHEILION, GLABELLA, MENTON, POGONION, PRONASALE, SUBNASALE
from .topology import QuadMesh

HEAD_AXIS_Z = 0.010
VERMILION_RING = (496, 490)
"""Two neighbours of the closed loop along the lips' border; it passes both corners of the mouth."""
MOUTH_BAG = 656
"""A vertex far back in the mouth."""
HAIRLINE = np.array(
    [[0, 92], [25, 90], [42, 80], [54, 58], [62, 30], [70, 5], [80, -2], [100, -10], [125, -35], [150, -62], [180, -68]]
)
"""Azimuth in degrees, lowest height of the hair in mm."""


def smoothstep(low: float, high: float, values: np.ndarray) -> np.ndarray:
    """0 at low, 1 at high, smooth between; low may be above high."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def build_regions(head: MeanHead, vertices: np.ndarray, faces: np.ndarray) -> dict[str, np.ndarray]:
    """Region's name -> weights [S] in [0, 1]; vertices [S, 3] m of the template's skin."""
    mm = vertices * 1000
    azimuth = np.degrees(np.arctan2(np.abs(mm[:, 0]), mm[:, 2] - HEAD_AXIS_Z * 1000))
    row_of = np.full(len(head.source.vertices), -1)
    row_of[head.topology.skin] = np.arange(len(head.topology.skin))
    point = {name: mm[row_of[index]] for name, index in _POINTS.items()}

    mouth = _mouth(head, row_of, faces)
    ear = smoothstep(0.45, 0.85, _touched(head, "ears")) * smoothstep(64, 70, np.abs(mm[:, 0]))
    inside = np.maximum(mouth["mouth_inside"], _sockets(head, row_of))
    outside = 1 - inside
    hairline = np.interp(azimuth, *HAIRLINE.T)
    scalp = smoothstep(-7, 7, mm[:, 1] - hairline) * (1 - ear) * outside
    jaw_height = point["menton"][1] + np.maximum(point["menton"][2] - mm[:, 2], 0) * 0.5
    neck = smoothstep(-2, -16, mm[:, 1] - jaw_height) * (1 - ear) * (1 - scalp) * outside
    face = smoothstep(102, 86, azimuth) * (1 - scalp) * (1 - 0.8 * neck) * (1 - ear) * outside
    face *= smoothstep(-20, 2, mm[:, 1] - point["menton"][1])

    regions = {"face": face, "scalp": scalp, "neck": neck, "eye_socket": _sockets(head, row_of), **mouth}
    regions |= _paired("ear", mm, ear * outside)
    brow_height = point["glabella"][1]
    regions["forehead"] = smoothstep(brow_height - 6, brow_height + 8, mm[:, 1]) * smoothstep(66, 54, azimuth) * (1 - scalp)
    regions |= _eyes(head, mm, row_of, inside)
    regions |= _nose(head, mm, point, inside)
    cheek_centre = np.array([44.0, point["subnasale"][1] + 6])
    cheek = smoothstep(30, 12, np.linalg.norm(np.stack([np.abs(mm[:, 0]), mm[:, 1]], 1) - cheek_centre, axis=1))
    regions |= _paired("cheek", mm, cheek * (mm[:, 2] > 30) * outside * (1 - regions["nose"]))
    regions["chin"] = smoothstep(26, 12, np.linalg.norm(mm - point["pogonion"], axis=1)) * outside * (1 - regions["lip_lower"])
    along_jaw = smoothstep(16, 4, np.abs(mm[:, 1] - jaw_height - 6)) * smoothstep(100, 86, azimuth)
    regions["jawline"] = along_jaw * (1 - ear) * outside
    return regions


_POINTS = {"glabella": GLABELLA, "subnasale": SUBNASALE, "menton": MENTON, "pogonion": POGONION, "pronasale": PRONASALE}


def _paired(name: str, mm: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """One mask for each side."""
    left = smoothstep(-2, 2, mm[:, 0])
    return {f"{name}_left": weights * left, f"{name}_right": weights * (1 - left)}


def _touched(head: MeanHead, folder: str) -> np.ndarray:
    """How strongly the artists' targets of a folder move each skin vertex, [S], 1 at the 80th percentile of those that move."""
    offsets = [
        np.linalg.norm(o[head.topology.skin], axis=1) for name, o in head.source.local.items() if name.startswith(folder + "/")
    ]
    total = np.sqrt(np.mean(np.square(offsets), 0))
    return np.clip(total / np.percentile(total[total > 1e-5], 80), 0, 1)


def _sockets(head: MeanHead, row_of: np.ndarray) -> np.ndarray:
    """1 behind the lids' margins."""
    mesh = QuadMesh(head.source.quads[head.topology.head_quads])
    ring = mesh.edge_loop(*LID_MARGIN)
    behind = np.setdiff1d(mesh.flood(SOCKET, set(ring)), ring)
    weights = np.zeros(len(head.topology.skin))
    weights[row_of[behind]] = weights[row_of[head.source.mirror[behind]]] = 1
    return weights


def _mouth(head: MeanHead, row_of: np.ndarray, faces: np.ndarray) -> dict[str, np.ndarray]:
    """Lips by rings inwards from their border; what lies deeper than their dry part is the mouth's inside."""
    mesh = QuadMesh(head.source.quads[head.topology.head_quads])
    border = mesh.edge_loop(*VERMILION_RING)
    bag = set(mesh.flood(MOUTH_BAG, set(border)).tolist())
    height = head.base.vertices[:, 1]
    corners = (CHEILION, int(head.source.mirror[CHEILION]))
    halves = _split_loop(border, corners)
    halves.sort(key=lambda half: -height[half].mean())
    regions = {name: np.zeros(len(head.topology.skin)) for name in ("lip_upper", "lip_lower", "mouth_inside")}
    depth, side = _rings(mesh, halves, bag)
    for vertex in bag:
        ring = depth[vertex]
        row = row_of[vertex]
        regions["mouth_inside"][row] = np.interp(ring, [3, 6], [0, 1])
        regions[("lip_upper", "lip_lower")[side[vertex]]][row] = np.interp(ring, [0, 6, 8], [1, 1, 0])
    for corner in corners:
        regions["lip_upper"][row_of[corner]] = regions["lip_lower"][row_of[corner]] = 0.5
    for name, half in zip(("lip_upper", "lip_lower"), halves, strict=True):
        for vertex in set().union(*(mesh.neighbours[v] for v in half)) - bag:
            regions[name][row_of[vertex]] = 0.35 if name == "lip_upper" else 0.1
    return regions


def _split_loop(loop: list[int], corners: tuple[int, int]) -> list[list[int]]:
    """The loop's two arcs between the corners, both without them."""
    first = loop.index(corners[0])
    turned = loop[first:] + loop[:first]
    second = turned.index(corners[1])
    return [turned[1:second], turned[second + 1 :]]


def _rings(mesh: QuadMesh, halves: list[list[int]], bag: set[int]) -> tuple[dict[int, int], dict[int, int]]:
    """Breadth-first from the border's halves (0 upper, 1 lower) into the bag: each vertex's ring and half."""
    depth = {v: 0 for half in halves for v in half}
    side = {v: k for k, half in enumerate(halves) for v in half}
    front = list(depth)
    while front:
        following = []
        for vertex in front:
            for neighbour in mesh.neighbours[vertex]:
                if neighbour in bag and neighbour not in depth:
                    depth[neighbour], side[neighbour] = depth[vertex] + 1, side[vertex]
                    following.append(neighbour)
        front = following
    for vertex in bag - depth.keys():
        depth[vertex], side[vertex] = 0, 0
    return depth, side


def _eyes(head: MeanHead, mm: np.ndarray, row_of: np.ndarray, inside: np.ndarray) -> dict[str, np.ndarray]:
    """Brows along their line over the pupil; lids around the opening."""
    regions = {}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        centre = head.base.eye_centre(side) * 1000
        seen = np.stack([(mm[:, 0] - centre[0]) * sign, mm[:, 1] - centre[1]], 1)
        distance, half_width = distance_to_line(seen, BROW_MM, BROW_HALF_WIDTH_MM)
        is_front = (mm[:, 2] > 40) & (mm[:, 0] * sign > 0)
        regions[f"brow_{side}"] = smoothstep(1.6, 0.4, distance / half_width) * is_front
        opening = np.hypot(seen[:, 0] / 15.0, (seen[:, 1] - 0.5) / 5.5)
        around = smoothstep(2.1, 1.3, np.hypot(seen[:, 0] / 17.0, (seen[:, 1] - 1.5) / 7.5)) * is_front * (1 - inside)
        upper = smoothstep(-1.5, 1.5, seen[:, 1] - np.where(opening < 1.2, 0.0, -1.0))
        regions[f"upper_lid_{side}"] = around * upper * (1 - regions[f"brow_{side}"])
        regions[f"lower_lid_{side}"] = around * (1 - upper)
    return regions


def _nose(head: MeanHead, mm: np.ndarray, point: dict[str, np.ndarray], inside: np.ndarray) -> dict[str, np.ndarray]:
    """The nose where the artists' nose targets act, above the upper lip; the nostrils by their place under the tip."""
    touched = smoothstep(0.15, 0.6, _touched(head, "nose")) * (1 - inside)
    nose = (
        touched
        * smoothstep(point["subnasale"][1] - 6, point["subnasale"][1] + 1, mm[:, 1])
        * smoothstep(26, 20, np.abs(mm[:, 0]))
    )
    tip = point["pronasale"]
    hole = np.array([6.5, tip[1] - 6.0, tip[2] - 11.0])
    distance = np.linalg.norm((np.abs(mm) * [1, 0, 0] + mm * [0, 1, 1] - hole) / [1.0, 1.6, 1.4], axis=1)
    return {"nose": nose, "nostrils": smoothstep(4.5, 2.5, distance)}
