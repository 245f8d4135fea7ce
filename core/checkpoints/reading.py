"""One way in for every file of others: read_file looks at the content, never at the name, and runs nothing of it."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import CheckpointError
from .archives import Archive
from .limits import DAMAGED, Limits, Refused, Surroundings, budget_for, shown
from .numpy_files import NPY_MAGIC, read_npy, read_npz
from .safetensors import MAX_HEADER, looks_like_safetensors, outline_safetensors, read_header, read_safetensors
from .torch_files import outline_legacy, read_nested, read_pickle, read_torch_archive

UNREADABLE = (
    ValueError, TypeError, KeyError, IndexError, OverflowError, MemoryError, RecursionError, EOFError, NotImplementedError,
    AttributeError, struct.error, zlib.error, zipfile.BadZipFile, RuntimeError,
)  # fmt: skip
"""What a damaged file can make Python's and NumPy's own functions raise."""
AUTHORS = "give the file that its authors publish"
OTHER_FILES = {
    b"version https://git-lfs": ("is only a pointer of Git LFS, not the file itself", "run `git lfs pull` and give the file"),
    b"\x1f\x8b": ("is packed with gzip", "unpack it and give the file in it"),
    b"BZh": ("is packed with bzip2", "unpack it and give the file in it"),
    b"\xfd7zXZ": ("is packed with xz", "unpack it and give the file in it"),
    b"7z\xbc\xaf": ("is packed with 7-Zip", "unpack it and give the file in it"),
    b"Rar!": ("is packed with RAR", "unpack it and give the file in it"),
    b"\x89HDF": ("is an HDF5 file", AUTHORS),
    b"\x89PNG": ("is a picture", AUTHORS),
    b"\xff\xd8\xff": ("is a picture", AUTHORS),
    b"%PDF": ("is a PDF", AUTHORS),
    b"\x7fELF": ("is a program", AUTHORS),
    b"MZ": ("is a program", AUTHORS),
}
PICKLE_STARTS = b"\x80(])}NIJKMLFGSTUVXcC\x8c\x8f"
"""First bytes of pickles: protocols 2 and later start with 0x80, older ones with any opcode that makes something."""
MAX_OUTLINE = 8 << 20
"""Of a file's start, in which names and shapes lie: those of 10,000 tensors take about two million bytes."""
ZIP, SAFETENSORS, NPY, PICKLE = "zip archive", "safetensors file", ".npy file", "pickle"


def read_file(path: Path, *, limits: Limits | None = None) -> Any:
    """What a pickle, torch checkpoint (zip, legacy or NVIDIA's pickle), .npy, .npz or safetensors file holds, whatever its name.

    Dicts, lists, tuples, sets, text, bytes, numbers, NumPy arrays (writable, native byte order; torch's tensors too, bfloat16 as
    float32), None, and Record or Sparse for objects of foreign classes. Nothing in the file is run, imported or looked up.
    Raises CheckpointError, one line: what the file is, why it is refused, what to do.
    """
    return _told(Path(path), lambda: _read(Path(path), limits or Limits()))


def read_outline(path: Path, *, limits: Limits | None = None) -> Any:
    """read_file with nothing but zeros in torch's and safetensors' tensors, which take no memory: names, types and shapes, in a
    tenth of a second however large the file. Raises CheckpointError for a file that is no torch checkpoint or safetensors."""
    return _told(Path(path), lambda: _read_outline(Path(path), limits or Limits()))


def read_metadata(path: Path) -> dict[str, str]:
    """What a safetensors file says of itself; nothing for a file of another kind. Raises CheckpointError."""
    return _told(Path(path), lambda: _read_metadata(Path(path)))


def _told(path: Path, read: Callable[[], Any]) -> Any:
    """read(), or all that can go wrong in it as one line. The line holds on to nothing that was read."""
    name = shown(path.name, 120)
    try:
        return read()
    except Refused as error:
        told = f"The {error.kind} {name} {error.reason}: {error.remedy}."
    except OSError as error:
        reason = error.strerror or type(error).__name__
        told = f"The file {shown(path, 300)} cannot be read ({reason}): check the path and that you may read it."
    except UNREADABLE as error:
        told = f"The file {name} is damaged ({type(error).__name__}): {DAMAGED}."
    raise CheckpointError(told)


