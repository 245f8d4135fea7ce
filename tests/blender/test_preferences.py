"""The page in Blender's preferences and its buttons: what they do, and that nothing is written into the add-on's folder."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import likeness
import numpy as np
import pytest
from flame_file import write_flame_pickle
from likeness import preferences
from likeness.core import cache, model_files
from likeness.core.config import ASSETS_DIR, cache_dir
from likeness.core.head.model import load_model, save_model
from synthetic import make_model

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
EMBEDDED = ASSETS_DIR / "embedded_head.npz"
needs_assets = pytest.mark.skipif(not EMBEDDED.exists(), reason="needs `make assets`")


@pytest.fixture
def chosen(extension, tmp_path) -> Iterator[Any]:
    """The extension's preferences, with a models folder of the test's own."""
    addon = bpy.context.preferences.addons.new()
    addon.module = "likeness"
    addon.preferences.models_folder = str(tmp_path / "models")
    preferences.show_change(bpy.context)
    yield addon.preferences
    bpy.context.preferences.addons.remove(addon)
    preferences.show_change(bpy.context)


@pytest.fixture
def own_cache(monkeypatch, tmp_path) -> Path:
    """A cache folder of the test's own with something of ours and something that is not."""
    monkeypatch.setenv("LIKENESS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache" / "warp" / "1.19").mkdir(parents=True)
    (tmp_path / "cache" / "warp" / "1.19" / "kernel.o").write_bytes(b"x" * 1000)
    (tmp_path / "cache" / "diary.txt").write_text("not ours")
    preferences.show_change(bpy.context)
    return tmp_path / "cache"


class Recorder:
    """A layout that keeps what is drawn on it, and knows no more of a button than Blender's own layout does."""

    def __init__(self, lines: list[str] | None = None) -> None:
        self.lines = [] if lines is None else lines

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def record(*arguments: Any, **options: Any) -> Any:
            if name == "operator":
                bpy.ops.likeness.__getattr__(arguments[0].split(".")[1]).get_rna_type()
                self.lines.append(f"operator {arguments[0]}")
                return SimpleNamespace()
            if name == "prop":
                arguments[0].bl_rna.properties[arguments[1]]
                self.lines.append(f"property {arguments[1]}")
                return None
            if name == "label":
                self.lines.append(options["text"])
                return None
            return Recorder(self.lines)

        return record


def drawn() -> list[str]:
    page = SimpleNamespace(layout=Recorder())
    chosen = bpy.context.preferences.addons["likeness"].preferences
    for name in (*preferences.LikenessPreferences.__annotations__, "bl_rna"):
        setattr(page, name, getattr(chosen, name))
    for name, method in vars(preferences.LikenessPreferences).items():
        if name.startswith("_") and callable(method):
            setattr(page, name, method.__get__(page))
    preferences.LikenessPreferences.draw(page, bpy.context)
    return page.layout.lines


# Models


@needs_assets
def test_the_built_in_head_is_always_there_with_its_licence_and_its_hash_only_on_demand(chosen, monkeypatch):
    monkeypatch.setattr(model_files, "_inspected", {})
    before = drawn()
    assert any(line.startswith("Built-in head, 8.5 MB") for line in before)
    assert any(line.startswith("CC0-1.0") for line in before)
    assert not any("SHA-256" in line for line in before)
    assert bpy.ops.likeness.check_models() == {"FINISHED"}
    assert f"SHA-256 {hashlib.sha256(EMBEDDED.read_bytes()).hexdigest()}" in drawn()


@needs_assets
def test_drawing_reads_no_model(chosen, monkeypatch):
    (Path(chosen.models_folder)).mkdir()
    (Path(chosen.models_folder) / "mine.npz").write_bytes(EMBEDDED.read_bytes())
    preferences.licence_of(EMBEDDED)

    def fail(*arguments, **options):
        raise AssertionError("a model was read while drawing")

    for name in ("load_model", "inspect_model_file"):
        monkeypatch.setattr(model_files, name, fail)
    monkeypatch.setattr(np, "load", fail)
    assert any(line.startswith("mine.npz, 8.5 MB, not checked") for line in drawn())


