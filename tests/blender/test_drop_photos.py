"""Photos from outside: dropped, imported, pasted."""

from __future__ import annotations

import os
import shutil
import stat
import time
from pathlib import Path

import bpy
import pytest
from likeness.core.errors import PhotoError
from likeness.core.photo import clipboard
from likeness.operators import drop_photos
from likeness.properties import IMAGE_FILTER
from likeness.scene import head


@pytest.fixture
def heads(extension, quick_pipeline):
    """Names of the heads in the scene, made by a pipeline that takes no time and says what it was asked for."""
    asked = []

    def fit_photos(photos, **options):
        asked.append([Path(photo).name for photo in photos])
        return (yield from quick_pipeline.fit_photo(photos[0]))

    quick_pipeline.fit_photos = fit_photos

    def names() -> list[str]:
        return sorted(obj.name for obj in bpy.data.objects if head.is_head(obj))

    names.asked = asked
    return names


@pytest.fixture
def album(astronaut, tmp_path) -> Path:
    """A folder with three photos."""
    for name in ("ada one.png", "ben.JPG", "cy.png"):
        shutil.copy(astronaut, tmp_path / name)
    return tmp_path


def import_photos(album: Path, *names: str, **options) -> set[str]:
    return bpy.ops.likeness.import_photos(directory=str(album), files=[{"name": name} for name in names], **options)


def test_one_photo_becomes_a_head(heads, album):
    assert import_photos(album, "ada one.png") == {"FINISHED"}
    assert heads() == ["ada one"]


def test_several_photos_of_one_person_become_one_head(heads, album):
    import_photos(album, "ada one.png", "ben.JPG", "cy.png", people="SAME")
    assert heads() == ["ada one"]
    assert heads.asked == [["ada one.png", "ben.JPG", "cy.png"]]


def test_several_people_become_a_head_each(heads, album):
    import_photos(album, "ada one.png", "ben.JPG", "cy.png", people="EACH")
    assert heads() == ["ada one", "ben", "cy"]
    assert heads.asked == []


def test_the_same_photo_twice_is_one_photo(heads, album):
    import_photos(album, "cy.png", "cy.png", people="EACH")
    assert heads() == ["cy"]


def test_paths_may_lie_in_several_folders(heads, album, astronaut):
    bpy.ops.likeness.import_photos(paths=f"{album / 'cy.png'}\n{astronaut}\n", people="EACH")
    assert heads() == ["astronaut", "cy"]


def test_the_panel_shows_the_photos_that_were_dropped(heads, album):
    import_photos(album, "ben.JPG", "cy.png", people="SAME")
    settings = bpy.context.scene.likeness
    assert (settings.photo, settings.others) == (str(album / "ben.JPG"), str(album / "cy.png"))


def test_heads_from_several_photos_are_one_step_to_undo(heads, album):
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.likeness.import_photos(
        "EXEC_DEFAULT", True, directory=str(album), files=[{"name": name} for name in ("ben.JPG", "cy.png")], people="EACH"
    )
    assert heads() == ["ben", "cy"]
    bpy.ops.ed.undo()
    assert heads() == []


def test_a_photo_that_is_gone_is_one_sentence(heads, album):
    with pytest.raises(RuntimeError, match=r"^Error: There is no photo .*check the path\.\n?$"):
        import_photos(album, "nobody.png")
    assert heads() == []


def test_a_photo_that_is_gone_does_not_keep_the_others_from_becoming_heads(heads, album):
    with pytest.raises(RuntimeError, match=r"^Error: There is no photo"):
        import_photos(album, "nobody.png", "ben.JPG", "cy.png", people="EACH")
    assert heads() == ["ben", "cy"]


def test_every_photo_format_can_be_dropped(extension):
    handler = drop_photos.LIKENESS_FH_photos
    assert handler.bl_file_extensions.split(";") == [ending.removeprefix("*") for ending in IMAGE_FILTER.split(";")]
    assert getattr(bpy.ops.likeness, handler.bl_import_operator.split(".")[1]).get_rna_type()
    assert {"directory", "files"} <= set(bpy.ops.likeness.import_photos.get_rna_type().properties.keys())


def test_a_drop_is_meant_for_a_3d_view(extension):
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    window = bpy.context.window_manager.windows[0]
    for area in window.screen.areas:
        with bpy.context.temp_override(window=window, area=area):
            assert drop_photos.LIKENESS_FH_photos.poll_drop(bpy.context) == (area.type == "VIEW_3D")


