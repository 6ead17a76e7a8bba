"""What residuals of random directions point at: components one by one, rows, columns and tensors by a factor."""

from __future__ import annotations

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.checks.matching import patterned, pursued
from fastcheck.evaluate.direction import draw

N = 5000
TENSOR = fc.Layout.of({"a": (10,), "W": (40, 25), "b": (N - 1010,)}).tensors[1]


def residuals(directions, error, rng, bound=1e-6):
    """What an error leaves along directions, with noise within the bounds."""
    left = np.array([u.dot(error, np.ones(N)) for u in directions])
    return left + bound * rng.uniform(-0.5, 0.5, left.size), np.full(left.size, bound)


@pytest.mark.parametrize(("wrong", "n_directions", "least"), [(1, 10, 20), (2, 28, 18), (3, 34, 16), (5, 46, 14)])
def test_wrong_components_are_found_and_never_others(wrong, n_directions, least, rng):
    n_found = 0
    for _ in range(20):
        directions = [draw(rng, 0, N) for _ in range(n_directions)]
        at = np.sort(rng.choice(N, wrong, replace=False))
        error = np.zeros(N)
        error[at] = rng.uniform(1e-3, 1e-2, wrong) * rng.choice([-1, 1], wrong)
        found = pursued(directions, *residuals(directions, error, rng), slice(0, N), N)
        assert found is None or sorted(found) == at.tolist()
        n_found += found is not None
    assert n_found >= least


def test_too_few_directions_name_nothing(rng):
    directions = [draw(rng, 0, N) for _ in range(10)]
    assert pursued(directions, *residuals(directions, rng.standard_normal(N), rng), slice(0, N), N) is None


def test_a_direction_that_is_sharper_does_not_decide_alone(rng):
    directions = [draw(rng, 0, N) for _ in range(22)]
    error = np.zeros(N)
    error[[7, 4000]] = 1e-2, -3e-3
    left, bounds = residuals(directions, error, rng)
    bounds[0] = 1e-12
    left[0] = directions[0].dot(error, np.ones(N))
    assert sorted(pursued(directions, left, bounds, slice(0, N), N) or []) == [7, 4000]


def test_directions_on_a_part_are_taken_together_with_those_over_everything(rng):
    directions = [draw(rng, 0, N) for _ in range(8)] + [draw(rng, TENSOR.start, TENSOR.stop) for _ in range(2)]
    error = np.zeros(N)
    error[500] = 1e-3
    assert pursued(directions, *residuals(directions, error, rng), TENSOR.slice, N) == [500]


@pytest.mark.parametrize(
    ("index", "name"), [(np.s_[7], "W[7, :]"), (np.s_[:, 3], "W[:, 3]"), (np.s_[:], "W"), (None, None)]
)
def test_a_factor_on_a_line_is_found_by_its_trace(index, name, rng):
    gradient, error = rng.standard_normal(N), np.zeros(N)
    own = error[TENSOR.slice].reshape(TENSOR.shape)
    if index is None:
        own[:] = rng.standard_normal(own.shape)
    else:
        own[index] = -0.01 * gradient[TENSOR.slice].reshape(TENSOR.shape)[index]
    directions = [draw(rng, 0, N) for _ in range(8)] + [draw(rng, TENSOR.start, TENSOR.stop) for _ in range(2)]
    found = patterned(directions, *residuals(directions, error, rng), TENSOR, gradient)
    assert [line.name for line in found] == ([name] if name else [])
    if name:
        assert np.isin(found[0].indices, np.flatnonzero(error)).all()
