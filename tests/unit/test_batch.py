"""batch.py: what it takes, what it writes, how it exits, what it leaves behind."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from likeness.bulk import command_line, workers
from likeness.bulk.fit import FitOptions
from likeness.bulk.inputs import Task, UsageError, list_tasks, name_outputs
from likeness.core.config import ASSETS_DIR
from likeness.core.errors import ExportError
from likeness.core.staging import PREFIX, staged

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "batch.py"
needs_assets = pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`")


def run(*arguments: object) -> int:
    return command_line.run([str(argument) for argument in arguments], SCRIPT)


def report(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "report.jsonl").read_text().splitlines()]


@pytest.fixture
def photos(tmp_path, astronaut) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("b.PNG", "a.jpg", "notes.md"):
        (folder / name).write_bytes(astronaut.read_bytes())
    return folder


def test_a_folder_gives_its_photos_in_order(photos):
    assert [Path(task.photo).name for task in list_tasks([str(photos)])] == ["a.jpg", "b.PNG"]


def test_a_pattern_gives_its_matches(photos):
    assert [Path(task.photo).name for task in list_tasks([str(photos / "*.jpg")])] == ["a.jpg"]


@pytest.mark.parametrize(
    "name, text",
    [
        ("list.txt", "# mine\na.jpg\n\nb.PNG\n"),
        ("list.csv", "id,photo\n1,a.jpg\n2,b.PNG\n"),
        ("bare.csv", "a.jpg\nb.PNG\n"),
        ("list.jsonl", '{"photo": "a.jpg"}\n{"path": "b.PNG"}\n'),
    ],
)
def test_a_list_gives_its_photos_from_its_own_folder(photos, name, text):
    (photos / name).write_text(text)
    assert [task.photo for task in list_tasks([str(photos / name)])] == [str(photos / "a.jpg"), str(photos / "b.PNG")]


@pytest.mark.parametrize("entry", ["empty", "*.tiff", "empty.txt", "bad.jsonl", "none.csv"])
def test_an_input_that_names_no_photo_is_a_usage_error(tmp_path, entry):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "bad.jsonl").write_text("{oh\n")
    with pytest.raises(UsageError, match=r"[:;] "):
        list_tasks([str(tmp_path / entry)])


def test_photos_of_one_name_get_outputs_of_different_names():
    tasks = name_outputs(["x/me.jpg", "y/me.png", "y/Me.png", "me_2.jpg"])
    assert [task.stem for task in tasks] == ["me", "me_2", "Me_3", "me_2_2"]


@pytest.mark.parametrize(
    "arguments",
    [[], ["fit"], ["fit", "a.jpg"], ["generate"], ["fit", "a.jpg", "--out", "o", "--export", "docx"],
     ["fit", "a.jpg", "--out", "o", "--jobs", "0"], ["fit", "a.jpg", "--out", "o", "--face", "first"]],
)  # fmt: skip
def test_a_command_that_cannot_be_followed_exits_1(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        run(*arguments)
    assert end.value.code == 1
    assert "usage:" in capsys.readouterr().err


@pytest.mark.usefixtures("quick_pipeline", "context")
class TestFit:
    def test_every_photo_gets_its_files_and_a_line(self, photos, tmp_path, capsys):
        out = tmp_path / "out"
        assert run("fit", photos, "--out", out, "--export", "npz") == 0
        lines = report(out)
        assert [line["ok"] for line in lines] == [True, True]
        assert [line["outputs"] for line in lines] == [[str(out / "a.npz")], [str(out / "b.npz")]]
        assert all(line["times_s"]["total"] > 0 and line["sha256"] and 0 <= line["confidence"] <= 1 for line in lines)
        assert lines[0]["warnings"] == ["The face is small."]
        assert "vertices" in np.load(out / "a.npz").files
        assert "2 of 2 photos" in capsys.readouterr().out

    def test_nothing_but_results_is_left(self, photos, tmp_path):
        out = tmp_path / "out"
        run("fit", photos, "--out", out, "--export", "npz,blend")
        assert sorted(path.name for path in out.iterdir()) == ["a.blend", "a.npz", "b.blend", "b.npz", "report.jsonl"]

    def test_a_failed_photo_is_a_sentence_and_exit_2(self, photos, tmp_path, capsys):
        out = tmp_path / "out"
        assert run("fit", photos / "a.jpg", photos / "gone.jpg", "--out", out, "--export", "npz") == 2
        good, bad = report(out)
        assert good["ok"]
        assert not bad["ok"]
        assert bad["error"].startswith("There is no photo")
        assert bad["outputs"] == []
        assert "There is no photo" in capsys.readouterr().err

    def test_all_faces_make_a_head_each_and_one_line(self, photos, tmp_path):
        out = tmp_path / "out"
        assert run("fit", photos / "a.jpg", "--out", out, "--export", "npz", "--face", "all") == 0
        (line,) = report(out)
        assert [head["name"] for head in line["heads"]] == ["a_face1", "a_face2"]
        assert len(line["outputs"]) == 2

    def test_older_results_are_replaced(self, photos, tmp_path):
        out = tmp_path / "out"
        out.mkdir()
        (out / "a.npz").write_text("old")
        (out / "report.jsonl").write_text("old")
        run("fit", photos / "a.jpg", "--out", out, "--export", "npz")
        assert "vertices" in np.load(out / "a.npz").files
        assert len(report(out)) == 1

    def test_older_results_stay_when_the_new_one_fails(self, photos, tmp_path, monkeypatch):
        from likeness.core import export_npz

        out = tmp_path / "out"
        run("fit", photos / "a.jpg", "--out", out, "--export", "npz")
        before = (out / "a.npz").read_bytes()

        def fail(asset, path):
            Path(path).write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(export_npz, "export_npz", fail)
        assert run("fit", photos / "a.jpg", "--out", out, "--export", "npz") == 2
        assert (out / "a.npz").read_bytes() == before
        assert "disk is full" in report(out)[0]["error"]
        assert sorted(path.name for path in out.iterdir()) == ["a.npz", "report.jsonl"]

    def test_an_output_folder_that_cannot_be_is_one_sentence_and_exit_1(self, photos, tmp_path, capsys):
        (tmp_path / "file").write_text("x")
        assert run("fit", photos, "--out", tmp_path / "file" / "out", "--export", "npz") == 1
        error = capsys.readouterr().err
        assert "choose another folder" in error
        assert error.count("\n") == 1
        assert (tmp_path / "file").read_text() == "x"

    def test_info_describes_what_was_written(self, photos, tmp_path, capsys):
        out = tmp_path / "out"
        run("fit", photos / "a.jpg", "--out", out, "--export", "npz,glb,blend")
        capsys.readouterr()
        for name, word in (("a.npz", "vertices: "), ("a.glb", "morph targets"), ("a.blend", "shape keys")):
            assert run("info", out / name) == 0
            assert word in capsys.readouterr().out

    def test_ctrl_c_leaves_whole_files_only(self, photos, tmp_path, monkeypatch):
        from likeness.core import export_npz

        out = tmp_path / "out"

        def interrupt(asset, path):
            Path(path).write_bytes(b"half")
            raise KeyboardInterrupt

        monkeypatch.setattr(export_npz, "export_npz", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run("fit", photos, "--out", out, "--export", "npz")
        assert [path.name for path in out.iterdir()] == ["report.jsonl"]
        assert report(out) == []

    def test_a_stop_that_blender_swallowed_is_heard_after_the_stage(self, photos, tmp_path, monkeypatch):
        from likeness.bulk import interruption

        out = tmp_path / "out"
        monkeypatch.setattr(interruption, "stop_codes", [143])
        with pytest.raises(SystemExit) as end:
            run("fit", photos, "--out", out, "--export", "npz,glb")
        assert end.value.code == 143
        assert [path.name for path in out.iterdir()] == ["report.jsonl"]

    @pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
    def test_ctrl_c_between_two_files_of_a_photo_waits_for_the_second(self, photos, tmp_path, monkeypatch):
        out, replace = tmp_path / "out", os.replace

        def interrupt(source, target):
            replace(source, target)
            if Path(target) == out / "a.glb":
                signal.raise_signal(signal.SIGINT)

        monkeypatch.setattr(os, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run("fit", photos, "--out", out, "--export", "npz,glb")
        assert sorted(path.name for path in out.iterdir()) == ["a.glb", "a.npz", "report.jsonl"]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("name", ["nothing.npz", "readme.md", "broken.npz", "broken.glb"])
def test_info_of_what_is_not_ours_is_one_sentence_and_exit_1(tmp_path, name, capsys):
    for broken in ("broken.npz", "broken.glb", "readme.md"):
        (tmp_path / broken).write_bytes(b"nothing of ours, but long enough for a header")
    assert run("info", tmp_path / name) == 1
    error = capsys.readouterr().err
    assert ": " in error
    assert "Traceback" not in error


@needs_assets
@pytest.mark.parametrize("size", [512, 1024])
def test_the_texture_is_as_large_as_asked(size, tmp_path, astronaut):
    assert run("fit", astronaut, "--out", tmp_path, "--export", "npz", "--texture-size", size) == 0
    with np.load(tmp_path / "astronaut.npz") as data:
        assert data["albedo"].shape == (size, size, 3)
        assert {"roughness", "specular", "subsurface"} <= set(data.files)


def test_staged_files_appear_together_or_not_at_all(tmp_path):
    with staged(tmp_path / "new") as folder:
        (folder / "one").write_text("1")
        (folder / "two").write_text("2")
        assert not (tmp_path / "new" / "one").exists()
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["one", "two"]

    def write_and_fail() -> None:
        with staged(tmp_path / "new") as folder:
            (folder / "three").write_text("3")
            raise OSError(errno.EROFS, "Read-only file system")

    with pytest.raises(ExportError, match="read-only: choose another folder"):
        write_and_fail()
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["one", "two"]


CHILD = """
import os, sys, time
import likeness.bulk.workers as workers
def fit_to_files(task, options, on_progress=None):
    print("noise on standard output")
    os.write(1, b"noise of a library\\n")
    if task.photo == "die":
        import tempfile
        from likeness.core.staging import PREFIX
        tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=options.out)
        os._exit(7)
    time.sleep(float(task.photo) if task.photo[0].isdigit() else 0)
    return {"input": task.photo, "ok": True, "threads": os.environ["OMP_NUM_THREADS"], "pid": os.getpid()}
