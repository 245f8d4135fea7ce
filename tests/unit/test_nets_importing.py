"""Files of networks are told apart, converted once, and load again as what they were."""

from __future__ import annotations

import hashlib
import json
import pickle
import re
import subprocess
import sys
import time

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from likeness.core.checkpoints import read_file  # noqa: E402
from likeness.core.checkpoints.reading import read_metadata  # noqa: E402
from likeness.core.errors import BackendError, LikenessError, ModelError  # noqa: E402
from likeness.core.nets.arcface import ArcFace, ArcFaceSizes, MappingNetwork  # noqa: E402
from likeness.core.nets.detail_decoder import DetailDecoder  # noqa: E402
from likeness.core.nets.discriminator import Discriminator, DiscriminatorSizes  # noqa: E402
from likeness.core.nets.identify import identify  # noqa: E402
from likeness.core.nets.importing import import_networks, load_network  # noqa: E402
from likeness.core.nets.kinds import build_network  # noqa: E402
from likeness.core.nets.resnet import DecaEncoder, ResNetSizes  # noqa: E402
from likeness.core.nets.stylegan2 import Generator, GeneratorSizes  # noqa: E402
from likeness.core.nets.vggface2 import VGGFace2  # noqa: E402
from likeness.tests.golden.vectors import manifest  # noqa: E402
from torch_files import tensors, training_dump, write_nvidia_pickle, write_states, write_torch  # noqa: E402

SMALL_RESNET = ResNetSizes(3, 4, (1, 1, 1, 1), (2, 2, 2, 2), (8, 8, 8, 8))
SMALL = {
    "g": lambda: Generator(GeneratorSizes(8, 8, 2, 4, (6, 5, 4), 3)),
    "d": lambda: Discriminator(DiscriminatorSizes(3, (4, 5, 6), 7, 4)),
    "E_flame": lambda: DecaEncoder(SMALL_RESNET, 5, 236),
    "E_detail": lambda: DecaEncoder(SMALL_RESNET, 5, 128),
    "D_detail": lambda: DetailDecoder(181, (4, 3)),
    "arcface": lambda: ArcFace(ArcFaceSizes(3, 3, (1, 2, 1, 1), (3, 4, 4, 5), 5 * 49, 512)),
    "flameModel": lambda: MappingNetwork(512, (6, 5), 300),
    "otherParamModel": lambda: MappingNetwork(512, (6, 5), 86),
}
SIX = ("E_flame", "E_detail", "D_detail", "arcface", "flameModel", "otherParamModel")


def state(section: str, seed: int = 0) -> dict[str, np.ndarray]:
    """A small network's tensors, random."""
    draw, found = np.random.default_rng([seed, *section.encode()]), {}
    for name, tensor in SMALL[section]().state_dict().items():
        values = draw.standard_normal(tuple(tensor.shape))
        found[name] = np.zeros((), np.int64) if name.endswith("tracked") else np.abs(values).astype(np.float32)
    return found


def picture_of(network) -> np.ndarray:
    with torch.no_grad():
        return network(torch.linspace(-1, 1, 8)[None], truncation=0.5)[0].numpy()


@pytest.mark.parametrize("layout", ["zip", "legacy"])
def test_a_generator_and_its_mean_latent_are_imported_beside_a_json_that_says_what_it_is(tmp_path, layout):
    mean = torch.linspace(0, 1, 8)
    source = write_states(tmp_path / "stylegan2_ffhq.pt", {"g_ema": state("g")}, layout, latent_avg=mean)
    (path,) = import_networks(source, tmp_path / "networks")
    assert sorted(file.name for file in path.parent.iterdir()) == ["stylegan2_ffhq.json", "stylegan2_ffhq.safetensors"]
    told = json.loads(path.with_suffix(".json").read_text())
    expected = build_network("stylegan2", state("g") | {"latent_avg": mean.numpy()})
    assert told == json.loads(read_metadata(path)["likeness"])
    assert told["kind"] == "stylegan2" and told["source_section"] == "g_ema" and "[-1, 1]" in told["range"]
    assert told["source_sha256"] == hashlib.sha256(source.read_bytes()).hexdigest() and "research" in told["licence"]
    assert told["tensors"] == len(state("g")) and told["options"] == {"size": 16, "num_latents": 6}
    assert told["parameters"] == sum(parameter.numel() for parameter in expected.parameters())
    loaded = load_network(path)
    assert loaded.information.kind == "stylegan2" and np.array_equal(loaded.network.latent_avg[0].numpy(), mean.numpy())
    assert np.array_equal(picture_of(loaded.network), picture_of(expected))
    assert np.array_equal(picture_of(load_network(source).network), picture_of(expected))


