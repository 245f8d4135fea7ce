"""Heads in motion: keyed expressions, recorded faces, idle motion, all of it removed again; files, undo, several heads."""

from __future__ import annotations

import csv
import json

import bpy
import numpy as np
import pytest
from likeness.core.animation.take import load_take
from likeness.core.errors import LikenessError
from likeness.core.head.model import rotation_matrices
from likeness.core.story import run
from likeness.core.types import ARKIT_NAMES
from likeness.scene import animation, expression, head
from likeness.scene.export import evaluate_vertices
from likeness.scene.fcurves import list_curves
from synthetic import make_asset

MOTIONS = ("key_expression", "idle_motion", "import_face_capture")
FPS = 60


@pytest.fixture
def ada(extension):
    """A head at rest, alone in a scene of 120 frames."""
    bpy.context.scene.frame_end = 120
    return make_head("Ada")


@pytest.fixture
def take(tmp_path):
    """A recorded face of three seconds: the jaw opens and closes once a second, the left eye blinks, the head turns."""
    path = tmp_path / "take.csv"
    names = [
        "Timecode",
        "BlendShapeCount",
        *(unit[0].upper() + unit[1:] for unit in ARKIT_NAMES),
        "HeadYaw",
        "HeadPitch",
        "HeadRoll",
    ]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for i in range(3 * FPS + 1):
            values = dict.fromkeys(ARKIT_NAMES, 0.0) | {"jawOpen": jaw_at(i / FPS), "eyeBlinkLeft": float(60 <= i < 75)}
            angles = 0.4 * np.sin(2 * np.pi * i / FPS / 3), 0.2, -0.1
            writer.writerow([f"09:59:{57 + i // FPS:02d}:{i % FPS:02d}.000", 55, *values.values(), *angles])
    return path


def jaw_at(seconds: float) -> float:
    return round(0.4 - 0.4 * float(np.cos(2 * np.pi * seconds)), 6)


def make_head(name: str) -> bpy.types.Object:
    obj = head.create_head(bpy.context, make_asset(name=name))
    head.apply_expression(obj, "neutral")
    return obj


def animate(motion: str, take, **options) -> set[str]:
    given = {"filepath": str(take)} if motion == "import_face_capture" else {"seed": 1} if motion == "idle_motion" else {}
    return getattr(bpy.ops.likeness, motion)("EXEC_DEFAULT", **given | options)


def shown(obj: bpy.types.Object, frame: float) -> dict[str, float]:
    bpy.context.scene.frame_set(int(frame), subframe=frame % 1)
    return expression.read_keys(obj)


def neck_of(obj: bpy.types.Object) -> np.ndarray:
    return head.current_pose(obj).reshape(5, 3)[1]


def curves_of(obj: bpy.types.Object) -> dict[tuple[str, int], list[tuple[float, float]]]:
    owners = (obj.data.shape_keys, head.head_rig(obj))
    return {
        (curve.data_path, curve.array_index): [tuple(point.co) for point in curve.keyframe_points]
        for owner in owners
        for curve in list_curves(owner)
    }


def test_keyed_expressions_are_shown_at_their_frames(ada):
    scene, neck = bpy.context.scene, head.head_rig(ada).pose.bones["neck"]
    for frame, smile, turn in ((1, 0.0, 0.0), (21, 0.8, 0.3)):
        scene.frame_set(frame)
        ada.data.shape_keys.key_blocks["mouthSmileLeft"].value = smile
        neck.rotation_euler.y = turn
        assert bpy.ops.likeness.key_expression() == {"FINISHED"}
    assert shown(ada, 1)["mouthSmileLeft"] == 0 and neck.rotation_euler.y == 0
    assert shown(ada, 21)["mouthSmileLeft"] == pytest.approx(0.8) and neck.rotation_euler.y == pytest.approx(0.3)
    assert 0.2 < shown(ada, 11)["mouthSmileLeft"] < 0.6 and 0.1 < neck.rotation_euler.y < 0.2
    curves = curves_of(ada)
    assert {f'key_blocks["{unit}"].value' for unit in ARKIT_NAMES} <= {path for path, _ in curves}
    assert sum(path.endswith("rotation_euler") for path, _ in curves) == 3 * len(animation.BONES)
    assert {len(points) for points in curves.values()} == {2}


