"""The networks compute the published numbers, on the published tensors' names and shapes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from likeness.core.nets.adversarial import (  # noqa: E402
    discriminator_loss,
    generator_loss,
    path_lengths,
    path_penalty,
    r1_penalty,
)
from likeness.core.nets.displacement import picture_to_displacement  # noqa: E402
from likeness.core.nets.kinds import KindName, build_network  # noqa: E402
from likeness.core.nets.nvidia import rename_generator  # noqa: E402
from likeness.core.nets.resnet import split_coarse  # noqa: E402
from likeness.core.nets.vgg19 import CONTENT_LAYERS, STYLE_LAYERS, id_mrf_loss, mrf_loss  # noqa: E402
from likeness.core.nets.vggface2 import identity_loss, preprocess  # noqa: E402
from likeness.tests.golden.vectors import Case, make_weights  # noqa: E402


@dataclass(frozen=True)
class Published:
    """Where a network's test weights come from."""

    kind: KindName
    manifest: str
    section: str
    tag: str


SG2_64 = Published("stylegan2", "testnet_sg2_64", "g", "sg2_64")
SG2_1024 = Published("stylegan2", "stylegan2_1024_rosinality", "g_ema", "sg2_1024")
DISPLACEMENT = Published("disp_gan", "disp_gan_256", "g", "dispgan_256")
DISCRIMINATOR = Published("discriminator", "testnet_sg2d_64", "d", "sg2d_64")
E_FLAME = Published("deca_coarse", "deca_model", "E_flame", "deca_E_flame")
E_DETAIL = Published("deca_detail", "deca_model", "E_detail", "deca_E_detail")
D_DETAIL = Published("deca_decoder", "deca_model", "D_detail", "deca_D_detail")
ARCFACE = Published("arcface", "mica", "arcface", "mica_arcface")
MICA_SHAPE = Published("mica_shape", "mica", "flameModel", "mica_flameModel")
MICA_OTHER = Published("mica_other", "mica", "otherParamModel", "mica_otherParamModel")
VGGFACE2 = Published("vggface2", "vggface2_resnet50", "root", "vggface2")
VGG19 = Published("vgg19", "vgg19_features", "features", "vgg19.features")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@lru_cache(maxsize=1)
def load(published: Published) -> torch.nn.Module:
    """The network with its test weights; only the last is kept."""
    weights = make_weights(published.manifest, published.section, published.tag)
    return build_network(published.kind, {name.removeprefix("module."): tensor for name, tensor in weights.items()})


@contextmanager
def comparing(name: str) -> Iterator[Case]:
    """A case, all of whose arrays are compared by the end of the block."""
    case = Case(name)
    yield case
    assert case.left_out() == set()


def given(case: Case, name: str) -> torch.Tensor:
    return torch.from_numpy(case.input(name))


def compare_rows(case: Case, name: str, pictures: torch.Tensor) -> None:
    for row, picture in enumerate(pictures):
        case.compare(f"{name}_b{row}", picture.numpy())


def record_layers(network: torch.nn.Module, names: list[str]) -> tuple[dict[str, np.ndarray], list]:
    """(mean, std, first, last) of each layer's output at its next run, and the hooks to take off."""
    found: dict[str, np.ndarray] = {}

    def keep(name: str):
        def hook(_module, _inputs, output):
            found[name] = np.array([output.mean(), output.std(), output.flatten()[0], output.contiguous().flatten()[-1]])

        return hook

    return found, [network.get_submodule(name).register_forward_hook(keep(name)) for name in names]


