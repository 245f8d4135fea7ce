"""FLAME's files in their own containers are read for what they are, and whatever is wrong with one is said in one line."""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import fields

import numpy as np
import pytest
from flame_file import REGIONS, original_of, write_flame_masks, write_flame_pickle, write_landmark_embedding
from likeness.core.checkpoints import write_safetensors
from likeness.core.errors import CheckpointError, ModelError
from likeness.core.flame.embedding import read_landmark_embedding, read_mediapipe_embedding
from likeness.core.flame.file import OPEN, RESEARCH, UNKNOWN_LICENCE, guess_edition, read_flame, write_flame
from likeness.core.flame.masks import read_flame_masks
from likeness.core.flame.wavefront import read_obj
from likeness.tests.golden.synthetic_flame import synthetic_embedding, synthetic_flame

ARRAYS = ("template", "faces", "shape_basis", "expression_basis", "pose_correctives", "joint_regressor", "weights", "parents")


def assert_is_the_synthetic_flame(found) -> None:
    for name in ARRAYS:
        array, wanted = getattr(found, name), getattr(synthetic_flame(), name)
        assert array.dtype == wanted.dtype and np.array_equal(array, wanted), name


@pytest.fixture(scope="module")
def original() -> dict[str, np.ndarray]:
    """The synthetic FLAME under the names of FLAME's files; not to be written into."""
    return original_of(synthetic_flame())


@pytest.fixture
def small(original) -> dict[str, np.ndarray]:
    """The same with three shape columns, quick to write; a dict of its own."""
    return dict(original) | {"shapedirs": original["shapedirs"][..., :3]}


@pytest.mark.parametrize("edition", ["2017", "2020", "2023"])
def test_an_original_pickle_is_read_exactly_with_neither_chumpy_nor_scipy(edition, tmp_path):
    path = write_flame_pickle(tmp_path / "generic_model.pkl", edition=edition)
    raw = path.read_bytes()
    assert raw.startswith(b"\x80\x02") and b"chumpy.ch\nCh" in raw and b"csc_matrix" in raw and b"numpy.core.multiarray" in raw
    found = read_flame(path)
    assert_is_the_synthetic_flame(found)
    assert len(found.shape_basis) == 300 and len(found.expression_basis) == 100
    assert found.sha256 == hashlib.sha256(raw).hexdigest()
    assert all(getattr(found, name).flags.c_contiguous for name in ARRAYS)


def test_npz_and_safetensors_of_the_same_arrays_are_read_too(original, tmp_path):
    np.savez(tmp_path / "flame.npz", **original)
    assert_is_the_synthetic_flame(read_flame(tmp_path / "flame.npz"))
    write_safetensors(tmp_path / "flame.safetensors", original)
    assert_is_the_synthetic_flame(read_flame(tmp_path / "flame.safetensors"))


def test_a_conversion_keeps_edition_licence_and_the_originals_hash(tmp_path):
    before = read_flame(write_flame_pickle(tmp_path / "FLAME2020.pkl"))
    write_flame(before, tmp_path / "converted.safetensors")
    after = read_flame(tmp_path / "converted.safetensors")
    assert_is_the_synthetic_flame(after)
    for field in fields(before):
        assert np.array_equal(getattr(before, field.name), getattr(after, field.name)), field.name


@pytest.mark.parametrize(
    "folder, name, edition, licence",
    [
        ("FLAME2020", "generic_model.pkl", "FLAME 2020 (by the file's name)", RESEARCH),
        ("models", "flame2023.pkl", "FLAME 2023 (by the file's name)", RESEARCH),
        ("models", "flame2023_Open.pkl", "FLAME 2023 Open (by the file's name)", OPEN),
        ("FLAME2023Open", "flame.npz", "FLAME 2023 Open (by the file's name)", OPEN),
        ("FLAME_2017", "female_model.pkl", "FLAME 2017 (by the file's name)", RESEARCH),
        ("models", "generic_model.pkl", "FLAME, edition unknown", UNKNOWN_LICENCE),
        ("FLAME2020", "flame2023.pkl", "FLAME, edition unknown", UNKNOWN_LICENCE),
        ("OpenHeads", "generic_model.pkl", "FLAME, edition unknown", UNKNOWN_LICENCE),
    ],
)
def test_the_edition_is_guessed_from_names_only_and_said_to_be(folder, name, edition, licence, tmp_path):
    found, terms = guess_edition(tmp_path / folder / name)
    assert found == edition and terms.startswith(licence)
    assert terms == UNKNOWN_LICENCE or "known by the file's name alone" in terms


