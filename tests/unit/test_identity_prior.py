"""The identity space against published anthropometry: sizes and their spread, the arcs that were not fitted, asymmetry."""

from __future__ import annotations

import numpy as np
import pytest
from likeness.core.config import ASSETS_DIR
from likeness.core.head.build.anthropometry import (
    ARCS_MM,
    MEANS_MM,
    ageing,
    cell_means,
    correlations,
    pooled_deviations,
)
from likeness.core.head.build.measures import HEAD_POINTS, Rulers, find_rulers, measure_mm, tape
from likeness.core.head.build.population import draw_population
from likeness.core.head.model import load_model
from likeness.tests.bench.identity import measure_people, pooled_correlations

UNSURE = ("nasal root", "philtrum", "upper vermilion", "lower vermilion")
"""Measures whose published spread or place on the mesh is less sure; the fit leaves them more of their own."""
EVENED = ("fissure height",)
"""Measures whose spread is kept small on purpose: one blink has to close everybody's eyes."""


@pytest.fixture(scope="module")
def model():
    return load_model(ASSETS_DIR / "embedded_head.npz")


@pytest.fixture(scope="module")
def people(model) -> tuple[np.ndarray, np.ndarray]:
    return measure_people(model, 600)


@pytest.mark.parametrize("name", MEANS_MM)
def test_random_heads_have_published_sizes(people, name):
    column = list(MEANS_MM).index(name)
    measured = people[0][:, column]
    published = cell_means()[..., column].mean()
    assert measured.mean() == pytest.approx(published, abs=max(1.5, 0.02 * published))
    if name not in EVENED:
        assert measured.std() == pytest.approx(pooled_deviations()[column], rel=0.3 if name in UNSURE else 0.2)


@pytest.mark.parametrize("name", ARCS_MM)
def test_arcs_are_held_out(people, name):
    """The coronal arc is met; those over the face come out 5.6 to 7.9 % short (README): the ears lie nearer to the face."""
    measured = people[1][:, list(ARCS_MM).index(name)]
    assert measured.mean() == pytest.approx(np.mean(ARCS_MM[name]), rel=0.03 if name == "bitragion-coronal" else 0.085)


def test_measures_correlate_as_published(people):
    off = np.triu_indices(len(MEANS_MM), 1)
    error = (np.corrcoef(people[0].T) - pooled_correlations())[off]
    assert np.sqrt(np.mean(error**2)) < 0.1


def test_the_mean_head_has_the_mean_sizes(model):
    faces = model.faces[model.face_parts == 0]
    skin = model.template[: faces.max() + 1]
    rulers = find_rulers(skin, faces)
    measured = measure_mm(rulers, skin[None], model.locate_joints(model.template)[None, 3:])[0]
    published = cell_means().mean((0, 1))
    assert (np.abs(measured - published) < np.maximum(1.5, 0.02 * published)).all()


def test_points_lie_on_their_sides_and_on_the_midline(model):
    for name, (left, right) in HEAD_POINTS.items():
        one, other = model.template[left], model.template[right]
        if left == right or abs(one[0]) < 1e-5:
            assert max(abs(one[0]), abs(other[0])) < 1e-5, name
        else:
            assert one[0] > 0.003, name
            assert np.abs(one * [-1, 1, 1] - other).max() < 1e-5, name


def test_a_tape_around_a_known_shape_has_its_girth():
    """Four points of a diamond in the nape's plane stand for a head: its girth is that of the hull."""
    skin = np.zeros((4100, 3))
    skin[HEAD_POINTS["larynx"][0]] = [0, 0, 0.03]
    skin[HEAD_POINTS["nape"][0]] = [0, 0, -0.03]
    corners = np.array([[0.04, 0, 0], [-0.04, 0, 0], [0, 0, 0.03], [0, 0, -0.03]])
    up = np.array([0, 0.01, 0])
    skin[:4], skin[4:8] = corners + up, corners - up
    nothing = np.zeros(0, int)
    rulers = Rulers(nothing, nothing, nothing, {"neck circumference": np.stack([np.arange(4), np.arange(4, 8)], 1)})
    assert tape(rulers, skin[None], "neck circumference")[0] == pytest.approx(0.2, rel=2e-3)


def test_the_population_is_drawn_from_the_published_distribution():
    population = draw_population(4000, np.random.default_rng(0))
    assert population.sexes.mean() == 0.5
    assert (population.goals - ageing(population.years)).mean(0) == pytest.approx(cell_means().mean((0, 1)), rel=0.01)
    assert np.linalg.eigvalsh(correlations()).min() > 0


def test_a_face_and_its_mirror_image_differ_as_peoples_do(model):
    rng = np.random.default_rng(3)
    skin = np.unique(model.faces[model.face_parts == 0])
    template = model.template[skin]
    order = np.lexsort(np.round(template, 7).T)
    mirrored_order = np.lexsort(np.round(template * [-1, 1, 1], 7).T)
    twin = np.empty(len(skin), int)
    twin[order] = mirrored_order
    face = model.regions["face"][skin] > 0.5
    differences = []
    for _ in range(30):
        head = model.shape(rng.standard_normal(model.num_identity))[skin]
        apart = (head - head[twin] * [-1, 1, 1])[face]
        differences.append(1000 * np.sqrt((apart**2).sum(1).mean()))
    assert 0.5 < np.median(differences) < 1.0
