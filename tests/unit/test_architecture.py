"""The rooms and the arrows between them, read from the source."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("core", "scene", "operators", "panels", "bulk", "worker", "translations")
FORBIDDEN = {
    "core": {"bpy", "bmesh", "mathutils", "scene", "operators", "panels", "bulk", "properties", "registration"},
    "scene": {"torch", "warp", "operators", "panels", "bulk", "properties", "registration"},
    "operators": {"torch", "warp", "numpy", "PIL", "panels", "bulk", "registration"},
    "panels": {"torch", "warp", "numpy", "PIL", "core", "operators", "bulk", "registration"},
    "worker": {"bpy", "bmesh", "mathutils", "torch", "scene", "operators", "panels", "bulk", "properties", "registration"},
    "translations": {"torch", "warp", "numpy", "PIL", "core", "scene", "operators", "panels", "bulk", "worker", "registration"},
    "bulk": {"torch", "warp", "PIL", "operators", "panels", "properties", "registration"},
}
BLENDER = {"bpy", "bpy_extras", "bmesh", "mathutils", "gpu", "gpu_extras", "blf", "addon_utils", "bl_operators"}
RUN_TIME = {"numpy", "PIL", "pillow_heif", "threadpoolctl", "warp", *BLENDER}
"""What the default path may import beside the standard library."""
BUILD_TIME = ("core/head/build", "core/photo/build", "core/calibration")
"""Programs that a developer runs; these may use what requirements.lock has."""
TORCH_PACKAGES = ("core/render/differentiable/", "core/nets/", "core/albedogan/", "core/latent/", "core/clip/")
"""The only packages that may import torch (and nvdiffrast, where a user has it); the default path never comes there."""
OPTIONAL = {"torch", "nvdiffrast"}
MAX_STATEMENTS_WITHOUT_DOCSTRING = 3
FRAME = ("__init__.py", "registration.py", "preferences.py", "properties.py", "identity_properties.py", "skin_properties.py")
AT_REGISTRATION = (*FRAME, "operators", "panels", "translations")


def sources(*rooms: str) -> list[Path]:
    paths = [ROOT / room for room in rooms]
    return sorted(file for path in paths for file in ([path] if path.is_file() else path.rglob("*.py")))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(tree: ast.AST, path: Path) -> list[tuple[int, str]]:
    """(line, dotted module) of every import; relative ones as seen from the repository's root."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parents = path.relative_to(ROOT).parts[: -node.level] if node.level else ()
            module = ".".join([*parents, *([node.module] if node.module else [])])
            modules = [module] if node.module else [f"{module}.{alias.name}".strip(".") for alias in node.names]
            found += [(node.lineno, name) for name in modules]
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_it_may(room):
    wrong = [
        f"{name_of(path)}:{line} imports {module}"
        for path in sources(room)
        for line, module in imported(ast.parse(path.read_text()), path)
        if module.split(".")[0] in FORBIDDEN[room]
    ]
    assert wrong == []


def test_imports_inside_the_package_are_relative():
    wrong = [
        f"{name_of(path)}:{node.lineno}"
        for path in sources(*ROOMS, *FRAME)
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").split(".")[0] in (*ROOMS, "likeness"))
        or (isinstance(node, ast.Import) and any(alias.name.split(".")[0] in (*ROOMS, "likeness") for alias in node.names))
    ]
    assert wrong == []


def test_the_default_path_needs_nothing_but_its_wheels():
    wrong = [
        f"{name_of(path)}:{line} imports {module}"
        for path in sources(*ROOMS)
        if not name_of(path).startswith(BUILD_TIME)
        for line, module in imported(ast.parse(path.read_text()), path)
        if not (name_of(path).startswith(TORCH_PACKAGES) and module.split(".")[0] in OPTIONAL)
        if module.split(".")[0] not in (*RUN_TIME, *ROOMS, *(name.removesuffix(".py") for name in FRAME))
        and module.split(".")[0] not in sys.stdlib_module_names
    ]
    assert wrong == []