@needs_assets
def test_every_file_of_the_models_folder_is_told_for_what_it_is(chosen):
    folder = Path(chosen.models_folder)
    folder.mkdir()
    (folder / "mine.npz").write_bytes(EMBEDDED.read_bytes())
    save_model(make_model(), folder / "other.npz")
    (folder / "half.npz").write_bytes(EMBEDDED.read_bytes()[:100_000])
    (folder / "generic_model.pkl").write_bytes(pickle.dumps({"v_template": 1}))
    (folder / "renamed.npz").write_bytes(pickle.dumps({"v_template": 1}, protocol=2))
    np.savez(folder / "converted.npz", v_template=np.zeros(3), shapedirs=np.zeros(3))
    write_flame_pickle(folder / "flame2020.pkl")
    (folder / "notes.txt").write_text("not listed")
    preferences.show_change(bpy.context)
    bpy.ops.likeness.check_models()
    lines = drawn()
    states = {
        line.split(",")[0]: line.split(", ")[-1]
        for line in lines
        if (line.count(",") == 2 and ".npz," in line) or ".pkl," in line
    }
    assert states == {
        "mine.npz": "usable",
        "other.npz": "other mesh",
        "half.npz": "unreadable",
        "generic_model.pkl": "unreadable",
        "renamed.npz": "unreadable",
        "converted.npz": "unreadable",
        "flame2020.pkl": "usable",
    }
    assert sum("holds no FLAME model" in line for line in lines) == 3
    assert lines.count("A FLAME file: photos can be fitted with it. Its first use makes it ready (half a minute).") == 1


@needs_assets
def test_nothing_in_a_pickle_is_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    (tmp_path / "model.npz").write_bytes(pickle.dumps(Trap()))
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(Trap(), protocol=0))
    for name in ("model.npz", "model.pkl"):
        assert model_files.inspect_model_file(tmp_path / name).state == "unreadable"
    np.savez(tmp_path / "array.npz", header=np.array([Trap()], dtype=object))
    assert model_files.inspect_model_file(tmp_path / "array.npz").state == "unreadable"
    assert not (tmp_path / "sprung").exists()


@needs_assets
def test_what_was_said_of_a_file_is_forgotten_when_it_changes(tmp_path):
    path = tmp_path / "mine.npz"
    path.write_bytes(EMBEDDED.read_bytes())
    assert model_files.inspect_model_file(path).state == "usable"
    assert model_files.recall_model_file(path)
    path.write_bytes(b"broken")
    assert model_files.recall_model_file(path) is None


@pytest.fixture
def offered(tmp_path) -> Path:
    """A model that lies somewhere else."""
    path = tmp_path / "downloads" / "mine.npz"
    path.parent.mkdir()
    path.write_bytes(EMBEDDED.read_bytes())
    return path


@needs_assets
def test_a_model_is_copied_once_its_licence_is_accepted(chosen, offered):
    with pytest.raises(RuntimeError, match=r"confirm that you may use it under its licence \(CC0-1\.0"):
        bpy.ops.likeness.import_model(filepath=str(offered))
    assert not Path(chosen.models_folder).exists()
    assert bpy.ops.likeness.import_model(filepath=str(offered), is_licence_accepted=True) == {"FINISHED"}
    made = Path(chosen.models_folder) / "mine.npz"
    assert made.read_bytes() == offered.read_bytes() and not made.is_symlink()
    assert [path.name for path in made.parent.iterdir()] == ["mine.npz"]
    with pytest.raises(RuntimeError, match="remove it first"):
        bpy.ops.likeness.import_model(filepath=str(offered), is_licence_accepted=True)


@needs_assets
def test_acceptance_is_not_remembered_for_the_next_model(chosen, offered):
    bpy.ops.likeness.import_model(filepath=str(offered), is_licence_accepted=True)
    other = offered.with_name("second.npz")
    other.write_bytes(offered.read_bytes())
    with pytest.raises(RuntimeError, match="confirm that you may use it"):
        bpy.ops.likeness.import_model(filepath=str(other))


@needs_assets
@pytest.mark.skipif(sys.platform == "win32", reason="links need a right of their own on Windows")
def test_a_linked_model_stays_where_it_is_and_removing_takes_only_the_link(chosen, offered):
    bpy.ops.likeness.import_model(filepath=str(offered), is_licence_accepted=True, is_link=True)
    made = Path(chosen.models_folder) / "mine.npz"
    assert made.is_symlink() and made.resolve() == offered.resolve()
    assert bpy.ops.likeness.remove_model(filename="mine.npz") == {"FINISHED"}
    assert not made.is_symlink() and offered.exists()


@needs_assets
@pytest.mark.parametrize(
    "name, content, sentence",
    [
        ("flame.pkl", pickle.dumps({}), "holds no FLAME model"),
        ("broken.npz", b"PK", "damaged, or no head model"),
    ],
)
def test_what_is_no_usable_model_is_not_imported_and_the_reason_is_one_sentence(chosen, tmp_path, name, content, sentence):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RuntimeError, match=sentence):
        bpy.ops.likeness.import_model(filepath=str(tmp_path / name), is_licence_accepted=True)
    assert not Path(chosen.models_folder).exists()


