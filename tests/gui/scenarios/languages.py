"""The sidebar in every language: a head, its panels, and what Blender answers when it looks a label up."""

import sys
from pathlib import Path

import addon_utils
import bpy

sys.path.insert(0, str(Path(__file__).parent))
from window import PACKAGE, PHOTO, report, wait_idle

LABELS = (("Operator", "Generate Head"), ("Likeness", "Expression"), ("*", "Select a head that Likeness made"))


def look_up():
    texts = bpy.app.translations
    return [texts.pgettext_iface(message, context) for context, message in LABELS]


def steps():
    yield 2
    locales = set(bpy.app.translations.locales)
    report(locales=sorted(locales))
    if not locales:
        return
    view = bpy.context.preferences.view
    with ctx():
        bpy.ops.likeness.fit_photo("INVOKE_DEFAULT", filepath=PHOTO)
    yield from wait_idle()
    yield 2
    english, said = look_up(), {}
    for locale in ("de_DE", "es", "fr_FR", "ja_JP", "zh_HANS", "zh_HANT"):
        view.language = locale
        view.use_translate_interface = view.use_translate_tooltips = view.use_translate_reports = True
        yield 1
        said[locale] = look_up()
        for _ in range(2):
            open_tab("Likeness")
            yield 1.5
        shot(f"languages_{locale}")
    report(english=english, said=said)
    view.language = "ja_JP"
    addon_utils.disable(PACKAGE)
    report(disabled=look_up())
    addon_utils.enable(PACKAGE)
    report(enabled=look_up())
    view.language = "en_US"
