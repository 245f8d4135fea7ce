"""batch.py --visemes: 15 more keys in every format that has keys, kept right when words change the head; without it none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from likeness.bulk import command_line
from likeness.bulk.info import read_glb_json
from likeness.core.animation.visemes import KEYS
from likeness.core.config import ASSETS_DIR
from likeness.core.head.visemes import bake_visemes
from likeness.core.import_npz import read_npz
from likeness.core.latent.between_people import mix_people
from likeness.core.types import ARKIT_NAMES

SCRIPT = Path(__file__).resolve().parents[2] / "batch.py"
pytestmark = pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`")


def run(*arguments: object) -> int:
    return command_line.run([str(argument) for argument in arguments], SCRIPT)


def generate(out: Path, *more: object, seed: int = 3) -> Path:
    assert run("generate", "--seed", seed, "--texture-size", 512, "--out", out, *more) == 0
    return out / f"person_{seed:04d}"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A talking person's files, without their ending."""
    out = tmp_path_factory.mktemp("people")
    generate(out, "--visemes", "--export", "npz,glb")
    return next(path.with_suffix("") for path in out.glob("*.npz"))


def away_mm(path: Path) -> float:
    """How far the keys in a file are from those that its head would be given, tongue apart."""
    asset = read_npz(path)
    rows = np.ones(len(asset.vertices), bool)
    rows[asset.faces[asset.face_parts == asset.part_names.index("tongue")]] = False
    fresh = bake_visemes(asset)
    return 1000 * max(float(np.abs(asset.shape_keys[key] - fresh[key])[rows].max()) for key in KEYS)


def test_a_glb_has_52_and_15_morph_targets_by_name(made):
    (mesh,) = read_glb_json(made.with_suffix(".glb"))["meshes"]
    assert mesh["extras"]["targetNames"] == [*ARKIT_NAMES, *KEYS]
    assert len(mesh["weights"]) == 67 and all(len(primitive["targets"]) == 67 for primitive in mesh["primitives"])


def test_an_npz_has_names_and_offsets_and_is_read_with_them(made):
    with np.load(made.with_suffix(".npz")) as file:
        assert tuple(file["viseme_names"]) == KEYS
        assert file["viseme_offsets"].shape == (15, *file["vertices"].shape)
        assert tuple(file["expression_names"]) == ARKIT_NAMES
    assert away_mm(made.with_suffix(".npz")) < 0.01


def test_without_it_there_are_none(tmp_path):
    generate(tmp_path, "--export", "npz")
    (path,) = tmp_path.glob("*.npz")
    with np.load(path) as file:
        assert not any(key.startswith("viseme") for key in file.files)
    assert not set(KEYS) & set(read_npz(path).shape_keys)


def test_words_that_change_the_head_take_its_keys_along(made, tmp_path):
    assert run("edit", made.with_suffix(".npz"), "a much longer face and 70 years old", "--out", tmp_path, "--export", "npz") == 0
    (path,) = tmp_path.glob("*.npz")
    assert np.abs(read_npz(path).vertices - read_npz(made.with_suffix(".npz")).vertices).max() > 2e-3
    assert away_mm(path) < 0.01


def test_edit_gives_keys_to_a_head_that_has_none(tmp_path):
    generate(tmp_path, "--export", "npz")
    (path,) = tmp_path.glob("*.npz")
    assert run("edit", path, "smiling", "--out", tmp_path / "out", "--export", "npz,obj", "--visemes") == 0
    (edited,) = (tmp_path / "out").glob("*.npz")
    assert set(KEYS) <= set(read_npz(edited).shape_keys)


def test_a_head_in_between_has_keys_of_its_own_shape(made, tmp_path):
    generate(tmp_path, "--export", "npz", seed=8)
    (path,) = tmp_path.glob("*.npz")
    one, other = read_npz(made.with_suffix(".npz")), read_npz(path)
    mixed = mix_people(one, other, 0.5)
    tongue = one.faces[one.face_parts == one.part_names.index("tongue")]
    off = mixed.shape_keys["viseme_aa"] - bake_visemes(mixed)["viseme_aa"]
    off[tongue] = 0
    assert np.abs(off).max() < 1e-5


def test_an_obj_alone_is_refused_in_a_sentence(tmp_path, capsys):
    assert run("generate", "--seed", 1, "--visemes", "--export", "obj", "--out", tmp_path / "out") == 1
    assert "An .obj has one shape and no visemes" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_keys_that_are_none_of_ours_are_not_believed(made, tmp_path):
    from likeness.core.errors import WordsError

    with np.load(made.with_suffix(".npz")) as file:
        arrays = {key: file[key] for key in file.files}
    for change in (
        {"viseme_names": np.array(["basis"] * 15)},
        {"viseme_offsets": arrays["viseme_offsets"][:, :5]},
        {"viseme_offsets": np.full_like(arrays["viseme_offsets"], np.nan)},
    ):
        np.savez(tmp_path / "odd.npz", **(arrays | change))
        with pytest.raises(WordsError, match="no head that can be edited"):
            read_npz(tmp_path / "odd.npz")


def test_the_report_tells_of_success(made):
    lines = [json.loads(line) for line in (made.parent / "report.jsonl").read_text().splitlines()]
    assert [line["ok"] for line in lines] == [True]