workers.fit_to_files = fit_to_files
sys.exit(workers.work())
"""


@pytest.fixture
def child(tmp_path) -> Path:
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    return script


def answers(child: Path, photos: list[str], num_jobs: int) -> list[dict]:
    tasks = [Task(photo, photo) for photo in photos]
    return list(workers.fit_in_children(tasks, FitOptions(str(child.parent), ("npz",)), num_jobs, child))


def test_children_answer_every_task_and_share_the_work(child):
    lines = answers(child, ["0.3", "a", "0.3", "b", "c"], 2)
    assert sorted(line["input"] for line in lines) == ["0.3", "0.3", "a", "b", "c"]
    assert len({line["pid"] for line in lines}) == 2


def test_a_child_that_dies_costs_one_photo_and_leaves_nothing(child):
    lines = {line["input"]: line for line in answers(child, ["die", "a", "b"], 1)}
    assert "ended with code 7" in lines["die"]["error"]
    assert lines["a"]["ok"]
    assert lines["b"]["ok"]
    assert [path.name for path in child.parent.iterdir()] == [child.name]


def test_closing_early_ends_the_children(child):
    tasks = [Task(photo, photo) for photo in ("a", "30", "30")]
    lines = workers.fit_in_children(tasks, FitOptions("out", ("npz",)), 2, child)
    next(lines)
    started = time.perf_counter()
    lines.close()
    assert time.perf_counter() - started < 8


@needs_assets
def test_the_command_line_works_as_a_program(tmp_path, astronaut):
    out = tmp_path / "out"
    command = [sys.executable, str(SCRIPT), "fit", str(astronaut), "gone.jpg", "--out", str(out), "--export", "blend,glb,npz"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    good, bad = report(out)
    assert good["ok"]
    assert good["confidence"] > 0.5
    assert good["sha256"] == hashlib.sha256(astronaut.read_bytes()).hexdigest()
    assert bad["error"] == "The photo gone.jpg does not exist: check the path."
    assert bad["error"] in done.stderr
    assert "1 of 2 photos" in done.stdout
    words = {"astronaut.blend": "head astronaut", "astronaut.glb": "52 morph targets", "astronaut.npz": "vertices: "}
    assert {path.name for path in out.iterdir()} == {*words, "report.jsonl"}
    for name, word in words.items():
        info = subprocess.run([sys.executable, str(SCRIPT), "info", str(out / name)], capture_output=True, text=True)
        assert info.returncode == 0, info.stderr
        assert word in info.stdout


@needs_assets
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("num_jobs", [1, 2])
def test_sigterm_while_a_head_is_written_keeps_the_older_files_whole(num_jobs, tmp_path, astronaut):
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    out.mkdir()
    older = {f"{number}.{suffix}": f"older {number}" for number in range(num_jobs) for suffix in ("npz", "blend")}
    for name, text in older.items():
        (out / name).write_text(text)
    for number in range(num_jobs):
        (photos / f"{number}.png").write_bytes(astronaut.read_bytes())
    options = ["--out", str(out), "--export", "npz,blend", "--jobs", str(num_jobs)]
    process = subprocess.Popen([sys.executable, str(SCRIPT), "fit", str(photos), *options])
    deadline = time.monotonic() + 120
    while not (half := list(out.glob(f"{PREFIX}*/*.npz"))) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert half, "no head was being written when the signal was sent"
    assert process.wait(30) == 128 + signal.SIGTERM
    assert {path.name for path in out.iterdir()} == {*older, "report.jsonl"}
    assert {name: (out / name).read_text() for name in older} == older
    assert report(out) == []


STOPPED_UNDER_A_CALLBACK = """
import os, runpy, signal, sys
import bpy

