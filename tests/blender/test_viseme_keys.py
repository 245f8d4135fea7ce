"""Visemes in the scene: shown by the units, and as keys: added, removed, animated, and kept right while the head changes."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from likeness.core import generation
from likeness.core.animation.visemes import KEYS, NAMES, load_visemes
from likeness.core.config import ASSETS_DIR
from likeness.core.head.expressions import read_expression
from likeness.core.head.visemes import bake_visemes
from likeness.core.pipeline import run
from likeness.core.types import ARKIT_NAMES
from likeness.operators import expression_presets
from likeness.operators.presets import shipped_presets
from likeness.panels.expression import VISEMES
from likeness.scene import animation, expression, identity, visemes
from likeness.scene.export import evaluate_vertices
from likeness.scene.fcurves import list_curves
from likeness.scene.head import apply_expression, create_head, head_rig, is_head, read_head
from likeness.scene.mesh import read_shape_keys
from synthetic import make_asset

pytestmark = pytest.mark.usefixtures("extension")
needs_assets = pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`")


@pytest.fixture
def ada(extension) -> bpy.types.Object:
    """A small head at rest, alone in the scene."""
    obj = create_head(bpy.context, make_asset())
    apply_expression(obj, "neutral")
    return obj


@pytest.fixture(scope="module")
def person():
    return run(generation.generate_head(5, texture_size=128))


@pytest.fixture
def talker(extension, person) -> bpy.types.Object:
    """A random person with viseme keys."""
    obj = create_head(bpy.context, person)
    bpy.ops.likeness.add_visemes()
    return obj


def head_now() -> bpy.types.Object:
    return next(obj for obj in bpy.data.objects if is_head(obj))


def names_of(obj: bpy.types.Object) -> list[str]:
    return [key.name for key in obj.data.shape_keys.key_blocks]


def shown(obj: bpy.types.Object) -> dict[str, float]:
    return {unit: value for unit, value in expression.read_keys(obj).items() if value}


def without_tongue(obj: bpy.types.Object) -> np.ndarray:
    asset = read_head(obj)
    rows = np.ones(len(asset.vertices), bool)
    rows[asset.faces[asset.face_parts == asset.part_names.index("tongue")]] = False
    return rows


def test_the_panel_has_every_viseme():
    assert VISEMES == NAMES


def test_a_button_adds_the_keys_and_a_button_takes_them_away(ada):
    before, active = names_of(ada), ada.active_shape_key_index
    assert not bpy.ops.likeness.remove_visemes.poll()
    assert bpy.ops.likeness.add_visemes() == {"FINISHED"}
    assert names_of(ada) == [*before, *KEYS] and ada.active_shape_key_index == active
    assert shown(ada) == {}
    assert bpy.ops.likeness.remove_visemes() == {"FINISHED"}
    assert names_of(ada) == before


def test_either_button_is_one_step_to_undo(ada):
    before = names_of(ada)
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.likeness.add_visemes("EXEC_DEFAULT", True)
    bpy.ops.likeness.remove_visemes("EXEC_DEFAULT", True)
    bpy.ops.ed.undo()
    assert names_of(head_now()) == [*before, *KEYS]
    bpy.ops.ed.undo()
    assert names_of(head_now()) == before
    bpy.ops.ed.redo()
    assert names_of(head_now()) == [*before, *KEYS]


def test_keys_survive_a_file_and_can_be_removed_after_it(ada, tmp_path):
    bpy.ops.likeness.add_visemes()
    was = read_shape_keys(ada.data)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "head.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "head.blend"), load_ui=False)
    now = read_shape_keys(head_now().data)
    assert list(now) == list(was) and all(np.array_equal(now[key], was[key]) for key in was)
    bpy.ops.likeness.remove_visemes()
    assert not set(KEYS) & set(names_of(head_now()))


def test_a_head_read_from_the_scene_has_its_keys_and_is_written_with_them(ada):
    bpy.ops.likeness.add_visemes()
    asset = read_head(ada)
    assert set(KEYS) <= set(asset.shape_keys)
    again = read_head(create_head(bpy.context, asset))
    for key in KEYS:
        assert np.abs(again.shape_keys[key] - asset.shape_keys[key]).max() < 1e-6


@needs_assets
@pytest.mark.parametrize("name", ["aa", "FF", "O"])
def test_a_key_alone_shows_what_the_units_show_with_the_jaw_turned(talker, name):
    apply_expression(talker, "neutral")
    rows = without_tongue(talker)
    talker.data.shape_keys.key_blocks[f"viseme_{name}"].value = 1.0
    by_key = evaluate_vertices(talker)
    assert np.allclose(np.array(head_rig(talker).pose.bones["jaw"].matrix_basis), np.eye(4), atol=1e-6)
    assert bpy.ops.likeness.apply_viseme(viseme=name) == {"FINISHED"}
    by_units = evaluate_vertices(talker)
    assert shown(talker) == pytest.approx(load_visemes()[name].units)
    assert np.abs(by_key - by_units)[rows].max() < 1e-5


def test_a_viseme_moves_the_mouth_and_leaves_brows_and_eyes(ada):
    bpy.ops.likeness.add_visemes()
    expression.set_keys(ada, {"browInnerUp": 0.5, "eyeBlinkLeft": 1.0, "mouthSmileLeft": 0.7, "viseme_O": 1.0})
    bpy.ops.likeness.apply_viseme(viseme="E", strength=0.5)
    half = {unit: value / 2 for unit, value in load_visemes()["E"].units.items()}
    assert shown(ada) == pytest.approx(half | {"browInnerUp": 0.5, "eyeBlinkLeft": 1.0})
    with pytest.raises(RuntimeError, match="There is no viseme 'ou'"):
        bpy.ops.likeness.apply_viseme(viseme="ou")


def test_nothing_that_sets_the_units_anew_leaves_a_viseme_key(ada):
    bpy.ops.likeness.add_visemes()
    smile = next(path for path in shipped_presets(expression_presets.PRESET_FOLDER) if path.endswith("Smile.py"))
    steps = [
        lambda: bpy.ops.likeness.apply_expression_preset(filepath=smile),
        lambda: bpy.ops.likeness.random_expression("EXEC_DEFAULT", seed=1),
        lambda: bpy.ops.likeness.apply_expression(expression="PHOTO"),
        lambda: bpy.ops.likeness.apply_expression(expression="NEUTRAL"),
    ]
    for step in steps:
        ada.data.shape_keys.key_blocks["viseme_aa"].value = 1.0
        assert step() == {"FINISHED"}
        assert not set(KEYS) & set(shown(ada))


def test_a_preset_that_is_kept_of_a_key_shows_it_on_a_head_without(ada, tmp_path, monkeypatch):
    bpy.ops.likeness.add_visemes()
    ada.data.shape_keys.key_blocks["viseme_U"].value = 1.0
    monkeypatch.setattr(bpy.utils, "user_resource", lambda kind, *, path="", create=False: str(tmp_path))
    bpy.ops.likeness.expression_preset_add(name="Ooh")
    assert read_expression(tmp_path / "Ooh.py") == pytest.approx(load_visemes()["U"].units, abs=1e-3)


def test_random_expressions_know_no_visemes():
    stems = {path.rsplit("/", 1)[-1].removesuffix(".py") for path in shipped_presets(expression_presets.PRESET_FOLDER)}
    assert not stems & {*NAMES, *KEYS}


def test_keys_are_keyed_and_their_curves_go_with_them(ada):
    bpy.ops.likeness.add_visemes()
    ada.data.shape_keys.key_blocks["viseme_PP"].value = 0.6
    animation.key_expression(ada, 7)
    ada.data.shape_keys.key_blocks["viseme_aa"].driver_add("value").driver.expression = "0.25"
    keys = ada.data.shape_keys
    paths = {curve.data_path for curve in list_curves(keys)}
    assert 'key_blocks["viseme_PP"].value' in paths and len(paths) == len(ARKIT_NAMES) + len(KEYS)
    others = len(keys.animation_data.drivers) - 1
    bpy.ops.likeness.remove_visemes()
    assert {curve.data_path for curve in list_curves(keys)} == {f'key_blocks["{unit}"].value' for unit in ARKIT_NAMES}
    assert len(keys.animation_data.drivers) == others


@needs_assets
def test_identity_sliders_and_the_way_back_keep_the_keys_right(talker):
    before = read_shape_keys(talker.data)
    talker.likeness_identity.shape_1 = 3.0
    talker.likeness_identity.age = 75
    rows, now, fresh = without_tongue(talker), read_shape_keys(talker.data), bake_visemes(read_head(talker))
    for key in KEYS:
        assert np.abs(now[key] - fresh[key])[rows].max() < 2e-6, key
        assert np.abs(now[key] - fresh[key]).max() < 5e-3, key
    assert np.abs(now["viseme_aa"] - before["viseme_aa"]).max() > 3e-4
    identity.step_history(talker, -1)
    identity.step_history(talker, -1)
    back = read_shape_keys(talker.data)
    assert max(np.abs(back[key] - before[key]).max() for key in KEYS) < 1e-6


@needs_assets
def test_a_correction_by_hand_and_another_skin_keep_the_keys_right(talker):
    code = identity.read_state(talker).code
    identity.set_code(talker, code + 0.5, np.full(len(code), 0.5), "pull")
    rows, now, fresh = without_tongue(talker), read_shape_keys(talker.data), bake_visemes(read_head(talker))
    assert max(np.abs(now[key] - fresh[key])[rows].max() for key in KEYS) < 2e-6


@needs_assets
def test_what_was_sculpted_into_a_key_stays(talker):
    block = talker.data.shape_keys.key_blocks["viseme_E"]
    block.points[50].co.x += 0.01
    was = read_shape_keys(talker.data)["viseme_E"][50]
    talker.likeness_identity.shape_1 = 1.0
    bpy.ops.likeness.add_visemes()
    assert np.abs(read_shape_keys(talker.data)["viseme_E"][50] - was).max() < 1e-3


def test_only_in_object_mode_and_with_keys_of_its_own(ada):
    bpy.ops.object.mode_set(mode="EDIT")
    assert visemes.why_not(ada).startswith("Leave this mode first")
    assert not bpy.ops.likeness.add_visemes.poll()
    bpy.ops.object.mode_set(mode="OBJECT")
    copy = ada.copy()
    bpy.context.scene.collection.objects.link(copy)
    assert not bpy.ops.likeness.add_visemes.poll()
    bpy.data.objects.remove(copy)
    ada.shape_key_clear()
    assert visemes.why_not(ada) == "This head has no shape keys"
