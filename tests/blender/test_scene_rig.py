"""The rig against the model's arithmetic: any expression and pose, drivers, bones."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from likeness.core.head.bones import bone_axes
from likeness.core.types import JOINT_NAMES, JOINT_PARENTS, BoneRotation
from likeness.scene.export import evaluate_vertices
from likeness.scene.head import apply_expression, create_head, current_pose, head_rig, set_expression
from likeness.scene.rig import DRIVE_PREFIX, rotate_correctives
from posing import code_of, models
from synthetic import make_asset, make_model, model_to_asset, random_code

LIMIT_M = 5e-5


@pytest.mark.parametrize("model", models(), ids=lambda model: model.name)
def test_any_expression_and_pose_is_posed_as_the_model_poses_it(context, model):
    identity = np.random.default_rng(5).normal(size=model.num_identity) * 0.7
    first = code_of(model, identity, 0)
    obj = create_head(context, model_to_asset(model, first))
    assert np.linalg.norm(evaluate_vertices(obj) - model.pose(first), axis=1).max() < LIMIT_M
    for seed in range(1, 5):
        code = code_of(model, identity, seed)
        set_expression(obj, dict(zip(model.expression_names, code.expression, strict=True)), code.pose)
        assert np.linalg.norm(evaluate_vertices(obj) - model.pose(code), axis=1).max() < LIMIT_M


@pytest.mark.parametrize("name", ["jawOpen", "jawLeft", "eyeLookUpLeft", "eyeLookInRight", "eyeBlinkLeft", "mouthClose"])
@pytest.mark.parametrize("model", models(), ids=lambda model: model.name)
def test_a_slider_alone_moves_the_head_as_the_unit_says(context, model, name):
    neutral = model.neutral_code()
    obj = create_head(context, model_to_asset(model, neutral))
    expression = np.zeros(model.num_expression)
    for value in (0.3, 1.0):
        expression[model.expression_names.index(name)] = value
        obj.data.shape_keys.key_blocks[name].value = value
        expected = model.pose(type(neutral)(neutral.identity, expression, neutral.pose))
        assert np.linalg.norm(evaluate_vertices(obj) - expected, axis=1).max() < LIMIT_M


def test_every_driver_is_a_simple_expression(context):
    obj = create_head(context, make_asset())
    drivers = [*obj.data.shape_keys.animation_data.drivers, *head_rig(obj).animation_data.drivers]
    assert len(drivers) > 15
    evaluate_vertices(obj)
    assert [d.data_path for d in drivers if not (d.driver.is_simple_expression and d.driver.is_valid and d.is_valid)] == []


def test_the_deform_bones_are_flames_five(context):
    rig = head_rig(create_head(context, make_asset()))
    deforming = [bone for bone in rig.data.bones if bone.use_deform]
    assert sorted(bone.name for bone in deforming) == sorted(JOINT_NAMES)
    for name, parent in zip(JOINT_NAMES, JOINT_PARENTS, strict=True):
        bone = rig.data.bones[name]
        assert (bone.parent.name if bone.parent else None) == (JOINT_NAMES[parent] if parent >= 0 else None)
    assert not rig.data.collections["Mechanism"].is_visible


def test_bones_stand_on_the_joints_with_the_axes_they_should_have(context):
    asset = make_asset()
    rig = head_rig(create_head(context, asset))
    for j, name in enumerate(JOINT_NAMES):
        bone = rig.data.bones[name]
        x, y, z = asset.joints[j]
        assert np.allclose(bone.head_local, (x, -z, y), atol=1e-6)
        axes = np.array(bone.matrix_local.to_3x3())
        assert np.allclose(axes[:, 0], (1, 0, 0), atol=1e-4), "x is the subject's left"
        assert axes[1, 1] < -0.3 or axes[2, 1] > 0.9, "bones point forward or up"


def test_a_positive_x_turn_opens_the_jaw_and_looks_down(context):
    asset = make_asset()
    obj = create_head(context, asset)
    apply_expression(obj, "neutral")
    rest = evaluate_vertices(obj)
    for name in ("jaw", "left_eye", "right_eye"):
        front = np.argmax(np.where(asset.weights[:, JOINT_NAMES.index(name)] > 0.5, rest[:, 2], -1))
        head_rig(obj).pose.bones[name].rotation_euler.x = 0.2
        assert evaluate_vertices(obj)[front, 1] < rest[front, 1] - 1e-3


def test_hands_and_sliders_turn_the_same_joint(context):
    """The artist's turn comes after the expression's, in the joint's turned frame."""
    obj = create_head(context, make_asset())
    apply_expression(obj, "neutral")
    obj.data.shape_keys.key_blocks["jawOpen"].value = 1.0
    jaw = head_rig(obj).pose.bones["jaw"]
    jaw.rotation_euler.x = 0.1
    bpy.context.view_layer.update()
    driven = head_rig(obj).pose.bones[DRIVE_PREFIX + "jaw"]
    local = jaw.parent.matrix.to_3x3().inverted() @ jaw.matrix.to_3x3()
    rest = jaw.parent.bone.matrix_local.to_3x3().inverted() @ jaw.bone.matrix_local.to_3x3()
    angle = (rest.inverted() @ local).to_quaternion().angle
    assert angle == pytest.approx(np.radians(18) + 0.1, abs=1e-5)
    assert driven.rotation_axis_angle[0] == pytest.approx(np.radians(18), abs=1e-5)


def test_the_pose_set_by_hand_is_read_back(context):
    model = make_model()
    code = random_code(model, 2)
    obj = create_head(context, model_to_asset(model, code))
    set_expression(obj, {}, code.pose)
    assert np.allclose(current_pose(obj), code.pose, atol=1e-6)


def test_two_rotations_of_one_unit_on_one_joint_add(context):
    turns = (BoneRotation("jaw", np.array([0.1, 0, 0])), BoneRotation("jaw", np.array([0.2, 0, 0])))
    asset = make_asset(expression={}, pose=np.zeros(15))
    obj = create_head(context, type(asset)(**(vars(asset) | {"bone_rotations": {"jawOpen": turns}})))
    obj.data.shape_keys.key_blocks["jawOpen"].value = 1.0
    bpy.context.view_layer.update()
    assert head_rig(obj).pose.bones[DRIVE_PREFIX + "jaw"].rotation_axis_angle[0] == pytest.approx(0.3, abs=1e-6)


def test_turning_correctives_into_bone_axes_and_back_changes_nothing():
    asset = make_asset()
    axes = bone_axes(asset)
    turned = rotate_correctives(asset.pose_correctives, axes)
    assert not np.allclose(turned, asset.pose_correctives, atol=1e-5)
    assert np.allclose(rotate_correctives(turned, axes.transpose(0, 2, 1)), asset.pose_correctives, atol=1e-12)
