"""A head in the scene: HeadAsset -> one collection of objects, and back.

Rule of this file: what a person may want back is in the .blend. Geometry, keys and weights are read from the mesh (an
artist's edits count); identity, photo expression, pose, camera, light and provenance are properties of the mesh object,
images (further photos of the person too, further_photos.py) are packed and pointed to by it; so saving, appending and reloading
need no sidecar file.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import replace
from itertools import chain, count
from typing import Any

import bpy
import numpy as np

from ..core.errors import SceneError
from ..core.head.bones import bone_axes
from ..core.image_files import HeadImages, encode_images
from ..core.types import JOINT_NAMES, BoneRotation, Camera, HeadAsset, Photo
from . import rig as rigging
from .camera import create_camera
from .expression import set_keys
from .further_photos import IMAGE_PREFIX as FURTHER_PREFIX
from .further_photos import further_images, photo_facts, read_further, write_further
from .image import create_image, decode_image, read_pixels, read_texture, upload_image
from .light import create_lights
from .material import create_materials, material_slots
from .mesh import (
    POSE_KEY_PREFIX,
    REGION_PREFIX,
    bone_groups,
    create_mesh,
    order_expression,
    read_faces,
    read_more_uvs,
    read_shape_keys,
    read_vertex_groups,
    read_vertices,
    readable_mesh,
    region_groups,
    write_shape_keys,
    write_vertex_groups,
)
from .placement import find_place
from .transaction import all_or_nothing

FORMAT = 1
HEAD = "likeness"
"""The mesh object's property group with everything that is not geometry."""
ROLE = "likeness_role"
TEXTURE_PREFIX = "likeness_texture_"
BASE_PREFIX = "likeness_base_"
"""What another skin was made from (skin.py): the texture before it."""
PHOTO = "likeness_photo"
IMAGE_PREFIXES = (TEXTURE_PREFIX, BASE_PREFIX, PHOTO, FURTHER_PREFIX)


def create_head(
    context: bpy.types.Context, asset: HeadAsset, *, name: str | None = None, images: HeadImages | None = None
) -> bpy.types.Object:
    """Writes a head into context's scene and returns its mesh object, with the photo's expression applied.

    images: the asset's image files where they were made before (then its own pixels are not looked at).

    It stands at the origin or beside what is there (placement.py); camera and lights are children of its armature.
    Collection 'Likeness <name>' holds mesh and armature, its child '<name> photo' the camera and the lights. The scene's
    world and render settings stay; its camera is set only where there is none. Never changes anybody's mode.
    """
    name, rig_name = _create_blocks(asset, name or asset.name, images or encode_images(asset))
    return _place_head(context, asset, name, rig_name)


def create_head_in_steps(
    context: bpy.types.Context, asset: HeadAsset, images: HeadImages
) -> Generator[None, None, bpy.types.Object]:
    """As create_head, with pauses for a window to be drawn: first the data, then the albedo made ready to be drawn, which would
    hold the window the first time, then the head in the scene.

    Whatever ends it early takes away what it made, and nothing else. Raises SceneError when that is gone after the pause.
    """
    with all_or_nothing():
        name, rig_name = _create_blocks(asset, asset.name, images)
    uid = bpy.data.objects[name].session_uid
    try:
        for prepare in () if bpy.app.background else (decode_image, upload_image):
            yield
            _require_blocks(name, uid, rig_name)
            if (albedo := texture_images(bpy.data.objects[name]).get("albedo")) is not None:
                prepare(albedo)
        yield
        _require_blocks(name, uid, rig_name)
        with all_or_nothing():
            return _place_head(context, asset, name, rig_name)
    except BaseException:
        if name in bpy.data.objects and bpy.data.objects[name].session_uid == uid:
            _discard_blocks(bpy.data.objects[name])
        raise


def _require_blocks(name: str, uid: int, rig_name: str) -> None:
    """Raises SceneError where what was made before a pause is gone."""
    if name not in bpy.data.objects or bpy.data.objects[name].session_uid != uid or rig_name not in bpy.data.objects:
        raise SceneError("An undo came in between: nothing was changed, please try again.")


def _create_blocks(asset: HeadAsset, wanted_name: str, files: HeadImages) -> tuple[str, str]:
    """Mesh object and armature object with all their data, linked to no scene yet; their names, for undo may come in between."""
    name = _unique_name(wanted_name)
    obj, rig = _create_rigged_mesh(asset, name)
    textures = {key: create_image(encoded, f"{name} {key}") for key, encoded in files.textures.items()}
    photo = create_image(files.photo, f"{name} photo") if files.photo is not None else None
    for material in create_materials(asset, name, textures):
        obj.data.materials.append(material)
    _write_properties(obj, asset, textures, photo)
    write_further(obj, asset.further, files.further, list(asset.expression))
    return obj.name, rig.name


