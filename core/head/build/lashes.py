"""Eyelashes: tapered, curved strands that grow from the front edge of the lid margin.

Rule: every strand hangs on an affine fit to the lid's skin around its root, so it turns with the lid in a blink and is
scaled by nothing else. Left and right use the same random numbers, so a symmetric head has symmetric lashes.
Source: Na et al. 2006, "Ethnic characteristics of eyelashes" (upper 7-12 mm, curl); Elder 1997 (90-160 upper in 5-6 rows,
75-80 lower): here every strand stands for two or three.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ...types import JOINT_NAMES
from .parts import NUM_BASE, BaseMesh, Part
from .topology import QuadMesh

MARGIN_EDGE = (7748, 7747)
"""Two neighbours of the loop along the front edge of the left eye's lid margin (base.obj)."""
NUM_ROWS = 4
ROW_SHARES = np.array([0.0, 0.36, 0.7, 1.0])
ROW_WIDTHS = np.array([0.22, 0.20, 0.14, 0.03]) * 1e-3
REACH = 0.006
"""Width of the neighbourhood, m, whose motion a strand follows."""


@dataclass(frozen=True)
class Lid:
    """How one lid's lashes grow. share: part of the margin, inner to outer corner; angles from the horizontal, rad."""

    sign: int
    count: int
    share: tuple[float, float]
    length: float
    root_angle: float
    tip_angle: float


LIDS = (
    Lid(sign=1, count=52, share=(0.12, 0.985), length=0.0098, root_angle=-0.55, tip_angle=0.88),
    Lid(sign=-1, count=26, share=(0.22, 0.97), length=0.0056, root_angle=-0.05, tip_angle=0.75),
)


