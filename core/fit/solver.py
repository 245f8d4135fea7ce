"""Gauss-Newton with box bounds on a quadratic model: the small dense solve of every iteration."""

from __future__ import annotations

import numpy as np


def solve_bounded(
    hessian: np.ndarray, gradient: np.ndarray, lower: np.ndarray, upper: np.ndarray, rounds: int = 12
) -> np.ndarray:
    """The step d with lower <= d <= upper that minimises gradient @ d + d @ hessian @ d / 2, by an active set.

    hessian [n,n] positive definite; gradient, lower, upper [n], lower <= 0 <= upper. Fixed variables whose multiplier has the
    wrong sign are freed again; after `rounds` changes of the set the last feasible step is returned.
    """
    step = np.zeros(len(gradient))
    is_free = np.ones(len(gradient), bool)
    for _ in range(rounds):
        right = -(gradient[is_free] + hessian[np.ix_(is_free, ~is_free)] @ step[~is_free])
        step[is_free] = np.linalg.solve(hessian[np.ix_(is_free, is_free)], right)
        is_outside = is_free & ((step < lower - 1e-12) | (step > upper + 1e-12))
        step = np.clip(step, lower, upper)
        slope = gradient + hessian @ step
        is_wrong = ~is_free & (((step <= lower) & (slope < -1e-9)) | ((step >= upper) & (slope > 1e-9)))
        if not is_outside.any() and not is_wrong.any():
            break
        is_free = (is_free & ~is_outside) | is_wrong
    return step
