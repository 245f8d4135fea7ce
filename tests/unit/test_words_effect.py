"""What words do to heads: measured on the mesh, the skin and the posed face that come out, not on what was planned.

Each phrase moves its own measure in its direction, and nothing else by more than a fifth of that. Both are counted in standard
deviations of people; groups of the face in what one unit can do to them. What a person expects to go along
(core/identity/directions.ALONG, GOES_ALONG) is no "else".
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from likeness.core.appearance.canvas import get_canvas
from likeness.core.appearance.catalogue import NAMES as SKIN_NAMES
from likeness.core.appearance.face_map import get_face_map
from likeness.core.appearance.parameters import Appearance, read_appearance, sample_appearance
from likeness.core.appearance.relief import decode_displacement
from likeness.core.appearance.skin import lightness_and_hues, tone_of_melanin
from likeness.core.config import ASSETS_DIR
from likeness.core.generation import generate_head
from likeness.core.head.bones import pose_asset
from likeness.core.head.library import get_model
from likeness.core.identity.catalogue import NAMES, PERSON, TRAITS
from likeness.core.identity.directions import ALONG, CARRIED
from likeness.core.identity.gauges import load_gauges
from likeness.core.render.shading import SRGB_TABLE
from likeness.core.story import run
from likeness.core.types import ARKIT_NAMES, HeadAsset
from likeness.core.words.edit import edit_head, move_shape
from scipy import ndimage

pytestmark = pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`")
SEEDS = (3, 8, 21)
SIZE = 256
ELSE = 0.2
"""Nothing else moves by more than this share."""

SHAPES = {
    "a wider nose": ("nose_width", 1), "make the nose narrower": ("nose_width", -1), "a slightly longer nose": ("nose_length", 1),
    "nose 3 mm shorter": ("nose_length", -1), "fuller lips": ("upper_lip lower_lip", 1),
    "thinner lips": ("upper_lip lower_lip", -1),
    "a wider mouth": ("mouth_width", 1), "bigger eyes": ("eye_width eye_opening", 1), "eyes further apart": ("eye_spacing", 1),
    "deeper set eyes": ("eye_depth", 1), "a wider jaw": ("jaw_width", 1), "a more prominent chin": ("chin_projection", 1),
    "higher cheekbones": ("cheekbones", 1), "a longer face": ("face_length", 1), "bigger ears": ("ear_length ear_breadth", 1),
    "ears that stick out more": ("ear_protrusion", 1), "a higher forehead": ("forehead_height", 1),
    "a less thick neck": ("neck_width", -1), "nose tip a bit higher": ("nose_tip_height", 1),
    "fuller cheeks": ("cheek_fullness", 1),
}  # fmt: skip
"""Phrase -> the traits that it is about, and up or down."""
BESIDE = {"lower_lip": ("chin_height",)}
"""The chin is measured from the lower lip's edge down: what the lip gains there the chin loses."""
PEOPLE = {"heavier": ("weight", 1), "much slimmer": ("weight", -1), "more feminine": ("male", -1), "a man": ("male", 1)}
SKINS = {
    "darker skin": ("melanin", 1), "make their skin white": ("melanin", -1), "freckles": ("freckles", 1),
    "without freckles": ("freckles", -1), "many moles": ("moles", 1), "some stubble": ("stubble", 1),
    "clean shaven": ("stubble", -1),
    "put on red lipstick": ("lip_blood", 1), "rosy cheeks": ("flush_cheeks", 1), "dark circles under the eyes": ("under_eye", 1),
    "a redder nose": ("flush_nose", 1), "older skin": ("age", 1), "deeper wrinkles": ("wrinkles", 1),
    "more even skin": ("mottling", -1),
}  # fmt: skip
FACES = {
    "half smile": ("mouth corners", 1), "a big smile": ("mouth corners", 1), "frown": ("mouth corners", -1),
    "eyes closed": ("lids", -1), "eyes wide open": ("lids", 1), "open the mouth": ("jaw", 1), "raise the eyebrows": ("brows", 1),
    "lower the brows": ("brows", -1), "pursed lips": ("mouth width", -1), "look up": ("gaze", 1), "puffed cheeks": ("cheeks", 1),
}  # fmt: skip
GOES_ALONG = {
    "half smile": {"mouth width", "cheeks", "lids"}, "a big smile": {"mouth width", "jaw", "cheeks", "lids"},
    "frown": {"brows", "mouth width", "lids", "cheeks"}, "lower the brows": {"lids"},
    "open the mouth": {"cheeks", "mouth corners", "mouth width"},
    "pursed lips": {"lids", "cheeks", "jaw", "mouth corners"}, "puffed cheeks": {"mouth width", "mouth corners", "jaw"},
    "look up": {"lids"},
}  # fmt: skip
"""Groups of the face that go along in people: a smile pushes cheeks and lower lids up, lowered brows press on the lids."""


