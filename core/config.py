"""Where things are: built assets beside the package, caches in the user's folder. The package is never written to at run time."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

PACKAGE_DIR = Path(__file__).resolve().parent.parent
VERSION = re.findall(r'^version = "(.+)"', (PACKAGE_DIR / "blender_manifest.toml").read_text(encoding="utf-8"), re.MULTILINE)[0]
"""The manifest is the one place where the version is written. (Read without tomllib, which a worker's Python 3.10 lacks.)"""
ASSETS_DIR = PACKAGE_DIR / "assets"
"""Built by `make assets` (embedded head, landmark networks, licence texts); packed into the extension; not in git."""
DATA_DIR = PACKAGE_DIR / "data"
"""Small computed tables that are in git (landmark calibration)."""


def cache_dir() -> Path:
    """The user's cache folder for Likeness (not created): LIKENESS_CACHE or the platform's convention."""
    if custom := os.environ.get("LIKENESS_CACHE"):
        return Path(custom)
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData/Local")) / "likeness"
    if sys.platform == "darwin":
        return home / "Library/Caches/likeness"
    return Path(os.environ.get("XDG_CACHE_HOME", home / ".cache")) / "likeness"
