"""One atlas for the whole head: the skin as one symmetric sheet with the face in its middle, everything else in a strip below.

Rule: the left half of the skin is flattened onto half a rectangle (the front midline on u = .5, the neck below, the
seam down the back of the head outside and on top) and mirrored, so the sheet is symmetric and one-to-one by construction.
Inner skin (mouth bag, eye sockets) and the parts are charts of their own, packed with a margin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.lib.stride_tricks import sliding_window_view
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from ...errors import LikenessError
from .flatten import (
    boundary_loops,
    embed_tutte,
    flatten_disc,
    minimise_distortion,
    rest_gradients,
    split_quads,
)
from .parts import Layout, Part, Skin
from .topology import QuadMesh

SIZE_PX = 2048
MARGIN_PX = 4
"""Smallest gap between charts at SIZE_PX."""
STRIP_HEIGHT = 0.2
"""Share of the square's height below the skin's sheet."""
SEAM_TOP = 881
"""Base vertex at the crown: the seam runs from here down the back of the head to the neck."""
EYE_RING = (7774, 7773)
"""Two neighbours of the loop along the inner edge of the left lid margin; behind it is the socket."""
MOUTH_RING = (554, 7297)
"""Two neighbours of the loop inside the lips; behind it is the mouth bag."""
SOCKET_INSIDE, MOUTH_INSIDE = 8015, 707
CHIN = 5296
SEAM_BEND = 0.5
"""Share of the seam, from the neck, that is the sheet's side; the rest is its top."""
NUM_STEPS = 80

PART_PX = {
    "left_eye": 390, "right_eye": 390, "left_cornea": 44, "right_cornea": 44,
    "upper_teeth": 620, "lower_teeth": 560, "tongue": 260, "lashes": 330,
    "mouth_bag": 150, "left_socket": 56, "right_socket": 56,
}  # fmt: skip
"""Wished pixels at SIZE_PX for each chart's unit square; all but the eyes are scaled together to fill the strip."""
LEAST_SCALE = 0.45
"""Wished texel density of scalp and neck relative to the cheek."""
CENTRE_GAIN = 0.4
"""Added to it about eyes, nose and mouth."""


def build_layout(skin: Skin, parts: Sequence[Part]) -> Layout:
    """Texture coordinates for the skin's faces and then each part's, in the order given."""
    twins = mirror_twins(skin.vertices)
    outer, inner = split_skin(skin, twins)
    sheet_uvs, sheet_face_uvs = flatten_sheet(skin, outer, twins)
    skin_face_uvs = np.full_like(skin.faces, -1)
    skin_face_uvs[outer] = sheet_face_uvs
    uvs, face_uvs, blocks = [sheet_uvs], [skin_face_uvs], []
    count = len(sheet_uvs)
    for name, mask in inner.items():
        used, uv = flatten_disc(skin.vertices, skin.faces[mask], 40, is_round=True)
        skin_face_uvs[mask] = np.searchsorted(used, skin.faces[mask]) + count
        uvs.append((uv - uv.min(0)) / np.ptp(uv, axis=0).max())
        blocks.append(Block(name, np.arange(len(uv)) + count))
        count += len(uv)
    for part in parts:
        blocks += [Block(part.name, island + count) for island in uv_islands(part.face_uvs)]
        face_uvs.append(np.where(part.face_uvs >= 0, part.face_uvs + count, -1))
        uvs.append(part.uvs)
        count += len(part.uvs)
    return Layout(pack_strip(np.concatenate(uvs), blocks), np.concatenate(face_uvs))


def mirror_twins(vertices: np.ndarray) -> np.ndarray:
    """Index [S] of each vertex' mirror twin in x. Raises LikenessError for a mesh that is not symmetric within .1 mm."""
    distance, twins = cKDTree(vertices).query(vertices * np.array([-1.0, 1.0, 1.0]))
    if distance.max() > 1e-4 or not np.array_equal(twins[twins], np.arange(len(twins))):
        raise LikenessError("The skin is not symmetric: build the layout on the symmetric mean head.")
    return twins