def test_the_phrases_are_as_many_as_were_promised():
    assert len({**SHAPES, **PEOPLE, **SKINS, **FACES}) >= 40


@pytest.fixture(scope="module")
def heads() -> list[HeadAsset]:
    """The mean person and three others, all with something of everything that can be taken away."""
    made = [run(generate_head(seed, texture_size=SIZE)) for seed in SEEDS]
    return [some_of_all(head, number) for number, head in enumerate((mean_shape(made[0]), *made))]


def mean_shape(head: HeadAsset) -> HeadAsset:
    model = get_model()
    joints, landmarks = model.locate_joints(model.template), model.landmarks7.evaluate(model.template)
    return replace(head, vertices=model.template, joints=joints, landmarks7=landmarks, identity=np.zeros(model.num_identity))


def some_of_all(head: HeadAsset, number: int) -> HeadAsset:
    from likeness.core.restyle import restyle_head

    wanted = {
        "freckles": 0.2,
        "moles": 0.3,
        "stubble": 0.2,
        "wrinkles": 1.0,
        "mottling": 1.2,
        "age": 40.0 + 4 * number,
        "lip_blood": 0.0,
    }
    return restyle_head(head, wanted, get_model())


def traits_of(head: HeadAsset) -> np.ndarray:
    """All traits [T]: the person's from the code, the others measured on the mesh."""
    gauges = load_gauges()
    return np.concatenate([gauges.read_code(head.identity)[: len(PERSON)], gauges.measure(head.vertices)])


def moved_traits(before: HeadAsset, after: HeadAsset) -> dict[str, float]:
    """Trait -> its change in standard deviations of people."""
    deviations = np.linalg.norm(load_gauges().weights, axis=0)
    return dict(zip(NAMES, map(float, (traits_of(after) - traits_of(before)) / deviations), strict=True))


def ends_are_reached(head: HeadAsset, names: list[str]) -> bool:
    values, traits = traits_of(head), {trait.name: trait for trait in TRAITS}
    return any(
        min(abs(values[NAMES.index(name)] - end) for end in (traits[name].lowest, traits[name].highest)) < 0.1 for name in names
    )


@pytest.fixture(scope="module")
def spread() -> dict[str, float]:
    """The skin's numbers' standard deviations over people."""
    rng = np.random.default_rng(0)
    people = [sample_appearance(rng) for _ in range(300)]
    return {name: float(np.std([number_of(person, name) for person in people])) for name in SKIN_NAMES}


def number_of(person: Appearance, name: str) -> float:
    """A number of the skin; melanin as evenly as it looks."""
    return tone_of_melanin(person.melanin) if name == "melanin" else getattr(person, name)


def moved_numbers(before: HeadAsset, after: HeadAsset, spread: dict[str, float]) -> dict[str, float]:
    """Number of the skin -> its change in standard deviations of people."""
    was, now = (read_appearance(head.provenance["appearance"]) for head in (before, after))
    return {name: (number_of(now, name) - number_of(was, name)) / spread[name] for name in SKIN_NAMES}


def same_textures(before: HeadAsset, after: HeadAsset) -> bool:
    return all(np.array_equal(before.textures[name].pixels, after.textures[name].pixels) for name in before.textures)


@pytest.mark.parametrize("phrase", SHAPES)
def test_a_phrase_about_a_part_moves_that_measure_of_the_mesh_and_no_other(heads, phrase):
    names, sign = SHAPES[phrase][0].split(), SHAPES[phrase][1]
    along = {name for own in names for name in (*ALONG.get(own, ()), *CARRIED.get(own, ()), *BESIDE.get(own, ()))}
    for head in heads:
        after = run(edit_head(head, phrase))
        moved = moved_traits(head, after)
        least = min(sign * moved[name] for name in names)
        assert least > 0.25 or (least > 0.1 and ends_are_reached(after, names)), (phrase, head.name, least)
        wrong = {name: by for name, by in moved.items() if name not in {*names, *along} and abs(by) > ELSE * least}
        assert wrong == {}, (phrase, head.name)
        assert same_textures(head, after)
        assert after.expression == head.expression


