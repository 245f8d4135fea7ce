"""Cut the pictures of docs/guide.md out of what the scenario `guide` left: guide_pictures.py FOLDER (out/gui/<Blender>/guide)."""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

VIEW = (0, 26, 1316, 906)
"""The 3D view with its sidebar in the window of 1600 x 1000 pixels."""
PREFERENCES = (280, 275, 1005, 1000)
"""What is ours of the preferences' window, which opens in the upper left corner."""
WIDTH = 900


def main() -> None:
    target = Path(__file__).resolve().parents[2] / "docs" / "images"
    for path in sorted(Path(sys.argv[1]).glob("guide_*.png")):
        image = Image.open(path).convert("RGB")
        image = image.crop(PREFERENCES if path.stem == "guide_preferences" else VIEW)
        image = image.resize((WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.LANCZOS)
        image.save(target / f"{path.stem}.jpg", quality=88, optimize=True)
        print(path.stem)


if __name__ == "__main__":
    main()
