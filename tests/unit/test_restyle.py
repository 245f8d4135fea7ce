"""An artist's numbers on a finished texture: what they move, what stays, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from likeness.bulk.command_line import make_parser
from likeness.core.appearance.albedo import paint_albedo, skin_colour
from likeness.core.appearance.canvas import get_canvas
from likeness.core.appearance.parameters import Appearance
from likeness.core.appearance.relief import FLAT_NORMAL, decode_displacement
from likeness.core.appearance.restyle import add_slopes, change_appearance, restyle_albedo
from likeness.core.appearance.skin import typology_angle
from likeness.core.config import ASSETS_DIR
from likeness.core.errors import SkinError
from likeness.core.export_npz import head_arrays
from likeness.core.generation import draw_person, generate_head
from likeness.core.head.library import get_model
from likeness.core.pipeline import run
from likeness.core.render.shading import srgb_to_linear
from likeness.core.restyle import restyle_head
from likeness.core.types import Texture

pytestmark = pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`")
SIZE = 512


@pytest.fixture(scope="module")
def model():
    return get_model()


@pytest.fixture(scope="module")
def photo_like(model) -> np.ndarray:
    """A texture that no numbers of ours describe: painted skin with a blotch and noise of its own."""
    rng = np.random.default_rng(5)
    albedo = paint_albedo(model, Appearance(seed=3, freckles=0.5), SIZE).astype(float)
    albedo[100:160, 200:260] *= 0.8
    return np.clip(albedo + rng.normal(0, 4, albedo.shape), 0, 255).astype(np.uint8)


def skin_of(model) -> np.ndarray:
    chosen = np.zeros(SIZE * SIZE, bool)
    chosen[get_canvas(model, SIZE).skin] = True
    return chosen.reshape(SIZE, SIZE)


def test_there_and_back_is_the_same_texture(model, photo_like):
    was, deep = Appearance(), Appearance(melanin=2.0, blood=0.2)
    there = restyle_albedo(photo_like, model, was, deep)
    back = restyle_albedo(there, model, deep, was)
    off = np.abs(back.astype(int) - photo_like)[skin_of(model)]
    assert np.percentile(off, 95) <= 4
    assert (restyle_albedo(photo_like, model, was, was) == photo_like).all()


def test_a_painted_person_becomes_the_person_that_is_painted(model):
    was, now = Appearance(seed=8), Appearance(seed=8, melanin=3.0, lip_blood=0.4, flush_cheeks=0.6)
    moved = restyle_albedo(paint_albedo(model, was, SIZE), model, was, now)
    off = np.abs(moved.astype(int) - paint_albedo(model, now, SIZE))[skin_of(model)]
    assert np.percentile(off, 95) <= 3


def test_melanin_darkens_the_skin_and_nothing_else(model, photo_like):
    was, now = Appearance(), Appearance(melanin=3.0)
    moved = restyle_albedo(photo_like, model, was, now)
    skin = skin_of(model)
    assert (
        moved[~skin & (get_canvas(model, SIZE).raster.triangle_id >= 0)]
        == photo_like[~skin & (get_canvas(model, SIZE).raster.triangle_id >= 0)]
    ).all()
    before, after = (typology_angle(srgb_to_linear(np.median(a[skin], 0) / 255)) for a in (photo_like, moved))
    expected = typology_angle(skin_colour(was)) - typology_angle(skin_colour(now))
    assert before - after == pytest.approx(expected, rel=0.2)
    blotch = [np.log(a[100:160, 200:260].mean() / a[180:240, 200:260].mean()) for a in (photo_like, moved)]
    assert blotch[0] < -0.1
    assert blotch[1] < 0.5 * blotch[0]


def test_a_heads_report_and_maps_follow(model):
    head = run(generate_head(4, texture_size=SIZE))
    moved = restyle_head(head, {"melanin": 5.0, "moles": 0.0}, model)
    assert moved.provenance["appearance"]["melanin"] == 5.0
    assert moved.provenance["appearance_chosen"] == ["melanin", "moles"]
    assert head.provenance["appearance"]["melanin"] != 5.0
    assert typology_angle(moved.skin_linear_rgb) == pytest.approx(
        typology_angle(
            skin_colour(
                change_appearance(Appearance(**{**head.provenance["appearance"], "iris": (0.1, 0.1, 0.1)}), {"melanin": 5.0})
            )
        ),
        abs=1.0,
    )
    assert set(moved.textures) == set(head.textures)
    for name in set(head.textures) - {"albedo", "subsurface"}:
        assert (moved.textures[name].pixels == head.textures[name].pixels).all(), name
    assert (moved.textures["albedo"].pixels != head.textures["albedo"].pixels).any()
    assert (moved.vertices == head.vertices).all()
    arrays = head_arrays(moved)
    assert dict(zip(arrays["appearance_names"], arrays["appearance"], strict=True))["melanin"] == 5.0


def test_a_person_grows_older_as_if_made_so(model):
    """Colour, heights, slopes and roughness come near those of the same person drawn at that age."""
    _, young, old = people_of_ages(model, 25.0, 70.0)
    aged = restyle_head(young, {"age": 70.0}, model)
    heights = [decode_displacement(head.textures["displacement"].pixels) for head in (young, aged, old)]
    assert np.abs(heights[2] - heights[0]).max() > 1e-4
    assert np.abs(heights[1] - heights[2]).max() < 5e-7
    for name, least, share in (("normal", 2.0, 0.25), ("roughness", 1.0, 0.25)):
        before, after, expected = (head.textures[name].pixels.astype(float) for head in (young, aged, old))
        changed = np.abs(expected - before).reshape(*before.shape[:2], -1).max(-1) > least
        assert changed.any(), name
        assert np.abs(after - expected)[changed].mean() < share * np.abs(before - expected)[changed].mean(), name
    skin = skin_of(model)
    off = np.abs(aged.textures["albedo"].pixels.astype(int) - old.textures["albedo"].pixels)[skin]
    assert np.percentile(off, 95) <= 4
    assert aged.provenance["appearance"]["age"] == 70.0


def test_a_photos_own_relief_stays_under_lines_of_age(model):
    _, young = people_of_ages(model, 30.0)
    own = young.textures["displacement"].pixels.copy()
    own[200:220, 200:220] += 900
    photo_like = replace(young, textures=young.textures | {"displacement": Texture(own, "Non-Color")})
    aged = restyle_head(photo_like, {"age": 75.0}, model).textures["displacement"].pixels.astype(int)
    plain = restyle_head(young, {"age": 75.0}, model).textures["displacement"].pixels.astype(int)
    assert np.abs(aged - plain - (own.astype(int) - young.textures["displacement"].pixels)).max() <= 1


def test_another_colour_leaves_the_relief_as_it_is(model):
    head = run(generate_head(4, texture_size=SIZE))
    normal = head.textures["normal"].pixels
    assert (add_slopes(normal, np.full_like(normal, FLAT_NORMAL)) == normal).all()


def people_of_ages(model, *ages: float) -> tuple:
    """Person 4's appearance, and the person made at each age."""
    appearance = draw_person(4, model.num_identity).appearance
    heads = (run(generate_head(4, texture_size=SIZE, appearance=replace(appearance, age=age))) for age in ages)
    return appearance, *heads


