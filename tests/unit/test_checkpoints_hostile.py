"""Files that try to run something, to eat memory or time, or that lie: each is refused by one line, and nothing happens."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile_archives import LIVE_ARRAYS, NUMPY, OTHERS, SAFETENSORS, TORCH, ZIP
from hostile_pickles import DEAD, LIVE
from likeness.core.checkpoints import Limits, Record, read_file, read_outline, write_safetensors
from likeness.core.errors import CheckpointError
from pickle_assembly import (
    array,
    call,
    data,
    dict_of,
    list_of,
    named,
    number,
    pickle_of,
    shape_of,
    tensor,
    text,
    torch_legacy,
    torch_zip,
    zip_of,
)  # fmt: skip
from random_pickles import random_file

HOSTILE = LIVE | DEAD | LIVE_ARRAYS | TORCH | ZIP | NUMPY | SAFETENSORS | OTHERS
DISTRUSTED = (
    "exec", "import", "pickle.find_class", "subprocess.Popen", "marshal.loads", "code.__new__", "builtins.input", "shutil.",
    "os.", "ctypes.", "socket.", "urllib.", "pty.", "webbrowser.", "syslog.", "sqlite3.", "cpython.", "function.__new__", "mmap.",
)  # fmt: skip
"""Audit events that reading never raises; 'open' for anything but reading is one more."""
MAX_SECONDS = 8.0
FLOODS = [name for name in DEAD if "without end" in name or "million deep" in name]
"""Long by nature: looked at once, under narrower limits."""
GREEDY = ("without end", "laughs", "10^", "million", "deep", "claims", "thousand", "of zeros", "long list", "60,000", "no length")
watched: list[str] | None = None


def _hook(event: str, arguments: tuple) -> None:
    if watched is None:
        return
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if writes or event.startswith(DISTRUSTED):
        watched.append(f"{event} {arguments!r:.200}")


sys.addaudithook(_hook)


@contextmanager
def nothing_happens(canary: Path):
    """Nothing is run, imported, opened for writing or sent while the block runs, and no canary appears."""
    global watched
    modules = set(sys.modules)
    watched = []
    try:
        yield
        assert watched == []
    finally:
        watched = None
    assert set(sys.modules) == modules
    assert not canary.exists()


@pytest.fixture(scope="module", autouse=True)
def _warm(tmp_path_factory):
    """What Python and NumPy import at the first use of a codec or of zipfile, they import here."""
    b"".decode("cp437")
    folder = tmp_path_factory.mktemp("warm")
    for content in (b"Vabc\n.", b"S'abc'\n.", pickle_of(array(shape_of(4))), torch_zip(tensor()), torch_legacy(tensor())):
        (folder / "valid").write_bytes(content)
        read_file(folder / "valid")
    np.savez_compressed(folder / "valid.npz", a=np.ones(3))
    read_file(folder / "valid.npz")


def test_there_are_well_over_fifty_hostile_files():
    assert len(HOSTILE) >= 150
    assert len(LIVE | DEAD) + len(TORCH | ZIP | NUMPY | SAFETENSORS | OTHERS | LIVE_ARRAYS) == len(HOSTILE)


@pytest.mark.parametrize("name", [name for name in HOSTILE if name not in FLOODS])
def test_a_hostile_file_is_refused_in_one_line_and_nothing_happens(name, tmp_path):
    canary, path = tmp_path / "canary", tmp_path / "generic_model.pkl"
    path.write_bytes(HOSTILE[name](str(canary)))
    start = time.process_time()
    with nothing_happens(canary), pytest.raises(CheckpointError) as told:
        read_file(path)
    assert time.process_time() - start < MAX_SECONDS
    line = str(told.value)
    assert line.startswith("The ") and path.name in line and line.endswith(".") and ": " in line
    assert "\n" not in line and line.isprintable() and len(line) < 400
    assert "MemoryError" not in line and "RecursionError" not in line


@pytest.mark.parametrize("group", [LIVE, DEAD, LIVE_ARRAYS, TORCH, ZIP, NUMPY, SAFETENSORS, OTHERS])
def test_looking_at_names_and_shapes_alone_runs_nothing_either(group, tmp_path):
    canary, path, refused = tmp_path / "canary", tmp_path / "deca_model.tar", 0
    for name in (name for name in group if name not in FLOODS):
        path.write_bytes(group[name](str(canary)))
        start = time.process_time()
        with nothing_happens(canary):
            refused += is_refused(path, read_outline)
        assert time.process_time() - start < MAX_SECONDS, name
    assert refused > 0.8 * len(group)


@pytest.mark.parametrize("name", [name for name in HOSTILE if any(word in name for word in GREEDY)])
def test_a_greedy_file_gets_little_memory(name, tmp_path):
    canary, path = tmp_path / "canary", tmp_path / "model.pt"
    path.write_bytes(HOSTILE[name](str(canary)))
    tracemalloc.start()
    try:
        with nothing_happens(canary), pytest.raises(CheckpointError):
            read_file(path, limits=Limits(slack_bytes=8 << 20))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 24 * path.stat().st_size + (64 << 20)


def test_the_hostile_pickles_do_run_under_pythons_own_reader(tmp_path):
    program = """
