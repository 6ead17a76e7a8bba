"""Estimates from directions: the interval covers the ratio, bounds only widen it, and the guarantee is what is missed so rarely."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fastcheck.evaluate.direction import DENSITY
from fastcheck.judge import rule
from fastcheck.judge.outcomes import Outcomes
from fastcheck.judge.screening import Slopes, accuse_alone, estimate
from fastcheck.judge.verdict import Cause, Outcome

M = 8


def slopes(claimed, residual, bound, size=1.0) -> Slopes:
    """Directions whose slopes differ by ``residual`` from what is claimed."""
    n, claimed = len(claimed), np.array(claimed)
    each = np.full(n, int(Outcome.SUPPORTED)), np.full(n, -17), np.full(n, 2), np.full(n, int(Cause.NONE))
    outcome, level, order, cause = each
    bounds = np.broadcast_to(np.array(bound, float), (n,)).copy()
    said = Outcomes(outcome, claimed + residual, bounds, level, order, cause, np.ones(n, dtype=bool), np.zeros(n))
    return Slopes(said, claimed, size, size)


def test_the_interval_covers_the_ratio_in_95_of_100(rng):
    covered = []
    for _ in range(2000):
        found = estimate(slopes(rng.standard_normal(M), 2e-4 * rng.standard_normal(M), 0.0), 1e-7)
        covered.append(found.low <= 1e-4 <= found.high)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("bound", [1e-5, 1e-4, 1.0])
def test_bounds_widen_the_interval_on_both_sides(bound, rng):
    claimed, residual = rng.standard_normal((2, M)) * [[1.0], [2e-4]]
    sure, found = (estimate(slopes(claimed, residual, b), 1e-7) for b in (0.0, np.r_[bound, np.zeros(M - 1)]))
    assert found.low == pytest.approx(max(sure.low - bound / 2, 0.0), rel=1e-3)  # of ||G|| + ||S|| = 2
    assert found.high == pytest.approx(sure.high + bound / 2, rel=1e-3)


@pytest.mark.parametrize("m", [3, 8, 20])
def test_an_error_of_the_guarantee_is_missed_with_the_probability_that_is_told(m, rng):
    bounds = np.exp(rng.uniform(-20, -5, m))
    found = estimate(slopes(rng.standard_normal(m), np.zeros(m), bounds), 1e-7)
    error = found.guarantee * found.size
    missed = math.prod(DENSITY * max(rule.CLEAR * b, rule.GREAT) / error for b in bounds)
    assert missed == pytest.approx(rule.MISSED, rel=1e-6)
    assert found.guarantee < 1


def test_where_a_slope_is_not_known_nothing_is_promised(rng):
    found = estimate(slopes(rng.standard_normal(M), np.zeros(M), np.r_[np.inf, np.zeros(M - 1)]), 1e-7)
    lost = estimate(slopes(np.ones(M), np.r_[np.nan, np.zeros(M - 1)], 1e-9), 1e-7)
    for each in (found, lost):
        assert (each.low, each.guarantee) == (0.0, 1.0)
        assert math.isinf(each.high)


def test_a_direction_accuses_alone_only_where_no_kink_was_seen_and_far_beyond_its_bound():
    far = slopes(np.ones(2), np.array([1.0, 1e-7]), 1e-9)
    assert accuse_alone(far, kinks=False).tolist() == [True, False]
    assert accuse_alone(far, kinks=True).tolist() == [False, False]
