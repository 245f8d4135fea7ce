"""FLAME, its landmarks, camera and normals against formulas written out in float64, and their gradients."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the paper's method needs PyTorch, which is optional")

from albedogan_stand_in import stand_in_embedding  # noqa: E402
from likeness.core.albedogan import camera, normals, rotations  # noqa: E402
from likeness.core.albedogan.flame_layer import FlameLayer, Poses  # noqa: E402
from likeness.core.albedogan.landmarks import LandmarkPoints, contour_rows  # noqa: E402
from likeness.core.errors import ModelError  # noqa: E402
from likeness.core.flame.arrays import FlameArrays  # noqa: E402
from likeness.tests.golden.synthetic_flame import synthetic_flame  # noqa: E402

torch.set_num_threads(1)
RELATIVE = 1e-5


def draw(*shape: int, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    return scale * np.random.default_rng(seed).standard_normal(shape)


def small_arrays(num_vertices: int = 12) -> FlameArrays:
    """A FLAME of a few vertices, for gradients."""
    weights = np.abs(draw(num_vertices, 5, seed=1))
    regressor = np.abs(draw(5, num_vertices, seed=2))
    return FlameArrays(
        template=draw(num_vertices, 3, seed=3, scale=0.1),
        faces=np.array([[0, 1, 2], [2, 1, 3], [3, 4, 5], [5, 6, 7], [7, 8, 9], [9, 10, 11], [0, 5, 11]]),
        shape_basis=draw(4, num_vertices, 3, seed=4, scale=0.01),
        expression_basis=draw(3, num_vertices, 3, seed=5, scale=0.01),
        pose_correctives=draw(36, num_vertices, 3, seed=6, scale=0.01),
        joint_regressor=regressor / regressor.sum(1, keepdims=True),
        weights=weights / weights.sum(1, keepdims=True),
        parents=np.array([-1, 0, 1, 1, 1]),
    )


def turn(axis_angle: np.ndarray) -> np.ndarray:
    """A rotation matrix by the series of the matrix exponential."""
    x, y, z = axis_angle
    K = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    out, term = np.eye(3), np.eye(3)
    for k in range(1, 30):
        term = term @ K / k
        out = out + term
    return out


def flame_by_hand(arrays: FlameArrays, shape: np.ndarray, expression: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """One head, one vertex at a time, by 4 x 4 matrices down the chain of joints."""
    shaped = arrays.template.astype(np.float64)
    for code, basis in ((shape, arrays.shape_basis), (expression, arrays.expression_basis)):
        for weight, offsets in zip(code, basis.astype(np.float64), strict=False):
            shaped = shaped + weight * offsets
    joints = arrays.joint_regressor.astype(np.float64) @ shaped
    local = [turn(pose[3 * j : 3 * j + 3]) for j in range(5)]
    world: list[np.ndarray] = []
    for j, parent in enumerate((-1, 0, 1, 1, 1)):
        own = np.eye(4)
        own[:3, :3], own[:3, 3] = local[j], joints[j] - (joints[parent] if parent >= 0 else 0)
        world.append(own if parent < 0 else world[parent] @ own)
    features = np.concatenate([(matrix - np.eye(3)).ravel() for matrix in local[1:]])
    out = np.empty_like(shaped)
    for v, rest in enumerate(shaped):
        corrected = rest + features @ arrays.pose_correctives[:, v].astype(np.float64)
        places = [(world[j] @ np.append(corrected - joints[j], 1))[:3] for j in range(5)]
        out[v] = arrays.weights[v].astype(np.float64) @ np.array(places)
    return out


def layer_of(arrays: FlameArrays, **options: object) -> FlameLayer:
    return FlameLayer.build(arrays, len(arrays.shape_basis), len(arrays.expression_basis), **options)  # type: ignore[arg-type]


def as_poses(pose: np.ndarray) -> Poses:
    """Rows of 15 numbers as FLAME orders them."""
    given = torch.from_numpy(pose)
    return Poses(given[:, :3], given[:, 6:9], given[:, 3:6], given[:, 9:])


def test_the_flame_layer_is_linear_blend_skinning_by_its_formula():
    arrays = small_arrays()
    shape, expression, pose = draw(3, 4, seed=7), draw(3, 3, seed=8), draw(3, 15, seed=9, scale=0.5)
    layer = layer_of(arrays, dtype=torch.float64)
    found = layer.pose(torch.from_numpy(shape), torch.from_numpy(expression), as_poses(pose)).numpy()
    expected = np.stack([flame_by_hand(arrays, *row) for row in zip(shape, expression, pose, strict=True)])
    assert np.abs(found - expected).max() <= RELATIVE * np.abs(expected).max()


def test_the_full_size_layer_in_float32_is_the_formula_too():
    arrays = synthetic_flame()
    shape, expression, pose = draw(300, seed=1), draw(50, seed=2), draw(15, seed=3, scale=0.3)
    layer = FlameLayer.build(arrays)
    given = (torch.from_numpy(np.float32(value))[None] for value in (shape, expression))
    found = layer.pose(*given, as_poses(np.float32(pose)[None]))[0].numpy()
    expected = flame_by_hand(arrays, shape, expression, pose)
    assert np.abs(found - expected).max() <= RELATIVE * np.abs(expected).max()


def test_a_row_of_a_batch_is_the_same_head_alone():
    layer = layer_of(small_arrays(), dtype=torch.float64)
    shape, expression, pose = (torch.from_numpy(draw(4, size, seed=size)) for size in (4, 3, 15))
    together = layer.pose(shape, expression, as_poses(pose.numpy()))
    alone = layer.pose(shape[2:3], expression[2:3], as_poses(pose[2:3].numpy()))
    assert torch.allclose(together[2:3], alone, atol=1e-14)


def test_codes_shorter_than_the_basis_leave_the_rest_at_zero():
    layer = layer_of(small_arrays(), dtype=torch.float64)
    full = torch.from_numpy(draw(1, 4))
    full[:, 2:] = 0
    rest = as_poses(np.zeros((1, 15)))
    none = torch.zeros(1, 3, dtype=torch.float64)
    assert torch.equal(layer.pose(full, none, rest), layer.pose(full[:, :2], none[:, :1], rest))


def test_a_flame_with_too_few_components_is_refused_in_one_sentence():
    with pytest.raises(ModelError, match="4 shape and 3 expression") as caught:
        FlameLayer.build(small_arrays())
    assert "\n" not in str(caught.value)


def test_gradients_flow_through_shape_expression_and_pose():
    layer = layer_of(small_arrays(), dtype=torch.float64)
    given = [torch.from_numpy(draw(2, size, seed=size, scale=0.4)).requires_grad_() for size in (4, 3, 6, 6, 3)]

    def head(shape, expression, pose6, eyes, neck):
        return layer.pose(shape, expression, Poses.build(pose6, eyes, neck))

    assert torch.autograd.gradcheck(head, given)


def test_the_gradient_exists_where_nothing_is_turned():
    layer = layer_of(small_arrays(), dtype=torch.float64)
    pose = torch.zeros(1, 6, dtype=torch.float64, requires_grad=True)
    zeros = torch.zeros(1, 4, dtype=torch.float64), torch.zeros(1, 3, dtype=torch.float64)
    layer.pose(*zeros, Poses.build(pose)).square().sum().backward()
    assert torch.isfinite(pose.grad).all() and pose.grad.abs().max() > 0


def test_the_camera_scales_shifts_and_flips():
    points, cam = draw(2, 7, 3, scale=0.1), np.array([[9.0, 0.01, -0.02], [7.5, 0.0, 0.03]])
    expected = np.empty_like(points)
    for b, (s, tx, ty) in enumerate(cam):
        for n, (x, y, z) in enumerate(points[b]):
            expected[b, n] = s * (x + tx), -s * (y + ty), -s * z
    found = camera.project_to_screen(torch.from_numpy(points), torch.from_numpy(cam)).numpy()
    assert np.abs(found - expected).max() <= RELATIVE * np.abs(expected).max()
    given = (torch.from_numpy(points).requires_grad_(), torch.from_numpy(cam).requires_grad_())
    assert torch.autograd.gradcheck(camera.project_to_screen, given)


def test_a_point_of_the_crop_comes_back_to_its_place_in_the_photo():
    from likeness.core.albedogan.crop import FaceBox, crop_matrix

    matrix = crop_matrix(FaceBox(100.0, (310.0, 220.0)), 224)
    pixel = np.array([350.5, 199.25, 1.0])
    in_crop = (matrix @ pixel)[:2]
    screen = torch.from_numpy(np.append(in_crop / 224 * 2 - 1, 0.0))[None, None]
    found = camera.screen_to_photo(screen, torch.from_numpy(np.linalg.inv(matrix))[None], (640, 480), 224)[0, 0, :2].numpy()
    assert np.allclose((found + 1) / 2 * [640, 480], pixel[:2], atol=1e-9)


def test_blenders_orthographic_camera_sees_the_crop():
    s, tx, ty = 8.0, 0.012, -0.02
    built = camera.OrthographicCamera.build(np.array([s, tx, ty]))
    corner = built.position + np.array([built.ortho_scale / 2, built.ortho_scale / 2, -1.0])
    screen = camera.project_to_screen(torch.from_numpy(corner)[None, None], torch.tensor([[s, tx, ty]], dtype=torch.float64))
    assert np.allclose(screen[0, 0, :2].numpy(), [1, -1])


def test_normals_are_the_area_weighted_mean_of_the_triangles():
    vertices, faces = draw(2, 12, 3, seed=4), torch.from_numpy(small_arrays().faces)
    expected = np.zeros_like(vertices)
    for b in range(2):
        for i, j, k in faces.tolist():
            area = np.cross(vertices[b, j] - vertices[b, i], vertices[b, k] - vertices[b, i])
            for corner in (i, j, k):
                expected[b, corner] += area
    expected /= np.linalg.norm(expected, axis=-1, keepdims=True)
    found = normals.vertex_normals(torch.from_numpy(vertices), faces)
    assert np.abs(found.numpy() - expected).max() <= RELATIVE
    given = torch.from_numpy(vertices).requires_grad_()
    assert torch.autograd.gradcheck(lambda moved: normals.vertex_normals(moved, faces), (given,))


def test_euler_angles_turn_as_the_product_of_three_rotations():
    angles = draw(6, 3, seed=2, scale=0.8)
    found = rotations.axis_angle_to_matrix(rotations.euler_xyz_to_axis_angle(torch.from_numpy(angles))).numpy()
    for row, (a, b, c) in zip(found, angles, strict=True):
        expected = turn(np.array([a, 0, 0])) @ turn(np.array([0, b, 0])) @ turn(np.array([0, 0, c]))
        assert np.abs(row - expected).max() <= 1e-7
    assert torch.equal(rotations.euler_xyz_to_axis_angle(torch.zeros(1, 3)), torch.zeros(1, 3))


TURNS = {0: 0, 0.4: 0, 0.6: 1, 20: 20, 38.6: 39, 45: 39, 88: 39, -0.4: 0, -1: 40, -20: 59, -39: 78, -60: 78}
"""Degrees -> the contour's row."""


