"""The photo's camera in the scene: projections, a render's pixels, the background, the render settings."""

from __future__ import annotations

from dataclasses import replace

import bpy
import numpy as np
import pytest
from bpy_extras.object_utils import world_to_camera_view
from likeness.core.render.camera import project
from likeness.scene.camera import create_camera, match_render
from likeness.scene.convert import model_to_scene, scene_to_model
from likeness.scene.head import create_head, head_camera, head_rig
from likeness.scene.preview import use_cycles
from mathutils import Vector
from PIL import Image
from synthetic import make_asset

ASSET = make_asset()
CAMERAS = {
    "as fitted": ASSET.camera,
    "upright": replace(ASSET.camera, size=(300, 520)),
    "wide pixels": replace(ASSET.camera, K=ASSET.camera.K * [[0.8], [1.0], [1.0]]),
    "tall pixels": replace(ASSET.camera, K=ASSET.camera.K * [[1.25], [1.0], [1.0]]),
}


def project_in_blender(scene: bpy.types.Scene, camera: bpy.types.Object, points: np.ndarray) -> np.ndarray:
    """Model points [N, 3] -> pixels [N, 2] by Blender's own camera."""
    views = [world_to_camera_view(scene, camera, Vector(point)) for point in model_to_scene(points)]
    width, height = scene.render.resolution_x, scene.render.resolution_y
    return np.array([(view.x * width, (1 - view.y) * height) for view in views])


@pytest.mark.parametrize("camera", CAMERAS.values(), ids=CAMERAS.keys())
def test_blenders_camera_projects_as_the_photos_did(context, camera):
    obj = create_head(context, replace(ASSET, camera=camera))
    match_render(context.scene, head_camera(obj))
    points = ASSET.vertices[::7]
    assert np.abs(project_in_blender(context.scene, head_camera(obj), points) - project(camera, points)[0]).max() < 0.01


def test_the_camera_follows_a_head_that_stands_elsewhere(context):
    create_head(context, ASSET)
    obj = create_head(context, ASSET)
    match_render(context.scene, head_camera(obj))
    shift = scene_to_model(np.array(head_rig(obj).location))
    assert np.linalg.norm(shift) > 0.1
    seen = project_in_blender(context.scene, head_camera(obj), ASSET.vertices[::7] + shift)
    assert np.abs(seen - project(ASSET.camera, ASSET.vertices[::7])[0]).max() < 0.02


@pytest.mark.parametrize("camera", [CAMERAS["as fitted"], CAMERAS["wide pixels"]], ids=["as fitted", "wide pixels"])
def test_a_render_through_the_camera_lies_on_the_photo(context, camera, tmp_path):
    """Small glowing balls: their centroids in the render, against the projection of their centres."""
    scene = context.scene
    centres = np.array([[0.0, 0.0, 0.05], [0.05, 0.06, 0.0], [-0.06, 0.05, 0.02], [0.04, -0.07, 0.0]])
    glow = bpy.data.materials.new("glow")
    if bpy.app.version < (5, 0):
        glow.use_nodes = True
    glow.node_tree.nodes["Principled BSDF"].inputs["Emission Color"].default_value = (1, 1, 1, 1)
    glow.node_tree.nodes["Principled BSDF"].inputs["Emission Strength"].default_value = 1.0
    for centre in model_to_scene(centres):
        bpy.ops.mesh.primitive_ico_sphere_add(radius=0.004, subdivisions=4, location=centre.tolist())
        context.object.data.materials.append(glow)
    viewer = create_camera(camera, "viewer", None)
    scene.collection.objects.link(viewer)
    match_render(scene, viewer)
    use_cycles(scene, 32)
    scene.cycles.use_denoising, scene.cycles.use_adaptive_sampling = False, False
    scene.render.film_transparent = True
    scene.render.image_settings.color_mode = "RGBA"
    scene.render.filepath = str(tmp_path / "balls.png")
    bpy.ops.render.render(write_still=True)
    alpha = np.array(Image.open(tmp_path / "balls.png"))[..., 3].astype(float)
    assert alpha.shape == camera.size[::-1]
    for x, y in project(camera, centres)[0]:
        x0, y0 = int(x) - 12, int(y) - 12
        rows, columns = np.mgrid[y0 : y0 + 25, x0 : x0 + 25] + 0.5
        weights = alpha[y0 : y0 + 25, x0 : x0 + 25]
        assert weights.max() > 250
        assert abs((weights * columns).sum() / weights.sum() - x) < 0.1
        assert abs((weights * rows).sum() / weights.sum() - y) < 0.1


def test_the_photo_is_the_cameras_background(context):
    camera = head_camera(create_head(context, ASSET))
    background = camera.data.background_images[0]
    assert camera.data.show_background_images
    assert tuple(background.image.size) == ASSET.camera.size


def test_a_scene_without_a_camera_gets_the_photos(context):
    assert context.scene.camera is None
    obj = create_head(context, ASSET)
    assert context.scene.camera == head_camera(obj)


def test_scene_and_model_frames_are_each_others_inverse():
    points = np.random.default_rng(0).normal(size=(9, 3))
    assert np.array_equal(scene_to_model(model_to_scene(points)), points)
    assert np.allclose(model_to_scene(np.array([0, 0, 1.0])), (0, -1, 0)), "the face looks to -Y"
    assert np.allclose(model_to_scene(np.array([0, 1.0, 0])), (0, 0, 1)), "up is +Z"
