"""From a person's text to tokens: phrases of the lexicon, numbers with their units, breaks between clauses, and what is neither.

Rule of this file: the longest phrase wins; a word as it is written wins over its inflections, these over a slip of the pen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .inflection import BASE, COMPARATIVE, compare, stem_all
from .lexicon import DETERMINERS, Lexicon, Meaning, load_lexicon

LONGEST_PHRASE = 7
SHORTEST_MISSPELT = 5
"""Shorter words are too near to others for their slips to be guessed."""
WEAK_BREAKS = {
    ",": False, "and": False, "&": False, "plus": False, "/": False, "but": False, "yet": False, "or": True, "nor": True,
}  # fmt: skip
"""Between members of a list; True: what was denied before is denied after."""
STRONG_BREAKS = {"with", "while", "though", "although", "except", ";", ".", "!", "?"}
UNITS = {
    "mm": ("mm", 1.0), "millimetre": ("mm", 1.0), "millimeter": ("mm", 1.0), "cm": ("mm", 10.0), "centimetre": ("mm", 10.0),
    "centimeter": ("mm", 10.0), "year": ("years", 1.0), "yr": ("years", 1.0), "decade": ("years", 10.0),
    "percent": ("percent", 1.0), "sd": ("sd", 1.0), "sigma": ("sd", 1.0),
}  # fmt: skip
"""Word -> the unit of sliders and how many of it."""
SMALL_NUMBERS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
    "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
DECADES = {name.removesuffix("y") + "ies": tens for name, tens in TENS.items()}
PLACES_IN_DECADE = {"early": 2, "mid": 5, "late": 8, "": 5}
INNER = {"degree", "side", "not", "more", "less", "most"}
"""Kinds of words that may stand within a phrase about the face."""
UNGUESSED = {"filler", "missing"}
"""Kinds of words whose slips are left alone: other words are as near to them."""
PIECE = re.compile(r"[+-]?\d+(?:\.\d+)?|[^\W\d_](?:[^\W_]|')*|[,;.!?&/]")


@dataclass(frozen=True)
class Token:
    """kind: a Meaning's, or 'number' (value: (number, unit or "", is_signed)), 'weak' (value: whether it passes a denial on),
    'strong', 'unknown'; text: as it was written; form: of a quality or expression; senses: all meanings; read_as: what a misspelt
    word was taken for; is_possessive: of "the man's"."""

    kind: str
    value: object
    text: str
    form: str = BASE
    senses: tuple[Meaning, ...] = ()
    read_as: str = ""
    is_possessive: bool = False


def read_tokens(text: str) -> list[Token]:
    """A person's text as tokens; fillers are among them."""
    lexicon, written = load_lexicon(), PIECE.findall(_normalise(text))
    pieces = [_correct(lexicon, piece) for piece in written]
    tokens: list[Token] = []
    place = 0
    while place < len(pieces):
        loose = _read_loosely(lexicon, pieces, place)
        token, length = _read_one(lexicon, pieces, place)
        if loose is not None and loose[1] > length:
            found, length = loose
        else:
            found = [replace(token, text=" ".join(written[place : place + length]))]
        part = slice(place, place + length)
        read_as = " ".join(pieces[part]) if pieces[part] != written[part] else ""
        tokens += [*found[:-1], replace(found[-1], read_as=read_as)]
        place += length
    return tokens


def _normalise(text: str) -> str:
    """Lower case, one way to write ages, percentages, halves, and measures of parts ("width of the nose": "nose width")."""
    text = text.lower().replace("\u2019", "'").replace("%", " percent ").replace("per cent", "percent")
    text = re.sub(r"(?<=\d),(?=\d)", ".", text)
    text = re.sub(r"(?<=[a-z0-9])-|-(?!\d)", " ", text)
    tens = "|".join(TENS)
    units = "|".join(SMALL_NUMBERS)
    text = re.sub(rf"\b({tens})\s+({units})\b", lambda m: str(TENS[m[1]] + SMALL_NUMBERS[m[2]]), text)
    text = re.sub(rf"\b({tens})\b", lambda m: str(TENS[m[1]]), text)
    text = re.sub(r"\bhalf an? (?=cm|centi|mm|milli|year)", "0.5 ", text)
    text = re.sub(r"\bhalf an? (?=decade)", "0.5 ", text)
    text = re.sub(r"(?:\baged? )?(\d+)\s*(?:years?|yrs?|y)\s*(?:of age|olds?|o)\b", r" age \1 ", text)
    text = re.sub(r"\b(?:older|younger) than (?=\d+\b(?! ?(?:mm|cm|percent)))", " age ", text)
    text = re.sub(r"\b(?:aged|at the age of|at age|age of)\s+(?=\d)", " age ", text)
    text = re.sub(rf"\b(?:in (?:his|her|their|the|its)\s+)?(early|mid|late|)\s*({'|'.join(DECADES)})\b", _decade, text)
    text = re.sub(r"\bin (?:his|her|their|the|its)\s+(early|mid|late|)\s*([2-9]0)'?s\b", _decade, text)
    measures = "width|length|height|spacing|tilt|depth|opening|protrusion|breadth|projection|fullness|slope"
    return re.sub(rf"\b({measures}) of (?:the |his |her |their |its |both )*([a-z]+(?: bridge| tip| lip)?)\b", r"\2 \1", text)


