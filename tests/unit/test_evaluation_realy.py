"""REALY's keypoints and measure: on heads of our own family whose difference is known, against slow twins."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from likeness.bulk import command_line
from likeness.core.config import ASSETS_DIR
from likeness.core.errors import EvaluationError
from likeness.core.evaluation import realy_keypoints
from likeness.core.evaluation.meshes import TriangleMesh, describe_obj
from likeness.core.evaluation.nonrigid import NearestPoints, pull_onto
from likeness.core.evaluation.realy_benchmark import (
    COLUMNS,
    RealyImage,
    ScoredImage,
    describe,
    list_images,
    read_reference,
    read_subject,
    sum_up,
)
from likeness.core.evaluation.realy_keypoints import bring_over, describe_keypoints, find_on_mesh, locate_68, read_keypoints, warp
from likeness.core.evaluation.realy_scores import (
    Subject,
    align_globally,
    align_region,
    merge_doubles,
    score_region,
    score_subject,
)
from likeness.core.evaluation.shape_fit import outer_mesh
from likeness.core.evaluation.similarity import Similarity
from likeness.core.evaluation.stiff_graph import VertexGraph, build_graph, solve_affine_maps
from likeness.core.evaluation.surface import Surface
from likeness.core.fit.measurement import load_calibration
from likeness.core.head.library import get_model
from likeness.core.head.model import SurfacePoints, rotation_matrices

pytestmark = pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`")
UNIT = 9.0
"""mm of a unit of the truth."""
FRAME = Similarity(1 / UNIT, rotation_matrices(np.array([0.2, 0.4, -0.3])), np.array([1.0, -2.0, 5.0]))
REGIONS = ("nose", "mouth", "forehead", "cheek")


@lru_cache
def head(seed: int | None = None) -> TriangleMesh:
    """The mean head's outer mesh, or a person's, mm."""
    model = get_model()
    mesh = outer_mesh(model)
    identity = np.zeros(10) if seed is None else np.random.default_rng(seed).normal(size=10)
    return TriangleMesh(model.shape(identity)[mesh.indices] * 1000, mesh.triangles)


@lru_cache
def keypoints() -> SurfacePoints:
    """85 on the outer mesh: iBUG's 68, and 17 that this test puts on the cheeks, the nose and the jaw."""
    model = get_model()
    points68 = locate_68(model, load_calibration().points).evaluate(model.template) * 1000
    aside = points68[[31, 35, 30, 27, 8]][:, None] + np.array([[12.0, -6, 0], [-14, 4, -3], [3, 9, 2]])
    return find_on_mesh(np.concatenate([points68, aside.reshape(-1, 3), points68[[48, 54]] + (0, 15, 0)]), head())


def cut(mesh: TriangleMesh, name: str) -> TriangleMesh:
    """A region of the outer mesh as a mesh of its own; the forehead's reaches down to the lower lids, where its keypoints are."""
    model = get_model()
    weight = lambda *parts: np.max([model.regions[part] for part in parts], 0)[outer_mesh(model).indices] > 0.5  # noqa: E731
    is_upper = head().vertices[:, 1] > keypoints().evaluate(head().vertices)[[40, 47], 1].min() - 3
    inside = {
        "nose": weight("nose"),
        "mouth": weight("lip_upper", "lip_lower"),
        "forehead": weight("face", "forehead") & is_upper,
        "cheek": weight("cheek_left", "cheek_right"),
    }[name]
    chosen = mesh.triangles[inside[mesh.triangles].all(1)]
    used, compact = np.unique(chosen, return_inverse=True)
    return TriangleMesh(mesh.vertices[used], compact.reshape(-1, 3))


@lru_cache
def subject(seed: int) -> Subject:
    """The truth of a person, in the truth's frame and unit."""
    mesh = TriangleMesh(FRAME.apply(head(seed).vertices), head().triangles)
    return Subject(keypoints().evaluate(mesh.vertices), {name: cut(mesh, name) for name in REGIONS}, UNIT)


def solve_directly(
    graph: VertexGraph, points: np.ndarray, targets: np.ndarray, weights: np.ndarray, stiffness: float, balance: np.ndarray
) -> np.ndarray:
    """The slow twin: the whole system, factorised."""
    count, edges = len(points), graph.edges
    row = np.arange(len(edges))
    ones = np.ones(len(edges))
    incidence = scipy.sparse.csr_matrix((np.r_[ones, -ones], (np.r_[row, row], edges.T.ravel())), (len(edges), count))
    rows = np.column_stack([points, np.ones(count)])
    places = np.repeat(np.arange(count), 4), np.arange(4 * count)
    reached = scipy.sparse.csr_matrix((rows.ravel(), places), (count, 4 * count))
    root = np.sqrt(weights)
    A = scipy.sparse.vstack([stiffness * scipy.sparse.kron(incidence, np.diag(balance)), scipy.sparse.diags(root) @ reached])
    right = np.r_[np.zeros((4 * len(edges), 3)), root[:, None] * targets]
    return scipy.sparse.linalg.spsolve((A.T @ A).tocsc(), A.T @ right).reshape(count, 4, 3)


