"""Skin colour from pigments, light told from skin, lamps with shadows, and the maps of the surface."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from likeness.core.appearance.albedo import paint_albedo, skin_colour
from likeness.core.appearance.parameters import Appearance
from likeness.core.appearance.skin import (
    MELANIN_RANGE,
    find_pigments,
    lightness_and_hues,
    melanin_of_angle,
    melanin_of_density,
    skin_albedo,
    skin_density,
    skin_grid,
    typology_angle,
)
from likeness.core.appearance.surface_maps import scatter_share, surface_at_vertices
from likeness.core.calibration.render import build_studio, render_person
from likeness.core.fit.atlas import get_atlas
from likeness.core.fit.dome import dome_harmonics, lamp_directions, lamp_shine, solve_nonnegative, trace_lamps
from likeness.core.fit.light import fit_skin_light, fit_skin_lights, try_light
from likeness.core.fit.shading_field import find_glint, light_share
from likeness.core.fit.skin_split import Split, Trial, lip_contrast, split_together
from likeness.core.fit.texture import bake_surface_maps
from likeness.core.head.library import get_model
from likeness.core.head.model import triangulate
from likeness.core.render.camera import orbit_camera, project
from likeness.core.render.shading import SRGB_TABLE, ambient_light, directional_light, linear_to_srgb, render_head, shade
from likeness.core.render.visibility import Occluder
from likeness.core.types import Photo
from skimage.color import rgb2lab

ANCHORS = np.array([[0.498, 0.322, 0.271], [0.376, 0.204, 0.128], [0.213, 0.098, 0.048], [0.061, 0.028, 0.019]])
"""Facial medians of the International Skin Spectra Archive at ITA 62, 25, -15, -75 (linear sRGB)."""


def test_two_pigments_give_the_measured_faces_of_all_tones():
    melanin, blood, rest = find_pigments(ANCHORS)
    assert np.abs(rest).max() < 0.05
    assert np.abs(blood).max() < 0.1
    assert (np.diff(melanin) > 0).all()


def test_pigments_come_back_from_the_colour_they_made():
    rng = np.random.default_rng(1)
    melanin, blood = np.exp(rng.uniform(np.log(0.06), np.log(9), 50)), rng.normal(0, 0.3, 50)
    found, found_blood, rest = find_pigments(skin_albedo(melanin, blood))
    assert np.allclose(np.log(found), np.log(melanin), atol=0.02)
    assert np.allclose(found_blood, blood, atol=0.02)
    assert np.abs(rest).max() < 0.01


def test_lab_agrees_with_scikit_image():
    rgb = np.random.default_rng(2).uniform(0.02, 0.9, (30, 3))
    assert np.allclose(lightness_and_hues(rgb), rgb2lab(linear_to_srgb(rgb)[None])[0], atol=0.1)


def test_angle_and_density_are_inverted():
    melanin = np.array([0.1, 0.7, 4.0])
    assert np.allclose(melanin_of_angle(typology_angle(skin_albedo(melanin, 0.0))), melanin, rtol=0.03)
    assert np.allclose(melanin_of_density(skin_density(melanin, 0.0)[:, 1]), melanin, rtol=1e-6)


def test_the_prior_gives_every_typology_angle_the_same_weight():
    m, h, probability = skin_grid()
    assert probability.sum() == pytest.approx(1)
    angle = typology_angle(skin_albedo(m[:, 0], 0.0))
    assert np.allclose(np.diff(angle), np.diff(angle).mean(), rtol=0.1)
    assert np.allclose(probability.sum(1), 1 / len(m))
    assert (m.min(), m.max()) == pytest.approx(MELANIN_RANGE, rel=1e-3)
    assert (probability * h).sum() == pytest.approx(0, abs=1e-9)


def split_light_and_skin(trials: list[Trial]) -> Split:
    return split_together([trials])[0]


def make_trials(albedo: np.ndarray, light: np.ndarray, sclera: np.ndarray | None = None) -> list[Trial]:
    return [Trial(m, albedo * light, sclera, 0.01) for m in (0.08, 0.7, 8.0)]


@pytest.mark.parametrize("melanin", [0.12, 0.5, 1.5, 5.0])
def test_skin_in_the_light_that_photographers_expose_for_is_found_within_its_doubt(melanin):
    truth = skin_albedo(melanin, 0.0)
    found = split_light_and_skin(make_trials(truth, np.full(3, 0.95)))
    assert abs(typology_angle(found.albedo) - typology_angle(truth)) < 1.5 * found.ita_sd
    assert 3 < found.ita_sd < 35


def test_warm_light_is_taken_for_light_rather_than_for_skin():
    truth, warm = skin_albedo(0.4, 0.0), np.array([1.15, 1.0, 0.8])
    white = np.array([0.6, 0.5, 0.45]) * np.exp([0.26, 0.16, 0.14]) * warm
    blind, told = (np.log(truth * warm / split_light_and_skin(make_trials(truth, warm, w)).albedo) for w in (None, white))
    assert blind[0] - blind[2] > 0.08
    assert told[0] - told[2] > 0.2


def test_the_white_of_the_eye_tells_dim_light_on_light_skin_from_deep_skin():
    truth, dim = skin_albedo(0.3, 0.0), np.full(3, 0.4)
    white = np.array([0.6, 0.5, 0.45]) * np.exp([0.26, 0.16, 0.14]) * dim
    blind, told = (split_light_and_skin(make_trials(truth, dim, w)) for w in (None, white))
    angle = typology_angle(truth)
    assert abs(typology_angle(told.albedo) - angle) < 0.7 * abs(typology_angle(blind.albedo) - angle)
    assert told.ita_sd < blind.ita_sd


def test_lips_tell_much_light_on_deep_skin_from_little_on_lighter_skin():
    deep = skin_albedo(5.0, 0.0)
    bright = make_trials(deep, np.full(3, 2.2))
    alone = typology_angle(split_light_and_skin(bright).albedo)
    assert alone > typology_angle(deep) + 10
    told = typology_angle(split_light_and_skin([replace(t, lips=float(lip_contrast(deep))) for t in bright]).albedo)
    assert told < alone - 4
    red = typology_angle(split_light_and_skin([replace(t, lips=-2.0) for t in bright]).albedo)
    assert abs(red - alone) < 8
    assert (np.diff(lip_contrast(skin_albedo(np.geomspace(0.1, 10, 9), 0.0))) > -1e-6).all()


def test_lips_of_a_painted_person_are_read_as_the_rule_has_them():
    model = get_model()
    for melanin in (0.3, 5.0):
        person = Appearance(melanin=melanin)
        light = ambient_light((0.6, 0.6, 0.6)) + directional_light(np.array([0.6, 0.4, 1.0]), (0.5, 0.5, 0.5))
        camera = orbit_camera(model.template, (400, 400), 0.3, focal_35mm=85)
        pixels = render_head(
            model.template, triangulate(model.faces), model.uvs, triangulate(model.face_uvs), paint_albedo(model, person, 512),
            camera, light, supersample=2,
        )  # fmt: skip
        read = try_light(Photo(pixels, None, None, "x", ""), camera, model.template, model)
        assert read is not None
        lips = [trial.lips for trial in read.trials]
        assert lips[2] == pytest.approx(lip_contrast(skin_colour(person)), abs=0.15)


def test_a_black_bar_or_a_mask_over_the_mouth_is_no_lip():
    model = get_model()
    camera = orbit_camera(model.template, (320, 320), 0.0, focal_35mm=85)
    pixels = render_head(
        model.template, triangulate(model.faces), model.uvs, triangulate(model.face_uvs),
        paint_albedo(model, Appearance(melanin=1.0), 512), camera, ambient_light((0.9, 0.9, 0.9)), supersample=2,
    )  # fmt: skip
    corners = project(camera, model.landmarks7.evaluate(model.template))[0]
    x, y = np.rint(corners[5:7].mean(0)).astype(int)
    for cover in ((0, 0, 0), (90, 130, 220)):
        covered = pixels.copy()
        covered[y - 14 : y + 50, x - 60 : x + 60] = cover
        read = try_light(Photo(covered, None, None, "x", ""), camera, model.template, model)
        assert read is not None
        assert all(trial.lips is None for trial in read.trials)
        skin = fit_skin_lights([read])[0]
        assert np.isfinite(skin.skin_linear_rgb).all()
        assert abs(typology_angle(skin.skin_linear_rgb) - typology_angle(skin_albedo(1.0, 0.0))) < 25


def test_nonnegative_solve_meets_its_conditions():
    rng = np.random.default_rng(3)
    factor = rng.normal(size=(2, 12, 8))
    gram, target = np.swapaxes(factor, 1, 2) @ factor + 0.05 * np.eye(8), rng.normal(size=(2, 8, 1))
    x = solve_nonnegative(gram, target, np.zeros((2, 8, 1)), iterations=3000)
    slope = gram @ x - target
    assert (x >= 0).all()
    assert slope[x == 0].min() > -1e-4
    assert np.abs(slope[x > 0]).max() < 1e-4


def test_an_even_dome_is_white_light_from_everywhere():
    directions = lamp_directions(200)
    light = dome_harmonics(directions, np.full((200, 3), 4 / 200))
    assert np.allclose(shade(lamp_directions(30), light), 1, atol=0.03)


def test_lamps_are_hidden_by_what_stands_before_them():
    sheet = np.array([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])
    wall = sheet[:, [2, 1, 0]] * 0.2 + np.array([0.05, 0, 0])
    vertices, triangles = np.concatenate([sheet, wall]), np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
    directions = np.array([[0.8, 0, 0.6], [-0.8, 0, 0.6], [0, 0, -1.0]])
    seen = trace_lamps(Occluder(vertices, triangles), np.zeros((1, 3)), np.array([[0, 0, 1.0]]), directions)
    assert seen.tolist() == [[0, 1, 0]]


def test_highlights_under_even_light_grow_towards_grazing_angles():
    directions = lamp_directions(2000)
    normal = np.array([[0, 0, 1.0]])
    veil = [lamp_shine(normal, np.array([[np.sqrt(1 - c * c), 0, c]]), directions).mean() * 4 for c in (1.0, 0.6, 0.3)]
    assert 0.02 < veil[0] < 0.03
    assert veil[0] < veil[1] < veil[2] < 0.15


def test_a_smooth_grey_residual_is_light_and_a_red_one_is_blood():
    share = light_share(skin_albedo(0.4, 0.0))
    grey, red = share @ np.full(3, -0.2), share @ np.array([-0.02, -0.09, -0.085])
    assert np.abs(grey + 0.2).max() < 0.06
    assert np.abs(red).max() < 0.06


def test_a_white_glint_is_taken_off_and_blush_and_freckles_are_not():
    skin = skin_albedo(0.4, 0.0)
    others = np.stack([skin_albedo(0.4, 0.3), skin_albedo(0.4, -0.15), skin_albedo(0.8, 0.0), skin_albedo(0.35, 0.0)])
    assert np.abs(find_glint(others, skin, 0.75)).max() < 0.01
    glint = np.full(3, 0.15)
    assert np.allclose(find_glint((skin + glint)[None], skin, 0.75)[0], glint, atol=0.09)


def test_skin_of_rendered_people_is_found_in_any_light():
    model = get_model()
    studio, errors = build_studio(model), []
    atlas = get_atlas(model, 512)
    sure = (atlas.zones.sure_skin > 0.9) & (model.regions["nose"] < 0.1)
    for seed in range(70_000, 70_006):
        person = render_person(studio, np.random.default_rng(seed))
        texels = np.flatnonzero(np.append(sure[atlas.triangles].all(1), False)[atlas.texels.triangle_id])
        step = len(person.albedo) // 512
        truth = np.median(SRGB_TABLE[person.albedo[::step, ::step].reshape(-1, 3)[texels]], 0)
        found = fit_skin_light(Photo(person.pixels, None, None, "", ""), person.camera, model.pose(person.code), model)
        errors.append((typology_angle(found.skin_linear_rgb) - typology_angle(truth)) / found.ita_sd)
    assert np.sqrt(np.mean(np.square(errors))) < 1.5


def test_surface_maps_have_skin_lips_and_eyes_of_their_own():
    model = get_model()
    values = surface_at_vertices(model)
    faces = model.faces[model.face_parts == model.part_names.index("left_eye")]
    eye = np.unique(faces[faces >= 0])
    cheek, lip, nose = (np.flatnonzero(model.regions[n] > 0.9) for n in ("cheek_left", "lip_lower", "nose"))
    assert values[eye, 0].max() < 0.2
    assert values[lip, 0].mean() < values[nose, 0].mean() < values[cheek, 0].mean()
    assert values[nose, 1].mean() > values[cheek, 1].mean()


def test_dark_marks_scatter_less_and_the_maps_cover_the_texture():
    albedo = np.full((512, 512, 3), (196, 150, 126), np.uint8)
    albedo[200:220, 200:220] = 60
    skin = SRGB_TABLE[albedo[0, 0]]
    share = scatter_share(SRGB_TABLE[albedo], skin)
    assert share[0, 0] == pytest.approx(1, abs=0.02)
    assert share[210, 210] < 0.7
    maps = bake_surface_maps(albedo, get_model(), skin)
    assert set(maps) == {"roughness", "specular", "subsurface"}
    assert all(pixels.shape == (512, 512) and pixels.dtype == np.uint8 for pixels in maps.values())


def test_several_photos_of_one_person_tell_more_of_the_skin_than_each_alone():
    truth = skin_albedo(4.0, 0.0)
    lights = [np.full(3, 0.6), np.full(3, 1.0), np.full(3, 1.7)]
    photos = [make_trials(truth, light) for light in lights]
    alone = [split_light_and_skin(trials) for trials in photos]
    together = split_together(photos)
    assert len({tuple(split.albedo) for split in together}) == 1
    assert together[0].ita_sd < 0.8 * min(split.ita_sd for split in alone)
    angle = typology_angle(truth)
    assert abs(typology_angle(together[0].albedo) - angle) < np.mean([abs(typology_angle(s.albedo) - angle) for s in alone])
    assert np.allclose(split_together([photos[1]])[0].albedo, alone[1].albedo)


def test_a_photo_without_skin_takes_the_skin_that_the_others_show():
    model = get_model()
    person = render_person(build_studio(model), np.random.default_rng(70_000))
    posed = model.pose(person.code)
    tried = try_light(Photo(person.pixels, None, None, "", ""), person.camera, posed, model)
    shown, hidden = fit_skin_lights([tried, None])
    assert np.allclose(hidden.skin_linear_rgb, shown.skin_linear_rgb)
    assert np.ptp(hidden.lamps) == 0
    assert np.allclose(fit_skin_lights([tried])[0].lamps, shown.lamps)


def test_a_clipped_white_of_the_eye_says_at_least_so_much_light():
    truth, bright = skin_albedo(5.0, 0.0), np.full(3, 1.8)
    clipped = np.full(3, 0.85)
    taken, doubted = (
        split_light_and_skin([replace(t, burnt=burnt) for t in make_trials(truth, bright, clipped)]) for burnt in (0.0, 1.0)
    )
    angle = typology_angle(truth)
    assert typology_angle(doubted.albedo) < typology_angle(taken.albedo) - 4
    assert abs(typology_angle(doubted.albedo) - angle) < abs(typology_angle(taken.albedo) - angle)
    glaring = make_trials(truth, bright, clipped * 12)
    assert typology_angle(split_light_and_skin([replace(t, burnt=1.0) for t in glaring]).albedo) < typology_angle(doubted.albedo)
