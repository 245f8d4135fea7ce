"""Prove that the extension's wheels are complete: pip, asked for every Blender, wants exactly what is bundled, and numpy.

    python wheels/check.py

For each platform of the manifest and each Python of a Blender, pip resolves the bundled packages and all that they
require, as it would on that machine, without installing anything. What it picks must be the lock file's wheels by name
and SHA-256, and besides them only numpy, which is Blender's own. Exit code 0 when that holds everywhere, 1 when not,
75 when the package index cannot be reached, which proves nothing.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import canonicalize_name, parse_wheel_filename

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ((3, 11), (3, 13), (3, 14))
"""Blender 4.2 to 5.0 bring 3.11, the official builds since 5.1 bring 3.13, Debian's Blender 5.2 runs on 3.14."""
PLATFORMS = {
    "linux-x64": (*(f"manylinux_2_{minor}_x86_64" for minor in range(28, 4, -1)), "manylinux2014_x86_64", "linux_x86_64"),
    "windows-x64": ("win_amd64",),
    "macos-arm64": tuple(mac_platforms((11, 0), "arm64")),
}
"""Blender's platform -> the wheel platforms that the oldest such system takes: glibc 2.28 and macOS 11, as Blender 4.2 asks."""
BLENDERS_OWN = {"numpy"}
UNREACHABLE = re.compile(r"Retrying|Connection|timed out|certificate|Temporary failure|HTTP error 5", re.IGNORECASE)
"""In what pip says when it has no network; without it, a failed resolution means that a wheel does not exist."""
EXIT_INCOMPLETE, EXIT_UNREACHABLE = 1, 75


def supported_tags(platform: str, python: tuple[int, int]) -> set[Tag]:
    """All wheel tags that a Blender of this platform ('linux-x64') and Python can load."""
    platforms = PLATFORMS[platform]
    interpreter = f"cp{python[0]}{python[1]}"
    return {*cpython_tags(python, platforms=platforms), *compatible_tags(python, interpreter, platforms)}


def package_of(wheel: str) -> str:
    """'pillow_heif-1.8.1-cp311-...whl' -> 'pillow-heif'."""
    return parse_wheel_filename(wheel)[0]


def fitting_wheels(wheels: list[str], platform: str, python: tuple[int, int]) -> dict[str, list[str]]:
    """Package -> those of the wheels (file names) that this Blender can load."""
    tags = supported_tags(platform, python)
    fitting: dict[str, list[str]] = {package_of(wheel): [] for wheel in wheels}
    for wheel in wheels:
        if parse_wheel_filename(wheel)[3] & tags:
            fitting[package_of(wheel)].append(wheel)
    return fitting


def read_lock() -> dict[str, str]:
    """Wheel file name -> SHA-256 (hex)."""
    lines = (ROOT / "wheels" / "extension.lock").read_text().splitlines()
    return {name: digest for digest, name in (line.split() for line in lines if line and not line.startswith("#"))}


def resolve(requirements: list[str], platform: str, python: tuple[int, int]) -> dict[str, tuple[str, str]]:
    """Package -> (wheel file name, SHA-256) as pip would install them there. Raises CalledProcessError with pip's words."""
    pip = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--only-binary=:all:", "--quiet"]
    where = ["--target", "unused", "--implementation", "cp", "--python-version", ".".join(map(str, python))]
    where += [part for tag in PLATFORMS[platform] for part in ("--platform", tag)]
    options = ["--report", "-", "--disable-pip-version-check", "--retries", "1", "--no-input"]
    done = subprocess.run([*pip, *where, *options, *requirements], capture_output=True, text=True, check=True)
    items = json.loads(done.stdout)["install"]
    return {
        canonicalize_name(item["metadata"]["name"]): (
            item["download_info"]["url"].rsplit("/", 1)[-1],
            item["download_info"]["archive_info"]["hashes"]["sha256"],
        )
        for item in items
    }


def find_faults(platform: str, python: tuple[int, int], lock: dict[str, str]) -> Iterator[str]:
    """Sentences about what pip wants otherwise than it is bundled, for one Blender."""
    bundled = {package: wheels for package, wheels in fitting_wheels(list(lock), platform, python).items() if wheels}
    pins = sorted({"{}=={}".format(*parse_wheel_filename(wheel)[:2]) for wheel in lock})
    try:
        wanted = resolve(pins, platform, python)
    except subprocess.CalledProcessError as error:
        if UNREACHABLE.search(error.stderr):
            raise
        yield " ".join(line for line in error.stderr.splitlines() if line.startswith("ERROR"))
        return
    for package in sorted(wanted.keys() - bundled.keys() - BLENDERS_OWN):
        yield f"{package} is required and not bundled"
    for package, wheels in sorted(bundled.items()):
        name, digest = wanted.get(package, ("nothing", ""))
        if wheels != [name]:
            yield f"{package}: bundled is {', '.join(wheels)}, pip takes {name}"
        elif lock[name] != digest:
            yield f"{name}: the lock file's SHA-256 is not the index's"


def main() -> int:
    """Print one line a Blender."""
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    lock = read_lock()
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text())
    is_complete = True
    for platform, python in product(manifest["platforms"], PYTHONS):
        try:
            faults = list(find_faults(platform, python, lock))
        except subprocess.CalledProcessError as error:
            print(error.stderr.strip(), file=sys.stderr)
            print("Skipped: pip could not resolve. Is the Python package index reachable?", file=sys.stderr)
            return EXIT_UNREACHABLE
        is_complete &= not faults
        print(f"{platform:<12} Python {python[0]}.{python[1]}: {'; '.join(faults) or 'complete'}", flush=True)
    return 0 if is_complete else EXIT_INCOMPLETE


if __name__ == "__main__":
    sys.exit(main())
