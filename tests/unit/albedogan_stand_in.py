"""A layout for the synthetic FLAME, networks that answer what a test wants, and a photo whose colours say where they were.

Rule of this file: everything from seeds; nothing of the published files.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from likeness.core.albedogan.parts import PaperMesh, PaperNetworks
from likeness.core.albedogan.spherical_harmonics import ambient
from likeness.core.flame.embedding import LandmarkEmbedding
from likeness.tests.golden.synthetic_flame import synthetic_embedding, synthetic_flame

ROUND = 71
"""The synthetic template's vertices are a spiral of this many a turn."""
SCALE = 7.0
"""The stand-in camera's: the head fills most of the crop."""


def spiral_layout() -> tuple[np.ndarray, np.ndarray]:
    """UVs [3 F, 2] and triangles [F, 3] of them: the spiral cut open at the back of the head, the face in the middle, the
    subject's left (x > 0) at larger u. Triangles that close the spiral on itself have no area."""
    faces = synthetic_flame().faces
    first = faces.min(1, keepdims=True)
    turns = (faces + ROUND // 2) / ROUND
    start = np.floor((first + ROUND // 2) / ROUND)
    rows = np.round((faces - first) / ROUND)
    u = turns - start - rows + 0.5 / ROUND
    v = faces / 5022
    uvs = np.stack([0.02 + 0.96 * u / (1 + 2 / ROUND), 0.02 + 0.96 * v], -1)
    uvs[np.ptp(faces, 1) > 2 * ROUND] = 0
    return uvs.reshape(-1, 2), np.arange(faces.size).reshape(-1, 3)


def stand_in_embedding() -> LandmarkEmbedding:
    """The synthetic landmarks as core/flame reads them (the file's full set has a leading axis of 1)."""
    arrays = synthetic_embedding()
    given = {}
    for kind in ("static", "dynamic", "full"):
        for ours, theirs in (("faces", "faces_idx"), ("weights", "bary_coords")):
            array = arrays[f"{kind}_lmk_{theirs}"]
            given[f"{kind}_{ours}"] = array[0] if kind == "full" else array
    return LandmarkEmbedding(**given)


def stand_in_mesh(texture_size: int = 256) -> PaperMesh:
    """The synthetic FLAME on its spiral layout."""
    fixed = 0.0002 * np.random.default_rng(5).standard_normal((256, 256))
    uvs, triangles = spiral_layout()
    embedding = stand_in_embedding()
    return PaperMesh.build(synthetic_flame(), uvs, triangles, fixed=fixed, embedding=embedding, texture_size=texture_size)


def stand_in_photo(height: int = 260, width: int = 200) -> np.ndarray:
    """[H, W, 3] uint8: red grows to the right, green downwards, blue is even."""
    y, x = np.mgrid[:height, :width]
    return np.stack([40 + 150 * x / width, 40 + 150 * y / height, np.full(x.shape, 90.0)], -1).astype(np.uint8)


def stand_in_landmarks(height: int = 260, width: int = 200) -> np.ndarray:
    """[68, 2] over the middle of the photo."""
    points = np.random.default_rng(11).random((68, 2))
    return points * [0.5 * width, 0.5 * height] + [0.25 * width, 0.25 * height]


def stand_in_parameters(seed: int = 0, yaw: float = 0.3) -> np.ndarray:
    """The coarse encoder's answer, [236]: a small random face that looks to the image's right, evenly lit."""
    draw = np.random.default_rng(seed).standard_normal
    light = ambient()
    light[1:] = 0.1 * draw((8, 3))
    parts = (0.5 * draw(100), 0.5 * draw(50), 0.5 * draw(50), [0.02, yaw, 0.01, 0.1, 0, 0], [SCALE, 0.004, -0.003], light.ravel())
    return np.concatenate(parts).astype(np.float32)


@dataclass(frozen=True)
class SmallGenerator:
    """A generator whose picture is a smooth function of the latent code: num_latents rows of w = z / 2."""

    num_latents: int = 18
    size: int = 64

    def arrange(self, styles: list[torch.Tensor], *, truncation: float = 1.0, mix_at: int | None = None) -> torch.Tensor:
        rows = [(truncation * z / 2)[:, None].expand(-1, self.num_latents, -1) for z in styles]
        middle = self.num_latents // 2 if mix_at is None else mix_at
        return rows[0] if len(rows) == 1 else torch.cat([rows[0][:, :middle], rows[1][:, middle:]], 1)

    def synthesise(self, latent: torch.Tensor) -> torch.Tensor:
        ramp = torch.linspace(-1, 1, self.size)
        level = latent.mean(1)[:, :3, None, None]
        return torch.tanh(level + ramp[:, None] * 0.3 + ramp * 0.2)


def stand_in_networks(seed: int = 0, **replaced: object) -> PaperNetworks:
    """Networks that answer from the seed, and a little from what they are shown."""
    parameters = torch.from_numpy(stand_in_parameters(seed))
    generator = torch.Generator().manual_seed(seed)
    from_blob = torch.randn(3, 300, generator=generator) * 0.3
    ripple = torch.sin(torch.arange(256) / 9.0)

    def coarse(crops: torch.Tensor) -> torch.Tensor:
        out = parameters.expand(len(crops), -1).clone()
        out[:, 0] += crops.mean((1, 2, 3))
        return out

    def decoder(codes: torch.Tensor) -> torch.Tensor:
        return (0.002 * torch.tanh(codes[:, :1]))[:, :, None, None] * (ripple[:, None] * ripple)

    given: dict[str, object] = {
        "coarse": coarse,
        "detail": lambda crops: crops.mean((2, 3)).repeat(1, 43)[:, :128],
        "decoder": decoder,
        "identity": lambda blobs: blobs.mean((2, 3)) @ from_blob,
        "generator": SmallGenerator(),
    }
    return PaperNetworks(**(given | replaced))  # type: ignore[arg-type]
