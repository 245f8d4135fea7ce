"""Relief from shading: known relief comes back, pigments and the unseen leave none, and the maps say what the heights are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from likeness.core.appearance.relief import (
    DISPLACEMENT_RANGE_M,
    decode_displacement,
    encode_displacement,
    frame_texels,
    normal_map,
)
from likeness.core.appearance.skin import skin_albedo
from likeness.core.fit.detail import Detail, blend_details, draw_relief, lift_relief
from likeness.core.fit.relief_solver import TileLight, place_tiles, solve_relief
from likeness.core.head.library import get_model
from likeness.core.head.model import triangulate
from likeness.core.render.camera import orbit_camera
from likeness.core.render.rasterize import interpolate, rasterize_uv
from likeness.core.render.shading import encode_srgb, vertex_normals
from likeness.tests.bench.detail import LIGHTS, parallel_wrinkles, read_relief, take_photo, texel_points

SKIN = skin_albedo(0.5, 0.0)
SIZE = 1024


@pytest.fixture(scope="module")
def model():
    return get_model()


@pytest.fixture(scope="module")
def camera(model):
    return orbit_camera(model.template, (768, 768), 0.0, focal_35mm=85)


def plain_albedo(size: int = 512) -> np.ndarray:
    return np.broadcast_to(encode_srgb(SKIN), (size, size, 3)).copy()


def spotted_albedo(model) -> tuple[np.ndarray, np.ndarray]:
    """Freckles of 3 mm with 2.5 times the melanin on bare skin, and where they are [SIZE, SIZE]."""
    points, sure = texel_points(model, SIZE)
    centres = points[sure][np.random.default_rng(3).choice(sure.sum(), 150, replace=False)]
    near = np.full(points.shape[:2], np.inf)
    for centre in centres:
        near = np.minimum(near, np.linalg.norm(points - centre, axis=-1))
    share = np.clip((0.0018 - near) / 0.0006, 0, 1)
    return encode_srgb(skin_albedo(0.5 * 2.5**share, 0.0)), (near < 0.0025) & sure


@pytest.fixture(scope="module")
def wrinkled(model, camera):
    waves = parallel_wrinkles((0.0, 1.0, 0.0))
    photo = take_photo(model, camera, plain_albedo(), waves, LIGHTS["above"], 0.75)
    return read_relief(model, photo, camera, waves)


def test_wrinkles_under_a_raking_lamp_come_back_with_their_sign_and_nearly_their_height(wrinkled):
    assert wrinkled.correlation > 0.75
    assert 0.4 < wrinkled.amplitude < 1.3


def test_wrinkles_lit_from_below_are_no_dents(model, camera):
    waves = parallel_wrinkles((0.0, 1.0, 0.0))
    reading = read_relief(model, take_photo(model, camera, plain_albedo(), waves, (0.1, -1.0, 0.8), 0.75), camera, waves)
    assert reading.correlation > 0.6
    assert 0.3 < reading.amplitude < 1.3


def test_smooth_skin_has_next_to_no_relief(model, camera, wrinkled):
    smooth = read_relief(model, take_photo(model, camera, plain_albedo(), None, LIGHTS["above"], 0.75), camera, None)
    assert smooth.deviation_m < 0.1 * wrinkled.deviation_m


@pytest.mark.parametrize("light", ["above", "flash"])
def test_freckles_are_no_relief(model, camera, wrinkled, light):
    albedo, spots = spotted_albedo(model)
    reading = read_relief(model, take_photo(model, camera, albedo, None, LIGHTS[light], 0.75), camera, None)
    heights = reading.detail.height_m[spots & (reading.detail.weight > 0.9)]
    assert len(heights) > 2000
    assert heights.std() < 0.35 * wrinkled.deviation_m


def test_the_unseen_and_the_features_are_flat(model, wrinkled):
    detail = wrinkled.detail
    points, _ = texel_points(model, SIZE)
    assert (detail.height_m[points[..., 2] < model.template[:, 2].mean() - 0.03] == 0).all()
    assert (detail.height_m[detail.weight == 0] == 0).all()
    corners = model.landmarks7.evaluate(model.template)
    mouth, eye = corners[5:].mean(0), corners[:2].mean(0)
    for centre, radius in ((mouth, 0.012), (eye, 0.008)):
        near = np.linalg.norm(points - centre, axis=-1) < radius
        assert near.sum() > 200
        assert np.abs(detail.height_m[near]).max() < 2e-5


def test_a_small_photo_gives_no_relief_rather_than_blur(model, wrinkled):
    camera = orbit_camera(model.template, (128, 128), 0.0, focal_35mm=85)
    waves = parallel_wrinkles((0.0, 1.0, 0.0))
    small = read_relief(model, take_photo(model, camera, plain_albedo(), waves, LIGHTS["above"], 0.75), camera, waves)
    assert small.detail.pixels_per_mm < 0.5
    assert small.deviation_m < 0.1 * wrinkled.deviation_m


def test_lifting_takes_the_relief_out_of_the_albedo():
    rng = np.random.default_rng(0)
    shading = 0.1 * np.sin(np.arange(64) / 3)[None] * np.ones((64, 1))
    painted = encode_srgb(SKIN * np.exp(np.kron(shading, np.ones((2, 2))))[..., None])
    detail = Detail(np.zeros((64, 64), np.float32), np.ones((64, 64)), shading.astype(np.float32), 3.0)
    lifted = lift_relief(painted, detail)
    assert lifted[..., 1].std() < 0.35 * painted[..., 1].std()
    untouched = rng.integers(0, 255, (128, 128, 3)).astype(np.uint8)
    assert (lift_relief(untouched, replace(detail, log_shading=np.zeros((64, 64), np.float32))) == untouched).all()


def test_heights_survive_the_map_to_a_tenth_of_a_micrometre_and_stay_within_4_mm():
    height = np.linspace(-0.004, 0.004, 4097, dtype=np.float32)[None]
    assert np.abs(decode_displacement(encode_displacement(height)) - height).max() < 1e-7
    assert np.abs(decode_displacement(encode_displacement(np.array([[-1.0, 1.0]])))).max() <= DISPLACEMENT_RANGE_M / 2 + 1e-9


def test_the_normal_map_is_the_displaced_surfaces_normal_in_the_tangent_frame(model):
    """Against the normals of a finely displaced grid: one chart's texels as vertices."""
    size = 2048
    triangles, uv_triangles = triangulate(model.faces), triangulate(model.face_uvs)
    raster = rasterize_uv(model.uvs, uv_triangles, size)
    normals = vertex_normals(model.template, triangles)
    maps = interpolate(np.column_stack([model.template, normals]), raster, triangles).astype(np.float64)
    points, normal = maps[..., :3], maps[..., 3:] / np.maximum(np.linalg.norm(maps[..., 3:], axis=-1, keepdims=True), 1e-9)
    waves = parallel_wrinkles((0.6, 1.0, 0.0), 0.006, 3e-4)
    height = waves.height(points).astype(np.float32) * raster.is_covered
    decoded = normal_map(height, frame_texels(model, model.template, raster)) / 127.5 - 1
    gradient = waves.gradient(points)
    expected = normal - (gradient - normal * (gradient * normal).sum(-1, keepdims=True))
    expected /= np.maximum(np.linalg.norm(expected, axis=-1, keepdims=True), 1e-9)
    per_u = np.gradient(points, axis=1)
    tangent = per_u - normal * (per_u * normal).sum(-1, keepdims=True)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=-1, keepdims=True), 1e-12)
    per_v = -np.gradient(points, axis=0)
    bitangent = np.cross(normal, tangent) * np.sign((np.cross(normal, tangent) * per_v).sum(-1, keepdims=True))
    found = decoded[..., :1] * tangent + decoded[..., 1:2] * bitangent + decoded[..., 2:] * normal
    _, sure = texel_points(model, size)
    slope = np.degrees(np.arccos(np.clip((expected * normal).sum(-1)[sure], -1, 1)))
    error = np.degrees(np.arccos(np.clip((found * expected).sum(-1)[sure] / np.linalg.norm(found, axis=-1)[sure], -1, 1)))
    assert slope.mean() > 5
    assert np.median(error) < 1
    assert np.percentile(error, 95) < 3


