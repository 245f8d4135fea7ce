"""Heads seen from elsewhere, by a user's face recogniser: the views, the comparison, the command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from likeness.bulk import command_line
from likeness.bulk.evaluate_identity import evaluate_identity
from likeness.core.config import ASSETS_DIR
from likeness.core.errors import ModelError
from likeness.core.evaluation.identity_table import compare, sum_up
from likeness.core.evaluation.novel_views import YAWS_DEG, cosine_similarity, place_camera
from likeness.core.head.library import get_model
from likeness.core.render.camera import project
from PIL import Image, ImageOps

SCRIPT = Path(__file__).resolve().parents[2] / "batch.py"
pytestmark = pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`")


def run(*arguments: object) -> int:
    return command_line.run([str(argument) for argument in arguments], SCRIPT)


def test_yaw_turns_the_face_to_the_images_right():
    model = get_model()
    nose, eyes = model.landmarks7.evaluate(model.template)[4], model.landmarks7.evaluate(model.template)[:4].mean(0)
    for yaw_deg in YAWS_DEG:
        camera = place_camera(model.template, model, yaw_deg)
        tip, between = (project(camera, point[None])[0][0] for point in (nose, eyes))
        assert np.sign(round(tip[0] - between[0])) == np.sign(yaw_deg)
        inside, _ = project(camera, model.template[model.regions["face"] > 0.5])
        assert inside.min() > 0
        assert inside.max() < 512


def test_a_photos_own_head_is_told_from_others():
    rng = np.random.default_rng(0)
    people = rng.normal(size=(4, 32))
    views = people[:, None] + 0.3 * rng.normal(size=(4, len(YAWS_DEG), 32))
    cosines = compare(people, 5 * views)
    assert cosines[2, 1, 3] == pytest.approx(cosine_similarity(people[1:2], views[3:4, 2])[0, 0])
    rows = sum_up(cosines)
    assert [row[0] for row in rows] == ["-30 degrees", "-15 degrees", "0 degrees", "+15 degrees", "+30 degrees", "all"]
    assert all(row[2] > 0.9 > 0.4 > row[5] for row in rows)
    assert rows[-1][2] == pytest.approx(np.mean([row[2] for row in rows[:-1]]))
    assert sum_up(cosines[:, :1, :1])[0][5] is None


@pytest.fixture
def two_photos(astronaut, tmp_path) -> Path:
    """The astronaut and her mirror image."""
    folder = tmp_path / "two"
    folder.mkdir()
    with Image.open(astronaut) as image:
        face = image.convert("RGB").crop((150, 0, 310, 220))
    face.save(folder / "0.png")
    ImageOps.mirror(face).save(folder / "1.png")
    return folder


@pytest.mark.usefixtures("small_textures")
def test_heads_are_seen_from_elsewhere_by_a_users_network(two_photos, tmp_path, capsys):
    torch = pytest.importorskip("torch")
    from likeness.core.nets.arcface import ArcFace, ArcFaceSizes

    torch.manual_seed(0)
    network = ArcFace(ArcFaceSizes(3, 8, (1, 1, 1, 1), (8, 8, 16, 16), 16 * 49, 32)).eval()
    torch.save({"arcface": network.state_dict(), "global_step": 3}, tmp_path / "mine.tar")
    out = tmp_path / "out"
    arguments = ["--images", two_photos, "--out", out, "--arcface", tmp_path / "mine.tar", "--texture-size", 512]
    assert run("evaluate", "identity", *arguments) == command_line.OK
    views = sorted(path.name for path in (out / "views").iterdir())
    assert views == sorted(f"{n}_yaw{yaw:+d}.png" for n in (0, 1) for yaw in YAWS_DEG)
    with Image.open(out / "views" / "0_yaw+0.png") as view:
        pixels = np.asarray(view)
    assert (pixels[0] == 255).all()
    assert (pixels[256, 256] < 250).all()
    found = [json.loads(line) for line in (out / "scores.jsonl").read_text().splitlines()]
    assert [set(line) for line in found] == [{"photo", "+0", "+15", "-15", "+30", "-30"}] * 2
    assert all(-1 <= line[yaw] <= 1 for line in found for yaw in ("+0", "+30"))
    assert "| all | 2 |" in capsys.readouterr().out

    (tmp_path / "none.tar").write_bytes((tmp_path / "mine.tar").read_bytes()[:500])
    assert run("evaluate", "identity", *arguments[:-4], "--arcface", tmp_path / "none.tar") == command_line.USAGE


@pytest.mark.usefixtures("small_textures")
def test_a_photo_without_a_face_is_told_and_the_others_are_compared(two_photos, tmp_path):
    pytest.importorskip("torch")
    Image.new("RGB", (100, 100)).save(two_photos / "0.png")
    seen = []

    def embed(faces: np.ndarray) -> np.ndarray:
        seen.append(faces)
        return faces.reshape(len(faces), 3, 16, 7, 16, 7).mean((3, 5)).reshape(len(faces), -1)

    arguments = command_line.make_parser().parse_args(
        ["evaluate", "identity", "--images", str(two_photos), "--out", str(tmp_path / "out"), "--texture-size", "512"]
    )
    assert evaluate_identity(arguments, SCRIPT, embed) == command_line.SOME_FAILED
    (faces,) = seen
    assert faces.shape == (1 + len(YAWS_DEG), 3, 112, 112)
    assert faces.dtype == np.float32
    assert -1 <= faces.min() < faces.max() <= 1
    page = (tmp_path / "out" / "scores.md").read_text()
    assert "## Photos that failed (1)" in page
    assert "No face was found" in page


def test_a_file_without_a_recogniser_is_refused(tmp_path):
    torch = pytest.importorskip("torch")
    from likeness.core.nets.embedding import load_face_embedding

    torch.save({"regressor.output.weight": torch.zeros(300, 300)}, tmp_path / "other.pt")
    with pytest.raises(ModelError, match="holds no ArcFace"):
        load_face_embedding(tmp_path / "other.pt")
