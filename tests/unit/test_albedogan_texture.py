"""Unwrapping, visibility, texture correction, noise, masks, displacement and the dense mesh."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the paper's method needs PyTorch, which is optional")

from albedogan_stand_in import stand_in_mesh  # noqa: E402
from likeness.core.albedogan import displacement, perlin, screen_raster, texture_correction, unwrap  # noqa: E402
from likeness.core.albedogan.dense_mesh import DenseTemplate  # noqa: E402
from likeness.core.albedogan.faithfulness import FIXED, RELEASED, Faithfulness  # noqa: E402
from likeness.core.albedogan.mask import FaceMask  # noqa: E402
from likeness.core.albedogan.normals import vertex_normals  # noqa: E402
from likeness.core.albedogan.obj_file import write_dense_obj  # noqa: E402
from likeness.core.albedogan.texture_space import TextureSpace  # noqa: E402
from likeness.core.albedogan.unwrap import UvLayout, UvMap, sample_crop, seen_texels, uv_positions  # noqa: E402
from likeness.core.errors import ModelError  # noqa: E402
from PIL import Image  # noqa: E402

torch.set_num_threads(1)


def random_texture(size: int = 1024, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((size, size, 3)).astype(np.float32)


def square_layout(size: int = 64) -> tuple[UvLayout, np.ndarray]:
    """A bent sheet of 6 x 6 vertices whose layout is a square of .1 .. .9, and its vertices on the screen."""
    v, u = np.mgrid[0.1:0.9:6j, 0.1:0.9:6j]
    a = (np.arange(5)[:, None] * 6 + np.arange(5)).ravel()
    triangles = np.concatenate([np.stack([a, a + 1, a + 6], -1), np.stack([a + 1, a + 7, a + 6], -1)])
    uvs = np.stack([u.ravel(), v.ravel()], -1)
    screen = np.stack([1.6 * (u - 0.5), -1.2 * (v - 0.5) + 0.2 * (u - 0.5), 0.1 * u + 0.2 * v], -1).reshape(-1, 3)
    return UvLayout.build(uvs, triangles, triangles, texture_size=size, map_size=size // 2), screen


def test_a_map_of_an_affine_attribute_is_that_function_at_the_texels_centres():
    layout, screen = square_layout()
    found = layout.fine.interpolate(torch.from_numpy(screen)[None])[0].numpy()
    rows, columns = np.nonzero(layout.fine.is_covered.numpy())
    u, v = (columns + 0.5) / 64, 1 - (rows + 0.5) / 64
    expected = np.stack([1.6 * (u - 0.5), -1.2 * (v - 0.5) + 0.2 * (u - 0.5), 0.1 * u + 0.2 * v])
    assert len(rows) > 0.6 * 64 * 64 and np.abs(found[:, rows, columns] - expected).max() < 1e-6
    assert (found[:, ~layout.fine.is_covered.numpy()] == 0).all()


def test_gradients_reach_the_vertices_through_map_and_picture():
    v, u = np.mgrid[0:1:3j, 0:1:3j]
    triangles = np.array([[0, 1, 3], [1, 4, 3], [1, 2, 4], [2, 5, 4], [3, 4, 6], [4, 7, 6], [4, 5, 7], [5, 8, 7]])
    uv_map = UvMap.build(np.stack([u.ravel(), v.ravel()], -1), triangles, triangles, 4)
    image = torch.from_numpy(np.random.default_rng(0).random((1, 2, 9, 9)))
    screen = torch.from_numpy(np.stack([u.ravel() - 0.43, v.ravel() - 0.52, 0 * u.ravel()], -1))[None].requires_grad_()
    assert torch.autograd.gradcheck(lambda s: sample_crop(image, uv_map.interpolate(s)), (screen,))


def test_unwrapping_brings_the_crops_colours_to_their_texels():
    layout, screen = square_layout()
    ramp = (torch.arange(128) + 0.5) / 64 - 1
    crop = torch.stack([ramp.expand(128, 128), ramp[:, None].expand(128, 128)])[None].float()
    positions = uv_positions(torch.from_numpy(np.float32(screen))[None], layout)
    texture = sample_crop(crop, positions)
    is_covered = layout.fine.is_covered
    assert torch.allclose(texture[0, :, is_covered], positions[0, :2, is_covered], atol=1e-5)


def test_positions_from_a_coarse_map_are_smeared_at_the_islands_rim_alone():
    layout, screen = square_layout()
    given = torch.from_numpy(np.float32(screen))[None]
    fine, coarse = uv_positions(given, layout), uv_positions(given, layout, Faithfulness(uv_positions_at_256=True))
    inner = (slice(None), slice(None), slice(12, 52), slice(12, 52))
    assert torch.allclose(fine[inner], coarse[inner], atol=1e-5)
    assert (fine - coarse).abs().max() > 0.05


def test_hidden_averted_and_outer_texels_count_as_not_seen():
    """Two parallel sheets, the second behind the first and reaching out of the crop; a third turned away."""
    corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    front = np.column_stack([corners, np.full(4, -0.5)])
    behind = np.column_stack([corners * 3.0, np.full(4, 0.5)])
    averted = np.column_stack([corners * 0.2 + [0.7, 0.7], np.full(4, -0.7)])
    screen = np.concatenate([front, behind, averted])
    square = np.array([[0, 1, 2], [0, 2, 3]])
    triangles = np.concatenate([square, square + 4, square + 8])
    boxes = [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5)]
    uvs = np.concatenate([(corners + 0.5) * 0.5 + box for box in boxes])
    layout = UvLayout.build(uvs, triangles, triangles, texture_size=60, map_size=60)
    normals = torch.zeros(1, 3, 60, 60)
    normals[:, 2] = 1
    normals[:, 2, :30, :30] = -1
    positions = uv_positions(torch.from_numpy(np.float32(screen))[None], layout)
    seen = seen_texels(positions, normals, screen, triangles, 60)
    x, y = positions[0, 0, 30:, 30:].numpy(), positions[0, 1, 30:, 30:].numpy()
    is_outside = (np.abs(x) > 1) | (np.abs(y) > 1)
    is_hidden = ((np.abs(x) < 0.5) & (np.abs(y) < 0.5)) | ((np.abs(x - 0.7) < 0.1) & (np.abs(y - 0.7) < 0.1))
    is_near_edge = np.minimum(np.abs(np.abs(x) - 0.5), np.abs(np.abs(y) - 0.5)) < 0.05
    assert (seen[31:59, 1:29] == 1).all() and (seen[:30, :30] == 0).all()
    assert (seen[30:, 30:][is_outside] == 0).all() and (seen[30:, 30:][is_hidden & ~is_near_edge] == 0).all()
    assert seen[30:, 30:][~is_outside & ~is_hidden & ~is_near_edge].mean() > 0.95
    assert (seen[:30, 31:] == 0).all()


def test_what_is_hidden_fades_out_around_itself():
    is_open = np.ones((512, 512), bool)
    is_open[200:260, 100:180] = False
    weights = unwrap.feathered(is_open)
    assert (weights[~is_open] == 0).all() and weights[:190].min() == weights[:, 190:].min() == 1
    along = weights[230, 180:190]
    assert (np.diff(along) >= 0).all() and 0 < along[1] < along[3] < 1


def test_the_screens_weights_are_affine_unless_the_released_fault_is_asked_for():
    layout, screen = square_layout()
    tilted = screen * [1, 1, 6]
    raster = screen_raster.rasterize_screen(tilted, layout.triangles, 80)
    place = np.einsum("hwk,hwkc->hwc", raster.barycentric, tilted[layout.triangles[raster.triangle_id]])
    rows, columns = np.nonzero(raster.is_covered)
    centres = np.stack([columns + 0.5, rows + 0.5], -1) / 40 - 1
    assert len(rows) > 1000 and np.abs(place[rows, columns, :2] - centres).max() < 1e-5
    faults = Faithfulness(perspective_barycentrics=True)
    errors = []
    for pictures_before in (0, 1, 5):
        wrong = screen_raster.rasterize_screen(tilted, layout.triangles, 80, faults, pictures_before=pictures_before)
        errors.append(np.abs(wrong.barycentric - raster.barycentric)[rows, columns].max())
    assert errors[0] > 1e-3 and errors[0] > 1.5 * errors[1] > 3 * errors[2]


def test_the_nearer_of_two_surfaces_is_seen():
    square = np.array([[0, 1, 2], [0, 2, 3]])
    corners = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    screen = np.concatenate([np.column_stack([corners, np.full(4, 0.1)]), np.column_stack([corners, np.full(4, 0.09)])])
    raster = screen_raster.rasterize_screen(screen, np.concatenate([square, square + 4]), 16)
    assert (raster.triangle_id >= 2).all() and np.allclose(raster.depth, 0.09, atol=1e-6)


@pytest.mark.parametrize("code", [-40, -1, 0, 7])
def test_the_released_correction_is_its_closed_form(code):
    texture = random_texture()
    found = texture_correction.correct(texture, code, RELEASED)
    column = np.arange(1024)
    a = (column if code < 0 else 1023 - column) / 512
    own, others = a**4, (511 / 512 - a) * (1 + a + a**2 + a**3)
    is_chosen = column < 512 if code < 0 else column >= 512
    blended = own[None, :, None] * texture + others[None, :, None] * texture[:, ::-1].astype(np.float64)
    expected = np.where(is_chosen[None, :, None], blended, texture)
    expected[:200] = texture[:200]
    assert np.abs(found - expected).max() <= 1e-5


def test_the_released_weights_lack_a_little_and_ours_nothing():
    ones = np.ones((1024, 1024, 3))
    released = texture_correction.correct(ones, -1, RELEASED)
    assert released[600, 0, 0] == pytest.approx(0.998, abs=1e-3) and released[600, 511, 0] == pytest.approx(0.992, abs=1e-3)
    assert np.allclose(texture_correction.correct(ones, -35.0), 1)
    short = texture_correction.correct(ones, -50.0, Faithfulness(mirror_weights_short=True))
    assert np.abs(short - released)[:, :500].max() < 1e-3


def test_a_head_that_looks_straight_ahead_keeps_its_texture():
    texture = random_texture(256)
    assert np.array_equal(texture_correction.correct(texture, 0.0), texture)
    assert not np.array_equal(texture_correction.correct(texture, 0.0, Faithfulness(yaw_sign_only=True)), texture)


def test_the_more_a_head_is_turned_the_more_is_mirrored_from_the_edge_on_and_only_on_the_averted_half():
    texture = random_texture(256)
    changed = []
    for turn in (5.0, 15.0, 30.0, 40.0, 70.0):
        is_changed = (np.abs(texture_correction.correct(texture, turn) - texture) > 1e-3).any((0, 2))
        assert not is_changed[:127].any() and is_changed[-1]
        changed.append(int(is_changed.sum()))
    assert changed == sorted(changed) and changed[0] < 25 and changed[3] == changed[4] > 100
    assert (np.abs(texture_correction.correct(texture, -40.0) - texture) > 1e-3).any((0, 2))[:100].all()


def test_the_mirror_image_is_about_the_heads_midline():
    u = (np.arange(512) + 0.5) / 512
    ramp = np.broadcast_to(u[None, :, None], (2, 512, 1))
    mirrored = texture_correction.mirror(ramp)[0, :, 0]
    inner = slice(5, 505)
    assert np.allclose(mirrored[inner], (2 * 0.4967 - u)[inner], atol=1e-9)
    released = texture_correction.mirror(ramp, Faithfulness(mirror_at_array_middle=True))[0, :, 0]
    assert np.allclose(released, 1 - u)


def test_what_the_photo_does_not_show_is_taken_from_the_mirror_image():
    texture, seen = random_texture(256), np.ones((256, 256))
    seen[100:150, 30:60] = 0
    found = texture_correction.correct(texture, 0.0, seen=seen, midline_u=0.5)
    assert np.allclose(found[100:150, 30:60], texture[100:150, 256 - 60 : 256 - 30][:, ::-1], atol=1e-6)
    assert np.array_equal(found[150:], texture[150:]) and np.array_equal(found[:, 128:], texture[:, 128:])
    seen[100:150, 196:226] = 0
    assert np.allclose(texture_correction.correct(texture, 0.0, seen=seen, midline_u=0.5), texture, atol=1e-6)


def test_beside_an_eye_the_patch_keeps_its_texels():
    texture = random_texture()
    for turn, patch in ((-9, np.s_[:200, :200]), (9, np.s_[:200, -200:])):
        found = texture_correction.correct_beside_eye(texture, turn)
        assert np.array_equal(found[patch], texture[patch])
    assert (texture_correction.correct_beside_eye(texture, -9, RELEASED)[:200, :200] == 1).all()


def test_noise_is_that_of_a_seed_nothing_at_lattice_points_and_smooth_between():
    first, again, other = (perlin.octaves(128, 8, perlin.draw_from(np.random.default_rng(seed)), region=96) for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other) and first.shape == (96, 96)
    one = perlin.noise(128, 8, np.random.default_rng(3).random((9, 9)))
    assert np.abs(one[::16, ::16]).max() < 1e-12 and 0.2 < one.std() < 0.5 and np.abs(one).max() <= 1.001
    assert np.abs(np.diff(one, axis=0)).max() < 0.25


def test_an_octave_as_fine_as_the_pixels_adds_nothing():
    assert np.abs(perlin.noise(64, 64, np.random.default_rng(0).random((65, 65)))).max() < 1e-12


def test_a_mask_of_the_file_is_its_first_channel_and_only_the_released_one_wears_off():
    image = np.random.default_rng(0).integers(0, 256, (256, 256, 4), np.uint8)
    mask = FaceMask.build(image)
    assert np.allclose(mask.texels[0, 0].numpy(), image[..., 0] / 255)
    assert mask.after_use(FIXED) is mask
    worn = mask.after_use(RELEASED)
    assert worn.texels.std() < mask.texels.std() and worn.after_use(RELEASED).texels.std() < worn.texels.std()


def test_our_own_mask_covers_face_and_eyeballs_softly():
    texels = FaceMask.stand_in().texels[0, 0].numpy()
    assert texels[121, 127] == 1 and texels[20, 235] == 1 and texels[20, 20] == 1 and texels[230, 127] == 0
    assert 0.2 < texels.mean() < 0.4 and ((texels > 0) & (texels < 1)).mean() > 0.03


def test_a_displacement_of_one_height_keeps_a_planes_normals_and_a_slope_tilts_them():
    y, x = np.mgrid[0:256, 0:256] / 256
    positions = torch.from_numpy(np.stack([x, 1 - y, 0 * x]))[None]
    normals = torch.zeros(1, 3, 256, 256, dtype=torch.float64)
    normals[:, 2] = 1
    one, fixed = torch.ones(1, 1, 256, 256, dtype=torch.float64), torch.zeros(256, 256, dtype=torch.float64)
    inner = np.s_[:, :, 10:240, 10:240]
    flat = displacement.detail_normals(positions, normals, 0.003 * one, one, fixed)
    assert torch.allclose(flat[inner], normals[inner], atol=1e-9)
    slope = torch.from_numpy(0.2 * x)[None, None]
    tilted = displacement.detail_normals(positions, normals, slope, one, fixed)
    expected = torch.tensor([-0.2, 0.0, 1.0], dtype=torch.float64) / np.sqrt(1.04)
    assert torch.allclose(tilted[0, :, 10:240, 10:240], expected[:, None, None], atol=1e-9)
    assert torch.allclose(displacement.detail_normals(positions, normals, slope, 0 * one, fixed), normals)


def test_gradients_reach_the_displacement_through_the_detail_normals():
    mesh = stand_in_mesh()
    positions = mesh.layout.coarse.interpolate(mesh.flame.template[None])
    normals = mesh.layout.coarse.interpolate(vertex_normals(mesh.flame.template[None], mesh.flame.faces))
    z = torch.zeros(1, 1, 256, 256, requires_grad=True)
    found = displacement.detail_normals(positions, normals, z, mesh.mask.texels, mesh.fixed)
    found[:, 0, 100:110, 100:110].sum().backward()
    assert z.grad[0, 0, 98:112, 98:112].abs().sum() > 0 and z.grad[0, 0, :80].abs().sum() == 0


def test_our_own_dense_mesh_lies_on_the_surface_and_is_without_holes():
    mesh = stand_in_mesh()
    dense = mesh.dense
    assert len(dense.pixels) == int(mesh.layout.coarse.is_covered.sum())
    template = mesh.flame.template.numpy()
    normals = vertex_normals(mesh.flame.template[None], mesh.flame.faces)[0].numpy()
    flat = dense.displace(template, normals, np.zeros((256, 256)))
    positions = mesh.layout.coarse.interpolate(mesh.flame.template[None])[0].numpy()
    assert np.abs(flat - positions[:, dense.pixels[:, 1], dense.pixels[:, 0]].T).max() < 1e-7
    raised = dense.displace(template, normals, np.full((256, 256), 0.002))
    assert np.allclose(np.linalg.norm(raised - flat, axis=1), 0.002, atol=1e-9)
    edges = np.sort(np.concatenate([dense.faces[:, [0, 1]], dense.faces[:, [1, 2]], dense.faces[:, [2, 0]]]), 1)
    _, counts = np.unique(edges, axis=0, return_counts=True)
    assert counts.max() == 2
    corners = flat[dense.faces]
    outwards = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert ((outwards * corners.mean(1)).sum(1) > 0).mean() > 0.7


def test_the_dense_uvs_are_the_texels_centres():
    dense = stand_in_mesh().dense
    texels = np.stack([dense.uvs()[:, 0] * 256, (1 - dense.uvs()[:, 1]) * 256], -1)
    assert np.allclose(texels, dense.pixels + 0.5)
    assert np.allclose(dense.uvs(RELEASED)[:, 0], 4 * dense.pixels[:, 0] / 1024)


def test_a_template_file_without_its_arrays_is_refused_in_one_sentence():
    with pytest.raises(ModelError, match=r"lacks f, x_coords") as caught:
        DenseTemplate.build({"valid_pixel_ids": np.arange(3)})
    assert "\n" not in str(caught.value)


def test_both_texture_files_give_rgb_and_others_are_refused():
    size = 512 * 512 * 3
    mean = np.random.default_rng(0).random(size).astype(np.float32)
    components = np.random.default_rng(1).standard_normal((size, 3)).astype(np.float32)
    code = torch.tensor([[0.5, -1.0, 2.0]])
    bfm = TextureSpace.build({"MU": mean, "PC": components}, 3).texture(code)
    pixels = (mean + components @ code[0].numpy()).reshape(512, 512, 3)[::2, ::2, ::-1]
    assert np.allclose(bfm[0].permute(1, 2, 0).numpy(), pixels, atol=1e-5)
    flame = {"mean": mean.reshape(512, 512, 3) * 255, "tex_dir": components.reshape(512, 512, 3, 3) * 255}
    assert torch.allclose(TextureSpace.build(flame, 3).texture(code), bfm, atol=1e-5)
    for broken in ({}, {"MU": mean[:9], "PC": components}, {"MU": mean, "PC": components[:, :2]}):
        with pytest.raises(ModelError, match="texture space"):
            TextureSpace.build(broken, 3)


def test_the_exported_files_hold_mesh_uvs_and_the_right_colours(tmp_path):
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    uvs = np.array([[0.0, 0], [1, 0], [0, 1]])
    texture = np.zeros((2, 2, 3))
    texture[..., 0] = 1.2
    for name, faithfulness, channel in (("good", FIXED, 0), ("released", RELEASED, 2)):
        write_dense_obj(tmp_path / name, vertices, np.array([[0, 1, 2]]), uvs, texture, faithfulness)
        pixels = np.asarray(Image.open(tmp_path / f"{name}.png"))
        assert (pixels[..., channel] == 255).all() and pixels.sum() == 4 * 255
        text = (tmp_path / f"{name}.obj").read_text()
        assert text.startswith(f"mtllib {name}.mtl\n") and "f 1/1 2/2 3/3" in text and text.count("\nvt ") == 3
        assert f"map_Kd {name}.png" in (tmp_path / f"{name}.mtl").read_text()
