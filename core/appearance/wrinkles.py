"""The lines of age: where a person's creases run on the template, how deep and how wide.

Rule of this file: every crease that a person may ever have is drawn from the seed first, its age of onset with it; age then only
deepens it, so a person grows older and does not become another one. A crease is a chain of short segments on the surface.

Sources. Crow's feet: .05 to .1 mm at 20 to 30 years, .2 to .35 at 60 to 70 (ANTHROPOMETRY.md B5, a weak figure), deepening fast
from 40 and no more past 60 (Akazaki et al. 2002, 101 women). Order: crow's feet first in women, the forehead's first in men, none
between the brows before 40 (Luebberding et al. 2014, 200 people); with age go most, in this order, corners of eyes, of the mouth,
glabella, nasolabial groove, lids, forehead, cheeks (Takema et al. 1997, 136 women). Nasolabial folds: the first grade of five is
less than .2 mm deep (Lemperle et al. 2001), the last .6 to .8 (ANTHROPOMETRY.md B5). Lines across the upper lip from the fifth
decade (Leveque and Goubanova 2004). Necks, chins and cheeks: set beside these by eye.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import numpy as np

from ..head.model import HeadModel, triangulate
from ..render.rasterize import interpolate, rasterize_projected
from .face_map import get_face_map
from .parameters import Appearance

PX_PER_MM = 2.0
FAR_MM = 10_000.0
"""Depths are taken from so far that perspective is none."""
NECK_RADIUS_MM = 60.0
"""Of the cylinder that the neck is unrolled on: lengths along it are about the skin's."""
STEP_WIDTHS, STEPS_MM = 4.0, (3.0, 5.0)
"""Length of a segment in the crease's widths, and its bounds."""
LEAST_DEPTH_M = 4e-6
CELL_M = 0.003
REACH, HANG_REACH = 4.5, 7.5
"""How far a crease is felt, in its widths; one that skin hangs over."""
STRAY_M = 0.001
"""How far noise moves a crease at most."""


@dataclass(frozen=True)
class Site:
    """One kind of crease: depth mm of a usual one at 20 and at 75, width mm (its depth falls to 1/e), the ages at which the
    first begins and is full, years from one to the next, and by which share of its depth the skin hangs over its side."""

    young: float
    old: float
    width: float
    onset: float
    full: float
    later: float = 0.0
    hang: float = 0.0


SITES = {
    "forehead": Site(0.0, 0.34, 0.75, 27, 72, 5.0),
    "glabella": Site(0.0, 0.40, 0.75, 38, 75, 6.0),
    "nasion": Site(0.0, 0.22, 0.65, 42, 75, 6.0),
    "crow": Site(0.0, 0.29, 0.42, 29, 65, 2.5),
    "crow_fine": Site(0.0, 0.10, 0.27, 34, 70, 3.0),
    "lower_lid": Site(0.03, 0.15, 0.34, 26, 70, 5.0),
    "tear_trough": Site(0.06, 0.30, 1.70, 30, 75, 0.0, 0.70),
    "nasolabial": Site(0.08, 0.75, 1.50, 24, 75, 0.0, 0.60),
    "marionette": Site(0.02, 0.48, 0.85, 42, 78, 6.0, 0.40),
    "mouth_corner": Site(0.05, 0.20, 0.50, 30, 75),
    "upper_lip": Site(0.0, 0.17, 0.33, 44, 75, 2.5),
    "lower_lip": Site(0.0, 0.10, 0.30, 52, 80, 3.0),
    "chin": Site(0.08, 0.32, 1.30, 35, 75, 0.0, 0.30),
    "cheek": Site(0.0, 0.22, 0.75, 50, 82, 5.0),
    "bunny": Site(0.0, 0.10, 0.35, 45, 75, 5.0),
    "neck": Site(0.07, 0.55, 1.80, 34, 75, 4.0),
}  # fmt: skip


@dataclass(frozen=True)
class Chart:
    """The template's skin seen from the front and unrolled around the neck: places [h, w, 3] mm each, nan where there is none;
    corner [2] mm: where the first texel's corner lies."""

    front: np.ndarray
    front_corner: np.ndarray
    neck: np.ndarray
    neck_corner: np.ndarray


