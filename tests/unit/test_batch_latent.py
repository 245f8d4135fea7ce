"""batch.py project, and generate --code: codes found in pictures; people made from codes, mixed, moved, edited by words."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="latent codes need PyTorch, which is optional")

from clip_stand_in import TinyClip  # noqa: E402
from likeness.bulk import command_line  # noqa: E402
from likeness.core.clip import model as clip_model  # noqa: E402
from likeness.core.config import ASSETS_DIR  # noqa: E402
from likeness.core.errors import ModelError  # noqa: E402
from likeness.core.latent.code_files import LatentCode, read_code, write_code  # noqa: E402
from likeness.core.latent.person import name_rows  # noqa: E402
from likeness.core.latent.portrait import cut_portrait, find_square  # noqa: E402
from likeness.core.nets.stylegan2 import Generator, GeneratorSizes  # noqa: E402
from likeness.core.nets.vgg19 import VGG19  # noqa: E402
from paper_folder import random_state, write_paper_folder  # noqa: E402
from torch_files import write_states, write_torch  # noqa: E402

torch.set_num_threads(1)
pytestmark = pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`")
SMALL = GeneratorSizes(16, 16, 1, 4, (8, 8, 8), 3)
"""Pictures of 16 px."""
L, D = 14, 512
"""Of the paper folder's stand-in."""


def run(*arguments: object) -> int:
    return command_line.run([str(argument) for argument in arguments], Path("batch.py"))


def report(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "report.jsonl").read_text().splitlines()]


# --- a picture's code ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def generators(tmp_path_factory) -> Path:
    """A folder with a StyleGAN2 alone."""
    folder = tmp_path_factory.mktemp("generators")
    write_states(folder / "stylegan2_small.pt", {"g_ema": generator_state()})
    return folder


def generator_state() -> dict[str, np.ndarray]:
    state = random_state(Generator(SMALL), 1)
    for name in state:
        if name.endswith("kernel"):
            state[name] = np.outer([1, 3, 3, 1], [1, 3, 3, 1]).astype(np.float32) / 16
        if name.endswith("modulation.bias"):
            state[name] = np.ones_like(state[name])
        if name.startswith("style.") and name.endswith("weight"):
            state[name] *= 100
    return state


@pytest.mark.parametrize("space, shape", [("w", (16,)), ("w+", (6, 16))])
def test_a_photos_code_is_written_with_its_picture_and_its_loss(generators, astronaut, tmp_path, capfd, space, shape):
    out = tmp_path / "out"
    assert run("project", astronaut, "--paper", generators, "--out", out, "--space", space, "--steps", 20) == 0
    (line,) = report(out)
    names = ["astronaut_code.png", "astronaut_code.safetensors", "astronaut_loss.csv", "astronaut_wanted.png"]
    assert [Path(path).name for path in line["outputs"]] == names and all(Path(path).is_file() for path in line["outputs"])
    assert line["ok"] and line["loss"][1] < line["loss"][0] and line["compared_by"] == ["pixels at several scales"]
    code = read_code(out / names[1])
    assert code.latent.shape == shape and [noise.shape[0] for noise in code.noise] == [4, 8, 8, 16, 16]
    assert code.told["space"] == space and len(code.told["networks"][0]["source_sha256"]) == 64
    assert np.asarray(Image.open(out / names[0])).shape == np.asarray(Image.open(out / names[3])).shape == (16, 16, 3)
    rows = (out / names[2]).read_text().split()
    assert rows[0] == "step,unlikeness" and len(rows) == 22
    said = capfd.readouterr()
    assert "unlikeness" in said.out and "100%" in said.err


