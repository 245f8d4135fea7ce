"""The interface in five languages beside English.

Blender as a Python module has no languages at all, so what it would be given is read here; what it makes of it is seen in a whole
Blender (tests/gui's scenario `languages`).
"""

from __future__ import annotations

import json
import re
import string
import sys
import time
import types

import likeness
import pytest
from likeness import translations
from likeness.tests.tools import interface_messages

LANGUAGES = ("de", "es", "fr", "ja", "zh_HANS")
LOCALES = ("en_US", "de_DE", "es", "fr_FR", "ja_JP", "zh_HANS", "zh_HANT", "pt_BR")
ENDS = (".", "。")
WIDE = {"ja", "zh_HANS"}
LONGER = 14
"""Labels may be this many letters longer than twice the English, in which they were laid out; wide letters count twice."""


@pytest.fixture(scope="module")
def messages():
    likeness.register()
    yield interface_messages.collect_messages()
    likeness.unregister()


@pytest.fixture(params=LANGUAGES)
def language(request):
    return request.param


def placeholders(text: str) -> list[tuple[str, str]]:
    """Names and formats of {name:.0%}, sorted: languages put them in their own order."""
    return sorted((name, spec or "") for _, name, spec, _ in string.Formatter().parse(text) if name is not None)


def test_the_issues_languages_are_there():
    assert translations.LANGUAGES == LANGUAGES


def test_every_text_of_the_interface_is_in_every_language(messages, language):
    known = translations.read_language(language)
    assert {message: place for message, place in messages.items() if not known.get(message)} == {}


def test_no_language_has_texts_that_nobody_says(messages, language):
    assert sorted(translations.read_language(language).keys() - messages.keys()) == []


def test_texts_from_everywhere_are_collected(messages):
    """A collector that finds nothing would find everything translated."""
    assert {
        "Generate Head", "Who it is: the same seed always makes the same person", "Swap Sides", "Tip Height", "Reading the photo",
        "Select a head that Likeness made", "Heads from {count} Photos", "Delete This Model's File?", "nose tip", "Puff",
        "The head's bones are being edited: leave Edit Mode first (Tab)", "This head is not animated",
        "The clipboard holds no photo: copy a photo or a photo's file first.", "{minutes:.0f} min left", "Identity", "Anger",
    } <= messages.keys()  # fmt: skip
    assert len(messages) > 550


def test_no_text_is_put_together_where_no_language_can_find_it():
    assert list(interface_messages.untranslated_texts()) == []


def test_placeholders_are_those_of_the_message(language):
    for message, said in translations.read_language(language).items():
        if "{" in message:
            assert placeholders(said) == placeholders(message), message


def test_a_translation_ends_as_its_message_does(language):
    """Blender's tooltips end without a period; whole sentences of errors with one; what opens a dialog with dots."""
    for message, said in translations.read_language(language).items():
        assert said == said.strip() or message.startswith((",", ";")), message
        assert said.endswith("...") == message.endswith("..."), message
        assert said.endswith("..") or said.endswith(ENDS) == message.endswith("."), (message, said)


def test_translations_are_of_their_language(language):
    """Latin letters alone are no Japanese or Chinese, and other languages differ from English somewhere."""
    known = translations.read_language(language)
    if language in WIDE:
        names = re.compile(r"CUDA|CPU|Python|Likeness|Blender|[{].*?[}]|[\W\d_]")
        assert [m for m, said in known.items() if said.isascii() and names.sub("", said)] == []
    else:
        same = [message for message, said in known.items() if said == message]
        assert len(same) < len(known) / 20, same


def test_labels_stay_short_enough_for_the_sidebar(messages, language):
    known = translations.read_language(language)
    letters = 2 if language in WIDE else 1
    labels = [m for m in messages if len(m) <= 20 and not m.endswith(".") and "{" not in m and m[0].isupper()]
    assert [(m, known[m]) for m in labels if letters * len(known[m]) > 2 * len(m) + LONGER] == []


def test_files_are_as_translators_find_them(language):
    """Sorted, one message a line, letters as letters."""
    text = (translations.FOLDER / f"{language}.json").read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def test_blenders_locales_are_found_whatever_a_version_calls_them():
    spoken = {locale: translations.language_of_locale(locale) for locale in (*LOCALES, "zh_CN", "es_ES", "zh_TW")}
    assert {locale for locale, language in spoken.items() if language is None} == {"en_US", "zh_HANT", "pt_BR", "zh_TW"}
    assert {spoken["zh_CN"], spoken["zh_HANS"]} == {"zh_HANS"} and spoken["es_ES"] == spoken["es"] == "es"