@pytest.mark.parametrize("phrase", PEOPLE)
def test_a_phrase_about_the_person_moves_that_and_holds_the_rest_of_who_it_is(heads, phrase):
    name, sign = PEOPLE[phrase]
    gauges = load_gauges()
    for head in heads:
        after = run(edit_head(head, phrase))
        moved = moved_traits(head, after)
        is_one_already = phrase == "a man" and traits_of(head)[NAMES.index("male")] >= 0.75
        assert is_one_already or sign * moved[name] > 0.25, (phrase, head.name, moved[name])
        others = [abs(moved[other]) for other in PERSON if other != name]
        ancestry = (after.identity - head.identity) @ gauges.ancestry_weights
        others += list(np.abs(ancestry / np.linalg.norm(gauges.ancestry_weights, axis=0)))
        assert max(others) <= ELSE * max(abs(moved[name]), 0.01), (phrase, head.name)
        assert same_textures(head, after)
        assert after.expression == head.expression


def test_older_ages_bones_and_skin_and_changes_nobody_else(heads, spread):
    for head in heads:
        after = run(edit_head(head, "20 years older"))
        moved, numbers = moved_traits(head, after), moved_numbers(head, after, spread)
        was = traits_of(head)[NAMES.index("age")]
        assert traits_of(after)[NAMES.index("age")] == pytest.approx(min(was + 20, 80), abs=0.1)
        assert numbers["age"] > 1
        assert max(abs(moved[name]) for name in ("male", "weight")) < ELSE * min(moved["age"], numbers["age"])
        assert all(by == 0 for name, by in numbers.items() if name != "age")
        assert lines_of(after) > 1.05 * lines_of(head)


def lines_of(head: HeadAsset) -> float:
    """How much relief the skin has: the root mean square of its heights' differences, m."""
    heights = decode_displacement(head.textures["displacement"].pixels)
    return float(np.sqrt((np.diff(heights, axis=0) ** 2).mean() + (np.diff(heights, axis=1) ** 2).mean()))


def lab_of(head: HeadAsset) -> np.ndarray:
    """The albedo in CIELAB [S, S, 3]."""
    return lightness_and_hues(SRGB_TABLE[head.textures["albedo"].pixels].astype(np.float64))


@pytest.fixture(scope="module")
def zones() -> dict[str, np.ndarray]:
    """Anatomy's zones on the texture [S, S] in [0, 1], spread from the vertices."""
    model = get_model()
    canvas, face = get_canvas(model, SIZE), get_face_map(model)
    corners = canvas.triangles[np.maximum(canvas.raster.triangle_id, 0)]
    skin = np.zeros(SIZE * SIZE, bool)
    skin[canvas.skin] = True
    found = {}
    for name in ("nose", "cheek", "under_eye", "beard", "lip", "forehead"):
        values = (getattr(face, name)[corners] * canvas.raster.barycentric).sum(-1)
        found[name] = np.where((canvas.raster.triangle_id >= 0) & skin.reshape(SIZE, SIZE), values, 0)
    found["skin"] = skin.reshape(SIZE, SIZE) * 1.0
    brows = np.clip(model.regions["brow_left"] + model.regions["brow_right"], 0, 1)[corners]
    hairy = (brows * canvas.raster.barycentric).sum(-1) + found["lip"] + canvas.lips.reshape(SIZE, SIZE) / 255
    face_alone = found["cheek"] + found["nose"] + found["forehead"] + found["beard"] > 0.02
    found["spots"] = face_alone * found["skin"] * (ndimage.maximum_filter(hairy, 9) < 0.02)
    return found