@pytest.mark.filterwarnings("ignore:TF32")
def test_the_generator_of_64_pixels_computes_the_published_numbers():
    generator = load(SG2_64)
    with comparing("sg2_64") as case, torch.no_grad():
        z, z2, mean = given(case, "z"), given(case, "z2"), given(case, "mean_latent")
        case.compare("w_from_z", generator.map(z).numpy())
        case.compare("mean_latent_of_zs", generator.map(given(case, "zs")).mean(0, keepdim=True).numpy())
        layers = case.definition["layer_order"]
        found, hooks = record_layers(generator, layers)
        pictures, latent = generator(z)
        for hook in hooks:
            hook.remove()
        compare_rows(case, "img_z", pictures)
        case.compare("latent_z", latent.numpy())
        case.compare("layer_stats_img_z", np.stack([found[layer] for layer in layers]))
        compare_rows(case, "img_trunc05", generator(z, truncation=0.5, mean_latent=mean)[0])
        compare_rows(case, "img_w", generator(given(case, "w"), is_latent=True)[0])
        compare_rows(case, "img_wplus", generator(given(case, "wplus"), is_latent=True)[0])
        pictures, latent = generator([z, z2], mix_at=4)
        compare_rows(case, "img_mix4", pictures)
        case.compare("latent_mix4", latent[:, 3:5].numpy())
        compare_rows(case, "img_mix7_trunc05", generator([z, z2], mix_at=7, truncation=0.5, mean_latent=mean)[0])
        noise = [given(case, f"noise_{i}") for i in range(9)]
        compare_rows(case, "img_given_noise", generator(z, noise=noise)[0])
        # Rounding moves gradients across leaky-ReLU kinks; PyTorch's own convolutions round five times less than oneDNN's.
        with torch.enable_grad(), torch.backends.mkldnn.flags(enabled=False):
            latent = generator.arrange([z]).requires_grad_()
            lengths = path_lengths(generator.synthesise(latent), latent, given(case, "path_noise"))
            penalty, path_mean = path_penalty(lengths)
        case.compare("path_lengths", lengths.detach().numpy())
        case.compare("path_mean", path_mean.reshape(1).numpy())
        case.compare("path_penalty", penalty.detach().reshape(1).numpy())


def test_the_generator_of_1024_pixels_computes_the_published_numbers():
    generator = load(SG2_1024)
    with comparing("sg2_1024") as case, torch.no_grad():
        z, mean = given(case, "z"), given(case, "mean_latent")
        case.compare("w_from_z", generator.map(z).numpy())
        picture = generator(z, truncation=0.5, mean_latent=mean)[0].numpy()
        case.compare("img_trunc05", picture)
        case.compare("img_trunc05_patch", picture[:, :, 500:540, 500:540])
        picture = generator(given(case, "wplus"), is_latent=True)[0].numpy()
        case.compare("img_wplus", picture)
        case.compare("img_wplus_corner", picture[:, :, :32, :32])


def test_the_displacement_generator_computes_the_published_numbers():
    generator = load(DISPLACEMENT)
    with comparing("dispgan_256") as case, torch.no_grad():
        rows = given(case, "w18")
        assert torch.equal(generator.arrange([rows], is_latent=True), rows[:, :14]), "the first 14 rows alone are taken"
        picture = generator(rows, is_latent=True)[0]
        case.compare("img", picture.numpy())
        case.compare("uv_z", picture_to_displacement(picture).numpy())


def test_a_generator_in_nvidias_layout_computes_the_published_numbers():
    generator = build_network("stylegan2", rename_generator(make_weights("testnet_nvsg2_64", "G_ema", "nvsg2_64")))
    with comparing("nvsg2_64") as case, torch.no_grad():
        w = generator.map(given(case, "z"))
        case.compare("w_from_z", w.numpy())
        rows = generator.arrange([w], is_latent=True, truncation=0.5)
        case.compare("w_trunc05", rows[:, 0].numpy())
        compare_rows(case, "img_trunc05_const", generator.synthesise(rows))
        compare_rows(case, "img_trunc05_nonoise", generator.synthesise(rows[:1], [None] * 9))
        case.compare("img_ws_const", generator.synthesise(given(case, "ws"))[0].numpy())


