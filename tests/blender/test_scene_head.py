"""A head written into a scene and read back; several heads; neutral and photo expression; removal."""

from __future__ import annotations

from dataclasses import replace

import bpy
import numpy as np
import pytest
from likeness.core.head.bones import pose_asset
from likeness.core.types import ARKIT_NAMES, FittedPhoto, HeadCode
from likeness.scene.export import evaluate_vertices
from likeness.scene.head import (
    apply_expression,
    create_head,
    find_head,
    head_camera,
    head_collection,
    head_rig,
    is_head,
    read_head,
    remove_head,
)
from posing import differing_fields
from synthetic import make_asset

BLOCKS = (
    "objects", "meshes", "armatures", "materials", "images", "collections", "lights", "cameras", "shape_keys", "scenes", "worlds",
)  # fmt: skip


def block_names() -> dict[str, list[str]]:
    return {kind: sorted(block.name for block in getattr(bpy.data, kind)) for kind in BLOCKS}


def test_reading_a_head_back_gives_the_same_values(context):
    asset = make_asset()
    assert differing_fields(asset, read_head(create_head(context, asset))) == []


def test_a_head_survives_saving_and_loading(context, tmp_path):
    asset = make_asset()
    create_head(context, asset)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "head.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "head.blend"))
    obj = bpy.data.objects["Ada"]
    assert differing_fields(asset, read_head(obj)) == []
    expected = pose_asset(asset, asset.expression, asset.pose)
    assert np.abs(evaluate_vertices(obj) - expected).max() < 5e-5


def test_a_head_survives_appending_its_object_alone(context, tmp_path):
    asset = make_asset()
    create_head(context, asset)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "head.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True, load_ui=False)
    with bpy.data.libraries.load(str(tmp_path / "head.blend")) as (_, wanted):
        wanted.objects = ["Ada"]
    assert differing_fields(asset, read_head(wanted.objects[0])) == []


def test_a_head_without_a_photo_has_no_camera_and_no_lights(context):
    asset = make_asset(camera=None, light=None, photo=None)
    obj = create_head(context, asset)
    assert head_camera(obj) is None
    assert context.scene.camera is None
    assert not bpy.data.lights
    assert differing_fields(asset, read_head(obj)) == []


def test_a_photo_with_alpha_comes_back_with_it(context):
    asset = make_asset()
    alpha = np.arange(400 * 480, dtype=np.uint32).reshape(400, 480).astype(np.uint8)
    asset = replace(asset, photo=replace(asset.photo, alpha=alpha))
    assert differing_fields(asset, read_head(create_head(context, asset))) == []


def test_further_photos_come_back_with_their_fits(context):
    asset = make_asset()
    code = HeadCode(0.5 * asset.identity, np.array(list(asset.expression.values())), asset.pose)
    alpha = np.zeros(asset.photo.pixels.shape[:2], np.uint8)
    alpha[2:] = 255
    photos = [replace(asset.photo, source=name, alpha=mask) for name, mask in (("b.png", None), ("c.png", alpha))]
    further = tuple(FittedPhoto(photo, code, asset.camera) for photo in photos)
    asset = replace(asset, further=further)
    obj = create_head(context, asset)
    assert differing_fields(asset, read_head(obj)) == []
    remove_head(obj)
    assert not bpy.data.images


def test_heads_get_names_and_places_of_their_own(context):
    first, second = create_head(context, make_asset(0)), create_head(context, make_asset(1))
    assert (first.name, second.name) == ("Ada", "Ada.001")
    assert [head_collection(obj).name for obj in (first, second)] == ["Likeness Ada", "Likeness Ada.001"]
    assert head_rig(second).matrix_world.translation.x - head_rig(first).matrix_world.translation.x > 0.3
    for obj, asset in ((first, make_asset(0)), (second, make_asset(1))):
        assert np.abs(evaluate_vertices(obj) - pose_asset(asset, asset.expression, asset.pose)).max() < 5e-5


def test_neutral_and_photo_expression_are_each_one_call_away(context):
    asset = make_asset()
    obj = create_head(context, asset)
    apply_expression(obj, "neutral")
    assert np.abs(evaluate_vertices(obj) - asset.vertices).max() < 1e-6
    apply_expression(obj, "photo")
    assert np.abs(evaluate_vertices(obj) - pose_asset(asset, asset.expression, asset.pose)).max() < 5e-5
    with pytest.raises(ValueError, match="use 'photo' or 'neutral'"):
        apply_expression(obj, "angry")


def test_a_value_below_zero_is_kept(context):
    asset = make_asset()
    asset = replace(asset, expression=asset.expression | {"mouthSmileLeft": -0.1})
    obj = create_head(context, asset)
    assert obj.data.shape_keys.key_blocks["mouthSmileLeft"].value == pytest.approx(-0.1)


def test_an_artists_sculpting_is_read_back(context):
    obj = create_head(context, make_asset())
    obj.data.shape_keys.reference_key.points[7].co.x += 0.01
    assert read_head(obj).vertices[7, 0] == pytest.approx(make_asset().vertices[7, 0] + 0.01, abs=1e-6)


def test_a_head_in_edit_mode_is_read_with_the_edits_so_far(context):
    import bmesh

    asset = make_asset()
    obj = create_head(context, asset)
    bpy.ops.object.mode_set(mode="EDIT")
    assert differing_fields(asset, read_head(obj)) == []
    mesh = bmesh.from_edit_mesh(obj.data)
    mesh.verts.ensure_lookup_table()
    mesh.verts[7].co.x += 0.01
    bmesh.update_edit_mesh(obj.data)
    assert read_head(obj).vertices[7, 0] == pytest.approx(asset.vertices[7, 0] + 0.01, abs=1e-6)
    assert obj.mode == "EDIT"
    assert len(bpy.data.meshes) == 1


