"""Heads by the paper's networks in Blender: operators, panels, preferences; the window's part is played."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest
from likeness import preferences
from likeness.core.config import ASSETS_DIR
from likeness.core.types import Progress
from likeness.operators import job as jobs_in_blender
from likeness.operators.fit_photo import LIKENESS_OT_fit_photo
from likeness.operators.generate import LIKENESS_OT_generate
from likeness.panels import paper, photos
from likeness.scene.head import find_head, is_head, read_head
from likeness.scene.provenance import read_provenance
from likeness.worker.jobs import Jobs
from likeness.worker.wire import Cancel, Cancelled, Failure, Request, Step
from PIL import Image
from played_worker import PlayedWorker
from synthetic import make_asset

pytestmark = [
    pytest.mark.usefixtures("extension"),
    pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`"),
]
TICK = SimpleNamespace(type="TIMER", value="NOTHING")
BLOCKS = ("objects", "meshes", "armatures", "materials", "images", "cameras", "lights", "collections")


@pytest.fixture(scope="module")
def folder(flame_file, astronaut, tmp_path_factory) -> Path:
    """The paper's files, as released."""
    pytest.importorskip("torch", reason="the paper's networks need PyTorch, which is optional")
    from paper_folder import write_paper_folder

    with Image.open(astronaut) as image:
        picture = np.asarray(image.convert("L").crop((110, 0, 366, 256))) / 255
    return write_paper_folder(tmp_path_factory.mktemp("paper"), flame_file, picture)


@pytest.fixture
def chosen() -> Iterator[Any]:
    """The extension's preferences."""
    addon = bpy.context.preferences.addons.new()
    addon.module = "likeness"
    yield addon.preferences
    bpy.context.preferences.addons.remove(addon)
    preferences.show_change(bpy.context)


@pytest.fixture
def empty(tmp_path) -> str:
    (tmp_path / "nothing").mkdir()
    return str(tmp_path / "nothing")


def count_blocks() -> dict[str, int]:
    return {name: len(getattr(bpy.data, name)) for name in BLOCKS}


def heads() -> list[str]:
    return [obj.name for obj in bpy.data.objects if is_head(obj)]


# --- heads, straight through ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("flame_model")
def test_a_photo_becomes_a_head_by_the_networks_in_one_step_to_undo(folder, astronaut):
    bpy.ops.ed.undo_push(message="before")
    options = {"filepath": str(astronaut), "method": "PAPER", "paper_folder": str(folder), "refine": False, "texture_size": "512"}
    assert bpy.ops.likeness.fit_photo("EXEC_DEFAULT", True, **options) == {"FINISHED"}
    obj = find_head(bpy.context)
    asset, told = read_head(obj), read_provenance(obj)["paper"]
    assert (told["refined"], told["faults"]) == (False, []) and len(told["networks"]) == 5
    assert (
        asset.textures["albedo"].pixels.shape == (512, 512, 3)
        and asset.camera is not None
        and asset.model_name.startswith("FLAME")
    )
    assert np.allclose(asset.identity[:300], told["codes"]["shape"], atol=1e-5)
    lines = drawn_lines(paper.LIKENESS_PT_networks)
    assert paper.LIKENESS_PT_networks.poll(bpy.context)
    text = " ".join(lines)
    for network in told["networks"]:
        pieces = {network["source_sha256"][start : start + 16] for start in range(0, 64, 16)}
        assert {network["source_file"], *pieces} <= set(lines) and network["title"] in text and network["licence"] in text
    facts = read_provenance(obj)
    assert {facts["model_file"], facts["model_sha256"][:16]} <= set(lines) and facts["model_licence"] in text
    assert "their result as it is" in text and "hold for what is made with them" in text
    bpy.ops.ed.undo()
    assert heads() == []


