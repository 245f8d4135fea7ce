"""Torch files, zip archives, NumPy and safetensors files that lie, hide a pickle or eat memory: name -> maker(canary)."""

from __future__ import annotations

import struct
import zlib

from hostile_pickles import Maker, system
from pickle_assembly import (
    array,
    call,
    data,
    dict_of,
    dtype,
    list_of,
    named,
    npy,
    number,
    pickle_of,
    real,
    safetensors,
    shape_of,
    storage,
    tensor,
    text,
    torch_legacy,
    torch_zip,
    tuple_of,
    zip_of,
)  # fmt: skip

LIVE_ARRAYS: dict[str, Maker] = {
    "an array of objects with a call, as npy": lambda c: npy("'|O'", "(1,)", pickle_of(_objects(system(c)))),
    "an array of objects with a call, in npz": lambda c: zip_of({"a.npy": npy("'|O'", "(1,)", pickle_of(_objects(system(c))))}),
}
"""What NumPy runs with allow_pickle=True."""
BIG = bytes(8 << 20)
F32 = '"dtype":"F32","shape":[4],"data_offsets":[0,16]'

TORCH: dict[str, Maker] = {
    "zip: a call": lambda c: torch_zip(system(c)),
    "zip: a call in a persistent id": lambda c: torch_zip(system(c) + b"Q"),
    "zip: a call as a storage's type": lambda c: torch_zip(tensor(storage(kind=system(c)))),
    "zip: a call as a storage's key": lambda c: torch_zip(tensor(storage(key=system(c)))),
    "zip: a call behind the object": lambda c: torch_zip(tensor() + b"." + system(c)),
    "zip: hooks that are called": lambda c: torch_zip(tensor(hooks=b"}" + number(0) + named("os", "system") + b"s")),
    "zip: hooks of harmless things": lambda c: torch_zip(tensor(hooks=b"}" + number(0) + number(1) + b"s")),
    "zip: another storage than a storage": lambda c: torch_zip(storage(tag="module")),
    "zip: a storage of a dict": lambda c: torch_zip(tensor(b"}")),
    "zip: a storage's type that is text": lambda c: torch_zip(tensor(storage(kind=text("FloatStorage")))),
    "zip: a key that climbs": lambda c: torch_zip(tensor(storage(key=text("../../../etc/passwd")))),
    "zip: a key that is absolute": lambda c: torch_zip(tensor(storage(key=text("/etc/passwd")))),
    "zip: a key that names another member": lambda c: torch_zip(tensor(storage(key=text("../data.pkl"), num=number(4)))),
    "zip: a key that is a number": lambda c: torch_zip(tensor(storage(key=number(0)))),
    "zip: a storage that claims 10^12": lambda c: torch_zip(tensor(storage(num=number(10**12)))),
    "zip: a storage that claims one more": lambda c: torch_zip(tensor(storage(num=number(5)))),
    "zip: a storage of infinite size": lambda c: torch_zip(tensor(storage(num=real(float("inf"))))),
    "zip: a storage of negative size": lambda c: torch_zip(tensor(storage(num=number(-4)))),
    "zip: a storage of two types": lambda c: torch_zip(
        list_of(tensor(), tensor(storage(kind=named("torch", "IntStorage"))))
    ),
    "zip: a tensor beyond its storage": lambda c: torch_zip(tensor(size=shape_of(5))),
    "zip: a tensor from beyond its storage": lambda c: torch_zip(tensor(offset=number(1))),
    "zip: a tensor from before its storage": lambda c: torch_zip(tensor(offset=number(-1))),
    "zip: a tensor that strides beyond": lambda c: torch_zip(tensor(stride=shape_of(2))),
    "zip: a tensor that strides back": lambda c: torch_zip(tensor(stride=shape_of(-1))),
    "zip: a tensor whose reach overflows": lambda c: torch_zip(tensor(size=shape_of(2), stride=shape_of((1 << 64) - 1))),
    "zip: a tensor of 10^12 from one number": lambda c: torch_zip(tensor(size=shape_of(10**12), stride=shape_of(0))),
    "zip: a tensor of 10^9 from one number": lambda c: torch_zip(tensor(size=shape_of(10**9), stride=shape_of(0))),
    "zip: a thousand tensors of a million each": lambda c: torch_zip(
        list_of(*[tensor(size=shape_of(10**6), stride=shape_of(0))] * 1000)
    ),
    "zip: a tensor with fewer strides than axes": lambda c: torch_zip(tensor(size=shape_of(2, 2), stride=shape_of(1))),
    "zip: a tensor whose size is not a number": lambda c: torch_zip(tensor(size=tuple_of(real(float("nan"))))),
    "zip: a tensor whose offset is infinite": lambda c: torch_zip(tensor(offset=real(float("inf")))),
    "zip: a tensor whose size is a dict": lambda c: torch_zip(tensor(size=b"}")),
    "zip: a parameter of text": lambda c: torch_zip(call(named("torch._utils", "_rebuild_parameter"), text("x"), b"\x88", b"}")),
    "zip: a quantised tensor": lambda c: torch_zip(call(named("torch._utils", "_rebuild_qtensor"), storage())),
    "zip: a whole network of a foreign class": lambda c: torch_zip(named("models", "Generator") + b")\x81}b"),
    "zip: a TorchScript program": lambda c: torch_zip(
        tensor(), {"archive/code/__torch__.py": b"import os", "archive/constants.pkl": b"."}
    ),
    "zip: of a machine of the other kind": lambda c: torch_zip(tensor(), {"archive/byteorder": b"big"}),
    "zip: without its storage": lambda c: zip_of({"a/data.pkl": pickle_of(tensor())}),
    "zip: two objects": lambda c: zip_of({"a/data.pkl": pickle_of(system(c)), "b/data.pkl": pickle_of(b"N")}),
    "zip: its object is packed a thousandfold": lambda c: zip_of({"a/data.pkl": bytes(80 << 20)}, packed=True),
    "zip: its storage is packed a thousandfold": lambda c: zip_of(
        {"a/data.pkl": pickle_of(tensor(storage(num=number(20 << 20)))), "a/data/0": bytes(80 << 20)}, packed=True
    ),
    "legacy: a call": lambda c: torch_legacy(system(c)),
    "legacy: a call in its facts": lambda c: torch_legacy(tensor(), system=system(c)),
    "legacy: a call in its version": lambda c: torch_legacy(tensor(), version=system(c)),
    "legacy: a call in its keys": lambda c: torch_legacy(tensor(), keys=list_of(system(c))),
    "legacy: a persistent id in its keys": lambda c: torch_legacy(tensor(), keys=list_of(storage())),
    "legacy: another version": lambda c: torch_legacy(tensor(), version=number(1002)),
    "legacy: of a machine of the other kind": lambda c: torch_legacy(tensor(), system=dict_of({"little_endian": b"\x89"})),
    "legacy: keys that no tensor names": lambda c: torch_legacy(tensor(), keys=list_of(text("0"), text("1"))),
    "legacy: no keys": lambda c: torch_legacy(tensor(), keys=b"]"),
    "legacy: a key twice": lambda c: torch_legacy(tensor(), keys=list_of(text("0"), text("0"))),
    "legacy: a storage that claims 2^60": lambda c: torch_legacy(tensor(), raw=struct.pack("<q", 1 << 60) + bytes(16)),
    "legacy: a storage that claims less than nothing": lambda c: torch_legacy(tensor(), raw=struct.pack("<q", -1) + bytes(16)),
    "legacy: a storage that is cut short": lambda c: torch_legacy(tensor(), raw=struct.pack("<q", 4) + bytes(15)),
    "legacy: something behind the storages": lambda c: torch_legacy(tensor(), raw=struct.pack("<q", 4) + bytes(16) + b"N."),
    "legacy: a view beyond its storage": lambda c: torch_legacy(tensor(_view(2, 3))),
    "legacy: a view that is none": lambda c: torch_legacy(tensor(_view(-1, 2))),
    "legacy: a storage of two sizes": lambda c: torch_legacy(list_of(tensor(), tensor(storage(num=number(3))))),
}  # fmt: skip

