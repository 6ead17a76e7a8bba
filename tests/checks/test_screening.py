from __future__ import annotations

import numba
import numpy as np
import pytest

import fastcheck as fc
from fastcheck import zoo
from fastcheck.judge.verdict import Verdict
from fastcheck.problem.units import units_of
from fastcheck.zoo.mlp import ACTIVATIONS

SIZES = (20, 40, 30, 6)


@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_no_false_alarm(activation, l2):
    for seed in range(15):
        report = zoo.mlp(SIZES, activation, l2=l2, seed=seed).screen(seed=seed)
        assert report.verdict is Verdict.CORRECT, str(report)
        assert report.evaluations <= 256


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_floor_is_the_ratio_of_a_right_gradient(activation):
    reports = [zoo.mlp(SIZES, activation, seed=seed).screen(seed=seed) for seed in range(12)]
    assert 1 / 4 < np.median([report.ratio / report.floor for report in reports]) < 2
    assert all(report.ratio_low <= report.ratio_high < 20 * report.floor for report in reports)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_single_wrong_component_is_not_missed(activation, rng):
    problem = zoo.mlp(SIZES, activation)
    gradient = problem.grad(problem.theta, *problem.args)
    strong = np.flatnonzero(np.abs(gradient) > 1e-4)
    for seed in range(15):
        wrong, k = gradient.copy(), rng.choice(strong)
        wrong[k] *= 1.01
        report = fc.screen(problem.cost, wrong, problem.theta, problem.args, layout=problem.layout, seed=seed)
        assert not report.passed
        assert {t.name for t in report.tensors if t.verdict is not Verdict.CORRECT} == {
            problem.layout.tensor_of(k).name
        }


@pytest.mark.parametrize("bug", zoo.bugs())
def test_every_bug_of_the_zoo_is_caught_with_the_ratio_of_the_full_check(bug):
    problem = zoo.mlp((20, 30, 5), bug=bug)
    report, full = problem.screen(), problem.check()
    assert not report.passed
    assert report.ratio_low / 2 <= full.ratio <= 2 * report.ratio_high  # one bug in twenty lies outside the interval
    wrong = [{t.name for t in r.tensors if t.verdict in (Verdict.WRONG, Verdict.SUSPECT)} for r in (report, full)]
    assert wrong[0] == wrong[1]


def test_the_course_example():
    assert zoo.course(fixed=True).screen().passed
    report = zoo.course().screen()
    assert report.verdict is Verdict.WRONG
    assert {t.name for t in report.tensors if t.verdict is Verdict.WRONG} == {"W2", "b1"}


def test_the_report_of_a_screen(rng):
    report = zoo.mlp(SIZES).screen()
    assert report.numeric is None
    assert report.worst() == ()
    assert report.ratio_low <= report.ratio <= report.ratio_high
    assert 0 < report.guarantee < 1e-5
    assert f"{report.guarantee:.1e}" in str(report)
    told = report.to_dict()
    assert told["guarantee"] == report.guarantee
    assert told["tensors"][0]["ratio_high"] > told["tensors"][0]["ratio_low"]


def test_an_error_as_large_as_the_guarantee_is_found():
    problem = zoo.mlp(SIZES)
    gradient = problem.grad(problem.theta, *problem.args)
    guarantee = problem.screen().guarantee
    units = units_of(problem.theta, problem.layout)
    for k, seed in enumerate(range(30)):
        error = np.zeros(gradient.size)
        error[37 * k] = 2 * np.linalg.norm(gradient * units) * guarantee / units[37 * k]
        report = fc.screen(
            problem.cost, gradient + error, problem.theta, problem.args, layout=problem.layout, seed=seed
        )
        assert not report.passed


def test_theta_on_kinks_is_no_bug():
    problem = zoo.mlp((10, 20, 4), "relu")
    theta = problem.theta.copy()
    theta[problem.layout.tensors[1].slice] = 0.0
    x = np.zeros_like(problem.args[0])
    report = fc.screen(problem.cost, problem.grad, theta, (x, *problem.args[1:]), layout=problem.layout)
    assert report.verdict in (Verdict.CORRECT, Verdict.UNRESOLVED), str(report)


def test_the_same_for_any_workers_and_again():
    problem = zoo.mlp(SIZES, bug="sign")
    reports = [problem.screen(workers=workers) for workers in (1, 2, 1)]
    assert len({report.ratio for report in reports}) == 1
    assert problem.screen(seed=1).ratio != reports[0].ratio


def test_nothing_of_the_callers_is_modified(theta, weights):
    from costs import quartic, quartic_gradient

    gradient = quartic_gradient(theta, weights)
    before = [array.copy() for array in (theta, weights, gradient)]
    fc.screen(quartic, gradient, theta, (weights,))
    fc.locate(quartic, gradient * 1.5, theta, (weights,))
    for array, old in zip((theta, weights, gradient), before, strict=True):
        assert np.array_equal(array, old)


@pytest.mark.parametrize("upper", [None, 1.0])
@pytest.mark.parametrize("digits", range(3, 14))
def test_a_domain_that_ends_where_theta_has_few_digits_left(digits, upper):
    """Beside 1 - 1e-8 moves of theta are rounded to 1e-8 of the distance to the end, alike on both sides."""

    def cost(theta):
        return np.log(1 - theta).sum()

    for seed in range(4):
        theta = np.array([1 - 10.0**-digits, 0.1, 0.3])
        grad = -1 / (1 - theta)
        options = {"bounds": (None, upper), "seed": seed} if upper else {"seed": seed}
        right = fc.screen(cost, grad, theta, **options)
        wrong = fc.screen(cost, grad * [1.01, 1, 1], theta, **options)
        assert right.verdict in (Verdict.CORRECT, Verdict.UNRESOLVED) and not wrong.passed
        if digits <= 8:
            assert right.passed and wrong.verdict is Verdict.WRONG


def test_a_large_linear_cost():
    n = 300_000
    slopes = np.random.default_rng(0).standard_normal(n)

    @numba.njit
    def cost(theta, slopes):
        return np.dot(theta, slopes)

    theta = np.full(n, 0.3)
    assert fc.screen(cost, slopes, theta, (slopes,)).passed
    assert not fc.screen(cost, slopes * 1.001, theta, (slopes,)).passed


def test_a_gradient_that_is_not_finite(theta, weights):
    from costs import quartic, quartic_gradient

    gradient = quartic_gradient(theta, weights)
    gradient[3] = np.nan
    report = fc.screen(quartic, gradient, theta, (weights,))
    assert report.verdict is Verdict.WRONG
    assert report.findings[0].kind == "nonfinite"


@pytest.mark.parametrize(("seed", "error"), [(-1, ValueError), (1.5, TypeError), (True, TypeError), ("a", TypeError)])
def test_seed(seed, error, theta):
    with pytest.raises(error, match="seed must be a non-negative integer, got"):
        fc.screen(lambda t: t.sum(), np.ones(theta.size), theta, seed=seed)
