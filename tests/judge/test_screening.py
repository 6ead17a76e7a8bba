"""Estimates from directions: the interval covers the ratio, bounds only widen it, and the guarantee is what is missed so rarely."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fastcheck.evaluate.direction import DENSITY
from fastcheck.judge import rule
from fastcheck.judge.outcomes import Outcomes
from fastcheck.judge.screening import OfTensor, Slopes, accuse_alone, as_its_worst, estimate, judged
from fastcheck.judge.verdict import Cause, Judgement, Outcome, Verdict

M = 8


def slopes(claimed, residual, bound, size=1.0, said=Outcome.SUPPORTED, why=Cause.NONE) -> Slopes:
    """Directions whose slopes differ by ``residual`` from what is claimed."""
    n, claimed = len(claimed), np.array(claimed)
    each = np.full(n, int(said)), np.full(n, -17), np.full(n, 2), np.full(n, int(why))
    outcome, level, order, cause = each
    bounds = np.broadcast_to(np.array(bound, float), (n,)).copy()
    told = Outcomes(outcome, claimed + residual, bounds, level, order, cause, np.ones(n, dtype=bool), np.zeros(n))
    return Slopes(told, claimed, size, size)


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


@pytest.mark.parametrize("cause", [Cause.KINK, Cause.ROUNDING])
@pytest.mark.parametrize(("error", "verdict"), [(0.1, Verdict.WRONG), (1e-4, Verdict.SUSPECT)])
def test_a_direction_that_is_refuted_accuses_only_where_it_may(cause, error, verdict):
    refuted = slopes(np.ones(2), np.array([error, 0.0]), 1e-9, said=Outcome.REFUTED, why=cause)
    assert judged(refuted, 1.0, 1e-7, np.array([True, True])).verdict is verdict
    found = judged(refuted, 1.0, 1e-7, np.array([False, True]))
    assert (found.verdict, found.cause) == (Verdict.UNRESOLVED, cause)
    assert found.reason == f"{cause.words}: a direction disagrees, and no component confirms it"


@pytest.mark.parametrize(("n", "verdict"), [(8, Verdict.CORRECT), (7, Verdict.UNRESOLVED)])
def test_eight_directions_that_support_settle_together_what_none_does_alone(n, verdict):
    noisy = slopes(np.ones(n), np.full(n, 0.5e-5), 5e-5)
    assert judged(noisy, 1.0, 1e-7, np.ones(n, dtype=bool)).verdict is verdict


def test_what_only_the_directions_over_everything_leave_open_may_be_in_any_tensor():
    right, open_ = (
        Judgement(0.0, 0.0, verdict, reason, cause)
        for verdict, reason, cause in (
            (Verdict.CORRECT, "right", Cause.NONE),
            (Verdict.UNRESOLVED, "noise: all", Cause.NOISE),
        )
    )
    tensors = [OfTensor("a", right, 0.0), OfTensor("b", right, 0.0)]
    whole, each = as_its_worst(open_, 1.0, tensors, 1e-7)
    assert whole is open_
    assert [(t.verdict, t.judgement.reason) for t in each] == 2 * [(Verdict.UNRESOLVED, "noise: all")]
    assert as_its_worst(right, 1.0, tensors, 1e-7) == (right, tensors)
