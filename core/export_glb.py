"""A head as one .glb (glTF 2.0 binary): 52 named morph targets, one skin with FLAME's joints, its textures inside.

Rule of this file: written from a HeadAsset alone, so it is the same from every Blender and without one. glTF's frame is
model space (metres, Y up, +Z front). Morph targets carry the whole effect of their unit, bone rotation included, for
viewers that know nothing of drivers; joints are free to be posed by hand. Unchanged vertices cost nothing (sparse accessors).
Source: Khronos glTF 2.0 specification.
"""

from __future__ import annotations

import io
import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .config import VERSION
from .head.bones import bake_units, bone_axes
from .head.kinds import kind_of_part, kinds_of_parts
from .head.model import rotation_matrices, triangulate
from .staging import staged
from .types import JOINT_NAMES, JOINT_PARENTS, HeadAsset

ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963
COMPONENT_TYPES = {np.dtype(np.uint8): 5121, np.dtype(np.uint16): 5123, np.dtype(np.uint32): 5125, np.dtype(np.float32): 5126}
MIN_OFFSET_M, MIN_NORMAL_CHANGE = 1e-6, 1e-3
JPEG_QUALITY = 95
NORMALS_PNG = {"compress_level": 1, "compress_type": 3}
"""Run lengths alone (zlib's Z_RLE): normals of pores come out smaller so than with matches, in a quarter of the time."""
MATERIALS: dict[str, dict[str, Any]] = {
    "skin": {"roughness": 0.5, "ior": 1.4},
    "eye": {"roughness": 0.12, "ior": 1.376},
    "cornea": {"roughness": 0.02, "ior": 1.376, "rgba": (1.0, 1.0, 1.0, 0.05)},
    "teeth": {"roughness": 0.25, "ior": 1.62},
    "tongue": {"roughness": 0.35, "ior": 1.4},
    "lashes": {"roughness": 0.45, "ior": 1.55, "is_double_sided": True},
}


@dataclass
class Buffer:
    """The binary chunk being filled, with the accessors and views that point into it."""

    data: bytearray = field(default_factory=bytearray)
    views: list[dict[str, Any]] = field(default_factory=list)
    accessors: list[dict[str, Any]] = field(default_factory=list)

    def add_view(self, data: bytes, target: int | None = None) -> int:
        self.data.extend(b"\0" * (-len(self.data) % 4))
        view = {"buffer": 0, "byteOffset": len(self.data), "byteLength": len(data)}
        self.views.append(view if target is None else view | {"target": target})
        self.data.extend(data)
        return len(self.views) - 1

    def add_array(self, values: np.ndarray, kind: str, target: int | None = None, has_bounds: bool = False) -> int:
        """values [N, C] (or [N] for SCALAR) as a dense accessor; kind: glTF's 'VEC3', 'MAT4', ..."""
        accessor: dict[str, Any] = {"componentType": COMPONENT_TYPES[values.dtype], "count": len(values), "type": kind}
        accessor["bufferView"] = self.add_view(np.ascontiguousarray(values).tobytes(), target)
        if has_bounds:
            accessor |= {"min": values.min(0).tolist(), "max": values.max(0).tolist()}
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def add_sparse(self, values: np.ndarray, threshold: float) -> int:
        """values [N, 3] float32, mostly zero, as a sparse accessor; changes below the threshold are dropped."""
        rows = np.flatnonzero((np.abs(values) > threshold).any(1))
        kept = values[rows]
        accessor: dict[str, Any] = {"componentType": COMPONENT_TYPES[values.dtype], "count": len(values), "type": "VEC3"}
        zero = np.zeros((int(len(rows) < len(values)), 3), np.float32)
        bounds = np.vstack([kept, zero])
        accessor |= {"min": bounds.min(0).tolist(), "max": bounds.max(0).tolist()}
        if len(rows):
            indices = rows.astype(np.uint16 if len(values) <= 65535 else np.uint32)
            accessor["sparse"] = {
                "count": len(rows),
                "indices": {"bufferView": self.add_view(indices.tobytes()), "componentType": COMPONENT_TYPES[indices.dtype]},
                "values": {"bufferView": self.add_view(kept.tobytes())},
            }
        self.accessors.append(accessor)
        return len(self.accessors) - 1


