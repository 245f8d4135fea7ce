"""Identity on heads that wear FLAME's own mesh: sliders, locks, re-rolls, variants, history, words; nothing without the file."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest
from likeness.core.config import ASSETS_DIR
from likeness.core.errors import IdentityError
from likeness.core.flame import head_file
from likeness.core.generation import generate_head
from likeness.core.head import library
from likeness.core.head.library import FILE_SHA256, get_model
from likeness.core.identity.catalogue import LOCKS, NAMES, TRAITS
from likeness.core.identity.locks import region_rows
from likeness.core.latent.between_people import mix_people
from likeness.core.story import run
from likeness.core.types import JOINT_NAMES, HeadAsset
from likeness.core.words.edit import edit_head, look_at
from likeness.operators import identity as operators
from likeness.scene import head_model, identity, words
from likeness.scene.head import HEAD, create_head, find_head, head_rig, read_head
from likeness.scene.mesh import read_shape_keys, read_vertices
from likeness.scene.rig import DRIVE_PREFIX

pytestmark = pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`")
NUM_FLAME = 5023
SIX = {"nose_width": 45.0, "jaw_width": 108.0, "age": 70.0, "cheek_fullness": 0.0, "mouth_width": 42.0, "chin_height": 45.0}


@pytest.fixture(scope="module")
def asset(flame_file, flame_cache) -> HeadAsset:
    """A random person of the stand-in's family."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIKENESS_CACHE", str(flame_cache))
        return run(generate_head(4, model=str(flame_file), texture_size=256))


@pytest.fixture
def head(extension, flame_model, asset) -> bpy.types.Object:
    return create_head(bpy.context, asset)


@pytest.fixture(scope="module")
def worn(flame_file, flame_cache):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIKENESS_CACHE", str(flame_cache))
        return get_model(str(flame_file)).worn


# --- sliders ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trait", TRAITS, ids=lambda trait: trait.name)
def test_a_slider_is_where_it_is_put_and_back_again(head, trait):
    was, before = getattr(head.likeness_identity, trait.name), read_vertices(head.data)
    goal = was + 0.2 * (trait.highest - trait.lowest) * (1 if was < (trait.lowest + trait.highest) / 2 else -1)
    setattr(head.likeness_identity, trait.name, goal)
    assert getattr(head.likeness_identity, trait.name) == pytest.approx(goal, abs=5e-4)
    assert np.abs(read_vertices(head.data) - before).max() > 1e-4
    identity.step_history(head, -1)
    assert np.abs(read_vertices(head.data) - before).max() < 5e-8


def test_six_sliders_make_the_head_that_the_models_people_are(head, worn):
    keys = read_shape_keys(head.data)
    identity.set_traits(head, SIX)
    for name, value in SIX.items():
        assert getattr(head.likeness_identity, name) == pytest.approx(value, abs=0.02), name
    after = read_head(head)
    expected = worn.shape(after.identity)
    assert np.abs(after.vertices - expected).max() < 1e-6, "skin, eyeballs and the parts that FLAME lacks"
    assert np.abs(after.joints - worn.locate_joints(expected)).max() < 1e-6
    assert np.abs(after.landmarks7 - worn.landmarks7.evaluate(expected)).max() < 1e-6
    assert max(np.abs(keys[name] - offsets).max() for name, offsets in read_shape_keys(head.data).items()) < 5e-8
    bones = head_rig(head).data.bones
    for number, joint in enumerate(JOINT_NAMES):
        x, y, z = bones[DRIVE_PREFIX + joint].head_local if DRIVE_PREFIX + joint in bones else bones[joint].head_local
        assert np.abs(np.array([x, z, -y]) - after.joints[number]).max() < 1e-6, joint
    assert set(after.provenance["identity_edited"]) >= {"nose_width", "age"}


def test_one_undo_brings_the_very_vertices_back(head):
    before = read_vertices(head.data)
    bpy.ops.ed.undo_push(message="before")
    head.likeness_identity.nose_width = 48.0
    bpy.ops.ed.undo_push(message="wider")
    assert np.abs(read_vertices(head.data) - before).max() > 1e-3
    bpy.ops.ed.undo()
    assert np.array_equal(read_vertices(find_head(bpy.context).data), before)


