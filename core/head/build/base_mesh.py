"""From MakeHuman's raw mesh to metrically correct adult heads: what is kept, the scale, the alignment, the eyes.

Rule: one function, `correct`, takes raw heads (any person, any face unit) to metric ones; targets and units are corrected by
passing base + offset through it and subtracting.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .blink import close_lids, even_lids, split_ring
from .eye_region import EyeRegion, find_eye_region, fit_eye
from .identity import align_rigidly
from .lips import find_lips, seal_lips
from .measures import BASE_POINTS, ENDOCANTHION, EXOCANTHION, HEAD_POINTS, SELLION, SUBNASALE, find_rulers, measure_mm
from .parts import NUM_BASE, BaseMesh
from .sampler import Sampler
from .topology import QuadMesh
from .wheel_data import SourceData, read_wheel

NECK_LOOP = (1491, 1492)
"""Two neighbouring vertices of the quad loop at the neck's base where the head is cut."""
CROWN = 881
LID_MARGIN = (13352, 13353)
"""Two neighbours of the ring along the back edge of the left lids' margin; SOCKET is a vertex behind it."""
SOCKET = 7799
LID_FRONT_EDGE = (6784, 6785)
HEAD_LOWEST_DM = 4.9
"""Base vertices above this height (base.obj) are carried along: the head, its helpers and joint cubes."""
SCALE = np.array([1.057, 1.065, 1.010])
"""Metric size over MakeHuman's, along x, y, z: ANSUR II's head breadth, face and head height, head length."""
SELLION_PLACE = np.array([0, 0.010, 0.096])
"""Where the mean head's sellion is put, m: the origin is then the middle of the head, between the ears."""
NUM_REFERENCE = 400
"""People of whose mean the alignment's reference is made."""
EYE_ATTACHMENTS = ("joint-{}-eye", "joint-{}-upperlid", "joint-{}-lowerlid", "helper-{}-eyelashes-1", "helper-{}-eyelashes-2")


@dataclass(frozen=True)
class HeadTopology:
    """skin [S] sorted base indices of the kept skin; head_quads [H] indices into quads; neck_loop: base indices of the cut;
    carried [C] sorted base indices that heads [C, 3] are made of; mirror [C] rows of the other side; skin_rows [S] rows of
    skin."""

    skin: np.ndarray
    head_quads: np.ndarray
    neck_loop: np.ndarray
    carried: np.ndarray
    mirror: np.ndarray
    skin_rows: np.ndarray

    def rows(self, base_indices: np.ndarray | int) -> np.ndarray:
        """Rows of base vertices among the carried ones."""
        return np.searchsorted(self.carried, base_indices)

    def on_base(self, head: np.ndarray) -> np.ndarray:
        """Heads [..., C, 3] -> [..., 19158, 3], zero below the neck."""
        full = np.zeros((*head.shape[:-2], NUM_BASE, 3))
        full[..., self.carried, :] = head
        return full


def find_head(source: SourceData) -> HeadTopology:
    """Cut the body's skin at the neck loop; keep mouth bag and eye sockets."""
    body = source.quads[source.groups["body"]]
    mesh = QuadMesh(body)
    loop = mesh.edge_loop(*NECK_LOOP)
    skin = mesh.flood(CROWN, set(loop))
    inside = np.zeros(NUM_BASE, bool)
    inside[skin] = True
    carried = np.flatnonzero((source.vertices[:, 1] > HEAD_LOWEST_DM) | inside)
    return HeadTopology(
        skin, source.groups["body"][inside[body].all(1)], np.array(loop), carried,
        np.searchsorted(carried, source.mirror[carried]), np.searchsorted(carried, skin),
    )  # fmt: skip


