"""Finding faces: positions, sides, sizes, turns, crowds, and what is not a face."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from likeness.core.errors import FaceError
from likeness.core.photo.crop import Square, crop_square
from likeness.core.photo.detector import box_overlap, tile_windows
from likeness.core.photo.image import photo_from_pixels
from likeness.core.photo.landmarks import agreement, detect_landmarks, find_faces, head_turn, likelihood
from likeness.core.photo.mirror import MIRRORED, mirror_points
from likeness.core.photo.quality import assess_landmarks
from PIL import Image

RIGHT_EYE_OUTER, LEFT_EYE_OUTER, NOSE_TIP, CHIN = 33, 263, 1, 152
RIGHT_MOUTH_CORNER, LEFT_MOUTH_CORNER, UPPER_LIP, LOWER_LIP = 61, 291, 13, 14
RIGHT_IRIS, LEFT_IRIS = slice(468, 473), slice(473, 478)


@pytest.fixture(scope="module")
def portrait() -> Image.Image:
    import skimage.data

    return Image.fromarray(skimage.data.astronaut())


@pytest.fixture(scope="module")
def face(portrait):
    return detect_landmarks(photo_from_pixels(np.asarray(portrait)))


def error_share(points: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance in shares of the distance of the outer eye corners."""
    eyes = np.linalg.norm(truth[RIGHT_EYE_OUTER] - truth[LEFT_EYE_OUTER])
    return float(np.linalg.norm(points - truth, axis=1).mean() / eyes)


def test_the_astronaut_has_478_points_where_a_person_sees_them(face):
    points = face.points_px
    assert points.shape == (478, 2)
    assert face.depth_px.shape == (478,)
    seen = {RIGHT_EYE_OUTER: (193, 100), LEFT_EYE_OUTER: (257, 104), NOSE_TIP: (223, 128), RIGHT_MOUTH_CORNER: (200, 143),
            LEFT_MOUTH_CORNER: (245, 143), CHIN: (221, 178)}  # fmt: skip
    for index, place in seen.items():
        assert np.linalg.norm(points[index] - place) < 8, (index, points[index])
    assert points[UPPER_LIP, 1] < points[LOWER_LIP, 1]
    assert face.presence > 0.95
    assert face.detection_score > 0.9
    assert abs(face.yaw_rad) < 0.2
    assert abs(face.roll_rad) < 0.2


def test_the_subjects_right_iris_is_on_the_left_of_the_image_and_in_its_eye(face):
    right, left = face.points_px[RIGHT_IRIS].mean(0), face.points_px[LEFT_IRIS].mean(0)
    assert right[0] < left[0]
    corners = face.points_px[[RIGHT_EYE_OUTER, 133]], face.points_px[[362, LEFT_EYE_OUTER]]
    for iris, eye in zip((right, left), corners, strict=True):
        assert eye[:, 0].min() < iris[0] < eye[:, 0].max()
        assert np.linalg.norm(iris - eye.mean(0)) < 5


def test_the_nose_is_nearer_to_the_camera_than_the_ears(face):
    assert face.depth_px[NOSE_TIP] < face.depth_px[[234, 454]].min()


def test_mirrored_points_are_a_pairing():
    assert np.array_equal(MIRRORED[MIRRORED], np.arange(478))
    assert MIRRORED[RIGHT_EYE_OUTER] == LEFT_EYE_OUTER
    assert MIRRORED[468] == 473
    assert MIRRORED[NOSE_TIP] == NOSE_TIP


def test_a_mirrored_photo_gives_the_mirrored_landmarks(portrait, face):
    mirrored = detect_landmarks(photo_from_pixels(np.asarray(portrait)[:, ::-1]))
    assert error_share(mirror_points(mirrored.points_px, portrait.width), face.points_px) < 0.006
    assert mirrored.yaw_rad == pytest.approx(-face.yaw_rad, abs=0.03)


