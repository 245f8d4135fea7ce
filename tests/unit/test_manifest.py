"""Blender's rules for extensions, and ours: what the manifest names, what the zip holds, which Blender takes which wheel."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from collections.abc import Iterator
from email.message import Message
from email.parser import HeaderParser
from itertools import product
from pathlib import Path

import pytest
from likeness.core.config import VERSION
from likeness.wheels import check
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import sys_tags
from packaging.utils import canonicalize_name, parse_wheel_filename

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = tomllib.loads((ROOT / "blender_manifest.toml").read_text())
LOCK = check.read_lock()
BLENDERS = list(product(MANIFEST["platforms"], check.PYTHONS))
PACKAGES = {"pillow", "pillow-heif", "threadpoolctl", "warp-lang"}
MODULES = {"PIL", "pillow_heif", "threadpoolctl", "warp"}
"""What those packages are called in an import."""
NOT_IN_A_CHECKOUT = (".git", ".venv", ".cache", "assets", "out", "dist", "build", "wheels", "__pycache__")
ROOMS = sorted(path.parent.name for path in ROOT.glob("*/__init__.py") if path.parent.name != "tests")
MARKERS = {
    "linux-x64": {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64", "os_name": "posix"},
    "windows-x64": {"sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64", "os_name": "nt"},
    "macos-arm64": {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64", "os_name": "posix"},
}


def blender_ext() -> Path:
    return next(Path(sysconfig.get_path("purelib"), "bpy").glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py"))


def test_identity():
    assert MANIFEST["id"] == "likeness"
    assert MANIFEST["license"] == ["SPDX:GPL-3.0-or-later"]
    assert MANIFEST["blender_version_min"] == "4.2.0"


def test_the_version_is_written_in_one_place():
    assert MANIFEST["version"] == VERSION
    assert re.fullmatch(r"\d+\.\d+\.\d+", VERSION)
    tracked = [ROOT / "batch.py", *(file for room in ROOMS for file in (ROOT / room).rglob("*.py"))]
    assert [path.name for path in tracked if f'"{VERSION}"' in path.read_text()] == []


def test_the_licence_text_is_there():
    text = (ROOT / "LICENSE").read_text()
    assert "GNU GENERAL PUBLIC LICENSE" in text
    assert "Version 3, 29 June 2007" in text


def test_texts_fit_into_64_characters_without_a_full_stop():
    texts = [MANIFEST["tagline"], *MANIFEST["permissions"].values()]
    assert all(8 < len(text) <= 64 and not text.endswith(".") for text in texts)


def permissions_used_by(tree: ast.AST) -> Iterator[str]:
    """Which of Blender's permissions a module needs, from what it imports and touches."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ("clipboard", "grabclipboard"):
            yield "clipboard"
        modules = {alias.name for alias in node.names} if isinstance(node, ast.Import) else set()
        if isinstance(node, ast.ImportFrom) and not node.level and node.module:
            modules = {f"{node.module}.{alias.name}" for alias in node.names} - PATHS_OF_URLS
        if any(module.startswith(NETWORK) for module in modules):
            yield "network"


NETWORK = ("http", "socket", "ssl", "ftplib", "urllib.request", "requests", "aiohttp", "httpx")
PATHS_OF_URLS = {"urllib.request.url2pathname", "urllib.request.pathname2url"}


def test_the_permissions_are_those_that_the_program_uses():
    """Blender shows them before it installs: none too many, none too few."""
    sources = [file for room in ROOMS for file in (ROOT / room).rglob("*.py")]
    used = {permission for path in sources for permission in permissions_used_by(ast.parse(path.read_text()))}
    assert set(MANIFEST["permissions"]) == {"files", *used}


# Wheels


def test_wheels_are_those_of_the_lock_file():
    assert [Path(wheel).parent.as_posix() for wheel in MANIFEST["wheels"]] == ["wheels"] * len(LOCK)
    assert sorted(Path(wheel).name for wheel in MANIFEST["wheels"]) == sorted(LOCK)
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in LOCK.values())


def test_numpy_and_torch_are_never_bundled():
    assert {check.package_of(wheel) for wheel in LOCK} == PACKAGES


def test_every_package_has_one_version():
    versions = {(check.package_of(wheel), parse_wheel_filename(wheel)[1]) for wheel in LOCK}
    assert len(versions) == len(PACKAGES)


@pytest.mark.parametrize("platform, python", BLENDERS)
def test_every_blender_takes_exactly_one_wheel_of_every_package(platform, python):
    """Blender unpacks every wheel that fits: a second one of a package would be mixed with the first."""
    fitting = check.fitting_wheels(list(LOCK), platform, python)
    assert {package: len(wheels) for package, wheels in fitting.items()} == dict.fromkeys(PACKAGES, 1)


def test_no_wheel_is_for_nobody():
    wanted = {w for blender in BLENDERS for wheels in check.fitting_wheels(list(LOCK), *blender).values() for w in wheels}
    assert set(LOCK) - wanted == set()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="compares with the tags of a Linux machine")
