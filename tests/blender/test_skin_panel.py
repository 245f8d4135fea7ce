"""A head's skin changed in the scene: sliders and what they ask for, textures, undo, files, copies, exports, refusals."""

from __future__ import annotations

import json
from dataclasses import replace

import bpy
import numpy as np
import pytest
from likeness import skin_properties
from likeness.core import generation
from likeness.core.appearance.catalogue import GROUPS, NAMES, NUMBERS
from likeness.core.appearance.parameters import RANGES, Appearance
from likeness.core.appearance.skin import MELANIN_RANGE, melanin_of_tone, tone_of_melanin, typology_angle
from likeness.core.config import ASSETS_DIR
from likeness.core.errors import LikenessError, SkinError
from likeness.core.head.library import get_model
from likeness.core.image_files import encode_texture, pack_paint
from likeness.core.pipeline import run
from likeness.core.restyle import restyle_head
from likeness.core.types import Texture
from likeness.operators import job, restyle_skin
from likeness.operators.job import get_jobs
from likeness.scene import correction, skin
from likeness.scene.export import export_head
from likeness.scene.head import create_head, is_head, read_head, remove_head, texture_images
from likeness.scene.image import create_image, read_pixels
from likeness.scene.provenance import read_provenance
from likeness.worker.stories import STORIES
from played_worker import PlayedWorker
from synthetic import make_asset

