"""The paper's flow with small networks: from a photo or a seed to a face, and what is edited of it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the paper's method needs PyTorch, which is optional")

from albedogan_stand_in import (  # noqa: E402
    SmallGenerator,
    stand_in_landmarks,
    stand_in_mesh,
    stand_in_networks,
    stand_in_parameters,
    stand_in_photo,
)
from likeness.core.albedogan import decoding, light_removal, pipeline, spherical_harmonics  # noqa: E402
from likeness.core.albedogan.codes import PARTS, PaperCodes, PaperFace  # noqa: E402
from likeness.core.albedogan.faithfulness import FIXED, RELEASED  # noqa: E402
from likeness.core.albedogan.flame_layer import FlameLayer, Poses  # noqa: E402
from likeness.core.albedogan.normals import vertex_normals  # noqa: E402
from likeness.core.albedogan.parts import PaperMesh  # noqa: E402
from likeness.core.albedogan.texture_space import TextureSpace  # noqa: E402
from likeness.core.errors import FaceError, ModelError  # noqa: E402
from likeness.core.story import run  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def mesh() -> PaperMesh:
    return stand_in_mesh(256)


@pytest.fixture(scope="module")
def face(mesh) -> PaperFace:
    return run(pipeline.reconstruct(stand_in_photo(), stand_in_landmarks(), stand_in_networks(), mesh))


def find_in_small(image: np.ndarray) -> np.ndarray:
    """68 points in the small generator's pictures."""
    return stand_in_landmarks(*image.shape[:2])


def test_the_coarse_encoders_numbers_are_split_in_its_order():
    codes = PaperCodes.split(torch.arange(236.0), torch.arange(128.0))
    assert sum(size for _, size in PARTS) == 236
    assert codes.shape[:100].tolist() == list(range(100)) and not codes.shape[100:].any() and codes.shape.shape == (300,)
    starts = {"texture": 100, "expression": 150, "pose": 200, "camera": 206}
    assert {name: float(getattr(codes, name)[0]) for name in starts} == starts
    assert codes.light[0].tolist() == [209, 210, 211] and codes.light[8, 2] == 235 and codes.detail[127] == 127
    poses = codes.poses()
    assert poses.root.tolist() == [[200, 201, 202]] and poses.jaw.tolist() == [[203, 204, 205]]


def test_a_photo_becomes_a_face_and_says_where_it_is():
    mesh = stand_in_mesh(256)
    steps = []
    face = run(pipeline.reconstruct(stand_in_photo(), stand_in_landmarks(), stand_in_networks(), mesh), steps.append)
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions) and fractions[0] == 0 and fractions[-1] < 1 and all(step.stage for step in steps)
    assert face.texture.shape == (256, 256, 3) and face.texture.min() >= 0 and face.texture.max() <= 1
    assert face.geometry.dense_vertices.shape == (len(mesh.dense.pixels), 3)
    assert face.geometry.landmarks2d.shape == face.geometry.landmarks3d.shape == (68, 3)
    values = (face.texture, face.geometry.vertices, face.geometry.dense_vertices, face.geometry.displacement, face.codes.light)
    assert all(np.isfinite(value).all() for value in values) and face.latent is None


def test_the_faces_geometry_is_flame_posed_by_its_codes(mesh, face):
    codes = face.codes
    given = [torch.from_numpy(np.float32(value))[None] for value in (codes.shape, codes.expression, codes.pose)]
    vertices = mesh.flame.pose(given[0], given[1], Poses.build(given[2]))
    assert np.array_equal(face.geometry.vertices, vertices[0].numpy())
    assert np.allclose(face.geometry.normals, vertex_normals(vertices, mesh.flame.faces)[0].numpy())
    raised = mesh.dense.displace(face.geometry.vertices, face.geometry.normals, face.geometry.displacement)
    assert np.array_equal(raised, face.geometry.dense_vertices)
    s, tx, ty = codes.camera
    assert np.allclose(face.geometry.screen, s * (face.geometry.vertices + np.array([tx, ty, 0])) * [1, -1, -1], atol=1e-6)


def test_the_shape_is_the_face_networks_where_there_is_one_else_the_encoders(mesh, face):
    without = run(pipeline.reconstruct(stand_in_photo(), stand_in_landmarks(), stand_in_networks(identity=None), mesh))
    assert not without.codes.shape[100:].any() and face.codes.shape[100:].all()
    assert np.allclose(without.codes.shape[1:100], stand_in_parameters()[1:100])


