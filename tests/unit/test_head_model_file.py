"""A head model survives its file, and the file holds nothing else."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from likeness.core.head.model import HeadModel, SurfacePoints, load_model, save_model
from likeness.core.types import BoneRotation
from synthetic import make_model


def assert_alike(read, written, where: str) -> None:
    """Equal up to the half floats of the file: .01 mm on offsets of some millimetres."""
    if isinstance(written, SurfacePoints):
        assert_alike(read.indices, written.indices, where)
        assert_alike(read.weights, written.weights, where)
    elif isinstance(written, np.ndarray) and written.dtype.kind == "f":
        np.testing.assert_allclose(read, written, rtol=1e-3, atol=1e-5, err_msg=where)
    elif isinstance(written, np.ndarray):
        np.testing.assert_array_equal(read, written, err_msg=where)
    elif isinstance(written, dict):
        assert list(read) == list(written), where
        for key, value in written.items():
            assert_alike(read[key], value, f"{where}.{key}")
    elif isinstance(written, tuple) and written and isinstance(written[0], BoneRotation):
        assert len(read) == len(written), where
        for one, other in zip(read, written, strict=True):
            assert one.joint == other.joint
            assert_alike(one.axis_angle, other.axis_angle, where)
    else:
        assert read == written, where


@pytest.fixture
def written(tmp_path):
    model = make_model()
    save_model(model, tmp_path / "head.npz")
    return model, tmp_path / "head.npz"


def test_a_model_survives_its_file(written):
    model, path = written
    read = load_model(path)
    for field in fields(HeadModel):
        assert_alike(getattr(read, field.name), getattr(model, field.name), field.name)


def test_every_array_of_the_file_is_part_of_the_model(written):
    _, path = written
    with np.load(path) as file:
        names = set(file.files)
    fields_of_file = {field.name for field in fields(HeadModel)} | {"header", "landmark7_indices", "landmark7_weights"}
    assert names - fields_of_file == {"region_weights", "texture_albedo"}


def test_a_file_with_an_array_of_an_older_version_is_still_read(written):
    model, path = written
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    np.savez_compressed(path, **arrays, landmark_indices=np.zeros((478, 3), np.int32))
    assert load_model(path).name == model.name
