"""`make demo`: the astronaut portrait becomes a head; the table says where the time went.

Usage: .venv/bin/python demo.py FOLDER
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import skimage

import batch

MADE = ("astronaut.blend", "astronaut.glb", "astronaut.npz", "preview.png")


def main(folder: Path) -> int:
    """Fit, rename the preview, print the stage times; returns the exit code of the fit."""
    folder.mkdir(parents=True, exist_ok=True)
    photo = folder / "astronaut.png"
    shutil.copy(Path(skimage.__file__).parent / "data" / "astronaut.png", photo)
    code = batch.main(["fit", str(photo), "--out", str(folder), "--export", "blend,glb,npz", "--preview"])
    if code:
        return code
    (folder / "astronaut_preview.png").replace(folder / "preview.png")
    line = json.loads((folder / "report.jsonl").read_text())
    print(f"\n{'stage':<20}{'seconds':>9}")
    for stage, seconds in line["times_s"].items():
        print(f"{stage:<20}{seconds:9.2f}")
    print(f"\n{'file':<20}{'MB':>9}")
    for name in MADE:
        print(f"{name:<20}{(folder / name).stat().st_size / 1e6:9.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
