"""Latent codes: directions from every kind of file, moved, mixed, interpolated; and one head becoming another."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from likeness.core.config import ASSETS_DIR
from likeness.core.errors import CheckpointError, IdentityError, LikenessError, ModelError
from likeness.core.generation import generate_head
from likeness.core.latent import between_people, codes, directions, mixing
from likeness.core.story import run
from likeness.core.types import HeadAsset

D, L = 32, 10
RNG = np.random.default_rng(0)
NORMAL = RNG.normal(size=(1, D)).astype(np.float32)
BY_ROW = RNG.normal(size=(L, D)).astype(np.float32)
PCA = {
    "lat_comp": RNG.normal(size=(4, 1, D)).astype(np.float32),
    "lat_stdev": np.array([3.0, 2.0, 1.0, 0.5], np.float32),
    "lat_mean": np.zeros((1, D), np.float32),
    "act_comp": RNG.normal(size=(4, 1, 7)).astype(np.float32),
    "act_stdev": np.ones(4, np.float32),
    "var_ratio": np.ones(4, np.float32),
}
needs_assets = pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`")


def write_npy(path, value):
    with path.open("wb") as file:
        np.save(file, value)


def write_npz(path, value):
    with path.open("wb") as file:
        np.savez(file, **value)


def write_pkl(path, value):
    path.write_bytes(pickle.dumps(value, 2))


def write_pt(path, value):
    torch = pytest.importorskip("torch")
    tensors = {k: torch.from_numpy(v) for k, v in value.items()} if isinstance(value, dict) else torch.from_numpy(value)
    torch.save(tensors, path)


@pytest.mark.parametrize("write, value, names, first", [
    (write_npy, NORMAL, ["d"], NORMAL[0]),
    (write_npy, NORMAL[0], ["d"], NORMAL[0]),
    (write_npy, BY_ROW, ["d"], BY_ROW),
    (write_npy, BY_ROW[None], ["d"], BY_ROW),
    (write_pt, NORMAL, ["d"], NORMAL[0]),
    (write_pt, {"smile": NORMAL, "age": BY_ROW}, ["smile", "age"], NORMAL[0]),
    (write_pt, {"eigvec": BY_ROW}, list(map(str, range(D))), BY_ROW[:, 0]),
    (write_npz, {"smile": NORMAL, "pose": BY_ROW}, ["smile", "pose"], NORMAL[0]),
    (write_npz, PCA, list("0123"), 3 * PCA["lat_comp"][0, 0]),
    (write_pkl, PCA, list("0123"), 3 * PCA["lat_comp"][0, 0]),
    (write_pt, {"comp": PCA["lat_comp"], "std": PCA["lat_stdev"], "mean": NORMAL}, list("0123"), 3 * PCA["lat_comp"][0, 0]),
])  # fmt: skip
def test_directions_are_read_from_every_kind_of_file(tmp_path, write, value, names, first):
    write(tmp_path / "d.any", value)
    found = directions.read_directions(tmp_path / "d.any")
    assert [direction.name for direction in found] == names
    assert np.allclose(found[0].vector, first, rtol=1e-6)


@pytest.mark.parametrize("write, value", [
    (write_npy, np.zeros((2, 3, D))), (write_npy, np.zeros(())), (write_npy, np.zeros((0, D))), (write_npy, np.zeros(D, bool)),
    (write_npy, np.full(D, np.nan)), (write_npz, {"a": np.zeros(1)}), (write_npz, {}), (write_pkl, "smile"),
    (write_pkl, {"comp": np.zeros((4, D)), "std": np.zeros(3)}), (write_npz, {"eigvec": np.zeros((2, 2, 2))}), (write_pkl, []),
    (write_pkl, {"lat_comp": "x", "lat_stdev": np.zeros(3)}), (write_pkl, LikenessError),
])  # fmt: skip
def test_a_file_without_directions_is_refused_in_one_line(tmp_path, write, value):
    write(tmp_path / "d.any", value)
    with pytest.raises((ModelError, CheckpointError)) as caught:
        directions.read_directions(tmp_path / "d.any")
    assert "\n" not in str(caught.value)
    assert "d.any" in str(caught.value)


def test_a_direction_moves_w_and_the_chosen_rows_of_w_plus():
    w, step = RNG.normal(size=D), directions.Direction("smile", NORMAL[0])
    assert np.allclose(directions.follow_direction(w, step, 2.0), w + 2 * NORMAL[0])
    moved = directions.follow_direction(np.tile(w, (L, 1)), step, -1.5, rows=(4, 5))
    assert np.allclose(moved[[4, 5]], w - 1.5 * NORMAL[0])
    assert np.array_equal(np.delete(moved, [4, 5], 0), np.tile(w, (L - 2, 1)))
    assert np.array_equal(directions.follow_direction(w, step, -1.5, rows=(4, 5), num_rows=L), moved)
    by_row = directions.Direction("age", BY_ROW)
    assert np.allclose(directions.follow_direction(w, by_row, 0.5), w + 0.5 * BY_ROW)
    back = directions.follow_direction(directions.follow_direction(w, step, 3.0), step, -3.0)
    assert np.allclose(back, w)


@pytest.mark.parametrize("code, direction, rows", [
    (np.zeros(D + 1), NORMAL, None), (np.zeros((L, D)), BY_ROW[:-1], None), (np.zeros((L, D)), NORMAL, (L,)),
    (np.zeros((L, D)), NORMAL, ()), (np.zeros(D), NORMAL, (1,)), (np.zeros((2, L, D)), NORMAL, None),
    (np.full(D, np.inf), NORMAL, None), (np.zeros((L - 3, D)), BY_ROW, None),
])  # fmt: skip
def test_wrong_shapes_are_one_sentence(code, direction, rows):
    with pytest.raises(ModelError) as caught:
        directions.follow_direction(code, directions.Direction("smile", direction), 1.0, rows)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_a_direction_is_found_by_its_name_and_otherwise_the_names_are_told():
    several = [directions.Direction(name, NORMAL[0]) for name in ("smile", "age")]
    assert directions.find_direction(several, "age") is several[1]
    assert directions.find_direction(several[:1]) is several[0]
    with pytest.raises(ModelError, match="smile, age"):
        directions.find_direction(several)


def test_layers_are_written_as_ranges():
    assert codes.parse_rows("4-7, 0,5") == (0, 4, 5, 6, 7)
    for text in ("", "a", "7-4", "-1", "1-", "99999999", "²"):
        with pytest.raises(ModelError, match="names no layers"):
            codes.parse_rows(text)


def test_styles_mix_by_layers():
    one, two = RNG.normal(size=D), RNG.normal(size=(L, D))
    mixed = mixing.mix_styles(one, two, range(4, L), L)
    assert np.array_equal(mixed[:4], np.tile(one, (4, 1)))
    assert np.array_equal(mixed[4:], two[4:])
    half = mixing.mix_styles(one, two, [2], L, share=0.5)
    assert np.allclose(half[2], (one + two[2]) / 2)


def test_interpolation_keeps_its_ends_and_on_the_arc_its_distance():
    mean, a, b = RNG.normal(size=D), RNG.normal(size=D), RNG.normal(size=D)
    b = mean + (b - mean) / np.linalg.norm(b - mean) * np.linalg.norm(a - mean)
    path = list(mixing.interpolate_in_steps(a, b, 5, mean))
    assert np.allclose(path[0], a)
    assert np.allclose(path[-1], b)
    assert np.allclose([np.linalg.norm(w - mean) for w in path], np.linalg.norm(a - mean))
    steps = [np.linalg.norm(y - x) for x, y in zip(path, path[1:], strict=False)]
    assert np.allclose(steps, steps[0])
    straight = list(mixing.interpolate_in_steps(a, b, 3))
    assert np.allclose(straight[1], (a + b) / 2)
    opposite = mixing.interpolate_spherical(a, 2 * mean - a, 0.25, mean)
    assert np.isfinite(opposite).all()
    assert mixing.interpolate(a, np.tile(b, (L, 1)), 0.5).shape == (L, D)


def test_truncation_goes_to_the_mean_and_may_leave_layers():
    mean, code = RNG.normal(size=D), RNG.normal(size=(L, D))
    assert np.allclose(mixing.truncate(code, mean, 0.0), mean)
    assert np.allclose(mixing.truncate(code, mean, 1.0), code)
    some = mixing.truncate(code, mean, 0.5, rows=range(8))
    assert np.array_equal(some[8:], code[8:])
    assert np.allclose(some[:8], (mean + code[:8]) / 2)


@pytest.fixture(scope="module")
def people() -> tuple[HeadAsset, HeadAsset]:
    return run(generate_head(1, texture_size=128)), run(generate_head(2, texture_size=128))


@needs_assets
def test_a_shape_key_makes_one_person_the_other(people):
    one, other = people
    keyed = between_people.add_key_towards(one, other)
    key = keyed.shape_keys["Towards person_2"]
    assert np.abs(one.vertices + key - other.vertices).max() < 1e-7
    assert keyed.expression == one.expression | {"Towards person_2": 0.0}
    assert np.array_equal(keyed.vertices, one.vertices)
    assert set(keyed.shape_keys) - set(one.shape_keys) == {"Towards person_2"}
    assert len(between_people.name_key(between_people.replace(other, name="ß" * 90)).encode()) <= 63


@needs_assets
def test_half_way_between_two_people_is_half_of_each_and_the_ends_are_they(people):
    one, other = people
    start, half, end = between_people.mix_in_steps(one, other, [0, 0.5, 1])
    assert half.name == "person_1 50% person_2"
    for made, wanted in ((start, one), (end, other)):
        assert np.array_equal(made.vertices, wanted.vertices)
        assert all(np.array_equal(made.textures[name].pixels, t.pixels) for name, t in wanted.textures.items())
        assert made.provenance["appearance"]["melanin"] == pytest.approx(wanted.provenance["appearance"]["melanin"], abs=1e-3)
    assert np.allclose(half.vertices, (one.vertices + other.vertices) / 2, atol=1e-7)
    assert np.allclose(half.identity, (one.identity + other.identity) / 2)
    linear = [between_people.SRGB_TABLE[head.textures["albedo"].pixels].mean() for head in (one, half, other)]
    assert linear[1] == pytest.approx((linear[0] + linear[2]) / 2, rel=0.01)
    normals = half.textures["normal"].pixels.astype(float) / 127.5 - 1
    assert np.abs(np.linalg.norm(normals, axis=-1) - 1).max() < 0.02


@needs_assets
def test_heads_of_different_models_or_texture_sizes_do_not_mix(people):
    one, other = people
    with pytest.raises(IdentityError, match="different models"):
        between_people.add_key_towards(one, between_people.replace(other, model_name="flame"))
    with pytest.raises(IdentityError, match="different meshes"):
        between_people.add_key_towards(one, between_people.replace(other, faces=other.faces[::-1]))
    with pytest.raises(IdentityError, match="--texture-size"):
        between_people.mix_people(one, run(generate_head(2, texture_size=256)), 0.5)
