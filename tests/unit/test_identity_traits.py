"""Named traits: each slider moves what it names and little else, locks hold still, re-rolls keep what they promise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from likeness.core.config import ASSETS_DIR
from likeness.core.head.build.anthropometry import MEANS_MM
from likeness.core.head.build.gauges import FORMULAS, gauge_terms
from likeness.core.head.build.measures import find_rulers, measure_mm
from likeness.core.head.library import get_model
from likeness.core.identity.catalogue import GROUPS, LOCK_NAMES, LOCKS, MEASURED, NAMES, PERSON, TRAITS
from likeness.core.identity.contact_sheet import draw_heads, frame_heads
from likeness.core.identity.directions import ALONG, OWN_PLACES, PLACES, open_space
from likeness.core.identity.gauges import NUM_PERSON, load_gauges
from likeness.core.identity.locks import INSIDE, region_rows, whole_rows
from likeness.core.identity.state import IdentityState, change_axis, change_trait, read_traits, reroll, shape

pytestmark = pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`")
LOCAL = [
    t.name for t in TRAITS if t.group in PLACES and t.name not in ("chin_height", "jaw_corner_height", "jaw_width", "neck_width")
]
"""Traits of one region; the jaw's length and width carry neck and throat along."""
PUBLISHED = {
    "nose_width": "nose breadth", "mouth_width": "lip length", "jaw_width": "bigonial", "face_width": "bizygomatic",
    "head_width": "head breadth", "eye_spacing": "endocanthion",
}  # fmt: skip


@pytest.fixture(scope="module")
def space():
    return open_space()


@pytest.fixture(scope="module")
def person(space) -> IdentityState:
    return IdentityState(np.random.default_rng(11).standard_normal(space.model.num_identity) * 0.8)


def deviations(space) -> np.ndarray:
    return np.linalg.norm(space.gauges.weights, axis=0)


def vertices_of(space, state: IdentityState) -> np.ndarray:
    return shape(space, state).astype(np.float64)


def test_the_table_is_that_of_the_model(space):
    """Fails when the head model was rebuilt and the table was not (python -m likeness.core.head.build.gauges)."""
    model, gauges = space.model, load_gauges()
    assert (gauges.topology, gauges.num_vertices, gauges.model_name) == (model.topology, len(model.template), model.name)
    terms = gauge_terms(model)
    for m, name in enumerate(MEASURED):
        rows, weights = terms[name]
        response = np.einsum("nc,knc->k", weights, model.identity_basis[:, rows].astype(np.float64))
        assert np.allclose(gauges.weights[:, NUM_PERSON + m], response, atol=5e-3), name
        assert gauges.mean[NUM_PERSON + m] == pytest.approx((weights * model.template[rows]).sum(), abs=1e-2), name


def test_the_catalogue_is_whole():
    assert len(set(NAMES)) == len(NAMES)
    assert set(FORMULAS) == set(MEASURED)
    assert {trait.group for trait in TRAITS} == set(GROUPS)
    assert {trait.place for trait in TRAITS} - {""} <= set(LOCK_NAMES)
    assert set(ALONG) | {name for names in ALONG.values() for name in names} | set(OWN_PLACES) <= set(NAMES)
    assert all(lock in LOCK_NAMES for places in (*PLACES.values(), *OWN_PLACES.values()) for lock in places)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_locks_name_what_the_model_has(space, lock):
    assert set(lock.regions) <= set(space.model.regions)
    assert set(lock.parts) <= set(space.model.part_names)


@pytest.mark.parametrize("trait", TRAITS, ids=lambda trait: trait.name)
def test_a_range_holds_most_people_and_no_monsters(space, trait):
    t = NAMES.index(trait.name)
    mean, deviation = space.gauges.mean[t], deviations(space)[t]
    if trait.name not in PERSON:
        assert mean - 3.6 * deviation < trait.lowest < mean - 1.7 * deviation
        assert mean + 1.7 * deviation < trait.highest < mean + 3.6 * deviation


