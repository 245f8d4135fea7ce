"""Who a head is, edited in the scene: sliders, locks, re-rolls, history, undo, files and exports."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
from likeness.core import generation
from likeness.core.config import ASSETS_DIR
from likeness.core.errors import IdentityError
from likeness.core.head.library import get_model
from likeness.core.identity.catalogue import LOCK_NAMES, MEASURED, NAMES, TRAITS
from likeness.core.identity.directions import open_space
from likeness.core.identity.locks import region_rows
from likeness.core.pipeline import run
from likeness.core.types import JOINT_NAMES, HeadCode
from likeness.scene import identity
from likeness.scene.convert import model_to_scene
from likeness.scene.export import evaluate_vertices, export_head
from likeness.scene.head import create_head, find_head, head_rig, is_head, read_head, set_expression, texture_images
from likeness.scene.mesh import read_shape_keys, read_vertices
from likeness.worker.stories import STORIES
from synthetic import make_asset, random_code

pytestmark = [
    pytest.mark.usefixtures("extension"),
    pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`"),
]


@pytest.fixture(scope="module")
def asset():
    return run(generation.generate_head(5, texture_size=256))


@pytest.fixture
def obj(extension, asset):
    return create_head(bpy.context, asset)


def head_now() -> bpy.types.Object:
    return next(o for o in bpy.data.objects if is_head(o))


def push() -> None:
    bpy.ops.ed.undo_push(message="a step")


def test_a_new_head_shows_its_own_traits(obj, asset):
    person = generation.draw_person(5, len(asset.identity))
    assert obj.likeness_identity.male == pytest.approx(person.male, abs=0.03)
    assert obj.likeness_identity.age == pytest.approx(person.age, abs=2)
    measured = open_space().gauges.measure(asset.vertices)
    for name, value in zip(MEASURED, measured, strict=True):
        assert getattr(obj.likeness_identity, name) == pytest.approx(value, abs=1e-2), name
    for axis in range(10):
        assert getattr(obj.likeness_identity, f"shape_{axis + 1}") == pytest.approx(asset.identity[axis], abs=1e-5)


@pytest.mark.parametrize("trait", TRAITS, ids=lambda trait: trait.name)
def test_every_slider_goes_where_it_is_put(obj, trait):
    middle = (trait.lowest + trait.highest) / 2
    setattr(obj.likeness_identity, trait.name, middle)
    assert getattr(obj.likeness_identity, trait.name) == pytest.approx(middle, abs=1e-2)


def test_the_head_becomes_what_the_model_makes_of_its_code(obj):
    model = get_model()
    obj.likeness_identity.age = 70
    obj.likeness_identity.shape_2 = 2.0
    head = read_head(obj)
    assert np.abs(head.vertices - model.shape(head.identity)).max() < 1e-6
    assert np.abs(head.joints - model.locate_joints(head.vertices)).max() < 1e-6
    assert np.abs(head.landmarks7 - model.landmarks7.evaluate(head.vertices)).max() < 1e-6
    bones = head_rig(obj).data.bones
    for joint, place in zip(JOINT_NAMES, model_to_scene(head.joints), strict=True):
        assert np.abs(np.array(bones[joint].head_local) - place).max() < 1e-6


def test_any_pose_of_an_edited_head_is_as_the_model_poses_it(obj):
    """Eyes turn about their new centres, the jaw about its new joint; nothing has to be rebuilt."""
    model = get_model()
    obj.likeness_identity.male = 1.0
    obj.likeness_identity.eye_spacing = 38
    code = read_head(obj).identity
    for seed in range(3):
        posed = random_code(model, seed)
        set_expression(obj, dict(zip(model.expression_names, posed.expression, strict=True)), posed.pose)
        expected = model.pose(HeadCode(code, posed.expression, posed.pose))
        assert np.linalg.norm(evaluate_vertices(obj) - expected, axis=1).max() < 5e-5


def test_a_slider_moves_a_head_that_shows_an_expression_at_once(obj):
    model = get_model()
    posed = random_code(model, 1)
    set_expression(obj, dict(zip(model.expression_names, posed.expression, strict=True)), posed.pose)
    obj.likeness_identity.jaw_width = 125
    expected = model.pose(HeadCode(read_head(obj).identity, posed.expression, posed.pose))
    assert np.linalg.norm(evaluate_vertices(obj) - expected, axis=1).max() < 5e-5


def test_keys_keep_their_offsets_through_a_long_drag(obj):
    before = read_shape_keys(obj.data)
    for step in range(200):
        obj.likeness_identity.nose_width = 28 + 0.1 * step
    after = read_shape_keys(obj.data)
    assert list(before) == list(after)
    assert max(np.abs(before[name] - after[name]).max() for name in before) < 3e-8


def test_dragging_there_and_back_changes_nothing(obj):
    """But for the thousandths of a millimetre by which a new head's table differs from its mesh."""
    before = read_vertices(obj.data)
    value = obj.likeness_identity.chin_height
    for goal in (*np.linspace(value, value + 8, 50), *np.linspace(value + 8, value, 50)):
        obj.likeness_identity.chin_height = goal
    assert np.abs(read_vertices(obj.data) - before).max() < 2e-6


