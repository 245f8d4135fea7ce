"""The paper's method as a way of the product: folders of its files, photos and seeds become finished heads."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="the paper's method needs PyTorch, which is optional")

from likeness.bulk.command_line import run as run_batch  # noqa: E402
from likeness.core.albedogan import tools as paper_tools  # noqa: E402
from likeness.core.albedogan.codes import PaperFace  # noqa: E402
from likeness.core.albedogan.lay_on_head import lay_on_head  # noqa: E402
from likeness.core.albedogan.parts import PaperMesh  # noqa: E402
from likeness.core.albedogan.pipeline import draw_latent  # noqa: E402
from likeness.core.albedogan.unwrap import UvLayout  # noqa: E402
from likeness.core.appearance.relief import decode_displacement  # noqa: E402
from likeness.core.errors import BackendError, ModelError  # noqa: E402
from likeness.core.export_npz import export_npz  # noqa: E402
from likeness.core.fit.geometry import SCHEDULE, FitSettings, FitStart, LandmarkProblem  # noqa: E402
from likeness.core.fit.light import TRANSPARENT_PARTS  # noqa: E402
from likeness.core.head.model import HeadModel, triangulate  # noqa: E402
from likeness.core.nets.importing import import_networks  # noqa: E402
from likeness.core.nets.stylegan2 import Generator, GeneratorSizes  # noqa: E402
from likeness.core.paper.beliefs import find_units  # noqa: E402
from likeness.core.paper.files import find_paper_files  # noqa: E402
from likeness.core.paper.listing import list_parts  # noqa: E402
from likeness.core.paper.stories import fit_photo_by_paper, generate_by_paper  # noqa: E402
from likeness.core.photo.dense_landmarks import locate_dense_landmarks  # noqa: E402
from likeness.core.photo.landmarks import detect_landmarks  # noqa: E402
from likeness.core.pipeline import CalibratedModel, load_calibrated_model  # noqa: E402
from likeness.core.render.rasterize import interpolate, rasterize, sample_texture  # noqa: E402
from likeness.core.story import run  # noqa: E402
from likeness.core.types import ARKIT_NAMES, HeadAsset, HeadCode, Progress  # noqa: E402
from likeness.worker.stories import STORIES  # noqa: E402
from paper_folder import (  # noqa: E402
    ALBEDO,
    CHECKPOINTS,
    DISPLACEMENT,
    combine_networks,
    random_state,
    write_paper_folder,
    write_random_people,
)
from torch_files import write_states  # noqa: E402

torch.set_num_threads(1)
SIZE = 512
DECA, MICA = Path("data", "deca_model.tar"), Path("data", "mica_pretrained", "mica.tar")
EXPRESSIONS = [f"Exp{k + 1:03d}" for k in range(100)]


@pytest.fixture(scope="module")
def folder(flame_file, flame_cache, astronaut, tmp_path_factory) -> Iterator[Path]:
    """All the files, as released; the generator's pictures show the astronaut. It is unwrapped on a quarter of the texels."""
    with Image.open(astronaut) as image:
        picture = np.asarray(image.convert("L").crop((110, 0, 366, 256)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIKENESS_CACHE", str(flame_cache))
        patch.setattr(
            PaperMesh,
            "build",
            staticmethod(lambda *given, build=PaperMesh.build, **options: build(*given, **options | {"texture_size": SIZE})),
        )
        yield write_paper_folder(tmp_path_factory.mktemp("paper"), flame_file, picture / 255)


@contextmanager
def added(place: Path, files: list[Path]) -> Iterator[None]:
    """Files in the folder for a while: another folder's FLAME file would be loaded anew."""
    for path in files:
        (place / path.name).symlink_to(path)
    try:
        yield
    finally:
        for path in files:
            (place / path.name).unlink()


def linked(folder: Path, tmp_path: Path) -> Path:
    """The same files in a folder that can be changed."""
    return Path(shutil.copytree(folder, tmp_path / "files", copy_function=lambda a, b: Path(b).symlink_to(a)))


@pytest.fixture(scope="module")
def head(folder) -> CalibratedModel:
    return load_calibrated_model(str(folder / "data" / "generic_model.pkl"))


@pytest.fixture(scope="module")
def worn(head) -> HeadModel:
    assert head.model.worn is not None
    return head.model.worn


@pytest.fixture(scope="module")
def plain(folder, astronaut) -> HeadAsset:
    """The networks' result, the photo's light left in the texture so that it can be compared with the photo."""
    return run(fit_photo_by_paper(astronaut, folder, refine=False, faults=("texture_lit",), texture_size=SIZE))


@pytest.fixture(scope="module")
def refined(folder, astronaut) -> tuple[HeadAsset, list[Progress]]:
    steps: list[Progress] = []
    return run(fit_photo_by_paper(astronaut, folder, texture_size=SIZE), steps.append), steps


@pytest.fixture(scope="module")
def person(folder) -> HeadAsset:
    return run(generate_by_paper(3, folder, texture_size=SIZE))


def code_of(asset: HeadAsset, worn: HeadModel) -> HeadCode:
    return HeadCode(asset.identity, np.array([asset.expression[name] for name in worn.expression_names]), asset.pose)


@pytest.mark.parametrize("way", ["plain", "refined", "person"])
def test_a_photo_or_a_seed_ends_as_a_rigged_textured_head_with_all_keys(way, request, worn, flame_file):
    made = request.getfixturevalue(way)
    asset = made[0] if way == "refined" else made
    assert list(asset.shape_keys) == [*ARKIT_NAMES, *EXPRESSIONS] == list(asset.expression)
    assert asset.vertices.shape == worn.template.shape and np.array_equal(asset.faces, worn.faces)
    assert np.allclose(asset.vertices, worn.shape(asset.identity), atol=1e-6) and len(asset.vertices) > 5023
    assert asset.joints.shape == (5, 3) and np.allclose(asset.weights.sum(1), 1, atol=1e-5)
    names = {"albedo", "albedo_confidence", "roughness", "specular", "subsurface", "displacement", "normal"}
    assert set(asset.textures) == names and asset.textures["albedo"].pixels.shape == (SIZE, SIZE, 3)
    assert asset.photo is not None and asset.camera is not None and asset.light is not None and asset.light.shape == (9, 3)
    assert np.isfinite(asset.vertices).all() and np.isfinite(asset.light).all() and asset.identity.any()


def test_what_the_networks_said_is_the_heads_code(plain, worn):
    said = plain.provenance["paper"]["codes"]
    assert np.allclose(plain.identity[:300], said["shape"], atol=1e-5) and not plain.identity[300:].any()
    assert np.allclose([plain.expression[name] for name in EXPRESSIONS[:50]], said["expression"], atol=1e-5)
    assert not any(plain.expression[name] for name in (*ARKIT_NAMES, *EXPRESSIONS[50:]))
    assert np.allclose(plain.pose[6:9], said["pose"][3:], atol=1e-5) and not plain.pose[:6].any()


def test_seen_by_its_camera_the_head_shows_the_photo(plain, worn):
    """Orientation, camera, unwrapping and the way to our layout in one: the texture drawn back is the photo."""
    off, mirrored = compare_with_photo(plain, worn)
    assert len(off) > 3000 and np.median(off) < 4 and off.mean() < 7 and mirrored.mean() > 4 * off.mean()


def test_so_it_does_unwrapped_on_the_papers_layout(folder, astronaut, worn, tmp_path):
    """A head_template.obj whose layout is ours on a part of the sheet, under the mask for the published one."""
    write_layout(tmp_path / "head_template.obj", worn)
    with added(folder, [tmp_path / "head_template.obj"]):  # not beside FLAME's file, which would have to be made ready with it
        asset = run(fit_photo_by_paper(astronaut, folder, refine=False, faults=("texture_lit",), texture_size=SIZE))
    off, mirrored = compare_with_photo(asset, worn)
    assert len(off) > 1500 and np.median(off) < 4 and off.mean() < 7 and mirrored.mean() > 4 * off.mean()
    assert not any("head_template.obj" in line for line in asset.provenance["warnings"])


def write_layout(path: Path, worn: HeadModel) -> None:
    """FLAME's triangles, which are the worn head's first, on a layout of their own."""
    corners = worn.face_uvs[:9976, :3] + 1
    uvs = np.column_stack([0.0467 + 0.9 * worn.uvs[:, 0], 0.15 + 0.8 * worn.uvs[:, 1]])
    lines = [f"v {x} {y} {z}" for x, y, z in worn.template[:5023]] + [f"vt {u} {v}" for u, v in uvs]
    faces = zip(worn.faces[:9976, :3] + 1, corners, strict=True)
    lines += ["f " + " ".join(f"{v}/{t}" for v, t in zip(f, uv, strict=True)) for f, uv in faces]
    path.write_text("\n".join(lines))


def compare_with_photo(asset: HeadAsset, worn: HeadModel) -> tuple[np.ndarray, np.ndarray]:
    """How far the texture, drawn by the head's camera, is from the photo and from its mirror image, bytes, where it is surest."""
    parts = np.repeat(worn.face_parts, 1 + (worn.faces[:, 3] >= 0))
    is_opaque = ~np.isin(parts, [worn.part_names.index(name) for name in TRANSPARENT_PARTS])
    raster = rasterize(worn.pose(code_of(asset, worn)), triangulate(worn.faces)[is_opaque], asset.camera, "back")
    uv = interpolate(worn.uvs, raster, triangulate(worn.face_uvs)[is_opaque])
    colour = 255 * sample_texture(asset.textures["albedo"].pixels, uv)
    sure = raster.is_covered & (sample_texture(asset.textures["albedo_confidence"].pixels[..., None], uv)[..., 0] > 0.9)
    photo = asset.photo.pixels
    return np.abs(colour - photo)[sure].mean(-1), np.abs(colour - photo[:, ::-1])[sure].mean(-1)


def test_a_right_camera_explains_the_landmarks_and_our_fit_explains_them_better(plain, refined):
    asset, steps = refined
    assert asset.provenance["residual_px"] < 0.6 * plain.provenance["residual_px"] < 4
    assert asset.provenance["confidence"] > plain.provenance["confidence"] > 0
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0


def test_our_fit_moves_our_units_and_leaves_flames_own_at_rest(refined):
    asset, _ = refined
    assert not any(asset.expression[name] for name in EXPRESSIONS)
    assert max(asset.expression["mouthSmileLeft"], asset.expression["mouthSmileRight"]) > 0.2


def test_what_the_photo_says_nothing_of_stays_what_the_networks_said(head, astronaut, plain):
    landmarks = locate_dense_landmarks(plain.photo, detect_landmarks(plain.photo))
    believed = np.zeros(head.model.num_identity)
    believed[:300] = 0.5
    rest = np.zeros(head.model.num_expression)
    start = FitStart(believed, 0.75, rest, plain.camera.R, plain.camera.t)
    found = []
    for given in (None, start):
        problem = LandmarkProblem(landmarks, plain.camera.size, None, head.model, head.calibration, FitSettings(), start=given)
        state = problem.initial_state()
        for stage in SCHEDULE[:3]:
            state = problem.solve(state, stage)
        found.append((state.identity, problem.result(state).spread))
    (free, spread), (held, held_spread) = found
    silent = spread[:300] > 0.99
    assert silent.sum() > 20 and np.abs(free[:300][silent]).mean() < 0.1
    assert np.abs(held[:300][silent] - 0.5).mean() < 0.1 and (held_spread[:300][silent] < 0.76).all()


def test_an_opened_jaw_is_told_in_our_units(head, worn):
    (rotation,) = (r for r in worn.bone_rotations["jawOpen"] if r.joint == "jaw")
    pose = np.zeros(15)
    pose[6:9] = 0.6 * rotation.axis_angle
    units = find_units(head.model, HeadCode(np.zeros(worn.num_identity), np.zeros(worn.num_expression), pose))
    names = dict(zip(head.model.expression_names, units, strict=True))
    assert max(names, key=lambda name: names[name]) == "jawOpen" and 0.3 < names["jawOpen"] < 0.8
    assert not find_units(head.model, worn.neutral_code()).any()


def test_a_texel_of_ours_has_the_colour_of_its_place_on_the_papers_layout(plain, worn, folder):
    """The paper's layout turned upside down and shrunk, and a texture that says where it is."""
    mesh = paper_tools.mesh_on_our_layout(find_paper_files(folder), worn)
    layout = mesh.layout
    moved = np.column_stack([0.1 + 0.8 * layout.uvs[:, 0], 0.9 - 0.7 * layout.uvs[:, 1]])
    turned = replace(mesh, layout=UvLayout.build(moved, layout.uv_triangles, layout.triangles, 256))
    ramp = (np.arange(256) + 0.5) / 256
    texture = np.stack([*np.meshgrid(ramp, 1 - ramp), np.zeros((256, 256))], -1).astype(np.float32)
    geometry = type("Geometry", (), {"displacement": 0.001 * texture[..., 0]})()
    face = PaperFace(None, geometry, texture, np.ones((256, 256), np.float32), None)  # type: ignore[arg-type]
    maps = lay_on_head(face, turned, worn, SIZE)
    row, column = np.nonzero(maps.is_laid)
    u, v = (column + 0.5) / SIZE, 1 - (row + 0.5) / SIZE
    expected = np.stack([0.1 + 0.8 * u, 0.9 - 0.7 * v], -1)
    assert maps.is_laid.mean() > 0.7 and np.abs(maps.colour[maps.is_laid][:, :2] / 255 - expected).max() < 0.005
    row, column = SIZE // 8, SIZE // 6
    assert maps.height_m[row, column] == pytest.approx(0.001 * (0.1 + 0.8 * (column + 0.5) / (SIZE // 2)), abs=1e-5)


def test_the_networks_displacement_is_the_heads(plain):
    texture = plain.textures["displacement"].pixels.astype(int)
    assert (
        texture.shape == (SIZE // 2, SIZE // 2)
        and texture.std() > 1
        and plain.textures["normal"].pixels.std(axis=(0, 1)).max() > 0
    )


def test_a_seed_is_always_the_same_person_to_the_byte(folder, person, tmp_path):
    again = run(generate_by_paper(3, folder, texture_size=SIZE))
    for name, asset in (("first", person), ("second", again)):
        export_npz(asset, tmp_path / f"{name}.npz")
    assert (tmp_path / "first.npz").read_bytes() == (tmp_path / "second.npz").read_bytes()
    assert person.name == "person_3" and person.provenance["seed"] == 3


def test_another_latent_code_is_another_person_also_in_the_workers_story(folder, person):
    (packed,) = run(STORIES["generate_by_paper"](seed=3, folder=str(folder), truncation=1.0, mix_seed=4, texture_size=SIZE))
    told = packed.asset.provenance["paper"]
    assert (told["truncation"], told["mix_seed"]) == (1.0, 4) and packed.asset.provenance["seed"] == 3
    assert packed.asset.provenance["photo_sha256"] != person.provenance["photo_sha256"]


def test_provenance_says_what_made_the_head_and_on_which_terms(folder, plain, person):
    told = plain.provenance["paper"]
    assert told["faults"] == ["texture_lit"] and told["refined"] is False and "2304.12483" in told["method"]
    kinds = [network["kind"] for network in told["networks"]]
    assert sorted(kinds) == ["arcface", "deca_coarse", "deca_decoder", "deca_detail", "mica_shape"]
    assert all(len(network["source_sha256"]) == 64 and "commercial" in network["licence"] for network in told["networks"])
    assert "stylegan2" in [network["kind"] for network in person.provenance["paper"]["networks"]]
    assert sum(plain.provenance["face_shares"].values()) == pytest.approx(1, abs=0.01)
    assert any("head_template.obj" in line for line in plain.provenance["warnings"])
    json.dumps([plain.provenance, person.provenance])


@pytest.mark.parametrize(
    "gone, is_generated, named",
    [
        ("data/generic_model.pkl", False, ["generic_model.pkl (FLAME"]),
        ("data/deca_model.tar", False, ["deca_model.tar (DECA"]),
        (CHECKPOINTS / "stylegan2_ffhq.pt", True, ["stylegan2_ffhq.pt (StyleGAN2"]),
        ("data", True, ["generic_model.pkl", "deca_model.tar"]),
    ],
)
def test_what_is_missing_is_named_with_what_it_is_for_in_one_sentence(folder, tmp_path, gone, is_generated, named):
    copy = linked(folder, tmp_path)
    target = copy / gone
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    with pytest.raises(ModelError) as error:
        find_paper_files(copy, is_generated=is_generated)
    assert all(name in str(error.value) for name in named) and "\n" not in str(error.value)
    assert str(error.value).count("(") == len(named)


def test_what_can_be_done_without_is_told(folder, tmp_path):
    files = linked(folder, tmp_path)
    (files / MICA).unlink()
    lacking = find_paper_files(files).lacking()
    assert any("mica.tar" in line and "coarse encoder" in line for line in lacking)
    assert len(lacking) == len(find_paper_files(folder).lacking()) + 1


def test_imported_networks_in_one_folder_are_found(folder, tmp_path):
    import_networks(folder / "data" / "deca_model.tar", tmp_path)
    import_networks(folder / "data" / "mica_pretrained" / "mica.tar", tmp_path)
    (tmp_path / "generic_model.pkl").symlink_to(folder / "data" / "generic_model.pkl")
    files = find_paper_files(tmp_path)
    assert files.kinds == {"deca_coarse", "deca_detail", "deca_decoder", "arcface", "mica_shape"}
    assert {path.suffix for _, path in files.networks} == {".safetensors"}


def test_six_networks_in_one_mica_tar_are_told_by_what_they_are(folder, worn, tmp_path):
    """METHOD 3.4.3: the combined checkpoint, under the name that the released code reads."""
    files = linked(folder, tmp_path)
    combine_networks(files)
    found, whole = find_paper_files(files), find_paper_files(folder)
    assert found.kinds == whole.kinds and not (files / DECA).exists()
    assert {path for kind, path in found.networks if kind != "stylegan2"} == {files / MICA}
    assert found.lacking() == whole.lacking()
    picture = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    said = [paper_tools.load_tools(one, worn).networks.coarse(picture) for one in (found, whole)]
    assert torch.equal(*said)


def test_deca_model_tar_comes_before_another_file_that_holds_the_same(folder, tmp_path):
    files = linked(folder, tmp_path)
    combine_networks(files)
    (files / DECA).symlink_to(folder / DECA)
    networks = dict(find_paper_files(files).networks)
    assert networks["deca_coarse"] == files / DECA and networks["arcface"] == files / MICA


def test_checkpoints_of_any_name_are_told_by_what_they_hold(folder, tmp_path):
    (tmp_path / "generic_model.pkl").symlink_to(folder / "data" / "generic_model.pkl")
    for number, path in enumerate((DECA, MICA, CHECKPOINTS / "stylegan2_ffhq.pt")):
        (tmp_path / f"download_{number}{path.suffix}").symlink_to(folder / path)
    (tmp_path / "notes.pt").write_text("not a network")
    assert find_paper_files(tmp_path, is_generated=True).kinds == find_paper_files(folder, is_generated=True).kinds


@pytest.fixture(scope="module")
def random_files(tmp_path_factory) -> list[Path]:
    """AlbedoGAN's and the displacement generator's stand-ins."""
    files = tmp_path_factory.mktemp("random")
    (files / CHECKPOINTS).mkdir(parents=True)
    write_random_people(files)
    return sorted((files / CHECKPOINTS).iterdir())


@pytest.fixture
def whole_folder(folder, random_files) -> Iterator[Path]:
    with added(folder / CHECKPOINTS, random_files):
        yield folder


@pytest.fixture(scope="module")
def whole_person(folder, random_files) -> HeadAsset:
    with added(folder / CHECKPOINTS, random_files):
        return run(generate_by_paper(3, folder, texture_size=SIZE))


def test_a_random_persons_albedo_is_albedogans_of_the_same_code(whole_person, whole_folder, worn):
    """METHOD 3.2.2: in [0, 1] as it is, not in [-1, 1]; the code that drew the picture draws the albedo."""
    albedo, skin = whole_person.textures["albedo"].pixels, middle_of_face(worn)
    assert albedo[skin][:2].tolist() == [round(255 * ALBEDO[0]), 255]
    assert not whole_person.textures["albedo_confidence"].pixels.any(), "all invented"
    tools = paper_tools.load_tools(find_paper_files(whole_folder, is_generated=True), worn, is_generated=True)
    blue = [albedo_of(tools.networks, seed)[2] for seed in (3, 4)]
    assert albedo[skin][2] == pytest.approx(255 * blue[0], abs=1) and abs(blue[0] - blue[1]) > 0.004


def albedo_of(networks, seed: int) -> np.ndarray:
    """The colour of a seed's albedo, by the generator itself."""
    latent = networks.generator.arrange([draw_latent(seed)], truncation=0.5)
    return networks.albedo(latent)[0, :, 128, 128].numpy()


def middle_of_face(worn: HeadModel) -> tuple[int, int]:
    """Row and column of the nose's tip on the texture."""
    u, v = worn.uvs[worn.face_uvs[np.argmax(worn.template[worn.faces[:9976, 0], 2]), 0]]
    return int((1 - v) * SIZE), int(u * SIZE)


def test_a_random_persons_displacement_is_the_first_channel_of_its_generator(whole_person, worn):
    """METHOD 1.10: z = (2 u - 1) / 255 m."""
    heights = decode_displacement(whole_person.textures["displacement"].pixels)
    row, column = middle_of_face(worn)
    assert heights[row // 2, column // 2] == pytest.approx((2 * DISPLACEMENT[0] - 1) / 255, abs=1e-5)
    assert heights.min() > -1e-6, "nothing of the other channels"


def test_provenance_names_what_drew_a_random_person_and_a_photo_takes_none_of_it(whole_person, whole_folder, plain, worn):
    """METHOD 1.13: a photo is not inverted, so AlbedoGAN is not involved."""
    drawn = {network["kind"] for network in whole_person.provenance["paper"]["networks"]}
    assert {"stylegan2", "albedogan", "disp_gan"} < drawn
    assert not any("albedogan" in line for line in whole_person.provenance["warnings"])
    told = paper_tools.load_tools(find_paper_files(whole_folder), worn).told
    assert [one.kind for one in told] == [network["kind"] for network in plain.provenance["paper"]["networks"]]


@pytest.mark.parametrize("name", ["albedogan.pt", "disp_GAN.pt"])
@pytest.mark.parametrize("wrong", ["another network", "cut short", "another size"])
def test_a_wrong_file_is_refused_in_one_sentence_that_names_it_and_only_where_it_is_used(name, wrong, folder, worn, tmp_path):
    files, path = linked(folder, tmp_path), tmp_path / "files" / CHECKPOINTS / name
    if wrong == "another network":
        path.symlink_to(folder / DECA)
    elif wrong == "cut short":
        path.write_bytes((folder / CHECKPOINTS / "stylegan2_ffhq.pt").read_bytes()[:-500])
    else:
        small = random_state(Generator(GeneratorSizes(512, 512, 2, 4, (8, 8, 8), 3)), 6)
        write_states(path, {"g": small}, prefix="module.")
    with pytest.raises(ModelError) as error:
        paper_tools.load_tools(find_paper_files(files, is_generated=True), worn, is_generated=True)
    line = str(error.value)
    assert name in line and "\n" not in line and line.endswith(".") and ": " in line
    assert wrong == "cut short" or f"give {name} (" in line
    assert find_paper_files(files).kinds >= {"deca_coarse", "arcface"}, "a photo needs none of it"


def test_the_listing_says_of_every_part_what_it_brings_whether_it_is_there_or_not(whole_folder, folder, tmp_path):
    parts = list_parts(whole_folder)
    there = {part.brings: part.path.name for part in parts if part.path}
    assert there["the albedo of a random person"] == "albedogan.pt" and there["wrinkles as displacement"] == "deca_model.tar"
    assert {part.name for part in parts if not part.path} == {"head_template.obj", "FLAME_albedo_from_BFM.npz"}
    empty = list_parts(tmp_path)
    assert [(part.name, part.brings) for part in empty] == [(part.name, part.brings) for part in parts]
    assert not any(part.path for part in empty) and [part.name for part in empty if part.is_needed] == [
        "generic_model.pkl",
        "deca_model.tar",
    ]
    (tmp_path / "disp_GAN.pt").symlink_to(folder / DECA)
    (problem,) = [part.problem for part in list_parts(tmp_path) if part.problem]
    assert problem.startswith("disp_GAN.pt does not hold what its name says")


def test_looking_for_files_reads_no_tensor_and_imports_no_torch(whole_folder):
    program = (
        "import sys, time, tracemalloc; from pathlib import Path\n"
        "from likeness.core.paper.listing import list_parts\n"
        "assert sum(part.path is not None for part in list_parts(Path(sys.argv[1]))) == 7\n"
        "assert not {'torch', 'warp'} & sys.modules.keys(), sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", program, str(whole_folder)], check=True)


def test_a_fault_that_is_none_is_refused_with_all_that_are(folder, astronaut):
    with pytest.raises(ModelError, match=r"no fault named bluer.*texture_lit"):
        run(fit_photo_by_paper(astronaut, folder, faults=("bluer",)))


def test_without_torch_one_sentence_says_what_to_install(folder, astronaut, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("likeness.core.albedogan")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("likeness.core.albedogan", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(BackendError, match="pip install torch") as error:
        run(fit_photo_by_paper(astronaut, folder))
    assert "\n" not in str(error.value)


def test_the_batch_reports_what_is_missing_and_exits_as_always(astronaut, tmp_path, capfd):
    (tmp_path / "empty").mkdir()
    paper = ["--paper", str(tmp_path / "empty"), "--out", str(tmp_path / "out"), "--export", "npz"]
    for command in (["fit", str(astronaut)], ["generate", "--seed", "1", "--truncation", "0.7"]):
        assert run_batch([*command, *paper], Path("batch.py")) == 2
        (line,) = map(json.loads, (tmp_path / "out" / "report.jsonl").read_text().splitlines())
        assert not line["ok"] and "deca_model.tar" in line["error"] and not line["outputs"]


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["fit", "a.jpg", "--released"], "--released goes with --paper"),
        (["fit", "a.jpg", "--paper", "files", "--same-person"], "--same-person"),
        (["fit", "a.jpg", "--paper", "files", "--model", "other.npz"], "--model"),
        (["generate", "--seed", "1", "--mix-seed", "2"], "--mix-seed goes with --paper"),
    ],
)
def test_options_that_do_not_go_together_are_usage_errors(arguments, said, tmp_path, capfd):
    assert run_batch([*arguments, "--out", str(tmp_path)], Path("batch.py")) == 1
    assert said in capfd.readouterr().err
