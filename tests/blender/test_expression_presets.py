"""Expressions: presets that are kept and applied, mirrored sides, random ones, the sliders."""

from __future__ import annotations

from pathlib import Path

import bpy
import likeness
import numpy as np
import pytest
from likeness.core.errors import PresetError
from likeness.core.head import expressions
from likeness.core.types import ARKIT_NAMES
from likeness.operators import expression_presets, presets
from likeness.panels.drawing import NO_PRESET
from likeness.panels.expression import UNITS
from likeness.scene import expression, head
from synthetic import make_asset

SHIPPED = {Path(path).stem: path for path in presets.shipped_presets(expression_presets.PRESET_FOLDER)}
OPPOSITES = (("eyeBlink", "eyeWide"), ("mouthSmile", "mouthFrown"), ("eyeLookUp", "eyeLookDown"), ("eyeLookIn", "eyeLookOut"))


@pytest.fixture
def ada(extension):
    """A head at rest, alone in the scene."""
    obj = head.create_head(bpy.context, make_asset())
    head.apply_expression(obj, "neutral")
    return obj


@pytest.fixture
def presets_folder(extension, tmp_path, monkeypatch):
    """The user's presets go into a scratch folder."""
    monkeypatch.setattr(bpy.utils, "user_resource", lambda kind, *, path="", create=False: make_folder(tmp_path / path))
    found = bpy.utils.preset_paths
    own = str(tmp_path / "presets" / expression_presets.PRESET_FOLDER)
    monkeypatch.setattr(bpy.utils, "preset_paths", lambda subdir: [*found(subdir), own])
    return Path(own)


def make_folder(path: Path) -> str:
    path.mkdir(parents=True, exist_ok=True)
    return str(path)


def keys_of(obj: bpy.types.Object) -> dict[str, float]:
    return {unit: value for unit, value in expression.read_keys(obj).items() if value}