def test_sculpting_survives_sliders_reset_and_history(obj):
    vertex = 1519
    obj.data.shape_keys.reference_key.points[vertex].co.y -= 0.004
    model = get_model()
    for change in (lambda: setattr(obj.likeness_identity, "age", 75), lambda: identity.step_history(obj, -1)):
        change()
        sculpted = read_vertices(obj.data)[vertex] - model.shape(read_head(obj).identity)[vertex]
        assert sculpted == pytest.approx([0, 0, 0.004], abs=1e-6)


def test_a_measure_of_a_sculpted_head_is_the_meshes(obj):
    row = open_space().gauges.rows[MEASURED.index("nose_width")][0]
    obj.data.shape_keys.reference_key.points[row].co.x *= 1.2
    obj.likeness_identity.nose_width = 40
    assert open_space().gauges.measure(read_vertices(obj.data))[MEASURED.index("nose_width")] == pytest.approx(40, abs=1e-2)


@pytest.mark.parametrize("lock", LOCK_NAMES)
def test_a_locked_region_stays_while_the_rest_moves(obj, lock):
    before = read_vertices(obj.data)
    setattr(obj.likeness_identity, f"lock_{lock}", True)
    obj.likeness_identity.weight = 2.0
    obj.likeness_identity.shape_1 = 1.5
    bpy.ops.likeness.reroll_identity(seed=2, strength=1.0, keep_person=False)
    moved = np.linalg.norm(read_vertices(obj.data) - before, axis=1)
    assert moved[region_rows(get_model(), [lock])].max() < 1e-5
    assert moved.max() > 3e-3


def test_a_slider_of_a_locked_region_stays(obj):
    obj.likeness_identity.lock_nose = True
    value = obj.likeness_identity.nose_width
    obj.likeness_identity.nose_width = value + 5
    assert obj.likeness_identity.nose_width == value
    assert identity.is_held(obj, "nose_width", {"nose"})


def test_what_a_lock_kept_can_be_undone_by_the_history_alone(obj):
    before = read_vertices(obj.data)
    obj.likeness_identity.lock_mouth = True
    obj.likeness_identity.age = 70
    obj.likeness_identity.lock_mouth = False
    obj.likeness_identity.age = 30
    bpy.ops.likeness.step_identity(direction="BACK")
    bpy.ops.likeness.step_identity(direction="BACK")
    assert np.abs(read_vertices(obj.data) - before).max() < 1e-6
    bpy.ops.likeness.step_identity(direction="FORWARD")
    assert obj.likeness_identity.age == pytest.approx(70, abs=1e-3)


