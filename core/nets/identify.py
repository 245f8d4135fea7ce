"""Which networks a file holds, told by the names of its tensors.

Rule of this file: a network is known by what most of its names look like, never by all of them, so that one that lacks a tensor
is still found and then refused by name. What a file holds beside networks (optimisers, counters, FLAME's own arrays) is listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..checkpoints.values import Record
from . import nvidia
from .kinds import KindName
from .sizes import read_size

Tensors = dict[str, np.ndarray]
PARALLEL = "module."
"""What torch.nn.DataParallel puts before every name."""
PATTERNS: dict[str, str] = {
    "generator": r"style\.\d|input\.input|(conv1|convs\.\d+)\.(conv|noise|activate)\.|to_rgb1\.|to_rgbs\.|noises\.noise_",
    "discriminator": r"convs\.0\.[01]\.|convs\.\d+\.(conv1|conv2|skip)\.|final_conv\.|final_linear\.",
    "nvidia_generator": r"synthesis\.|mapping\.",
    "nvidia_discriminator": r"b\d+\.(resample_filter|fromrgb|conv0|conv1|skip|conv|fc|out)",
    "deca_encoder": r"encoder\.(conv1|bn1|layer\d)\.|layers\.[02]\.",
    "deca_decoder": r"l1\.0\.|conv_blocks\.\d+\.",
    "arcface": r"(conv1|bn1|prelu|bn2|fc|features)\.[a-z]|layer\d\.\d+\.(bn1|conv1|bn2|prelu|conv2|bn3|downsample)\.",
    "vggface2": r"(conv1|bn1|fc)\.|layer\d\.\d+\.(conv1|bn1|conv2|bn2|conv3|bn3|downsample)\.",
    "mapping": r"regressor\.",
    "vgg19": r"(features\.)?\d+\.(weight|bias)$",
}
"""What the names of each family's tensors begin with."""
FLAME_PREFIX, CLASSIFIER_PREFIX, VGG_PREFIX = "generator.", "classifier.", "features."
AVERAGED = ("g_ema", "G_ema")
MAX_DEPTH = 4
LEAST = 4
"""A dict of fewer arrays is no network."""


@dataclass(frozen=True)
class FoundNetwork:
    """A network within a file.

    section: its keys in the file joined by '/', '' where the file is the network itself; tensors: by the names that the loader
    wants, with 'latent_avg' where a generator's mean latent is known; prefix: what was taken off every name; ignored: names of
    its section that are not of the network; options: what else the file says of it; notes: sentences for the user.
    """

    kind: KindName
    section: str
    tensors: Tensors
    prefix: str = ""
    ignored: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def is_averaged(self) -> bool:
        """Whether it is the running average of a generator, which is better than the generator itself."""
        return self.section.split("/")[-1] in AVERAGED


@dataclass(frozen=True)
class Contents:
    """networks, and the sections that hold none."""

    networks: tuple[FoundNetwork, ...]
    others: tuple[str, ...]

    def preferred(self) -> list[FoundNetwork]:
        """One network of each kind: of a generator and its running average, the average."""
        chosen: dict[KindName, FoundNetwork] = {}
        for network in self.networks:
            if network.kind not in chosen or (network.is_averaged and not chosen[network.kind].is_averaged):
                chosen[network.kind] = network
        return list(chosen.values())


def identify(content: Any, file_name: str = "") -> Contents:
    """What core.checkpoints.read_file returned, network by network.

    file_name: AlbedoGAN's and the displacement generator's tensors are named as any StyleGAN2's; their files' names tell.
    """
    networks, others = [], []
    for section, tensors, options in _sections(content, "", 0):
        prefix = PARALLEL if tensors and all(name.startswith(PARALLEL) for name in tensors) else ""
        plain = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
        family = _family(plain)
        if family is None:
            others.append(section or "the file itself")
            continue
        beside = content.get("latent_avg") if isinstance(content, Mapping) else None
        networks.append(_describe(family, section, plain, prefix, options, file_name, beside))
    if isinstance(content, Mapping):
        known = {network.section.split("/")[0] for network in networks} | {other.split("/")[0] for other in others}
        flat = any(network.section == "" for network in networks)
        others += [str(key) for key in content if str(key) not in known and not flat and key != "latent_avg"]
    return Contents(tuple(networks), tuple(others))


