"""The default albedo of the head, painted on its atlas, and the label map of the atlas' parts. No light is baked in.

Rule: every colour is a measured or published one, varied by fields of the 3D template (so nothing shows a seam); skin is
melanin and blood in optical density. Source: docs/ANTHROPOMETRY, B4, B5, E (skin model fitted to ISSA, CC BY 4.0, Lu et al. 2025;
gum, enamel and tongue colours; regional pigment).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw
from scipy.interpolate import LinearNDInterpolator
from scipy.ndimage import gaussian_filter, map_coordinates

from .eyes import IRIS_RADIUS, PUPIL_RADIUS
from .lashes import MARGIN_EDGE
from .parts import EYE_RADIUS, PART_NAMES, Layout, Part, Skin
from .teeth import crown_heights
from .texels import Texels, fill_gaps, find_texels
from .topology import QuadMesh
from .uv import EYE_RING, MARGIN_PX, mirror_twins, smooth_step, split_skin

LABELS = (*PART_NAMES, "mouth_bag", "socket")
"""Meaning of the values in the texture 'parts'; NO_LABEL elsewhere."""
NO_LABEL = 255

BASE_DENSITY = np.array([0.649, 1.062, 1.108])
MELANIN = np.array([0.583, 1.000, 2.256])
MELANIN_SATURATION = 0.308
BLOOD = np.array([0.10, 0.44, 0.415])
DEOXYGENATION = np.array([0.045, 0.007, 0.010])
MEAN_MELANIN = 0.55
"""Optical load of a mid-tone skin (ITA about 27 degrees)."""

ENAMEL_LAB, GUM_LAB, TONGUE_LAB = (81.0, 1.2, 11.0), (52.9, 23.3, 14.9), (53.0, 25.0, 11.0)
"""Enamel one SD lighter than its published mean (73.5, SD 7.6, over a dark ground): in the lips' shadow the mean looks grey."""
LIP_LAB, MUCOSA_LAB, CONJUNCTIVA_LAB, SCLERA_LAB = (48.0, 20.0, 13.8), (44.0, 26.0, 14.0), (60.0, 18.0, 12.5), (79.0, 2.5, 6.5)
LIP_SHARE = 0.85
"""How much of the lip's own colour covers the skin's."""
LASH_RGB = np.array([0.012, 0.009, 0.007])
IRIS_RGB = np.array([0.105, 0.055, 0.028])
"""Linear RGB of the mean iris: mid-brown, so that it can be tinted either way."""
BROW_PX_PER_M = 20_000
BROW_DENSITY = np.array([1.25, 1.4, 1.5])
"""Optical density of the brows' hairs over the skin where they stand thickest."""
LIP_RINGS = (
    (537, 7282), (520, 7267), (474, 7229), (468, 7224), (509, 7257), (467, 7223), (466, 7222), (455, 7214), (362, 7118),
)  # fmt: skip
"""Two neighbours of each edge loop around the mouth, from inside the lips outwards; the red lies between VERMILION."""
VERMILION = (2.0, 6.45)
NOSE_TIP, CHIN_POINT = 297, 5162


def paint_base_textures(skin: Skin, parts: Sequence[Part], layout: Layout, size: int = 2048) -> dict[str, np.ndarray]:
    """'albedo' [size, size, 3] sRGB, 'parts' [size, size] of LABELS (dilated by the margin), 'iris' [size, size] mask; uint8.

    parts in PART_NAMES' order. The albedo is filled to the last texel, so no mip level can bleed.
    """
    mesh = join_mesh(skin, parts)
    texels = find_texels(layout.uvs, layout.face_uvs, size)
    labels = mesh.labels[texels.faces]
    position = texels.interpolate(mesh.vertices, mesh.faces)
    linear = np.zeros((len(labels), 3))
    iris = np.zeros(len(labels))
    noise = Noise(np.random.default_rng(5))
    is_skin = (labels == 0) | (labels >= len(PART_NAMES))
    places = face_places(skin, parts[0].vertices[0] - parts[0].offset[0])
    linear[is_skin] = paint_skin(skin, places, texels, is_skin, position[is_skin], noise)
    for number, part in enumerate(parts, 1):
        at = labels == number
        here, shift = texels_of(texels, at), (mesh.first_face[number], len(mesh.faces))
        chart = here.interpolate(part.uvs, shifted_faces(part.face_uvs, *shift))
        local = here.interpolate(part.offset, shifted_faces(part.faces, *shift))
        if part.name.endswith("_eye"):
            linear[at], iris[at] = paint_eye(local, chart, noise)
        elif part.name.endswith("_cornea"):
            linear[at] = 0.9
        elif part.name.endswith("_teeth"):
            crown = here.interpolate(crown_heights(len(part.vertices)), shifted_faces(part.faces, *shift))
            linear[at] = paint_teeth(crown, position[at], chart, noise)
        elif part.name == "tongue":
            linear[at] = paint_tongue(position[at], noise)
        else:
            linear[at] = LASH_RGB
    covered = texels.image(np.ones(len(labels), bool), False)
    albedo = fill_gaps(texels.image(np.rint(255 * linear_to_srgb(np.clip(linear, 0, 1))).astype(np.uint8)), covered)
    parts_map = fill_gaps(texels.image(labels.astype(np.uint8), NO_LABEL), covered, MARGIN_PX)
    iris_mask = fill_gaps(texels.image(np.rint(255 * iris).astype(np.uint8)), covered, MARGIN_PX)
    return {"albedo": albedo, "parts": parts_map, "iris": iris_mask}


