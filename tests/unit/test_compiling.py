"""The kernels' compilation, seconds long and once a machine, is a stage of its own, and only where it has to be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from likeness.bulk import command_line
from likeness.bulk.fit import say_compiling
from likeness.core import pipeline
from likeness.core.render.runtime import are_kernels_compiled, warm_up
from likeness.core.types import Progress

ROOT = Path(__file__).resolve().parents[2]
LIGHT = "Estimating the light"
FITTING = "Fitting the head"


def stages_until_light(job) -> list[str]:
    stages: list[str] = []
    for progress in job:
        stages.append(progress.stage)
        if stages[-1].endswith(LIGHT):
            break
    return stages


@pytest.mark.parametrize("story", [pipeline.fit_photo, pipeline.fit_all_faces])
@pytest.mark.parametrize("is_compiled", [True, False])
def test_compiling_is_a_stage_only_where_it_has_to_be(story, is_compiled, astronaut, monkeypatch):
    warmed = []
    monkeypatch.setattr(pipeline, "are_kernels_compiled", lambda: is_compiled)
    monkeypatch.setattr(pipeline, "warm_up", lambda: warmed.append(True))
    stages = stages_until_light(story(astronaut))
    assert [stage.endswith(pipeline.COMPILING) for stage in stages].count(True) == (not is_compiled)
    before_fitting = stages[stages.index(next(stage for stage in stages if stage.endswith(FITTING))) - 1]
    assert before_fitting.endswith(pipeline.COMPILING) == (not is_compiled)
    assert warmed


def test_kernels_are_compiled_once_warm_up_has_run():
    warm_up()
    assert are_kernels_compiled()


def test_kernels_are_not_compiled_on_a_fresh_machine(tmp_path):
    code = "from likeness.core.render.runtime import are_kernels_compiled; print(are_kernels_compiled())"
    environment = os.environ | {"LIKENESS_CACHE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120, check=True)
    assert done.stdout == "False\n"


def test_a_batch_says_that_it_compiles(astronaut, tmp_path, capsys, monkeypatch, small_textures):
    monkeypatch.setattr(pipeline, "are_kernels_compiled", lambda: False)
    assert command_line.run(["fit", str(astronaut), "--out", str(tmp_path / "out"), "--export", "npz"], ROOT / "batch.py") == 0
    assert capsys.readouterr().err == f"{pipeline.COMPILING} ...\n"


def test_a_batch_mentions_no_other_stage(capsys):
    say_compiling(Progress("Face 2 of 3: Painting the texture", 0.5))
    assert capsys.readouterr().err == ""
    say_compiling(Progress(f"Face 1 of 3: {pipeline.COMPILING}", 0.4))
    assert capsys.readouterr().err == f"{pipeline.COMPILING} ...\n"