def test_flat_heights_are_flat_normals(model):
    maps = draw_relief(Detail(*np.zeros((3, 128, 128), np.float32), 1.0), model, model.template)
    assert (maps["normal"] == (128, 128, 255)).all()
    assert maps["displacement"].dtype == np.uint16
    assert np.abs(decode_displacement(maps["displacement"])).max() < 1e-7


def test_photos_are_blended_by_how_well_and_how_finely_they_show():
    ones = np.ones((8, 8), np.float32)
    left, right = np.repeat([[1.0, 0.0]], 4, 1) * ones, np.repeat([[0.0, 1.0]], 4, 1) * ones
    blended = blend_details([Detail(1e-4 * ones, left, ones, 2.0), Detail(-1e-4 * ones, right, ones, 2.0)])
    assert np.allclose(blended.height_m, 1e-4 * (left - right))
    finer = blend_details([Detail(1e-4 * ones, ones, ones, 4.0), Detail(-1e-4 * ones, ones, ones, 1.0)])
    assert (finer.height_m > 0.8e-4).all()


def test_a_tile_reads_a_wave_that_runs_with_the_light():
    """Image space alone: brightness as the law has it, noise small; heights in metres at 3000 px / m."""
    scale, side = 3000.0, 256
    x = np.arange(side)[None] * np.ones((side, 1))
    wave, amplitude, slope = 2 * np.pi / 14, 1e-4, 0.6
    truth = amplitude * np.sin(wave * x)
    brightness = -slope * amplitude * scale * wave * np.cos(wave * x)
    tiles = place_tiles(np.ones((side, side)), scale)
    count = len(tiles.rows)
    light = TileLight(np.tile([slope * scale, 0.0], (count, 1)), np.tile([scale**2, 0.0, scale**2], (count, 1)))
    height, explained = solve_relief(brightness, tiles, light, np.full(count, 0.01), np.full(count, 1e-3))
    inner = (slice(64, -64), slice(64, -64))
    ratio = (height[inner] * truth[inner]).mean() / (truth[inner] ** 2).mean()
    assert 0.8 < ratio < 1.05
    assert np.abs(explained[inner] - brightness[inner]).std() < 0.2 * brightness[inner].std()