@pytest.mark.parametrize("columns, expressions", [(400, 100), (350, 50), (300, 0), (120, 0), (310, 10)])
def test_bases_are_split_at_300_however_many_there_are(columns, expressions, original, tmp_path):
    arrays = dict(original) | {"shapedirs": original["shapedirs"][..., :columns]}
    write_safetensors(tmp_path / "a", arrays)
    found = read_flame(tmp_path / "a")
    assert len(found.expression_basis) == expressions and len(found.shape_basis) == columns - expressions


def test_the_roots_parent_may_be_written_as_an_unsigned_minus_one(small, tmp_path):
    for root in (2**32 - 1, -1, 0):
        small["kintree_table"] = np.array([[root, 0, 1, 1, 1], range(5)], np.int64)
        write_safetensors(tmp_path / "a", small)
        assert read_flame(tmp_path / "a").parents.tolist() == [-1, 0, 1, 1, 1]


def altered(name, change):
    def alter(arrays):
        arrays[name] = change(np.array(arrays[name]))

    return alter


def put(index, value):
    def change(array):
        array[index] = value
        return array

    return change


def without(*names):
    def alter(arrays):
        for name in names:
            del arrays[name]

    return alter


FAULTS = {
    "it lacks f, weights": without("f", "weights"),
    r"v_template has the shape \(5022, 3\), not \(5023, 3\)": altered("v_template", lambda a: a[1:]),
    r"shapedirs has the shape \(5023, 9\), not \(5023, 3, any\)": altered("shapedirs", lambda a: a.reshape(5023, -1)),
    r"posedirs has the shape \(5023, 3, 9\)": altered("posedirs", lambda a: a[..., :9]),
    "weights is no array of numbers": altered("weights", lambda a: a > 0),
    "v_template holds numbers that are not finite": altered("v_template", put((7, 1), np.nan)),
    "shapedirs holds numbers that are not finite": altered("shapedirs", put((0, 0, 0), np.inf)),
    "f names vertices that are not among the 5023": altered("f", put((0, 0), 5023)),
    "kintree_table hangs the joints at": altered("kintree_table", put((0, 4), 2)),
    "the rows of weights are no shares of 1": altered("weights", lambda a: a * 1.1),
    "the rows of J_regressor do not sum to 1": altered("J_regressor", lambda a: a * 0.5),
    r"v_template is 24\d m high, which is no head in metres": altered("v_template", lambda a: a * 1000),
    "shapedirs has no columns": altered("shapedirs", lambda a: a[..., :0]),
}


@pytest.mark.parametrize("told", FAULTS)
def test_what_is_wrong_with_a_flame_file_is_named_in_one_line(told, small, tmp_path):
    FAULTS[told](small)
    np.savez(tmp_path / "mine.npz", **small)
    with pytest.raises(ModelError, match=told) as error:
        read_flame(tmp_path / "mine.npz")
    assert "mine.npz" in str(error.value) and "\n" not in str(error.value) and "give generic_model.pkl" in str(error.value)


def test_everything_wrong_is_named_at_once(small, tmp_path):
    del small["f"]
    small["weights"], small["v_template"] = small["weights"][:, :4], small["v_template"].ravel()
    np.savez(tmp_path / "a.npz", **small)
    with pytest.raises(ModelError, match=r"lacks f; v_template has the shape \(15069,\).*; weights has the shape \(5023, 4\)"):
        read_flame(tmp_path / "a.npz")


