"""A new head stands where it is seen: never in what is there already, with its camera and lights beside it."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from likeness.core.types import Camera
from likeness.scene.export import WRITERS, export_head
from likeness.scene.head import create_head, head_camera, head_collection, head_rig, read_head
from likeness.scene.placement import GAP_M, NUM_PLACES, SPACING_M, world_box
from mathutils import Vector
from posing import differing_fields
from synthetic import make_asset


@pytest.fixture
def startup():
    """The scene that Blender opens with: a cube, a lamp, a camera."""
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    return bpy.context


def add_box(context: bpy.types.Context, centre, size, name: str = "box") -> bpy.types.Object:
    corners = [Vector((x, y, z)) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(corners, [], [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)])
    obj = bpy.data.objects.new(name, mesh)
    obj.location, obj.scale = centre, size
    context.scene.collection.objects.link(obj)
    return obj


def gap_between(one: bpy.types.Object, other: bpy.types.Object) -> float:
    """The largest distance along an axis by which two boxes miss each other; below zero where they meet."""
    (low, high), (other_low, other_high) = world_box(one), world_box(other)
    return float(np.maximum(low - other_high, other_low - high).max())


def test_the_first_head_of_an_empty_scene_stands_at_the_origin(context):
    assert head_rig(create_head(context, make_asset())).location == Vector((0, 0, 0))


def test_a_head_in_the_startup_scene_stands_beside_the_cube(startup):
    obj = create_head(startup, make_asset())
    assert gap_between(obj, bpy.data.objects["Cube"]) >= GAP_M
    assert head_rig(obj).location.yz == Vector((0, 0))
    assert 1.0 < head_rig(obj).location.x < 1.0 + 2 * SPACING_M


def test_a_head_beside_the_cube_is_read_back_with_the_same_values(startup):
    asset = make_asset()
    assert differing_fields(asset, read_head(create_head(startup, asset))) == []


def test_camera_and_lights_come_along(startup):
    asset = make_asset()
    obj = create_head(startup, asset)
    rig = head_rig(obj)
    members = [member for member in head_collection(obj).all_objects if member.type in {"CAMERA", "LIGHT"}]
    assert len(members) > 2
    assert all(member.parent == rig for member in members)
    camera = head_camera(obj)
    startup.view_layer.update()
    in_camera = camera.matrix_world.inverted() @ obj.matrix_world @ obj.data.vertices[0].co
    expected = asset.camera.R @ asset.vertices[0] + asset.camera.t
    assert np.allclose(np.array(in_camera) * (1, -1, -1), expected, atol=1e-5)
    assert isinstance(asset.camera, Camera)


@pytest.mark.parametrize("format", sorted(set(WRITERS) - {"blend"}))
def test_exports_do_not_know_where_the_head_stands(context, tmp_path, format):
    def written(name: str) -> dict[str, np.ndarray]:
        create_head(bpy.context, make_asset())
        export_head(bpy.data.objects["Ada"], tmp_path / name / "Ada", format)
        return points_of(tmp_path / name / f"Ada.{format}")

    at_origin = written("origin")
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    beside = written("beside")
    assert at_origin.keys() == beside.keys()
    assert all(np.allclose(at_origin[name], beside[name], atol=1e-5) for name in at_origin)


def points_of(path) -> dict[str, np.ndarray]:
    """World positions by object as an importer of the format sees them."""
    if path.suffix == ".npz":
        return {name: values for name, values in np.load(path).items() if name.startswith("vertices")}
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True, load_ui=False)
    readers = {".glb": bpy.ops.import_scene.gltf, ".fbx": bpy.ops.import_scene.fbx, ".obj": bpy.ops.wm.obj_import}
    readers[path.suffix](filepath=str(path))
    bpy.context.view_layer.update()
    return {obj.name: world_box(obj) for obj in bpy.data.objects if obj.type == "MESH"}


def test_heads_stand_side_by_side_around_the_cube(startup):
    heads = [create_head(startup, make_asset()) for _ in range(3)]
    solids = [*heads, bpy.data.objects["Cube"]]
    assert min(gap_between(a, b) for a in solids for b in solids if a != b) >= GAP_M


def test_a_hidden_head_keeps_its_place(context):
    first = create_head(context, make_asset())
    first.hide_viewport = True
    assert gap_between(create_head(context, make_asset()), first) >= GAP_M


def test_a_head_that_was_moved_away_makes_room(context):
    first = create_head(context, make_asset())
    head_rig(first).location.z = 2
    assert head_rig(create_head(context, make_asset())).location.x == 0


@pytest.mark.parametrize(
    "centre, size", [((0, 0, -1), (1, 1, 1)), ((0, 1, 0), (1, 1, 1)), ((-1, 0, 0), (1, 1, 1))], ids=["below", "behind", "beside"]
)
def test_what_does_not_touch_the_head_does_not_move_it(context, centre, size):
    add_box(context, centre, size)
    assert head_rig(create_head(context, make_asset())).location.x == 0


def test_a_hidden_object_and_an_empty_mesh_do_not_move_it(context):
    add_box(context, (0, 0, 0), (1, 1, 1)).hide_viewport = True
    context.scene.collection.objects.link(bpy.data.objects.new("nothing", bpy.data.meshes.new("nothing")))
    assert head_rig(create_head(context, make_asset())).location.x == 0


def test_a_floor_or_a_room_is_no_obstacle_but_what_stands_in_it_is(context):
    floor = add_box(context, (0, 0, 0), (100, 100, 0.01), "floor")
    room = add_box(context, (0, 0, 1), (30, 30, 5), "room")
    first = create_head(context, make_asset())
    assert head_rig(first).location.x == 0
    bpy.data.batch_remove([head_collection(first), *head_collection(first).all_objects])
    pillar = add_box(context, (0, 0, 0), (0.5, 0.5, 4), "pillar")
    assert gap_between(create_head(context, make_asset()), pillar) >= GAP_M
    assert {floor.name, room.name} <= {obj.name for obj in context.scene.objects}


def test_where_there_is_no_room_heads_still_keep_clear_of_heads(context):
    for i in range(NUM_PLACES):
        add_box(context, (i * SPACING_M, 0, 0), (0.3, 0.3, 0.3), f"box {i}")
    first, second = (create_head(context, make_asset()) for _ in range(2))
    assert head_rig(first).location.x == 0
    assert gap_between(first, second) >= GAP_M