def test_a_face_with_five_corners_is_one_clear_error(context):
    import bmesh

    obj = create_head(context, make_asset())
    mesh = bmesh.new()
    mesh.from_mesh(obj.data)
    mesh.faces.new([mesh.verts.new((i, i * i, 0)) for i in range(5)])
    mesh.to_mesh(obj.data)
    mesh.free()
    with pytest.raises(ValueError, match="triangulate"):
        read_head(obj)


def test_what_is_no_head_is_one_clear_error(context):
    with pytest.raises(ValueError, match="not a Likeness head"):
        read_head(bpy.data.objects.new("cube", bpy.data.meshes.new("cube")))


def test_a_new_head_is_selected_and_found(context):
    first, second = create_head(context, make_asset(0)), create_head(context, make_asset(1))
    assert context.view_layer.objects.active == second
    assert context.selected_objects == [second]
    assert find_head(context) == second
    for member in (head_rig(first), head_camera(first)):
        context.view_layer.objects.active = member
        assert find_head(context) == first
    context.view_layer.objects.active = None
    assert find_head(context) is None
    remove_head(second)
    assert find_head(context) == first


def test_the_users_mode_selection_camera_world_and_render_settings_stay(context):
    scene = context.scene
    mine = bpy.data.objects.new("mine", bpy.data.meshes.new("mine"))
    eye = bpy.data.objects.new("eye", bpy.data.cameras.new("eye"))
    for obj in (mine, eye):
        scene.collection.objects.link(obj)
    scene.camera, scene.world = eye, bpy.data.worlds.new("mine")
    scene.render.resolution_x, scene.render.resolution_y = 1234, 777
    context.view_layer.objects.active = mine
    bpy.ops.object.mode_set(mode="EDIT")
    create_head(context, make_asset())
    assert context.mode == "EDIT_MESH"
    assert context.view_layer.objects.active == mine
    assert (scene.camera, scene.world.name) == (eye, "mine")
    assert (scene.render.resolution_x, scene.render.resolution_y) == (1234, 777)
    assert [s.name for s in bpy.data.scenes] == [scene.name]


def test_removing_a_head_leaves_nothing_of_it(context):
    before = block_names()
    kept = create_head(context, make_asset(0))
    with_one = block_names()
    remove_head(create_head(context, make_asset(1)))
    assert block_names() == with_one
    assert is_head(kept)
    remove_head(kept)
    assert block_names() == before


def test_removing_a_head_keeps_what_an_artist_put_beside_it(context):
    obj = create_head(context, make_asset())
    hat = bpy.data.objects.new("hat", bpy.data.meshes.new("hat"))
    head_collection(obj).objects.link(hat)
    remove_head(obj)
    assert hat.name in context.scene.objects


def test_shape_keys_are_arkits_in_order_from_zero_to_one(context):
    obj = create_head(context, make_asset())
    keys = obj.data.shape_keys.key_blocks
    assert keys[0].name == "Basis"
    assert tuple(key.name for key in keys[1:53]) == ARKIT_NAMES
    assert {(key.slider_min, key.slider_max) for key in keys[1:53]} == {(0.0, 1.0)}
    assert all(key.name.startswith("pose_") for key in keys[53:])


def test_the_mesh_keeps_quads_parts_and_smooth_shading(context):
    asset = make_asset()
    obj = create_head(context, asset)
    assert sum(len(face.vertices) == 4 for face in obj.data.polygons) == (asset.faces[:, 3] >= 0).sum()
    assert all(face.use_smooth for face in obj.data.polygons)
    kinds = ("skin", "eye", "cornea", "teeth", "tongue", "lashes")
    assert [slot.name for slot in obj.material_slots] == [f"Ada {kind}" for kind in kinds]
    for face, part in zip(obj.data.polygons, asset.face_parts, strict=True):
        expected = ("skin", "eye", "eye", "cornea", "cornea", "teeth", "teeth", "tongue", "lashes")[part]
        assert obj.material_slots[face.material_index].name == f"Ada {expected}"


def test_the_head_stands_upright_in_metres_and_faces_minus_y(context):
    asset = make_asset()
    obj = create_head(context, asset)
    points = np.array([v.co for v in obj.data.vertices])
    assert np.allclose(points[:, 2], asset.vertices[:, 1], atol=1e-6)
    assert np.allclose(points[:, 1], -asset.vertices[:, 2], atol=1e-6)
    assert np.allclose(np.array(obj.matrix_world), np.eye(4))


def test_images_are_packed_with_their_colour_spaces(context):
    create_head(context, make_asset())
    spaces = {image.name: image.colorspace_settings.name for image in bpy.data.images}
    assert spaces == {"Ada albedo": "sRGB", "Ada albedo_confidence": "Non-Color", "Ada photo": "sRGB"}
    assert all(image.packed_file for image in bpy.data.images)


def test_painting_on_the_albedo_is_read_back(context):
    obj = create_head(context, make_asset())
    image = bpy.data.images["Ada albedo"]
    image.pixels[0:4] = (1.0, 0.0, 0.0, 1.0)
    albedo = read_head(obj).textures["albedo"].pixels
    assert albedo[-1, 0].tolist() == [255, 0, 0]
    assert np.array_equal(albedo[0], make_asset().textures["albedo"].pixels[0])
