"""How a person's skin, brows and eyes look, in named numbers that an artist can move, and random people in those numbers.

Rule of this file: every number means something physical or anatomical (melanin, blood, lengths, shares), is independent of the
texture's size, and a random person's numbers go together as they do in people: pale skin with freckles and light eyes, dark
skin with black hair, stubble on men, grey with age.

Sources: ANTHROPOMETRY.md B (skin by group, irises by country), E (ranges of melanin and blood). Men's lines come earlier and are
deeper (Luebberding et al. 2014), and the thicker, denser dermis of dark skin shows less of them (Vashi et al. 2016).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from ..errors import SkinError
from .iris import IRIS_COLOURS
from .skin import BLOOD_SD, MELANIN_RANGE, melanin_of_angle


@dataclass(frozen=True)
class Appearance:
    """melanin: optical load of the bare skin, .05 (palest) to 11 (deepest); blood: log ratio to the median face's;
    zone_contrast: how much darker forehead, lids and the middle of the face are than the cheeks, 1 usual;
    flush_cheeks, flush_nose, flush_ears: more blood there, log ratio; lip_blood, lip_melanin: log ratios to what is usual on such
    skin; under_eye: shadow below the eyes, 1 usual; mottling: unevenness, 1 usual; freckles, moles: 0 none, 1 many; age in years;
    hair_eumelanin, hair_pheomelanin: concentrations in the hair's fibres, .2 blond, 1.3 brown, 6 black; hair_grey: share of white
    hairs; brow_density: share of the hairs, 1 full; brow_thickness, brow_arch: ratios to the mean; brow_height: m above the mean;
    stubble, scalp_stubble: 0 shaved long ago or never grown, 1 dense; iris: linear RGB; seed: of all that has no name;
    pores: depth of pores and fine skin texture, 1 usual; wrinkles: depth and number of the lines of age, 1 usual at that age."""

    melanin: float = 0.55
    blood: float = 0.0
    zone_contrast: float = 1.0
    flush_cheeks: float = 0.3
    flush_nose: float = 0.3
    flush_ears: float = 0.35
    lip_blood: float = 0.0
    lip_melanin: float = 0.0
    under_eye: float = 1.0
    mottling: float = 1.0
    freckles: float = 0.0
    moles: float = 0.2
    age: float = 30.0
    hair_eumelanin: float = 1.3
    hair_pheomelanin: float = 0.2
    hair_grey: float = 0.0
    brow_density: float = 0.8
    brow_thickness: float = 1.0
    brow_arch: float = 1.0
    brow_height: float = 0.0
    stubble: float = 0.0
    scalp_stubble: float = 0.0
    iris: tuple[float, float, float] = IRIS_COLOURS["brown"]
    seed: int = 0
    pores: float = 1.0
    wrinkles: float = 1.0


RANGES: dict[str, tuple[float, float]] = {
    "melanin": MELANIN_RANGE, "blood": (-0.75, 1.0), "zone_contrast": (0.0, 2.5), "flush_cheeks": (-0.2, 1.0),
    "flush_nose": (-0.2, 1.0), "flush_ears": (-0.2, 1.0), "lip_blood": (-1.0, 1.0), "lip_melanin": (-1.0, 1.0),
    "under_eye": (0.0, 3.0), "mottling": (0.0, 3.0), "freckles": (0.0, 1.0), "moles": (0.0, 1.0), "age": (18.0, 90.0),
    "hair_eumelanin": (0.02, 8.0), "hair_pheomelanin": (0.0, 3.0), "hair_grey": (0.0, 1.0), "brow_density": (0.0, 1.0),
    "brow_thickness": (0.4, 1.6), "brow_arch": (0.0, 2.0), "brow_height": (-0.004, 0.004), "stubble": (0.0, 1.0),
    "scalp_stubble": (0.0, 1.0), "pores": (0.0, 3.0), "wrinkles": (0.0, 3.0),
}  # fmt: skip
"""What an artist may ask for; random people stay well inside."""

ANGLE_OF_ANCESTRY = {"african": -32.0, "asian": 34.0, "caucasian": 45.0}
ANGLE_SD = {"african": 24.0, "asian": 13.0, "caucasian": 12.0}
"""Typology angle of faces, degrees, by main ancestry (ISSA group means; the spread covers the groups within)."""
ANGLE_RANGE = (-70.0, 62.0)
PALE, DARK = 0.35, 1.1
"""Melanin below which hair and eyes may be of any colour, and above which they are dark."""
RED_HAIR_SHARE = 0.05
LIGHT_IRISES = (("blue", 0.36), ("grey", 0.11), ("green", 0.14), ("hazel", 0.17), ("amber", 0.04), ("brown", 0.18))
DARK_IRISES = (("dark brown", 0.6), ("brown", 0.4))
MEAN_IRIS = np.array([0.10, 0.085, 0.062])
"""What light irises have some of: few are of one pure colour."""
EUMELANIN_BLACK, EUMELANIN_BROWN = 5.0, 1.5
OLD_HEAD = "This head does not say how its skin was read: make it again with this version of Likeness."


def sample_appearance(
    rng: np.random.Generator, male: float | None = None, age: float | None = None, ancestry: dict[str, float] | None = None
) -> Appearance:
    """A random person. male in [0, 1], age in years, ancestry: shares over ANGLE_OF_ANCESTRY; each drawn where None.

    Without an ancestry the typology angle is uniform over all human skin; with one it spreads around the group's mean.
    """
    is_male = rng.random() < (0.5 if male is None else 1 / (1 + np.exp(-12 * (male - 0.5))))
    drawn_age = float(rng.triangular(18, 28, 80))
    years = float(np.clip(drawn_age if age is None else age, 18, 85))
    melanin = float(melanin_of_angle(_sample_angle(rng, ancestry)))
    pale = float(np.clip((np.log(DARK) - np.log(melanin)) / np.log(DARK / PALE), 0, 1))
    european = 1.0 if ancestry is None else ancestry["caucasian"] / sum(ancestry.values())
    eumelanin, pheomelanin = _sample_hair(rng, pale * european)
    is_red = pheomelanin > 0.8
    growth = float(rng.uniform(0.1, 0.85) if rng.random() < 0.65 else rng.uniform(0.0, 0.1))
    scalp_growth = float(rng.uniform(0.15, 0.8))
    freckles = float(rng.beta(1.2, 2.5) * (rng.random() < (0.9 if is_red else 0.3 * pale)))
    return Appearance(
        melanin=melanin,
        blood=float(np.clip(rng.normal(0.0, 0.7 * BLOOD_SD), -0.4, 0.4)),
        zone_contrast=float(np.clip(rng.normal(1.0, 0.3), 0.3, 1.8)),
        flush_cheeks=float(np.clip(rng.normal(0.26, 0.13), 0, 0.6)),
        flush_nose=float(np.clip(rng.normal(0.28, 0.12), 0, 0.6)),
        flush_ears=float(np.clip(rng.normal(0.35, 0.12), 0, 0.7)),
        lip_blood=float(np.clip(rng.normal(0.04 + 0.08 * (not is_male), 0.18), -0.5, 0.5)),
        lip_melanin=float(np.clip(rng.normal(0.05 * is_male, 0.12), -0.3, 0.4)),
        under_eye=float(np.clip(rng.normal(0.9 + 0.008 * (years - 30), 0.35), 0.2, 2.2)),
        mottling=float(np.clip(rng.normal(0.85 + 0.008 * (years - 30), 0.2), 0.4, 1.7)),
        freckles=freckles,
        moles=float(rng.beta(1.3, 3.0)),
        age=years,
        hair_eumelanin=eumelanin,
        hair_pheomelanin=pheomelanin,
        hair_grey=float(np.clip(rng.normal((years - 48) / 35, 0.15), 0, 0.95)) if years > 35 else 0.0,
        brow_density=float(np.clip(rng.normal(0.82 if is_male else 0.72, 0.12) - 0.003 * max(years - 50, 0), 0.35, 1.0)),
        brow_thickness=float(np.clip(rng.normal(1.06 if is_male else 0.84, 0.13), 0.55, 1.4)),
        brow_arch=float(np.clip(rng.normal(0.85 if is_male else 1.15, 0.25), 0.3, 1.8)),
        brow_height=float(np.clip(rng.normal(-0.0004 if is_male else 0.0006, 0.0009), -0.003, 0.003)),
        stubble=growth if is_male else 0.0,
        scalp_stubble=scalp_growth if is_male else 0.5 * scalp_growth,
        iris=_sample_iris(rng, pale * european, is_red),
        seed=int(rng.integers(2**31)),
        pores=float(np.exp(np.clip(rng.normal(0.0, 0.25), -0.6, 0.6))),
        wrinkles=float(np.exp(np.clip(rng.normal(0.1 * is_male - 0.12 * (1 - pale), 0.28), -0.7, 0.6))),
    )


def describe_appearance(appearance: Appearance) -> dict[str, float | list[float]]:
    """The person's numbers by name, rounded, for reports and files."""
    return {
        key: [round(v, 4) for v in value] if isinstance(value, tuple) else round(value, 4)
        for key, value in asdict(appearance).items()
    }