def test_only_the_packages_of_torch_import_it():
    wrong = [
        f"{name_of(path)}:{line} imports {module}"
        for path in sources(*ROOMS, *FRAME, "batch.py", "demo.py")
        if not name_of(path).startswith(TORCH_PACKAGES)
        for line, module in imported(ast.parse(path.read_text()), path)
        if module.split(".")[0] in OPTIONAL
    ]
    assert wrong == []


def at_module_level(tree: ast.Module) -> ast.Module:
    """The tree without its functions' bodies."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.body = []
    return tree


def test_nothing_on_the_default_path_imports_the_packages_of_torch_at_module_level():
    wrong = [
        f"{name_of(path)}:{line} imports {module}"
        for path in sources(*ROOMS, *FRAME)
        if not name_of(path).startswith((*TORCH_PACKAGES, *BUILD_TIME))
        for line, module in imported(at_module_level(ast.parse(path.read_text())), path)
        if f"{module.replace('.', '/')}/".startswith(TORCH_PACKAGES)
    ]
    assert wrong == []


def test_registration_imports_nothing_heavy_at_module_level():
    heavy = ("numpy", "PIL", "warp", "torch", "scene", "core.pipeline", "core.types", "core.fit", "core.photo", "core.head")
    wrong = [
        f"{name_of(path)}:{line} imports {module}"
        for path in sources(*AT_REGISTRATION)
        for statement in ast.parse(path.read_text()).body
        if isinstance(statement, (ast.Import, ast.ImportFrom))
        for line, module in imported(statement, path)
        if module.startswith(heavy)
    ]
    assert wrong == []


def test_the_root_imports_nothing_at_module_level():
    body = ast.parse((ROOT / "__init__.py").read_text()).body
    assert not [node for node in body if isinstance(node, (ast.Import, ast.ImportFrom))]


def test_nobody_prints():
    wrong = [
        f"{name_of(path)}:{node.lineno}"
        for path in sources(*ROOMS)
        if not name_of(path).startswith(BUILD_TIME)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("print", "breakpoint", "input")
    ]
    assert wrong == []


def test_no_exception_is_caught_silently():
    wrong = [
        f"{name_of(path)}:{node.lineno}"
        for path in sources(*ROOMS, "batch.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler) and (node.type is None or all(isinstance(s, ast.Pass) for s in node.body))
    ]
    assert wrong == []


def test_no_process_pool_of_multiprocessing():
    wrong = [
        f"{name_of(path)}:{line}"
        for path in sources(*ROOMS, "batch.py")
        for line, module in imported(ast.parse(path.read_text()), path)
        if module.startswith(("multiprocessing", "concurrent.futures.process"))
    ]
    assert wrong == []


def test_public_functions_of_the_core_say_what_they_do():
    wrong = [
        f"{name_of(path)}:{node.lineno} {node.name}"
        for path in sources("core", "bulk")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        if not node.name.startswith("_") and node.name != "main" and len(node.body) > MAX_STATEMENTS_WITHOUT_DOCSTRING
        if not ast.get_docstring(node)
    ]
    assert wrong == []


def test_every_module_states_its_subject():
    files = [path for path in sources(*ROOMS, "batch.py") if path.stat().st_size]
    assert [name_of(path) for path in files if not ast.get_docstring(ast.parse(path.read_text()))] == []


def test_every_source_is_linted():
    pytest.importorskip("ruff", reason="ruff is only in the environment of requirements.lock")
    done = subprocess.run([sys.executable, "-m", "ruff", "check", "--show-files", "."], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    linted = {Path(line) for line in done.stdout.splitlines()}
    files = sources(*ROOMS, "tests", "batch.py", "demo.py", "wheels/fetch.py")
    assert [name_of(path) for path in files if path not in linted] == []


def test_no_file_is_a_drawer():
    drawers = {"utils.py", "util.py", "helpers.py", "common.py", "misc.py", "manager.py"}
    assert [name_of(path) for path in sources(*ROOMS) if path.name in drawers] == []