def _discard_blocks(obj: bpy.types.Object) -> None:
    """Take away what _create_blocks made."""
    rig = head_rig(obj)
    blocks = [obj, obj.data, *filter(None, obj.data.materials), *texture_images(obj).values(), obj.get(PHOTO)]
    blocks += further_images(obj)
    blocks += [rig, rig.data] if rig else []
    bpy.data.batch_remove([block for block in blocks if block is not None])


def _place_head(context: bpy.types.Context, asset: HeadAsset, name: str, rig_name: str) -> bpy.types.Object:
    heads = [other for other in context.scene.objects if is_head(other)]
    obj, rig = bpy.data.objects[name], bpy.data.objects[rig_name]
    around = [create_camera(asset.camera, f"{name} camera", obj.get(PHOTO))] if asset.camera is not None else []
    around += create_lights(asset.light, name) if asset.light is not None else []
    _link(context, name, obj, rig, around)
    apply_expression(obj, "photo")
    context.view_layer.update()
    rig.location.x = find_place(context, obj, heads)
    context.view_layer.update()
    return obj


def _create_rigged_mesh(asset: HeadAsset, name: str) -> tuple[bpy.types.Object, bpy.types.Object]:
    """Mesh object and armature object with groups, keys and drivers; no materials, linked to no scene yet."""
    obj = bpy.data.objects.new(name, create_mesh(asset, name, material_slots(asset.part_names)))
    write_vertex_groups(obj, bone_groups(asset) | region_groups(asset))
    write_shape_keys(obj, asset.vertices, order_expression(asset) | rigging.corrective_offsets(asset, bone_axes(asset)))
    rig = rigging.create_rig(asset, f"{name} rig")
    rigging.bind(obj, rig)
    rigging.add_drive_constraints(rig)
    rigging.drive_bones(obj, rig, asset.bone_rotations)
    rigging.drive_correctives(obj, rig)
    return obj, rig


def read_head(obj: bpy.types.Object) -> HeadAsset:
    """The head as it is now. Raises ValueError when obj is not a head of ours, or its mesh was cut beyond a HeadAsset."""
    bare = read_bare_head(obj)
    textures = {key: read_texture(image) for key, image in texture_images(obj).items()}
    return replace(bare, textures=textures, photo=read_photo(obj), further=read_further(obj, list(bare.expression)))


def read_bare_head(obj: bpy.types.Object) -> HeadAsset:
    """read_head without textures and photos, which take most of its time."""
    if not is_head(obj):
        raise ValueError(f"'{obj.name}' is not a Likeness head: select the head's mesh.")
    stored = obj[HEAD].to_dict()
    facts = json.loads(stored["facts"])
    with readable_mesh(obj) as mesh:
        keys, groups = read_shape_keys(mesh), read_vertex_groups(obj, mesh)
        faces, uvs, face_uvs, face_parts = read_faces(mesh)
        vertices, more_uvs = read_vertices(mesh), read_more_uvs(mesh, facts.get("more_uvs", []))
    return HeadAsset(
        name=facts["name"], vertices=vertices, faces=faces, uvs=uvs, face_uvs=face_uvs, face_parts=face_parts,
        part_names=tuple(facts["part_names"]),
        shape_keys={key: offsets for key, offsets in keys.items() if not key.startswith(POSE_KEY_PREFIX)},
        bone_rotations=_read_rotations(facts["bone_rotations"]),
        pose_correctives=_read_correctives(keys, np.reshape(stored["bone_axes"], (5, 3, 3)), len(vertices)),
        joints=np.reshape(stored["joints"], (5, 3)), weights=np.stack([groups[joint] for joint in JOINT_NAMES], 1),
        expression=facts["expression"], pose=np.array(stored["pose"]), landmarks7=np.reshape(stored["landmarks7"], (7, 3)),
        identity=np.array(stored.get("identity", [])), model_name=facts["model_name"],
        textures={}, skin_linear_rgb=np.array(stored["skin_linear_rgb"]), camera=read_camera(obj),
        light=np.reshape(stored["light"], (9, 3)) if "light" in stored else None, photo=None,
        regions=_read_regions(facts["regions"], groups), provenance=facts["provenance"],
        more_uvs=more_uvs,
        landmarks68=np.reshape(stored["landmarks68"], (68, 3)) if "landmarks68" in stored else None,
        joint_moves={unit: np.array(move) for unit, move in facts.get("joint_moves", {}).items()},
    )  # fmt: skip