@pytest.mark.parametrize("guided", [False, True])
def test_the_stiff_system_is_solved_as_by_factorising_it(guided):
    region = cut(TriangleMesh(FRAME.apply(head().vertices), head().triangles), "forehead")
    rng = np.random.default_rng(3)
    graph = build_graph(region.vertices, region.triangles)
    targets = region.vertices + 0.3 * np.sin(region.vertices) + rng.normal(0, 0.02, region.vertices.shape)
    weights = (rng.random(len(targets)) < (0.1 if guided else 0.9)) * (2500.0 if guided else 1.0)
    balance = np.array([2.0, 2, 3, 2]) if guided else np.ones(4)
    given = graph, region.vertices, targets, weights, 150.0 if guided else 50.0, balance
    rows = np.column_stack([region.vertices, np.ones(len(targets))])
    fast, slow = (np.einsum("na,nac->nc", rows, solve(*given)) for solve in (solve_affine_maps, solve_directly))
    assert np.abs(slow - region.vertices).max() > 0.05
    assert np.abs(fast - slow).max() < 1e-4


def test_what_nothing_holds_stays_where_it_is():
    points = np.concatenate([np.eye(3), np.eye(3) + 10])
    graph = build_graph(points, np.array([[0, 1, 2], [3, 4, 5]]))
    weights = np.array([1.0, 1, 1, 0, 0, 0])
    maps = solve_affine_maps(graph, points, points + np.array([0, 0, 1]), weights, 50.0, np.ones(4))
    moved = np.einsum("na,nac->nc", np.column_stack([points, np.ones(6)]), maps) - points
    assert np.abs(moved[:3] - (0, 0, 1)).max() < 1e-3
    assert np.abs(moved[3:]).max() < 1e-6


def test_the_nearest_of_a_cloud_is_found():
    rng = np.random.default_rng(0)
    cloud, queries = 50 + 20 * rng.normal(size=(500, 3)), 50 + 30 * rng.normal(size=(200, 3))
    table = np.linalg.norm(queries[:, None] - cloud[None], axis=-1)
    nearest, distances = NearestPoints(cloud).find(queries)
    assert distances == pytest.approx(table.min(1), abs=1e-4)
    assert np.abs(nearest - cloud[table.argmin(1)]).max() < 1e-9


def test_pulling_brings_a_region_onto_its_shifted_self_and_keypoints_to_their_places():
    region = cut(TriangleMesh(FRAME.apply(head().vertices), head().triangles), "nose")
    shift = np.array([0.0, 0.1, 0.05])
    chosen = np.array([3, 40, 90])
    for guides in ((), (chosen, region.vertices[chosen] + shift)):
        pulled = pull_onto(region.vertices, region.triangles, region.vertices + shift, *guides)
        off = np.linalg.norm(pulled - region.vertices - shift, axis=1)
        assert off.mean() < (0.02 if guides else 0.12)


@pytest.mark.parametrize("name", REGIONS)
def test_the_right_person_has_no_error_and_another_one_has(name):
    truth = subject(1)
    assert error_of(head(1), name, truth) * UNIT < 0.08
    assert 0.3 < error_of(head(2), name, truth) * UNIT < 6


def test_errors_do_not_depend_on_the_predictions_frame_and_are_in_the_subjects_millimetres():
    truth = subject(1)
    placed = Similarity(0.001, rotation_matrices(np.array([1.0, -2, 0.5])), np.array([4.0, 5, 6]))
    there = TriangleMesh(placed.apply(head(2).vertices), head().triangles)
    quick = replace(truth, regions=dict.fromkeys(REGIONS, truth.regions["nose"]))
    errors = score_subject(there, keypoints(), quick)
    assert tuple(errors) == REGIONS
    assert errors["nose"] == pytest.approx(UNIT * error_of(head(2), "nose", truth), abs=5e-3)


def error_of(mesh: TriangleMesh, name: str, truth: Subject) -> float:
    """A region's error in the truth's unit."""
    start = align_globally(keypoints().evaluate(mesh.vertices), truth.keypoints)
    surface = Surface(start.apply(mesh.vertices), mesh.triangles)
    return float(score_region(name, surface, start.apply(keypoints().evaluate(mesh.vertices)), truth).mean())


