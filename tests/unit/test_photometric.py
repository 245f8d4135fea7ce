"""The photometric fit: its derivatives against differences, its outline against known edges, its heads against known truth."""

from __future__ import annotations

import numpy as np
import pytest
from likeness.core.calibration.people import random_code
from likeness.core.calibration.render import build_studio, render_person
from likeness.core.errors import ModelError
from likeness.core.fit.geometry import FitSettings, LandmarkProblem, fit_landmarks
from likeness.core.fit.outline import find_edges
from likeness.core.fit.photometric import PhotometricSettings, View, ViewState, fit_person
from likeness.core.fit.photometry import fit_chroma, fit_smooth_light, load_photometry, save_photometry
from likeness.core.fit.several import blend_textures
from likeness.core.head.library import EMBEDDED
from likeness.core.photo.dense_landmarks import locate_dense_landmarks
from likeness.core.photo.image import photo_from_pixels
from likeness.core.photo.landmarks import detect_landmarks
from likeness.core.pipeline import load_calibrated_model
from likeness.core.render.shading import sh_basis
from likeness.core.types import HeadCode
from likeness.tests.bench.accuracy import shape_error_mm

SEED = 5_200_000


@pytest.fixture(scope="module")
def tools():
    return load_calibrated_model(EMBEDDED)


@pytest.fixture(scope="module")
def studio(tools):
    return build_studio(tools.model)


@pytest.fixture(scope="module")
def portraits(studio):
    """Four people: photo, dense landmarks, code."""
    found = []
    for seed in range(SEED, SEED + 4):
        person = render_person(studio, np.random.default_rng(seed))
        photo = photo_from_pixels(person.pixels, source=f"seed {seed}")
        found.append((photo, locate_dense_landmarks(photo, detect_landmarks(photo)), person.code))
    return found


@pytest.fixture(scope="module")
def begun(tools, portraits) -> tuple[View, ViewState]:
    photo, points, _ = portraits[0]
    problem = LandmarkProblem(points, (512, 512), None, tools.model, tools.calibration, FitSettings())
    view = View(photo, problem, tools.skin_look, PhotometricSettings())
    head = problem.initial_state()
    rng = np.random.default_rng(1)
    head.identity = 0.3 * rng.normal(size=problem.num_identity)
    head.expression = rng.uniform(0.05, 0.3, tools.model.num_expression)
    return view, view.begin(head)


def test_slopes_of_points_and_normals_agree_with_differences(tools):
    surface, rng = tools.skin_look.surface, np.random.default_rng(0)
    identity, expression = rng.normal(size=tools.model.num_identity), rng.uniform(0, 0.4, tools.model.num_expression)
    patch = surface.pose(identity, expression)
    by_point, by_normal = rng.normal(size=(2, 1, *patch.points.shape))

    def value(at_identity: np.ndarray, at_expression: np.ndarray) -> np.ndarray:
        moved = surface.pose(at_identity, at_expression)
        return (by_point[0] * moved.points + by_normal[0] * moved.normals).sum(1)

    slopes = surface.slopes(identity, expression, patch, by_point, by_normal)[0]
    for k in (0, 3, 40, 149):
        step = np.eye(len(identity))[k] * 1e-3
        difference = (value(identity + step, expression) - value(identity - step, expression)) / 2e-3
        assert np.abs(difference - slopes[:, k]).max() < 0.02 * np.abs(difference).max()
    for name in ("mouthSmileLeft", "jawOpen", "browInnerUp"):
        e = tools.model.expression_names.index(name)
        step = np.eye(len(expression))[e] * 1e-3
        difference = (value(identity, expression + step) - value(identity, expression - step)) / 2e-3
        assert np.abs(difference - slopes[:, len(identity) + e]).max() < 0.02 * np.abs(difference).max(), name


def test_the_gradient_is_that_of_the_cost(begun):
    """Along each group of unknowns; bilinear sampling leaves a few percent. (Along depth the landmarks' scale is left out.)"""
    view, state = begun
    _, gradient = view.normal_equations(state, 1.0)
    K, E = view.landmarks.num_identity, view.model.num_expression
    groups = {"identity": slice(0, K), "translation": slice(K + 3, K + 5), "expression": slice(K + 7, K + 7 + E),
              "light": slice(len(gradient) - 45, len(gradient) - 36), "skin": slice(len(gradient) - 32, None)}  # fmt: skip
    rng = np.random.default_rng(2)
    for name, part in groups.items():
        direction = np.zeros_like(gradient)
        direction[part] = np.sign(gradient[part]) * rng.uniform(0.5, 1, len(gradient[part]))
        size = 2e-4
        cost = [view.cost(view.moved(state, s * direction[:K], s * direction[K:]), 1.0) for s in (size, -size)]
        difference = (cost[0] - cost[1]) / (2 * size)
        assert difference == pytest.approx(gradient @ direction, rel=0.06), name


