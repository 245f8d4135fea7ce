"""Random people through bpy.ops and through batch.py in Blender."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
import numpy as np
import pytest
from likeness.bulk import command_line
from likeness.core import generation
from likeness.core.config import ASSETS_DIR
from likeness.core.errors import ModelError
from likeness.core.export_glb import export_glb
from likeness.core.pipeline import run
from likeness.scene import expression, head
from likeness.scene.provenance import read_provenance
from test_export_files import validate

pytestmark = [
    pytest.mark.usefixtures("extension", "small_people"),
    pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`"),
]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def small_people(monkeypatch):
    """Albedos of 512 x 512 texels."""
    monkeypatch.setitem(generation.generate_head.__kwdefaults__, "texture_size", 512)


def heads() -> list[bpy.types.Object]:
    return [obj for obj in bpy.data.objects if head.is_head(obj)]


def test_generate_makes_one_whole_head_without_a_photo():
    assert bpy.ops.likeness.generate(seed=5) == {"FINISHED"}
    made = head.find_head(bpy.context)
    assert made.name == "person_5"
    assert bpy.context.view_layer.objects.active == made
    assert not [obj for obj in bpy.data.objects if obj.type in ("CAMERA", "LIGHT")]
    assert {"albedo", "roughness", "specular", "subsurface", "displacement", "normal"} <= set(head.texture_images(made))
    assert len(made.data.shape_keys.key_blocks) > 52
    assert not any(expression.read_keys(made).values())
    provenance = read_provenance(made)
    assert provenance["seed"] == 5
    assert "photo" not in provenance


def test_the_skin_wears_the_relief():
    bpy.ops.likeness.generate(seed=5)
    skin = head.find_head(bpy.context).data.materials[0]
    labels = {node.label for node in skin.node_tree.nodes if node.type == "TEX_IMAGE"}
    assert {"Normal", "Displacement"} <= labels
    assert skin.displacement_method == "DISPLACEMENT"


def test_khronos_validator_finds_no_error_in_a_random_person(tmp_path):
    export_glb(run(generation.generate_head(5)), tmp_path / "person.glb")
    issues = validate(tmp_path / "person.glb")
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]


def test_a_generated_head_can_be_read_back():
    bpy.ops.likeness.generate(seed=5, texture_size="512")
    asset = head.read_head(head.find_head(bpy.context))
    person = generation.draw_person(5, len(asset.identity))
    assert np.allclose(asset.identity, person.identity, atol=1e-6)
    assert asset.camera is None
    assert asset.photo is None
    made = run(generation.generate_head(5))
    for name in ("displacement", "normal"):
        assert (asset.textures[name].pixels == made.textures[name].pixels).all()


def test_people_stand_side_by_side():
    bpy.ops.likeness.generate(seed=1)
    bpy.ops.likeness.generate(seed=2)
    places = [head.head_rig(obj).location.x for obj in heads()]
    assert len(places) == 2
    assert abs(places[0] - places[1]) > 0.3


def test_one_undo_takes_the_person_away_and_redo_brings_it_back():
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.likeness.generate("EXEC_DEFAULT", True, seed=3)
    assert len(heads()) == 1
    bpy.ops.ed.undo()
    assert heads() == []
    bpy.ops.ed.redo()
    assert [obj.name for obj in heads()] == ["person_3"]


def test_a_failure_leaves_the_scene_as_it_was(monkeypatch):
    def fail(seed, **options):
        raise ModelError("The head model is missing: run `make assets`.")
        yield

    monkeypatch.setattr(generation, "generate_head", fail)
    before = len(bpy.data.objects)
    with pytest.raises(RuntimeError, match="make assets"):
        bpy.ops.likeness.generate(seed=1)
    assert len(bpy.data.objects) == before
    assert "make assets" in bpy.context.window_manager.likeness_job.error


def test_remove_takes_a_generated_head_away_whole():
    before = [len(getattr(bpy.data, name)) for name in ("objects", "meshes", "images", "materials")]
    bpy.ops.likeness.generate(seed=4)
    bpy.ops.likeness.remove_head()
    assert [len(getattr(bpy.data, name)) for name in ("objects", "meshes", "images", "materials")] == before


def test_batch_generate_writes_every_format_and_a_report(tmp_path):
    arguments = ["generate", "--seed", "20", "--count", "2", "--out", str(tmp_path), "--export", "blend,glb,fbx,obj,npz"]
    assert command_line.run([*arguments, "--texture-size", "512"], ROOT / "batch.py") == command_line.OK
    for seed in (20, 21):
        for kind in ("blend", "glb", "fbx", "obj", "npz"):
            assert (tmp_path / f"person_{seed}.{kind}").stat().st_size > 10_000
    lines = [json.loads(line) for line in (tmp_path / "report.jsonl").read_text().splitlines()]
    assert [line["seed"] for line in lines] == [20, 21]
    assert all(line["ok"] for line in lines)
    assert "confidence" not in lines[0]


def test_batch_generate_gives_the_same_glb_twice(tmp_path):
    for name in "ab":
        arguments = ["generate", "--seed", "9", "--out", str(tmp_path / name), "--export", "glb", "--texture-size", "512"]
        assert command_line.run(arguments, ROOT / "batch.py") == command_line.OK
    assert (tmp_path / "a" / "person_9.glb").read_bytes() == (tmp_path / "b" / "person_9.glb").read_bytes()