def test_global_alignment_takes_the_sum_of_coordinates_for_the_size():
    truth = subject(1).keypoints
    placed = Similarity(0.3, rotation_matrices(np.array([0.4, 1, 0])), np.array([7.0, 1, 2]))
    found = align_globally(placed.apply(truth), truth)
    assert np.abs(found.apply(placed.apply(truth)) - truth).max() < 1e-9
    noisy = truth + np.random.default_rng(0).normal(0, 0.2, truth.shape)
    seven = list(realy_keypoints.SEVEN)
    size = lambda points: np.abs(points[seven] - points[seven].mean(0)).sum()  # noqa: E731
    assert size(align_globally(noisy, truth).apply(noisy)) == pytest.approx(size(truth))


def test_a_regions_alignment_is_rigid_and_undoes_a_small_motion():
    truth = subject(1)
    small = Similarity(1.0, rotation_matrices(np.array([0.03, -0.04, 0.02])), np.array([0.1, -0.1, 0.15]))
    moved = small.apply(FRAME.apply(head(1).vertices))
    surface, points = Surface(moved, head().triangles), keypoints().evaluate(moved)
    move = align_region("mouth", truth.regions["mouth"].vertices, surface, points, truth.keypoints)
    assert move.scale == 1
    assert np.abs(move.apply(points[48:60]) - truth.keypoints[48:60]).max() < 0.01


def test_doubled_vertices_of_a_scan_are_one():
    doubled = TriangleMesh(
        np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0], [9, 9, 9]]),
        np.array([[0, 1, 2], [3, 5, 4]]),
    )
    merged = merge_doubles(doubled)
    assert len(merged.vertices) == 4
    assert np.array_equal(merged.vertices[merged.triangles], doubled.vertices[doubled.triangles])


def test_keypoints_come_back_from_the_benchmarks_file(tmp_path):
    (tmp_path / "likeness.txt").write_text(describe_keypoints(keypoints(), head().triangles))
    rows = json.loads((tmp_path / "likeness.txt").read_text())
    assert len(rows) == 85
    assert all(isinstance(row[0], int) and len(row) == 3 for row in rows)
    found = read_keypoints(tmp_path / "likeness.txt", head().triangles)
    assert np.abs(found.evaluate(head(1).vertices) - keypoints().evaluate(head(1).vertices)).max() < 1e-9


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "[[0,0,0]]", json.dumps([[10**9, 0, 0]] * 85), json.dumps([["a", 0, 0]] * 85), "[" * 9999]
)
def test_broken_keypoints_are_one_sentence(text, tmp_path):
    (tmp_path / "k.txt").write_text(text)
    with pytest.raises(EvaluationError) as caught:
        read_keypoints(tmp_path / "k.txt", head().triangles)
    assert "give 85 rows" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_keypoints_are_brought_over_from_another_mesh_in_another_frame():
    """The template is another person of the family: where the 17 lie on it tells where they lie on ours."""
    reference = FRAME.apply(keypoints().evaluate(head(3).vertices))
    points68 = keypoints().evaluate(head().vertices)[:68]
    found = bring_over(points68, reference, head()).evaluate(head().vertices)
    assert np.abs(found[:68] - points68).max() < 1e-4
    off = np.linalg.norm(found[68:] - keypoints().evaluate(head().vertices)[68:], axis=1)
    assert np.median(off) < 2.5
    assert off.max() < 8


def test_a_warp_takes_each_landmark_to_its_place_and_keeps_affine_maps():
    rng = np.random.default_rng(1)
    sources, elsewhere = 50 * rng.normal(size=(30, 3)), 50 * rng.normal(size=(20, 3))
    affine = lambda points: points @ (np.eye(3) + 0.1 * np.ones((3, 3))) + (1, 2, 3)  # noqa: E731
    assert np.abs(warp(elsewhere, sources, affine(sources)) - affine(elsewhere)).max() < 1e-6
    bent = sources + rng.normal(0, 3, sources.shape)
    assert np.linalg.norm(warp(sources, sources, bent) - bent, axis=1).mean() < 0.5


def write_truth(folder: Path, truth: Subject, number: int) -> None:
    (folder / "REALY_HIFI3D_keypoints").mkdir(parents=True, exist_ok=True)
    points = "".join("v {} {} {}\n".format(*point) for point in truth.keypoints)
    (folder / "REALY_HIFI3D_keypoints" / f"{number}.obj").write_text(points)
    (folder / "REALY_scan_region" / str(number)).mkdir(parents=True, exist_ok=True)
    for name, region in truth.regions.items():
        text = describe_obj(region.vertices, region.triangles)
        (folder / "REALY_scan_region" / str(number) / f"{name}.obj").write_text(text)
    (folder / "metrical_scale.txt").write_text("8.5e+00\n9.0\n")


