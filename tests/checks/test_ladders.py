"""Ladders where pass and gradient disagree: kinks, truncation and minima are no bugs, and bugs beside them are found."""

from __future__ import annotations

import numba
import numpy as np
import pytest

import fastcheck as fc
from fastcheck import zoo
from fastcheck.judge.verdict import Verdict


@numba.njit
def bent(theta, at):
    """J = sum of 2 max(theta - at, 0) + theta."""
    return np.sum(2 * np.maximum(theta - at, 0.0) + theta)


def kinds(report: fc.Report) -> set[str]:
    return {finding.kind for finding in report.findings}


@pytest.mark.parametrize("distance", [0.9, 0.5, 0.3, 0.1, -0.1, -0.5, -0.9])
def test_a_kink_within_eps_is_no_bug(distance, theta):
    eps = 1e-6
    at = theta - 1.0
    at[4] = theta[4] + distance * eps
    gradient = np.where(theta > at, 3.0, 1.0)
    report = fc.check(bent, gradient, theta, (at,), eps=eps)
    assert report.passed, str(report)
    assert kinds(report) == {"step"}
    assert "theta[4]" in report.findings[0].message
    assert not report.witnesses
    gradient[4] = 4 - gradient[4]  # the slope of the other side
    report = fc.check(bent, gradient, theta, (at,), eps=eps)
    assert report.verdict is Verdict.WRONG
    assert [w.index for w in report.witnesses] == [4]


@pytest.mark.parametrize(
    ("slope", "verdict"),
    [
        (1.0, Verdict.CORRECT),
        (2.0, Verdict.CORRECT),
        (3.0, Verdict.CORRECT),
        (0.9, Verdict.WRONG),
        (3.1, Verdict.WRONG),
    ],
)
def test_on_the_kink_any_slope_between_the_two_sides_is_right(slope, verdict, theta):
    at = theta - 1.0
    at[4] = theta[4]
    gradient = np.full(theta.size, 3.0)
    gradient[4] = slope
    report = fc.check(bent, gradient, theta, (at,))
    assert report.verdict is verdict
    assert ("kink" in kinds(report)) == (slope in (1.0, 3.0))  # the mean of the two is what the difference is anyway


@pytest.mark.parametrize("components", [None, [1, 4, 9]])
@pytest.mark.parametrize("distance", [0.0, 0.3, -0.5])
def test_numeric_is_what_gradient_gives_on_a_kink_too_and_the_bound_says_how_far_it_may_be_off(
    distance, components, theta
):
    at = theta - 1.0
    at[4] = theta[4] + distance * 1e-6
    options = {"eps": 1e-6, "components": components}
    for slope in (1.0, 2.2, 3.0):
        gradient = np.where(np.arange(theta.size) == 4, slope, 3.0)
        report = fc.check(bent, gradient, theta, (at,), **options)
        numeric = fc.gradient(bent, theta, (at,), **options)
        assert np.array_equal(report.numeric, numeric)
        with fc.Checker(bent, theta, (at,), eps=1e-6) as checker:
            assert np.array_equal(checker.check(theta, gradient, components).numeric, numeric)
        analytic = gradient if components is None else gradient[components]
        kink = 4 if components is None else 1
        error = np.abs(numeric - analytic)
        assert report.ratio == pytest.approx(
            np.linalg.norm(error) / (np.linalg.norm(numeric) + np.linalg.norm(analytic))
        )
        right = (1.0 <= slope <= 3.0) if distance == 0 else slope == (1.0 if distance > 0 else 3.0)
        assert report.passed == right
        if report.passed:
            assert error[kink] <= report.bound[kink] * (1 + 1e-9)
            assert not report.wrong.size
            assert kinds(report) - {"sample"} == ({"kink"} if distance == 0 else {"step"})
        else:
            assert report.wrong.tolist() == [kink]


def test_a_bug_beside_kinks_is_still_found(theta):
    at = theta - 1.0
    at[:6] = theta[:6] + 0.5e-6
    gradient = np.where(theta > at, 3.0, 1.0)
    gradient[9] *= 1.01
    report = fc.check(bent, gradient, theta, (at,), eps=1e-6)
    assert report.verdict is Verdict.WRONG
    assert report.worst(1)[0].index == 9


@pytest.mark.parametrize("eps", [1e-3, 1e-4, 1e-5])
def test_truncation_is_no_bug(eps, theta):
    def cost(t):
        return float(np.sin(50 * t).sum())

    report = fc.check(cost, 50 * np.cos(50 * theta), theta, eps=eps)
    assert report.verdict in (Verdict.CORRECT, Verdict.UNRESOLVED), str(report)
    assert fc.check(cost, 51 * np.cos(50 * theta), theta, eps=eps).verdict is Verdict.WRONG


@pytest.mark.parametrize("eps", [1e-3, 1e-4, 1e-5, 1e-7])
def test_a_relu_network_is_never_accused_and_its_bug_never_excused(eps):
    for seed in range(3):
        right = zoo.mlp((20, 60, 5), "relu", examples=64, seed=seed).check(eps=eps)
        assert right.verdict in (Verdict.CORRECT, Verdict.UNRESOLVED), str(right)
        wrong = zoo.mlp((20, 60, 5), "relu", examples=64, seed=seed, bug="component").check(eps=eps)
        assert wrong.verdict in (Verdict.WRONG, Verdict.SUSPECT), str(wrong)


def test_a_minimum_where_only_truncation_is_left_is_not_accused():
    from scipy.optimize import rosen, rosen_der

    for n in (2, 10, 300):
        report = fc.check(rosen, rosen_der, np.ones(n))
        assert report.verdict is Verdict.UNRESOLVED
        assert kinds(report) & ({"stationary"} if n <= 10 else {"stationary", "budget"})


def test_ladders_cost_no_more_than_the_pass():
    problem = zoo.mlp((20, 60, 5), "relu", examples=64)
    report = problem.check(eps=1e-3)
    assert report.evaluations <= 2 * 2 * problem.theta.size + 580 + 24
