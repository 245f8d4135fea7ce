"""The armature: FLAME's five deform bones, rotated by hand and by shape keys at once; pose correctives as driven keys.

Rule of this file: the deform bones (named as JOINT_NAMES, nothing else deforms) belong to the artist. What expression
units rotate (eyeLookUpLeft, jawOpen ...) happens on hidden 'drive_<joint>' twins beside them, whose axis-angle channels
are driven by shape-key values, and reaches the deform bone by a Copy Rotation constraint before its own rotation:

    R_joint = R(sum of value * axis_angle) @ R_hand

A corrective key 'pose_<joint>_R<i><j>' has the value (R_joint - I)[i, j] in the bone's own axes; the offsets are turned
into these axes, so that each driver is one short simple expression, which Blender runs without asking.
"""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ..core.head.bones import bone_axes, bone_vectors, driven_pose, units_by_joint
from ..core.head.model import rotation_matrices
from ..core.types import JOINT_NAMES, JOINT_PARENTS, BoneRotation, HeadAsset
from .convert import R_SCENE_FROM_MODEL, model_to_scene
from .mesh import POSE_KEY_PREFIX

DRIVE_PREFIX = "drive_"
MIN_CORRECTIVE_M = 2e-5
"""A corrective whose largest offset at R - I = 1 is below .02 mm is left out."""
ELEMENT_EXPRESSIONS = (
    "-2*(y*y+z*z)", "2*(x*y-w*z)", "2*(x*z+w*y)",
    "2*(x*y+w*z)", "-2*(x*x+z*z)", "2*(y*z-w*x)",
    "2*(x*z-w*y)", "2*(y*z+w*x)", "-2*(x*x+y*y)",
)  # fmt: skip
"""R - I of the unit quaternion (w, x, y, z), row-major."""


def create_rig(asset: HeadAsset, name: str) -> bpy.types.Object:
    """An armature object (linked to no scene yet), bones in their rest pose. Leaves every mode and selection alone."""
    armature = bpy.data.armatures.new(name)
    rig = bpy.data.objects.new(name, armature)
    # Bones can only be made in edit mode. A scene of our own gives one without touching the user's mode or selection.
    workshop = bpy.data.scenes.new("Likeness workshop")
    try:
        workshop.collection.objects.link(rig)
        layer = workshop.view_layers[0]
        layer.objects.active = rig
        with bpy.context.temp_override(scene=workshop, view_layer=layer, active_object=rig, object=rig, selected_objects=[rig]):
            bpy.ops.object.mode_set(mode="EDIT")
            _create_bones(armature, asset)
            bpy.ops.object.mode_set(mode="OBJECT")
    finally:
        bpy.data.scenes.remove(workshop)
    for bone in rig.pose.bones:
        bone.rotation_mode = "AXIS_ANGLE" if bone.name.startswith(DRIVE_PREFIX) else "XYZ"
    _hide_drive_bones(armature)
    armature.display_type = "STICK"
    return rig


def bind(obj: bpy.types.Object, rig: bpy.types.Object) -> None:
    """Parent, Armature modifier, and a subdivision that only renders see; the vertex groups come from mesh.py."""
    obj.parent = rig
    modifier = obj.modifiers.new("Armature", "ARMATURE")
    modifier.object = rig
    modifier.use_vertex_groups = True
    modifier.use_deform_preserve_volume = False
    smooth = obj.modifiers.new("Smooth render", "SUBSURF")
    smooth.levels, smooth.render_levels = 0, 1