@pytest.mark.usefixtures("flame_model")
def test_a_random_person_is_the_networks_with_truncation_and_mixed_seed(folder, chosen):
    chosen.paper_folder = str(folder)
    options = {"seed": 3, "method": "PAPER", "truncation": 0.8, "mix_seed": 4, "as_released": True, "texture_size": "512"}
    assert bpy.ops.likeness.generate(**options) == {"FINISHED"}
    obj = find_head(bpy.context)
    told = read_provenance(obj)["paper"]
    assert (obj.name, told["seed"], told["truncation"], told["mix_seed"]) == ("person_3", 3, 0.8, 4)
    assert told["faults"] == ["all"] and "stylegan2" in [network["kind"] for network in told["networks"]]
    assert bpy.ops.likeness.remove_head() == {"FINISHED"}


# --- what cannot be done --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "operator, options, said",
    [
        ("fit_photo", {}, r"^Error: No folder with the paper's files is chosen: .*preferences.*paper_folder\.$"),
        ("generate", {}, r"^Error: No folder with the paper's files is chosen"),
        ("fit_photo", {"paper_folder": "/nowhere"}, r"^Error: There is no folder /nowhere: give the one"),
        ("fit_photo", {"paper_folder": "EMPTY"}, r"^Error: A photo .* lacks: generic_model\.pkl \(FLAME.*deca_model\.tar"),
        ("generate", {"paper_folder": "EMPTY"}, r"^Error: Random people .* lacks: .*stylegan2_ffhq\.pt \("),
        ("fit_photo", {"others": "b.png", "paper_folder": "EMPTY"}, r"^Error: The paper's networks make a head of one photo: "),
    ],
)
def test_what_is_missing_is_one_sentence_before_a_worker_starts(operator, options, said, astronaut, empty, monkeypatch):
    monkeypatch.setattr(jobs_in_blender, "get_jobs", lambda: pytest.fail("a worker was started"))
    options = {name: empty if value == "EMPTY" else value for name, value in options.items()}
    photo = {"filepath": str(astronaut)} if operator == "fit_photo" else {}
    before = count_blocks()
    with pytest.raises(RuntimeError, match=said) as error:
        getattr(bpy.ops.likeness, operator)(**photo, **options, method="PAPER")
    assert "\n" not in str(error.value).strip() and count_blocks() == before


