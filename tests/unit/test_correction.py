"""Points pulled by hand: the head follows, and comes nearer to the truth."""

from __future__ import annotations

import numpy as np
import pytest
from likeness.core.fit.correction import HANDLE_POINTS, HANDLES, Correction
from likeness.core.fit.geometry import face_frame, fit_landmarks
from likeness.core.generation import draw_identity
from likeness.core.head.library import EMBEDDED
from likeness.core.pipeline import load_calibrated_model
from likeness.core.render.camera import orbit_camera
from likeness.core.types import HeadCode

SIZE = (800, 800)


@pytest.fixture(scope="module")
def tools():
    return load_calibrated_model(EMBEDDED)


def photograph(tools, seed):
    """A random head and where its surface points lie in a picture, truly and as a detector would say."""
    rng = np.random.default_rng(seed)
    model, calibration = tools.model, tools.calibration
    code = HeadCode(draw_identity(rng, model.num_identity), np.zeros(model.num_expression), np.zeros(15))
    posed = model.pose(code)
    camera = orbit_camera(model.template, SIZE, yaw_rad=rng.uniform(-0.4, 0.4))
    points = calibration.points.evaluate(posed) @ camera.R.T + camera.t
    exact = points[:, :2] / points[:, 2:] * camera.K[0, 0] + camera.K[:2, 2]
    frame = face_frame(camera.R, camera.K[0, 0], points[:, 2].mean())
    measured = calibration.at(frame.yaw, frame.pitch)
    error = measured.bias + np.tensordot(rng.standard_normal(len(measured.modes)), measured.modes, 1)
    error += np.einsum("nab,nb->na", np.linalg.cholesky(measured.covariance), rng.standard_normal(error.shape))
    return code, exact, exact + error @ frame.px_from_m.T


def start(tools, seed):
    code, exact, detected = photograph(tools, seed)
    fit = fit_landmarks(detected, SIZE, None, tools.model, tools.calibration)
    return code, exact, fit, Correction(tools.model, tools.calibration, fit.code, fit.camera)


def face_error_m(tools, first, second):
    face = np.unique(tools.calibration.points.indices)
    a, b = (tools.model.shape(code.identity)[face] for code in (first, second))
    return np.linalg.norm((a - a.mean(0)) - (b - b.mean(0)), axis=1).mean()


def test_without_pins_nothing_moves(tools):
    _, _, fit, correction = start(tools, 1)
    corrected = correction.solve({})
    assert np.array_equal(corrected.code.identity, fit.code.identity)
    assert np.array_equal(corrected.camera.R, fit.camera.R)
    assert np.array_equal(corrected.points_px, correction.locate())


@pytest.mark.parametrize("name", ["chin", "left mouth corner", "right brow", "nose base", "left jaw"])
def test_a_pulled_point_follows_and_the_far_side_stays(tools, name):
    _, _, _, correction = start(tools, 2)
    before, point = correction.locate(), HANDLES[name][0]
    target = before[point] + (4.0, 8.0)
    after = correction.solve({point: target}).points_px
    pulled = np.linalg.norm(target - before[point])
    assert np.linalg.norm(after[point] - target) < 0.15 * pulled
    assert np.median(np.linalg.norm(after - before, axis=1)) < 0.35 * pulled


def test_the_order_of_pulls_does_not_matter(tools):
    _, _, _, correction = start(tools, 3)
    before = correction.locate()
    pins = {int(point): before[point] + (3.0, -3.0) for point in HANDLE_POINTS[:6]}
    first, second = correction.solve(pins), correction.solve(dict(reversed(pins.items())))
    assert np.allclose(first.code.identity, second.code.identity, atol=1e-6)


def test_a_pin_pulled_back_gives_the_fit_again(tools):
    _, _, fit, correction = start(tools, 4)
    point = HANDLES["chin"][0]
    correction.solve({point: correction.locate()[point] + (0, 20.0)})
    assert np.array_equal(correction.solve({}).code.identity, fit.code.identity)


def test_a_pulled_pupil_turns_the_eyes(tools):
    _, _, fit, correction = start(tools, 5)
    points = [HANDLES["left pupil"][0], HANDLES["right pupil"][0]]
    corrected = correction.solve({point: correction.locate()[point] + (5.0, 0.0) for point in points})
    change = dict(zip(tools.model.expression_names, corrected.code.expression - fit.code.expression, strict=True))
    assert change["eyeLookOutLeft"] - change["eyeLookInLeft"] > 0.1
    assert change["eyeLookInRight"] - change["eyeLookOutRight"] > 0.1


def test_weights_stay_in_their_range(tools):
    _, _, _, correction = start(tools, 6)
    before = correction.locate()
    corrected = correction.solve({point: before[point] + (0.0, 40.0) for point in HANDLES["lower lip"]})
    assert corrected.code.expression.min() >= 0
    assert corrected.code.expression.max() <= 1


def test_true_points_bring_the_head_nearer_to_the_truth(tools):
    ratios = []
    for seed in range(10, 22):
        truth, exact, fit, correction = start(tools, seed)
        corrected = correction.solve({int(point): exact[point] for point in HANDLE_POINTS})
        ratios.append(face_error_m(tools, corrected.code, truth) / face_error_m(tools, fit.code, truth))
    assert np.median(ratios) < 0.75
    assert np.mean(np.array(ratios) < 1) > 0.9