@dataclass(frozen=True)
class Correction:
    """What `correct` needs, found on the mean of many raw people: skull [C] weights, reference [C, 3] m, the two eye regions."""

    skull: np.ndarray
    reference: np.ndarray
    eyes: tuple[EyeRegion, EyeRegion]

    def correct(self, raw_dm: np.ndarray, raw_neutral_dm: np.ndarray | None = None) -> np.ndarray:
        """Raw heads [n, C, 3] dm -> metric heads [n, C, 3] m.

        Each is aligned to the reference on the skull, by raw_neutral_dm [C, 3] when given: an expression must not move the skull.
        """
        heads = raw_dm * (0.1 * SCALE)
        fixed = None if raw_neutral_dm is None else align_rigidly(raw_neutral_dm * (0.1 * SCALE), self.reference, self.skull)
        for head in heads:
            R, t = fixed or align_rigidly(head, self.reference, self.skull)
            head[:] = head @ R.T + t
        for region in self.eyes:
            heads = fit_eye(heads, region)
        return heads


def find_correction(source: SourceData, topology: HeadTopology, raw_dm: np.ndarray) -> Correction:
    """From raw people [n, C, 3] dm: their symmetric mean, aligned on the skull (Procrustes, two rounds)."""
    heads = raw_dm * (0.1 * SCALE)
    reference = heads.mean(0)
    skull = np.zeros(len(reference))
    rows = topology.skin_rows
    skull[rows] = reference[rows, 1] > reference[topology.rows(SUBNASALE), 1]
    skull[rows] *= np.abs(reference[rows, 0]) < 0.074
    for _ in range(2):
        reference = 0.5 * (reference + reference[topology.mirror] * [-1, 1, 1])
        for head in heads:
            R, t = align_rigidly(head, reference, skull)
            head[:] = head @ R.T + t
        reference = heads.mean(0)
    reference = 0.5 * (reference + reference[topology.mirror] * [-1, 1, 1])
    reference += SELLION_PLACE - reference[topology.rows(SELLION)]
    eyes = []
    mesh = QuadMesh(source.quads[topology.head_quads])
    for letter, side in (("l", 1), ("r", -1)):
        names = [name.format(letter) for name in EYE_ATTACHMENTS]
        ring = np.array(mesh.edge_loop(*LID_MARGIN))
        socket = mesh.flood(SOCKET, set(ring.tolist()))
        if side < 0:
            ring, socket = source.mirror[ring], source.mirror[socket]
        attached = np.unique(np.concatenate([source.quads[source.groups[name]].ravel() for name in names]))
        ball = np.unique(source.quads[source.groups[f"helper-{letter}-eye"]])
        ball, ring, socket, attached = (topology.rows(indices) for indices in (ball, ring, socket, attached))
        eyes.append(find_eye_region(reference, ball, ring, socket, attached, side))
    return Correction(skull, reference, (eyes[0], eyes[1]))


@dataclass(frozen=True)
class Finish:
    """From raw heads to the people of the identity space: corrected, lips sealed, lids evened. lips: see find_lips, as rows;
    lids: (upper, lower) rows of each eye's margins; mean [C, 3] m: the head that lids are compared with."""

    correction: Correction
    lips: list[tuple[np.ndarray, np.ndarray, float]]
    lids: tuple[tuple[np.ndarray, np.ndarray], ...]
    mean: np.ndarray

    def apply(self, raw_dm: np.ndarray) -> np.ndarray:
        """Raw heads [n, C, 3] dm -> [n, C, 3] m, float32."""
        people = seal_lips(self.correction.correct(raw_dm), self.lips)
        for region, (upper, lower) in zip(self.correction.eyes, self.lids, strict=True):
            people = even_lids(people, upper, lower, region.ball, region.near[region.is_lid[:, 0]], self.mean)
        return people.astype(np.float32)


def find_finish(source: SourceData, topology: HeadTopology, raw_dm: np.ndarray) -> Finish:
    """From raw people [n, C, 3] dm."""
    correction = find_correction(source, topology, raw_dm)
    mesh = QuadMesh(source.quads[topology.head_quads])
    lips = [(topology.rows(upper), topology.rows(lower), share) for upper, lower, share in find_lips(mesh)]
    halves = [np.array(half) for half in split_ring(mesh.edge_loop(*LID_FRONT_EDGE), ENDOCANTHION, EXOCANTHION)]
    upper, lower = (topology.rows(half) for half in sorted(halves, key=lambda half: -source.vertices[half, 1].mean()))
    mean = correction.correct(raw_dm).mean(0)
    mean = seal_lips(0.5 * (mean + mean[topology.mirror] * [-1, 1, 1]), lips)
    return Finish(correction, lips, ((upper, lower), (topology.mirror[upper], topology.mirror[lower])), mean)