ZIP: dict[str, Maker] = {
    "zip: of nothing": lambda c: zip_of({}),
    "zip: of other files": lambda c: zip_of({"readme.txt": b"hello", "a.npy": npy("'<f4'", "(4,)", bytes(16))}),
    "zip: a member twice": lambda c: zip_of([("a.npy", npy("'<f4'", "(4,)", bytes(16)))] * 2),
    "zip: a storage twice": lambda c: zip_of(
        [("a/data.pkl", pickle_of(tensor())), ("a/data/0", bytes(16)), ("a/data/0", b"\1" * 16)]
    ),
    "zip: a member that climbs": lambda c: zip_of({"../../evil.npy": npy("'<f4'", "(4,)", bytes(16))}),
    "zip: an absolute member": lambda c: zip_of({"/tmp/evil.npy": npy("'<f4'", "(4,)", bytes(16))}),
    "zip: a member with a drive": lambda c: zip_of({"C:evil.npy": npy("'<f4'", "(4,)", bytes(16))}),
    "zip: a member with a backslash": lambda c: zip_of({"..\\evil.npy": npy("'<f4'", "(4,)", bytes(16))}),
    "zip: a member with a line break": lambda c: zip_of({"a\nb.npy": npy("'<f4'", "(4,)", bytes(16))}),
    "zip: a member with a zero byte": lambda c: zip_of({"aXb.npy": npy("'<f4'", "(4,)", bytes(16))}).replace(b"aXb", b"a\0b"),
    "zip: encrypted": lambda c: _patched(zip_of({"a.npy": npy("'<f4'", "(4,)", bytes(16))}), flag=1),
    "zip: packed by an unknown method": lambda c: _patched(zip_of({"a.npy": npy("'<f4'", "(4,)", bytes(16))}), method=99),
    "zip: bytes that its checksum denies": lambda c: zip_of({"a.npy": npy("'<f4'", "(4,)", b"\7" * 16)}).replace(
        b"\7" * 16, b"\x08" * 16
    ),
    "zip: a member that claims 4 GB": lambda c: _patched(zip_of({"a.npy": npy("'<f4'", "(4,)", bytes(16))}), size=0xFFFFFFF0),
    "zip: a member that claims one byte more": lambda c: _patched(zip_of({"a.npy": npy("'<f4'", "(4,)", bytes(16))}), size=145),
    "zip: a directory that claims 4 GB": lambda c: _with_directory(zip_of({"a.npy": BIG}), 0xFFFFFFFE),
    "zip: a directory that claims 8 MB": lambda c: _with_directory(zip_of({"a.npy": BIG}), 8 << 20),
    "zip: a directory of 60,000 members": lambda c: zip_of([(f"{k:060}.npy", b"") for k in range(60_000)]),
    "zip: 128 megabytes of zeros": lambda c: _zeros(128 << 20),
    "zip: twelve members of zeros": lambda c: zip_of({f"{k}.npy": BIG for k in range(12)}, packed=True),
    "zip: a zip in a zip": lambda c: zip_of({"a.npy": zip_of({"b.npy": npy("'<f4'", "(4,)", bytes(16))})}),
    "zip: a pickle in place of an array": lambda c: zip_of({"a.npy": pickle_of(system(c))}),
    "zip: cut short": lambda c: zip_of({"a.npy": npy("'<f4'", "(4,)", bytes(16))})[:-10],
    "zip: only its first bytes": lambda c: b"PK\x03\x04",
}  # fmt: skip

