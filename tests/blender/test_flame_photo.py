"""A photo fitted with a FLAME file ends as a rigged, textured head on FLAME's own mesh, in the scene and in every file."""

from __future__ import annotations

import json
import re
import struct
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest
from likeness import preferences
from likeness.bulk import command_line
from likeness.core.config import ASSETS_DIR
from likeness.core.errors import CorrectionError, SkinError
from likeness.core.fit.correction import HANDLES
from likeness.core.fit.measurement import load_calibration
from likeness.core.head.bones import bake_units, pose_asset
from likeness.core.head.library import get_model
from likeness.core.identity.catalogue import NAMES
from likeness.core.story import run
from likeness.core.types import ARKIT_NAMES, JOINT_NAMES, HeadAsset
from likeness.core.words.edit import edit_head
from likeness.scene import correction, identity, skin, words
from likeness.scene.export import evaluate_vertices, export_head
from likeness.scene.head import HEAD, apply_expression, create_head, find_head, head_rig, is_head, read_head, set_expression
from likeness.scene.mesh import MOST_SD, POSE_KEY_PREFIX, read_vertices
from likeness.scene.rig import DRIVE_PREFIX
from posing import differing_fields
from test_export_files import distance_to, import_fbx, set_only, start_empty, validate, world_vertices

