"""Honest files of every container are read exactly, without what made them."""

from __future__ import annotations

import argparse
import collections
import json
import pickle
import struct
import tracemalloc
from functools import cache

import numpy as np
import pytest
from foreign_classes import foreign_classes, python2_pickle
from likeness.core.checkpoints import Record, Sparse, read_file, read_metadata, read_outline, write_safetensors
from likeness.core.errors import CheckpointError, ExportError, ModelError
from likeness.tests.golden.vectors import make_weights

ARRAYS = {
    "f8": np.linspace(-1, 1, 24).reshape(2, 3, 4),
    "f4": np.arange(6, dtype=np.float32).reshape(2, 3),
    "f2": np.array([0.1, -65504, np.inf, np.nan], np.float16),
    "i8": np.array([-(2**63), 2**63 - 1]),
    "u1": np.arange(256, dtype=np.uint8),
    "u8": np.array([2**64 - 1], np.uint64),
    "truth": np.array([True, False]),
    "complex": np.array([1 + 2j, -3j]),
    "of text": np.array(["head", "neck"]),
    "of bytes": np.array([b"head", b"neck"]),
    "scalar": np.array(2.5),
    "empty": np.zeros((0, 3)),
    "columns first": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "a view": np.arange(20.0)[::-3],
    "big-endian": np.arange(5, dtype=">f4"),
}
VALUES = {
    "none": None, "truth": True, "numbers": [0, 1, -1, 255, 256, 65535, 65536, -(2**31), 2**31, 2**63, -(2**200), 1.5, -0.0],
    "text": ["", "weights", "Gewicht \u00fc\u2013\U0001f600", "line\nbreak \\ 'quote'"], "bytes": [b"", b"\x00\xff", bytes(5000)],
    "nested": {"a": ({"b": [()]},), 3: {"c": (1, (2, (3,)))}}, "complex": 1 - 2j, "set": {"x", "y"}, "frozen": frozenset([1, 2]),
}  # fmt: skip


def same(found, wanted) -> bool:
    return found.dtype == wanted.dtype.newbyteorder("=") and found.shape == wanted.shape and found.tobytes() == (
        np.ascontiguousarray(wanted, wanted.dtype.newbyteorder("=")).tobytes()
    )  # fmt: skip


@pytest.mark.parametrize("protocol", range(6))
def test_pickled_values_come_back_as_they_were(protocol, tmp_path):
    path = tmp_path / "any.name"
    path.write_bytes(pickle.dumps(VALUES, protocol))
    assert read_file(path) == VALUES
    assert str(read_file(path)["numbers"][-1]) == "-0.0"


@pytest.mark.parametrize("protocol", range(6))
def test_pickled_arrays_come_back_as_they_were(protocol, tmp_path):
    path = tmp_path / "FLAME_masks.pkl"
    path.write_bytes(pickle.dumps(ARRAYS, protocol))
    found = read_file(path)
    assert list(found) == list(ARRAYS)
    for name, wanted in ARRAYS.items():
        assert same(found[name], wanted), name
        assert found[name].flags.writeable and found[name].flags.aligned and found[name].dtype.isnative


@pytest.mark.parametrize("protocol", range(6))
def test_collections_namespaces_and_numpys_numbers_come_back_as_plain_data(protocol, tmp_path):
    ordered = collections.OrderedDict([("b", 1), ("a", 2)])
    content = {
        "ordered": ordered, "counter": collections.Counter("aab"), "default": collections.defaultdict(list, {"a": [1]}),
        "args": argparse.Namespace(size=256, path=None), "loss": np.float64(0.1), "step": np.int64(7), "type": np.dtype("<f4"),
        "objects": np.array([None, "a", [1]], dtype=object), "one object": np.array({"a": 1}),
    }  # fmt: skip
    path = tmp_path / "dump.bin"
    path.write_bytes(pickle.dumps(content, protocol))
    found = read_file(path)
    assert list(found["ordered"].items()) == [("b", 1), ("a", 2)]
    assert found["counter"] == {"a": 2, "b": 1} and found["default"] == {"a": [1]} and type(found["default"]) is dict
    assert found["args"] == Record("argparse.Namespace", {"size": 256, "path": None})
    assert found["loss"] == 0.1 and found["step"] == 7 and found["type"] == np.float32
    assert found["objects"].tolist() == [None, "a", [1]] and found["one object"] == {"a": 1}


def test_what_a_pickle_shares_stays_shared(tmp_path):
    shared = [1, 2]
    (tmp_path / "a").write_bytes(pickle.dumps({"a": shared, "b": (shared, shared)}))
    found = read_file(tmp_path / "a")
    assert found["a"] is found["b"][0] is found["b"][1]