NUMPY: dict[str, Maker] = {
    "npy: 10^12 numbers": lambda c: npy("'<f4'", "(1000000000000,)", bytes(16)),
    "npy: a size of a thousand digits": lambda c: npy("'<f4'", f"({'9' * 1000},)", bytes(16)),
    "npy: a size of ten thousand digits": lambda c: npy("'<f4'", f"({'9' * 10000},)", bytes(16)),
    "npy: a size that overflows": lambda c: npy("'<f8'", "(8589934592, 8589934592)", bytes(16)),
    "npy: a negative size": lambda c: npy("'<f4'", "(-4,)", bytes(16)),
    "npy: a size that is text": lambda c: npy("'<f4'", "('4',)", bytes(16)),
    "npy: a header that calls": lambda c: npy(f"__import__('os').system('echo > {c}')", "(4,)", bytes(16)),
    "npy: a header that calls in its shape": lambda c: npy("'<f4'", f"(__import__('os').system('echo > {c}'),)", bytes(16)),
    "npy: a header of brackets": lambda c: npy("(" * 5000 + ")" * 5000, "(4,)", bytes(16)),
    "npy: a header of signs": lambda c: npy("'<f4'", "-" * 9000 + "1", bytes(16)),
    "npy: a header that claims 4 GB": lambda c: npy("'<f4'", "(4,)", bytes(16), version=2, length=0xFFFFFFFF),
    "npy: a header longer than the file": lambda c: npy("'<f4'", "(4,)", b"", length=60_000),
    "npy: a header that is no dict": lambda c: b"\x93NUMPY\x01\x00\x04\x00[1]\n" + bytes(16),
    "npy: version 9": lambda c: npy("'<f4'", "(4,)", bytes(16), version=9),
    "npy: only its first bytes": lambda c: b"\x93NUMPY",
    "npy: too few bytes": lambda c: npy("'<f4'", "(5,)", bytes(16)),
    "npy: too many bytes": lambda c: npy("'<f4'", "(3,)", bytes(16)),
    "npy: fields": lambda c: npy("[('a', '<f4'), ('b', '|O')]", "(4,)", bytes(48)),
    "npy: a void type": lambda c: npy("'|V4'", "(4,)", bytes(16)),
    "npy: text of no length": lambda c: npy("'<U0'", "(1000000000,)"),
    "npy: objects from bytes (pointers)": lambda c: npy("'|O'", "(2,)", b"A" * 16),
    "npy: objects of another shape": lambda c: npy("'|O'", "(2,)", pickle_of(_objects(b"N"))),
    "npy: objects that are no array": lambda c: npy("'|O'", "(1,)", pickle_of(list_of(b"N"))),
    "npy: objects with a call": lambda c: npy("'|O'", "()", pickle_of(dict_of({"static_lmk_faces_idx": system(c)}))),
    "npy: objects with a persistent id": lambda c: npy("'|O'", "()", pickle_of(storage())),
    "npy: objects with a torch file with a call": lambda c: npy(
        "'|O'", "()", pickle_of(call(named("torch.storage", "_load_from_bytes"), data(torch_legacy(system(c)))))
    ),
    "npy: objects and something behind them": lambda c: npy("'|O'", "()", pickle_of(b"N") + pickle_of(system(c))),
}  # fmt: skip