@dataclass(frozen=True)
class Joined:
    """All parts as one mesh: vertices [V, 3], faces [F, 4], labels [F] into LABELS, first_face of each part."""

    vertices: np.ndarray
    faces: np.ndarray
    labels: np.ndarray
    first_face: list[int]


def join_mesh(skin: Skin, parts: Sequence[Part]) -> Joined:
    """Skin and parts as one mesh, faces labelled by LABELS, with the first face of each piece."""
    _, inner = split_skin(skin, mirror_twins(skin.vertices))
    skin_labels = np.zeros(len(skin.faces), int)
    for name, mask in inner.items():
        skin_labels[mask] = LABELS.index("mouth_bag" if name == "mouth_bag" else "socket")
    vertices, faces, labels, first = [skin.vertices], [skin.faces], [skin_labels], [0]
    count, start = len(skin.faces), len(skin.vertices)
    for number, part in enumerate(parts, 1):
        vertices.append(part.vertices)
        faces.append(np.where(part.faces >= 0, part.faces + start, -1))
        labels.append(np.full(len(part.faces), number))
        first.append(count)
        count += len(part.faces)
        start += len(part.vertices)
    return Joined(np.concatenate(vertices), np.concatenate(faces), np.concatenate(labels), first)


def texels_of(texels: Texels, mask: np.ndarray) -> Texels:
    """Only the texels in `mask` [N]."""
    return Texels(
        texels.size, texels.rows[mask], texels.columns[mask], texels.faces[mask], texels.corners[mask], texels.weights[mask], 0
    )


def shifted_faces(faces: np.ndarray, first: int, count: int) -> np.ndarray:
    """A part's faces [F, 4] at their places in the whole head's list [count, 4] (zeros elsewhere)."""
    out = np.zeros((count, 4), int)
    out[first : first + len(faces)] = faces
    return out


class Noise:
    """Smooth random fields in space: volumes of filtered noise, tiled, read by position."""

    def __init__(self, rng: np.random.Generator) -> None:
        volume = gaussian_filter(rng.normal(size=(64, 64, 64)), 1.2, mode="wrap")
        self.volume = volume / volume.std()

    def __call__(self, position: np.ndarray, length: float, octaves: int = 3, gain: float = 0.6) -> np.ndarray:
        """Field [N] of unit variance at positions [N, 3] m whose coarsest blobs are about `length` m wide."""
        total, power = np.zeros(len(position)), 0.0
        for octave in range(octaves):
            at = position.T * (2.5 * 2**octave / length) + 17.0 * (octave + 1)
            total += gain**octave * map_coordinates(self.volume, at, order=1, mode="grid-wrap")
            power += gain ** (2 * octave)
        return total / np.sqrt(power)


def skin_rgb(melanin: np.ndarray, blood: np.ndarray, deoxygenation: np.ndarray) -> np.ndarray:
    """Linear sRGB albedo [N, 3] from melanin load, log blood ratio and deoxygenation [N] (ANTHROPOMETRY E)."""
    load = melanin[:, None] * MELANIN
    density = BASE_DENSITY + load / (1 + MELANIN_SATURATION * load)
    return np.exp(-density - blood[:, None] * BLOOD - deoxygenation[:, None] * DEOXYGENATION)


