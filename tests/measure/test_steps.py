"""The steps of a pass: where the lecture's serves, and what they follow elsewhere."""

from __future__ import annotations

from contextlib import suppress

import numba
import numpy as np
import pytest

import fastcheck as fc
from fastcheck import zoo
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.evaluate.source import source_of
from fastcheck.evaluate.threads import Threads
from fastcheck.judge import rule
from fastcheck.measure.pilots import piloted
from fastcheck.measure.steps import Plan, passed, planned
from fastcheck.problem.arguments import Arguments
from fastcheck.problem.selection import Selection
from fastcheck.zoo.mlp import ACTIVATIONS


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_on_right_gradients_the_ratio_is_small(activation):
    for seed in range(4):
        report = zoo.mlp((20, 30, 5), activation, seed=seed).check(eps="auto")
        assert report.passed, str(report)
        assert not report.wrong.size
        assert report.ratio < 1e-7
        assert report.agreement < rule.GREAT / 10  # how far below depends on how the machine rounds
        off = np.abs(report.numeric - report.analytic)
        assert (off <= np.maximum(report.bound, rule.GREAT * np.abs(report.analytic).max())).all()


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
    assert np.array_equal(first.eps, second.eps)
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


@pytest.mark.parametrize("eps", [None, "auto", 1e-7])
def test_a_cost_that_is_finite_at_theta_only(eps, theta):
    def cost(t):
        return 1.0 if np.array_equal(t, theta) else np.nan

    for call in (fc.check, fc.screen):
        report = call(cost, np.ones(theta.size), theta, **({"eps": eps} if call is fc.check else {}))
        assert report.verdict is fc.Verdict.UNRESOLVED
        assert "domain" in report.reason or "J at theta_i +- eps is nan" in report.findings[0].message
    assert np.isnan(fc.gradient(cost, theta, eps=eps)).all()


@pytest.mark.parametrize(("scale", "lecture"), [(1.0, True), (1e-6, False), (1e-4, True), (1e9, False), (1e4, False)])
def test_the_lectures_step_is_taken_where_it_serves(scale, lecture, rng):
    theta = scale * rng.uniform(0.5, 1.5, 30)
    report = fc.check(lambda t: float(np.sin(t / scale).sum()), np.cos(theta / scale) / scale, theta)
    assert report.passed, str(report)
    if lecture:
        assert report.eps == 1e-7
        assert isinstance(report.eps, float)
        assert "steps" not in {f.kind for f in report.findings}
    else:
        assert report.eps.shape == (30,)
        assert (report.eps < scale).all()
        assert "steps" in {f.kind for f in report.findings}
        assert report.ratio < 1e-7


def test_each_tensor_has_steps_of_its_own(rng):
    sizes = {"a": 1e-8, "b": 1.0, "c": 1e7}
    params = {name: size * rng.uniform(0.5, 1.5, 8) for name, size in sizes.items()}
    s = np.repeat(list(sizes.values()), 8)
    cost, grad = lambda t: float(np.sin(t / s).sum()), lambda t: np.cos(t / s) / s
    report = fc.check(cost, grad, params)
    assert report.passed, str(report)
    assert (report.eps[8:16] == 1e-7).all()
    assert (report.eps[:8] < 1e-9).all()
    assert (report.eps[16:] > 1.0).all()
    message = next(f.message for f in report.findings if f.kind == "steps")
    assert "a " in message
    assert "c " in message
    assert "b " not in message
    some = fc.check(cost, grad, params, components=[3, 12, 20])
    assert some.passed
    assert some.eps.shape == (3,)


@numba.njit
def pooled(x, w):
    return np.sum(w * np.maximum(x[::2], x[1::2]))


@pytest.mark.parametrize("eps", [None, "auto"])
@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e6])
def test_components_on_kinks_or_at_rest_choose_no_steps_for_others(unit, eps):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x, w = unit * rng.integers(-2, 3, 20).astype(float), rng.standard_normal(10)
        larger = np.stack([x[::2] > x[1::2], x[::2] < x[1::2]], axis=1)
        untied = np.repeat(larger.any(axis=1), 2)
        numeric = fc.gradient(pooled, x, (w,), eps=eps)
        np.testing.assert_allclose(numeric[untied], (w[:, None] * larger).ravel()[untied], atol=1e-6)


def test_fourth_order_where_second_does_not_reach():
    """J rounded to 1e-9: what second order loses to that, fourth order gains at longer steps."""
    theta = np.random.default_rng(19).uniform(0.5, 1.5, 12)

    def cost(t):
        return 1e-9 * round(float(np.sin(t).sum()) / 1e-9)

    second = fc.check(cost, np.cos(theta), theta)
    fourth = fc.check(cost, np.cos(theta), theta, eps="auto")
    assert second.passed, str(second)
    assert fourth.passed, str(fourth)
    assert fourth.ratio < second.ratio
    assert fc.check(cost, np.cos(theta), theta, eps=1e-7).verdict is fc.Verdict.UNRESOLVED
    (n_more,) = {f.message for f in fourth.findings if f.kind == "steps"}
    assert "Fourth order in theta, for 24 more evaluations." in n_more
    assert not fc.check(cost, 1.01 * np.cos(theta), theta, eps="auto").passed


@pytest.mark.parametrize(("unit", "serves"), [(1.0, True), (1e3, False)])
def test_rounding_must_be_small_in_the_units_of_all_components_not_of_the_pilots_alone(unit, serves):
    """In its unit a component has a slope of about 1; where that is 1000, rounding at the lecture's step is 1000 times larger."""
    n, layout = 500, fc.Layout.of({"W": (500,)})

    def piloted_with(units):
        arguments = Arguments((units,))
        source = source_of(lambda t, units: 100 + float(np.sin(t / units).sum()), arguments)
        return piloted(
            Evaluator(source, np.full(n, 0.5), layout, Threads(1)).vetted(arguments), Selection(layout), units
        )

    units = np.full(n, unit)
    units[piloted_with(np.ones(n)).positions] = 1.0
    pilots = piloted_with(units)
    assert planned(pilots.lines.evaluator, pilots, units, auto=False).lecture == (serves,)


@pytest.mark.parametrize("most", [4, 9, 100])
def test_a_pass_of_two_orders_is_told_as_one_and_keeps_what_was_done(most, theta):
    layout, told, numeric = fc.Layout.of({"a": (5,), "b": (7,)}), [], np.full(12, np.nan)
    source = source_of(lambda t: float(np.sin(t).sum()), Arguments(()))
    evaluator = Evaluator(source, theta, layout, Threads(1, 1)).vetted(Arguments(()))

    def show(done, words=""):
        told.append(done)
        if done == most:
            raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        passed(evaluator, Selection(layout), Plan(1e-4, (4, 2), (False, False)), show, numeric)
    done = np.isfinite(numeric)
    assert told == list(range(1, 1 + min(most, 12)))
    assert done.sum() == len(told)
    assert done[5:].all() or not done[:5].any()  # the second order first
    assert numeric[done] == pytest.approx(np.cos(theta)[done], rel=1e-6)
