"""What people's shapes are made of: MakeHuman's sliders, its macro targets, and a few smooth girths beside them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from .wheel_data import AGES, GENDERS, MUSCLES, RACES, WEIGHTS

LOCAL_SIGMA = 0.22
"""Standard deviation of a local slider, 1 being the artist's extreme; .33 gives caricatures."""
WIDER = {
    "eye-height": 0.7, "eye-push": 0.25, "eye-scale": 0.3, "epicanthus": 0.6, "eyebrows-": 0.6, "ear-shape": 0.5,
    "head-back": 0.5, "forehead-": 0.6, "head-angle": 0.6, "neck-back": 0.5,
}  # fmt: skip
"""Factors on LOCAL_SIGMA."""
ASYMMETRIC = r"asym/|nose-trans-in|mouth-trans-in"
SIZE_SIGMA = 0.02
"""Standard deviation of overall size beside what the macro targets do."""
GIRTH_SIGMA, GIRTH_GAIN = 0.22, 0.15
"""Standard deviation of a girth's value, and the share of the breadth that value 1 adds."""
GIRTHS = {
    "skull": (7.75, 0.25, -2.0), "temples": (7.46, 0.12, 0.95), "cheekbones": (7.16, 0.14, 0.62), "jaw": (6.60, 0.20, 0.45),
}  # fmt: skip
"""Name -> height, its falloff, and the depth it fades in from, in base.obj's dm: over the ears, at the temples, at the cheekbones
and at the jaw's angles."""
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


@dataclass(frozen=True)
class Directions:
    """What is fitted: names [K]; positive, negative [K, T] target weights at value 1 and -1 (no negative: zeros); spread [K]:
    standard deviation of the values where no measure tells; lowest [K]: -1, or 0 without a negative."""

    names: tuple[str, ...]
    positive: np.ndarray
    negative: np.ndarray
    spread: np.ndarray
    lowest: np.ndarray

    def weights(self, values: np.ndarray) -> np.ndarray:
        """Values [n, K] -> target weights [n, T]."""
        return np.maximum(values, 0) @ self.positive + np.maximum(-values, 0) @ self.negative


def find_directions(sliders: list[Slider], names: tuple[str, ...]) -> Directions:
    """Both sides' sliders go together; the head's overall size is the last direction and the last target."""
    column = {name: i for i, name in enumerate(names)}
    chosen = [s for s in sliders if not re.search(r"/r-|" + ASYMMETRIC, s.name) and not is_head_shape(s)]
    girths = [name for name in names if name.startswith("girth/")]
    positive, negative = np.zeros((2, len(chosen) + len(girths) + 1, len(names)))
    for row, slider in enumerate(chosen):
        for target in {slider.positive, slider.positive.replace("/l-", "/r-")}:
            positive[row, column[target]] = 1
        if slider.negative:
            for target in {slider.negative, slider.negative.replace("/l-", "/r-")}:
                negative[row, column[target]] = 1
    for row, name in enumerate([*girths, "size"], len(chosen)):
        positive[row, column[name]], negative[row, column[name]] = 1, -1
    spread = np.array([slider_sigma(s) for s in chosen] + [GIRTH_SIGMA] * len(girths) + [SIZE_SIGMA])
    lowest = np.array([-1.0 if s.negative else 0.0 for s in chosen] + [-1.0] * (len(girths) + 1))
    return Directions((*(s.name for s in chosen), *girths, "size"), positive, negative, spread, lowest)


def girth_targets(vertices: np.ndarray) -> dict[str, np.ndarray]:
    """Smooth breadths of the head at GIRTHS' heights, which no artist's slider changes alone: offsets [N, 3] dm at value 1."""
    aside = np.clip((np.abs(vertices[:, 0]) - 0.36) / 0.18, 0, 1)
    aside = aside * aside * (3 - 2 * aside)
    result = {}
    for name, (height, width, forward) in GIRTHS.items():
        falloff = np.exp(-0.5 * ((vertices[:, 1] - height) / width) ** 2) / (1 + np.exp(-(vertices[:, 2] - forward) / 0.10))
        result[f"girth/{name}"] = np.stack([GIRTH_GAIN * vertices[:, 0] * aside * falloff, *np.zeros((2, len(vertices)))], 1)
    return result


def slider_sigma(slider: Slider) -> float:
    """Standard deviation of a slider's value where no measure tells."""
    return LOCAL_SIGMA * next((factor for part, factor in WIDER.items() if part in slider.name), 1.0)


def is_head_shape(slider: Slider) -> bool:
    return slider.negative is None and slider.name.removeprefix("head/head-") in HEAD_SHAPES
