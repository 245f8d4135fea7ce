"""Plain pickles and what torch.save writes: the zip archive of today, and the legacy file of pickles followed by storages.

A legacy file is five pickles (a magic number, a version, facts of the system, the object, the storages' keys) and then, for each
storage, its number of items (8 bytes) and its bytes. Its storages have no bytes yet when the object is read: see InertStorage.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .archives import Archive
from .inert_torch import InertStorage, StorageType, item_size
from .limits import DAMAGED, UNTRUSTED, Refused, Surroundings, shown
from .machine import Machine
from .resolve import Resolver

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
MAX_NUMEL = 1 << 40


def read_pickle(data: memoryview, around: Surroundings) -> Any:
    """What a pickle file, or a legacy torch file, holds."""
    data = data.toreadonly()
    root, end = Machine(data, 0, around).run()
    if type(root) is int and root == MAGIC:
        root = read_legacy(data, end, around)
    elif bytes(data[end : end + 16]).strip(b"\0\r\n ") or len(data) - end > 16:
        raise Refused("goes on after its end", UNTRUSTED)
    return Resolver(around.budget).value(root)


def outline_legacy(start: memoryview, around: Surroundings) -> Any:
    """What a legacy torch file holds without its numbers; start: of the file, all its pickles."""
    root, end = Machine(start, 0, around).run()
    if not (type(root) is int and root == MAGIC):
        raise Refused("is no file of torch's", "give the file that its authors publish")
    return Resolver(around.budget).value(read_legacy(start, end, around))


def read_nested(data: memoryview, around: Surroundings) -> Any:
    """The unresolved root of a legacy torch file that lies within a pickle."""
    inner = replace(around, storage_of=None, level=around.level + 1)
    root, end = Machine(data, 0, inner).run()
    if not (type(root) is int and root == MAGIC):
        raise Refused("has a storage that is no torch file", UNTRUSTED)
    return read_legacy(data, end, inner)


def read_legacy(data: memoryview, at: int, around: Surroundings) -> Any:
    """The unresolved root of a legacy torch file whose magic number ended at `at`."""
    storages: dict[str, InertStorage] = {}

    def storage_of(persistent_id: Any) -> InertStorage:
        dtype, key, num, view = checked_id(persistent_id)
        root = storages.setdefault(key, InertStorage(dtype, num, is_outline=around.is_outline))
        if root.dtype != dtype or root.num != num:
            raise Refused(f"describes its storage {shown(key)} in two ways", UNTRUSTED)
        if view is None:
            return root
        start, part = view
        if start + part > num:
            raise Refused("has a view that reaches beyond its storage", DAMAGED)
        return InertStorage(dtype, part, root=root, start=start, is_outline=around.is_outline)

    plain = replace(around, storage_of=None)
    version, at = Machine(data, at, plain).run()
    system, at = Machine(data, at, plain).run()
    if version != VERSION or type(system) is not dict or system.get("little_endian") is not True:
        raise Refused("is a torch file of another version or kind of machine", DAMAGED)
    root, at = Machine(data, at, replace(around, storage_of=storage_of)).run()
    keys, at = Machine(data, at, plain).run()
    is_list = type(keys) is list and all(type(key) in (str, int) for key in keys)
    if not is_list or set(map(str, keys)) != storages.keys() or len(keys) != len(storages):
        raise Refused("has other storages than its tensors name", DAMAGED)
    if around.is_outline:
        return root
    for key in keys:
        storage = storages[str(key)]
        num, size = int.from_bytes(data[at : at + 8], "little"), storage.num * item_size(storage.dtype)
        if num != storage.num or len(data) - at < 8 + size:
            raise Refused("is cut short", DAMAGED)
        storage.raw = data[at + 8 : at + 8 + size]
        at += 8 + size
    if at != len(data):
        raise Refused("goes on after its end", UNTRUSTED)
    return root


def checked_id(persistent_id: Any) -> tuple[str, str, int, tuple[int, int] | None]:
    """('storage', type, key, place, number of items[, view (key, start, number)]) -> (type, key, number, (start, number))."""
    fits = (
        type(persistent_id) is tuple and len(persistent_id) in (5, 6) and persistent_id[0] == "storage"
        and type(persistent_id[1]) is StorageType and type(persistent_id[2]) is str and 0 < len(persistent_id[2]) <= 64
        and type(persistent_id[3]) is str and type(persistent_id[4]) is int and 0 <= persistent_id[4] <= MAX_NUMEL
    )  # fmt: skip
    if not fits:
        raise Refused("refers to data outside of it by what is no storage of torch", UNTRUSTED)
    view = persistent_id[5] if len(persistent_id) == 6 else None
    if view is not None:
        if not (type(view) is tuple and len(view) == 3 and all(type(n) is int and 0 <= n <= MAX_NUMEL for n in view[1:])):
            raise Refused("refers to a part of a storage that is none", UNTRUSTED)
        view = (view[1], view[2])
    return persistent_id[1].dtype, persistent_id[2], persistent_id[4], view


def read_torch_archive(archive: Archive, folder: str, around: Surroundings) -> Any:
    """What a torch archive holds whose members lie in `folder` ('archive/' or so)."""
    storages: dict[str, InertStorage] = {}

    def storage_of(persistent_id: Any) -> InertStorage:
        dtype, key, num, view = checked_id(persistent_id)
        if view is not None:
            raise Refused("refers to a part of a storage, which archives of torch do not", UNTRUSTED)
        if key not in storages:
            name = f"{folder}data/{key}"
            if archive.size(name) != num * item_size(dtype):
                raise Refused(f"has a storage {shown(key)} of another size than its tensors name", DAMAGED)
            raw = None if around.is_outline else archive.read(name)
            storages[key] = InertStorage(dtype, num, raw, is_outline=around.is_outline)
        if storages[key].dtype != dtype or storages[key].num != num:
            raise Refused(f"describes its storage {shown(key)} in two ways", UNTRUSTED)
        return storages[key]

    if f"{folder}byteorder" in archive.names and bytes(archive.read(f"{folder}byteorder")) != b"little":
        raise Refused("is a torch file of another kind of machine", DAMAGED)
    data = memoryview(archive.read(f"{folder}data.pkl")).toreadonly()
    root, end = Machine(data, 0, replace(around, storage_of=storage_of)).run()
    if end != len(data):
        raise Refused("goes on after its end", UNTRUSTED)
    return Resolver(around.budget).value(root)