def read_appearance(told: dict[str, Any] | None) -> Appearance:
    """What describe_appearance told in a head's provenance. Raises SkinError where there is nothing."""
    if not told:
        raise SkinError(OLD_HEAD)
    known = {field.name for field in fields(Appearance)}
    numbers: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in told.items() if key in known
    }
    return Appearance(**numbers)


def usual_hair(melanin: float) -> float:
    """The middle of the hair's eumelanin on skin with this melanin load."""
    pale = float(np.clip((np.log(DARK) - np.log(melanin)) / np.log(DARK / PALE), 0, 1))
    return float(np.exp((1 - pale) * np.log(EUMELANIN_BLACK) + pale * np.log(EUMELANIN_BROWN)))


def _sample_angle(rng: np.random.Generator, ancestry: dict[str, float] | None) -> float:
    if ancestry is None:
        return float(rng.uniform(*ANGLE_RANGE))
    total = sum(ancestry.values())
    mean = sum(ANGLE_OF_ANCESTRY[name] * share for name, share in ancestry.items()) / total
    spread = sum(ANGLE_SD[name] * share for name, share in ancestry.items()) / total
    return float(np.clip(rng.normal(mean, spread), *ANGLE_RANGE))


def _sample_hair(rng: np.random.Generator, pale: float) -> tuple[float, float]:
    """Eumelanin and pheomelanin: black on dark skin, from black to blond and red on pale."""
    dark = float(np.exp(rng.normal(np.log(EUMELANIN_BLACK), 0.25)))
    light = float(np.exp(rng.normal(np.log(EUMELANIN_BROWN), 0.7)))
    is_red, pheomelanin = rng.random() < RED_HAIR_SHARE, float(rng.uniform(0.9, 1.8))
    if is_red and pale > 0.8:
        return float(np.clip(0.3 * light, 0.05, 0.6)), pheomelanin
    eumelanin = float(np.exp((1 - pale) * np.log(dark) + pale * np.log(light)))
    return float(np.clip(eumelanin, 0.12, 7.5)), float(np.clip(0.25 * pale, 0.0, 0.4))


def _sample_iris(rng: np.random.Generator, pale: float, is_red: bool) -> tuple[float, float, float]:
    is_light = rng.random() < max(pale, 0.9 * is_red) ** 2
    table = LIGHT_IRISES if is_light else DARK_IRISES
    names, shares = zip(*table, strict=True)
    colour = np.array(IRIS_COLOURS[names[rng.choice(len(names), p=np.array(shares))]])
    colour = colour + rng.uniform(0, 0.4) * is_light * (MEAN_IRIS - colour)
    colour = colour * np.exp(rng.normal(0, 0.12)) * np.exp(rng.normal(0, 0.05, 3))
    return float(colour[0]), float(colour[1]), float(colour[2])
