"""What lies beside a FLAME file comes along: its own UV layout, its regions, its 68 landmarks."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from flame_file import REGIONS, write_flame_masks
from flame_head import flame_head
from likeness.core.config import ASSETS_DIR
from likeness.core.errors import ModelError
from likeness.core.flame import head_file
from likeness.core.flame.companions import EMBEDDING, MASKS, NAMES, TEMPLATE, find_companions, read_companions, read_layout
from likeness.core.flame.head_file import convert_flame, load_flame_head, read_head_file
from likeness.core.generation import generate_head
from likeness.core.head import library
from likeness.core.head.library import get_model
from likeness.core.head.model import HeadModel
from likeness.core.model_files import import_model_file, list_model_files
from likeness.core.story import run
from likeness.tests.golden.synthetic_flame import synthetic_embedding

pytestmark = pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`")
NUM_FACES, NUM_VERTICES = 9976, 5023


def uvs_of_corners() -> np.ndarray:
    """A layout [9976, 3, 2] in which every corner has a place of its own."""
    return np.random.default_rng(6).random((NUM_FACES, 3, 2)).round(6)


def write_template(path: Path, order: np.ndarray | None = None, turns: int = 0) -> Path:
    """head_template.obj: the stand-in's triangles, in another order and from another corner where asked for."""
    order = np.arange(NUM_FACES) if order is None else order
    corner = (np.arange(3) + turns) % 3
    faces, uvs = flame_head().arrays.faces[order][:, corner], uvs_of_corners()[order][:, corner]
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in flame_head().arrays.template.tolist()]
    lines += [f"vt {u:.6f} {v:.6f}" for u, v in uvs.reshape(-1, 2).tolist()]
    lines += ["f " + " ".join(f"{v + 1}/{3 * t + k + 1}" for k, v in enumerate(face)) for t, face in enumerate(faces.tolist())]
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="module")
def folder(flame_file, tmp_path_factory) -> Path:
    """The stand-in with all its companions; not to be written into."""
    folder = tmp_path_factory.mktemp("companions")
    (folder / flame_file.name).symlink_to(flame_file)
    write_template(folder / TEMPLATE)
    write_flame_masks(folder / MASKS)
    with (folder / EMBEDDING).open("wb") as file:
        np.save(file, np.array(dict(synthetic_embedding())), allow_pickle=True)
    return folder


