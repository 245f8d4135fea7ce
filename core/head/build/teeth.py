"""Fourteen modelled teeth in each jaw, and the gums they stand in, along an arch fitted to the base's teeth helper.

Rule: everything is built in an arch frame (s along the arch, b outwards, h towards the edge of the teeth) and then laid
on the arch; upper and lower differ in tables only. The binding is the affine part of the helper's motion, so teeth
follow identity and units without being bent; from person to person they keep their distance from the lips (follow_lips).
Source: crown widths and heights as in Ash & Nelson, "Wheeler's Dental Anatomy" (rounded adult means).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy.sparse as sp
from scipy.spatial import cKDTree

from ...types import JOINT_NAMES
from .parts import NUM_BASE, BaseMesh, Part

HELPER_EDGE = {
    "upper": (15069, 15086, 15071, 15070, 15085, 15078, 15077, 15076, 15080),
    "lower": (15010, 15001, 15002, 15003, 15004, 15005, 15006, 15007, 15008),
}
"""The helper slabs' outer edge where the jaws meet, from the midline to the subject's left back (base.obj)."""

INCISOR, CANINE, PREMOLAR, MOLAR = range(4)
KINDS = (INCISOR, INCISOR, CANINE, PREMOLAR, PREMOLAR, MOLAR, MOLAR)
WIDTH_MM = {"upper": (8.5, 6.5, 7.5, 7.0, 7.0, 10.0, 9.0), "lower": (5.2, 5.6, 7.0, 7.0, 7.0, 10.8, 10.4)}
HEIGHT_MM = {"upper": (10.0, 8.8, 9.8, 8.4, 8.2, 7.4, 7.0), "lower": (8.8, 9.0, 10.2, 8.6, 8.0, 7.4, 7.0)}
THICKNESS_MM = {"upper": (7.0, 6.2, 8.0, 9.0, 9.0, 10.8, 10.4), "lower": (6.0, 6.4, 7.6, 7.6, 8.0, 10.2, 10.0)}
EDGE_MM = {"upper": (0.0, -0.6, 0.3, -0.1, -0.2, -0.3, -0.3), "lower": (0.0, 0.0, 0.5, 0.1, 0.0, 0.0, 0.0)}
"""How far each tooth's edge stands beyond the plane of occlusion (the central incisor's edge)."""
FORWARD_AT_MM = (0.0, 18.5, 50.0)
FORWARD_MM = {"upper": (5.1, 0.8, -2.2), "lower": (2.2, -1.3, -3.6)}
"""Labial face of the teeth outwards from the helper's edge, at these arch lengths: incisors bear the lips (the helper's stand
5 mm behind them, in the dark), cheeks come in at the back when the jaw opens."""
OCCLUSION_MM = -2.8
"""Height of the plane of occlusion over the helper's edges: with the overbite the incisors end 2 mm below where the lips meet."""
OVERBITE_MM = {"upper": 1.3, "lower": 0.6}
"""Central incisors' edge beyond the line where the lips meet, in front; nothing at the molars."""

RINGS = (-0.16, 0.06, 0.34, 0.66)
"""Heights of a crown's rings, in crown heights from the gum line (the first is inside the gum)."""
NUM_RING = 12
NUM_TOOTH = len(RINGS) * NUM_RING + 16
COLUMNS_PER_TOOTH = 4


