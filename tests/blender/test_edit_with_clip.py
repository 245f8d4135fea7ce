"""Editing a head by words with CLIP in the scene: at once, through the worker, undone, cancelled, refused, never half done."""

from __future__ import annotations

import re
import sys
import types
from types import SimpleNamespace

import bpy
import numpy as np
import pytest

torch = pytest.importorskip("torch")
from clip_stand_in import TinyClip, write_clip_file  # noqa: E402
from likeness import preferences  # noqa: E402
from likeness.core import generation  # noqa: E402
from likeness.core.clip import model as clip_model  # noqa: E402
from likeness.core.config import ASSETS_DIR  # noqa: E402
from likeness.core.head.library import get_model  # noqa: E402
from likeness.core.identity.locks import lock_field  # noqa: E402
from likeness.core.pipeline import run  # noqa: E402
from likeness.operators import job as jobs_in_blender  # noqa: E402
from likeness.operators import job_pictures  # noqa: E402
from likeness.operators.edit_with_clip import EditsWithClip  # noqa: E402
from likeness.panels import words as words_panel  # noqa: E402
from likeness.scene import clip, expression, identity, skin, words  # noqa: E402
from likeness.scene.head import HEAD, create_head, is_head, read_head, remove_head, texture_images  # noqa: E402
from likeness.scene.mesh import read_vertices  # noqa: E402
from likeness.scene.provenance import read_provenance  # noqa: E402
from likeness.worker.jobs import Jobs  # noqa: E402
from likeness.worker.stories import STORIES  # noqa: E402
from likeness.worker.wire import Decoder, Result, Step, encode_message  # noqa: E402
from played_worker import PlayedWorker  # noqa: E402
from synthetic import make_asset  # noqa: E402

