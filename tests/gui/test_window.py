"""In a real Blender with its window (`make test-gui`): what a person presses, and what must not happen meanwhile.

LIKENESS_GUI names the folder of setup_gui_blender.sh, LIKENESS_ZIP the built extension; pictures and facts land in
out/gui/<Blender>/<scenario>. Look at the pictures.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLENDER, ZIP = os.environ.get("LIKENESS_GUI"), os.environ.get("LIKENESS_ZIP")
SHOT = Path(os.environ.get("LIKENESS_SHARED", ROOT.parent / "shared")) / "tools" / "gui_shot.sh"
pytestmark = pytest.mark.skipif(not (BLENDER and ZIP), reason="needs a Blender with a window: `make test-gui`")
MOST_GAP_S = MOST_CANCEL_S = 0.5
HEAD = {"astronaut", "astronaut rig", "astronaut camera"}


@pytest.fixture(scope="session")
def out() -> Path:
    folder = ROOT / "out" / "gui" / Path(BLENDER).name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(scope="session")
def photo(tmp_path_factory) -> Path:
    import skimage

    return Path(shutil.copy(Path(skimage.__file__).parent / "data" / "astronaut.png", tmp_path_factory.mktemp("photos")))


@pytest.fixture(scope="session")
def play(out, photo, tmp_path_factory):
    """Scenario's name -> its facts; the extension is installed from its zip before the first one."""
    profile, is_installed = tmp_path_factory.mktemp("profile"), []

    def run(name: str, timeout_s: int = 900, **more: str) -> dict:
        folder = out / name
        folder.mkdir()
        environment = os.environ | {
            "LIKENESS_GUI_PHOTO": str(photo), "PROFILE": str(profile), "TIMEOUT": str(timeout_s), "SETTLE": "0.5",
            "GUI_BIND": str(ROOT), "XDG_CACHE_HOME": str(ROOT / ".cache" / "gui" / "cache"), **more,
        }  # fmt: skip
        if not is_installed:
            environment["EXT"] = str(Path(ZIP).resolve())
        command = [str(SHOT), BLENDER, str(Path(__file__).parent / "scenarios" / f"{name}.py"), str(folder / "last.png")]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=timeout_s + 120)
        (folder / "log.txt").write_text(done.stdout + done.stderr)
        assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
        is_installed.append(True)
        assert "Traceback" not in done.stdout + done.stderr
        return json.loads((folder / "last.json").read_text())

    return run


def describe(gaps: list[tuple[float, float]]) -> str:
    seconds = [gap for gap, _ in gaps]
    return f"median {statistics.median(seconds):.2f}, 90 % {seconds[int(0.9 * len(gaps))]:.2f}, longest {seconds[-1]:.2f} s"


def test_smoke_a_click_makes_a_head_and_the_window_goes_on(play):
    facts = play("smoke")
    assert facts["clicked"]
    assert facts["error"] == ""
    assert set(facts["made"]) >= HEAD | set(facts["before"])
    assert facts["undone"] == facts["before"]
    assert facts["redone"] == facts["made"] == facts["reloaded"]
    assert facts["can_export"]
    assert facts["shown"] == "TEXTURE"
    assert facts["facing"] > 0.8
    assert "Python" in facts["worker"]
    print(f"\nhead after {facts['seconds']:.1f} s")


def test_the_window_is_drawn_while_heads_are_made(play):
    facts = play("gaps")
    assert facts["made"] == 9
    print(f"\nredraws, idle: {describe(facts['gaps_idle'])}")
    for seconds, gaps in zip(facts["seconds"], facts["gaps"], strict=True):
        print(f"from Generate to the head, {seconds:.1f} s: {describe(gaps)}")
    assert max(gaps[-1][0] for gaps in facts["gaps"]) <= MOST_GAP_S


def test_cancel_is_immediate_and_changes_nothing(play):
    facts = play("cancel")
    print("\nto idle: " + ", ".join(f"{what} {seconds:.2f} s" for what, seconds in facts["cancel_s"].items()))
    assert max(facts["cancel_s"].values()) <= MOST_CANCEL_S
    assert facts["is_untouched"]
    assert facts["is_same_worker"]
    assert facts["row"] == ["astronaut", "Person 5", "Person 6"]
    assert facts["next_seed"] == 7
    assert {"astronaut.001", "person_6"} <= set(facts["made"])
    assert "person_5" not in facts["made"]


def test_a_killed_worker_is_one_sentence_and_the_next_job_works(play):
    facts = play("killed", 1500)
    print("\nkilled at: " + ", ".join(facts["stages"]))
    assert all(error.startswith("The worker process ended") for error in facts["errors"])
    assert len(facts["errors"]) == 10
    assert facts["is_untouched"]
    assert (facts["error_after"], facts["num_heads"], facts["processes"]) == ("", 1, 1)