def test_a_key_that_an_artist_added_is_keyed_and_cleared_too(ada):
    ada.shape_key_add(name='a "bigger" nose').value = 0.5
    bpy.ops.likeness.key_expression()
    assert shown(ada, 2)['a "bigger" nose'] == 0.5
    bpy.ops.likeness.clear_animation()
    assert len(bpy.data.actions) == 0


def test_keying_a_frame_again_replaces_its_keys(ada):
    bpy.ops.likeness.key_expression()
    ada.data.shape_keys.key_blocks["jawOpen"].value = 0.5
    bpy.ops.likeness.key_expression()
    assert curves_of(ada)['key_blocks["jawOpen"].value', 0] == [(1.0, 0.5)]


@pytest.mark.parametrize("mode", ["QUATERNION", "AXIS_ANGLE", "XYZ", "ZYX"])
def test_bones_are_keyed_in_their_own_rotation_mode(ada, take, mode):
    neck = head.head_rig(ada).pose.bones["neck"]
    neck.rotation_mode = mode
    for motion in MOTIONS:
        animate(motion, take)
    bpy.context.scene.frame_set(1)
    bpy.ops.likeness.import_face_capture(filepath=str(take))
    bpy.context.scene.frame_set(19)  # three quarters of a second: the turn's sine at pi / 2
    expected = matrix_of(0.4, 0.2, -0.1)
    assert np.allclose(turned_in_model(ada), expected, atol=2e-4)


def matrix_of(turn: float, nod: float, tilt: float) -> np.ndarray:
    """By plain trigonometry: turn about up, nod about the subject's right, tilt about forward."""

    def about(axis: int, angle: float) -> np.ndarray:
        i, j = (axis + 1) % 3, (axis + 2) % 3
        R = np.eye(3)
        R[i, i] = R[j, j] = np.cos(angle)
        R[i, j], R[j, i] = -np.sin(angle), np.sin(angle)
        return R

    return about(1, turn) @ about(0, -nod) @ about(2, tilt)


def turned_in_model(obj: bpy.types.Object) -> np.ndarray:
    return rotation_matrices(neck_of(obj))


def test_a_capture_is_shown_at_its_time(ada, take):
    scene = bpy.context.scene
    scene.render.fps = 24
    assert animate("import_face_capture", take, start=10) == {"FINISHED"}
    assert scene.frame_end == 120
    for frame in range(0, 73, 5):
        values = shown(ada, 10 + frame)
        assert values["jawOpen"] == pytest.approx(jaw_at(frame / 24), abs=0.01)
        assert values["eyeBlinkLeft"] == (24 <= frame < 30)
        assert np.allclose(turned_in_model(ada), matrix_of(0.4 * np.sin(2 * np.pi * frame / 72), 0.2, -0.1), atol=2e-3)
    assert shown(ada, 200)["jawOpen"] == shown(ada, 82)["jawOpen"]


def test_a_head_that_was_recorded_turning_left_and_up_does_so(ada, take):
    head.apply_expression(ada, "neutral")
    nose = int(np.argmax(evaluate_vertices(ada)[:, 2]))
    rest = evaluate_vertices(ada)[nose]
    animate("import_face_capture", take)
    bpy.context.scene.frame_set(19)
    moved = evaluate_vertices(ada)[nose]
    assert moved[0] > rest[0] + 0.01, "to the subject's left"
    assert moved[1] > rest[1] + 0.005, "up"
    animate("import_face_capture", take, flips={"TURN", "NOD"})
    bpy.context.scene.frame_set(19)
    assert evaluate_vertices(ada)[nose][0] < rest[0] - 0.01 and evaluate_vertices(ada)[nose][1] < rest[1]


def test_strength_mirror_and_head_are_as_told(ada, take):
    animate("import_face_capture", take, strength=0.5, is_mirrored=True, head=0.0)
    values = shown(ada, 1 + 26)
    assert values["eyeBlinkRight"] == pytest.approx(0.5) and values["eyeBlinkLeft"] == 0
    assert not [path for path, _ in curves_of(ada) if "neck" in path]
    animate("import_face_capture", take, strength=3.0)
    assert shown(ada, 1 + 12)["jawOpen"] == 1.0