@dataclass(frozen=True)
class Creases:
    """starts, ways, sizes, sides [N, 4] of the segments (relief_kernels.lines_of_age, m), the last of them none; and by cells of
    CELL_M which of them are felt there: origin [3] m, counts [3], offsets [cells + 1], items."""

    starts: np.ndarray
    ways: np.ndarray
    sizes: np.ndarray
    sides: np.ndarray
    origin: np.ndarray
    counts: np.ndarray
    offsets: np.ndarray
    items: np.ndarray


_kept: list[tuple[weakref.ref[HeadModel], Chart]] = []


def get_chart(model: HeadModel) -> Chart:
    """The chart of a model, remembered for the latest one."""
    for reference, chart in _kept:
        if reference() is model:
            return chart
    chart = build_chart(model)
    _kept[:] = [(weakref.ref(model), chart)]
    return chart


def build_chart(model: HeadModel) -> Chart:
    """Tens of ms."""
    face = get_face_map(model)
    triangles = triangulate(model.faces)
    parts = np.repeat(model.face_parts, 1 + (model.faces[:, 3] >= 0))
    outside = np.maximum(face.inside, model.regions.get("eye_socket", np.zeros(len(face.places)))) < 0.5
    triangles = triangles[(parts == model.part_names.index("skin")) & outside[triangles].all(1)]
    places = 1000 * face.places
    front, front_corner = project(places, places[:, :2], -places[:, 2], triangles)
    on_neck = face.neck > 0.5
    axis = 0.5 * (places[on_neck, 2].min() + places[on_neck, 2].max())
    angle = np.arctan2(places[:, 0], places[:, 2] - axis)
    radius = np.hypot(places[:, 0], places[:, 2] - axis)
    whole = triangles[(np.ptp(angle[triangles], axis=1) < 1.0) & (places[triangles, 1].max(1) < places[on_neck, 1].max())]
    neck, neck_corner = project(places, np.stack([NECK_RADIUS_MM * angle, places[:, 1]], 1), -radius, whole)
    return Chart(front, front_corner, neck, neck_corner)