def export_glb(asset: HeadAsset, path: Path, expression: dict[str, float] | None = None, pose: np.ndarray | None = None) -> None:
    """Writes the head, whole or not at all; expression (unit -> value) and pose [15] are what it shows at first.

    Raises ExportError.
    """
    data = encode_glb(asset, expression or {}, np.zeros(15) if pose is None else pose)
    with staged(path.parent) as folder:
        (folder / path.with_suffix(".glb").name).write_bytes(data)


def encode_glb(asset: HeadAsset, expression: dict[str, float], pose: np.ndarray) -> bytes:
    """The file's bytes."""
    buffer = Buffer()
    units = bake_units(asset)
    kinds = kinds_of_parts(asset.part_names)
    images = _add_images(buffer, asset)
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": f"Likeness {VERSION}", "extras": _facts(asset)},
        "scene": 0,
        "extensionsUsed": ["KHR_materials_ior"],
        "materials": [_describe_material(asset, kind, [image["name"] for image in images]) for kind in kinds],
        "textures": [{"source": source, "sampler": 0, "name": image["name"]} for source, image in enumerate(images)],
        "samplers": [{"magFilter": 9729, "minFilter": 9987, "wrapS": 10497, "wrapT": 10497}],
        "images": images,
        "meshes": [
            {
                "name": asset.name,
                "primitives": _add_primitives(buffer, asset, units, kinds),
                "weights": [float(expression.get(name, 0.0)) for name in units],
                "extras": {"targetNames": list(units)},
            }
        ],
    }
    document |= _describe_skeleton(buffer, asset, pose)
    document |= {"bufferViews": buffer.views, "accessors": buffer.accessors, "buffers": [{"byteLength": len(buffer.data)}]}
    return _pack(document, buffer.data)


def compute_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Area-weighted vertex normals [V, 3]; (0, 0, 1) where there is no area."""
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    face_normals = np.cross(b - a, c - a)
    normals = np.zeros_like(vertices, np.float64)
    for axis in range(3):
        for corner in range(3):
            normals[:, axis] += np.bincount(triangles[:, corner], face_normals[:, axis], len(vertices))
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.where(lengths > 1e-20, normals / np.maximum(lengths, 1e-20), (0.0, 0.0, 1.0))


def compute_tangents(vertices: np.ndarray, normals: np.ndarray, uvs: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Unit tangents along growing u and the bitangents' signs (v up), [V, 4] float32; every vertex has one UV [V, 2]."""
    p, q = vertices[triangles], uvs[triangles]
    side, uv_side = p[:, 1:] - p[:, :1], q[:, 1:] - q[:, :1]
    area = uv_side[:, 0, 0] * uv_side[:, 1, 1] - uv_side[:, 0, 1] * uv_side[:, 1, 0]
    along = (uv_side[:, 1, 1, None] * side[:, 0] - uv_side[:, 0, 1, None] * side[:, 1]) * np.sign(area)[:, None]
    table, corner = np.column_stack([along, area]), triangles.ravel()
    summed = np.stack([np.bincount(corner, np.repeat(table[:, c], 3), len(vertices)) for c in range(4)], -1)
    tangents = summed[:, :3] - normals * np.einsum("vc,vc->v", summed[:, :3], normals)[:, None]
    length = np.linalg.norm(tangents, axis=1, keepdims=True)
    fallback = np.cross(normals, np.where(np.abs(normals[:, :1]) < 0.9, (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)))
    tangents = np.where(length > 1e-12, tangents / np.maximum(length, 1e-12), fallback)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    return np.column_stack([_unit_float32(tangents), np.where(summed[:, 3] < 0, -1, 1)]).astype(np.float32)


