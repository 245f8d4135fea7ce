"""Which of the method's files a folder holds: laid out as the release has them, all in one, or imported (core/nets/importing).

Rule of this file: nothing is loaded; a checkpoint is told by what it holds (contents.py), its name says which is taken first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import ModelError
from .contents import DECA, FACE, IMPORTED, NVIDIA_NAMES, SUFFIXES, NetworkContents, look_into

FOLDERS = ("", "data", "data/mica_pretrained", "stylegan2/training_logs/checkpoint", "stylegan2/checkpoint")
"""Where the release expects its files, and the folder itself."""
RANDOM = ("stylegan2", "albedogan", "disp_gan")
"""What only random people are made with."""
CHECKPOINTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("mica_combined*.tar", (*DECA, *FACE)),
    ("deca_model.tar", DECA),
    ("mica.tar", FACE),
    ("stylegan2*.pt", ("stylegan2",)),
    ("ffhq*.pkl", ("stylegan2",)),
    ("stylegan2*.pkl", ("stylegan2",)),
    ("albedogan*.pt", ("albedogan",)),
    ("disp_GAN*.pt", ("disp_gan",)),
)
"""Names of checkpoints and the kinds of networks that they promise; of two files that hold the same, the first is taken."""
FLAME, LAYOUT = "generic_model.pkl", "head_template.obj"
TEXTURE_SPACES = ("FLAME_albedo_from_BFM.npz", "FLAME_texture.npz")
"""The first is the one that the encoders' codes belong to."""
FLAME_NAMES = (
    FLAME,
    "flame2023.pkl",
    "flame2023_Open.pkl",
    "FLAME_NEUTRAL.pkl",
    "generic_model.npz",
    "generic_model.safetensors",
)
SOURCES = {
    "deca_coarse": "deca_model.tar (DECA's encoder of shape, expression, pose, camera and light)",
    "deca_detail": "deca_model.tar's E_detail (wrinkles)",
    "deca_decoder": "deca_model.tar's D_detail (wrinkles)",
    "arcface": "mica.tar's arcface (the shape by face recognition)",
    "mica_shape": "mica.tar's flameModel (the shape by face recognition)",
    "stylegan2": "stylegan2_ffhq.pt (StyleGAN2, pictures of people)",
    "albedogan": "albedogan.pt (albedo of a random person)",
    "disp_gan": "disp_GAN.pt (displacement of a random person)",
}
"""Which file a kind of network is in, and what it is for."""
FIRST_OF_FLAME = "Exp001"
"""FLAME's own expression keys begin with it, after our units (core/flame/worn.py)."""
FLAME_SOURCE = "generic_model.pkl (FLAME, the head)"


@dataclass(frozen=True)
class PaperFiles:
    """folder; flame: its file; data: the folder with DECA's other files; has_layout: whether head_template.obj is there;
    networks: kind -> file."""

    folder: Path
    flame: Path
    data: Path
    has_layout: bool
    networks: tuple[tuple[str, Path], ...]

    @property
    def kinds(self) -> set[str]:
        return {kind for kind, _ in self.networks}

    @property
    def stamp(self) -> tuple[tuple[str, int, int], ...]:
        """What changes when one of the files does."""
        data = [path for path in self.data.iterdir() if path.is_file()]
        paths = sorted({self.flame, *data, *(path for _, path in self.networks)})
        return tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in paths)

    def lacking(self, *, is_generated: bool = False) -> list[str]:
        """Sentences: what is done without, and what stands in for it."""
        kinds = self.kinds
        warnings: list[str] = []
        if not set(FACE) <= kinds:
            warnings.append("There is no mica.tar: the shape is the coarse encoder's.")
        if not {"deca_detail", "deca_decoder"} <= kinds and not (is_generated and "disp_gan" in kinds):
            warnings.append("There is no whole deca_model.tar: the head has no displacement of the networks.")
        if is_generated and "albedogan" not in kinds:
            warnings.append("There is no albedogan.pt: the texture is the unwrapped picture's.")
        if not self.has_layout:
            warnings.append("There is no head_template.obj: the texture is unwrapped on Likeness' own layout.")
        return warnings


@dataclass(frozen=True)
class FoundFiles:
    """What there is of a folder's files. flame: None where there is none; data: the folder with DECA's other files; networks:
    kind -> file; refused: a sentence for a kind whose file, by its name, cannot be used and which no other file has; or, by its
    name, for a damaged file of Likeness' own."""

    folder: Path
    flame: Path | None
    data: Path
    has_layout: bool
    networks: dict[str, Path]
    refused: dict[str, str]


def search_folder(folder: Path) -> FoundFiles:
    """What a folder holds, whether or not it is enough."""
    places = [place for name in FOLDERS if (place := folder / name).is_dir()]
    flame = next((place / name for place in places for name in FLAME_NAMES if (place / name).is_file()), None)
    data = next((place for place in places if (place / LAYOUT).is_file()), flame.parent if flame else folder)
    networks: dict[str, Path] = {}
    refused: dict[str, str] = {}
    for contents, promised in _network_files(places):
        for kind in contents.kinds:
            networks.setdefault(kind, contents.path)
        if contents.problem and contents.path.suffix == IMPORTED:
            refused[contents.path.name] = contents.problem
        if not set(promised) & set(contents.kinds):
            sentences = {kind: contents.problem or _broken_promise(contents.path, kind) for kind in promised}
            refused = sentences | refused
    refused = {kind: sentence for kind, sentence in refused.items() if kind not in networks}
    return FoundFiles(folder, flame, data, (data / LAYOUT).is_file(), networks, refused)


def find_paper_files(folder: str | Path, *, is_generated: bool = False) -> PaperFiles:
    """The files of a folder. Raises ModelError, one sentence that names all that is missing and what it is for, unless there are
    FLAME and the coarse encoder, and for random people the generator of pictures; and where a file is not what its name says."""
    folder = Path(folder)
    if not folder.is_dir():
        raise ModelError(f"There is no folder {folder}: give the one with the paper's files (data, stylegan2, ...).")
    found = search_folder(folder)
    refused = [sentence for kind, sentence in found.refused.items() if is_generated or kind not in RANDOM]
    if refused:
        raise ModelError(refused[0])
    needed = ["deca_coarse", *(["stylegan2"] if is_generated else [])]
    missing = [] if found.flame else [FLAME_SOURCE]
    missing += [SOURCES[kind] for kind in needed if kind not in found.networks]
    if missing or found.flame is None:
        named = "; ".join(missing)
        if is_generated:
            raise ModelError(f"Random people by the paper's networks need files that {folder} lacks: {named}.")
        raise ModelError(f"A photo by the paper's networks needs files that {folder} lacks: {named}.")
    return PaperFiles(folder, found.flame, found.data, found.has_layout, tuple(found.networks.items()))


def _network_files(places: list[Path]) -> Iterator[tuple[NetworkContents, tuple[str, ...]]]:
    """Files with what their names promise, those first that are taken first: what Likeness wrote, known names, all others."""
    seen: set[Path] = set()
    others = [(pattern, ()) for pattern in (*(f"*{suffix}" for suffix in SUFFIXES), *NVIDIA_NAMES)]
    for pattern, promised in ((f"*{IMPORTED}", ()), *CHECKPOINTS, *others):
        for place in places:
            for path in sorted(place.glob(pattern)):
                if path not in seen and path.is_file():
                    seen.add(path)
                    yield look_into(path), promised


def _broken_promise(path: Path, kind: str) -> str:
    return f"{path.name} does not hold what its name says: give {SOURCES[kind]}, or move the file away."