def lab_to_linear(lab: Sequence[float] | np.ndarray) -> np.ndarray:
    """CIELAB (D65) [..., 3] -> linear sRGB [..., 3]."""
    lab = np.asarray(lab, float)
    y = (lab[..., 0] + 16) / 116
    f = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], -1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * np.array([0.95047, 1.0, 1.08883])
    matrix = np.array([[3.2404542, -1.5371385, -0.4985314], [-0.969266, 1.8760108, 0.041556], [0.0556434, -0.2040259, 1.0572252]])
    return np.clip(xyz @ matrix.T, 0, 1)


def linear_to_srgb(linear: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)


def paint_skin(
    skin: Skin, landmark: dict[str, np.ndarray], texels: Texels, mask: np.ndarray, position: np.ndarray, noise: Noise
) -> np.ndarray:
    """Linear colours [N, 3] of the skin's texels (`mask` of all): sheet, mouth bag and sockets."""
    here = texels_of(texels, mask)
    brows = skin.regions["brow_left"] + skin.regions["brow_right"]
    masks = [skin.regions["forehead"], skin.regions["scalp"], brows]
    fields = np.stack([lip_rings(skin), *inner_skin(skin).T, lid_margin(skin), *masks], 1)
    ring, bag, socket, wet, forehead, scalp, brow = here.interpolate(fields, skin.faces).T
    side = np.abs(position) * np.array([1.0, 0, 0]) + position * np.array([0, 1.0, 1.0])
    nose = blob(side, landmark["nose"], (0.013, 0.012, 0.016)) + 0.8 * blob(side, landmark["ala"], (0.007, 0.008, 0.009))
    cheek = blob(side, landmark["cheek"], (0.021, 0.017, 0.03))
    chin = blob(side, landmark["chin"], (0.018, 0.013, 0.02))
    ear = smooth_step((side[:, 0] - 0.072) / 0.012) * blob(side, landmark["ear"], (0.03, 0.035, 0.03))
    lid_distance = np.linalg.norm((side - landmark["eye"]) * np.array([0.85, 1.15, 1.0]), axis=1)
    lid = 1 - smooth_step((lid_distance - 0.0135) / 0.013)
    under_eye = blob(side, landmark["eye"] + np.array([-0.005, -0.017, 0.0]), (0.014, 0.006, 0.02))
    neck = smooth_step((landmark["chin"][1] - 0.012 - position[:, 1]) / 0.03)
    coarse, fine = noise(position, 0.016), noise(position, 0.0032, 2)
    melanin = MEAN_MELANIN * np.exp(
        0.14 * forehead + 0.12 * lid + 0.10 * under_eye + 0.05 * nose + 0.05 * chin - 0.1 * cheek + 0.1 * scalp + 0.1 * neck
        + 0.03 * coarse + 0.03 * fine
    )  # fmt: skip
    blood = 0.34 * nose + 0.36 * cheek + 0.18 * chin + 0.42 * np.minimum(ear, 1) + 0.16 * lid - 0.14 * neck - 0.1 * scalp
    blood += 0.05 * coarse + 0.05 * noise(position + 0.5, 0.0045, 2)
    colour = skin_rgb(melanin, blood, 0.5 * under_eye + 0.3 * lid)
    colour *= np.exp(-brow_density(skin, side, landmark["eye"], brow)[:, None] * BROW_DENSITY)
    wrinkle = noise(position * np.array([2.2, 0.5, 1.0]), 0.004, 2)
    lip = lab_to_linear(LIP_LAB) * np.exp(0.07 * coarse + 0.06 * wrinkle)[:, None]
    edge = ring + 0.12 * coarse
    on_lip = LIP_SHARE * smooth_step((VERMILION[1] + 0.55 - edge) / 1.1)
    colour += on_lip[:, None] * (lip - colour)
    mucosa = lab_to_linear(MUCOSA_LAB) * np.exp(0.06 * fine)[:, None]
    inside = np.maximum(bag, smooth_step((VERMILION[0] + 0.6 - ring) / 1.2))
    colour += inside[:, None] * (mucosa - colour)
    wet = np.maximum(socket, 0.8 * smooth_step(wet))
    colour += wet[:, None] * (lab_to_linear(CONJUNCTIVA_LAB) - colour)
    return colour


