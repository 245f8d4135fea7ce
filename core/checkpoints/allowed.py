"""The allow-list: every class and function that a pickle may name, and the inert thing that stands for it. Nothing else is read.

tests/unit/test_checkpoints_allowed.py has the same names: an entry is added in both places, on purpose.
"""

from __future__ import annotations

from typing import Any

from .inert import Inert, InertChumpy, InertObject, InertSparse
from .inert_numpy import NDARRAY, make_array, make_array_of_buffer, make_dtype, make_scalar
from .inert_torch import (
    DTYPES,
    PARAMETER,
    STORAGES,
    TENSOR,
    InertDtypeName,
    StorageType,
    make_device,
    make_parameter,
    make_persistent,
    make_size,
    make_storage_of_bytes,
    make_tensor,
    make_tensor_of_type,
    make_typed_tensor,
)  # fmt: skip
from .limits import UNTRUSTED, Refused, Surroundings
from .plain import (
    DICT,
    OBJECT,
    make_bytearray,
    make_bytes,
    make_complex,
    make_default_dict,
    make_dict,
    make_encoded,
    make_frozenset,
    make_reconstructed,
    make_set,
)  # fmt: skip

CHUMPY = {
    "chumpy": "Ch",
    "chumpy.ch": "Ch MatVecMult",
    "chumpy.ch_ops": "absolute add divide dot mean multiply negative power reciprocal sqrt square subtract sum",
    "chumpy.reordering": (
        "AtleastNd Concatenate Diag DiagFlat Permute Reorder Repeat Reshape Roll Rot90 Select Sort Tile rollaxis swapaxes "
        "transpose"
    ),
}
"""Arrays, and the expressions over them that a model's file may hold; these stay unevaluated records."""


def _object_of(kind: type[InertObject], name: str) -> Inert:
    def new(around: Surroundings, arguments: tuple[Any, ...]) -> InertObject:
        if arguments:
            raise Refused(f"makes an object of {name} from arguments, which it never has", UNTRUSTED)
        return kind(name)

    return Inert(name, new=new)


def _allowed() -> dict[tuple[str, str], Any]:
    table: dict[tuple[str, str], Any] = {
        ("numpy", "ndarray"): NDARRAY,
        ("numpy", "dtype"): Inert("numpy.dtype", call=make_dtype),
        ("_codecs", "encode"): Inert("_codecs.encode", call=make_encoded),
        ("collections", "OrderedDict"): Inert("collections.OrderedDict", call=make_dict, new=make_dict),
        ("collections", "Counter"): Inert("collections.Counter", call=make_dict),
        ("collections", "defaultdict"): Inert("collections.defaultdict", call=make_default_dict),
        ("argparse", "Namespace"): _object_of(InertObject, "argparse.Namespace"),
        ("torch", "Tensor"): TENSOR,
        ("torch", "Size"): Inert("torch.Size", call=make_size),
        ("torch", "device"): Inert("torch.device", call=make_device),
        ("torch.nn.parameter", "Parameter"): PARAMETER,
        ("torch.nn", "Parameter"): PARAMETER,
        ("torch._utils", "_rebuild_tensor"): Inert("torch._utils._rebuild_tensor", call=make_tensor),
        ("torch._utils", "_rebuild_tensor_v2"): Inert("torch._utils._rebuild_tensor_v2", call=make_tensor),
        ("torch._utils", "_rebuild_tensor_v3"): Inert("torch._utils._rebuild_tensor_v3", call=make_typed_tensor),
        ("torch._utils", "_rebuild_parameter"): Inert("torch._utils._rebuild_parameter", call=make_parameter),
        ("torch._utils", "_rebuild_parameter_with_state"): Inert(
            "torch._utils._rebuild_parameter_with_state", call=make_parameter
        ),
        ("torch._tensor", "_rebuild_from_type_v2"): Inert("torch._tensor._rebuild_from_type_v2", call=make_tensor_of_type),
        ("torch.storage", "_load_from_bytes"): Inert("torch.storage._load_from_bytes", call=make_storage_of_bytes),
        ("torch.storage", "UntypedStorage"): StorageType("torch.storage.UntypedStorage"),
        ("torch_utils.persistence", "_reconstruct_persistent_obj"): Inert("torch_utils.persistence", call=make_persistent),
    }
    for module in ("numpy.core", "numpy._core"):
        table[f"{module}.multiarray", "_reconstruct"] = Inert(f"{module}.multiarray._reconstruct", call=make_array)
        table[f"{module}.multiarray", "scalar"] = Inert(f"{module}.multiarray.scalar", call=make_scalar)
        table[f"{module}.numeric", "_frombuffer"] = Inert(f"{module}.numeric._frombuffer", call=make_array_of_buffer)
    for module in ("builtins", "__builtin__"):
        table |= {
            (module, "object"): OBJECT, (module, "dict"): DICT,
            (module, "list"): Inert("list"), (module, "int"): Inert("int"), (module, "float"): Inert("float"),
            (module, "set"): Inert("set", call=make_set), (module, "frozenset"): Inert("frozenset", call=make_frozenset),
            (module, "bytes"): Inert("bytes", call=make_bytes), (module, "bytearray"): Inert("bytearray", call=make_bytearray),
            (module, "complex"): Inert("complex", call=make_complex),
        }  # fmt: skip
    for module in ("copyreg", "copy_reg"):
        table[module, "_reconstructor"] = Inert("copyreg._reconstructor", call=make_reconstructed)
    for module in ("dnnlib.util", "dnnlib", "easydict"):
        table[module, "EasyDict"] = Inert(f"{module}.EasyDict", call=make_dict, new=make_dict)
    for name, dtype in STORAGES.items():
        for module in ("torch", "torch.cuda"):
            table[module, f"{name}Storage"] = StorageType(f"{module}.{name}Storage", dtype=dtype)
    for dtype in DTYPES:
        table["torch", dtype] = InertDtypeName(dtype)
    for module, names in CHUMPY.items():
        for name in names.split():
            table[module, name] = _object_of(InertChumpy, f"{module}.{name}")
    for layout in ("csc", "csr"):
        for module in (f"scipy.sparse.{layout}", f"scipy.sparse._{layout}", "scipy.sparse"):
            for kind in ("matrix", "array"):
                table[module, f"{layout}_{kind}"] = _object_of(InertSparse, f"{module}.{layout}_{kind}")
    return table


ALLOWED = _allowed()
