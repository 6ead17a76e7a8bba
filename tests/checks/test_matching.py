"""What residuals of random directions point at: one component, or a row, a column or a tensor by a factor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.checks.matching import Way, evened, n_needed, patterned, pointed_at
from fastcheck.evaluate.direction import draw

N = 5000
TENSOR = fc.Layout.of({"a": (10,), "W": (40, 25), "b": (N - 1010,)}).tensors[1]
ALL = slice(0, N)


def ways_of(error, rng, n_whole=8, n_own=2, bound=1e-6):
    """What an error leaves along directions over everything and on a tensor, with noise within the bounds."""
    over = [(0, N)] * n_whole + [(TENSOR.start, TENSOR.stop)] * n_own
    directions = [draw(rng, *span) for span in over]
    residuals = [u.dot(error, np.ones(N)) + bound * rng.uniform(-0.5, 0.5) for u in directions]
    return [Way(u, r, r, bound, 0.0) for u, r in zip(directions, residuals, strict=True)]


def spike(index, size=1e-3):
    return np.where(np.arange(N) == index, size, 0.0)


@pytest.mark.parametrize("index", [0, 500, N - 1])
def test_the_one_wrong_component_is_found_with_its_error(index, rng):
    for _ in range(20):
        found, error = pointed_at(ways_of(spike(index), rng), ALL)
        assert found == index
        assert error == pytest.approx(1e-3, abs=1e-6)


def test_as_many_directions_as_are_said_to_be_needed_tell_it(rng):
    for bound, most in ((1e-9, 4), (1e-5, 6), (1e-4, 8)):
        n = n_needed(ways_of(spike(77), rng, bound=bound), N)
        assert n <= most
        found = [pointed_at(ways_of(spike(77), rng, n, 0, bound), ALL) for _ in range(50)]
        assert sum(each is not None and each[0] == 77 for each in found) >= 45


def test_what_no_single_component_explains_points_at_none(rng):
    for error in (rng.standard_normal(N), spike(7) + spike(4000), np.zeros(N)):
        assert all(pointed_at(ways_of(error, rng), ALL) is None for _ in range(20))


def test_only_components_of_the_span_are_pointed_at(rng):
    ways = ways_of(spike(500), rng)
    assert pointed_at(ways, TENSOR.slice)[0] == 500
    assert pointed_at(ways, slice(TENSOR.stop, N)) is None


def test_no_bound_is_below_the_median_of_those_over_the_same_components(rng):
    ways = ways_of(spike(500), rng)
    uneven = [
        replace(way, bound=bound) for way, bound in zip(ways, [1e-12, *[2e-6] * 6, 9e-6, 1e-7, 3e-7], strict=True)
    ]
    assert [way.bound for way in evened(uneven)] == [2e-6] * 7 + [9e-6, 2e-7, 3e-7]


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
    found = patterned(ways_of(error, rng), TENSOR, gradient)
    assert [line.name for line, _ in found] == ([name] if name else [])
    if name:
        ((line, multiple),) = found
        assert np.isin(line.indices, np.flatnonzero(error)).all()
        assert multiple == pytest.approx(-0.01, rel=1e-3)
