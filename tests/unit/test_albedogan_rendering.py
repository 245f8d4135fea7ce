"""Pictures of a face and what our own fit starts from."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the paper's method needs PyTorch, which is optional")

from albedogan_stand_in import stand_in_landmarks, stand_in_mesh, stand_in_networks, stand_in_photo  # noqa: E402
from likeness.core.albedogan import fit_start, pipeline, rendering, screen_raster, spherical_harmonics  # noqa: E402
from likeness.core.albedogan.codes import PaperFace  # noqa: E402
from likeness.core.albedogan.faithfulness import Faithfulness  # noqa: E402
from likeness.core.albedogan.flame_layer import Poses  # noqa: E402
from likeness.core.albedogan.light_removal import harmonics  # noqa: E402
from likeness.core.albedogan.parts import PaperMesh  # noqa: E402
from likeness.core.albedogan.unwrap import UvLayout  # noqa: E402
from likeness.core.render.camera import project  # noqa: E402
from likeness.core.render.shading import shade  # noqa: E402
from likeness.core.story import run  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def mesh() -> PaperMesh:
    return stand_in_mesh(256)


@pytest.fixture(scope="module")
def face(mesh) -> PaperFace:
    return run(pipeline.reconstruct(stand_in_photo(), stand_in_landmarks(), stand_in_networks(), mesh))


def tilted_square() -> tuple[UvLayout, torch.Tensor, torch.Tensor]:
    """A square over most of the screen, its layout the whole unit square, and a texture that is affine in u and v."""
    corners = np.array([[-0.8, 0.7], [0.8, 0.7], [0.8, -0.7], [-0.8, -0.7]])
    screen = np.column_stack([corners, [0.3, -0.2, 0.1, 0.6]])
    triangles = np.array([[0, 1, 2], [0, 2, 3]])
    layout = UvLayout.build(np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]]), triangles, triangles, texture_size=8, map_size=8)
    u = (torch.arange(32, dtype=torch.float64) + 0.5) / 32
    texture = torch.stack([u.expand(32, 32), (1 - u)[:, None].expand(32, 32), torch.full((32, 32), 0.5, dtype=torch.float64)])
    return layout, torch.from_numpy(screen)[None], texture[None]


def test_a_picture_is_the_texture_at_the_pixels_centres_on_white():
    layout, screen, texture = tilted_square()
    normals = torch.zeros_like(screen)
    for backend in ("torch", "warp"):
        kind = torch.float64 if backend == "torch" else torch.float32
        given = [value.to(kind) for value in (screen, normals)]
        out = rendering.render(*given, layout, texture.to(kind), None, 40, backend=backend)
        x = (torch.arange(40) + 0.5) / 20 - 1
        u, v = ((x + 0.8) / 1.6).expand(40, 40), ((0.7 - x) / 1.4)[:, None].expand(40, 40)
        inside = (u > 1 / 32) & (u < 31 / 32) & (v > 1 / 32) & (v < 31 / 32)
        assert torch.allclose(out.picture[0, 0][inside], u[inside].to(kind), atol=1e-5)
        assert torch.allclose(out.picture[0, 1][inside], v[inside].to(kind), atol=1e-5)
        beside = (u < 0) | (u > 1) | (v < 0) | (v > 1)
        assert (out.picture[0, :, beside] == 1).all() and (out.alpha[0, 0] == (~beside).to(kind)).all()


def test_the_released_perspective_bends_the_texture_and_less_with_every_picture():
    layout, screen, texture = tilted_square()
    normals, faults = torch.zeros_like(screen), Faithfulness(perspective_barycentrics=True)

    def picture(*faithfulness, **options):
        return rendering.render(screen, normals, layout, texture, None, 40, *faithfulness, backend="torch", **options).picture

    bent = [float((picture(faults, pictures_before=n) - picture()).abs().max()) for n in (0, 3)]
    assert bent[0] > 0.005 and bent[1] < 0.4 * bent[0]
    raster = screen_raster.rasterize_screen(screen[0].numpy(), layout.triangles, 40, faults)
    uv = np.einsum("hwk,hwkc->hwc", raster.barycentric, layout.uvs[layout.uv_triangles[raster.triangle_id]])
    inside = (uv > 0.05).all(-1) & (uv < 0.95).all(-1) & raster.is_covered
    found = picture(faults)[0, :2].permute(1, 2, 0)
    assert np.abs(found.numpy() - uv)[inside].max() < 1e-4


def test_gradients_reach_vertices_normals_texture_and_light():
    layout, screen, _ = tilted_square()
    rng = np.random.default_rng(0)
    texture = torch.from_numpy(rng.random((1, 3, 3, 3))).requires_grad_()
    normals = torch.from_numpy(rng.standard_normal((1, 4, 3))).requires_grad_()
    light = torch.from_numpy(rng.standard_normal((1, 9, 3))).requires_grad_()
    vertices = (screen * 0.9 + torch.tensor([0.03, -0.05, 0.0])).requires_grad_()  # no pixel lies on an edge

    def picture(*given):
        return rendering.render(*given[:2], layout, given[2], given[3], 5, backend="torch").picture

    assert torch.autograd.gradcheck(picture, (vertices, normals, texture, light))


def test_a_face_in_its_crop_is_lit_by_its_light_and_turns(mesh, face):
    picture = rendering.render_face(face, mesh, 96, spherical_harmonics.ambient())
    brighter = rendering.render_face(face, mesh, 96, 1.2 * spherical_harmonics.ambient())
    is_head = (picture < 0.999).any(-1)
    assert 0.25 < is_head.mean() < 0.7 and (picture[0] == 1).all()
    dark = is_head & (picture < 0.8).all(-1)
    assert np.allclose(brighter[dark], 1.2 * picture[dark], atol=1e-5)
    angle = 0.6
    turn = torch.tensor([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    turned = rendering.render_face(face, mesh, 96, spherical_harmonics.ambient(), turn=turn)
    assert np.abs(turned - picture).mean() > 0.005
    assert np.array_equal(rendering.render_face(face, mesh, 96, spherical_harmonics.ambient(), turn=torch.eye(3)), picture)


def test_the_shapes_preview_is_grey_and_brighter_where_it_faces_the_lamps(mesh, face):
    picture = rendering.render_shape(face, mesh, 96)
    is_head = (rendering.render_face(face, mesh, 96, 0.5 * spherical_harmonics.ambient()) < 0.99).any(-1)
    assert (picture[~is_head] == 1).all() and np.ptp(picture[is_head], axis=1).max() < 1e-6
    assert picture[is_head].std() > 0.03 and picture[is_head].mean() < 0.95


def test_our_fit_starts_where_the_encoders_camera_saw_the_head(mesh, face):
    """With a long focal length the pinhole camera is the orthographic one."""
    size = (200, 260)
    camera = fit_start.pinhole_camera(face.codes, face.picture, mesh.flame, size, focal_px=1e6)
    code = fit_start.head_code(face.codes)
    assert not code.pose[:3].any()
    given = [torch.from_numpy(np.float32(values))[None] for values in (code.identity, code.expression, code.pose)]
    poses = Poses(given[2][:, :3], given[2][:, 6:9], given[2][:, 3:6], given[2][:, 9:])
    vertices = mesh.flame.pose(given[0], given[1], poses)[0].numpy().astype(np.float64)
    found, depth = project(camera, vertices)
    in_crop = (face.geometry.screen[:, :2] * 0.5 + 0.5) * 1024 - 0.5
    matrix = np.linalg.inv(face.picture.crop_from_photo)
    expected = in_crop @ matrix[:2, :2].T + matrix[:2, 2] + 0.5
    assert np.abs(found - expected).max() < 0.05 and (depth > 0).all()
    near, _ = project(fit_start.pinhole_camera(face.codes, face.picture, mesh.flame, size), vertices)
    assert np.median(np.linalg.norm(near - expected, axis=1)) < 0.1 * np.ptp(expected[:, 1])


def test_the_light_of_the_start_is_the_encoders_in_the_heads_own_axes(face):
    root = fit_start.root_rotation(face.codes)
    normals = np.random.default_rng(0).standard_normal((60, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    posed = harmonics(normals @ root.T) @ face.codes.light
    assert np.allclose(shade(normals, fit_start.model_light(face.codes)), np.maximum(posed, 0), atol=1e-6)