def test_files_that_are_no_flame_are_refused(tmp_path):
    (tmp_path / "a").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(ModelError, match="no dict of arrays"):
        read_flame(tmp_path / "a")
    with pytest.raises(CheckpointError, match="check the path"):
        read_flame(tmp_path / "missing.pkl")
    (tmp_path / "b").write_bytes(b"<html>sign in</html>")
    with pytest.raises(CheckpointError, match="web page"):
        read_flame(tmp_path / "b")


def test_a_sparse_matrix_too_large_to_write_out_is_refused(small, tmp_path):
    from foreign_classes import foreign_classes

    class csr_matrix:
        pass

    with foreign_classes(scipy__sparse__csr={"csr_matrix": csr_matrix}):
        small["J_regressor"] = csr_matrix()
        small["J_regressor"].__dict__.update(
            _shape=(5, 2**31 - 1), data=np.zeros(0), indices=np.zeros(0, np.int32), indptr=np.zeros(6, np.int32)
        )
        (tmp_path / "a").write_bytes(pickle.dumps(small))
    with pytest.raises(CheckpointError, match="too large to be written out"):
        read_flame(tmp_path / "a")


def test_masks_are_read_as_regions_of_vertices(tmp_path):
    found = read_flame_masks(write_flame_masks(tmp_path / "FLAME_masks.pkl"))
    assert {name: len(indices) for name, indices in found.items()} == REGIONS
    assert found["left_eyeball"].tolist() == list(range(3931, 4477)) and found["face"].dtype == np.int64
    assert all((np.diff(indices) > 0).all() for indices in found.values())


