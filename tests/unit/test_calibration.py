"""Estimating the measurement model from samples whose truth is known by construction."""

import numpy as np
from likeness.core.calibration.estimate import Sample, _nearest_in_triangles, calibrate, embed_landmarks, mirror_vertices
from likeness.core.fit.measurement import NUM_LANDMARKS, face_frame, load_calibration, save_calibration
from likeness.core.head.library import get_model
from likeness.core.head.model import SurfacePoints, rotation_matrices
from likeness.core.photo.mirror import MIRRORED
from likeness.core.types import Camera


def test_the_nearest_point_of_a_triangle_is_found_exactly():
    rng = np.random.default_rng(0)
    Q, target = rng.normal(size=(3, 40)), np.zeros(40)
    weights = np.array([0.2, 0.5, 0.3])
    target = weights @ Q
    triangle, found = _nearest_in_triangles(target, Q, np.array([[0, 1, 2]]), np.array([[5, 6, 7]]))
    np.testing.assert_allclose(found, weights, atol=1e-10)
    assert list(triangle) == [5, 6, 7]


def synthetic_samples(model, points: SurfacePoints, offset: np.ndarray, count: int) -> list[Sample]:
    """Detections that are exactly the projected points plus `offset` [N,2] m in the upright face frame."""
    rng = np.random.default_rng(1)
    samples = []
    for _ in range(count):
        turn = rotation_matrices(np.array([[rng.normal(0, 0.12), rng.uniform(-0.25, 0.25), rng.normal(0, 0.1)]]))[0]
        R = np.diag([1.0, -1, -1]) @ turn
        t = np.array([0.0, 0.0, rng.uniform(0.5, 1.2)]) - R @ model.template.mean(0)
        K = np.array([[900.0, 0, 256], [0, 900.0, 256], [0, 0, 1]])
        vertices = model.shape(0.7 * rng.normal(size=model.num_identity))
        seen = vertices @ R.T + t
        frame = face_frame(R, 900.0, seen[:, 2].mean())
        at = points.evaluate(vertices) @ R.T + t
        detected = 900 * at[:, :2] / at[:, 2:] + 256 + offset @ frame.px_from_m.T
        samples.append(Sample(detected, vertices, Camera(K, R, t, (512, 512))))
    return samples


def test_landmarks_are_embedded_where_they_lie():
    model, points = get_model(), load_calibration().points
    found = embed_landmarks(synthetic_samples(model, points, np.zeros((NUM_LANDMARKS, 2)), 60), model, 0.2)
    distance = np.linalg.norm(found.evaluate(model.template) - points.evaluate(model.template), axis=1)
    assert np.median(distance) < 5e-4 and np.percentile(distance, 95) < 4e-3


def test_calibration_finds_the_bias_and_no_noise_where_there_is_none():
    model, points = get_model(), load_calibration().points
    offset = 2e-3 * np.random.default_rng(3).normal(size=(NUM_LANDMARKS, 2))
    offset = (offset + offset[MIRRORED] * [-1, 1]) / 2
    calibration = calibrate(synthetic_samples(model, points, offset, 60), points, np.radians([-15.0, 0, 15]), 0.2, "")
    np.testing.assert_allclose(calibration.bias[1, 0], offset, atol=1e-4)
    assert np.sqrt(np.abs(calibration.covariance).max()) < 3e-4


def test_a_calibration_survives_saving(tmp_path):
    calibration = load_calibration()
    save_calibration(calibration, tmp_path / "c.npz")
    again = load_calibration(tmp_path / "c.npz")
    np.testing.assert_allclose(again.covariance, calibration.covariance, rtol=2e-3, atol=1e-12)
    np.testing.assert_array_equal(again.points.indices, calibration.points.indices)
    assert again.topology == calibration.topology


def test_every_vertex_has_one_mirror_twin_on_the_skin():
    model = get_model()
    twins = mirror_vertices(model.template)
    distance = np.linalg.norm(model.template[twins] * [-1, 1, 1] - model.template, axis=1)
    assert np.median(distance) < 1e-4 and distance.max() < 3e-3
