"""The photo's light as lamps: their irradiance against the spherical harmonics, in arithmetic and in a render."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from likeness.core.render.camera import orbit_camera
from likeness.core.render.shading import ambient_light, directional_light, sh_basis
from likeness.scene.camera import create_camera, match_render
from likeness.scene.convert import scene_to_model
from likeness.scene.light import FILL_ANGLE_RAD, KEY_ANGLE_RAD, create_lights, fit_suns, solve_nonnegative, sun_irradiance
from likeness.scene.preview import use_cycles
from PIL import Image

WINDOW = ambient_light((0.35, 0.35, 0.4)) + directional_light((0.6, 0.4, 0.7), (0.6, 0.55, 0.5))
"""A bright window before the subject's left, in a grey room."""


def irradiance_of_suns(light: np.ndarray, normals: np.ndarray) -> np.ndarray:
    directions, strengths = fit_suns(light)
    angles = [KEY_ANGLE_RAD, *[FILL_ANGLE_RAD] * 5]
    return (
        sum(np.outer(sun_irradiance(normals, *lamp), s) for *lamp, s in zip(directions, angles, strengths, strict=True)) / np.pi
    )


def some_normals(count: int = 300) -> np.ndarray:
    normals = np.random.default_rng(0).normal(size=(count, 3))
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def test_the_lamps_give_a_face_the_light_that_was_estimated():
    normals = some_normals()
    normals = normals[normals[:, 2] > 0.2]
    wanted = sh_basis(normals) @ WINDOW
    error = irradiance_of_suns(WINDOW, normals) - wanted
    assert np.sqrt((error**2).mean()) < 0.05 * wanted.mean()


def test_the_key_comes_from_the_brightest_side():
    directions, strengths = fit_suns(WINDOW)
    assert directions[0] @ np.array([0.6, 0.4, 0.7]) > 0.98
    assert strengths[0].sum() > 2 * strengths[1:].sum(1).max()


def test_an_even_light_needs_no_brightest_side():
    normals = some_normals()
    lit = irradiance_of_suns(ambient_light((0.5, 0.5, 0.5)), normals)
    assert lit.mean() == pytest.approx(0.5, rel=0.03)


def test_no_lamp_is_negative():
    random = np.random.default_rng(1).normal(size=(9, 3))
    assert (fit_suns(random)[1] >= 0).all()


def test_the_solver_finds_a_known_nonnegative_solution():
    rng = np.random.default_rng(2)
    A, x = rng.random((40, 5)), np.array([[1.0], [0.0], [2.0], [0.0], [0.5]])
    assert np.allclose(solve_nonnegative(A, A @ x, 3000), x, atol=1e-3)


def test_a_white_matte_ball_renders_as_bright_as_the_light_says(context, tmp_path):
    scene = context.scene
    bpy.ops.mesh.primitive_uv_sphere_add(radius=0.1, segments=64, ring_count=32)
    ball = context.object
    ball.data.shade_smooth()
    white = bpy.data.materials.new("white")
    if bpy.app.version < (5, 0):
        white.use_nodes = True
    white.node_tree.nodes.clear()
    diffuse = white.node_tree.nodes.new("ShaderNodeBsdfDiffuse")
    diffuse.inputs["Color"].default_value = (1, 1, 1, 1)
    output = white.node_tree.nodes.new("ShaderNodeOutputMaterial")
    white.node_tree.links.new(diffuse.outputs[0], output.inputs["Surface"])
    ball.data.materials.append(white)
    for lamp in create_lights(WINDOW, "window"):
        scene.collection.objects.link(lamp)
    points = scene_to_model(np.array([v.co for v in ball.data.vertices]))
    camera = orbit_camera(points, (96, 96))
    viewer = create_camera(camera, "viewer", None)
    scene.collection.objects.link(viewer)
    match_render(scene, viewer)
    use_cycles(scene, 32)
    scene.view_settings.view_transform = "Raw"
    scene.render.film_transparent = True
    scene.render.image_settings.color_mode = "RGBA"
    scene.render.filepath = str(tmp_path / "ball.png")
    bpy.ops.render.render(write_still=True)
    pixels = np.array(Image.open(tmp_path / "ball.png")) / 255
    rows, columns = np.mgrid[0:96, 0:96] + 0.5
    rays = np.stack([columns - camera.K[0, 2], rows - camera.K[1, 2], np.full_like(rows, camera.K[0, 0])], -1)
    normals, hit = intersect_ball(rays, camera)
    inner = hit & (normals[..., 2] > 0.3) & (pixels[..., 3] == 1)
    wanted = np.clip(sh_basis(normals[inner]) @ WINDOW, 0, 1)
    seen = pixels[inner][:, :3]
    assert np.abs(seen.mean(0) / wanted.mean(0) - 1).max() < 0.04
    assert np.sqrt(((seen - wanted) ** 2).mean()) < 0.06 * wanted.mean()


def intersect_ball(rays: np.ndarray, camera) -> tuple[np.ndarray, np.ndarray]:
    """Where rays [H, W, 3] (camera axes) first meet the ball: normals [H, W, 3] in model axes, and whether they do."""
    directions = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
    along = directions @ camera.t
    discriminant = along**2 - camera.t @ camera.t + 0.1**2
    distance = along - np.sqrt(np.clip(discriminant, 0, None))
    points = (distance[..., None] * directions - camera.t) @ camera.R
    return points / 0.1, discriminant > 0