def test_a_drag_is_one_step_of_the_history(obj):
    for value in range(30, 60):
        obj.likeness_identity.age = value
    for value in (30, 31, 32):
        obj.likeness_identity.nose_width = value
    assert obj[identity.HISTORY]["place"] == 2
    bpy.ops.likeness.step_identity(direction="BACK")
    assert obj.likeness_identity.age == pytest.approx(59, abs=1e-3)
    obj.likeness_identity.male = 0.9
    assert not identity.can_step(obj, 1)


def test_the_history_is_capped_and_keeps_the_head_as_it_was_made(obj, asset):
    for seed in range(identity.LONGEST_HISTORY + 5):
        identity.reroll_head(obj, seed, 0.3)
    assert obj[identity.HISTORY]["place"] == identity.LONGEST_HISTORY
    identity.step_history(obj, -1)
    bpy.ops.likeness.reset_identity()
    assert np.abs(read_vertices(obj.data) - asset.vertices).max() < 1e-6


def test_reset_gives_the_head_as_made_and_says_so(obj, asset):
    with pytest.raises(RuntimeError, match="as it was made"):
        bpy.ops.likeness.reset_identity()
    bpy.ops.likeness.reroll_identity(seed=1, strength=1.0)
    assert "identity_edited" in read_head(obj).provenance
    bpy.ops.likeness.reset_identity()
    assert np.abs(read_vertices(obj.data) - asset.vertices).max() < 1e-6
    assert np.allclose(read_head(obj).identity, asset.identity, atol=1e-9)
    assert "identity_edited" not in read_head(obj).provenance


def test_provenance_tells_which_traits_were_changed(obj):
    value = obj.likeness_identity.nose_width
    obj.likeness_identity.nose_width = value + 4
    told = read_head(obj).provenance["identity_edited"]
    assert told["nose_width"] == pytest.approx([value, value + 4], abs=0.01)
    assert "ear_length" not in told


def test_a_reroll_is_the_seeds_and_the_next_press_is_another_person(obj):
    before = read_head(obj).identity
    bpy.ops.likeness.reroll_identity(seed=7, strength=0.8)
    first = read_head(obj).identity
    assert np.linalg.norm(first - before) > 3
    assert obj.likeness_identity.seed == 8
    identity.step_history(obj, -1)
    bpy.ops.likeness.reroll_identity(seed=7, strength=0.8)
    assert np.allclose(read_head(obj).identity, first)


def test_sex_age_and_weight_stay_if_wanted(obj):
    before = [getattr(obj.likeness_identity, name) for name in NAMES[:3]]
    bpy.ops.likeness.reroll_identity(seed=7, strength=1.0, keep_person=True)
    assert [getattr(obj.likeness_identity, name) for name in NAMES[:3]] == pytest.approx(before, abs=1e-3)


def pictures_of(obj: bpy.types.Object, seeds: list[int | None]) -> list[np.ndarray]:
    from likeness.scene import variants

    return run(STORIES["variants"](**variants.sheet_arguments(obj, seeds, 0.7, (), True)))


def test_a_variant_is_taken_as_its_picture_shows_it(obj):
    (chosen,), (before,) = pictures_of(obj, [9 * 4 + 2]), pictures_of(obj, [None])
    assert bpy.ops.likeness.choose_variant(choice="2", seed=4, strength=0.7) == {"FINISHED"}
    (taken,) = pictures_of(obj, [None])
    assert np.abs(taken.astype(int) - chosen).mean() < 0.2
    assert np.abs(taken.astype(int) - before).mean() > 0.5


