"""What latent codes are found and changed with: of a folder of the method's files the generator, and the networks that judge.

Rule of this file: no head model is needed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from ..errors import ModelError
from ..nets.importing import NetworkFile, load_network
from ..nets.stylegan2 import Generator as StyleGenerator
from ..nets.vgg19 import VGG19
from ..paper.files import FOLDERS, SOURCES, search_folder
from .similarity import Embedding, face_embedding

FEATURES = "vgg19*"
FEATURE_SUFFIXES = (".pth", ".pt", ".safetensors")
BY_FEATURES, BY_PIXELS, BY_IDENTITY = "VGG-19's features", "pixels at several scales", "ArcFace's identity"


@dataclass(frozen=True)
class LatentTools:
    """features: None without a VGG-19; embedding: of portraits' faces, None without ArcFace; told: what each file is."""

    generator: StyleGenerator
    features: VGG19 | None
    embedding: Embedding | None
    told: tuple[NetworkFile, ...]

    @property
    def losses(self) -> list[str]:
        """By what a picture is compared."""
        return [BY_PIXELS if self.features is None else BY_FEATURES, *([] if self.embedding is None else [BY_IDENTITY])]

    def describe(self) -> list[dict[str, Any]]:
        """JSON-able: the networks with their hashes and terms."""
        told = ("kind", "title", "source_file", "source_sha256", "licence")
        return [{name: asdict(one)[name] for name in told} for one in self.told]


def load_latent_tools(folder: str | Path) -> LatentTools:
    """The generator of pictures in a folder; VGG-19 (vgg19*.pth, as torchvision publishes it) and ArcFace where they are there.
    Raises ModelError, which names what is missing, CheckpointError."""
    folder = Path(folder)
    if not folder.is_dir():
        raise ModelError(f"There is no folder {folder}: give the one with the paper's files (data, stylegan2, ...).")
    found = search_folder(folder)
    if "stylegan2" not in found.networks:
        needs = f"A picture's latent code needs a file that {folder} lacks: {SOURCES['stylegan2']}."
        raise ModelError(found.refused.get("stylegan2", needs))
    generator = load_network(found.networks["stylegan2"], "stylegan2")
    features = find_features(folder)
    judge = None if features is None else load_network(features, "vgg19")
    face = load_network(found.networks["arcface"], "arcface") if "arcface" in found.networks else None
    embedding = None if face is None else face_embedding(cast("Any", face.network))
    told = tuple(one.information for one in (generator, judge, face) if one is not None)
    return LatentTools(cast("StyleGenerator", generator.network), cast("VGG19 | None", judge and judge.network), embedding, told)


def find_features(folder: Path) -> Path | None:
    """VGG-19's weights, wherever the method's files may lie."""
    places = [place for name in FOLDERS if (place := folder / name).is_dir()]
    files = (path for place in places for path in sorted(place.glob(FEATURES)))
    return next((path for path in files if path.is_file() and path.suffix in FEATURE_SUFFIXES), None)
