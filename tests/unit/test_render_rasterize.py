"""The raster kernels against their NumPy twins, and the promises that the rest of the project builds on."""

import subprocess
import sys

import numpy as np
import pytest
from likeness.core.render.camera import orbit_camera, project
from likeness.core.render.rasterize import (
    RasterResult,
    interpolate,
    interpolate_reference,
    rasterize,
    rasterize_projected,
    rasterize_reference,
    rasterize_uv,
    sample_image,
    sample_image_reference,
    sample_texture,
)
from shapes import make_sphere


@pytest.fixture(scope="module")
def scene():
    vertices, triangles = make_sphere()
    camera = orbit_camera(vertices, (72, 60), 0.3, 0.2, focal_35mm=24)
    return vertices, triangles, camera, rasterize(vertices, triangles, camera)


def test_the_kernel_equals_the_reference_in_coverage_barycentrics_and_depth(scene):
    vertices, triangles, camera, raster = scene
    reference = rasterize_reference(*project(camera, vertices), triangles, camera.size)
    assert raster.is_covered.sum() > 1000
    assert np.array_equal(raster.triangle_id, reference.triangle_id)
    assert np.abs(raster.barycentric - reference.barycentric).max() < 2e-5
    assert np.abs(raster.depth - reference.depth).max() < 1e-6


def test_interpolation_equals_the_reference_and_returns_the_point_that_projects_to_the_sample(scene):
    vertices, triangles, camera, raster = scene
    points = interpolate(vertices, raster, triangles)
    assert np.allclose(points, interpolate_reference(vertices, raster, triangles), atol=1e-6)
    pixels, depth = project(camera, points[raster.is_covered].astype(np.float64))
    rows, columns = np.nonzero(raster.is_covered)
    assert np.abs(pixels - np.stack([columns, rows], -1) - 0.5).max() < 1e-3
    assert np.allclose(depth, raster.depth[raster.is_covered], atol=1e-6)


def test_a_closed_mesh_hides_its_back_faces(scene):
    vertices, triangles, camera, raster = scene
    assert np.array_equal(rasterize(vertices, triangles, camera, "back").triangle_id, raster.triangle_id)
    assert (rasterize(vertices, triangles, camera, "front").depth[raster.is_covered] > raster.depth[raster.is_covered]).all()


def test_triangles_that_share_edges_own_each_sample_exactly_once_even_on_the_sample_grid():
    x, y = np.meshgrid(np.arange(9) * 4 + 0.5, np.arange(9) * 4 + 0.5)
    points = np.stack([x, y], -1).reshape(-1, 2)
    a = (np.arange(8)[:, None] * 9 + np.arange(8)).ravel()
    triangles = np.concatenate([np.stack([a, a + 9, a + 10], -1), np.stack([a, a + 1, a + 10], -1)])  # one turned each way
    owners = sum(
        rasterize_projected(points, np.ones(81), triangles[[t]], (40, 40)).is_covered.astype(int) for t in range(len(triangles))
    )
    assert owners.max() == 1
    assert owners.sum() == 32 * 32


def test_a_random_fan_of_slivers_leaves_no_hole_and_no_double():
    rng = np.random.default_rng(1)
    angles = np.sort(rng.uniform(0, 2 * np.pi, 400))
    points = np.concatenate([[[31.7, 33.1]], np.stack([np.cos(angles), np.sin(angles)], -1) * 200 + 32])
    triangles = np.stack([np.zeros(400), np.arange(400) + 1, (np.arange(400) + 1) % 400 + 1], -1).astype(int)
    owners = sum(rasterize_projected(points, np.ones(401), triangles[[t]], (64, 64)).is_covered.astype(int) for t in range(400))
    assert owners.min() == 1
    assert owners.max() == 1


def test_triangles_behind_the_camera_are_dropped():
    points = np.array([[2.0, 2], [20, 2], [2, 20]])
    assert not rasterize_projected(points, np.array([1.0, 1, 0]), np.array([[0, 1, 2]]), (32, 32)).is_covered.any()


def test_uv_space_has_v_up_and_a_whole_square_covers_every_texel():
    uvs = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    triangles = np.array([[0, 1, 2], [0, 2, 3]])
    raster = rasterize_uv(uvs, triangles, 16)
    assert raster.is_covered.all()
    texel_uv = interpolate(uvs, raster, triangles)
    assert np.allclose(texel_uv[0, 0], (0.5 / 16, 1 - 0.5 / 16), atol=1e-6)


def test_sampling_equals_its_reference_and_bytes_equal_floats():
    rng = np.random.default_rng(2)
    image = rng.integers(0, 256, (7, 5, 3), dtype=np.uint8)
    points = rng.uniform(-2, 9, (40, 2))
    expected = sample_image_reference(image / 255, points)
    assert np.allclose(sample_image(image / 255, points), expected, atol=1e-5)
    assert np.allclose(sample_image(image, points), expected, atol=1e-5)
    assert np.allclose(sample_image(image, np.array([2.5, 3.5])), image[3, 2] / 255)


def test_bytes_are_decoded_before_they_are_blended():
    image, table = np.array([[[0], [255]]], np.uint8), (np.arange(256) / 255) ** 2.2
    assert np.allclose(sample_image(image, np.array([[1.0, 0.5], [0.75, 0.5]]), table)[:, 0], [0.5, 0.25])


def test_a_texture_sampled_at_its_texel_centres_is_itself():
    image = np.random.default_rng(3).uniform(size=(8, 8, 2))
    uvs = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    triangles = np.array([[0, 1, 2], [0, 2, 3]])
    uv = interpolate(uvs, rasterize_uv(uvs, triangles, 8), triangles)
    assert np.allclose(sample_texture(image, uv), image, atol=1e-5)


def test_interpolating_over_nothing_gives_zeros():
    nothing = RasterResult(np.full((4, 4), -1, np.int32), np.zeros((4, 4, 3), np.float32), np.zeros((4, 4), np.float32))
    assert not interpolate(np.ones((3, 2)), nothing, np.array([[0, 1, 2]])).any()


def test_warp_is_not_imported_before_its_first_use_and_prints_nothing():
    code = (
        "import sys; import likeness.core.render.shading; assert 'warp' not in sys.modules;"
        "from likeness.core.render.runtime import warm_up; warm_up(); assert 'warp' in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