SAFETENSORS: dict[str, Maker] = {
    "safetensors: a header that is no JSON": lambda c: safetensors(b"{os.system('x')}" + b" " * 8),
    "safetensors: a header of brackets": lambda c: safetensors('{"a":' + "[" * 100_000),
    "safetensors: a header of dicts": lambda c: safetensors('{"a":' * 100_000),
    "safetensors: a header of 5 MB": lambda c: safetensors("{" + " " * (5 << 20) + "}"),
    "safetensors: a header of a million lists": lambda c: safetensors('{"a":[' + "[]," * 1_000_000 + "0]}"),
    "safetensors: a tensor named twice": lambda c: safetensors(f'{{"a":{{{F32}}},"a":{{{F32}}}}}', bytes(16)),
    "safetensors: overlapping tensors": lambda c: safetensors(f'{{"a":{{{F32}}},"b":{{{F32}}}}}', bytes(16)),
    "safetensors: a hole": lambda c: safetensors('{"a":{"dtype":"F32","shape":[4],"data_offsets":[16,32]}}', bytes(32)),
    "safetensors: beyond its end": lambda c: safetensors('{"a":{"dtype":"F32","shape":[8],"data_offsets":[0,32]}}', bytes(16)),
    "safetensors: bytes of no tensor": lambda c: safetensors(f'{{"a":{{{F32}}}}}', bytes(20)),
    "safetensors: cut short": lambda c: safetensors(f'{{"a":{{{F32}}}}}', bytes(15)),
    "safetensors: backwards": lambda c: safetensors('{"a":{"dtype":"F32","shape":[4],"data_offsets":[16,0]}}', bytes(16)),
    "safetensors: from before its start": lambda c: safetensors(
        '{"a":{"dtype":"F32","shape":[8],"data_offsets":[-16,16]}}', bytes(16)
    ),
    "safetensors: a shape that lies": lambda c: safetensors('{"a":{"dtype":"F32","shape":[5],"data_offsets":[0,16]}}', bytes(16)),
    "safetensors: 10^12 numbers": lambda c: safetensors(
        '{"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]}}', bytes(16)
    ),
    "safetensors: a size of a million digits": lambda c: safetensors(
        f'{{"a":{{"dtype":"F32","shape":[{"9" * 10**6}],"data_offsets":[0,16]}}}}', bytes(16)
    ),
    "safetensors: a size that is infinite": lambda c: safetensors(
        '{"a":{"dtype":"F32","shape":[Infinity],"data_offsets":[0,16]}}', bytes(16)
    ),
    "safetensors: a size that is not a number": lambda c: safetensors(
        '{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,16]}}', bytes(16)
    ),
    "safetensors: a size that is true": lambda c: safetensors('{"a":{"dtype":"U8","shape":[true],"data_offsets":[0,1]}}', b"x"),
    "safetensors: offsets that are fractions": lambda c: safetensors(
        '{"a":{"dtype":"F32","shape":[4],"data_offsets":[0.0,16.0]}}', bytes(16)
    ),
    "safetensors: an object type": lambda c: safetensors('{"a":{"dtype":"O","shape":[2],"data_offsets":[0,16]}}', bytes(16)),
    "safetensors: a type that is a list": lambda c: safetensors(
        '{"a":{"dtype":[],"shape":[4],"data_offsets":[0,16]}}', bytes(16)
    ),
    "safetensors: a tensor that is text": lambda c: safetensors('{"a":"os.system"}'),
    "safetensors: a tensor with more to say": lambda c: safetensors(f'{{"a":{{{F32},"code":"x"}}}}', bytes(16)),
    "safetensors: metadata that are no text": lambda c: safetensors('{"__metadata__":{"a":{"b":1}}}'),
    "safetensors: text that is no UTF-8": lambda c: safetensors(b'{"\xff\xfe":1}'),
}  # fmt: skip

