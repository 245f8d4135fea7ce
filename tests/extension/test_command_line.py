"""The life of the extension in a real Blender, by its own command line, from a repository on a web server.

LIKENESS_BLENDER names the Blender ("blender" or a command that starts one); without it these tests are skipped.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from likeness.core.config import VERSION
from test_life_cycle import BLENDER_EXT, NEWER, PACKAGES, REPOSITORY, linux_zip, write_newer_zip

BLENDER = shlex.split(os.environ.get("LIKENESS_BLENDER", ""))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (REPOSITORY / "index.json").exists(), reason="needs a built repository: make test-extension"),
    pytest.mark.skipif(not BLENDER, reason="needs a real Blender: LIKENESS_BLENDER=blender make test-extension"),
]
SEEN = """
import bpy, importlib.util, json
addons = [a.module for a in bpy.context.preferences.addons if a.module.endswith(".likeness")]
found = {name: importlib.util.find_spec(name) for name in ("PIL", "pillow_heif", "threadpoolctl", "warp")}
made = sorted(bpy.ops.likeness.generate(seed=1)) if addons else []
print("\\nSEEN", json.dumps([addons, sorted(name for name, spec in found.items() if spec), made]))
"""
DISABLE = """
import bpy
bpy.ops.preferences.addon_disable(module="bl_ext.likeness.likeness")
bpy.ops.wm.save_userpref()
"""


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[tuple[Path, str]]:
    """The repository's folder and its address."""
    folder = tmp_path_factory.mktemp("served")
    shutil.copy(REPOSITORY / "index.json", folder)
    shutil.copy(linux_zip(), folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}/index.json"
    server.shutdown()


@pytest.fixture(scope="module")
def life(tmp_path_factory, served) -> dict[str, dict[str, Any]]:
    """What a new Blender process sees after every command."""
    place = tmp_path_factory.mktemp("place")
    (place / "profile").mkdir()
    (place / "home").mkdir()
    environment = os.environ | {
        "BLENDER_USER_RESOURCES": str(place / "profile"),
        "HOME": str(place / "home"),
        "XDG_CACHE_HOME": str(place / "home" / ".cache"),
    }
    folder, url = served

    def blender(*arguments: str) -> str:
        done = subprocess.run([*BLENDER, *arguments], env=environment, cwd=place, capture_output=True, text=True)
        assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
        return done.stdout

    def extension(*arguments: str) -> None:
        blender("--online-mode", "--command", "extension", *arguments)

    def see() -> dict[str, Any]:
        extensions = place / "profile" / "extensions"
        said = blender("-b", "--python-expr", SEEN).rpartition("SEEN ")[2].splitlines()[0]
        manifest = extensions / "likeness" / "likeness" / "blender_manifest.toml"
        lines = manifest.read_text().splitlines() if manifest.exists() else []
        files = {str(path.relative_to(extensions)) for path in extensions.rglob("*") if path.is_file() or path.is_symlink()}
        return dict(zip(("addons", "modules", "made"), json.loads(said), strict=True)) | {
            "version": [line.split('"')[1] for line in lines if line.startswith("version = ")],
            "packages": sorted(Path(name).parent.name.split("-")[0] for name in files if name.endswith("dist-info/METADATA")),
            "files": {name for name in files if "__pycache__" not in name},
        }

    extension("repo-add", "--name", "Likeness", "--url", url, "likeness")
    extension("sync")
    seen = {"before": see()}
    extension("install", "--enable", "likeness.likeness")
    seen["installed"] = see()
    newer = place / "newer"
    newer.mkdir()
    write_newer_zip(linux_zip(), newer / f"likeness-{NEWER}-linux_x64.zip")
    subprocess.run([sys.executable, BLENDER_EXT, "server-generate", "--repo-dir", newer], check=True, stdout=subprocess.DEVNULL)
    for path in newer.iterdir():
        path.rename(folder / path.name)
    extension("update", "--sync")
    seen["updated"] = see()
    blender("-b", "--python-expr", DISABLE)
    seen["disabled"] = see()
    extension("remove", "likeness.likeness")
    seen["removed"] = see()
    return seen


def test_it_is_installed_from_one_url_and_makes_a_head(life):
    assert life["installed"]["version"] == [VERSION]
    assert life["installed"]["packages"] == PACKAGES
    assert life["installed"]["made"] == ["FINISHED"]


def test_an_update_is_found_installed_and_works(life):
    assert life["updated"]["version"] == [NEWER]
    assert life["updated"]["packages"] == PACKAGES
    assert life["updated"]["addons"] == ["bl_ext.likeness.likeness"]
    assert life["updated"]["made"] == ["FINISHED"]
    assert life["updated"]["files"] == life["installed"]["files"]


def test_disabled_its_wheels_are_gone_too(life):
    assert life["disabled"]["addons"] == life["disabled"]["modules"] == life["disabled"]["packages"] == []


def test_removed_it_leaves_no_file(life):
    left = {name for name in life["removed"]["files"] if not name.startswith(("likeness/.blender_ext/", ".cache/"))}
    assert left == {name for name in life["before"]["files"] if not name.startswith(("likeness/.blender_ext/", ".cache/"))}
    assert life["removed"]["addons"] == life["removed"]["modules"] == []