@pytest.mark.parametrize("yaw_deg, row", TURNS.items())
def test_the_contours_row_is_the_turn_in_whole_degrees(yaw_deg, row):
    pose = torch.zeros(1, 6, dtype=torch.float64)
    pose[0, 1] = np.deg2rad(yaw_deg)
    assert contour_rows(Poses.build(pose).matrices()).tolist() == [row]


def test_neck_and_root_turn_the_contour_together():
    pose, neck = torch.zeros(1, 6, dtype=torch.float64), torch.zeros(1, 3, dtype=torch.float64)
    pose[0, 1], neck[0, 1] = np.deg2rad(12), np.deg2rad(9)
    matrices = Poses.build(pose, neck=neck).matrices()
    assert contour_rows(matrices).tolist() == [21]
    assert contour_rows(matrices, sign=-1).tolist() == [39 + 21]


def test_landmarks_are_barycentric_points_and_pass_gradients():
    points, faces = LandmarkPoints.build(stand_in_embedding()), torch.from_numpy(synthetic_flame().faces)
    vertices = torch.from_numpy(synthetic_flame().template.astype(np.float64))[None].requires_grad_()
    found = points.landmarks2d(vertices, faces, torch.tensor([44]))
    given = stand_in_embedding()
    for landmark, face, weights in (
        (3, given.dynamic_faces[44, 3], given.dynamic_weights[44, 3]),
        (17, given.static_faces[0], given.static_weights[0]),
        (67, given.static_faces[50], given.static_weights[50]),
    ):
        expected = weights.astype(np.float64) @ vertices.detach()[0, faces[face]].numpy()
        assert np.allclose(found[0, landmark].detach().numpy(), expected, atol=1e-9)
    found.sum().backward()
    assert vertices.grad.abs().sum() > 0
