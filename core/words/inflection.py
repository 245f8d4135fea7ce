"""English words without their inflection: stems, comparatives and superlatives.

Rule of this file: letters alone decide. A stem need be no word: two words are one where their stems are the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

WORD = re.compile(r"[a-z0-9']+")
BASE, COMPARATIVE, SUPERLATIVE = "base", "comparative", "superlative"
IRREGULAR = {"further": ("far", COMPARATIVE), "farther": ("far", COMPARATIVE), "furthest": ("far", SUPERLATIVE)}
UNCHANGED = {"earring", "nothing", "wing"}


def split_words(text: str) -> tuple[str, ...]:
    """Lower-case words of a phrase: "Wide-eyed" -> ("wide", "eyed")."""
    return tuple(WORD.findall(text.lower()))


def stem(word: str) -> str:
    """A word without its English inflection; words of one stem are taken for one word."""
    if len(word) <= 3 or word in UNCHANGED:
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    for ending in ("ches", "shes", "xes", "sses"):
        if word.endswith(ending):
            return word[:-2]
    if word.endswith("s") and not word.endswith("ss"):
        word = word[:-1]
    if word in UNCHANGED:
        return word
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            if word[-1] == word[-2] and word[-1] not in "sl":
                word = word[:-1]
            break
    return word[:-1] if word.endswith("e") and len(word) > 3 else word


def stem_all(words: tuple[str, ...]) -> tuple[str, ...]:
    """The stems of a phrase's words."""
    return tuple(map(stem, words))


def compare(word: str) -> Iterator[tuple[str, str]]:
    """What a word may be the comparative or superlative of, with the form: "bigger" -> ("big", COMPARATIVE) among others."""
    if word in IRREGULAR:
        yield IRREGULAR[word]
    for ending, form in (("er", COMPARATIVE), ("est", SUPERLATIVE)):
        if word.endswith(ending) and len(word) >= len(ending) + 2:
            root = word[: -len(ending)]
            yield root, form
            yield root + "e", form
            if root.endswith("i"):
                yield root[:-1] + "y", form
            if len(root) > 2 and root[-1] == root[-2]:
                yield root[:-1], form


def inflect(word: str) -> Iterator[str]:
    """A word and its regular forms, as they are spelt: wide, wides, wider, widest, wided, widing."""
    yield word
    yield word + ("es" if word.endswith(("s", "x", "ch", "sh")) else "s")
    is_doubled = re.fullmatch(r"[^aeiou]*[aeiou][bdgmnpt]", word) is not None
    bare = word.removesuffix("e")
    soft = word[:-1] + "i" if word.endswith("y") else word + word[-1] if is_doubled else bare
    yield from (soft + ending for ending in ("er", "est", "ed"))
    yield (word if word.endswith("y") else soft) + "ing"
