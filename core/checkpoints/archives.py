"""Zip archives, with nothing believed: names, sizes and the directory are checked before anything is unpacked."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

from .limits import DAMAGED, UNTRUSTED, Budget, Refused, shown

MAX_DIRECTORY_BYTES = 4 << 20
"""Of names; an archive of 10,000 tensors has about one million."""


class _CautiousFile(io.FileIO):
    """A file that gives no more than a directory's worth at once while zipfile looks for the directory."""

    cautious = True

    def read(self, size: int = -1) -> bytes:  # type: ignore[override]
        if self.cautious and (size > MAX_DIRECTORY_BYTES or (size < 0 and self._left() > MAX_DIRECTORY_BYTES)):
            raise Refused("has a directory of more than four million bytes", DAMAGED)
        return super().read(size) or b""

    def _left(self) -> int:
        here = self.tell()
        end = self.seek(0, io.SEEK_END)
        self.seek(here)
        return end - here


class Archive:
    """A zip file opened for reading; a context manager. names: its members, in order."""

    def __init__(self, path: Path, budget: Budget) -> None:
        self.budget = budget
        self.file = _CautiousFile(path)
        try:
            self.zip = zipfile.ZipFile(self.file)
            self.file.cautious = False
            members = self.zip.infolist()
            self.names = {member.filename: member for member in members}
            if len(self.names) != len(members):
                raise Refused("has two members of the same name", UNTRUSTED)
            for member in members:
                _check(member)
        except BaseException:
            self.file.close()
            raise

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: Any) -> None:
        self.zip.close()
        self.file.close()

    def size(self, name: str) -> int:
        """Bytes of a member, as the directory says."""
        if name not in self.names:
            raise Refused(f"lacks its member {shown(name)}", DAMAGED)
        return self.names[name].file_size

    def read(self, name: str) -> bytearray:
        """A member's bytes: exactly as many as the directory says, with the right checksum (zipfile checks it at the end)."""
        size = self.size(name)
        self.budget.take_bytes(size, shown(name))
        found = bytearray(size)
        with self.zip.open(self.names[name]) as member:
            at = 0
            while at < size:
                piece = member.read(min(1 << 20, size - at))
                if not piece:
                    raise Refused(f"has a member {shown(name)} that is cut short", DAMAGED)
                found[at : at + len(piece)] = piece
                at += len(piece)
            if member.read(1):
                raise Refused(f"has a member {shown(name)} of another size than it says", UNTRUSTED)
        return found


def _check(member: zipfile.ZipInfo) -> None:
    name = member.orig_filename
    if name != member.filename or "\\" in name or name[1:2] == ":" or any(ord(letter) < 32 for letter in name):
        raise Refused(f"has a member with an odd name ({shown(name)})", UNTRUSTED)
    if name.startswith("/") or ".." in name.split("/"):
        raise Refused(f"has a member that would lie outside of it ({shown(name)})", UNTRUSTED)
    if member.flag_bits & 1:
        raise Refused("is encrypted", "unpack it and give the files")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Refused("is packed in an unusual way", "unpack it and give the files")