def test_albedogan_is_told_by_how_it_was_saved_and_its_average_is_preferred(tmp_path):
    content = training_dump() | {name: tensors(state("g", seed), "module.") for seed, name in enumerate(("g", "g_ema"))}
    content |= {"d": tensors(state("d"), "module.")}
    source = write_torch(tmp_path / "190000.pt", content)
    contents = identify(read_file(source), source.name)
    found = {network.section: network for network in contents.networks}
    assert {name: network.kind for name, network in found.items()} == {
        "g": "albedogan",
        "g_ema": "albedogan",
        "d": "discriminator",
    }
    assert {network.prefix for network in contents.networks} == {"module."}
    assert "args" in contents.others and "g_optim" in contents.others
    paths = import_networks(source, tmp_path / "networks")
    assert [path.name for path in paths] == ["190000_albedogan.safetensors", "190000_discriminator.safetensors"]
    loaded = load_network(paths[0])
    assert loaded.information.source_section == "g_ema" and "[0, 1]" in loaded.information.range
    assert np.array_equal(picture_of(loaded.network), picture_of(build_network("albedogan", state("g", 1))))
    (own,) = import_networks(source, tmp_path / "own", kinds={"g": "stylegan2"}, licence="mine")
    assert np.array_equal(picture_of(load_network(own).network), picture_of(build_network("albedogan", state("g", 0))))
    assert load_network(own).information.licence == "mine" and load_network(own).information.kind == "stylegan2"
    both = import_networks(source, tmp_path / "both", kinds={"g": "albedogan", "g_ema": "albedogan"})
    assert [path.stem for path in both] == ["190000_albedogan_g", "190000_albedogan_g_ema"]
    with pytest.raises(ModelError, match=r"190000\.pt has no network x: it has"):
        import_networks(source, tmp_path / "own", kinds={"x": "stylegan2"})


@pytest.mark.parametrize(
    ("name", "prefix", "kind"),
    [
        ("albedogan.pt", "", "albedogan"),
        ("disp_GAN.pt", "module.", "disp_gan"),
        ("stylegan2_ffhq.pt", "module.", "stylegan2"),
        ("005809.pt", "module.", "albedogan"),
        ("005809.pt", "", "stylegan2"),
    ],
)
def test_one_architecture_is_three_generators_by_name_or_prefix(tmp_path, name, prefix, kind):
    source = write_states(tmp_path / name, {"g": state("g")}, prefix=prefix)
    assert load_network(source).information.kind == kind