def test_what_a_folder_has_decides_what_pictures_are_compared_by(generators, astronaut, tmp_path):
    folder = tmp_path / "networks"
    folder.mkdir()
    (folder / "stylegan2_small.pt").symlink_to(generators / "stylegan2_small.pt")
    features = {f"features.{name}": array for name, array in random_state(VGG19({0: 4, 2: 4, 5: 4}), 2).items()}
    write_torch(folder / "vgg19-test.pth", {name: torch.from_numpy(array) for name, array in features.items()})
    assert run("project", astronaut, "--paper", folder, "--out", tmp_path / "out", "--steps", 2) == 0
    assert report(tmp_path / "out")[0]["compared_by"] == ["VGG-19's features"]
    assert [told["kind"] for told in read_code(tmp_path / "out" / "astronaut_code.safetensors").told["networks"]] == [
        "stylegan2",
        "vgg19",
    ]


def test_a_picture_without_a_face_is_taken_as_it_is_and_one_that_is_none_fails_alone(generators, tmp_path, capfd):
    Image.new("RGB", (80, 70), (90, 120, 40)).save(tmp_path / "green.png")
    (tmp_path / "text.png").write_text("no picture")
    inputs = tmp_path / "green.png", tmp_path / "text.png"
    assert run("project", *inputs, "--paper", generators, "--out", tmp_path / "out", "--steps", 2) == 2
    green, text = report(tmp_path / "out")
    assert green["ok"] and "No face was found" in green["warnings"][0]
    assert not text["ok"] and text["error"].endswith(".") and not text["outputs"]
    assert not list((tmp_path / "out").glob("text*"))


def test_a_folder_without_a_generator_is_told_before_anything_is_written(astronaut, tmp_path, capfd):
    assert run("project", astronaut, "--paper", tmp_path, "--out", tmp_path / "out") == 1
    assert "stylegan2_ffhq.pt (StyleGAN2" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_search_that_is_stopped_leaves_no_file(generators, astronaut, tmp_path, monkeypatch):
    from likeness.core.latent import person

    def stop(path, code):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(person, "write_code", stop)
    with pytest.raises(KeyboardInterrupt):
        run("project", astronaut, "--paper", generators, "--out", tmp_path / "out", "--steps", 1)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["report.jsonl"]


