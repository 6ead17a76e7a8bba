from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import fastcheck as fc
from fastcheck.judge import rule
from fastcheck.judge.rule import Measured
from fastcheck.judge.verdict import Verdict
from fastcheck.problem.selection import Selection
from fastcheck.vectors import norm

finite = st.floats(-1e3, 1e3).map(lambda x: round(x, 6))
vectors = st.integers(1, 20).flatmap(
    lambda n: st.tuples(hnp.arrays(float, n, elements=finite), hnp.arrays(float, n, elements=finite))
)


@given(vectors)
def test_the_ratio_is_the_formula(pair):
    numeric, analytic = pair
    below = np.linalg.norm(numeric) + np.linalg.norm(analytic)
    expected = np.linalg.norm(numeric - analytic) / below if below else 0.0
    assert rule.size(numeric, analytic, 0.0).ratio == pytest.approx(expected)


@given(vectors)
def test_the_norms_of_parts_join_to_those_of_the_whole(pair):
    parts = [
        rule.size(numeric, analytic, 1e-9)
        for numeric, analytic in zip(*(np.array_split(v, 3) for v in pair), strict=True)
    ]
    whole, joined = rule.size(*pair, 1e-9), rule.joined(parts)
    assert joined.n == whole.n
    assert joined.ratio == pytest.approx(whole.ratio)
    assert joined.floor == pytest.approx(whole.floor)


@given(vectors, st.integers(0, 25), st.integers(0, 2**32 - 1))
def test_worst_is_sorted_by_the_error_above_its_bound(pair, k, seed):
    bound = np.random.default_rng(seed).uniform(0, 100, pair[0].size)
    above = np.abs(pair[0] - pair[1]) - bound
    assert above[rule.worst_of(*pair, bound, k)].tolist() == sorted(above, reverse=True)[:k]


def test_what_is_not_finite_is_worst():
    assert rule.worst_of(np.array([1.0, np.nan, 2.0, np.inf]), np.zeros(4), 0.0, 3).tolist() == [1, 3, 2]


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_norms_neither_overflow_nor_vanish(scale):
    assert norm(scale * np.array([3.0, 4.0])) == pytest.approx(5 * scale)


@pytest.mark.parametrize(
    ("ratio", "floor", "verdict"),
    [
        (0.0, 1.0, Verdict.CORRECT),
        (5e-8, 1e-9, Verdict.CORRECT),
        (5e-7, 3e-7, Verdict.CORRECT),
        (5e-7, 1e-8, Verdict.SUSPECT),
        (5e-4, 1e-8, Verdict.SUSPECT),
        (5e-3, 1e-8, Verdict.WRONG),
        (5e-3, 5e-3, Verdict.UNRESOLVED),
        (1e-4, 1e-2, Verdict.UNRESOLVED),
        (1.0, 1e-8, Verdict.WRONG),
    ],
)
def test_the_bands(ratio, floor, verdict):
    size = rule.Size(n=100, error=ratio, numeric=0.5, analytic=0.5, rounding=floor)
    assert rule.by_bands(size, rule.LOOK).verdict is verdict


@pytest.mark.parametrize(("loud", "wrong"), [("A", [7]), ("B", [2]), ("", [2, 7]), ("AB", [])])
def test_a_tensor_is_judged_by_its_own_rounding(loud, wrong, rng):
    layout = fc.Layout.of({"A": (5,), "B": (5,)})
    analytic = rng.uniform(1.0, 2.0, 10)
    numeric = analytic.copy()
    numeric[[2, 7]] += 1e-3
    sigmas = [1e-2 if name in loud else 1e-9 for name in layout.names]
    judged = rule.judge(Measured.first(Selection(layout), numeric, 1e-7, sigmas, sigmas), analytic)
    assert judged.wrong.tolist() == wrong
    assert judged.bound.tolist() == [10 * sigma for sigma in sigmas for _ in range(5)]
    for tensor, sigma in zip(judged.tensors, sigmas, strict=True):
        assert tensor.verdict.accuses is (tensor.name not in loud)
        part = slice(0, 5) if tensor.name == "A" else slice(5, 10)
        assert tensor.floor == pytest.approx(np.sqrt(5) * sigma / (norm(numeric[part]) + norm(analytic[part])))


def report_of(numeric, analytic, **options):
    """A check of a linear cost, whose numeric gradient is known, up to rounding."""
    return fc.check(lambda theta: float(numeric @ theta), analytic, np.zeros(numeric.size), **options)


def test_zero_against_zero_is_right():
    assert report_of(np.zeros(5), np.zeros(5)).passed


def test_a_small_tensor_that_the_whole_hides_is_found():
    numeric = np.r_[np.full(1000, 1e3), 1e-3, 1e-3]
    analytic = numeric.copy()
    analytic[-1] *= 2
    report = report_of(numeric, analytic, layout=fc.Layout.of({"W": (1000,), "b": (2,)}))
    assert report.ratio < 1e-7
    assert report.verdict is Verdict.WRONG
    assert report.reason.startswith("b: ")


def test_one_wrong_component_that_its_tensor_hides_is_found():
    numeric = np.ones(100_000)
    analytic = numeric.copy()
    analytic[777] += 3e-5
    report = report_of(numeric, analytic)
    assert report.ratio < 1e-7
    assert report.verdict is Verdict.SUSPECT
    assert "theta[777] is off by 3.0e-05" in report.reason


def test_an_unresolved_tensor_too_small_to_matter_does_not_spoil_the_whole():
    slopes = np.r_[np.full(100, 1.0), np.full(10, 1e-10)]
    analytic = slopes.copy()
    analytic[100:] = 0
    report = fc.check(
        lambda t: float(slopes @ t), analytic, np.full(110, 1e-3), layout=fc.Layout.of({"W": (100,), "b": (10,)})
    )
    assert report.passed, str(report)
    assert report.tensors[1].verdict is Verdict.UNRESOLVED


def test_where_nothing_can_be_told_it_says_so_with_the_remedy():
    theta = np.linspace(1, 2, 50)
    report = fc.check(lambda t: float(np.exp(t).sum()), np.exp(theta) * 1.0001, theta, eps=1e-13)
    assert report.verdict is Verdict.UNRESOLVED
    assert not report.passed
    assert "repeat with eps = " in report.findings[0].message


@given(st.floats(1e-12, 1e-9), st.integers(1, 1000))
def test_a_norm_of_rounding_is_never_above_its_tolerance(sigma, n):
    rounding = sigma * np.random.default_rng(n).standard_normal(n)
    size = rule.size(rounding + 1.0, np.ones(n), sigma)
    assert size.ratio <= size.tolerance
    assert not math.isnan(size.tolerance)
