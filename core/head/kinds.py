"""What each part of a head is made of, by the part's name; materials in Blender and in exports ask here."""

from __future__ import annotations

from collections.abc import Sequence

KINDS = ("skin", "eye", "cornea", "teeth", "tongue", "lashes")
WORDS = {"cornea": "cornea", "teeth": "teeth", "gums": "teeth", "tongue": "tongue", "lash": "lashes", "eye": "eye"}
"""A word in a part's name -> its kind; the first that fits wins."""


def kind_of_part(part: str) -> str:
    """'left_cornea' -> 'cornea', 'upper_teeth' -> 'teeth', ...; what has no kind of its own is skin."""
    return next((kind for word, kind in WORDS.items() if word in part), "skin")


def kinds_of_parts(parts: Sequence[str]) -> list[str]:
    """The kinds that occur, in KINDS' order."""
    occurring = {kind_of_part(part) for part in parts}
    return [kind for kind in KINDS if kind in occurring]
