"""Download the wheels that a lock file names, unchanged, and check each one's SHA-256.

    python wheels/fetch.py LOCK FOLDER [--only SUBSTRING ...]

A lock file has lines as sha256sum prints them: digest, two spaces, wheel file name. The name says which Python and
platform to ask for, so that any machine can fetch the wheels of every other. A file that is there and matches is kept.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path


def read_lock(path: Path) -> dict[str, str]:
    """Lock file -> wheel file name -> SHA-256 (hex)."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return {name: digest for digest, name in (line.split() for line in lines)}


def sha256_of(path: Path) -> str:
    """SHA-256 (hex) of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pip_download_arguments(wheel: str) -> list[str]:
    """What pip must be told to get exactly this wheel: requirement, Python, ABI and platform tags from its file name."""
    distribution, version, python, abi, platforms = wheel.removesuffix(".whl").split("-")
    number = "3.11" if python.startswith("py") else f"{python[2]}.{python[3:]}"
    arguments = [f"{distribution.replace('_', '-')}=={version}", "--python-version", number, "--abi", abi]
    return arguments + [part for tag in platforms.split(".") if tag != "any" for part in ("--platform", tag)]


def fetch(wheel: str, digest: str, folder: Path) -> str:
    """Put one wheel into folder; returns what was done. Raises SystemExit when it cannot be had or does not match."""
    target = folder / wheel
    if target.exists() and sha256_of(target) == digest:
        return "is there"
    with tempfile.TemporaryDirectory(dir=folder) as partial:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", partial]
        if subprocess.run([*pip, *pip_download_arguments(wheel)]).returncode:
            raise SystemExit(f"{wheel} could not be downloaded: check the connection to the Python package index and run again.")
        downloaded = Path(partial) / wheel
        if not downloaded.exists() or sha256_of(downloaded) != digest:
            got = ", ".join(p.name for p in Path(partial).iterdir())
            raise SystemExit(f"{got} is not the wheel that the lock file names ({wheel}, {digest}): nothing was installed.")
        downloaded.replace(target)
    return "downloaded"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lock", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="*", default=[], help="only wheels whose name holds one of these")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for wheel, digest in read_lock(arguments.lock).items():
        if not arguments.only or any(part in wheel for part in arguments.only):
            print(f"{fetch(wheel, digest, arguments.folder):>10}  {wheel}", flush=True)


if __name__ == "__main__":
    main()
