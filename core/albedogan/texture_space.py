"""A linear space of skin textures: mean and components, as FLAME_albedo_from_BFM.npz has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import ModelError

FILE_SIZE, TEXTURE_SIZE, NUM_COMPONENTS = 512, 256, 50


@dataclass(frozen=True)
class TextureSpace:
    """mean [512 * 512 * 3] and components [K, 512 * 512 * 3]: pixels by rows, blue first, values about 0..1."""

    mean: Tensor
    components: Tensor

    @staticmethod
    def build(arrays: Mapping[str, np.ndarray], num_components: int = NUM_COMPONENTS) -> TextureSpace:
        """From FLAME_albedo_from_BFM.npz (MU, PC) or FLAME_texture.npz (mean, tex_dir; 0..255). Raises ModelError.

        The two spaces' codes are not interchangeable: DECA's encoder speaks BFM's.
        """
        is_bfm = "MU" in arrays
        names, scale = (("MU", "PC"), 1.0) if is_bfm else (("mean", "tex_dir"), 255.0)
        values = FILE_SIZE * FILE_SIZE * 3
        if any(name not in arrays for name in names) or arrays[names[0]].size != values:
            raise ModelError(
                f"This texture space has no {names[0]} or {names[1]}: give FLAME_albedo_from_BFM.npz or FLAME_texture.npz."
            )
        components = arrays[names[1]].reshape(values, -1)
        if components.shape[1] < num_components:
            raise ModelError(
                f"The texture space has {components.shape[1]} components, {num_components} are needed: give the whole."
            )
        chosen = np.ascontiguousarray(components[:, :num_components].T, np.float32)
        return TextureSpace(
            torch.from_numpy(np.ascontiguousarray(arrays[names[0]].reshape(-1), np.float32)) / scale,
            torch.from_numpy(chosen) / scale,
        )

    def texture(self, code: Tensor) -> Tensor:
        """Code [B, k <= K] -> RGB [B, 3, 256, 256], every second pixel of the file's; not clamped."""
        flat = self.mean + code @ self.components[: code.shape[1]]
        step = FILE_SIZE // TEXTURE_SIZE
        return flat.reshape(-1, FILE_SIZE, FILE_SIZE, 3)[:, ::step, ::step].flip(-1).permute(0, 3, 1, 2)