def brow_chart(skin: Skin, eye: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The left brow's hairs drawn as seen from the front: density [H, W] in [0, 1], row 0 lowest, and its lower left corner [2].

    Hairs stand upright over the inner corner, lie outwards along the arch and down at the tail.
    """
    rng = np.random.default_rng(3)
    near = np.flatnonzero((np.linalg.norm(skin.vertices - eye, axis=1) < 0.05) & (skin.vertices[:, 2] > eye[2] - 0.012))
    mask = LinearNDInterpolator(skin.vertices[near, :2], skin.regions["brow_left"][near], fill_value=0.0)
    corner = eye[:2] + np.array([-0.032, 0.002])
    picture = Image.new("L", (round(0.064 * BROW_PX_PER_M), round(0.034 * BROW_PX_PER_M)), 0)
    draw = ImageDraw.Draw(picture)
    roots = corner + rng.uniform(size=(9000, 2)) * np.array([0.064, 0.034])
    roots = roots[mask(roots) > rng.uniform(0.3, 1.1, len(roots))]
    for root in roots:
        share = np.clip((root[0] - eye[0] + 0.018) / 0.040, 0, 1)
        height = 1000 * (root[1] - eye[1])
        lean = np.radians(78 - 96 * share**0.6 + 7 * rng.normal()) - 0.03 * (height - 20) * share
        length = rng.uniform(0.0035, 0.0062) * (0.75 + 0.4 * np.sin(np.pi * share))
        bend = np.radians(rng.normal(-14, 8)) * (1 - 0.5 * share)
        angles = lean + bend * np.linspace(0, 1, 5)
        steps = length / 5 * np.stack([np.cos(angles), np.sin(angles)], 1)
        line = (np.concatenate([[root], root + np.cumsum(steps, 0)]) - corner) * BROW_PX_PER_M
        shade = rng.integers(120, 256)
        for k, (a, b) in enumerate(pairwise(map(tuple, line))):
            draw.line([a, b], fill=int(shade * (1 - 0.12 * k)), width=3 if k < 3 else 2)
    hairs = gaussian_filter(np.asarray(picture, float) / 255, 1.2)
    return np.clip(hairs, 0, 1), corner


def brow_density(skin: Skin, side: np.ndarray, eye: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Density of the brows' hairs [N] in [0, 1] at positions [N, 3] m folded onto the left side; mask [N]: the brow's region."""
    hairs, corner = brow_chart(skin, eye)
    at = np.flatnonzero((np.abs(side[:, 1] - eye[1] - 0.02) < 0.022) & (side[:, 2] > eye[2] - 0.012))
    out = 0.16 * smooth_step(mask)
    pixel = (side[at, :2] - corner) * BROW_PX_PER_M - 0.5
    out[at] += 0.84 * map_coordinates(hairs, pixel[:, ::-1].T, order=1, mode="constant")
    return np.clip(out, 0, 1)


def face_places(skin: Skin, left_eye: np.ndarray) -> dict[str, np.ndarray]:
    """Places [3] m on the left half that the skin's fields refer to."""
    vertices = skin.vertices
    nose, chin = (vertices[np.searchsorted(skin.base_indices, index)] for index in (NOSE_TIP, CHIN_POINT))
    ear = vertices[np.argmax(np.where(vertices[:, 1] > chin[1] + 0.03, vertices[:, 0], -1))]
    wished = np.array([left_eye[0] + 0.012, left_eye[1] - 0.038])
    front = np.flatnonzero(vertices[:, 2] > left_eye[2] - 0.02)
    cheek = vertices[front[np.argmin(np.linalg.norm(vertices[front, :2] - wished, axis=1))]]
    ala = nose + np.array([0.0165, -0.003, -0.019])
    return {"nose": nose, "chin": chin, "ear": ear, "cheek": cheek, "ala": ala, "eye": left_eye}


def lip_rings(skin: Skin) -> np.ndarray:
    """Per vertex [S] the number of its ring around the mouth in LIP_RINGS; -1 within, one more than the last outside."""
    mesh = QuadMesh(skin.faces)
    number = np.full(len(skin.vertices), float(len(LIP_RINGS)))
    for k, pair in enumerate(LIP_RINGS):
        number[mesh.edge_loop(*np.searchsorted(skin.base_indices, pair).tolist())] = k
    number[inner_skin(skin)[:, 0] > 0] = -1
    return number


def lid_margin(skin: Skin) -> np.ndarray:
    """1 on the inner edge of the lid margins, a little on their front edge, [S]."""
    mesh = QuadMesh(skin.faces)
    out = np.zeros(len(skin.vertices))
    for pair, value in ((MARGIN_EDGE, 0.3), (EYE_RING, 1.0)):
        out[mesh.edge_loop(*np.searchsorted(skin.base_indices, pair).tolist())] = value
    return np.maximum(out, out[mirror_twins(skin.vertices)])


def inner_skin(skin: Skin) -> np.ndarray:
    """1 on the vertices of the mouth bag and of the sockets, [S, 2]."""
    _, inner = split_skin(skin, mirror_twins(skin.vertices))
    out = np.zeros((len(skin.vertices), 2))
    for name, mask in inner.items():
        out[np.unique(skin.faces[mask]), 0 if name == "mouth_bag" else 1] = 1
    return out


def blob(position: np.ndarray, centre: np.ndarray, radii: tuple[float, float, float]) -> np.ndarray:
    """A Gaussian bump [N] at `centre` [3] with standard deviations of .6 `radii`, m."""
    return np.exp(-0.5 * np.sum(((position - centre) / (0.6 * np.array(radii))) ** 2, 1) / 1.5)


def paint_eye(local: np.ndarray, chart: np.ndarray, noise: Noise) -> tuple[np.ndarray, np.ndarray]:
    """Linear colours [N, 3] and the iris mask [N] at points about the eye's centre [N, 3] m, chart [N, 2] in [0, 1]^2."""
    distance = np.linalg.norm(local[:, :2], axis=1)
    phi = np.arctan2(local[:, 1], local[:, 0])
    front = local[:, 2] > 0
    radius = np.where(front, distance, EYE_RADIUS) / IRIS_RADIUS
    pupil = PUPIL_RADIUS / IRIS_RADIUS
    depth = np.clip((radius - pupil) / (1 - pupil), 0, 1)
    fibres = iris_fibres(phi, depth)
    collarette = np.exp(-(((depth - 0.33 - 0.03 * np.sin(5 * phi)) / 0.09) ** 2))
    rim = smooth_step((depth - 0.80) / 0.22)
    shade = 1.02 + 0.40 * fibres + 0.42 * collarette + 0.30 * np.exp(-(((depth - 0.6) / 0.22) ** 2))
    shade -= 0.35 * np.exp(-((depth / 0.07) ** 2))
    shade *= 1 + 0.08 * noise(local + 0.3, 0.0025, 2)
    iris = IRIS_RGB * np.maximum(shade, 0.25)[:, None]
    iris *= np.array([1.0, 0.94, 0.9]) ** (2.0 * collarette - 0.8)[:, None]
    iris *= (1 - 0.78 * rim)[:, None]
    sclera = lab_to_linear(SCLERA_LAB) * np.exp(0.025 * noise(local, 0.006, 2))[:, None]
    angle = np.arccos(np.clip(local[:, 2] / np.maximum(np.linalg.norm(local, axis=1), 1e-9), -1, 1))
    redness = smooth_step((np.degrees(angle) - 38) / 60)
    sclera *= np.exp(-redness[:, None] * np.array([0.04, 0.16, 0.15]))
    sclera *= np.exp(-0.75 * read_chart(vessel_chart(), chart)[:, None] * np.array([0.12, 0.62, 0.55]))
    limbus = smooth_step((radius - 0.955) / 0.115)[:, None]
    halo = np.exp(-((np.maximum(radius - 1.0, 0) / 0.09) ** 2))[:, None]
    sclera *= np.exp(-0.22 * halo * np.array([1.0, 0.95, 0.85]))
    colour = iris + limbus * (sclera - iris)
    black = 1 - smooth_step((radius - pupil + 0.012) / 0.03)
    colour += black[:, None] * (0.002 - colour)
    return colour, (1 - limbus[:, 0]) * (1 - black)


def iris_fibres(phi: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Radial fibres of about unit range at angles phi [N] and depths [N] (0 pupil, 1 limbus): many drifting waves."""
    rng = np.random.default_rng(11)
    total = np.zeros_like(phi)
    for _ in range(46):
        frequency = int(rng.integers(14, 110))
        drift, phase, swirl = rng.normal(0, 3.0), rng.uniform(0, 2 * np.pi), rng.normal(0, 1.2)
        centre, width = rng.uniform(0.0, 1.0), rng.uniform(0.25, 0.7)
        envelope = np.exp(-(((depth - centre) / width) ** 2))
        wave = np.cos(frequency * phi + drift * depth + swirl * np.sin(3 * phi + phase) + phase)
        total += envelope * wave * (30 / frequency) ** 0.35
    return np.clip(total / 5.0, -1.2, 1.6)


def vessel_chart(size: int = 1024) -> np.ndarray:
    """Conjunctival vessels on the eye's chart [size, size] in [0, 1], row 0 at v = 0: branching walks towards the limbus."""
    rng = np.random.default_rng(23)
    picture = Image.new("L", (size, size), 0)
    draw = ImageDraw.Draw(picture)
    for _ in range(70):
        grow_vessel(draw, size, rng, rng.uniform(0, 2 * np.pi), 0.47, rng.uniform(0.23, 0.34), 2.4, 2)
    return gaussian_filter(np.asarray(picture, float) / 255, 0.9)


def grow_vessel(
    draw: ImageDraw.ImageDraw, size: int, rng: np.random.Generator,
    angle: float, start: float, stop: float, width: float, depth: int,
) -> None:  # fmt: skip
    """One wandering line inwards from chart radius `start` to `stop`, thinning, with branches."""
    radius, heading = start, rng.normal(0, 0.25)
    while radius > stop:
        share = (radius - stop) / max(start - stop, 1e-6)
        new_radius = radius - 0.0045
        heading = 0.86 * heading + rng.normal(0, 0.32)
        new_angle = angle + 0.0055 * heading / radius
        walk = ((radius, angle), (new_radius, new_angle))
        ends = [(size * (0.5 + r * np.cos(a)), size * (0.5 + r * np.sin(a))) for r, a in walk]
        draw.line(ends, fill=int(255 * (0.25 + 0.55 * share)), width=max(1, round(width * (0.4 + 0.6 * share))))
        radius, angle = new_radius, new_angle
        if depth and rng.uniform() < 0.035:
            grow_vessel(draw, size, rng, angle, radius, max(stop, radius - rng.uniform(0.03, 0.12)), 0.7 * width, depth - 1)


def read_chart(image: np.ndarray, chart: np.ndarray) -> np.ndarray:
    """Bilinear samples [N] of an image [size, size] (row 0 at v = 0) at chart points [N, 2]."""
    return map_coordinates(image, chart[:, ::-1].T * image.shape[0] - 0.5, order=1, mode="nearest")


def paint_teeth(crown: np.ndarray, position: np.ndarray, chart: np.ndarray, noise: Noise) -> np.ndarray:
    """Linear colours [N, 3]; crown [N]: -1 on the gum, 0 at the neck of a tooth ... 1 at its edge."""
    coarse, fine = noise(position, 0.009), noise(position, 0.0014, 2)
    height = np.clip(crown, 0, 1)
    lab = np.array(ENAMEL_LAB) + np.outer(1 - smooth_step(height / 0.55), [-2.5, 1.2, 4.0])
    lab = lab + np.outer(smooth_step((height - 0.72) / 0.28), [-1.0, -1.2, -3.0]) + np.outer(coarse, [0.9, 0.1, 0.6])
    enamel = lab_to_linear(lab)
    enamel *= np.exp(-0.5 * np.exp(-((height / 0.05) ** 2)))[:, None]
    gum_lab = np.array(GUM_LAB) + np.outer(coarse, [1.6, -0.8, 0.2]) + np.outer(fine, [1.0, -0.4, 0.0])
    sulcus = 1 - smooth_step(chart[:, 1] / 0.07)
    gum_lab += np.outer(sulcus, [-6.0, 5.0, 2.0])
    return np.where((crown > -0.5)[:, None], enamel, lab_to_linear(gum_lab))


def paint_tongue(position: np.ndarray, noise: Noise) -> np.ndarray:
    """Linear colours [N, 3]: papillae, a paler coat on the middle of the back, a darker groove."""
    papillae, coarse = noise(position, 0.0016, 2), noise(position, 0.010)
    lab = np.array(TONGUE_LAB) + np.outer(papillae, [2.2, -1.0, 0.0]) + np.outer(coarse, [1.5, -0.8, 0.4])
    coat = np.exp(-((position[:, 0] / 0.013) ** 2))
    groove = np.exp(-((position[:, 0] / 0.0012) ** 2))
    return lab_to_linear(lab + np.outer(coat, [3.0, -5.0, 1.0]) + np.outer(groove, [-4.0, 1.0, 0.0]))