def _add_primitives(buffer: Buffer, asset: HeadAsset, units: dict[str, np.ndarray], kinds: list[str]) -> list[dict[str, Any]]:
    """One primitive a material, each with vertices of its own (a vertex a pair of position and UV) and all targets."""
    triangles, triangle_uvs = triangulate(asset.faces), triangulate(asset.face_uvs)
    corners = np.where(asset.faces[:, 3] >= 0, 2, 1)
    slot_of_part = np.array([kinds.index(kind_of_part(part)) for part in asset.part_names])
    slots = np.repeat(slot_of_part[asset.face_parts], corners)
    normals = compute_normals(asset.vertices, triangles)
    changes = {name: compute_normals(asset.vertices + offsets, triangles) - normals for name, offsets in units.items()}
    joints, weights = _strongest_joints(asset.weights)
    primitives = []
    for slot in range(len(kinds)):
        pairs = np.stack([triangles[slots == slot].ravel(), triangle_uvs[slots == slot].ravel()], 1)
        if not len(pairs):
            continue
        unique, index = np.unique(pairs, axis=0, return_inverse=True)
        rows, uvs = unique[:, 0], asset.uvs[unique[:, 1]] * (1, -1) + (0, 1)
        attributes = {
            "POSITION": buffer.add_array(asset.vertices[rows].astype(np.float32), "VEC3", ARRAY_BUFFER, has_bounds=True),
            "NORMAL": buffer.add_array(_unit_float32(normals[rows]), "VEC3", ARRAY_BUFFER),
            "TEXCOORD_0": buffer.add_array(uvs.astype(np.float32), "VEC2", ARRAY_BUFFER),
            "JOINTS_0": buffer.add_array(joints[rows], "VEC4", ARRAY_BUFFER),
            "WEIGHTS_0": buffer.add_array(weights[rows], "VEC4", ARRAY_BUFFER),
        }
        if kinds[slot] == "skin" and "normal" in asset.textures:
            tangents = compute_tangents(asset.vertices[rows], normals[rows], asset.uvs[unique[:, 1]], index.reshape(-1, 3))
            attributes["TANGENT"] = buffer.add_array(tangents, "VEC4", ARRAY_BUFFER)
        targets = [
            {
                "POSITION": buffer.add_sparse(offsets[rows].astype(np.float32), MIN_OFFSET_M),
                "NORMAL": buffer.add_sparse(changes[name][rows].astype(np.float32), MIN_NORMAL_CHANGE),
            }
            for name, offsets in units.items()
        ]
        dtype = np.uint16 if len(unique) < 65535 else np.uint32
        indices = buffer.add_array(index.reshape(-1).astype(dtype), "SCALAR", ELEMENT_ARRAY_BUFFER)
        primitives.append({"attributes": attributes, "indices": indices, "material": slot, "targets": targets, "mode": 4})
    return primitives


