"""The lexicon: which words there are and what they mean for the sliders (data/lexicon.txt).

Rule of this file: it knows words one at a time; how they go together is grammar.py's, how far sliders move is plan.py's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from ..appearance.catalogue import NAMES as SKIN_NAMES
from ..config import DATA_DIR, PACKAGE_DIR
from ..head.expressions import read_expression
from ..identity.catalogue import NAMES as TRAIT_NAMES
from ..types import ARKIT_NAMES
from .inflection import inflect, split_words, stem_all

PATH = DATA_DIR / "lexicon.txt"
PRESETS = PACKAGE_DIR / "presets" / "likeness" / "expression"
DETERMINERS = {"the", "a", "an", "his", "her", "their", "its", "my", "your", "both", "only"}
SKIN = "skin."


@dataclass(frozen=True)
class Effect:
    """A slider (a trait, "skin." and a number, or a unit of the face) and its share of a step, or the value that it is set to."""

    slider: str
    share: float = 1.0
    value: float | None = None


@dataclass(frozen=True)
class Expression:
    """What the face does: units' values; is_whole: it takes the place of what the face shows; ends: what units that it puts to
    rest begin with."""

    name: str
    units: tuple[tuple[str, float], ...]
    is_whole: bool = False
    ends: tuple[str, ...] = ()


@dataclass(frozen=True)
class SkinScale:
    """How one number of the skin is spoken of: its name in a sentence, a step, none of it, a little and much of it."""

    said: str
    step: float
    none: float
    little: float
    much: float


@dataclass(frozen=True)
class Quality:
    """What a quality does to a part: the sliders that move, up (1) or down (-1)."""

    effects: tuple[Effect, ...]
    pole: int


@dataclass(frozen=True)
class Meaning:
    """One sense of a word or phrase: its kind (part, quality, amount, value, kind, verb, expression, slider, missing, degree,
    more, less, most, least, not, side, filler) and what it stands for; note: what is said of it wherever it is met."""

    kind: str
    value: Any
    note: str = ""


@dataclass(frozen=True)
class Lexicon:
    """meanings: phrases (tuples of words) as they are written; stems: the same by their stems; parents: parts whose words a part
    takes; doings: expressions of several words, by their stems without articles, sorted; qualities: (word, part) -> its senses;
    multipliers: what a quality is for amounts; skin, steps: the sliders' scales; vocabulary: all words that occur in a phrase,
    and their forms."""

    meanings: dict[tuple[str, ...], tuple[Meaning, ...]]
    stems: dict[tuple[str, ...], tuple[Meaning, ...]]
    parents: dict[str, str]
    doings: dict[tuple[str, ...], Expression]
    qualities: dict[tuple[str, str], tuple[Quality, ...]]
    multipliers: dict[str, float]
    skin: dict[str, SkinScale]
    steps: dict[str, float]
    vocabulary: frozenset[str]

    def find_qualities(self, word: str, part: str) -> tuple[Quality, ...]:
        """The senses of a word for a part, or for what the part belongs to; () where it says nothing of it."""
        while part:
            if found := self.qualities.get((word, part)):
                return found
            part = self.parents.get(part, "")
        return ()

    def parts_of(self, word: str) -> list[str]:
        """The parts that a quality can be said of."""
        return [part for other, part in self.qualities if other == word]


@cache
def load_lexicon() -> Lexicon:
    """data/lexicon.txt, once a process."""
    sections = _read_sections(PATH.read_text(encoding="utf-8"))
    found: dict[tuple[str, ...], list[Meaning]] = {}
    parts = {stem_all(split_words(word)): split_words(word) for _, words, _ in sections["parts"] for word in _split(words)}
    amounts = {stem_all(split_words(phrase)) for words, _ in sections["amounts"] for phrase in _split(words)}
    for words, meaning in _list_meanings(sections):
        for phrase in words:
            key = split_words(phrase)
            if meaning.kind == "slider" and stem_all(key) in amounts:
                continue  # "freckles" is an amount as "freckle" is
            if meaning.kind == "slider":
                key = parts.get(stem_all(key), key)  # "cheekbones" is a part first
            senses = found.setdefault(key, [])
            if meaning not in senses:
                senses.append(meaning)
    stems: dict[tuple[str, ...], list[Meaning]] = {}
    for key, meanings in found.items():
        stems.setdefault(stem_all(key), []).extend(meanings)
    qualities: dict[tuple[str, str], list[Quality]] = {}
    for words, part, quality in _list_qualities(sections["qualities"]):
        for word in words:
            qualities.setdefault((word, part), []).append(quality)
    return Lexicon(
        meanings={key: tuple(senses) for key, senses in found.items()},
        stems={key: tuple(senses) for key, senses in stems.items()},
        parents={name.strip(): "" if parent.strip() == "-" else parent.strip() for name, _, parent in sections["parts"]},
        doings=_list_doings(found),
        qualities={key: tuple(senses) for key, senses in qualities.items()},
        multipliers={word: float(x) for words, x in sections["both poles"] for word in _split(words)},
        skin={name.strip(): SkinScale(said.strip(), *map(float, numbers)) for name, said, *numbers in sections["skin"]},
        steps={name.strip(): float(step) for name, step in sections["steps"]},
        vocabulary=frozenset(form for key in found for word in key for form in inflect(word)),
    )


def _list_doings(found: dict[tuple[str, ...], list[Meaning]]) -> dict[tuple[str, ...], Expression]:
    doings: dict[tuple[str, ...], Expression] = {}
    for words, senses in found.items():
        bare = tuple(word for word in words if word not in DETERMINERS)
        if senses[0].kind == "expression" and len(bare) > 1:
            doings.setdefault(tuple(sorted(stem_all(bare))), senses[0].value)
    return doings


def _read_sections(text: str) -> dict[str, list[list[str]]]:
    sections: dict[str, list[list[str]]] = {}
    lines: list[list[str]] = []
    for line in (line.strip() for line in text.splitlines()):
        if line.startswith("["):
            lines = sections.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            lines.append([cell.strip() for cell in line.split(" : ")])
    return sections


def _split(cell: str) -> list[str]:
    return [word for word in (part.strip() for part in cell.split(",")) if word and word != "-"]


def _list_meanings(sections: dict[str, list[list[str]]]) -> Iterator[tuple[list[str], Meaning]]:
    """Phrases with one meaning each, those first that are taken where a word has several."""
    for words, said in sections["missing"]:
        yield _split(words), Meaning("missing", said)
    for kind, section in (("value", "values"), ("kind", "kinds")):
        for words, effects, *note in sections[section]:
            yield _split(words), Meaning(kind, _read_effects(effects), *note)
    for words, *told in sections["expressions"]:
        yield _split(words), Meaning("expression", _read_expression(_split(words)[0], *told))
    for words, effects in sections["amounts"]:
        yield _split(words), Meaning("amount", _read_effects(effects))
    for part, words, _ in sections["parts"]:
        yield _split(words), Meaning("part", part)
    for words, quality in sections["verbs"]:
        yield _split(words), Meaning("verb", quality)
    qualities = [word for listed, _, _ in _list_qualities(sections["qualities"]) for word in listed]
    for word in (*qualities, *(word for line in sections["both poles"] for word in _split(line[0]))):
        yield [word], Meaning("quality", word)
    yield from _list_sliders()
    for words, multiple in sections["degrees"]:
        yield _split(words), Meaning("degree", float(multiple))
    for line in sections["sides"]:
        yield _split(line[0]), Meaning("side", _split(line[0])[0].capitalize())
    for kind in ("more", "less", "most", "least", "not"):
        yield [word for line in sections[kind] for word in _split(line[0])], Meaning(kind, None)
    yield [word for line in sections["fillers"] for word in _split(line[0])], Meaning("filler", None)


def _list_sliders() -> Iterator[tuple[list[str], Meaning]]:
    """Every slider by its own name, and age as the age of all."""
    yield ["age"], Meaning("slider", (Effect("age"), Effect(SKIN + "age")))
    yield ["skin age", "age of the skin"], Meaning("slider", (Effect(SKIN + "age"),))
    yield ["sex", "maleness"], Meaning("slider", (Effect("male"),))
    yield ["skin tone", "tone", "tone of the skin"], Meaning("slider", (Effect(SKIN + "tone"),))
    for name in TRAIT_NAMES:
        if name not in ("age", "male"):
            yield [name.replace("_", " "), name.replace("_", "")], Meaning("slider", (Effect(name),))
    for name in SKIN_NAMES:
        if name != "age":
            yield [name.replace("_", " "), "skin " + name.replace("_", " ")], Meaning("slider", (Effect(SKIN + name),))
    for unit in ARKIT_NAMES:
        yield [unit], Meaning("expression", Expression(unit, ((unit, 1.0),)))


def _list_qualities(lines: list[list[str]]) -> Iterator[tuple[list[str], str, Quality]]:
    for parts, words, effects in lines:
        for part in _split(parts):
            for pole, poles_words in zip((1, -1), words.split(" / "), strict=True):
                yield _split(poles_words), part, Quality(_read_effects(effects), pole)


def _read_effects(cell: str) -> tuple[Effect, ...]:
    """'nose_width 0.7, age=50' -> effects."""
    effects = []
    for part in _split(cell):
        slider, equals, value = part.partition("=")
        name, _, share = part.partition(" ")
        effects.append(Effect(slider, value=float(value)) if equals else Effect(name, float(share or 1)))
    return tuple(effects)


def _read_expression(name: str, told: str = "-", ends: str = "") -> Expression:
    is_whole = told.startswith("whole")
    told = told.removeprefix("whole").strip()
    if told.startswith("preset "):
        units = read_expression(PRESETS / f"{told.removeprefix('preset ')}.py")
    else:
        units = {unit: float(value) for unit, value in (part.split() for part in _split(told))}
    return Expression(name, tuple(units.items()), is_whole, tuple(_split(ends)))