def project(places: np.ndarray, at_mm: np.ndarray, depth_mm: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where vertices lie on a chart [V, 2] mm, and how far off [V] mm -> the nearest places [h, w, 3] of `places` [V, 3]."""
    corner = at_mm.min(0) - 1
    size = np.ceil((at_mm.max(0) + 1 - corner) * PX_PER_MM).astype(int)
    raster = rasterize_projected((at_mm - corner) * PX_PER_MM, FAR_MM + depth_mm, triangles, (int(size[0]), int(size[1])))
    return np.where(raster.is_covered[..., None], interpolate(places, raster, triangles), np.nan).astype(np.float64), corner


def read(chart: np.ndarray, corner: np.ndarray, at_mm: np.ndarray) -> np.ndarray:
    """A chart between its texels at [N, 2] mm, [N, 3]; nan beside it."""
    x, y = ((at_mm - corner) * PX_PER_MM - 0.5).T
    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    inside = (column >= 0) & (row >= 0) & (column < chart.shape[1] - 1) & (row < chart.shape[0] - 1)
    column, row = (np.where(inside, i, 0) for i in (column, row))
    a, b = (x - np.floor(x))[:, None], (y - np.floor(y))[:, None]
    low = chart[row, column] * (1 - a) + chart[row, column + 1] * a
    high = chart[row + 1, column] * (1 - a) + chart[row + 1, column + 1] * a
    return np.where(inside[:, None], low * (1 - b) + high * b, np.nan)


def draw_creases(model: HeadModel, appearance: Appearance) -> Creases:
    """All creases of a person at the person's age."""
    chart, pen = get_chart(model), Pen(appearance)
    eye = 1000 * get_face_map(model).eyes[0]
    points = 1000 * model.landmarks7.evaluate(get_face_map(model).places)
    draw_forehead(pen, eye)
    for side in (1.0, -1.0):
        draw_eye(pen, side, eye, points)
        draw_cheek(pen, side, points)
        draw_mouth(pen, side, points)
    draw_middle(pen, eye, points)
    draw_neck(pen, points)
    segments = segments_of(pen.creases, chart)
    return sort_segments(np.concatenate([segments, np.zeros((1, 16))]).astype(np.float32))


@dataclass(frozen=True)
class Crease:
    """A smooth line through points [k, 2] mm on a chart, of a site; depth, width m, hang: see Site; side: which of its sides
    hangs over (1 left of its way, -1 right); ends: how slowly it comes in and goes out, shares of its length."""

    site: str
    points: np.ndarray
    depth: float
    width: float
    hang: float
    side: float
    ends: tuple[float, float]
    is_neck: bool


class Pen:
    """Draws what may come with age, in an order that age does not change, and keeps what has come."""

    def __init__(self, appearance: Appearance) -> None:
        self.rng = np.random.default_rng((appearance.seed, 91))
        self.age = appearance.age
        self.strength = appearance.wrinkles
        self.creases: list[Crease] = []

    def draw(
        self, name: str, points: list[tuple[float, float]], *, side: float = 1.0, rank: float = 0.0, share: float = 1.0,
        stray: float = 0.6, ends: tuple[float, float] = (0.35, 0.35), is_neck: bool = False,
    ) -> None:  # fmt: skip
        """The crease `rank` of a site through points mm (x > 0 mirrored where side is -1); its points stray by chance."""
        site = SITES[name]
        chance = self.rng.normal(size=(len(points), 2))
        spread, delay, broad = self.rng.uniform(0.6, 1.25), self.rng.normal(0, 2.5), self.rng.uniform(0.85, 1.2)
        begin = site.onset + site.later * rank + delay
        t = np.clip((self.age - begin) / (site.full - site.onset), 0, 1.25)
        grown = t * t * (3 - 2 * t) if t < 1 else 1 + 0.6 * (t - 1)
        depth = 1e-3 * share * spread * self.strength * (site.young + (site.old - site.young) * grown)
        if depth < LEAST_DEPTH_M:
            return
        path = np.array(points, np.float64) + stray * chance
        middle = path.mean(0)
        path = middle + (path - middle) * (0.72 + 0.28 * min(1.0, grown + site.young / site.old))
        path[:, 0] *= side
        width = 1e-3 * site.width * broad
        self.creases.append(Crease(name, path, depth, width, site.hang, side, ends, is_neck))


def draw_forehead(pen: Pen, eye: np.ndarray) -> None:
    """Level lines, higher over each brow than between them, whole or in pieces."""
    rng = pen.rng
    dip, lift = rng.uniform(0.5, 3.5), rng.normal(0, 1.2)
    for rank, k in enumerate((1, 2, 0, 3)):
        base = eye[1] + 31.5 + 8.2 * k + lift + rng.normal(0, 1.0)
        tilt, kind = rng.normal(0, 0.02), rng.random()
        broken = np.sort(rng.uniform(-16, 16, 2))
        spans = [(-46.0, 46.0)] if kind < 0.4 else [(-46.0, broken[0] + 5), (broken[0] - 4, 46.0)]
        if kind > 0.85:
            spans = [(-46.0, broken[0] - 3), (broken[1] + 2, 46.0)]
        for n, (low, high) in enumerate(spans):
            xs = np.linspace(low, high, max(4, round((high - low) / 11)))
            ys = base + 2.2 * n * (kind >= 0.4) * (kind <= 0.85) + tilt * xs - dip * np.exp(-((xs / 17) ** 2)) - 0.0022 * xs**2
            pen.draw("forehead", list(zip(xs, ys, strict=True)), rank=rank, stray=0.55)


def draw_middle(pen: Pen, eye: np.ndarray, points: np.ndarray) -> None:
    """Between the brows, over the root of the nose, under the lower lip."""
    rng, root = pen.rng, eye[1]
    corner = points[6]
    for rank, x in ((0, 6.5), (0.3, -6.5), (1.2, 10.5), (1.5, -10.5), (2.2, 0.5)):
        top, slant = rng.uniform(24, 29), rng.uniform(0.5, 2.5) * np.sign(x)
        low = rng.uniform(10, 13) + 0.4 * (abs(x) - 6)
        path = [(x - 0.6 * slant, root + low), (x, root + 0.5 * (low + top)), (x + slant, root + top)]
        pen.draw("glabella", path, rank=rank, share=1.0 if abs(x) < 8 else 0.5, stray=0.5)
    for rank, y in ((0, 3.5), (1, 7.5)):
        pen.draw("nasion", [(-8.0, root + y + 1), (0.0, root + y), (8.0, root + y + 1)], rank=rank, stray=0.5)
    y = corner[1] - 15.5
    pen.draw("chin", [(15.0, y - 4), (8.0, y - 1), (0.0, y), (-8.0, y - 1), (-15.0, y - 4)], stray=0.4)


def draw_eye(pen: Pen, side: float, eye: np.ndarray, points: np.ndarray) -> None:
    """Crow's feet from the outer corner, lines of the lower lid, the trough from the inner corner."""
    rng = pen.rng
    inner, outer = points[2], points[3]
    order = rng.permutation(6)
    for k, angle in enumerate((40.0, 24.0, 8.0, -9.0, -27.0, -46.0)):
        start, length = rng.uniform(4.5, 8.0), rng.uniform(9.0, 15.0)
        pen.draw("crow", ray(outer, angle + rng.normal(0, 4), start, length, 0.35 * angle),
                 side=side, rank=order[k], stray=0.25, ends=(0.25, 0.6))  # fmt: skip
    for k in range(12):
        angle, start, length = rng.uniform(-55, 48), rng.uniform(3.5, 14.0), rng.uniform(4.0, 9.0)
        pen.draw("crow_fine", ray(outer, angle, start, length, 0.3 * angle), side=side, rank=0.5 * k, stray=0.3)
    for k in range(5):
        drop, begin, end = 2.5 * k, inner[0] + rng.uniform(3, 9), outer[0] + rng.uniform(-9, 3)
        path = [(begin, eye[1] - 10.0 - drop), (begin + 0.4 * (end - begin), eye[1] - 14.2 - 1.1 * drop),
                (begin + 0.75 * (end - begin), eye[1] - 12.8 - 1.1 * drop), (end, eye[1] - 8.8 - drop)]  # fmt: skip
        pen.draw("lower_lid", path, side=side, rank=k, share=1 - 0.1 * k, stray=0.5)
    trough = [(inner[0] + 1, inner[1] - 5), (inner[0] + 5, inner[1] - 11.5), (inner[0] + 11, inner[1] - 16.5),
              (inner[0] + 18, inner[1] - 19.0), (inner[0] + 25, inner[1] - 18)]  # fmt: skip
    pen.draw("tear_trough", trough, side=side, stray=0.6, ends=(0.3, 0.5))
    for rank in range(2):
        y = inner[1] - 6 - 4.5 * rank
        pen.draw("bunny", [(7.0, y + 2.5), (10.0, y), (12.5, y - 3.5)], side=side, rank=rank, stray=0.5)


def draw_cheek(pen: Pen, side: float, points: np.ndarray) -> None:
    """The fold from the nose's wing around the mouth, and beside it what sags later."""
    nose, mouth = points[4], points[6]
    half = (9.7 + 0.55 * (mouth[0] + 7), 0.45 * nose[1] + 0.55 * mouth[1] + 3.5)
    fold = [(18.0, nose[1] + 10), (21.5, nose[1] + 2.5), half, (mouth[0] + 7.5, mouth[1] + 4), (mouth[0] + 10, mouth[1] - 6)]
    pen.draw("nasolabial", fold, side=side, stray=0.7, ends=(0.12, 0.5))
    for rank in range(3):
        x = mouth[0] + 17 + 6.5 * rank
        path = [(x - 3, mouth[1] + 20), (x + 0.5, mouth[1] + 10), (x + 1.5, mouth[1] - 1), (x - 0.5, mouth[1] - 12)]
        pen.draw("cheek", path, side=side, rank=rank, stray=1.0, ends=(0.5, 0.5))


def draw_mouth(pen: Pen, side: float, points: np.ndarray) -> None:
    """Lines that cross the lips' borders, and those that run down from the corner."""
    rng, mouth = pen.rng, points[6]
    order = rng.permutation(6)
    for k in range(6):
        x = 3.6 + 3.1 * k + rng.normal(0, 0.6)
        border = mouth[1] + 8.2 * (1 - (x / mouth[0]) ** 2) + 1.0
        length = rng.uniform(4.5, 8.5)
        pen.draw("upper_lip", [(x, border - 1.5), (1.04 * x, border + 0.5 * length), (1.10 * x, border + length)],
                 side=side, rank=order[k], stray=0.25, ends=(0.3, 0.6))  # fmt: skip
    for k in range(4):
        x = 4.0 + 4.4 * k + rng.normal(0, 0.8)
        border = mouth[1] - 10.5 * (1 - (x / mouth[0]) ** 2) - 0.5
        pen.draw("lower_lip", [(x, border + 1.0), (1.04 * x, border - 3.0), (1.08 * x, border - 5.5)],
                 side=side, rank=k, stray=0.25, ends=(0.3, 0.6))  # fmt: skip
    corner = [(mouth[0] + 0.5, mouth[1] - 0.3), (mouth[0] + 3.0, mouth[1] - 2.0), (mouth[0] + 4.2, mouth[1] - 5.0)]
    pen.draw("mouth_corner", corner, side=side, stray=0.2, ends=(0.1, 0.7))
    for rank in range(2):
        x = mouth[0] + 3.6 + 5.5 * rank
        path = [(x, mouth[1] - 4 - 5 * rank), (x + 1.8, mouth[1] - 12), (x + 1.8, mouth[1] - 20), (x - 0.5, mouth[1] - 28)]
        pen.draw("marionette", path, side=side, rank=rank, share=1 - 0.5 * rank, stray=0.6, ends=(0.15, 0.6))


def draw_neck(pen: Pen, points: np.ndarray) -> None:
    """Rings, lower in front than at the sides."""
    rng = pen.rng
    first = points[6][1] - 72
    for k in range(4):
        base, half, off = first - 13.5 * k + rng.normal(0, 2.5), rng.uniform(45, 78), rng.uniform(-12, 12)
        xs = np.linspace(off - half, off + half, 9)
        ys = base + 9.0 * (xs / 75) ** 2 + rng.normal(0, 0.02) * xs
        pen.draw("neck", list(zip(xs, ys, strict=True)), rank=k % 3, share=(1.0, 0.9, 0.7, 0.45)[k], stray=0.8, is_neck=True)


def ray(start: np.ndarray, angle_deg: float, first: float, length: float, bend_deg: float) -> list[tuple[float, float]]:
    """Four points mm of a bent line that leaves `start` after `first` mm."""
    at = np.array(start[:2]) + first * np.array([np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))])
    path = [at]
    for k in range(3):
        turned = np.radians(angle_deg + bend_deg * (k + 0.5) / 3)
        path.append(path[-1] + length / 3 * np.array([np.cos(turned), np.sin(turned)]))
    return [(float(x), float(y)) for x, y in path]


