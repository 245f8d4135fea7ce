"""NoW's measure on shapes whose errors are known, and the challenge's folders."""

from __future__ import annotations

import math

import numpy as np
import pytest
from likeness.core.errors import EvaluationError
from likeness.core.evaluation.meshes import TriangleMesh
from likeness.core.evaluation.now_challenge import ChallengeImage, list_images, read_prediction, read_scan, write_prediction
from likeness.core.evaluation.now_scores import crop_scan, face_sphere, score_prediction
from likeness.core.evaluation.now_table import ScoredImage, cumulative, describe, sum_up
from likeness.core.evaluation.similarity import Similarity, fit_similarity, refine_similarity
from likeness.core.evaluation.surface import Surface, closest_on_triangles
from likeness.core.evaluation.tables import csv_table, markdown_table
from likeness.core.head.model import rotation_matrices

RNG = np.random.default_rng(5)


def bumpy_face(size: int = 41) -> tuple[TriangleMesh, np.ndarray]:
    """A face-like relief of 200 x 200 mm with a nose and two sockets, and 7 landmarks on it."""
    x, y = np.meshgrid(np.linspace(-100, 100, size), np.linspace(-100, 100, size))
    vertices = np.stack([x, y, relief(x, y)], -1).reshape(-1, 3)
    corner = np.arange(size * size).reshape(size, size)[:-1, :-1].ravel()
    triangles = np.concatenate(
        [np.stack([corner, corner + 1, corner + size + 1], 1), np.stack([corner, corner + size + 1, corner + size], 1)]
    )
    places = np.array([[-45, 35], [-17, 33], [17, 33], [45, 35], [0, -10], [-25, -38], [25, -38.0]])
    return TriangleMesh(vertices, triangles), np.column_stack([places, relief(*places.T)])


def relief(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    nose = 25 * np.exp(-(x**2) / 150 - (y - 8) ** 2 / 500)
    sockets = sum(10 * np.exp(-((x - side) ** 2) / 200 - (y - 34) ** 2 / 90) for side in (-31, 31))
    return 60 - (x**2 + 0.6 * y**2) / 160 + nose - sockets + 3 * np.sin(y / 12) * np.cos(x / 20)


FACE, LANDMARKS = bumpy_face()
SCAN = crop_scan(FACE.vertices, LANDMARKS)
TURN = rotation_matrices(np.array([0.5, -1.1, 0.3]))


def moved(scale: float, points: np.ndarray) -> np.ndarray:
    return scale * points @ TURN.T + (0.3, -2.0, 7.0)


def closest_reference(points: np.ndarray, mesh: TriangleMesh) -> np.ndarray:
    """The slow twin: every point against every triangle."""
    corners = mesh.vertices[mesh.triangles]
    pairs = [closest_by_regions(p, corners) for p in points]
    return np.array([np.sqrt(((pair - p) ** 2).sum(1)).min() for p, pair in zip(points, pairs, strict=True)])


def closest_by_regions(point: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """The nearest points of triangles, by trying vertices, sides and the plane apart."""
    found = [corners[:, i] for i in range(3)]
    for i in range(3):
        a, b = corners[:, i], corners[:, (i + 1) % 3]
        t = ((point - a) * (b - a)).sum(1) / ((b - a) ** 2).sum(1)
        found.append(np.where(((t >= 0) & (t <= 1))[:, None], a + t[:, None] * (b - a), a))
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    foot = point - ((point - corners[:, 0]) * normal).sum(1, keepdims=True) * normal
    sides = [(np.cross(corners[:, (i + 1) % 3] - corners[:, i], foot - corners[:, i]) * normal).sum(1) >= 0 for i in range(3)]
    found.append(np.where(np.all(sides, 0)[:, None], foot, corners[:, 0]))
    stacked = np.stack(found)
    best = ((stacked - point) ** 2).sum(-1).argmin(0)
    return stacked[best, np.arange(len(corners))]


def test_distances_to_a_surface_are_those_of_every_triangle():
    points = SCAN[RNG.integers(len(SCAN), size=200)] + RNG.normal(0, 15, (200, 3))
    distances, nearest, triangles = Surface(FACE.vertices, FACE.triangles).closest(points)
    assert np.abs(distances - closest_reference(points, FACE)).max() < 1e-6
    assert np.abs(closest_on_triangles(nearest, FACE.vertices[FACE.triangles][triangles]) - nearest).max() < 1e-9


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e4])
def test_distances_do_not_depend_on_the_unit_or_the_place(unit):
    points = SCAN[:100] + RNG.normal(0, 5, (100, 3))
    expected = Surface(FACE.vertices, FACE.triangles).closest(points)[0]
    found = Surface(unit * (FACE.vertices + 500), FACE.triangles).closest(unit * (points + 500))[0]
    assert np.abs(found / unit - expected).max() < 1e-5