@pytest.mark.parametrize(
    "text, expected",
    [
        ("/tmp/a b.jpg", ["/tmp/a b.jpg"]),
        ('"/tmp/a b.jpg"\n', ["/tmp/a b.jpg"]),
        ("file:///tmp/a%20b.jpg\r\nfile:///tmp/%C3%A9.png\r\n", ["/tmp/a b.jpg", "/tmp/é.png"]),
        ("file://localhost/tmp/a.jpg", ["/tmp/a.jpg"]),
        ("file:/tmp/a.jpg", ["/tmp/a.jpg"]),
        ("file://[", []),
        ("copy\nfile:///tmp/a.jpg", ["/tmp/a.jpg"]),
        ("C:\\Users\\Ada\\me.jpg", ["C:\\Users\\Ada\\me.jpg"]),
        ("a picture of me", []),
        ("https://example.org/me.jpg", []),
        ("", []),
    ],
)
def test_paths_are_read_from_copied_text(text, expected):
    assert list(map(str, clipboard.read_paths(text))) == expected


def read_copied(text: str, folder: Path) -> list[Path]:
    """To the end of the generator, as in background mode."""
    steps = clipboard.read_copied_photos(text, folder)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
        time.sleep(0.01)


def test_a_copied_path_that_leads_nowhere_is_named(tmp_path):
    with pytest.raises(PhotoError, match=r"There is no photo /nowhere/me\.jpg"):
        read_copied("/nowhere/me.jpg", tmp_path)


@pytest.fixture
def xclip(monkeypatch, tmp_path):
    """A program of that name that says what the test wants; returns the function that sets it."""
    if os.name == "nt":
        pytest.skip("Linux only")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(clipboard.sys, "platform", "linux")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)

    def say(script: str) -> None:
        program = tmp_path / "xclip"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    return say


def test_a_copied_picture_is_written_beside_earlier_ones(xclip, astronaut, tmp_path):
    xclip(f"cat '{astronaut}'")
    first = read_copied("", tmp_path / "session")
    second = read_copied("not a path", tmp_path / "session")
    assert [path.name for path in (*first, *second)] == ["Pasted photo.png", "Pasted photo 2.png"]
    assert first[0].read_bytes() == astronaut.read_bytes()


@pytest.mark.parametrize(
    "script, text, sentence",
    [
        ("exit 1", "", "holds no photo: copy a photo"),
        ("echo hello", "hello", "holds no photo: copy a photo"),
        ("exit 1", "https://example.org/me.jpg", "holds a link, and nothing is fetched"),
        ("exec sleep 5", "", "does not answer"),
    ],
)
def test_without_a_photo_a_sentence_says_what_to_copy(xclip, tmp_path, monkeypatch, script, text, sentence):
    monkeypatch.setattr(clipboard, "WAIT_S", 0.5)
    xclip(script)
    with pytest.raises(PhotoError, match=sentence):
        read_copied(text, tmp_path / "session")


def test_an_abandoned_question_leaves_no_program_behind(xclip, tmp_path):
    xclip(f"echo $$ > {tmp_path}/pid; exec sleep 60")
    steps = clipboard.read_copied_photos("", tmp_path / "session")
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        next(steps)
    steps.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_without_a_clipboard_program_a_sentence_names_two(monkeypatch, tmp_path):
    monkeypatch.setattr(clipboard.sys, "platform", "linux")
    monkeypatch.setattr(clipboard.shutil, "which", lambda name: None)
    with pytest.raises(PhotoError, match=r"wl-clipboard.* or xclip"):
        read_copied("", tmp_path)


def test_a_pasted_photo_becomes_a_head(heads, monkeypatch, astronaut):
    def read(text, folder):
        yield
        return [astronaut]

    monkeypatch.setattr(clipboard, "read_copied_photos", read)
    assert bpy.ops.likeness.paste_photo() == {"FINISHED"}
    assert heads() == ["astronaut"]


def test_pasting_nothing_is_one_sentence(heads, monkeypatch):
    def read(text, folder):
        yield
        raise PhotoError(clipboard.NOTHING)

    monkeypatch.setattr(clipboard, "read_copied_photos", read)
    with pytest.raises(RuntimeError, match=r"^Error: The clipboard holds no photo"):
        bpy.ops.likeness.paste_photo()
    assert heads() == []
