"""From faces to texels: which triangle covers a texel, and what a vertex quantity is there.

Rule: a texel belongs to a triangle when its centre lies inside; gaps are filled from the nearest covered texel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt


@dataclass(frozen=True)
class Texels:
    """Covered texels of a [size, size] image, row 0 at the top (v = 1).

    rows, columns [N]; faces [N] the face of each; corners [N, 3] which of the face's four corners span its triangle;
    weights [N, 3] barycentric. overlaps: how many texel centres were claimed by two faces.
    """

    size: int
    rows: np.ndarray
    columns: np.ndarray
    faces: np.ndarray
    corners: np.ndarray
    weights: np.ndarray
    overlaps: int

    def interpolate(self, values: np.ndarray, faces: np.ndarray) -> np.ndarray:
        """Values [V, ...] at the texels; faces [F, 4] index them (vertices or uvs). Returns [N, ...]."""
        index = np.take_along_axis(faces[self.faces], self.corners, 1)
        return np.einsum("nk,nk...->n...", self.weights, values[index])

    def image(self, values: np.ndarray, empty: float = 0.0) -> np.ndarray:
        """Values [N, ...] put in their places: [size, size, ...]."""
        out = np.full((self.size, self.size, *values.shape[1:]), empty, values.dtype)
        out[self.rows, self.columns] = values
        return out


def find_texels(uvs: np.ndarray, face_uvs: np.ndarray, size: int) -> Texels:
    """Rasterise every face [F, 4] (-1 pads) of the layout at texel centres."""
    corner_sets = np.array([[0, 1, 2], [0, 2, 3]])
    points = uvs * size
    owner = np.full((size, size), -1, np.int32)
    found: list[tuple[np.ndarray, np.ndarray, int, int, np.ndarray]] = []
    overlaps = 0
    for face, corners in enumerate(face_uvs):
        for half in range(1 if corners[3] < 0 else 2):
            a, b, c = points[corners[corner_sets[half]]]
            low = np.ceil(np.minimum(np.minimum(a, b), c) - 0.5).astype(int)
            high = np.floor(np.maximum(np.maximum(a, b), c) - 0.5).astype(int)
            if (high < low).any():
                continue
            x = np.arange(max(low[0], 0), min(high[0], size - 1) + 1) + 0.5
            y = (np.arange(max(low[1], 0), min(high[1], size - 1) + 1) + 0.5)[:, None]
            double = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
            wb = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / double
            wc = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / double
            iy, ix = np.nonzero((wb >= 0) & (wc >= 0) & (wb + wc <= 1))
            if not len(iy):
                continue
            columns = ix + int(x[0] - 0.5)
            rows = size - 1 - (iy + int(y[0, 0] - 0.5))
            before = owner[rows, columns]
            other = (before >= 0) & (before != face) & (np.minimum(np.minimum(wb, wc), 1 - wb - wc)[iy, ix] > 1e-6)
            overlaps += int(other.sum())
            new = before < 0
            owner[rows[new], columns[new]] = face
            w = np.stack([1 - wb[iy, ix] - wc[iy, ix], wb[iy, ix], wc[iy, ix]], 1)[new]
            found.append((rows[new], columns[new], face, half, w))
    counts = [len(entry[0]) for entry in found]
    halves = np.repeat([entry[3] for entry in found], counts)
    return Texels(
        size, np.concatenate([e[0] for e in found]), np.concatenate([e[1] for e in found]),
        np.repeat([entry[2] for entry in found], counts), corner_sets[halves], np.concatenate([e[4] for e in found]), overlaps,
    )  # fmt: skip


def fill_gaps(image: np.ndarray, covered: np.ndarray, reach_px: float = np.inf) -> np.ndarray:
    """Texels outside `covered` [H, W] take the nearest covered texel's value, as far as reach_px."""
    distance, (rows, columns) = distance_transform_edt(~covered, return_indices=True)
    filled = image[rows, columns]
    far = distance > reach_px
    filled[far] = image[far]
    return filled