@needs_assets
def test_a_model_on_another_mesh_is_not_imported(chosen, tmp_path):
    save_model(make_model(), tmp_path / "other.npz")
    with pytest.raises(RuntimeError, match="no photo can be fitted with it"):
        bpy.ops.likeness.import_model(filepath=str(tmp_path / "other.npz"), is_licence_accepted=True)


def test_a_missing_file_is_one_sentence(chosen):
    with pytest.raises(RuntimeError, match=r"cannot be read .*: check the path"):
        bpy.ops.likeness.import_model(filepath="/nowhere/model.npz")


@needs_assets
@pytest.mark.parametrize("name", ["../downloads/mine.npz", "gone.npz", "", "/etc/hosts"])
def test_only_a_file_of_the_models_folder_can_be_removed(chosen, offered, name):
    Path(chosen.models_folder).mkdir()
    with pytest.raises(RuntimeError, match="The models folder holds no"):
        bpy.ops.likeness.remove_model(filename=name)
    assert offered.exists()


@needs_assets
def test_photos_are_fitted_with_the_model_that_is_used(chosen, offered, astronaut):
    from likeness.scene import head, provenance

    model = replace(load_model(EMBEDDED), name="Aunt Mary's", licence="hers alone")
    save_model(model, offered)
    bpy.ops.likeness.import_model(filepath=str(offered), is_licence_accepted=True)
    assert chosen.model == "" and preferences.chosen_model(bpy.context) == "embedded"
    assert bpy.ops.likeness.use_model(filename="mine.npz") == {"FINISHED"}
    bpy.ops.likeness.fit_photo(filepath=str(astronaut), texture_size="512")
    said = provenance.read_provenance(head.find_head(bpy.context))
    assert (said["model"], said["model_licence"]) == ("Aunt Mary's", "hers alone")
    bpy.ops.likeness.remove_model(filename="mine.npz")
    assert preferences.chosen_model(bpy.context) == "embedded"


@needs_assets
def test_a_model_that_cannot_be_used_is_not_chosen(chosen):
    Path(chosen.models_folder).mkdir()
    save_model(make_model(), Path(chosen.models_folder) / "other.npz")
    with pytest.raises(RuntimeError, match=r"is not used.*no photo can be fitted"):
        bpy.ops.likeness.use_model(filename="other.npz")
    assert chosen.model == ""


def test_without_an_add_on_the_buttons_say_why_they_cannot_run(extension):
    assert not bpy.ops.likeness.check_models.poll()
    with pytest.raises(RuntimeError, match="not enabled as an add-on"):
        bpy.ops.likeness.import_model(filepath="/nowhere.npz")


# The cache


def test_the_cache_is_measured_and_cleared_but_for_what_is_not_ours(chosen, own_cache):
    assert "Compiled kernels: 1 kB in 1 files" in drawn()
    assert cache.measure_cache() == cache.CacheSize(1, 1000)
    assert bpy.ops.likeness.clear_cache() == {"FINISHED"}
    assert [path.name for path in own_cache.iterdir()] == ["diary.txt"]
    assert "Compiled kernels: 0 kB in 0 files" in drawn()
    with pytest.raises(RuntimeError, match="Nothing is cached"):
        bpy.ops.likeness.clear_cache()


def test_a_folder_that_is_linked_into_the_cache_is_not_cleared(chosen, own_cache, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kernel.o").touch()
    (own_cache / "warp").rename(own_cache / "old")
    (own_cache / "warp").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RuntimeError, match="Nothing is cached"):
        bpy.ops.likeness.clear_cache()
    assert cache.clear_cache() == cache.CacheSize(0, 0)
    assert (tmp_path / "elsewhere" / "kernel.o").exists()


def test_the_cache_is_not_cleared_under_a_running_job(chosen, own_cache):
    bpy.context.window_manager.likeness_job.is_running = True
    try:
        with pytest.raises(RuntimeError, match="wait for it, or cancel it"):
            bpy.ops.likeness.clear_cache()
    finally:
        bpy.context.window_manager.likeness_job.is_running = False
    assert (own_cache / "warp" / "1.19" / "kernel.o").exists()


def test_what_is_cached_lies_in_the_folders_that_are_cleared():
    """Whoever writes into the cache names a folder of cache.FOLDERS. (A developer's calibration takes hours: it stays.)"""
    sources = [path for room in ("core", "scene", "operators", "bulk", "worker") for path in (ROOT / room).rglob("*.py")]
    text = "\n".join(path.read_text() for path in sources if path.name != "cache.py" and path.parent.name != "calibration")
    assert set(re.findall(r"cache_dir\(\) / (\S+)", text)) == {f'"{name}"' for name in cache.FOLDERS}


# The page


