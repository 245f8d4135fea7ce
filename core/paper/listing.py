"""What a folder of the method's files has and lacks, part by part, each with what it brings: for a person who collects them.

Rule of this file: it says what files.py found; nothing is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .files import LAYOUT, TEXTURE_SPACES, FoundFiles, search_folder

NETWORKS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("deca_coarse",), "deca_model.tar", "shape, expression, pose, camera and light (needed)"),
    (("deca_detail", "deca_decoder"), "deca_model.tar", "wrinkles as displacement"),
    (("arcface", "mica_shape"), "mica.tar", "the shape by face recognition"),
    (("stylegan2",), "stylegan2_ffhq.pt", "random people (needed for them)"),
    (("albedogan",), "albedogan.pt", "the albedo of a random person"),
    (("disp_gan",), "disp_GAN.pt", "the displacement of a random person"),
)
"""Kinds of networks, the file that they are published in, and what they bring."""
FLAME_BRINGS, LAYOUT_BRINGS = "the head itself (needed)", "the paper's own texture layout"
SKIN_BRINGS = "skin that no picture shows"


@dataclass(frozen=True)
class Part:
    """name: the file's as it is published; brings: what a head has by it; path: None where it is missing; problem: a sentence
    where the file that is there cannot be used; is_needed: for photos."""

    name: str
    brings: str
    path: Path | None
    problem: str = ""
    is_needed: bool = False


def list_parts(folder: Path) -> tuple[Part, ...]:
    """Every part of the method, there or not; then files of Likeness' own that are damaged. Raises OSError."""
    found = search_folder(folder)
    layout = found.data / LAYOUT if found.has_layout else None
    skin = next((path for name in TEXTURE_SPACES if (path := found.data / name).is_file()), None)
    known = {kind for kinds, _, _ in NETWORKS for kind in kinds}
    return (
        Part("generic_model.pkl", FLAME_BRINGS, found.flame, is_needed=True),
        *(_network_part(found, *row) for row in NETWORKS),
        Part(LAYOUT, LAYOUT_BRINGS, layout),
        Part(TEXTURE_SPACES[0], SKIN_BRINGS, skin),
        *(Part(name, "", None, problem) for name, problem in found.refused.items() if name not in known),
    )


def can_be_used(parts: tuple[Part, ...]) -> bool:
    """Whether photos can be worked on with them."""
    return not any(part.is_needed and part.path is None for part in parts)


def _network_part(found: FoundFiles, kinds: tuple[str, ...], name: str, brings: str) -> Part:
    paths = [found.networks[kind] for kind in kinds if kind in found.networks]
    problem = next((found.refused[kind] for kind in kinds if kind in found.refused), "")
    return Part(name, brings, paths[0] if len(paths) == len(kinds) else None, problem, kinds == ("deca_coarse",))
