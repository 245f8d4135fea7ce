"""Several photos of one person, through the operators and batch.py as a person would."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
import numpy as np
import pytest
from likeness.bulk import command_line
from likeness.core.config import ASSETS_DIR
from likeness.core.fit.correction import HANDLES
from likeness.scene import correction, further_photos, head
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def mirrored(astronaut, tmp_path) -> Path:
    """A second photo of the same person: smaller and darker."""
    with Image.open(astronaut) as image:
        small = image.convert("RGB").resize((400, 400)).point(lambda value: int(0.8 * value))
    small.save(tmp_path / "second.png")
    return tmp_path / "second.png"


@pytest.mark.usefixtures("extension")
def test_the_operator_makes_one_head_from_all(astronaut, mirrored):
    assert bpy.ops.likeness.fit_photo(filepath=str(astronaut), others=str(mirrored)) == {"FINISHED"}
    (made,) = [obj for obj in bpy.data.objects if head.is_head(obj)]
    provenance = head.read_head(made).provenance
    assert [photo["name"] for photo in provenance["photos"]] == [astronaut.name, mirrored.name]


@pytest.mark.usefixtures("extension")
def test_a_photo_without_a_face_is_named_and_nothing_is_made(astronaut, tmp_path):
    Image.fromarray(np.full((300, 300, 3), 200, np.uint8)).save(tmp_path / "wall.png")
    with pytest.raises(RuntimeError, match=r"wall\.png"):
        bpy.ops.likeness.fit_photo(filepath=str(astronaut), others=str(tmp_path / "wall.png"))
    assert not [obj for obj in bpy.data.objects if head.is_head(obj)]


@pytest.mark.usefixtures("extension")
def test_photos_are_added_once_and_forgotten(astronaut, mirrored):
    settings = bpy.context.scene.likeness
    settings.photo, settings.others = str(astronaut), ""
    files = [{"name": mirrored.name}]
    for _ in range(2):
        assert bpy.ops.likeness.add_photos(directory=str(mirrored.parent), files=files) == {"FINISHED"}
    assert settings.others.splitlines() == [str(mirrored)]
    bpy.ops.likeness.clear_photos()
    assert settings.others == ""


def test_batch_makes_one_head_and_one_line(astronaut, mirrored, tmp_path):
    out = tmp_path / "out"
    arguments = [
        "fit",
        str(astronaut),
        str(mirrored),
        "--out",
        str(out),
        "--export",
        "npz",
        "--same-person",
        "--texture-size",
        "512",
    ]
    assert command_line.run(arguments, ROOT / "batch.py") == 0
    assert sorted(path.name for path in out.iterdir()) == [f"{astronaut.stem}.npz", "report.jsonl"]
    (line,) = [json.loads(text) for text in (out / "report.jsonl").read_text().splitlines()]
    assert line["ok"]
    assert line["others"] == [str(mirrored)]


NEEDS_MODEL = pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`")


@pytest.fixture
def half_hidden(astronaut, tmp_path) -> tuple[Path, Path]:
    """Two photos of a person, each with a bar over another part of the face: neither shows what both show."""
    paths = tmp_path / "my_own_folder" / "brow.png", tmp_path / "my_own_folder" / "cheek.png"
    paths[0].parent.mkdir()
    for path, box in zip(paths, ((165, 80, 285, 112), (165, 125, 222, 190)), strict=True):
        with Image.open(astronaut) as image:
            covered = image.convert("RGB")
        covered.paste((90, 200, 90), box)
        covered.save(path)
    return paths


@pytest.fixture
def two_seen(half_hidden, extension):
    """The head of both."""
    first, second = half_hidden
    assert bpy.ops.likeness.fit_photo(filepath=str(first), others=str(second), texture_size="512") == {"FINISHED"}
    return head.find_head(bpy.context)


def seen(obj) -> float:
    return head.read_head(obj).provenance["face_shares"]["seen"]


def albedo(obj) -> np.ndarray:
    return head.read_head(obj).textures["albedo"].pixels.astype(int)


def pull_chin(obj):
    point = HANDLES["chin"][0]
    x, y = correction.begin(obj).locate()[point]
    assert bpy.ops.likeness.correct_landmarks(pins=json.dumps([[point, float(x), float(y) + 4]])) == {"FINISHED"}


@NEEDS_MODEL
def test_painting_an_unchanged_head_anew_gives_its_textures_again(two_seen):
    before = albedo(two_seen)
    assert bpy.ops.likeness.repaint() == {"FINISHED"}
    assert np.mean(np.abs(albedo(two_seen) - before) > 2) < 0.01


@NEEDS_MODEL
def test_a_corrected_head_shows_what_all_its_photos_show(two_seen, capfd):
    """Against the main photo alone, which is what remains when the others are taken out of the file: that is told."""
    before = seen(two_seen)
    pull_chin(two_seen)
    assert bpy.ops.likeness.repaint() == {"FINISHED"}
    assert seen(two_seen) == pytest.approx(before, abs=0.04)
    assert "not in this file" not in capfd.readouterr().out
    for image in further_photos.further_images(two_seen):
        bpy.data.images.remove(image)
    assert correction.count_missing_photos(two_seen) == 1
    assert bpy.ops.likeness.repaint() == {"FINISHED"}
    assert seen(two_seen) < before - 0.08
    assert "1 of its photos are not in this file" in capfd.readouterr().out


@NEEDS_MODEL
def test_further_photos_are_kept_cropped_with_their_names_alone(two_seen, half_hidden, tmp_path):
    (kept,) = head.read_head(two_seen).further
    main = head.read_photo(two_seen)
    assert {kept.photo.source, main.source} == {path.name for path in half_hidden}
    with Image.open(half_hidden[0].parent / kept.photo.source) as image:
        whole = np.asarray(image.convert("RGB"))
    height, width = kept.photo.pixels.shape[:2]
    assert kept.camera.size == (width, height)
    assert height * width < 0.6 * whole.shape[0] * whole.shape[1]
    windows = np.lib.stride_tricks.sliding_window_view(whole, (height, width, 3))[..., 0, :, :, :]
    rows, columns = windows.shape[:2]
    places = [(r, c) for r in range(rows) for c in range(columns) if np.array_equal(windows[r, c], kept.photo.pixels)]
    assert len(places) == 1
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "two.blend"), compress=False)
    assert b"my_own_folder" not in (tmp_path / "two.blend").read_bytes()


@NEEDS_MODEL
def test_further_photos_survive_saving_and_appending(two_seen, tmp_path):
    before, shown = head.read_head(two_seen).further, seen(two_seen)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "two.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(tmp_path / "two.blend")) as (there, wanted):
        wanted.collections = [name for name in there.collections if name.startswith("Likeness ")]
    bpy.context.scene.collection.children.link(wanted.collections[0])
    obj = head.find_head(bpy.context)
    for one, other in zip(before, head.read_head(obj).further, strict=True):
        assert np.array_equal(one.photo.pixels, other.photo.pixels)
        assert np.allclose(one.code.identity, other.code.identity)
        assert np.allclose(one.code.expression, other.code.expression)
        assert np.allclose(one.camera.R, other.camera.R)
        assert one.camera.size == other.camera.size
    bpy.context.view_layer.objects.active = obj
    assert bpy.ops.likeness.repaint() == {"FINISHED"}
    assert seen(obj) == pytest.approx(shown, abs=0.02)


@NEEDS_MODEL
def test_a_copy_keeps_its_photos_when_the_first_head_is_removed(two_seen):
    """Both only read them; neither correction nor painting of one reaches the other."""
    rig = head.head_rig(two_seen)
    bpy.ops.object.select_all(action="DESELECT")
    for obj in (two_seen, rig, head.head_camera(two_seen)):
        obj.select_set(True)
    bpy.context.view_layer.objects.active = two_seen
    bpy.ops.object.duplicate()
    copy = bpy.context.view_layer.objects.active
    assert copy != two_seen
    assert head.is_head(copy)
    first = head.read_head(two_seen)
    pull_chin(copy)
    assert bpy.ops.likeness.repaint() == {"FINISHED"}
    assert correction.read_pins(copy)
    assert not correction.read_pins(two_seen)
    assert np.array_equal(head.read_head(two_seen).vertices, first.vertices)
    assert np.array_equal(head.read_head(two_seen).textures["albedo"].pixels, first.textures["albedo"].pixels)
    for name in list(two_seen.keys()):
        del two_seen[name]
    bpy.data.objects.remove(two_seen)
    assert len(further_photos.further_images(copy)) == 1
    assert correction.count_missing_photos(copy) == 0


@NEEDS_MODEL
def test_removing_the_head_removes_its_photos(two_seen):
    assert [image for image in bpy.data.images if "photo" in image.name]
    assert bpy.ops.likeness.remove_head() == {"FINISHED"}
    assert not bpy.data.images


@NEEDS_MODEL
def test_a_head_from_one_photo_has_no_further_ones(astronaut, extension):
    bpy.ops.likeness.fit_photo(filepath=str(astronaut), texture_size="512")
    obj = head.find_head(bpy.context)
    assert further_photos.FURTHER not in obj
    assert correction.count_missing_photos(obj) == 0
    assert head.read_head(obj).further == ()