import copyreg, os, pickle, sys
import numpy as np
copyreg.add_extension("os", "system", 1)
for path in sys.argv[1:]:
    try:
        found = pickle.load(open(path, "rb")) if path.endswith("pkl") else np.load(path, allow_pickle=True)
        found["a"] if path.endswith("npz") else found
    except Exception:
        pass
"""
    paths = {}
    for number_, (name, maker) in enumerate((LIVE | LIVE_ARRAYS).items()):
        suffix = name.rsplit(" ", 1)[-1] if name in LIVE_ARRAYS else "pkl"
        paths[name] = tmp_path / f"{number_}.{suffix}"
        paths[name].write_bytes(maker(str(tmp_path / f"{number_}.canary")))
    subprocess.run([sys.executable, "-W", "ignore", "-c", program, *map(str, paths.values())], check=True, timeout=100)
    assert [name for name, path in paths.items() if not path.with_suffix(".canary").exists()] == []


def test_source_code_in_nvidias_pickles_stays_text(tmp_path):
    canary, path = tmp_path / "canary", tmp_path / "ffhq.pkl"
    state = dict_of({"_parameters": dict_of({"weight": array(shape_of(4))})})
    source = f"open({str(canary)!r}, 'w')"
    meta = dict_of({"type": text("class"), "class_name": text("Generator"), "module_src": text(source), "state": state})
    network = call(named("torch_utils.persistence", "_reconstruct_persistent_obj"), meta)
    path.write_bytes(pickle_of(dict_of({"G_ema": network}), 4))
    with nothing_happens(canary):
        found = read_file(path)["G_ema"]
    assert isinstance(found, Record) and found.class_name == "Generator"
    assert found.state["state_dict"]["weight"].tolist() == [0, 0, 0, 0]
    assert source not in repr(found)


def test_a_pickle_in_bytes_stays_bytes(tmp_path):
    canary, path = tmp_path / "canary", tmp_path / "a.pkl"
    inner = LIVE["os.system"](str(canary))
    path.write_bytes(pickle_of(list_of(data(inner))))
    with nothing_happens(canary):
        assert read_file(path) == [inner]


def _valid_files() -> dict[str, bytes]:
    return {
        "pickle": pickle_of(dict_of({"a": array(shape_of(4)), "b": list_of(number(1), text("x"), b"N")}), 2),
        "torch zip": torch_zip(dict_of({"weight": tensor()})),
        "torch legacy": torch_legacy(dict_of({"weight": tensor()})),
        "npz": zip_of({"a.npy": _npy()}, packed=True),
        "npy": _npy(),
        "safetensors": b"",
    }


def _npy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.arange(6.0).reshape(2, 3))
    return file.getvalue()


@pytest.fixture(scope="module")
def valid_files(tmp_path_factory) -> dict[str, bytes]:
    """A small valid file of each kind, as bytes."""
    path = tmp_path_factory.mktemp("valid") / "a.safetensors"
    write_safetensors(path, {"a": np.arange(6.0).reshape(2, 3), "b": np.array([1, 2])}, {"edition": "x"})
    return _valid_files() | {"safetensors": path.read_bytes()}


KINDS = ("pickle", "torch zip", "torch legacy", "npz", "npy", "safetensors")


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_cut_short_anywhere_is_refused(kind, valid_files, tmp_path):
    whole, path = valid_files[kind], tmp_path / "a"
    path.write_bytes(whole)
    read_file(path)
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError) as told:
            read_file(path)
        assert str(told.value).isprintable()


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_with_any_bytes_changed_is_read_or_refused(kind, valid_files, tmp_path):
    dice, whole, path = random.Random(kind), valid_files[kind], tmp_path / "a"
    refused = 0
    with nothing_happens(tmp_path / "canary"):
        for _ in range(400):
            changed = bytearray(whole)
            for _ in range(dice.choice((1, 1, 2, 5))):
                changed[dice.randrange(len(changed))] = dice.choice((0, 255, dice.randrange(256)))
            with unwatched():
                path.write_bytes(changed)
            refused += is_refused(path)
    assert refused > 20


@pytest.mark.parametrize("seed", range(4))
def test_anything_made_of_what_is_allowed_is_read_or_refused(seed, tmp_path):
    dice, path, refused = random.Random(seed), tmp_path / "a", 0
    with nothing_happens(tmp_path / "canary"):
        for _ in range(500):
            content = random_file(dice)
            with unwatched():
                path.write_bytes(content)
            refused += is_refused(path)
    assert 250 < refused < 480


@contextmanager
def unwatched():
    """The test's own writing, within nothing_happens."""
    global watched
    watched, kept = None, watched
    yield
    watched = kept


