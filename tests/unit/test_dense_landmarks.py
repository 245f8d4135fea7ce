"""Dense landmarks: learnt corrections that hold on heads never seen, stay bounded, and treat both sides of a face alike."""

from dataclasses import replace

import numpy as np
import pytest
from likeness.core.calibration.render import build_studio, render_person
from likeness.core.calibration.train import train
from likeness.core.errors import ModelError
from likeness.core.fit.measurement import load_calibration
from likeness.core.head.library import get_model
from likeness.core.photo.dense_landmarks import (
    FARTHEST,
    features_of,
    load_regressor,
    locate_dense_landmarks,
    read_face,
    save_regressor,
)
from likeness.core.photo.image import photo_from_pixels
from likeness.core.photo.landmarks import detect_landmarks
from likeness.core.photo.mirror import mirror_points
from skimage.data import astronaut

UNSEEN_SEEDS = range(300, 306)


@pytest.fixture(scope="module")
def portrait():
    photo = photo_from_pixels(astronaut(), source="astronaut")
    return photo, detect_landmarks(photo)


def test_on_heads_never_seen_they_are_nearer_to_the_truth_than_what_the_network_draws():
    model, points = get_model(), load_calibration().points
    studio, ratios = build_studio(model), []
    for seed in UNSEEN_SEEDS:
        person = render_person(studio, np.random.default_rng(seed))
        photo = photo_from_pixels(person.pixels, source=f"seed {seed}")
        landmarks = detect_landmarks(photo)
        true = (points.evaluate(model.pose(person.code)) @ person.camera.R.T + person.camera.t) @ person.camera.K.T
        true = true[:, :2] / true[:, 2:]
        errors = [
            np.linalg.norm(found - true, axis=1).mean()
            for found in (locate_dense_landmarks(photo, landmarks), landmarks.points_px)
        ]
        ratios.append(errors[0] / errors[1])
    assert np.median(ratios) < 0.75


def test_a_mirrored_photo_gives_mirrored_points(portrait):
    photo, landmarks = portrait
    mirrored = photo_from_pixels(np.ascontiguousarray(photo.pixels[:, ::-1]), source="mirrored")
    found = locate_dense_landmarks(mirrored, detect_landmarks(mirrored))
    distance = np.linalg.norm(mirror_points(found, 512) - locate_dense_landmarks(photo, landmarks), axis=1)
    eyes = np.linalg.norm(landmarks.points_px[263] - landmarks.points_px[33])
    assert distance.mean() < 0.01 * eyes


def test_however_strange_the_reading_corrections_stay_bounded(portrait):
    photo, landmarks = portrait
    _, reading, _ = read_face(photo.pixels, landmarks)
    regressor = load_regressor()
    strange = replace(reading, layers={name: 1e3 * layer for name, layer in reading.layers.items()})
    correction = (regressor.locate(strange) - reading.points[:, :2]).ravel() - regressor.offset
    spread = np.linalg.norm(regressor.directions)
    assert np.isfinite(correction).all() and np.linalg.norm(correction) < FARTHEST * np.sqrt(len(regressor.directions)) * spread


def test_training_finds_a_linear_law_and_ignores_a_misread_head(portrait):
    photo, landmarks = portrait
    _, reading, _ = read_face(photo.pixels, landmarks)
    middle = features_of(reading)
    rng = np.random.default_rng(0)
    features = middle + rng.normal(size=(400, 2, len(middle)))
    law = 0.3 * rng.normal(size=(4, 956))
    errors = (1.0 + (features[..., :4] - middle[:4]) @ law).reshape(400, 2, 478, 2)
    errors[7] += 1e4
    regressor = train(features, errors, np.ones(400))
    z = (features[20, 0] - regressor.mean) / regressor.scale @ regressor.weights
    found = (z @ regressor.directions + regressor.offset).reshape(478, 2)
    assert np.abs(found - errors[20, 0]).mean() < 0.5 * np.abs(errors[20, 0] - 1.0).mean()


def test_heads_that_count_more_are_followed_more(portrait):
    photo, landmarks = portrait
    middle = features_of(read_face(photo.pixels, landmarks)[1])
    features = middle + np.random.default_rng(0).normal(size=(60, 2, len(middle)))
    errors = np.zeros((60, 2, 478, 2))
    errors[30:] = 4.0
    offsets = [train(features, errors, np.repeat([1.0, share], 30)).offset.mean() for share in (1.0, 3.0)]
    assert offsets == pytest.approx([2.0, 3.0])


def test_a_regressor_survives_saving_and_a_damaged_file_is_named(tmp_path):
    regressor, path = load_regressor(), tmp_path / "r.npz"
    save_regressor(regressor, path)
    np.testing.assert_allclose(load_regressor(path).directions, regressor.directions, rtol=1e-3)
    path.write_bytes(path.read_bytes()[:1000])
    load_regressor.cache_clear()
    with pytest.raises(ModelError, match="reinstall"):
        load_regressor(path)
