"""A head from the scene to a file: blend, glb, fbx, obj, npz. The scene stays as it was.

Rule of this file: every file appears whole or not at all (core/staging.py); what Blender itself must write is arranged in
a scene of its own that is gone afterwards.
"""

from __future__ import annotations

import dataclasses
import errno
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np

from ..core.errors import ExportError
from ..core.export_glb import export_glb
from ..core.export_npz import export_npz
from ..core.export_obj import export_obj
from ..core.head.bones import bake_units, pose_asset
from ..core.staging import explain_write_error, staged
from ..core.types import HeadAsset
from ..translations.sentences import without_kind
from . import resave
from . import rig as rigging
from .camera import match_render
from .convert import scene_to_model
from .expression import read_keys
from .head import current_pose, head_camera, head_collection, read_head
from .material import material_slots
from .mesh import bone_groups, create_mesh, order_expression, write_shape_keys, write_vertex_groups

FULL_DISK_BYTES = 1_000_000


def export_head(obj: bpy.types.Object, path: str | Path, format: str) -> Path:
    """Writes the head as it is now; the ending of `path` becomes the format's. Returns the file's path.

    blend: a file that opens with the head in view, with camera, lights and packed textures; glb, fbx: mesh at rest,
    52 morph targets with bone rotations baked in, five bones, texture; obj: the mesh as it is posed; npz: plain arrays
    (DESIGN.md). Raises ExportError.
    """
    if format not in WRITERS:
        raise ExportError(f"'{format}' is no format that Likeness writes: choose one of {', '.join(WRITERS)}.")
    target = Path(path).with_suffix(f".{format}")
    WRITERS[format](obj, target)
    return target


def evaluate_vertices(obj: bpy.types.Object) -> np.ndarray:
    """The mesh as its keys and bones make it now, without later modifiers' extra vertices: [V, 3] m, model space."""
    if obj.mode == "EDIT":
        return pose_asset(dataclasses.replace(read_head(obj), joint_moves={}), read_keys(obj), current_pose(obj))
    with _only_armature(obj):
        depsgraph = bpy.context.evaluated_depsgraph_get()
        evaluated = obj.evaluated_get(depsgraph)
        mesh = evaluated.to_mesh()
        values = np.empty(len(mesh.vertices) * 3, np.float32)
        mesh.vertices.foreach_get("co", values)
        evaluated.to_mesh_clear()
    return scene_to_model(values.reshape(-1, 3).astype(np.float64))


def _write_blend(obj: bpy.types.Object, path: Path) -> None:
    scene = bpy.data.scenes.new(obj.name)
    try:
        scene.collection.children.link(head_collection(obj))
        scene.view_settings.view_transform = "Standard"
        if (camera := head_camera(obj)) is not None:
            match_render(scene, camera)
        scene.view_layers[0].update()  # Blender 5.2 crashes on writing a scene whose view layer was never evaluated
        with staged(path.parent) as folder, blender_errors(path):
            library = folder / f"{path.name}.library"
            bpy.data.libraries.write(str(library), {scene}, fake_user=False)
            _resave(library, folder / path.name, obj.name)
            library.unlink()
    finally:
        bpy.data.scenes.remove(scene)


def _resave(library: Path, target: Path, name: str) -> None:
    """A library file, which Blender opens with a warning and without a view, made a main file by a bare Blender of its own.

    Raises RuntimeError with the last line that it said.
    """
    blender = [bpy.app.binary_path, "--background", "--factory-startup", "--python-exit-code", "3", "--python"]
    command = [*blender, resave.__file__, "--"] if bpy.app.binary_path else [sys.executable, "-P", resave.__file__]
    no_console = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    done = subprocess.run(
        [*command, str(library), str(target), name], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        encoding="utf-8", errors="replace", creationflags=no_console, check=False,
    )  # fmt: skip
    if done.returncode or not target.is_file():
        reasons = [line for line in done.stdout.splitlines() if "Error" in line]
        raise RuntimeError(reasons[-1] if reasons else f"a second Blender ended with code {done.returncode}")


