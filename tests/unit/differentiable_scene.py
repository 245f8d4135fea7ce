"""A scene for the differentiable renderer's tests: a bumpy ball over a second one, textured, in clip space."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

SIZE = (44, 52)


@dataclass(frozen=True)
class Scene:
    """pos [B, V, 4], tri [T, 3], attr [B, V, 5] (u, v and three more), tex [1, 16, 8, 3], all leaves of one dtype."""

    pos: torch.Tensor
    tri: torch.Tensor
    attr: torch.Tensor
    tex: torch.Tensor

    def leaves(self) -> tuple[torch.Tensor, ...]:
        return self.pos, self.attr, self.tex

    def to(self, dtype: torch.dtype) -> Scene:
        """Fresh leaves with gradient."""
        pos, attr, tex = (t.detach().to(dtype).requires_grad_() for t in self.leaves())
        return replace(self, pos=pos, attr=attr, tex=tex)


def make_closed_ball(rings: int, segments: int) -> tuple[np.ndarray, np.ndarray]:
    """A unit sphere without doubled vertices: vertices [2 + (rings - 1) * segments, 3], triangles [T, 3]."""
    polar, around = np.meshgrid(np.linspace(0, np.pi, rings + 1)[1:-1], np.arange(segments) / segments * 2 * np.pi, indexing="ij")
    middle = np.stack([np.sin(polar) * np.sin(around), np.cos(polar), np.sin(polar) * np.cos(around)], -1).reshape(-1, 3)
    vertices = np.concatenate([middle, [[0.0, 1, 0], [0, -1, 0]]])
    i, nxt = np.arange(segments), (np.arange(segments) + 1) % segments
    rows = np.arange(rings - 2)[:, None] * segments
    a, b, c, d = (v.ravel() for v in (rows + i, rows + segments + i, rows + segments + nxt, rows + nxt))
    last = (rings - 2) * segments
    top, bottom = np.full(segments, len(middle)), np.full(segments, len(middle) + 1)
    fans = [np.stack([top, i, nxt], -1), np.stack([bottom, last + nxt, last + i], -1)]
    return vertices, np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1), *fans])


def make_scene(num_images: int = 2, seed: int = 0) -> Scene:
    """Two balls, the nearer one bumpy, seen in perspective from slightly different places; float32."""
    rng = np.random.default_rng(seed)
    ball, ball_triangles = make_closed_ball(9, 12)
    bumps = ball * (1 + 0.12 * rng.normal(size=(len(ball), 1)))
    vertices = np.concatenate([bumps * 0.55 + (-0.2, 0.1, 0), ball * 0.5 + (0.45, -0.25, 0.6)])
    triangles = np.concatenate([ball_triangles, ball_triangles + len(ball)])
    images = []
    for _ in range(num_images):
        x, y, z = (vertices + rng.normal(size=3) * 0.05).T
        w = z + 2.2
        images.append(np.stack([1.9 * x, 1.9 * y, (w * 1.1 - 0.3), w], -1))
    attr = rng.normal(size=(num_images, len(vertices), 5))
    attr[..., :2] = vertices[:, :2] * 0.8 + 0.5
    tensors = (np.stack(images), attr, rng.uniform(size=(1, 16, 8, 3)))
    pos, attributes, tex = (torch.tensor(t, dtype=torch.float32) for t in tensors)
    return Scene(pos, torch.tensor(triangles, dtype=torch.int32), attributes, tex)
