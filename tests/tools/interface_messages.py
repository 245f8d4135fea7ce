"""Every text that a person can read in Blender's interface, and where it comes from.

`python -m likeness.tests.tools.interface_messages` lists what the languages of translations/ lack and what they have too much;
with --write they are sorted, lose what nobody says, and get what is missing as null, to be filled in.
"""

from __future__ import annotations

import ast
import itertools
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
INTERFACE = ("*.py", "operators/*.py", "panels/*.py")
TEXTS = {"text", "title", "confirm_text", "heading"}
"""Arguments of Blender's layouts and dialogs that are shown."""
MARKS = {"iface_": 0, "rpt_": 0, "tip_": 0, "n_": 0, "poll_message_set": 0, "report": 1, "draw_sentence": 2, "_section": 0}
"""Functions and the place of their argument that is shown."""
SAME = frozenset({
    "", "Likeness", "CPU", "CUDA", "Metal", "FLAME", "Python", "FBX (.fbx)", "Wavefront OBJ (.obj)", "NumPy (.npz)",
    "Blender (.blend)", "glTF Binary (.glb)", "Name", "CLIP", "Remove Name", "Remove Active",
})  # fmt: skip
"""The same in every language, and the names of Blender's own preset properties."""
TELLERS = (
    "core/animation/*.py", "core/cache.py", "core/errors.py", "core/fit/confidence.py", "core/head/expressions.py",
    "core/head/library.py", "core/head/visemes.py", "scene/head_model.py",
    "core/clip/head_view.py", "core/clip/model.py", "core/clip/weights.py",
    "core/model_files.py", "core/photo/clipboard.py", "core/photo/decode.py", "core/photo/image.py", "core/photo/landmarks.py",
    "core/albedogan/pipeline.py", "core/albedogan/tools.py", "core/nets/kinds.py", "core/paper/all_faces.py",
    "core/paper/files.py", "core/paper/stories.py",
    "core/photo/quality.py", "core/pipeline.py", "core/presets.py", "core/render/device.py", "core/words/plan.py",
    "operators/*.py", "scene/action_draft.py", "scene/animation.py", "scene/clip.py", "scene/export.py", "scene/identity.py",
    "scene/image.py",
    "scene/ownership.py", "scene/skin.py", "scene/transaction.py", "scene/visemes.py", "worker/client.py", "worker/jobs.py",
    "worker/stories.py",
)  # fmt: skip
"""Where sentences come from that a person meets."""
STAGES = (
    "core/generation.py", "core/identity/contact_sheet.py", "core/restyle.py", "core/render/runtime.py", "scene/correction.py",
    "worker/stories.py",
)  # fmt: skip
"""Where else jobs tell how far they are, and heads what cannot be done."""
SENTENCES = {
    "COMPILING", "LINK", "NOTHING", "NO_TOOL", "SILENT", "OLD_HEAD", "OTHER_MESH", "CHOOSE_PYTHON", "NO_CUDA", "NO_METAL",
    "READING", "CHANGED", "LINKED", "SHARED", "NO_SKIN",
}  # fmt: skip
ENDINGS = {"client.py", "cache.py"}
"""Files whose sentences end in one of several remedies or name one of several reasons."""
SPEAKERS = {
    "_broken_promise",
    "_unknown_format", "covering_warnings", "describe_end", "describe_error", "describe_failure", "describe_use", "why_not",
    "why_not_found",
}  # fmt: skip
"""Functions that return such sentences."""
WORD = re.compile(r"[^\W\d_]{2}")


def collect_messages() -> dict[str, str]:
    """Message -> the place that says it. The extension has to be registered."""
    found: dict[str, str] = {}
    for place, message in (*registered_texts(), *written_texts(), *listed_texts(), *told_texts(), *pattern_texts()):
        if message not in SAME and WORD.search(message):
            found.setdefault(message, place)
    return found


def registered_texts() -> Iterator[tuple[str, str]]:
    """Labels and tooltips of our classes, of their properties, and of what can be chosen."""
    import bpy
    from likeness import registration

    for cls in (cls for module in registration.MODULES for cls in module.CLASSES):
        is_operator = issubclass(cls, bpy.types.Operator)
        if issubclass(cls, (bpy.types.Operator, bpy.types.Panel, bpy.types.Menu)):
            yield cls.__name__, cls.bl_label
        if is_operator:
            yield cls.__name__, getattr(cls, "bl_description", "") or cls.__doc__
        if issubclass(cls, (bpy.types.Panel, bpy.types.Menu)):
            continue
        struct = _operator(cls.bl_idname).get_rna_type() if is_operator else cls.bl_rna
        for prop in struct.properties:
            if prop.is_runtime and not prop.is_hidden:
                yield from _texts_of_property(f"{cls.__name__}.{prop.identifier}", prop)