def segments_of(creases: list[Crease], chart: Chart) -> np.ndarray:
    """Creases as segments on the template, [n, 16] m: rows of Creases' starts, ways, sizes and sides side by side; those that
    leave the chart are left out."""
    if not creases:
        return np.zeros((0, 16))
    steps = [float(np.clip(1000 * STEP_WIDTHS * crease.width, *STEPS_MM)) for crease in creases]
    lines = [smooth_line(crease.points, step) for crease, step in zip(creases, steps, strict=True)]
    owner = np.repeat(np.arange(len(lines)), [len(line) for line in lines])
    t = np.concatenate([np.linspace(0, 1, len(line)) for line in lines])
    facts = np.array([(c.depth, c.width, c.hang, c.side, *c.ends, c.is_neck) for c in creases], np.float64)[owner]
    flat, on_neck = np.concatenate(lines), facts[:, 6] > 0
    places = np.empty((len(flat), 3))
    places[~on_neck] = read(chart.front, chart.front_corner, flat[~on_neck])
    places[on_neck] = read(chart.neck, chart.neck_corner, flat[on_neck])
    places *= 1e-3
    first, last = np.clip(facts[:, 4:6], 1e-3, 0.5).T
    come = np.clip(np.minimum(t / first, (1 - t) / last), 0, 1)
    depth, width = facts[:, 0] * come * (2 - come), facts[:, 1] * (0.55 + 0.45 * come)
    ways, hang = np.diff(places, axis=0), facts[:-1, 2]
    side = facts[:-1, 3:4] * np.cross(places[:-1] * [1, 0, 1], ways)
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-12)
    reach = np.where(hang > 0, HANG_REACH, REACH) * np.maximum(width[:-1], width[1:])
    jump = np.linalg.norm(ways, axis=1)
    rows = np.column_stack(
        [places[:-1], 1 / np.maximum(jump**2, 1e-12), ways, reach, depth[:-1], depth[1:], width[:-1], width[1:], side, hang]
    )
    is_one = (owner[:-1] == owner[1:]) & (jump < 4e-3 * np.array(steps)[owner[:-1]])
    return rows[is_one & np.isfinite(rows).all(1)]