@pytest.mark.parametrize("name", MEASURED)
def test_a_slider_moves_its_own_measure_as_labelled(space, person, name):
    before = vertices_of(space, person)
    after = vertices_of(space, change_trait(space, person, name, 2.0, ()))
    change = space.gauges.measure(after) - space.gauges.measure(before)
    assert change[MEASURED.index(name)] == pytest.approx(2.0, abs=2e-3)


@pytest.mark.parametrize("name", MEASURED)
def test_a_slider_leaves_other_traits_as_they_were(space, name):
    """One standard deviation of a trait moves those that nobody expects to go along by at most a quarter of theirs."""
    t = NAMES.index(name)
    change = space.direction(name) @ space.gauges.weights * deviations(space)[t] / deviations(space)
    others = [i for i, other in enumerate(NAMES) if i != t and other not in ALONG.get(name, ())]
    assert np.abs(change[others]).max() < 0.25
    assert np.sqrt(np.mean(change[others] ** 2)) < 0.08


@pytest.mark.parametrize("name", LOCAL)
def test_a_local_slider_moves_its_place_and_nothing_far_from_it(space, name):
    places = OWN_PLACES.get(name, PLACES[TRAITS[NAMES.index(name)].group])
    moved = np.linalg.norm(space.displace(space.direction(name)), axis=1) * 1000 * deviations(space)[NAMES.index(name)]
    far = space._outside(places) > 0.99
    skin = np.unique(space.model.faces[space.model.face_parts == 0])
    is_skin = np.isin(np.arange(len(moved)), skin)
    assert moved[is_skin & far].max() < 0.5 * moved[is_skin].max()
    assert np.sqrt(np.mean(moved[is_skin & far] ** 2)) < 0.35


@pytest.mark.parametrize("name", PERSON)
def test_sex_age_and_weight_leave_each_other_and_ancestry(space, name):
    code = space.direction(name)
    change = code @ space.gauges.weights[:, :NUM_PERSON]
    assert change == pytest.approx(np.eye(NUM_PERSON)[PERSON.index(name)], abs=1e-6)
    assert np.abs(code @ space.gauges.ancestry_weights * (40 if name == "age" else 1)).max() < 0.02


@pytest.mark.parametrize(("name", "published"), PUBLISHED.items())
def test_sliders_agree_with_anthropometrys_own_measures(space, person, name, published):
    """The straight distances of head/build/measures.py, which are not linear, change by what the slider says."""
    model = space.model
    faces = model.faces[model.face_parts == 0]
    rulers, count = find_rulers(model.template[: faces.max() + 1], faces), faces.max() + 1
    heads = np.stack([vertices_of(space, person), vertices_of(space, change_trait(space, person, name, 4.0, ()))])
    eyes = np.stack([model.locate_joints(head)[3:] for head in heads])
    values = measure_mm(rulers, heads[:, :count], eyes)[:, list(MEANS_MM).index(published)]
    assert values[1] - values[0] == pytest.approx(4.0, abs=0.6)


def test_older_heavier_and_male_people_look_it(space):
    """What anthropometry knows: men's faces are longer and their necks wider, weight fills cheeks and jaw, ears grow with age."""
    t = {name: i for i, name in enumerate(NAMES)}
    male, age, weight = (space.direction(name) @ space.gauges.weights for name in PERSON)
    assert 5 < male[t["face_length"]] < 20
    assert 8 < male[t["neck_width"]] < 45
    assert weight[t["cheek_fullness"]] > 1
    assert weight[t["jaw_width"]] > 3
    assert 2 < 30 * age[t["ear_length"]] < 9


def test_codes_of_known_sex_and_age_are_read_back(space):
    from likeness.core.generation import draw_person

    for seed in range(8):
        person = draw_person(seed, space.model.num_identity)
        read = space.gauges.read_code(person.identity)
        assert read[0] == pytest.approx(person.male, abs=0.05)
        assert read[1] == pytest.approx(person.age, abs=3)