def nvidia_state() -> dict[str, np.ndarray]:
    """The small generator in NVIDIA's names."""
    own, found = state("g"), {"mapping.w_avg": np.linspace(0, 1, 8, dtype=np.float32)}
    for name, tensor in own.items():
        if match := re.fullmatch(r"style\.(\d+)\.(\w+)", name):
            found[f"mapping.fc{int(match[1]) - 1}.{match[2]}"] = tensor
        elif match := re.fullmatch(r"noises\.noise_(\d+)", name):
            i = int(match[1])
            found[f"synthesis.b{4 << (i + 1) // 2}.conv{1 - i % 2}.noise_const"] = tensor[0, 0]
    found["synthesis.b4.const"] = own["input.input"][0]
    layers = {"conv1": "b4.conv1", **{f"convs.{i}": f"b{8 << i // 2}.conv{i % 2}" for i in range(4)}}
    colours = {"to_rgb1": "b4.torgb", **{f"to_rgbs.{i}": f"b{8 << i}.torgb" for i in range(2)}}
    for ours, theirs in (layers | colours).items():
        place = f"synthesis.{theirs}"
        found[f"{place}.weight"] = own[f"{ours}.conv.weight"][0]
        for part in ("weight", "bias"):
            found[f"{place}.affine.{part}"] = own[f"{ours}.conv.modulation.{part}"]
        if ours in colours:
            found[f"{place}.bias"] = own[f"{ours}.bias"].ravel()
        else:
            found[f"{place}.bias"], found[f"{place}.noise_strength"] = (
                own[f"{ours}.activate.bias"],
                own[f"{ours}.noise.weight"][0],
            )
            kernel = own.get(f"{ours}.conv.blur.kernel", own["convs.0.conv.blur.kernel"])
            found[f"{place}.resample_filter"] = kernel / np.float32(4)
    for i in range(2):
        found[f"synthesis.b{8 << i}.resample_filter"] = own[f"to_rgbs.{i}.upsample.kernel"] / np.float32(4)
    return found


def test_a_pickle_of_nvidias_is_renamed_and_keeps_its_clipping(tmp_path):
    kwargs = {"z_dim": 8, "synthesis_kwargs": {"conv_clamp": 0.25, "channel_base": 16384}}
    source = write_nvidia_pickle(tmp_path / "network-snapshot.pkl", {"G": nvidia_state(), "G_ema": nvidia_state()}, kwargs)
    (path,) = import_networks(source, tmp_path / "networks")
    loaded = load_network(path)
    assert loaded.information.source_section == "G_ema" and loaded.information.options["limit"] == 0.25
    assert "NVIDIA's layout" in " ".join(loaded.information.notes)
    expected = build_network("stylegan2", state("g") | {"latent_avg": np.linspace(0, 1, 8)}, limit=0.25)
    assert np.array_equal(picture_of(loaded.network), picture_of(expected))
    free = build_network("stylegan2", state("g") | {"latent_avg": np.linspace(0, 1, 8)})
    assert np.abs(picture_of(free)).max() > np.abs(picture_of(expected)).max()


@pytest.mark.parametrize("section", ["G_ema", "D"])
def test_only_filters_that_nothing_uses_are_left_of_nvidias_tensors(section):
    names = manifest("nvidia_stylegan2_1024")["sections"][section]
    content = {name: np.broadcast_to(np.float32(0), entry["shape"]) for name, entry in names.items()}
    (found,) = identify({section: content}).networks
    assert len(found.ignored) + len(found.tensors) == len(content)
    assert {name.rpartition(".")[2] for name in found.ignored} == {"resample_filter"}


def hostile() -> dict[str, dict[str, np.ndarray]]:
    """Tensors of a network whose names or shapes lie."""
    g, empty = state("g"), np.zeros((0, 3), np.float32)
    nothing = {name: np.zeros((0,) * tensor.ndim, np.float32) for name, tensor in g.items()}
    many = {f"convs.{i}.conv.weight": empty for i in range(20_000)} | {f"noises.noise_{i}": empty for i in range(20_000)}
    d = state("d") | {"final_linear.0.weight": empty}
    deep = {f"layer1.{i}.{part}.weight": empty for i in range(5_000) for part in ("bn1", "conv1", "prelu")}
    digits = {f"{'9' * 6000}.weight": empty, "².bias": empty, **{f"{i}.weight": empty for i in range(9)}}
    nvidia = nvidia_state() | {
        "synthesis.b8.conv0.noise_strength": np.zeros(5, np.float32),
        f"mapping.fc{'1' * 5000}.bias": empty,
    }
    twice = nvidia_state() | {"mapping.fc00.weight": nvidia_state()["mapping.fc0.weight"]}
    lines = g | {"style.1.weight\nTraceback: " + "x" * 1000: empty}
    return {
        "no numbers at all": nothing, "twenty thousand layers": g | many, "a discriminator of size 0": d, "deep": deep,
        "digits": digits, "NVIDIA": nvidia, "the same name twice": twice, "names of several lines": lines,
        "numbers in place of arrays": {name: np.float32(1) for name in g},
    }  # fmt: skip