def test_the_scene_is_lengthened_only_where_that_is_wanted(ada, take):
    scene = bpy.context.scene
    scene.frame_end = 20
    animate("import_face_capture", take, is_lengthening=False)
    assert scene.frame_end == 20
    animate("import_face_capture", take)
    assert scene.frame_end == 73


def test_units_that_rest_take_two_keys(ada, take):
    animate("import_face_capture", take)
    curves = curves_of(ada)
    assert curves['key_blocks["cheekPuff"].value', 0] == [(1.0, 0.0), (73.0, 0.0)]
    assert len(curves['key_blocks["jawOpen"].value', 0]) == 73


def test_a_second_capture_replaces_what_it_covers_and_keeps_the_rest(ada, take):
    bpy.context.scene.frame_set(300)
    ada.data.shape_keys.key_blocks["jawOpen"].value = 1.0
    bpy.ops.likeness.key_expression()
    animate("import_face_capture", take)
    before = curves_of(ada)
    animate("import_face_capture", take)
    assert curves_of(ada) == before
    assert shown(ada, 300)["jawOpen"] == 1.0


def test_idle_motion_blinks_looks_and_sways_and_leaves_the_mouth_alone(ada):
    bpy.context.scene.frame_end = 480
    ada.data.shape_keys.key_blocks["mouthSmileLeft"].value = 0.5
    assert bpy.ops.likeness.idle_motion(seed=5) == {"FINISHED"}
    seen = [shown(ada, frame) for frame in range(1, 481)]
    lids = np.array([values["eyeBlinkLeft"] for values in seen])
    assert lids.max() >= 0.9 and lids.min() == 0 and np.median(lids) == 0
    assert lids.tolist() == [values["eyeBlinkRight"] for values in seen]
    assert np.ptp([values["eyeLookOutLeft"] - values["eyeLookInLeft"] for values in seen]) > 0.02
    assert {values["mouthSmileLeft"] for values in seen} == {0.5}
    assert all(0 <= value <= 1 for values in seen for value in values.values())
    assert not any("mouth" in path or "jaw" in path for path, _ in curves_of(ada))


def test_both_eyes_look_the_same_way(ada):
    bpy.ops.likeness.idle_motion(seed=2, gaze=3.0)
    for frame in range(1, 121, 7):
        bpy.context.scene.frame_set(frame)
        evaluate_vertices(ada)
        rig = head.head_rig(ada).evaluated_get(bpy.context.evaluated_depsgraph_get())
        left, right = (np.array(rig.pose.bones[f"{side}_eye"].matrix)[:3, 1] for side in ("left", "right"))
        assert np.allclose(left, right, atol=1e-3)


def test_idle_motion_starts_from_what_the_head_shows_and_again_from_the_same(ada):
    head.apply_expression(ada, "photo")
    rest, pose = expression.read_keys(ada), head.current_pose(ada)
    for seed in (1, 2):
        bpy.ops.likeness.idle_motion(seed=seed)
        assert shown(ada, 1) == pytest.approx(rest, abs=1e-5)
        assert np.allclose(head.current_pose(ada), pose, atol=1e-4)
    bpy.context.scene.frame_set(60)
    bpy.ops.likeness.idle_motion(seed=1)
    again = curves_of(ada)
    bpy.ops.likeness.idle_motion(seed=1)
    for channel, points in curves_of(ada).items():
        assert np.allclose(points, again[channel], atol=1e-5)


def test_a_loop_goes_on_without_a_jump_in_place_or_speed(ada):
    bpy.ops.likeness.idle_motion(seed=3, is_loop=True)
    curves = [curve for owner in (ada.data.shape_keys, head.head_rig(ada)) for curve in list_curves(owner)]
    moving = 0
    for curve in curves:
        assert curve.evaluate(121) == pytest.approx(curve.evaluate(1), abs=1e-5)
        into, out = curve.evaluate(121) - curve.evaluate(120.9), curve.evaluate(1.1) - curve.evaluate(1)
        assert into == pytest.approx(out, abs=2e-5)
        moving += abs(out) > 1e-5
    assert moving, "the head is not at rest where the loop closes"


