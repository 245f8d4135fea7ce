"""A head seen through its photo's camera."""

from __future__ import annotations

from dataclasses import replace

import bpy
import pytest
from likeness.scene import head
from synthetic import make_asset

pytestmark = pytest.mark.usefixtures("extension")
ASSET = make_asset()


@pytest.fixture
def ada(extension):
    return head.create_head(bpy.context, replace(ASSET, camera=replace(ASSET.camera, size=(300, 520))))


def resolution() -> tuple[int, int]:
    render = bpy.context.scene.render
    return render.resolution_x, render.resolution_y


def view() -> bpy.types.Area:
    return next(area for area in bpy.context.window.screen.areas if area.type == "VIEW_3D")


def test_without_a_view_the_camera_becomes_the_scenes_in_the_photos_size(ada):
    other = bpy.data.objects.new("other", bpy.data.cameras.new("other"))
    bpy.context.scene.camera = other
    assert bpy.ops.likeness.look_through_photo() == {"FINISHED"}
    assert (bpy.context.scene.camera, resolution()) == (head.head_camera(ada), (300, 520))


def test_the_view_that_it_was_pressed_in_turns_to_the_camera(ada):
    bpy.ops.wm.read_homefile(use_factory_startup=True, load_ui=True)
    made, area = head.create_head(bpy.context, ASSET), view()
    assert area.spaces.active.region_3d.view_perspective != "CAMERA"
    sidebar = next(region for region in area.regions if region.type == "UI")
    with bpy.context.temp_override(window=bpy.context.window, area=area, region=sidebar):
        assert bpy.ops.likeness.look_through_photo() == {"FINISHED"}
    assert area.spaces.active.region_3d.view_perspective == "CAMERA"
    assert bpy.context.scene.camera == head.head_camera(made)


def test_a_view_with_a_camera_of_its_own_looks_through_the_photos(ada):
    bpy.ops.wm.read_homefile(use_factory_startup=True, load_ui=True)
    made, space = head.create_head(bpy.context, ASSET), view().spaces.active
    space.use_local_camera, space.camera = True, bpy.data.objects["Camera"]
    with bpy.context.temp_override(window=bpy.context.window, area=view()):
        bpy.ops.likeness.look_through_photo()
    assert space.camera == head.head_camera(made)


def test_one_undo_gives_camera_and_resolution_back(ada):
    before = resolution()
    bpy.context.scene.camera = None
    bpy.ops.ed.undo_push(message="a head")
    bpy.ops.likeness.look_through_photo()
    bpy.ops.ed.undo_push(message="looked")
    bpy.ops.ed.undo()
    assert (bpy.context.scene.camera, resolution()) == (None, before)


@pytest.mark.parametrize("way", ["without a photo", "camera removed"])
def test_a_head_without_a_photo_s_camera_says_so(ada, way):
    if way == "without a photo":
        head.remove_head(ada)
        head.create_head(bpy.context, replace(ASSET, camera=None, photo=None, light=None))
    else:
        bpy.data.objects.remove(head.head_camera(ada))
    assert not bpy.ops.likeness.look_through_photo.poll()
    with pytest.raises(RuntimeError, match="no photo, or its photo's camera is gone"):
        bpy.ops.likeness.look_through_photo()
