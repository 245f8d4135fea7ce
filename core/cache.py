"""What Likeness keeps in the user's cache folder: compiled kernels, FLAME files made ready. All of it can be deleted at any time.

Rule of this file: the folder may be the user's own (LIKENESS_CACHE) and hold other things; only FOLDERS in it are ours.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from .config import cache_dir
from .errors import LikenessError

FOLDERS = ("warp", "flame")


@dataclass(frozen=True)
class CacheSize:
    """How much is kept: files and their bytes."""

    num_files: int
    num_bytes: int


def measure_cache() -> CacheSize:
    """Count what is kept; files that vanish while it counts are not there."""
    sizes = []
    for path in (path for folder in cache_folders() for path in folder.rglob("*")):
        try:
            if path.is_file():
                sizes.append(path.stat().st_size)
        except FileNotFoundError:
            continue
    return CacheSize(len(sizes), sum(sizes))


def clear_cache() -> CacheSize:
    """Delete what is kept; returns how much that was. Raises LikenessError when something is in use by another program."""
    before = measure_cache()
    for folder in cache_folders():
        try:
            shutil.rmtree(folder)
        except OSError as error:
            remedy = "close other Blenders that use Likeness, and clear again"
            raise LikenessError(f"The cache could not be cleared whole ({error.strerror or error}): {remedy}.") from error
    root = cache_dir()
    if root.name == "likeness" and root.is_dir() and not any(root.iterdir()):
        root.rmdir()
    return before


def cache_folders() -> list[Path]:
    """Those of FOLDERS that exist. A link is not followed: what it points to may not be ours."""
    folders = [cache_dir() / name for name in FOLDERS]
    return [folder for folder in folders if folder.is_dir() and not folder.is_symlink()]
