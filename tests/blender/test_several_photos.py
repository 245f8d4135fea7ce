"""Several photos of one person, through the operators and batch.py as a person would."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
import numpy as np
import pytest
from likeness.bulk import command_line
from likeness.scene import head
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