def test_every_message_is_there_for_labels_and_for_buttons():
    given = translations.messages_of_locales(LOCALES)
    german = translations.read_language("de")
    assert set(given) == {"de_DE", "es", "fr_FR", "ja_JP", "zh_HANS"}
    for context in ("*", "Operator", translations.CONTEXT):
        assert {message: said for (where, message), said in given["de_DE"].items() if where == context} == german


@pytest.fixture
def blender_with_languages(monkeypatch):
    """bpy.app.translations of a Blender that has languages; what it was given, by name."""
    given = {}
    module = types.SimpleNamespace(locales=LOCALES, register=given.__setitem__, unregister=lambda name: given.pop(name, None))
    monkeypatch.setitem(sys.modules, "bpy", types.SimpleNamespace(app=types.SimpleNamespace(translations=module)))
    return given


def test_enabling_gives_and_disabling_takes_back(blender_with_languages):
    translations.register()
    assert list(blender_with_languages) == [translations.__name__]
    assert blender_with_languages[translations.__name__]["ja_JP"]["Operator", "Generate Head"] == "頭部を生成"
    translations.unregister()
    assert blender_with_languages == {}


def test_languages_take_little_of_the_time_to_enable(blender_with_languages):
    """Best of five: other programs on the machine are not measured."""
    times = []
    for _ in range(5):
        started = time.perf_counter()
        translations.register()
        times.append(time.perf_counter() - started)
    assert min(times) < 0.05


@pytest.fixture
def speak(monkeypatch):
    """Let sentences be looked up in a language, as Blender would."""
    from likeness.translations import sentences

    def choose(language: str):
        known = translations.read_language(language)
        monkeypatch.setattr(sentences, "rpt_", lambda message: known.get(message, message))
        return sentences.translate_sentence

    return choose


def test_sentences_with_numbers_and_names_are_found_by_their_pattern(speak):
    say = speak("de")
    assert say("The face is turned 43 degrees to the side: its hidden half is a guess.") == (
        "Das Gesicht ist um 43 Grad zur Seite gedreht: die verborgene Hälfte ist geraten."
    )
    assert say("The photo C:\\Marie {1}.jpg is empty: copy or download it again.").startswith(
        "Das Foto C:\\Marie {1}.jpg ist leer"
    )
    said = "A FLAME file: photos can be fitted with it. Its first use makes it ready (half a minute)."
    assert say(f"old.pkl was not imported. {said}") == (
        "old.pkl wurde nicht importiert. Eine FLAME-Datei: Fotos können damit angepasst werden. "
        "Beim ersten Gebrauch wird sie vorbereitet (eine halbe Minute)."
    )
    assert "Nase, Kinn (Haar" in say(
        "Something covers the nose and chin (hair, a mask, deep shadow): what lies under it is a guess."
    )


def test_a_reason_that_became_an_error_is_still_known(speak):
    reason = "The head's bones are being edited: leave Edit Mode first (Tab)"
    for language, end in (("fr", "."), ("ja", "。")):
        say = speak(language)
        assert say(f"{reason}.") == say(reason) + end != f"{reason}."


def test_names_in_sentences_stay_names(speak):
    """A photo may be called as a part of the face or a button is."""
    assert speak("de")("Head shows 2 face(s): choose a number from 0 to 1, not 4.").startswith("Head zeigt 2")


def test_unknown_sentences_and_english_stay_as_they_are(speak, monkeypatch):
    from likeness.translations import sentences

    told = "The face is turned 43 degrees to the side: its hidden half is a guess."
    assert speak("es")("Nobody has translated this.") == "Nobody has translated this."
    monkeypatch.setattr(sentences, "rpt_", lambda message: message)
    assert sentences.translate_sentence(told) == told


def test_wide_letters_wrap_to_the_sidebar_too():
    from likeness.panels.drawing import wrap_sentence

    said = translations.read_language("ja")[
        "The face is hard to recognise (dark, blurred, covered or turned away): the likeness may be poor."
    ]
    lines = wrap_sentence(said, 30)
    assert "".join(lines).replace(" ", "") == said.replace(" ", "")
    assert len(lines) == 3 and all(20 <= 2 * len(line) <= 32 for line in lines[:-1])
    assert not any(line.startswith(("、", "。")) for line in lines)
    assert wrap_sentence("four words of English", 11) == ["four words", "of English"]


def test_what_another_operator_refuses_is_told_without_blenders_prefix_of_any_language(speak):
    from likeness.operators.telling import describe_refusal

    speak("de")
    told = "Das Foto x.jpg gibt es nicht: den Pfad prüfen."
    assert describe_refusal(RuntimeError(f"Fehler: {told}\n")) == told
    polled = RuntimeError("Operator bpy.ops.likeness.repaint.poll() Select a head that Likeness made")
    assert describe_refusal(polled) == "Einen Kopf auswählen, den Likeness gemacht hat"
