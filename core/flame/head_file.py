"""A FLAME file made ready once: its arrays as they are, where the embedded head lies on its template, and what follows from both.

Rule of this file: reading needs NumPy alone and less than a second, so that Blender's own process can move such heads; all that
searches surfaces is done when the file is made ready. FORMAT rises with every change of what is kept, also with worn.py's.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ModelError
from ..fit.measurement import load_calibration
from ..head.model import HeadModel, SurfacePoints
from ..head.packed import pack_model, unpack_model
from ..identity.gauges import Gauges
from ..staging import staged
from .arrays import FlameArrays
from .carry import Carry, build_carry, fitted_model
from .companions import Companions, pack_companions, read_companions, unpack_companions, with_companions
from .file import read_flame
from .registration import Registration, register_head
from .traits import GAUGE_ARRAYS, build_gauges
from .worn import worn_model

KIND, FORMAT = "FLAME", 4
ARRAYS = (
    "template", "faces", "shape_basis", "expression_basis", "pose_correctives", "joint_regressor", "weights", "parents",
)  # fmt: skip
CARRY = ("near", "near_points.indices", "near_points.weights", "wide", "wide_points.indices", "wide_points.weights", "offset")
WORN, CARRIED, GAUGE = "worn:", "carry:", "gauge:"
"""What arrays of the worn head, the carry and the traits' table begin with."""
NOT_KEPT = ("base_textures", "identity_basis", "worn", "carry")
"""Fields of the worn head that follow from other arrays; of the identity basis the rows of parts that FLAME lacks are kept."""
LEAST_MATCHED, LEAST_SEEN = 0.9, 4
"""What a file's template needs to pass for a human head: the share of the face that lies on it, and the portraits (of seven) in
which a face is seen."""


@dataclass(frozen=True)
class FlameHeadFile:
    """A FLAME file with its registration; matched: share of the embedded face that lies on it; companions: what lay beside
    the file; carry; worn: facts and arrays of the head on FLAME's own mesh (head/packed.py); source: the file's name; topology:
    of the embedded head that it was made ready for."""

    flame: FlameArrays
    laid: Registration
    matched: float
    companions: Companions
    carry: Carry
    worn: tuple[dict[str, Any], dict[str, np.ndarray]]
    source: str
    topology: str

    @property
    def warning(self) -> str:
        """A sentence for heads made with it; empty where its template is a face as ours is."""
        if self.matched >= LEAST_MATCHED and self.laid.num_seen >= LEAST_SEEN:
            return ""
        return "This FLAME file's template is hardly a human face: landmarks and textures may lie wrong on it."


def convert_flame(source: Path, target: Path, model: HeadModel) -> None:
    """Read a FLAME file and write what load_flame_head reads; model: the embedded head. About half a minute.

    Raises ModelError (of the reader) and ExportError.
    """
    flame = read_flame(source)
    companions = read_companions(source, flame)
    laid = register_head(model, flame, load_calibration().points)
    carry = build_carry(model, flame, laid)
    fitted = fitted_model(model, flame, carry, laid.scale, flame.edition or KIND, source.name)
    worn = worn_model(model, fitted, flame, carry, laid)
    worn_facts, worn_arrays = pack_model(worn, NOT_KEPT)
    worn_arrays["identity_basis_of_parts"] = worn.identity_basis[:, len(flame.template) :]
    gauges = build_gauges(model, fitted, worn)
    header = {
        "kind": KIND, "format": FORMAT, "name": flame.edition or KIND, "licence": flame.licence, "sha256": flame.sha256,
        "source": source.name, "topology": model.topology, "scale": laid.scale, "num_seen": laid.num_seen,
        "matched": float(np.average(laid.is_matched, weights=model.regions["face"][laid.skin])),
        "worn": worn_facts, "worn_topology": gauges.topology, "num_vertices": gauges.num_vertices,
    }  # fmt: skip
    arrays = {name: getattr(flame, name) for name in ARRAYS} | pack_companions(companions)
    arrays |= {
        "laid_vertices": laid.vertices.astype(np.float32), "laid_indices": laid.on_other.indices.astype(np.int32),
        "laid_weights": laid.on_other.weights.astype(np.float32), "laid_is_matched": laid.is_matched,
        "laid_error_m": laid.error_m.astype(np.float32), "laid_skin": laid.skin.astype(np.int32),
    }  # fmt: skip
    arrays |= {f"{CARRIED}{name}": attrgetter(name)(carry) for name in CARRY}
    arrays |= {f"{WORN}{name}": array for name, array in worn_arrays.items()}
    arrays |= {f"{GAUGE}{name}": getattr(gauges, name) for name in GAUGE_ARRAYS}
    with staged(target.parent) as partial:
        np.savez(partial / target.name, header=np.array(json.dumps(header)), **arrays)