def test_an_edge_is_found_where_it_is_and_nowhere_on_even_ground():
    image = np.full((80, 80, 3), 0.3, np.float32)
    image[:, 43:] = 0.7
    rows = np.arange(20.0, 60.0, 4.0)
    pixels = np.column_stack([np.full(len(rows), 40.0), rows])
    normals = np.tile([1.0, 0.0], (len(rows), 1))
    offset, weight = find_edges(image, pixels, normals, 8)
    assert np.abs(offset - 3.0).max() < 0.3
    assert weight.min() > 0.9
    assert find_edges(np.full_like(image, 0.5), pixels, normals, 8)[1].max() == 0


def test_smooth_light_is_recovered_beside_outliers():
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(800, 3)) + np.array([0, 0, 1.5])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    light = np.array([3.5, 0.5, 0.8, -0.6, 0.1, 0.1, 0.1, -0.1, 0.05])
    values = np.log(sh_basis(normals) @ light) + 0.02 * rng.normal(size=800)
    values[:120] -= 1.5
    found, residual = fit_smooth_light(normals, values, np.ones(800))
    shown, wanted = sh_basis(normals) @ found, sh_basis(normals) @ light
    assert np.median(np.abs(shown / wanted - 1)) < 0.03
    assert np.median(residual[:120]) < -1.2
    chroma = fit_chroma(normals, sh_basis(normals)[:, :4] @ [1.0, 0.1, 0, 0], np.ones(800))
    np.testing.assert_allclose(chroma[:2], [1.0, 0.1], atol=0.02)


@pytest.mark.slow
def test_photos_say_more_than_landmarks(tools, portraits):
    model, face = tools.model, tools.model.regions["face"]
    errors = []
    for photo, points, code in portraits:
        truth = model.shape(code.identity)
        landmarks = fit_landmarks(points, (512, 512), None, model, tools.calibration)
        (fit,) = fit_person([photo], [points], model, tools.calibration, tools.skin_look)
        errors.append([shape_error_mm(model.shape(f.code.identity), truth, face) for f in (landmarks, fit)])
        assert (fit.spread <= landmarks.spread + 0.05).all()
    alone, joint = np.mean(errors, 0)
    assert joint < 0.9 * alone


@pytest.mark.slow
def test_three_photos_share_one_identity_and_say_more_than_one(tools, studio):
    model, face = tools.model, tools.model.regions["face"]
    singles, together = [], []
    for seed in (11, 12):
        identity = random_code(model, np.random.default_rng(seed)).identity
        photos, points = [], []
        for view in range(3):
            rng = np.random.default_rng((seed, view))
            code = HeadCode(identity, random_code(model, rng).expression, np.zeros(15))
            photos.append(photo_from_pixels(render_person(studio, rng, code).pixels, source=f"view {view}"))
            points.append(locate_dense_landmarks(photos[-1], detect_landmarks(photos[-1])))
        truth = model.shape(identity)
        fits = fit_person(photos, points, model, tools.calibration, tools.skin_look)
        assert all((fit.code.identity == fits[0].code.identity).all() for fit in fits)
        assert np.ptp([fit.camera.R[0, 2] for fit in fits]) > 0.05
        together.append(shape_error_mm(model.shape(fits[0].code.identity), truth, face))
        for photo, point in zip(photos, points, strict=True):
            (fit,) = fit_person([photo], [point], model, tools.calibration, tools.skin_look)
            singles.append(shape_error_mm(model.shape(fit.code.identity), truth, face))
    assert np.mean(together) < np.mean(singles)


def test_the_calibration_survives_its_file_and_a_damaged_one_is_named(tools, tmp_path):
    path = tmp_path / "photometric.npz"
    save_photometry(tools.skin_look.calibration, path)
    read = load_photometry(path)
    assert read.topology == tools.model.topology
    np.testing.assert_allclose(read.modes, tools.skin_look.calibration.modes, atol=1e-3)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelError, match=r"photometric calibration .* reinstall"):
        load_photometry(path)


def test_textures_are_blended_by_confidence_in_one_tone():
    albedo = np.full((64, 64, 3), 120, np.uint8)
    darker = np.full((64, 64, 3), 90, np.uint8)
    left, right = np.zeros((64, 64), np.uint8), np.zeros((64, 64), np.uint8)
    left[:, :40], right[:, 24:] = 250, 200
    albedo[10, 10] = 30
    main, blended, confidence = blend_textures([(albedo, left), (darker, right)])
    assert main == 0
    assert (confidence == np.maximum(left, right)).all()
    assert np.ptp(blended[20:].astype(int)) <= 2
    assert blended[10, 10].max() < 60
    alone = blend_textures([(albedo, left)])
    assert alone[1] is albedo
