"""What a person copied elsewhere and means as photos: paths, files of the file manager, or a picture itself.

Rule of this file: nothing is fetched. A link is refused with the remedy, for it is not a photo.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from ..errors import PhotoError

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
WAIT_S = 3.0
"""A program that owns the clipboard and does not answer is not waited for any longer."""
PASTED_NAME = "Pasted photo"
DRIVE = re.compile(r"^[A-Za-z]:[\\/]")
NOTHING = "The clipboard holds no photo: copy a photo or a photo's file first."
LINK = "The clipboard holds a link, and nothing is fetched from the network: copy the picture itself, or save it and choose it."
NO_TOOL = (
    "On Linux a copied picture is read with wl-paste (package wl-clipboard) or xclip, and neither is installed: "
    "install one, or save the photo and choose the file."
)


def read_copied_photos(text: str, folder: str | Path) -> list[Path]:
    """Paths of the photos on the clipboard. text: what the clipboard holds as text; folder: where a copied picture is written.

    Raises PhotoError where there is none.
    """
    named = read_paths(text)
    missing = [path for path in named if not path.is_file()]
    if missing:
        raise PhotoError(f"There is no photo {missing[0]}: check the path that was copied.")
    photos = named or _read_picture(Path(folder))
    if not photos:
        raise PhotoError(LINK if urlsplit(text.strip()).scheme in ("http", "https") else NOTHING)
    return photos


def read_paths(text: str) -> list[Path]:
    """The absolute paths in a text, one a line: plain, in quotes, from ~, or as file URIs. Other lines are skipped."""
    lines = [line.strip().strip("\"'") for line in text.splitlines()]
    return [path for line in lines if (path := _read_path(line)) is not None]


def _read_path(line: str) -> Path | None:
    if line.lower().startswith("file:"):
        parts = urlsplit(line)
        host = f"//{parts.netloc}" if parts.netloc not in ("", "localhost") else ""
        return Path(url2pathname(host + parts.path) if os.name == "nt" else unquote(parts.path))
    if line.startswith("~"):
        return Path(line).expanduser()
    is_absolute = Path(line).is_absolute() or bool(DRIVE.match(line))
    return Path(line) if line and is_absolute else None


def _read_picture(folder: Path) -> list[Path]:
    """The copied picture as a PNG in `folder`, or the files copied in the file manager; empty where there is neither."""
    if sys.platform.startswith("linux"):
        data = _ask_linux()
        if data is None:
            return []
        path = _free_path(folder)
        path.write_bytes(data)
        return [path]
    from PIL import ImageGrab

    copied = ImageGrab.grabclipboard()
    if copied is None or isinstance(copied, list):
        return [Path(path) for path in copied or ()]
    path = _free_path(folder)
    copied.save(path)
    return [path]


def _ask_linux() -> bytes | None:
    """The copied picture as PNG bytes. Blender itself gives none on X11, and on Wayland only to an image editor."""
    if os.environ.get("WAYLAND_DISPLAY") and shutil.which("wl-paste"):
        command = ["wl-paste", "--no-newline", "--type", "image/png"]
    elif shutil.which("xclip"):
        command = ["xclip", "-selection", "clipboard", "-target", "image/png", "-out"]
    else:
        raise PhotoError(NO_TOOL)
    try:
        data = subprocess.run(command, capture_output=True, timeout=WAIT_S).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PhotoError("The program that the photo was copied from does not answer: copy it once more, or save it.") from error
    return data if data.startswith(PNG_SIGNATURE) else None


def _free_path(folder: Path) -> Path:
    """A file name not taken yet: a photo that was pasted before may still wait for its head."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = [1, *range(2, 10_000)]
    names = (f"{PASTED_NAME} {number}.png" if number > 1 else f"{PASTED_NAME}.png" for number in numbers)
    return next(folder / name for name in names if not (folder / name).exists())
