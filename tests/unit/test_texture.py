"""From photo to texture, on a ball with a face's landmarks, whose true light and albedo are known."""

from dataclasses import replace

import numpy as np
import pytest
from likeness.core.appearance.skin import typology_angle
from likeness.core.fit.atlas import get_atlas
from likeness.core.fit.dome import NUM_LAMPS
from likeness.core.fit.gutters import push_pull
from likeness.core.fit.light import SkinLight, fit_skin_light, head_crop
from likeness.core.fit.membrane import build_graph, stretch_membrane
from likeness.core.fit.shading_field import lamp_shading
from likeness.core.fit.skin_mask import box_blur, flood, minimum_filter
from likeness.core.fit.surface import pose_surface
from likeness.core.fit.texture import bake_texture
from likeness.core.head.model import HeadModel, SurfacePoints, triangulate
from likeness.core.render.camera import orbit_camera, project
from likeness.core.render.rasterize import interpolate, rasterize_uv
from likeness.core.render.shading import ambient_light, directional_light, render_head, shade, srgb_to_linear, vertex_normals
from likeness.core.types import Photo
from PIL import Image

RADIUS = 0.09
SIZE = 256
SKIN = np.array([196, 150, 126])
CORNERS_AND_MOUTH = np.array(
    [[-0.044, 0.016], [-0.016, 0.014], [0.016, 0.014], [0.044, 0.016], [0, -0.035], [-0.025, -0.056], [0.025, -0.056]]
)


def make_model(base: np.ndarray) -> HeadModel:
    """A ball whose UVs are a map of the world: the face in the middle, the seam down the back, vertices welded across it."""
    rings, segments = 40, 64
    polar, around = np.meshgrid(np.linspace(0, np.pi, rings + 1), np.linspace(0, 2 * np.pi, segments + 1), indexing="ij")
    uvs = np.stack([around / (2 * np.pi), 1 - polar / np.pi], -1).reshape(-1, 2)
    grid = np.stack([-np.sin(polar) * np.sin(around), np.cos(polar), -np.sin(polar) * np.cos(around)], -1) * RADIUS
    row, column = np.meshgrid(np.arange(rings), np.arange(segments), indexing="ij")
    corners = [(row, column), (row + 1, column), (row + 1, column + 1), (row, column + 1)]
    face_uvs = np.stack([(r * (segments + 1) + c).ravel() for r, c in corners], -1)
    weld = np.stack([np.where((r == 0) | (r == rings), 0, c % segments) + r * segments for r, c in corners], -1).reshape(-1, 4)
    used, faces = np.unique(weld, return_inverse=True)
    vertices = grid[:, :segments].reshape(-1, 3)[used]
    depth = np.sqrt(RADIUS**2 - (CORNERS_AND_MOUTH**2).sum(1))
    goals = np.column_stack([CORNERS_AND_MOUTH, depth])
    nearest = np.linalg.norm(vertices[None] - goals[:, None], axis=-1).argsort(1)[:, :3]
    V, none = len(vertices), np.zeros((0, len(vertices), 3))
    return HeadModel(
        "ball", "none", vertices, none, none, (), {}, np.zeros((36, V, 3)), np.zeros((5, V)), np.zeros((V, 5)),
        faces.reshape(-1, 4), uvs, face_uvs, np.zeros(len(face_uvs), int), ("skin",), {},
        SurfacePoints(nearest, np.full((7, 3), 1 / 3)), {"albedo": base},
    )  # fmt: skip


