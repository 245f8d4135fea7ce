"""Identity sliders of FLAME's people: the traits read, move and hold on FLAME's own mesh what they do on the built-in head's."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from likeness.core.config import ASSETS_DIR, cache_dir
from likeness.core.errors import ModelError
from likeness.core.flame.traits import LEAST_KEPT, build_gauges
from likeness.core.head import library
from likeness.core.head.library import EMBEDDED, FILE_NAME, FILE_SHA256, describe_model, find_model, get_model, note_model
from likeness.core.head.model import HeadModel
from likeness.core.identity.catalogue import LOCK_NAMES, MEASURED, NAMES, PERSON, TRAITS
from likeness.core.identity.contact_sheet import draw_sheet
from likeness.core.identity.directions import ALONG, EditingSpace, open_space
from likeness.core.identity.gauges import NUM_PERSON
from likeness.core.identity.locks import region_rows
from likeness.core.identity.state import IdentityState, change_trait, change_traits, read_traits, reroll, shape
from likeness.core.story import run
from likeness.core.words.plan import Look, plan_edit

pytestmark = pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`")


@pytest.fixture(scope="module")
def model_name(flame_file, flame_cache) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIKENESS_CACHE", str(flame_cache))
        yield str(flame_file)


@pytest.fixture(scope="module")
def fitted(model_name) -> HeadModel:
    return get_model(model_name)


@pytest.fixture(scope="module")
def space(model_name) -> EditingSpace:
    return open_space(model_name)


@pytest.fixture(scope="module")
def person(space) -> IdentityState:
    return IdentityState(np.random.default_rng(3).standard_normal(space.model.num_identity) * 0.7)


@pytest.fixture(scope="module")
def narrow(fitted) -> EditingSpace:
    """A family of people with 25 axes, mixtures of the largest 30: much of what faces differ in is none of theirs."""
    mixing = np.linalg.qr(np.random.default_rng(0).normal(size=(30, 25)))[0].T.astype(np.float32)
    few, worn = (
        replace(model, identity_basis=np.tensordot(mixing, model.identity_basis[:30], 1)) for model in (fitted, fitted.worn)
    )
    return EditingSpace(worn, build_gauges(get_model(), few, worn))


def deviations(space: EditingSpace) -> np.ndarray:
    return np.linalg.norm(space.gauges.weights, axis=0)


# --- what the sliders read ----------------------------------------------------------------------------------------------------


def test_measures_on_flames_mesh_are_the_built_in_gauges_of_the_fitted_head(space, fitted, person):
    """So a sculpted FLAME head is measured at the very points of the face that the built-in head is."""
    ours = open_space().gauges.measure(fitted.shape(person.code))
    theirs = space.gauges.measure(space.model.shape(person.code))
    assert np.abs(ours - theirs).max() < 2e-3
    assert np.abs(space.gauges.read_code(person.code)[NUM_PERSON:] - theirs).max() < 2e-3


def test_sex_age_and_weight_are_read_as_of_the_built_in_people(space):
    """The stand-in's first axes are the built-in ones."""
    ours, theirs = open_space().gauges, space.gauges
    for t, name in enumerate(PERSON):
        read, known = theirs.weights[: len(ours.weights), t], ours.weights[:, t]
        assert np.corrcoef(read, known)[0, 1] > 0.97, name
        assert np.linalg.norm(read) == pytest.approx(np.linalg.norm(known), rel=0.15), name
        assert abs(theirs.mean[t] - ours.mean[t]) < deviations(open_space())[t], name


# --- what they move -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_slider_moves_its_trait_by_what_is_asked(space, person, name):
    t = NAMES.index(name)
    by = deviations(space)[t]
    after = change_trait(space, person, name, by, ())
    was, now = (read_traits(space, state, shape(space, state)) for state in (person, after))
    assert space.gauges.offers(name)
    assert now[t] - was[t] == pytest.approx(by, rel=2e-3, abs=2e-3)