@pytest.mark.parametrize("locks", [("nose",), ("eyes",), ("mouth", "jaw"), ("ears", "skull"), LOCK_NAMES], ids=str)
@pytest.mark.parametrize("kind", ["trait", "axis", "reroll"])
def test_a_locked_region_does_not_move(space, person, locks, kind):
    if kind == "trait":
        after = change_trait(space, person, "weight", 2.0, locks)
    elif kind == "axis":
        after = change_axis(person, 0, 2.0, locks)
    else:
        after = reroll(space, person, 4, 1.0, locks, keep_person=False)
    moved = np.linalg.norm(vertices_of(space, after) - vertices_of(space, person), axis=1) * 1000
    rows = region_rows(space.model, locks)
    assert moved[rows].max() < 0.01
    if len(locks) < 3:
        assert moved.max() > 1.0
    inside = np.any([space.model.regions[r] >= INSIDE for lock in LOCKS if lock.name in locks for r in lock.regions], axis=0)
    assert np.mean(moved[inside] < 0.01) > 0.97


@pytest.mark.parametrize("locks", [("nose",), ("forehead", "cheeks")])
def test_a_lock_leaves_no_seam_and_lids_and_lips_whole(space, person, locks):
    after = reroll(space, person, 4, 1.0, locks, keep_person=False)
    start, end = vertices_of(space, person), vertices_of(space, after)
    faces = space.model.faces[space.model.face_parts == 0]
    edges = np.stack([faces, np.roll(faces, -1, 1)], -1).reshape(-1, 2)
    before, now = (np.linalg.norm(v[edges[:, 0]] - v[edges[:, 1]], axis=1) for v in (start, end))
    jump = np.linalg.norm((end - start)[edges[:, 0]] - (end - start)[edges[:, 1]], axis=1)
    assert (jump / before)[before > 1e-3].max() < 1.5
    assert np.percentile(now / before, 0.5) > 0.4
    for whole in ("eyes", "mouth"):
        assert space.field(locks)[whole_rows(space.model, whole)].max() == 0


def test_locked_measures_are_held_and_others_still_do_as_labelled(space, person):
    locks = ("nose",)
    assert space.is_held("nose_width", locks)
    assert not space.is_held("jaw_width", locks)
    assert not space.is_held("age", locks)
    for name in ("jaw_width", "mouth_width", "face_width"):
        after = change_trait(space, person, name, 3.0, locks)
        change = space.gauges.measure(vertices_of(space, after)) - space.gauges.measure(vertices_of(space, person))
        assert change[MEASURED.index(name)] == pytest.approx(3.0, abs=5e-3)