LEAST = 0.3
"""Of CIELAB's units, over the middle of a zone: a difference that is there."""
ZONES = {
    "put on red lipstick": ("lip", 1, 1), "rosy cheeks": ("cheek", 1, 1), "dark circles under the eyes": ("under_eye", 0, -1),
    "a redder nose": ("nose", 1, 1), "darker skin": ("skin", 0, -1), "make their skin white": ("skin", 0, 1),
}  # fmt: skip
"""Phrase -> where the skin changes, in which of L*, a*, b*, and which way."""
SPOTS = {"freckles": (1, 300), "without freckles": (-1, 300), "many moles": (1, 40)}
"""Phrase -> more or fewer dark spots, and on how many texels they may be."""
BEARDS = {"some stubble": 1, "clean shaven": -1}
"""Phrase -> more or less hair: how far the beard's zone is from the same skin shaved."""
LINES = {"older skin": 1, "deeper wrinkles": 1}


COMES_WITH = {"deeper wrinkles": {"age"}}
"""How deep lines are shows on skin of an age that has them."""


def mean_in(values: np.ndarray, zone: np.ndarray) -> float:
    return float((values * zone).sum() / zone.sum())


def spots_of(head: HeadAsset, skin: np.ndarray, count: int) -> float:
    """How much darker than their surroundings skin's darkest texels are."""
    light = lab_of(head)[..., 0]
    around = sum(np.roll(light, (i, j), (0, 1)) for i in (-2, 0, 2) for j in (-2, 0, 2)) / 9
    return float(np.sort((around - light)[skin > 0.5])[-count:].mean())


def unevenness_of(head: HeadAsset, zone: np.ndarray) -> float:
    """How much the colour differs from place to place: the standard deviation of a*."""
    red = lab_of(head)[..., 1]
    return float(np.sqrt(mean_in((red - mean_in(red, zone)) ** 2, zone)))


@pytest.mark.parametrize("phrase", SKINS)
def test_a_phrase_about_the_skin_shows_on_the_texture_where_it_should_and_changes_no_other_number(heads, zones, spread, phrase):
    name, sign = SKINS[phrase]
    for head in heads[2:]:
        after = run(edit_head(head, phrase))
        numbers = moved_numbers(head, after, spread)
        assert sign * numbers[name] > 0.25, (phrase, head.name, numbers[name])
        assert {other for other, by in numbers.items() if other != name and abs(by) > 1e-6} <= COMES_WITH.get(phrase, set())
        assert np.array_equal(after.vertices, head.vertices)
        assert np.array_equal(after.identity, head.identity)
        assert after.expression == head.expression
        if phrase in ZONES:
            zone, channel, way = ZONES[phrase]
            moved = lab_of(after) - lab_of(head)
            inside = mean_in(moved[..., channel], zones[zone])
            assert way * inside > LEAST, (phrase, head.name, inside)
            outside = zones["skin"] * (zones[zone] < 0.02)
            assert zone == "skin" or mean_in(np.abs(moved[..., channel]), outside) < ELSE * abs(inside), (phrase, head.name)
        elif phrase in SPOTS:
            sign, count = SPOTS[phrase]
            was, now = (spots_of(one, zones["spots"], count) for one in (head, after))
            assert sign * (now - was) > 0.05, (phrase, head.name)
        elif phrase in BEARDS:
            shaved = lab_of(run(edit_head(head, "no stubble")))
            was, now = (np.linalg.norm(lab_of(one) - shaved, axis=-1) for one in (head, after))
            assert BEARDS[phrase] * (mean_in(now, zones["beard"]) - mean_in(was, zones["beard"])) > LEAST, (phrase, head.name)
            outside = zones["skin"] * (zones["beard"] < 0.02)
            assert mean_in(now, outside) <= ELSE * max(mean_in(now, zones["beard"]), LEAST), (phrase, head.name)
        elif phrase in LINES:
            assert lines_of(after) > 1.02 * lines_of(head), (phrase, head.name)
        else:
            assert unevenness_of(after, zones["cheek"]) < unevenness_of(head, zones["cheek"]), (phrase, head.name)