def test_a_mesh_without_an_area_is_refused():
    with pytest.raises(ValueError, match="no face with an area"):
        Surface(np.zeros((3, 3)), np.array([[0, 1, 2]]))


def test_a_similarity_is_found_from_points_and_undone():
    truth = Similarity(0.7, TURN, np.array([1.0, 2, 3]))
    found = fit_similarity(LANDMARKS, truth.apply(LANDMARKS))
    assert found.scale == pytest.approx(0.7)
    assert np.abs(found.R - TURN).max() < 1e-9
    assert np.abs(found.undo(truth.apply(SCAN)) - SCAN).max() < 1e-9
    rigid = fit_similarity(LANDMARKS, truth.apply(LANDMARKS), free_scale=False)
    assert rigid.scale == 1
    assert np.abs(rigid.R - TURN).max() < 1e-9


@pytest.mark.parametrize("scale", [1.0, 0.0137, 25.0])
def test_a_perfect_mesh_in_any_frame_has_no_error(scale):
    noisy = moved(scale, LANDMARKS + RNG.normal(0, 1.5, (7, 3)))
    score = score_prediction(SCAN, LANDMARKS, TriangleMesh(moved(scale, FACE.vertices), FACE.triangles), noisy)
    assert score.distances.max() < 0.01
    assert score.alignment.scale * scale == pytest.approx(1, abs=1e-4)


def test_an_offset_of_known_size_is_measured():
    """Seen from the sphere's side the relief is nearly flat in steps: a bump of 4 mm beside the nose is 4 mm of error, there."""
    distance = np.linalg.norm(FACE.vertices[:, :2] - (30, 0), axis=1)
    lift = np.where(distance < 12, 4.0, 0.0)
    bumped = TriangleMesh(FACE.vertices + lift[:, None] * (0, 0, 1), FACE.triangles)
    score = score_prediction(SCAN, LANDMARKS, bumped, LANDMARKS)
    inside = np.linalg.norm(SCAN[:, :2] - (30, 0), axis=1) < 4
    assert inside.sum() >= 1
    assert 2.5 < score.distances[inside].mean() < 4.0
    assert score.median < 0.2


def test_errors_are_the_scans_own_unit_and_do_not_depend_on_the_predictions_frame():
    other = TriangleMesh(FACE.vertices + RNG.normal(0, 1, FACE.vertices.shape), FACE.triangles)
    expected = score_prediction(SCAN, LANDMARKS, other, LANDMARKS)
    turned = score_prediction(
        SCAN, LANDMARKS, TriangleMesh(moved(0.001, other.vertices), FACE.triangles), moved(0.001, LANDMARKS)
    )
    assert expected.median > 0.2
    assert turned.median == pytest.approx(expected.median, abs=1e-4)
    assert turned.distances == pytest.approx(expected.distances, abs=1e-2)


def test_metrical_scores_see_a_wrong_size_and_others_do_not():
    large = TriangleMesh(moved(1.05, FACE.vertices), FACE.triangles)
    landmarks = moved(1.05, LANDMARKS)
    assert score_prediction(SCAN, LANDMARKS, large, landmarks).median < 0.01
    metrical = score_prediction(SCAN, LANDMARKS, large, landmarks, free_scale=False)
    assert metrical.median > 0.3
    assert metrical.alignment.scale == 1


def test_refinement_lowers_the_error_that_landmarks_leave():
    start = fit_similarity(LANDMARKS + RNG.normal(0, 2, (7, 3)), LANDMARKS)
    surface = Surface(FACE.vertices, FACE.triangles)
    before = np.abs(surface.closest(start.undo(SCAN))[0] * start.scale).mean()
    _, after = refine_similarity(SCAN, surface, start)
    assert after.mean() < 0.02 * before


