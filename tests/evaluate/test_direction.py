"""Random directions: hashed, uniform, independent, and rarely blind."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from fastcheck.evaluate.direction import DENSITY, draw


def entries(direction):
    return np.array([direction.entry(i) for i in range(direction.start, direction.stop)])


def test_directions_are_uniform_independent_and_reproducible(rng):
    u, v = draw(rng, 0, 20_000), draw(rng, 0, 20_000)
    a, b = entries(u), entries(v)
    assert kstest(a, "uniform", args=(-np.sqrt(3), 2 * np.sqrt(3))).pvalue > 1e-3
    for pair in ((a, b), (a[1:], a[:-1]), (a[::2], a[1::2])):
        assert abs(np.corrcoef(*pair)[0, 1]) < 0.03
    assert np.array_equal(entries(u.part(500, 700)), a[500:700])


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
