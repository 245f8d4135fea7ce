"""Pickles that try to run something, to eat memory or time, or that are no pickles: name -> maker(canary) -> the file's bytes.

`canary` is a path: what runs creates that file. The makers of LIVE do run under Python's own pickle, which a test proves.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable

from pickle_assembly import (
    array,
    call,
    data,
    dict_of,
    dtype,
    list_of,
    named,
    named_on_stack,
    number,
    pickle_of,
    real,
    shape_of,
    storage,
    tensor,
    text,
    torch_legacy,
    tuple_of,
)  # fmt: skip

Maker = Callable[[str], bytes]
LIVE: dict[str, Maker] = {}
DEAD: dict[str, Maker] = {}


def command(canary: str) -> bytes:
    return text(f"echo > '{canary}'")


def python(canary: str) -> str:
    return f"open({canary!r}, 'w').close()"


def system(canary: str) -> bytes:
    """os.system, called."""
    return call(named("os", "system"), command(canary))


class _Reduced:
    def __init__(self, canary: str) -> None:
        self.canary = canary

    def __reduce__(self):
        return eval, (python(self.canary),)


def _reduced(protocol: int) -> Maker:
    return lambda canary: pickle.dumps({"weight": _Reduced(canary)}, protocol)


LIVE |= {f"an object whose __reduce__ is eval, protocol {protocol}": _reduced(protocol) for protocol in range(6)}
LIVE |= {
    "os.system": lambda c: pickle_of(system(c)),
    "posix.system in protocol 0": lambda c: f"cposix\nsystem\n(Vecho > '{c}'\ntR.".encode(),
    "os.system by the opcode INST": lambda c: f"(Vecho > '{c}'\nios\nsystem\n.".encode(),
    "os.system by the opcode OBJ": lambda c: pickle_of(b"(" + named("os", "system") + command(c) + b"o"),
    "builtins.eval": lambda c: pickle_of(call(named("builtins", "eval"), text(python(c)))),
    "builtins.exec": lambda c: pickle_of(call(named("builtins", "exec"), text(python(c)))),
    "Python 2's __builtin__.eval": lambda c: pickle_of(call(named("__builtin__", "eval"), text(python(c)))),
    "builtins.open": lambda c: pickle_of(call(named("builtins", "open"), text(c), text("w"))),
    "io.open": lambda c: pickle_of(call(named("io", "open"), text(c), text("w"))),
    "subprocess.call": lambda c: pickle_of(call(named("subprocess", "call"), list_of(text("touch"), text(c)))),
    "getattr of an imported module": lambda c: pickle_of(
        call(call(named("builtins", "getattr"), call(named("builtins", "__import__"), text("os")), text("system")), command(c))
    ),
    "importlib and a methodcaller": lambda c: pickle_of(
        call(
            call(named("operator", "methodcaller"), text("system"), command(c)),
            call(named("importlib", "import_module"), text("os")),
        )
    ),
    "functools.partial": lambda c: pickle_of(call(call(named("functools", "partial"), named("os", "system"), command(c)))),
    "timeit.timeit": lambda c: pickle_of(
        call(named("timeit", "timeit"), text(python(c)), text("pass"), named("time", "time"), number(1))
    ),
    "a dotted name through a harmless module": lambda c: pickle_of(
        call(named_on_stack("shutil", "os.system"), command(c)), 4
    ),
    "a dotted name through numpy": lambda c: pickle_of(
        call(named_on_stack("numpy", "ma.core.inspect.os.system"), command(c)), 4
    ),
    "a method of a class by its dotted name": lambda c: pickle_of(
        call(named_on_stack("pathlib", "Path.touch"), call(named("pathlib", "PosixPath"), text(c))), 4
    ),
    "a __setstate__ that BUILD put there": lambda c: pickle_of(
        named("argparse", "Namespace") + b")\x81" + dict_of({"__setstate__": named("os", "system")}) + b"b" + command(c) + b"b"
    ),
    "a pickle in a pickle, by pickle.loads": lambda c: pickle_of(call(named("_pickle", "loads"), data(pickle_of(system(c))))),
    "a code string of numpy's tests": lambda c: pickle_of(
        call(named("numpy.testing._private.utils", "runstring"), text(python(c)), b"}")
    ),
    "a call among the keys of a dict": lambda c: pickle_of(b"}(" + system(c) + number(1) + b"u"),
    "a call that is thrown away": lambda c: pickle_of(system(c) + b"0" + number(1)),
    "the extension registry": lambda c: pickle_of(b"\x82\x01" + tuple_of(command(c)) + b"R"),
    "a call within an array of objects": lambda c: pickle_of(array(shape_of(1), raw=list_of(system(c)), dtype_of=dtype("O8"))),
    "a factory of a defaultdict": lambda c: pickle_of(
        call(named("collections", "defaultdict"), system(c) + b"0N")
    ),
}  # fmt: skip

DEAD |= {
    "an object by the opcode OBJ": lambda c: pickle_of(b"(" + named("argparse", "Namespace") + b"o"),
    # what runs only where other packages are, or what the allow-list's own entries could be bent to
    "torch.load": lambda c: pickle_of(call(named("torch", "load"), text(c), b"N", b"N", b"\x89")),
    "torch.hub.load": lambda c: pickle_of(call(named("torch.hub", "load"), text("a/b"), text("c"))),
    "torch's jit": lambda c: pickle_of(call(named("torch.jit", "load"), text(c))),
    "joblib": lambda c: pickle_of(call(named("joblib", "load"), text(c))),
    "numpy.load": lambda c: pickle_of(call(named("numpy", "load"), text(c), b"N", b"\x88")),
    "numpy.memmap": lambda c: pickle_of(call(named("numpy", "memmap"), text(c), text("u1"), text("w+"))),
    "numpy.fromfile": lambda c: pickle_of(call(named("numpy", "fromfile"), text("passwd"))),
    "ctypes": lambda c: pickle_of(call(named("ctypes", "CDLL"), text("libc.so.6"))),
    "a shared library by torch": lambda c: pickle_of(call(named("torch", "ops.load_library"), text("evil.so"))),
    "the extension registry, two bytes": lambda c: pickle_of(b"\x83\x01\x00" + tuple_of(command(c)) + b"R"),
    "the extension registry, four bytes": lambda c: pickle_of(b"\x84\x01\x00\x00\x00" + tuple_of(command(c)) + b"R"),
    "a class by NEWOBJ": lambda c: pickle_of(named("subprocess", "Popen") + tuple_of(command(c)) + b"\x81"),
    "a class by NEWOBJ_EX": lambda c: pickle_of(named("argparse", "Namespace") + b")}\x92", 4),
    "a persistent id in a plain pickle": lambda c: pickle_of(tuple_of(text("storage")) + b"Q"),
    "a persistent id as text": lambda c: b"Pos.system\n.",
    "a buffer from outside": lambda c: pickle_of(b"\x97", 5),
    "a read-only buffer": lambda c: pickle_of(data(b"x") + b"\x98", 5),
    "a call of text": lambda c: pickle_of(text("os.system") + tuple_of(command(c)) + b"R"),
    "a call of a dict": lambda c: pickle_of(b"}" + tuple_of(command(c)) + b"R"),
    "a call of an entry that is only a name": lambda c: pickle_of(call(named("builtins", "list"), text("x"))),
    "a call of an array": lambda c: pickle_of(array(shape_of(4)) + tuple_of(command(c)) + b"R"),
    "a class as a value": lambda c: pickle_of(dict_of({"weight": named("numpy", "ndarray")})),
    "a name that is no text": lambda c: pickle_of(number(1) + text("system") + b"\x93", 4),
    "BUILD on text": lambda c: pickle_of(text("x") + dict_of({"__class__": text("y")}) + b"b"),
    "BUILD on a list": lambda c: pickle_of(b"]" + dict_of({"append": text("y")}) + b"b"),
    "BUILD on an allowed function": lambda c: pickle_of(named("_codecs", "encode") + dict_of({"__code__": text("y")}) + b"b"),
    "BUILD with attributes that have no names": lambda c: pickle_of(
        named("argparse", "Namespace") + b")\x81}" + number(1) + number(2) + b"sb"
    ),
    "NEWOBJ with arguments where none belong": lambda c: pickle_of(
        named("argparse", "Namespace") + tuple_of(text("x")) + b"\x81"
    ),
    "copyreg._reconstructor with another base": lambda c: pickle_of(
        call(named("copy_reg", "_reconstructor"), named("argparse", "Namespace"), named("__builtin__", "list"), b"]")
    ),
    "copyreg._reconstructor of a function": lambda c: pickle_of(
        call(named("copy_reg", "_reconstructor"), named("_codecs", "encode"), named("__builtin__", "object"), b"N")
    ),
    "an encoding other than latin1": lambda c: pickle_of(call(named("_codecs", "encode"), text("abc"), text("zlib"))),
    "a storage that is a pickle with a call": lambda c: pickle_of(
        call(named("torch.storage", "_load_from_bytes"), data(pickle_of(system(c))))
    ),
    "a storage that is a torch file with a call": lambda c: pickle_of(
        call(named("torch.storage", "_load_from_bytes"), data(torch_legacy(system(c))))
    ),
    "storages nested in storages": lambda c: pickle_of(_nested_storages(5)),
    "a tensor rebuilt by another function": lambda c: pickle_of(
        call(
            named("torch._tensor", "_rebuild_from_type_v2"), named("_codecs", "encode"), named("torch", "Tensor"),
            tuple_of(text("a"), text("latin1")), b"}",
        )
    ),
    "a tensor of another type": lambda c: pickle_of(
        call(
            named("torch._tensor", "_rebuild_from_type_v2"), named("torch._utils", "_rebuild_tensor_v2"),
            named("argparse", "Namespace"), b")", b"}",
        )
    ),
    "a network of NVIDIA's kind without a class": lambda c: pickle_of(_persistent({"type": text("class"), "state": b"}"})),
    "a network of NVIDIA's kind of another type": lambda c: pickle_of(
        _persistent({"type": text("function"), "class_name": text("G"), "state": b"}", "module_src": text(python(c))})
    ),
    "a call in the state of NVIDIA's network": lambda c: pickle_of(
        _network({"_parameters": system(c)})
    ),
    "NVIDIA's network whose parameters are none": lambda c: pickle_of(
        _network({"_parameters": dict_of({"w": text("x")})})
    ),
    "NVIDIA's network whose part is none": lambda c: pickle_of(
        _network({"_modules": dict_of({"b4": number(1)})})
    ),
    "NVIDIA's network with a dot in a name": lambda c: pickle_of(
        _network({"_modules": dict_of({"a.b": b"N"})})
    ),
    # NumPy's pointers, types and shapes
    "an array of objects from bytes (pointers)": lambda c: pickle_of(
        array(shape_of(2), dtype_of=dtype("O8"), raw=data(b"A" * 16))
    ),
    "an array of objects from as many bytes": lambda c: pickle_of(array(shape_of(2), dtype_of=dtype("O8"), raw=data(b"AB"))),
    "an object scalar from bytes (a pointer)": lambda c: pickle_of(
        call(named("numpy.core.multiarray", "scalar"), dtype("O8"), data(b"A" * 8))
    ),
    "an array of another class": lambda c: pickle_of(array(shape_of(4), subtype=named("numpy", "dtype"))),
    "an array of a memmap": lambda c: pickle_of(array(shape_of(4), subtype=named("numpy", "memmap"))),
    "an array that is filled twice": lambda c: pickle_of(
        array(shape_of(4)) + tuple_of(number(1), shape_of(4), dtype("f4"), b"\x89", data(bytes(16))) + b"b"
    ),
    "an array that is never filled": lambda c: pickle_of(
        call(named("numpy.core.multiarray", "_reconstruct"), named("numpy", "ndarray"), tuple_of(number(0)), data(b"b"))
    ),
    "an array made with a shape of its own": lambda c: pickle_of(
        call(named("numpy.core.multiarray", "_reconstruct"), named("numpy", "ndarray"), shape_of(1 << 40), data(b"b"))
    ),
    "a data type with fields": lambda c: pickle_of(
        array(shape_of(4), dtype_of=dtype("f4", tuple_of(
            number(3), text("<"), b"N", tuple_of(text("a")), dict_of({"a": tuple_of(dtype("O8"), number(0))}),
            number(4), number(4), number(0),
        )))
    ),
    "a data type within a data type": lambda c: pickle_of(
        array(shape_of(4), dtype_of=dtype("f4", tuple_of(
            number(3), text("<"), tuple_of(dtype("f4"), shape_of(1 << 40)), b"N", b"N", number(4), number(4), number(0),
        )))
    ),
    "a data type from a dict": lambda c: pickle_of(call(named("numpy", "dtype"), dict_of({"names": b"]"}), b"\x89", b"\x88")),
    "a void data type": lambda c: pickle_of(array(shape_of(4), code="V4")),
    "a data type of commas": lambda c: pickle_of(array(shape_of(4), code="f4,O")),
    "text of no length, a thousand million times": lambda c: pickle_of(array(shape_of(10**9), code="U0", raw=data(b""))),
    "an array of 10^12 numbers": lambda c: pickle_of(array(shape_of(10**12))),
    "an array whose size overflows 64 bits": lambda c: pickle_of(array(shape_of(1 << 33, 1 << 33))),
    "an array of no rows of 10^30": lambda c: pickle_of(array(shape_of(0, 10**30), raw=data(b""))),
    "an array of a negative size": lambda c: pickle_of(array(shape_of(-4))),
    "an array whose size is infinite": lambda c: pickle_of(array(tuple_of(real(float("inf"))))),
    "an array whose size is not a number": lambda c: pickle_of(array(tuple_of(real(float("nan"))))),
    "an array whose size is true": lambda c: pickle_of(array(tuple_of(b"\x88"))),
    "an array of 40 axes": lambda c: pickle_of(array(shape_of(*[1] * 40), raw=data(bytes(4)))),
    "an array with too few bytes": lambda c: pickle_of(array(shape_of(5))),
    "an array with too many bytes": lambda c: pickle_of(array(shape_of(3))),
    "an array of objects with too few": lambda c: pickle_of(array(shape_of(3), dtype_of=dtype("O8"), raw=list_of(b"N"))),
    "an array of objects that grows afterwards": lambda c: pickle_of(
        list_of(b"N") + b"q\x00" + array(shape_of(1), dtype_of=dtype("O8"), raw=b"h\x00") + b"h\x00Na\x86"
    ),
    "a buffer of another size": lambda c: pickle_of(
        call(named("numpy.core.numeric", "_frombuffer"), data(bytes(4)), dtype("f4"), shape_of(10**9), text("C"))
    ),
    "a sparse matrix beyond its rows": lambda c: pickle_of(_sparse(indices=[0, 9])),
    "a sparse matrix whose columns run back": lambda c: pickle_of(_sparse(indptr=[0, 2, 1, 2])),
    "a sparse matrix without a shape": lambda c: pickle_of(_sparse(shape=b"N")),
    # memory and time
    "a thousand million laughs, of tuples": lambda c: pickle_of(_doubled(b")", b"\x86", 60)),
    "a thousand million laughs, of lists": lambda c: pickle_of(_doubled(b"]", b"l", 60)),
    "a thousand million laughs, as a dict's key": lambda c: pickle_of(b"}" + _doubled(b")", b"\x86", 60) + b"Ns"),
    "a thousand million laughs, in a set": lambda c: pickle_of(b"\x8f(" + _doubled(b")", b"\x86", 60) + b"\x90", 4),
    "a thousand million laughs, as the keys of a torch file": lambda c: torch_legacy(
        tensor(), keys=list_of(_doubled(b"]", b"l", 60))
    ),
    "a thousand million laughs, of NVIDIA's networks": lambda c: pickle_of(_doubled_networks(40)),
    "frozen sets of frozen sets": lambda c: pickle_of(b"(" * 50 + b"\x91" * 50, 4),
    "a list that contains itself": lambda c: pickle_of(b"]q\x00h\x00a"),
    "a dict that contains itself": lambda c: pickle_of(b"}q\x00" + text("a") + b"h\x00s"),
    "an object that contains itself": lambda c: pickle_of(
        named("argparse", "Namespace") + b")\x81q\x00}" + text("a") + b"h\x00sb"
    ),
    "an array that contains itself": lambda c: pickle_of(
        call(named("numpy.core.multiarray", "_reconstruct"), named("numpy", "ndarray"), tuple_of(number(0)), data(b"b"))
        + b"q\x00" + tuple_of(number(1), shape_of(1), dtype("O8"), b"\x89", list_of(b"h\x00")) + b"b"
    ),
    "a list a million deep": lambda c: pickle_of(b"]" * 1_000_000 + b"a" * 999_999),
    "a tuple a million deep": lambda c: pickle_of(b")" + b"\x85" * 1_000_000),
    "marks without end": lambda c: pickle_of(b"(" * 600_000),
    "sets without end": lambda c: pickle_of(b"\x8f" * 600_000, 4),
    "dicts without end": lambda c: pickle_of(b"}" * 600_000),
    "references without end": lambda c: pickle_of(b"N" + b"\x94" * 600_000, 4),
    "dicts from one long list of pairs": lambda c: pickle_of(
        b"](" + tuple_of(text("a"), b"N") * 20_000 + b"eq\x00("
        + call(named("collections", "OrderedDict"), b"h\x00") * 20_000 + b"t"
    ),
    "sets from one long list": lambda c: pickle_of(
        b"](" + b"K\x01" * 20_000 + b"eq\x00(" + call(named("builtins", "set"), b"h\x00") * 20_000 + b"t"
    ),
    "bytes that claim 2^62": lambda c: pickle_of(b"\x8e" + struct.pack("<Q", 1 << 62), 4),
    "a bytearray that claims 2^40": lambda c: pickle_of(b"\x96" + struct.pack("<Q", 1 << 40), 5),
    "text that claims 2^62": lambda c: pickle_of(b"\x8d" + struct.pack("<Q", 1 << 62), 4),
    "text that claims 4 GB": lambda c: pickle_of(b"X" + struct.pack("<I", 0xFFFFFFFF)),
    "a string of negative length": lambda c: pickle_of(b"T" + struct.pack("<i", -5)),
    "a frame that claims 2^60": lambda c: pickle_of(b"\x95" + struct.pack("<Q", 1 << 60) + b"N", 4),
    "an integer of 2 GB": lambda c: pickle_of(b"\x8b" + struct.pack("<i", 0x7FFFFFFF)),
    "an integer of a million bytes": lambda c: pickle_of(b"\x8b" + struct.pack("<i", 10**6) + bytes(10**6)),
    "an integer of negative length": lambda c: pickle_of(b"\x8b" + struct.pack("<i", -1)),
    "an integer of a million digits": lambda c: b"I" + b"9" * 10**6 + b"\n.",
    "a number that is a program": lambda c: b"I__import__('os')\n.",
    "a float that is none": lambda c: b"Fos.system\n.",
    "a reference to 2^32": lambda c: pickle_of(b"j\xff\xff\xff\xff"),
    "a reference by a number that is none": lambda c: b"gxyz\n.",
    # what is no pickle
    "nothing on the stack": lambda c: pickle_of(b""),
    "two objects on the stack": lambda c: pickle_of(b"NN"),
    "an open mark at the end": lambda c: pickle_of(b"(N"),
    "no end": lambda c: pickle_of(b"N")[:-1],
    "a tuple without a mark": lambda c: pickle_of(b"t"),
    "POP from nothing": lambda c: pickle_of(b"0"),
    "APPEND to a tuple": lambda c: pickle_of(b")Na"),
    "SETITEM of a list": lambda c: pickle_of(b"]NNs"),
    "ADDITEMS to a list": lambda c: pickle_of(b"](N\x90", 4),
    "a dict with an odd number of items": lambda c: pickle_of(b"(Nd"),
    "a list as a key": lambda c: pickle_of(b"}]Ns"),
    "a number as a key that collides by design": lambda c: pickle_of(b"}" + number((1 << 61) - 1) + b"Ns"),
    "an unknown opcode": lambda c: pickle_of(b"\xff"),
    "protocol 6": lambda c: pickle_of(b"N", 6),
    "a pickle behind the pickle": lambda c: pickle_of(b"N") + pickle_of(system(c)),
    "text that is no UTF-8": lambda c: pickle_of(b"X\x02\x00\x00\x00\xff\xfe"),
    "a line without an end": lambda c: b"Vabc",
    "a string without quotation marks": lambda c: b"Sabc\n.",
}  # fmt: skip


def _persistent(meta: dict[str, bytes]) -> bytes:
    return call(named("torch_utils.persistence", "_reconstruct_persistent_obj"), dict_of(meta))


def _network(state: dict[str, bytes]) -> bytes:
    return _persistent({"type": text("class"), "class_name": text("G"), "state": dict_of(state)})


def _sparse(indices: list[int] | None = None, indptr: list[int] | None = None, shape: bytes = b"") -> bytes:
    def numbers(values: list[int], code: str) -> bytes:
        return array(shape_of(len(values)), code, data(struct.pack(f"<{len(values)}{'d' if code == 'f8' else 'i'}", *values)))

    state = {
        "data": numbers([1, 1], "f8"), "indices": numbers(indices or [0, 1], "i4"),
        "indptr": numbers(indptr or [0, 1, 2, 2], "i4"), "_shape": shape or shape_of(5, 3),
    }  # fmt: skip
    return named("scipy.sparse.csc", "csc_matrix") + b")\x81" + dict_of(state) + b"b"


def _doubled(start: bytes, join: bytes, times: int) -> bytes:
    """Objects each of which holds the one before twice."""
    opened = b"(" if join == b"l" else b""
    step = [b"q" + bytes([k]) + b"0" + opened + b"h" + bytes([k]) + b"h" + bytes([k]) + join for k in range(times)]
    return start + b"".join(step)


def _doubled_networks(times: int) -> bytes:
    body = _network({"_buffers": dict_of({"w": array(shape_of(4))})})
    for k in range(times):
        twice = dict_of({"a": b"h" + bytes([k]), "b": b"h" + bytes([k])})
        body += b"q" + bytes([k]) + b"0" + _network({"_modules": twice})
    return body


def _nested_storages(times: int) -> bytes:
    body = call(named("torch.storage", "_load_from_bytes"), data(torch_legacy(storage())))
    for _ in range(times):
        body = call(named("torch.storage", "_load_from_bytes"), data(torch_legacy(body)))
    return body
