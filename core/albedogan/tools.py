"""The networks and the mesh of a folder of files, loaded and put together once a process.

Rule of this file: what is loaded is what core/paper/files.py found by its tensors' names; whether networks go together is only
known here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import avg_pool2d

from ..errors import ModelError
from ..flame.file import read_flame
from ..head.model import HeadModel, triangulate
from ..nets.importing import NetworkFile, load_networks
from ..paper.files import RANDOM, SOURCES, PaperFiles
from ..render.rasterize import interpolate, rasterize_uv
from .data_files import read_paper_mesh, read_texture_space
from .displacement import MAP_SIZE
from .mask import FaceMask
from .parts import PaperMesh, PaperNetworks

OUR_MIDLINE_U = 0.5
"""Where the head's midline is on our own layout, which is its own mirror image."""
FACE_REGIONS = ("face", "eye_socket", "lip_upper", "lip_lower", "mouth_inside", "nostrils")
FULL_FACE, FEATHER_PX = 0.5, 10
"""Of these regions, from where on a texel is all the photo's; how far inside of their outline the photo comes in, px of 256."""


@dataclass(frozen=True)
class PaperTools:
    """networks, and what each file says of itself; mesh; texture_space: the file's name or ''."""

    networks: PaperNetworks
    told: tuple[NetworkFile, ...]
    mesh: PaperMesh
    has_texture_space: bool


def load_tools(files: PaperFiles, worn: HeadModel, *, is_generated: bool = False) -> PaperTools:
    """worn: FLAME's own mesh with our layout (HeadModel.worn), which is unwrapped on where the files have no layout. The latest
    tools are kept until a file changes. Raises ModelError, CheckpointError."""
    return _load(files, _Worn(worn), files.stamp, is_generated)


class _Worn:
    """A model as a key: the model that it is, not what it holds."""

    def __init__(self, model: HeadModel) -> None:
        self.model = model

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Worn) and other.model is self.model

    def __hash__(self) -> int:
        return id(self.model)


@lru_cache(maxsize=1)
def _load(files: PaperFiles, worn: _Worn, stamp: Any, is_generated: bool) -> PaperTools:
    wanted = {kind: path for kind, path in files.networks if is_generated or kind not in RANDOM}
    modules: dict[str, Any] = {}
    told: list[NetworkFile] = []
    for path in dict.fromkeys(wanted.values()):
        for loaded in load_networks(path):
            kind = loaded.information.kind
            if wanted.get(kind) == path:
                modules[kind] = loaded.network
                told.append(loaded.information)
    needed = ["deca_coarse", *(["stylegan2"] if is_generated else [])]
    if missing := [kind for kind in needed if kind not in modules]:
        raise ModelError(f"{wanted[missing[0]].name} does not hold what its name says: give {SOURCES[missing[0]]}.")
    if is_generated:
        _require_one_code(modules, wanted)
    space = read_texture_space(files.data)
    networks = PaperNetworks.connect(modules, space)
    mesh = read_paper_mesh(files.data, flame=files.flame) if files.has_layout else mesh_on_our_layout(files, worn.model)
    return PaperTools(networks, tuple(told), mesh, space is not None)


def _require_one_code(modules: dict[str, Any], paths: dict[str, Path]) -> None:
    """AlbedoGAN takes the very code of the picture, the displacement generator its first rows. Raises ModelError."""
    given, albedo, displacement = (modules.get(kind) for kind in ("stylegan2", "albedogan", "disp_gan"))
    assert given is not None
    fits = {
        "albedogan": albedo is None or albedo.num_latents == given.num_latents,
        "disp_gan": displacement is None or (displacement.size == MAP_SIZE and displacement.num_latents <= given.num_latents),
    }
    for kind, has_fitting_layers in fits.items():
        if not has_fitting_layers or (kind in modules and modules[kind].sizes.style_size != given.sizes.style_size):
            size = modules[kind].size
            raise ModelError(
                f"{paths[kind].name} makes maps of {size} x {size} and does not go with {paths['stylegan2'].name}, which makes "
                f"pictures of {given.size} x {given.size}: give {SOURCES[kind]}."
            )


def mesh_on_our_layout(files: PaperFiles, worn: HeadModel) -> PaperMesh:
    """The mesh where there is no head_template.obj: unwrapped on our layout, masked by our face. DECA's other maps belong to its
    layout and are not used."""
    flame = read_flame(files.flame)
    num_faces = len(flame.faces)
    triangles = worn.face_uvs[:num_faces, :3]
    raster = rasterize_uv(worn.uvs, triangles, MAP_SIZE)
    regions = np.max([worn.regions[name] for name in FACE_REGIONS if name in worn.regions], 0)
    face = interpolate(regions, raster, triangulate(worn.faces[:num_faces]))
    rows = np.flatnonzero(face.any(1))
    face[rows[0] : rows[-1] + 1][~raster.is_covered[rows[0] : rows[-1] + 1]] = 1  # the slits of mouth and lids are no outline
    whole = torch.from_numpy(np.clip(face / FULL_FACE, 0, 1).astype(np.float32))[None, None]
    soft = (2 * avg_pool2d(whole, 2 * FEATHER_PX + 1, 1, FEATHER_PX, count_include_pad=False) - 1).clamp(0, 1) * whole
    return PaperMesh.build(
        flame, worn.uvs.astype(np.float64), triangles, mask=FaceMask(soft), midline_u=OUR_MIDLINE_U, eye_share=0.0
    )
