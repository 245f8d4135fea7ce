"""The runner compares with other vectors, made with another salt, as it does with these."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from likeness.tests.golden import vectors
from likeness.tests.unit.network_formulas import mrf_term

SALT = "a salt of this test's own"
CASE = "idmrf_features"


def salted(name: str, definition: dict) -> np.ndarray:
    """An input of normal numbers with the other salt."""
    draw = np.random.default_rng(zlib.crc32((SALT + name).encode()))
    return (draw.standard_normal(definition["shape"]) * definition["scale"] + definition["offset"]).astype(np.float32)


@pytest.fixture
def other_folder(tmp_path) -> Path:
    """The published vectors, of which one case was made anew with another salt, by the formula."""
    folder = tmp_path / "vectors"
    shutil.copytree(vectors.FOLDER, folder)
    cases = json.loads((folder / "cases.json").read_text())
    outputs = {}
    for name in "ABC":
        ours, theirs = (
            np.maximum(salted(full, cases[CASE]["inputs"][full]), 0).astype(np.float64)
            for full in (f"in/{CASE}/{name}/gen", f"in/{CASE}/{name}/tar")
        )
        outputs[f"loss_{name}"] = np.float32([mrf_term(ours, theirs)])
        outputs[f"loss_{name}_half"] = np.float32([mrf_term((ours + theirs) / 2, theirs)])
    np.savez(folder / f"{CASE}.npz", **outputs)
    for name, value in outputs.items():
        cases[CASE]["outputs"][name] |= {statistic: float(value[0]) for statistic in ("mean", "min", "max")}
    (folder / "cases.json").write_text(json.dumps(cases))
    return folder


def test_the_runner_takes_the_folder_and_the_salt_from_the_environment(other_folder, monkeypatch):
    pytest.importorskip("torch")
    from likeness.tests.golden import test_networks

    name = "test_the_mrf_term_computes_the_published_numbers"
    tests = Path(test_networks.__file__)
    environment = {**os.environ, "GOLDEN_DIR": str(other_folder), "GOLDEN_SALT": SALT}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"{tests}::{name}"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tests.parents[2])
    assert done.returncode == 0 and "1 passed" in done.stdout
    monkeypatch.setattr(vectors, "FOLDER", other_folder)
    monkeypatch.setattr(vectors, "cases", lambda: json.loads((other_folder / "cases.json").read_text()))
    with pytest.raises(AssertionError, match="differs by"):
        getattr(test_networks, name)()


def test_inputs_and_weights_follow_the_salt(monkeypatch):
    definition = {"kind": "normal", "shape": [3], "scale": 1.0, "offset": 0.0}
    entry = {"shape": [3], "init": {"kind": "normal", "scale": 1.0, "offset": 0.0}}
    plain = vectors.make_input("in/x", definition), vectors.make_weight("net", "w", entry)
    monkeypatch.setattr(vectors, "SALT", SALT.encode())
    assert np.array_equal(vectors.make_input("in/x", definition), salted("in/x", definition))
    assert np.array_equal(vectors.make_weight("net", "w", entry), salted("net/w", definition))
    assert not np.array_equal(plain[0], salted("in/x", definition)) and not np.array_equal(plain[1], salted("net/w", definition))


def test_a_case_that_leaves_an_output_out_says_so():
    case = vectors.Case(CASE)
    case.compare("loss_A", case.stored["loss_A"])
    assert case.left_out() == {"loss_A_half", "loss_B", "loss_B_half", "loss_C", "loss_C_half"}
    assert case.left_out("loss_A_half", "loss_B", "loss_B_half", "loss_C") == {"loss_C_half"}


def test_a_wrong_number_a_wrong_shape_and_a_wrong_unsampled_number_are_found():
    case = vectors.Case("deca_D_detail")
    right = case.stored["uv_z_b0_patch"]
    case.compare("uv_z_b0_patch", right)
    wrong = right.copy()
    wrong[3, 4] += 1e-7
    for ours in (wrong, right[:-1], right.T):
        with pytest.raises(AssertionError):
            case.compare("uv_z_b0_patch", ours)
    expected = case.definition["outputs"]["uv_z"]
    sampled = np.full(int(np.prod(expected["shape"])), expected["mean"], np.float32)
    sampled[:: expected["stride"]] = case.stored["uv_z"].ravel()
    with pytest.raises(AssertionError, match="std"):
        case.compare("uv_z", sampled.reshape(expected["shape"]))
