"""Pickles and zip archives put together by hand, also such as no pickler and no zip program would write."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
from collections.abc import Mapping

MAGIC = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""torch's magic number, 0x1950a86a20f9469cfc6c, as a pickle (without its protocol)."""


def text(value: str) -> bytes:
    raw = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(raw)) + raw


def data(value: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(value)) + value


def number(value: int) -> bytes:
    raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return (b"\x8a" + bytes([len(raw)]) if len(raw) < 256 else b"\x8b" + struct.pack("<i", len(raw))) + raw


def real(value: float) -> bytes:
    return b"G" + struct.pack(">d", value)


def named(module: str, name: str) -> bytes:
    return b"c" + f"{module}\n{name}\n".encode()


def named_on_stack(module: str, name: str) -> bytes:
    return b"\x8c" + bytes([len(module)]) + module.encode() + b"\x8c" + bytes([len(name)]) + name.encode() + b"\x93"


def tuple_of(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def list_of(*items: bytes) -> bytes:
    return b"](" + b"".join(items) + b"e"


def dict_of(items: Mapping[str, bytes]) -> bytes:
    return b"}(" + b"".join(text(name) + value for name, value in items.items()) + b"u"


def call(function: bytes, *arguments: bytes) -> bytes:
    return function + tuple_of(*arguments) + b"R"


def pickle_of(body: bytes, protocol: int = 2) -> bytes:
    return b"\x80" + bytes([protocol]) + body + b"."


def dtype(code: str, state: bytes = b"") -> bytes:
    plain = tuple_of(number(3), text("<"), b"N", b"N", b"N", number(-1), number(-1), number(0))
    return call(named("numpy", "dtype"), text(code), b"\x89", b"\x88") + (state or plain) + b"b"


def array(shape: bytes, code: str = "f4", raw: bytes = b"", dtype_of: bytes = b"", subtype: bytes = b"") -> bytes:
    made = call(
        named("numpy.core.multiarray", "_reconstruct"), subtype or named("numpy", "ndarray"), tuple_of(number(0)), data(b"b")
    )
    return made + tuple_of(number(1), shape, dtype_of or dtype(code), b"\x89", raw or data(bytes(16))) + b"b"


def shape_of(*sizes: int) -> bytes:
    return tuple_of(*map(number, sizes))


def storage(key: bytes = b"", num: bytes = b"", kind: bytes = b"", tag: str = "storage") -> bytes:
    """A persistent id: FloatStorage '0' of four items."""
    return tuple_of(text(tag), kind or named("torch", "FloatStorage"), key or text("0"), text("cpu"), num or number(4)) + b"Q"


def tensor(stored: bytes = b"", offset: bytes = b"", size: bytes = b"", stride: bytes = b"", hooks: bytes = b"}") -> bytes:
    """A float32 tensor of four items, or with something else about it."""
    return call(
        named("torch._utils", "_rebuild_tensor_v2"), stored or storage(), offset or number(0), size or shape_of(4),
        stride or shape_of(1), b"\x89", hooks,
    )  # fmt: skip


def zip_of(members: Mapping[str, bytes] | list[tuple[str, bytes]], packed: bool = False) -> bytes:
    """A zip archive; a list may name a member twice."""
    file = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items() if isinstance(members, Mapping) else members:
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=archive.compression)
    return file.getvalue()


def torch_zip(body: bytes, more: Mapping[str, bytes] | None = None, folder: str = "archive") -> bytes:
    """A torch archive whose object is `body` and whose storage '0' has four float32 items."""
    members = {f"{folder}/data.pkl": pickle_of(body), f"{folder}/version": b"3\n", f"{folder}/data/0": bytes(16)}
    return zip_of(members | dict(more or {}))


def torch_legacy(body: bytes, keys: bytes = b"", raw: bytes = b"", system: bytes = b"", version: bytes = b"") -> bytes:
    """A legacy torch file with storage '0' of four float32 items."""
    facts = system or dict_of({"protocol_version": number(1001), "little_endian": b"\x88", "type_sizes": b"}"})
    pickles = [version or number(1001), facts, body, keys or list_of(text("0"))]
    start = b"\x80\x02" + MAGIC + b"".join(map(pickle_of, pickles))
    return start + (raw or struct.pack("<q", 4) + bytes(16))


def npy(descr: str, shape: str, body: bytes = b"", fortran: str = "False", version: int = 1, length: int | None = None) -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n".encode()
    width = "<H" if version == 1 else "<I"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack(width, len(header) if length is None else length) + header + body


def safetensors(header: str | bytes, body: bytes = b"", length: int | None = None) -> bytes:
    raw = header.encode() if isinstance(header, str) else header
    return struct.pack("<Q", len(raw) if length is None else length) + raw + body