def split_skin(skin: Skin, twins: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Face masks [F] of the sheet, and of mouth bag and sockets by name."""
    mesh = QuadMesh(skin.faces)
    inner = {}
    for name, ring, inside in (("mouth_bag", MOUTH_RING, MOUTH_INSIDE), ("left_socket", EYE_RING, SOCKET_INSIDE)):
        first, second, seed = np.searchsorted(skin.base_indices, (*ring, inside)).tolist()
        reached = np.zeros(len(skin.vertices), bool)
        reached[mesh.flood(seed, set(mesh.edge_loop(first, second)))] = True
        inner[name] = reached[skin.faces].all(1)
    inner["right_socket"] = reached[twins][skin.faces].all(1)
    return ~np.any(list(inner.values()), axis=0), inner


def centre_weight(skin: Skin) -> np.ndarray:
    """1 about eyes, nose and mouth, falling to 0 on the cheeks and forehead, [S]."""
    x, y, z = skin.vertices.T
    chin = y[np.searchsorted(skin.base_indices, CHIN)]
    lid = skin.vertices[np.searchsorted(skin.base_indices, EYE_RING[0])]
    middle = 0.52 * lid[1] + 0.48 * chin
    ellipse = np.sqrt((x / 0.058) ** 2 + ((y - middle - 0.008) / 0.078) ** 2)
    return (1 - smooth_step((ellipse - 0.7) / 0.6)) * (z > lid[2] - 0.05)


def smooth_step(x: np.ndarray) -> np.ndarray:
    """Cubic step from 0 to 1 over [0, 1]."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def flatten_sheet(skin: Skin, outer: np.ndarray, twins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sheet in its place in the atlas: uvs [U, 2] and face_uvs [F', 4] of the faces in the mask `outer`."""
    is_left = skin.vertices[:, 0] > -1e-6
    is_left |= twins == np.arange(len(twins))
    left_faces = skin.faces[outer & is_left[skin.faces].all(1)]
    used = np.unique(left_faces)
    uv, on_seam = flatten_half(skin, left_faces, used, twins)
    left_index = np.full(len(twins), -1)
    left_index[used] = np.arange(len(used))
    shared = (twins[used] == used) & ~on_seam
    right_index = np.full(len(twins), -1)
    right_index[used[shared]] = left_index[used[shared]]
    copied = np.flatnonzero(~shared)
    right_index[used[copied]] = len(used) + np.arange(len(copied))
    uvs = np.concatenate([uv, np.array([1.0, 0.0]) + uv[copied] * np.array([-1.0, 1.0])])
    faces = skin.faces[outer]
    left = is_left[faces].all(1)[:, None]
    return uvs, np.where(left, left_index[faces], right_index[twins[faces]])


def flatten_half(skin: Skin, faces: np.ndarray, used: np.ndarray, twins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The left half on its half rectangle: uv [N, 2] of the vertices `used` and which of them lie on the seam (not its top)."""
    local = np.searchsorted(used, faces)
    is_midline = twins[used] == used
    points, filled = fill_holes(skin.vertices[used], local, is_midline)
    num = len(used)
    outline = boundary_loops(filled)[0]
    midline = np.append(is_midline, np.ones(len(points) - num, bool))
    corners = outline_corners(outline, points, midline, int(np.searchsorted(used, np.searchsorted(skin.base_indices, SEAM_TOP))))
    outline, corners = np.roll(outline, -corners[0]), (corners - corners[0]) % len(outline)
    margin = MARGIN_PX / SIZE_PX
    box = np.array([[0.5, STRIP_HEIGHT], [1 - margin, STRIP_HEIGHT], [1 - margin, 1 - margin], [0.5, 1 - margin]])
    positions, locked = place_outline(outline, corners, points, box)
    triangles, share = split_quads(filled)
    weight = np.append(skin.regions["face"][used], np.zeros(len(points) - num))
    is_filling = (triangles >= num).any(1)
    weight_centre = np.append(centre_weight(skin)[used], np.zeros(len(points) - num))
    scale = (LEAST_SCALE + (1 - LEAST_SCALE) * weight + CENTRE_GAIN * weight_centre)[triangles].mean(1)
    gradients, areas = rest_gradients(points, triangles, scale)
    normalise = np.sqrt(np.prod(box[2] - box[0]) / (areas * share)[~is_filling].sum())
    gradients, areas = gradients / normalise, areas * normalise**2
    importance = areas * share * np.where(is_filling, 0.02, 0.12 + weight[triangles].mean(1))
    uv = embed_tutte(len(points), filled, outline, positions)
    uv = minimise_distortion(uv, triangles, gradients, importance, locked, NUM_STEPS)
    on_seam = np.zeros(num, bool)
    on_seam[outline[corners[1] : corners[3]]] = True
    return uv[:num], on_seam


def fill_holes(points: np.ndarray, faces: np.ndarray, is_midline: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Close the half's eye hole and mouth notch by fans about new vertices (appended): points [N + 2, 3], faces [F', 4].

    The notch is the run of the outline off the midline that is not the neck (the shorter run).
    """
    outline, eye = boundary_loops(faces)
    num = len(points)
    off = ~is_midline[outline]
    start = int(np.flatnonzero(~off & np.roll(off, 1))[0])
    outline, off = np.roll(outline, -start), np.roll(off, -start)
    edges = np.flatnonzero(np.diff(off.astype(int)))
    runs = [outline[a : b + 2] for a, b in zip(edges[::2], np.append(edges, len(outline))[1::2], strict=False)]
    runs = [np.append(run, outline[0]) if is_midline[run[-1]] == 0 else run for run in runs]
    mouth = min(runs, key=lambda run: np.linalg.norm(np.diff(points[run], axis=0), axis=1).sum())
    eye_fan = np.stack([np.roll(eye, -1), eye, np.full(len(eye), num), np.full(len(eye), -1)], 1)
    mouth_fan = np.stack([mouth[1:], mouth[:-1], np.full(len(mouth) - 1, num + 1), np.full(len(mouth) - 1, -1)], 1)
    mouth_centre = points[mouth].mean(0) * np.array([0.0, 1.0, 1.0])
    new = np.stack([points[eye].mean(0), mouth_centre])
    return np.concatenate([points, new]), np.concatenate([faces, eye_fan[:, [1, 0, 2, 3]][:, [1, 0, 2, 3]], mouth_fan])


def outline_corners(outline: np.ndarray, points: np.ndarray, midline: np.ndarray, top: int) -> np.ndarray:
    """Places in the outline of the rectangle's corners: neck front, neck back, the seam's bend, the seam's top."""
    on_neck = ~midline[outline]
    size = len(outline)
    back = int(np.flatnonzero(~on_neck & np.roll(on_neck, 1))[0])
    front = int(np.flatnonzero(~on_neck & np.roll(on_neck, -1))[0])
    end = int(np.flatnonzero(outline == top)[0])
    seam = np.arange(back, back + (end - back) % size + 1) % size
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points[outline[seam]], axis=0), axis=1))])
    bend = seam[np.argmin(np.abs(length / length[-1] - SEAM_BEND))]
    return np.array([front, back, bend, end])


