"""A finished head's bones and posing, against the model that it came from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from likeness.core.head.bones import (
    bake_units,
    bone_axes,
    bone_vectors,
    driven_pose,
    nearest_surface_points,
    pose_asset,
    units_by_joint,
)
from likeness.core.head.kinds import KINDS, kinds_of_parts
from likeness.core.types import JOINT_NAMES, BoneRotation
from synthetic import make_asset, make_model, model_to_asset, random_code


@pytest.mark.parametrize("seed", range(4))
def test_an_asset_is_posed_as_its_model(seed):
    model = make_model()
    code = random_code(model, seed)
    asset = model_to_asset(model, code)
    assert np.allclose(pose_asset(asset, asset.expression, asset.pose), model.pose(code), atol=1e-12)


def test_a_baked_unit_is_the_whole_effect_of_its_slider():
    model = make_model()
    neutral = model.neutral_code()
    units = bake_units(model_to_asset(model, neutral))
    for name in ("jawOpen", "eyeLookInLeft", "mouthSmileLeft"):
        expression = np.zeros(model.num_expression)
        expression[model.expression_names.index(name)] = 1.0
        assert np.allclose(units[name], model.pose(replace(neutral, expression=expression)) - model.template, atol=1e-12)


def test_bone_axes_are_right_handed_and_point_where_bones_should():
    asset = make_asset()
    axes = bone_axes(asset)
    assert np.allclose(np.linalg.det(axes), 1)
    assert np.allclose(axes[:, :, 0], (1, 0, 0))
    root, neck, jaw, left_eye, right_eye = axes[:, :, 1]
    assert np.allclose((root, neck), (0, 1, 0))
    assert np.allclose((left_eye, right_eye), (0, 0, 1))
    assert jaw[2] > 0 > jaw[1], "to the chin: forward and down"
    assert np.linalg.norm(bone_vectors(asset), axis=1).min() >= 0.03


def test_a_head_whose_jaw_moves_nothing_still_has_a_jaw_bone():
    weights = np.zeros_like(make_asset().weights)
    weights[:, 1] = 1
    assert bone_vectors(make_asset(weights=weights))[2] @ (0, -1, 1) > 0.03


def test_rotations_of_a_joint_add_and_zero_rotations_do_not_count():
    rotations = {
        "a": (BoneRotation("jaw", np.array([0.1, 0, 0])), BoneRotation("jaw", np.array([0, 0.2, 0]))),
        "b": (BoneRotation("jaw", np.array([0.3, 0, 0])), BoneRotation("left_eye", np.zeros(3))),
    }
    assert set(units_by_joint(rotations)) == {"jaw"}
    driven = driven_pose(rotations, {"a": 1.0, "b": 0.5})
    assert np.allclose(driven[JOINT_NAMES.index("jaw")], (0.25, 0.2, 0))
    assert np.allclose(np.delete(driven, 2, 0), 0)


def test_points_on_the_surface_are_found_again():
    asset = make_asset()
    rng = np.random.default_rng(0)
    quads = asset.faces[asset.faces[:, 3] >= 0]
    corners = asset.vertices[quads[rng.choice(len(quads), 20)][:, :3]]
    points = np.einsum("nk,nkc->nc", rng.dirichlet(np.ones(3), 20), corners)
    found = nearest_surface_points(asset.vertices, asset.faces, points)
    assert np.allclose(found.evaluate(asset.vertices), points, atol=1e-9)
    assert np.allclose(found.weights.sum(1), 1)


def test_the_nearest_surface_point_is_no_farther_than_any_sample_of_the_surface():
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0.5]])
    faces = np.array([[0, 1, 3, 2]])
    rng = np.random.default_rng(1)
    points = rng.normal(size=(30, 3)) * 1.5
    found = nearest_surface_points(vertices, faces, points).evaluate(vertices)
    corners = vertices[[[0, 1, 3], [0, 3, 2]]]
    samples = np.einsum("nk,tkc->tnc", rng.dirichlet(np.ones(3) * 0.5, 4000), corners).reshape(-1, 3)
    nearest = np.linalg.norm(samples[None] - points[:, None], axis=-1).min(1)
    distance = np.linalg.norm(found - points, axis=1)
    assert (distance <= nearest + 1e-9).all()
    assert (nearest - distance).max() < 0.05


def test_kinds_come_in_their_order():
    assert kinds_of_parts(("tongue", "left_eye", "skin")) == ["skin", "eye", "tongue"]
    assert kinds_of_parts(make_asset().part_names) == list(KINDS)
