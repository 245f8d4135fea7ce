"""CLIP's weights are fetched by open_clip's downloader, and only after a person has said so."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")
from likeness.bulk import command_line  # noqa: E402
from real_open_clip import save_random_clip  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def asked(monkeypatch, tmp_path) -> list:
    """open_clip with a downloader that hands over a file of random weights; what it was asked for."""
    file, calls = save_random_clip(tmp_path)[1], []

    def download(settings, cache_dir):
        calls.append((settings, cache_dir))
        return shutil.copy(file, Path(cache_dir) / "open_clip_model.safetensors")

    stand = SimpleNamespace(get_pretrained_cfg=lambda name, tag: (name, tag), download_pretrained=download)
    monkeypatch.setitem(sys.modules, "open_clip", stand)
    monkeypatch.delitem(sys.modules, "bpy", raising=False)
    return calls


def fetch(*arguments) -> int:
    return command_line.run(["fetch-clip", *map(str, arguments)], ROOT / "batch.py")


def test_without_a_yes_it_says_what_from_where_and_how_much_and_fetches_nothing(asked, tmp_path, capsys):
    assert fetch("--out", tmp_path / "weights") == command_line.USAGE
    told = capsys.readouterr()
    assert "ViT-B-32" in told.out
    assert "605 MB, from the Hugging Face hub (laion/CLIP-ViT-B-32" in told.out
    assert "licence" in told.out
    assert "give --yes" in told.err
    assert asked == []
    assert not (tmp_path / "weights").exists()


def test_with_a_yes_the_file_that_came_is_checked_and_named(asked, tmp_path, capsys):
    assert fetch("--out", tmp_path / "weights", "--yes") == 0
    assert asked == [(("ViT-B-32", "laion2b_s34b_b79k"), str(tmp_path / "weights"))]
    assert str(tmp_path / "weights" / "open_clip_model.safetensors") in capsys.readouterr().out


def test_inside_a_blender_that_may_not_go_online_nothing_is_fetched(asked, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "bpy", SimpleNamespace(app=SimpleNamespace(online_access=False)))
    assert fetch("--out", tmp_path / "weights", "--yes") == command_line.USAGE
    assert "Allow Online Access" in capsys.readouterr().err
    assert asked == []


def test_a_broken_connection_and_a_file_that_is_no_clip_are_one_sentence(asked, tmp_path, monkeypatch, capsys):
    def fail(settings, cache_dir):
        raise OSError("no route to host\nand more")

    monkeypatch.setattr(sys.modules["open_clip"], "download_pretrained", fail)
    assert fetch("--out", tmp_path / "weights", "--yes") == command_line.USAGE
    (line,) = capsys.readouterr().err.splitlines()
    assert "could not be fetched (no route to host)" in line
    (tmp_path / "page").write_text("<html>")
    monkeypatch.setattr(sys.modules["open_clip"], "download_pretrained", lambda settings, cache_dir: tmp_path / "page")
    assert fetch("--out", tmp_path / "weights", "--yes") == command_line.USAGE
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_downloader_is_open_clips_own():
    import inspect

    from likeness.core.clip.download import NAME, SOURCE, TAG
    from real_open_clip import import_real_open_clip

    open_clip = import_real_open_clip()
    assert open_clip.get_pretrained_cfg(NAME, TAG)["hf_hub"].strip("/") == SOURCE
    assert "cache_dir" in inspect.signature(open_clip.download_pretrained).parameters
