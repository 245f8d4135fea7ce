"""torch's storages, tensors and parameters in pickles, and the networks of NVIDIA's pickles, as NumPy arrays, without torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .inert import Inert, InertObject, InertValue
from .inert_numpy import checked_shape
from .limits import DAMAGED, UNTRUSTED, Refused, Surroundings, shown
from .values import Record

if TYPE_CHECKING:
    from .resolve import Resolver

DTYPES = {
    "float64": "<f8", "float32": "<f4", "float16": "<f2", "bfloat16": "<u2", "int64": "<i8", "int32": "<i4", "int16": "<i2",
    "int8": "i1", "uint8": "u1", "uint16": "<u2", "uint32": "<u4", "uint64": "<u8", "bool": "u1", "complex64": "<c8",
    "complex128": "<c16",
}  # fmt: skip
"""torch's data types, and how their bytes are read; bfloat16 becomes float32 (exactly), bool any byte but 0."""
STORAGES = {
    "Double": "float64", "Float": "float32", "Half": "float16", "BFloat16": "bfloat16", "Long": "int64", "Int": "int32",
    "Short": "int16", "Char": "int8", "Byte": "uint8", "Bool": "bool", "ComplexFloat": "complex64", "ComplexDouble": "complex128",
}  # fmt: skip
UNTYPED = "untyped"
MAX_NESTED_FILES = 2
OUTLINE_BYTES = 256
"""What a tensor without its numbers takes."""


def item_size(dtype: str) -> int:
    return 1 if dtype == UNTYPED else np.dtype(DTYPES[dtype]).itemsize


@dataclass(frozen=True, eq=False)
class StorageType(Inert):
    """A class of storages, torch.FloatStorage or so."""

    dtype: str = UNTYPED


class InertDtypeName(InertValue):
    """torch.float32 or so, as a value; it resolves to its name."""

    class_name = "torch.dtype"

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype

    def resolve(self, resolver: Resolver) -> str:
        return f"torch.{self.dtype}"


class InertStorage(InertValue):
    """num items of dtype. raw: their bytes, which a legacy file has only after its pickles; a view lies in another at `start`.
    is_outline: its bytes are not wanted."""

    class_name = "a torch storage"

    def __init__(
        self, dtype: str, num: int, raw: Any = None, root: InertStorage | None = None, start: int = 0, *, is_outline: bool = False
    ) -> None:
        self.dtype, self.num, self.raw, self.root, self.start = dtype, num, raw, root, start
        self.is_claimed, self.is_outline = False, is_outline

    @property
    def num_bytes(self) -> int:
        return self.num * item_size(self.dtype)

    def bytes(self) -> memoryview:
        size = item_size(self.dtype)
        if self.root is not None:
            return self.root.bytes()[self.start * size : (self.start + self.num) * size]
        if self.raw is None:
            raise Refused("names data that it does not have", DAMAGED)
        return memoryview(self.raw)

    def claim(self, dtype: np.dtype) -> np.ndarray | None:
        """The whole storage as an array without a copy, once, where its bytes are its own (a bytearray)."""
        if self.is_claimed or type(self.raw) is not bytearray:
            return None
        self.is_claimed = True
        return np.frombuffer(self.raw, dtype)

    def resolve(self, resolver: Resolver) -> np.ndarray:
        return InertTensor(self, self.dtype, 0, (self.num,), (1,)).resolve(resolver)


