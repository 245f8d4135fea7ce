"""The head's mesh datablock: faces, UVs, parts, vertex groups, shape keys; written and read in whole arrays.

Rule of this file: mesh data only; coordinates enter in model space and are stored in scene space (convert.py).
Quads stay quads. Each face carries its part's index and each corner its index into HeadAsset.uvs as mesh attributes, so
that reading back gives the very same arrays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import bpy
import numpy as np

from ..core.types import ARKIT_NAMES, JOINT_NAMES, HeadAsset
from .convert import model_to_scene, scene_to_model

UV_MAP = "UVMap"
PART_ATTRIBUTE = "likeness_part"
UV_INDEX_ATTRIBUTE = "likeness_uv_index"
REGION_PREFIX = "region_"
"""Vertex groups of regions begin so, for a region may be called like a bone ('neck', 'jaw')."""
COEFFICIENT = re.compile(r"Exp\d+")
"""Shape keys so called are FLAME's expressions: not weights from 0 to 1, but coefficients in standard deviations."""
MOST_SD = 5.0
POSE_KEY_PREFIX = "pose_"
"""Shape keys whose name begins so are pose correctives (rig.py), not expression units."""


def create_mesh(asset: HeadAsset, name: str, slot_of_part: np.ndarray) -> bpy.types.Mesh:
    """A mesh with UVs, smooth shading and material indices slot_of_part[face_parts]; no groups, no shape keys yet."""
    is_quad = asset.faces[:, 3] >= 0
    corners = 3 + is_quad.astype(np.int32)
    keep = np.stack([np.ones_like(is_quad)] * 3 + [is_quad], 1)
    corner_vertices = asset.faces[keep].astype(np.int32)
    corner_uvs = asset.face_uvs[keep].astype(np.int32)

    mesh = bpy.data.meshes.new(name)
    mesh.vertices.add(len(asset.vertices))
    mesh.vertices.foreach_set("co", _flat(model_to_scene(asset.vertices)))
    mesh.loops.add(len(corner_vertices))
    mesh.loops.foreach_set("vertex_index", corner_vertices)
    mesh.polygons.add(len(corners))
    mesh.polygons.foreach_set("loop_start", np.concatenate([[0], np.cumsum(corners)[:-1]]).astype(np.int32))
    mesh.polygons.foreach_set("material_index", slot_of_part[asset.face_parts].astype(np.int32))
    mesh.uv_layers.new(name=UV_MAP, do_init=False)
    mesh.uv_layers[UV_MAP].uv.foreach_set("vector", _flat(asset.uvs[corner_uvs]))
    for layout, corners in asset.more_uvs.items():
        mesh.uv_layers.new(name=layout, do_init=False).uv.foreach_set("vector", _flat(corners[keep]))
    mesh.uv_layers.active = mesh.uv_layers[UV_MAP]
    mesh.uv_layers[UV_MAP].active_render = True
    mesh.attributes.new(PART_ATTRIBUTE, "INT", "FACE").data.foreach_set("value", asset.face_parts.astype(np.int32))
    mesh.attributes.new(UV_INDEX_ATTRIBUTE, "INT", "CORNER").data.foreach_set("value", corner_uvs)
    mesh.update(calc_edges=True)
    mesh.shade_smooth()
    return mesh


@contextmanager
def readable_mesh(obj: bpy.types.Object) -> Iterator[bpy.types.Mesh]:
    """The object's mesh; in edit mode a copy with the edits so far, for Blender hides attributes of a mesh being edited."""
    if obj.mode != "EDIT":
        yield obj.data
        return
    obj.update_from_editmode()
    copy = obj.data.copy()
    try:
        yield copy
    finally:
        bpy.data.meshes.remove(copy)


def read_vertices(mesh: bpy.types.Mesh) -> np.ndarray:
    """Basis vertices [V, 3] m in model space."""
    points = mesh.shape_keys.reference_key.points if mesh.shape_keys else mesh.vertices
    return scene_to_model(_read(points, "co", 3))


def read_faces(mesh: bpy.types.Mesh) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """faces, uvs, face_uvs, face_parts as in HeadAsset.

    Raises ValueError when a face has more than four corners (an artist's edit that HeadAsset cannot hold).
    """
    corners = _read(mesh.polygons, "loop_total", 1, np.int32)[:, 0]
    if len(corners) and corners.max() > 4:
        raise ValueError("The head has faces with more than four corners: triangulate them first (Mesh > Faces > Triangulate).")
    start = _read(mesh.polygons, "loop_start", 1, np.int32)[:, 0]
    order = start[:, None] + np.minimum(np.arange(4), corners[:, None] - 1)
    is_padding = np.arange(4) >= corners[:, None]
    vertices = _read(mesh.loops, "vertex_index", 1, np.int32)[:, 0]
    corner_uvs = _read(mesh.uv_layers[0].uv, "vector", 2)
    index = _read_attribute(mesh, UV_INDEX_ATTRIBUTE, len(vertices))
    uvs, index = _index_uvs(corner_uvs, index)
    face_parts = _read_attribute(mesh, PART_ATTRIBUTE, len(corners))
    faces = np.where(is_padding, -1, vertices[order])
    return faces, uvs, np.where(is_padding, -1, index[order]), np.zeros(len(corners), int) if face_parts is None else face_parts


