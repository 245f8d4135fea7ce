"""The landmark fit on heads whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest
from likeness.core.calibration.people import random_expression
from likeness.core.fit.geometry import FitSettings, closed_form_pose, cross_matrices, fit_landmarks
from likeness.core.fit.measurement import face_frame, load_calibration
from likeness.core.fit.points import restrict
from likeness.core.head.library import get_model
from likeness.core.head.model import rotation_matrices
from likeness.core.types import HeadCode

SIZE = (640, 480)
FOCAL = 800.0


def make_landmarks(seed: int, yaw_deg: float = 10.0, roll_deg: float = 5.0):
    """Exact landmarks of a random head: points_px [478,2], code, R, t."""
    model, calibration = get_model(), load_calibration()
    rng = np.random.default_rng(seed)
    code = HeadCode(rng.normal(size=model.num_identity), random_expression(model.expression_names, rng), np.zeros(15))
    turns = rotation_matrices(np.array([[0, 0, -np.radians(roll_deg)], [0, np.radians(yaw_deg), 0]]))
    R = np.diag([1.0, -1, -1]) @ turns[0] @ turns[1]
    t = np.array([0.02, 0.01, 0.6]) - R @ model.template.mean(0)
    points = calibration.points.evaluate(model.pose(code)) @ R.T + t
    return FOCAL * points[:, :2] / points[:, 2:] + np.array(SIZE) / 2, code, R, t


def test_yaw_pitch_and_roll_are_read_off_a_rotation():
    turns = rotation_matrices(np.radians([[0, 0, -20.0], [0, 25.0, 0]]))
    frame = face_frame(np.diag([1.0, -1, -1]) @ turns[0] @ turns[1], 2.0, 1.0)
    assert abs(np.degrees(np.arctan2(frame.px_from_m[1, 0], frame.px_from_m[0, 0])) - 20) < 2
    assert np.isclose(np.linalg.det(frame.px_from_m), 4.0)


def test_closed_form_pose_is_exact_for_a_far_camera():
    rng = np.random.default_rng(0)
    points = rng.normal(0, 0.05, (50, 3))
    R = np.diag([1.0, -1, -1]) @ rotation_matrices(np.array([[0.2, 0.4, -0.1]]))[0]
    t = np.array([0.3, -0.2, 6000.0])
    seen = points @ R.T + t
    pixels = 5_000_000 * seen[:, :2] / seen[:, 2:] + 100
    found_R, found_t = closed_form_pose(pixels, points, np.array([100.0, 100.0]), 5_000_000)
    np.testing.assert_allclose(found_R, R, atol=2e-3)
    np.testing.assert_allclose(found_t, t, rtol=3e-3)


def test_the_point_model_agrees_with_the_whole_model():
    model, calibration = get_model(), load_calibration()
    _, code, _, _ = make_landmarks(3)
    points = calibration.points
    restricted = restrict(model, points).evaluate(code.identity, code.expression, code.pose)
    whole = points.evaluate(model.pose(code))
    assert np.linalg.norm(restricted - whole, axis=1).max() < 2e-4


def test_the_jacobian_agrees_with_differences():
    model = get_model()
    points = restrict(model, load_calibration().points)
    rng = np.random.default_rng(2)
    identity, expression = rng.normal(size=model.num_identity), rng.uniform(0, 0.5, model.num_expression)
    _, slopes = points.jacobian(identity, expression, np.zeros(15))
    step = 1e-5
    for k in (0, 7, model.num_identity - 1):
        moved = identity.copy()
        moved[k] += step
        difference = (
            points.evaluate(moved, expression, np.zeros(15)) - points.evaluate(identity, expression, np.zeros(15))
        ) / step
        assert np.abs(difference - slopes[:, k]).max() < 0.15 * np.abs(difference).max() + 1e-6
    for e in range(model.num_expression):
        moved = expression.copy()
        moved[e] += step
        difference = (points.evaluate(identity, moved, np.zeros(15)) - points.evaluate(identity, expression, np.zeros(15))) / step
        assert np.abs(difference - slopes[:, model.num_identity + e]).max() < 0.01 * np.abs(difference).max() + 1e-6


@pytest.mark.parametrize(("seed", "yaw"), [(1, 0.0), (2, 20.0), (3, -35.0)])
def test_exact_landmarks_give_back_pose_and_reprojection(seed, yaw):
    points_px, _, R, _ = make_landmarks(seed, yaw)
    fit = fit_landmarks(
        points_px, SIZE, FOCAL, get_model(), load_calibration().exact(), FitSettings(degrees=1e6, noise_scale=1.0)
    )
    angle = np.degrees(np.arccos(np.clip((np.trace(fit.camera.R @ R.T) - 1) / 2, -1, 1)))
    assert angle < 3.0
    assert np.median(fit.residual_px) < 0.6


def test_the_fit_is_the_same_wherever_the_photo_is_cropped_and_scaled():
    points_px, _, _, _ = make_landmarks(4)
    calibration = load_calibration()
    settings = replace(FitSettings(), exif_sigma=1e-3)
    small = fit_landmarks(points_px, SIZE, FOCAL, get_model(), calibration, settings)
    large = fit_landmarks(points_px * 3, (SIZE[0] * 3, SIZE[1] * 3), FOCAL * 3, get_model(), calibration, settings)
    assert np.abs(small.code.identity - large.code.identity).max() < 0.02


def test_a_hand_over_the_mouth_moves_the_shape_less_than_it_moves_the_landmarks():
    points_px, _, _, _ = make_landmarks(5)
    calibration, model = load_calibration(), get_model()
    clean = fit_landmarks(points_px, SIZE, FOCAL, model, calibration)
    broken = points_px.copy()
    hit = np.random.default_rng(0).choice(478, 40, replace=False)
    broken[hit] += 25.0
    fit = fit_landmarks(broken, SIZE, FOCAL, model, calibration)
    moved = np.linalg.norm(model.shape(fit.code.identity) - model.shape(clean.code.identity), axis=1)
    face = model.regions["face"] > 0.5
    assert np.median(moved[face]) < 2.5e-3
    assert fit.trust[hit].mean() < 0.5 * np.delete(fit.trust, hit).mean()


def test_cross_matrices_take_the_cross_product():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 5, 3))
    np.testing.assert_allclose(np.einsum("nab,nb->na", cross_matrices(a), b), np.cross(a, b))