def test_the_tags_that_are_reckoned_with_are_tags_of_a_real_machine():
    """The oldest system that Blender runs on takes less than this one, and nothing else."""
    assert check.supported_tags("linux-x64", sys.version_info[:2]) <= set(sys_tags())


@pytest.mark.parametrize("platform, python", BLENDERS)
def test_blender_itself_chooses_the_same_wheels(platform, python):
    sys.path.insert(0, str(blender_ext().parent))
    try:
        import blender_ext as blenders
    finally:
        sys.path.pop(0)
    ours = {wheel for wheels in check.fitting_wheels(list(LOCK), platform, python).values() for wheel in wheels}
    of_platform = blenders.paths_filter_wheels_by_platform(MANIFEST["wheels"], platform)
    versions = {Path(wheel).name: blenders.python_versions_from_wheel(Path(wheel).name) for wheel in of_platform}
    assert {name for name, pythons in versions.items() if pythons & {python, python[:1]}} == ours


def metadata_of_fetched_wheels() -> dict[str, Message]:
    found = {}
    for path in (path for name in LOCK if (path := ROOT / "wheels" / name).exists()):
        with zipfile.ZipFile(path) as wheel:
            name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
            found[path.name] = HeaderParser().parsestr(wheel.read(name).decode())
    return found


METADATA = metadata_of_fetched_wheels()
needs_wheels = pytest.mark.skipif(not METADATA, reason="needs wheels/*.whl: run `make extension` once")


@needs_wheels
@pytest.mark.parametrize("platform, python", BLENDERS)
def test_what_the_wheels_require_is_bundled_or_is_blenders_numpy(platform, python):
    environment = {**MARKERS[platform], "python_version": "{}.{}".format(*python), "extra": ""}
    for wheel in (wheel for wheels in check.fitting_wheels(list(METADATA), platform, python).values() for wheel in wheels):
        assert "{}.{}".format(*python) in SpecifierSet(METADATA[wheel]["Requires-Python"])
        required = [Requirement(line) for line in METADATA[wheel].get_all("Requires-Dist", [])]
        wanted = {canonicalize_name(r.name): r for r in required if not r.marker or r.marker.evaluate(environment)}
        assert wanted.keys() <= PACKAGES | check.BLENDERS_OWN, wheel
        assert all("1.26.4" in wanted["numpy"].specifier for _ in wanted.keys() & {"numpy"}), "Blender 4.2 to 4.5 have NumPy 1.26"


@needs_wheels
def test_every_wheel_carries_its_licence_and_the_readme_names_it():
    readme = (ROOT / "README.md").read_text().lower()
    row = next(line for line in readme.splitlines() if line.startswith("| wheels in the zip"))
    names = {"pillow": "pillow (", "pillow-heif": "pillow-heif", "threadpoolctl": "threadpoolctl", "warp-lang": "warp"}
    assert [name for name in names.values() if name not in row] == []
    for wheel in METADATA:
        with zipfile.ZipFile(ROOT / "wheels" / wheel) as file:
            texts = [name for name in file.namelist() if ".dist-info/" in name and re.search("licen[sc]e", name, re.IGNORECASE)]
            assert texts, wheel


def test_pins_of_the_extension_and_of_the_environment_agree():
    pins = dict(line.split("==") for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line)
    locked = {check.package_of(wheel): str(parse_wheel_filename(wheel)[1]) for wheel in LOCK}
    assert {name: pins[name] for name in locked} == locked


# The zip


