"""Every published layout loads by its names and shapes alone, and whatever differs from it is named."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from likeness.core.errors import ModelError  # noqa: E402
from likeness.core.nets.identify import FoundNetwork, identify  # noqa: E402
from likeness.core.nets.kinds import KindName, build_network  # noqa: E402
from likeness.tests.golden.vectors import FOLDER, manifest  # noqa: E402


@dataclass(frozen=True)
class Layout:
    """A section of a manifest, the kind that it is, and the counts of tensors and of parameters (which no buffer is)."""

    manifest: str
    section: str
    kind: KindName
    tensors: int
    parameters: int
    file_name: str = ""


LAYOUTS = [
    Layout("stylegan2_1024_rosinality", "g_ema", "stylegan2", 171, 30_370_060),
    Layout("albedogan_1024", "g", "albedogan", 171, 30_370_060),
    Layout("disp_gan_256", "g", "disp_gan", 135, 30_034_338),
    Layout("stylegan2_1024_discriminator_rosinality", "d", "discriminator", 64, 29_012_513),
    Layout("nvidia_stylegan2_1024", "G_ema", "stylegan2", 171, 30_370_060),
    Layout("nvidia_stylegan2_1024", "D", "discriminator", 64, 29_012_513),
    Layout("testnet_sg2_64", "g", "stylegan2", 99, 27_032_600),
    Layout("testnet_nvsg2_64", "G_ema", "stylegan2", 99, 27_032_600),
    Layout("testnet_sg2d_64", "d", "discriminator", 36, 26_488_833),
    Layout("deca_model", "E_flame", "deca_coarse", 322, 25_848_108),
    Layout("deca_model", "E_detail", "deca_detail", 322, 25_737_408),
    Layout("deca_model", "D_detail", "deca_decoder", 44, 1_773_345),
    Layout("mica", "arcface", "arcface", 925, 65_156_160),
    Layout("mica", "flameModel", "mica_shape", 10, 515_100),
    Layout("mica", "otherParamModel", "mica_other", 10, 450_686),
    Layout("mica_original", "arcface", "arcface", 925, 65_156_160),
    Layout("mica_original", "flameModel", "mica_shape", 10, 515_100),
    Layout("vggface2_resnet50", "root", "vggface2", 320, 41_192_951),
    Layout("vgg19_features", "features", "vgg19", 32, 20_024_384),
]
ELSEWHERE = {"flame_module"}
"""Manifests of what is no network."""


def empty(layout: Layout) -> dict[str, np.ndarray]:
    """Tensors of the section's shapes, which take no memory."""
    entries = manifest(layout.manifest)["sections"][layout.section]
    return {name: np.broadcast_to(np.zeros((), entry["dtype"]), entry["shape"]) for name, entry in entries.items()}


def found_in(layout: Layout, tensors: dict[str, np.ndarray]) -> FoundNetwork:
    """What the section is taken for, alone in a file as it is published."""
    content = tensors if layout.section == "root" else {layout.section: tensors}
    (network,) = identify(content, layout.file_name).networks
    return network