def _write_fbx(obj: bpy.types.Object, path: Path) -> None:
    with _simple_copy(obj) as scene, staged(path.parent) as folder, blender_errors(path):
        layer = scene.view_layers[0]
        with bpy.context.temp_override(scene=scene, view_layer=layer, active_object=None, object=None, selected_objects=[]):
            bpy.ops.export_scene.fbx(
                filepath=str(folder / path.name),
                object_types={"ARMATURE", "MESH"},
                use_mesh_modifiers=False,
                add_leaf_bones=False,
                use_armature_deform_only=True,
                bake_anim=False,
                path_mode="COPY",
                embed_textures=True,
                mesh_smooth_type="OFF",
            )


def _write_glb(obj: bpy.types.Object, path: Path) -> None:
    export_glb(dataclasses.replace(read_head(obj), name=obj.name), path, read_keys(obj), current_pose(obj))


def _write_obj(obj: bpy.types.Object, path: Path) -> None:
    export_obj(read_head(obj), path, evaluate_vertices(obj))


def _write_npz(obj: bpy.types.Object, path: Path) -> None:
    export_npz(read_head(obj), path)


WRITERS: dict[str, Callable[[bpy.types.Object, Path], None]] = {
    "blend": _write_blend,
    "glb": _write_glb,
    "fbx": _write_fbx,
    "obj": _write_obj,
    "npz": _write_npz,
}


@contextmanager
def _simple_copy(obj: bpy.types.Object) -> Iterator[bpy.types.Scene]:
    """A scene with a twin of the head for exporters that know no drivers: 52 full keys, five free bones, the same names."""
    asset = read_head(obj)
    still = np.zeros((36, 1, 3)) * asset.vertices[None]
    simple = dataclasses.replace(asset, shape_keys=bake_units(asset), bone_rotations={}, pose_correctives=still)
    scene = bpy.data.scenes.new("Likeness export")
    created: list[bpy.types.ID] = [scene]
    originals = [obj, obj.data, *([obj.parent, obj.parent.data] if obj.parent else [])]
    names = [original.name for original in originals]
    try:
        for original in originals:
            original.name = f"{original.name[:50]} (original)"
        rig_name = names[2] if obj.parent else f"{names[0]} rig"
        twin, rig = _create_twin(simple, obj, names[0], rig_name)
        created += [twin, rig, twin.data, rig.data]
        for member in (rig, twin):
            scene.collection.objects.link(member)
        expression = read_keys(obj)
        for key in twin.data.shape_keys.key_blocks[1:]:
            key.value = expression.get(key.name, 0.0)
        yield scene
    finally:
        bpy.data.batch_remove(created)
        for original, name in zip(originals, names, strict=True):
            original.name = name


def _create_twin(asset: HeadAsset, obj: bpy.types.Object, name: str, rig_name: str) -> tuple[bpy.types.Object, bpy.types.Object]:
    twin = bpy.data.objects.new(name, create_mesh(asset, name, material_slots(asset.part_names)))
    for material in obj.data.materials:
        twin.data.materials.append(material)
    write_vertex_groups(twin, bone_groups(asset))
    write_shape_keys(twin, asset.vertices, order_expression(asset))
    rig = rigging.create_rig(asset, rig_name)
    rigging.bind(twin, rig)
    return twin, rig


@contextmanager
def _only_armature(obj: bpy.types.Object) -> Iterator[None]:
    """Other modifiers (subdivision, ...) switched off."""
    others = [m for m in obj.modifiers if m.type != "ARMATURE" and m.show_viewport]
    for modifier in others:
        modifier.show_viewport = False
    try:
        yield
    finally:
        for modifier in others:
            modifier.show_viewport = True


@contextmanager
def blender_errors(path: Path) -> Iterator[None]:
    """Blender reports failed writes with prose and no error number."""
    try:
        yield
    except (RuntimeError, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        if "No space left" in str(error) or shutil.disk_usage(path.parent).free < FULL_DISK_BYTES:
            raise explain_write_error(OSError(errno.ENOSPC, "disk full"), path) from error
        reason = without_kind(str(error).strip().splitlines()[-1])
        raise ExportError(f"Blender could not write {path} ({reason}): choose another folder.") from error
