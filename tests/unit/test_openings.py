"""Eyes and mouth: what lids and lips do to the light is light, and an eyeball is painted within the bounds of eyeballs."""

import numpy as np
import pytest
from likeness.core.fit.atlas import INNER_PARTS, get_atlas
from likeness.core.fit.dome import NUM_LAMPS
from likeness.core.fit.eye_paint import EyeTexels, move_iris, move_white, seat_iris
from likeness.core.fit.eye_texture import IRIS_M, PUPIL_M
from likeness.core.fit.face_zones import find_zones
from likeness.core.fit.inner_light import find_glints, light_openings, open_share
from likeness.core.fit.light import SkinLight
from likeness.core.fit.mouth_paint import base_paint
from likeness.core.fit.shading_field import LIGHTEST_LID, lamp_shading, lift_lids
from likeness.core.fit.surface import pose_surface
from likeness.core.head.library import get_model
from likeness.core.render.camera import orbit_camera
from likeness.core.render.rasterize import interpolate, rasterize
from likeness.core.render.shading import ambient_light, encode_srgb, srgb_to_linear
from likeness.core.types import Photo

WHITE = np.array([0.60, 0.50, 0.45])


@pytest.fixture(scope="module")
def scene():
    """The mean head from the front in even light, its vertices' base colours for paint."""
    model = get_model()
    camera = orbit_camera(model.template, (512, 512), focal_35mm=85)
    atlas = get_atlas(model, 512)
    surface = pose_surface(model.template, atlas, camera)
    lamps = np.full((NUM_LAMPS, 3), 4 / NUM_LAMPS)
    even = SkinLight(ambient_light(), np.array([0.5, 0.3, 0.2]), np.array([0.06, 0.03, 0.03]), lamps, 5.0, gloss=0.0)
    return model, camera, atlas, surface, lamp_shading(surface, atlas, camera, even)


def photograph(scene, shade: np.ndarray) -> Photo:
    """Base colours times the light times `shade` [V]."""
    _, camera, atlas, surface, shading = scene
    colour = srgb_to_linear(np.clip(atlas.base_vertex, 0, 255) / 255) * shading.diffuse * shade[:, None]
    raster = rasterize(surface.vertices, atlas.opaque, camera)
    return Photo(encode_srgb(interpolate(colour, raster, atlas.opaque)), None, None, "head", "")


def test_shade_on_an_eye_is_light_and_not_paint(scene):
    _, camera, atlas, surface, shading = scene
    is_left = atlas.inner == INNER_PARTS.index("left_eye")
    photo = photograph(scene, np.where(is_left, 0.5, 1.0))
    beyond, _ = light_openings(photo, camera, surface, atlas, shading.diffuse, base_paint(atlas))
    white = surface.seen & (atlas.iris_radius > 0.007) & (surface.cosine > 0.5)
    left, right = (beyond[white & (atlas.inner == k)].mean(1) for k in range(2))
    assert np.median(left) == pytest.approx(np.log(0.5), abs=0.12)
    assert np.median(right) == pytest.approx(0.0, abs=0.12)
    assert np.abs(beyond[atlas.inner < 0]).max() == 0


def test_the_light_under_lids_and_between_lips_is_less_than_on_a_cheek(scene):
    _, _, atlas, surface, shading = scene
    teeth = np.isin(atlas.inner, [INNER_PARTS.index("upper_teeth"), INNER_PARTS.index("lower_teeth")])
    cheek = surface.seen & (atlas.zones.sure_skin > 0.9)
    assert np.median(open_share(surface.occluder, surface.vertices[teeth], surface.normals[teeth])) < 0.3
    assert np.median(open_share(surface.occluder, surface.vertices[cheek], surface.normals[cheek])) > 0.7
    eye = surface.seen & (atlas.inner == 0)
    assert 0.2 < shading.diffuse[eye].mean() / shading.diffuse[cheek].mean() < 0.95


def test_skin_and_lashes_are_never_painted_on_an_eyeball():
    base = np.tile(WHITE, (3, 1))
    seen = np.array([[0.43, 0.25, 0.17], [0.02, 0.015, 0.012], WHITE * [1.05, 0.98, 0.97]])
    colour, weight = move_white(base, seen)
    assert (weight[:2] < 0.01).all()
    assert weight[2] > 0.99
    assert np.allclose(colour[2], seen[2], rtol=0.02)
    assert np.abs(np.log(move_white(base, 9 * seen)[0] / base)).max() <= 0.42


def test_a_reflection_in_the_cornea_is_not_painted_and_the_pupil_stays_black():
    radius = np.full(40, (PUPIL_M + IRIS_M) / 2)
    radius[0] = 0.5 * PUPIL_M
    base = np.tile([0.10, 0.06, 0.03], (40, 1))
    seen = base * 1.2
    seen[1] = 0.8
    colour, weight = move_iris(base, seen, radius)
    assert weight[0] == 0
    assert weight[1] < 0.01
    assert weight[5] > 0.9
    assert np.allclose(colour[5], seen[5], rtol=0.01)
    glints = find_glints(seen, np.ones((40, 3)), np.ones(40, bool), radius)
    assert glints[1].min() > 0.5
    assert np.abs(glints[5]).max() < 1e-6


@pytest.mark.parametrize("shift", [(0.0, 0.0), (5.0, -2.5)])
def test_the_iris_is_found_where_the_photo_has_it(shift):
    y, x = np.mgrid[:120, :120] + 0.5
    far = np.hypot(x - 60 - shift[0], y - 60 - shift[1])
    image = np.where(far < 20, 60, 210).astype(np.uint8)[..., None].repeat(3, -1)
    place = np.stack(np.meshgrid(np.arange(28, 93, 2.0), np.arange(28, 93, 2.0)), -1).reshape(-1, 2)
    radius = np.hypot(*(place - 60).T) / 20 * IRIS_M
    base = np.where(radius < IRIS_M, 0.05, 0.6)[:, None].repeat(3, 1)
    texels = EyeTexels(np.arange(len(place)), place, radius, np.ones((len(place), 3)), np.ones(len(place)), 20.0)
    found, certainty = seat_iris(image, texels, base)
    assert certainty > 0.9
    assert np.abs(found - shift).max() <= 2.5
    blank = np.random.default_rng(0).normal(150, 4, image.shape).astype(np.uint8)
    assert seat_iris(blank, texels, base)[1] < 0.1


def test_light_on_a_lid_is_raised_until_it_is_no_lighter_than_skin_can_be():
    skin = np.array([0.4, 0.25, 0.18])
    light = np.array([[1.0, 1.0, 1.0], [0.3, 0.3, 0.3], [0.3, 0.3, 0.3]])
    seen = np.array([skin, 0.2 * skin, 0.9 * skin])
    lift = lift_lids(seen, skin, light)
    assert (lift[:2] == 0).all()
    np.testing.assert_allclose(seen[2] / (light[2] * np.exp(lift[2])), LIGHTEST_LID * skin)


def test_lids_are_about_the_eyes_and_reach_neither_brows_nor_cheeks():
    model = get_model()
    lids = find_zones(model).lids
    for side in ("left", "right"):
        eyelid = model.regions[f"upper_lid_{side}"] > 0.9
        assert lids[eyelid].mean() > 0.6
        assert lids[model.regions[f"cheek_{side}"] > 0.9].mean() < 0.05
    assert lids[model.regions["forehead"] > 0.9].max() < 0.05
