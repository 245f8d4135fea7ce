"""From tensors to networks, one function a kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from torch import nn

from .arcface import ArcFace, ArcFaceSizes, MappingNetwork
from .detail_decoder import DetailDecoder
from .discriminator import Discriminator, DiscriminatorSizes
from .kinds import KINDS, KindName
from .resnet import DecaEncoder
from .strict import fill, require_shape, with_counters
from .stylegan2 import Generator, GeneratorSizes
from .vgg19 import VGG19
from .vggface2 import VGGFace2

Tensors = Mapping[str, np.ndarray]
MEAN_LATENT = "latent_avg"
"""A generator's mean latent goes with its tensors under this name; it is not one of them."""
OUTPUTS = {"deca_coarse": 236, "deca_detail": 128, "mica_shape": 300, "mica_other": 86}
"""How many numbers the published ones give."""


def build_generator(kind: KindName, tensors: Tensors) -> Generator:
    """A generator, with its mean latent where there is one."""
    own = {name: tensor for name, tensor in tensors.items() if name != MEAN_LATENT}
    generator = fill(KINDS[kind].title, lambda: Generator(GeneratorSizes.read(own)), own)
    generator.arrange_weights()
    if MEAN_LATENT in tensors:
        mean = np.asarray(tensors[MEAN_LATENT]).reshape(1, -1)
        require_shape(KINDS[kind].title, MEAN_LATENT, mean.shape, (1, generator.sizes.style_size))
        generator.latent_avg = generator.input.input.new_tensor(mean)
    return generator


def build_vggface2(tensors: Tensors) -> VGGFace2:
    """The file may come without the counters of batch normalisation."""
    return fill(KINDS["vggface2"].title, lambda: VGGFace2.read(tensors), with_counters(lambda: VGGFace2.read(tensors), tensors))


def _plain(kind: KindName, construct: Callable[[Tensors], nn.Module]) -> Callable[[Tensors], nn.Module]:
    return lambda tensors: fill(KINDS[kind].title, lambda: construct(tensors), tensors)


BUILDERS: dict[KindName, Callable[[Tensors], nn.Module]] = {
    "stylegan2": lambda tensors: build_generator("stylegan2", tensors),
    "albedogan": lambda tensors: build_generator("albedogan", tensors),
    "disp_gan": lambda tensors: build_generator("disp_gan", tensors),
    "discriminator": _plain("discriminator", lambda tensors: Discriminator(DiscriminatorSizes.read(tensors))),
    "deca_coarse": _plain("deca_coarse", lambda tensors: DecaEncoder.read(tensors, OUTPUTS["deca_coarse"])),
    "deca_detail": _plain("deca_detail", lambda tensors: DecaEncoder.read(tensors, OUTPUTS["deca_detail"])),
    "deca_decoder": _plain("deca_decoder", DetailDecoder.read),
    "arcface": _plain("arcface", lambda tensors: ArcFace(ArcFaceSizes.read(tensors))),
    "mica_shape": _plain("mica_shape", lambda tensors: MappingNetwork.read(tensors, OUTPUTS["mica_shape"])),
    "mica_other": _plain("mica_other", lambda tensors: MappingNetwork.read(tensors, OUTPUTS["mica_other"])),
    "vggface2": build_vggface2,
    "vgg19": _plain("vgg19", VGG19.read),
}
