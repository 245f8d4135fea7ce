"""What a person copied elsewhere and means as photos: paths, files of the file manager, or a picture itself.

Rule of this file: nothing is fetched; a link is refused with the remedy. And nobody waits here: on Linux the clipboard may belong
to the very Blender that asks, which could not answer while it waits.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from urllib.parse import unquote
from urllib.request import url2pathname

from ..errors import PhotoError

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
WAIT_S = 10.0
"""A program that owns the clipboard and does not answer is not waited for any longer."""
PASTED_NAME = "Pasted photo"
DRIVE = re.compile(r"[A-Za-z]:[\\/]")
FILE_URI = re.compile(r"file:(?://([^/]*))?(/(?!/).*)", re.IGNORECASE)
WEB_LINK = re.compile(r"https?://", re.IGNORECASE)
NOTHING = "The clipboard holds no photo: copy a photo or a photo's file first."
LINK = "The clipboard holds a link, and nothing is fetched from the network: copy the picture itself, or save it and choose it."
SILENT = "The program that the photo was copied from does not answer: copy it once more, or save it and choose the file."
NO_TOOL = (
    "On Linux a copied picture is read with wl-paste (package wl-clipboard) or xclip, and neither is installed: "
    "install one, or save the photo and choose the file."
)


def read_copied_photos(text: str, folder: str | Path) -> Generator[None, None, list[Path]]:
    """Paths of the photos on the clipboard, as a generator's result: each yield lets other programs, and the caller, go on.

    text: what the clipboard holds as text; folder: where a copied picture is written. Raises PhotoError where there is none.
    """
    named = read_paths(text)
    missing = [path for path in named if not path.is_file()]
    if missing:
        raise PhotoError(f"There is no photo {missing[0]}: check the path that was copied.")
    photos = named or (yield from _read_picture(Path(folder)))
    if not photos:
        raise PhotoError(LINK if WEB_LINK.match(text.strip()) else NOTHING)
    return photos


def read_paths(text: str) -> list[Path]:
    """The absolute paths in a text, one a line: plain, in quotes, from ~, or as file URIs. Other lines are skipped."""
    lines = [line.strip().strip("\"'") for line in text.splitlines()]
    return [path for line in lines if (path := _read_path(line)) is not None]


def _read_path(line: str) -> Path | None:
    if uri := FILE_URI.fullmatch(line):
        host, path = uri.groups(default="")
        share = f"//{host}" if host not in ("", "localhost") else ""
        return Path(url2pathname(share + path) if os.name == "nt" else unquote(path))
    if line.startswith("~"):
        return Path(line).expanduser()
    return Path(line) if line and (Path(line).is_absolute() or DRIVE.match(line)) else None


def _read_picture(folder: Path) -> Generator[None, None, list[Path]]:
    """The copied picture as a PNG in `folder`, or the files copied in the file manager; empty where there is neither."""
    path = _free_path(folder)
    if sys.platform.startswith("linux"):
        return [path] if (yield from _ask_linux(path)) else []
    from PIL import ImageGrab

    copied = ImageGrab.grabclipboard()
    if copied is None or isinstance(copied, list):
        return [Path(path) for path in copied or ()]
    copied.save(path)
    return [path]


def _ask_linux(path: Path) -> Generator[None, None, bool]:
    """Whether a copied picture was written to path. Blender itself gives none on X11, and on Wayland only to an image editor."""
    if os.environ.get("WAYLAND_DISPLAY") and shutil.which("wl-paste"):
        command = ["wl-paste", "--no-newline", "--type", "image/png"]
    elif shutil.which("xclip"):
        command = ["xclip", "-selection", "clipboard", "-target", "image/png", "-out"]
    else:
        raise PhotoError(NO_TOOL)
    end = time.monotonic() + WAIT_S
    with path.open("wb") as file, subprocess.Popen(command, stdout=file, stderr=subprocess.DEVNULL) as asking:
        try:
            while asking.poll() is None:
                if time.monotonic() > end:
                    raise PhotoError(SILENT)
                yield
        finally:
            asking.kill()
    with path.open("rb") as written:
        is_png = written.read(len(PNG_SIGNATURE)) == PNG_SIGNATURE
    if not is_png:
        path.unlink()
    return is_png


def _free_path(folder: Path) -> Path:
    """A file name not taken yet: a photo that was pasted before may still wait for its head."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = [1, *range(2, 10_000)]
    names = (f"{PASTED_NAME} {number}.png" if number > 1 else f"{PASTED_NAME}.png" for number in numbers)
    return next(folder / name for name in names if not (folder / name).exists())