def test_what_is_set_to_zero_is_left_alone(ada):
    bpy.ops.likeness.idle_motion(seed=1, blinks=0.0, gaze=0.0)
    assert {path for path, _ in curves_of(ada)} == {'pose.bones["neck"].rotation_euler'}
    bpy.ops.likeness.clear_animation()
    bpy.ops.likeness.idle_motion(seed=1, sway=0.0)
    assert head.head_rig(ada).animation_data.action is None


def test_the_preview_range_is_what_idles(ada):
    scene = bpy.context.scene
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 40, 90
    bpy.ops.likeness.idle_motion(seed=1)
    assert animation.key_range(ada) == (40, 90)
    scene.frame_preview_end = 40
    with pytest.raises(RuntimeError, match="The scene has one frame"):
        bpy.ops.likeness.idle_motion(seed=1)


def test_each_data_block_has_one_action_with_the_heads_name(ada, take):
    for motion in MOTIONS:
        animate(motion, take)
    assert sorted(action.name for action in bpy.data.actions) == ["Ada expression", "Ada pose"]


def test_clearing_leaves_drivers_and_what_an_artist_animated(ada, take):
    rig = head.head_rig(ada)
    drivers = [len(block.animation_data.drivers) for block in (ada.data.shape_keys, rig)]
    rig.keyframe_insert("location", frame=5)
    for motion in MOTIONS:
        animate(motion, take)
    bpy.context.scene.frame_set(26)
    before = shown(ada, 26)
    assert bpy.ops.likeness.clear_animation() == {"FINISHED"}
    assert expression.read_keys(ada) == before
    assert {path for path, _ in curves_of(ada)} == {"location"}
    assert [len(block.animation_data.drivers) for block in (ada.data.shape_keys, rig)] == drivers
    assert not bpy.ops.likeness.clear_animation.poll()
    rig.keyframe_delete("location", frame=5)


def test_clearing_all_leaves_no_action_behind(ada, take):
    for motion in MOTIONS:
        animate(motion, take)
    bpy.ops.likeness.clear_animation()
    assert len(bpy.data.actions) == 0


def test_a_head_takes_its_actions_along_when_it_is_removed(ada, take):
    berta = make_head("Berta")
    for obj in (ada, berta):
        bpy.context.view_layer.objects.active = obj
        for motion in MOTIONS:
            animate(motion, take)
    head.remove_head(berta)
    assert sorted(action.name for action in bpy.data.actions) == ["Ada expression", "Ada pose"]


@pytest.mark.parametrize("motion", [*MOTIONS, "clear_animation"])
def test_each_is_one_step_to_undo(ada, take, motion):
    if motion == "clear_animation":
        bpy.ops.likeness.key_expression()
    bpy.ops.ed.undo_push(message="before")
    before = curves_of(ada)
    animate(motion, take)
    bpy.ops.ed.undo_push(message=motion)
    assert curves_of(bpy.data.objects["Ada"]) != before
    bpy.ops.ed.undo()
    assert curves_of(bpy.data.objects["Ada"]) == before


def test_a_saved_file_moves_as_before(ada, take, tmp_path):
    animate("idle_motion", take, is_loop=True)
    animate("import_face_capture", take)
    before, frames = curves_of(ada), [shown(ada, frame) for frame in (1, 26, 60, 110)]
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "moving.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "moving.blend"))
    again = bpy.data.objects["Ada"]
    assert curves_of(again) == before
    assert [shown(again, frame) for frame in (1, 26, 60, 110)] == frames


def test_two_heads_move_each_on_their_own(ada, take):
    berta = make_head("Berta")
    bpy.context.view_layer.objects.active = ada
    animate("import_face_capture", take)
    bpy.context.view_layer.objects.active = berta
    animate("idle_motion", take)
    assert shown(ada, 13)["jawOpen"] == pytest.approx(0.8, abs=0.01)
    assert expression.read_keys(berta)["jawOpen"] == 0
    before = curves_of(berta)
    bpy.context.view_layer.objects.active = ada
    bpy.ops.likeness.clear_animation()
    assert curves_of(berta) == before and not curves_of(ada)


