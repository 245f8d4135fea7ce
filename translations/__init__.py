"""The interface in other languages: what Blender is given when the extension is enabled.

Rule of this room: a file a language, message -> translation, sorted, one message a line, in UTF-8. A message is the English text
as the code has it. Blender looks its own translations up first, so a word that Blender has is Blender's word; where that would
be another thing ("Expression" as a formula), the code asks in CONTEXT, which only these files answer.
"""

from __future__ import annotations

import json
from pathlib import Path

CONTEXT = "Likeness"
CONTEXTS = ("*", "Operator", CONTEXT)
"""Blender's for interface texts in general, its for the names of operators, and ours."""
FOLDER = Path(__file__).parent
LANGUAGES = tuple(sorted(path.stem for path in FOLDER.glob("*.json")))
"""'de', 'es', 'fr', 'ja', 'zh_HANS'."""
SIMPLIFIED_CHINESE = {"zh_CN", "zh_HANS"}
"""Blender's names for it before and since 4.0."""


def register() -> None:
    """Give Blender the languages that it has; one without translations (Blender as a Python module) is given none."""
    import bpy

    if messages := messages_of_locales(bpy.app.translations.locales):
        bpy.app.translations.register(__package__, messages)


def unregister() -> None:
    """Take them back."""
    import bpy

    bpy.app.translations.unregister(__package__)


def messages_of_locales(locales: tuple[str, ...]) -> dict[str, dict[tuple[str, str], str]]:
    """Blender's locales ('de_DE', 'es') -> those that are translated, with (context, message) -> translation."""
    spoken = {locale: language_of_locale(locale) for locale in locales}
    languages = {
        language: {(context, message): said for message, said in read_language(language).items() for context in CONTEXTS}
        for language in sorted({language for language in spoken.values() if language})
    }
    return {locale: languages[language] for locale, language in spoken.items() if language}


def language_of_locale(locale: str) -> str | None:
    """'es_ES' -> 'es', 'zh_CN' -> 'zh_HANS', None for what is not translated (Traditional Chinese is not)."""
    language = "zh_HANS" if locale in SIMPLIFIED_CHINESE else locale.partition("_")[0]
    return language if language in LANGUAGES else None


def read_language(language: str) -> dict[str, str]:
    """Message -> translation."""
    messages: dict[str, str] = json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    return messages
