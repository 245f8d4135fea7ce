"""Presets of skin: shipped, applied, kept, removed."""

from __future__ import annotations

from pathlib import Path

import bpy
import pytest
from likeness.core import generation
from likeness.core.appearance.catalogue import NAMES, NUMBERS
from likeness.core.pipeline import run
from likeness.core.presets import read_preset, write_preset
from likeness.operators import presets, skin_presets
from likeness.scene import head, skin

SHIPPED = {Path(path).stem: path for path in presets.shipped_presets(skin_presets.PRESET_FOLDER)}
RANGES = {number.name: (number.lowest, number.highest) for number in NUMBERS}


@pytest.fixture(scope="module")
def asset():
    return run(generation.generate_head(4, texture_size=512))


@pytest.fixture
def obj(extension, asset):
    return head.create_head(bpy.context, asset)


@pytest.fixture
def presets_folder(extension, tmp_path, monkeypatch):
    """The user's presets go into a scratch folder."""
    own = tmp_path / "presets" / skin_presets.PRESET_FOLDER
    own.mkdir(parents=True)
    monkeypatch.setattr(bpy.utils, "user_resource", lambda kind, *, path="", create=False: str(tmp_path / path))
    found = bpy.utils.preset_paths
    monkeypatch.setattr(bpy.utils, "preset_paths", lambda subdir: [*found(subdir), str(own)])
    return own


def numbers_of(obj: bpy.types.Object) -> dict[str, float]:
    return {name: float(skin.read_numbers(obj)[name]) for name in NAMES}


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_presets_name_numbers_within_their_ranges_and_are_written_as_the_program_writes_them(name, tmp_path):
    values = read_preset(SHIPPED[name], NAMES)
    assert values
    assert all(RANGES[number][0] <= value <= RANGES[number][1] for number, value in values.items())
    write_preset(tmp_path / "again.py", "skin", values)
    assert (tmp_path / "again.py").read_text() == Path(SHIPPED[name]).read_text()


def test_there_are_presets_of_tones_ages_and_moods():
    assert {"Tone_1_Pale", "Tone_5_Deep", "Freckled", "Youthful", "Old_Age", "Tired", "Stubble"} <= set(SHIPPED)


def test_a_preset_changes_what_it_names_and_nothing_else(obj):
    before, wanted = numbers_of(obj), read_preset(SHIPPED["Freckled"], NAMES)
    bpy.ops.likeness.apply_skin_preset(filepath=SHIPPED["Freckled"])
    assert numbers_of(head.find_head(bpy.context)) == pytest.approx(before | wanted, abs=1e-4)
    assert bpy.types.LIKENESS_MT_skin_presets.bl_label == "Freckled"


def test_a_skin_is_kept_and_given_to_another_head(obj, asset, presets_folder):
    bpy.ops.likeness.restyle_skin(changes="melanin=2.5,stubble=0.4")
    assert bpy.ops.likeness.skin_preset_add(name="Half Shaven") == {"FINISHED"}
    file = presets_folder / "Half_Shaven.py"
    kept = numbers_of(obj)
    assert read_preset(file, NAMES) == pytest.approx(kept, abs=1e-3)
    head.remove_head(obj)
    other = head.create_head(bpy.context, asset)
    bpy.ops.likeness.apply_skin_preset(filepath=str(file))
    assert numbers_of(other) == pytest.approx(kept, abs=1e-3)
    assert bpy.ops.likeness.skin_preset_add(remove_active=True) == {"FINISHED"}
    assert not file.exists()


def test_a_preset_of_something_else_is_one_sentence_and_changes_nothing(obj, tmp_path):
    before = numbers_of(obj)
    (tmp_path / "odd.py").write_text("skin = {'tan': 0.5}")
    with pytest.raises(RuntimeError, match=r"odd\.py names tan, which this version does not know"):
        bpy.ops.likeness.apply_skin_preset(filepath=str(tmp_path / "odd.py"))
    assert numbers_of(obj) == before


def test_the_menu_lists_the_shipped_presets(extension):
    folders = bpy.utils.preset_paths(bpy.types.LIKENESS_MT_skin_presets.preset_subdir)
    assert {file.stem for folder in folders for file in Path(folder).glob("*.py")} >= set(SHIPPED)
