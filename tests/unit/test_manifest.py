"""Blender's rules for extensions, and ours."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest
from likeness.core.config import VERSION

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = tomllib.loads((ROOT / "blender_manifest.toml").read_text())
LOCK = {line.split()[1] for line in (ROOT / "wheels" / "extension.lock").read_text().splitlines()}
ROOMS = ("bulk", "core", "operators", "panels", "scene", "tests", "worker")
PYTHONS = ("cp311", "cp313", "cp314")
PLATFORM_TAGS = {"linux-x64": "manylinux", "windows-x64": "win_amd64", "macos-arm64": "macosx"}


def blender_ext() -> Path:
    return next(Path(sysconfig.get_path("purelib"), "bpy").glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py"))


def test_identity():
    assert MANIFEST["id"] == "likeness"
    assert MANIFEST["license"] == ["SPDX:GPL-3.0-or-later"]
    assert MANIFEST["blender_version_min"] == "4.2.0"
    assert MANIFEST["version"] == VERSION


def test_the_licence_text_is_there():
    text = (ROOT / "LICENSE").read_text()
    assert "GNU GENERAL PUBLIC LICENSE" in text
    assert "Version 3, 29 June 2007" in text


def test_texts_fit_into_64_characters_without_a_full_stop():
    texts = [MANIFEST["tagline"], *MANIFEST["permissions"].values()]
    assert all(len(text) <= 64 and not text.endswith(".") for text in texts)


def test_only_files_are_asked_for():
    assert set(MANIFEST["permissions"]) == {"files"}


def test_wheels_are_those_of_the_lock_file():
    assert {Path(wheel).name for wheel in MANIFEST["wheels"]} == LOCK


def test_numpy_and_torch_are_never_bundled():
    assert not [wheel for wheel in LOCK if wheel.startswith(("numpy", "torch", "scipy", "opencv"))]


@pytest.mark.parametrize("platform", MANIFEST["platforms"])
def test_every_platform_has_every_wheel_for_every_python(platform):
    mine = [wheel for wheel in LOCK if PLATFORM_TAGS[platform] in wheel]
    for python in PYTHONS:
        assert [w for w in mine if w.startswith("pillow-") and f"-{python}-" in w], (platform, python)
        assert [w for w in mine if w.startswith("pillow_heif-") and f"-{python}-" in w], (platform, python)
    assert len([w for w in mine if w.startswith("warp_lang-") and "-py3-none-" in w]) == 1


def test_pins_of_the_extension_and_of_the_environment_agree():
    pins = dict(line.split("==") for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line)
    locked = {wheel.split("-")[0].replace("_", "-"): wheel.split("-")[1] for wheel in LOCK}
    assert {name: pins[name] for name in locked} == locked


def test_blender_accepts_the_manifest():
    command = [sys.executable, str(blender_ext()), "validate", str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> list[str]:
    """Names of the files in a zip built from this tree, with empty files in the place of wheels and assets."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, source)
        elif path.name in ROOMS:
            shutil.copytree(path, source / path.name)
    (source / "wheels").mkdir()
    for wheel in [*LOCK, "fetch.py", "build.lock"]:
        (source / "wheels" / wheel).touch()
    for folder in ("assets", ".git", ".venv", ".cache", "out", "docs"):
        (source / folder).mkdir(exist_ok=True)
        (source / folder / "something.npz").touch()
    where = ["--source-dir", str(source), "--output-dir", str(out), "--split-platforms"]
    done = subprocess.run([sys.executable, str(blender_ext()), "build", *where], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    zips = sorted(out.glob("*.zip"))
    assert len(zips) == len(MANIFEST["platforms"])
    return zipfile.ZipFile(next(path for path in zips if "linux" in path.name)).namelist()


def test_the_zip_holds_the_program_and_its_assets(built):
    needed = ["__init__.py", "batch.py", "LICENSE", "blender_manifest.toml", "assets/something.npz"]
    needed += [path.relative_to(ROOT).as_posix() for room in ROOMS if room != "tests" for path in (ROOT / room).rglob("*.py")]
    assert [name for name in needed if name not in built] == []


def test_the_zip_holds_nothing_of_the_workshop(built):
    folders = ("tests/", "out/", "docs/", "dist/", ".")
    files = ("wheels/fetch.py", "wheels/build.lock", "Makefile", "pyproject.toml", "requirements.lock", "demo.py")
    assert not [name for name in built if name.startswith((*folders, *files)) or "__pycache__" in name]