def test_the_truth_is_read_from_the_benchmarks_folders(tmp_path):
    write_truth(tmp_path, subject(1), 2)
    found = read_subject(tmp_path, 2)
    assert found.scale == 9
    assert np.abs(found.keypoints - subject(1).keypoints).max() < 1e-9
    assert {name: len(mesh.triangles) for name, mesh in found.regions.items()} == {
        name: len(mesh.triangles) for name, mesh in subject(1).regions.items()
    }
    assert np.abs(read_reference(None, tmp_path) - subject(1).keypoints).max() < 1e-9
    assert read_reference(None, tmp_path / "REALY_scan_region") is None
    for broken in ("REALY_scan_region/2/nose.obj", "metrical_scale.txt", "REALY_HIFI3D_keypoints/2.obj"):
        (tmp_path / broken).write_text("v 1 2 3\n")
        with pytest.raises(EvaluationError, match=r": give"):
            read_subject(tmp_path, 2)


def test_a_template_tells_where_keypoints_are(tmp_path):
    (tmp_path / "HIFI3D.obj").write_text(describe_obj(head(3).vertices, head().triangles))
    (tmp_path / "HIFI3D.txt").write_text(describe_keypoints(keypoints(), head().triangles))
    assert np.abs(read_reference(tmp_path / "HIFI3D.obj", None) - keypoints().evaluate(head(3).vertices)).max() < 1e-4


def test_images_belong_to_subjects_and_sets(tmp_path):
    for name in ("7.jpg", "7_2.jpg", "multiview/12_3.png", "me.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"photo")
    found = {image.name: (image.subject, image.set_name) for image in list_images(tmp_path)}
    assert found == {"7": (7, "frontal"), "7_2": (7, "side"), "multiview/12_3": (12, "multiview"), "me": (None, "frontal")}
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(EvaluationError, match="holds no images"):
        list_images(empty)


def test_the_table_has_mean_median_and_deviation_and_all_is_the_mean_of_regions(tmp_path):
    image = lambda name: RealyImage(tmp_path, name)  # noqa: E731
    errors = lambda nose: {"nose": nose, "mouth": 2.0, "forehead": 3.0, "cheek": 4.0}  # noqa: E731
    scored = [
        ScoredImage(image("1"), errors(1.0)),
        ScoredImage(image("2"), errors(2.0), "No face."),
        ScoredImage(image("3"), {}, "Gone."),
    ]
    rows = {row[3]: dict(zip(COLUMNS, row, strict=True)) for row in sum_up("fit", scored)}
    assert rows["mean"]["nose"] == 1.5
    assert rows["mean"]["all"] == pytest.approx((1.5 + 2 + 3 + 4) / 4)
    assert rows["std"]["nose"] == pytest.approx(np.sqrt(0.5))
    assert rows["median"]["cheek"] == 4.0
    assert (rows["mean"]["images"], rows["mean"]["not fitted"], rows["mean"]["not scored"]) == (3, 1, 1)
    assert "- 3: Gone." in describe([list(row.values()) for row in rows.values()], scored)


def test_predictions_are_scored_in_several_processes_beside_the_mean_head(tmp_path, capsys):
    nose = replace(subject(1), regions=dict.fromkeys(REGIONS, subject(1).regions["nose"]))
    write_truth(tmp_path / "truth", nose, 2)
    images, predictions = tmp_path / "images", tmp_path / "run" / "predictions"
    predictions.mkdir(parents=True)
    images.mkdir()
    for name in ("2", "2_1", "me"):
        (images / f"{name}.jpg").write_bytes(b"photo")
    (predictions / "2.obj").write_text(describe_obj(head(1).vertices, head().triangles))
    (tmp_path / "run" / "likeness.txt").write_text(describe_keypoints(keypoints(), head().triangles))
    arguments = [
        "--images",
        images,
        "--scans",
        tmp_path / "truth",
        "--predictions",
        predictions,
        "--out",
        tmp_path / "out",
        "--jobs",
        2,
    ]
    script = Path(__file__).resolve().parents[2] / "batch.py"
    assert command_line.run(["evaluate", "realy", *map(str, arguments)], script) == command_line.SOME_FAILED
    lines = {line["image"]: line for line in map(json.loads, (tmp_path / "out" / "scores.jsonl").read_text().splitlines())}
    assert lines["2"]["error"] is None
    assert lines["2"]["nose"] < 0.08
    assert "There is no mesh" in lines["2_1"]["error"]
    assert "begins with no subject's number" in lines["me"]["error"]
    page = (tmp_path / "out" / "scores.md").read_text()
    assert "| prediction | frontal | 2 | mean |" in page
    rows = [row.split(",") for row in (tmp_path / "out" / "scores.csv").read_text().splitlines()]
    mean_heads = next(row for row in rows if row[0] == "mean head")
    assert float(mean_heads[4]) > 5 * lines["2"]["nose"], "the person's own head is nearer than the mean head"
    assert capsys.readouterr().err.count("\n") >= 2