@dataclass(frozen=True)
class MeanHead:
    """Everything before modelling: the source, the topology, the correction, metric people [n, C, 3] m (half of them
    mirrored), their sexes [n] over SEXES, the symmetric template [C, 3] m, the raw mean head [C, 3] dm, and the base mesh that
    parts are built on."""

    source: SourceData
    topology: HeadTopology
    correction: Correction
    people: np.ndarray
    sexes: np.ndarray
    template: np.ndarray
    raw_mean: np.ndarray
    base: BaseMesh


def build_mean_head(wheel: Path, num_people: int = 2000) -> MeanHead:
    """Read the wheel, sample people, correct them, take their mean as the template and the units' offsets on it."""
    source = read_wheel(wheel)
    topology = find_head(source)
    skin = topology.skin_rows
    faces = np.searchsorted(topology.skin, source.quads[topology.head_quads])
    balls = [topology.rows(np.unique(source.quads[source.groups[f"helper-{letter}-eye"]])) for letter in "lr"]
    assert all(topology.skin[HEAD_POINTS[name][0]] == vertex for name, vertex in BASE_POINTS.items())
    sampler = Sampler(source, topology.carried, num_people)

    def measure(raw: np.ndarray) -> np.ndarray:
        heads = finish.apply(raw)
        return measure_mm(rulers, heads[:, skin], np.stack([heads[:, ball].mean(1) for ball in balls], 1))

    for _ in range(2):
        finish = find_finish(source, topology, sampler.raw(slice(0, NUM_REFERENCE)))
        rulers = find_rulers(finish.mean[skin], faces)
        sampler.fit(measure)
    people = np.concatenate([finish.apply(sampler.raw(part)) for part in sampler.parts()])
    correction, lids = finish.correction, finish.lids[0]
    is_mirrored = np.arange(num_people) // 2 % 2 == 1
    people[is_mirrored] = people[is_mirrored][:, topology.mirror] * [-1, 1, 1]
    mean = people.mean(0, dtype=np.float64)
    template = 0.5 * (mean + mean[topology.mirror] * [-1, 1, 1])
    raw_mean = sampler.raw_mean()
    raw_mean = 0.5 * (raw_mean + raw_mean[topology.mirror] * [-1, 1, 1])
    neutral = correction.correct(raw_mean[None])[0]
    units = {}
    for name, offsets in source.units.items():
        posed = correction.correct((raw_mean + offsets[topology.carried])[None], raw_mean)[0]
        units[name] = topology.on_base(posed - neutral)
    for side in ("Left", "Right"):
        upper, lower = lids if side == "Left" else (topology.mirror[lids[0]], topology.mirror[lids[1]])
        centre = template[topology.rows(np.unique(source.quads[source.groups[f"helper-{side[0].lower()}-eye"]]))].mean(0)
        blink = units[f"eyeBlink{side}"][topology.carried]
        units[f"eyeBlink{side}"] = topology.on_base(close_lids(template, blink, upper, lower, centre))
    units = symmetrise_units(units, source.mirror)
    base = BaseMesh(
        topology.on_base(template), source.quads, source.uvs, source.quad_uvs, source.groups, units, topology.head_quads
    )  # fmt: skip
    return MeanHead(source, topology, correction, people, sampler.population.sexes, template, raw_mean, base)


def symmetrise_units(units: dict[str, np.ndarray], mirror: np.ndarray) -> dict[str, np.ndarray]:
    """Units [19158, 3] averaged with their mirror images: ...Left with ...Right, a middle unit with itself."""
    swapped = {name: name for name in units}
    swapped |= {name: name[:-4] + "Right" for name in units if name.endswith("Left")}
    swapped |= {other: name for name, other in swapped.items() if other != name}
    return {name: 0.5 * (units[name] + units[swapped[name]][mirror] * [-1, 1, 1]) for name in units}
