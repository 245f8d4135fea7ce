"""Which of the method's files a folder holds: laid out as the release has them, all in one, or imported (core/nets/importing).

Rule of this file: nothing is loaded; a checkpoint is told by its name, an imported network by what its header says of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..checkpoints.reading import read_metadata
from ..errors import ModelError

FOLDERS = ("", "data", "data/mica_pretrained", "stylegan2/training_logs/checkpoint", "stylegan2/checkpoint")
"""Where the release expects its files, and the folder itself."""
DECA, FACE = ("deca_coarse", "deca_detail", "deca_decoder"), ("arcface", "mica_shape")
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
"""Names of checkpoints and the kinds of networks in them; of two that hold the same, the first is taken."""
WANTED = (*DECA, *FACE, "stylegan2", "albedogan", "disp_gan")
FLAME, LAYOUT = "generic_model.pkl", "head_template.obj"
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
    networks: kind -> file, what the folder holds by name."""

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
        said = []
        if not set(FACE) <= kinds:
            said.append("There is no mica.tar: the shape is the coarse encoder's.")
        if not {"deca_detail", "deca_decoder"} <= kinds and not (is_generated and "disp_gan" in kinds):
            said.append("There is no whole deca_model.tar: the head has no displacement of the networks.")
        if is_generated and "albedogan" not in kinds:
            said.append("There is no albedogan.pt: the texture is the unwrapped picture's.")
        if not self.has_layout:
            said.append("There is no head_template.obj: the texture is unwrapped on Likeness' own layout.")
        return said


def find_paper_files(folder: str | Path, *, is_generated: bool = False) -> PaperFiles:
    """The files of a folder. Raises ModelError, one sentence that names all that is missing and what it is for, unless there are
    FLAME and the coarse encoder, and for random people the generator of pictures."""
    folder = Path(folder)
    if not folder.is_dir():
        raise ModelError(f"There is no folder {folder}: give the one with the paper's files (data, stylegan2, ...).")
    places = [place for name in FOLDERS if (place := folder / name).is_dir()]
    networks = tuple(_find_networks(places).items())
    flame = next((place / name for place in places for name in FLAME_NAMES if (place / name).is_file()), None)
    data = next((place for place in places if (place / LAYOUT).is_file()), flame.parent if flame else folder)
    needed = ["deca_coarse", *(["stylegan2"] if is_generated else [])]
    missing = [] if flame else [FLAME_SOURCE]
    missing += [SOURCES[kind] for kind in needed if kind not in dict(networks)]
    if missing or flame is None:
        purpose = "Random people by the paper's method" if is_generated else "A photo by the paper's method"
        raise ModelError(f"{purpose} needs files that {folder} lacks: {'; '.join(missing)}.")
    return PaperFiles(folder, flame, data, (data / LAYOUT).is_file(), networks)


def _find_networks(places: list[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for kind, path in (*_imported(places), *_checkpoints(places)):
        found.setdefault(kind, path)
    return found


def _imported(places: list[Path]) -> Iterator[tuple[str, Path]]:
    """Networks that Likeness has written."""
    for place in places:
        for path in sorted(place.glob("*.safetensors")):
            try:
                kind = json.loads(read_metadata(path).get("likeness", "{}")).get("kind")
            except (ValueError, AttributeError) as error:
                raise ModelError(f"The network file {path.name} does not say what it is: import the original again.") from error
            if kind in WANTED:
                yield kind, path


def _checkpoints(places: list[Path]) -> Iterator[tuple[str, Path]]:
    for pattern, kinds in CHECKPOINTS:
        for place in places:
            for path in sorted(place.glob(pattern)):
                if path.is_file():
                    yield from ((kind, path) for kind in kinds)
