"""The sliders as words measure them: what a step is, how people are spread, what a little, the usual and much of it are."""

from __future__ import annotations

from dataclasses import dataclass

from ..appearance.catalogue import NUMBERS
from ..identity.catalogue import TRAITS
from ..identity.gauges import load_gauges
from .lexicon import SKIN, load_lexicon

CLEARLY = 1.5
"""So many standard deviations from the mean people clearly have a quality."""
SPOKEN = {
    "male": "sex (0 female, 1 male)", "upper_lip": "height of the upper lip", "lower_lip": "height of the lower lip",
    "lip_projection": "projection of the lips", "philtrum_length": "length of the philtrum", "eye_width": "width of the eyes",
    "eye_opening": "opening of the eyes", "eye_spacing": "spacing of the eyes", "eye_tilt": "tilt of the eyes",
    "eye_depth": "depth of the eyes", "brow_height": "height of the brows", "ear_length": "length of the ears",
    "ear_breadth": "breadth of the ears", "ear_protrusion": "protrusion of the ears", "chin_projection": "chin projection",
    "chin_height": "chin height", "chin_width": "chin width", "neck_width": "neck width",
}  # fmt: skip
"""Traits whose label alone says too little in a sentence."""


@dataclass(frozen=True)
class Scale:
    """A slider: its name in a sentence, unit, range, a step, a deviation of people, and the values that stand for none, a little,
    the usual and much of it."""

    said: str
    unit: str
    lowest: float
    highest: float
    step: float
    deviation: float
    none: float
    little: float
    usual: float
    much: float


def list_scales() -> dict[str, Scale]:
    """Every slider of shape and skin."""
    lexicon, gauges = load_lexicon(), load_gauges()
    scales = {}
    for t, trait in enumerate(TRAITS):
        deviation = float((gauges.weights[:, t] ** 2).sum() ** 0.5)
        mean = float(gauges.mean[t])
        low, high = (min(max(mean + sign * CLEARLY * deviation, trait.lowest), trait.highest) for sign in (-1, 1))
        is_clear = trait.group in ("Person", "Face") or trait.group.lower() in trait.label.lower()
        said = SPOKEN.get(trait.name, trait.label.lower() if is_clear else f"{trait.group} {trait.label}".lower())
        step = lexicon.steps.get(trait.name, deviation)
        scales[trait.name] = Scale(said, trait.unit, trait.lowest, trait.highest, step, deviation, trait.lowest, low, mean, high)
    ranges = {number.name: (number.lowest, number.highest) for number in NUMBERS} | {"tone": (0.0, 1.0)}
    for name, scale in lexicon.skin.items():
        unit = "years" if name == "age" else ""
        usual = (scale.little + scale.much) / 2
        values = (scale.none, scale.little, usual, scale.much)
        scales[SKIN + name] = Scale(scale.said, unit, *ranges[name], scale.step, scale.step, *values)
    return scales
