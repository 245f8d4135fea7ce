"""What an artist can change about a finished head's skin: its numbers with what they mean, in the order of a panel.

Rule of this file: plain Python, imported when the extension is enabled; what a number does is in albedo.py, and its range is
parameters.RANGES'.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SkinNumber:
    """One slider: its group in the panel, the ends of its range, what is usual, what it does in a sentence, and the
    decimals that count."""

    name: str
    label: str
    group: str
    lowest: float
    highest: float
    usual: float
    description: str
    decimals: int = 2


GROUPS = ("Tone", "Colour Zones", "Lips", "Marks", "Age", "Hair")

NUMBERS = (
    SkinNumber("melanin", "Melanin", "Tone", 0.05, 11, 0.55,
               "How much brown pigment the skin has: 0.05 is the palest person, 0.5 light, 1.5 brown, 5 dark, 11 the deepest"),
    SkinNumber("blood", "Blood", "Tone", -0.75, 1, 0,
               "How much blood colours the skin: below 0 paler and yellower, above 0 ruddier (0.7 is twice as much)"),
    SkinNumber("zone_contrast", "Contrast", "Tone", 0, 2.5, 1,
               "How much darker forehead, lids and neck are than the cheeks: 0 not at all, 1 as usual"),
    SkinNumber("mottling", "Unevenness", "Tone", 0, 3, 1, "How blotchy the skin's colour is: 0 even, 1 as usual"),
    SkinNumber("flush_cheeks", "Cheeks", "Colour Zones", -0.2, 1, 0.26, "How red the cheeks are: 0 as all skin, 0.26 as usual"),
    SkinNumber("flush_nose", "Nose", "Colour Zones", -0.2, 1, 0.28, "How red the nose is: 0 as all skin, 0.28 as usual"),
    SkinNumber("flush_ears", "Ears", "Colour Zones", -0.2, 1, 0.35, "How red the ears are: 0 as all skin, 0.35 as usual"),
    SkinNumber("under_eye", "Under Eyes", "Colour Zones", 0, 3, 1, "How dark the skin below the eyes is: 0 not, 1 as usual"),
    SkinNumber("lip_blood", "Redness", "Lips", -1, 1, 0, "How red the lips are beside what is usual on such skin (0)"),
    SkinNumber("lip_melanin", "Darkness", "Lips", -1, 1, 0, "How brown the lips are beside what is usual on such skin (0)"),
    SkinNumber("freckles", "Freckles", "Marks", 0, 1, 0, "How many freckles there are, and how dark: 0 none, 1 all over"),
    SkinNumber("moles", "Moles", "Marks", 0, 1, 0.2, "How many moles there are: 0 none, 1 many"),
    SkinNumber("age", "Age", "Age", 18, 90, 30,
               "The skin's age in years: lines, spots, yellowing. A photo's own lines stay; those of this age are added", 0),
    SkinNumber("wrinkles", "Lines", "Age", 0, 3, 1, "How deep the lines of age are: 0 none, 1 as usual at that age"),
    SkinNumber("stubble", "Beard", "Hair", 0, 1, 0, "Shaved hairs on cheeks, chin and upper lip: 0 none, 1 dense"),
    SkinNumber("scalp_stubble", "Scalp", "Hair", 0, 1, 0, "Shaved hairs where the head's hair grows: 0 none, 1 dense"),
)  # fmt: skip
NAMES = tuple(number.name for number in NUMBERS)
IN_RELIEF = ("age", "wrinkles")
"""Numbers that change the surface's relief too, not its colour alone."""
RELIEF = ("displacement", "normal", "roughness")
"""The textures that show it."""