def test_the_page_draws_what_works_today(chosen, own_cache):
    lines = drawn()
    assert any("Blender 5" in line or "Blender 4" in line for line in lines)
    assert {"property models_folder", "property worker_python", "property device", "property use_pie_menu"} <= set(lines)
    assert "property clip_file" in lines
    assert any("needs torch and open_clip_torch in the worker's Python" in line for line in lines)
    assert "operator likeness.clear_cache" in lines and "operator likeness.import_model" in lines
    assert "property language" not in lines, "it is Blender's"


def test_every_preference_has_a_description(extension):
    for name, prop in preferences.LikenessPreferences.bl_rna.properties.items():
        if name in preferences.LikenessPreferences.__annotations__:
            assert len(prop.description) > 20, name


def test_without_a_chosen_folder_models_lie_in_blenders_user_folder(tmp_path):
    answer = as_extension(
        tmp_path,
        "import importlib; folder_of = importlib.import_module(MODULE + '.preferences').models_folder",
        "before = str(folder_of(bpy.context))",
        "answer = [before, os.path.exists(before), str(folder_of(bpy.context, is_made=True)), os.path.isdir(before)]",
    )
    folder = str(tmp_path / "profile" / "extensions" / ".user" / "workshop" / "likeness" / "models")
    assert answer == [folder, False, folder, True]


# Nothing is written into the add-on's folder

START = """
import json, os, sys
import bpy
import addon_utils
profile, folder = sys.argv[1:]
repository = os.path.join(profile, "workshop")
os.makedirs(repository)
os.symlink(folder, os.path.join(repository, "likeness"))
bpy.context.preferences.extensions.repos.new(name="workshop", module="workshop", custom_directory=repository, remote_url="")
MODULE = "bl_ext.workshop.likeness"
assert addon_utils.enable(MODULE, default_set=True)
"""


def as_extension(folder: Path, *lines: str, package: Path = ROOT) -> Any:
    """Run lines with the package enabled as an extension in an empty profile; returns `answer`. Nothing may come on stderr.

    Its cache is a copy of the real one, so that nothing is compiled anew and the real one is not cleared.
    """
    (folder / "profile").mkdir()
    if (cache_dir() / "warp").exists():
        shutil.copytree(cache_dir() / "warp", folder / "cache" / "warp")
    script = START + "\n".join(lines) + '\nprint("\\nANSWER", json.dumps(answer))'
    environment = os.environ | {"BLENDER_USER_RESOURCES": str(folder / "profile"), "LIKENESS_CACHE": str(folder / "cache")}
    command = [sys.executable, "-B", "-c", script, folder / "profile", package]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout.rpartition("ANSWER ")[2].splitlines()[0])


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file and folder with its size and time of change."""
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in (folder, *folder.rglob("*"))}


def copy_package(folder: Path) -> Path:
    """The package as a zip has it, where nobody else changes it."""
    rooms = [path.parent for path in ROOT.glob("*/__init__.py") if path.parent.name != "tests"]
    folder.mkdir()
    for path in [*rooms, ROOT / "assets", ROOT / "data", ROOT / "presets"]:
        shutil.copytree(path, folder / path.name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in [*ROOT.glob("*.py"), ROOT / "blender_manifest.toml"]:
        shutil.copy(path, folder)
    return folder


@needs_assets
@pytest.mark.slow
def test_nothing_is_ever_written_into_the_add_ons_folder(tmp_path, astronaut):
    """Fit, export, generate and every button of the preferences. (Python's own bytecode, which is Blender's choice, is off.)"""
    package = copy_package(tmp_path / "likeness")
    before = stamps(package)
    model, out = tmp_path / "mine.npz", tmp_path / "out"
    model.write_bytes(EMBEDDED.read_bytes())
    out.mkdir()
    answer = as_extension(
        tmp_path,
        f"answer = [bpy.ops.likeness.fit_photo(filepath={str(astronaut)!r}, texture_size='512')]",
        f"export = lambda end: bpy.ops.likeness.export_head(filepath={str(out)!r} + '/me.' + end, format=end)",
        "answer += [export(end) for end in ('glb', 'npz', 'blend')]",
        "answer += [bpy.ops.likeness.generate(seed=1, texture_size='512')]",
        f"answer += [bpy.ops.likeness.import_model(filepath={str(model)!r}, is_licence_accepted=True)]",
        "answer += [bpy.ops.likeness.check_models(), bpy.ops.likeness.remove_model(filename='mine.npz')]",
        "answer += [bpy.ops.likeness.clear_cache()]",
        "answer = [sorted(said) for said in answer]",
        package=package,
    )
    assert answer == [["FINISHED"]] * 9
    assert stamps(package) == before
    assert sorted(path.name for path in out.iterdir()) == ["me.blend", "me.glb", "me.npz"]


def test_cache_dir_is_outside_the_package():
    assert not cache_dir().is_relative_to(Path(likeness.__file__).resolve().parent)