def test_disabling_in_the_middle_leaves_nothing_behind(play):
    facts = play("disable")
    assert facts["after"] == facts["without"]
    assert facts["is_untouched"]
    assert (facts["error"], facts["num_heads"]) == ("", 1)
    assert facts["counts_after"] == facts["counts_before"]
    print(f"\nenable {statistics.median(facts['enable_s']):.3f} s; 50 times more: {facts['growth_mb']:.1f} MB")


def test_whatever_else_a_person_does_meanwhile_nothing_is_lost_and_the_next_head_is_made(play):
    facts = play("elsewhere", 1200)
    assert (facts["mode"], facts["made_in_edit_mode"]) == ("EDIT_MESH", False)
    assert facts["made_elsewhere"]
    assert facts["status_left"] == []
    assert not facts["running_after_close"]
    assert facts["windows"] == 1
    assert facts["untouched_after_close"]
    assert len(facts["made_after_close"]) == 9
    assert facts["shown"] == 1
    assert facts["left"] == []
    assert facts["moved"] == 0
    assert facts["is_view_back"]
    assert facts["made_after_correction"]
    assert not facts["running_after_loading"]
    assert facts["untouched_after_loading"]
    assert facts["made_after_loading"] == 9
    assert facts["processes"] == 1
    assert not any(facts[f"error_{when}"] for when in ("elsewhere", "after_close", "after_correction", "after_loading"))


def test_a_chin_pulled_with_the_mouse_moves_the_head_and_paints_it_anew(play):
    facts = play("correct")
    assert facts["started"] == ["RUNNING_MODAL"]
    assert facts["moved_mm"] > 2
    assert facts["settings_back"]
    assert facts["view_change"] < 1e-4
    assert facts["is_painting"]
    assert facts["error"] == ""
    assert facts["started_again_mm"] < 1e-4, "starting again moves nothing"
    assert facts["again_mm"] > 0.3
    assert facts["chin_off_px"] < 0.6, "an earlier point holds"
    assert (facts["given_up_mm"] < 1e-4, facts["pins_kept"]) == (True, True)
    assert facts["let_go_mm"] < 1e-2
    assert facts["pins_left"] == 0
    assert facts["undone_mm"] < 1e-4


def test_a_dragged_slider_moves_the_mesh_and_is_one_step_to_undo(play):
    facts = play("slider")
    age, after = facts["age"]
    assert after > age + 5
    assert facts["moved_mm"] > 0.2
    assert (facts["undone"], facts["undone_mm"]) == (pytest.approx(age, abs=1e-3), pytest.approx(0, abs=1e-4))
    print(f"\n{facts['changes']} changes in the drag, median {facts['median_ms']:.1f} ms")


def test_dropped_photos_become_heads_and_of_several_it_is_asked(play):
    facts = play("drop")
    assert any(".png" in extensions and ".heic" in extensions for extensions in facts["takes"])
    assert facts["started"] == ["one"]
    assert facts["is_asked"]
    assert facts["error"] == ""
    assert sum(name.endswith("rig") for name in facts["made"]) == 1


def test_a_skin_slider_paints_once_it_rests_and_sliders_and_textures_always_agree(play):
    facts = play("skin")
    before, painted = facts["before"], facts["painted"]
    assert facts["asked"][0] > before[0] + 0.1
    assert facts["asked"][1:] == before[1:]
    assert painted[0] == facts["asked"][0]
    assert painted[2] == [painted[3]] != before[2]
    assert (facts["undone"], facts["redone"]) == (before, painted)
    assert facts["superseded"] == "cancelled"
    assert facts["newest"][1] == pytest.approx(0.8, abs=1e-3)
    assert facts["escaped"] == facts["newest"]
    assert (facts["waiting"], facts["left"], facts["error"]) == (0, 0, "")
    assert facts["reset"] == before
    first, warm = facts["seconds"]
    print(f"\npainted after {first:.1f} s, warm {warm:.1f} s (2048 texels)")
    print(f"redraws, idle: {describe(facts['gaps_idle'])}; with two changes: {describe(facts['gaps'])}")


def test_words_change_shape_skin_and_face_in_one_step_and_can_be_adjusted(play):
    facts = play("words")
    assert [one != other for one, other in zip(facts["before"], facts["edited"], strict=True)] == [True] * 4
    assert facts["meanwhile"] == facts["before"]
    assert facts["undone"] == facts["before"]
    assert facts["redone"] == facts["edited"]
    assert facts["adjustable"] == "LIKENESS_OT_edit_with_words"
    assert facts["adjusted"][0] == pytest.approx((facts["before"][0] + facts["edited"][0]) / 2, abs=0.05)
    assert facts["adjusted"][1] == pytest.approx((facts["before"][1] + facts["edited"][1]) / 2, abs=0.05)
    assert facts["before"][2] < facts["adjusted"][2] < facts["edited"][2]
    assert facts["adjusted_back"] == facts["before"]
    assert facts["escaped"] == facts["before"]
    assert facts["waiting"] == 0
    assert not facts["has_warp"]
    print(f"\nredraws, idle: {describe(facts['gaps_idle'])}; with words: {describe(facts['gaps'])}")


