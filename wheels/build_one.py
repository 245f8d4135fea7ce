"""Build the extension for one platform and one Python: a small zip in seconds, for tests on this machine.

    python wheels/build_one.py TOOL PLATFORM PYTHON ZIP        (TOOL: Blender's blender_ext.py; PYTHON: 3.14)

The zip differs from `make extension`'s in its wheels alone: those that no such Blender can load are left out.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from check import ROOT, fitting_wheels
from fetch import fetch, read_lock

LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "dist", "out", "tests", "docs", "*.whl")


def narrow_manifest(text: str, wheels: list[str], platform: str) -> str:
    """The manifest's text with these wheels and this platform only."""
    listed = "".join(f'  "./wheels/{wheel}",\n' for wheel in wheels)
    text = re.sub(r"^wheels = \[.*?^\]", f"wheels = [\n{listed}]", text, count=1, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"^platforms = .*$", f'platforms = ["{platform}"]', text, count=1, flags=re.MULTILINE)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tool", type=Path)
    parser.add_argument("platform")
    parser.add_argument("python")
    parser.add_argument("zip", type=Path)
    arguments = parser.parse_args()
    lock = read_lock(ROOT / "wheels" / "extension.lock")
    major, minor = map(int, arguments.python.split("."))
    fitting = fitting_wheels(list(lock), arguments.platform, (major, minor))
    wheels = [name for names in fitting.values() for name in names]
    arguments.zip.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder) / "likeness"
        shutil.copytree(ROOT, stage, ignore=LEFT_OUT)
        for wheel in wheels:
            fetch(wheel, lock[wheel], ROOT / "wheels")
            shutil.copy(ROOT / "wheels" / wheel, stage / "wheels")
        manifest = stage / "blender_manifest.toml"
        manifest.write_text(narrow_manifest(manifest.read_text(), wheels, arguments.platform))
        target = str(arguments.zip.resolve())
        command = [sys.executable, str(arguments.tool), "build", "--source-dir", str(stage), "--output-filepath", target]
        return subprocess.run(command).returncode


if __name__ == "__main__":
    sys.exit(main())