def test_a_texel_that_is_seen_shows_what_the_photo_shows_there(mesh):
    """As released, before mask and mirror: the texture's inside is the crop at the projected texel."""
    photo, points, networks = stand_in_photo(), stand_in_landmarks(), stand_in_networks()
    face = run(pipeline.reconstruct(photo, points, networks, mesh, replace(RELEASED, uv_positions_at_256=False)))
    positions = mesh.layout.fine.interpolate(torch.from_numpy(face.geometry.screen)[None])[0].numpy()
    in_crop = (positions[:2] * 0.5 + 0.5) * 1024 - 0.5
    matrix = np.linalg.inv(face.picture.crop_from_photo)
    place = np.einsum("ij,jhw->ihw", matrix[:2, :2], in_crop) + matrix[:2, 2, None, None]
    expected = np.stack([40 + 150 * place[0] / 200, 40 + 150 * place[1] / 260, np.full((256, 256), 90.0)], -1) / 255
    is_right = decoding.head_turn(face.codes, face.geometry, RELEASED) >= 0
    is_kept_half = np.zeros((256, 256), bool)
    is_kept_half[60:, slice(127) if is_right else slice(129, None)] = True
    kept = is_kept_half & (mesh.mask.at(256)[0, 0].numpy() == 1) & mesh.layout.fine.is_covered.numpy()
    assert kept.sum() > 3000 and np.abs(face.texture - expected)[kept].max() < 0.006


def test_the_released_texture_is_composed_corrected_and_composed_again(mesh):
    """The flow written out: 256 px positions enlarged, sampled, masked, mirrored four times, masked."""
    space = TextureSpace(torch.full((512 * 512 * 3,), 0.4), torch.zeros(50, 512 * 512 * 3))
    networks = stand_in_networks(texture_space=space)
    face = run(pipeline.reconstruct(stand_in_photo(), stand_in_landmarks(), networks, mesh, RELEASED, seed=4))
    functional = torch.nn.functional
    screen = torch.from_numpy(face.geometry.screen)[None]
    coarse = functional.interpolate(mesh.layout.coarse.interpolate(screen), (256, 256), mode="bilinear")
    crop = torch.from_numpy(face.picture.pixels.transpose(2, 0, 1).astype(np.float32))[None]
    inside = functional.grid_sample(crop, coarse[:, :2].permute(0, 2, 3, 1), align_corners=False)[0].permute(1, 2, 0).numpy()
    mask = mesh.mask.texels[0, 0].numpy()[..., None]
    normals = torch.from_numpy(face.geometry.detail_normals)[None]
    shading = spherical_harmonics.shade(normals, torch.from_numpy(face.codes.light)[None].float())[0].numpy()
    noise = decoding.grain(decoding.draw_from(np.random.default_rng(4)), 256)[..., None]
    outside = 0.4 * shading + noise
    texture = inside * mask + outside * (1 - mask)
    column = np.arange(128)[None, :, None]
    is_right = decoding.head_turn(face.codes, face.geometry, RELEASED) >= 0
    half = np.s_[50:, 128:] if is_right else np.s_[50:, :128]
    own, other = ((127 - column) / 128, column / 128) if is_right else (column / 128, (127 - column) / 128)
    mirrored = texture[:, ::-1].copy()
    for _ in range(4):
        texture[half] = own * texture[half] + other * mirrored[half]
    assert np.abs(face.texture - (texture * mask + outside * (1 - mask))).max() < 1e-4


def test_the_texture_has_no_light_in_it_but_what_was_released_has(mesh):
    """A grey head in a strong light from the left of the image: ours is even, the released one is not."""
    parameters = stand_in_parameters(yaw=0.0)
    parameters[200:206] = 0
    light = spherical_harmonics.ambient()
    light[1] = -0.6
    parameters[209:] = light.ravel()
    codes = PaperCodes.split(torch.from_numpy(parameters))
    smooth = FlameLayer(**(vars(mesh.flame) | {"shape_basis": 0 * mesh.flame.shape_basis, "template": smooth_template()}))
    plain = replace(mesh, flame=replace(smooth, expression_basis=0 * mesh.flame.expression_basis), fixed=torch.zeros(256, 256))
    geometry = decoding.decode_geometry(codes, torch.zeros(1, 1, 256, 256), plain)
    ramp = (np.arange(256) + 0.5) / 128 - 1
    x, y = ramp[None, :] / codes.camera[0] - codes.camera[1], -ramp[:, None] / codes.camera[0] - codes.camera[2]
    z = 0.09 * np.sqrt(np.maximum(1 - (x / 0.08) ** 2 - (y / 0.12) ** 2, 0.01))
    normals = np.stack(np.broadcast_arrays(x / 0.08**2, y / 0.12**2, z / 0.09**2), -1)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    crop = 0.5 * (light_removal.harmonics(normals) @ light)
    picture = torch.from_numpy(np.ascontiguousarray(crop.transpose(2, 0, 1), np.float32))[None]
    albedo = torch.full((1, 3, 256, 256), 0.5)
    middle = np.s_[110:150, 90:165]
    ours = decoding.decode_texture(picture, codes, geometry, plain, albedo, FIXED)[0][middle]
    released = decoding.decode_texture(picture, codes, geometry, plain, albedo, RELEASED)[0][middle]
    assert ours.std() < 0.25 * released.std() and abs(ours.mean() - 0.5) < 0.05