def rotate_correctives(pose_correctives: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Correctives [36, V, 3] of R - I in model axes -> of R - I in the bones' axes [5, 3, 3]; the transposed axes invert it."""
    by_joint = pose_correctives.reshape(4, 9, -1)
    turns = np.stack([np.kron(turn, turn).T for turn in axes[1:]])
    return (turns.astype(by_joint.dtype) @ by_joint).reshape(pose_correctives.shape)


def corrective_name(element: int) -> str:
    """0..35 -> 'pose_neck_R00' ... 'pose_right_eye_R22'."""
    joint, (row, column) = JOINT_NAMES[1 + element // 9], divmod(element % 9, 3)
    return f"{POSE_KEY_PREFIX}{joint}_R{row}{column}"


def corrective_offsets(asset: HeadAsset, axes: np.ndarray) -> dict[str, np.ndarray]:
    """Corrective key name -> offsets [V, 3] m, model space, for those worth a key."""
    turned = rotate_correctives(asset.pose_correctives, axes)
    sizes = np.sqrt(np.einsum("evc,evc->ev", turned, turned).max(-1))
    return {corrective_name(e): turned[e] for e in range(len(turned)) if sizes[e] > MIN_CORRECTIVE_M}


def drive_correctives(obj: bpy.types.Object, rig: bpy.types.Object) -> None:
    """A driver on every corrective key: an element of the deform bone's total local rotation."""
    for key in obj.data.shape_keys.key_blocks:
        if not key.name.startswith(POSE_KEY_PREFIX):
            continue
        key.slider_min, key.slider_max = -2.0, 2.0
        joint, element = key.name.removeprefix(POSE_KEY_PREFIX).rsplit("_R", 1)
        driver = key.driver_add("value").driver
        expression = ELEMENT_EXPRESSIONS[3 * int(element[0]) + int(element[1])]
        for letter in "wxyz":
            if letter in expression:
                _add_rotation_variable(driver, letter, rig, joint)
        driver.expression = expression


def drive_bones(obj: bpy.types.Object, rig: bpy.types.Object, bone_rotations: dict[str, tuple[BoneRotation, ...]]) -> None:
    """Shape-key values -> the drive bones' axis-angle; the axis-angles of several units add, as in HeadModel.full_pose."""
    for joint, units in units_by_joint(bone_rotations).items():
        bone = rig.pose.bones[DRIVE_PREFIX + joint]
        R_bone_from_model = np.array(bone.bone.matrix_local.to_3x3()).T @ R_SCENE_FROM_MODEL
        weights = np.stack([R_bone_from_model @ axis_angle for axis_angle in units.values()], 1)
        weights[np.abs(weights) < 1e-7] = 0
        sums = [_sum_expression(row) for row in weights]
        squares = "+".join(f"pow({s},2)" for s in sums if s)
        for channel, expression in enumerate([f"sqrt({squares})", *sums]):
            if expression:
                _drive_channel(bone, channel, expression, obj.data, list(units))
            elif channel > 0:
                bone.rotation_axis_angle[channel] = 0.0


def pose_rig(
    rig: bpy.types.Object, pose: np.ndarray, expression: dict[str, float], bone_rotations: dict[str, tuple[BoneRotation, ...]]
) -> None:
    """Turns the deform bones by hand so that, with the keys at `expression`, each joint's rotation is HeadModel's.

    pose [15] axis-angle rad in model axes. Axis-angles add in the model and rotations multiply in the rig, hence
    R_hand = R(driven)^T R(driven + pose).
    """
    driven = driven_pose(bone_rotations, expression)
    R_driven, R_full = rotation_matrices(driven), rotation_matrices(driven + np.reshape(pose, (-1, 3)))
    for j, joint in enumerate(JOINT_NAMES):
        bone = rig.pose.bones[joint]
        R_bone_from_model = np.array(bone.bone.matrix_local.to_3x3()).T @ R_SCENE_FROM_MODEL
        R_hand = R_bone_from_model @ R_driven[j].T @ R_full[j] @ R_bone_from_model.T
        bone.matrix_basis = Matrix(R_hand.tolist()).to_4x4()


def read_hand_pose(rig: bpy.types.Object) -> np.ndarray:
    """The deform bones' own rotations, without what the expression drives: [15] axis-angle rad in model axes."""
    pose = np.zeros((len(JOINT_NAMES), 3))
    for j, joint in enumerate(JOINT_NAMES):
        bone = rig.pose.bones[joint]
        axis, angle = bone.matrix_basis.to_quaternion().to_axis_angle()
        R_scene_from_bone = np.array(bone.bone.matrix_local.to_3x3())
        pose[j] = R_SCENE_FROM_MODEL.T @ R_scene_from_bone @ (np.array(axis) * angle)
    return pose.ravel()


def _create_bones(armature: bpy.types.Armature, asset: HeadAsset) -> None:
    heads, tails = model_to_scene(asset.joints), model_to_scene(asset.joints + bone_vectors(asset))
    z_axes = model_to_scene(bone_axes(asset)[:, :, 2])
    driven = units_by_joint(asset.bone_rotations)
    for j, joint in enumerate(JOINT_NAMES):
        for prefix in ("", DRIVE_PREFIX) if joint in driven else ("",):
            bone = armature.edit_bones.new(prefix + joint)
            bone.head, bone.tail = heads[j].tolist(), tails[j].tolist()
            bone.align_roll(Vector(z_axes[j].tolist()))
            bone.use_deform = not prefix
            if JOINT_PARENTS[j] >= 0:
                bone.parent = armature.edit_bones[JOINT_NAMES[JOINT_PARENTS[j]]]


def _hide_drive_bones(armature: bpy.types.Armature) -> None:
    visible, hidden = armature.collections.new("Bones"), armature.collections.new("Mechanism")
    for bone in armature.bones:
        (hidden if bone.name.startswith(DRIVE_PREFIX) else visible).assign(bone)
    hidden.is_visible = False


def add_drive_constraints(rig: bpy.types.Object) -> None:
    """Each deform bone that has a drive twin takes over its rotation, as if the twin were its parent."""
    for bone in rig.pose.bones:
        if DRIVE_PREFIX + bone.name in rig.pose.bones:
            constraint = bone.constraints.new("COPY_ROTATION")
            constraint.name = "Expression"
            constraint.target, constraint.subtarget = rig, DRIVE_PREFIX + bone.name
            constraint.owner_space = constraint.target_space = "LOCAL"
            constraint.mix_mode = "BEFORE"


def _add_rotation_variable(driver: bpy.types.Driver, letter: str, rig: bpy.types.Object, joint: str) -> None:
    variable = driver.variables.new()
    variable.name, variable.type = letter, "TRANSFORMS"
    target = variable.targets[0]
    target.id, target.bone_target = rig, joint
    target.transform_type, target.transform_space, target.rotation_mode = f"ROT_{letter.upper()}", "LOCAL_SPACE", "QUATERNION"


def _sum_expression(weights: np.ndarray) -> str:
    """Weights of units u0, u1, ... -> '0.31416*u0-0.02*u2'; '' when all are zero."""
    return "".join(f"{w:+.8f}*u{i}" for i, w in enumerate(weights) if w).removeprefix("+")


def _drive_channel(bone: bpy.types.PoseBone, channel: int, expression: str, mesh: bpy.types.Mesh, units: Sequence[str]) -> None:
    driver = bone.driver_add("rotation_axis_angle", channel).driver
    for i, unit in enumerate(units):
        if f"u{i}" not in expression:
            continue
        variable = driver.variables.new()
        variable.name, variable.type = f"u{i}", "SINGLE_PROP"
        target = variable.targets[0]
        target.id_type, target.id = "MESH", mesh
        target.data_path = f'shape_keys.key_blocks["{unit}"].value'
    driver.expression = expression
