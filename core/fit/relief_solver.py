"""Brightness detail in a photo -> the relief that casts it, tile by tile in the frequency domain.

Rule of this file: image space only. A tile is small beside the face, so that light, distance and slant are one each in it, and
shape from shading is linear there: with height h, light slope a and dark creases k, brightness answers to a wave of wave vector q
with T(q) = k |q| - i a q, and the height is read back by Wiener's filter, which takes no more than the signal stands above the
skin's own mottle and the camera's noise.

Sources: Pentland 1990, "Linear shape from shading"; the dark-is-deep term after the idea of Beeler et al. 2010, "High-quality
single-shot capture of facial geometry"; amplitudes from ANTHROPOMETRY.md B5 (wrinkles .1-1.0 mm, pores .03-.15 mm).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .face_zones import soft_step

TILE_M = 0.016
TILE_PX = (16, 128)
CREASE = 0.12
"""Log brightness that a wave of slope 1 loses in its valleys under light from everywhere, to first order."""
SLOPE_SD = (0.035, 0.4)
"""Of skin's relief within an octave of scale: of smooth skin and of the most wrinkled; each tile's is read from it."""
LONGEST_M = (0.007, 0.012)
"""Wavelengths between which relief is left to the mesh."""
SHORTEST_PX = (3.0, 6.0)
"""Wavelengths between which a photo begins to resolve relief: below are noise, sharpening and JPEG's ringing."""
USUAL_SLOPE_SD, USUAL_SPOTS_SD = 0.15, 0.03
"""Of relief's slope and of spots' log brightness within an octave, on a usual face."""
WINDOW_POWER = 0.25
OCTAVE = 9.06
"""White noise of variance s^2 a pixel against a signal with variance V in every octave: s^2 q^2 / (OCTAVE V)."""


@dataclass(frozen=True)
class TileLight:
    """What is one in a tile, for N tiles: slope [N, 2]: fall of log brightness per height gradient in m / px (image axes);
    metric [N, 3]: xx, xy, yy of the inverse metric, so that |gradient on the surface|^2 = q metric q, px^2 / m^2."""

    slope: np.ndarray
    metric: np.ndarray


@dataclass(frozen=True)
class Tiles:
    """Squares of `side` px whose corners lie at rows, columns [N]; neighbours overlap by half."""

    side: int
    rows: np.ndarray
    columns: np.ndarray


def place_tiles(trust: np.ndarray, pixels_per_m: float) -> Tiles:
    """Tiles over all of trust [H, W] that is above 0; may reach over its edges."""
    side = int(np.clip(2 ** np.ceil(np.log2(max(TILE_M * pixels_per_m, 1)) - 0.2), *TILE_PX))
    hop = side // 2
    height, width = trust.shape
    rows, columns = np.arange(-hop, height, hop), np.arange(-hop, width, hop)
    padded = np.pad(trust > 0, ((hop, -height % hop + hop), (hop, -width % hop + hop)))
    blocks = padded.reshape(padded.shape[0] // hop, hop, padded.shape[1] // hop, hop).any((1, 3))
    used = blocks[:-1, :-1] | blocks[1:, :-1] | blocks[:-1, 1:] | blocks[1:, 1:]
    r, c = np.nonzero(used[: len(rows), : len(columns)])
    return Tiles(side, rows[r], columns[c])


def solve_relief(
    brightness: np.ndarray, tiles: Tiles, light: TileLight, mottle: np.ndarray, noise: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """brightness [H, W]: log, fading to 0 where not trusted; mottle: its deviation within an octave that is pigment, and
    noise: that of a pixel, [N] in each tile -> heights [H, W] m, and the brightness [H, W] that they explain."""
    side, margin = tiles.side, tiles.side
    window = np.sin(np.pi * (np.arange(side) + 0.5) / side).astype(np.float32)
    window = window[:, None] * window
    padded = np.pad(brightness.astype(np.float32), margin)
    inner = np.arange(side)
    patches = padded[(tiles.rows[:, None, None] + margin + inner[:, None]), (tiles.columns[:, None, None] + margin + inner)]
    height, explained = filter_tiles(np.fft.rfft2(patches * window), light, mottle, noise)
    sums = np.zeros((2, *padded.shape), np.float32)
    for target, spectrum in zip(sums, (height, explained), strict=True):
        pieces = np.fft.irfft2(spectrum, s=(side, side)) * window
        for row, column, piece in zip(tiles.rows + margin, tiles.columns + margin, pieces, strict=True):
            target[row : row + side, column : column + side] += piece
    cut = (slice(margin, -margin), slice(margin, -margin))
    return sums[0][cut], sums[1][cut]


def split_variance(spectra: np.ndarray, known: np.ndarray, answer: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variances within an octave in each tile, [N]: of the relief's slope, and of brightness that is no relief.

    What brightness varies beyond `known` [N] is shared between relief and spots as they usually are: the less the light rakes,
    the less of it is relief.
    """
    side = spectra.shape[1]
    twice = np.full(spectra.shape[2], 2.0)
    twice[[0, -1]] = 1.0
    power = (np.abs(spectra) ** 2 * twice).sum((1, 2)) / (side**4 * WINDOW_POWER)
    answered = (np.abs(answer) ** 2).mean((1, 2))
    excess = np.maximum(power - known, 0)
    share = USUAL_SLOPE_SD**2 * answered / (USUAL_SLOPE_SD**2 * answered + USUAL_SPOTS_SD**2)
    slope = np.clip(share * excess / answered, SLOPE_SD[0] ** 2, SLOPE_SD[1] ** 2)
    return slope, known + (1 - share) * excess


def filter_tiles(spectra: np.ndarray, light: TileLight, mottle: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spectra [N, side, side / 2 + 1] of brightness -> those of height m, and of the brightness that it explains."""
    side = spectra.shape[1]
    qy, qx = 2 * np.pi * np.fft.fftfreq(side)[:, None], 2 * np.pi * np.fft.rfftfreq(side)
    xx, xy, yy = (light.metric[:, k, None, None] for k in range(3))
    wave = np.sqrt(np.maximum(xx * qx**2 + 2 * xy * qx * qy + yy * qy**2, 1e-12))
    along = light.slope[:, 0, None, None] * qx + light.slope[:, 1, None, None] * qy
    answer = (CREASE * wave - 1j * along) / wave
    q2 = qx**2 + qy**2
    length_px = 2 * np.pi / np.sqrt(np.maximum(q2, 1e-12))
    band = soft_step(length_px, *SHORTEST_PX) * (1 - soft_step(2 * np.pi / wave, *LONGEST_M))
    relief, spots = split_variance(spectra * band, mottle**2 + noise**2 * (band**2).mean((1, 2)), answer)
    doubt = (spots[:, None, None] + noise[:, None, None] ** 2 * q2 / OCTAVE) / relief[:, None, None]
    slope = spectra * np.conj(answer) / (np.abs(answer) ** 2 + doubt) * band
    return slope / wave, slope * answer
