"""One period of smooth noise in space, from which all unevenness of skin is read (skin_kernels.octave)."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ..render.runtime import as_warp, load_warp

PERIOD = 64
SMOOTHING = np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
TRILINEAR = 0.9
"""What reading between the voxels leaves of the deviation."""


@cache
def noise_volume() -> Any:
    """[PERIOD] * 3 float32 as a Warp array: white noise smoothed to blobs about three voxels wide, of unit variance as read."""
    values = np.random.default_rng(20261123).standard_normal((PERIOD,) * 3)
    for axis in range(3):
        values = sum(share * np.roll(values, k - 2, axis) for k, share in enumerate(SMOOTHING))
    values /= TRILINEAR * values.std()
    return as_warp(np.ascontiguousarray(values, np.float32), load_warp().float32)