def test_the_scan_is_cropped_to_the_sphere_about_the_face():
    centre, radius = face_sphere(LANDMARKS)
    eyes, bottom = LANDMARKS[[0, 3]], LANDMARKS[4]
    bridge = LANDMARKS[1:3].mean(0)
    assert centre == pytest.approx(0.7 * bottom + 0.3 * bridge)
    assert radius == pytest.approx(0.7 * (np.linalg.norm(eyes[0] - eyes[1]) + np.linalg.norm(bridge - bottom)))
    distances = np.linalg.norm(FACE.vertices - centre, axis=1)
    assert len(SCAN) == (distances <= radius).sum() < len(FACE.vertices)
    assert np.array_equal(SCAN, FACE.vertices[distances <= radius])


def test_a_mirrored_prediction_is_noticed():
    lopsided = LANDMARKS + RNG.normal(0, 8, (7, 3))
    mesh = TriangleMesh(FACE.vertices * (-1, 1, 1), FACE.triangles)
    assert score_prediction(SCAN, lopsided, mesh, lopsided * (-1, 1, 1)).is_mirrored
    assert not score_prediction(SCAN, LANDMARKS, FACE, LANDMARKS).is_mirrored


@pytest.mark.parametrize("what", ["vertices", "landmarks", "crop"])
def test_a_prediction_that_cannot_be_scored_says_why(what):
    vertices, landmarks, scan = FACE.vertices.copy(), LANDMARKS.copy(), SCAN
    if what == "vertices":
        vertices[3] = np.inf
    elif what == "landmarks":
        landmarks[2] = np.nan
    else:
        scan = SCAN[:0]
    with pytest.raises(ValueError, match=r"\."):
        score_prediction(scan, LANDMARKS, TriangleMesh(vertices, FACE.triangles), landmarks)


def make_images(root, names: list[str]) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"photo")


@pytest.mark.parametrize("inside", ["", "iphone_pictures", "NoW_Dataset/final_release_version/iphone_pictures"])
def test_images_are_found_where_the_dataset_keeps_them(inside, tmp_path):
    names = ["FaMoS_1/multiview_neutral/IMG_2.jpg", "FaMoS_1/selfie/IMG_1.png", "FaMoS_2/odd/IMG_1.jpg"]
    make_images(tmp_path / inside, [*names, "FaMoS_2/odd/notes.md"])
    images = list_images(tmp_path)
    assert [image.name for image in images] == [name[:-4] for name in names]
    assert [(image.subject, image.challenge) for image in images] == [
        ("FaMoS_1", "neutral"),
        ("FaMoS_1", "selfie"),
        ("FaMoS_2", "odd"),
    ]
    assert all(image.path.is_file() for image in images)


def test_a_list_names_images_that_need_a_prediction_though_they_are_not_there(tmp_path):
    make_images(tmp_path, ["a/selfie/x.jpg"])
    (tmp_path / "list.txt").write_text("a/selfie/x.jpg\n\nb\\selfie\\gone.jpg\n")
    images = list_images(tmp_path, tmp_path / "list.txt")
    assert [(image.name, image.path.is_file()) for image in images] == [("a/selfie/x", True), ("b/selfie/gone", False)]


@pytest.mark.parametrize("text", ["../../etc/passwd.jpg\n", "/etc/x.jpg\n", "a/selfie/x.jpg\na/selfie/x.png\n", "\n"])
def test_a_list_that_leads_elsewhere_or_nowhere_is_refused(text, tmp_path):
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(EvaluationError, match=r": "):
        list_images(tmp_path, tmp_path / "list.txt")


def test_a_submission_is_read_back_as_it_was_written(tmp_path):
    write_prediction(tmp_path, "s/selfie/IMG_7", FACE.vertices, FACE.triangles, LANDMARKS)
    assert sorted(p.name for p in (tmp_path / "s/selfie").iterdir()) == ["IMG_7.npy", "IMG_7.obj"]
    mesh, landmarks = read_prediction(tmp_path, "s/selfie/IMG_7")
    assert np.abs(mesh.vertices - FACE.vertices).max() < 1e-5
    assert np.array_equal(mesh.triangles, FACE.triangles)
    assert np.array_equal(landmarks, LANDMARKS)
    assert np.load(tmp_path / "s/selfie/IMG_7.npy").shape == (7, 3)
    with pytest.raises(EvaluationError, match=r"no mesh .*IMG_8"):
        read_prediction(tmp_path, "s/selfie/IMG_8")