def test_pickles_of_python_2_are_read_as_text_and_arrays(tmp_path):
    path = tmp_path / "resnet50_ft_weight.pkl"
    wanted = {"conv1.weight": np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4), "name": "se\u00f1or"}
    path.write_bytes(python2_pickle(wanted))
    assert b"conv1.weight" in path.read_bytes() and b"X\x0c\x00\x00\x00conv1" not in path.read_bytes()
    found = read_file(path)
    assert same(found["conv1.weight"], wanted["conv1.weight"]) and found["name"] == "se\u00f1or"


@pytest.mark.parametrize("protocol", range(5))
def test_chumpys_arrays_are_their_x_and_its_derived_kinds_stay_records(protocol, tmp_path):
    class Ch:
        pass

    class Select:
        pass

    with foreign_classes(chumpy__ch={"Ch": Ch}, chumpy__reordering={"Select": Select}):
        plain, derived = Ch(), Select()
        plain.__dict__.update(x=np.arange(6.0).reshape(2, 3), _dirty_vars={"x"}, _itr=None)
        derived.__dict__.update(a=plain, idxs=np.array([0, 2]))
        (tmp_path / "a").write_bytes(pickle.dumps({"v_template": plain, "part": derived}, protocol))
    found = read_file(tmp_path / "a")
    assert same(found["v_template"], np.arange(6.0).reshape(2, 3))
    assert found["part"].class_name == "chumpy.reordering.Select" and found["part"].state["a"] is found["v_template"]


@pytest.mark.parametrize("module", ["scipy__sparse__csc", "scipy__sparse___csc", "scipy__sparse__csr", "scipy__sparse___csr"])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_scipys_matrices_of_old_and_new_releases_are_read_without_scipy(module, protocol, tmp_path):
    dense = np.array([[0, 2.5, 0, 1], [0, 0, 0, -1], [4, 0, 0, 0]])
    layout = module[-3:]
    Matrix = type(f"{layout}_matrix", (), {})
    outer, inner = np.nonzero(dense.T if layout == "csc" else dense)
    with foreign_classes(**{module: {f"{layout}_matrix": Matrix}}):
        matrix = Matrix()
        counts = np.bincount(outer, minlength=dense.shape[layout == "csc"])
        matrix.__dict__.update(
            _shape=dense.shape, data=dense[(inner, outer) if layout == "csc" else (outer, inner)], maxprint=50,
            indices=inner.astype(np.int32), indptr=np.append(0, np.cumsum(counts)).astype(np.int32),
        )  # fmt: skip
        (tmp_path / "a").write_bytes(pickle.dumps(matrix, protocol))
    found = read_file(tmp_path / "a")
    assert isinstance(found, Sparse) and found.layout == layout and found.shape == (3, 4)
    assert np.array_equal(found.to_dense(), dense)


@pytest.mark.parametrize("kind", ["csc_matrix", "csr_matrix", "csc_array", "csr_array"])
def test_matrices_that_scipy_itself_pickled_are_read(kind, tmp_path):
    sparse = pytest.importorskip("scipy.sparse")
    dense = np.random.default_rng(3).normal(size=(5, 40)) * (np.random.default_rng(4).random((5, 40)) < 0.2)
    (tmp_path / "a").write_bytes(pickle.dumps(getattr(sparse, kind)(dense)))
    assert np.array_equal(read_file(tmp_path / "a").to_dense(), dense)


def test_npy_and_npz_are_read_with_objects_in_them(tmp_path):
    np.savez(tmp_path / "plain.npz", **ARRAYS)
    np.savez_compressed(tmp_path / "packed.npz", **ARRAYS, objects=np.array([None, 1], dtype=object))
    for name in ("plain", "packed"):
        found = read_file(tmp_path / f"{name}.npz")
        assert all(same(found[key], wanted) for key, wanted in ARRAYS.items())
    assert found["objects"].tolist() == [None, 1]
    for name, wanted in ARRAYS.items():
        np.save(tmp_path / "a.npy", wanted)
        assert same(read_file(tmp_path / "a.npy"), wanted), name
    texture_data = {"img_size": 256, "f": np.arange(6).reshape(2, 3)}
    np.save(tmp_path / "a.npy", texture_data, allow_pickle=True)
    assert read_file(tmp_path / "a.npy")["img_size"] == 256


def test_npy_of_all_versions_and_of_python_2_are_read(tmp_path):
    raw = np.arange(3.0).tobytes()
    for version, width in ((1, "<H"), (2, "<I"), (3, "<I")):
        header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (3L,), }\n"
        (tmp_path / "a").write_bytes(b"\x93NUMPY" + bytes([version, 0]) + struct.pack(width, len(header)) + header + raw)
        assert read_file(tmp_path / "a").tolist() == [0, 1, 2]