def smooth_line(points: np.ndarray, step: float) -> np.ndarray:
    """Points [k, 2] -> a Catmull-Rom line through them in steps of at most `step`, [n, 2]."""
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    length = np.linalg.norm(np.diff(points, axis=0), axis=1).sum()
    t = np.linspace(0, len(points) - 1, max(4, int(np.ceil(length / step)) + 1))
    k = np.minimum(t.astype(int), len(points) - 2)
    u = (t - k)[:, None]
    a, b, c, d = (padded[k + n] for n in range(4))
    return 0.5 * (2 * b + (c - a) * u + (2 * a - 5 * b + 4 * c - d) * u**2 + (3 * b - a - 3 * c + d) * u**3)


def sort_segments(segments: np.ndarray) -> Creases:
    """Segments [N, 16] and which of them are felt in which cell; the last one is no segment."""
    starts, ways, sizes, sides = (np.ascontiguousarray(segments[:, k : k + 4]) for k in (0, 4, 8, 12))
    first_ends, steps, reach = starts[:-1, :3], ways[:-1, :3], ways[:-1, 3:] + STRAY_M
    if not len(first_ends):
        return Creases(starts, ways, sizes, sides, np.zeros(3), np.ones(3, int), np.zeros(2, np.int32), np.zeros(1, np.int32))
    last_ends = first_ends + steps
    low, high = np.minimum(first_ends, last_ends) - reach, np.maximum(first_ends, last_ends) + reach
    origin = low.min(0) - CELL_M
    first, last = (np.floor((x - origin) / CELL_M).astype(int) for x in (low, high))
    counts = last.max(0) + 2
    spans = last - first + 1
    number = spans.prod(1)
    owner = np.repeat(np.arange(len(first_ends)), number)
    within = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
    depth, height = spans[owner, 2], spans[owner, 1]
    x, y, z = first[owner].T + np.stack([within // (height * depth), within // depth % height, within % depth])
    cells = (x * counts[1] + y) * counts[2] + z
    centre = origin + CELL_M * (np.stack([x, y, z], 1) + 0.5)
    off, way = centre - first_ends[owner], steps[owner]
    t = np.clip(np.einsum("nc,nc->n", off, way) * starts[owner, 3], 0, 1)
    near = np.linalg.norm(off - t[:, None] * way, axis=1) < reach[owner, 0] + 0.87 * CELL_M
    cells, owner = cells[near], owner[near]
    order = np.argsort(cells, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.bincount(cells, minlength=counts.prod()))])
    return Creases(starts, ways, sizes, sides, origin, counts, offsets.astype(np.int32), owner[order].astype(np.int32))