def test_what_no_side_shows_is_the_texture_spaces_skin(mesh):
    """A head turned to its own back: nothing of the face is seen."""
    parameters = stand_in_parameters(yaw=np.pi)
    codes = PaperCodes.split(torch.from_numpy(parameters))
    geometry = decoding.decode_geometry(codes, torch.zeros(1, 1, 256, 256), mesh)
    picture, skin = torch.zeros(1, 3, 128, 128), torch.full((1, 3, 256, 256), 0.4)
    face_middle = np.s_[90:150, 100:155]
    ours = decoding.decode_texture(picture, codes, geometry, mesh, skin)[0][face_middle]
    released = decoding.decode_texture(picture, codes, geometry, mesh, skin, RELEASED)[0][face_middle]
    assert np.median(ours) > 0.3 and np.median(released) < 0.01


def smooth_template() -> torch.Tensor:
    """The synthetic template without its roughness."""
    i = np.arange(5023)
    t, a = 2 * np.pi * i / 71, 0.98 * np.pi * (i / 5022 - 0.5)
    return torch.from_numpy(
        np.stack([0.08 * np.cos(a) * np.sin(t), 0.12 * np.sin(a), 0.09 * np.cos(a) * np.cos(t)], -1).astype(np.float32)
    )


def test_a_picture_without_landmarks_is_taken_whole(mesh):
    face = run(pipeline.reconstruct(stand_in_photo(), None, stand_in_networks(), mesh))
    middle = np.linalg.inv(face.picture.crop_from_photo) @ [511.5, 511.5, 1]
    assert np.allclose(middle[:2], [99.5, 129.5], atol=1.5)


def test_a_seed_is_always_the_same_person_and_another_seed_another(mesh):
    networks = stand_in_networks()
    first, again, other = (run(pipeline.generate(seed, networks, mesh, find_in_small)) for seed in (3, 3, 4))
    assert np.array_equal(first.texture, again.texture) and np.array_equal(first.codes.shape, again.codes.shape)
    assert not np.array_equal(first.codes.shape, other.codes.shape) and first.latent.shape == (1, 18, 512)


def test_truncation_leads_to_the_mean_person_and_mixing_takes_rows_of_the_second_seed():
    networks = stand_in_networks()

    def latent(seed, **options):
        return run(pipeline.draw_person(seed, networks, find_in_small, **options)).latent

    one, two = latent(1, truncation=1.0), latent(2, truncation=1.0)
    assert torch.allclose(latent(1, truncation=0.25), one / 4) and torch.equal(latent(1, truncation=0.0), 0 * one)
    mixed = latent(1, truncation=1.0, mix_seed=2, mix_at=5)
    assert torch.equal(mixed[:, :5], one[:, :5]) and torch.equal(mixed[:, 5:], two[:, 5:])


def test_albedo_and_displacement_of_the_latent_code_are_used_where_there_are_such_networks(mesh):
    seen = []

    def displace(latent: torch.Tensor) -> torch.Tensor:
        seen.append(latent.shape)
        return torch.full((1, 3, 256, 256), 0.75)

    networks = stand_in_networks(
        albedo=lambda latent: latent.mean().expand(1, 3, 256, 256) * 0 + 0.3, displacement=displace, decoder=None
    )
    face = run(pipeline.generate(5, networks, mesh, find_in_small))
    assert np.allclose(face.texture, 0.3) and seen == [(1, 14, 512)]
    mask = mesh.mask.texels[0, 0].numpy()
    assert np.allclose(face.geometry.displacement, 0.5 / 255 * mask + mesh.fixed.numpy(), atol=1e-8)