def test_safetensors_are_written_and_read_exactly(tmp_path):
    path = tmp_path / "a.safetensors"
    wanted = {name: array for name, array in ARRAYS.items() if array.dtype.kind in "fiub"}
    write_safetensors(path, wanted, {"edition": "FLAME 2020", "licence": "x"})
    found = read_file(path)
    assert list(found) == list(wanted) and all(same(found[name], array) for name, array in wanted.items())
    assert read_metadata(path) == {"edition": "FLAME 2020", "licence": "x"}


def test_a_safetensors_file_is_laid_out_as_the_format_says(tmp_path):
    path = tmp_path / "a.safetensors"
    write_safetensors(path, {"b": np.ones(3, np.float32), "a": np.array([1, 2]), "empty": np.zeros((0, 2), np.float16)})
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    assert length % 8 == 0 and list(header) == ["b", "a", "empty"]
    assert header["a"] == {"dtype": "I64", "shape": [2], "data_offsets": [0, 16]}
    assert header["b"] == {"dtype": "F32", "shape": [3], "data_offsets": [16, 28]}
    assert raw[8 + length :] == np.array([1, 2]).tobytes() + np.ones(3, np.float32).tobytes()


def test_safetensors_refuse_what_the_format_cannot_hold(tmp_path):
    for array in (np.array([1j]), np.array(["text"]), np.array([None], dtype=object)):
        with pytest.raises(ExportError, match="cannot hold weight"):
            write_safetensors(tmp_path / "a", {"weight": array})
    assert not (tmp_path / "a").exists()


def test_bfloat16_in_safetensors_becomes_float32_exactly(tmp_path):
    values = np.array([1.0, -2.5, 3.140625, np.inf], np.float32)
    raw = (values.view("<u4") >> 16).astype("<u2").tobytes()
    header = b'{"a":{"dtype":"BF16","shape":[4],"data_offsets":[0,8]}}'
    (tmp_path / "a").write_bytes(struct.pack("<Q", len(header)) + header + raw)
    assert same(read_file(tmp_path / "a")["a"], values)


def test_the_suffix_does_not_matter(tmp_path):
    for suffix in (".pt", ".tar", ".txt", ""):
        np.savez(tmp_path / "made.npz", a=np.ones(2))
        path = (tmp_path / "made.npz").rename(tmp_path / f"file{suffix}")
        assert read_file(path)["a"].tolist() == [1, 1]


def test_a_refusal_is_of_the_model_errors():
    assert issubclass(CheckpointError, ModelError)


@cache
def small_weights(manifest: str, section: str, tag: str) -> dict[str, np.ndarray]:
    """The tensors of a published layout, but for the large ones."""
    return {name: array for name, array in make_weights(manifest, section, tag).items() if array.size < 1 << 18}


def torch_values():
    torch = pytest.importorskip("torch")
    t = torch.arange(24.0).reshape(2, 3, 4)
    storage = torch.arange(10.0)
    return {
        "plain": t, "turned": t.transpose(0, 2), "cut": t[1:, ::2], "last": storage[7:], "expanded": torch.ones(1).expand(3, 4),
        "scalar": torch.tensor(3.5), "empty": t[:0], "half": t.half(), "double": t.double(), "bfloat16": (t / 3).bfloat16(),
        "long": t.long(), "int": t.int(), "short": t.short(), "char": -t.char(), "byte": t.byte(), "bool": t > 3,
        "complex": t * (1 + 2j), "uint16": t.to(torch.uint16), "parameter": torch.nn.Parameter(t), "first": storage[:3],
    }  # fmt: skip


@pytest.mark.parametrize("layout", ["zip", "legacy"])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_tensors_of_all_types_views_and_strides_come_back_as_arrays(layout, protocol, tmp_path):
    values = torch_values()
    from torch_files import write_torch

    path = write_torch(tmp_path / "deca_model.tar", {"model": values, "twice": [values["plain"]] * 2}, layout, protocol)
    found = read_file(path)
    for name, tensor in values.items():
        wide = tensor.detach().float() if name == "bfloat16" else tensor.detach()
        assert same(found["model"][name], wide.numpy()), name
        assert found["model"][name].flags.writeable
    assert found["twice"][0] is found["model"]["plain"]


@pytest.mark.parametrize("layout", ["zip", "legacy"])
def test_arrays_of_tensors_that_share_a_storage_do_not_share_memory(layout, tmp_path):
    torch = pytest.importorskip("torch")
    from torch_files import write_torch

    whole = torch.arange(6.0)
    found = read_file(write_torch(tmp_path / "a.pt", {"a": whole, "b": whole.reshape(2, 3), "c": whole[2:4]}, layout))
    found["a"][:] = -1
    assert found["b"].tolist() == [[0, 1, 2], [3, 4, 5]] and found["c"].tolist() == [2, 3]


