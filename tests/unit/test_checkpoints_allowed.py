"""The allow-list, name by name: what is added to core/checkpoints/allowed.py has to be added here, on purpose."""

from __future__ import annotations

import ast
import pickletools
from pathlib import Path

from likeness.core import checkpoints
from likeness.core.checkpoints.allowed import ALLOWED
from likeness.core.checkpoints.inert import Inert, InertValue
from likeness.core.checkpoints.machine import FORBIDDEN, OPCODES, STOP

STORAGES = "BFloat16 Bool Byte Char ComplexDouble ComplexFloat Double Float Half Int Long Short"
DTYPES = "bfloat16 bool complex128 complex64 float16 float32 float64 int16 int32 int64 int8 uint16 uint32 uint64 uint8"
BUILTINS = "bytearray bytes complex dict float frozenset int list object set"
NAMES = {
    "__builtin__": BUILTINS,
    "_codecs": "encode",
    "argparse": "Namespace",
    "builtins": BUILTINS,
    "chumpy": "Ch",
    "chumpy.ch": "Ch MatVecMult",
    "chumpy.ch_ops": "absolute add divide dot mean multiply negative power reciprocal sqrt square subtract sum",
    "chumpy.reordering": (
        "AtleastNd Concatenate Diag DiagFlat Permute Reorder Repeat Reshape Roll Rot90 Select Sort Tile rollaxis swapaxes "
        "transpose"
    ),
    "collections": "Counter OrderedDict defaultdict",
    "copy_reg": "_reconstructor",
    "copyreg": "_reconstructor",
    "dnnlib": "EasyDict",
    "dnnlib.util": "EasyDict",
    "easydict": "EasyDict",
    "numpy": "dtype ndarray",
    "numpy._core.multiarray": "_reconstruct scalar",
    "numpy._core.numeric": "_frombuffer",
    "numpy.core.multiarray": "_reconstruct scalar",
    "numpy.core.numeric": "_frombuffer",
    "scipy.sparse": "csc_array csc_matrix csr_array csr_matrix",
    "scipy.sparse._csc": "csc_array csc_matrix",
    "scipy.sparse._csr": "csr_array csr_matrix",
    "scipy.sparse.csc": "csc_array csc_matrix",
    "scipy.sparse.csr": "csr_array csr_matrix",
    "torch": "Size Tensor device " + DTYPES + "".join(f" {name}Storage" for name in STORAGES.split()),
    "torch._tensor": "_rebuild_from_type_v2",
    "torch._utils": "_rebuild_parameter _rebuild_parameter_with_state _rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3",
    "torch.cuda": "".join(f" {name}Storage" for name in STORAGES.split()),
    "torch.nn": "Parameter",
    "torch.nn.parameter": "Parameter",
    "torch.storage": "UntypedStorage _load_from_bytes",
    "torch_utils.persistence": "_reconstruct_persistent_obj",
}
IMPORTED = {
    "__future__", "codecs", "collections", "dataclasses", "io", "json", "math", "numpy", "pathlib", "re", "stat",
    "struct", "typing", "zipfile", "zlib",
}  # fmt: skip
FOLDER = Path(checkpoints.__file__).parent


def test_the_allow_list_has_these_names_and_no_other():
    assert set(ALLOWED) == {(module, name) for module, names in NAMES.items() for name in names.split()}


def test_what_stands_for_a_name_is_inert_and_our_own():
    for entry in ALLOWED.values():
        assert isinstance(entry, Inert | InertValue) and not callable(entry)
        for made in (getattr(entry, "call", None), getattr(entry, "new", None)):
            assert made is None or made.__module__.startswith("likeness.core.checkpoints.")


def test_every_opcode_of_pickle_is_run_by_us_or_forbidden_by_name():
    codes = {ord(opcode.code) for opcode in pickletools.opcodes}
    assert codes == OPCODES.keys() | FORBIDDEN.keys() | {STOP}
    assert set(FORBIDDEN.values()) == {
        "INST", "OBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4", "PERSID", "NEXT_BUFFER", "READONLY_BUFFER"
    }  # fmt: skip


def test_the_reader_imports_nothing_that_can_run_a_pickle_or_a_program():
    nodes = [node for path in FOLDER.glob("*.py") for node in ast.walk(ast.parse(path.read_text()))]
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    assert {module.split(".")[0] for module in modules} == IMPORTED


def test_the_reader_uses_nothing_that_looks_names_up_or_runs_text():
    nodes = [node for path in FOLDER.glob("*.py") for node in ast.walk(ast.parse(path.read_text()))]
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    assert not names & {"eval", "exec", "compile", "getattr", "setattr", "__import__", "globals", "vars"}
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    assert not attributes & {"load", "fromfile", "memmap", "literal_eval", "import_module", "modules", "__dict__", "__class__"}
    assert not {node.arg for node in nodes if isinstance(node, ast.keyword)} & {"allow_pickle"}