def test_a_portrait_is_cut_level_with_the_face_in_its_middle():
    """A gradient photo says where each pixel of the cut was; the face is tilted and near an edge."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:240, :320]
    pixels = np.stack([x * 255 // 320, y * 255 // 240, np.full(x.shape, 90)], -1).astype(np.uint8)
    points = rng.normal(size=(68, 2))
    points[36:42], points[42:48], points[[48, 54]] = (100, 90), (140, 110), [(90, 130), (120, 146)]
    cut = cut_portrait(pixels, points, 64)
    assert cut.shape == (64, 64, 3)
    centre, axis, side = find_square(points)
    down = np.array([-axis[1], axis[0]])
    assert down[1] > 0.8 and side == pytest.approx(max(4 * np.hypot(40, 20), 3.6 * np.hypot(15, 38)), rel=1e-6)
    for row, column in ((32, 32), (20, 40), (40, 24), (25, 10)):
        place = centre + side * ((column + 0.5) / 64 - 0.5) * axis + side * ((row + 0.5) / 64 - 0.5) * down
        assert np.allclose(cut[row, column, :2], place / (320, 240) * 255, atol=2.5)
    assert (cut[..., 2] == 90).all(), "beyond the photo is its mirror image"


# --- a code's file ------------------------------------------------------------------------------------------------------------


def test_codes_are_read_as_projectors_leave_them(tmp_path):
    rng = np.random.default_rng(1)
    w, rows = rng.normal(size=8).astype(np.float32), rng.normal(size=(6, 8)).astype(np.float32)
    noise = (rng.normal(size=(4, 4)).astype(np.float32),)
    write_code(tmp_path / "ours.safetensors", LatentCode(rows, noise, {"space": "w+"}))
    ours = read_code(tmp_path / "ours.safetensors")
    assert np.array_equal(ours.latent, rows) and np.array_equal(ours.noise[0], noise[0]) and ours.told == {"space": "w+"}
    np.save(tmp_path / "plain.npy", w[None])
    np.savez(tmp_path / "nvidia.npz", w=rows[None])
    write_torch(tmp_path / "nested.pt", {"a.png": {"img": torch.zeros(3, 4, 4), "latent": torch.from_numpy(w)}})
    for name, expected in (("plain.npy", w), ("nvidia.npz", rows), ("nested.pt", w)):
        assert np.array_equal(read_code(tmp_path / name).latent, expected), name


@pytest.mark.parametrize("arrays", [{"a": np.zeros(8), "b": np.zeros(8)}, {"w": np.zeros(8, int)}, {"w": np.zeros((2, 3, 4))}])
def test_a_file_without_a_code_is_one_sentence(arrays, tmp_path):
    np.savez(tmp_path / "other.npz", **arrays)
    with pytest.raises(ModelError) as caught:
        read_code(tmp_path / "other.npz")
    assert "other.npz" in str(caught.value) and "\n" not in str(caught.value)


def test_layers_are_named_as_they_are_written():
    assert name_rows((4, 5, 6, 9, 0)) == "layers 0, 4-6, 9"


# --- people from codes --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(flame_file, flame_cache, astronaut, tmp_path_factory) -> Iterator[Path]:
    """All the files; the generator's pictures show the astronaut, in a tone that the code gives."""
    with Image.open(astronaut) as image:
        picture = np.asarray(image.convert("L").crop((110, 0, 366, 256)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIKENESS_CACHE", str(flame_cache))
        yield write_paper_folder(tmp_path_factory.mktemp("paper"), flame_file, picture / 255)


@pytest.fixture(scope="module")
def person(folder, tmp_path_factory) -> Path:
    """A random person's .npz."""
    out = tmp_path_factory.mktemp("person")
    assert run("generate", "--seed", 3, "--paper", folder, "--out", out, "--export", "npz", "--texture-size", 512) == 0
    return out / "person_3.npz"


@pytest.fixture
def changed(folder, person, tmp_path):
    """A function: options -> the .npz's arrays and the report's line of a person made from the random person's code."""

    def make(*options: object):
        small = "--export", "npz", "--texture-size", 512
        assert run("generate", "--code", person, "--paper", folder, "--out", tmp_path / "out", *small, *options) == 0
        (line,) = report(tmp_path / "out")
        with np.load(line["outputs"][0]) as file:
            return {name: file[name] for name in ("latent", "albedo", "identity")}, line

    return make


def test_a_person_is_made_again_from_the_code_that_its_file_holds(person, changed):
    again, line = changed()
    with np.load(person) as first:
        assert first["latent"].shape == (D,)
        assert np.array_equal(again["latent"], first["latent"])
        assert np.abs(again["albedo"].astype(int) - first["albedo"]).mean() < 1.5, "grain is of the seed"
        assert np.allclose(again["identity"], first["identity"], atol=1e-4)
    assert line["ok"] and "confidence" not in line and "understood" not in line


def test_a_code_is_mixed_moved_and_edited_again(person, changed, tmp_path):
    rng = np.random.default_rng(5)
    other, step = rng.normal(size=(L, D)).astype(np.float32), rng.normal(size=D).astype(np.float32)
    np.save(tmp_path / "other.npy", other)
    np.savez(tmp_path / "steps.npz", smile=step, age=-step)
    move = f"{tmp_path / 'steps.npz'}:smile=0.5"
    options = "--mix", tmp_path / "other.npy", "--mix-layers", "8-13", "--mix-share", 0.5, "--move", move, "--layers", "2-3"
    made, line = changed(*options)
    with np.load(person) as first:
        expected = np.tile(first["latent"].astype(np.float64), (L, 1))
    expected[8:] = 0.5 * (expected[8:] + other[8:])
    expected[2:4] += 0.5 * step
    assert np.allclose(made["latent"], expected, atol=1e-5)
    assert line["understood"] == ["50% of other.npy in layers 8-13", "+0.5 along smile in layers 2-3"]


def test_a_code_is_edited_by_words(changed, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(clip_model, "load_clip", lambda path: TinyClip())
    (tmp_path / "clip.safetensors").write_bytes(b"x")
    options = "--words", "a purple dragon", "--clip", tmp_path / "clip.safetensors", "--steps", 12, "--layers", "10-13"
    made, line = changed(*options)
    assert made["latent"].shape == (L, D) and (made["latent"][:10] == made["latent"][0]).all()
    assert not np.allclose(made["latent"][0], made["latent"][12])
    assert line["loss"][1] < line["loss"][0] and "'a purple dragon' by CLIP" in line["understood"][0]
    assert "a purple dragon" in capfd.readouterr().out


def test_a_random_person_can_be_moved_too(folder, person, tmp_path):
    with np.load(person) as first:
        np.save(tmp_path / "back.npy", -first["latent"])
    small = "--export", "npz", "--texture-size", 512, "--out", tmp_path / "out"
    assert run("generate", "--seed", 3, "--paper", folder, "--move", f"{tmp_path / 'back.npy'}=0.25", *small) == 0
    with np.load(tmp_path / "out" / "person_3.npz") as made, np.load(person) as first:
        assert np.allclose(made["latent"], 0.75 * first["latent"], atol=1e-5)


def test_a_code_of_another_generator_is_one_sentence(folder, tmp_path, capfd):
    np.save(tmp_path / "short.npy", np.zeros(32, np.float32))
    options = "--paper", folder, "--out", tmp_path / "out", "--export", "npz"
    assert run("generate", "--code", tmp_path / "short.npy", *options) == 2
    sentence = "The latent code has 32 numbers a layer and the generator 512: give a code of that generator."
    assert report(tmp_path / "out")[0]["error"] == sentence


@pytest.mark.parametrize(
    "options, said",
    [
        ((), "Say who is made"),
        (("--code", "a.npy"), "--code goes with --paper"),
        (("--seed", 1, "--move", "a.npy=1"), "--move goes with --paper"),
        (("--seed", 1, "--code", "a.npy", "--paper", "x"), "--seed is another person"),
        (("--code", "a.npy", "--count", 2, "--paper", "x"), "--count goes with --seed"),
        (("--code", "none.npy", "--paper", "x"), "There is no file none.npy"),
        (("--seed", 1, "--paper", "x", "--mix-layers", "3-4"), "--mix-layers goes with --mix"),
        (("--seed", 1, "--paper", "x", "--words", "older"), "--words goes with --clip"),
        (("--seed", 1, "--paper", "x", "--words", " ", "--clip", "c"), "No words were given"),
        (("--seed", 1, "--paper", "x", "--words", "older", "--clip", "c"), "There is no CLIP file c"),
        (("--seed", 1, "--paper", "x", "--layers", "3"), "--layers goes with --move or --words"),
        (("--seed", 1, "--paper", "x", "--move", "none.npy=1"), "cannot be read"),
    ],
)
def test_what_cannot_be_followed_is_said_at_once(options, said, tmp_path, capfd):
    assert run("generate", *options, "--out", tmp_path / "out") == 1
    assert said in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option, said", [(("--move", "a.npy"), "is no move"), (("--layers", "9-3"), "names no layers")])
def test_what_is_written_wrongly_is_told_with_how_it_is_written(option, said, tmp_path, capfd):
    with pytest.raises(SystemExit) as stopped:
        run("generate", "--seed", 1, *option, "--out", tmp_path)
    assert stopped.value.code == 1 and said in capfd.readouterr().err


def test_without_torch_one_sentence_says_what_to_install(generators, astronaut, tmp_path, monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert run("project", astronaut, "--paper", generators, "--out", tmp_path / "out") == 1
    assert "pip install torch" in capfd.readouterr().err
