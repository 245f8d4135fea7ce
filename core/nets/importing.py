"""A file of others becomes one safetensors file a network, each beside a JSON that says what it is.

Rule of this file: a network is built once before it is written, so that what was imported will load.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..checkpoints import read_file, write_safetensors
from ..checkpoints.limits import shown
from ..checkpoints.reading import read_metadata
from ..errors import ModelError
from ..staging import explain_write_error, staged
from .identify import Contents, FoundNetwork, identify
from .kinds import KINDS, KindName, build_network

if TYPE_CHECKING:
    from torch import nn

FORMAT = 1
NO_NETWORK = "{name} holds no {known}: give the file of one, as its authors publish it."
OTHER_FORMAT = "The network file {name} was made by a newer version of Likeness: update Likeness, or import the original again."


@dataclass(frozen=True)
class NetworkFile:
    """What an imported network is, as its JSON says.

    tensors, parameters: counts, a network's own (no buffers among the parameters); source_*: the file that it was in, its hash
    (hex) and the section there; licence: the terms of the published weights, where known; options: sizes and what the file says.
    """

    kind: KindName
    title: str
    tensors: int
    parameters: int
    range: str
    source_file: str
    source_section: str
    source_sha256: str
    licence: str
    options: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    format: int = FORMAT


@dataclass(frozen=True)
class LoadedNetwork:
    """A network ready to be used (a torch.nn.Module), and what it is."""

    network: nn.Module
    information: NetworkFile


def import_networks(
    source: Path, folder: Path, *, kinds: Mapping[str, KindName] | None = None, licence: str | None = None
) -> list[Path]:
    """Convert every network in a file; -> the safetensors files written into `folder`.

    kinds: section -> kind, to take those sections alone and as those kinds (default: one network of each kind, as identified).
    licence: what the user knows better. Raises CheckpointError for a file that is not read, ModelError where it holds no network
    or not a whole one, ExportError when the folder cannot be written to, BackendError without PyTorch.
    """
    contents = identify(read_file(source), source.name)
    networks = _choose(contents, kinds, source)
    digest, told = _hash(source), []
    for found in networks:
        information = describe_network(_build(found, source.name), found, source.name, digest)
        told.append(information if licence is None else replace(information, licence=licence))
    names = [source.stem] if len(networks) == 1 else [f"{source.stem}_{name}" for name in _distinguish(networks)]
    try:
        with staged(folder) as partial:
            for name, found, information in zip(names, networks, told, strict=True):
                _write(partial / f"{name}.safetensors", found.tensors, information)
    except OSError as error:
        raise explain_write_error(error, folder) from error
    return [folder / f"{name}.safetensors" for name in names]


def load_network(path: Path, kind: KindName | None = None) -> LoadedNetwork:
    """An imported network; or, straight from a file of others, its one network, or its one of this kind.

    Raises CheckpointError for a file that is not read, ModelError where it has no such network or not a whole one, BackendError
    without PyTorch.
    """
    metadata = read_metadata(path)
    content = read_file(path)
    if "likeness" in metadata:
        information = _parse(metadata["likeness"], path)
        if kind not in (None, information.kind):
            raise ModelError(f"{path.name} is a {information.title}, not a {KINDS[kind].title}: give the file of that.")
        return LoadedNetwork(build_network(information.kind, content, limit=information.options.get("limit")), information)
    found = [network for network in identify(content, path.name).preferred() if kind in (None, network.kind)]
    if len(found) > 1:
        held = ", ".join(KINDS[network.kind].title for network in found)
        raise ModelError(f"{path.name} holds several networks ({held}): import it, and give one of the files that are made.")
    if not found:
        wanted = _known() if kind is None else KINDS[kind].title
        raise ModelError(NO_NETWORK.format(name=path.name, known=wanted))
    network = _build(found[0], path.name)
    return LoadedNetwork(network, describe_network(network, found[0], path.name, _hash(path)))


def load_networks(path: Path) -> list[LoadedNetwork]:
    """Every network of a file, one of each kind, the file read once. Raises as load_network."""
    if "likeness" in read_metadata(path):
        return [load_network(path)]
    found = identify(read_file(path), path.name).preferred()
    if not found:
        raise ModelError(NO_NETWORK.format(name=path.name, known=_known()))
    digest, networks = _hash(path), [_build(one, path.name) for one in found]
    told = [describe_network(network, one, path.name, digest) for network, one in zip(networks, found, strict=True)]
    return [LoadedNetwork(network, information) for network, information in zip(networks, told, strict=True)]


def describe_network(network: nn.Module, found: FoundNetwork, source_file: str, sha256: str) -> NetworkFile:
    """What a network is, from itself and the file that it was in."""
    kind = KINDS[found.kind]
    sizes = {name: getattr(network, name) for name in ("size", "num_latents") if isinstance(getattr(network, name, None), int)}
    return NetworkFile(
        kind=found.kind,
        title=kind.title,
        tensors=len(network.state_dict()),
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        range=kind.range,
        source_file=source_file,
        source_section=found.section,
        source_sha256=sha256,
        licence=kind.licence,
        options={**found.options, **sizes},
        notes=found.notes,
    )


def _choose(contents: Contents, kinds: Mapping[str, KindName] | None, source: Path) -> list[FoundNetwork]:
    if not contents.networks:
        raise ModelError(NO_NETWORK.format(name=source.name, known=_known()))
    if kinds is None:
        return contents.preferred()
    by_section = {network.section: network for network in contents.networks}
    if missing := [section for section in kinds if section not in by_section]:
        raise ModelError(f"{source.name} has no network {', '.join(missing)}: it has {', '.join(map(shown, by_section))}.")
    return [replace(by_section[section], kind=kind) for section, kind in kinds.items()]


def _distinguish(networks: list[FoundNetwork]) -> list[str]:
    """The networks' kinds, with the section where a kind occurs twice."""
    kinds = [network.kind for network in networks]
    sections = [network.section.replace("/", "_") for network in networks]
    return [kind if kinds.count(kind) == 1 else f"{kind}_{section}" for kind, section in zip(kinds, sections, strict=True)]


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _known() -> str:
    return "network that Likeness knows (" + ", ".join(kind.title for kind in KINDS.values()) + ")"


def _build(found: FoundNetwork, file_name: str) -> nn.Module:
    """The network itself; an error says where in which file it was."""
    try:
        return build_network(found.kind, found.tensors, limit=found.options.get("limit"))
    except ModelError as error:
        place = f"{file_name} ({shown(found.section)})" if found.section else file_name
        raise ModelError(f"{place}: {error}") from error


def _write(path: Path, tensors: Mapping[str, np.ndarray], information: NetworkFile) -> None:
    text = json.dumps(asdict(information), indent=1)
    write_safetensors(path, _plain(tensors), {"likeness": text})
    path.with_suffix(".json").write_text(text, encoding="utf-8")


def _plain(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Integers as they are, everything else float32, as the networks take them."""
    arrays = {name: np.asarray(tensor) for name, tensor in tensors.items()}
    return {name: a if a.dtype.kind in "iu" else a.astype(np.float32) for name, a in arrays.items()}


def _parse(text: str, path: Path) -> NetworkFile:
    try:
        stored = json.loads(text)
        if stored["format"] > FORMAT:
            raise ModelError(OTHER_FORMAT.format(name=path.name))
        information = NetworkFile(**{**stored, "notes": tuple(stored["notes"])})
        if information.kind not in KINDS or not isinstance(information.options.get("limit", 0.0), float):
            raise ValueError("not what was written")
        return information
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ModelError(f"The network file {path.name} does not say what it is: import the original again.") from error
