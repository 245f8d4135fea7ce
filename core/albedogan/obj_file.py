"""The dense mesh as the release exports it: .obj, .mtl and one .png of the texture; no normal map, no bones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from ..staging import staged
from .faithfulness import FIXED, Faithfulness

MATERIAL = "face"


def write_dense_obj(
    path: Path,
    vertices: np.ndarray,
    faces: np.ndarray,
    uvs: np.ndarray,
    texture: np.ndarray,
    faithfulness: Faithfulness = FIXED,
) -> None:
    """vertices [D, 3] m, faces [F, 3], uvs [D, 2] (one a vertex), texture [H, W, 3] RGB in 0..1 -> path's .obj, .mtl and .png,
    all or none. Red and blue of the picture are exchanged if Faithfulness.export_red_blue_swapped. Raises ExportError."""
    path = path.with_suffix(".obj")
    ordered = texture[..., ::-1] if faithfulness.export_red_blue_swapped else texture
    pixels = np.floor(ordered.clip(0, 1) * 255).astype(np.uint8)
    names = {suffix: path.with_suffix(suffix).name for suffix in (".obj", ".mtl", ".png")}
    lines = [f"mtllib {names['.mtl']}", *(f"v {x:.7f} {y:.7f} {z:.7f}" for x, y, z in vertices.tolist())]
    lines += [f"vt {u:.7f} {v:.7f}" for u, v in uvs.tolist()]
    lines += [f"usemtl {MATERIAL}", *(f"f {a}/{a} {b}/{b} {c}/{c}" for a, b, c in (faces + 1).tolist())]
    with staged(path.parent) as folder:
        Image.fromarray(np.ascontiguousarray(pixels)).save(folder / names[".png"], compress_level=3)
        (folder / names[".mtl"]).write_text(f"newmtl {MATERIAL}\nKd 1 1 1\nd 1\nmap_Kd {names['.png']}\n", encoding="utf-8")
        (folder / names[".obj"]).write_text("\n".join(lines) + "\n", encoding="utf-8")