@dataclass(frozen=True)
class Arch:
    """The arch of one jaw: odd and even polynomials x(s), z(s) and the plane of occlusion y = y0 + slope (z - z0), m."""

    jaw: str
    x: np.ndarray
    z: np.ndarray
    y0: float
    z0: float
    slope: float

    def frame(self, s: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points [N, 3], unit outward normals [N, 3] and unit directions to the edge [N, 3] at arch lengths s [N] m."""
        powers = np.stack([s, s**3, s**5], -1)
        even = np.stack([np.ones_like(s), s**2, s**4], -1)
        x, z = powers @ self.x, even @ self.z
        dx = np.stack([np.ones_like(s), 3 * s**2, 5 * s**4], -1) @ self.x
        dz = np.stack([np.zeros_like(s), 2 * s, 4 * s**3], -1) @ self.z
        points = np.stack([x, self.y0 + self.slope * (z - self.z0), z], -1)
        normal = np.stack([-dz, np.zeros_like(s), dx], -1)
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
        up = np.array([0.0, 1.0, -self.slope])
        up *= (-1 if self.jaw == "upper" else 1) / np.linalg.norm(up)
        up = np.broadcast_to(up, points.shape)
        normal = normal - np.sum(normal * up, -1, keepdims=True) * up
        return points, normal / np.linalg.norm(normal, axis=-1, keepdims=True), up


def build_teeth(base: BaseMesh, jaw: str) -> Part:
    """Teeth and gum of jaw 'upper' or 'lower' as one part; vertices: 14 teeth of NUM_TOOTH, then the gum."""
    arch = fit_arch(base, jaw)
    crowns = [build_crown(arch, side, k) for side in (1, -1) for k in range(7)]
    crown_faces, crown_uvs, crown_face_uvs = crown_topology()
    gum, gum_faces, gum_uvs, gum_face_uvs = build_gum(arch)
    vertices = np.concatenate([*crowns, gum])
    faces, uvs, face_uvs = [], [], []
    for k in range(14):
        cell = np.array([k % 7 / 7, 0.5 + (k // 7) / 4])
        faces.append(crown_faces + k * NUM_TOOTH)
        face_uvs.append(crown_face_uvs + k * len(crown_uvs))
        uvs.append(cell + np.array([1 / 7, 0.25]) * (0.05 + 0.9 * crown_uvs))
    faces.append(np.where(gum_faces >= 0, gum_faces + 14 * NUM_TOOTH, -1))
    face_uvs.append(np.where(gum_face_uvs >= 0, gum_face_uvs + 14 * len(crown_uvs), -1))
    uvs.append(gum_uvs * np.array([0.98, 0.46]) + np.array([0.01, 0.01]))
    all_faces, all_uvs, all_face_uvs = np.concatenate(faces), np.concatenate(uvs), np.concatenate(face_uvs)
    if jaw == "lower":
        all_faces, all_face_uvs = reverse(all_faces), reverse(all_face_uvs)
        all_uvs = np.array([1.0, 0.0]) + np.array([-1.0, 1.0]) * all_uvs
    helper = base.group_vertices(f"helper-{jaw}-teeth")
    binding = bind_affine(vertices, base.vertices, helper)
    weights = np.zeros((len(vertices), len(JOINT_NAMES)))
    weights[:, JOINT_NAMES.index("neck" if jaw == "upper" else "jaw")] = 1
    offset = vertices - binding @ base.vertices
    return Part(f"{jaw}_teeth", vertices, all_faces, all_uvs, all_face_uvs, binding, offset, weights)


def crown_heights(num_vertices: int) -> np.ndarray:
    """Per vertex of a teeth part [num_vertices]: 0 at the gum line to 1 at the tooth's edge; -1 on the gum."""
    heights = np.full(num_vertices, -1.0)
    one = np.concatenate([np.repeat(RINGS, NUM_RING), np.ones(16)])
    heights[: 14 * NUM_TOOTH] = np.tile(np.maximum(one, 0), 14)
    return heights


def bind_affine(points: np.ndarray, base_vertices: np.ndarray, helper: np.ndarray) -> sp.csr_matrix:
    """Smallest weights [P, NUM_BASE] that reproduce any affine motion of the helper vertices at `points` [P, 3]."""
    centre = base_vertices[helper].mean(0)
    scale = base_vertices[helper].std()
    homogeneous = np.concatenate([(base_vertices[helper] - centre) / scale, np.ones((len(helper), 1))], 1)
    local = np.concatenate([(points - centre) / scale, np.ones((len(points), 1))], 1)
    dense = local @ np.linalg.pinv(homogeneous)
    rows = np.repeat(np.arange(len(points)), len(helper))
    return sp.csr_matrix((dense.ravel(), (rows, np.tile(helper, len(points)))), (len(points), NUM_BASE))


def follow_lips(identity_basis: np.ndarray, template: np.ndarray, slices: dict[str, slice]) -> np.ndarray:
    """Identity offsets [K, V, 3] whose teeth and tongue shift with the lips' inside, up and forward; slices: part's vertices.

    Lips lie on the incisors in everybody, but the base's helper hardly follows those who have theirs further forward.
    """
    jaws = [np.arange(len(template))[slices[f"{jaw}_teeth"]][: 14 * NUM_TOOTH].reshape(14, -1) for jaw in ("upper", "lower")]
    incisors = np.concatenate([jaw[[0, 1, 7, 8]].ravel() for jaw in jaws])
    incisors = incisors[template[incisors, 2] > np.median(template[incisors, 2])]
    _, lips = cKDTree(template[slices["skin"]]).query(template[incisors])
    apart = identity_basis[:, np.unique(lips)].mean(1) - identity_basis[:, incisors].mean(1)
    basis = identity_basis.copy()
    for part in ("upper_teeth", "lower_teeth", "tongue"):
        basis[:, slices[part], 1:] += apart[:, None, 1:]
    return basis


def fit_arch(base: BaseMesh, jaw: str) -> Arch:
    """Least-squares arch through the helper's outer edge, moved by FORWARD_MM and OCCLUSION_MM."""
    edge = base.vertices[list(HELPER_EDGE[jaw])]
    step = np.linalg.norm(np.diff(edge[:, [0, 2]], axis=0), axis=1)
    s = np.concatenate([[0], np.cumsum(step)])
    forward = 1e-3 * np.interp(1e3 * s, FORWARD_AT_MM, FORWARD_MM[jaw])[:, None]
    tangent = np.gradient(edge[:, [0, 2]], s, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    outer = edge[:, [0, 2]] + forward * np.stack([-tangent[:, 1], tangent[:, 0]], 1)
    x = np.linalg.lstsq(np.stack([s, s**3, s**5], 1), outer[:, 0], rcond=None)[0]
    z = np.linalg.lstsq(np.stack([np.ones_like(s), s**2, s**4], 1), outer[:, 1], rcond=None)[0]
    both = np.concatenate([base.vertices[list(HELPER_EDGE[j])] for j in ("upper", "lower")])
    slope, level = np.polyfit(both[:, 2], both[:, 1], 1)
    z0 = float(outer[0, 1])
    return Arch(jaw, x, z, float(level + slope * z0 + OCCLUSION_MM * 1e-3), z0, float(slope))


def tooth_places(jaw: str) -> tuple[np.ndarray, np.ndarray]:
    """Arch lengths of the seven teeth's centres and their distal ends [7] m, from the midline."""
    ends = np.cumsum(WIDTH_MM[jaw]) * 1e-3
    return ends - np.array(WIDTH_MM[jaw]) * 0.5e-3, ends


def edge_levels(arch: Arch, s: np.ndarray) -> np.ndarray:
    """How far the teeth's edges stand beyond the plane of occlusion at |s| [N], m."""
    centres, _ = tooth_places(arch.jaw)
    overbite = OVERBITE_MM[arch.jaw] * 1e-3 * np.clip(1 - np.abs(s) / 0.035, -0.3, 1)
    return np.interp(np.abs(s), centres, np.array(EDGE_MM[arch.jaw]) * 1e-3) + overbite


def section_grid() -> np.ndarray:
    """A rounded square's 4 x 4 grid [16, 2] in [-1, 1]^2: 12 points of the rim, counter-clockwise, then 4 inside."""
    ticks = np.array([-1, -0.42, 0.42, 1.0])
    rim = [(0, 0), (1, 0), (2, 0), (3, 0), (3, 1), (3, 2), (3, 3), (2, 3), (1, 3), (0, 3), (0, 2), (0, 1)]
    grid = np.array([(ticks[i], ticks[j]) for i, j in (*rim, (1, 1), (2, 1), (2, 2), (1, 2))])
    x, y = grid.T
    return np.stack([x * np.sqrt(1 - 0.34 * y**2), y * np.sqrt(1 - 0.34 * x**2)], 1)


def build_crown(arch: Arch, side: int, k: int) -> np.ndarray:
    """Vertices [NUM_TOOTH, 3] m of tooth k (0 central incisor ... 6 second molar), side 1 the subject's left."""
    jaw, kind = arch.jaw, KINDS[k]
    width, height, thickness = (table[jaw][k] * 1e-3 for table in (WIDTH_MM, HEIGHT_MM, THICKNESS_MM))
    centres, _ = tooth_places(jaw)
    rim, inner = np.split(section_grid(), [NUM_RING])
    front = kind in (INCISOR, CANINE)
    ring_width = (0.74, 0.86, 0.99, 1.045)
    ring_depth = (0.80, 1.0, 0.86, 0.56) if front else (0.84, 0.98, 1.0, 0.96)
    ring_face = (-0.10, 0.0, 0.07, 0.03) if front else (-0.10, 0.0, 0.04, -0.02)
    s, b, h = [], [], []
    for t, w, d, face in zip(RINGS, ring_width, ring_depth, ring_face, strict=True):
        taper = 1 - 0.1 * np.maximum(-rim[:, 1], 0)
        s.append(rim[:, 0] * taper * w * width / 2)
        b.append(face * thickness + (rim[:, 1] - 1) * d * thickness / 2)
        h.append(np.full(NUM_RING, t * height))
    cap_s, cap_b, cap_h = cap_shape(kind, rim, inner)
    s.append(cap_s * width / 2)
    b.append(cap_b * thickness)
    h.append(cap_h * height)
    offset_along, offset_out, offset_up = np.concatenate(s), np.concatenate(b), np.concatenate(h) - height
    centre = centres[k]
    level = edge_levels(arch, np.array([centre]))[0]
    tilt = np.radians(4.0 if front and jaw == "upper" else 0.0)
    offset_out = offset_out + offset_up * np.sin(tilt)
    points, normal, up = arch.frame(np.array([side * centre]))
    along = np.cross(up[0], normal[0])
    along *= np.sign(along @ (arch.frame(np.array([side * centre + 1e-4]))[0][0] - points[0]))
    return points[0] + np.outer(offset_along, along) + np.outer(offset_out, normal[0]) + np.outer(offset_up + level, up[0])


def cap_shape(kind: int, rim: np.ndarray, inner: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The crown's top: (along / half width, outwards / thickness, height / height), each [16], rim then inside."""
    points = np.concatenate([rim, inner])
    x, y = points.T
    inside = np.arange(16) >= NUM_RING
    if kind in (INCISOR, CANINE):
        along = x * np.where(inside, 0.96, 1.0)
        outwards = -0.10 + 0.5 * (y - 1) * np.where(inside, 0.22, 0.30) - 0.02
        top = np.where(inside, 1.0, 0.955) - (0.045 if kind == INCISOR else 0.2) * np.abs(x) ** (4 if kind == INCISOR else 1.3)
        return along, outwards, top
    along = x * np.where(inside, 0.85, 0.9)
    outwards = -0.5 + 0.5 * y * np.where(inside, 0.8, 0.86)
    if kind == MOLAR:
        cusp = np.abs(x * y) > 0.3
        top = np.where(inside, 0.80, np.where(cusp, 1.0, 0.88))
    else:
        cusp = (np.abs(x) < 0.6) & (np.abs(y) > 0.6)
        top = np.where(inside, 0.84, np.where(cusp, np.where(y > 0, 1.0, 0.94), 0.87))
    return along, outwards, top


def crown_topology() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Faces [F, 4] of one crown, chart points [NUM_TOOTH, 2] in [0, 1]^2 and face_uvs: rings around the top, unrolled."""
    n, num_rings = NUM_RING, len(RINGS)
    j, j_next = np.arange(n), (np.arange(n) + 1) % n
    faces = [np.stack([r * n + j, r * n + j_next, (r + 1) * n + j_next, (r + 1) * n + j], 1) for r in range(num_rings)]
    top = num_rings * n
    a, b, c, d = top + n + np.arange(4)
    rim = top + np.arange(n)
    faces.append(np.array([
        [rim[0], rim[1], a, rim[11]], [rim[1], rim[2], b, a], [rim[2], rim[3], rim[4], b],
        [rim[11], a, d, rim[10]], [a, b, c, d], [b, rim[4], rim[5], c],
        [rim[10], d, rim[8], rim[9]], [d, c, rim[7], rim[8]], [c, rim[5], rim[6], rim[7]],
    ]))  # fmt: skip
    grid = section_grid()
    angle = np.arctan2(grid[:n, 1], grid[:n, 0])
    circle = np.stack([np.cos(angle), np.sin(angle)], 1)
    radii = (0.5, 0.42, 0.33, 0.235)
    uvs = [0.5 + r * circle for r in radii] + [0.5 + 0.145 * circle, 0.5 + 0.062 * np.sign(grid[n:])]
    faces = np.concatenate(faces)
    return faces, np.concatenate(uvs), faces


def build_gum(arch: Arch) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The gum: a strip from the outer fold over the scalloped margin to the inner side; the upper one closes as a palate.

    Returns vertices [P, 3] m, faces [F, 4], uvs [U, 2] in [0, 1]^2, face_uvs [F, 4].
    """
    jaw = arch.jaw
    s, thickness, height, papilla = gum_columns(jaw)
    level = edge_levels(arch, s) - height
    margin = 2.4e-3 * papilla
    inward = 0.5e-3 * papilla
    zero = np.zeros_like(s)
    rows = [
        (zero + 0.2e-3, zero - 8.5e-3),
        (zero + 1.0e-3, zero - 4.5e-3),
        (0.9e-3 - inward, zero - 1.2e-3 + 0.6 * margin),
        (-0.1e-3 - 2.0 * inward, 0.35e-3 + margin),
        (-thickness + 0.1e-3 + 2.0 * inward, 0.35e-3 + margin),
        (-thickness - 0.9e-3 + inward, zero - 1.4e-3 + 0.5 * margin),
        (-thickness - 2.6e-3, zero - 5.0e-3),
    ]
    points, normal, up = arch.frame(s)
    strip = np.stack([points + b[:, None] * normal + (level + h)[:, None] * up for b, h in rows])
    num_rows, n = strip.shape[:2]
    vertices = [strip.reshape(-1, 3)]
    index = np.arange(num_rows * n).reshape(num_rows, n)
    grid_u = np.linspace(0, 1, n)
    row_v = np.array([0, 0.13, 0.27, 0.36, 0.50, 0.6, 0.72])
    uvs = [np.stack([np.tile(grid_u, num_rows), np.repeat(row_v, n)], 1)]
    faces = [quad_grid(index)]
    face_uvs = [quad_grid(index)]
    if jaw == "upper":
        palate, palate_faces, palate_face_uvs, palate_uvs = build_palate(strip[-1], index[-1], up[0], len(uvs[0]))
        vertices.append(palate)
        faces.append(palate_faces)
        uvs.append(palate_uvs)
        face_uvs.append(palate_face_uvs)
    return np.concatenate(vertices), np.concatenate(faces), np.concatenate(uvs), np.concatenate(face_uvs)


def build_palate(
    edge: np.ndarray, edge_index: np.ndarray, down: np.ndarray, first_uv: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The vault between the gum's two inner edges [n, 3], joined in pairs that meet in front; three rows between."""
    half = len(edge) // 2
    left, right = edge[half:][::-1], edge[: half + 1]
    span = np.linalg.norm(left - right, axis=1, keepdims=True)
    rows, start = [], edge_index.max() + 1
    indices = [edge_index[: half + 1]]
    for k, share in enumerate((0.2, 0.5, 0.8)):
        lift = 0.16 * (4 * share * (1 - share)) ** 0.7 * span
        rows.append((right + share * (left - right) - lift * down)[:half])
        indices.append(np.append(start + k * half + np.arange(half), edge_index[half]))
    indices.append(edge_index[half:][::-1])
    v = (0.76, 0.82, 0.88, 0.94, 1.0)
    uvs = np.stack([np.tile(np.linspace(0.02, 0.98, half + 1), 5), np.repeat(v, half + 1)], 1)
    uv_index = first_uv + np.arange(5 * (half + 1)).reshape(5, half + 1)
    faces = [close_front(a, b) for a, b in pairwise(indices)]
    face_uvs = [close_front(a, b) for a, b in pairwise(uv_index)]
    return np.concatenate(rows), np.concatenate(faces), np.concatenate(face_uvs), uvs


def close_front(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Quads [n - 1, 4] between two rows of n indices; the last one is a triangle (the rows meet there)."""
    quads = np.stack([a[:-1], a[1:], b[1:], b[:-1]], 1)
    quads[-1] = [a[-2], a[-1], b[-2], -1]
    return quads


def quad_grid(index: np.ndarray) -> np.ndarray:
    """Quads between the rows of a grid of indices [R, C]."""
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    return np.stack([a, b, c, d], -1).reshape(-1, 4)


def reverse(faces: np.ndarray) -> np.ndarray:
    """Faces [F, 4] with the other side out; padding stays last."""
    triangle = faces[:, 3] < 0
    out = faces[:, ::-1].copy()
    out[triangle] = np.concatenate([faces[triangle, 2::-1], faces[triangle, 3:]], 1)
    return out


def gum_columns(jaw: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Arch lengths of the gum's columns [C] m, tooth thickness and crown height there, and papilla (0 mid-tooth, 1 between)."""
    centres, ends = tooth_places(jaw)
    starts = np.concatenate([[0], ends[:-1]])
    share = np.arange(COLUMNS_PER_TOOTH) / COLUMNS_PER_TOOTH
    right = np.concatenate([a + (b - a) * share for a, b in zip(starts, ends, strict=True)])
    right = np.concatenate([right, [ends[-1], ends[-1] + 1.5e-3]])
    papilla = np.abs(np.tile(2 * share - 1, 7)) ** 1.8
    papilla *= np.repeat([1.0, 0.95, 0.9, 0.75, 0.65, 0.5, 0.4], COLUMNS_PER_TOOTH)
    papilla = np.concatenate([papilla, [0.3, -0.3]])
    thickness = np.interp(right, centres, np.array(THICKNESS_MM[jaw]) * 1e-3)
    thickness[-1] *= 0.8
    height = np.interp(right, centres, np.array(HEIGHT_MM[jaw]) * 1e-3)
    mirrored = [np.concatenate([sign * a[:0:-1], a]) for a, sign in ((right, -1), (thickness, 1), (height, 1), (papilla, 1))]
    return tuple(mirrored)
