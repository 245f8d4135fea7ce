"""Points pulled by hand: the head follows, and comes nearer to the truth."""

from __future__ import annotations

import numpy as np
import pytest
from likeness.core.fit.correction import HANDLE_POINTS, HANDLES, Correction, follow_identity
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
    assert np.median(ratios) < 0.65
    assert np.mean(np.array(ratios) < 1) > 0.9


def test_a_wild_pull_arrives(tools):
    """A mouth corner dragged over the whole face: a step is not taken past where it leads down."""
    code, _, _ = photograph(tools, 7)
    correction = Correction(tools.model, tools.calibration, code, orbit_camera(tools.model.template, SIZE))
    corner = HANDLES["left mouth corner"][0]
    goal = correction.locate()[corner] + (0.0, -350.0)
    assert np.linalg.norm(correction.solve({corner: goal}).points_px[corner] - goal) < 5


def test_what_the_mesh_has_beside_the_model_is_where_it_is_pulled(tools):
    code, _, _ = photograph(tools, 8)
    camera = orbit_camera(tools.model.template, SIZE)
    beside = np.zeros_like(tools.model.template)
    beside[tools.calibration.points.indices[HANDLES["chin"][0]], 1] = -0.01
    plain, sculpted = (Correction(tools.model, tools.calibration, code, camera, beside=b) for b in (None, beside))
    moved = sculpted.locate() - plain.locate()
    assert moved[HANDLES["chin"][0], 1] > 5
    assert np.abs(moved[HANDLES["forehead"][0]]).max() < 1e-9


def second_view(tools, code, yaw_rad):
    """The same head from another side, its pixels."""
    camera = orbit_camera(tools.model.template, SIZE, yaw_rad=yaw_rad)
    return code, camera, Correction(tools.model, tools.calibration, code, camera).locate()


def test_further_photos_follow_the_identity_so_that_the_face_stays_where_it_lay(tools):
    """Against standing still: another identity is larger or turned, and so the main photo's camera is another; then all are."""
    _, exact, fit, correction = start(tools, 9)
    corrected = correction.solve({int(point): exact[point] for point in HANDLE_POINTS}).code
    for yaw in (-0.6, 0.5):
        _, camera, before = second_view(tools, fit.code, yaw)
        (followed,) = follow_identity(tools.model, tools.calibration, [(fit.code, camera)], corrected.identity)
        stood = HeadCode(corrected.identity, fit.code.expression, fit.code.pose)
        off = [np.linalg.norm(correction.place(c, k).points_px - before, axis=1).mean() for c, k in (followed, (stood, camera))]
        assert off[0] < 0.8 * off[1]
        assert followed[0].expression.min() >= 0


def test_an_unchanged_identity_leaves_further_photos_as_they_are(tools):
    _, _, fit, _ = start(tools, 9)
    ((code, camera),) = follow_identity(tools.model, tools.calibration, [(fit.code, fit.camera)], fit.code.identity)
    assert np.allclose(code.expression, fit.code.expression)
    assert np.allclose(camera.R, fit.camera.R)
    assert np.allclose(camera.t, fit.camera.t)


def test_what_further_photos_are_sure_of_moves_less(tools):
    """A profile knows how far the nose stands out: pulling it down in the front view must not make it longer or shorter there."""
    _, _, fit, alone = start(tools, 11)
    _, camera, before = second_view(tools, fit.code, 1.0)
    both = Correction(tools.model, tools.calibration, fit.code, fit.camera, further=[(fit.code, camera)])
    nose = HANDLES["nose tip"][0]
    moves = []
    for correction in (alone, both):
        corrected = correction.solve({nose: correction.locate()[nose] + (0.0, 10.0)})
        assert np.linalg.norm(corrected.points_px[nose] - correction.locate()[nose] - (0.0, 10.0)) < 1.0
        (followed,) = follow_identity(tools.model, tools.calibration, [(fit.code, camera)], corrected.code.identity)
        moves.append(np.linalg.norm(correction.place(*followed).points_px - before, axis=1).mean())
    assert moves[1] < moves[0]


def test_a_pulled_mouth_corner_turns_no_head(tools):
    _, _, fit, correction = start(tools, 12)
    corner = HANDLES["left mouth corner"][0]
    for pull in ((0.0, -20.0), (0.0, 20.0)):
        corrected = correction.solve({corner: correction.locate()[corner] + pull})
        turn = (np.trace(corrected.camera.R @ fit.camera.R.T) - 1) / 2
        assert np.degrees(np.arccos(min(turn, 1.0))) < 1.5
