"""The steps of a pass: where the lecture's serves, and what they follow elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

import fastcheck as fc
from fastcheck import zoo
from fastcheck.judge import rule


@pytest.mark.parametrize(("activation", "most"), [("tanh", 1e-8), ("sigmoid", 1e-8), ("relu", 1e-7)])
def test_on_right_gradients_the_ratio_is_small(activation, most):
    for seed in range(4):
        report = zoo.mlp((20, 30, 5), activation, seed=seed).check(eps="auto")
        assert report.passed, str(report)
        assert not report.wrong.size
        smooth = report.bound < 2 * np.median(report.bound)  # where the step crosses no kink
        assert smooth.mean() > 0.99
        assert rule.size(report.numeric[smooth], report.analytic[smooth], 0.0).ratio < most
        allowed = np.maximum(report.bound, rule.GREAT * np.abs(report.analytic).max())
        assert (np.abs(report.numeric - report.analytic) <= allowed).all()
        assert 1e-6 <= report.eps <= 1e-3


def test_the_course_example():
    report = zoo.course(fixed=True).check(eps="auto")
    assert report.passed
    assert report.ratio < 1e-8


def test_every_bug_is_still_caught():
    for bug in zoo.bugs():
        assert not zoo.mlp((12, 20, 5), bug=bug).check(eps="auto").passed


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_the_step_follows_the_scale_of_theta(scale, rng):
    theta = scale * rng.uniform(0.5, 1.5, 30)
    report = fc.check(lambda t: np.sin(t / scale).sum(), np.cos(theta / scale) / scale, theta, eps="auto")
    assert report.passed, str(report)
    assert report.ratio < 1e-7


def test_a_checker_keeps_the_step_that_it_chose(theta, weights):
    from costs import quartic, quartic_gradient

    with fc.Checker(quartic, theta, args=(weights,), eps="auto") as checker:
        first = checker.check(theta, quartic_gradient)
        second = checker.check(0.5 * theta, quartic_gradient)
    assert first.eps == second.eps
    assert first.passed
    assert second.passed


def test_evaluations_are_counted_exactly(theta, weights):
    from costs import quartic, quartic_gradient

    calls = []

    def cost(theta, weights):
        calls.append(1)
        return quartic(theta, weights)

    assert fc.check(cost, quartic_gradient, theta, (weights,), eps="auto").evaluations == len(calls)
    calls.clear()
    assert fc.screen(cost, quartic_gradient, theta, (weights,)).evaluations == len(calls)
    calls.clear()
    assert fc.locate(cost, 1.1 * quartic_gradient(theta, weights), theta, (weights,)).evaluations == len(calls)


def test_a_cost_that_is_finite_at_theta_only(theta):
    def cost(t):
        return 1.0 if np.array_equal(t, theta) else np.nan

    with pytest.raises(fc.InputError, match="eps='auto' must find J finite near theta"):
        fc.check(cost, np.ones(theta.size), theta, eps="auto")


def test_the_lecture_s_step_serves_every_component_or_is_not_taken():
    """The pilots are a few: here they are those that 1e-7 suits."""
    s = np.full(200, 1e-6)
    s[np.random.default_rng(0).choice(200, 3, replace=False)] = 1.0  # as pilots are drawn
    report = fc.check(lambda t: np.sum(np.tanh(t * s)), lambda t: s / np.cosh(t * s) ** 2, 0.7 / s)
    assert report.verdict is fc.Verdict.CORRECT, str(report)
    assert not isinstance(report.eps, float)
    assert report.evaluations < 700
