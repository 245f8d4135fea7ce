"""A head model on another mesh than the calibrated one is refused in a sentence, wherever it comes from."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
import numpy as np
import pytest
from likeness.bulk import command_line
from likeness.core import pipeline
from likeness.core.errors import ModelError, TopologyError
from likeness.core.head import library
from likeness.core.head.model import save_model
from synthetic import make_model

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def foreign(tmp_path) -> Path:
    save_model(make_model(), tmp_path / "embedded_head.npz")
    return tmp_path / "embedded_head.npz"


@pytest.fixture
def foreign_as_embedded(foreign, monkeypatch):
    """The foreign model in the place of the embedded one, as after an update that went half way."""
    monkeypatch.setattr(library, "ASSETS_DIR", foreign.parent)
    library.forget_models()
    pipeline.load_calibrated_model.cache_clear()
    yield
    library.forget_models()
    pipeline.load_calibrated_model.cache_clear()


def test_the_embedded_model_is_the_calibrated_one():
    tools = pipeline.load_calibrated_model(library.EMBEDDED)
    assert tools.model.topology == tools.calibration.topology == tools.skin_look.calibration.topology
    assert tools.calibration.points.indices.max() < len(tools.model.template)


def test_a_foreign_model_is_refused_by_name(foreign):
    with pytest.raises(TopologyError, match=rf"{foreign.name} has another mesh .*: use the embedded model\."):
        pipeline.load_calibrated_model(str(foreign))


def test_batch_says_it_in_the_report_and_exits_2(foreign, astronaut, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["fit", str(astronaut), "--out", str(out), "--export", "npz", "--model", str(foreign)]
    assert command_line.run(arguments, ROOT / "batch.py") == 2
    assert [path.name for path in out.iterdir()] == ["report.jsonl"]
    (line,) = [json.loads(text) for text in (out / "report.jsonl").read_text().splitlines()]
    assert not line["ok"]
    assert line["error"].endswith("use the embedded model.")
    assert "use the embedded model." in capsys.readouterr().err


@pytest.mark.usefixtures("extension", "foreign_as_embedded")
def test_the_operator_says_it_and_leaves_the_scene_alone(astronaut):
    before = len(bpy.data.objects)
    with pytest.raises(RuntimeError, match=r"^Error: The head model embedded has another mesh .*: run `make assets` again"):
        bpy.ops.likeness.fit_photo(filepath=str(astronaut))
    assert len(bpy.data.objects) == before


@pytest.mark.parametrize("damage", ["text", "truncated", "no_header", "no_weights"])
def test_a_file_that_is_no_head_model_is_a_sentence(foreign, damage):
    if damage == "text":
        foreign.write_text("not a model")
    elif damage == "truncated":
        foreign.write_bytes(foreign.read_bytes()[:-2000])
    else:
        with np.load(foreign) as file:
            arrays = {name: file[name] for name in file.files if name != damage.removeprefix("no_")}
        np.savez(foreign, **arrays)
    with pytest.raises(ModelError, match=r"is damaged or is no head model .*: run `make assets`, .*or give another model\."):
        library.get_model(str(foreign))