def remove_head(obj: bpy.types.Object) -> None:
    """Deletes the head's objects, data, materials, images and collections; what an artist put beside it is kept in the scene."""
    collection = head_collection(obj)
    objects = list(collection.all_objects) if collection else [obj]
    ours = [member for member in objects if ROLE in member]
    data = {member.data for member in ours} | {m for m in obj.data.materials if m}
    data |= {value for key, value in obj.items() if key.startswith(IMAGE_PREFIXES) and value is not None}
    animations = [block.animation_data for block in (obj.data.shape_keys, *ours) if block is not None]
    actions = {animation.action for animation in animations if animation is not None and animation.action is not None}
    collections = [collection, *collection.children_recursive] if collection else []
    for kept in set(objects) - set(ours):
        for scene in bpy.data.scenes:
            if collection in set(scene.collection.children_recursive) and kept.name not in scene.collection.objects:
                scene.collection.objects.link(kept)
    bpy.data.batch_remove([*ours, *collections])
    materials = [block for block in data if isinstance(block, bpy.types.Material)]
    bpy.data.batch_remove([block for block in data if block not in materials and not _is_image(block) and block.users == 0])
    bpy.data.batch_remove([block for block in materials if block.users == 0])
    bpy.data.batch_remove([block for block in data if _is_image(block) and block.users == 0])
    bpy.data.batch_remove([action for action in actions if action.users == 0])


def apply_expression(obj: bpy.types.Object, which: str) -> None:
    """Sets all shape-key values and deform-bone rotations: 'photo' as fitted, 'neutral' at rest."""
    if which not in ("photo", "neutral"):
        raise ValueError(f"Expression '{which}' is unknown: use 'photo' or 'neutral'.")
    stored = obj[HEAD].to_dict()
    facts = json.loads(stored["facts"])
    expression, pose = (facts["expression"], np.array(stored["pose"])) if which == "photo" else ({}, np.zeros(15))
    set_expression(obj, expression, pose)


def set_expression(obj: bpy.types.Object, expression: dict[str, float], pose: np.ndarray) -> None:
    """Shape-key values by unit name (others 0) and joint rotations: pose [15] axis-angle rad in model axes, as HeadCode.pose.

    Values outside a key's range (a fit may reach below 0) widen the key's range rather than being cut.
    """
    set_keys(obj, expression)
    facts = json.loads(obj[HEAD]["facts"])
    if (rig := head_rig(obj)) is not None:
        rigging.pose_rig(rig, pose, expression, _read_rotations(facts["bone_rotations"]))


def read_camera(obj: bpy.types.Object) -> Camera | None:
    """The photo's camera, or None for a head without one."""
    stored = obj[HEAD].to_dict()
    if "camera_K" not in stored:
        return None
    K, R, t = (np.array(stored[f"camera_{key}"]) for key in "KRt")
    return Camera(K.reshape(3, 3), R.reshape(3, 3), t, tuple(json.loads(stored["facts"])["camera_size"]))


def has_photo(obj: bpy.types.Object) -> bool:
    """Whether the head was made from a photo: cheap enough for a panel."""
    return "camera_K" in obj[HEAD]


def current_pose(obj: bpy.types.Object) -> np.ndarray:
    """What the artist (or the fit) turned by hand: pose [15] axis-angle rad in model axes; zeros without a rig."""
    rig = head_rig(obj)
    return rigging.read_hand_pose(rig) if rig else np.zeros(15)


def is_head(obj: bpy.types.Object | None) -> bool:
    return obj is not None and obj.type == "MESH" and HEAD in obj


def find_head(context: bpy.types.Context) -> bpy.types.Object | None:
    """The head that a person means: the active object's, else the scene's only one."""
    active = context.view_layer.objects.active if context.view_layer else None
    if is_head(active):
        return active
    heads = [obj for obj in context.scene.objects if is_head(obj)]
    if active is not None:
        near = [head for head in heads if head.parent == active or _shares_collection(head, active)]
        heads = near or heads
    return heads[0] if len(heads) == 1 else None


def texture_images(obj: bpy.types.Object) -> dict[str, bpy.types.Image]:
    """The head's textures: name -> packed image."""
    return {key.removeprefix(TEXTURE_PREFIX): value for key, value in obj.items() if key.startswith(TEXTURE_PREFIX) and value}


def head_collection(obj: bpy.types.Object) -> bpy.types.Collection | None:
    return next((collection for collection in obj.users_collection if ROLE in collection), None)


def head_rig(obj: bpy.types.Object) -> bpy.types.Object | None:
    """The armature object that deforms the head."""
    return next((m.object for m in obj.modifiers if m.type == "ARMATURE" and m.object is not None), None)


def head_camera(obj: bpy.types.Object) -> bpy.types.Object | None:
    """The photo's camera in the head's collection, beside its own bones: a copy of a head may be in there too."""
    collection, rig = head_collection(obj), head_rig(obj)
    members = collection.all_objects if collection else ()
    return next((o for o in members if o.get(ROLE) == "camera" and (rig is None or o.parent == rig)), None)