@pytest.fixture(scope="module")
def converted(folder, flame_file, flame_cache, tmp_path_factory) -> Path:
    """Made ready with its companions; where the embedded head lies on it is known from the cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIKENESS_CACHE", str(flame_cache))
        made = library.place_of(flame_file)
    target = tmp_path_factory.mktemp("made") / "with_companions.npz"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(head_file, "register_head", lambda *_: read_head_file(made).laid)
        convert_flame(folder / flame_file.name, target, get_model())
    return target


@pytest.fixture(scope="module")
def model(converted) -> HeadModel:
    return load_flame_head(converted, get_model())


@pytest.mark.parametrize("turns", [0, 1])
def test_the_layout_is_read_in_whatever_order_the_triangles_are(turns, tmp_path):
    order = np.random.default_rng(turns).permutation(NUM_FACES)
    read = read_layout(write_template(tmp_path / TEMPLATE, order, turns), flame_head().arrays)
    assert np.abs(read - uvs_of_corners()).max() < 1e-6


def test_a_layout_of_another_mesh_is_one_sentence(tmp_path):
    text = write_template(tmp_path / TEMPLATE).read_text().splitlines()
    (tmp_path / TEMPLATE).write_text("\n".join(text[:-1]))
    with pytest.raises(ModelError, match=r"^The file head_template\.obj is no UV layout of this FLAME file's triangles: .*\.$"):
        read_layout(tmp_path / TEMPLATE, flame_head().arrays)


def test_a_damaged_companion_is_an_error_and_not_left_out(flame_file, tmp_path):
    (tmp_path / MASKS).write_bytes(b"\x80\x02}.")
    with pytest.raises(ModelError, match=r"^The file FLAME_masks\.pkl holds no regions by name"):
        read_companions(tmp_path / flame_file.name, flame_head().arrays)


def test_regions_become_vertex_groups_beside_ours(model):
    assert model.worn is not None
    names = [name for name in model.worn.regions if name.startswith("flame_")]
    assert names == [f"flame_{name}" for name in REGIONS]
    for name in REGIONS:
        weights = model.worn.regions[f"flame_{name}"]
        assert weights.shape == (len(model.worn.template),)
        assert weights.sum() == REGIONS[name]
        assert set(np.unique(weights)) == {0.0, 1.0}
    ball = model.worn.regions["flame_left_eyeball"]
    assert ball[3931:4477].all()
    assert set(get_model().regions) < set(model.worn.regions)


def test_a_persons_head_has_flames_layout_and_68_landmarks(model, converted, monkeypatch):
    embedding, worn = synthetic_embedding(), model.worn
    assert worn is not None
    made = run_generate(model, monkeypatch)
    uvs = made.more_uvs["FLAME"]
    assert uvs.shape == (len(made.faces), 4, 2)
    assert np.abs(uvs[:NUM_FACES, :3] - uvs_of_corners()).max() < 1e-6
    assert not uvs[NUM_FACES:].any() and not uvs[:, 3].any()
    corners = made.vertices[flame_head().arrays.faces[embedding["full_lmk_faces_idx"][0]]]
    expected = np.einsum("nk,nkc->nc", embedding["full_lmk_bary_coords"][0], corners)
    assert np.abs(made.landmarks68 - expected).max() < 1e-6


def run_generate(model: HeadModel, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("likeness.core.generation.get_model", lambda name: model)
    return run(generate_head(3, model="flame", texture_size=256))


def test_without_companions_nothing_is_there(flame_model, flame_file):
    assert find_companions(flame_file) == []
    worn = get_model(flame_model).worn
    assert worn is not None
    assert worn.more_uvs == {}
    assert worn.landmarks68 is None
    assert not [name for name in worn.regions if name.startswith("flame_")]


def test_a_companion_that_is_added_later_has_the_file_made_ready_again(folder, flame_file, tmp_path):
    shutil.copyfile(flame_file, tmp_path / flame_file.name)
    places = {library.place_of(tmp_path / flame_file.name)}
    for number, name in enumerate(NAMES, 1):
        shutil.copyfile(folder / name, tmp_path / name)
        places.add(library.place_of(tmp_path / flame_file.name))
        assert len(places) == 1 + number
    assert library.place_of(folder / flame_file.name) in places


def test_an_imported_file_brings_its_companions_which_are_no_models(folder, flame_file, tmp_path):
    models, own = tmp_path / "models", b"another file's"
    models.mkdir()
    (models / TEMPLATE).write_bytes(own)
    imported = import_model_file(folder / flame_file.name, models)
    assert sorted(path.name for path in models.iterdir()) == sorted([flame_file.name, *NAMES])
    assert (models / MASKS).read_bytes() == (folder / MASKS).read_bytes()
    assert (models / TEMPLATE).read_bytes() == own, "what is there stays"
    assert list_model_files(models) == [imported]
    linked = import_model_file(folder / flame_file.name, tmp_path / "links", is_link=True)
    assert [path.name for path in linked.parent.iterdir()] == [flame_file.name]


def test_companions_of_a_linked_file_are_found_where_it_lies(folder, flame_file, tmp_path):
    real = tmp_path / "real"
    real.mkdir()
    (real / flame_file.name).write_bytes(b"")
    write_flame_masks(real / MASKS)
    (tmp_path / flame_file.name).symlink_to(real / flame_file.name)
    assert find_companions(tmp_path / flame_file.name) == [real / MASKS]
    write_flame_masks(tmp_path / MASKS, seed=1)
    assert find_companions(tmp_path / flame_file.name) == [tmp_path / MASKS]
