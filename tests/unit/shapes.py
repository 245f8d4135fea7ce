"""Simple meshes for tests."""

import numpy as np


def make_sphere(rings: int = 12, segments: int = 16, radius: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """A sphere about the origin: vertices [(rings + 1) * (segments + 1), 3] (doubled at poles and seam), triangles."""
    polar, around = np.meshgrid(np.linspace(0, np.pi, rings + 1), np.linspace(0, 2 * np.pi, segments + 1), indexing="ij")
    vertices = np.stack([np.sin(polar) * np.sin(around), np.cos(polar), np.sin(polar) * np.cos(around)], -1).reshape(-1, 3)
    a = (np.arange(rings)[:, None] * (segments + 1) + np.arange(segments)).ravel()
    b, c, d = a + segments + 1, a + segments + 2, a + 1
    return vertices * radius, np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)])