def test_blender_accepts_the_manifest():
    command = [sys.executable, str(blender_ext()), "validate", str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def zips(tmp_path_factory) -> Iterator[dict[str, zipfile.ZipFile]]:
    """Platform -> a zip built from this tree, with empty files in the place of wheels, assets and a workshop's leavings."""
    source, out = tmp_path_factory.mktemp("parent") / "likeness", tmp_path_factory.mktemp("built")
    shutil.copytree(ROOT, source, ignore=lambda folder, names: NOT_IN_A_CHECKOUT if Path(folder) == ROOT else ["__pycache__"])
    for folder in ("assets", "wheels", ".git", ".venv", ".cache", "out", "dist", "build", "core/__pycache__"):
        (source / folder).mkdir(exist_ok=True)
        (source / folder / "something.npz").touch()
    for wheel in [*LOCK, "fetch.py", "check.py", "build.lock", "extension.lock", ".gitignore"]:
        (source / "wheels" / wheel).touch()
    (source / "wheels" / "something.npz").unlink()
    for leaving in ("likeness-0.0.1.zip", "core/config.pyc", "scene.blend1"):
        (source / leaving).touch()
    where = ["--source-dir", str(source), "--output-dir", str(out), "--split-platforms"]
    done = subprocess.run([sys.executable, str(blender_ext()), "build", *where], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    built = {}
    for path in out.glob("*.zip"):
        file = zipfile.ZipFile(path)
        (platform,) = tomllib.loads(file.read("blender_manifest.toml").decode())["build"]["generated"]["platforms"]
        built[platform] = file
    yield built
    for file in built.values():
        file.close()


@pytest.fixture(scope="module")
def built(zips) -> list[str]:
    """Names of the files in the zip for Linux."""
    return zips["linux-x64"].namelist()


def test_there_is_a_zip_for_every_platform_with_its_own_wheels(zips):
    assert zips.keys() == set(MANIFEST["platforms"])
    for platform, file in zips.items():
        inside = {Path(name).name for name in file.namelist() if name.startswith("wheels/")}
        mine = {w for python in check.PYTHONS for ws in check.fitting_wheels(list(LOCK), platform, python).values() for w in ws}
        assert inside == mine
        generated = tomllib.loads(file.read("blender_manifest.toml").decode())["build"]["generated"]
        assert {Path(wheel).name for wheel in generated["wheels"]} == mine


def test_the_zip_holds_the_program_and_its_assets(built):
    needed = ["__init__.py", "batch.py", "LICENSE", "blender_manifest.toml", "assets/something.npz"]
    needed += [path.relative_to(ROOT).as_posix() for path in (ROOT / "data").iterdir()]
    needed += [path.relative_to(ROOT).as_posix() for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    assert [name for name in needed if name not in built and not name.startswith(WORKSHOP)] == []


WORKSHOP = ("core/calibration/", "core/head/build/", "core/photo/build.py")
"""Programs that make what is in assets/ and data/; the zip carries what they made."""
TOP = {"LICENSE", "README.md", "CHANGELOG.md", "blender_manifest.toml", "assets", "data", "presets", "wheels", *ROOMS}
"""What is at the top of the zip beside modules. Anything new belongs here or into the manifest's paths_exclude_pattern."""
OWN_SCRIPTS = {
    "core/render/differentiable/": "gradients through pictures, for whoever optimises heads by them",
    "core/albedogan/losses.py": "the paper's losses, for whoever trains its networks",
    "core/albedogan/rendering.py": "the release's own renderer, whose pictures its losses compare",
    "core/albedogan/lamps.py": "the release's other lights (points, directions), which its renderer takes",
    "core/nets/adversarial.py": "the generators' training: losses, gradient penalty, path length",
}
"""What is no part of any program of ours: what a researcher's own scripts import, and what for."""
STARTED = ("__init__.py", "batch.py", "bulk/", "worker/", "presets/", *OWN_SCRIPTS)
"""Where programs begin: the extension, the batch, the worker's process, a user's own scripts."""
BLENDERS_MODULES = {"bpy", "bpy_extras", "blf", "bmesh", "mathutils", "addon_utils", "bl_operators", "gpu", "gpu_extras", "numpy"}


def test_the_zip_holds_nothing_of_the_workshop(built):
    top = {name.split("/")[0] for name in built}
    assert {name for name in top if not name.endswith(".py")} - TOP == set()
    assert [name for name in built if name.startswith(WORKSHOP) or "__pycache__" in name] == []
    assert [name for name in built if name.startswith("wheels/") and not name.endswith(".whl")] == []
    assert [name for name in built if name.endswith((".pyc", ".blend1", ".zip", ".lock"))] == []


def imported_files(tree: ast.AST, name: str, names: set[str]) -> Iterator[str]:
    """The files that a module's relative imports name; one that is not in names comes out as it is written."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            module = Path(*Path(name).parts[: -node.level], *filter(None, (node.module or "").split(".")))
            inside = [f"{(module / alias.name).as_posix()}{end}" for alias in node.names for end in (".py", "/__init__.py")]
            itself = [f"{module.as_posix()}.py", (module / "__init__.py").as_posix()]
            found = [path for path in (*itself, *inside) if path in names]
            yield from found or [itself[0]]
            yield from (f"{parent.as_posix()}/__init__.py" for parent in module.parents if parent.name)


def test_every_module_of_the_zip_is_used_and_none_is_missing(zips):
    file = zips["linux-x64"]
    names = {name for name in file.namelist() if name.endswith(".py")}
    waiting, reached = {name for name in names if name.startswith(STARTED)}, set()
    while waiting:
        name = waiting.pop()
        reached.add(name)
        if name in names:
            waiting |= set(imported_files(ast.parse(file.read(name)), name, names)) - reached
    assert sorted(reached - names) == [], "imported, and not in the zip"
    assert sorted(names - reached) == [], "in the zip, and never imported"


def test_whatever_the_zip_imports_is_in_its_wheels_or_in_blender(zips):
    file = zips["linux-x64"]
    allowed = sys.stdlib_module_names | MODULES | BLENDERS_MODULES | {"torch", "nvdiffrast", "likeness"}
    missing = []
    for name in (name for name in file.namelist() if name.endswith(".py")):
        for node in ast.walk(ast.parse(file.read(name))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            missing += [f"{name}: {module}" for module in modules if module.split(".")[0] not in allowed]
    assert missing == []
