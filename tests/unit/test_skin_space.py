"""A texture space on FLAME's layout: what a photo hides is of it, what the photo shows stays; a random person's skin is of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from likeness.bulk import command_line
from likeness.core import generation
from likeness.core.config import ASSETS_DIR
from likeness.core.errors import ModelError
from likeness.core.flame.companions import LAYOUT_NAME
from likeness.core.flame.skin_space import SIDE, fill_hidden_skin, find_places, fit_code, read_skin_space
from likeness.core.generation import generate_head
from likeness.core.head import library
from likeness.core.head.library import get_model
from likeness.core.head.model import HeadModel
from likeness.core.story import run
from likeness.core.types import HeadAsset, Texture

pytestmark = pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`")
NUM_FACES, NUM_COMPONENTS, SIZE = 9976, 4, 512


def draw_space() -> tuple[np.ndarray, np.ndarray]:
    """mean [512, 512, 3] and components [512, 512, 3, 4], RGB in 0..1: a tone with a ramp, smooth waves over the layout."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    mean = np.stack([0.55 + 0.2 * x, 0.42 + 0.1 * y, np.full(x.shape, 0.36)], -1)
    waves = [np.sin(2 * np.pi * (k + 1) * x + k) * np.cos(np.pi * (k + 2) * y) for k in range(NUM_COMPONENTS)]
    return mean, np.stack([0.05 * wave[..., None] * (1.0, 0.7 - 0.1 * k, 0.4) for k, wave in enumerate(waves)], -1)


@pytest.fixture(scope="module", params=["FLAME_albedo_from_BFM.npz", "FLAME_texture.npz"])
def file(request, tmp_path_factory) -> Path:
    """The space in both containers: blue first."""
    path, (mean, components) = tmp_path_factory.mktemp("space") / request.param, draw_space()
    mean, components = mean[..., ::-1], components[:, :, ::-1]
    if "BFM" in request.param:
        np.savez(path, MU=mean.ravel(), PC=components.reshape(-1, NUM_COMPONENTS))
    else:
        np.savez(path, mean=255 * mean.ravel(), tex_dir=255 * components)
    return path


