"""Light: the harmonics, normals, shadows and occlusion mean what they say."""

import numpy as np
import pytest
from likeness.core.render.camera import orbit_camera, perspective_camera
from likeness.core.render.shading import (
    KeyLight,
    ambient_light,
    directional_light,
    encode_srgb,
    linear_to_srgb,
    render_head,
    sh_basis,
    shade,
    srgb_to_linear,
    vertex_normals,
)
from likeness.core.render.visibility import Occluder, ambient_openness, visible_points
from shapes import make_sphere

SPHERE, SPHERE_TRIANGLES = make_sphere(24, 32)
SQUARE = np.array([[-1.0, 0, -1], [-1, 0, 1], [1, 0, 1], [1, 0, -1]])
SQUARE_TRIANGLES = np.array([[0, 1, 2], [0, 2, 3]])


def uniform_directions(count: int) -> np.ndarray:
    z = 1 - 2 * (np.arange(count) + 0.5) / count
    angle = np.arange(count) * np.pi * (3 - np.sqrt(5))
    return np.stack([np.sqrt(1 - z * z) * np.cos(angle), np.sqrt(1 - z * z) * np.sin(angle), z], -1)


def test_the_nine_harmonics_are_orthonormal_on_the_sphere():
    basis = sh_basis(uniform_directions(20000))
    assert np.allclose(basis.T @ basis * 4 * np.pi / 20000, np.eye(9), atol=1e-3)


def test_ambient_light_shows_white_as_its_colour():
    assert np.allclose(shade(uniform_directions(50), ambient_light((0.2, 0.5, 0.9))), (0.2, 0.5, 0.9))


def test_a_directional_light_is_the_clamped_cosine_to_nine_term_accuracy():
    normals = uniform_directions(5000)
    light = directional_light(np.array([0.0, 2.0, 0.0]), (1.0, 1.0, 1.0))
    assert np.abs((sh_basis(normals) @ light)[:, 0] - np.maximum(normals[:, 1], 0)).max() < 0.1


@pytest.mark.parametrize("weighting", ["angle", "area"])
def test_the_normals_of_a_sphere_point_outwards(weighting):
    normals = vertex_normals(SPHERE, SPHERE_TRIANGLES, weighting)
    inner = np.linalg.norm(SPHERE[:, [0, 2]], axis=1) > 0.02  # the poles and the seam are duplicated vertices
    expected = SPHERE / np.linalg.norm(SPHERE, axis=1, keepdims=True)
    assert np.einsum("vc,vc->v", normals, expected)[inner].min() > 0.98


def test_angle_weights_do_not_depend_on_how_a_corner_is_triangulated():
    cube_corner = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]])
    whole = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2]])
    split = np.array([[0, 2, 4], [0, 4, 1], [0, 1, 3], [0, 3, 2]])
    assert np.allclose(vertex_normals(cube_corner, whole)[0], vertex_normals(cube_corner, split)[0])


def test_srgb_goes_there_and_back_and_the_table_is_within_one_step():
    values = np.linspace(0, 1, 5001)
    assert np.allclose(linear_to_srgb(srgb_to_linear(values)), values, atol=1e-6)
    assert np.abs(encode_srgb(values).astype(int) - np.round(linear_to_srgb(values) * 255)).max() <= 1


def test_a_flat_white_head_under_white_light_is_its_albedo_exactly():
    albedo = np.full((4, 4, 3), (200, 120, 60), np.uint8)
    camera = orbit_camera(SPHERE, (64, 64))
    uvs = np.full((1, 2), 0.5)
    image = render_head(SPHERE, SPHERE_TRIANGLES, uvs, np.zeros_like(SPHERE_TRIANGLES), albedo, camera, ambient_light())
    assert np.abs(image[32, 32].astype(int) - (200, 120, 60)).max() <= 1
    assert (image[0, 0] == 118).all()


def test_supersampled_edges_mix_head_and_background_in_linear_light():
    camera = perspective_camera((8, 8), focal_px=8.0, t=np.array([0.0, 0, 1]))
    quad = np.array([[-1.0, -1, 0], [0.0625 / 2, -1, 0], [0.0625 / 2, 1, 0], [-1.0, 1, 0]])  # right edge at x = 4.25 px
    white = np.full((2, 2, 3), 255, np.uint8)
    image = render_head(
        quad, SQUARE_TRIANGLES, np.full((1, 2), 0.5), np.zeros((2, 3), int), white, camera, ambient_light(),
        background=np.zeros((8, 8, 3), np.uint8), supersample=4,
    )  # fmt: skip
    assert (image[:, :4] == 255).all()
    assert (image[:, 5:] == 0).all()
    assert np.abs(image[:, 4].astype(int) - round(float(linear_to_srgb(np.array(0.25))) * 255)).max() <= 1


def test_a_convex_body_sees_no_self_occlusion_and_the_camera_sees_its_facing_half():
    triangles = SPHERE_TRIANGLES
    normals = SPHERE / np.linalg.norm(SPHERE, axis=1, keepdims=True)
    assert ambient_openness(SPHERE, triangles, normals).min() > 0.9
    camera = orbit_camera(SPHERE, (64, 64), 0.5)
    eye = -camera.R.T @ camera.t
    seen = visible_points(Occluder(SPHERE, triangles), camera, SPHERE, normals)
    cosine = np.einsum("vc,vc->v", normals, eye - SPHERE) / np.linalg.norm(eye - SPHERE, axis=1)
    assert seen[cosine > 0.15].all()
    assert not seen[cosine < 0].any()


def test_a_sheet_a_lid_thick_hides_what_is_behind_it():
    sheet = SQUARE * 0.1
    behind = np.array([[0.003, -0.0006, 0.002], [0.003, -0.0001, 0.002], [0.003, 0.0, 0.002]])
    seen = Occluder(sheet, SQUARE_TRIANGLES).sees(np.array([0.0, 1.0, 0.0]), behind)
    assert seen.tolist() == [False, True, True]  # .6 mm behind is hidden; within the margin of .2 mm is the surface itself


def test_a_ceiling_shadows_the_floor_and_the_shadows_edge_is_soft():
    ceiling = SQUARE + np.array([0.0, 0.1, 0.0])
    points = np.column_stack([np.linspace(0, 2, 201), np.zeros(201), np.zeros(201)])
    normals = np.tile((0.0, 1.0, 0.0), (201, 1))
    occluder = Occluder(ceiling, SQUARE_TRIANGLES)
    seen = occluder.lamp_visibility(points, normals, np.array([0.0, 1.0, 0.0]), 0.3, 64)
    assert (seen[points[:, 0] < 0.96] == 0).all()
    assert (seen[points[:, 0] > 1.04] == 1).all()
    assert seen[100] == pytest.approx(0.5, abs=0.1)
    assert occluder.openness(points[:1], normals[:1], reach=10)[0] < 0.05


def test_a_key_light_brightens_its_side():
    camera = orbit_camera(SPHERE, (64, 64))
    key = KeyLight(np.array([1.0, 0.3, 0.3]), np.array([1.0, 1.0, 1.0]))
    white = np.full((2, 2, 3), 255, np.uint8)
    dim, uvs, uv_triangles = ambient_light((0.1, 0.1, 0.1)), np.full((1, 2), 0.5), np.zeros_like(SPHERE_TRIANGLES)
    image = render_head(SPHERE, SPHERE_TRIANGLES, uvs, uv_triangles, white, camera, dim, key=key)
    assert image[32, 50].mean() > 2 * image[32, 14].mean()