def test_a_head_of_before_says_that_it_must_be_made_again(model):
    head = run(generate_head(4, texture_size=SIZE))
    del head.provenance["appearance"]
    with pytest.raises(SkinError, match="make it again"):
        restyle_head(head, {"melanin": 1.0}, model)


@pytest.mark.parametrize(("wanted", "sentence"), [
    ({"beauty": 1.0}, "choose from melanin"), ({"melanin": 99.0}, "give 0.05 to 11"), ({"freckles": float("nan")}, "give 0 to 1"),
])  # fmt: skip
def test_what_no_skin_has_is_refused_by_name(wanted, sentence):
    with pytest.raises(SkinError, match=sentence):
        change_appearance(Appearance(), wanted)


def test_the_command_line_takes_numbers_of_the_skin(capsys):
    arguments = make_parser().parse_args(["generate", "--seed", "1", "--out", "x", "--skin", "melanin=2, freckles=0.5"])
    assert arguments.skin == {"melanin": 2.0, "freckles": 0.5}
    for text, sentence in (("melanin", "give NAME=VALUE"), ("melanin=dark", "give NAME=VALUE"), ("hair=1", "choose from")):
        with pytest.raises(SystemExit) as end:
            make_parser().parse_args(["generate", "--seed", "1", "--out", "x", "--skin", text])
        assert end.value.code == 1
        assert sentence in capsys.readouterr().err