@bpy.app.handlers.persistent
def stop(*_):
    os.kill(os.getpid(), number)

bpy.app.handlers.load_post.append(stop)
number, sys.argv = int(sys.argv[1]), sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@needs_assets
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("delay_s", [0.3, 0.9, 1.6])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_at_any_moment_of_an_fbx_export_leaves_whole_files_only(number, delay_s, tmp_path, astronaut):
    """The .npz is staged first; what follows is an empty scene, the head in it, and the .fbx."""
    command = [sys.executable, str(SCRIPT), "fit", str(astronaut), "--out", str(tmp_path), "--export", "npz,fbx"]
    older = {"astronaut.npz": "older", "astronaut.fbx": "older"}
    for name, text in older.items():
        (tmp_path / name).write_text(text)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (half := list(tmp_path.glob(f"{PREFIX}*/*.npz"))) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(delay_s)
    process.send_signal(number)
    code = process.wait(30)
    assert half, "no head was being written when the signal was sent"
    assert {path.name for path in tmp_path.iterdir()} == {*older, "report.jsonl"}
    if code == 128 + number:
        assert {name: (tmp_path / name).read_text() for name in older} == older
        assert report(tmp_path) == []
    else:
        assert (code, len(report(tmp_path))) == (0, 1), "it was faster than the signal"


@needs_assets
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_under_a_callback_of_blender_leaves_whole_files_only(number, tmp_path, astronaut):
    out = tmp_path / "out"
    started = [sys.executable, "-c", STOPPED_UNDER_A_CALLBACK, str(int(number)), str(SCRIPT)]
    command = [*started, "fit", str(astronaut), "--out", str(out), "--export", "npz,blend"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 128 + number, done.stderr
    assert [path.name for path in out.iterdir()] == ["report.jsonl"]
    assert report(out) == []
