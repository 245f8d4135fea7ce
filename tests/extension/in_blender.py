"""What happens inside Blender as a module, in an environment with nothing but bpy and numpy: argv is a step and its arguments.

The last line on the output is the answer, as JSON.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import bpy

MODULES = ("PIL", "pillow_heif", "threadpoolctl", "warp", "numpy", "scipy", "torch", "skimage")


def extensions_folder() -> Path:
    return Path(bpy.utils.user_resource("EXTENSIONS"))


def origins() -> dict[str, str | None]:
    """Where each module would come from."""
    importlib.invalidate_caches()
    found = {name: importlib.util.find_spec(name) for name in MODULES}
    return {name: spec.origin if spec else None for name, spec in found.items()}


def ours_in_blender() -> list[str]:
    """Our classes, properties and add-ons that Blender knows."""
    types = [name for name in dir(bpy.types) if "likeness" in name.lower()]
    owners = (bpy.types.Scene, bpy.types.WindowManager, bpy.types.Object)
    properties = [name for owner in owners for name in dir(owner) if "likeness" in name.lower()]
    return types + properties + [addon.module for addon in bpy.context.preferences.addons if addon.module.endswith("likeness")]


def state() -> dict[str, Any]:
    """What is installed, and what of it Blender and Python see."""
    manifests = list(extensions_folder().glob("*/likeness/blender_manifest.toml"))
    lines = [line for path in manifests for line in path.read_text().splitlines() if line.startswith("version = ")]
    site = extensions_folder() / ".local" / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    return {
        "version": [line.split('"')[1] for line in lines],
        "packages": sorted(path.name.split("-")[0] for path in site.glob("*.dist-info")),
        "site": str(site),
        "files": sorted(str(p.relative_to(extensions_folder())) for p in extensions_folder().rglob("*") if p.is_file()),
        "ours": ours_in_blender(),
    }


def use(zip_path: str, photo: str, out: str) -> dict[str, Any]:
    """Install the zip, make a head of the photo and of nobody, write both."""
    before = origins()
    installed = bpy.ops.extensions.package_install_files(filepath=zip_path, repo="user_default", enable_on_install=True)
    made = [bpy.ops.likeness.fit_photo(filepath=photo), bpy.ops.likeness.export_head(filepath=f"{out}/photo.glb", format="glb")]
    made += [bpy.ops.likeness.generate(seed=3), bpy.ops.likeness.export_head(filepath=f"{out}/random.npz", format="npz")]
    imported = {name: sys.modules[name].__file__ for name in MODULES if name in sys.modules}
    return state() | {"installed": list(installed), "made": made, "before": before, "imported": imported, "path": sys.path}


def live(repository: str, newer: str) -> dict[str, Any]:
    """From a repository: install, upgrade, disable, enable, uninstall; the state after each."""
    import addon_utils  # on the path once bpy is imported

    ops, preferences = bpy.ops.extensions, bpy.context.preferences
    preferences.system.use_online_access = True
    url = (Path(repository) / "index.json").as_uri()
    bpy.ops.preferences.extension_repo_add(name="likeness", remote_url=url, type="REMOTE")
    index = len(preferences.extensions.repos) - 1
    answers = {"before": state()}

    def sync() -> None:
        ops.repo_sync(repo_index=index)

    sync()
    ops.package_install(repo_index=index, pkg_id="likeness", enable_on_install=True)
    answers["installed"] = state()
    module = next(addon.module for addon in preferences.addons if addon.module.endswith("likeness"))
    (Path(repository) / "index.json").write_text(Path(newer).read_text())
    sync()
    ops.package_upgrade_all()
    answers["upgraded"] = state()
    bpy.ops.preferences.addon_disable(module=module)
    answers["disabled"] = state()
    for _ in range(3):
        bpy.ops.preferences.addon_enable(module=module)
        bpy.ops.preferences.addon_disable(module=module)
    answers["disabled again"] = state()
    bpy.ops.preferences.addon_enable(module=module)
    answers["enabled"] = state()
    models = bpy.utils.extension_path_user(module, path="models", create=True)
    Path(models, "mine.npz").touch()
    ops.package_uninstall(repo_index=index, pkg_id="likeness")
    answers["uninstalled"] = state() | {"loaded": addon_utils.check(module)[1]}
    return answers


print("\n" + json.dumps({"use": use, "live": live}[sys.argv[1]](*sys.argv[2:]), default=list))