@pytest.mark.parametrize("degrees", [-40, -20, 20, 40])
def test_yaw_is_positive_when_the_subject_turns_to_the_images_right(face, degrees):
    points = np.column_stack([face.points_px, face.depth_px])
    points -= points.mean(0)
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turned = points @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    assert (turned[NOSE_TIP, 0] - points[NOSE_TIP, 0]) * degrees > 0, "the nose goes where the subject turns"
    yaw, roll = head_turn(turned)
    assert np.degrees(yaw - face.yaw_rad) == pytest.approx(degrees, abs=1)
    assert roll == pytest.approx(face.roll_rad, abs=0.03)


@pytest.mark.parametrize("degrees", [30, 45, 90, 135, 180, 270])
def test_a_turned_photo_gives_the_turned_landmarks(portrait, face, degrees):
    turned = portrait.rotate(degrees, Image.Resampling.BICUBIC, expand=True)
    found = detect_landmarks(photo_from_pixels(np.asarray(turned)))
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    expected = (face.points_px - 256) @ np.array([[c, -s], [s, c]]) + np.array(turned.size) / 2
    assert error_share(found.points_px, expected) < 0.015
    assert np.cos(found.roll_rad - face.roll_rad + np.radians(degrees)) > 0.99


@pytest.mark.parametrize("scale", [0.5, 2.0, 4.0])
def test_a_resized_photo_gives_the_resized_landmarks(portrait, face, scale):
    resized = portrait.resize([int(side * scale) for side in portrait.size], Image.Resampling.LANCZOS)
    found = detect_landmarks(photo_from_pixels(np.asarray(resized)))
    assert error_share(found.points_px, face.points_px * scale) < 0.012


def test_a_face_of_three_percent_of_the_width_is_found(portrait, face):
    side = 323
    scene = Image.new("RGB", (2000, 1500), (120, 140, 120))
    scene.paste(portrait.resize((side, side), Image.Resampling.LANCZOS), (1210, 470))
    found = detect_landmarks(photo_from_pixels(np.asarray(scene)))
    assert error_share(found.points_px, face.points_px * side / 512 + (1210, 470)) < 0.02