class InertTensor(InertValue):
    """A tensor: a view of a storage. offset and stride in items."""

    class_name = "a torch tensor"

    def __init__(self, storage: InertStorage, dtype: str, offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> None:
        self.storage, self.dtype, self.offset, self.size, self.stride = storage, dtype, offset, size, stride

    def resolve(self, resolver: Resolver) -> np.ndarray:
        """A writable array of its own, in C order; of an outline zeros that take no memory."""
        dtype = np.dtype("u1" if self.dtype == UNTYPED else DTYPES[self.dtype])
        count, is_outline = math.prod(self.size), self.storage.is_outline
        raw = b"" if is_outline else self.storage.bytes()
        last = self.offset + sum((n - 1) * step for n, step in zip(self.size, self.stride, strict=True))
        if count and (last + 1) * dtype.itemsize > (self.storage.num_bytes if is_outline else len(raw)):
            raise Refused(f"has a tensor of shape {shown(self.size)} that reaches beyond its data", DAMAGED)
        if is_outline:
            resolver.budget.take_bytes(OUTLINE_BYTES, "a tensor")
            return np.broadcast_to(np.zeros((), {"bfloat16": "<f4", "bool": "?"}.get(self.dtype, dtype)), self.size)
        resolver.budget.take_bytes(count * dtype.itemsize * (2 if self.dtype == "bfloat16" else 1), "a tensor")
        if not count:
            array = np.empty(self.size, dtype)
        elif count * dtype.itemsize == len(raw) and self._is_dense() and (whole := self.storage.claim(dtype)) is not None:
            array = whole.reshape(self.size)
        else:
            items = np.frombuffer(raw[: len(raw) // dtype.itemsize * dtype.itemsize], dtype)
            steps = tuple(step * dtype.itemsize if n > 1 else 0 for n, step in zip(self.size, self.stride, strict=True))
            array = np.ndarray(self.size, dtype, items, self.offset * dtype.itemsize, steps).copy("C")
        if self.dtype == "bfloat16":
            return (array.astype("<u4") << 16).view("<f4")
        return array != 0 if self.dtype == "bool" else array

    def _is_dense(self) -> bool:
        """Whether the items lie in C order without gaps."""
        step = 1
        for n, stride in zip(reversed(self.size), reversed(self.stride), strict=True):
            if n > 1 and stride != step:
                return False
            step *= n
        return True


def _tensor(description: tuple[Any, ...], dtype: str | None = None) -> InertTensor:
    storage, offset, size, stride = description
    shape, steps = checked_shape(size), _checked_steps(stride)
    if type(storage) is not InertStorage or type(offset) is not int or offset < 0 or len(shape) != len(steps):
        raise Refused("has a tensor without a description", UNTRUSTED)
    if dtype is None and storage.dtype == UNTYPED:
        raise Refused("has a tensor without a data type", DAMAGED)
    return InertTensor(storage, dtype or storage.dtype, offset, shape, steps)


def _checked_steps(stride: Any) -> tuple[int, ...]:
    """Strides out of a file, none negative; how far they reach is checked when the tensor is made."""
    _plain(type(stride) in (tuple, list) and all(type(n) is int and n >= 0 for n in stride))
    return tuple(stride)


def _plain(condition: bool) -> None:
    if not condition:
        raise Refused("makes a tensor in a way that torch does not", UNTRUSTED)


def make_tensor(around: Surroundings, arguments: tuple[Any, ...]) -> InertTensor:
    """torch's _rebuild_tensor and _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks, metadata)."""
    _plain(4 <= len(arguments) <= 7 and not any(arguments[5:6]))
    return _tensor(arguments[:4])


def make_typed_tensor(around: Surroundings, arguments: tuple[Any, ...]) -> InertTensor:
    """torch's _rebuild_tensor_v3: as v2, of a storage without a type."""
    _plain(7 <= len(arguments) <= 8 and not arguments[5] and type(arguments[6]) is InertDtypeName)
    return _tensor(arguments[:4], dtype=arguments[6].dtype)


def make_parameter(around: Surroundings, arguments: tuple[Any, ...]) -> InertTensor:
    """Parameter(data, requires_grad), _rebuild_parameter(..., hooks), _rebuild_parameter_with_state(..., hooks, state)."""
    _plain(1 <= len(arguments) <= 4 and type(arguments[0]) is InertTensor and not any(arguments[2:3]))
    return arguments[0]


def make_tensor_of_type(around: Surroundings, arguments: tuple[Any, ...]) -> InertTensor:
    """torch's _rebuild_from_type_v2(function, type, arguments, state), of tensors that carry attributes."""
    _plain(len(arguments) == 4 and arguments[1] in (TENSOR, PARAMETER) and type(arguments[2]) is tuple)
    function = arguments[0]
    _plain(type(function) is Inert and function.call in (make_tensor, make_typed_tensor, make_parameter))
    return function.call(around, arguments[2])


def make_storage_of_bytes(around: Surroundings, arguments: tuple[Any, ...]) -> InertStorage:
    """torch.storage._load_from_bytes(b): a storage that is a torch file of its own."""
    _plain(len(arguments) == 1 and type(arguments[0]) in (bytes, memoryview))
    if around.level >= MAX_NESTED_FILES:
        raise Refused("nests files in files", UNTRUSTED)
    storage = around.read_nested(memoryview(arguments[0]), around)
    _plain(type(storage) is InertStorage)
    return storage


def make_size(around: Surroundings, arguments: tuple[Any, ...]) -> tuple[int, ...]:
    _plain(len(arguments) == 1)
    return checked_shape(arguments[0])


def make_device(around: Surroundings, arguments: tuple[Any, ...]) -> str:
    _plain(1 <= len(arguments) <= 2 and type(arguments[0]) is str and all(type(n) is int for n in arguments[1:]))
    return ":".join(map(str, arguments))


class InertModule(InertObject):
    """A network: of its attributes only the data are used, never the source code that NVIDIA's pickles carry."""

    def resolve(self, resolver: Resolver) -> Record:
        state = self.attributes(resolver)
        tensors: dict[str, np.ndarray] = {}
        left_out = state.get("_non_persistent_buffers_set") or ()
        for group in ("_parameters", "_buffers"):
            for name, array in self._group(state, group):
                if array is not None and not (group == "_buffers" and name in left_out):
                    self._add(resolver, tensors, name, array)
        for name, child in self._group(state, "_modules"):
            if isinstance(child, Record) and "state_dict" in child.state:
                for inner, array in child.state["state_dict"].items():
                    self._add(resolver, tensors, f"{name}.{inner}", array)
            elif child is not None:
                raise Refused(f"has a network whose part {shown(name)} is none", UNTRUSTED)
        attributes = {k: v for k, v in state.items() if not k.startswith("_") and k != "training"}
        init = {"init_args": state.get("_init_args", ()), "init_kwargs": state.get("_init_kwargs", {})}
        return Record(self.class_name, {**init, "state_dict": tensors, "attributes": attributes})

    def _group(self, state: dict[str, Any], group: str) -> list[tuple[str, Any]]:
        members = state.get(group) or {}
        if type(members) is not dict or not all(type(name) is str and name and "." not in name for name in members):
            raise Refused(f"has a network whose {group[1:]} are no dict of names", UNTRUSTED)
        return list(members.items())

    def _add(self, resolver: Resolver, tensors: dict[str, np.ndarray], name: str, array: Any) -> None:
        if not isinstance(array, np.ndarray):
            raise Refused(f"has a network whose tensor {shown(name)} is none", UNTRUSTED)
        resolver.budget.take_bytes(128 + len(name), "names of tensors")
        tensors[name] = array


def make_persistent(around: Surroundings, arguments: tuple[Any, ...]) -> InertModule:
    """Of torch_utils.persistence: {'type': 'class', 'version', 'module_src', 'class_name', 'state'}; module_src stays text."""
    meta = arguments[0] if len(arguments) == 1 else None
    if not (type(meta) is dict and meta.get("type") == "class" and type(meta.get("class_name")) is str):
        raise Refused("has a network of NVIDIA's kind without its class", UNTRUSTED)
    module = InertModule(shown(meta["class_name"]))
    if meta.get("state") is not None:
        module.build(around, meta["state"])
    return module


TENSOR = Inert("torch.Tensor")
PARAMETER = Inert("torch.nn.parameter.Parameter", call=make_parameter, new=make_parameter)