@pytest.mark.parametrize("name", hostile())
def test_lying_names_and_shapes_are_refused_in_one_line(tmp_path, name):
    start = time.perf_counter()
    content = hostile()[name]

    def build() -> None:
        (found,) = identify({"g": content}).networks
        build_network(found.kind, found.tensors)

    with pytest.raises(ModelError) as error:
        build()
    assert "\n" not in str(error.value) and len(str(error.value)) < 300_000
    assert time.perf_counter() - start < 10


def test_what_is_no_stylegan2_of_nvidias_is_refused_by_name(tmp_path):
    alias_free = {f"synthesis.L{i}_36_512.weight": np.zeros((2, 2, 3, 3), np.float32) for i in range(4)}
    conditional = nvidia_state() | {"mapping.embed.weight": np.zeros((8, 3), np.float32)}
    for content, message in ((alias_free, "is a StyleGAN3"), (conditional, "wants a class label")):
        with pytest.raises(ModelError, match=message):
            load_network(write_nvidia_pickle(tmp_path / "network.pkl", {"G_ema": content}))


def test_every_network_of_a_combined_checkpoint_is_imported_or_taken_alone(tmp_path):
    source = write_torch(tmp_path / "mica_combined_ft0_100k.tar", training_dump(**{name: state(name) for name in SIX}))
    paths = import_networks(source, tmp_path / "networks")
    found = [load_network(path).information.kind for path in paths]
    assert found == ["deca_coarse", "deca_detail", "deca_decoder", "arcface", "mica_shape", "mica_other"]
    code = torch.ones(1, 181)
    alone = load_network(source, "deca_decoder").network
    assert torch.equal(alone(code), load_network(paths[2], "deca_decoder").network(code))
    with pytest.raises(ModelError, match="holds several networks"):
        load_network(source)
    with pytest.raises(ModelError, match="holds no VGG-19"):
        load_network(source, "vgg19")
    with pytest.raises(ModelError, match="is a DECA detail decoder, not a VGG-19"):
        load_network(paths[2], "vgg19")


def test_micas_own_file_gives_its_networks_without_flames_arrays(tmp_path):
    extra = {"generator.v_template": np.zeros((7, 3), np.float32), "generator.faces_tensor": np.zeros((5, 3), np.int64)}
    states = {"flameModel": state("flameModel") | extra, "arcface": state("arcface")}
    source = write_states(tmp_path / "mica.tar", states, "legacy", epoch=0)
    shape, arcface = sorted(import_networks(source, tmp_path / "networks"), key=lambda path: path.name, reverse=True)
    assert set(read_file(shape)) == set(state("flameModel")) and set(read_file(arcface)) == set(state("arcface"))
    assert "generator.*" in " ".join(load_network(shape).information.notes)


def test_plain_dicts_of_arrays_are_networks_too(tmp_path):
    network = VGGFace2(SMALL_RESNET, 9).state_dict()
    arrays = {name: np.abs(tensor.numpy()) for name, tensor in network.items() if not name.endswith("tracked")}
    path = tmp_path / "resnet50_ft_weight.pkl"
    path.write_bytes(pickle.dumps(arrays, 2))
    assert load_network(path).information.kind == "vggface2"
    backbone = write_torch(tmp_path / "backbone100.pth", tensors(state("arcface")))
    assert load_network(backbone).information.kind == "arcface"
    vgg = {f"features.{i}.weight": np.zeros((64, 64 if i else 3, 3, 3), np.float32) for i in (0, 2)}
    vgg |= {f"features.{i}.bias": np.zeros(64, np.float32) for i in (0, 2)} | {
        "classifier.6.weight": np.zeros((5, 5), np.float32)
    }
    loaded = load_network(write_torch(tmp_path / "vgg19-dcbb9e9d.pth", tensors(vgg)))
    assert loaded.information.kind == "vgg19" and "classifier" in loaded.information.notes[0]