def build_lashes(base: BaseMesh) -> Part:
    """All four lids' lashes as one part: left upper, left lower, right upper, right lower; 8 vertices a strand."""
    body = QuadMesh(base.quads[base.groups["body"]])
    left_loop = np.array(body.edge_loop(*MARGIN_EDGE))
    skin = np.unique(body.quads)
    strands, bindings = [], []
    for side in (1, -1):
        loop = left_loop if side == 1 else nearest(base.vertices, skin, base.vertices[left_loop] * np.array([-1.0, 1.0, 1.0]))
        centre = base.eye_centre("left" if side == 1 else "right")
        near = skin[np.linalg.norm(base.vertices[skin] - centre, axis=1) < 0.035]
        for lid in LIDS:
            rng = np.random.default_rng(7 + lid.sign)
            margin = lid_margin(base.vertices, loop, side, lid.sign)
            points, places = grow_strands(base.vertices[margin], centre, side, lid, rng)
            strands.append(points)
            lid_skin = near[is_on_lid(base.vertices[near], base.vertices[margin], lid.sign)]
            bindings.append(bind_strands(points, places, margin, base.vertices, lid_skin))
    vertices = np.concatenate(strands).reshape(-1, 3)
    binding = sp.vstack(bindings).tocsr()
    faces, uvs, face_uvs = strand_topology(len(vertices) // (2 * NUM_ROWS))
    weights = np.zeros((len(vertices), len(JOINT_NAMES)))
    weights[:, JOINT_NAMES.index("neck")] = 1
    return Part("lashes", vertices, faces, uvs, face_uvs, binding, vertices - binding @ base.vertices, weights)


def nearest(vertices: np.ndarray, candidates: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The candidates (indices) nearest to points [N, 3]."""
    return candidates[np.argmin(np.linalg.norm(vertices[candidates][None] - points[:, None], axis=2), axis=1)]


def lid_margin(vertices: np.ndarray, loop: np.ndarray, side: int, sign: int) -> np.ndarray:
    """The loop's indices along the upper (sign 1) or lower lid, from the inner to the outer corner."""
    x = side * vertices[loop, 0]
    inner, outer = int(np.argmin(x)), int(np.argmax(x))
    ordered = np.roll(loop, -inner)
    split = (outer - inner) % len(loop)
    first, second = ordered[: split + 1], np.append(ordered[split:], ordered[0])[::-1]
    is_first_upper = vertices[first, 1].mean() > vertices[second, 1].mean()
    return first if is_first_upper == (sign > 0) else second


def is_on_lid(points: np.ndarray, margin: np.ndarray, sign: int) -> np.ndarray:
    """Which points [N] belong to this lid's side of the line between the corners, [N] bool."""
    share = np.clip((points[:, 0] - margin[0, 0]) / (margin[-1, 0] - margin[0, 0]), 0, 1)
    line = margin[0, 1] + share * (margin[-1, 1] - margin[0, 1])
    return sign * (points[:, 1] - line) > -0.0004


def grow_strands(
    margin: np.ndarray, centre: np.ndarray, side: int, lid: Lid, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Strand vertices [count, NUM_ROWS, 2, 3] m along a lid margin [M, 3], and the roots' places in it (0 ... M - 1) [count]."""
    step = np.linalg.norm(np.diff(margin, axis=0), axis=1)
    arc = np.concatenate([[0], np.cumsum(step)]) / step.sum()
    even = (np.arange(lid.count) + 0.5 + rng.uniform(-0.3, 0.3, lid.count)) / lid.count
    share = lid.share[0] + (lid.share[1] - lid.share[0]) * even
    root = np.stack([np.interp(share, arc, margin[:, k]) for k in range(3)], 1)
    ahead = np.stack([np.interp(np.minimum(share + 0.03, 1), arc, margin[:, k]) for k in range(3)], 1)
    behind = np.stack([np.interp(np.maximum(share - 0.03, 0), arc, margin[:, k]) for k in range(3)], 1)
    along = ahead - behind
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    up = np.array([0.0, lid.sign, 0.0])
    out = (root - centre) * np.array([1.15, 0, 1])
    out += np.array([side * 0.006, 0, 0]) * (share - 0.25)[:, None]
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    fan = rng.normal(0, 0.07, lid.count)
    clump = 0.10 * np.sin(2 * np.pi * np.arange(lid.count) / 3.0 + rng.uniform(0, 0.6, lid.count))
    out = out + (fan + clump)[:, None] * along
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    bell = 0.42 + 0.58 * np.sin(np.pi * np.clip(0.78 * share, 0, 1)) ** 0.9
    length = lid.length * bell * rng.uniform(0.82, 1.08, lid.count)
    tip = lid.tip_angle + rng.normal(0, 0.10, lid.count)
    t = np.linspace(0, 1, 25)
    angle = lid.root_angle + (tip - lid.root_angle)[:, None] * t**0.9
    step_out = np.cumsum(np.cos(angle), 1) - np.cos(angle[:, :1])
    step_up = np.cumsum(np.sin(angle), 1) - np.sin(angle[:, :1])
    picks = np.round(ROW_SHARES * 24).astype(int)
    scale = (length / 24)[:, None, None]
    centreline = root[:, None] + scale * (step_out[:, picks, None] * out[:, None] + step_up[:, picks, None] * up)
    centreline = centreline - out[:, None] * 2e-4
    half = 0.5 * ROW_WIDTHS[None, :, None] * along[:, None]
    return np.stack([centreline - half, centreline + half], 2), np.interp(share, arc, np.arange(len(arc)))


def bind_strands(
    points: np.ndarray, places: np.ndarray, margin: np.ndarray, vertices: np.ndarray, lid_skin: np.ndarray
) -> sp.csr_matrix:
    """Weights [P, NUM_BASE] of strand points [S, R, 2, 3]: roots stay on the margin's edges, strands turn with the skin around.

    The turn is the linear part of an affine fit weighted by distance from the root; a ridge keeps directions in which
    the neighbourhood is thin from being magnified.
    """
    rows, columns, values = [], [], []
    per_strand = points[0].reshape(-1, 3).shape[0]
    for k, strand in enumerate(points):
        first = min(int(places[k]), len(margin) - 2)
        share = places[k] - first
        root = (1 - share) * vertices[margin[first]] + share * vertices[margin[first + 1]]
        relative = vertices[lid_skin] - root
        weight = np.exp(-0.5 * np.sum(relative**2, 1) / REACH**2)
        keep = weight > 1e-3
        relative, weight = relative[keep], weight[keep] / weight[keep].sum()
        spread = relative - weight @ relative
        covariance = (spread * weight[:, None]).T @ spread + 0.08 * REACH**2 * np.eye(3)
        local = strand.reshape(-1, 3) - root
        turn = weight * (local @ np.linalg.solve(covariance, spread.T))
        hold = np.tile([1 - share, share], (per_strand, 1))
        here = np.concatenate([margin[first : first + 2], lid_skin[keep]])
        rows.append(np.repeat(k * per_strand + np.arange(per_strand), len(here)))
        columns.append(np.tile(here, per_strand))
        values.append(np.concatenate([hold, turn], 1).ravel())
    shape = (len(points) * per_strand, NUM_BASE)
    return sp.csr_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape)


def strand_topology(num_strands: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Faces [F, 4], uvs [U, 2] and face_uvs: every strand a small tapered chart of its own."""
    row = np.arange(NUM_ROWS - 1)[:, None] * 2
    one = row + np.array([0, 1, 3, 2])
    faces = (np.arange(num_strands)[:, None, None] * 2 * NUM_ROWS + one).reshape(-1, 4)
    columns = 26
    lines = -(-num_strands // columns)
    cell = np.stack(np.divmod(np.arange(num_strands), columns)[::-1], 1) / np.array([columns, lines])
    width = 0.5 * (0.3 + 0.7 * ROW_WIDTHS / ROW_WIDTHS[0])
    chart = np.stack([np.stack([0.5 - width / 2, ROW_SHARES], 1), np.stack([0.5 + width / 2, ROW_SHARES], 1)], 1).reshape(-1, 2)
    size = np.array([0.5 / columns, 0.8 / lines])
    uvs = (cell[:, None] + size * (0.1 + 0.9 * chart)).reshape(-1, 2)
    return faces, uvs, faces