def _strongest_joints(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Skin weights [V, 5] -> the four strongest joints [V, 4] uint8 and their weights [V, 4] float32, summing to 1."""
    joints = np.argsort(-weights, axis=1, kind="stable")[:, :4]
    kept = np.take_along_axis(weights, joints, 1)
    kept = kept / kept.sum(1, keepdims=True)
    return np.where(kept > 0, joints, 0).astype(np.uint8), kept.astype(np.float32)


def _describe_skeleton(buffer: Buffer, asset: HeadAsset, pose: np.ndarray) -> dict[str, Any]:
    """Nodes: the rig (0), the mesh (1), then the joints, axes as in bones.bone_axes and turned by pose.

    The mesh is a root of the scene, for a skinned mesh heeds no parent.
    """
    axes, rotations = bone_axes(asset), rotation_matrices(np.reshape(pose, (-1, 3)))
    first = 2
    nodes: list[dict[str, Any]] = [
        {"name": f"{asset.name} rig", "children": [first]},
        {"name": asset.name, "mesh": 0, "skin": 0},
    ]
    inverse_bind = np.zeros((len(JOINT_NAMES), 4, 4), np.float32)
    for j, (joint, parent) in enumerate(zip(JOINT_NAMES, JOINT_PARENTS, strict=True)):
        parent_axes, parent_head = (axes[parent], asset.joints[parent]) if parent >= 0 else (np.eye(3), np.zeros(3))
        node = {
            "name": joint,
            "translation": (parent_axes.T @ (asset.joints[j] - parent_head)).tolist(),
            "rotation": matrix_to_quaternion(parent_axes.T @ rotations[j] @ axes[j]).tolist(),
        }
        if children := [first + child for child, p in enumerate(JOINT_PARENTS) if p == j]:
            node["children"] = children
        nodes.append(node)
        inverse_bind[j, :3, :3], inverse_bind[j, :3, 3], inverse_bind[j, 3, 3] = axes[j].T, -axes[j].T @ asset.joints[j], 1.0
    matrices = buffer.add_array(inverse_bind.transpose(0, 2, 1).reshape(-1, 16), "MAT4")
    skin = {
        "name": f"{asset.name} rig",
        "joints": list(range(first, first + len(JOINT_NAMES))),
        "inverseBindMatrices": matrices,
        "skeleton": first,
    }
    return {"nodes": nodes, "skins": [skin], "scenes": [{"nodes": [0, 1], "name": asset.name}]}


def matrix_to_quaternion(R: np.ndarray) -> np.ndarray:
    """Rotation matrix [3, 3] -> unit quaternion (x, y, z, w), by the largest of its four squares."""
    squares = np.array([1 + R[0, 0] - R[1, 1] - R[2, 2], 1 - R[0, 0] + R[1, 1] - R[2, 2],
                        1 - R[0, 0] - R[1, 1] + R[2, 2], 1 + R[0, 0] + R[1, 1] + R[2, 2]])  # fmt: skip
    x, y, z, w = (R[2, 1] - R[1, 2]), (R[0, 2] - R[2, 0]), (R[1, 0] - R[0, 1]), squares[3]
    xy, xz, yz = R[0, 1] + R[1, 0], R[0, 2] + R[2, 0], R[1, 2] + R[2, 1]
    rows = ((squares[0], xy, xz, x), (xy, squares[1], yz, y), (xz, yz, squares[2], z), (x, y, z, w))
    quaternion = np.array(rows[int(np.argmax(squares))])
    return quaternion / np.linalg.norm(quaternion)


def _describe_material(asset: HeadAsset, kind: str, images: list[str]) -> dict[str, Any]:
    look = MATERIALS[kind]
    surface: dict[str, Any] = {"metallicFactor": 0.0, "roughnessFactor": look["roughness"]}
    material: dict[str, Any] = {
        "name": f"{asset.name} {kind}",
        "pbrMetallicRoughness": surface,
        "extensions": {"KHR_materials_ior": {"ior": look["ior"]}},
    }
    if "rgba" in look:
        surface["baseColorFactor"] = list(look["rgba"])
        material["alphaMode"] = "BLEND"
    else:
        surface["baseColorTexture"] = {"index": 0}
    if look.get("is_double_sided"):
        material["doubleSided"] = True
    if kind == "skin" and "normal" in images:
        material["normalTexture"] = {"index": images.index("normal")}
    if kind == "skin" and "roughness" in images:
        surface["roughnessFactor"] = 1.0
        surface["metallicRoughnessTexture"] = {"index": images.index("roughness")}
    return material


def _add_images(buffer: Buffer, asset: HeadAsset) -> list[dict[str, Any]]:
    """Albedo, then roughness (glTF: in green; blue, metal, is 0) and normals where the head has them."""
    images = [_add_image(buffer, "albedo", asset.textures["albedo"].pixels)]
    if "roughness" in asset.textures:
        roughness = asset.textures["roughness"].pixels
        images.append(_add_image(buffer, "roughness", np.stack([0 * roughness, roughness, 0 * roughness], -1)))
    if "normal" in asset.textures:
        images.append(_add_image(buffer, "normal", asset.textures["normal"].pixels, is_lossless=True))
    return images


def _add_image(buffer: Buffer, name: str, pixels: np.ndarray, is_lossless: bool = False) -> dict[str, Any]:
    file = io.BytesIO()
    is_png = is_lossless or (pixels.ndim == 3 and pixels.shape[2] == 4)
    if is_png:
        Image.fromarray(pixels).save(file, "PNG", **(NORMALS_PNG if is_lossless else {"compress_level": 6}))
    else:
        Image.fromarray(pixels).save(file, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    view = buffer.add_view(file.getvalue())
    return {"name": name, "mimeType": "image/png" if is_png else "image/jpeg", "bufferView": view}


def _facts(asset: HeadAsset) -> dict[str, Any]:
    keys = ("program", "version", "model", "model_licence", "licence", "seed", "photo_sha256", "confidence")
    return {key: asset.provenance[key] for key in keys if key in asset.provenance}


def _unit_float32(vectors: np.ndarray) -> np.ndarray:
    """Unit vectors that are still of length 1 within the validator's tolerance after rounding."""
    rounded = vectors.astype(np.float32)
    return rounded / np.linalg.norm(rounded, axis=1, keepdims=True)


def _pack(document: dict[str, Any], binary: bytearray) -> bytes:
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    length = 12 + 8 + len(text) + 8 + len(binary)
    header = struct.pack("<4sII", b"glTF", 2, length)
    return header + struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + bytes(binary)