def place_outline(outline: np.ndarray, corners: np.ndarray, points: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Outline vertices on the rectangle by arc length: positions [B, 2]; locked [N, 2]: they may slide along its sides."""
    positions = np.zeros((len(outline), 2))
    locked = np.zeros((len(points), 2), bool)
    for side in range(4):
        stop = corners[side + 1] if side < 3 else len(outline)
        places = np.arange(corners[side], stop + 1) % len(outline)
        length = np.linalg.norm(np.diff(points[outline[places]], axis=0), axis=1)
        share = np.concatenate([[0], np.cumsum(length)]) / length.sum()
        positions[places] = box[side] + share[:, None] * (box[(side + 1) % 4] - box[side])
        locked[outline[places], 1 - side % 2] = True
    return positions, locked


def uv_islands(face_uvs: np.ndarray) -> list[np.ndarray]:
    """The connected charts: sorted indices into uvs, ordered by their first."""
    ends = np.stack([face_uvs, np.roll(face_uvs, -1, 1)], -1).reshape(-1, 2)
    ends = ends[(ends >= 0).all(1)]
    count = face_uvs.max() + 1
    _, labels = connected_components(sp.coo_matrix((np.ones(len(ends)), ends.T), (count, count)), directed=False)
    used = np.unique(face_uvs[face_uvs >= 0])
    first = np.unique(labels[used], return_index=True)[1]
    return [used[labels[used] == labels[used[k]]] for k in np.sort(first)]


@dataclass(frozen=True)
class Block:
    """A chart to pack: its name in PART_PX and its indices into uvs."""

    name: str
    indices: np.ndarray


def pack_strip(uvs: np.ndarray, blocks: list[Block]) -> np.ndarray:
    """Copies of uvs [U, 2] with every block moved into the strip below the sheet, as large as fits."""
    width, height = SIZE_PX - MARGIN_PX, int(STRIP_HEIGHT * SIZE_PX) - MARGIN_PX
    for shrink in np.arange(1.6, 0.3, -0.02):
        scales = [PART_PX[b.name] * (1 if b.name.endswith("eye") else shrink) for b in blocks]
        sizes = [np.ptp(uvs[b.indices], axis=0) * scale for b, scale in zip(blocks, scales, strict=True)]
        corners = pack_skyline(np.ceil(np.array(sizes)).astype(int) + MARGIN_PX + 1, width, height)
        if corners is not None:
            break
    else:
        raise LikenessError("The parts' charts do not fit below the sheet: lower PART_PX or raise STRIP_HEIGHT.")
    out = uvs.copy()
    for block, scale, corner in zip(blocks, scales, corners, strict=True):
        chart = uvs[block.indices]
        out[block.indices] = ((chart - chart.min(0)) * scale + corner + MARGIN_PX + 0.5) / SIZE_PX
    return out


def pack_skyline(sizes: np.ndarray, width: int, height: int) -> np.ndarray | None:
    """Lower-left corners [B, 2] for boxes [B, 2], tallest first, each as low and as far left as it goes; None when one fails."""
    skyline = np.zeros(width, int)
    corners = np.zeros_like(sizes)
    for k in np.lexsort((np.arange(len(sizes)), -sizes[:, 0], -sizes[:, 1])):
        w, h = sizes[k]
        if w > width:
            return None
        tops = sliding_window_view(skyline, w).max(1)
        x = int(np.argmin(tops))
        if tops[x] + h > height:
            return None
        corners[k] = x, tops[x]
        skyline[x : x + w] = tops[x] + h
    return corners
