"""batch.py edit --clip: heads edited through a real CLIP network with random weights, or told what is missing."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from likeness.bulk import clip, command_line  # noqa: E402
from likeness.core.checkpoints import write_safetensors  # noqa: E402
from likeness.core.clip import model  # noqa: E402
from likeness.core.config import ASSETS_DIR  # noqa: E402
from likeness.core.export_npz import export_npz  # noqa: E402
from likeness.core.generation import generate_head  # noqa: E402
from likeness.core.import_npz import read_npz  # noqa: E402
from likeness.core.story import run as run_story  # noqa: E402

SCRIPT = Path(__file__).resolve().parents[2] / "batch.py"
pytestmark = pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`")


def run(*arguments: object) -> int:
    return command_line.run([str(argument) for argument in arguments], SCRIPT)


@pytest.fixture(scope="module")
def head(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("heads") / "ada.npz"
    export_npz(run_story(generate_head(5, texture_size=256)), path)
    return path


@pytest.fixture
def no_clip_kept():
    clip._load.cache_clear()
    yield
    clip._load.cache_clear()


class Stand:
    """open_clip's part in loading: a network of its names, a tokenizer by letters."""

    def __init__(self):
        self.CLIP, self.SimpleTokenizer = StandNetwork, lambda context_length: lambda texts: letters(texts, context_length)


def letters(texts, context_length):
    codes = [[ord(letter) % 60 for letter in text[:context_length].ljust(context_length)] for text in texts]
    return torch.tensor(codes)


class StandNetwork(torch.nn.Module):
    """Tensors by CLIP's names, of CLIP's shapes, as far as sizes are read from them."""

    def __init__(self, embedding, vision, text, quick_gelu):
        super().__init__()
        grid = vision["image_size"] // vision["patch_size"]
        shapes = {
            "visual.conv1.weight": (vision["width"], 3, vision["patch_size"], vision["patch_size"]),
            "visual.positional_embedding": (grid**2 + 1, vision["width"]),
            "visual.proj": (vision["width"], embedding),
            "token_embedding.weight": (text["vocab_size"], text["width"]),
            "positional_embedding": (text["context_length"], text["width"]),
            "text_projection": (text["width"], embedding),
        }
        random = torch.Generator().manual_seed(0)
        self.tensors = {name: torch.randn(shape, generator=random) / shape[-1] ** 0.5 for name, shape in shapes.items()}

    def state_dict(self, *args, **kwargs):
        return self.tensors

    def load_state_dict(self, tensors, strict=True, assign=False):
        self.tensors = dict(tensors)

    def encode_image(self, pictures):
        weight = self.tensors["visual.conv1.weight"]
        cells = torch.nn.functional.conv2d(pictures, weight, stride=weight.shape[-1]).flatten(2).transpose(1, 2)
        places = self.tensors["visual.positional_embedding"]
        return (torch.tanh(cells) * (1 + places[1:])).sum(1) @ self.tensors["visual.proj"]

    def encode_text(self, tokens):
        words = self.tensors["token_embedding.weight"][tokens] * self.tensors["positional_embedding"]
        return words.sum(1) @ self.tensors["text_projection"]


@pytest.fixture
def weights(tmp_path, monkeypatch, no_clip_kept) -> Path:
    monkeypatch.setitem(sys.modules, "open_clip", Stand())
    network = model.build_network(sys.modules["open_clip"], model.ClipSizes(16, 64, 0, 16, 64, 64, 0, 12, 64), False)
    path = tmp_path / "clip.safetensors"
    write_safetensors(path, {name: tensor.numpy() for name, tensor in network.state_dict().items()})
    return path


def test_a_head_is_edited_by_clip_and_the_report_has_its_loss(head, weights, tmp_path, capsys):
    out = tmp_path / "out"
    options = ("--clip", weights, "--steps", 12, "--seed", 3, "--only", "shape,expression", "--export", "npz")
    assert run("edit", head, "purple dragon", "--out", out, *options) == 0
    (line,) = [json.loads(text) for text in (out / "report.jsonl").read_text().splitlines()]
    assert line["loss"][1] < line["loss"][0]
    assert line["understood"]
    before, after = read_npz(head), read_npz(out / "ada.npz")
    assert not np.array_equal(before.vertices, after.vertices)
    assert np.array_equal(before.textures["albedo"].pixels, after.textures["albedo"].pixels)
    assert "identity by" in capsys.readouterr().out


def test_what_cannot_be_followed_is_said_at_once(head, tmp_path, monkeypatch, capsys, no_clip_kept):
    out = tmp_path / "out"
    assert run("edit", head, "older", "--out", out, "--clip", tmp_path / "none") == 1
    assert "There is no CLIP file" in capsys.readouterr().err
    assert run("edit", head, "older", "--out", out, "--steps", 5) == 1
    assert "--steps goes with --clip" in capsys.readouterr().err
    assert run("edit", head, " ", "--out", out, "--clip", tmp_path / "none") == 1
    assert "No words were given" in capsys.readouterr().err
    (tmp_path / "some").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "open_clip", None)
    assert run("edit", head, "older", "--out", out, "--clip", tmp_path / "some") == 1
    assert "pip install open_clip_torch" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "torch", None)
    assert run("edit", head, "older", "--out", out, "--clip", tmp_path / "some") == 1
    assert "need PyTorch" in capsys.readouterr().err
    assert not out.exists()