def test_what_was_sculpted_and_painted_is_in_the_pictures(obj):
    (before,) = pictures_of(obj, [None])
    image = texture_images(obj)["albedo"]
    image.pixels[:] = [0.0, 1.0, 0.0, 1.0] * (image.size[0] * image.size[1])
    (painted,) = pictures_of(obj, [None])
    brow = (48, 80)
    assert painted[brow][1] > 2 * painted[brow][0] and before[brow][0] > before[brow][1]
    wider = model_to_scene(read_vertices(obj.data) * [2, 1, 1]).astype(np.float32).ravel()
    for points in (obj.data.vertices, obj.data.shape_keys.key_blocks[0].data):
        points.foreach_set("co", wider)
    (wide,) = pictures_of(obj, [None])
    tops = [np.flatnonzero((picture != picture[0, 0]).any((1, 2)))[0] for picture in (painted, wide)]
    assert tops[1] > tops[0] + 10  # a wide head is framed by its width


def test_blenders_process_loads_no_warp_whatever_is_done_to_a_head(obj, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "head.blend"))
    program = Path(__file__).with_name("beside_the_worker.py")
    command = [sys.executable, str(program), str(tmp_path / "head.blend"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["pictures"] == [[160, 160, 3]] * 9
    assert told["loaded"] == []


def test_undo_and_redo_take_mesh_bones_code_and_sliders_along(obj):
    push()
    start, age = read_vertices(obj.data), obj.likeness_identity.age
    joint = np.array(head_rig(obj).data.bones["jaw"].head_local)
    obj.likeness_identity.age = age + 25
    push()
    moved = np.array(head_rig(obj).data.bones["jaw"].head_local)
    bpy.ops.ed.undo()
    back = head_now()
    assert back.likeness_identity.age == pytest.approx(age, abs=1e-3)
    assert np.abs(read_vertices(back.data) - start).max() < 1e-7
    assert np.abs(np.array(head_rig(back).data.bones["jaw"].head_local) - joint).max() < 1e-7
    bpy.ops.ed.redo()
    again = head_now()
    assert again.likeness_identity.age == pytest.approx(age + 25, abs=1e-3)
    assert np.abs(np.array(head_rig(again).data.bones["jaw"].head_local) - moved).max() < 1e-7


def test_an_edited_head_survives_saving_and_loading(obj, tmp_path):
    obj.likeness_identity.lock_eyes = True
    obj.likeness_identity.age = 66
    before = read_head(obj)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "edited.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "edited.blend"))
    loaded = head_now()
    after = read_head(loaded)
    assert np.array_equal(before.vertices, after.vertices)
    assert np.array_equal(before.identity, after.identity)
    assert loaded.likeness_identity.lock_eyes
    assert loaded.likeness_identity.age == pytest.approx(66, abs=1e-3)
    bpy.ops.likeness.step_identity(direction="BACK")
    assert loaded.likeness_identity.age != pytest.approx(66, abs=1)


def test_exports_hold_the_edited_head(obj, tmp_path):
    obj.likeness_identity.head_width = 165
    obj.likeness_identity.jaw_width = 135
    head = read_head(obj)
    with np.load(export_head(obj, tmp_path / "head.npz", "npz")) as file:
        assert np.allclose(file["vertices"], head.vertices, atol=1e-6)
        assert np.allclose(file["identity"], head.identity, atol=1e-5)
    expected = np.ptp(head.vertices, axis=0)
    for kind in ("glb", "fbx"):
        path = export_head(obj, tmp_path / f"head.{kind}", kind)
        known = set(bpy.data.objects)
        importer = bpy.ops.import_scene.gltf if kind == "glb" else bpy.ops.import_scene.fbx
        importer(filepath=str(path))
        meshes = [o for o in set(bpy.data.objects) - known if o.type == "MESH" and o.data.shape_keys]
        points = [np.array(o.matrix_world @ v.co) for o in meshes for v in o.data.vertices]
        assert np.ptp(points, axis=0)[0] == pytest.approx(expected[0], abs=2e-4)


def test_of_two_heads_only_the_one_moves(obj, asset):
    other = create_head(bpy.context, asset)
    before = read_vertices(other.data)
    obj.likeness_identity.age = 75
    assert np.array_equal(read_vertices(other.data), before)
    assert other.likeness_identity.age != pytest.approx(75, abs=1)
    bpy.context.view_layer.objects.active = other
    bpy.ops.likeness.reroll_identity(seed=1)
    assert identity.is_as_made(obj) is False
    assert find_head(bpy.context) == other


def test_scenes_modes_selection_and_poses_stay(obj):
    rig = head_rig(obj)
    rig.pose.bones["jaw"].rotation_euler.x = 0.2
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="POSE")
    scenes = [scene.name for scene in bpy.data.scenes]
    obj.likeness_identity.age = 70
    assert rig.mode == "POSE"
    assert bpy.context.mode == "POSE"
    assert [scene.name for scene in bpy.data.scenes] == scenes
    assert rig.pose.bones["jaw"].rotation_euler.x == pytest.approx(0.2)
    assert bpy.context.view_layer.objects.active == rig


def test_a_head_of_another_model_is_refused_in_a_sentence(context):
    other = create_head(context, make_asset())
    assert "another model" in identity.why_not(other)
    other.likeness_identity.age = 70
    with pytest.raises(IdentityError, match="another model"):
        identity.set_trait(other, "age", 70)
    with pytest.raises(RuntimeError, match="another model"):
        bpy.ops.likeness.reroll_identity()


def test_a_head_being_edited_or_cut_or_shared_is_refused_in_a_sentence(obj):
    twin = obj.copy()
    assert "shares its mesh" in identity.why_not(obj)
    bpy.data.objects.remove(twin)
    assert identity.why_not(obj) is None
    bpy.ops.object.mode_set(mode="EDIT")
    assert "Leave this mode" in identity.why_not(obj)
    before = obj.likeness_identity.age
    obj.likeness_identity.age = before + 20
    assert obj.likeness_identity.age == before
    bpy.ops.mesh.select_all(action="SELECT")
    bpy.ops.mesh.subdivide()
    bpy.ops.object.mode_set(mode="OBJECT")
    assert "Vertices were added" in identity.why_not(obj)


def test_a_linked_head_is_refused_in_a_sentence(obj, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True, load_ui=False)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, wanted):
        wanted.objects = ["person_5"]
    linked = wanted.objects[0]
    assert "linked from another file" in identity.why_not(linked)
    assert 18 < linked.likeness_identity.age < 90