def _shares_collection(head: bpy.types.Object, other: bpy.types.Object) -> bool:
    collection = head_collection(head)
    return collection is not None and other.name in collection.all_objects


def _unique_name(name: str) -> str:
    """`name`, or name.001 ... where an object or a head's collection of that name exists."""
    candidates = chain([name], (f"{name}.{i:03d}" for i in count(1)))
    return next(c for c in candidates if f"Likeness {c}" not in bpy.data.collections and c not in bpy.data.objects)


def _link(
    context: bpy.types.Context, name: str, obj: bpy.types.Object, rig: bpy.types.Object, around: list[bpy.types.Object]
) -> None:
    collection = bpy.data.collections.new(f"Likeness {name}")
    collection[ROLE] = "collection"
    context.scene.collection.children.link(collection)
    for role, member in (("head", obj), ("rig", rig)):
        member[ROLE] = role
        collection.objects.link(member)
    if around:
        photo = bpy.data.collections.new(f"{name} photo")
        collection.children.link(photo)
        for member in around:
            member[ROLE] = member.type.lower()
            member.parent = rig
            photo.objects.link(member)
        if context.scene.camera is None and around[0].type == "CAMERA":
            context.scene.camera = around[0]
    if context.mode == "OBJECT":
        for other in context.view_layer.objects:
            other.select_set(False)
        obj.select_set(True)
        context.view_layer.objects.active = obj


def _write_properties(
    obj: bpy.types.Object, asset: HeadAsset, images: dict[str, bpy.types.Image], photo: bpy.types.Image | None
) -> None:
    facts: dict[str, Any] = {
        "name": asset.name, "model_name": asset.model_name, "part_names": asset.part_names, "expression": asset.expression,
        "bone_rotations": {u: [[r.joint, list(map(float, r.axis_angle))] for r in rs] for u, rs in asset.bone_rotations.items()},
        "regions": list(asset.regions), "provenance": asset.provenance, "photo": asset.photo and photo_facts(asset.photo),
        "more_uvs": list(asset.more_uvs),
        "joint_moves": {unit: np.asarray(move, float).tolist() for unit, move in asset.joint_moves.items()},
    }  # fmt: skip
    arrays = {
        "joints": asset.joints, "pose": asset.pose, "landmarks7": asset.landmarks7, "bone_axes": bone_axes(asset),
        "skin_linear_rgb": asset.skin_linear_rgb, "identity": asset.identity, "light": asset.light,
        "landmarks68": asset.landmarks68,
    }  # fmt: skip
    if asset.camera is not None:
        arrays |= {"camera_K": asset.camera.K, "camera_R": asset.camera.R, "camera_t": asset.camera.t}
        facts["camera_size"] = list(asset.camera.size)
    present = {key: values for key, values in arrays.items() if values is not None and np.size(values)}
    numbers = {key: np.ravel(values).astype(float).tolist() for key, values in present.items()}
    obj[HEAD] = {"format": FORMAT, "facts": json.dumps(facts), **numbers}
    for key, image in images.items():
        obj[TEXTURE_PREFIX + key] = image
    if photo is not None:
        obj[PHOTO] = photo


def read_photo(obj: bpy.types.Object) -> Photo | None:
    """The photo that the head was made from, upright, or None."""
    facts = json.loads(obj[HEAD]["facts"])["photo"]
    image = obj.get(PHOTO)
    if facts is None or image is None:
        return None
    pixels = read_pixels(image)
    alpha = pixels[..., 3] if pixels.shape[-1] == 4 else None
    return Photo(pixels[..., :3], alpha, facts["focal_px"], facts["source"], facts["sha256"], tuple(facts["notes"]))


def _read_regions(names: list[str], groups: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Region name -> weights [V]; a region whose vertex group was deleted is left out."""
    return {name: groups[REGION_PREFIX + name] for name in names if REGION_PREFIX + name in groups}


def _read_rotations(facts: dict[str, list[Any]]) -> dict[str, tuple[BoneRotation, ...]]:
    return {unit: tuple(BoneRotation(joint, np.array(a)) for joint, a in rotations) for unit, rotations in facts.items()}


def _read_correctives(keys: dict[str, np.ndarray], axes: np.ndarray, num_vertices: int) -> np.ndarray:
    """The corrective keys, turned back into model axes; those that were too small for a key are zero."""
    turned = np.zeros((36, num_vertices, 3))
    for element in range(36):
        if (offsets := keys.get(rigging.corrective_name(element))) is not None:
            turned[element] = offsets
    return rigging.rotate_correctives(turned, axes.transpose(0, 2, 1))


def _is_image(block: bpy.types.ID) -> bool:
    return isinstance(block, bpy.types.Image)
