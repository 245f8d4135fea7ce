"""batch.py edit: heads' files in, words, heads' files out; what it says, how it exits, what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
from likeness.bulk import command_line
from likeness.bulk.edit import read_heads
from likeness.core import generation
from likeness.core.config import ASSETS_DIR
from likeness.core.errors import WordsError
from likeness.core.export_npz import export_npz
from likeness.core.identity.catalogue import NAMES
from likeness.core.import_npz import read_npz
from likeness.core.story import run as run_story
from likeness.core.types import HeadAsset
from likeness.core.words.edit import edit_head, look_at
from likeness.scene import expression, head, main_file

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "batch.py"
WORDS = "a bit older, with a wider nose, some freckles and a half smile"
pytestmark = pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`")


def run(*arguments: object) -> int:
    return command_line.run([str(argument) for argument in arguments], SCRIPT)


def report(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "report.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def asset() -> HeadAsset:
    return run_story(generation.generate_head(5, texture_size=256))


@pytest.fixture(scope="module")
def files(asset, tmp_path_factory) -> Path:
    """The same head as .npz and as .blend, there with raised brows."""
    folder = tmp_path_factory.mktemp("heads")
    export_npz(asset, folder / "ada.npz")
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    obj = head.create_head(bpy.context, asset)
    expression.set_keys(obj, {"browInnerUp": 0.6})
    main_file.save_main_file(obj, folder / "eve.blend")
    return folder


def test_a_blend_is_edited_as_core_edits_it_and_keeps_what_its_face_shows(files, asset, tmp_path, capsys):
    assert run("edit", files / "eve.blend", WORDS, "--out", tmp_path / "out", "--export", "blend,npz") == 0
    (made,) = read_heads(tmp_path / "out" / "eve.blend")
    expected = run_story(edit_head(asset, WORDS))
    assert np.abs(made.vertices - expected.vertices).max() < 2e-6
    assert np.array_equal(made.textures["albedo"].pixels, expected.textures["albedo"].pixels)
    assert made.expression["browInnerUp"] == pytest.approx(0.6, abs=1e-3)
    assert made.expression["mouthSmileLeft"] == pytest.approx(0.375, abs=1e-3)
    (line,) = report(tmp_path / "out")
    assert line["ok"]
    assert [Path(path).name for path in line["outputs"]] == ["eve.blend", "eve.npz"]
    assert len(line["understood"]) == 4
    assert line["sha256"]
    assert line["understood"][1].startswith("'wider nose': nose width ")
    assert "'wider nose': nose width" in capsys.readouterr().out


def test_an_npz_of_ours_carries_enough_to_be_edited(files, asset, tmp_path):
    back = read_npz(files / "ada.npz")
    assert np.array_equal(back.vertices, asset.vertices)
    assert back.identity == pytest.approx(asset.identity, abs=1e-5)
    assert look_at(back).skin == pytest.approx(look_at(asset).skin)
    assert run("edit", files / "ada.npz", WORDS, "--out", tmp_path / "out", "--export", "npz,blend") == 0
    made, expected = read_npz(tmp_path / "out" / "ada.npz"), run_story(edit_head(asset, WORDS))
    assert np.abs(made.vertices - expected.vertices).max() < 2e-6
    off = np.abs(made.textures["albedo"].pixels.astype(int) - expected.textures["albedo"].pixels)
    assert off.max() <= 2 and (off > 0).mean() < 0.01  # the irises' colour is in no .npz
    assert set(made.textures) == set(expected.textures)
    assert made.expression == pytest.approx(expected.expression, abs=1e-6)


def test_a_folder_is_edited_file_by_file(files, tmp_path):
    assert run("edit", files, "half smile", "--out", tmp_path / "out", "--export", "npz") == 0
    assert [Path(line["input"]).name for line in report(tmp_path / "out")] == ["ada.npz", "eve.blend"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["ada.npz", "eve.npz", "report.jsonl"]


def test_only_and_strength_are_as_in_the_panel(files, asset, tmp_path):
    out = tmp_path / "out"
    words = "nose 4 mm wider and freckles 0.8"
    assert run("edit", files / "ada.npz", words, "--out", out, "--export", "npz", "--only", "shape", "--strength", "0.5") == 0
    made, nose = read_npz(out / "ada.npz"), NAMES[NAMES.index("nose_width")]
    assert look_at(made).traits[nose] - look_at(asset).traits[nose] == pytest.approx(2, abs=0.02)
    assert look_at(made).skin == pytest.approx(look_at(asset).skin)
    assert report(out)[0]["warnings"] == ["'freckles 0.8': left out, for only shape may change"]


def test_what_was_not_understood_is_said(files, tmp_path, capsys):
    assert run("edit", files / "ada.npz", "older, purple and blond", "--out", tmp_path / "out", "--export", "npz") == 0
    said = capsys.readouterr().out
    assert "'purple' not understood" in said
    assert "'blond': heads have no hair" in said


@pytest.mark.parametrize("words", ["", "purple dragon", "blond hair"])
def test_words_that_say_nothing_are_a_command_that_cannot_be_followed(files, tmp_path, words, capsys):
    assert run("edit", files / "ada.npz", words, "--out", tmp_path / "out") == 1
    assert "Nothing was understood" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments", [["edit"], ["edit", "a.blend", "older"], ["edit", "a.blend", "older", "--out", "o", "--only", "hair"],
                  ["edit", "a.blend", "older", "--out", "o", "--strength", "-1"],
                  ["edit", "a.blend", "older", "--out", "o", "--strength", "x"]],
)  # fmt: skip
def test_a_command_that_cannot_be_followed_exits_1(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        run(*arguments)
    assert end.value.code == 1
    assert "usage:" in capsys.readouterr().err


def test_a_file_that_is_no_head_of_ours_is_a_sentence_and_exit_2(files, tmp_path, capsys):
    (tmp_path / "note.txt").write_text("no head")
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 broken")
    (tmp_path / "broken.blend").write_bytes(b"BLENDER broken")
    np.savez(tmp_path / "other.npz", vertices=np.zeros((5, 3)))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "empty.blend"), copy=True)
    names = ("note.txt", "broken.npz", "broken.blend", "other.npz", "empty.blend", "gone.blend")
    paths = [tmp_path / name for name in names]
    assert run("edit", files / "ada.npz", *paths, "older", "--out", tmp_path / "out", "--export", "npz") == 2
    good, *bad = report(tmp_path / "out")
    assert good["ok"]
    assert [line["ok"] for line in bad] == [False] * len(names)
    assert all("holds no head that can be edited" in line["error"] for line in bad[:-1])
    assert "There is no file" in bad[-1]["error"]
    assert "Traceback" not in capsys.readouterr().err


def test_an_npz_with_a_head_cut_or_lied_about_is_refused(files, tmp_path):
    with np.load(files / "ada.npz") as file:
        arrays = dict(file)
    lies = {
        "vertices": arrays["vertices"][:100], "faces": arrays["faces"][::-1], "identity": arrays["identity"][:3],
        "expression": np.full_like(arrays["expression"], np.nan), "appearance": arrays["appearance"].astype(str),
    }  # fmt: skip
    for name, lie in lies.items():
        np.savez(tmp_path / "lie.npz", **arrays | {name: lie})
        with pytest.raises(WordsError, match="holds no head that can be edited"):
            read_npz(tmp_path / "lie.npz")
    np.savez(tmp_path / "lie.npz", **{key: array for key, array in arrays.items() if key != "identity"})
    with pytest.raises(WordsError, match="holds no head that can be edited"):
        read_npz(tmp_path / "lie.npz")


def test_results_never_go_over_the_heads_that_they_are_made_from(files, capsys):
    before = (files / "ada.npz").read_bytes()
    assert run("edit", files / "ada.npz", "older", "--out", files, "--export", "npz") == 1
    assert "give another folder with --out" in capsys.readouterr().err
    assert (files / "ada.npz").read_bytes() == before


def test_several_at_a_time_as_a_program(files, tmp_path):
    command = [sys.executable, SCRIPT, "edit", files, "half smile", "--out", tmp_path / "out", "--export", "npz", "--jobs", "2"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 of 2 files" in done.stdout
    assert sorted(Path(line["input"]).name for line in report(tmp_path / "out")) == ["ada.npz", "eve.blend"]