def test_ten_faces_are_ten_largest_first(portrait, face):
    scene = Image.new("RGB", (1050, 460))
    close = portrait.crop((120, 0, 330, 210))
    places = [(210 * (k % 5), 210 * (k // 5)) for k in range(9)]
    for place in places:
        scene.paste(close, place)
    scene.paste(close.resize((250, 250)), (800, 210))
    faces = find_faces(photo_from_pixels(np.asarray(scene)))
    assert len(faces) == 10
    truths = [face.points_px - (120, 0) + place for place in places]
    truths.append((face.points_px - (120, 0)) * 250 / 210 + (800, 210))
    assert error_share(faces[0].points_px, truths[9]) < 0.02, "the enlarged one comes first"
    for truth in truths:
        assert min(error_share(found.points_px, truth) for found in faces) < 0.02
    photo = photo_from_pixels(np.asarray(scene), source="group.jpg")
    assert error_share(detect_landmarks(photo, 9).points_px, faces[9].points_px) == 0
    with pytest.raises(FaceError, match=r"group.jpg shows 10 face.*0 to 9"):
        detect_landmarks(photo, 10)


@pytest.mark.parametrize("name", ["coffee", "rocket", "brick"])
def test_what_is_no_face_gives_a_face_error(name):
    import skimage.data

    photo = photo_from_pixels(getattr(skimage.data, name)(), source=f"{name}.png")
    with pytest.raises(FaceError, match=f"No face was found in {name}.png. Use a photo"):
        detect_landmarks(photo)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_plain_picture_has_no_faces(level):
    assert find_faces(photo_from_pixels(np.full((300, 400, 3), level, np.uint8))) == []


def test_a_grey_photo_gives_nearly_the_same_landmarks(portrait, face):
    found = detect_landmarks(photo_from_pixels(np.asarray(portrait.convert("L"))))
    assert error_share(found.points_px, face.points_px) < 0.03


def test_a_face_cut_by_the_edge_is_found_and_doubted(portrait, face):
    photo = photo_from_pixels(np.asarray(portrait)[:, 210:])
    found = detect_landmarks(photo)
    quality = assess_landmarks(photo, found)
    assert any("outside the photo" in warning for warning in quality.warnings)


def test_confidence_falls_with_size_turn_and_doubt(portrait, face):
    large = portrait.resize((1024, 1024), Image.Resampling.LANCZOS)
    photo = photo_from_pixels(np.asarray(large))
    good = replace(face, points_px=face.points_px * 2)
    best = assess_landmarks(photo, good)
    assert best.warnings == ()
    assert best.confidence > 0.95
    worse = {
        "pixels large": replace(good, points_px=400 + (good.points_px - 400) * 0.2),
        "to the side": replace(good, yaw_rad=-1.2),
        "hard to recognise": replace(good, presence=0.6),
        "outside the photo": replace(good, points_px=good.points_px - (420, 0)),
    }
    for words, doubtful in worse.items():
        quality = assess_landmarks(photo, doubtful)
        assert quality.confidence < 0.75, words
        assert any(words in warning for warning in quality.warnings), (words, quality)


def test_points_under_transparent_pixels_are_doubted(portrait, face):
    alpha = np.full((512, 512), 255, np.uint8)
    alpha[:130] = 0
    photo = replace(photo_from_pixels(np.asarray(portrait)), alpha=alpha)
    assert any("transparent" in warning for warning in assess_landmarks(photo, face).warnings)


def test_likelihood_is_the_product_of_both_scores(face):
    assert likelihood(replace(face, presence=0.5, detection_score=0.8)) == pytest.approx(0.4)


def test_agreement_is_full_for_equal_meshes_and_none_for_distant_ones():
    points = np.random.default_rng(0).random((478, 3)) * 100
    assert agreement(points, points) == 1
    assert agreement(points, points + 40) == 0


def test_a_window_of_the_photos_own_pixels_is_those_pixels():
    pixels = np.random.default_rng(1).integers(0, 256, (90, 120, 3), np.uint8)
    assert np.array_equal(crop_square(pixels, Square(50, 40, 32), 32, True), pixels[24:56, 34:66])


def test_a_window_turned_by_a_right_angle_is_the_turned_pixels():
    pixels = np.random.default_rng(1).integers(0, 256, (90, 120, 3), np.uint8)
    window = crop_square(pixels, Square(50, 40, 32, np.pi / 2), 32, True)
    np.testing.assert_allclose(window.astype(int), np.rot90(pixels[24:56, 34:66]).astype(int), atol=1)


def test_a_window_is_averaged_where_it_shrinks_the_photo():
    """A checkerboard becomes plain grey, where taking every eighth pixel would give one of its colours."""
    pixels = np.repeat((np.indices((256, 256)).sum(0) % 2 * 255).astype(np.uint8)[..., None], 3, 2)
    assert np.all(np.abs(crop_square(pixels, Square(128, 128, 256), 32, True).astype(int) - 127) <= 1)


def test_beyond_the_edge_a_window_is_black_or_repeats_the_edge():
    pixels = np.full((40, 40, 3), 200, np.uint8)
    window = Square(0, 20, 40)
    assert np.all(crop_square(pixels, window, 40, repeat_edge=True) == 200)
    black = crop_square(pixels, window, 40, repeat_edge=False)
    assert np.all(black[:, :19] == 0)
    assert np.all(black[:, 21:] == 200)


def test_windows_go_to_the_image_and_back():
    square = Square(100, 50, 80, 0.7)
    points = np.random.default_rng(2).random((20, 2))
    np.testing.assert_allclose(square.from_image(square.to_image(points)), points, atol=1e-12)
    np.testing.assert_allclose(square.to_image(np.array([0.5, 0.5])), [100, 50])


def test_tiles_cover_the_photo_and_overlap_by_half():
    covered = np.zeros((300, 1000), int)
    windows = list(tile_windows(covered.shape, 4))
    for w in windows:
        covered[max(0, int(w.y - w.side / 2)) : int(w.y + w.side / 2), max(0, int(w.x - w.side / 2)) : int(w.x + w.side / 2)] += 1
    assert covered.min() >= 1
    assert {w.side for w in windows} == {250.0}
    columns = np.unique([w.x for w in windows])
    assert np.diff(columns).max() <= 125 + 1e-9


def test_the_overlap_of_boxes_is_intersection_over_union():
    assert box_overlap((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(1 / 3)
    assert box_overlap((0, 0, 1, 1), (2, 2, 3, 3)) == 0