def test_what_is_no_head_has_sliders_that_do_nothing(context):
    cube = bpy.data.objects.new("cube", bpy.data.meshes.new("cube"))
    cube.likeness_identity.age = 70
    assert cube.likeness_identity.age == 0
    assert cube.likeness_identity.shape_1 == 0


def test_a_head_whose_keys_were_removed_can_still_be_edited(obj):
    obj.shape_key_clear()
    obj.likeness_identity.age = 70
    assert np.abs(read_vertices(obj.data) - get_model().shape(read_head(obj).identity)).max() < 1e-6


def test_a_slider_moves_a_head_whose_bones_are_switched_off(extension):
    from likeness.scene import head, identity

    bpy.ops.likeness.generate(seed=3, texture_size="512")
    obj = head.find_head(bpy.context)
    rig = head.head_rig(obj)
    rig.hide_viewport = True
    identity.set_trait(obj, "age", 60.0)
    first = head.read_head(obj).vertices
    identity.set_trait(obj, "age", 60.0)
    assert np.abs(head.read_head(obj).vertices - first).max() < 1e-6
    assert identity.get_trait(obj, "age") == pytest.approx(60.0, abs=0.1)
    assert rig.hide_viewport


def test_a_copy_that_shares_the_bones_is_refused(extension):
    from likeness.scene import head, identity

    bpy.ops.likeness.generate(seed=3, texture_size="512")
    obj = head.find_head(bpy.context)
    copy = obj.copy()
    copy.data = obj.data.copy()
    bpy.context.scene.collection.objects.link(copy)
    assert "shares its bones" in identity.why_not(copy)
    assert "shares its bones" in identity.why_not(obj)
    bpy.data.objects.remove(copy)
    assert identity.why_not(obj) is None