@pytest.mark.parametrize("layout", ["zip", "legacy"])
def test_an_outline_has_every_name_type_and_shape_and_no_number(layout, tmp_path):
    torch = pytest.importorskip("torch")
    from torch_files import training_dump, write_torch

    values = {**torch_values(), "large": torch.ones(3 << 20)}
    path = write_torch(
        tmp_path / "mica.tar", {"model": values, **training_dump(g=small_weights("testnet_sg2_64", "g", "s"))}, layout
    )
    tracemalloc.start()
    outline = read_outline(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 << 20, "not even the largest tensor"
    whole = read_file(path)
    assert outline.keys() == whole.keys() and outline["global_step"] == whole["global_step"]
    for section in ("model", "g"):
        assert list(outline[section]) == list(whole[section])
        for name, array in whole[section].items():
            found = outline[section][name]
            assert (found.dtype, found.shape) == (array.dtype, array.shape) and not found.any(), name


def test_an_outline_of_safetensors_is_its_header(tmp_path):
    path = tmp_path / "a.safetensors"
    write_safetensors(path, {"a": np.ones((2, 3), np.float32), "b": np.ones(4, np.int64)})
    outline = read_outline(path)
    assert {name: (array.dtype, array.shape) for name, array in outline.items()} == {"a": ("f4", (2, 3)), "b": ("i8", (4,))}
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match=r"a\.safetensors is cut short"):
        read_outline(path)


@pytest.mark.parametrize("layout", ["zip", "legacy"])
def test_training_dumps_with_namespaces_and_optimisers_are_read(layout, tmp_path):
    pytest.importorskip("torch")
    from torch_files import training_dump, write_torch

    weights = small_weights("testnet_sg2_64", "g", "sg2_64")
    found = read_file(write_torch(tmp_path / "albedogan.pt", training_dump(g=weights), layout))
    assert list(found["g"]) == list(weights) and all(same(found["g"][name], array) for name, array in weights.items())
    assert found["args"].class_name == "argparse.Namespace" and found["args"].state["r1"] == 10.0
    assert found["g_optim"]["state"][0]["exp_avg"].shape == (3, 2) and found["loss"] == 0.25


def test_the_prefix_of_data_parallel_is_kept_as_it_is_in_the_file(tmp_path):
    pytest.importorskip("torch")
    from torch_files import write_states

    weights = small_weights("testnet_sg2_64", "g", "sg2_64")
    found = read_file(write_states(tmp_path / "disp_GAN.pt", {"g": weights}, prefix="module."))
    assert list(found["g"]) == [f"module.{name}" for name in weights]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_nvidias_pickles_give_flat_state_dicts_in_torchs_order(protocol, tmp_path):
    pytest.importorskip("torch")
    from torch_files import SOURCE, write_nvidia_pickle

    weights = small_weights("testnet_nvsg2_64", "G_ema", "nvsg2_64")
    kwargs = {"z_dim": 512, "c_dim": 0, "img_resolution": 64, "mapping_kwargs": {"num_layers": 8}}
    found = read_file(write_nvidia_pickle(tmp_path / "ffhq.pkl", {"G": weights, "G_ema": weights}, kwargs, protocol))
    assert found.keys() == {"G", "G_ema", "training_set_kwargs", "augment_pipe"}
    network = found["G_ema"]
    assert network.class_name == "Generator" and network.state["init_kwargs"] == kwargs
    assert network.state["attributes"] == {"z_dim": 512, "img_channels": 3}
    assert list(network.state["state_dict"]) == list(weights)
    assert all(same(network.state["state_dict"][name], array) for name, array in weights.items())
    assert SOURCE.splitlines()[1] not in repr(found)


def test_a_landmark_embedding_with_tensors_in_an_object_array_is_read(tmp_path):
    torch = pytest.importorskip("torch")
    content = {"dynamic_lmk_faces_idx": torch.arange(6).reshape(2, 3), "static_lmk_bary_coords": np.asfortranarray(np.eye(3))}
    np.save(tmp_path / "landmark_embedding.npy", np.array(content), allow_pickle=True)
    found = read_file(tmp_path / "landmark_embedding.npy")
    assert found["dynamic_lmk_faces_idx"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["static_lmk_bary_coords"].tolist() == np.eye(3).tolist()


def test_the_name_that_torch_gave_its_archive_may_be_any(tmp_path):
    torch = pytest.importorskip("torch")
    from torch_files import write_torch

    for name in ("model: final", "Kopf\u00fc\u2013\u00ff", "a.b", "archive"):
        path = write_torch(tmp_path / f"{name}.pt", {"a": torch.ones(2)})
        assert read_file(path)["a"].tolist() == [1, 1], name