@pytest.mark.parametrize("lock", [lock.name for lock in LOCKS])
def test_a_lock_holds_its_part_of_flames_mesh(head, worn, lock):
    before = read_vertices(head.data)
    setattr(head.likeness_identity, f"lock_{lock}", True)
    head.likeness_identity.age = 75.0
    assert bpy.ops.likeness.reroll_identity(seed=3) == {"FINISHED"}
    moved = np.linalg.norm(read_vertices(head.data) - before, axis=1)
    rows = region_rows(worn, (lock,))
    assert moved[rows].max() < 1e-6
    assert (rows < NUM_FLAME).any()
    assert moved.max() > 2e-3


def test_sculpting_survives_the_sliders(head):
    sculpted = read_vertices(head.data)
    row = int(np.argmax(sculpted[:NUM_FLAME, 2]))
    for points in (head.data.vertices, *(key.points for key in head.data.shape_keys.key_blocks)):
        points[row].co.y -= 0.004
    before = read_vertices(head.data)
    head.likeness_identity.jaw_width += 6
    assert np.abs(read_vertices(head.data) - before).max() > 2e-3
    identity.step_history(head, -1)
    assert np.abs(read_vertices(head.data) - before).max() < 5e-8
    assert before[row, 2] == pytest.approx(sculpted[row, 2] + 0.004, abs=1e-6)


# --- somebody else ------------------------------------------------------------------------------------------------------------


def test_re_rolls_variants_reset_and_history(head):
    first = read_vertices(head.data)
    assert bpy.ops.likeness.reroll_identity(seed=1, strength=1.0) == {"FINISHED"}
    second = read_vertices(head.data)
    assert bpy.ops.likeness.draw_variants(seed=2) == {"FINISHED"}
    assert bpy.ops.likeness.choose_variant(choice="0", seed=2) == {"FINISHED"}
    third = read_vertices(head.data)
    assert min(np.abs(third - second).max(), np.abs(second - first).max()) > 2e-3
    assert bpy.ops.likeness.step_identity(direction="BACK") == {"FINISHED"}
    assert np.abs(read_vertices(head.data) - second).max() < 5e-8
    assert bpy.ops.likeness.step_identity(direction="FORWARD") == {"FINISHED"}
    assert np.abs(read_vertices(head.data) - third).max() < 5e-8
    assert bpy.ops.likeness.reset_identity() == {"FINISHED"}
    assert np.abs(read_vertices(head.data) - first).max() < 5e-8


def test_words_move_its_traits(head):
    was = {name: identity.get_trait(head, name) for name in NAMES}
    assert bpy.ops.likeness.edit_with_words(words="20 years older, a 4 mm wider nose and a half smile") == {"FINISHED"}
    assert identity.get_trait(head, "age") == pytest.approx(was["age"] + 20, abs=0.5)
    assert identity.get_trait(head, "nose_width") == pytest.approx(was["nose_width"] + 4, abs=0.1)
    assert head.data.shape_keys.key_blocks["mouthSmileLeft"].value > 0.2
    assert len(words.last_edit(head)["understood"]) == 3
    assert words.last_edit(head)["ignored"] == []


@pytest.mark.usefixtures("flame_model")
def test_batch_words_move_its_traits_as_the_scene_does(asset, worn):
    edited = run(edit_head(asset, "a 4 mm wider nose"))
    assert look_at(edited).traits["nose_width"] == pytest.approx(look_at(asset).traits["nose_width"] + 4, abs=0.01)
    assert np.abs(edited.vertices - worn.shape(edited.identity)).max() < 1e-6
    assert edited.provenance["identity_edited"].keys() == {"nose_width"}