def test_no_generator_and_no_face_are_told_in_one_sentence(mesh):
    for story, error, words in (
        (pipeline.generate(1, stand_in_networks(generator=None), mesh, find_in_small), ModelError, "stylegan2_ffhq.pt"),
        (pipeline.generate(7, stand_in_networks(), mesh, lambda image: None), FaceError, "seed 7"),
    ):
        with pytest.raises(error, match=words) as caught:
            run(story)
        assert "\n" not in str(caught.value)


def test_only_the_released_mask_wears_off_from_person_to_person(mesh, monkeypatch):
    spreads: list[float] = []
    decode = pipeline.decode_texture

    def watch(crop, codes, geometry, used, *rest, **options):
        spreads.append(float(used.mask.texels.std()))
        return decode(crop, codes, geometry, used, *rest, **options)

    monkeypatch.setattr(pipeline, "decode_texture", watch)
    rough = replace(mesh, mask=type(mesh.mask)(torch.rand(1, 1, 256, 256, generator=torch.Generator().manual_seed(0))))
    for faithfulness in (FIXED, RELEASED):
        assert len(list(pipeline.generate_many([1, 2, 3], stand_in_networks(), rough, find_in_small, faithfulness))) == 3
    assert spreads[0] == spreads[1] == spreads[2] == spreads[3] > spreads[4] > spreads[5]


def test_an_edited_expression_moves_the_head_and_its_wrinkles_and_nothing_else(mesh, face):
    networks = stand_in_networks()
    smile = np.zeros(50)
    smile[0] = 2.0
    edited = pipeline.edit_expression(face, networks, mesh, expression=smile, jaw=np.array([0.25, 0, 0]))
    assert np.array_equal(edited.codes.shape, face.codes.shape) and edited.texture is face.texture
    assert np.array_equal(edited.codes.pose[:3], face.codes.pose[:3]) and edited.codes.pose[3] == np.float32(0.25)
    assert np.abs(edited.geometry.vertices - face.geometry.vertices).max() > 0.001
    assert not np.array_equal(edited.geometry.displacement, face.geometry.displacement)
    back = pipeline.edit_expression(edited, networks, mesh, expression=face.codes.expression, jaw=face.codes.pose[3:])
    assert np.array_equal(back.geometry.vertices, face.geometry.vertices)
    assert np.array_equal(back.geometry.dense_vertices, face.geometry.dense_vertices)


def test_neck_eyes_and_head_can_be_turned(mesh, face):
    networks = stand_in_networks()
    for part, angles in (("neck", np.array([0, 0.3, 0])), ("eyes", np.full(6, 0.2)), ("root", np.array([0.1, -0.4, 0.0]))):
        turned = pipeline.edit_expression(face, networks, mesh, **{part: angles})
        assert np.abs(turned.geometry.vertices - face.geometry.vertices).max() > 0.001, part
        assert np.array_equal(turned.codes.expression, face.codes.expression)


def test_relighting_multiplies_the_texture_with_the_new_lights_shading(face):
    relit, lit = pipeline.relight(face, spherical_harmonics.ambient((0.5, 1.0, 1.0)))
    assert np.allclose(lit, face.texture * [0.5, 1, 1], atol=1e-5) and np.allclose(relit.codes.light[0, 1], 1 / 0.2820948)
    first, second = spherical_harmonics.ambient(), face.codes.light
    halves = [pipeline.relight(face, light)[1] for light in (first, second, spherical_harmonics.blend_lights(first, second, 0.5))]
    assert np.allclose(halves[2], (halves[0] + halves[1]) / 2, atol=1e-5)


def test_the_small_generator_stands_in_for_core_nets_generator():
    from likeness.core.nets.stylegan2 import Generator, GeneratorSizes

    sizes = GeneratorSizes(latent_size=512, style_size=512, num_mapping=2, base=4, channels=(8, 8, 4), colours=3)
    network = Generator(sizes).requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    for tensor in network.state_dict().values():
        tensor.copy_(torch.randn(tensor.shape, generator=generator))
    for kind in (network, SmallGenerator()):
        latent = kind.arrange([pipeline.draw_latent(1), pipeline.draw_latent(2)], truncation=0.5, mix_at=3)
        assert latent.ndim == 3 and latent.shape[2] == 512 and kind.synthesise(latent).shape[1] == 3


def test_without_torch_the_package_says_what_to_install():
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from likeness.core.errors import BackendError\n"
        "try:\n    import likeness.core.albedogan.pipeline\nexcept BackendError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert "needs PyTorch: install it" in done.stdout and done.stdout.count("\n") == 1
