"""The fifteen visemes that lip-sync programs drive, as a table: their names, units and where the tongue goes (data/visemes.toml).

Rule of this file: names and numbers alone, cheap enough for a panel; what they do to a head is core/head/visemes.py's.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any

from ..config import DATA_DIR
from ..errors import ModelError

PATH = DATA_DIR / "visemes.toml"
PREFIX = "viseme_"
NAMES = ("sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "I", "O", "U")
"""In the order of Oculus LipSync, which calls the last three ih, oh and ou; with PREFIX as avatars in glTF have them."""
KEYS = tuple(PREFIX + name for name in NAMES)


@dataclass(frozen=True)
class Tongue:
    """Where the tongue goes. tip_m: up and out from the edge of the upper incisors; reach_m: how far behind the tip it still goes
    along; thickness: of the tip, as a share; touches: the tip then rises until it meets the gum behind the upper incisors;
    back_m: how much a place of the back rises, and how far behind the tip it is."""

    tip_m: tuple[float, float] | None
    reach_m: float
    thickness: float
    touches: bool
    back_m: tuple[float, float] | None


@dataclass(frozen=True)
class Viseme:
    """sounds: in the International Phonetic Alphabet; words with them; reason: why it looks so; units: ARKit's, with values."""

    name: str
    sounds: str
    words: str
    reason: str
    units: dict[str, float]
    tongue: Tongue | None


@cache
def load_visemes() -> dict[str, Viseme]:
    """data/visemes.toml, in NAMES' order. Raises ModelError when it is missing or damaged."""
    try:
        told = tomllib.loads(PATH.read_text(encoding="utf-8"))
        return {name: _read_viseme(name, told[name]) for name in NAMES}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"The table {PATH} is missing or damaged ({error}): reinstall the extension.") from error


def _read_viseme(name: str, told: dict[str, Any]) -> Viseme:
    from ..types import ARKIT_NAMES

    units: dict[str, float] = {}
    for unit, value in told["units"].items():
        sides = [unit] if unit in ARKIT_NAMES else [f"{unit}Left", f"{unit}Right"]
        if not set(sides) <= set(ARKIT_NAMES):
            raise KeyError(unit)
        units |= dict.fromkeys(sides, float(value))
    return Viseme(
        name, told["sounds"], told["words"], told["reason"], units, _read_tongue(told["tongue"]) if "tongue" in told else None
    )


def _read_tongue(told: dict[str, Any]) -> Tongue:
    """Millimetres in the file, metres here."""
    tip, back = ((told[key][0] / 1000, told[key][1] / 1000) if key in told else None for key in ("tip", "back"))
    return Tongue(tip, told.get("reach", 35) / 1000, told.get("thickness", 1.0), told.get("touches", False), back)