pytestmark = [
    pytest.mark.usefixtures("extension"),
    pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`"),
]


@pytest.fixture(scope="module")
def asset():
    return run(generation.generate_head(5, texture_size=256))


@pytest.fixture
def obj(extension, asset):
    return create_head(bpy.context, asset)


def head_now() -> bpy.types.Object:
    return next(o for o in bpy.data.objects if is_head(o))


def albedo_of(obj: bpy.types.Object) -> np.ndarray:
    return read_pixels(texture_images(obj)["albedo"])


def images_in_materials(obj: bpy.types.Object, label: str) -> set[bpy.types.Image]:
    nodes = [node for material in obj.data.materials for node in material.node_tree.nodes]
    return {node.image for node in nodes if node.type == "TEX_IMAGE" and node.label == label}


def change(**numbers: float) -> None:
    changes = ",".join(f"{name}={number}" for name, number in numbers.items())
    assert bpy.ops.likeness.restyle_skin("EXEC_DEFAULT", True, changes=changes) == {"FINISHED"}


def test_sliders_are_the_numbers_that_core_can_change_within_its_ranges():
    for number in NUMBERS:
        assert (number.lowest, number.highest) == RANGES[number.name]
        assert number.lowest <= number.usual <= number.highest
        assert hasattr(Appearance(), number.name)
    drawn = [skin_properties.number_of_slider(name) for group in GROUPS for name in skin_properties.SLIDERS[group]]
    assert drawn == list(NAMES)


def test_a_new_head_shows_its_own_numbers(obj, asset):
    told = asset.provenance["appearance"]
    for name in NAMES:
        assert getattr(obj.likeness_skin, name) == pytest.approx(told[name], abs=1e-5), name
    assert list(obj.likeness_skin.colour) == pytest.approx(list(asset.skin_linear_rgb), abs=1e-5)


def test_the_panels_sliders_follow_the_active_head(obj, asset):
    other = create_head(bpy.context, run(generation.generate_head(8, texture_size=256)))
    panel = bpy.context.window_manager.likeness_skin
    for head in (obj, other):
        bpy.context.view_layer.objects.active = head
        assert panel.melanin == head.likeness_skin.melanin
    assert obj.likeness_skin.melanin != other.likeness_skin.melanin


def test_tone_runs_evenly_from_the_palest_to_the_deepest():
    assert tone_of_melanin(MELANIN_RANGE[0]) == pytest.approx(0)
    assert tone_of_melanin(MELANIN_RANGE[1]) == pytest.approx(1)
    for tone in np.linspace(0, 1, 11):
        assert tone_of_melanin(melanin_of_tone(tone)) == pytest.approx(tone, abs=0.01)


def test_the_scene_paints_what_core_paints(obj, asset):
    change(melanin=3, freckles=0.6)
    expected = restyle_head(asset, {"melanin": 3.0, "freckles": 0.6}, get_model())
    made = read_head(obj)
    for name in ("albedo", "subsurface"):
        assert np.array_equal(made.textures[name].pixels, expected.textures[name].pixels), name
    for name in set(asset.textures) - {"albedo", "subsurface"}:
        assert np.array_equal(made.textures[name].pixels, asset.textures[name].pixels), name
    assert made.skin_linear_rgb == pytest.approx(expected.skin_linear_rgb, rel=1e-5)
    assert made.provenance["appearance"] == expected.provenance["appearance"]
    assert made.provenance["appearance_chosen"] == ["freckles", "melanin"]


def test_every_material_wears_the_new_albedo_and_none_the_old(obj):
    num_images = len(bpy.data.images)
    change(melanin=3)
    assert images_in_materials(obj, "Albedo") == {texture_images(obj)["albedo"]}
    assert images_in_materials(obj, "Subsurface") == {texture_images(obj)["subsurface"]}
    change(melanin=5)
    change(melanin=2)
    assert len(bpy.data.images) == num_images + 2  # what it is made from is kept, what is worn no more is not


def test_deep_skin_scatters_and_shows_in_solid_view_as_a_head_made_deep(obj, asset):
    """The material as if the head had been made so."""
    change(melanin=6)
    fresh = create_head(bpy.context, read_head(obj))
    for mine, its in zip(obj.data.materials, fresh.data.materials, strict=True):
        assert tuple(mine.diffuse_color) == pytest.approx(tuple(its.diffuse_color), abs=1e-5)
        for node in mine.node_tree.nodes:
            other = its.node_tree.nodes[node.name]
            for mine_socket, its_socket in zip(node.inputs, other.inputs, strict=True):
                if hasattr(mine_socket, "default_value") and not isinstance(mine_socket.default_value, str):
                    expected = pytest.approx(np.ravel(its_socket.default_value), rel=1e-4)
                    assert np.ravel(mine_socket.default_value) == expected, (node.name, mine_socket.name)


def test_an_artists_own_material_settings_stay(obj):
    material = obj.data.materials[0]
    principled = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    principled.inputs["Roughness"].default_value = 0.9
    principled.inputs["Coat Weight"].default_value = 0.3
    material.diffuse_color = (0, 1, 0, 1)
    change(melanin=4)
    assert obj.data.materials[0] == material
    assert principled.inputs["Roughness"].default_value == pytest.approx(0.9)
    assert principled.inputs["Coat Weight"].default_value == pytest.approx(0.3)
    assert tuple(material.diffuse_color) == (0, 1, 0, 1)


def test_nothing_wears_out_however_often_skin_is_changed(obj, asset):
    change(melanin=11, blood=1)
    change(melanin=0.05, blood=-0.75, freckles=1)
    change(melanin=3, blood=0, freckles=0)
    once = restyle_head(asset, {"melanin": 3.0, "blood": 0.0, "freckles": 0.0}, get_model())
    assert np.array_equal(albedo_of(obj), once.textures["albedo"].pixels)


def test_reset_gives_back_the_very_skin_that_the_head_was_made_with(obj, asset):
    before = {name: image.name for name, image in texture_images(obj).items()}
    change(melanin=9, stubble=0.7)
    change(under_eye=2)
    assert bpy.ops.likeness.reset_skin("EXEC_DEFAULT", True) == {"FINISHED"}
    assert {name: image.name for name, image in texture_images(obj).items()} == before
    assert np.array_equal(albedo_of(obj), asset.textures["albedo"].pixels)
    assert images_in_materials(obj, "Albedo") == {texture_images(obj)["albedo"]}
    assert read_provenance(obj) == json.loads(json.dumps(asset.provenance))
    assert not bpy.ops.likeness.reset_skin.poll()


def test_what_an_artist_painted_on_the_texture_stays(obj):
    change(melanin=2)
    image = texture_images(obj)["albedo"]
    pixels = albedo_of(obj)
    spot = tuple(np.argwhere((pixels > 60).all(-1) & (pixels < 200).all(-1))[5000])
    values = np.array(image.pixels[:]).reshape(*pixels.shape[:2], -1)
    values[len(pixels) - 1 - spot[0], spot[1], :3] = (0.1, 0.5, 0.1)
    image.pixels.foreach_set(values.ravel().astype(np.float32))
    assert image.is_dirty
    change(melanin=2.2)
    green = albedo_of(obj)[spot].astype(int)
    assert green[1] > 2 * max(green[0], green[2])
    bpy.ops.likeness.reset_skin()
    green = albedo_of(obj)[spot].astype(int)
    assert green[1] > 2 * max(green[0], green[2])
    assert not skin.names_read(obj)
    assert "appearance_chosen" not in read_provenance(obj)


def test_a_head_painted_from_its_photo_anew_starts_from_that(obj, asset):
    change(melanin=8)
    pixels = np.full_like(asset.textures["albedo"].pixels, 180)
    numbers = asset.provenance["appearance"] | {"melanin": 0.7}
    correction.repaint(obj, pack_paint({"albedo": Texture(pixels, "sRGB")}, {"appearance": numbers}, asset.skin_linear_rgb))
    assert "appearance_chosen" not in read_provenance(obj)
    assert obj.likeness_skin.melanin == pytest.approx(0.7)
    assert skin.is_as_made(obj)
    change(melanin=4)
    bpy.ops.likeness.reset_skin()
    assert (albedo_of(obj) == 180).all()
    assert obj.likeness_skin.melanin == pytest.approx(0.7)


def test_a_slider_asks_and_shows_it_at_once_while_the_texture_waits(obj):
    before, name, colour = albedo_of(obj), texture_images(obj)["albedo"].name, list(obj.likeness_skin.colour)
    bpy.context.window_manager.likeness_skin.tone = 0.9
    assert obj.likeness_skin.melanin == pytest.approx(melanin_of_tone(0.9), rel=1e-4)
    assert typology_angle(np.array(obj.likeness_skin.colour)) < typology_angle(np.array(colour)) - 20
    assert texture_images(obj)["albedo"].name == name
    assert np.array_equal(albedo_of(obj), before)
    assert "appearance_chosen" not in read_provenance(obj)


def test_a_chosen_colour_becomes_the_nearest_tone_and_blood(obj):
    obj.likeness_skin.melanin, obj.likeness_skin.blood = 2.5, 0.3
    colour = list(obj.likeness_skin.colour)
    skin.forget_wish(obj)
    obj.likeness_skin.colour = colour
    assert set(skin.wished_numbers(obj)) == {"melanin", "blood"}
    assert obj.likeness_skin.melanin == pytest.approx(2.5, rel=0.01)
    assert obj.likeness_skin.blood == pytest.approx(0.3, abs=0.01)
    obj.likeness_skin.colour = (0, 0, 1)  # no skin is blue: something within the ranges
    change(**skin.wished_numbers(obj))


def test_age_raises_lines_and_goes_back_while_colour_leaves_relief_alone(obj, asset):
    before = {name: image.name for name, image in texture_images(obj).items()}
    change(age=75)
    aged = read_head(obj)
    expected = restyle_head(asset, {"age": 75.0}, get_model())
    for name in ("albedo", "subsurface", "displacement", "normal", "roughness"):
        assert np.array_equal(aged.textures[name].pixels, expected.textures[name].pixels), name
        assert not np.array_equal(aged.textures[name].pixels, asset.textures[name].pixels), name
    for label in ("Displacement", "Normal", "Roughness"):
        assert images_in_materials(obj, label) == {texture_images(obj)[label.lower()]}
    change(melanin=2)
    assert np.array_equal(read_head(obj).textures["normal"].pixels, aged.textures["normal"].pixels)
    change(age=asset.provenance["appearance"]["age"])
    relief = {"displacement", "normal", "roughness"}
    assert {name: texture_images(obj)[name].name for name in relief} == {name: before[name] for name in relief}
    assert obj.likeness_skin.melanin == pytest.approx(2)
    bpy.ops.likeness.reset_skin()
    assert {name: image.name for name, image in texture_images(obj).items()} == before


def test_a_relief_that_an_artist_put_there_is_no_concern_of_colours(obj, asset):
    change(melanin=2)
    own = create_image(encode_texture(asset.textures["normal"]), "sculpted")
    obj["likeness_texture_normal"] = own
    change(melanin=3)
    assert texture_images(obj)["normal"] == own


def test_what_the_sliders_ask_for_is_painted_by_the_operator(obj):
    obj.likeness_skin.melanin = 4
    obj.likeness_skin.moles = 0.9
    assert bpy.ops.likeness.restyle_skin() == {"FINISHED"}
    assert read_provenance(obj)["appearance_chosen"] == ["melanin", "moles"]
    assert skin.wished_numbers(obj) == {}
    assert obj.likeness_skin.melanin == pytest.approx(4)


def test_a_slider_put_back_asks_for_nothing(obj, asset):
    obj.likeness_skin.freckles = 0.9
    obj.likeness_skin.freckles = asset.provenance["appearance"]["freckles"]
    assert skin.wished_numbers(obj) == {}
    with pytest.raises(RuntimeError, match="Nothing was asked for"):
        bpy.ops.likeness.restyle_skin()


def test_values_beyond_a_range_are_cut_by_sliders_and_refused_by_the_operator(obj):
    obj.likeness_skin.freckles = 7
    assert obj.likeness_skin.freckles == 1
    skin.forget_wish(obj)
    for changes, sentence in (
        ("melanin=99", "give 0.05 to 11"), ("beauty=1", "choose from melanin"), ("melanin", "NAME=NUMBER"),
        ("melanin=nan", "out of range"),
    ):  # fmt: skip
        before = texture_images(obj)["albedo"].name
        with pytest.raises(RuntimeError, match=sentence):
            bpy.ops.likeness.restyle_skin(changes=changes)
        assert texture_images(obj)["albedo"].name == before
        assert skin.wished_numbers(obj) == {}


def test_undo_and_redo_take_sliders_textures_and_materials_along(obj):
    bpy.ops.ed.undo_push(message="a head")
    first, melanin = albedo_of(obj), obj.likeness_skin.melanin
    change(melanin=3)
    second = albedo_of(head_now())
    change(melanin=9, stubble=0.5)
    for number, pixels in ((3, second), (melanin, first)):
        bpy.ops.ed.undo()
        head = head_now()
        assert head.likeness_skin.melanin == pytest.approx(number, abs=1e-4)
        assert np.array_equal(albedo_of(head), pixels)
        assert images_in_materials(head, "Albedo") == {texture_images(head)["albedo"]}
    bpy.ops.ed.redo()
    head = head_now()
    assert head.likeness_skin.melanin == pytest.approx(3, abs=1e-4)
    assert np.array_equal(albedo_of(head), second)


def test_a_wish_ends_when_the_head_is_painted_otherwise(obj):
    bpy.ops.ed.undo_push(message="a head")
    change(melanin=3)
    head_now().likeness_skin.freckles = 0.9
    bpy.ops.ed.undo()
    assert skin.wished_numbers(head_now()) == {}


def test_a_changed_head_survives_saving_and_loading_and_goes_back(obj, asset, tmp_path):
    change(melanin=3, freckles=0.5)
    obj.likeness_skin.moles = 0.9  # asked for and not painted: of no file
    before = read_head(obj)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "skin.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "skin.blend"))
    loaded = head_now()
    after = read_head(loaded)
    assert np.array_equal(before.textures["albedo"].pixels, after.textures["albedo"].pixels)
    assert after.provenance == before.provenance
    assert loaded.likeness_skin.melanin == pytest.approx(3)
    assert loaded.likeness_skin.moles == pytest.approx(asset.provenance["appearance"]["moles"], abs=1e-5)
    bpy.ops.likeness.reset_skin()
    assert np.array_equal(albedo_of(loaded), asset.textures["albedo"].pixels)


def test_of_a_head_and_its_copy_only_one_changes(obj, asset):
    change(melanin=3)
    copy = obj.copy()
    copy.data = obj.data.copy()
    bpy.context.scene.collection.objects.link(copy)
    before = albedo_of(obj)
    bpy.context.view_layer.objects.active = copy
    change(melanin=9)
    assert np.array_equal(albedo_of(obj), before)
    assert obj.likeness_skin.melanin == pytest.approx(3)
    assert images_in_materials(obj, "Albedo") == {texture_images(obj)["albedo"]}
    assert images_in_materials(copy, "Albedo") == {texture_images(copy)["albedo"]}
    bpy.ops.likeness.reset_skin()
    assert np.array_equal(albedo_of(copy), asset.textures["albedo"].pixels)
    assert np.array_equal(albedo_of(obj), before)


def test_exports_carry_the_new_skin(obj, asset, tmp_path):
    change(melanin=5)
    with np.load(export_head(obj, tmp_path / "head.npz", "npz")) as file:
        assert np.array_equal(file["albedo"], albedo_of(obj))
        assert dict(zip(file["appearance_names"], file["appearance"], strict=True))["melanin"] == pytest.approx(5)
        assert file["skin_linear_rgb"] == pytest.approx(read_head(obj).skin_linear_rgb, rel=1e-5)
    path = export_head(obj, tmp_path / "head.glb", "glb")
    known = set(bpy.data.images)
    bpy.ops.import_scene.gltf(filepath=str(path))
    came = [image for image in set(bpy.data.images) - known if tuple(image.size) == albedo_of(obj).shape[1::-1]]
    assert any(
        np.abs(read_pixels(image)[..., :3].astype(int) - albedo_of(obj)).mean() < 1 for image in came if image.channels >= 3
    )


def test_removing_the_head_takes_what_its_skin_was_made_from_along(context, asset):
    before = [len(getattr(bpy.data, name)) for name in ("objects", "meshes", "images", "materials")]
    obj = create_head(context, asset)
    change(melanin=5)
    remove_head(obj)
    assert [len(getattr(bpy.data, name)) for name in ("objects", "meshes", "images", "materials")] == before


def test_numbers_read_from_a_photo_are_known(extension, asset):
    read = create_head(bpy.context, replace(asset, provenance=asset.provenance | {"appearance_read": ["melanin", "blood"]}))
    assert skin.names_read(read) == {"melanin", "blood"}


def test_heads_whose_skin_is_not_known_say_why(context, asset):
    old = create_head(context, replace(asset, provenance={k: v for k, v in asset.provenance.items() if k != "appearance"}))
    foreign = create_head(context, make_asset())
    for head, sentence in ((old, "make it again"), (foreign, "another model")):
        bpy.context.view_layer.objects.active = head
        assert sentence in skin.why_not(head)
        head.likeness_skin.melanin = 4
        assert skin.wished_numbers(head) == {}
        assert head.likeness_skin.melanin != pytest.approx(4)
        assert len(head.likeness_skin.colour) == 3
        with pytest.raises(RuntimeError, match=sentence):
            bpy.ops.likeness.restyle_skin(changes="melanin=4")
        with pytest.raises(SkinError, match=sentence):
            skin.restyle_arguments(head, {"melanin": 4.0})


def test_a_linked_head_is_refused_in_a_sentence(obj, tmp_path):
    change(melanin=3)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True, load_ui=False)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, wanted):
        wanted.objects = ["person_5"]
    linked = wanted.objects[0]
    bpy.context.scene.collection.objects.link(linked)
    bpy.context.view_layer.objects.active = linked
    assert "linked from another file" in skin.why_not(linked)
    assert linked.likeness_skin.melanin == pytest.approx(3)
    with pytest.raises(RuntimeError, match="linked from another file"):
        bpy.ops.likeness.restyle_skin(changes="melanin=4")


def test_an_appended_head_can_be_changed_and_go_back(obj, asset, tmp_path):
    change(melanin=3)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True, load_ui=False)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=False) as (_, wanted):
        wanted.objects = ["person_5"]
    appended = wanted.objects[0]
    bpy.context.scene.collection.objects.link(appended)
    bpy.context.view_layer.objects.active = appended
    change(melanin=6)
    bpy.ops.likeness.reset_skin()
    assert np.array_equal(albedo_of(appended), asset.textures["albedo"].pixels)


def test_a_shared_mesh_is_refused_in_a_sentence(obj):
    twin = obj.copy()
    assert "shares its mesh" in skin.why_not(obj)
    bpy.data.objects.remove(twin)
    assert skin.why_not(obj) is None


def test_skin_can_be_changed_in_any_mode(obj):
    for mode in ("EDIT", "SCULPT", "TEXTURE_PAINT"):
        bpy.ops.object.mode_set(mode=mode)
        change(melanin={"EDIT": 2, "SCULPT": 3, "TEXTURE_PAINT": 4}[mode])
        assert obj.mode == mode
        bpy.ops.object.mode_set(mode="OBJECT")
    assert obj.likeness_skin.melanin == pytest.approx(4)


def test_what_is_no_head_has_sliders_that_do_nothing(context):
    cube = bpy.data.objects.new("cube", bpy.data.meshes.new("cube"))
    cube.likeness_skin.melanin = 4
    assert cube.likeness_skin.melanin == pytest.approx(0.55)
    assert tuple(cube.likeness_skin.colour) == (0, 0, 0)


def test_without_a_window_no_timer_and_no_handler_waits(obj):
    obj.likeness_skin.melanin = 4
    assert not bpy.app.timers.is_registered(restyle_skin._start_due)
    assert restyle_skin.drop_wishes not in bpy.app.handlers.undo_post


def paint_for(obj: bpy.types.Object, **numbers: float):
    return run(STORIES["restyle"](**skin.restyle_arguments(obj, numbers)))


def test_a_skin_is_put_on_texture_by_texture_and_the_head_changes_in_the_last_step(obj):
    paint, before, images = paint_for(obj, age=70, melanin=3), skin.stamp(obj), len(bpy.data.images)
    steps = skin.put_on_in_steps(obj, paint)
    for number in range(len(paint.textures)):
        next(steps)
        assert (skin.stamp(obj), len(bpy.data.images)) == (before, images + number + 1)
    with pytest.raises(StopIteration):
        next(steps)
    assert obj.likeness_skin.melanin == pytest.approx(3, abs=1e-4)
    assert images_in_materials(obj, "Albedo") == {texture_images(obj)["albedo"]}
    assert [image for image in bpy.data.images if not image.users] == []


@pytest.mark.parametrize("end", ["closed", "changed", "undone"])
def test_a_skin_that_is_not_put_on_to_the_end_leaves_nothing(obj, end):
    bpy.ops.ed.undo_push(message="a head")
    obj.location.x = 1
    bpy.ops.ed.undo_push(message="moved")
    paint, images = paint_for(obj, melanin=3), {image.name for image in bpy.data.images}
    steps = skin.put_on_in_steps(obj, paint)
    next(steps)
    if end == "closed":
        steps.close()
    elif end == "changed":
        skin.put_on(obj, paint_for(obj, melanin=5))
        images = {image.name for image in bpy.data.images if image.users}
    else:
        bpy.ops.ed.undo()
    if end != "closed":
        with pytest.raises(LikenessError, match="changed or removed meanwhile" if end == "changed" else "undo came in between"):
            run(steps)
    assert {image.name for image in bpy.data.images} == images
    assert head_now().likeness_skin.melanin == pytest.approx(5 if end == "changed" else made_melanin(), abs=1e-4)


def made_melanin() -> float:
    return skin.made_numbers(head_now())["melanin"]


class Played(restyle_skin.RestylesSkin):
    """The operator without Blender's part."""

    def __init__(self, obj: bpy.types.Object) -> None:
        self._uid, self._job = obj.session_uid, get_jobs().submit("skin", "restyle", {"a head": obj.name})
        self.reports = []
        restyle_skin._painting[self._uid] = self._job

    def report(self, kinds: set[str], text: str) -> None:
        self.reports.append((kinds, text))


@pytest.fixture
def played_worker(monkeypatch):
    monkeypatch.setattr(job, "_start_worker", PlayedWorker)
    monkeypatch.setattr(job, "_jobs", None)
    yield
    job.close_jobs()


def test_when_blender_ends_the_operator_its_wish_ends_too(obj, played_worker):
    skin.wish(obj, {"melanin": 3.0})
    operator = Played(obj)
    operator.cancel(bpy.context)
    assert operator._job.state == "cancelled"
    assert (restyle_skin._painting, skin.wished_numbers(obj)) == ({}, {})


def test_an_operator_that_was_superseded_leaves_the_newer_wish_alone(obj, played_worker):
    skin.wish(obj, {"melanin": 3.0})
    operator = Played(obj)
    newer = restyle_skin._painting[obj.session_uid] = get_jobs().submit("newer", "restyle", {})
    operator.cancel(bpy.context)
    assert (restyle_skin._painting, skin.wished_numbers(obj)) == ({obj.session_uid: newer}, {"melanin": 3.0})
    restyle_skin._painting.clear()
    skin.forget_wishes()


def test_a_head_that_is_not_there_is_a_sentence(obj, played_worker, monkeypatch):
    operator = Played(obj)
    restyle_skin._painting.clear()

    def nobody(self) -> bpy.types.Object:
        raise SkinError("There is no head called 'Nobody'.")

    monkeypatch.setattr(Played, "_head", nobody)
    assert operator._start(bpy.context) == {"CANCELLED"}
    assert operator.reports == [({"ERROR"}, "There is no head called 'Nobody'.")]
