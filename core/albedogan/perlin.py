"""Perlin noise in octaves: the grain that the release lays over skin outside the face.

Rule of this file: the angles of the lattice's gradients are drawn by a generator that is given (the release draws from a global
one that nobody seeds). Source: Perlin 2002, "Improving noise", SIGGRAPH (the quintic fade).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

NUM_OCTAVES, PERSISTENCE = 5, 0.5
FIELD_SIZE, FIELD_LATTICE = 2048, 128
"""What the release makes: the last of five octaves has a lattice point at every pixel, where the noise is 0."""
GRAIN = 1 / 50
"""How much of it is added to a texture."""

Draw = Callable[[int, tuple[int, int]], np.ndarray]
"""(octave, shape) -> uniform numbers in [0, 1)."""


def draw_from(generator: np.random.Generator) -> Draw:
    """Lattice draws from a generator, octave by octave."""
    return lambda octave, shape: generator.random(shape)


def noise(size: int, lattice: int, uniform: np.ndarray, region: int | None = None) -> np.ndarray:
    """One octave: size px square, lattice cells a side, uniform [lattice + 1, lattice + 1] in [0, 1) -> [size, size] float64,
    about -1..1; only the first `region` rows and columns where that is given."""
    cells = np.arange(size if region is None else region) * (lattice / size)
    corner = np.floor(cells).astype(int)
    t = cells - corner
    fade = t**3 * (t * (6 * t - 15) + 10)
    angles = 2 * np.pi * np.asarray(uniform, np.float64)
    along_rows, along_columns = np.cos(angles), np.sin(angles)

    def share(down: int, right: int) -> np.ndarray:
        at = np.ix_(corner + down, corner + right)
        return along_rows[at] * (t - down)[:, None] + along_columns[at] * (t - right)[None, :]

    upper = share(0, 0) + fade[None, :] * (share(0, 1) - share(0, 0))
    lower = share(1, 0) + fade[None, :] * (share(1, 1) - share(1, 0))
    return np.sqrt(2) * (upper + fade[:, None] * (lower - upper))


def octaves(size: int, lattice: int, draw: Draw, num_octaves: int = NUM_OCTAVES, region: int | None = None) -> np.ndarray:
    """The sum of octaves, each of twice the lattice and PERSISTENCE times the height of the one before. An octave as fine as the
    pixels is drawn, so that the generator stands where the release's does, but adds nothing."""
    total = np.zeros((size if region is None else region,) * 2)
    for octave in range(num_octaves):
        cells = lattice * 2**octave
        uniform = draw(octave, (cells + 1, cells + 1))
        if cells < size:
            total += PERSISTENCE**octave * noise(size, cells, uniform, region)
    return total


def grain(draw: Draw, size: int = FIELD_SIZE // 2) -> np.ndarray:
    """What the release adds to a texture's three channels alike, [size, size]: the upper left of its field, weakened."""
    return GRAIN * octaves(FIELD_SIZE, FIELD_LATTICE, draw, region=size)
