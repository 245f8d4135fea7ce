"""From a draft to a wish: what a quality, an amount, an expression or a slider asks for, with all that was said around it.

Rule of this file: every draft becomes a wish or a sentence that says why it is none.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import cast

from .inflection import BASE, COMPARATIVE, SUPERLATIVE
from .lexicon import Effect, Expression, Lexicon, Quality
from .tokens import Token

PERSON = "person"
AGE = Token("slider", (Effect("age"), Effect("skin.age")), "age")
"""What a number behind "man" is: "a man of 60"."""
MANNERS = ("step", "shift", "reach", "end", "set", "become", "none", "hold")
"""What a wish asks of its sliders: so many steps; so many of their units; clearly to have the quality (a degree); all there is; a
value; its effects' own values; none; to stay."""


@dataclass(frozen=True)
class Wish:
    """One thing that was asked for. words: as it was said; effects: sliders with signed shares, or expression; manner: of
    MANNERS; size: steps, units, degree or value; unit: of a shift or a value ('' as the slider has it); side: '', 'Left' or
    'Right'."""

    words: str
    effects: tuple[Effect, ...]
    expression: Expression | None
    manner: str
    size: float = 1.0
    unit: str = ""
    side: str = ""


@dataclass
class Modifiers:
    """What stands before a quality and waits for it."""

    degree: float = 1.0
    direction: int = 0
    is_most: bool = False
    is_denied: bool = False
    number: tuple[float, str, bool] | None = None
    side: str = ""
    words: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not self.words


@dataclass
class Draft:
    """A quality, amount, slider or expression, and what has been found out about it."""

    token: Token
    modifiers: Modifiers
    topic: str
    topic_words: str
    is_said_of_topic: bool
    part: str = ""
    part_words: str = ""
    behind: list[str] = field(default_factory=list)
    is_open: bool = True


def make_wish(lexicon: Lexicon, draft: Draft) -> Wish | str:
    """What a draft asks for, or why it asks for nothing."""
    token = draft.token
    words = describe_draft(lexicon, draft)
    if token.kind in ("quality", "verb"):
        return _wish_quality(lexicon, draft, words)
    if token.kind in ("value", "kind"):
        return _wish_values(draft, words, cast(tuple[Effect, ...], token.value))
    return _wish_expression(draft, words) if token.kind == "expression" else _wish_amount(draft, words)


def describe_draft(lexicon: Lexicon, draft: Draft) -> str:
    """The words that a draft was made of, in about the order in which they were said."""
    token, noun = draft.token, draft.part_words
    if token is AGE:
        return " ".join((token.text, *draft.modifiers.words))
    if token.kind in ("quality", "verb") and not lexicon.find_qualities(str(token.value), draft.part):
        noun = ""
    return " ".join(" ".join((*draft.modifiers.words, token.text, noun, *draft.behind)).split())


def _wish_quality(lexicon: Lexicon, draft: Draft, words: str) -> Wish | str:
    said, modifiers = str(draft.token.value), draft.modifiers
    found = ((part, lexicon.find_qualities(said, part)) for part in (draft.part, draft.topic, PERSON) if part)
    part, senses = next(((part, senses) for part, senses in found if senses), ("", ()))
    if not senses:
        parts = list(dict.fromkeys(lexicon.parts_of(said)))
        if len(parts) != 1 or draft.part or draft.topic not in ("", PERSON, "face"):
            return _say_of_what(draft, words, parts)
        senses = lexicon.find_qualities(said, parts[0])
    if part and part == draft.topic and not draft.part:
        words = f"{draft.topic_words} {words}"
    is_compared = draft.token.form != BASE or modifiers.direction != 0 or modifiers.number is not None
    quality = next((quality for quality in senses if _sets(quality) != is_compared), senses[0])
    if _sets(quality):
        return _wish_values(draft, words, quality.effects)
    return _wish_of_sliders(words, quality.effects, quality.pole, draft.token.form, modifiers)


def _sets(quality: Quality) -> bool:
    return quality.effects[0].value is not None


def _say_of_what(draft: Draft, words: str, parts: list[str]) -> str:
    named = draft.part or draft.topic
    if named and named != PERSON and parts:
        return f"'{words}': that is not said of the {named.replace('_', ' ')}"
    if parts:
        return f"'{words}': say of what ({', '.join(part.replace('_', ' ') for part in parts[:6])})"
    return f"'{words}' not understood"


def _wish_of_sliders(words: str, effects: tuple[Effect, ...], pole: int, form: str, modifiers: Modifiers) -> Wish:
    sign = pole * (modifiers.direction or 1)
    is_compared = form != BASE or bool(modifiers.direction)

    def wish(manner: str, size: float, unit: str = "", sign: int = sign) -> Wish:
        signed = tuple(replace(effect, share=sign * effect.share) for effect in effects)
        return Wish(words, signed, None, manner, size, unit)

    if modifiers.number is not None:
        number, unit, is_signed = modifiers.number
        if is_compared or is_signed or unit in ("percent", "sd", "years"):
            return wish("shift", number * (-1 if modifiers.is_denied else 1), unit)
        return wish("set", number, unit)
    if modifiers.is_denied and form == COMPARATIVE and not modifiers.direction:
        return wish("hold", 0)
    if modifiers.is_denied:
        return wish("step", modifiers.degree, sign=-sign)
    if form == SUPERLATIVE or modifiers.is_most:
        return wish("end", 1)
    return wish("step" if is_compared else "reach", modifiers.degree)


def _wish_values(draft: Draft, words: str, effects: tuple[Effect, ...]) -> Wish | str:
    return f"'{words}': say what it should be instead" if draft.modifiers.is_denied else Wish(words, effects, None, "become")


def _wish_amount(draft: Draft, words: str) -> Wish | str:
    modifiers, form = draft.modifiers, draft.token.form
    effects = cast(tuple[Effect, ...], draft.token.value)
    is_bare = not (modifiers.direction or modifiers.number or modifiers.is_denied or modifiers.degree != 1)
    if draft.token.kind == "slider" and is_bare:
        return f"'{words}': say how much"
    if modifiers.is_denied and modifiers.number is None and not modifiers.direction and form == BASE:
        return Wish(words, effects, None, "none")
    if modifiers.number is not None and not modifiers.direction and not modifiers.number[2]:
        number, unit, _ = modifiers.number
        return Wish(words, effects, None, "set", number, unit)
    return _wish_of_sliders(words, effects, 1, form, modifiers)


def _wish_expression(draft: Draft, words: str) -> Wish:
    modifiers, form = draft.modifiers, draft.token.form
    expression = cast(Expression, draft.token.value)

    def wish(manner: str, size: float = 1.0) -> Wish:
        return Wish(words, (), expression, manner, size, side=modifiers.side)

    if modifiers.number is not None:
        number, unit, is_signed = modifiers.number
        amount = number / 100 if unit == "percent" else number
        if modifiers.direction or is_signed or form != BASE:
            return wish("shift", amount * (modifiers.direction or 1))
        return wish("set", amount)
    if modifiers.is_denied:
        return wish("hold" if form == COMPARATIVE else "none")
    if form == SUPERLATIVE or modifiers.is_most:
        return wish("end", modifiers.direction or 1)
    if form == COMPARATIVE or modifiers.direction:
        return wish("step", modifiers.degree * (modifiers.direction or 1))
    return wish("reach", modifiers.degree)
