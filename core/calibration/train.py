"""Learning the dense landmarks: ridge regression from the network's reading of a rendered head to where its points lie."""

from __future__ import annotations

import numpy as np

from ..photo.dense_landmarks import DenseRegressor
from ..photo.landmarks import eye_points

RIDGE = 300.0
"""Chosen on held-out heads: 30, 300, 1000, 3000 left 2.01, 1.99, 2.04, 2.12 mm (2,500 heads for learning)."""
NUM_COMPONENTS = 200
GROSS = 3.0
"""Heads whose points lie this many times farther off than usual were misread as a whole: nothing is learnt from them."""


def train(features: np.ndarray, error_px: np.ndarray, weight: np.ndarray) -> DenseRegressor:
    """features [S,2,D] of every head and its mirror image, error_px [S,2,478,2] true minus detected, crop px, how much each head
    counts [S] -> regressor.

    Lids and irises are edges that the network's own branches follow in the picture; lashes and make-up of real eyes, which
    our renders lack, would mislead what is learnt. They keep their places but for one offset each.
    """
    distance = np.linalg.norm(error_px[:, 0], axis=2).mean(1)
    kept = distance < GROSS * np.median(distance)
    X = features[kept].reshape(-1, features.shape[2]).astype(np.float64)
    Y = error_px[kept].reshape(len(X), -1)
    counted = np.repeat(weight[kept], 2)[:, None]
    mean, scale, offset = X.mean(0), X.std(0) + 1e-3, np.average(Y, 0, counted[:, 0])
    X = (X - mean) / scale
    weighted = X * counted
    coefficients = np.linalg.solve(weighted.T @ X + RIDGE * np.eye(X.shape[1]), weighted.T @ (Y - offset))
    coefficients.reshape(X.shape[1], *error_px.shape[2:])[:, eye_points()] = 0
    predicted = X @ coefficients
    _, vectors = np.linalg.eigh(predicted.T @ predicted)
    directions = vectors[:, ::-1][:, :NUM_COMPONENTS].T
    spread = (predicted @ directions.T).std(0)
    return DenseRegressor(mean, scale, coefficients @ directions.T / spread, directions * spread[:, None], offset)
