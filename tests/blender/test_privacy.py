"""A .blend may be given away: it names the photo, but not the folder where it lay."""

from __future__ import annotations

import bpy
import pytest
from likeness.scene import head

pytestmark = pytest.mark.usefixtures("extension", "small_textures")


@pytest.fixture
def photo(astronaut, tmp_path):
    folder = tmp_path / "private_folder"
    folder.mkdir()
    (folder / "me.png").write_bytes(astronaut.read_bytes())
    return folder / "me.png"


def saved_bytes(folder) -> bytes:
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "scene.blend"), compress=False)
    return (folder / "scene.blend").read_bytes()


def test_a_saved_head_holds_the_photos_name_and_not_its_folder(photo, tmp_path):
    settings = bpy.context.scene.likeness
    settings.photo = str(photo)
    assert settings.photo == str(photo)
    bpy.ops.likeness.fit_photo(filepath=settings.photo)
    saved = saved_bytes(tmp_path)
    assert b"me.png" in saved
    assert b"private_folder" not in saved
    obj = head.find_head(bpy.context)
    assert head.read_head(obj).photo.source == "me.png"


def test_a_failed_job_leaves_no_path_either(photo, tmp_path):
    bpy.context.scene.likeness.photo = str(photo)
    with pytest.raises(RuntimeError, match="private_folder"):
        bpy.ops.likeness.fit_photo(filepath=str(photo.parent / "gone.png"))
    assert b"private_folder" not in saved_bytes(tmp_path)


def test_an_exported_blend_holds_no_folder(photo, tmp_path):
    bpy.ops.likeness.fit_photo(filepath=str(photo))
    bpy.ops.likeness.export_head(filepath=str(tmp_path / "me.blend"), format="blend")
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "me.blend"))
    assert b"private_folder" not in saved_bytes(tmp_path)


def test_a_relative_choice_is_kept_as_the_file_that_it_meant(photo, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    bpy.context.scene.likeness.photo = "//private_folder/me.png"
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    assert bpy.context.scene.likeness.photo == str(photo)