def test_a_copy_that_shares_the_action_is_animated_on_its_own(ada, take):
    animate("idle_motion", take)
    rig, copy = head.head_rig(ada), head.head_rig(ada).copy()
    bpy.context.scene.collection.objects.link(copy)
    assert copy.animation_data.action == rig.animation_data.action
    before = [list(point.co) for curve in list_curves(copy) for point in curve.keyframe_points]
    animate("import_face_capture", take)
    assert copy.animation_data.action != rig.animation_data.action
    assert [list(point.co) for curve in list_curves(copy) for point in curve.keyframe_points] == before


def test_a_wrong_file_is_one_sentence_and_changes_nothing(ada, tmp_path):
    bpy.ops.likeness.key_expression()
    before = curves_of(ada)
    (tmp_path / "chairs.csv").write_text("name,price\nchair,10\n")
    for name, sentence in (("chairs.csv", "names none of ARKit's 52 units"), ("none.csv", "There is no file")):
        with pytest.raises(RuntimeError, match=sentence) as raised:
            bpy.ops.likeness.import_face_capture(filepath=str(tmp_path / name))
        assert "Traceback" not in str(raised.value) and "fault of its own" not in str(raised.value)
    assert curves_of(ada) == before


def test_a_capture_of_web_cameras_is_read_too(ada, tmp_path):
    frames = [{"timestamp_ms": 40 * i, "blendshapes": {"_neutral": 0.01, "jawOpen": i / 50}} for i in range(50)]
    (tmp_path / "web.json").write_text(json.dumps(frames))
    bpy.ops.likeness.import_face_capture(filepath=str(tmp_path / "web.json"))
    assert shown(ada, 1 + 24)["jawOpen"] == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("motion", MOTIONS)
def test_without_shape_keys_nothing_can_be_animated(ada, motion):
    assert getattr(bpy.ops.likeness, motion).poll()
    ada.shape_key_clear()
    assert not getattr(bpy.ops.likeness, motion).poll()


@pytest.mark.parametrize("motion", MOTIONS)
def test_a_head_without_its_armature_moves_its_face(ada, take, motion):
    bpy.data.objects.remove(head.head_rig(ada))
    assert animate(motion, take) == {"FINISHED"}
    assert list_curves(ada.data.shape_keys)


@pytest.mark.parametrize("motion", MOTIONS)
def test_a_linked_head_says_that_it_is_linked(ada, take, tmp_path, motion):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True, load_ui=False)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, data):
        data.objects = ["Ada"]
    bpy.context.scene.collection.objects.link(bpy.data.objects["Ada"])
    bpy.context.view_layer.objects.active = bpy.data.objects["Ada"]
    with pytest.raises(RuntimeError, match="linked from another file"):
        animate(motion, take)


def test_a_linked_armature_says_that_it_is_linked(ada, take, tmp_path):
    """The mesh was made local, its armature not."""
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True, load_ui=False)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, data):
        data.objects = ["Ada"]
    obj = bpy.data.objects["Ada"]
    bpy.context.scene.collection.objects.link(obj)
    local = obj.make_local()
    local.data.make_local()
    bpy.context.view_layer.objects.active = local
    with pytest.raises(RuntimeError, match="armature is linked from another file"):
        animate("idle_motion", take)


def recorded(take) -> object:
    return run(load_take(str(take), frames_per_second=24.0))


def test_a_head_moves_as_before_until_the_last_step_of_a_capture(ada, take):
    animate("key_expression", take)
    animate("idle_motion", take)
    before, actions = curves_of(ada), sorted(action.name for action in bpy.data.actions)
    steps = animation.write_capture(ada, recorded(take), 1)
    shares = []
    for share in steps:
        shares.append(share)
        assert curves_of(ada) == before
    assert shares == sorted(shares) and len(shares) > 50
    assert curves_of(ada) != before
    assert sorted(action.name for action in bpy.data.actions) == actions