@pytest.mark.usefixtures("flame_model")
def test_a_head_between_two_of_one_file_has_sliders_too(asset):
    mixed = mix_people(asset, run(edit_head(asset, "a 4 mm wider nose")), 0.5)
    assert look_at(mixed).traits["nose_width"] == pytest.approx(look_at(asset).traits["nose_width"] + 2, abs=0.01)
    other = replace(asset, provenance=asset.provenance | {FILE_SHA256: "0" * 64})
    assert FILE_SHA256 not in mix_people(asset, other, 0.5).provenance


# --- the file -----------------------------------------------------------------------------------------------------------------


def place_of(head: bpy.types.Object) -> Path:
    return library._note_of(json.loads(head[HEAD]["facts"])["provenance"][FILE_SHA256])


@pytest.fixture
def own_cache(head, flame_file, flame_cache, tmp_path, monkeypatch) -> Path:
    """A cache in which the head's file is known and made ready, to be spoilt by the test."""
    (tmp_path / "flame").mkdir()
    for path in (flame_cache / "flame").glob("*.npz"):
        (tmp_path / "flame" / path.name).symlink_to(path)
    monkeypatch.setenv("LIKENESS_CACHE", str(tmp_path))
    library.note_model(flame_file)
    return tmp_path


def assert_refused(head: bpy.types.Object, sentence: str) -> None:
    """Every way to the shape says the sentence, and nothing moves."""
    before, facts = read_vertices(head.data), head[HEAD]["facts"]
    assert re.search(sentence, identity.why_not(head))
    with pytest.raises(IdentityError, match=sentence):
        identity.set_trait(head, "nose_width", 45.0)
    for name in ("reroll_identity", "draw_variants", "reset_identity"):
        with pytest.raises(RuntimeError, match=sentence):
            getattr(bpy.ops.likeness, name)()
    head.likeness_identity.nose_width = 45.0
    assert re.search(sentence[1:], words.look_at(head).reasons["shape"])
    assert np.array_equal(read_vertices(head.data), before)
    assert head[HEAD]["facts"] == facts


def test_without_its_file_the_head_stays_and_says_so(head, own_cache, tmp_path):
    place_of(head).unlink()
    assert_refused(head, r"generic_model\.pkl.*is not known here")
    gone = tmp_path / "moved.pkl"
    place_of(head).write_text(str(gone))
    assert_refused(head, r"generic_model\.pkl.*is not where it was")
    gone.write_bytes(b"\x80\x02 another file")
    assert_refused(head, r"Another file lies where this head's FLAME file \(generic_model\.pkl\) was")


def test_a_file_that_is_not_ready_is_made_so_by_a_button(head, own_cache, flame_file, monkeypatch):
    library.get_model(str(flame_file))
    (ready,) = (own_cache / "flame").glob("*.npz")
    target = ready.resolve()
    ready.unlink()
    assert_refused(head, r"generic_model\.pkl.*has to be made ready")
    assert head_model.find_unready(head) == str(flame_file)
    library.get_model(str(flame_file))  # a worker that is warm has it in memory, which makes no file
    monkeypatch.setattr(head_file, "convert_flame", lambda source, ready, model: ready.symlink_to(target))
    assert operators.LIKENESS_OT_make_model_ready.poll(bpy.context)
    assert bpy.ops.likeness.make_model_ready() == {"FINISHED"}
    assert identity.why_not(head) is None
    assert not operators.LIKENESS_OT_make_model_ready.poll(bpy.context)


def test_a_saved_head_holds_no_people_and_no_folder(head, flame_file, worn, tmp_path):
    head.likeness_identity.age = 60.0
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "head.blend"), compress=False)
    saved = (tmp_path / "head.blend").read_bytes()
    assert str(flame_file.parent).encode() not in saved
    for axis in (0, 50, 299):
        row = worn.identity_basis[axis, 1000:1004].tobytes()
        assert row not in saved
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "head.blend"))
    again = find_head(bpy.context)
    assert identity.get_trait(again, "age") == pytest.approx(60, abs=1e-3)
    again.likeness_identity.nose_width += 3
    assert np.abs(read_vertices(again.data) - worn.shape(read_head(again).identity)).max() < 1e-6