OTHERS: dict[str, Maker] = {
    "an empty file": lambda c: b"",
    "a web page": lambda c: b"<!DOCTYPE html><html><title>Google Drive - Virus scan warning</title></html>",
    "a pointer of Git LFS": lambda c: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "JSON": lambda c: b'{"weights": [1, 2, 3]}',
    "JSON in a list": lambda c: b"[1, 2, 3]",
    "a gzip file": lambda c: b"\x1f\x8b\x08" + bytes(20),
    "a tar archive": lambda c: b"evil.py".ljust(257, b"\0") + b"ustar\x0000" + bytes(300),
    "a picture": lambda c: b"\x89PNG\r\n\x1a\n" + bytes(20),
    "an HDF5 file": lambda c: b"\x89HDF\r\n\x1a\n" + bytes(20),
    "a program": lambda c: b"\x7fELF" + bytes(60),
    "a Python source": lambda c: f"import os\nos.system('echo > {c}')\n".encode(),
    "zeros": lambda c: bytes(1000),
    "noise": lambda c: zlib.compress(bytes(range(256)) * 4),
}


def _objects(item: bytes) -> bytes:
    return array(shape_of(1), raw=list_of(item), dtype_of=dtype("O8"))


def _view(start: int, num: int) -> bytes:
    view = tuple_of(text("1"), number(start), number(num))
    return tuple_of(text("storage"), named("torch", "FloatStorage"), text("0"), text("cpu"), number(4), view) + b"Q"


def _patched(archive: bytes, flag: int | None = None, method: int | None = None, size: int | None = None) -> bytes:
    """The one member's entries, in front of it and in the directory, with another flag, method or (both) sizes."""
    raw = bytearray(archive)
    for start, at in ((0, 6), (raw.index(b"PK\x01\x02"), 8)):
        if flag is not None:
            struct.pack_into("<H", raw, start + at, flag)
        if method is not None:
            struct.pack_into("<H", raw, start + at + 2, method)
        if size is not None:
            struct.pack_into("<II", raw, start + at + 12, size, size)
    return bytes(raw)


def _with_directory(archive: bytes, size: int) -> bytes:
    raw = bytearray(archive)
    struct.pack_into("<I", raw, raw.rindex(b"PK\x05\x06") + 12, size)
    return bytes(raw)


def _zeros(size: int) -> bytes:
    """An archive of one member of `size` zeros, made without having them."""
    packer, packed, crc, piece = zlib.compressobj(9, zlib.DEFLATED, -15), [], 0, bytes(1 << 20)
    for _ in range(size >> 20):
        packed.append(packer.compress(piece))
        crc = zlib.crc32(piece, crc)
    body, name = b"".join([*packed, packer.flush()]), b"a.npy"
    facts = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, crc, len(body), size, len(name), 0)
    local = b"PK\x03\x04" + facts + name + body
    directory = b"PK\x01\x02\x14\x00" + facts + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
    return local + directory + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(directory), len(local), 0)
