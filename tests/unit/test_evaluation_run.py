"""batch.py evaluate from photos to tables: submissions, scores, stand-ins for what a user brings."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from likeness.bulk import command_line
from likeness.bulk.evaluate_realy import NO_KEYPOINTS
from likeness.core.config import ASSETS_DIR
from likeness.core.errors import EvaluationError
from likeness.core.evaluation.landmark_files import read_landmarks
from likeness.core.evaluation.meshes import describe_obj, read_mesh
from likeness.core.evaluation.now_challenge import read_box
from likeness.core.evaluation.shape_fit import choose_face, face_box, outer_mesh
from likeness.core.head.library import get_model
from likeness.core.photo.image import load_photo
from PIL import Image, ImageOps

SCRIPT = Path(__file__).resolve().parents[2] / "batch.py"
pytestmark = pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`")


def run(*arguments: object) -> int:
    return command_line.run([str(argument) for argument in arguments], SCRIPT)


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def photos(tmp_path_factory, astronaut) -> Path:
    """The astronaut, her mirror image, and a picture without a face, as the challenge keeps them."""
    folder = tmp_path_factory.mktemp("now") / "iphone_pictures" / "FaMoS_1"
    for challenge in ("multiview_neutral", "selfie", "multiview_occlusions"):
        (folder / challenge).mkdir(parents=True)
    with Image.open(astronaut) as image:
        face = image.convert("RGB").crop((150, 0, 310, 220))
    face.save(folder / "multiview_neutral" / "IMG_1.png")
    ImageOps.mirror(face).save(folder / "selfie" / "IMG_2.png")
    Image.new("RGB", (200, 200), (90, 120, 60)).save(folder / "multiview_occlusions" / "IMG_3.png")
    return folder.parents[1]


@pytest.fixture(scope="module")
def scans(tmp_path_factory) -> Path:
    """A "scan" of the subject: a person of our own family in another frame, mm."""
    model, folder = get_model(), tmp_path_factory.mktemp("scans")
    mesh = outer_mesh(model)
    vertices = model.shape(np.random.default_rng(4).normal(0, 0.5, 8)) * 1000 + (100, -20, 30)
    (folder / "FaMoS_1.obj").write_text(describe_obj(vertices[mesh.indices], mesh.triangles))
    np.savetxt(folder / "FaMoS_1.txt", model.landmarks7.evaluate(vertices), delimiter=",")
    return folder


@pytest.fixture(scope="module")
def scored(photos, scans, tmp_path_factory) -> tuple[int, Path]:
    out = tmp_path_factory.mktemp("out")
    return run("evaluate", "now", "--images", photos, "--scans", scans, "--out", out), out


NAMES = ("FaMoS_1/multiview_neutral/IMG_1", "FaMoS_1/multiview_occlusions/IMG_3", "FaMoS_1/selfie/IMG_2")


def test_every_image_has_a_prediction_in_the_challenges_layout(scored):
    _, out = scored
    found = sorted(path.relative_to(out / "predictions").as_posix() for path in (out / "predictions").rglob("*.*"))
    assert found == [f"{name}{suffix}" for name in NAMES for suffix in (".npy", ".obj")]
    for name in NAMES:
        mesh = read_mesh(out / "predictions" / f"{name}.obj")
        landmarks = read_landmarks(out / "predictions" / f"{name}.npy")
        assert 200 < np.ptp(mesh.vertices[:, 1]) < 400, "in millimetres"
        assert np.linalg.norm(mesh.vertices - landmarks[4], axis=1).min() < 2
    assert not list(out.rglob(".likeness*"))


def test_a_face_that_is_not_found_becomes_the_mean_head_and_is_told(scored):
    code, out = scored
    assert code == command_line.SOME_FAILED
    report = {line["name"]: line for line in lines(out / "report.jsonl")}
    assert [report[name]["is_mean_head"] for name in NAMES] == [False, True, False]
    assert "No face was found" in report[NAMES[1]]["error"]
    model = get_model()
    mesh = read_mesh(out / "predictions" / f"{NAMES[1]}.obj")
    assert np.abs(mesh.vertices - 1000 * model.template[outer_mesh(model).indices]).max() < 1e-5


def test_scores_are_a_page_a_table_and_a_line_an_image(scored):
    _, out = scored
    found = {line["image"]: line for line in lines(out / "scores.jsonl")}
    assert sorted(found) == sorted(NAMES)
    assert all(0.2 < line[measure]["median"] < 8 for line in found.values() for measure in ("metrical", "non-metrical"))
    assert "The mean head stands in." in found[NAMES[1]]["error"]
    page = (out / "scores.md").read_text()
    assert "| prediction | non-metrical | 3 | all |" in page
    assert (
        (out / "cumulative.csv").read_text().startswith('below mm,"prediction, non-metrical","prediction, metrical","mean head')
    )
    assert "failed (1 of 3)" in page
    table = [row.split(",") for row in (out / "scores.csv").read_text().splitlines()]
    mean = {row[1]: float(row[4]) for row in table if row[0] == "mean head" and row[3] == "occlusion"}
    own = {row[1]: float(row[4]) for row in table if row[0] == "prediction" and row[3] == "occlusion"}
    assert own == pytest.approx(mean, abs=1e-4), "the mean head stands in for what was not found"


def test_a_photo_and_its_mirror_give_heads_of_one_size(scored):
    _, out = scored
    one, other = (read_mesh(out / "predictions" / f"{name}.obj").vertices for name in (NAMES[0], NAMES[2]))
    size = lambda points: np.linalg.norm(points - points.mean(0), axis=1).mean()  # noqa: E731
    assert size(other) == pytest.approx(size(one), rel=0.02)
    assert np.abs(other - one).max() > 0.1


def test_the_datasets_box_tells_which_face_is_meant(astronaut, tmp_path):
    with Image.open(astronaut) as image:
        face = image.convert("RGB").crop((150, 0, 310, 220))
    two = Image.new("RGB", (500, 260), (120, 120, 120))
    two.paste(face.resize((176, 242)), (10, 10))
    two.paste(ImageOps.mirror(face.resize((152, 209))), (320, 30))
    photo = tmp_path / "iphone_pictures" / "s" / "selfie" / "IMG_1.png"
    box_file = tmp_path / "detected_face" / "s" / "selfie" / "IMG_1.npy"
    for path in (photo, box_file):
        path.parent.mkdir(parents=True)
    two.save(photo)
    assert read_box(photo) is None
    loaded = load_photo(photo)
    for left, right in ((10, 186), (320, 472)):
        np.save(box_file, np.array({"left": left, "top": 30, "right": right, "bottom": 200}, object), allow_pickle=True)
        box = read_box(photo)
        assert box == (left, 30, right, 200)
        x0, _, x1, _ = face_box(choose_face(loaded, box))
        assert left < (x0 + x1) / 2 < right
    assert face_box(choose_face(loaded, (490, 250, 499, 259))) == face_box(choose_face(loaded, (10, 30, 186, 200)))
    np.save(box_file, np.array([1, 2, 3, 4]))
    with pytest.raises(EvaluationError, match="left, top, right, bottom"):
        read_box(photo)


def test_anyones_predictions_are_scored_by_themselves_and_missing_ones_are_named(scored, photos, scans, tmp_path, capsys):
    _, out = scored
    given = tmp_path / "given"
    (given / NAMES[0]).parent.mkdir(parents=True)
    for suffix in (".obj", ".npy"):
        (given / f"{NAMES[0]}{suffix}").write_bytes((out / "predictions" / f"{NAMES[0]}{suffix}").read_bytes())
    code = run("evaluate", "now", "--images", photos, "--scans", scans, "--predictions", given, "--out", tmp_path / "again")
    assert code == command_line.SOME_FAILED
    again = {line["image"]: line for line in lines(tmp_path / "again" / "scores.jsonl")}
    before = {line["image"]: line for line in lines(out / "scores.jsonl")}
    assert again[NAMES[0]] == before[NAMES[0]]
    assert "There is no mesh" in again[NAMES[1]]["error"]
    assert capsys.readouterr().err.count("There is no mesh") == 2
    assert not (tmp_path / "again" / "predictions").exists()


@pytest.mark.parametrize(
    "arguments",
    [("now", "--images", "gone"), ("now", "--images", ".", "--scans", "gone"), ("now", "--images", ".", "--predictions", "."),
     ("realy", "--images", "gone"), ("realy", "--images", ".", "--predictions", "."), ("identity", "--images", "."),
     ("identity", "--images", ".", "--arcface", "gone.pth")],
)  # fmt: skip
def test_what_cannot_be_evaluated_is_one_sentence_and_exit_1(arguments, tmp_path, monkeypatch, capsys):
    Image.new("RGB", (64, 64)).save(tmp_path / "1.png")
    monkeypatch.chdir(tmp_path)
    assert run("evaluate", *arguments, "--out", tmp_path / "out") == command_line.USAGE
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert ": " in error


def test_a_realy_submission_has_one_topology_and_says_what_its_keypoints_need(photos, tmp_path, capsys):
    images = tmp_path / "images"
    images.mkdir()
    (images / "7.png").write_bytes((photos / "iphone_pictures" / f"{NAMES[0]}.png").read_bytes())
    assert run("evaluate", "realy", "--images", images, "--out", tmp_path / "out") == command_line.OK
    assert NO_KEYPOINTS in capsys.readouterr().out
    topology, found = (read_mesh(tmp_path / "out" / name) for name in ("likeness.obj", "predictions/7.obj"))
    assert np.array_equal(topology.triangles, found.triangles)
    assert len(topology.vertices) == len(found.vertices)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["likeness.obj", "predictions", "report.jsonl"]
