"""The method's data folder: what is there is used, what is not is stood in for, what is damaged is named."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the paper's method needs PyTorch, which is optional")

from albedogan_stand_in import spiral_layout, stand_in_landmarks, stand_in_mesh, stand_in_networks, stand_in_photo  # noqa: E402
from likeness.core.albedogan import pipeline  # noqa: E402
from likeness.core.albedogan.alignment import align_face, five_points  # noqa: E402
from likeness.core.albedogan.data_files import read_paper_mesh, read_texture_space  # noqa: E402
from likeness.core.albedogan.faithfulness import RELEASED  # noqa: E402
from likeness.core.albedogan.parts import PaperMesh, PaperNetworks  # noqa: E402
from likeness.core.errors import ModelError  # noqa: E402
from likeness.core.nets.kinds import build_network  # noqa: E402
from likeness.core.story import run  # noqa: E402
from likeness.tests.golden.synthetic_flame import synthetic_flame, synthetic_template  # noqa: E402
from likeness.tests.golden.vectors import make_weights  # noqa: E402
from likeness.tests.stand_ins.flame_file import write_flame_pickle, write_landmark_embedding  # noqa: E402
from PIL import Image  # noqa: E402

torch.set_num_threads(1)


def write_layout(path: Path) -> None:
    """head_template.obj of the synthetic FLAME."""
    uvs, triangles = spiral_layout()
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in synthetic_template().tolist()]
    lines += [f"vt {u:.9f} {v:.9f}" for u, v in uvs.tolist()]
    for face, corners in zip(synthetic_flame().faces + 1, triangles + 1, strict=True):
        lines.append("f " + " ".join(f"{v}/{t}" for v, t in zip(face, corners, strict=True)))
    path.write_text("\n".join(lines) + "\n")


def template_of(mesh: PaperMesh) -> dict[str, np.ndarray | int]:
    """Our own dense template in the published file's form, its faces the other way round."""
    x, y = np.arange(65536) % 256, np.arange(65536) // 256
    return {
        "img_size": 256, "f": mesh.dense.faces[:, ::-1], "x_coords": x, "y_coords": y,
        "valid_pixel_ids": mesh.dense.pixels[:, 1] * 256 + mesh.dense.pixels[:, 0],
        "valid_pixel_3d_faces": mesh.dense.corners, "valid_pixel_b_coords": mesh.dense.weights,
    }  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A whole data folder in the original containers."""
    path = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    write_flame_pickle(path / "generic_model.pkl")
    write_layout(path / "head_template.obj")
    write_landmark_embedding(path / "landmark_embedding.npy")
    Image.fromarray(rng.integers(0, 256, (256, 256, 4), np.uint8), "RGBA").save(path / "uv_face_eye_mask.png")
    np.save(path / "fixed_displacement_256.npy", 0.0002 * rng.standard_normal((256, 256)))
    np.save(path / "texture_data_256.npy", np.array(template_of(stand_in_mesh(256)), object), allow_pickle=True)
    return path


@pytest.fixture(scope="module")
def read(folder) -> PaperMesh:
    return read_paper_mesh(folder, texture_size=256)


def test_a_data_folder_in_the_original_containers_is_read_whole(folder, read):
    own = stand_in_mesh(256)
    assert np.allclose(read.flame.template, own.flame.template, atol=1e-7) and torch.equal(read.flame.faces, own.flame.faces)
    assert torch.allclose(read.layout.fine.weights, own.layout.fine.weights, atol=1e-3)
    assert np.array_equal(read.dense.pixels, own.dense.pixels) and np.array_equal(read.dense.faces, own.dense.faces)
    assert torch.equal(read.landmarks.contour_faces, own.landmarks.contour_faces)
    image = np.asarray(Image.open(folder / "uv_face_eye_mask.png"))
    assert np.allclose(read.mask.texels[0, 0].numpy(), image[..., 0] / 255)
    assert np.allclose(read.fixed.numpy(), np.load(folder / "fixed_displacement_256.npy"))


def test_a_face_is_made_with_what_was_read_and_exported(read, tmp_path):
    face = run(pipeline.reconstruct(stand_in_photo(), stand_in_landmarks(), stand_in_networks(), read))
    pipeline.export_face(face, read, tmp_path / "face", RELEASED)
    lines = (tmp_path / "face.obj").read_text().splitlines()
    assert sum(line.startswith("v ") for line in lines) == sum(line.startswith("vt ") for line in lines) == len(read.dense.pixels)
    assert sum(line.startswith("f ") for line in lines) == len(read.dense.faces)
    assert Image.open(tmp_path / "face.png").size == (256, 256)


def test_with_flame_and_its_layout_alone_the_rest_is_our_own(folder, tmp_path):
    for name in ("generic_model.pkl", "head_template.obj"):
        (tmp_path / name).symlink_to(folder / name)
    mesh = read_paper_mesh(tmp_path, texture_size=256)
    assert mesh.landmarks is None and not mesh.fixed.any() and len(mesh.dense.pixels) == int(mesh.layout.coarse.is_covered.sum())
    assert read_texture_space(tmp_path) is None
    face = run(pipeline.reconstruct(stand_in_photo(), stand_in_landmarks(), stand_in_networks(), mesh))
    assert face.geometry.landmarks2d is None and np.isfinite(face.texture).all()


def test_the_texture_space_of_bfm_goes_before_flames_own(tmp_path):
    mean = np.linspace(0, 1, 512 * 512 * 3, dtype=np.float32)
    none = np.zeros((len(mean), 50), np.uint8)
    np.savez(tmp_path / "FLAME_texture.npz", mean=mean.reshape(512, 512, 3) * 255, tex_dir=none.reshape(512, 512, 3, 50))
    assert torch.allclose(read_texture_space(tmp_path).mean, torch.from_numpy(mean), atol=1e-6)
    np.savez(tmp_path / "FLAME_albedo_from_BFM.npz", MU=mean[::-1].copy(), PC=none)
    assert torch.equal(read_texture_space(tmp_path).mean, torch.from_numpy(mean[::-1].copy()))


@pytest.mark.parametrize(
    "name, content",
    {
        "head_template.obj": b"v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nf 1/1 2/1 3/1\n",
        "uv_face_eye_mask.png": b"\x89PNG\r\n\x1a\n" + zlib.compress(b"no picture"),
        "fixed_displacement_256.npy": b"\x93NUMPY\x01\x00",
        "texture_data_256.npy": b"no array",
        "landmark_embedding.npy": b"no array",
        "generic_model.pkl": b"\x80\x02}.",
    }.items(),
)
def test_a_damaged_file_is_named_in_one_sentence(name, content, folder, tmp_path):
    for path in folder.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / name).unlink()
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError) as caught:
        read_paper_mesh(tmp_path, texture_size=256)
    assert name in str(caught.value) and "\n" not in str(caught.value)


def test_a_mask_or_a_displacement_of_another_size_is_refused(folder, tmp_path):
    for path in folder.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "fixed_displacement_256.npy").unlink()
    np.save(tmp_path / "fixed_displacement_256.npy", np.zeros((128, 128)))
    with pytest.raises(ModelError, match=r"fixed_displacement_256\.npy is no displacement of 256 x 256"):
        read_paper_mesh(tmp_path, texture_size=256)
    (tmp_path / "uv_face_eye_mask.png").unlink()
    Image.new("L", (100, 90)).save(tmp_path / "uv_face_eye_mask.png")
    with pytest.raises(ModelError, match="100 x 90 px"):
        read_paper_mesh(tmp_path, texture_size=256)


def test_networks_are_connected_by_their_kinds():
    class Twice(torch.nn.Module):
        def forward(self, given: torch.Tensor) -> torch.Tensor:
            return 2 * given

        synthesise = forward

    one = torch.ones(1, 3)
    everything = ("deca_coarse", "deca_detail", "deca_decoder", "arcface", "mica_shape", "stylegan2", "albedogan", "disp_gan")
    modules = {kind: Twice() for kind in everything}
    networks = PaperNetworks.connect(modules)
    assert torch.equal(networks.identity(one), 4 * one) and torch.equal(networks.albedo(one), 2 * one)
    assert networks.generator is modules["stylegan2"] and torch.equal(networks.displacement(one), 2 * one)
    few = PaperNetworks.connect({"deca_coarse": Twice(), "arcface": Twice()})
    assert few.identity is None and few.generator is None and few.albedo is None
    with pytest.raises(ModelError, match=r"deca_model\.tar"):
        PaperNetworks.connect({"arcface": Twice()})


PUBLISHED = {
    "deca_coarse": ("deca_model", "E_flame", "deca_E_flame"),
    "deca_detail": ("deca_model", "E_detail", "deca_E_detail"),
    "deca_decoder": ("deca_model", "D_detail", "deca_D_detail"),
    "arcface": ("mica", "arcface", "mica_arcface"),
    "mica_shape": ("mica", "flameModel", "mica_flameModel"),
    "stylegan2": ("testnet_sg2_64", "g", "sg2_64"),
}
"""Kind -> manifest, section and seed of its test weights: all of the published sizes but the generator."""


@pytest.mark.slow
def test_networks_of_the_published_sizes_make_a_photos_and_a_random_face(read):
    modules = {kind: build_network(kind, make_weights(*names)) for kind, names in PUBLISHED.items()}
    networks = PaperNetworks.connect(modules)
    photo, points = stand_in_photo(), stand_in_landmarks()
    face = run(pipeline.reconstruct(photo, points, networks, read))
    blob = torch.from_numpy(align_face(photo, five_points(points)))[None]
    small = torch.from_numpy(face.picture.pixels.transpose(2, 0, 1).astype(np.float32))[None]
    small = torch.nn.functional.interpolate(small, (224, 224), mode="bilinear")
    with torch.no_grad():
        shape, parameters = modules["mica_shape"](modules["arcface"](blob))[0], modules["deca_coarse"](small)[0].numpy()
        jaw, expression = torch.from_numpy(parameters[203:206]), torch.from_numpy(parameters[150:200])
        codes = torch.cat([jaw, expression, modules["deca_detail"](small)[0]])
        z = modules["deca_decoder"](codes[None])[0, 0]
    assert np.allclose(face.codes.shape, shape.numpy(), atol=1e-5) and np.allclose(
        face.codes.camera, parameters[206:209], atol=1e-5
    )
    expected = (z * read.mask.texels[0, 0] + read.fixed).numpy()
    assert np.allclose(face.geometry.displacement, expected, atol=1e-7)
    random = run(pipeline.generate(1, networks, read, lambda image: stand_in_landmarks(*image.shape[:2]), truncation=0.5))
    assert random.latent.shape == (1, 10, 512) and np.isfinite(random.texture).all() and random.texture.std() > 0.01
