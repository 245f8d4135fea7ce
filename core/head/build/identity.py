"""The identity space: heads aligned on the skull, and their principal components."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SEED = 20260801
TIED = 0.999
"""Offsets of this share of the largest are as large."""


def align_rigidly(moving: np.ndarray, fixed: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotation R [3,3] and translation t [3] that best take moving [N,3] to fixed [N,3] (Kabsch): x -> R x + t."""
    weights = weights / weights.sum()
    a, b = weights @ moving, weights @ fixed
    U, _, Vt = np.linalg.svd((moving - a).T @ (weights[:, None] * (fixed - b)))
    D = np.diag([1, 1, np.sign(np.linalg.det(U @ Vt))])
    R = (U @ D @ Vt).T
    return R, b - R @ a


@dataclass(frozen=True)
class IdentitySpace:
    """mean [N, 3] m and basis [K, N, 3] m per standard deviation; sigmas [K] m: root of each component's summed variance."""

    mean: np.ndarray
    basis: np.ndarray
    sigmas: np.ndarray


def principal_components(samples: np.ndarray, count: int, weights: np.ndarray) -> IdentitySpace:
    """PCA of heads [S, N, 3], distances weighed by `weights` [N] (the kept skin 1, helpers 0), via the samples' Gram matrix.

    Signs are fixed by each component's largest skin offset being positive along its main axis; of those that are as large
    (TIED), by the first: which of two is larger by a rounding differs from machine to machine.
    """
    mean = samples.mean(0)
    deviations = (samples - mean).reshape(len(samples), -1).astype(np.float32)
    rooted = (deviations.reshape(samples.shape) * np.sqrt(weights)[None, :, None].astype(np.float32)).reshape(len(samples), -1)
    values, vectors = np.linalg.eigh((rooted @ rooted.T).astype(np.float64))
    order = np.argsort(values)[::-1][:count]
    values, vectors = values[order], vectors[:, order]
    basis = (vectors.T.astype(np.float32) @ deviations) / np.sqrt(len(samples) - 1)
    basis = basis.reshape(count, *mean.shape).astype(np.float64)
    flat = (basis * (weights > 0)[None, :, None]).reshape(count, -1)
    size = np.abs(flat)
    peak = np.take_along_axis(flat, (size > TIED * size.max(1, keepdims=True)).argmax(1)[:, None], 1)[:, 0]
    return IdentitySpace(mean, basis * np.sign(peak)[:, None, None], np.sqrt(values / (len(samples) - 1)))
