"""What a person does, through bpy.ops as a script would."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import bpy
import pytest
from likeness.operators import head_operator
from likeness.scene import head, placement
from likeness.scene.mesh import POSE_KEY_PREFIX

pytestmark = pytest.mark.usefixtures("extension", "quick_pipeline")
BLOCKS = ("objects", "meshes", "armatures", "materials", "images", "cameras", "lights", "collections", "node_groups", "actions")


def count_blocks() -> dict[str, int]:
    return {name: len(getattr(bpy.data, name)) for name in BLOCKS}


def fit(path, **options):
    return bpy.ops.likeness.fit_photo(filepath=str(path), **options)


def test_fit_photo_makes_one_head_and_selects_it(astronaut):
    assert fit(astronaut) == {"FINISHED"}
    found = head.find_head(bpy.context)
    assert found.name == "astronaut"
    assert bpy.context.view_layer.objects.active == found


def test_all_faces_make_a_head_each(astronaut):
    assert fit(astronaut, faces="ALL") == {"FINISHED"}
    assert sorted(obj.name for obj in bpy.data.objects if head.is_head(obj)) == ["astronaut", "astronaut_2"]


def test_all_new_heads_are_selected(astronaut):
    fit(astronaut, faces="ALL")
    assert {obj.name for obj in bpy.context.selected_objects} == {"astronaut", "astronaut_2"}


def view_3d() -> bpy.types.RegionView3D:
    return next(area for area in bpy.context.window.screen.areas if area.type == "VIEW_3D").spaces.active.region_3d


def test_a_3d_view_turns_to_the_new_head(astronaut):
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    before = view_3d().view_location.copy()
    fit(astronaut)
    assert view_3d().view_location == before, "nobody looks in background mode"
    head_operator.show_selected(bpy.context)
    middle = placement.world_box(head.find_head(bpy.context)).mean(0)
    assert middle[0] > 1
    assert list(view_3d().view_location) == pytest.approx(list(middle), abs=0.02)
    assert 0.1 < view_3d().view_distance < 2


def test_without_a_3d_view_nothing_is_turned(astronaut):
    fit(astronaut)
    areas = list(bpy.context.window.screen.areas) if bpy.context.window else []
    for area in areas:
        if area.type == "VIEW_3D":
            area.type = "TEXT_EDITOR"
    head_operator.show_selected(bpy.context)


def test_a_missing_photo_is_one_sentence_and_leaves_the_scene_alone():
    before = count_blocks()
    with pytest.raises(RuntimeError, match=r"^Error: There is no photo .*check the path\.\n?$"):
        fit("/nowhere/photo.jpg")
    assert count_blocks() == before


def test_no_photo_is_one_sentence():
    with pytest.raises(RuntimeError, match="No photo is chosen"):
        bpy.ops.likeness.fit_photo()


def test_a_fault_while_writing_the_scene_leaves_it_alone(astronaut, monkeypatch):
    cube = bpy.data.objects.new("cube", None)
    bpy.context.scene.collection.objects.link(cube)
    bpy.context.view_layer.objects.active = cube
    before = count_blocks()

    def fail(obj, which):
        raise ValueError("a fault")

    monkeypatch.setattr(head, "apply_expression", fail)
    with pytest.raises(RuntimeError, match="fault of its own"):
        fit(astronaut)
    assert count_blocks() == before
    assert bpy.context.view_layer.objects.active == cube


def test_relative_paths_start_at_the_blend_file(astronaut, tmp_path):
    (tmp_path / "me.png").write_bytes(astronaut.read_bytes())
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    assert fit("//me.png") == {"FINISHED"}


def test_neutral_and_photo_expression_change_the_shape_keys(astronaut):
    fit(astronaut)
    keys = head.find_head(bpy.context).data.shape_keys.key_blocks
    photo = {key.name: key.value for key in keys}
    assert any(photo.values())
    assert bpy.ops.likeness.apply_expression(expression="NEUTRAL") == {"FINISHED"}
    assert not any(key.value for key in keys[1:] if not key.name.startswith(POSE_KEY_PREFIX))
    bpy.ops.likeness.apply_expression(expression="PHOTO")
    assert {key.name: key.value for key in keys} == pytest.approx(photo)


def test_remove_leaves_nothing_behind(astronaut):
    before = count_blocks()
    fit(astronaut)
    assert bpy.ops.likeness.remove_head() == {"FINISHED"}
    assert count_blocks() == before


@pytest.mark.parametrize("operator", ["apply_expression", "remove_head", "export_head"])
def test_without_a_head_the_operator_cannot_run(operator):
    assert not getattr(bpy.ops.likeness, operator).poll()


@pytest.mark.parametrize("suffix", ["glb", "fbx", "obj", "npz", "blend"])
def test_export_writes_the_file_and_leaves_no_scratch_folder(astronaut, tmp_path, suffix):
    fit(astronaut)
    before = count_blocks()
    assert bpy.ops.likeness.export_head(filepath=str(tmp_path / f"me.{suffix}"), format=suffix) == {"FINISHED"}
    assert (tmp_path / f"me.{suffix}").stat().st_size > 1000
    assert not list(tmp_path.glob(".likeness*"))
    assert count_blocks() == before


def test_export_into_a_file_as_folder_is_one_sentence(astronaut, tmp_path):
    fit(astronaut)
    (tmp_path / "file").write_text("x")
    with pytest.raises(RuntimeError, match=r"choose another folder"):
        bpy.ops.likeness.export_head(filepath=str(tmp_path / "file" / "me.npz"), format="npz")


def test_undo_takes_everything_away_in_one_step(astronaut):
    bpy.ops.ed.undo_push(message="before")
    before = count_blocks()
    fit(astronaut)
    bpy.ops.ed.undo_push(message="Generate Head")
    assert count_blocks() != before
    bpy.ops.ed.undo()
    assert count_blocks() == before


def test_enabling_is_quick_and_imports_no_numpy_torch_warp_or_pillow():
    script = (
        "import bpy, sys, time; import likeness; before = set(sys.modules);"
        "t = time.process_time(); likeness.register(); t = time.process_time() - t;"
        "heavy = {'torch', 'warp', 'PIL', 'scipy', 'numpy'} & (set(sys.modules) - before);"
        "print('RESULT', t, sorted(heavy))"
    )
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    _, seconds, heavy = output[output.index("RESULT") :].split(maxsplit=2)
    assert heavy.strip() == "[]"
    assert float(seconds) < 0.3


def test_nothing_of_ours_is_left_after_unregister():
    import likeness

    def ours() -> list[str]:
        names = [name for name in dir(bpy.types) if "ikeness" in name or name.startswith("LIKENESS")]
        owners = [bpy.types.Scene, bpy.types.WindowManager]
        return names + [name for owner in owners for name, _ in owner.bl_rna.properties.items() if "likeness" in name]

    assert len(ours()) > 8
    likeness.unregister()
    try:
        assert ours() == []
        assert not hasattr(bpy.types.Scene, "likeness")
    finally:
        likeness.register()


def test_every_operator_and_property_has_a_tooltip():
    from likeness import registration

    for module in registration.MODULES:
        for cls in module.CLASSES:
            if not issubclass(cls, (bpy.types.Operator, bpy.types.PropertyGroup)):
                continue
            if issubclass(cls, bpy.types.Operator):
                assert (cls.__doc__ or "").strip(), cls
            if cls.__name__ in ("LikenessJob", "LikenessWork"):
                continue
            for name, prop in cls.bl_rna.properties.items():
                if name in cls.__annotations__ and not prop.is_hidden:
                    assert prop.description, f"{cls.__name__}.{name}"


def test_operators_of_the_panel_exist():
    panels = (Path(head.__file__).parent.parent / "panels").glob("*.py")
    text = "".join(panel.read_text() for panel in panels)
    names = set(re.findall(r'operator\(\s*"likeness\.(\w+)"', text))
    assert len(names) >= 5
    assert all(name in dir(bpy.ops.likeness) for name in names)