def _sections(content: Any, section: str, depth: int) -> Iterator[tuple[str, Tensors, dict[str, Any]]]:
    """(section, its tensors, options) of every dict of arrays."""
    options: dict[str, Any] = {}
    if isinstance(content, Record):
        options = nvidia.read_options(content.state.get("init_kwargs"))
        content = content.state.get("state_dict", content.state)
    if not isinstance(content, Mapping) or depth > MAX_DEPTH:
        return
    arrays = {name: array for name, array in content.items() if isinstance(name, str) and _is_number(array)}
    if len(arrays) >= LEAST:
        yield section, arrays, options
    for name, inner in content.items():
        if isinstance(name, str):
            yield from _sections(inner, f"{section}/{name}".strip("/"), depth + 1)


def _is_number(array: Any) -> bool:
    return isinstance(array, (np.ndarray, np.generic)) and array.dtype.kind in "fiu"


def _family(tensors: Tensors) -> str | None:
    """The family whose names most of these are; of several, the one with the most."""
    scores = {family: sum(re.match(pattern, name) is not None for name in tensors) for family, pattern in PATTERNS.items()}
    best = max(scores, key=lambda family: scores[family])
    own = [name for name in tensors if not name.startswith((FLAME_PREFIX, CLASSIFIER_PREFIX))]
    return best if 2 * scores[best] > len(own) and scores[best] >= LEAST else None


def _describe(
    family: str, section: str, tensors: Tensors, prefix: str, options: dict[str, Any], file_name: str, beside: Any
) -> FoundNetwork:
    notes: list[str] = []
    ignored: tuple[str, ...] = ()
    if family.startswith("nvidia"):
        rename = nvidia.rename_generator if family == "nvidia_generator" else nvidia.rename_discriminator
        ignored = nvidia.list_unused(tensors)
        tensors, family = rename(tensors), family.removeprefix("nvidia_")
        notes.append(f"The tensors were renamed from NVIDIA's layout; {len(ignored)} filters that nothing uses were left.")
    elif family in ("mapping", "vgg19"):
        unused = FLAME_PREFIX if family == "mapping" else CLASSIFIER_PREFIX
        ignored = tuple(name for name in tensors if name.startswith(unused))
        tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith(unused)}
        if family == "vgg19" and all(name.startswith(VGG_PREFIX) for name in tensors):
            tensors = {name.removeprefix(VGG_PREFIX): tensor for name, tensor in tensors.items()}
            prefix += VGG_PREFIX
        if ignored:
            what = "FLAME's own arrays" if unused == FLAME_PREFIX else "the classifier"
            notes.append(f"{what[0].upper()}{what[1:]} ({len(ignored)} tensors, {unused}*) take no part.")
    if family == "generator" and _is_number(beside) and "latent_avg" not in tensors:
        tensors = {**tensors, "latent_avg": np.asarray(beside).reshape(1, -1)}
    kind = _kind(family, section.split("/")[-1], tensors, prefix, file_name)
    return FoundNetwork(kind, section, tensors, prefix, ignored, options, tuple(notes))


def _kind(family: str, section: str, tensors: Tensors, prefix: str, file_name: str) -> KindName:
    """Within a family: by the section's name, the sizes, or the file's name."""
    if family == "deca_encoder":
        outputs = read_size(tensors, [("layers.2.weight", 0), ("layers.2.bias", 0)], 0)
        return "deca_detail" if section == "E_detail" or (section != "E_flame" and outputs == 128) else "deca_coarse"
    if family == "mapping":
        outputs = read_size(tensors, [("regressor.output.weight", 0), ("regressor.output.bias", 0)], 0)
        return "mica_other" if section == "otherParamModel" or (section != "flameModel" and outputs == 86) else "mica_shape"
    if family == "generator":
        return _generator_kind(tensors, prefix, file_name.lower())
    known: dict[str, KindName] = {
        "discriminator": "discriminator",
        "deca_decoder": "deca_decoder",
        "arcface": "arcface",
        "vggface2": "vggface2",
        "vgg19": "vgg19",
    }
    return known[family]


def _generator_kind(tensors: Tensors, prefix: str, file_name: str) -> KindName:
    """The paper's two generators were saved by torch.nn.DataParallel, the FFHQ one was not; a name that says so decides."""
    if "albedo" in file_name:
        return "albedogan"
    if "disp" in file_name:
        return "disp_gan"
    if prefix != PARALLEL or "stylegan" in file_name or "ffhq" in file_name:
        return "stylegan2"
    largest = max((tensor.shape[-1] for name, tensor in tensors.items() if name.startswith("noises.")), default=0)
    return "disp_gan" if largest == 256 else "albedogan"
