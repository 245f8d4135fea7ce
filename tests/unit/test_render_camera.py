"""Cameras: the convention, and that crops, resizes and orbits show the same point where they should."""

import numpy as np
import pytest
from likeness.core.render.camera import camera_position, crop, look_at, orbit_camera, perspective_camera, project, resize

POINTS = np.random.default_rng(0).normal(size=(50, 3)) * 0.1


def test_front_camera_puts_the_subjects_left_on_the_images_right_and_up_on_top():
    camera = perspective_camera((640, 480))
    pixels, depth = project(camera, np.array([[0.0, 0, 0], [0.1, 0, 0], [0, 0.1, 0], [0, 0, 0.1]]))
    assert np.allclose(pixels[0], (320, 240))
    assert pixels[1, 0] > 320
    assert pixels[2, 1] < 240
    assert depth[3] == pytest.approx(0.9)


def test_a_crop_shifts_pixels_and_a_resize_scales_them():
    camera = perspective_camera((640, 480), focal_35mm=50)
    pixels, _ = project(camera, POINTS)
    assert np.allclose(project(crop(camera, 100, 50, (200, 200)), POINTS)[0], pixels - (100, 50))
    assert np.allclose(project(resize(camera, (320, 120)), POINTS)[0], pixels * (0.5, 0.25))


def test_look_at_sees_its_target_in_the_centre_at_the_right_distance():
    position, target = np.array([0.3, 0.2, 0.9]), np.array([0.0, 0.05, 0.1])
    camera = look_at(position, target, (300, 200), 400.0)
    pixels, depth = project(camera, target)
    assert np.allclose(pixels, (150, 100))
    assert depth == pytest.approx(np.linalg.norm(target - position))
    assert np.allclose(camera_position(camera), position)
    assert np.allclose(camera.R @ camera.R.T, np.eye(3))
    assert np.linalg.det(camera.R) == pytest.approx(1)


@pytest.mark.parametrize("yaw", [-2.0, 0.0, 0.7, np.pi])
def test_orbit_cameras_keep_every_vertex_in_the_frame(yaw):
    pixels, depth = project(orbit_camera(POINTS, (200, 300), yaw, 0.3), POINTS)
    assert (depth > 0).all()
    assert (pixels > 0).all()
    assert (pixels < (200, 300)).all()


def test_positive_yaw_shows_the_subjects_left_side():
    camera = orbit_camera(POINTS, (200, 200), np.pi / 2)
    assert camera_position(camera)[0] > 0.1
