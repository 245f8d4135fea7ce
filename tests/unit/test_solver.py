"""The bounded solve of one Gauss-Newton iteration."""

import numpy as np
import pytest
from likeness.core.fit.solver import solve_bounded


def random_problem(seed: int, n: int = 12) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(3 * n, n))
    return A.T @ A, 8 * rng.normal(size=n), -rng.uniform(0, 0.1, n), rng.uniform(0, 0.1, n)


def test_without_bounds_it_is_newtons_step():
    H, g, _, _ = random_problem(0)
    wide = np.full(len(g), np.inf)
    np.testing.assert_allclose(solve_bounded(H, g, -wide, wide), -np.linalg.solve(H, g), rtol=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_the_step_meets_the_optimality_conditions_of_the_box(seed):
    H, g, lower, upper = random_problem(seed)
    step = solve_bounded(H, g, lower, upper)
    slope = g + H @ step
    assert (step >= lower).all() and (step <= upper).all()
    inside = (step > lower + 1e-9) & (step < upper - 1e-9)
    assert np.abs(slope[inside]).max(initial=0) < 1e-7
    assert (slope[step <= lower + 1e-12] > -1e-7).all()
    assert (slope[step >= upper - 1e-12] < 1e-7).all()


def test_the_step_matches_scipys_bounded_least_squares():
    from scipy.optimize import lsq_linear

    rng = np.random.default_rng(7)
    A, b = rng.normal(size=(30, 10)), rng.normal(size=30)
    lower, upper = np.full(10, -0.05), np.full(10, 0.08)
    expected = lsq_linear(A, b, bounds=(lower, upper), tol=1e-12).x
    np.testing.assert_allclose(solve_bounded(A.T @ A, -A.T @ b, lower, upper), expected, atol=1e-7)


def test_an_exact_step_is_least_where_variables_pull_each_other_over_their_bounds():
    """A valley: fixing and freeing many at once goes round in circles in some of these."""
    from scipy.optimize import lsq_linear

    for seed in range(60):
        rng = np.random.default_rng(seed)
        A = rng.normal(size=(40, 25)) @ np.diag(10.0 ** rng.uniform(-2, 2, 25)) @ np.linalg.qr(rng.normal(size=(25, 25)))[0]
        b = 30 * rng.normal(size=40)
        lower, upper = -rng.uniform(0, 1, 25) * (rng.random(25) > 0.5), rng.uniform(0, 1, 25)
        lower[:5], upper[:5] = -np.inf, np.inf
        step = solve_bounded(A.T @ A, -A.T @ b, lower, upper, is_exact=True)
        best = lsq_linear(A, b, bounds=(lower - 1e-12, upper + 1e-12), tol=1e-14, max_iter=2000)
        assert ((step >= lower) & (step <= upper)).all()
        assert 0.5 * np.sum((A @ step - b) ** 2) <= best.cost * (1 + 1e-6)
