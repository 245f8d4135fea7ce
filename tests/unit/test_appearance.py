"""The appearance space: the same person at every size and in every process, over the whole range of human skin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from likeness.core.appearance.albedo import lip_colour, paint_albedo, skin_colour
from likeness.core.appearance.canvas import FACE_TEXEL_M, get_canvas
from likeness.core.appearance.face_map import get_face_map
from likeness.core.appearance.hair_colour import hair_albedo
from likeness.core.appearance.parameters import RANGES, Appearance, sample_appearance
from likeness.core.appearance.skin import lightness_and_hues, skin_albedo, typology_angle
from likeness.core.appearance.spots import place_spots
from likeness.core.config import ASSETS_DIR
from likeness.core.head.library import get_model
from likeness.core.render.rasterize import interpolate
from likeness.core.render.shading import srgb_to_linear

needs_assets = pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`")
SIZE = 512


@pytest.fixture(scope="module")
def model():
    return get_model()


@pytest.fixture(scope="module")
def people() -> list[Appearance]:
    return [sample_appearance(np.random.default_rng((9, k))) for k in range(400)]


def lab_of(albedo: np.ndarray) -> np.ndarray:
    return lightness_and_hues(srgb_to_linear(albedo / 255.0))


def chosen(model, field: str, size: int = SIZE, least: float = 0.9) -> np.ndarray:
    """Which texels [size, size] of the skin lie well within a field of the face map."""
    canvas = get_canvas(model, size)
    values = interpolate(getattr(get_face_map(model), field), canvas.raster, canvas.triangles)
    skin = np.zeros(size * size, bool)
    skin[canvas.skin] = True
    return (values > least) & skin.reshape(size, size)


def test_random_people_stay_within_the_artists_ranges(people):
    for name, (low, high) in RANGES.items():
        values = np.array([getattr(person, name) for person in people])
        assert values.min() >= low
        assert values.max() <= high


def test_random_people_cover_all_human_skin_evenly(people):
    angles = [typology_angle(skin_albedo(person.melanin, 0.0)) for person in people]
    counts, _ = np.histogram(angles, np.linspace(-70, 62, 5))
    assert counts.min() > 70


def test_dark_skin_goes_with_dark_hair_and_eyes(people):
    dark = [person for person in people if person.melanin > 2]
    pale = [person for person in people if person.melanin < 0.2]
    assert min(person.hair_eumelanin for person in dark) > 2
    assert max(max(person.iris) for person in dark) < 0.16
    assert max(person.freckles for person in dark) == 0
    assert sum(person.hair_eumelanin < 2 for person in pale) > len(pale) / 2


def test_women_grow_no_beard_and_the_young_are_not_grey():
    rng = np.random.default_rng(1)
    women = [sample_appearance(rng, male=0.0, age=25.0) for _ in range(60)]
    men = [sample_appearance(rng, male=1.0, age=70.0) for _ in range(60)]
    assert sum(person.stubble > 0 for person in women) < 3
    assert max(person.hair_grey for person in women) == 0
    assert np.mean([person.hair_grey for person in men]) > 0.4


def test_hair_darkens_with_pigment_and_red_hair_is_red():
    blond, black, red = hair_albedo(0.2, 0.1), hair_albedo(5.0, 0.1), hair_albedo(0.2, 1.4)
    assert blond.mean() > 4 * black.mean()
    assert red[0] / red[1] > 1.5 * blond[0] / blond[1]


@pytest.mark.parametrize("melanin", [0.1, 0.6, 3.0, 8.0])
def test_lips_follow_the_measured_rule_from_light_to_deep_skin(melanin):
    person = Appearance(melanin=melanin)
    skin, lip = (lightness_and_hues(colour) for colour in (skin_colour(person), lip_colour(person, skin_colour(person))))
    assert lip[0] == pytest.approx(skin[0] - max(0, (skin[0] - 30) / 2), abs=0.6)
    assert lip[1] > 8
    assert np.degrees(np.arctan2(lip[2], lip[1])) < np.degrees(np.arctan2(skin[2], skin[1]))


@needs_assets
def test_the_same_numbers_give_the_same_bytes(model):
    person = sample_appearance(np.random.default_rng(4))
    first = paint_albedo(model, person, SIZE)
    paint_albedo(model, replace(person, seed=person.seed + 1), SIZE)
    assert (paint_albedo(model, person, SIZE) == first).all()


@needs_assets
@pytest.mark.parametrize("angle_melanin", [0.08, 0.6, 5.0])
def test_painted_cheeks_have_the_persons_skin_colour(model, angle_melanin):
    person = Appearance(melanin=angle_melanin, flush_cheeks=0.0, freckles=0.0, moles=0.0)
    albedo = paint_albedo(model, person, SIZE)
    patch = np.median(srgb_to_linear(albedo[chosen(model, "cheek")] / 255.0), 0)
    assert abs(typology_angle(patch) - typology_angle(skin_colour(person))) < 8


@needs_assets
def test_moles_lie_at_the_same_place_at_every_size(model):
    bare = Appearance(melanin=0.2, moles=0.0, seed=12)
    spotted = replace(bare, moles=1.0)
    changes = []
    for size in (512, 1024):
        darker = lab_of(paint_albedo(model, bare, size))[..., 0] - lab_of(paint_albedo(model, spotted, size))[..., 0]
        changes.append(darker[: 3 * size // 4].reshape(3 * 64, size // 256, 256, size // 256).max((1, 3)))
    small, large = changes
    assert (large > 6).sum() > 5
    assert np.corrcoef(small.ravel(), large.ravel())[0, 1] > 0.8
    spots = place_spots(model, spotted)
    spots = spots[spots[:, 5] > FACE_TEXEL_M * 2048 / 512]
    assert len(spots) > 10
    rows, columns = ((1 - spots[:, 1]) * 256).astype(int), (spots[:, 0] * 256).astype(int)
    seen = [small[max(r - 1, 0) : r + 2, max(c - 1, 0) : c + 2].max() for r, c in zip(rows, columns, strict=True) if r < 192]
    assert np.mean(np.array(seen) > 2) > 0.9


@needs_assets
def test_more_of_one_mark_keeps_those_that_are_there_and_moves_no_other(model):
    person = Appearance(melanin=0.2, freckles=0.3, moles=0.4, age=60.0, seed=12)
    before = place_spots(model, person)
    for change in ({"freckles": 0.6}, {"moles": 0.9}, {"age": 80.0}):
        after = place_spots(model, replace(person, **change))
        assert len(after) > len(before), change
        assert {tuple(spot) for spot in before} <= {tuple(spot) for spot in after}, change


@needs_assets
def test_a_smaller_texture_is_the_larger_one_reduced(model):
    person = replace(sample_appearance(np.random.default_rng(8)), moles=0.3)
    small, large = (paint_albedo(model, person, size).astype(float) for size in (512, 1024))
    skin = chosen(model, "cheek", 512, 0.3)
    reduced = large.reshape(512, 2, 512, 2, 3).mean((1, 3))
    assert np.abs(reduced - small)[skin].mean() < 3


@needs_assets
def test_eyes_and_teeth_are_the_models_own(model):
    canvas = get_canvas(model, SIZE)
    albedo = paint_albedo(model, Appearance(melanin=9.0, age=30.0), SIZE)
    skin = np.zeros(SIZE * SIZE, bool)
    skin[canvas.skin] = True
    parts = (canvas.raster.triangle_id >= 0) & ~skin.reshape(SIZE, SIZE) & (canvas.iris == 0)
    assert (np.abs(albedo[parts].astype(int) - canvas.base[parts]) <= 1).all()


@needs_assets
def test_brows_and_stubble_darken_where_they_grow_and_nowhere_else(model):
    bare = Appearance(melanin=0.2, brow_density=0.0, moles=0.0, seed=3)
    lightness = {}
    for name, person in {"bare": bare, "brows": replace(bare, brow_density=0.9), "beard": replace(bare, stubble=0.9)}.items():
        lightness[name] = lab_of(paint_albedo(model, person, SIZE))[..., 0]
    forehead, chin = chosen(model, "forehead", least=0.99), chosen(model, "chin")
    texels = np.concatenate(get_canvas(model, SIZE).brow_texels)
    brow = np.zeros(SIZE * SIZE, bool)
    brow[texels] = True
    change = (lightness["bare"] - lightness["brows"]).reshape(-1)
    assert change[brow].max() > 12
    assert np.abs(change[~brow]).max() == 0
    beard = lightness["bare"] - lightness["beard"]
    assert np.median(beard[chin]) > 3
    assert np.abs(beard[forehead]).max() == 0
