"""A seed makes a whole head, and always the same one."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from likeness.bulk import command_line
from likeness.core.config import ASSETS_DIR
from likeness.core.export_glb import export_glb
from likeness.core.export_npz import export_npz
from likeness.core.generation import LARGEST_DISTANCE, MOST_EXTREME, draw_person, generate_head, load_traits
from likeness.core.head.library import get_model
from likeness.core.pipeline import run

pytestmark = pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def people():
    return [draw_person(seed, 150) for seed in range(200)]


def test_codes_keep_within_plausible_people(people):
    codes = np.array([person.identity for person in people])
    assert np.abs(codes).max() < MOST_EXTREME + 0.6
    assert np.linalg.norm(codes, axis=1).max() < (LARGEST_DISTANCE + 0.05) * np.sqrt(150)
    assert codes.std() == pytest.approx(1, abs=0.05)


def test_the_code_says_the_persons_sex_and_age(people):
    traits = load_traits()
    said = np.array([person.identity for person in people]) @ traits.weights + traits.mean
    assert np.allclose(said[:, 0], [person.male for person in people], atol=0.05)
    assert np.allclose(said[:, -1], [person.age for person in people], atol=2)


def test_the_data_are_of_this_model(people):
    """Men's faces are longer than women's, by about what is published (9 mm from sellion to menton)."""
    model = get_model()
    heights = [np.ptp((model.shape(person.identity))[model.regions["face"] > 0.5, 1]) for person in people[:60]]
    male = np.array([person.male > 0.5 for person in people[:60]])
    assert 2 < 1000 * (np.mean(np.array(heights)[male]) - np.mean(np.array(heights)[~male])) < 20


def test_a_head_of_nobody_is_whole():
    asset = run(generate_head(3, texture_size=512))
    assert asset.photo is None
    assert asset.camera is None
    assert asset.light is None
    assert not any(asset.expression.values())
    maps = {"albedo", "albedo_confidence", "roughness", "specular", "subsurface", "displacement", "normal"}
    assert set(asset.textures) == maps
    assert asset.textures["albedo_confidence"].pixels.max() == 0
    assert asset.provenance["seed"] == 3
    assert "free for any use" in asset.provenance["licence"]
    json.dumps(asset.provenance)
    other = run(generate_head(4, texture_size=512))
    assert np.linalg.norm(asset.vertices - other.vertices, axis=1).max() > 0.003


def test_the_same_seed_gives_the_same_bytes_whatever_came_before(tmp_path):
    digests = []
    for name in ("first", "second"):
        asset = run(generate_head(11, texture_size=512))
        export_npz(asset, tmp_path / f"{name}.npz")
        export_glb(asset, tmp_path / f"{name}.glb")
        files = [tmp_path / f"{name}.{kind}" for kind in ("npz", "glb")]
        digests.append([hashlib.sha256(file.read_bytes()).hexdigest() for file in files])
        run(generate_head(12, texture_size=512))
    assert digests[0] == digests[1]
    with np.load(tmp_path / "first.npz") as file:
        assert (file["displacement"].shape, file["displacement"].dtype) == ((512, 512), np.uint16)
        assert file["normal"].shape == (512, 512, 3)


def test_the_number_of_threads_changes_no_byte(tmp_path):
    digests = []
    for threads in (1, 2):
        out = tmp_path / str(threads)
        options = ["--seed", "7", "--out", out, "--export", "npz", "--texture-size", "512"]
        command = [sys.executable, "batch.py", "generate", *options]
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
        subprocess.run(list(map(str, command)), cwd=ROOT, env=environment, check=True, capture_output=True)
        digests.append(hashlib.sha256((out / "person_7.npz").read_bytes()).hexdigest())
    assert digests[0] == digests[1]


@pytest.mark.parametrize("arguments", [["--seed", "x"], ["--seed", "-1"], ["--seed", "1", "--count", "0"]])
def test_a_wrong_command_ends_with_1_and_writes_nothing(arguments, tmp_path):
    with pytest.raises(SystemExit) as end:
        command_line.run(["generate", *arguments, "--out", str(tmp_path / "out")], ROOT / "batch.py")
    assert end.value.code == command_line.USAGE
    assert not (tmp_path / "out").exists()


def test_nobody_is_made_of_neither_seed_nor_code(tmp_path, capsys):
    assert command_line.run(["generate", "--out", str(tmp_path / "out")], ROOT / "batch.py") == command_line.USAGE
    assert "give --seed N, or --paper FOLDER with --code FILE" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_seeds_past_the_last_are_refused(tmp_path, capsys):
    arguments = ["generate", "--seed", str(command_line.MAX_SEED), "--count", "2", "--out", str(tmp_path / "out")]
    assert command_line.run(arguments, ROOT / "batch.py") == command_line.USAGE
    assert "seeds end at" in capsys.readouterr().err
