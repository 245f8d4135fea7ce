"""A FLAME file made ready once: its arrays as they are, and where the embedded head lies on its template.

Rule of this file: what can be computed again in a second is not kept: the head model itself is built on loading.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..errors import ModelError
from ..fit.measurement import load_calibration
from ..head.model import HeadModel, SurfacePoints
from ..staging import staged
from .arrays import FlameArrays
from .carry import build_carry, fitted_model
from .companions import Companions, pack_companions, read_companions, unpack_companions, with_companions
from .file import read_flame
from .registration import Registration, register_head
from .worn import worn_model

KIND, FORMAT = "FLAME", 3
ARRAYS = (
    "template", "faces", "shape_basis", "expression_basis", "pose_correctives", "joint_regressor", "weights", "parents",
)  # fmt: skip
LEAST_MATCHED, LEAST_SEEN = 0.9, 4
"""What a file's template needs to pass for a human head: the share of the face that lies on it, and the portraits (of seven) in
which a face is seen."""


@dataclass(frozen=True)
class FlameHeadFile:
    """A FLAME file with its registration; matched: share of the embedded face that lies on it; companions: what lay beside
    the file."""

    flame: FlameArrays
    laid: Registration
    matched: float
    companions: Companions

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
    header = {
        "kind": KIND, "format": FORMAT, "name": flame.edition or KIND, "licence": flame.licence, "sha256": flame.sha256,
        "source": source.name, "topology": model.topology, "scale": laid.scale, "num_seen": laid.num_seen,
        "matched": float(np.average(laid.is_matched, weights=model.regions["face"][laid.skin])),
    }  # fmt: skip
    arrays = {name: getattr(flame, name) for name in ARRAYS} | pack_companions(companions)
    arrays |= {
        "laid_vertices": laid.vertices.astype(np.float32), "laid_indices": laid.on_other.indices.astype(np.int32),
        "laid_weights": laid.on_other.weights.astype(np.float32), "laid_is_matched": laid.is_matched,
        "laid_error_m": laid.error_m.astype(np.float32), "laid_skin": laid.skin.astype(np.int32),
    }  # fmt: skip
    with staged(target.parent) as partial:
        np.savez(partial / target.name, header=np.array(json.dumps(header)), **arrays)


def read_head_file(path: Path) -> FlameHeadFile:
    """What convert_flame wrote. Raises ModelError."""
    try:
        with np.load(path, allow_pickle=False) as file:
            header = json.loads(str(file["header"]))
            if header["format"] != FORMAT:
                raise ModelError(f"{path.name} was made by another version: import the FLAME file again.")
            data = {name: file[name] for name in file.files if name != "header"}
        named = {"edition": header["name"], "licence": header["licence"], "sha256": header["sha256"]}
        flame = FlameArrays(**{name: data[name] for name in ARRAYS}, **named)
        laid = Registration(
            data["laid_vertices"].astype(np.float64),
            SurfacePoints(data["laid_indices"].astype(np.int64), data["laid_weights"].astype(np.float64)),
            data["laid_is_matched"], data["laid_error_m"], float(header["scale"]), data["laid_skin"].astype(np.int64),
            int(header["num_seen"]),
        )  # fmt: skip
        return FlameHeadFile(flame, laid, float(header["matched"]), unpack_companions(data))
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ModelError(f"The head model {path} is damaged ({error}): import the FLAME file again.") from error


def load_flame_head(path: Path, model: HeadModel) -> HeadModel:
    """FLAME's people on the embedded mesh; `worn` is their head on FLAME's own. Three seconds. Raises ModelError."""
    file = read_head_file(path)
    if file.laid.skin.max(initial=0) >= len(model.template):
        raise ModelError(f"The head model {path} was made for another built-in head: import the FLAME file again.")
    carry = build_carry(model, file.flame, file.laid)
    fitted = fitted_model(model, file.flame, carry, file.laid.scale, file.flame.edition or KIND)
    warnings = (file.warning,) if file.warning else ()
    worn = with_companions(worn_model(model, fitted, file.flame, carry, file.laid), file.companions)
    return replace(fitted, warnings=warnings, worn=replace(worn, warnings=warnings))
