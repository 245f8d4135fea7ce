"""Test vectors of the published implementations: seeds, inputs, weights and tolerances, as published/README.md defines them.

GOLDEN_DIR names another folder of the same form, GOLDEN_SALT the salt that its seeds were made with.
"""

from __future__ import annotations

import json
import os
import zlib
from functools import cache
from pathlib import Path

import numpy as np

FOLDER = Path(os.environ.get("GOLDEN_DIR", Path(__file__).parent / "published"))
SALT = os.environ.get("GOLDEN_SALT", "").encode()
NOISE_FACTOR, RELATIVE, STATISTICAL = 20, 1e-5, 1e-4
"""max |a - b| <= max(20 * noise floor, 1e-5 * max |a|), or 1e-4 * (std + |mean|) where no noise floor is known."""


def rng(name: str) -> np.random.Generator:
    """The generator of one name."""
    return np.random.default_rng(zlib.crc32(SALT + name.encode()))


@cache
def cases() -> dict[str, dict]:
    return json.loads((FOLDER / "cases.json").read_text())


@cache
def manifest(name: str) -> dict[str, dict]:
    """manifest_<name>.json."""
    return json.loads((FOLDER / f"manifest_{name}.json").read_text())


def make_input(name: str, definition: dict) -> np.ndarray:
    """The input array that cases.json defines under this name."""
    shape = tuple(definition["shape"])
    if definition["kind"] == "integers":
        return rng(name).integers(definition["low"], definition["high"], shape)
    if definition["kind"] == "normal":
        x = rng(name).standard_normal(shape) * definition["scale"] + definition["offset"]
    else:
        x = rng(name).random(shape) * (definition["high"] - definition["low"]) + definition["low"]
    x, repeats = x.astype(np.float32), definition.get("repeat_last_two_axes", 1)
    return x if repeats == 1 else x.repeat(repeats, -2).repeat(repeats, -1)


def make_weight(tag: str, key: str, entry: dict) -> np.ndarray:
    """A test weight of a manifest's entry."""
    init, shape = entry["init"], tuple(entry["shape"])
    if init["kind"] == "zero":
        return np.zeros(shape, np.int64)
    if init["kind"] == "fir":
        return (np.outer(init["taps"], init["taps"]) / 64 * init["sum"]).astype(np.float32)
    n = rng(f"{tag}/{key}").standard_normal(shape)
    return ((np.abs(n) if init["kind"] == "absnormal" else n) * init["scale"] + init["offset"]).astype(np.float32)


def make_weights(manifest_name: str, section: str, tag: str) -> dict[str, np.ndarray]:
    """A whole state dict; a key's seed is without the prefix 'module.'."""
    entries = manifest(manifest_name)["sections"][section]
    return {key: make_weight(tag, key.removeprefix("module."), entry) for key, entry in entries.items()}


class Case:
    """One case: its inputs made, its outputs compared. A test ends by asking left_out(): every output has to be compared."""

    def __init__(self, name: str) -> None:
        self.name, self.definition = name, cases()[name]
        with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
            self.stored = {key: file[key] for key in file.files}
        self.compared: set[str] = set()

    def input(self, name: str) -> np.ndarray:
        """By its full name ('in/sg2_64/z') or by what follows 'in/<case>/'."""
        inputs = self.definition["inputs"]
        full = name if name in inputs else f"in/{self.name}/{name}"
        return make_input(full, inputs[full])

    def compare(self, name: str, ours: np.ndarray, *, tolerance: float | None = None) -> None:
        """Assert that an output is the published one. tolerance: an absolute one in place of the usual; say why beside it."""
        expected, ours = self.definition["outputs"][name], np.asarray(ours)
        assert ours.shape == tuple(expected["shape"]), f"{self.name}/{name}: {ours.shape}, not {expected['shape']}"
        flat = np.ascontiguousarray(ours).ravel()
        compared = flat if expected["stored"] == "full" else flat[:: expected["stride"]]
        stored = self.stored[name].ravel()
        self.compared.add(name)
        if stored.dtype.kind in "iub":
            assert np.array_equal(compared, stored), f"{self.name}/{name}: {(compared != stored).sum()} integers differ"
            return
        limit = tolerance if tolerance is not None else allowed_difference(expected)
        difference = float(np.abs(compared.astype(np.float64) - stored).max())
        assert difference <= limit, f"{self.name}/{name}: differs by {difference:.3g}, {limit:.3g} is allowed"
        for statistic in ("mean", "std", "min", "max"):
            found = float(getattr(flat.astype(np.float64), statistic)())
            assert abs(found - expected[statistic]) <= 2 * limit + 1e-12, f"{self.name}/{name}: {statistic} {found}"

    def left_out(self, *reasoned: str) -> set[str]:
        """Outputs that were not compared, but for those that a test leaves out with a reason."""
        return self.definition["outputs"].keys() - self.compared - set(reasoned)


def allowed_difference(expected: dict) -> float:
    """The suggested pass rule for a float32 output."""
    largest = max(abs(expected["min"]), abs(expected["max"]))
    if "fp32_max_abs_err" in expected:
        return max(NOISE_FACTOR * expected["fp32_max_abs_err"], RELATIVE * largest)
    return STATISTICAL * (expected["std"] + abs(expected["mean"]))