pytestmark = [
    pytest.mark.usefixtures("extension"),
    pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`"),
]
WORDS = "an angry old man"
KINDS = ("shape", "skin", "expression")
TICK = SimpleNamespace(type="TIMER", value="NOTHING")
ESCAPE = SimpleNamespace(type="ESC", value="PRESS")


@pytest.fixture(scope="module")
def asset():
    return run(generation.generate_head(5, texture_size=128))


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> str:
    return str(write_clip_file(tmp_path_factory.mktemp("clip") / "clip.safetensors"))


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    """open_clip is there, and every file of CLIP's weights is the stand-in."""
    monkeypatch.setitem(sys.modules, "open_clip", types.ModuleType("open_clip"))
    monkeypatch.setattr(clip_model, "get_clip", lambda path: TinyClip())


@pytest.fixture
def obj(extension, asset):
    made = create_head(bpy.context, asset)
    expression.set_keys(made, {"jawOpen": 0.2, "browInnerUp": 0.5})
    return made


def head_now() -> bpy.types.Object:
    return next(o for o in bpy.data.objects if is_head(o))


def edit(weights: str, **settings) -> set[str]:
    given = {"words": WORDS, "steps": 3, "clip_file": weights} | settings
    return bpy.ops.likeness.edit_with_clip("EXEC_DEFAULT", True, **given)


def state(obj: bpy.types.Object) -> dict:
    """All that an edit may change, bit for bit."""
    images = {key: (image.name, bytes(image.packed_file.data)) for key, image in texture_images(obj).items()}
    stored = obj[HEAD].to_dict()
    shape = (read_vertices(obj.data).tobytes(), stored["joints"], stored["landmarks7"], stored["identity"])
    return {"shape": shape, "expression": expression.read_keys(obj), "skin": (images, stored["skin_linear_rgb"])}


def changed(before: dict, after: dict) -> list[str]:
    return [kind for kind in KINDS if before[kind] != after[kind]]


def test_a_head_comes_nearer_to_the_words_and_tells_what_moved(obj, weights):
    before = state(obj)
    assert edit(weights, steps=25) == {"FINISHED"}
    assert changed(before, state(obj)) == list(KINDS)
    told = words.last_edit(obj)
    assert told["loss_after"] < told["loss_before"] - 0.05
    assert (told["words"], told["steps"], told["by"]) == (WORDS, 25, "CLIP")
    assert told["understood"][0].startswith("identity by ")
    assert re.fullmatch(r"[a-z0-9 ,()]+ -?[\d.]+ -> -?[\d.]+( mm| years)?", told["understood"][1]), "a trait"
    assert any(sentence.startswith("expression ") for sentence in told["understood"])
    assert read_provenance(obj)["words"] == [told]
    assert not bpy.data.orphans_purge() or all(image.users for image in bpy.data.images)


def test_the_scene_becomes_what_core_makes_of_the_same_head(obj, weights):
    from likeness.core.clip.apply import apply_edit
    from likeness.core.clip.edit_head import edit_head

    arguments = clip.edit_arguments(obj, clip.MASKS, ())
    shown = read_head(obj)
    shown = type(shown)(**vars(shown) | {"expression": arguments["asset"].expression, "pose": arguments["asset"].pose})
    expected = apply_edit(shown, run(edit_head(WORDS, shown, get_model(), TinyClip(), steps=3)), get_model())
    edit(weights)
    made = read_head(obj)
    assert np.abs(made.vertices - expected.vertices).max() < 2e-6
    assert made.identity == pytest.approx(expected.identity, abs=1e-6)
    assert np.abs(made.joints - expected.joints).max() < 2e-6
    for name in shown.textures:
        assert np.array_equal(made.textures[name].pixels, expected.textures[name].pixels), name
    assert made.skin_linear_rgb == pytest.approx(expected.skin_linear_rgb)
    assert expression.read_keys(obj) == pytest.approx(expected.expression, abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_what_may_not_change_keeps_its_bits(obj, weights, kind):
    before = state(obj)
    edit(weights, **{f"changes_{other}": other == kind for other in KINDS})
    assert changed(before, state(obj)) == [kind]


def test_locked_parts_stay_while_the_rest_moves(obj, weights):
    obj.likeness_identity.lock_nose = obj.likeness_identity.lock_eyes = True
    held = lock_field(get_model(), frozenset({"nose", "eyes"}))
    before, nose = read_vertices(obj.data), obj.likeness_identity.nose_width
    edit(weights, changes_skin=False, changes_expression=False)
    moved = np.linalg.norm(read_vertices(obj.data) - before, axis=1)
    assert moved[held >= 1].max() < 1e-7
    assert moved[held == 0].max() > 1e-4
    assert obj.likeness_identity.nose_width == pytest.approx(nose, abs=0.01)


def test_an_edit_is_one_step_that_undo_and_redo_bring_back_exactly(obj, weights):
    bpy.ops.ed.undo_push(message="a head")
    before = state(obj)
    edit(weights)
    after = state(head_now())
    assert changed(before, after) == list(KINDS)
    bpy.ops.ed.undo()
    assert state(head_now()) == before
    assert words.last_edit(head_now()) is None
    bpy.ops.ed.redo()
    assert state(head_now()) == after
    assert words.last_edit(head_now())["words"] == WORDS


def test_an_edited_head_survives_saving_and_loading(obj, weights, tmp_path):
    edit(weights)
    before, told = state(obj), words.last_edit(obj)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "clip.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "clip.blend"))
    assert state(head_now()) == before
    assert words.last_edit(head_now()) == told


def test_sliders_history_and_the_lexicon_go_on_from_the_edited_head(obj, weights):
    edit(weights, changes_expression=False)
    edited = state(obj)
    assert identity.can_step(obj, -1)
    identity.step_history(obj, -1)
    assert state(obj)["shape"] != edited["shape"]
    identity.step_history(obj, 1)
    assert state(obj)["shape"][0] == edited["shape"][0]
    coloured = read_head(obj).textures["albedo"].pixels.astype(int)
    bpy.ops.likeness.edit_with_words(words="freckles 0.9", changes_shape=False)
    restyled = read_head(obj).textures["albedo"].pixels.astype(int)
    assert 0 < np.abs(restyled - coloured).mean() < 12, "the next skin is made from CLIP's"


def test_what_was_sculpted_and_turned_by_hand_stays(obj, weights):
    for key in obj.data.shape_keys.key_blocks:
        key.data[100].co.x += 0.01
    obj.data.vertices[100].co.x += 0.01
    obj.parent.pose.bones["neck"].rotation_mode = "XYZ"
    obj.parent.pose.bones["neck"].rotation_euler.z = 0.3
    before = read_vertices(obj.data)[100].copy()
    edit(weights)
    assert np.linalg.norm(read_vertices(obj.data)[100] - before) < 0.005
    assert obj.parent.pose.bones["neck"].rotation_euler.z == pytest.approx(0.3)


def test_the_same_seed_finds_the_same_change_and_no_strength_changes_nothing(obj, weights):
    bpy.ops.ed.undo_push(message="a head")
    edit(weights)
    one = state(head_now())
    bpy.ops.ed.undo()
    edit(weights)
    assert state(head_now())["shape"] == one["shape"]
    bpy.ops.ed.undo()
    edit(weights, seed=3)
    assert state(head_now())["shape"] != one["shape"]
    bpy.ops.ed.undo()
    before = state(head_now())
    edit(weights, strength=0.0)
    assert changed(before, state(head_now())) == []


# Refusals


def refuse(weights: str, match: str, **settings) -> None:
    obj = head_now()
    before = state(obj)
    with pytest.raises(RuntimeError, match=match) as caught:
        edit(weights, **settings)
    assert len(str(caught.value).strip().splitlines()) == 1
    assert changed(before, state(obj)) == []
    assert words.last_edit(obj) is None


def test_what_is_no_clip_or_not_there_is_one_sentence(obj, weights, tmp_path):
    from likeness.core.checkpoints import write_safetensors

    write_safetensors(tmp_path / "other.safetensors", {"visual.conv1.weight": np.zeros((3, 3), np.float32)})
    (tmp_path / "notes.txt").write_text("no weights")
    refuse(str(tmp_path / "other.safetensors"), "holds no CLIP with a vision transformer")
    refuse(str(tmp_path / "notes.txt"), "notes.txt")
    refuse(str(tmp_path / "gone.safetensors"), "There is no CLIP file")
    refuse("", "No file of CLIP's weights is chosen")


@pytest.mark.parametrize("lacking", ["torch", "open_clip"])
def test_a_python_without_the_parts_says_what_to_install_where(obj, weights, monkeypatch, lacking):
    monkeypatch.setitem(sys.modules, lacking, None)
    name = {"torch": "torch", "open_clip": "open_clip_torch"}[lacking]
    refuse(weights, f"needs {name}, which .* lacks: run {sys.executable} -m pip install {name}, or choose another Python")


def test_words_for_nothing_and_nothing_that_may_change_are_one_sentence(obj, weights):
    refuse(weights, "No words were given", words=" ")
    refuse(weights, "Nothing may change", changes_shape=False, changes_skin=False, changes_expression=False)
    bpy.ops.object.mode_set(mode="SCULPT")
    refuse(weights, "Leave this mode first")
    bpy.ops.object.mode_set(mode="OBJECT")


def test_a_head_of_another_model_is_refused_in_a_sentence(extension, weights):
    create_head(bpy.context, make_asset())
    refuse(weights, "made with another model .*, which CLIP cannot move", changes_shape=False)


def test_without_a_head_the_button_says_so(extension):
    assert not bpy.ops.likeness.edit_with_clip.poll()


# A head on FLAME's mesh


@pytest.fixture(scope="module")
def flame_asset(flame_file, flame_cache):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIKENESS_CACHE", str(flame_cache))
        return run(generation.generate_head(4, model=str(flame_file), texture_size=128))


def test_a_head_on_flames_mesh_is_edited_with_its_own_models_people(flame_asset, flame_model, weights):
    obj = create_head(bpy.context, flame_asset)
    obj.likeness_identity.lock_nose = True
    worn = get_model(flame_model).worn
    held, before, was = lock_field(worn, frozenset({"nose"})), state(obj), read_vertices(obj.data)
    assert edit(weights) == {"FINISHED"}
    assert changed(before, state(obj)) == list(KINDS)
    moved = np.linalg.norm(read_vertices(obj.data) - was, axis=1)
    assert moved[held >= 1].max() < 1e-7
    assert moved[held == 0].max() > 1e-4
    assert np.abs(read_head(obj).joints - worn.joint_regressor @ read_vertices(obj.data)).max() < 1e-5
    assert words.last_edit(obj)["loss_after"] < words.last_edit(obj)["loss_before"]


def test_without_its_models_file_a_flame_head_is_refused_in_a_sentence(flame_asset, monkeypatch, tmp_path, weights):
    create_head(bpy.context, flame_asset)
    monkeypatch.setenv("LIKENESS_CACHE", str(tmp_path))
    refuse(weights, r"FLAME file \(generic_model.pkl\) is not known here", changes_shape=False)


# Through the worker


class Played(EditsWithClip):
    """The operator without Blender's part."""

    words, strength, steps, seed = WORDS, 1.0, 3, 0
    changes_shape = changes_skin = changes_expression = True

    def __init__(self, weights: str, jobs: Jobs) -> None:
        self.clip_file, self.reports = weights, []
        self._job = jobs.submit(*self._request())
        jobs_in_blender._watched[self._job.number] = jobs_in_blender.Watched(self._job, 0)

    def report(self, kinds: set[str], text: str) -> None:
        self.reports.append((kinds, text))


def travel(message):
    """What comes out of a pipe."""
    (arrived,) = Decoder().feed(b"".join(map(bytes, encode_message(message))))
    return arrived


@pytest.fixture
def jobs(monkeypatch):
    jobs = Jobs(PlayedWorker)
    monkeypatch.setattr(jobs_in_blender, "_jobs", jobs)
    monkeypatch.setattr(jobs_in_blender, "TICK_S", 0.0)
    yield jobs
    jobs_in_blender.close_jobs()


@pytest.fixture
def window(extension):
    """Blender's context, its window played."""
    return SimpleNamespace(window_manager=bpy.context.window_manager, window=None, mode="OBJECT", workspace=None)


def work(jobs: Jobs, operator: Played, window, steps: int) -> tuple:
    """The worker does so many steps of the request as it arrived: the rest of the story, and the row as it is shown."""
    operator.modal(window, TICK)
    request = travel(jobs.worker.asked[-1])
    story = STORIES[request.story](**request.arguments)
    for _ in range(steps):
        jobs.worker.says.append(travel(Step(request.job, next(story))))
    operator.modal(window, TICK)
    return story, [(item.name, item.stage, item.picture) for item in window.window_manager.likeness_job.row]


def finish(jobs: Jobs, operator: Played, window, story) -> set[str]:
    jobs.worker.says.append(travel(Result(operator._job.number, run(story))))
    for _ in range(12):
        if (outcome := operator.modal(window, TICK)) != {"PASS_THROUGH"}:
            return outcome
    raise AssertionError("it does not end")


def test_the_worker_shows_the_head_on_its_way_and_the_scene_changes_at_the_end(obj, weights, jobs, window):
    before, operator = state(obj), Played(weights, jobs)
    story, row = work(jobs, operator, window, 4)
    assert row[0][0] == f"{obj.name} by words"
    assert row[0][1].startswith("Moving the head towards the words: loss ")
    shown = np.empty(128 * 128 * 4, np.float32)
    preview = job_pictures._previews[str(operator._job.number)]
    preview.image_pixels_float.foreach_get(shown)
    assert row[0][2] == preview.icon_id
    assert tuple(preview.image_size) == (128, 128)
    assert np.ptp(shown.reshape(-1, 4)[:, :3]) > 0.3
    assert state(obj) == before
    assert finish(jobs, operator, window, story) == {"FINISHED"}
    assert changed(before, state(obj)) == list(KINDS)
    assert operator.reports[0][0] == {"INFO"}
    assert job_pictures._previews is None, "the pictures are given back"


def test_the_worker_finds_what_the_process_itself_finds(obj, weights, jobs, window):
    bpy.ops.ed.undo_push(message="a head")
    edit(weights)
    expected = state(head_now())
    bpy.ops.ed.undo()
    operator = Played(weights, jobs)
    finish(jobs, operator, window, work(jobs, operator, window, 1)[0])
    found = state(head_now())
    assert (found["shape"], found["expression"]) == (expected["shape"], expected["expression"])


def test_cancelling_leaves_the_scene_and_everything_else_untouched(obj, weights, jobs, window):
    before, images = state(obj), set(bpy.data.images)
    operator = Played(weights, jobs)
    story, _ = work(jobs, operator, window, 4)
    assert operator.modal(window, ESCAPE) == {"CANCELLED"}
    story.close()
    assert operator.reports == [({"INFO"}, "Cancelled: nothing was changed")]
    assert state(obj) == before
    assert words.last_edit(obj) is None
    assert set(bpy.data.images) == images
    assert job_pictures._previews is None
    assert not jobs_in_blender.is_watching()


CHANGES = {
    "moved": lambda obj: identity.set_trait(obj, "jaw_width", obj.likeness_identity.jaw_width + 3),
    "locked": lambda obj: setattr(obj.likeness_identity, "lock_jaw", True),
    "smiled": lambda obj: setattr(obj.data.shape_keys.key_blocks["mouthSmileLeft"], "value", 0.7),
    "painted": lambda obj: skin.put_on(obj, run(STORIES["restyle"](**skin.restyle_arguments(obj, {"melanin": 5.0})))),
    "painted over": lambda obj: texture_images(obj)["albedo"].pixels.foreach_set(np.zeros(128 * 128 * 4, np.float32)),
    "removed": remove_head,
}


@pytest.mark.parametrize("when", ["while it works", "while it is put on"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_head_that_changed_meanwhile_is_left_alone_in_a_sentence(obj, weights, jobs, window, change, when):
    operator = Played(weights, jobs)
    story, _ = work(jobs, operator, window, 1)
    if when == "while it works":
        CHANGES[change](obj)
        outcome = finish(jobs, operator, window, story)
    else:
        jobs.worker.says.append(travel(Result(operator._job.number, run(story))))
        while not bpy.data.images.get(f"{obj.name} edited albedo"):
            operator.modal(window, TICK)
        CHANGES[change](obj)
        outcome = operator.modal(window, TICK)
    assert outcome == {"CANCELLED"}
    assert operator.reports == [
        ({"ERROR"}, "The head was changed or removed meanwhile: nothing was done. Apply the words again.")
    ]
    assert not [image for image in bpy.data.images if "edited" in image.name]
    if change != "removed":
        assert words.last_edit(obj) is None


# The choice


@pytest.fixture
def chosen(extension):
    addon = bpy.context.preferences.addons.new()
    addon.module = "likeness"
    yield addon.preferences
    bpy.context.preferences.addons.remove(addon)


def test_the_preference_takes_a_clip_and_refuses_what_is_none_at_once(chosen, weights, tmp_path):
    (tmp_path / "notes.txt").write_text("no weights")
    chosen.clip_file = str(tmp_path / "notes.txt")
    assert "notes.txt" in chosen.clip_refusal
    assert preferences.chosen_clip(bpy.context) == ""
    chosen.clip_file = weights
    assert chosen.clip_refusal == ""
    assert preferences.chosen_clip(bpy.context) == weights
    chosen.clip_file = ""
    assert preferences.chosen_clip(bpy.context) == ""


def test_the_preferences_file_is_what_the_operator_takes(obj, chosen, weights):
    chosen.clip_file = weights
    assert edit("") == {"FINISHED"}


class Layout:
    """Keeps what is drawn into it."""

    def __init__(self, drawn: list[tuple[str, str]]) -> None:
        self.drawn = drawn

    def __getattr__(self, name: str):
        def draw(*arguments, **options):
            if name in ("prop", "operator", "label", "template_icon"):
                self.drawn.append((name, options.get("text") or (arguments[-1] if arguments else "")))
            return SimpleNamespace() if name == "operator" else Layout(self.drawn)

        return draw


def draw_panel() -> list[tuple[str, str]]:
    drawn: list[tuple[str, str]] = []
    panel = SimpleNamespace(layout=Layout(drawn))
    for name, method in vars(words_panel.LIKENESS_PT_words).items():
        if name.startswith("_draw"):
            setattr(panel, name, method.__get__(panel))
    names = ("scene", "window_manager", "view_layer")
    addons, system = bpy.context.preferences.addons, SimpleNamespace(ui_scale=1.0)
    shown = SimpleNamespace(
        region=SimpleNamespace(width=800), preferences=SimpleNamespace(addons=addons, system=system),
        **{name: getattr(bpy.context, name) for name in names},
    )  # fmt: skip
    words_panel.LIKENESS_PT_words.draw(panel, shown)
    return drawn


def test_the_panel_offers_clip_only_where_a_file_is_chosen(obj, chosen, weights):
    assert ("prop", "words_way") not in (without := draw_panel())
    assert ("operator", "Any words, with CLIP: choose its file") in without
    chosen.clip_file = weights
    drawn = draw_panel()
    assert ("prop", "words_way") in drawn
    assert ("prop", "clip_steps") not in drawn
    bpy.context.scene.likeness.words_way = "CLIP"
    assert ("prop", "clip_steps") in draw_panel()


def test_the_panel_tells_how_near_clip_came_and_what_moved(obj, chosen, weights):
    edit(weights, steps=8)
    told, drawn = words.last_edit(obj), [text for _, text in draw_panel()]
    assert f"Loss {told['loss_before']:.3f} -> {told['loss_after']:.3f} in 8 steps" in drawn
    assert told["understood"][0] in drawn
    for kind in ("expression", "tint"):
        moved = [sentence for sentence in told["understood"] if sentence.startswith(kind)]
        assert [text for text in drawn if str(text).startswith(kind)] == moved[:3]
        assert len(moved) > 3