pytestmark = pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`")
ROOT = Path(__file__).resolve().parents[2]
NUM_SKIN, NUM_EYE, NUM_VERTICES, NUM_FACES = 3931, 546, 5023, 9976
NUM_EXPRESSIONS = 100
EXPRESSIONS = tuple(f"Exp{number:03d}" for number in range(1, NUM_EXPRESSIONS + 1))
FORMATS = ("blend", "glb", "fbx", "obj", "npz")


@pytest.fixture(scope="module")
def batch(flame_file, flame_cache, astronaut, tmp_path_factory) -> Path:
    """What `fit photo.png --model generic_model.pkl` wrote: a head in every format, and the report."""
    out = tmp_path_factory.mktemp("batch")
    arguments = ["fit", str(astronaut), "--out", str(out), "--export", ",".join(FORMATS), "--model", str(flame_file)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIKENESS_CACHE", str(flame_cache))
        assert command_line.run([*arguments, "--texture-size", "512"], ROOT / "batch.py") == command_line.OK
    return out


@pytest.fixture(scope="module")
def asset(batch) -> HeadAsset:
    """The batch's head, read from its .blend."""
    bpy.ops.wm.open_mainfile(filepath=str(batch / "astronaut.blend"))
    return read_head(bpy.data.objects["astronaut"])


@pytest.fixture
def head(context, asset) -> bpy.types.Object:
    return create_head(context, asset)


def part_rows(asset: HeadAsset, name: str) -> np.ndarray:
    rows = np.unique(asset.faces[asset.face_parts == asset.part_names.index(name)])
    return rows[rows >= 0]


def document_of(path: Path) -> dict:
    data = path.read_bytes()
    (length,) = struct.unpack_from("<I", data, 12)
    return json.loads(data[20 : 20 + length])


# --- batch --------------------------------------------------------------------------------------------------------------------


def test_the_batch_writes_every_format_and_a_report(batch, flame_model):
    (line,) = [json.loads(text) for text in (batch / "report.jsonl").read_text().splitlines()]
    assert line["ok"]
    assert line["confidence"] > 0.5
    assert {Path(path).suffix[1:] for path in line["outputs"]} >= set(FORMATS)
    assert all((batch / f"astronaut.{kind}").stat().st_size > 10_000 for kind in FORMATS)


def test_the_npz_holds_flames_vertices_as_its_betas_make_them(batch, flame_model):
    worn = get_model(flame_model).worn
    with np.load(batch / "astronaut.npz") as file:
        data = dict(file)
    assert data["identity"].shape == (300,)
    assert np.abs(data["vertices"] - worn.shape(data["identity"].astype(np.float64))).max() < 1e-5
    assert np.array_equal(data["faces"][:NUM_FACES], worn.faces[:NUM_FACES, :3])
    assert tuple(data["expression_names"]) == (*ARKIT_NAMES, *EXPRESSIONS)
    assert data["vertices_posed"][:, 2].min() > 0, "before the camera"
    assert {"albedo", "displacement", "normal", "roughness", "K", "light"} <= set(data)


def test_a_fitted_face_explains_its_photo(asset, flame_model):
    embedded = get_model()
    assert np.abs(asset.identity).max() < 5
    assert np.ptp(asset.vertices[:NUM_SKIN, 0]) == pytest.approx(np.ptp(embedded.template[:, 0]), rel=0.15)
    skin_of = asset.textures["albedo"].pixels
    assert skin_of.shape == (512, 512, 3)
    assert asset.textures["albedo_confidence"].pixels.max() > 200
    assert asset.provenance["model"].startswith("FLAME")
    assert asset.provenance["model_licence"]


# --- the scene ----------------------------------------------------------------------------------------------------------------


def test_the_head_has_flames_bones_and_all_keys(head, asset):
    rig = head_rig(head)
    assert {bone.name for bone in rig.data.bones if not bone.name.startswith(DRIVE_PREFIX)} == set(JOINT_NAMES)
    keys = [key.name for key in head.data.shape_keys.key_blocks]
    assert keys[:53] == ["Basis", *ARKIT_NAMES]
    assert [name for name in keys[53:] if not name.startswith(POSE_KEY_PREFIX)] == list(EXPRESSIONS)
    assert any(name.startswith(POSE_KEY_PREFIX) for name in keys)
    assert {group.name for group in head.vertex_groups} >= {*JOINT_NAMES, "region_face", "region_lip_upper"}
    assert len(head.data.vertices) == len(asset.vertices) > NUM_VERTICES


def test_flames_own_vertices_faces_and_expressions_come_first(head, asset, flame_model):
    worn, again = get_model(flame_model).worn, read_head(head)
    assert np.array_equal(again.faces[:NUM_FACES], worn.faces[:NUM_FACES])
    for number, name in enumerate(EXPRESSIONS[:5]):
        expected = worn.expression_basis[52 + number]
        assert np.abs(again.shape_keys[name] - expected).max() < 1e-6, name


def test_flames_expressions_go_both_ways(head, asset):
    key = head.data.shape_keys.key_blocks["Exp001"]
    assert (key.slider_min, key.slider_max) == (-MOST_SD, MOST_SD)
    apply_expression(head, "neutral")
    key.value = -2.0
    expected = asset.vertices - 2 * asset.shape_keys["Exp001"]
    assert np.abs(evaluate_vertices(head) - expected).max() < 5e-5


def test_bones_stay_where_flames_joints_would_go_along_by_a_fraction_of_a_millimetre(head, asset):
    """Shape keys move no bones; the posed vertices of an .npz are exact."""
    again, pose, shown = read_head(head), np.zeros(15), dict.fromkeys(EXPRESSIONS[:8], 2.0)
    pose[6] = 0.2
    set_expression(head, shown, pose)
    there = evaluate_vertices(head)
    assert np.abs(there - pose_asset(replace(asset, joint_moves={}), shown, pose)).max() < 5e-5
    exact = pose_asset(again, shown, pose)
    assert np.abs(exact - pose_asset(asset, shown, pose)).max() < 1e-5
    off = 1000 * np.linalg.norm(there - exact, axis=1)
    assert 0.05 < off.max() < 0.5


def test_the_photos_expression_is_shown(head, asset):
    assert any(asset.expression.values())
    expected = pose_asset(asset, asset.expression, asset.pose)
    assert np.abs(evaluate_vertices(head) - expected).max() < 5e-5


def test_keys_turn_eyes_and_jaw(head, asset):
    apply_expression(head, "neutral")
    pivot = asset.joints[JOINT_NAMES.index("left_eye")]
    ball = np.arange(NUM_SKIN, NUM_SKIN + NUM_EYE)
    set_keys = head.data.shape_keys.key_blocks
    set_keys["eyeLookInLeft"].value = 1.0
    turned = evaluate_vertices(head)
    set_keys["eyeLookInLeft"].value = 0.0
    pole = ball[np.argmax(asset.vertices[ball, 2])]
    gaze = (turned[pole] - pivot) / np.linalg.norm(turned[pole] - pivot)
    assert gaze[0] < -0.35
    cornea = part_rows(asset, "left_cornea")
    assert np.linalg.norm(turned[cornea] - asset.vertices[cornea], axis=1).min() > 0.003
    set_keys["jawOpen"].value = 1.0
    teeth = part_rows(asset, "lower_teeth")
    assert 0.015 < (asset.vertices - evaluate_vertices(head))[teeth, 1].mean() < 0.05


def test_every_part_has_a_material_and_the_skin_its_images(head, asset):
    used = {head.data.materials[polygon.material_index].name for polygon in head.data.polygons}
    assert len(used) >= 5
    images = {node.image for node in head.data.materials[0].node_tree.nodes if node.type == "TEX_IMAGE"}
    assert len(images) >= 4
    assert all(image.packed_file is not None and image.size[0] >= 256 for image in images)
    for name in ("skin", "left_eye", "right_eye"):
        chosen = asset.face_parts == asset.part_names.index(name)
        uvs = asset.uvs[asset.face_uvs[chosen][:, :3]]
        assert uvs.min() >= 0 and uvs.max() <= 1


def test_a_flame_head_survives_saving_and_loading(head, asset, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "head.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "head.blend"))
    assert differing_fields(asset, read_head(bpy.data.objects["astronaut"])) == []


@pytest.mark.usefixtures("extension", "small_textures")
def test_the_operator_makes_the_chosen_models_head_and_one_undo_takes_it_away(astronaut, flame_model, asset, monkeypatch):
    from likeness.operators import fit_photo

    monkeypatch.setattr(fit_photo, "chosen_model", lambda context: flame_model)
    bpy.ops.ed.undo_push(message="before")
    assert bpy.ops.likeness.fit_photo("EXEC_DEFAULT", True, filepath=str(astronaut), texture_size="512") == {"FINISHED"}
    made = read_head(find_head(bpy.context))
    assert made.model_name == asset.model_name
    assert np.abs(made.vertices - asset.vertices).max() < 1e-5
    bpy.ops.ed.undo()
    assert not [obj for obj in bpy.data.objects if is_head(obj)]


def test_flames_own_uv_layout_is_a_second_map_and_its_landmarks_come_back(context, asset, tmp_path):
    rng = np.random.default_rng(2)
    corners = np.zeros((len(asset.faces), 4, 2), np.float32)
    corners[:NUM_FACES, :3] = rng.random((NUM_FACES, 3, 2))
    whole = replace(asset, more_uvs={"FLAME": corners}, landmarks68=rng.normal(size=(68, 3)).astype(np.float32))
    head = create_head(context, whole)
    layers = head.data.uv_layers
    assert [layer.name for layer in layers] == ["UVMap", "FLAME"]
    assert layers.active.name == "UVMap"
    assert layers["UVMap"].active_render
    assert differing_fields(whole, read_head(head)) == []
    with np.load(export_head(head, tmp_path / "astronaut", "npz")) as data:
        assert np.array_equal(data["corner_uvs_FLAME"][:NUM_FACES], corners[:NUM_FACES, :3])
        assert data["corner_uvs_FLAME"].shape == (len(data["faces"]), 3, 2)
        assert np.abs(data["landmarks68"] - whole.landmarks68).max() < 1e-6
    layers.remove(layers["FLAME"])
    assert read_head(head).more_uvs == {}


# --- files --------------------------------------------------------------------------------------------------------------------


def test_the_glb_passes_khronos_and_names_all_targets(batch):
    targets = document_of(batch / "astronaut.glb")["meshes"][0]["extras"]["targetNames"]
    assert tuple(targets) == (*ARKIT_NAMES, *EXPRESSIONS)
    issues = validate(batch / "astronaut.glb")
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]


def test_the_glb_comes_back_with_its_shape_and_bones(batch, asset):
    start_empty()
    bpy.ops.import_scene.gltf(filepath=str(batch / "astronaut.glb"))
    obj = next(obj for obj in bpy.data.objects if obj.type == "MESH" and obj.data.shape_keys)
    rig = next(obj for obj in bpy.data.objects if obj.type == "ARMATURE")
    assert sorted(bone.name for bone in rig.data.bones) == sorted(JOINT_NAMES)
    units = bake_units(asset)
    for bone in rig.pose.bones:
        bone.matrix_basis.identity()
    for name in ("jawOpen", "eyeBlinkLeft", "Exp003"):
        set_only(obj, name)
        assert distance_to(world_vertices(obj), asset.vertices + units[name]) < 2e-5, name


def test_the_fbx_comes_back_with_every_key(head, asset, tmp_path):
    apply_expression(head, "neutral")
    obj = import_fbx(export_head(head, tmp_path / "astronaut", "fbx"))
    assert {key.name for key in obj.data.shape_keys.key_blocks[1:]} == {*ARKIT_NAMES, *EXPRESSIONS}
    assert np.abs(world_vertices(obj) - asset.vertices).max() < 1e-5


def test_the_obj_comes_back_by_parts_with_uvs(batch, asset):
    start_empty()
    bpy.ops.wm.obj_import(filepath=str(batch / "astronaut.obj"))
    parts = {obj.name: obj for obj in bpy.data.objects}
    assert set(parts) == set(asset.part_names)
    assert all(obj.data.uv_layers for obj in parts.values())
    assert len(parts["left_eye"].data.vertices) == NUM_EYE


# --- what else can be done with it --------------------------------------------------------------------------------------------


CHIN, NOSE = HANDLES["chin"][0], HANDLES["nose tip"][0]


@pytest.fixture
def fitted(extension, flame_model, asset) -> bpy.types.Object:
    return create_head(bpy.context, asset)


def correct(*pins, released=()) -> set[str]:
    return bpy.ops.likeness.correct_landmarks(pins=json.dumps(pins), released=json.dumps(released))


def pixel_of(obj: bpy.types.Object, point: int) -> np.ndarray:
    return correction.present(obj, correction.begin(obj)).points_px[point]


def pixel_on_mesh(obj: bpy.types.Object, point: int, model: str) -> np.ndarray:
    """Where the photo shows a landmark's point of the evaluated mesh, carried from FLAME's vertices."""
    asset = read_head(obj)
    carry, camera = get_model(model).carry, asset.camera
    posed = carry.field(evaluate_vertices(obj) - asset.vertices) + carry.positions(asset.vertices)
    x, y, z = camera.R @ load_calibration().points.evaluate(posed)[point] + camera.t
    return camera.K[:2, :2] @ (x / z, y / z) + camera.K[:2, 2]


def test_a_fit_explains_its_points_as_the_worn_mesh_shows_them(fitted, flame_model):
    """The points that are pulled are FLAME's own skin: over the photo they lie on it, and nothing moves by starting."""
    before = read_vertices(fitted.data)
    for point in (CHIN, NOSE, HANDLES["left mouth corner"][0], HANDLES["right eye corner"][0]):
        assert np.linalg.norm(pixel_of(fitted, point) - pixel_on_mesh(fitted, point, flame_model)) < 0.5
    assert np.array_equal(read_vertices(fitted.data), before)


def test_a_pulled_point_goes_where_it_is_pulled_on_flames_mesh(fitted, flame_model):
    goal, before = pixel_of(fitted, CHIN) + np.array([2.0, 6.0]), read_vertices(fitted.data)
    assert correct([CHIN, *goal]) == {"FINISHED"}
    assert np.linalg.norm(pixel_of(fitted, CHIN) - goal) < 0.5
    assert np.linalg.norm(pixel_on_mesh(fitted, CHIN, flame_model) - goal) < 1.0
    after = read_head(fitted)
    assert np.abs(after.vertices - before).max() > 1e-3
    assert np.abs(after.vertices - get_model(flame_model).worn.shape(after.identity)).max() < 1e-6
    assert after.provenance["corrected_by_hand"] == ["chin"]
    apply_expression(fitted, "neutral")
    assert np.abs(evaluate_vertices(fitted) - after.vertices).max() < 5e-5


def test_the_order_of_pulls_and_letting_go_leave_nothing_behind(fitted, context, asset):
    chin, nose = ([point, *(pixel_of(fitted, point) + np.array([3.0, 4.0]))] for point in (CHIN, NOSE))
    before = read_head(fitted)
    correct(chin)
    correct(nose)
    one = read_vertices(fitted.data)
    other = create_head(context, asset)
    correct(nose, chin)
    assert np.abs(read_vertices(other.data) - one).max() < 2e-6
    bpy.context.view_layer.objects.active = fitted
    assert correct(released=[CHIN, NOSE]) == {"FINISHED"}
    again = read_head(fitted)
    assert np.abs(again.vertices - before.vertices).max() < 2e-6
    assert again.expression == pytest.approx(before.expression, abs=1e-6)
    assert np.abs(again.camera.t - before.camera.t).max() < 1e-9


def test_sliders_and_pulled_points_go_together(fitted):
    goal = pixel_of(fitted, CHIN) + np.array([0.0, 5.0])
    correct([CHIN, *goal])
    corrected = read_vertices(fitted.data)
    fitted.likeness_identity.nose_width += 4
    assert bpy.ops.likeness.reset_identity() == {"FINISHED"}
    assert np.abs(read_vertices(fitted.data) - corrected).max() < 2e-6
    assert np.linalg.norm(pixel_of(fitted, CHIN) - goal) < 0.5


def test_a_corrected_head_is_painted_anew(fitted, asset):
    correct([CHIN, *(pixel_of(fitted, CHIN) + np.array([0.0, 6.0]))])
    assert bpy.ops.likeness.repaint() == {"FINISHED"}
    after = read_head(fitted).textures["albedo"].pixels.astype(int)
    before = asset.textures["albedo"].pixels
    assert after.shape == before.shape
    assert 0.05 < np.abs(after - before).mean() < 6


def test_a_face_of_flames_own_expressions_is_not_pulled(fitted):
    facts = json.loads(fitted[HEAD]["facts"])
    facts["expression"]["Exp002"] = 1.2
    fitted[HEAD]["facts"] = json.dumps(facts)
    assert correction.why_not(fitted).startswith("This head shows FLAME's own expressions")
    with pytest.raises(CorrectionError, match="fit the photo without --paper"):
        correction.begin(fitted)
    assert identity.why_not(fitted) is None


def test_words_see_all_of_the_head(fitted):
    look = words.look_at(fitted)
    assert words.why_not(fitted) is None
    assert look.traits.keys() == set(NAMES) and not look.unspanned and not look.reasons
    assert look.skin["melanin"] == skin.shown_number(fitted, "melanin")
    assert {"jawOpen", "mouthSmileLeft"} <= set(look.expression)


@pytest.mark.usefixtures("extension")
def test_another_skin_is_put_on_it(head, asset):
    assert skin.why_not(head) is None
    before = asset.textures["albedo"].pixels
    assert bpy.ops.likeness.restyle_skin(changes="melanin=3.5,freckles=0.7,age=75") == {"FINISHED"}
    after = read_head(head)
    assert after.textures["albedo"].pixels[before.any(-1)].mean() < 0.85 * before[before.any(-1)].mean()
    assert (after.textures["normal"].pixels != asset.textures["normal"].pixels).any(), "lines of age"
    assert after.provenance["appearance"]["melanin"] == 3.5
    assert np.array_equal(after.vertices, read_head(head).vertices)


def test_batch_words_change_its_skin_and_face(asset):
    edited = run(edit_head(replace(asset), "darker skin, smiling"))
    assert edited.provenance["appearance"]["melanin"] > asset.provenance["appearance"]["melanin"]
    assert edited.expression["mouthSmileLeft"] > asset.expression["mouthSmileLeft"]
    assert np.array_equal(edited.vertices, asset.vertices)


@pytest.mark.parametrize("is_told", [True, False], ids=["told where the file is", "not told"])
def test_batch_edit_moves_the_shape_of_a_head_whose_file_it_knows(batch, flame_file, flame_cache, tmp_path, monkeypatch, is_told):
    """A .blend that came from elsewhere: nothing is known of its file here, which was made ready under its content's name."""
    (tmp_path / "cache" / "flame").mkdir(parents=True)
    for ready in (flame_cache / "flame").glob("*.npz"):
        (tmp_path / "cache" / "flame" / ready.name).symlink_to(ready)
    monkeypatch.setenv("LIKENESS_CACHE", str(tmp_path / "cache"))
    arguments = ["edit", str(batch / "astronaut.blend"), "a 4 mm wider nose, smiling", "--out", str(tmp_path), "--export", "npz"]
    told = ["--model", str(flame_file)] if is_told else []
    assert command_line.run([*arguments, *told], ROOT / "batch.py") == command_line.OK
    (line,) = [json.loads(text) for text in (tmp_path / "report.jsonl").read_text().splitlines()]
    with np.load(batch / "astronaut.npz") as before, np.load(tmp_path / "astronaut.npz") as after:
        moved = np.abs(after["vertices"] - before["vertices"]).max()
    assert (moved > 1e-3) == is_told
    assert len(line["understood"]) == 1 + is_told
    sentence = r"'4 mm wider nose': this head's FLAME file \(generic_model.pkl\) is not known here: .* with --model$"
    assert [bool(re.match(sentence, said)) for said in line["warnings"]] == ([] if is_told else [True])


def test_without_numbers_of_its_skin_a_foreign_head_is_still_refused(context, asset):
    facts = {key: value for key, value in asset.provenance.items() if key != "texture_layout"}
    with pytest.raises(SkinError, match="whose skin has no numbers"):
        skin.require_skin(create_head(context, replace(asset, provenance=facts)))


# --- random people ------------------------------------------------------------------------------------------------------------


def test_batch_generate_makes_people_of_flames_family(flame_model, tmp_path):
    arguments = ["generate", "--seed", "4", "--out", str(tmp_path), "--export", "npz,glb", "--model", flame_model]
    assert command_line.run([*arguments, "--texture-size", "512"], ROOT / "batch.py") == command_line.OK
    with np.load(tmp_path / "person_4.npz") as data:
        worn = get_model(flame_model).worn
        assert np.abs(data["vertices"] - worn.shape(data["identity"].astype(np.float64))).max() < 1e-5
    issues = validate(tmp_path / "person_4.glb")
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]


def test_preferences_can_choose_the_file(flame_model, monkeypatch):
    chosen = type("Chosen", (), {"model": Path(flame_model).name, "models_folder": str(Path(flame_model).parent)})()
    monkeypatch.setattr(preferences, "find_preferences", lambda context: chosen)
    assert preferences.chosen_model(bpy.context) == flame_model