@pytest.fixture(scope="module")
def model(flame_file, flame_cache) -> HeadModel:
    """The stand-in with a layout of its own: ours, shrunk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIKENESS_CACHE", str(flame_cache))
        found = get_model(str(flame_file))
    worn = found.worn
    corners = np.zeros((len(worn.faces), 4, 2), np.float32)
    corners[:NUM_FACES, :3] = [0.05, 0.15] + [0.9, 0.8] * worn.uvs[worn.face_uvs[:NUM_FACES, :3]]
    return replace(found, worn=replace(worn, more_uvs={LAYOUT_NAME: corners}))


@pytest.fixture(scope="module")
def head(flame_file, flame_cache, model) -> HeadAsset:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generation, "get_model", lambda name: model)
        return run(generate_head(4, model=str(flame_file), texture_size=SIZE))


def person_of(space, model, head, code, tone=0.0) -> tuple[HeadAsset, np.ndarray, np.ndarray]:
    """A head whose skin is of the space, a tone darker, seen on the left half only; where its skin is; which of it is seen."""
    places = find_places(head, model)
    texture = np.clip(space.texture(np.array(code)) - tone, 0, 1)
    row, column = ((1 - places.uv[:, 1]) * 256).astype(int), (places.uv[:, 0] * 256).astype(int)
    albedo = np.full((SIZE * SIZE, 3), 128, np.uint8)
    seen = places.uv[:, 0] > 0.5
    colour = np.round(255 * texture[np.clip(row, 0, 255), np.clip(column, 0, 255)]).astype(np.uint8)
    albedo[places.index[seen]] = colour[seen]
    confidence = np.zeros(SIZE * SIZE, np.uint8)
    confidence[places.index[seen]] = 255
    textures = head.textures | {
        "albedo": Texture(albedo.reshape(SIZE, SIZE, 3), "sRGB"),
        "albedo_confidence": Texture(confidence.reshape(SIZE, SIZE), "Non-Color"),
    }
    return replace(head, textures=textures), places.index, np.stack([*colour.T, seen], -1)


def test_both_containers_hold_the_same_space(file):
    space, (mean, components) = read_skin_space(file), draw_space()
    assert np.allclose(space.mean, mean[::2, ::2], atol=1e-6)
    assert np.allclose(space.components, np.moveaxis(components[::2, ::2], -1, 0), atol=1e-6)
    assert len(space.sha256) == 64 and space.name == file.name and space is read_skin_space(file)


def test_the_code_of_a_skin_is_found_from_what_is_seen(file, model, head):
    space, code = read_skin_space(file), [1.0, -1.5, 0.5, 0.8]
    asset, index, truth = person_of(space, model, head, code, tone=0.1)
    places = find_places(asset, model)
    found = fit_code(space, places.uv, truth[:, :3] / 255, truth[:, 3].astype(float))
    assert np.allclose(found, code, atol=0.25), "an even tone is no part of the code"
    assert not fit_code(space, places.uv, truth[:, :3] / 255, np.zeros(len(index))).any()


def test_hidden_skin_is_the_persons_and_seen_skin_keeps_its_bytes(file, model, head):
    space = read_skin_space(file)
    asset, index, truth = person_of(space, model, head, [1.0, -1.5, 0.5, 0.8], tone=0.1)
    made = fill_hidden_skin(asset, space, model)
    before, after = (each.textures["albedo"].pixels.reshape(-1, 3) for each in (asset, made))
    seen = truth[:, 3] > 0
    assert np.array_equal(after[index[seen]], before[index[seen]])
    parts_beside = np.setdiff1d(np.flatnonzero(keep_covered(model)), index)
    assert np.array_equal(after[parts_beside], before[parts_beside]), "eyes, teeth and lashes are no skin"
    off = np.abs(after[index[~seen]].astype(int) - truth[~seen, :3])
    assert np.median(off) <= 4 and np.median(np.abs(128 - truth[~seen, :3])) > 12
    told = made.provenance["texture_space"]
    assert (told["name"], told["sha256"]) == (space.name, space.sha256) and len(told["code"]) == NUM_COMPONENTS
    assert space.terms in made.provenance["licence"]
    json.dumps(made.provenance)


def keep_covered(model: HeadModel) -> np.ndarray:
    from likeness.core.fit.texels import keep_texels

    return keep_texels(model.worn, SIZE).triangle_id >= 0


def test_a_head_without_flames_layout_is_told_what_to_put_where(file, model, head):
    plain = replace(model, worn=replace(model.worn, more_uvs={}))
    with pytest.raises(ModelError, match=r"put head_template\.obj beside the FLAME file"):
        fill_hidden_skin(head, read_skin_space(file), plain)


def test_a_random_person_has_a_skin_of_the_space_in_the_batch(file, model, flame_file, tmp_path, monkeypatch):
    monkeypatch.setattr(generation, "get_model", lambda name: model)
    monkeypatch.setattr(library, "get_model", lambda name: model)
    options = "--model", str(flame_file), "--texture-size", "512", "--export", "npz", "--texture-space", str(file)
    albedo = []
    for folder in ("one", "again"):
        out = tmp_path / folder
        assert command_line.run(["generate", "--seed", "4", "--out", str(out), *options], Path("batch.py")) == 0
        albedo.append(np.load(out / "person_4.npz")["albedo"])
    assert np.array_equal(*albedo)
    mean = read_skin_space(file).mean.mean((0, 1))
    assert np.abs(np.median(albedo[0].reshape(-1, 3)[:100_000], 0) / 255 - mean).max() < 0.12


@pytest.mark.parametrize(
    "options, said",
    [
        (("--texture-space", "none.npz"), "give your FLAME file with --model"),
        (("--texture-space", "none.npz", "--model", "flame.pkl"), "There is no texture space none.npz"),
    ],
)
def test_what_cannot_be_followed_is_said_at_once(options, said, tmp_path, capfd):
    assert command_line.run(["generate", "--seed", "1", "--out", str(tmp_path / "out"), *options], Path("batch.py")) == 1
    assert said in capfd.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.parametrize("arrays", [{"mean": np.zeros(12)}, {"MU": np.zeros(12), "PC": np.zeros((12, 2))}])
def test_another_file_is_refused_in_one_sentence(arrays, tmp_path):
    np.savez(tmp_path / "other.npz", **arrays)
    with pytest.raises(ModelError, match=r"other\.npz is no texture space") as caught:
        read_skin_space(tmp_path / "other.npz")
    assert "\n" not in str(caught.value)