def test_the_discriminator_computes_the_published_numbers():
    discriminator = load(DISCRIMINATOR)
    with comparing("sg2d_64") as case:
        x, fake = given(case, "x").requires_grad_(), given(case, "fake")
        logits, fake_logits = discriminator(x), discriminator(fake)
        case.compare("logits_x4", logits.detach().numpy())
        case.compare("logits_fake4", fake_logits.numpy())
        for count in (1, 2):
            case.compare(f"logits_x_first{count}", discriminator(x[:count]).detach().numpy())
        case.compare("d_logistic", discriminator_loss(logits, fake_logits).detach().reshape(1).numpy())
        case.compare("g_nonsaturating", generator_loss(fake_logits).reshape(1).numpy())
        (slope,) = torch.autograd.grad(logits.sum(), x, retain_graph=True)
        largest = float(np.abs(case.stored["dlogits_dx"]).max())
        case.compare("dlogits_dx", slope.numpy(), tolerance=0.02 * largest)  # leaky-ReLU kinks: the README's allowance
        case.compare("r1", r1_penalty(logits, x).detach().reshape(1).numpy())


@pytest.mark.parametrize("published", [E_FLAME, E_DETAIL], ids=lambda published: published.section)
def test_decas_encoders_compute_the_published_numbers(published):
    encoder = load(published)
    with comparing(f"deca_{published.section}") as case, torch.no_grad():
        features = encoder.encoder(given(case, "image"))
        parameters = encoder(given(case, "image"))
        case.compare("features", features.numpy())
        case.compare("params", parameters.numpy())
        if published is E_FLAME:
            for part, values in split_coarse(parameters).items():
                case.compare(f"split_{part}", values.numpy())


def test_decas_detail_decoder_computes_the_published_numbers():
    decoder = load(D_DETAIL)
    with comparing("deca_D_detail") as case, torch.no_grad():
        depth = decoder(given(case, "code")).numpy()
        case.compare("uv_z", depth)
        case.compare("uv_z_b0_patch", depth[0, 0, 96:160, 96:160])
        case.compare("uv_z_b1_corner", depth[1, 0, :24, :24])


def test_mica_computes_the_published_numbers():
    with comparing("mica") as case, torch.no_grad():
        raw = load(ARCFACE)(given(case, "image"))
        case.compare("arcface_raw", raw.numpy())
        case.compare("arcface_normalised", torch.nn.functional.normalize(raw, dim=1).numpy())
        for published, name in ((MICA_SHAPE, "shape300"), (MICA_OTHER, "other86")):
            mapping = load(published)
            case.compare(name, mapping(raw).numpy())
            case.compare(f"{name}_from_given_embedding", mapping(given(case, "embedding")).numpy())


def test_vggface2_and_its_identity_loss_compute_the_published_numbers():
    network = load(VGGFACE2)
    with comparing("vggface2") as case, torch.no_grad():
        pictures = {name: given(case, name) for name in ("gen", "tar")}
        prepared = {name: preprocess(picture) for name, picture in pictures.items()}
        case.compare("preprocessed_gen", prepared["gen"].numpy())
        for name, picture in prepared.items():
            case.compare(f"features_{name}", network(picture).numpy())
        case.compare("id_loss", identity_loss(network, pictures["gen"], pictures["tar"]).reshape(1).numpy())


def test_the_id_mrf_loss_on_vgg19_computes_the_published_numbers():
    network = load(VGG19)
    with comparing("idmrf_vgg19") as case, torch.no_grad():
        ours, theirs = given(case, "gen"), given(case, "tar")
        features = network(ours, STYLE_LAYERS)
        for name, layer in case.definition["torchvision_features_index"].items():
            case.compare(f"gen_feature_named_{name}", features[layer][0].numpy())
        assert sorted(features) == list(STYLE_LAYERS) and STYLE_LAYERS[1:] == CONTENT_LAYERS
        style, content = id_mrf_loss(network, ours, theirs)
        for name, value in (("style_loss", style), ("content_loss", content), ("total", style + content)):
            case.compare(name, value.reshape(1).numpy())


def test_the_mrf_term_computes_the_published_numbers():
    with comparing("idmrf_features") as case:
        for name in "ABC":
            ours, theirs = (given(case, f"{name}/{which}").relu() for which in ("gen", "tar"))
            case.compare(f"loss_{name}", mrf_loss(ours, theirs).reshape(1).numpy())
            case.compare(f"loss_{name}_half", mrf_loss((ours + theirs) / 2, theirs).reshape(1).numpy())
