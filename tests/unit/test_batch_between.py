"""batch.py between: two heads' files in, a morph or heads on the way out."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest
from likeness.bulk import command_line
from likeness.bulk.edit import read_heads
from likeness.core.config import ASSETS_DIR
from likeness.core.export_npz import export_npz
from likeness.core.generation import generate_head
from likeness.core.import_npz import read_npz
from likeness.core.story import run as run_story

SCRIPT = Path(__file__).resolve().parents[2] / "batch.py"
pytestmark = pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`")


def run(*arguments: object) -> int:
    return command_line.run([str(argument) for argument in arguments], SCRIPT)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("heads")
    for name, seed in (("ada", 1), ("ben", 2)):
        export_npz(run_story(generate_head(seed, texture_size=128)), folder / f"{name}.npz")
    return folder


def test_a_key_in_the_blend_makes_one_head_the_other(files, tmp_path, capsys):
    assert run("between", files / "ada.npz", files / "ben.npz", "--out", tmp_path / "out") == 0
    assert "ada_to_ben.blend" in capsys.readouterr().out
    (made,) = read_heads(tmp_path / "out" / "ada_to_ben.blend")
    other = read_npz(files / "ben.npz")
    assert np.abs(made.vertices + made.shape_keys["Towards ben"] - other.vertices).max() < 2e-6
    assert made.expression["Towards ben"] == 0
    assert any("Towards ben" in mesh.shape_keys.key_blocks for mesh in bpy.data.meshes if mesh.shape_keys)


def test_steps_are_heads_on_the_way(files, tmp_path):
    out = tmp_path / "out"
    assert run("between", files / "ada.npz", files / "ben.npz", "--steps", 3, "--out", out, "--export", "npz") == 0
    names = [f"ada_to_ben_00{number}.npz" for number in (1, 2, 3)]
    assert sorted(path.name for path in out.iterdir()) == names
    one, middle, other = (read_npz(path).vertices for path in (files / "ada.npz", out / names[1], files / "ben.npz"))
    assert np.abs(middle - (one + other) / 2).max() < 1e-6


def test_what_cannot_be_followed_is_one_sentence(files, tmp_path, capsys):
    ada, ben, out = files / "ada.npz", files / "ben.npz", ("--out", tmp_path / "out")
    assert run("between", ada, ada, *out) == 1
    assert "give two" in capsys.readouterr().err
    assert run("between", ada, ben, *out, "--export", "npz") == 1
    assert "has no shape key towards another head" in capsys.readouterr().err
    export_npz(run_story(generate_head(3, texture_size=256)), tmp_path / "cat.npz")
    assert run("between", ada, tmp_path / "cat.npz", *out, "--steps", 2, "--export", "npz") == 1
    assert "--texture-size" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