def _read(path: Path, limits: Limits) -> Any:
    kind, size = identify(path)
    budget = budget_for(size, limits)
    around = Surroundings(budget, read_nested)
    try:
        if kind == ZIP:
            with Archive(path, budget) as archive:
                return _read_archive(archive, around)
        content = _content(path, size)
        if kind == SAFETENSORS:
            return read_safetensors(content, budget)[0]
        return read_npy(content, around) if kind == NPY else read_pickle(content, around)
    except Refused as error:
        error.kind = kind
        raise


def _read_outline(path: Path, limits: Limits) -> Any:
    kind, size = identify(path)
    budget = budget_for(size, limits)
    around = Surroundings(budget, read_nested, is_outline=True)
    try:
        if kind == ZIP:
            with Archive(path, budget) as archive:
                return _read_archive(archive, around)
        start = _content(path, min(size, MAX_OUTLINE)).toreadonly()
        if kind == SAFETENSORS:
            return outline_safetensors(start, size, budget)
        if kind == PICKLE:
            return outline_legacy(start, around)
        raise Refused("holds an array, no network", AUTHORS)
    except Refused as error:
        error.kind = kind
        raise


def _read_metadata(path: Path) -> dict[str, str]:
    kind, size = identify(path)
    if kind != SAFETENSORS:
        return {}
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        return read_header(file.read(min(length, MAX_HEADER)), length, budget_for(size, Limits()))[1]


def identify(path: Path) -> tuple[str, int]:
    """What kind of file it is, by its first bytes, and its size. Raises Refused for a kind that is not read."""
    about = path.stat()
    if not stat.S_ISREG(about.st_mode):
        raise Refused("is no file but a folder or a device", AUTHORS)
    with open(path, "rb") as file:
        start = file.read(1024)
    if not start:
        raise Refused("is empty", DAMAGED)
    if start[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return ZIP, about.st_size
    if looks_like_safetensors(start, about.st_size):
        return SAFETENSORS, about.st_size
    if start[:6] == NPY_MAGIC:
        return NPY, about.st_size
    refuse_others(start)
    if start[0] not in PICKLE_STARTS:
        raise Refused("is no pickle, torch checkpoint, NumPy or safetensors file", AUTHORS)
    return PICKLE, about.st_size


def _content(path: Path, size: int) -> memoryview:
    """The file's bytes, no more than it had when its size was judged."""
    with open(path, "rb") as file:
        return memoryview(file.read(size))


def _read_archive(archive: Archive, around: Surroundings) -> Any:
    roots = [name for name in archive.names if name == "data.pkl" or (name.endswith("/data.pkl") and name.count("/") == 1)]
    if len(roots) == 1:
        folder = roots[0].removesuffix("data.pkl")
        if f"{folder}constants.pkl" in archive.names or any(name.startswith(f"{folder}code/") for name in archive.names):
            raise Refused("is a TorchScript program, which would have to be run", "give the checkpoint that it was made from")
        return read_torch_archive(archive, folder, around)
    if not around.is_outline and archive.names and all(name.endswith(".npy") for name in archive.names):
        return read_npz(archive, around)
    raise Refused("is neither a torch checkpoint nor a .npz file", "unpack it and give the file in it")


def refuse_others(start: bytes) -> None:
    """Files that people mistake for a checkpoint, each with what to do about it."""
    for magic, (reason, remedy) in OTHER_FILES.items():
        if start.startswith(magic):
            raise Refused(reason, remedy)
    if start[257:262] == b"ustar":
        raise Refused("is a tar archive", "unpack it and give the file in it")
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] == b"<":
        raise Refused("is a web page, not a checkpoint", "download it again, signed in where its site wants it")
    if text[:1] in (b"{", b"["):
        raise Refused("is JSON, not a checkpoint", AUTHORS)
