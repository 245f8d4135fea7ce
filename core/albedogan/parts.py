"""What the method is put together of: the networks as callables, and the mesh with everything that lies on it.

Rule of this file: networks that a user does not have are None, and what they would have given is left out or replaced by our
own; which networks there are beyond that is core/nets' business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ..errors import ModelError
from ..flame.arrays import FlameArrays
from ..flame.embedding import LandmarkEmbedding
from .dense_mesh import DenseTemplate
from .displacement import MAP_SIZE
from .flame_layer import FlameLayer
from .landmarks import LandmarkPoints
from .mask import FaceMask
from .texture_correction import EYE_ROWS, MIDLINE_U, SIZE
from .texture_space import TextureSpace
from .unwrap import TEXTURE_SIZE, UvLayout

Network = Callable[[Tensor], Tensor]


class PictureGenerator(Protocol):
    """A StyleGAN2 of faces in [-1, 1] (core/nets/stylegan2.py's Generator is one)."""

    def arrange(self, styles: Sequence[Tensor], *, truncation: float = 1.0, mix_at: int | None = None) -> Tensor:
        """z [B, 512], one or two to mix -> w+ [B, L, 512]."""
        ...

    def synthesise(self, latent: Tensor, noise: Any = None) -> Tensor:
        """w+ -> pictures [B, 3, N, N]."""
        ...


@dataclass(frozen=True)
class PaperNetworks:
    """coarse: crops [B, 3, 224, 224] in 0..1 -> [B, 236]; detail: the same -> [B, 128]; decoder: jaw, expression and detail
    [B, 181] -> displacement [B, 1, 256, 256] m; identity: face blobs [B, 3, 112, 112] -> FLAME's shape [B, 300];
    texture_space; generator of pictures; albedo: w+ -> textures [B, 3, 1024, 1024] in 0..1; displacement: w+ [B, 14, 512] ->
    pictures [B, 3, 256, 256] (core/nets/displacement.py). All take and give float32 on the CPU."""

    coarse: Network
    detail: Network | None = None
    decoder: Network | None = None
    identity: Network | None = None
    texture_space: TextureSpace | None = None
    generator: PictureGenerator | None = None
    albedo: Network | None = None
    displacement: Network | None = None

    @staticmethod
    def connect(modules: Mapping[str, Any], texture_space: TextureSpace | None = None) -> PaperNetworks:
        """Networks of core/nets by their kinds (KindName), put together: the shape is MICA's mapping of the face
        network's embedding. Raises ModelError without the coarse encoder."""
        if "deca_coarse" not in modules:
            raise ModelError("The paper's method needs the coarse encoder: import deca_model.tar or a combined checkpoint.")
        face, mapping = modules.get("arcface"), modules.get("mica_shape")
        albedo, displacement = modules.get("albedogan"), modules.get("disp_gan")
        return PaperNetworks(
            modules["deca_coarse"],
            modules.get("deca_detail"),
            modules.get("deca_decoder"),
            None if face is None or mapping is None else lambda blobs: mapping(face(blobs)),
            texture_space,
            modules.get("stylegan2"),
            None if albedo is None else albedo.synthesise,
            None if displacement is None else displacement.synthesise,
        )


@dataclass(frozen=True)
class PaperMesh:
    """FLAME with its layout, its dense template, face mask, fixed displacement [256, 256] m, landmarks (None: unknown), where on
    the layout the head's midline is, and the share of its rows, from the top, that hold eyeballs."""

    flame: FlameLayer
    layout: UvLayout
    dense: DenseTemplate
    mask: FaceMask
    fixed: Tensor
    landmarks: LandmarkPoints | None = None
    midline_u: float = MIDLINE_U
    eye_share: float = EYE_ROWS / SIZE

    @staticmethod
    def build(
        flame: FlameArrays,
        uvs: np.ndarray,
        uv_triangles: np.ndarray,
        *,
        dense: DenseTemplate | None = None,
        mask: FaceMask | None = None,
        fixed: np.ndarray | None = None,
        embedding: LandmarkEmbedding | None = None,
        texture_size: int = TEXTURE_SIZE,
        midline_u: float = MIDLINE_U,
        eye_share: float = EYE_ROWS / SIZE,
    ) -> PaperMesh:
        """FLAME's arrays and a layout of its triangles (uvs [U, 2], uv_triangles [F, 3]); our own where a file is absent: a dense
        template of the layout's texels, an elliptical mask, no fixed displacement."""
        layout = UvLayout.build(uvs, uv_triangles, flame.faces, texture_size)
        if dense is None:
            dense = DenseTemplate.from_layout(uvs, uv_triangles, flame.faces)
        return PaperMesh(
            FlameLayer.build(flame),
            layout,
            dense.facing_out(flame.template, flame.faces),
            FaceMask.stand_in() if mask is None else mask,
            torch.zeros(MAP_SIZE, MAP_SIZE) if fixed is None else torch.from_numpy(np.asarray(fixed, np.float32)),
            None if embedding is None else LandmarkPoints.build(embedding),
            midline_u,
            eye_share,
        )