def test_clip_shows_the_head_on_its_way_and_ends_in_one_step(play):
    """LIKENESS_GUI_CLIP: a file of CLIP's weights, also random ones; LIKENESS_GUI_CLIP_PYTHON: a Python with torch and open_clip
    that runs beside this Blender."""
    if not {"LIKENESS_GUI_CLIP", "LIKENESS_GUI_CLIP_PYTHON"} <= os.environ.keys():
        pytest.skip("needs LIKENESS_GUI_CLIP and LIKENESS_GUI_CLIP_PYTHON")
    facts = play("clip")
    assert facts["refusal"] == facts["error"] == ""
    assert facts["lacking"].startswith("Editing with CLIP needs ") and "-m pip install" in facts["lacking"]
    assert facts["before"] == facts["after_lacking"] == facts["meanwhile"] == facts["undone"]
    assert [one != other for one, other in zip(facts["before"], facts["edited"], strict=True)] == [True] * 3
    assert facts["redone"] == facts["edited"] == facts["escaped"]
    assert facts["seconds_of_escape"] < 2 * MOST_CANCEL_S
    assert facts["loaded"] == []
    print(f"\n{facts['seconds']:.0f} s; redraws: {describe(facts['gaps'])}")


def test_a_flame_file_is_imported_and_its_heads_are_flames(play, flame_file):
    facts = play("flame", LIKENESS_GUI_FLAME=str(flame_file))
    assert "confirm that you may use it under its licence" in facts["refused"]
    assert facts["model"] == "generic_model.pkl"
    assert facts["error"] == ""
    assert set(facts["made"]) >= HEAD
    assert facts["undone"]
    look = facts["look"]
    assert look["vertices"] > 5023
    assert set(look["keys"]) >= {"jawOpen", "mouthSmileLeft", "tongueOut", "Exp001", "Exp100"}
    assert set(look["bones"]) >= {"root", "neck", "jaw", "left_eye", "right_eye"}
    assert facts["reloaded"] == look


def test_a_head_on_flames_mesh_moves_by_sliders_and_its_file_is_made_ready_by_a_button(play, flame_file):
    facts = play("flame_identity", LIKENESS_GUI_FLAME=str(flame_file))
    traits = facts["traits"]
    assert (traits["chin_height"], traits["ear_length"]) == pytest.approx((44, 68), abs=0.5)
    assert traits["age"] == pytest.approx(70, abs=2)
    assert facts["started"] == facts["made_ready"] == ["RUNNING_MODAL"]
    assert (facts["error"], facts["ready"]) == ("", 1)
    assert facts["moved"] == pytest.approx(3, abs=0.05)
    print(f"\none change of a slider, median {facts['median_ms']:.0f} ms")


def test_the_sidebar_speaks_blenders_language(play):
    facts = play("languages")
    if not facts["locales"]:
        pytest.skip("this Blender was set up without its languages")
    assert facts["said"]["de_DE"] == ["Kopf erzeugen", "Ausdruck", "Einen Kopf auswählen, den Likeness gemacht hat"]
    assert facts["said"]["ja_JP"][:2] == ["頭部を生成", "表情"]
    assert facts["said"]["zh_HANS"][:2] == ["生成头部", "表情"]
    assert len({tuple(said) for said in facts["said"].values()}) == 6
    assert facts["said"]["zh_HANT"] == facts["disabled"] == facts["english"]
    assert facts["enabled"] == facts["said"]["ja_JP"]


def test_variants_are_drawn_beside_the_window_and_nothing_of_warp_comes_into_blender(play):
    facts = play("variants")
    print(f"\nsheet after {facts['seconds']:.1f} s: {describe(facts['gaps'])}")
    assert facts["gaps"][-1][0] <= MOST_GAP_S
    assert facts["is_untouched"]
    assert (facts["is_as_it_is"], facts["seed"]) == (True, 5)
    assert not facts["is_dialog_open"]
    assert facts["loaded"] == []
    assert facts["error"] == facts["left"] == ""


def test_a_long_capture_is_read_and_written_while_the_window_is_drawn(play):
    facts = play("capture", 1200)
    print(f"\nredraws, idle: {describe(facts['gaps_idle'])}; {facts['seconds']:.1f} s of a capture: {describe(facts['gaps'])}")
    assert (facts["short"], len(facts["short_keys"])) == (["FINISHED"], 2)
    assert {"Reading the capture", "Writing the keys"} <= set(facts["stages"])
    assert facts["gaps"][-1][0] <= MOST_GAP_S
    assert facts["keys"] == [1, 7201]
    assert facts["undone"] == facts["escaped"] == []
    assert facts["actions"] == 0
    assert facts["error"] == facts["left"] == ""