def groups_of(head: HeadAsset, expression: dict[str, float]) -> dict[str, float]:
    """The posed face in groups, mm: how high and how far apart the mouth's corners are, how low the chin, how open the lids, how
    high the brows and the gaze, how full the cheeks."""
    model = get_model()
    posed = 1000 * pose_asset(head, expression, np.zeros(15))
    points = model.landmarks7.evaluate(posed)

    def middle(name: str) -> np.ndarray:
        weights = model.regions[name]
        return (posed * weights[:, None]).sum(0) / weights.sum()

    def sides(name: str, axis: int) -> np.ndarray:
        return np.array([middle(f"{name}_left")[axis], middle(f"{name}_right")[axis]])

    eyes = [np.unique(model.faces[model.face_parts == model.part_names.index(f"{side}_eye")]) for side in ("left", "right")]
    pupils = np.concatenate([rows[np.argsort(-model.template[rows, 2])[:10]] for rows in eyes])
    return {
        "mouth corners": points[5:7, 1].mean() - points[4, 1], "mouth width": points[6, 0] - points[5, 0],
        "jaw": -middle("chin")[1], "lids": (sides("upper_lid", 1) - sides("lower_lid", 1)).mean(),
        "brows": sides("brow", 1).mean(), "gaze": posed[pupils, 1].mean(), "cheeks": np.ptp(sides("cheek", 0)),
    }  # fmt: skip


@pytest.fixture(scope="module")
def reach(heads) -> dict[str, float]:
    """The farthest that any one unit moves each group."""
    head, rest = heads[0], groups_of(heads[0], {})
    alone = [groups_of(head, {unit: 1.0}) for unit in ARKIT_NAMES]
    return {group: max(abs(shown[group] - rest[group]) for shown in alone) for group in rest}


@pytest.mark.parametrize("phrase", FACES)
def test_a_phrase_about_the_face_moves_that_group_of_the_posed_mesh(heads, reach, phrase):
    group, sign = FACES[phrase]
    for head in heads:
        after = run(edit_head(head, phrase))
        before, shown = groups_of(head, head.expression), groups_of(after, after.expression)
        moved = {name: (shown[name] - before[name]) / reach[name] for name in reach}
        assert sign * moved[group] > 0.2, (phrase, head.name, moved)
        others = {name: by for name, by in moved.items() if name not in {group, *GOES_ALONG.get(phrase, ())}}
        assert {name: by for name, by in others.items() if abs(by) > ELSE * abs(moved[group])} == {}, (phrase, head.name)
        assert np.array_equal(after.vertices, head.vertices)
        assert same_textures(head, after)


def test_a_half_smile_is_half_a_smile_and_no_smile_is_none(heads):
    for head in heads:
        full, half = (run(edit_head(head, words)) for words in ("smile", "half smile"))
        rest, one, some = (groups_of(face, face.expression)["mouth corners"] for face in (head, full, half))
        assert (some - rest) / (one - rest) == pytest.approx(0.5, abs=0.1)
        none = run(edit_head(full, "not smiling"))
        assert groups_of(none, none.expression)["mouth corners"] == pytest.approx(rest, abs=0.1)


def test_a_wink_closes_the_one_eye_that_was_named(heads):
    model = get_model()
    for side, other in (("left", "right"), ("right", "left")):
        after = run(edit_head(heads[0], f"wink with the {side} eye"))
        posed = pose_asset(after, after.expression, np.zeros(15))
        lids = {
            name: np.average(posed[:, 1] - heads[0].vertices[:, 1], weights=model.regions[f"upper_lid_{name}"])
            for name in (side, other)
        }
        assert lids[side] < -0.0008
        assert abs(lids[other]) < ELSE * abs(lids[side])


def test_several_traits_at_once_are_each_where_they_were_wanted(heads):
    for head in heads:
        before = dict(zip(NAMES, traits_of(head), strict=True))
        wanted = {"face_length": before["face_length"] + 4, "nose_length": before["nose_length"] - 3, "age": before["age"] + 5}
        moved = dict(zip(NAMES, traits_of(move_shape(head, wanted)), strict=True))
        assert {name: moved[name] for name in wanted} == pytest.approx(wanted, abs=0.02)
        assert abs(moved["male"] - before["male"]) < 1e-3


def test_all_traits_at_once_still_make_a_head(heads):
    deviations = np.linalg.norm(load_gauges().weights, axis=0)
    rng = np.random.default_rng(4)
    for head in heads:
        wanted = traits_of(head) + rng.choice([-1, 1], len(NAMES)) * deviations
        moved = move_shape(head, dict(zip(NAMES, map(float, wanted), strict=True)))
        assert np.abs(moved.vertices - head.vertices).max() < 0.03
