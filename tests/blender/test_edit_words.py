"""Edit with Words in the scene: sliders, skin and face in one step, undo, masks, locks, refusals, and nothing half-done."""

from __future__ import annotations

from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from likeness.core import generation
from likeness.core.config import ASSETS_DIR
from likeness.core.errors import LikenessError
from likeness.core.identity.catalogue import NAMES
from likeness.core.pipeline import run
from likeness.core.words.edit import edit_head
from likeness.operators import restyle_skin
from likeness.operators.edit_words import EditsWithWords
from likeness.scene import expression, identity, skin, words
from likeness.scene.head import create_head, is_head, read_head, remove_head, texture_images
from likeness.scene.mesh import read_vertices
from likeness.scene.provenance import read_provenance
from likeness.worker.stories import STORIES
from synthetic import make_asset

pytestmark = [
    pytest.mark.usefixtures("extension"),
    pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`"),
]
ALL = "a bit older, with a wider nose, some freckles and a half smile"


@pytest.fixture(scope="module")
def asset():
    return run(generation.generate_head(5, texture_size=256))


@pytest.fixture
def obj(extension, asset):
    return create_head(bpy.context, asset)


def head_now() -> bpy.types.Object:
    return next(o for o in bpy.data.objects if is_head(o))


def edit(text: str, **settings) -> set[str]:
    return bpy.ops.likeness.edit_with_words("EXEC_DEFAULT", True, words=text, **settings)


def state(obj: bpy.types.Object) -> tuple:
    """All that words may change, to be compared."""
    keys = {unit: round(value, 5) for unit, value in expression.read_keys(obj).items() if value}
    numbers = {name: round(value, 3) for name, value in skin.read_numbers(obj).items() if not isinstance(value, (list, tuple))}
    return np.round(read_vertices(obj.data), 6).tobytes(), keys, numbers, texture_images(obj)["albedo"].name


def test_the_scene_becomes_what_core_makes_of_the_same_words(obj, asset):
    assert edit(ALL) == {"FINISHED"}
    expected, made = run(edit_head(asset, ALL)), read_head(obj)
    assert np.abs(made.vertices - expected.vertices).max() < 1e-6
    assert made.identity == pytest.approx(expected.identity, abs=1e-4)
    for name in asset.textures:
        assert np.array_equal(made.textures[name].pixels, expected.textures[name].pixels), name
    shown = expression.read_keys(obj)
    assert shown == pytest.approx(expected.expression, abs=1e-6)
    assert read_provenance(obj)["words"][-1]["understood"] == expected.provenance["words"][-1]["understood"]


def test_sliders_show_what_the_words_did(obj):
    before = obj.likeness_identity.nose_width
    edit("nose 3 mm wider and freckles 0.5")
    assert obj.likeness_identity.nose_width == pytest.approx(before + 3, abs=0.01)
    assert obj.likeness_skin.freckles == pytest.approx(0.5, abs=1e-4)


def test_shape_skin_and_face_are_one_step_to_undo(obj):
    bpy.ops.ed.undo_push(message="a head")
    before = state(obj)
    edit(ALL)
    after = state(head_now())
    assert all(one != other for one, other in zip(before, after, strict=True))
    bpy.ops.ed.undo()
    assert state(head_now()) == before
    assert words.last_edit(head_now()) is None
    bpy.ops.ed.redo()
    assert state(head_now()) == after
    assert words.last_edit(head_now())["words"] == ALL


def test_the_operator_can_be_adjusted_after_it_ran():
    """Blender's "Adjust Last Operation" shows operators that register and push undo."""
    assert {"REGISTER", "UNDO"} <= bpy.types.LIKENESS_OT_edit_with_words.bl_options
    shown = {prop.identifier for prop in bpy.ops.likeness.edit_with_words.get_rna_type().properties if not prop.is_hidden}
    assert {"words", "strength", "changes_shape", "changes_skin", "changes_expression"} <= shown


def test_adjusting_gives_the_same_as_the_new_settings_at_once(obj):
    bpy.ops.ed.undo_push(message="a head")
    edit("a wider nose and a smile")
    bpy.ops.ed.undo()
    edit("a wider nose and a smile", strength=0.5)
    adjusted = state(head_now())
    bpy.ops.ed.undo()
    edit("a wider nose and a smile", strength=0.5)
    assert state(head_now()) == adjusted


def test_strength_scales_what_the_words_say(obj):
    before = obj.likeness_identity.nose_width
    edit("nose 4 mm wider and a smile", strength=0.5)
    assert obj.likeness_identity.nose_width == pytest.approx(before + 2, abs=0.01)
    assert obj.data.shape_keys.key_blocks["mouthSmileLeft"].value == pytest.approx(0.375, abs=0.01)


@pytest.mark.parametrize("kind", ["shape", "skin", "expression"])
def test_a_mask_lets_one_kind_change_and_says_what_it_left_out(obj, kind):
    before = state(obj)
    masks = {f"changes_{other}": other == kind for other in ("shape", "skin", "expression")}
    edit(ALL, **masks)
    after = state(obj)
    changed = [one != other for one, other in zip(before, after, strict=True)]
    assert changed == [kind == "shape", kind == "expression", kind == "skin", kind == "skin"]
    assert any(f"only {kind} may change" in sentence for sentence in words.last_edit(obj)["ignored"])


def test_a_locked_part_stays_and_is_said_to_be_locked(obj):
    obj.likeness_identity.lock_nose = True
    before, jaw = obj.likeness_identity.nose_width, obj.likeness_identity.jaw_width
    edit("a wider nose and a wider jaw")
    assert obj.likeness_identity.nose_width == pytest.approx(before, abs=0.01)
    assert obj.likeness_identity.jaw_width > jaw + 1
    assert words.last_edit(obj)["ignored"] == ["'wider nose': nose width is locked"]


def test_words_about_a_sculpted_head_keep_the_sculpting(obj):
    for key in obj.data.shape_keys.key_blocks:
        key.data[100].co.x += 0.01
    obj.data.vertices[100].co.x += 0.01
    untouched = read_vertices(obj.data)[100] - np.array([0.01, 0, 0])
    edit("a wider mouth")
    moved = read_vertices(obj.data)[100] - np.array([0.01, 0, 0])
    assert np.abs(moved - untouched).max() < 0.004
    assert obj.data.shape_keys.key_blocks["mouthSmileLeft"].value == 0


def test_bones_that_were_turned_by_hand_stay(obj):
    rig = obj.parent
    rig.pose.bones["neck"].rotation_mode = "XYZ"
    rig.pose.bones["neck"].rotation_euler.z = 0.3
    edit("angry")
    assert rig.pose.bones["neck"].rotation_euler.z == pytest.approx(0.3)


def test_without_a_head_the_button_says_so(extension):
    assert not bpy.ops.likeness.edit_with_words.poll()
    with pytest.raises(RuntimeError, match="Select a head that Likeness made"):
        bpy.ops.likeness.edit_with_words(words="older")


@pytest.mark.parametrize("text", ["", "purple dragon", "the", "older and younger", "blond hair", "bigger"])
def test_words_that_ask_for_nothing_change_nothing_and_are_an_error_with_its_reason(obj, text):
    before = state(obj)
    with pytest.raises(RuntimeError, match=r"understood|left to change"):
        edit(text)
    assert state(obj) == before
    assert words.last_edit(obj) is None
    assert skin.wished_numbers(obj) == {}


def test_a_head_of_another_model_takes_expressions_and_says_why_no_more(extension):
    foreign = create_head(bpy.context, make_asset())
    bpy.ops.likeness.apply_expression(expression="NEUTRAL")
    assert edit("older and a half smile") == {"FINISHED"}
    assert foreign.data.shape_keys.key_blocks["mouthSmileLeft"].value > 0.3
    assert any("another model" in sentence for sentence in words.last_edit(foreign)["ignored"])
    with pytest.raises(RuntimeError, match="another model"):
        edit("older")


def test_in_edit_mode_the_shape_waits_and_the_rest_goes_on(obj):
    bpy.ops.object.mode_set(mode="EDIT")
    edit("a wider nose and rosy cheeks")
    bpy.ops.object.mode_set(mode="OBJECT")
    assert any(
        "Leave this mode first" in sentence or "leave this mode first" in sentence for sentence in words.last_edit(obj)["ignored"]
    )
    assert obj.likeness_skin.flush_cheeks > 0.5


def test_a_linked_head_is_refused_in_a_sentence(obj, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True, load_ui=False)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, wanted):
        wanted.objects = ["person_5"]
    linked = wanted.objects[0]
    bpy.context.scene.collection.objects.link(linked)
    bpy.context.view_layer.objects.active = linked
    with pytest.raises(RuntimeError, match="linked from another file"):
        edit("older")


def test_an_edited_head_survives_saving_and_loading(obj, tmp_path):
    edit(ALL)
    before = state(obj)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "words.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "words.blend"))
    assert state(head_now()) == before
    assert words.last_edit(head_now())["words"] == ALL


class Played(EditsWithWords):
    """The operator without Blender's part: its worker's answer is put in by the test."""

    options = SimpleNamespace(is_repeat=False)
    strength, changes_shape, changes_skin, changes_expression = 1.0, True, True, True

    def __init__(self, text: str) -> None:
        self.words, self.reports = text, []

    def report(self, kinds: set[str], text: str) -> None:
        self.reports.append((kinds, text))

    def begin(self):
        """As _edit does before the worker is asked; what the worker would answer."""
        self._plan = self._make_plan(head_now())
        _, story, arguments = self._request()
        return run(STORIES[story](**arguments))


def test_until_the_skin_is_painted_the_head_stays_as_it_is_and_then_changes_in_one_step(obj):
    operator, before = Played(ALL), state(obj)
    steps = operator._finish_in_steps(bpy.context, operator.begin())
    for _ in range(3):
        next(steps)
        assert state(obj) == before
    assert run(steps) == {"FINISHED"}
    assert all(one != other for one, other in zip(before, state(obj), strict=True))
    assert skin.wished_numbers(obj) == {}
    assert operator.reports[0][0] == {"INFO"}


@pytest.mark.parametrize("end", ["closed", "moved", "painted", "removed", "edit mode"])
def test_whatever_ends_it_early_leaves_nothing_half_done(obj, end):
    operator = Played(ALL)
    steps = operator._finish_in_steps(bpy.context, operator.begin())
    next(steps)
    before = state(obj)
    if end == "closed":
        steps.close()
    elif end == "moved":
        identity.set_trait(obj, "jaw_width", obj.likeness_identity.jaw_width + 3)
    elif end == "painted":
        skin.put_on(obj, run(STORIES["restyle"](**skin.restyle_arguments(obj, {"melanin": 5.0}))))
    elif end == "removed":
        remove_head(obj)
    else:
        bpy.ops.object.mode_set(mode="EDIT")
    if end != "closed":
        with pytest.raises(LikenessError, match=r"meanwhile|[Ll]eave this mode"):
            run(steps)
    if end == "edit mode":
        bpy.ops.object.mode_set(mode="OBJECT")
    skin.forget_wishes()
    assert [image for image in bpy.data.images if not image.users] == []
    if end in ("closed", "edit mode"):
        assert state(obj) == before
    elif end != "removed":
        assert words.last_edit(obj) is None
        assert not any(expression.read_keys(obj).values())


def test_adjusting_in_a_window_moves_shape_and_face_at_once_and_asks_for_the_skin(obj, monkeypatch):
    asked, before = [], state(obj)
    monkeypatch.setattr(Played, "options", SimpleNamespace(is_repeat=True))
    monkeypatch.setattr("likeness.operators.edit_words.ask", asked.append)
    monkeypatch.setattr("likeness.operators.edit_words.bpy", SimpleNamespace(app=SimpleNamespace(background=False)))
    assert Played(ALL)._edit(bpy.context, is_watched=False) == {"FINISHED"}
    assert asked == [obj]
    assert skin.wished_numbers(obj)["freckles"] > 0.4
    after = state(obj)
    assert [one != other for one, other in zip(before, after, strict=True)] == [True, True, False, False]
    skin.forget_wishes()


def test_what_a_slider_still_waits_for_is_painted_along(obj):
    obj.likeness_skin.moles = 0.9
    edit("freckles 0.5")
    assert obj.likeness_skin.moles == pytest.approx(0.9, abs=1e-4)
    assert obj.likeness_skin.freckles == pytest.approx(0.5, abs=1e-4)
    assert skin.wished_numbers(obj) == {}


def test_the_head_as_words_see_it_has_every_slider(obj):
    look = words.look_at(obj)
    assert set(look.traits) == set(NAMES)
    assert set(look.skin) == set(skin.NAMES)
    assert len(look.expression) == 52
    assert look.reasons == {}


def test_nothing_waits_after_it_in_the_background(obj):
    edit(ALL)
    assert not bpy.app.timers.is_registered(restyle_skin._start_due)
    assert restyle_skin.drop_wishes not in bpy.app.handlers.undo_post
