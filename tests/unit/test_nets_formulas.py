"""The networks equal their formulas in float64, to 1e-5 in float32, and their gradients equal differences."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import network_formulas as formulas  # noqa: E402
from likeness.core.nets import adversarial  # noqa: E402
from likeness.core.nets.arcface import ArcFace, ArcFaceSizes, MappingNetwork  # noqa: E402
from likeness.core.nets.detail_decoder import DetailDecoder  # noqa: E402
from likeness.core.nets.discriminator import Discriminator, DiscriminatorSizes  # noqa: E402
from likeness.core.nets.resnet import DecaEncoder, ResNet, ResNetSizes  # noqa: E402
from likeness.core.nets.stylegan2 import Generator, GeneratorSizes  # noqa: E402
from likeness.core.nets.vgg19 import VGG19, mrf_loss  # noqa: E402
from likeness.core.nets.vggface2 import preprocess  # noqa: E402

GENERATOR = GeneratorSizes(latent_size=6, style_size=7, num_mapping=3, base=4, channels=(5, 4, 3), colours=3)
DISCRIMINATOR = DiscriminatorSizes(colours=3, channels=(3, 4, 5), final=6, base=4)
RESNET = ResNetSizes(colours=3, stem=4, blocks=(2, 1, 1, 2), widths=(2, 3, 2, 3), outputs=(8, 6, 8, 7))
ARCFACE = ArcFaceSizes(colours=3, stem=3, blocks=(1, 3, 2, 1), widths=(3, 4, 4, 5), flat=5, embedding=6)
CHANNELS = {0: 4, 2: 5, 5: 6, 7: 6, 10: 3}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def random_tensors(network: torch.nn.Module, seed: int = 0) -> dict[str, np.ndarray]:
    """Fill the network (float64) with random numbers, kernels that are not symmetric included; -> its tensors."""
    draw = np.random.default_rng(seed)
    network.double().eval()
    for name, tensor in network.state_dict().items():
        if tensor.dtype == torch.float64:
            values = draw.standard_normal(tuple(tensor.shape))
            is_scale = name.endswith("running_var") or (tensor.ndim == 1 and name.endswith("weight"))
            tensor.copy_(torch.from_numpy(1 + 0.3 * np.abs(values) if is_scale else values))
    return {name: tensor.numpy().copy() for name, tensor in network.state_dict().items()}


def normal(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def assert_equals(network: torch.nn.Module, expected: np.ndarray, *inputs: np.ndarray, run=None) -> None:
    """In float64 to rounding, then in float32 to 1e-5 of the largest; with autograd watching and without."""
    run = run or network
    for precision, tolerance in ((torch.float64, 1e-10), (torch.float32, 1e-5)):
        network.to(precision)
        given = [torch.from_numpy(x).to(precision) for x in inputs]
        for is_watched in (True, False):
            network.requires_grad_(is_watched)
            found = run(*given).detach().double().numpy()
            assert found.shape == expected.shape
            assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max(), (precision, is_watched)


def test_the_mapping_network_equals_its_formula():
    generator = Generator(GENERATOR)
    tensors = random_tensors(generator)
    for name in [name for name in tensors if name.startswith("style.")]:
        tensors[name] *= 100
        generator.state_dict()[name].copy_(torch.from_numpy(tensors[name]))
    z = normal(5, 6)
    assert_equals(generator, formulas.mapped(z, tensors), z, run=generator.map)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("is_arranged", [False, True])
def test_the_synthesis_equals_its_formula(batch, is_arranged):
    generator = Generator(GENERATOR)
    tensors = random_tensors(generator)
    if is_arranged:
        generator.arrange_weights()
    rows = normal(batch, 6, 7)
    assert_equals(generator, formulas.synthesised(rows, tensors), rows, run=generator.synthesise)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("is_up", [False, True])
@pytest.mark.parametrize("edge", [2, 24])
def test_a_styled_layer_equals_its_formula_on_either_way(batch, is_up, edge):
    generator = Generator(GENERATOR)
    tensors, index = random_tensors(generator), 0 if is_up else 1
    layer, size = generator.convs[index], edge * 2 if is_up else edge
    x, w, noise = normal(batch, 5 if is_up else 4, edge, edge), normal(batch, 7, seed=2), normal(1, 1, size, size, seed=3)
    assert_equals(layer, formulas.styled(x, w, noise, tensors, f"convs.{index}", is_up), x, w, noise)


def test_truncation_mixing_and_clipping_do_what_they_say():
    generator = Generator(GENERATOR)
    tensors = random_tensors(generator)
    z, mean = normal(2, 6), torch.from_numpy(normal(1, 7, seed=4))
    codes = formulas.mapped(z, tensors)
    first, second = (torch.from_numpy(row[None]) for row in z)
    with torch.no_grad():
        rows = generator.arrange([first, second], truncation=0.3, mean_latent=mean, mix_at=2).numpy()
        expected = np.repeat(mean.numpy() + 0.3 * (codes - mean.numpy()), [2, 4], 0)
        assert np.allclose(rows[0], expected, rtol=1e-12, atol=1e-12)
        generator.latent_avg = mean
        assert torch.equal(generator.arrange([first], truncation=0.0)[0, 3], mean[0])
        generator.latent_avg = None
        assert torch.equal(generator.arrange([first], truncation=0.0)[0, 3], generator.mean_latent()[0])
        pictures = generator.synthesise(torch.from_numpy(expected[None]))
        generator.limit = 1e9
        assert torch.equal(generator.synthesise(torch.from_numpy(expected[None])), pictures)
        generator.limit = 0.5
        layers = []
        hooks = [layer.register_forward_hook(lambda _m, _i, y: layers.append(float(y.abs().max()))) for layer in generator.convs]
        generator.synthesise(torch.from_numpy(expected[None]))
        for hook in hooks:
            hook.remove()
        assert max(layers) == 0.5


def test_noise_comes_from_the_file_a_seed_or_not_at_all():
    generator = Generator(GENERATOR)
    random_tensors(generator)
    rows = torch.from_numpy(normal(1, 6, 7))
    own = [tensor.clone() for tensor in generator.noises.buffers()]
    with torch.no_grad():
        assert torch.equal(generator.synthesise(rows), generator.synthesise(rows, own))
        assert torch.equal(
            generator.synthesise(rows, generator.make_noise(3)), generator.synthesise(rows, generator.make_noise(3))
        )
        assert not torch.equal(
            generator.synthesise(rows, generator.make_noise(3)), generator.synthesise(rows, generator.make_noise(4))
        )
        silent = [torch.zeros_like(tensor) for tensor in own]
        assert torch.allclose(generator.synthesise(rows, [None] * 5), generator.synthesise(rows, silent))


def test_a_weight_that_changed_is_demodulated_anew():
    generator = Generator(GENERATOR)
    random_tensors(generator)
    generator.requires_grad_(False)
    rows = torch.from_numpy(normal(1, 6, 7))
    with torch.inference_mode():
        generator.synthesise(rows)
    with torch.no_grad():
        generator.synthesise(rows)
        generator.convs[0].conv.weight.mul_(torch.linspace(0.1, 3, 5, dtype=torch.float64).view(1, 1, 5, 1, 1))
    tensors = {name: tensor.numpy() for name, tensor in generator.state_dict().items()}
    expected = formulas.synthesised(rows.numpy(), tensors)
    assert np.allclose(generator.synthesise(rows).numpy(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("batch", [1, 2, 4])
def test_the_discriminator_equals_its_formula(batch):
    discriminator = Discriminator(DISCRIMINATOR)
    tensors = random_tensors(discriminator)
    pictures = normal(batch, 3, 16, 16)
    assert_equals(discriminator, formulas.judged(pictures, tensors), pictures)


def test_a_batch_of_eight_has_two_groups():
    discriminator = Discriminator(DISCRIMINATOR)
    tensors = random_tensors(discriminator)
    pictures = normal(8, 3, 16, 16)
    expected = np.empty((8, 1))
    for group in (slice(0, 8, 2), slice(1, 8, 2)):
        expected[group] = formulas.judged(pictures[group], tensors)
    assert_equals(discriminator, expected, pictures)


@pytest.mark.parametrize("is_caffe", [False, True])
@pytest.mark.parametrize("edge", [64, 70])
def test_a_resnet_equals_its_formula(is_caffe, edge):
    network = ResNet(RESNET, is_caffe=is_caffe)
    tensors = random_tensors(network)
    pictures = normal(2, 3, edge, edge)
    assert_equals(network, formulas.resnet_features(pictures, tensors, is_caffe), pictures)


def test_a_deca_encoder_equals_its_formula():
    encoder = DecaEncoder(RESNET, 5, 6)
    tensors = random_tensors(encoder)
    pictures = normal(2, 3, 64, 64)
    hidden = np.maximum(formulas.linear(formulas.resnet_features(pictures, tensors, False, "encoder."), tensors, "layers.0"), 0)
    assert_equals(encoder, formulas.linear(hidden, tensors, "layers.2"), pictures)


def test_arcface_equals_its_formula():
    network = ArcFace(ARCFACE)
    tensors = random_tensors(network)
    faces = normal(2, 3, 16, 16)
    assert_equals(network, formulas.embedded(faces, tensors), faces)


def test_micas_mapping_equals_its_formula():
    network = MappingNetwork(6, (5, 4), 3)
    tensors = random_tensors(network)
    embedding = normal(2, 6)
    x = embedding / np.sqrt((embedding**2).sum(1, keepdims=True))
    for layer in ("regressor.network.0", "regressor.network.1"):
        x = formulas.leaky(formulas.linear(x, tensors, layer))
    assert_equals(network, formulas.linear(x, tensors, "regressor.output"), embedding)


def test_the_detail_decoder_equals_its_formula():
    decoder = DetailDecoder(5, (4, 3, 4))
    random_tensors(decoder)
    for name, tensor in decoder.state_dict().items():
        if tensor.ndim > 1:
            decoder.state_dict()[name].div_(np.sqrt(tensor[0].numel()))  # or the hyperbolic tangent would be flat
    tensors = {name: tensor.numpy().copy() for name, tensor in decoder.state_dict().items()}
    code = normal(2, 5)
    assert 1e-4 < np.abs(formulas.decoded(code, tensors)).mean() < 9e-3
    assert_equals(decoder, formulas.decoded(code, tensors), code)


def test_vgg_equals_its_formula():
    network = VGG19(CHANNELS)
    tensors = random_tensors(network)
    pictures = np.random.default_rng(5).random((2, 3, 16, 16))
    expected = formulas.vgg_features(pictures, tensors, [*CHANNELS], {5, 10})
    assert_equals(network, expected, pictures, run=lambda x: network(x, [11])[11])


def test_the_mrf_term_equals_its_formula():
    ours, theirs = normal(2, 5, 4, 3), normal(2, 5, 4, 3, seed=2)
    expected = formulas.mrf_term(ours, theirs)
    assert float(mrf_loss(torch.from_numpy(ours), torch.from_numpy(theirs))) == pytest.approx(expected, rel=1e-10)
    assert float(mrf_loss(*(torch.from_numpy(x).float() for x in (ours, theirs)))) == pytest.approx(expected, rel=1e-5)


def watched(*shape: int, seed: int = 6) -> torch.Tensor:
    return torch.from_numpy(normal(*shape, seed=seed)).requires_grad_()


def test_the_generators_gradients_equal_differences_twice():
    generator = Generator(GeneratorSizes(3, 3, 1, 4, (3, 2), 2))
    random_tensors(generator)
    rows = watched(2, 4, 3)
    parameters = [generator.convs[0].conv.weight, generator.conv1.noise.weight, generator.to_rgbs[0].conv.modulation.bias]
    for tensor in parameters:
        tensor.requires_grad_(True)
    assert torch.autograd.gradcheck(lambda *_: generator.synthesise(rows), (rows, *parameters), fast_mode=True)
    assert torch.autograd.gradgradcheck(generator.synthesise, (rows,), fast_mode=True)


def test_path_lengths_equal_the_jacobians():
    generator = Generator(GENERATOR)
    random_tensors(generator)
    rows, noise = watched(2, 6, 7), torch.from_numpy(normal(2, 3, 16, 16))
    pictures = generator.synthesise(rows)
    lengths = adversarial.path_lengths(pictures, rows, noise)
    step = 1e-6 * torch.from_numpy(normal(2, 6, 7, seed=9))
    weighted = [(generator.synthesise(rows.detach() + s * step) * noise / 16).sum((1, 2, 3)) for s in (1, -1)]
    (slope,) = torch.autograd.grad((pictures * noise / 16).sum(), rows, retain_graph=True)
    assert torch.allclose((weighted[0] - weighted[1]) / 2, (slope * step).sum((1, 2)), rtol=1e-5)
    assert torch.allclose(lengths, slope.square().sum(2).mean(1).sqrt())
    penalty, mean = adversarial.path_penalty(lengths, 2.0)
    assert float(mean) == pytest.approx(2 + 0.01 * (float(lengths.detach().mean()) - 2)) and not mean.requires_grad
    (second,) = torch.autograd.grad(penalty, generator.convs[0].conv.weight)
    assert float(second.abs().max()) > 0


def test_the_discriminators_gradients_equal_differences_twice():
    discriminator = Discriminator(DiscriminatorSizes(2, (2, 3), 3, 4))
    random_tensors(discriminator)
    pictures = watched(2, 2, 8, 8)
    assert torch.autograd.gradcheck(discriminator, (pictures,), fast_mode=True)
    assert torch.autograd.gradgradcheck(discriminator, (pictures,), fast_mode=True)
    penalty = adversarial.r1_penalty(discriminator(pictures), pictures)
    rows = [torch.autograd.functional.jacobian(lambda x: discriminator(x).sum(), pictures.detach())[i] for i in range(2)]
    assert float(penalty.detach()) == pytest.approx(float(sum(row.square().sum() for row in rows) / 2))


def test_the_decoders_and_the_losses_gradients_equal_differences():
    decoder = DetailDecoder(5, (3, 2))
    random_tensors(decoder)
    code = (0.1 * watched(2, 5)).detach().requires_grad_()
    parameters = [decoder.l1[0].weight, decoder.conv_blocks["2"].weight, decoder.conv_blocks["3"].bias]
    assert torch.autograd.gradcheck(lambda *_: decoder(code), (code, *parameters), fast_mode=True)
    theirs = torch.from_numpy(normal(2, 4, 3, 3, seed=7))
    assert torch.autograd.gradcheck(lambda x: mrf_loss(x, theirs), (watched(2, 4, 3, 3),), fast_mode=True)
    network = VGG19(CHANNELS)
    random_tensors(network)
    assert torch.autograd.gradcheck(lambda x: network(x, [11])[11], (watched(1, 3, 8, 8),), fast_mode=True)
    assert torch.autograd.gradcheck(preprocess, (watched(1, 3, 214, 214),), fast_mode=True)
    real, fake = watched(3, 1), watched(3, 1, seed=8)
    assert torch.autograd.gradcheck(adversarial.discriminator_loss, (real, fake))
    assert torch.autograd.gradcheck(adversarial.generator_loss, (fake,))
