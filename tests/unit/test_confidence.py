"""What a result says of itself: expected error and shares of the face, on fits made up for the purpose."""

from __future__ import annotations

import numpy as np
import pytest
from likeness.core.fit.confidence import expected_error_mm, shares_of_face
from likeness.core.fit.geometry import LandmarkFit
from likeness.core.head.library import get_model
from likeness.core.types import Camera


def fit_with(spread: np.ndarray) -> LandmarkFit:
    camera = Camera(np.eye(3), np.eye(3), np.zeros(3), (10, 10))
    return LandmarkFit(get_model().neutral_code(), camera, np.zeros(4), np.ones(4), spread)


def test_the_less_is_known_of_the_identity_the_larger_the_expected_error():
    model = get_model()
    spread = np.ones(model.num_identity)
    nothing, half = (expected_error_mm(model, fit_with(s)) for s in (spread, 0.5 * spread))
    assert half == pytest.approx(nothing / 2)
    assert 2.0 < nothing < 5.0
    first_known = spread.copy()
    first_known[0] = 0
    last_known = spread.copy()
    last_known[-1] = 0
    assert expected_error_mm(model, fit_with(first_known)) < expected_error_mm(model, fit_with(last_known))


def test_shares_of_the_face_add_up_and_follow_the_map():
    model = get_model()
    confidence = np.zeros((256, 256), np.uint8)
    assert shares_of_face(model, confidence) == {"seen": 0, "mirrored": 0, "invented": 1}
    confidence[:] = 200
    assert shares_of_face(model, confidence)["seen"] == 1
    confidence[:, :128] = 60
    shares = shares_of_face(model, confidence)
    assert sum(shares.values()) == pytest.approx(1, abs=0.01)
    assert 0.2 < shares["mirrored"] < 0.8