def read_head_file(path: Path) -> FlameHeadFile:
    """What convert_flame wrote. Raises ModelError."""
    header, data = _read(path, lambda name: not name.startswith(GAUGE))
    try:
        flame = FlameArrays(
            **{name: data[name] for name in ARRAYS}, edition=header["name"], licence=header["licence"], sha256=header["sha256"]
        )
        laid = Registration(
            data["laid_vertices"].astype(np.float64),
            SurfacePoints(data["laid_indices"].astype(np.int64), data["laid_weights"].astype(np.float64)),
            data["laid_is_matched"], data["laid_error_m"], float(header["scale"]), data["laid_skin"].astype(np.int64),
            int(header["num_seen"]),
        )  # fmt: skip
        near, near_indices, near_weights, wide, wide_indices, wide_weights, offset = (data[CARRIED + name] for name in CARRY)
        carry = Carry(near, SurfacePoints(near_indices, near_weights), wide, SurfacePoints(wide_indices, wide_weights), offset)
        worn = {name.removeprefix(WORN): array for name, array in data.items() if name.startswith(WORN)}
        companions = unpack_companions(data)
        return FlameHeadFile(
            flame, laid, float(header["matched"]), companions, carry, (header["worn"], worn), header["source"], header["topology"]
        )
    except (ValueError, TypeError, KeyError) as error:
        raise _damaged(path, error) from error


def load_flame_head(path: Path, model: HeadModel) -> HeadModel:
    """FLAME's people on the embedded mesh; `worn` is their head on FLAME's own. Half a second. Raises ModelError."""
    file = read_head_file(path)
    if file.topology != model.topology or file.laid.skin.max(initial=0) >= len(model.template):
        raise ModelError(f"The head model {path} was made for another built-in head: import the FLAME file again.")
    fitted = fitted_model(model, file.flame, file.carry, file.laid.scale, file.flame.edition or KIND, file.source)
    facts, arrays = file.worn
    try:
        basis = np.concatenate([file.flame.shape_basis, arrays["identity_basis_of_parts"]], 1)
        worn = unpack_model(facts, arrays, base_textures=model.base_textures, identity_basis=basis, worn=None, carry=None)
    except (ValueError, TypeError, KeyError) as error:
        raise _damaged(path, error) from error
    told: dict[str, Any] = {"warnings": (file.warning,) if file.warning else ()}
    told |= {"file_name": file.source, "sha256": file.flame.sha256}
    return replace(fitted, **told, worn=replace(with_companions(worn, file.companions), **told))


def load_flame_gauges(path: Path) -> Gauges:
    """What the identity sliders of its heads read, on FLAME's own mesh. Raises ModelError."""
    header, data = _read(path, lambda name: name.startswith(GAUGE))
    try:
        arrays = {name: data[GAUGE + name] for name in GAUGE_ARRAYS}
        num_vertices = int(header["num_vertices"])
        return Gauges(**arrays, topology=header["worn_topology"], num_vertices=num_vertices, model_name=header["name"])
    except (ValueError, TypeError, KeyError) as error:
        raise _damaged(path, error) from error


def _read(path: Path, is_wanted: Callable[[str], bool]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The header, and the arrays whose names are wanted. Raises ModelError."""
    try:
        with np.load(path, allow_pickle=False) as file:
            header = json.loads(str(file["header"]))
            if header["format"] != FORMAT:
                raise ModelError(f"{path.name} was made by another version: import the FLAME file again.")
            return header, {name: file[name] for name in file.files if name != "header" and is_wanted(name)}
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> ModelError:
    return ModelError(f"The head model {path} is damaged ({error}): import the FLAME file again.")