def some(names: Iterable[str]) -> list[str]:
    """The first and last of the names that differ by more than a number; few of a network of hundreds."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(re.sub(r"\d+", "0", name), []).append(name)
    both = [name for group in groups.values() for name in dict.fromkeys((group[0], group[-1]))]
    return both if len(both) < 20 else both[:: len(both) // 8]


def named(layout: Layout) -> str:
    return f"{layout.manifest}-{layout.section}"


def test_every_manifest_is_among_the_layouts():
    names = {path.stem.removeprefix("manifest_") for path in FOLDER.glob("manifest_*.json")}
    assert names == {layout.manifest for layout in LAYOUTS} | ELSEWHERE
    sections = {(name, section) for name in names - ELSEWHERE for section in manifest(name)["sections"]}
    assert sections == {(layout.manifest, layout.section) for layout in LAYOUTS}


@pytest.mark.parametrize("layout", LAYOUTS, ids=named)
def test_a_published_layout_loads_with_the_published_counts(layout):
    found = found_in(layout, empty(layout))
    assert found.kind == layout.kind
    network = build_network(found.kind, found.tensors)
    assert len(network.state_dict()) == layout.tensors
    assert sum(parameter.numel() for parameter in network.parameters()) == layout.parameters


@pytest.mark.parametrize("layout", LAYOUTS, ids=named)
def test_a_tensor_that_is_missing_or_of_another_shape_or_too_many_is_named(layout):
    found = found_in(layout, empty(layout))
    for name in some([name for name in found.tensors if name != "latent_avg"]):
        without = {other: tensor for other, tensor in found.tensors.items() if other != name}
        with pytest.raises(ModelError) as error:
            build_network(found.kind, without)
        assert f" is missing ({name})" in str(error.value) and "\n" not in str(error.value)
        shape = found.tensors[name].shape
        larger = np.broadcast_to(found.tensors[name].ravel()[:1].reshape(()), (*shape[:-1], shape[-1] + 1) if shape else (2,))
        with pytest.raises(ModelError, match=f"{name.replace('.', '[.]')} is "):
            build_network(found.kind, {**found.tensors, name: larger})
        with pytest.raises(ModelError) as error:
            build_network(found.kind, {**found.tensors, f"{name}.more": found.tensors[name]})
        assert f"{name}.more" in str(error.value)


@pytest.mark.parametrize("layout", LAYOUTS, ids=named)
def test_a_file_that_lacks_a_tensor_is_still_taken_for_what_it_is(layout):
    tensors = empty(layout)
    for name in some(tensors):
        rest = {other: tensor for other, tensor in tensors.items() if other != name}
        assert found_in(layout, rest).kind == layout.kind, name


def test_all_faults_of_one_file_are_in_one_error():
    layout = next(layout for layout in LAYOUTS if layout.section == "E_flame")
    tensors = empty(layout)
    for name in ("encoder.bn1.bias", "layers.2.bias"):
        del tensors[name]
    tensors |= {"encoder.conv9.weight": np.zeros(3), "encoder.layer3.4.bn2.weight": np.zeros(7)}
    with pytest.raises(ModelError) as error:
        build_network("deca_coarse", tensors)
    text = str(error.value)
    assert "2 are missing (encoder.bn1.bias, layers.2.bias)" in text and "1 is not of it (encoder.conv9.weight)" in text
    assert "1 is of another shape (encoder.layer3.4.bn2.weight is 7, not 256)" in text


def test_the_original_mica_lists_what_it_carries_of_flame():
    layout = next(layout for layout in LAYOUTS if named(layout) == "mica_original-flameModel")
    found = found_in(layout, empty(layout))
    assert len(found.ignored) == 16 and all(name.startswith("generator.") for name in found.ignored)
    assert len(found.tensors) == 10 and "16 tensors" in " ".join(found.notes)


def test_a_combined_checkpoint_holds_any_subset_of_its_six_networks():
    six = [layout for layout in LAYOUTS if layout.manifest in ("deca_model", "mica")]
    rest = {"opt": {"state": {0: {"exp_avg": np.zeros(3)}}}, "global_step": 100_000, "batch_size": 1}
    for chosen in (six, six[:3], six[3:5], six[5:]):
        contents = identify({layout.section: empty(layout) for layout in chosen} | rest)
        assert {network.section: network.kind for network in contents.networks} == {one.section: one.kind for one in chosen}
        assert contents.others == ("opt", "global_step", "batch_size")


def test_a_counter_of_batch_normalisation_may_lack_only_where_the_file_never_had_any():
    layout = next(layout for layout in LAYOUTS if layout.kind == "vggface2")
    tensors = empty(layout)
    bare = {name: tensor for name, tensor in tensors.items() if not name.endswith("num_batches_tracked")}
    assert len(bare) == 267
    assert len(build_network("vggface2", bare).state_dict()) == 320
    del tensors["layer2.0.bn1.num_batches_tracked"]
    with pytest.raises(ModelError, match=r"layer2\.0\.bn1\.num_batches_tracked"):
        build_network("vggface2", tensors)
