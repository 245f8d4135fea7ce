"""A head as Wavefront .obj + .mtl + .png's: one shape (no keys, no bones), quads kept, one object a part.

Rule of this file: written from a HeadAsset alone; OBJ is Y up like model space, in metres.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from .appearance.relief import DISPLACEMENT_RANGE_M, MIDLEVEL
from .head.kinds import kind_of_part, kinds_of_parts
from .staging import staged
from .types import HeadAsset

TEXTURES = ("albedo", "normal", "displacement")
ROUGHNESS_EXPONENTS = {"skin": 30, "eye": 400, "cornea": 900, "teeth": 200, "tongue": 100, "lashes": 40}


def export_obj(asset: HeadAsset, path: Path, vertices: np.ndarray | None = None) -> None:
    """Writes vertices [V, 3] (the neutral head without) with UVs and materials, all files or none. Raises ExportError."""
    path = path.with_suffix(".obj")
    files = {name: f"{path.stem}_{name}.png" for name in TEXTURES if name in asset.textures}
    with staged(path.parent) as folder:
        for name, file in files.items():
            Image.fromarray(asset.textures[name].pixels).save(folder / file, compress_level=3)
        (folder / path.with_suffix(".mtl").name).write_text(describe_materials(asset, files), encoding="utf-8")
        shape = asset.vertices if vertices is None else vertices
        (folder / path.name).write_text(describe_shape(asset, shape, path.with_suffix(".mtl").name), encoding="utf-8")


def describe_shape(asset: HeadAsset, vertices: np.ndarray, material_file: str) -> str:
    """The .obj's text."""
    lines = ["# Likeness", f"mtllib {material_file}"]
    lines += [f"v {x:.7f} {y:.7f} {z:.7f}" for x, y, z in vertices.tolist()]
    lines += [f"vt {u:.7f} {v:.7f}" for u, v in asset.uvs.tolist()]
    for part, name in enumerate(asset.part_names):
        chosen = asset.face_parts == part
        if not chosen.any():
            continue
        lines += [f"o {name}", f"usemtl {kind_of_part(name)}", "s 1"]
        for face, face_uvs in zip((asset.faces[chosen] + 1).tolist(), (asset.face_uvs[chosen] + 1).tolist(), strict=True):
            lines.append("f " + " ".join(f"{v}/{t}" for v, t in zip(face, face_uvs, strict=True) if v > 0))
    return "\n".join(lines) + "\n"


def describe_materials(asset: HeadAsset, files: dict[str, str]) -> str:
    """The .mtl's text; files: texture -> file. map_Bump is read as a normal map by Blender and most others; disp is in metres:
    a height is -mm's gain times the value, plus its base."""
    blocks = []
    for kind in kinds_of_parts(asset.part_names):
        surface = "Kd 1 1 1\nd 0.05" if kind == "cornea" else f"Kd 1 1 1\nd 1\nmap_Kd {files['albedo']}"
        if kind == "skin" and "normal" in files:
            surface += f"\nmap_Bump {files['normal']}"
        if kind == "skin" and "displacement" in files:
            surface += f"\ndisp -mm {-MIDLEVEL * DISPLACEMENT_RANGE_M} {DISPLACEMENT_RANGE_M} {files['displacement']}"
        blocks.append(f"newmtl {kind}\n{surface}\nKs 0.2 0.2 0.2\nNs {ROUGHNESS_EXPONENTS[kind]}\nillum 2\n")
    return "\n".join(blocks)
