"""The released code's geometry, texture and losses give the published numbers."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the paper's method needs PyTorch, which is optional")

from likeness.core.albedogan import camera, normals, rotations  # noqa: E402
from likeness.core.albedogan.flame_layer import FlameLayer, Poses  # noqa: E402
from likeness.core.albedogan.landmarks import LandmarkEmbedding, contour_rows, visible_landmarks  # noqa: E402
from likeness.tests.golden.synthetic_flame import synthetic_embedding, synthetic_flame  # noqa: E402
from likeness.tests.golden.vectors import Case  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def flame() -> FlameLayer:
    return FlameLayer.build(synthetic_flame())


@pytest.fixture(scope="module")
def embedding() -> LandmarkEmbedding:
    return LandmarkEmbedding.build(synthetic_embedding())


def given(case: Case, name: str) -> torch.Tensor:
    return torch.from_numpy(case.input(name))


def turned(case: Case) -> tuple[torch.Tensor, torch.Tensor]:
    """The poses of the tests 'yaw' and 'gen'."""
    pose = given(case, "in/flame/pose")
    yaws = torch.deg2rad(torch.tensor(case.definition["yaws_deg"], dtype=torch.float64))
    only_yaw = pose.clone()
    only_yaw[:, :3] = 0
    only_yaw[:, 1] = yaws.float()
    general = pose.clone()
    general[:, 1] += (0.7 * yaws).float()
    return only_yaw, general


def test_the_flame_layer_is_the_released_one(flame, embedding):
    case = Case("flame_albedogan")
    shape, expression, eyes = (given(case, f"in/flame/{name}") for name in ("shape", "exp", "eye"))
    only_yaw, general = turned(case)
    for kind, poses, row in (("yaw", Poses.build(only_yaw), 0), ("gen", Poses.build(general, eyes), 7)):
        vertices, rows = flame.pose(shape, expression, poses), contour_rows(poses.matrices())
        case.compare(f"{kind}_dynamic_row", rows.numpy())
        case.compare(f"{kind}_vertices", vertices.numpy())
        case.compare(f"{kind}_vertices_row{row}", vertices[row].numpy())
        case.compare(f"{kind}_landmarks2d", embedding.landmarks2d(vertices, flame.faces, rows).numpy())
        case.compare(f"{kind}_landmarks3d", embedding.landmarks3d(vertices, flame.faces).numpy())
    screen = camera.project_to_screen(vertices, torch.tensor([[9.0, 0.01, -0.02]]).expand(len(vertices), -1))
    z, is_seen = visible_landmarks(normals.vertex_normals(screen, flame.faces), flame.faces, embedding)
    case.compare("gen_camera_normal_z68", z.numpy())
    case.compare("gen_visible68", is_seen.numpy().astype(np.int64))
    poses = Poses.build(general[:2])
    vertices = flame.pose(shape[:2, :100], expression[:2], poses)
    case.compare("shape100_vertices_row1", vertices[1].numpy())
    rows = contour_rows(poses.matrices())
    case.compare("shape100_landmarks2d", embedding.landmarks2d(vertices, flame.faces, rows).numpy())
    neutral = Poses.build(torch.zeros(1, 6))
    vertices = flame.pose(torch.zeros(1, 300), torch.zeros(1, 50), neutral)
    case.compare("neutral_vertices", vertices[0].numpy())
    rows = contour_rows(neutral.matrices())
    case.compare("neutral_landmarks2d", embedding.landmarks2d(vertices, flame.faces, rows).numpy())
    case.compare("neutral_landmarks3d", embedding.landmarks3d(vertices, flame.faces).numpy())
    assert case.left_out() == set()


def test_the_flame_layers_of_deca_mica_and_flame_pytorch_are_the_published_ones(embedding):
    case = Case("flame_variants")
    flame = FlameLayer.build(synthetic_flame(), num_expression=100)
    names = ("shape", "exp", "exp100", "eye", "neck", "transl")
    shape, expression, expression100, eyes, neck, translation = (given(case, f"in/flame/{name}") for name in names)
    general = turned(case)[1]
    poses = Poses.build(general[:3])
    vertices, rows = flame.pose(shape[:3, :100], expression[:3], poses), contour_rows(poses.matrices())
    case.compare("deca_vertices_row2", vertices[2].numpy())
    case.compare("deca_landmarks2d", embedding.landmarks2d(vertices, flame.faces, rows).numpy())
    case.compare("deca_landmarks3d", embedding.landmarks3d(vertices, flame.faces).numpy())
    poses = Poses.build(general, eyes, neck)
    vertices, rows = flame.pose(shape, expression100, poses), contour_rows(poses.matrices())
    case.compare("mica_vertices_row5", vertices[5].numpy())
    case.compare("mica_dynamic_row", rows.numpy())
    case.compare("mica_landmarks2d", embedding.landmarks2d(vertices, flame.faces, rows).numpy())
    case.compare("mica_landmarks3d", embedding.landmarks3d(vertices, flame.faces).numpy())
    vertices = flame.pose(shape[:, :100], expression, poses, translation)
    rows = contour_rows(poses.matrices(), sign=-1)
    case.compare("flamepytorch_vertices_row4", vertices[4].numpy())
    case.compare("flamepytorch_dynamic_row", rows.numpy())
    case.compare("flamepytorch_landmarks", embedding.landmarks2d(vertices, flame.faces, rows).numpy())
    assert case.left_out() == set()


def test_the_camera_is_the_released_one():
    case = Case("camera")
    points, cam, tform, euler = (given(case, name) for name in ("points", "cam", "tform", "euler"))
    cam[:, 0] += 9
    tform = tform + torch.eye(3)
    tform[:, :, 2] = torch.tensor([0.0, 0.0, 1.0])
    tform[:, 2, :2] *= 100
    case.compare("orth_proj", camera.project(points, cam).numpy())
    screen = camera.project_to_screen(points, cam)
    case.compare("flipped", screen.numpy())
    in_photo = camera.screen_to_photo(screen, tform.transpose(1, 2), (768, 1024), 224)
    case.compare("transform_points_224_to_1024x768", in_photo.numpy())
    case.compare("euler_xyz_radians_to_axis_angle", rotations.euler_xyz_to_axis_angle(euler).numpy())
    assert case.left_out() == set()


def test_vertex_normals_are_the_released_ones(flame):
    case = Case("vertex_normals")
    vertices = flame.template + given(case, "offset")
    found = normals.vertex_normals(vertices, flame.faces)
    case.compare("normals", found.numpy())
    case.compare("normals_b0", found[0].numpy())
    case.compare("face_vertices_sum", normals.face_corners(vertices, flame.faces).sum(2).numpy())
    assert case.left_out() == set()
