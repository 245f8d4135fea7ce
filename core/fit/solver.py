"""Gauss-Newton with box bounds on a quadratic model: the small dense solve of every iteration."""

from __future__ import annotations

import numpy as np


def solve_bounded(
    hessian: np.ndarray, gradient: np.ndarray, lower: np.ndarray, upper: np.ndarray, rounds: int = 12
) -> np.ndarray:
    """The step d with lower <= d <= upper that minimises gradient @ d + d @ hessian @ d / 2.

    hessian [n,n] positive definite; gradient, lower, upper [n], lower <= 0 <= upper. The unbounded variables are eliminated
    (Schur's complement); an active set finds the bounded ones.
    """
    bounded = np.flatnonzero(np.isfinite(lower) | np.isfinite(upper))
    free = np.flatnonzero(~(np.isfinite(lower) | np.isfinite(upper)))
    if not len(free):
        return active_set(hessian, gradient, lower, upper, rounds)
    right = np.column_stack([gradient[free], hessian[np.ix_(free, bounded)]])
    solved = np.linalg.solve(hessian[np.ix_(free, free)], right)
    across = hessian[np.ix_(bounded, free)]
    reduced = hessian[np.ix_(bounded, bounded)] - across @ solved[:, 1:]
    step = np.empty(len(gradient))
    step[bounded] = active_set(reduced, gradient[bounded] - across @ solved[:, 0], lower[bounded], upper[bounded], rounds)
    step[free] = -solved[:, 0] - solved[:, 1:] @ step[bounded]
    return step


def active_set(hessian: np.ndarray, gradient: np.ndarray, lower: np.ndarray, upper: np.ndarray, rounds: int) -> np.ndarray:
    """As solve_bounded, without eliminating first. Fixed variables whose multiplier has the wrong sign are freed again; after
    `rounds` changes of the set the last feasible step is returned."""
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