def mottled(colour: np.ndarray, seed: int, contrast: float = 4.0) -> np.ndarray:
    coarse = np.random.default_rng(seed).normal(size=(16, 16, 1)) * contrast
    return np.clip(colour + np.repeat(np.repeat(coarse, SIZE // 16, 0), SIZE // 16, 1), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def model():
    return make_model(mottled(np.array([210, 165, 140]), 1))


def take_photo(model: HeadModel, albedo: np.ndarray, yaw: float = 0.0, light: np.ndarray | None = None, paint=None):
    camera = orbit_camera(model.template, (240, 240), yaw, focal_35mm=85)
    backdrop = np.full((240, 240, 3), (40, 160, 60), np.uint8)
    pixels = render_head(
        model.template, triangulate(model.faces), model.uvs, triangulate(model.face_uvs), albedo, camera,
        ambient_light() if light is None else light, background=backdrop, supersample=2,
    )  # fmt: skip
    if paint is not None:
        paint(pixels)
    return Photo(pixels, None, None, "ball", ""), camera


def known_light(skin: np.ndarray = SKIN) -> SkinLight:
    """White light of strength 1 from everywhere on a matt skin (sRGB bytes [3])."""
    lamps = np.full((NUM_LAMPS, 3), 4 / NUM_LAMPS)
    return SkinLight(ambient_light(), srgb_to_linear(skin / 255), np.array([0.06, 0.03, 0.03]), lamps, 5.0, gloss=0.0)


def bake(photo: Photo, camera, model: HeadModel, size: int = SIZE):
    return bake_texture(photo, camera, model.template, model, size, known_light())


@pytest.fixture(scope="module")
def frontal(model):
    truth = mottled(SKIN, 2)
    photo, camera = take_photo(model, truth)
    return truth, *bake(photo, camera, model)


def test_seen_texels_are_the_true_albedo(frontal):
    truth, albedo, confidence = frontal
    seen = confidence > 200
    assert seen.mean() > 0.02
    assert np.abs(albedo[seen].astype(int) - truth[seen]).mean() < 2


def test_confidence_is_high_in_front_lower_at_the_side_and_zero_behind(frontal):
    _, _, confidence = frontal
    assert confidence[128, 128] > 240
    assert confidence[128, 90] < confidence[128, 110] < confidence[128, 128]
    assert (confidence[:, :50] == 0).all()
    assert (confidence[:, -50:] == 0).all()


def test_invented_skin_has_the_persons_tone_and_the_bases_variation(model, frontal):
    _, albedo, confidence = frontal
    behind = albedo[60:200, :40].reshape(-1, 3)
    assert np.abs(np.median(behind, 0) - SKIN).max() < 8
    assert behind.std(0).min() > 1.5
    assert (confidence[60:200, :40] == 0).all()


def test_a_lamp_from_the_side_leaves_neither_a_step_nor_its_brightness_in_the_albedo():
    flat = make_model(np.full((SIZE, SIZE, 3), (210, 165, 140), np.uint8))
    light = ambient_light((0.4, 0.4, 0.4)) + directional_light(np.array([1.0, 0.3, 1.0]), (0.6, 0.6, 0.6))
    photo, camera = take_photo(flat, np.full((SIZE, SIZE, 3), SKIN, np.uint8), light=light)
    face = photo.pixels[100:140, 70:170, 0].astype(float)
    assert np.ptp(face) > 35
    albedo, confidence = bake_texture(photo, camera, flat.template, flat, SIZE)
    middle = albedo[64:192].astype(float)
    assert np.abs(np.diff(box_blur(middle, 1), axis=1)).max() < 3
    assert np.abs(middle[:, 0] - middle[:, -1]).max() < 2
    seen = albedo[confidence > 120].astype(float)
    assert np.ptp(np.percentile(seen[:, 0], [5, 95])) < 0.3 * np.ptp(face)


@pytest.mark.parametrize("cloth", [(120, 160, 200), (235, 235, 235), (40, 110, 60)])
def test_a_mask_over_the_mouth_is_neither_skin_nor_light(model, cloth):
    def tie_mask(pixels: np.ndarray) -> None:
        pixels[135:190, 60:180] = cloth

    photo, camera = take_photo(model, mottled(SKIN, 2), paint=tie_mask)
    albedo, confidence = bake_texture(photo, camera, model.template, model, SIZE)
    masked, bare = (slice(145, 165), slice(110, 146)), (slice(85, 110), slice(110, 146))
    assert confidence[masked].max() < 100
    assert np.median(confidence[bare]) > 180
    skin, under = np.median(albedo[bare].reshape(-1, 3), 0), np.median(albedo[masked].reshape(-1, 3), 0)
    assert np.abs(np.diff(under) - np.diff(skin)).max() < 12
    assert np.abs(np.diff(skin) - np.diff(SKIN)).max() < 30


def test_a_texture_too_small_for_the_mesh_still_has_the_persons_skin_everywhere(model):
    photo, camera = take_photo(model, mottled(SKIN, 2))
    albedo, _ = bake(photo, camera, model, 32)
    assert np.abs(albedo.astype(int) - SKIN).max() < 40


def test_background_is_never_painted_even_when_the_fit_is_some_pixels_off(model):
    photo, camera = take_photo(model, mottled(SKIN, 2))
    shifted = replace(camera, K=camera.K + np.array([[0, 0, 4.0], [0, 0, 3.0], [0, 0, 0]]))
    albedo, _ = bake(photo, shifted, model)
    assert (albedo[..., 0].astype(int) - albedo[..., 1]).min() > 10  # the backdrop is green


def test_a_dark_fringe_over_the_forehead_is_replaced_by_skin(model):
    def comb(pixels):
        pixels[:85] = np.where(pixels[:85, :, :1] > 100, np.array([52, 36, 24], np.uint8), pixels[:85])

    photo, camera = take_photo(model, mottled(SKIN, 2), paint=comb)
    albedo, confidence = bake(photo, camera, model)
    assert albedo.mean(-1).min() > 115
    assert (confidence[:75, 100:156] < 40).all()
    assert confidence[140, 128] > 200


@pytest.mark.parametrize("longest_px", [50, 90, 400])
def test_a_crop_shows_the_head_alone_and_alpha_is_cropped_alike(model, longest_px):
    photo, camera = take_photo(model, mottled(SKIN, 2))
    image, view = head_crop(photo.pixels, camera, model.template, longest_px)
    whole, _ = head_crop(photo.pixels, camera, model.template, 1e9)
    assert image.shape == (view.size[1], view.size[0], 3)
    assert max(view.size) == min(longest_px, max(whole.shape))
    pixels, _ = project(view, model.template)
    assert ((pixels > 0) & (pixels < view.size)).all()
    exact = np.asarray(Image.fromarray(whole).resize(view.size, Image.Resampling.LANCZOS)).astype(int)
    assert np.abs(image - exact).mean() < 1
    assert np.array_equal(head_crop(photo.pixels[..., 1], camera, model.template, longest_px)[0], image[..., 1])


def test_transparent_pixels_are_not_painted(model):
    photo, camera = take_photo(model, mottled(SKIN, 2))
    alpha = np.full((240, 240), 255, np.uint8)
    alpha[:, 120:] = 0
    _, confidence = bake(replace(photo, alpha=alpha), camera, model)
    assert confidence[128, 105] > 150
    assert confidence[128, 140:].max() <= 85


def test_the_unseen_side_gets_the_seen_sides_detail_at_a_third_of_the_confidence(model):
    truth = mottled(SKIN, 2, 0.0)
    truth[150:158, 90:98] = SKIN - 16
    photo, camera = take_photo(model, truth, yaw=-0.9)
    albedo, confidence = bake(photo, camera, model)
    twin, around = albedo[152:156, 256 - 96 : 256 - 92].mean(), albedo[140:146, 256 - 96 : 256 - 92].mean()
    assert around - twin > 9
    assert 20 < confidence[153, 256 - 94] <= 85


def test_the_estimated_light_explains_the_photo(model):
    truth = ambient_light((0.3, 0.35, 0.4)) + directional_light(np.array([0.6, 0.5, 0.7]), (0.6, 0.5, 0.45))
    photo, camera = take_photo(model, np.full((SIZE, SIZE, 3), SKIN, np.uint8), light=truth)
    fitted = fit_skin_light(photo, camera, model.template, model)
    atlas = get_atlas(model, SIZE)
    shading = lamp_shading(pose_surface(model.template, atlas, camera), atlas, camera, fitted)
    normals = vertex_normals(model.template, triangulate(model.faces))
    front = (normals[:, 2] > 0.75) & (normals[:, 1] < 0.5)
    shown = (shading.diffuse * fitted.skin_linear_rgb + shading.highlight)[front]
    expected = shade(normals[front], truth) * srgb_to_linear(SKIN / 255)
    assert np.abs(shown / expected - 1).mean() < 0.05


def test_a_third_of_the_face_in_black_does_not_move_the_light(model):
    photo, camera = take_photo(model, np.full((SIZE, SIZE, 3), SKIN, np.uint8))
    clean = fit_skin_light(photo, camera, model.template, model)
    spoilt = photo.pixels.copy()
    spoilt[:, :95] = 5
    dirty = fit_skin_light(replace(photo, pixels=spoilt), camera, model.template, model)
    facing = np.array([[0.0, 0.0, 1.0], [0.4, 0.0, 0.9165]])
    shown = [shade(facing, fitted.light) * fitted.skin_linear_rgb for fitted in (clean, dirty)]
    assert np.allclose(*shown, rtol=0.1)
    assert abs(typology_angle(dirty.skin_linear_rgb) - typology_angle(clean.skin_linear_rgb)) < dirty.ita_sd


def test_the_membrane_is_linear_and_obeys_the_maximum_principle(model):
    vertices = model.template
    graph = build_graph(triangulate(model.faces))
    rng = np.random.default_rng(5)
    certainty = (rng.uniform(size=len(vertices)) < 0.1).astype(float)
    values = rng.normal(size=(len(vertices), 2))
    found = stretch_membrane(vertices, graph, values, certainty, iterations=3000, tolerance=1e-12)
    mixed = stretch_membrane(vertices, graph, values @ [[2.0], [-3.0]], certainty, iterations=3000, tolerance=1e-12)
    assert np.allclose(mixed, found @ [[2.0], [-3.0]], atol=5e-3)
    known = values[certainty > 0]
    assert (found <= known.max(0) + 5e-3).all()
    assert (found >= known.min(0) - 5e-3).all()


def test_the_membrane_meets_what_is_known_and_forgets_far_away(model):
    vertices = model.template
    graph = build_graph(triangulate(model.faces))
    front = (vertices[:, 2] > 0.06).astype(float)
    found = stretch_membrane(vertices, graph, np.full((len(vertices), 1), 10.0), front, reach_m=0.03)
    assert found[vertices[:, 2] > 0.075].min() > 9.5
    assert np.abs(found[vertices[:, 2] < -0.08]).max() < 0.7
    assert (np.diff(found[np.argsort(vertices[:, 2])][:: len(vertices) // 20, 0]) > -0.5).all()


def test_flood_stays_on_passable_ground_that_touches_a_seed():
    ground = np.zeros((40, 40), bool)
    ground[2:12, 2:38] = ground[20:30, 2:38] = True
    seeds = np.zeros_like(ground)
    seeds[4, 4] = seeds[35, 35] = True
    expected = ground.copy()
    expected[20:30] = False
    assert np.array_equal(flood(seeds, ground), expected)


def test_box_blur_and_minimum_filter_equal_their_definitions():
    image = np.random.default_rng(6).uniform(size=(9, 11))
    padded = np.pad(image, 2, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5))
    assert np.allclose(box_blur(image, 2), windows.mean((2, 3)))
    assert np.allclose(minimum_filter(image, 2), windows.min((2, 3)))


def test_push_pull_keeps_what_is_known_and_fills_the_rest_within_its_range():
    known = np.zeros((16, 16), np.float32)
    known[3:6, 4:9] = 1
    colour = np.random.default_rng(7).uniform(10, 20, (16, 16, 3)).astype(np.float32)
    filled = push_pull(colour * known[..., None], known)
    assert np.allclose(filled[known > 0], colour[known > 0])
    assert filled.min() >= 9.9
    assert filled.max() <= 20.1


def test_every_texel_of_the_layout_is_finite_and_the_gutters_carry_skin(model, frontal):
    _, albedo, _ = frontal
    covered = rasterize_uv(model.uvs, triangulate(model.face_uvs), SIZE)
    assert covered.is_covered.all()
    assert albedo.min() > 60
    assert interpolate(model.uvs, covered, triangulate(model.face_uvs)).min() >= 0
