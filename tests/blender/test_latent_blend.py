"""A head's latent code in a .blend, from which `generate --code` makes it again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synthetic import make_asset

pytest.importorskip("torch", reason="latent codes need PyTorch, which is optional")

from likeness.bulk.fit import FitOptions, write_heads
from likeness.bulk.info import describe_file
from likeness.bulk.latent import read_any_code
from likeness.core.errors import ModelError


def test_the_code_of_a_head_is_read_from_its_blend_and_a_head_without_one_is_told(context, tmp_path):
    asset, code = make_asset(seed=0, name="ada"), np.random.default_rng(0).normal(size=(18, 512)).round(6)
    known = replace(asset, provenance=asset.provenance | {"latent": {"code": code.tolist(), "done": []}})
    options = FitOptions(str(tmp_path), ("blend",))
    write_heads([("known", known), ("plain", asset)], options)
    found = read_any_code(tmp_path / "known.blend")
    assert np.allclose(found.latent, code, atol=1e-6) and found.name == "known.blend"
    with pytest.raises(ModelError, match="was not made from a latent code"):
        read_any_code(Path(tmp_path / "plain.blend"))
    assert max(map(len, describe_file(tmp_path / "known.blend"))) < 500