@pytest.mark.parametrize("name", MEASURED)
def test_a_slider_leaves_other_traits_as_they_were(space, name):
    """As test_identity_traits.py has it for the built-in head."""
    t = NAMES.index(name)
    sizes = deviations(open_space())
    change = space.direction(name) @ space.gauges.weights * sizes[t] / sizes
    others = [i for i, other in enumerate(NAMES) if i != t and other not in ALONG.get(name, ())]
    assert np.abs(change[others]).max() < 0.25
    assert np.sqrt(np.mean(change[others] ** 2)) < 0.08


@pytest.mark.parametrize("name", PERSON)
def test_sex_age_and_weight_move_the_face_as_the_built_in_slider_does(space, fitted, name):
    t = NAMES.index(name)
    assert space.gauges.kept[t] > 0.98
    ours = np.tensordot(open_space().direction(name), get_model().identity_basis, 1)
    theirs = np.tensordot(space.direction(name), fitted.identity_basis, 1)
    face = get_model().regions["face"] > 0.5
    ours, theirs = (motion[face] - motion[face].mean(0) for motion in (ours, theirs))
    assert (ours * theirs).sum() / np.linalg.norm(ours) / np.linalg.norm(theirs) > 0.95
    change = space.direction(name) @ space.gauges.weights[:, :NUM_PERSON]
    assert change == pytest.approx(np.eye(NUM_PERSON)[t], abs=1e-6)


def test_several_traits_come_to_their_values_at_once(space, person):
    wanted = {"nose_width": 4.0, "jaw_width": -6.0, "mouth_width": 3.0, "age": 20.0}
    after = change_traits(space, person, wanted, ())
    was, now = (read_traits(space, state, shape(space, state)) for state in (person, after))
    for name, by in wanted.items():
        t = NAMES.index(name)
        assert now[t] - was[t] == pytest.approx(by, rel=0.02), name


# --- what people hardly span ----------------------------------------------------------------------------------------------------


def beside(space: EditingSpace, name: str) -> float:
    """How far a slider moves traits that should stay: root mean square of the built-in people's deviations."""
    t, sizes = NAMES.index(name), deviations(open_space())
    moved = space.direction(name) @ space.gauges.weights * sizes[t] / sizes
    others = [i for i, other in enumerate(NAMES) if i != t and other not in ALONG.get(name, ())]
    return float(np.sqrt(np.mean(moved[others] ** 2)))


def test_a_trait_that_people_hardly_span_is_not_offered(narrow, space):
    """With few axes a slider cannot move its trait alone: it would make the head somebody else."""
    assert space.gauges.offered.all()
    offered = [name for name in MEASURED if narrow.gauges.offers(name)]
    left_out = [name for name in MEASURED if name not in offered]
    assert 5 < len(left_out) < 30
    assert max(beside(narrow, name) for name in offered) <= 0.2
    assert min(beside(narrow, name) for name in left_out) > 0.2
    assert max(beside(space, name) for name in MEASURED) < 0.08


def test_what_is_kept_of_sex_age_and_weight_is_told(fitted, narrow, space):
    assert (narrow.gauges.kept < space.gauges.kept).all()
    few, worn = (replace(model, identity_basis=model.identity_basis[:3]) for model in (fitted, fitted.worn))
    gauges = build_gauges(get_model(), few, worn)
    assert (gauges.kept < narrow.gauges.kept).all()
    for t, name in enumerate(PERSON):
        assert gauges.offers(name) <= (gauges.kept[t] >= LEAST_KEPT)
    assert not gauges.offers("age")


def test_words_say_that_people_hardly_differ_in_a_trait():
    look = Look({trait.name: (trait.lowest + trait.highest) / 2 for trait in TRAITS}, unspanned=frozenset({"nose_width"}))
    plan = plan_edit("a wider nose and a longer chin", look)
    assert "nose_width" not in plan.traits and plan.traits
    assert plan.ignored == ("'wider nose': the people of this head's model hardly differ in nose width",)