def test_there_are_presets_of_feelings_lids_and_vowels():
    assert {"Smile", "Open_Smile", "Frown", "Surprise", "Anger", "Disgust", "Fear", "Sadness", "Wink", "Kiss"} <= set(SHIPPED)
    assert {f"Vowel_{vowel}" for vowel in "AEIOU"} <= set(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_preset_is_within_what_faces_do(name):
    values = expressions.read_expression(SHIPPED[name])
    assert values and all(0.0 < value <= 1.0 for value in values.values())
    for side in ("Left", "Right"):
        for one, other in OPPOSITES:
            assert min(values.get(one + side, 0.0), values.get(other + side, 0.0)) == 0.0
    assert sum(values.get(unit, 0.0) for unit in ("jawOpen", "mouthClose")) < 0.8


def test_shipped_presets_are_written_as_the_program_writes_them(tmp_path):
    for name, path in SHIPPED.items():
        expressions.write_expression(tmp_path / name, expressions.read_expression(path))
        assert (tmp_path / name).read_text() == Path(path).read_text(), name


@pytest.mark.parametrize("name", SHIPPED)
def test_a_preset_sets_all_keys_of_any_head(ada, name):
    ada.data.shape_keys.key_blocks["cheekPuff"].value = 0.3
    assert bpy.ops.likeness.apply_expression_preset(filepath=SHIPPED[name]) == {"FINISHED"}
    assert keys_of(ada) == pytest.approx(expressions.read_expression(SHIPPED[name]))


def test_strength_scales_a_preset_and_no_key_goes_over_one(ada):
    bpy.ops.likeness.apply_expression_preset(filepath=SHIPPED["Anger"], strength=0.5)
    wanted = expressions.read_expression(SHIPPED["Anger"])
    assert keys_of(ada) == pytest.approx({unit: value / 2 for unit, value in wanted.items()})
    bpy.ops.likeness.apply_expression_preset(filepath=SHIPPED["Anger"], strength=2.0)
    assert max(keys_of(ada).values()) == 1.0


def test_a_preset_can_be_added_to_what_the_face_shows(ada):
    bpy.ops.likeness.apply_expression_preset(filepath=SHIPPED["Vowel_O"])
    bpy.ops.likeness.apply_expression_preset(filepath=SHIPPED["Eyes_Closed"], is_added=True)
    wanted = expressions.read_expression(SHIPPED["Vowel_O"]) | expressions.read_expression(SHIPPED["Eyes_Closed"])
    assert keys_of(ada) == pytest.approx(wanted)


def test_a_preset_leaves_bones_that_were_turned_by_hand(ada):
    bone = head.head_rig(ada).pose.bones["neck"]
    bone.matrix_basis = bone.matrix_basis.Rotation(0.3, 4, "Y")
    before = np.array(bone.matrix_basis)
    bpy.ops.likeness.apply_expression_preset(filepath=SHIPPED["Smile"])
    assert np.array_equal(np.array(bone.matrix_basis), before)


def test_a_preset_is_one_step_to_undo(ada):
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.likeness.apply_expression_preset("EXEC_DEFAULT", True, filepath=SHIPPED["Smile"])
    assert keys_of(head.find_head(bpy.context))
    bpy.ops.ed.undo()
    assert keys_of(head.find_head(bpy.context)) == {}


def test_an_expression_is_kept_and_shown_on_another_head(ada, presets_folder):
    expression.set_keys(ada, {"jawOpen": 0.25, "mouthSmileLeft": 0.5})
    assert bpy.ops.likeness.expression_preset_add(name="Half a Smile") == {"FINISHED"}
    file = presets_folder / "Half_a_Smile.py"
    bpy.data.objects.remove(ada)
    other = head.create_head(bpy.context, make_asset(seed=5))
    bpy.ops.likeness.apply_expression_preset(filepath=str(file))
    assert keys_of(other) == pytest.approx({"jawOpen": 0.25, "mouthSmileLeft": 0.5})
    assert bpy.types.LIKENESS_MT_expression_presets.bl_label == "Half a Smile"
    assert bpy.ops.likeness.expression_preset_add(remove_active=True) == {"FINISHED"}
    assert not file.exists()


@pytest.mark.parametrize("name", ["half a smile", "MINE", "Ärger (leise)"])
def test_a_preset_is_removed_right_after_it_was_added_or_applied(ada, presets_folder, name):
    expression.set_keys(ada, {"jawOpen": 0.25})
    for is_applied in (False, True):
        bpy.ops.likeness.expression_preset_add(name=name)
        (file,) = presets_folder.glob("*.py")
        if is_applied:
            bpy.types.LIKENESS_MT_expression_presets.bl_label = NO_PRESET
            bpy.ops.likeness.apply_expression_preset(filepath=str(file))
        assert bpy.ops.likeness.expression_preset_add(remove_active=True) == {"FINISHED"}
        assert not file.exists()


def test_the_menu_forgets_the_preset_when_the_extension_is_disabled(ada):
    menu = bpy.types.LIKENESS_MT_expression_presets
    bpy.ops.likeness.apply_expression_preset(filepath=SHIPPED["Smile"])
    assert menu.bl_label == "Smile"
    likeness.unregister()
    try:
        assert menu.bl_label == NO_PRESET
    finally:
        likeness.register()


def test_what_the_fit_widened_is_kept_too(ada, presets_folder):
    expression.set_keys(ada, {"jawForward": -0.2, "mouthPucker": 1.3})
    bpy.ops.likeness.expression_preset_add(name="Wide")
    assert expressions.read_expression(presets_folder / "Wide.py") == {"jawForward": -0.2, "mouthPucker": 1.3}


def test_a_name_that_is_taken_changes_no_preset(ada, presets_folder):
    expression.set_keys(ada, {"jawOpen": 0.25})
    bpy.ops.likeness.expression_preset_add(name="Mine")
    expression.set_keys(ada, {"jawOpen": 0.5})
    assert bpy.ops.likeness.expression_preset_add(name="Mine") == {"CANCELLED"}
    assert expressions.read_expression(presets_folder / "Mine.py") == {"jawOpen": 0.25}


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("import os", "cannot be read"),
        ("expression = {'jawOpen': open('x', 'w')}", "cannot be read"),
        ("expression = ['jawOpen']", "cannot be read"),
        ("expression = {'jawOpen': 'wide'}", "cannot be read"),
        ("expression = {'wink': 1.0}", "names wink, which this version does not know"),
        ("expression = {", "cannot be read"),
    ],
)
def test_a_preset_is_data_and_anything_else_is_one_sentence(ada, tmp_path, text, sentence, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd.py").write_text(text)
    with pytest.raises(RuntimeError, match=sentence):
        bpy.ops.likeness.apply_expression_preset(filepath=str(tmp_path / "odd.py"))
    assert not (tmp_path / "x").exists(), "a preset is never run"
    assert keys_of(ada) == {}


def test_a_preset_that_is_gone_is_one_sentence(tmp_path):
    with pytest.raises(PresetError, match=r"none\.py cannot be read"):
        expressions.read_expression(tmp_path / "none.py")


def test_the_menu_lists_the_shipped_presets(extension):
    folders = bpy.utils.preset_paths(bpy.types.LIKENESS_MT_expression_presets.preset_subdir)
    assert {file.stem for folder in folders for file in Path(folder).glob("*.py")} >= set(SHIPPED)


def test_swapping_twice_changes_nothing():
    chance = np.random.default_rng(0)
    values = dict(zip(ARKIT_NAMES, chance.random(len(ARKIT_NAMES)), strict=True))
    swapped = expressions.mirror_expression(values)
    assert swapped["eyeBlinkLeft"] == values["eyeBlinkRight"] and swapped["jawOpen"] == values["jawOpen"]
    assert expressions.mirror_expression(swapped) == values


@pytest.mark.parametrize("sides, source", [("LEFT", "Left"), ("RIGHT", "Right")])
def test_one_side_becomes_both(ada, sides, source):
    chance = np.random.default_rng(1)
    values = dict(zip(ARKIT_NAMES, chance.random(len(ARKIT_NAMES)), strict=True))
    expression.set_keys(ada, values)
    assert bpy.ops.likeness.mirror_expression(sides=sides) == {"FINISHED"}
    shown = expression.read_keys(ada)
    for unit in ARKIT_NAMES:
        if unit.startswith(expressions.GLANCES):
            assert shown[unit] == pytest.approx(values[unit])
        elif unit in expressions.ASIDE:
            assert shown[unit] == 0.0
        elif unit.endswith(("Left", "Right")):
            assert shown[unit] == pytest.approx(values[unit.removesuffix("Left").removesuffix("Right") + source])
        else:
            assert shown[unit] == pytest.approx(values[unit])


def test_the_same_seed_is_the_same_random_expression(ada):
    bpy.ops.likeness.random_expression("EXEC_DEFAULT", seed=3)
    first = keys_of(ada)
    bpy.ops.likeness.random_expression("EXEC_DEFAULT", seed=4)
    assert keys_of(ada) != first
    bpy.ops.likeness.random_expression("EXEC_DEFAULT", seed=3)
    assert keys_of(ada) == first


def test_a_random_expression_stays_within_what_the_presets_show():
    presets = [expressions.read_expression(path) for path in SHIPPED.values()]
    most = {unit: max(preset.get(unit, 0.0) for preset in presets) for unit in ARKIT_NAMES}
    for seed in range(300):
        mixed = expressions.mix_expression(presets, seed)
        for unit, value in mixed.items():
            limit = max(most[unit], expressions.GAZE) if unit.startswith("eyeLook") else most[unit]
            assert 0.0 <= value <= limit + 1e-9, (seed, unit)
        for side in ("Left", "Right"):
            assert mixed[f"eyeLookUp{side}"] * mixed[f"eyeLookDown{side}"] == 0.0


def test_every_unit_has_a_slider():
    begins = {unit for _, units in UNITS for _, unit in units}
    paired = {f"{unit}{side}" for unit in begins for side in ("Left", "Right")}
    assert set(ARKIT_NAMES) <= begins | paired
    assert all(unit in ARKIT_NAMES or f"{unit}Left" in ARKIT_NAMES for unit in begins)
    assert sum(len(units) for _, units in UNITS) == len(begins)


@pytest.mark.parametrize("operator", ["apply_expression_preset", "mirror_expression", "random_expression"])
def test_without_shape_keys_the_operator_cannot_run(ada, operator):
    run = getattr(bpy.ops.likeness, operator)
    assert run.poll()
    ada.shape_key_clear()
    assert not run.poll()
    bpy.data.objects.remove(ada)
    assert not run.poll()


def test_a_linked_head_says_that_it_is_linked(ada, tmp_path):
    name = ada.name
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True, load_ui=False)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, data):
        data.objects = [name]
    bpy.context.scene.collection.objects.link(bpy.data.objects[name])
    bpy.context.view_layer.objects.active = bpy.data.objects[name]
    with pytest.raises(RuntimeError, match="linked from another file"):
        bpy.ops.likeness.random_expression()


def test_enabling_twice_leaves_one_folder_of_presets(extension):
    import likeness

    likeness.unregister()
    likeness.register()
    folders = [
        folder for folder in bpy.utils.preset_paths("likeness/expression") if Path(folder) == Path(SHIPPED["Smile"]).parent
    ]
    assert len(folders) == 1