@pytest.mark.parametrize(
    "content, told",
    [
        ([1, 2], "no regions by name"),
        ({}, "no regions by name"),
        ({1: np.arange(3)}, "no regions by name"),
        ({"face": np.array([5023])}, "face names vertices that are not among FLAME's 5023"),
        ({"face": np.array([-1])}, "face names vertices"),
        ({"face": np.array([0.5])}, "face is no list of vertices"),
        ({"face": np.zeros((2, 2), int)}, "face is no list"),
        ({"face": "all", "nose": np.arange(3)}, "face is no list"),
        ({"face": np.zeros(0, int)}, "face is no list"),
        ({"face": [[0, 1], [2]]}, "face is no list"),
    ],
)
def test_what_is_no_mask_file_is_refused(content, told, tmp_path):
    (tmp_path / "FLAME_masks.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(ModelError, match=told):
        read_flame_masks(tmp_path / "FLAME_masks.pkl")


def test_the_landmark_embedding_is_read_with_its_tensors(tmp_path):
    pytest.importorskip("torch")
    found, wanted = read_landmark_embedding(write_landmark_embedding(tmp_path / "landmark_embedding.npy")), synthetic_embedding()
    for kind in ("static", "dynamic", "full"):
        faces, weights = getattr(found, f"{kind}_faces"), getattr(found, f"{kind}_weights")
        assert np.array_equal(faces, wanted[f"{kind}_lmk_faces_idx"].reshape(faces.shape)) and faces.dtype == np.int64
        assert np.array_equal(weights, wanted[f"{kind}_lmk_bary_coords"].reshape(weights.shape)) and weights.dtype == np.float32
    assert found.full_faces.shape == (68,) and found.dynamic_weights.shape == (79, 17, 3)


@pytest.mark.parametrize(
    "change, told",
    [
        ({"full_lmk_faces_idx": None}, "full_lmk_faces_idx is missing"),
        ({"static_lmk_faces_idx": np.zeros(50, int)}, r"static_lmk_faces_idx has the shape \(50,\), not \(51,\)"),
        ({"static_lmk_faces_idx": np.full(51, 9976)}, "names faces that are not among FLAME's 9976"),
        ({"dynamic_lmk_bary_coords": np.ones((79, 17, 3))}, "dynamic_lmk_bary_coords holds rows that do not sum to 1"),
        ({"full_lmk_bary_coords": np.full((1, 68, 3), np.nan)}, "full_lmk_bary_coords holds rows"),
    ],
)
def test_what_is_wrong_with_an_embedding_is_named(change, told, tmp_path):
    content = {name: array for name, array in (synthetic_embedding() | change).items() if array is not None}
    np.savez(tmp_path / "a.npz", **content)
    with pytest.raises(ModelError, match=told):
        read_landmark_embedding(tmp_path / "a.npz")


def test_the_embedding_of_mediapipes_points_is_read(tmp_path):
    weights = np.random.default_rng(0).dirichlet(np.ones(3), 105)
    np.savez(
        tmp_path / "a.npz", lmk_face_idx=np.arange(105, dtype=np.uint32), lmk_b_coords=weights, landmark_indices=np.arange(105)
    )
    found = read_mediapipe_embedding(tmp_path / "a.npz")
    assert found.faces.dtype == np.int64 and np.allclose(found.weights, weights) and found.landmarks.tolist() == list(range(105))
    np.savez(tmp_path / "a.npz", lmk_face_idx=np.arange(105, dtype=np.uint32), landmark_indices=np.arange(105))
    with pytest.raises(ModelError, match="lmk_b_coords is missing"):
        read_mediapipe_embedding(tmp_path / "a.npz")


OBJ = """# a template
mtllib x.mtl
o head
v 0 0 0
v 1.0 0.0 0.0 0.5 0.5 0.5
v 1e0 1 0
v 0 1 \\
  0
vt 0 0
vt 1 0 0
vt 1 1
vn 0 0 1
s off
usemtl skin
f 1/1/1 2/2/1 3/3/1
f -4/1 -2/3 -1/2   # counted from the end
f 1 2 3 4
f 1//1 2//1 3//1
"""


def test_an_obj_is_read_with_its_uvs(tmp_path):
    (tmp_path / "head_template.obj").write_text(OBJ)
    found = read_obj(tmp_path / "head_template.obj")
    assert found.vertices.tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
    assert found.uvs.tolist() == [[0, 0], [1, 0], [1, 1]]
    assert found.faces.tolist() == [[0, 1, 2], [0, 2, 3], [0, 1, 2], [0, 2, 3], [0, 1, 2]]
    assert found.face_uvs.tolist() == [[0, 1, 2], [0, 2, 1], [-1, -1, -1], [-1, -1, -1], [-1, -1, -1]]


@pytest.mark.parametrize(
    "text, told",
    [
        ("", "no vertices"),
        ("v 0 0 0\n", "no faces"),
        ("v 0 0\n", r"line 1 cannot be read \(3 numbers are needed\)"),
        ("v 0 0 nan\n", "line 1 cannot be read"),
        ("v 0 0 x\n", "line 1 cannot be read"),
        ("v 0 0 0\nf 1 1\n", "line 2 cannot be read"),
        ("v 0 0 0\nf 1 1 2\n", "names what the file does not have"),
        ("v 0 0 0\nf 0 1 1\n", "names what the file does not have"),
        ("v 0 0 0\nf 1 1 -2\n", "names what the file does not have"),
        ("v 0 0 0\nf 1/1 1/1 1/1\n", "names what the file does not have"),
        ("v 0 0 0\nf a b c\n", "line 2 cannot be read"),
        ("\x00\x01\x02", "no vertices"),
    ],
)
def test_a_damaged_obj_is_refused_with_its_line(text, told, tmp_path):
    (tmp_path / "a.obj").write_text(text)
    with pytest.raises(ModelError, match=told) as error:
        read_obj(tmp_path / "a.obj")
    assert "\n" not in str(error.value) and "a.obj" in str(error.value)


def test_a_missing_or_huge_obj_is_refused(tmp_path):
    with pytest.raises(ModelError, match="check the path"):
        read_obj(tmp_path / "a.obj")
    with open(tmp_path / "b.obj", "wb") as file:
        file.truncate(64 << 20)
    with pytest.raises(ModelError, match="larger than any head"):
        read_obj(tmp_path / "b.obj")
