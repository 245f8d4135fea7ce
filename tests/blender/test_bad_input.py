"""Whatever is given: a head, or one clear sentence that says what to do; nothing half-written, the scene untouched."""

from __future__ import annotations

import json
import os
import shutil
import signal
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
import pytest
import skimage
from likeness.bulk import command_line
from likeness.bulk.fit import FORMATS
from likeness.core.config import ASSETS_DIR
from likeness.core.head.library import get_model
from likeness.core.head.model import triangulate
from likeness.core.render.camera import orbit_camera
from likeness.core.render.shading import ambient_light, render_head
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`"),
    pytest.mark.usefixtures("small_textures"),
]


def portrait(astronaut: Path) -> Image.Image:
    return Image.open(astronaut).convert("RGB")


def save_truncated(astronaut: Path, path: Path) -> None:
    portrait(astronaut).save(path)
    path.write_bytes(path.read_bytes()[:9000])


def save_without_face(astronaut: Path, path: Path) -> None:
    """A cup of coffee."""
    shutil.copy(Path(skimage.__file__).parent / "data" / "coffee.png", path)


def save_sixteen_bit(astronaut: Path, path: Path) -> None:
    grey = np.asarray(portrait(astronaut).convert("L"), np.uint16) * 257
    Image.fromarray(grey).save(path)


def save_with_alpha(astronaut: Path, path: Path) -> None:
    image = portrait(astronaut)
    image.putalpha(Image.linear_gradient("L").resize(image.size).point(lambda value: 255 - value // 2))
    image.save(path)


def save_animation(astronaut: Path, path: Path) -> None:
    image = portrait(astronaut)
    image.save(path, save_all=True, append_images=[Image.new("RGB", image.size, "navy")], duration=100)


def save_rotated(astronaut: Path, path: Path) -> None:
    image = portrait(astronaut).transpose(Image.Transpose.ROTATE_90)
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(path, exif=exif)


def save_ten_faces(astronaut: Path, path: Path) -> None:
    face = portrait(astronaut).crop((120, 0, 340, 230))
    sheet = Image.new("RGB", (1250, 560), "grey")
    for number in range(10):
        size = 240 - 6 * number
        sheet.paste(face.resize((size, size)), (number % 5 * 250, number // 5 * 270))
    sheet.save(path)


def save_huge(path: Path) -> None:
    """A PNG that says it is 20000 x 20000 pixels in colour; what follows its header does not matter."""
    header = struct.pack(">4sIIBBBBB", b"IHDR", 20000, 20000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\1IDAT")


def save_profile(path: Path) -> None:
    """Our own mean head from the side."""
    model = get_model()
    vertices = model.pose(model.neutral_code())
    camera = orbit_camera(vertices, (512, 512), yaw_rad=np.radians(85))
    surface = (vertices, triangulate(model.faces), model.uvs, triangulate(model.face_uvs), model.base_textures["albedo"])
    Image.fromarray(render_head(*surface, camera, ambient_light((0.8, 0.8, 0.8)))).save(path)


SENTENCES: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "missing.jpg": (lambda astronaut, path: None, "does not exist: check the path"),
    "folder.jpg": (lambda astronaut, path: path.mkdir(), "is a folder: choose a photo"),
    "empty.jpg": (lambda astronaut, path: path.touch(), "is empty: copy or download it again"),
    "text.jpg": (lambda astronaut, path: path.write_text("not a picture\n" * 50), "JPEG"),
    "truncated.jpg": (save_truncated, "damaged"),
    "one_pixel.png": (lambda astronaut, path: Image.new("RGB", (1, 1)).save(path), "too small.*use a photo of at least"),
    "huge.png": (lambda astronaut, path: save_huge(path), "too large.*save it as baseline JPEG, or with at most"),
    "no_face.png": (save_without_face, "No face was found.*Use a photo"),
}
HEADS: dict[str, Callable[[Path, Path], object]] = {
    "sixteen_bit.png": save_sixteen_bit,
    "cmyk.jpg": lambda astronaut, path: portrait(astronaut).convert("CMYK").save(path),
    "grey.jpg": lambda astronaut, path: portrait(astronaut).convert("L").save(path),
    "alpha.png": save_with_alpha,
    "animation.gif": save_animation,
    "rotated.jpg": save_rotated,
    "ten_faces.png": save_ten_faces,
    "umlaut ä 'quoted' #1.png": lambda astronaut, path: portrait(astronaut).save(path),
}


def run(*arguments: object) -> int:
    return command_line.run([str(argument) for argument in arguments], ROOT / "batch.py")


def report(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "report.jsonl").read_text().splitlines()]


def count_blocks() -> dict[str, int]:
    names = ("objects", "meshes", "images", "materials", "collections", "armatures")
    return {name: len(getattr(bpy.data, name)) for name in names}


@pytest.mark.parametrize("name", SENTENCES)
def test_what_is_no_photo_of_a_face_is_one_sentence(name, astronaut, tmp_path, extension):
    make, words = SENTENCES[name]
    photo, out = tmp_path / name, tmp_path / "out"
    make(astronaut, photo)
    (tmp_path / "list.txt").write_text(name)
    assert run("fit", tmp_path / "list.txt", "--out", out, "--export", "npz,glb") == 2
    (line,) = report(out)
    assert not line["ok"]
    assert line["outputs"] == []
    assert "fault of its own" not in line["error"]
    assert "\n" not in line["error"]
    assert [path.name for path in out.iterdir()] == ["report.jsonl"]
    before = count_blocks()
    with pytest.raises(RuntimeError, match=f"(?s){words}"):
        bpy.ops.likeness.fit_photo(filepath=str(photo))
    assert count_blocks() == before


@pytest.mark.parametrize("name", HEADS)
def test_every_kind_of_picture_of_a_face_becomes_a_head(name, astronaut, tmp_path, context):
    photo, out = tmp_path / name, tmp_path / "out"
    HEADS[name](astronaut, photo)
    assert run("fit", photo, "--out", out, "--export", "npz") == 0
    (line,) = report(out)
    assert [Path(output).name for output in line["outputs"]] == [f"{photo.stem}.npz"]
    assert sorted(path.name for path in out.iterdir()) == sorted([f"{photo.stem}.npz", "report.jsonl"])


def test_a_rotated_photo_gives_the_head_of_the_upright_one(astronaut, tmp_path, context):
    """Without loss, for JPEG's own noise does not turn with the picture."""
    save_rotated(astronaut, tmp_path / "rotated.tif")
    portrait(astronaut).save(tmp_path / "upright.png")
    assert run("fit", tmp_path / "rotated.tif", tmp_path / "upright.png", "--out", tmp_path, "--export", "npz") == 0
    rotated, upright = (np.load(tmp_path / f"{name}.npz") for name in ("rotated", "upright"))
    assert np.linalg.norm(rotated["vertices"] - upright["vertices"], axis=1).mean() < 0.0005


def test_ten_faces_make_ten_heads(astronaut, tmp_path, context):
    save_ten_faces(astronaut, tmp_path / "ten.png")
    assert run("fit", tmp_path / "ten.png", "--out", tmp_path / "out", "--export", "npz", "--face", "all") == 0
    assert len(report(tmp_path / "out")[0]["heads"]) == 10


def test_a_profile_is_a_head_with_a_warning_or_one_sentence(astronaut, tmp_path, context):
    save_profile(tmp_path / "profile.png")
    code = run("fit", tmp_path / "profile.png", "--out", tmp_path / "out", "--export", "npz")
    (line,) = report(tmp_path / "out")
    if code == 0:
        assert line["warnings"]
        assert line["confidence"] < 0.6
    else:
        assert "No face was found" in line["error"]


def test_an_unreadable_photo_is_one_sentence(astronaut, tmp_path, context):
    photo = tmp_path / "secret.png"
    photo.write_bytes(astronaut.read_bytes())
    photo.chmod(0)
    if os.access(photo, os.R_OK):
        pytest.skip("this user may read everything")
    assert run("fit", photo, "--out", tmp_path / "out", "--export", "npz") == 2
    assert "may not be read" in report(tmp_path / "out")[0]["error"]


@pytest.fixture
def small_files_only():
    """Every file ends at 20 kB, with the error of a file system's limit."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_write_that_fails_in_the_middle_leaves_what_was_there(
    suffix, astronaut, tmp_path, context, quick_pipeline, small_files_only
):
    out = tmp_path / "out"
    out.mkdir()
    (out / f"astronaut.{suffix}").write_text("older")
    assert run("fit", astronaut, "--out", out, "--export", suffix) == 2
    assert "choose another" in report(out)[0]["error"]
    assert (out / f"astronaut.{suffix}").read_text() == "older"
    assert sorted(path.name for path in out.iterdir()) == [f"astronaut.{suffix}", "report.jsonl"]


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 64 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("mounting needs root")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_full_disk_is_one_sentence(suffix, astronaut, small_disk, context, quick_pipeline):
    assert run("fit", astronaut, "--out", small_disk, "--export", suffix) == 2
    assert "disk is full" in report(small_disk)[0]["error"]
    assert [path.name for path in small_disk.iterdir()] == ["report.jsonl"]


def test_a_full_disk_under_the_operator_is_one_sentence(astronaut, small_disk, extension, quick_pipeline):
    bpy.ops.likeness.fit_photo(filepath=str(astronaut))
    for suffix in FORMATS:
        with pytest.raises(RuntimeError, match="disk is full"):
            bpy.ops.likeness.export_head(filepath=str(small_disk / f"me.{suffix}"), format=suffix)
    assert list(small_disk.iterdir()) == []


def test_a_read_only_folder_is_one_sentence(astronaut, small_disk, context, quick_pipeline, capsys):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert run("fit", astronaut, "--out", small_disk / "new", "--export", "npz") == 1
    error = capsys.readouterr().err
    assert "read-only: choose another folder" in error
    assert error.count("\n") == 1
