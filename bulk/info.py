"""What a file of ours holds, in a few lines: for .npz and .glb without Blender, for .blend with it."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .inputs import UsageError

MOST_LETTERS = 300
"""Of one fact."""


def describe_file(path: Path) -> list[str]:
    """Lines about one file. Raises UsageError when it is missing, damaged or of no format of ours."""
    describers = {".npz": _describe_npz, ".glb": _describe_glb, ".blend": _describe_blend}
    if path.suffix.lower() not in describers:
        raise UsageError(f"{path} is no file that Likeness can look into: give a .blend, .glb or .npz file.")
    if not path.is_file():
        raise UsageError(f"There is no file {path}: check the path.")
    try:
        return [f"{path} ({path.stat().st_size / 1e6:.1f} MB)", *describers[path.suffix.lower()](path)]
    except (OSError, ValueError, KeyError, struct.error) as error:
        raise UsageError(f"{path} cannot be read ({error}): it is damaged or was made by another program.") from error


def _describe_npz(path: Path) -> Iterator[str]:
    import numpy as np

    with np.load(path, allow_pickle=False) as file:
        for key in sorted(file.files):
            array = file[key]
            if array.ndim == 0:
                yield f"  {key}: {str(array)[:MOST_LETTERS]}"
            else:
                yield f"  {key}: {'x'.join(map(str, array.shape))} {array.dtype}"


def read_glb_json(path: Path) -> dict[str, Any]:
    """The JSON chunk of a binary glTF file. Raises ValueError when it is none."""
    data = path.read_bytes()
    magic, _, _, length, kind = struct.unpack("<4sIIII", data[:20])
    if magic != b"glTF" or kind != 0x4E4F534A:
        raise ValueError("not a binary glTF file")
    return json.loads(data[20 : 20 + length])


def _describe_glb(path: Path) -> Iterator[str]:
    gltf = read_glb_json(path)
    for mesh in gltf.get("meshes", []):
        names = mesh.get("extras", {}).get("targetNames", [])
        yield f"  mesh {mesh.get('name')}: {len(mesh['primitives'])} materials, {len(names)} morph targets"
    for skin in gltf.get("skins", []):
        yield f"  skin {skin.get('name')}: {len(skin['joints'])} joints"
    for image in gltf.get("images", []):
        yield f"  image {image.get('name')}: {image.get('mimeType')}"


def _describe_blend(path: Path) -> Iterator[str]:
    import bpy

    from ..scene import head, provenance

    bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False)
    found = False
    for obj in bpy.data.objects:
        if not head.is_head(obj):
            continue
        found = True
        yield f"  head {obj.name}: {len(obj.data.vertices)} vertices, {len(obj.data.shape_keys.key_blocks) - 1} shape keys"
        for key, value in provenance.read_provenance(obj).items():
            yield f"    {key}: {str(value)[:MOST_LETTERS]}"
    if not found:
        yield "  no head of Likeness"