def _operator(idname: str) -> Any:
    import bpy

    room, name = idname.split(".")
    return getattr(getattr(bpy.ops, room), name)


def _texts_of_property(place: str, prop: object) -> Iterator[tuple[str, str]]:
    if prop.name != prop.identifier:
        yield place, prop.name
    yield place, prop.description
    for item in getattr(prop, "enum_items_static", ()):
        yield place, item.name
        yield place, item.description


def written_texts() -> Iterator[tuple[str, str]]:
    """Literals that the interface's code shows: in the arguments TEXTS, and given to MARKS, also by way of a variable."""
    for path, shown in shown_everywhere():
        for text in _literals(shown):
            yield f"{path.relative_to(ROOT)}:{shown.lineno}", text


def shown_everywhere() -> Iterator[tuple[Path, ast.expr]]:
    """What the interface's code shows; of a variable what its function puts into it."""
    for path in sorted(path for pattern in INTERFACE for path in ROOT.glob(pattern)):
        for function in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)):
            nodes = list(ast.walk(function))
            for shown in (shown for node in nodes if isinstance(node, ast.Call) for shown in shown_arguments(node)):
                yield path, shown
                if isinstance(shown, ast.Name):
                    for node in nodes:
                        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == shown.id:
                            yield path, node.value


def shown_arguments(call: ast.Call) -> Iterator[ast.expr]:
    """The arguments of a call that Blender shows, if it may translate them."""
    if any(keyword.arg == "translate" and ast.unparse(keyword.value) == "False" for keyword in call.keywords):
        return
    yield from (keyword.value for keyword in call.keywords if keyword.arg in TEXTS)
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if name in MARKS and len(call.args) > MARKS[name]:
        yield call.args[MARKS[name]]


def untranslated_texts() -> Iterator[str]:
    """Places that show a text put together at run time, which Blender cannot find in any language."""
    for path, shown in shown_everywhere():
        if any(isinstance(node, ast.JoinedStr) for node in ast.walk(shown)):
            yield f"{path.relative_to(ROOT)}:{shown.lineno}: {ast.unparse(shown)}"


def _literals(node: ast.expr) -> Iterator[str]:
    """Of "a", and of both ends of `"a" if x else "b"` and `x or "b"`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from (*_literals(node.body), *_literals(node.orelse))
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _literals(value)


def listed_texts() -> Iterator[tuple[str, str]]:
    """What the interface keeps in tables."""
    from likeness import identity_properties, preferences, skin_properties
    from likeness.core.appearance.parameters import OLD_HEAD
    from likeness.core.errors import describe_error
    from likeness.core.fit import confidence
    from likeness.core.fit.correction import HANDLES
    from likeness.core.paper import listing
    from likeness.core.paper.stories import LICENCE
    from likeness.operators import cache, correct, expression_presets, model_files, presets, selection, skin_presets
    from likeness.panels import expression, result
    from likeness.worker.client import CHOOSE_PYTHON

    yield from (("core/fit/correction.py HANDLES", name) for name in HANDLES)
    yield from (("core/fit/confidence.py PARTS", part) for part in confidence.PARTS)
    for brings in (listing.FLAME_BRINGS, listing.LAYOUT_BRINGS, listing.SKIN_BRINGS, *(row[2] for row in listing.NETWORKS)):
        yield "core/paper/listing.py", brings
    yield "core/paper/stories.py", LICENCE
    yield "worker/client.py", CHOOSE_PYTHON.partition(",")[0]
    yield "core/appearance/parameters.py", OLD_HEAD
    yield from (("preferences.py PARTS", part[2]) for part in preferences.PARTS)
    yield from (("preferences.py STATE_ICONS", state) for state in preferences.STATE_ICONS)
    yield from (("panels/result.py", words) for _, words, _ in result.CONFIDENCE_WORDS)
    yield from (("core/fit/confidence.py", share) for share in ("seen", "mirrored", "invented"))
    yield from (("panels/identity.py", group) for group in identity_properties.SLIDERS)
    yield from (("panels/skin.py", group) for group in skin_properties.SLIDERS)
    for group, units in expression.UNITS:
        yield "panels/expression.py UNITS", group
        yield from (("panels/expression.py UNITS", label) for label, _ in units)
    for message in (cache.RUNNING, correct.HELP, model_files.NO_PREFERENCES, selection.NO_HEAD):
        yield "operators/", message
    for folder in (expression_presets.PRESET_FOLDER, skin_presets.PRESET_FOLDER):
        yield from (("presets/", presets.name_preset(path)) for path in presets.shipped_presets(folder))
    yield "core/errors.py", describe_error(MemoryError())


def told_texts() -> Iterator[tuple[str, str]]:
    """What jobs and heads tell of themselves in whole sentences: a job's stages, why a head cannot be edited, what is wrong with
    a photo or with what was asked for."""
    for path in sorted(path for pattern in (*TELLERS, *STAGES) for path in ROOT.glob(pattern)):
        tree = ast.parse(path.read_text())
        texts = [*_stages(tree), *_reasons(tree), *_warnings(tree), *_errors(tree), *_constants(tree)]
        texts += [*_model_files(path, tree), *_ends(path, tree)]
        yield from ((str(path.relative_to(ROOT)), text) for text in texts)


def _model_files(path: Path, tree: ast.Module) -> Iterator[str]:
    if path.name == "model_files.py" and path.parent.name == "core":
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "ModelFile":
                yield from _literals(node.args[4])


def _ends(path: Path, tree: ast.Module) -> Iterator[str]:
    """Reasons and remedies within sentences."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in {"reason", "remedy"} and path.name in ENDINGS:
            yield from _literals(node.value)


