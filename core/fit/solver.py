"""Gauss-Newton with box bounds on a quadratic model: the small dense solve of every iteration."""

from __future__ import annotations

import numpy as np


def solve_bounded(
    hessian: np.ndarray,
    gradient: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    rounds: int = 12,
    is_exact: bool = False,
) -> np.ndarray:
    """The step d with lower <= d <= upper that minimises gradient @ d + d @ hessian @ d / 2.

    is_exact: to be had for whoever takes the step without looking whether it is one down; else it may fail to be least.

    hessian [n,n] positive definite; gradient, lower, upper [n], lower <= 0 <= upper. The unbounded variables are eliminated
    (Schur's complement); an active set finds the bounded ones.
    """
    bounded = np.flatnonzero(np.isfinite(lower) | np.isfinite(upper))
    free = np.flatnonzero(~(np.isfinite(lower) | np.isfinite(upper)))
    if not len(free):
        step = active_set(hessian, gradient, lower, upper, rounds)
        return descend(hessian, gradient, lower, upper, step) if is_exact else step
    right = np.column_stack([gradient[free], hessian[np.ix_(free, bounded)]])
    solved = np.linalg.solve(hessian[np.ix_(free, free)], right)
    across = hessian[np.ix_(bounded, free)]
    reduced = hessian[np.ix_(bounded, bounded)] - across @ solved[:, 1:]
    step = np.empty(len(gradient))
    problem = reduced, gradient[bounded] - across @ solved[:, 0], lower[bounded], upper[bounded]
    step[bounded] = active_set(*problem, rounds)
    if is_exact:
        step[bounded] = descend(*problem, step[bounded])
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


def descend(hessian: np.ndarray, gradient: np.ndarray, lower: np.ndarray, upper: np.ndarray, step: np.ndarray) -> np.ndarray:
    """The least point within the bounds, from a step within them: variables are fixed and freed one at a time and no move is
    upwards, so it always arrives; one solve where `step` is that point already."""
    step = step.copy()
    is_free = (step > lower) & (step < upper)
    for _ in range(10 * len(step)):
        goal = step.copy()
        right = -(gradient[is_free] + hessian[np.ix_(is_free, ~is_free)] @ step[~is_free])
        goal[is_free] = np.linalg.solve(hessian[np.ix_(is_free, is_free)], right)
        move = goal - step
        room = np.where(move > 0, upper - step, lower - step)
        share = np.divide(room, move, out=np.full(len(step), np.inf), where=np.abs(move) > 1e-15)
        first = int(np.argmin(share))
        if share[first] < 1:
            step = np.clip(step + share[first] * move, lower, upper)
            step[first] = upper[first] if move[first] > 0 else lower[first]
            is_free[first] = False
            continue
        step = goal
        slope = gradient + hessian @ step
        wrong = np.where(is_free, 0.0, np.where(step <= lower, -slope, slope))
        worst = int(np.argmax(wrong))
        if wrong[worst] <= 1e-9:
            break
        is_free[worst] = True
    return step
