"""What jobs and heads tell in whole sentences, said in Blender's language.

Rule of this file: core/ and the worker tell in English and know no language. A sentence with names and numbers in it is found by
its pattern: "{1} is empty" in the language files stands for every such sentence.
"""

from __future__ import annotations

import re
import string
from functools import lru_cache

from bpy.app.translations import pgettext_rpt as rpt_
from bpy.app.translations import pgettext_tip as tip_

from . import LANGUAGES, read_language

LIST = re.compile(r", | and ")


def translate_sentence(sentence: str) -> str:
    """The sentence in Blender's language; as it is where that is not known."""
    said = rpt_(sentence)
    if said != sentence:
        return said
    if (match := match_pattern(sentence)) is not None:
        message, parts = match
        pattern = rpt_(message)
        return pattern.format("", *map(_translate_part, parts)) if pattern != message else sentence
    reason = rpt_(sentence[:-1]) if sentence.endswith(".") else sentence
    if sentence.startswith(reason):
        return sentence
    return reason + ("." if reason.isascii() or max(reason) < "\u3000" else "。")


def without_kind(report: str) -> str:
    """What Blender's own operator said, without the "Error: " that Blender puts before it, in its language."""
    kinds = {"Error", rpt_("Error"), tip_("Error")}
    return next((report.removeprefix(f"{kind}: ") for kind in kinds if report.startswith(f"{kind}: ")), report)


def _translate_part(part: str) -> str:
    """A sentence in a sentence; or parts of the face, or a remedy, which begin with a small letter. Names stay."""
    if part.endswith("."):
        return translate_sentence(part)
    if (said := rpt_(part)) != part and part[:1].islower():
        return said
    return ", ".join(rpt_(word) for word in LIST.split(part)) if part[:1].islower() else part


@lru_cache(maxsize=64)
def match_pattern(sentence: str) -> tuple[str, tuple[str, ...]] | None:
    """The message whose pattern the sentence has, and what stands for {1}, {2} ...; None without one."""
    for pattern, message in patterns():
        if found := pattern.fullmatch(sentence):
            return message, found.groups()
    return None


@lru_cache
def patterns() -> list[tuple[re.Pattern[str], str]]:
    """Those that say most first, so that none hides a more exact one."""
    messages = [message for message in read_language(LANGUAGES[0]) if "{1}" in message]
    return [(_pattern_of(message), message) for message in sorted(messages, key=lambda message: (-len(message), message))]


def _pattern_of(message: str) -> re.Pattern[str]:
    pieces = [re.escape(text) + ("(.+?)" if name else "") for text, name, _, _ in string.Formatter().parse(message)]
    return re.compile("".join(pieces), re.DOTALL)
