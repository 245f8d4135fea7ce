"""A head corrected by hand and painted anew, as a script does it."""

from __future__ import annotations

import json

import bpy
import numpy as np
import pytest
from likeness.core.config import ASSETS_DIR
from likeness.core.fit.correction import HANDLES
from likeness.core.story import run
from likeness.operators.repaint import LIKENESS_OT_repaint
from likeness.scene import correction, head, identity, skin
from likeness.worker.stories import STORIES
from mathutils import Vector

pytestmark = [
    pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`"),
    pytest.mark.usefixtures("extension"),
]
CHIN = HANDLES["chin"][0]
DOWN = np.array([0.0, 6.0])


@pytest.fixture
def fitted(astronaut, extension):
    assert bpy.ops.likeness.fit_photo(filepath=str(astronaut), texture_size="512") == {"FINISHED"}
    return head.find_head(bpy.context)


def correct(*pins, released=()):
    return bpy.ops.likeness.correct_landmarks(pins=json.dumps(pins), released=json.dumps(released))


def places(*names, by=DOWN):
    """Where first points of handles lie in the head's photo, moved: what a person pulls them to."""
    now = correction.begin(head.find_head(bpy.context)).locate()
    return [[HANDLES[name][0], *(now[HANDLES[name][0]] + by)] for name in names]


def look(obj):
    """What a correction changes: vertices, expression's weights, camera."""
    asset = head.read_head(obj)
    return [asset.vertices, np.array(list(asset.expression.values())), asset.camera.R, asset.camera.t]


def assert_same(one, other, tolerance=2e-6):
    for before, after in zip(one, other, strict=True):
        assert np.abs(before - after).max() < tolerance


def differs(one, other):
    return np.abs(one[0] - other[0]).max() > 2e-4


def chin_pixel(obj):
    return correction.present(obj, correction.begin(obj)).points_px[CHIN]


def test_a_pulled_chin_is_where_it_was_pulled_and_the_mesh_follows(fitted):
    before, vertices = chin_pixel(fitted), head.read_head(fitted).vertices
    goal = before + DOWN
    assert correct([CHIN, *goal]) == {"FINISHED"}
    assert np.linalg.norm(chin_pixel(fitted) - goal) < 0.5
    after = head.read_head(fitted)
    assert np.abs(after.vertices - vertices).max() > 1e-3
    assert after.provenance["corrected_by_hand"] == ["chin"]
    assert "identity_edited" in after.provenance


def test_the_camera_object_shows_the_pulled_point_on_its_pixel(fitted):
    """Through Blender's own camera, mesh and modifiers, not through what the correction says of itself."""
    goal = chin_pixel(fitted) + DOWN
    correct([CHIN, *goal])
    from likeness.core.fit.measurement import load_calibration

    points = load_calibration().points
    evaluated = fitted.evaluated_get(bpy.context.evaluated_depsgraph_get())
    corners = [evaluated.matrix_world @ evaluated.data.vertices[int(i)].co for i in points.indices[CHIN]]
    place = sum((corner * float(w) for corner, w in zip(corners, points.weights[CHIN], strict=True)), Vector())
    assert np.linalg.norm(correction.world_to_pixel(fitted, head.read_camera(fitted), place) - goal) < 1.0


def test_pixels_and_rays_are_each_others_inverse(fitted):
    camera = head.read_camera(fitted)
    for pixel in ((100.0, 60.0), (300.5, 410.25)):
        world = correction.pixel_to_world(fitted, camera, np.array(pixel), 0.7)
        assert correction.world_to_pixel(fitted, camera, world) == pytest.approx(pixel, abs=1e-2)


def test_no_pins_change_nothing(fitted):
    before = head.read_head(fitted)
    assert correct() == {"FINISHED"}
    after = head.read_head(fitted)
    assert np.array_equal(before.vertices, after.vertices)
    assert np.allclose(before.camera.R, after.camera.R)
    assert before.expression == pytest.approx(after.expression)


def test_correcting_is_a_step_of_the_head_s_history(fitted):
    before = head.read_head(fitted).vertices
    correct([CHIN, *(chin_pixel(fitted) + DOWN)])
    assert bpy.ops.likeness.step_identity(direction="BACK") == {"FINISHED"}
    assert np.abs(head.read_head(fitted).vertices - before).max() < 1e-6


def test_what_is_no_list_of_points_is_one_sentence(fitted):
    for pins in ("chin", '[["chin", 1, 2]]', "[[1]]"):
        with pytest.raises(RuntimeError, match="no JSON list"):
            bpy.ops.likeness.correct_landmarks(pins=pins)
    with pytest.raises(RuntimeError, match="no JSON list"):
        bpy.ops.likeness.correct_landmarks(released="chin")


def test_repainting_changes_the_textures_in_place(fitted):
    correct([CHIN, *(chin_pixel(fitted) + DOWN)])
    before = head.read_head(fitted)
    num_images = len(bpy.data.images)
    assert bpy.ops.likeness.repaint() == {"FINISHED"}
    after = head.read_head(fitted)
    assert len(bpy.data.images) == num_images
    assert set(after.textures) == set(before.textures)
    assert after.textures["albedo"].pixels.shape == before.textures["albedo"].pixels.shape
    assert not np.array_equal(after.textures["albedo"].pixels, before.textures["albedo"].pixels)
    used = {node.image for m in fitted.data.materials for node in m.node_tree.nodes if node.type == "TEX_IMAGE"}
    assert set(head.texture_images(fitted).values()) >= used


def test_repainting_an_unchanged_head_gives_its_own_textures_again(fitted):
    before = head.read_head(fitted).textures["albedo"].pixels.astype(int)
    bpy.ops.likeness.repaint()
    after = head.read_head(fitted).textures["albedo"].pixels.astype(int)
    assert np.mean(np.abs(after - before) > 2) < 0.01


def test_a_head_without_a_photo_says_why_not(extension):
    bpy.ops.likeness.generate(seed=3, texture_size="512")
    assert not bpy.ops.likeness.correct_landmarks.poll()
    assert not bpy.ops.likeness.repaint.poll()
    assert correction.why_not(head.find_head(bpy.context)) == "This head has no photo to be corrected on"


def test_a_correction_given_up_leaves_the_head_as_it_was(fitted):
    """As Esc does: a pose of the artist's, earlier points and the history included."""
    correct([CHIN, *(chin_pixel(fitted) + DOWN)])
    fitted.data.shape_keys.key_blocks["jawOpen"].value = 0.5
    head.head_rig(fitted).pose.bones["neck"].rotation_euler = (0.1, 0.2, 0.3)
    bpy.context.view_layer.update()
    before, was = head.read_head(fitted), correction.take_snapshot(fitted)
    keys = {key.name: key.value for key in fitted.data.shape_keys.key_blocks}
    camera = head.head_camera(fitted).matrix_basis.copy()
    head.apply_expression(fitted, "photo")
    started = correction.begin(fitted)
    correction.apply(fitted, started.solve({CHIN: started.locate()[CHIN] + 3 * DOWN}), started, "run")
    correction.restore(fitted, was)
    bpy.context.view_layer.update()
    after = head.read_head(fitted)
    assert np.abs(after.vertices - before.vertices).max() < 1e-7
    assert {key.name: key.value for key in fitted.data.shape_keys.key_blocks} == pytest.approx(keys, abs=1e-5)
    assert tuple(head.head_rig(fitted).pose.bones["neck"].rotation_euler) == pytest.approx((0.1, 0.2, 0.3))
    assert (after.provenance, after.expression) == (before.provenance, before.expression)
    assert np.allclose(np.array(camera), np.array(head.head_camera(fitted).matrix_basis))
    assert correction.take_snapshot(fitted).properties == was.properties


def test_points_of_two_corrections_are_both_remembered(fitted):
    correct([CHIN, *(chin_pixel(fitted) + DOWN)])
    corner = HANDLES["left mouth corner"][0]
    correct([corner, *(correction.begin(fitted).locate()[corner] + DOWN)])
    assert set(correction.read_pins(fitted)) == {CHIN, corner}
    assert head.read_head(fitted).provenance["corrected_by_hand"] == ["chin", "left mouth corner"]


def test_a_head_that_was_changed_meanwhile_is_known_from_the_one_that_is_painted(fitted):
    before = correction.stamp(fitted)
    assert correction.stamp(fitted) == before
    correct([CHIN, *(chin_pixel(fitted) + DOWN)])
    assert correction.stamp(fitted) != before


NAMES = ("chin", "left mouth corner", "nose tip", "right brow")


def test_the_same_points_in_one_correction_or_in_several_in_any_order_give_the_same_head(fitted):
    pulls = places(*NAMES)
    correct(*pulls)
    at_once = look(fitted)
    correct(released=[point for point, *_ in pulls])
    for pull in reversed(pulls):
        correct(pull)
    assert_same(at_once, look(fitted))
    assert set(correction.read_pins(fitted)) == {point for point, *_ in pulls}


def test_earlier_points_hold_while_another_is_pulled(fitted):
    chin, corner = places("chin", "left mouth corner")
    correct(chin)
    correct(corner)
    now = correction.present(fitted, correction.begin(fitted)).points_px
    for point, *pixel in (chin, corner):
        assert np.linalg.norm(now[point] - pixel) < 0.6
    assert not correction.has_strayed(correction.present(fitted, correction.begin(fitted)), correction.read_pins(fitted))


def test_a_point_that_is_let_go_leaves_nothing_behind(fitted):
    made, (chin, corner) = look(fitted), places("chin", "left mouth corner")
    correct(corner)
    alone = look(fitted)
    correct(chin)
    assert differs(look(fitted), alone)
    correct(released=[CHIN])
    assert_same(alone, look(fitted))
    assert set(correction.read_pins(fitted)) == {corner[0]}
    correct(released=[corner[0]])
    assert_same(made, look(fitted))
    assert correction.PINS not in fitted
    assert correction.FIT not in fitted
    assert not {"corrected_by_hand", "identity_edited"} & head.read_head(fitted).provenance.keys()


def test_starting_again_and_changing_nothing_leaves_all_as_it_was(fitted):
    correct(*places("chin"))
    before, was = look(fitted), correction.take_snapshot(fitted)
    started = correction.begin(fitted)
    shown = correction.present(fitted, started)
    assert np.linalg.norm(shown.points_px[CHIN] - correction.read_pins(fitted)[CHIN]) < 0.5
    correction.apply(fitted, started.solve({CHIN: chin_pixel(fitted) + 3 * DOWN, 4: started.locate()[4] + DOWN}), started, "run")
    assert differs(look(fitted), before)
    correction.restore(fitted, was)
    assert_same(before, look(fitted))
    assert correction.take_snapshot(fitted).properties == was.properties
    assert correct() == {"FINISHED"}
    assert_same(before, look(fitted))


def test_sliders_moved_in_between_are_kept(fitted):
    """The jaw's width stays as it was chosen, whether the pulled chin holds or is let go."""
    made, chin = look(fitted), places("chin")
    width = identity.get_trait(fitted, "jaw_width")
    identity.set_trait(fitted, "jaw_width", width + 6)
    slid = look(fitted)
    identity.set_trait(fitted, "jaw_width", width)
    assert_same(made, look(fitted))
    correct(*chin)
    identity.set_trait(fitted, "jaw_width", identity.get_trait(fitted, "jaw_width") + 6)
    wide = identity.get_trait(fitted, "jaw_width")
    correct(*places("nose tip", by=(1.0, 0.0)))
    assert identity.get_trait(fitted, "jaw_width") == pytest.approx(wide, abs=1.0)
    assert np.linalg.norm(chin_pixel(fitted) - chin[0][1:]) < 0.6
    correct(released=[CHIN, HANDLES["nose tip"][0]])
    assert_same(slid, look(fitted), 1e-5)


def test_a_point_that_a_slider_moved_is_seen_to_have_strayed_and_holds_from_the_next_pull(fitted):
    chin = places("chin")
    correct(*chin)
    identity.set_trait(fitted, "face_length", identity.get_trait(fitted, "face_length") + 10)
    before, started = look(fitted), correction.begin(fitted)
    assert correction.has_strayed(correction.present(fitted, started), correction.read_pins(fitted))
    assert_same(before, look(fitted))
    correct(*places("nose tip", by=(1.0, 0.0)))
    assert not correction.has_strayed(correction.present(fitted, correction.begin(fitted)), {CHIN: chin[0][1:]})


def test_a_correction_that_was_stepped_back_can_be_pulled_again(fitted):
    chin, nose = places("chin"), places("nose tip")
    correct(*chin, *nose)
    both = look(fitted)
    correct(released=[CHIN, nose[0][0]])
    correct(*chin)
    bpy.ops.likeness.step_identity(direction="BACK")
    correct(*nose)
    assert_same(both, look(fitted))


def test_sculpting_stays_and_points_are_pulled_on_the_sculpted_face(fitted):
    from likeness.core.fit.measurement import load_calibration

    before = correction.begin(fitted).locate()
    indices = load_calibration().points.indices[CHIN]
    for key in fitted.data.shape_keys.key_blocks:
        for index in indices:
            key.data[int(index)].co.z -= 0.01
    for index in indices:
        fitted.data.vertices[int(index)].co.z -= 0.01
    started = correction.begin(fitted)
    assert started.locate()[CHIN][1] - before[CHIN][1] > 3
    assert np.abs(np.delete(started.locate(), CHIN, 0) - np.delete(before, CHIN, 0)).max(1).min() < 0.01
    goal = started.locate()[CHIN] + DOWN
    correct([CHIN, *goal])
    assert np.linalg.norm(chin_pixel(fitted) - goal) < 0.5


def test_a_saved_correction_goes_on_where_it_ended(fitted, tmp_path):
    pulls = places("chin", "nose tip")
    correct(*pulls)
    both = look(fitted)
    correct(released=[CHIN, pulls[1][0]])
    correct(pulls[0])
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "corrected.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "corrected.blend"))
    correct(pulls[1])
    assert_same(both, look(head.find_head(bpy.context)))


def test_points_of_a_file_from_before_their_fit_was_kept_hold_too(fitted):
    chin, nose = places("chin"), places("nose tip", by=(2.0, 0.0))
    correct(*chin)
    del fitted[correction.FIT]
    del fitted[head.HEAD]["pulled"]
    correct(*nose)
    assert not correction.has_strayed(correction.present(fitted, correction.begin(fitted)), correction.read_pins(fitted))
    assert set(correction.read_pins(fitted)) == {chin[0][0], nose[0][0]}


def painted(obj):
    return head.read_head(obj).textures["albedo"].pixels.astype(int)


def test_what_was_chosen_for_the_skin_comes_back_after_a_repaint(fitted):
    """Painted or only asked for; on the skin that the photo gives now, as the sliders would put it there."""
    made = skin.made_numbers(fitted)
    bpy.ops.likeness.restyle_skin(changes=f"melanin={made['melanin'] + 2},age={made['age'] + 20}")
    fitted.likeness_skin.freckles = 0.9
    correct([CHIN, *(chin_pixel(fitted) + DOWN)])
    num_images = len(bpy.data.images)
    bpy.ops.likeness.repaint()
    came_back, numbers = painted(fitted), skin.read_numbers(fitted)
    assert numbers["melanin"] == pytest.approx(made["melanin"] + 2, abs=1e-3)
    assert numbers["age"] == pytest.approx(made["age"] + 20, abs=1e-3)
    assert numbers["freckles"] == pytest.approx(0.9, abs=1e-3)
    assert head.read_head(fitted).provenance["appearance_chosen"] == ["age", "freckles", "melanin"]
    assert len(bpy.data.images) == num_images
    bpy.ops.likeness.reset_skin()
    assert np.abs(painted(fitted) - came_back).mean() > 1
    bpy.ops.likeness.repaint()
    assert skin.is_as_made(fitted)
    bpy.ops.likeness.restyle_skin(changes=",".join(f"{name}={numbers[name]}" for name in ("melanin", "age", "freckles")))
    assert np.abs(painted(fitted) - came_back).mean() < 0.1


def test_a_repaint_of_a_skin_that_nobody_changed_leaves_the_photos(fitted):
    bpy.ops.likeness.repaint()
    assert skin.is_as_made(fitted)
    assert "appearance_chosen" not in head.read_head(fitted).provenance


def test_a_skin_that_cannot_come_back_is_said(fitted, monkeypatch):
    bpy.ops.likeness.restyle_skin(changes="melanin=4")
    monkeypatch.setattr(skin, "why_not", lambda obj: "This head's skin is nobody's")
    reports = []
    repaint = LIKENESS_OT_repaint
    played = type("Played", (), {"report": lambda _, *told: reports.append(told), "_describe": repaint._describe, "head": ""})()
    repaint._request(played)
    paint = run(STORIES["repaint"](**correction.repaint_arguments(fitted)))
    assert repaint._finish(played, bpy.context, paint) == {"FINISHED"}
    ((kinds, said),) = reports
    assert kinds == {"WARNING"}
    assert said.endswith("The changes to its skin are lost: This head's skin is nobody's.")


@pytest.mark.parametrize("slid_first", [False, True])
def test_a_reset_takes_sliders_and_other_people_back_and_keeps_the_correction(fitted, slid_first):
    made, pulls = look(fitted), places("chin", "left mouth corner")
    correct(*pulls)
    corrected = look(fitted)
    assert not bpy.ops.likeness.reset_identity.poll()
    if slid_first:
        correct(released=[point for point, *_ in pulls])
        identity.set_trait(fitted, "face_length", identity.get_trait(fitted, "face_length") + 8)
        correct(*pulls)
    identity.set_trait(fitted, "jaw_width", identity.get_trait(fitted, "jaw_width") + 8)
    for strength in (0.6, 1.0):
        bpy.ops.likeness.reroll_identity(seed=3, strength=strength)
    other, steps = look(fitted), fitted[identity.HISTORY]["place"]
    fitted.data.shape_keys.key_blocks["jawOpen"].value = 0.5
    assert bpy.ops.likeness.reset_identity() == {"FINISHED"}
    assert_same(corrected, look(fitted), 1e-5)
    assert not bpy.ops.likeness.reset_identity.poll()
    assert fitted.data.shape_keys.key_blocks["jawOpen"].value == 0.5
    assert not correction.has_strayed(correction.present(fitted, correction.begin(fitted)), correction.read_pins(fitted))
    assert fitted[identity.HISTORY]["place"] == steps + 1
    bpy.ops.likeness.step_identity(direction="BACK")
    assert np.abs(look(fitted)[0] - other[0]).max() < 1e-6
    bpy.ops.likeness.reset_identity()
    correct(released=[point for point, *_ in pulls])
    assert_same(made, look(fitted), 1e-5)


def test_a_corrected_head_whose_camera_is_gone_is_reset_to_its_corrected_shape(fitted):
    correct(*places("chin"))
    corrected = head.read_head(fitted).vertices
    identity.set_trait(fitted, "jaw_width", identity.get_trait(fitted, "jaw_width") + 8)
    bpy.data.objects.remove(head.head_camera(fitted))
    assert bpy.ops.likeness.reset_identity() == {"FINISHED"}
    assert np.abs(head.read_head(fitted).vertices - corrected).max() < 1e-5