# --- locks, re-rolls, variants --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lock", LOCK_NAMES)
def test_a_lock_holds_flames_vertices_and_our_parts(space, person, lock):
    rows, before = region_rows(space.model, (lock,)), shape(space, person)
    assert len(rows) > 20
    moved = change_trait(space, person, "age", 25.0, (lock,))
    other = reroll(space, person, 5, 1.0, (lock,), True)
    for state in (moved, other):
        after = shape(space, state)
        assert np.abs(after[rows] - before[rows]).max() < 1e-6
        assert np.abs(after - before).max() > 1e-3


def test_a_reroll_keeps_sex_age_and_weight_and_is_somebody_else(space, person):
    other = reroll(space, person, 7, 1.0, (), True)
    change = (other.code - person.code) @ space.gauges.weights[:, :NUM_PERSON]
    assert np.abs(change).max() < 1e-6
    assert np.linalg.norm(other.code - person.code) > 10
    assert np.array_equal(reroll(space, person, 7, 1.0, (), True).code, other.code)


def test_variants_are_drawn_on_flames_mesh(model_name, space, person):
    sheet = run(draw_sheet(person, shape(space, person), None, [None, 1, 2], 1.0, (), True, model_name))
    assert [picture.shape for picture in sheet] == [(160, 160, 3)] * 3
    assert all((picture.std((0, 1)) > 15).all() for picture in sheet)
    assert min(np.abs(sheet[0].astype(int) - other).mean() for other in sheet[1:]) > 1


# --- the file ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def own_cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("LIKENESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_head_tells_its_file_and_no_folder(fitted, flame_file):
    told = describe_model(fitted)
    assert told[FILE_NAME] == flame_file.name
    assert len(told[FILE_SHA256]) == 64
    assert str(flame_file.parent) not in str(told)
    assert FILE_SHA256 not in describe_model(get_model())


def test_the_file_is_found_again_once_it_was_used(fitted, model_name, flame_cache, own_cache):
    told = describe_model(fitted)
    (own_cache / "flame").mkdir(parents=True)
    for ready in (flame_cache / "flame").glob("*.npz"):
        (own_cache / "flame" / ready.name).symlink_to(ready)
    with pytest.raises(ModelError, match="is not known here"):
        find_model(told)
    library._load.__wrapped__(model_name)
    assert find_model(told) == model_name
    assert find_model(describe_model(get_model())) == EMBEDDED


def test_a_file_that_is_unknown_gone_or_another_is_one_sentence(own_cache, tmp_path):
    file = tmp_path / "generic_model.pkl"
    file.write_bytes(b"\x80\x02one")
    told = {FILE_NAME: file.name, FILE_SHA256: library._digest(file).hex()}
    with pytest.raises(ModelError, match=r"^This head's FLAME file \(generic_model.pkl\) is not known here: .*\.$"):
        find_model(told)
    note_model(file)
    assert find_model(told) == str(file)
    file.write_bytes(b"\x80\x02another")
    with pytest.raises(ModelError, match=r"^Another file lies where this head's FLAME file .* was: .*\.$"):
        find_model(told)
    for name, content in (("damaged.safetensors", b"\xff" * 40), ("folder.pkl", None)):
        library._note_of(told[FILE_SHA256]).write_text(str(tmp_path / name))
        (tmp_path / name).mkdir() if content is None else (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelError, match=r"^(Another file lies where|This head's FLAME file .* is not where).*\.$"):
            find_model(told)
    library._note_of(told[FILE_SHA256]).write_text(str(file))
    file.unlink()
    with pytest.raises(ModelError, match=r"^This head's FLAME file .* is not where it was: .*\.$"):
        find_model(told)
    assert cache_dir() == own_cache


def test_a_file_made_ready_is_opened_without_searching_surfaces(model_name, flame_cache):
    """Blender's own process moves heads and imports no Warp."""
    code = (
        "import sys; from likeness.core.identity.directions import open_space; from likeness.core.head.library import get_model\n"
        f"assert open_space({model_name!r}).gauges.offered.any() and get_model({model_name!r}).carry\n"
        "assert 'warp' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