def _stages(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Progress" and node.args:
            yield from _literals(node.args[0])


def _reasons(tree: ast.Module) -> Iterator[str]:
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and function.name.startswith("why_not"):
            for node in ast.walk(function):
                if isinstance(node, ast.Return) and node.value is not None:
                    yield from _literals(node.value)


def _warnings(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "warnings.append":
            yield from _literals(node.args[0])


def _errors(tree: ast.Module) -> Iterator[str]:
    from likeness.core import errors

    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and hasattr(errors, getattr(node.exc.func, "id", "")):
            yield from _literals(node.exc.args[0])


def _constants(tree: ast.Module) -> Iterator[str]:
    """Sentences that have a name, as the clipboard's."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in SENTENCES:
            yield from _literals(node.value)


def pattern_texts() -> Iterator[tuple[str, str]]:
    """What is told with names and numbers in it: "{1} is empty" for f"{path} is empty"."""
    for path in sorted(path for pattern in TELLERS for path in ROOT.glob(pattern)):
        for text in filter(None, map(_pattern_of, _told_strings(ast.parse(path.read_text())))):
            yield str(path.relative_to(ROOT)), text


def _told_strings(tree: ast.Module) -> Iterator[ast.JoinedStr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and getattr(node.exc.func, "id", "").endswith("Error"):
            yield from _outer_strings(node.exc.args)
        elif isinstance(node, ast.Call) and (
            ast.unparse(node.func) == "warnings.append" or getattr(node.func, "id", "") == "Progress"
        ):
            yield from _outer_strings(node.args[:1])
        elif isinstance(node, ast.FunctionDef) and node.name in SPEAKERS:
            yield from _outer_strings([inner.value for inner in ast.walk(node) if isinstance(inner, ast.Return) and inner.value])


def _outer_strings(nodes: list[ast.expr]) -> Iterator[ast.JoinedStr]:
    """f-strings, without those that say how a number in one is written."""
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            yield node
        else:
            yield from _outer_strings([child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)])


def _pattern_of(node: ast.JoinedStr) -> str:
    """'' for what says nothing of its own."""
    pieces = [part.value if isinstance(part, ast.Constant) else "" for part in node.values]
    places = itertools.count(1)
    text = "".join(piece.replace("{", "{{").replace("}", "}}") or f"{{{next(places)}}}" for piece in pieces)
    return text if sum(map(len, pieces)) > 5 and "{1}" in text else ""


def main() -> None:
    import likeness
    from likeness import translations

    likeness.register()
    said = collect_messages()
    likeness.unregister()
    for language in translations.LANGUAGES:
        known = translations.read_language(language)
        for message, place in said.items():
            if not known.get(message):
                print(f"{language}: missing: {message!r} ({place})")
        for message in known.keys() - said.keys():
            print(f"{language}: said by nobody: {message!r}")
        if "--write" in sys.argv:
            write_language(language, {message: known.get(message) for message in said})


def write_language(language: str, messages: dict[str, str | None]) -> None:
    """Sorted, one message a line."""
    from likeness import translations

    text = json.dumps(messages, ensure_ascii=False, indent=1, sort_keys=True)
    (translations.FOLDER / f"{language}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