def test_a_capture_in_steps_writes_what_one_without_pauses_writes(ada, take):
    bpy.ops.likeness.import_face_capture("EXEC_DEFAULT", filepath=str(take), strength=0.8, flips={"NOD"}, smoothing=1.0)
    at_once = curves_of(ada)
    bpy.ops.likeness.clear_animation()
    bpy.ops.likeness.import_long_capture("EXEC_DEFAULT", filepath=str(take), strength=0.8, flips={"NOD"}, smoothing=1.0)
    assert curves_of(ada) == at_once


@pytest.mark.parametrize("is_animated", [False, True], ids=["still", "animated"])
@pytest.mark.parametrize("how", ["closed", "undo", "undo and redo", "keys changed", "removed", "action gone"])
@pytest.mark.parametrize("step", [1, 40, 54])
def test_a_capture_that_is_not_written_to_the_end_leaves_nothing(ada, take, how, step, is_animated):
    if is_animated:
        animate("idle_motion", take)
    bpy.ops.ed.undo_push(message="a head")
    ada.location.x = 1
    bpy.ops.ed.undo_push(message="moved")
    steps = animation.write_capture(ada, recorded(take), 1)
    for _ in range(step):
        next(steps)
    before = curves_of(ada)
    if how == "closed":
        steps.close()
    else:
        if how.startswith("undo"):
            bpy.ops.ed.undo()
        if how == "undo and redo":
            bpy.ops.ed.redo()
        if how == "keys changed":
            bpy.ops.likeness.key_expression()
            before = curves_of(ada)
        if how == "removed":
            head.remove_head(ada)
        if how == "action gone":
            drafts = [action for action in bpy.data.actions if not action.users]
            bpy.data.batch_remove(drafts)
        with pytest.raises(LikenessError, match=r"undo came in between|changed meanwhile|changed or removed"):
            run(steps)
    assert [action for action in bpy.data.actions if not action.users] == []
    if how != "removed":
        assert curves_of(next(obj for obj in bpy.data.objects if head.is_head(obj))) == before


def test_a_capture_keeps_who_else_uses_the_heads_action(ada, take):
    animate("idle_motion", take)
    keys = ada.data.shape_keys
    keys.animation_data.action.use_fake_user = True
    name = keys.animation_data.action.name
    track = keys.animation_data.nla_tracks.new()
    track.strips.new("kept", 1000, keys.animation_data.action)
    animate("import_face_capture", take)
    action = keys.animation_data.action
    assert (action.name, action.use_fake_user) == (name, True)
    assert track.strips[0].action == action
    assert len([a for a in bpy.data.actions if a.name.startswith(name)]) == 1
    assert shown(ada, 13)["jawOpen"] == pytest.approx(jaw_at(0.5), abs=0.05)


def test_a_long_curve_is_written_as_a_short_one(ada):
    """Fields that new keys have anyway are not written: they must be as if they were."""
    from likeness.scene import fcurves

    curves = fcurves.ensure_curves(ada, [("location", 0, ""), ("location", 1, "")], "a test")
    frames, values = np.arange(50.0), np.sin(np.arange(50.0))
    for curve in curves:
        curve.keyframe_points.insert(-5, 1.0)
    curves[1].keyframe_points[0].handle_left_type = curves[1].keyframe_points[0].handle_right_type = "FREE"
    curves[1].keyframe_points[0].handle_left = (-9.0, 3.0)
    for curve in curves:
        fcurves.replace_keys(curve, frames, values, fcurves.Joined(interpolation="LINEAR", handle="AUTO"))
        assert {point.interpolation for point in curve.keyframe_points[1:]} == {"LINEAR"}
        assert {point.handle_left_type for point in curve.keyframe_points[1:]} == {"AUTO"}
        assert {(point.type, point.easing) for point in curve.keyframe_points} == {("KEYFRAME", "AUTO")}
    first = curves[1].keyframe_points[0]
    assert (first.handle_left_type, tuple(first.handle_left)) == ("FREE", (-9.0, 3.0))
    by_blender, written = ([tuple(point.handle_right) for point in curve.keyframe_points[10:]] for curve in curves)
    assert np.allclose(by_blender, written, atol=1e-4)
    assert not np.allclose(by_blender, [tuple(point.co) for point in curves[0].keyframe_points[10:]], atol=0.1)
