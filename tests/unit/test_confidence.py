"""What a result says of itself: expected error and shares of the face, on fits made up for the purpose."""

from __future__ import annotations

import numpy as np
import pytest
from likeness.core.fit.atlas import get_atlas
from likeness.core.fit.confidence import covered_parts, covering_warnings, expected_error_mm, shares_of_face
from likeness.core.fit.geometry import LandmarkFit
from likeness.core.fit.surface import pose_surface
from likeness.core.head.library import get_model
from likeness.core.render.camera import orbit_camera
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


def test_parts_that_look_at_the_camera_and_show_no_skin_are_named():
    model = get_model()
    size, camera = 256, orbit_camera(model.template, (256, 256))
    seen = np.full((size, size), 200, np.uint8)
    assert covered_parts(model, pose_surface(model.template, get_atlas(model, 256), camera), camera, seen) == []
    assert covering_warnings([]) == []
    forehead = seen.copy()
    corners = model.face_uvs[(model.regions["forehead"][model.faces] > 0.5).all(1)]
    column, row = (np.stack([model.uvs[corners][..., 0], 1 - model.uvs[corners][..., 1]]) * size).astype(int).clip(0, size - 1)
    forehead[row, column] = 0
    assert covered_parts(model, pose_surface(model.template, get_atlas(model, 256), camera), camera, forehead) == ["forehead"]
    assert "the forehead (" in covering_warnings(["forehead"])[0]
    assert "the nose, left cheek and chin (" in covering_warnings(["nose", "left cheek", "chin"])[0]


def test_what_is_turned_away_or_outside_the_photo_is_not_called_covered():
    model = get_model()
    nothing = np.zeros((64, 64), np.uint8)
    side = orbit_camera(model.template, (256, 256), yaw_rad=np.pi / 2)
    found = covered_parts(model, pose_surface(model.template, get_atlas(model, 256), side), side, nothing)
    assert len(found) < 3
    assert not {"left cheek", "right cheek"} <= set(found)
    behind = orbit_camera(model.template, (256, 256), yaw_rad=np.pi)
    assert covered_parts(model, pose_surface(model.template, get_atlas(model, 256), behind), behind, nothing) == []
