"""The built extension in an empty profile: it needs nothing beside its own wheels, and when it goes, all of it goes.

Blender is here the Python module, in an environment that holds bpy and numpy and nothing else. `make test-extension`
builds what is tested.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from likeness.core.config import VERSION

HERE = Path(__file__).resolve().parent
REPOSITORY = Path(os.environ.get("LIKENESS_REPOSITORY", "/nowhere")).resolve()
BLENDER_EXT = next(Path(sysconfig.get_path("purelib"), "bpy").glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py"))
PACKAGES = ["pillow", "pillow_heif", "threadpoolctl", "warp_lang"]
NEWER = "999.0.0"
BLENDERS_OWN = (".cache/compat.dat", "likeness/.blender_ext/index.json")
"""What Blender itself keeps of any repository."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (REPOSITORY / "index.json").exists(), reason="needs a built repository: make test-extension"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the zip for Linux is tested"),
]


def linux_zip() -> Path:
    return REPOSITORY / f"likeness-{VERSION}-linux_x64.zip"


@dataclass(frozen=True)
class Place:
    """A Blender of its own: Python with bpy and numpy, an empty profile, an empty home."""

    folder: Path

    def run(self, *step: object) -> dict[str, Any]:
        """One step of in_blender.py in a process of its own; nothing of this environment reaches it."""
        environment = {
            "PATH": os.defpath,
            "HOME": str(self.folder / "home"),
            "BLENDER_USER_RESOURCES": str(self.folder / "profile"),
            "OMP_NUM_THREADS": "1",
        }
        command = [self.folder / "python" / "bin" / "python", "-I", "-B", HERE / "in_blender.py", *step]
        done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def files(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()}


def make_place(folder: Path) -> Place:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "python"], check=True)
    site = next((folder / "python" / "lib").glob("python3.*")) / "site-packages"
    for package in ("bpy", "numpy", "numpy.libs"):
        (site / package).symlink_to(Path(sysconfig.get_path("purelib")) / package)
    (folder / "home").mkdir()
    (folder / "profile").mkdir()
    return Place(folder)


@pytest.fixture(scope="module")
def used(tmp_path_factory, astronaut) -> dict[str, Any]:
    """What in_blender.use says, and the place."""
    place = make_place(tmp_path_factory.mktemp("used"))
    (place.folder / "out").mkdir()
    return place.run("use", linux_zip(), astronaut, place.folder / "out") | {"place": place}


def test_before_the_zip_is_installed_there_is_nothing_but_numpy(used):
    assert {name for name, origin in used["before"].items() if origin} == {"numpy"}


def test_the_zip_makes_heads_with_nothing_but_its_own_wheels(used):
    assert used["installed"] == ["FINISHED"]
    assert used["made"] == [["FINISHED"]] * 4
    assert used["packages"] == PACKAGES
    own = {name for name, origin in used["imported"].items() if origin.startswith(used["site"])}
    assert {"PIL", "warp", "threadpoolctl"} <= own
    assert set(used["imported"]) - own == {"numpy"}
    folder = used["place"].folder
    others = [p for p in used["path"] if "site-packages" in p and not p.startswith((used["site"], str(folder / "python")))]
    assert others == []


def test_the_heads_are_whole(used):
    out = used["place"].folder / "out"
    assert (out / "photo.glb").stat().st_size > 1_000_000
    with np.load(out / "random.npz") as head:
        assert head["vertices"].shape[0] > 5000
        assert np.isfinite(head["vertices"]).all()
        assert head["albedo"].std() > 5


def test_beside_the_profile_only_the_documented_cache_is_written(used):
    ours = {name for name in used["place"].files() if name.startswith("home/")}
    assert ours
    assert [name for name in ours if not name.startswith("home/.cache/likeness/")] == []


@pytest.fixture(scope="module")
def lived(tmp_path_factory) -> dict[str, Any]:
    """What in_blender.live says of a repository that has this version first and a newer one later."""
    place = make_place(tmp_path_factory.mktemp("lived"))
    repository, newer = place.folder / "repository", place.folder / "newer"
    repository.mkdir()
    newer.mkdir()
    shutil.copy(REPOSITORY / "index.json", repository)
    shutil.copy(linux_zip(), repository)
    write_newer_zip(linux_zip(), newer / f"likeness-{NEWER}-linux_x64.zip")
    subprocess.run([sys.executable, BLENDER_EXT, "server-generate", "--repo-dir", newer], check=True, stdout=subprocess.DEVNULL)
    (newer / f"likeness-{NEWER}-linux_x64.zip").rename(repository / f"likeness-{NEWER}-linux_x64.zip")
    return place.run("live", repository, newer / "index.json")


def write_newer_zip(path: Path, target: Path) -> None:
    """The same zip with a higher version."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as made:
        for name in source.namelist():
            content = source.read(name)
            if name == "blender_manifest.toml":
                content = content.replace(f'version = "{VERSION}"'.encode(), f'version = "{NEWER}"'.encode(), 1)
            made.writestr(name, content)


def test_the_repository_lists_a_zip_for_every_platform():
    index = json.loads((REPOSITORY / "index.json").read_text())["data"]
    assert {entry["version"] for entry in index} == {VERSION}
    assert {platform for entry in index for platform in entry["platforms"]} == {"linux-x64", "windows-x64", "macos-arm64"}
    assert all((REPOSITORY / entry["archive_url"]).stat().st_size == entry["archive_size"] for entry in index)
    assert all(entry["python_versions"] == ["3.11", "3.13", "3.14"] for entry in index)


def test_it_is_installed_and_upgraded_from_the_repository(lived):
    assert lived["installed"]["version"] == [VERSION]
    assert lived["upgraded"]["version"] == [NEWER]
    assert lived["installed"]["packages"] == lived["upgraded"]["packages"] == PACKAGES
    assert lived["installed"]["ours"] == lived["upgraded"]["ours"] == lived["enabled"]["ours"]
    assert "LIKENESS_OT_fit_photo" in lived["upgraded"]["ours"]


def test_an_upgrade_leaves_no_file_of_the_old_version(lived):
    assert lived["upgraded"]["files"] == lived["installed"]["files"]


def test_disabled_it_leaves_nothing_in_blender(lived):
    assert lived["disabled"]["ours"] == lived["disabled again"]["ours"] == lived["before"]["ours"] == []


def test_uninstalled_it_leaves_no_file(lived):
    assert lived["uninstalled"]["ours"] == []
    assert not lived["uninstalled"]["loaded"]
    assert set(lived["uninstalled"]["files"]) - set(BLENDERS_OWN) == set(lived["before"]["files"])