def test_without_torch_one_sentence_says_what_to_install_where(folder, astronaut, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    before = count_blocks()
    with pytest.raises(RuntimeError) as error:
        bpy.ops.likeness.fit_photo(filepath=str(astronaut), method="PAPER", paper_folder=str(folder))
    said = str(error.value).strip()
    assert f"{sys.executable} -m pip install torch" in said and "under Worker in Likeness' preferences" in said
    assert "\n" not in said and count_blocks() == before


def test_a_photo_without_the_choice_is_likeness_own_way_whatever_was_chosen_last(astronaut, chosen, empty):
    chosen.paper_folder = empty
    with pytest.raises(RuntimeError, match="A photo by the paper's networks"):
        bpy.ops.likeness.fit_photo(filepath=str(astronaut), method="PAPER")
    asked = ask(LIKENESS_OT_fit_photo, filepath=str(astronaut))
    assert asked[1] == "fit_photos" and bpy.ops.likeness.fit_photo.get_rna_type().properties["method"].is_skip_save


# --- through the row of jobs ----------------------------------------------------------------------------------------------------


@pytest.fixture
def row(monkeypatch) -> Iterator[Jobs]:
    jobs = Jobs(PlayedWorker)
    monkeypatch.setattr(jobs_in_blender, "_jobs", jobs)
    monkeypatch.setattr(jobs_in_blender, "TICK_S", 0.0)
    yield jobs
    jobs_in_blender.close_jobs()


def ask(operator: type, **given: Any) -> tuple[str, str, dict[str, Any]]:
    """What an operator with these properties, else their usual values, wants of the worker."""
    rna = getattr(bpy.ops.likeness, operator.bl_idname.partition(".")[2]).get_rna_type()
    usual = {prop.identifier: prop.default for prop in rna.properties if prop.identifier != "rna_type"}
    played = SimpleNamespace(**usual | given)
    for name in ("_tell_paper", "_paper_arguments"):
        if hasattr(operator, name):
            setattr(played, name, getattr(operator, name).__get__(played))
    return operator._request(played)


class Watching(jobs_in_blender.JobOperator):
    """The operator as the window runs it."""

    def __init__(self, job: Any) -> None:
        self._job, self.reports = job, []
        jobs_in_blender._watched[job.number] = jobs_in_blender.Watched(job, 0)

    def report(self, kinds: set[str], text: str) -> None:
        self.reports.append((kinds, text))


def window() -> SimpleNamespace:
    return SimpleNamespace(window_manager=bpy.context.window_manager, window=None, mode="OBJECT", workspace=None)


def test_the_worker_is_told_the_folder_and_how_far_to_go(folder, astronaut, row):
    told = ask(LIKENESS_OT_fit_photo, filepath=str(astronaut), method="PAPER", paper_folder=str(folder), faces="ALL")
    assert told == ("astronaut", "fit_photo_by_paper", {
        "photo": str(astronaut), "folder": str(folder), "faults": [], "refine": True, "face": None, "texture_size": 2048,
    })  # fmt: skip
    released = ask(LIKENESS_OT_fit_photo, filepath="a.png", method="PAPER", paper_folder=str(folder), as_released=True, face=2)[2]
    assert (released["refine"], released["faults"], released["face"]) == (False, ["all"], 0)
    row.submit(*told)
    row.poll()
    (request,) = [message for message in row.worker.asked if isinstance(message, Request)]
    assert (request.story, request.arguments) == told[1:]
    person = ask(LIKENESS_OT_generate, method="PAPER", paper_folder=str(folder), seed=7)
    assert person[1] == "generate_by_paper" and (person[2]["truncation"], person[2]["mix_seed"]) == (0.5, None)


@pytest.mark.parametrize("outcome", ["cancelled", "failed"])
def test_such_a_job_is_shown_cancelled_and_refused_as_the_others(folder, astronaut, row, outcome):
    before = count_blocks()
    job = row.submit(*ask(LIKENESS_OT_fit_photo, filepath=str(astronaut), method="PAPER", paper_folder=str(folder)))
    operator, context = Watching(job), window()
    row.poll()
    row.worker.says = [Step(job.number, Progress("Reading the face", 0.2))]
    operator.modal(context, TICK)
    state = bpy.context.window_manager.likeness_job
    assert [(item.name, item.stage) for item in state.row] == [("astronaut", "Reading the face")]
    if outcome == "cancelled":
        bpy.ops.likeness.cancel()
        assert isinstance(row.worker.asked[-1], Cancel)
        row.worker.says = [Cancelled(job.number)]
        assert operator.modal(context, TICK) == {"CANCELLED"}
        assert operator.reports == [({"INFO"}, "Cancelled: nothing was changed")]
    else:
        row.worker.says = [Failure(job.number, "The networks need PyTorch: install it.")]
        assert operator.modal(context, TICK) == {"CANCELLED"}
        assert operator.reports == [({"ERROR"}, "The networks need PyTorch: install it.")]
        assert state.error == "The networks need PyTorch: install it."
    assert count_blocks() == before and not state.is_running


# --- panels and preferences -----------------------------------------------------------------------------------------------------


class Layout:
    """Keeps the properties, the labels and the buttons that are drawn into it, whether they are enabled."""

    def __init__(self, parent: Layout | None = None) -> None:
        self.enabled, self.parent = True, parent
        self.told: list[tuple[str, Any, Layout]] = parent.told if parent else []

    def row(self, **_: Any) -> Layout:
        return Layout(self)

    column = box = row

    def prop(self, owner: Any, name: str, **_: Any) -> None:
        owner.bl_rna.properties[name]
        self.told.append(("prop", name, self))

    def label(self, text: str = "", **_: Any) -> None:
        self.told.append(("label", text, self))

    def operator(self, name: str, **_: Any) -> SimpleNamespace:
        button = SimpleNamespace(name=name)
        self.told.append(("operator", button, self))
        return button

    def template_icon(self, **_: Any) -> None:
        pass

    def is_enabled(self) -> bool:
        return self.enabled and (self.parent is None or self.parent.is_enabled())

    def of(self, kind: str) -> dict[str, bool]:
        return {thing: layout.is_enabled() for what, thing, layout in self.told if what == kind}


def wide_context() -> Any:
    """Blender's, as it is in a wide sidebar."""
    shown = {name: getattr(bpy.context, name) for name in ("scene", "window_manager", "view_layer", "mode")}
    active = bpy.context.view_layer.objects.active
    own = SimpleNamespace(addons=bpy.context.preferences.addons, system=SimpleNamespace(ui_scale=1.0))
    return SimpleNamespace(**shown, preferences=own, active_object=active, object=active, region=SimpleNamespace(width=2000))


def draw_panel(panel: type) -> Layout:
    played = SimpleNamespace(layout=Layout())
    for name, method in vars(panel).items():
        if name.startswith("_draw") and callable(method):
            setattr(played, name, method.__get__(played))
    panel.draw(played, wide_context())
    return played.layout


def drawn_lines(panel: type) -> list[str]:
    return list(draw_panel(panel).of("label"))


def test_the_choice_is_offered_only_where_a_folder_is_chosen(chosen, empty):
    settings = bpy.context.scene.likeness
    settings.method = "PAPER"
    layout = draw_panel(photos.LIKENESS_PT_photos)
    assert not {"method", "refine", "as_released", "truncation", "mix_seed"} & set(layout.of("prop"))
    assert all(getattr(thing, "method", "LIKENESS") == "LIKENESS" for kind, thing, _ in layout.told if kind == "operator")
    chosen.paper_folder = empty
    settings.method = "LIKENESS"
    shown = draw_panel(photos.LIKENESS_PT_photos).of("prop")
    assert "method" in shown and not {"refine", "truncation", "mix_seed"} & set(shown)
    settings.method = "PAPER"
    shown = draw_panel(photos.LIKENESS_PT_photos).of("prop")
    assert shown["refine"] and shown["truncation"] and not shown["mix_seed"]
    settings.as_released = settings.is_mixed = True
    shown = draw_panel(photos.LIKENESS_PT_photos).of("prop")
    assert not shown["refine"] and shown["mix_seed"]


def test_the_panels_buttons_carry_what_is_chosen(chosen, empty):
    chosen.paper_folder = empty
    settings = bpy.context.scene.likeness
    settings.method, settings.refine, settings.truncation, settings.mix_seed = "PAPER", False, 0.7, 9
    buttons = {thing.name: thing for kind, thing, _ in draw_panel(photos.LIKENESS_PT_photos).told if kind == "operator"}
    fit, person = buttons["likeness.fit_photo"], buttons["likeness.generate"]
    assert (fit.method, fit.refine, fit.as_released) == ("PAPER", False, False)
    assert (person.method, person.mix_seed) == ("PAPER", -1) and person.truncation == pytest.approx(0.7)
    settings.is_mixed = True
    buttons = {thing.name: thing for kind, thing, _ in draw_panel(photos.LIKENESS_PT_photos).told if kind == "operator"}
    assert buttons["likeness.generate"].mix_seed == 9


def test_a_head_of_likeness_own_has_no_panel_of_networks():
    from likeness.scene.head import create_head

    create_head(bpy.context, make_asset())
    assert find_head(bpy.context) is not None and not paper.LIKENESS_PT_networks.poll(bpy.context)


def test_the_preferences_list_what_is_there_and_what_is_missing(folder, chosen, empty):
    def listed(path: str) -> list[str]:
        chosen.paper_folder = path
        preferences.show_change(bpy.context)
        layout = Layout()
        preferences.LikenessPreferences._draw_paper(chosen, layout)
        return [thing for kind, thing, _ in layout.told if kind == "label"]

    lines = listed(str(folder))
    assert "deca_model.tar: shape, expression, pose, camera and light (needed)" in lines
    assert "mica.tar: the shape by face recognition" in lines
    assert "albedogan.pt is missing: the albedo of a random person" in lines and len(lines) == 10
    missing = [line for line in listed(empty) if "is missing" in line]
    assert len(missing) == 9 and missing[0] == "generic_model.pkl is missing: the head itself (needed)"
    (Path(empty) / "disp_GAN.pt").symlink_to(folder / "data" / "deca_model.tar")
    assert any(line.startswith("disp_GAN.pt does not hold what its name says") for line in listed(empty))
    assert listed("/nowhere") == ["There is no such folder: choose another"]
    assert len(listed("")) == 1
