"""Random directions: hashed, uniform, independent, and rarely blind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kstest

from fastcheck.evaluate.direction import DENSITY, EXACT, draw
from fastcheck.problem.domain import Domain
from fastcheck.problem.layout import Layout
from fastcheck.problem.units import units_of


def entries(direction):
    return np.array([direction.entry(i) for i in range(direction.start, direction.stop)])


def test_directions_are_uniform_independent_and_reproducible(rng):
    u, v = draw(rng, 0, 20_000), draw(rng, 0, 20_000)
    a, b = entries(u), entries(v)
    assert kstest(a, "uniform", args=(-np.sqrt(3), 2 * np.sqrt(3))).pvalue > 1e-3
    for pair in ((a, b), (a[1:], a[:-1]), (a[::2], a[1::2])):
        assert abs(np.corrcoef(*pair)[0, 1]) < 0.03
    assert np.array_equal(entries(u.part(500, 700)), a[500:700])


def test_moves_are_exact_beside_theta(rng):
    theta = rng.uniform(0.71, 1.4, 5000) * np.exp2(rng.integers(-30, 30, 5000))
    units = units_of(theta, Layout.of({"theta": theta.shape}))
    moves = units * draw(rng, 0, theta.size).entries() * 2.0**EXACT
    assert moves.all() and np.array_equal((theta + moves) - theta, moves)


def test_the_dot_product_of_a_part_is_that_of_its_entries(rng):
    u, vector = draw(rng, 3, 9_999), rng.standard_normal(10_000)
    scale = np.exp2(rng.integers(-20, 20, 10_000))
    for part in (u, u.part(3, 4), u.part(4000, 9000)):
        scaled = (scale * vector)[part.start : part.stop]
        assert part.dot(vector, scale) == pytest.approx(entries(part) @ scaled, rel=1e-12)


@pytest.mark.parametrize("error", [[1.0], [1.0, -1.0], [1.0, 1.0, 1.0], [3.0, 0.1, -2.0, 1.0]])
def test_a_direction_misses_no_more_often_than_the_guarantee_says(error, rng):
    error = np.array(error) / np.linalg.norm(error)
    hits = np.array([abs(draw(rng, 0, error.size).dot(error, np.ones(error.size))) for _ in range(20_000)])
    for t in (0.01, 0.1, 0.5):
        assert np.mean(hits <= t) <= DENSITY * t + 0.01
    assert np.mean(hits**2) == pytest.approx(1.0, rel=0.05)


def test_bounds_turn_components_and_end_where_the_first_of_them_is_met(rng):
    n = 5000
    theta, scale = rng.uniform(-1, 1, n), np.exp2(rng.integers(-9, 9, n))
    below, above = rng.uniform(0.1, 1, (2, n))
    sides = rng.integers(-1, 2, n).astype(np.int8)
    u = draw(rng, 0, n, sides)
    turned, free = entries(u), entries(replace(u, sides=np.zeros(n, dtype=np.int8)))
    assert np.array_equal(turned, np.where(sides == 0, free, sides * np.abs(free)))
    room = np.where(sides == 0, np.minimum(below, above), np.where(turned > 0, above, below))
    expected = room / np.abs(scale * turned)
    domain = Domain(theta - below, theta + above)
    for start, stop in [(k, k + 1) for k in range(0, n, 50)] + [(3, 9), (4000, 5000), (0, n)]:
        assert u.part(start, stop).reach(domain, theta, scale) == pytest.approx(expected[start:stop].min(), rel=1e-9)