def _decade(match: re.Match[str]) -> str:
    start = DECADES[match[2]] if match[2] in DECADES else int(match[2])
    return f" age {start + PLACES_IN_DECADE[match[1]]} "


def _read_one(lexicon: Lexicon, pieces: list[str], place: int) -> tuple[Token, int]:
    """The token that begins at `place`, and how many pieces it takes."""
    piece = pieces[place]
    if (token := _read_number(pieces, place)) is not None:
        return token
    for length in range(min(LONGEST_PHRASE, len(pieces) - place), 0, -1):
        words = pieces[place : place + length]
        if (found := _look_up(lexicon, tuple(words))) is not None:
            return found, length
        if words[-1].endswith("'s") and (found := _look_up(lexicon, (*words[:-1], words[-1].removesuffix("'s")))) is not None:
            return replace(found, is_possessive=True), length
    if piece in WEAK_BREAKS:
        return Token("weak", WEAK_BREAKS[piece], ""), 1
    if piece in STRONG_BREAKS:
        return Token("strong", None, ""), 1
    return Token("unknown", None, ""), 1


def _read_number(pieces: list[str], place: int) -> tuple[Token, int] | None:
    """A number, with its unit where one follows. A number in a word counts only before a unit: "one eye" is no number."""
    piece, following = pieces[place], pieces[place + 1] if place + 1 < len(pieces) else ""
    unit, scale = UNITS.get(following, UNITS.get(following.removesuffix("s"), ("", 1.0)))
    if piece[-1].isdigit() and not piece[0].isalpha():
        number = float(piece)
    elif unit and piece in SMALL_NUMBERS:
        number = float(SMALL_NUMBERS[piece])
    elif unit and piece in ("a", "an"):
        number = 1.0
    else:
        return None
    return Token("number", (number * scale, unit, piece[0] in "+-"), ""), 1 + bool(unit)


def _read_loosely(lexicon: Lexicon, pieces: list[str], place: int) -> tuple[list[Token], int] | None:
    """What a face does, said in any order and with degrees, sides and denials in between: "eyes not quite closed"."""
    for length in range(min(LONGEST_PHRASE, len(pieces) - place), 1, -1):
        words = pieces[place : place + length]
        inner, rest = _sift(lexicon, words)
        if len(rest) < 2 or words[0] != rest[0] or words[-1] != rest[-1]:
            continue
        if (expression := lexicon.doings.get(tuple(sorted(stem_all(tuple(rest)))))) is not None:
            return [*inner, Token("expression", expression, " ".join(rest))], length
    return None


def _sift(lexicon: Lexicon, words: list[str]) -> tuple[list[Token], list[str]]:
    """Words that change how much, as tokens, and the others, without articles."""
    inner, rest, place = [], [], 0
    while place < len(words):
        for length in (3, 2, 1):
            phrase = tuple(words[place : place + length])
            senses = lexicon.meanings.get(phrase, ())
            if senses and senses[0].kind in INNER:
                inner.append(replace(_token(senses), text=" ".join(phrase)))
                place += length - 1
                break
        else:
            rest += [words[place]] if words[place] not in DETERMINERS else []
        place += 1
    return inner, rest


def _look_up(lexicon: Lexicon, words: tuple[str, ...]) -> Token | None:
    """A phrase as it stands in the lexicon, or by its stems, or with one of its words compared."""
    if senses := lexicon.meanings.get(words):
        return _token(senses)
    for place, word in enumerate(words):
        for root, form in compare(word):
            compared = lexicon.meanings.get((*words[:place], root, *words[place + 1 :]), ())
            senses = tuple(meaning for meaning in compared if meaning.kind == "quality")
            if not senses and len(words) == 1:
                senses = tuple(meaning for meaning in compared if meaning.kind in ("expression", "amount"))
            if senses:
                return replace(_token(senses), form=form)
    if senses := lexicon.stems.get(stem_all(words)):
        return _token(senses)
    return None


def _token(senses: tuple[Meaning, ...]) -> Token:
    first = senses[0]
    form = COMPARATIVE if first.kind == "verb" else BASE
    return Token(first.kind, first.value, "", form, senses)


def _correct(lexicon: Lexicon, word: str) -> str:
    """The one word of the lexicon that a longer word, which says nothing, is one slip away from; else the word itself."""
    is_known = word in lexicon.vocabulary or _look_up(lexicon, (word,)) is not None or word in STRONG_BREAKS or "'" in word
    if is_known or len(word) < SHORTEST_MISSPELT or not word.isalpha():
        return word
    near = {slip for slip in _slips(word) if slip[0] == word[0] and len(slip) >= SHORTEST_MISSPELT - 1} & lexicon.vocabulary
    senses = {slip: token for slip in near if (token := _look_up(lexicon, (slip,))) is not None and token.kind not in UNGUESSED}
    meant = {(token.kind, str(token.value), token.form) for token in senses.values()}
    return min(senses) if len(meant) == 1 else word


def _slips(word: str) -> Iterator[str]:
    """Words one letter away: one left out, put in, exchanged, or two turned round."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    for i in range(len(word) + 1):
        head, tail = word[:i], word[i:]
        if tail:
            yield head + tail[1:]
            yield from (head + letter + tail[1:] for letter in letters)
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
        yield from (head + letter + tail for letter in letters)