def read_more_uvs(mesh: bpy.types.Mesh, names: list[str]) -> dict[str, np.ndarray]:
    """HeadAsset.more_uvs: the layers of these names that are still there; faces as read_faces takes them."""
    corners = _read(mesh.polygons, "loop_total", 1, np.int32)
    order = _read(mesh.polygons, "loop_start", 1, np.int32) + np.minimum(np.arange(4), corners - 1)
    is_padding = np.arange(4) >= corners
    layers = {name: _read(mesh.uv_layers[name].uv, "vector", 2) for name in names if name in mesh.uv_layers}
    return {name: np.where(is_padding[..., None], 0, uvs[order]) for name, uvs in layers.items()}


def _index_uvs(corner_uvs: np.ndarray, index: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Corner UVs [L, 2] -> uvs [U, 2], indices [L]: the stored indices where they still hold, else unique coordinates."""
    if index is not None:
        uvs = np.zeros((index.max() + 1, 2))
        uvs[index] = corner_uvs
        if np.array_equal(uvs[index], corner_uvs):
            return uvs, index
    uvs, index = np.unique(corner_uvs, axis=0, return_inverse=True)
    return uvs, index.reshape(-1)


def write_vertex_groups(obj: bpy.types.Object, groups: dict[str, np.ndarray]) -> None:
    """Vertex groups from name -> weights [V] in [0, 1]; vertices of equal weight are written together, zeros left out."""
    for name, weights in groups.items():
        group = obj.vertex_groups.get(name) or obj.vertex_groups.new(name=name)
        order = np.argsort(weights, kind="stable")
        values, starts = np.unique(weights[order], return_index=True)
        bounds, vertices = [*starts.tolist(), len(order)], order.tolist()
        for value, start, end in zip(values.tolist(), bounds, bounds[1:], strict=False):
            if value > 0:
                group.add(vertices[start:end], value, "REPLACE")


def read_vertex_groups(obj: bpy.types.Object, mesh: bpy.types.Mesh) -> dict[str, np.ndarray]:
    """Name -> weights [V], for every vertex group of obj; mesh: obj.data, or its readable copy."""
    weights = np.zeros((len(obj.vertex_groups), len(mesh.vertices)))
    for vertex in mesh.vertices:
        for element in vertex.groups:
            weights[element.group, vertex.index] = element.weight
    return {group.name: weights[group.index] for group in obj.vertex_groups}


def region_groups(asset: HeadAsset) -> dict[str, np.ndarray]:
    """Vertex-group name -> weights [V], one a region."""
    return {REGION_PREFIX + name: weights for name, weights in asset.regions.items()}


def bone_groups(asset: HeadAsset) -> dict[str, np.ndarray]:
    """Vertex-group name -> weights [V], one a deform bone."""
    return {name: asset.weights[:, j] for j, name in enumerate(JOINT_NAMES)}


def write_shape_keys(obj: bpy.types.Object, base: np.ndarray, offsets: dict[str, np.ndarray]) -> None:
    """Adds 'Basis' when there is none, then one key a name: base [V, 3] + offsets [V, 3], model space, value 0 in [0, 1]
    (of a coefficient in [-MOST_SD, MOST_SD])."""
    mesh: bpy.types.Mesh = obj.data
    if mesh.shape_keys is None:
        obj.shape_key_add(name="Basis", from_mix=False)
    mesh.shape_keys.name = mesh.name
    for name, offset in offsets.items():
        key = obj.shape_key_add(name=name, from_mix=False)
        if COEFFICIENT.fullmatch(name):
            key.slider_min, key.slider_max = -MOST_SD, MOST_SD
        key.points.foreach_set("co", _flat(model_to_scene(base + offset)))


def read_shape_keys(mesh: bpy.types.Mesh) -> dict[str, np.ndarray]:
    """Every key but the Basis: name -> offsets [V, 3] from the Basis, model space, in order."""
    if mesh.shape_keys is None:
        return {}
    base = read_vertices(mesh)
    keys = (key for key in mesh.shape_keys.key_blocks if key != mesh.shape_keys.reference_key)
    return {key.name: scene_to_model(_read(key.points, "co", 3)) - base for key in keys}


def order_expression(asset: HeadAsset) -> dict[str, np.ndarray]:
    """The 52 ARKit units in ARKit's order (zeros where the asset's unit is a pure rotation or absent), then any others."""
    still = np.zeros_like(asset.vertices)
    ordered = {name: asset.shape_keys.get(name, still) for name in ARKIT_NAMES}
    return ordered | {name: offsets for name, offsets in asset.shape_keys.items() if name not in ordered}


def _flat(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, np.float32).ravel()


def _read(collection: bpy.types.bpy_prop_collection, attribute: str, width: int, dtype: type = np.float32) -> np.ndarray:
    """An attribute of every item as [N, width]; floats come back as float64."""
    values: np.ndarray = np.empty(len(collection) * width, dtype)
    collection.foreach_get(attribute, values)
    return (values.astype(np.float64) if dtype is np.float32 else values).reshape(-1, width)


def _read_attribute(mesh: bpy.types.Mesh, name: str, count: int) -> np.ndarray | None:
    attribute = mesh.attributes.get(name)
    if attribute is None or len(attribute.data) != count:
        return None
    return _read(attribute.data, "value", 1, np.int32)[:, 0]