@pytest.mark.parametrize("layout", ["zip", "legacy"])
def test_large_tensors_of_many_axes_are_read(tmp_path, layout):
    noise, weight = torch.rand(1, 1, 1024, 1024), torch.rand(1, 64, 64, 3, 3)
    content = read_file(write_torch(tmp_path / "large.pt", {"noise": noise, "weight": weight}, layout))
    assert np.array_equal(content["noise"], noise.numpy()) and np.array_equal(content["weight"], weight.numpy())


def test_half_precision_becomes_single(tmp_path):
    half = {
        name: tensor.astype(np.float16) if tensor.dtype == np.float32 else tensor for name, tensor in state("D_detail").items()
    }
    (path,) = import_networks(write_states(tmp_path / "half.pt", {"D_detail": half}), tmp_path / "networks")
    assert {array.dtype.str for array in read_file(path).values()} == {"<f4", "<i8"}


def test_a_network_that_lacks_a_tensor_is_refused_in_one_line_and_nothing_is_written(tmp_path):
    broken = state("E_flame")
    del broken["encoder.layer2.0.bn2.running_var"]
    source = write_states(tmp_path / "deca_model.tar", {"D_detail": state("D_detail"), "E_flame": broken})
    with pytest.raises(
        ModelError, match=r"^deca_model\.tar \(E_flame\): These tensors are not a whole DECA coarse encoder: 1 is missing"
    ):
        import_networks(source, tmp_path / "networks")
    assert not (tmp_path / "networks").exists() or not list((tmp_path / "networks").iterdir())


@pytest.mark.parametrize(
    "content",
    [{}, [], {"a": 1}, {"epoch": 3, "optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}}}, torch.zeros(4)],
    ids=["an empty dict", "a list", "a number", "an optimiser", "a tensor"],
)
def test_a_file_without_a_network_is_refused_in_one_line(tmp_path, content):
    source = write_torch(tmp_path / "other.pt", content)
    for attempt in (lambda: import_networks(source, tmp_path / "networks"), lambda: load_network(source)):
        with pytest.raises(LikenessError, match=r"^other\.pt holds no network that Likeness knows") as error:
            attempt()
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"format": 2}', '{"format": "1"}', '{"format": 1, "kind": "x"}', '{"format": 1, "notes": []}']
)
def test_an_imported_file_that_does_not_say_what_it_is_is_refused(tmp_path, text):
    from likeness.core.checkpoints import write_safetensors

    path = tmp_path / "broken.safetensors"
    write_safetensors(path, state("D_detail"), {"likeness": text})
    with pytest.raises(ModelError, match="import the original again"):
        load_network(path)


def test_without_torch_files_are_told_apart_and_one_sentence_says_what_is_missing(tmp_path, monkeypatch):
    source = write_states(tmp_path / "deca_model.tar", {"D_detail": state("D_detail")})
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(BackendError) as error:
        load_network(source)
    assert str(error.value) == (
        f"The networks need PyTorch, which the Python that does the work lacks: run {sys.executable} -m pip install torch, or "
        "choose another Python under Worker in Likeness' preferences."
    )
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from pathlib import Path\n"
        "from likeness.core.checkpoints import read_file\n"
        "from likeness.core.nets import importing\n"
        "from likeness.core.nets.identify import identify\n"
        "print(identify(read_file(Path(sys.argv[1]))).networks[0].kind)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(source)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "deca_decoder"