def is_refused(path: Path, read: Callable[[Path], Any] = read_file) -> bool:
    """Whether the file is refused; any other error is a failure."""
    try:
        read(path)
    except CheckpointError as error:
        return str(error).isprintable()
    return False


def test_a_folder_a_pipe_and_nothing_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name in ("", "pipe", "missing"):
        with pytest.raises(CheckpointError, match=r"check the path|no file but"):
            read_file(tmp_path / name)


@pytest.mark.parametrize("name", ["zip: a directory of 60,000 members", "zip: a directory that claims 8 MB"])
def test_a_long_directory_is_refused_before_it_is_read(name, tmp_path):
    (tmp_path / "a").write_bytes(HOSTILE[name](""))
    with pytest.raises(CheckpointError, match="directory of more than four million bytes"):
        read_file(tmp_path / "a")


def test_the_limits_can_be_set(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros(1000))
    assert read_file(path).shape == (1000,)
    with pytest.raises(CheckpointError, match="more than the limit of 100"):
        read_file(path, limits=Limits(max_bytes=100))
    path.write_bytes(pickle_of(list_of(*[number(1)] * 50)))
    with pytest.raises(CheckpointError, match="more steps"):
        read_file(path, limits=Limits(max_opcodes=40))
    path.write_bytes(pickle_of(b"(" * 5 + b"t" * 5))
    with pytest.raises(CheckpointError, match="more than 4 deep"):
        read_file(path, limits=Limits(max_depth=4))


def test_a_name_with_a_line_break_is_told_in_one_line(tmp_path):
    path = tmp_path / "a\nb.pkl"
    path.write_bytes(b"")
    with pytest.raises(CheckpointError) as told:
        read_file(path)
    assert str(told.value).isprintable()