@pytest.mark.parametrize("layout", ["flat", "nested", "dataset", "sibling"])
def test_a_scan_is_found_with_its_landmarks(layout, tmp_path):
    mesh, landmarks, root = {
        "flat": ("s1.obj", "s1.npy", ""),
        "nested": ("s1/head.obj", "s1/head.npy", ""),
        "dataset": ("scans/s1/natural.000001.obj", "scans_lmks_onlypp/s1/natural.000001_picked_points.pp", ""),
        "sibling": ("scans/s1/natural.000001.obj", "scans_lmks_onlypp/s1/natural.000001.npy", "scans"),
    }[layout]
    for name in (mesh, landmarks):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / mesh).write_text("".join("v {} {} {}\n".format(*v) for v in FACE.vertices))
    if landmarks.endswith(".pp"):
        (tmp_path / landmarks).write_text("".join('<point x="{}" y="{}" z="{}"/>'.format(*v) for v in LANDMARKS))
    else:
        np.save(tmp_path / landmarks, LANDMARKS)
    scan = read_scan(tmp_path / root, "s1")
    assert np.array_equal(scan.points, FACE.vertices)
    assert np.array_equal(scan.landmarks, LANDMARKS)
    with pytest.raises(EvaluationError, match="no scan of s2"):
        read_scan(tmp_path / root, "s2")
    (tmp_path / landmarks).unlink()
    with pytest.raises(EvaluationError, match="no landmarks"):
        read_scan(tmp_path / root, "s1")


def test_the_table_joins_distances_and_counts_what_failed(tmp_path):
    image = lambda name: ChallengeImage(tmp_path, name)  # noqa: E731
    scored = [
        ScoredImage(image("a/multiview_neutral/1"), {"non-metrical": np.array([1.0, 2, 3]), "metrical": np.array([2.0, 4, 6])}),
        ScoredImage(image("a/selfie/2"), {"non-metrical": np.array([10.0]), "metrical": np.array([10.0])}, "No face. Mean head."),
        ScoredImage(image("b/selfie/3"), {}, "No scan."),
    ]
    rows = {(row[1], row[3]): row for row in sum_up("fit", scored)}
    assert rows["non-metrical", "all"][4:6] == [2.5, 4.0]
    assert rows["non-metrical", "all"][6] == pytest.approx(math.sqrt(12.5))
    assert rows["metrical", "neutral"][4:] == [4.0, 4.0, pytest.approx(math.sqrt(8 / 3)), 0, 0]
    assert rows["non-metrical", "selfie"][2:] == [2, "selfie", 10.0, 10.0, 0.0, 1, 1]
    page = describe(list(rows.values()), scored)
    assert "failed (2 of 3)" in page
    assert "- b/selfie/3: No scan." in page
    assert "| 2.500 | 4.000 |" in page


def test_cumulative_curves_are_shares_of_all_distances(tmp_path):
    image = ChallengeImage(tmp_path, "a/selfie/1")
    scored = [
        ScoredImage(image, {"non-metrical": np.array([0.05, 0.3])}),
        ScoredImage(image, {"non-metrical": np.array([2.0, 9])}),
    ]
    header, rows = cumulative({"fit": scored, "none": []})
    assert header == ["below mm", "fit, non-metrical"]
    found = {row[0]: row[1] for row in rows}
    assert (found[0.0], found[0.1], found[0.3], found[2.0], found[7.0]) == (0, 25, 50, 75, 75)
    assert len(rows) == 71


def test_tables_survive_what_stands_in_a_cell():
    shown = markdown_table(["a", "b"], [["x|y\nz", 1.23456], ["", None]])
    assert shown == "| a | b |\n| --- | ---: |\n| x\\|y z | 1.235 |\n|  |  |\n"
    assert csv_table(["a", "b"], [["x,y", 1.5], [None, 2]]) == 'a,b\n"x,y",1.5\n,2\n'