def test_strength_zero_is_nobody_else_and_the_seed_decides(space, person):
    assert np.allclose(reroll(space, person, 1, 0.0, (), keep_person=False).code, person.code)
    one, again, other = (reroll(space, person, seed, 0.7, ("eyes",), keep_person=True).code for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert np.abs(one - other).max() > 0.1


def test_half_way_is_no_average_face(space, person):
    lengths = [np.linalg.norm(reroll(space, person, seed, 0.7, (), keep_person=False).code) for seed in range(10)]
    usual = np.linalg.norm(person.code)
    assert 0.85 * usual < np.mean(lengths) < 1.25 * usual


def test_keeping_the_person_keeps_sex_age_weight_and_ancestry(space, person):
    after = reroll(space, person, 5, 1.0, ("nose",), keep_person=True)
    for weights, tolerance in ((space.gauges.weights[:, :NUM_PERSON], 1e-6), (space.gauges.ancestry_weights, 0.01)):
        assert np.abs((after.code - person.code) @ weights).max() < tolerance
    free = reroll(space, person, 5, 1.0, ("nose",), keep_person=False)
    assert abs((free.code - person.code) @ space.gauges.weights[:, 1]) > 1


def test_a_reroll_around_a_lock_draws_people_who_have_that_part(space, person):
    """What the lock must hold back of the model's own motion is a fraction of what an unaware re-roll would need."""
    rows = region_rows(space.model, ["nose"])
    aware = np.linalg.norm(
        space.displace(reroll(space, person, 3, 1.0, ("nose",), keep_person=False).code - person.code)[rows], axis=1
    )
    unaware = np.linalg.norm(
        space.displace(reroll(space, person, 3, 1.0, (), keep_person=False).code - person.code)[rows], axis=1
    )
    assert aware.mean() < 0.3 * unaware.mean()


def test_there_and_back_is_exactly_where_it_was(space, person):
    there = change_trait(space, change_trait(space, person, "nose_width", 5.0, ("jaw",)), "age", 20, ())
    back = change_trait(space, change_trait(space, there, "age", -20, ()), "nose_width", -5.0, ("jaw",))
    assert np.abs(vertices_of(space, back) - vertices_of(space, person)).max() < 1e-7


def test_measures_are_read_from_a_sculpted_mesh(space, person):
    vertices = vertices_of(space, person)
    name = "nose_width"
    row = space.gauges.rows[MEASURED.index(name)][0]
    sculpted = vertices.copy()
    sculpted[row, 0] += 0.002 * np.sign(vertices[row, 0])
    before, after = (read_traits(space, person, v)[NAMES.index(name)] for v in (vertices, sculpted))
    assert after - before == pytest.approx(2.0, abs=1e-3)


def test_states_are_values(person):
    kept = replace(person, kept={"nose": np.ones_like(person.code)})
    change_axis(kept, 0, 1.0, ("nose",))
    assert np.array_equal(kept.kept["nose"], np.ones_like(person.code))


def test_variants_differ_in_their_pictures(space, person):
    model = get_model()
    heads = [vertices_of(space, s).astype(np.float32) for s in (person, reroll(space, person, 1, 0.8, (), keep_person=True))]
    albedo = np.ascontiguousarray(model.base_textures["albedo"][::2, ::2])
    one, other = draw_heads(model, heads, albedo, frame_heads(model, heads, 96))
    assert one.shape == (96, 96, 3)
    background = (one == one[0, 0]).all(-1)
    assert 0.2 < background.mean() < 0.7
    assert np.abs(one.astype(int) - other).mean() > 1


def test_every_head_of_a_sheet_is_whole_and_the_largest_fills_it(space, person):
    """Crown, ears and chin: rows and columns at the border are the backdrop's, but for the neck."""
    model, size = get_model(), 96
    heads = [vertices_of(space, reroll(space, person, seed, 1.0, (), keep_person=False)).astype(np.float32) for seed in range(8)]
    heads.append((1.25 * vertices_of(space, person)).astype(np.float32))
    albedo = np.ascontiguousarray(model.base_textures["albedo"][::4, ::4])
    largest = []
    for picture in draw_heads(model, heads, albedo, frame_heads(model, heads, size)):
        is_head = (picture != picture[0, 0]).any(-1)
        assert not is_head[:3].any()
        assert not is_head[: size * 3 // 4, [0, 1, -2, -1]].any()
        largest.append(np.ptp(np.flatnonzero(is_head.any(1))))
    assert max(largest) >= 0.9 * size
    assert largest[-1] == max(largest)


def test_what_a_correction_added_is_kept_by_sliders_and_goes_as_far_as_a_reroll_goes(space, person):
    corrected = replace(person, pulled=0.3 * person.code)
    for locks in ((), ("nose",)):
        for changed in (change_axis(corrected, 2, 1.5, locks), change_trait(space, corrected, "jaw_width", 4.0, locks)):
            assert np.array_equal(changed.pulled, corrected.pulled)
        assert np.allclose(reroll(space, corrected, 5, 0.6, locks, False).pulled, 0.8 * corrected.pulled)
        assert not reroll(space, corrected, 5, 1.0, locks, False).pulled.any()
