"""The released code's geometry, texture and losses give the published numbers."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the paper's method needs PyTorch, which is optional")

from likeness.core.albedogan import (  # noqa: E402
    alignment,
    camera,
    crop,
    dense_mesh,
    displacement,
    image_sampling,
    lamps,
    losses,
    normals,
    perlin,
    rotations,
    spherical_harmonics,
    texture_correction,
    unwrap,
    yaw,
)
from likeness.core.albedogan.faithfulness import RELEASED, Faithfulness  # noqa: E402
from likeness.core.albedogan.flame_layer import FlameLayer, Poses  # noqa: E402
from likeness.core.albedogan.landmarks import LandmarkPoints, contour_rows, visible_landmarks  # noqa: E402
from likeness.core.albedogan.texture_space import TextureSpace  # noqa: E402
from likeness.core.flame.embedding import LandmarkEmbedding  # noqa: E402
from likeness.core.nets.displacement import picture_to_displacement  # noqa: E402
from likeness.core.nets.kinds import build_network  # noqa: E402
from likeness.tests.golden.synthetic_flame import (  # noqa: E402
    barycentrics,
    synthetic_embedding,
    synthetic_flame,
    synthetic_template,
)
from likeness.tests.golden.vectors import Case, make_weights, rng  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def flame() -> FlameLayer:
    return FlameLayer.build(synthetic_flame())


@pytest.fixture(scope="module")
def embedding() -> LandmarkPoints:
    """(The file's full set has a leading axis of 1.)"""
    arrays = synthetic_embedding()
    given = {
        f"{kind}_{ours}": arrays[f"{kind}_lmk_{theirs}"].reshape(arrays[f"{kind}_lmk_{theirs}"].shape[kind == "full" :])
        for kind in ("static", "dynamic", "full")
        for ours, theirs in (("faces", "faces_idx"), ("weights", "bary_coords"))
    }
    return LandmarkPoints.build(LandmarkEmbedding(**given))


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


def test_the_texture_space_is_the_released_one():
    case = Case("flametex")
    i, j = np.arange(512 * 512 * 3, dtype=np.float64)[:, None], np.arange(50, dtype=np.float64)
    components = (0.02 * np.cos(0.37 * j + 1e-4 * (j + 1) * i)).astype(np.float32)
    space = TextureSpace.build({"MU": case.input("MU"), "PC": components})
    texture = space.texture(given(case, "code")).numpy()
    case.compare("texture", texture)
    case.compare("texture_b0_patch", texture[0, :, 100:132, 60:92])
    assert case.left_out() == set()


def test_light_and_lamps_are_the_released_ones():
    case = Case("sh_shading")
    light, sources, positions = (given(case, name) for name in ("light", "directional", "positions"))
    light[:, 0] += 3
    maps = torch.nn.functional.normalize(given(case, "normals"), dim=1)
    listed = maps.flatten(2).transpose(1, 2)
    case.compare("constants", np.asarray(spherical_harmonics.CONSTANTS, np.float32))
    case.compare("sh", spherical_harmonics.shade_map(maps, light).numpy())
    case.compare("directional", lamps.directional_shading(listed, sources).numpy())
    case.compare("point", lamps.point_shading(positions, listed, sources).numpy())
    case.compare("shape_preview", lamps.preview_shading(listed).numpy())
    assert case.left_out() == set()


def test_the_noise_is_the_released_one():
    case = Case("perlin")

    def draw(size: int) -> perlin.Draw:
        return lambda octave, shape: case.input(f"{size}/{octave}")

    case.compare("single_64_res4", perlin.octaves(64, 4, draw(64), 1))
    small = perlin.octaves(256, 8, draw(256))
    case.compare("octaves5_256_res8", small)
    case.compare("octaves5_256_patch", small[:100, :100])
    field = perlin.octaves(2048, 128, draw(2048), region=1024)
    case.compare("octaves5_2048_res128_topleft1024", field)
    case.compare("octaves5_2048_patch", field[500:600, 500:600])
    assert case.left_out() == set()


def enlarge(low: np.ndarray, height: int, width: int) -> np.ndarray:
    """The crop case's picture: bilinear with half-pixel centres and clamped edges, in float64, then bytes."""
    y = ((np.arange(height) + 0.5) * low.shape[0] / height - 0.5).clip(0, low.shape[0] - 1)
    x = ((np.arange(width) + 0.5) * low.shape[1] / width - 0.5).clip(0, low.shape[1] - 1)
    y0, x0 = np.minimum(y.astype(int), low.shape[0] - 2), np.minimum(x.astype(int), low.shape[1] - 2)
    fy, fx, low = (y - y0)[:, None, None], (x - x0)[None, :, None], low.astype(np.float64)
    top = low[y0][:, x0] * (1 - fx) + low[y0][:, x0 + 1] * fx
    bottom = low[y0 + 1][:, x0] * (1 - fx) + low[y0 + 1][:, x0 + 1] * fx
    return np.floor(255 * (top * (1 - fy) + bottom * fy)).astype(np.uint8)


def test_crops_and_blobs_are_the_released_ones():
    case, blue_first = Case("crop"), Faithfulness(bgr_to_face_networks=True)
    image = enlarge(case.input("low"), 240, 200)
    case.compare("image_uint8_sum_per_channel", image.sum((0, 1), dtype=np.int64))
    points = (case.input("points") * [90, 110] + [55, 70]).astype(np.float32)
    for size in (224, 1024):
        cut = crop.crop_photo(image, crop.box_of_landmarks(points), size)
        case.compare(f"tform_{size}", cut.crop_from_photo)
        case.compare(f"crop_{size}", cut.pixels.transpose(2, 0, 1))
        if size == 224:
            case.compare("crop_224_patch", cut.pixels.transpose(2, 0, 1)[:, 80:140, 80:140])
    boxes = [crop.box_of_edges(50, 150, 60, 190, source) for source in ("landmarks", "detector")]
    case.compare("size_centre_kpt68_bbox_of_50_150_60_190", np.array([[box.size, *box.centre] for box in boxes]))
    fixed_point = 0.03  # OpenCV interpolates by weights of 1/32 px (README, section 2)
    blob = alignment.whole_image_face(case.input("face") * np.float32(255), blue_first)
    case.compare("arcface_blob_full_face", blob, tolerance=fixed_point)
    points5 = (case.input("kps5") + np.array([(70, 60), (115, 62), (93, 90), (72, 118), (112, 119)])).astype(np.float32)
    case.compare("align5_matrix", alignment.align_matrix(points5))
    case.compare("align5_blob", alignment.align_face(image, points5, blue_first), tolerance=fixed_point)
    corners = case.input("boxes").reshape(6, 2, 2)
    sorted_boxes = np.sort(corners, 1).reshape(6, 4)
    closest = alignment.closest_box(sorted_boxes, (200, 240), Faithfulness(image_centre_swapped=True))
    case.compare("closest_box_to_centre", np.array([closest]))
    assert case.left_out() == set()


def test_the_yaw_code_is_the_released_one():
    case = Case("yaw_code")
    angle = np.deg2rad(np.array(case.definition["yaws_deg"], np.float64))
    x, y, z = synthetic_template().astype(np.float64).T
    cosine, sine = np.cos(angle)[:, None], np.sin(angle)[:, None]
    turned_about_y = np.stack([x * cosine + z * sine, np.broadcast_to(y, (len(angle), len(y))), z * cosine - x * sine], -1)
    vertices = turned_about_y.astype(np.float32)
    angles = yaw.doubled_angles(vertices)
    case.compare("angles_before_truncation", angles)
    columns = np.column_stack([np.trunc(angles).astype(np.int64), yaw.average_angle(angles), yaw.yaw_codes(vertices)])
    case.compare("angle1_angle2_average_code", columns)
    assert case.left_out() == set()


def test_the_texture_correction_is_the_released_one():
    case = Case("texture_correction")
    texture, left, right = (case.input(name) for name in ("T", "left", "right"))
    columns = case.definition["columns_of_row600"]
    for kind, code in (("neg", -17), ("zero", 0), ("pos", 23)):
        corrected = texture_correction.correct(texture, code, RELEASED)
        case.compare(f"correct_{kind}", corrected)
        for row in (199, 200, 600):
            case.compare(f"correct_{kind}_row{row}", corrected[row, columns])
    for kind, code in (("neg", -17), ("pos", 23)):
        corrected = texture_correction.correct_beside_eye(texture, code, RELEASED)
        case.compare(f"eye_{kind}", corrected)
        case.compare(f"eye_{kind}_row600", corrected[600, columns])
    merged = texture_correction.merge_views(right, texture, left)
    case.compare("merge_right_centre_left", merged)
    case.compare("merge_row600", merged[600, columns])
    assert case.left_out() == set()


def test_displacement_and_the_dense_mesh_are_the_released_ones(flame):
    case = Case("detail")
    z, mask, fixed, light = (given(case, name) for name in ("uv_z", "mask", "fixed", "light"))
    light[:, 0] += 3
    centre = (np.arange(256) + 0.5) / 256
    p, t = np.meshgrid(2.2 * (centre - 0.5), 2 * (0.5 - centre))
    radii = np.array([0.09, 0.12, 0.10])
    positions = (np.stack([np.cos(t) * np.sin(p), np.sin(t), np.cos(t) * np.cos(p)]) * radii[:, None, None]).astype(np.float32)
    coarse = torch.nn.functional.normalize(torch.from_numpy((positions / radii[:, None, None] ** 2).astype(np.float32)), dim=0)
    maps = (torch.from_numpy(positions).expand(2, -1, -1, -1), coarse.expand(2, -1, -1, -1))
    found = displacement.detail_normals(*maps, z, mask, fixed)
    case.compare("detail_normals", found.numpy())
    case.compare("detail_normals_b0_corner", found[0, :, :8, :8].numpy())
    case.compare("detail_normals_b0_patch", found[0, :, 100:150, 100:150].numpy())
    case.compare("detail_shading", spherical_harmonics.shade_map(found, light).numpy())
    triangles = displacement.grid_triangles()
    case.compare("grid_triangles_count", np.array([len(triangles)]))
    case.compare("grid_triangles_first_last", np.concatenate([triangles[:3], triangles[-3:]]))
    case.compare("dispgan_u_to_z", picture_to_displacement(given(case, "dispgan_u")).numpy())
    case.compare("resize_1024_to_224", image_sampling.resize_maps(given(case, "image1024"), 224).numpy())
    case.compare("mask_256_to_1024", image_sampling.resize_maps(mask, 1024).numpy())
    sampled = unwrap.sample_crop(given(case, "src_image"), given(case, "uv_pos").permute(0, 3, 1, 2))
    case.compare("unwrap_grid_sample", sampled.numpy())
    ids = np.sort(rng("in/detail/valid_pixel_ids").permutation(65536)[:59315])
    chosen = rng("in/detail/valid_pixel_face").integers(0, 9976, 59315)
    data = {
        "img_size": 256, "f": np.zeros((1, 3), np.int64), "valid_pixel_ids": ids,
        "x_coords": np.arange(65536) % 256, "y_coords": np.arange(65536) // 256,
        "valid_pixel_3d_faces": synthetic_flame().faces[chosen],
        "valid_pixel_b_coords": barycentrics("in/detail/valid_pixel_b_coords", (59315, 3)),
    }  # fmt: skip
    template = dense_mesh.DenseTemplate.build(data)
    vertices, vertex_normals = flame.template, normals.vertex_normals(flame.template[None], flame.faces)[0]
    dense = template.displace(vertices.numpy(), vertex_normals.numpy(), (z[0, 0] + fixed).numpy())
    case.compare("dense_vertices", dense)
    case.compare("dense_vertices_first2000", dense[:2000])
    case.compare("dense_uv_first2000", template.uvs(Faithfulness(texel_corner_uvs=True))[:2000])
    assert case.left_out() == set()


def test_the_losses_are_the_released_ones():
    case = Case("losses")
    predicted, wanted, visibility, light, shape = (given(case, name) for name in ("pred", "gt_xy", "vis", "light", "shape"))
    fake, real, mask, shading = (given(case, name) for name in ("fake", "real", "mask", "shading"))

    def compare(name: str, value: torch.Tensor) -> None:
        case.compare(name, value.reshape(1).numpy())

    weights, seen = losses.landmark_weights(predicted), (visibility[..., 0] > 0.2).float()
    case.compare("landmark_weights", weights.numpy())
    compare("weighted_landmark_vis1", losses.landmark_loss(predicted, wanted, torch.ones_like(seen), weights))
    compare("weighted_landmark_vis01", losses.landmark_loss(predicted, wanted, seen, weights))
    compare("unweighted_landmark_vis01", losses.landmark_loss(predicted, wanted, seen))
    case.compare("eye_distances", losses.pair_distances(predicted, losses.EYE_PAIRS).numpy())
    case.compare("lip_distances", losses.pair_distances(predicted, losses.LIP_PAIRS).numpy())
    compare("eye_closure", losses.closure_loss(predicted, wanted, losses.EYE_PAIRS))
    compare("lip_closure", losses.closure_loss(predicted, wanted, losses.LIP_PAIRS))
    compare("light_reg", losses.light_regularizer(light))
    compare("shape_reg_unweighted", losses.code_regularizer(shape))
    compare("photometric", losses.photometric_loss(fake, real, (mask > 0.5).float()))
    compare("shading_smooth", losses.shading_smoothness(shading))
    summed = Faithfulness(logcosh_of_batch=True)
    compare("logcosh", losses.logcosh_loss(fake, real, summed))
    compare("logcosh_flip", losses.logcosh_loss(fake, real.flip(-1), summed))
    assert case.left_out() == set()


def test_mica_from_its_embedding_to_vertices_is_the_published_one(flame):
    case = Case("mica_full")
    mapping = build_network("mica_shape", make_weights("mica", "flameModel", "mica_flameModel"))
    with torch.no_grad():
        shape = mapping(given(case, "embedding"))
        case.compare("shape300", shape.numpy())
        case.compare("vertices", flame.pose(shape, torch.zeros(1, 50), Poses.build(torch.zeros(1, 6)))[0].numpy())
    assert case.left_out() == set()
