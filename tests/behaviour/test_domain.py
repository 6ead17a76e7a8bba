"""Costs that have no value everywhere: bounds that are given are never left, and ends of a domain that are not are met."""

from __future__ import annotations

import math

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastcheck as fc
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.evaluate.source import source_of
from fastcheck.evaluate.threads import Threads
from fastcheck.measure.stencil import differences
from fastcheck.problem.arguments import Arguments
from fastcheck.problem.domain import Domain
from fastcheck.problem.selection import Selection

N = 6
CALLS = {
    "check": fc.check,
    "auto": lambda *a, **k: fc.check(*a, eps="auto", **k),
    "screen": fc.screen,
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


def logs(theta):
    return float(np.sum(np.arange(1, theta.size + 1) * np.log(theta + 0.01)) + theta[0] * theta[1] ** 2)


def d_logs(theta):
    g = np.arange(1, theta.size + 1) / (theta + 0.01)
    g[:2] += theta[1] ** 2, 2 * theta[0] * theta[1]
    return g


def kept_inside(cost, low, high):
    """The cost, for which leaving the bounds is an error that no check survives."""

    def inside(theta):
        if not ((theta >= low) & (theta <= high)).all():
            raise AssertionError(f"theta = {theta} is out of bounds")
        return cost(theta)

    return inside


def times(i, factor):
    def wrong(theta):
        g = d_logs(theta)
        g[i] *= factor
        return g

    return wrong


AT_EDGES = np.array([0.0, 1.0, 1e-7, 1 - 1e-12, 0.3, 0.999])


@every_call
def test_at_bounds_the_right_gradient_is_right_and_a_wrong_one_is_not(call):
    cost = kept_inside(logs, 0.0, 1.0)
    report = call(cost, d_logs, AT_EDGES, bounds=(0, 1))
    assert report.verdict.name == "CORRECT"
    (said,) = [f for f in report.findings if f.kind == "bounds"]
    assert "theta[0], theta[1], theta[3]" in said.message
    for i in (0, 1, 4):
        report = call(cost, times(i, 1.01), AT_EDGES, bounds=(0, 1))
        assert report.verdict.accuses
        if report.numeric is not None:
            assert [w.index for w in report.witnesses] == [i]


def test_without_bounds_nothing_is_said_of_them():
    report = fc.check(logs, d_logs, np.full(N, 0.5), bounds=(-5, 5))
    assert "bounds" not in {f.kind for f in report.findings}
    assert np.array_equal(report.numeric, fc.gradient(logs, np.full(N, 0.5)))


@given(st.data())
@settings(max_examples=60)
def test_no_evaluation_ever_leaves_the_bounds(data):
    low, width = (
        np.array(data.draw(st.lists(each, min_size=N, max_size=N))) for each in (st.floats(-3, 3), st.floats(1e-6, 10))
    )
    high = low + width
    theta = np.clip(
        low + width * np.array(data.draw(st.lists(st.sampled_from([0, 1e-14, 1e-5, 0.3, 1]), min_size=N, max_size=N))),
        low,
        high,
    )

    def smooth(theta):
        return float(np.sum(np.sin(theta) + theta**2))

    def slope(theta):
        return np.cos(theta) + 2 * theta

    cost, bounds = kept_inside(smooth, low, high), (low, high)
    for call in CALLS.values():
        assert not call(cost, slope, theta, bounds=bounds).verdict.accuses
    numeric = fc.gradient(cost, theta, bounds=bounds)
    assert np.allclose(numeric, slope(theta), atol=1e-3)
    with fc.Checker(cost, theta, bounds=bounds) as checker:
        assert np.array_equal(checker.gradient(theta), numeric)
        assert not checker.check(theta, slope).verdict.accuses
    fc.sweep(cost, slope, theta, bounds=bounds)
    fc.locate(cost, lambda t: slope(t) * (1 + (np.arange(N) == 2)), theta, bounds=bounds)


@pytest.mark.parametrize("order", [2, 4])
def test_differences_to_one_side_are_exact_for_polynomials_of_their_order(order):
    powers = np.arange(order + 1)
    weights = 1.0 / (1 + powers)

    def polynomial(theta):
        return float(np.sum(weights * theta[0] ** powers))

    layout = fc.Layout.of({"x": (1,)})
    for low, high in ((0.5, 2.0), (-2.0, 0.5)):
        theta, domain = np.array([0.5]), Domain(np.array([low]), np.array([high]))
        source = source_of(kept_inside(polynomial, low, high), Arguments())
        evaluator = Evaluator(source, theta, layout, Threads(1, None), domain).vetted(Arguments())
        found = differences(evaluator, Selection(layout), 0.125, order=order)
        slope = np.sum(weights[1:] * powers[1:] * 0.5 ** (powers[1:] - 1))
        assert found[0] == pytest.approx(slope, rel=1e-13)


def test_a_screen_at_bounds_states_no_probability_and_says_why():
    report = fc.screen(logs, d_logs, AT_EDGES, bounds=(0, 1))
    assert report.guarantee is None
    (said,) = [f for f in report.findings if f.kind == "guarantee"]
    assert "signs of a random direction are forced" in said.message
    assert fc.screen(logs, d_logs, np.full(N, 0.5), bounds=(0, 1)).guarantee is not None


def test_locate_names_a_component_at_its_bound():
    found = fc.locate(kept_inside(logs, 0.0, 1.0), times(1, 1.1), AT_EDGES, bounds=(0, 1))
    assert [c.index for c in found.components] == [1] and found.tensors == ()


def test_a_problem_brings_its_bounds():
    problem = fc.Problem(kept_inside(logs, 0.0, 1.0), d_logs, AT_EDGES, bounds=(0, 1))
    assert problem.check().passed and problem.screen().passed
    assert problem.locate().components == ()
    assert problem.sweep().steps


def test_a_checker_refuses_a_theta_outside():
    with (
        fc.Checker(logs, np.full(N, 0.5), bounds=(0, 1)) as checker,
        pytest.raises(fc.InputError, match=r"theta\[2\] = 2"),
    ):
        checker.gradient(np.where(np.arange(N) == 2, 2.0, 0.5))


def test_a_slope_of_zero_at_a_bound_is_right_and_another_is_not():
    def squares(theta):
        return float(theta @ theta)

    theta = np.array([0.0, 1.0, 2.0])
    assert fc.check(squares, lambda t: 2 * t, theta, bounds=(0, None)).passed
    assert not fc.check(squares, lambda t: 2 * t + [1e-2, 0, 0], theta, bounds=(0, None)).passed


# --- ends that nobody told ---------------------------------------------------------------------------------------------
def ending(gap, how):
    def cost(theta):
        if (theta < 0.1 - gap).any():
            if how == "nan":
                return math.nan
            raise {"ValueError": ValueError("domain"), "ArithmeticError": ZeroDivisionError("zero")}[how]
        return float(np.sum(np.sin(theta) + theta**3))

    return cost


@every_call
@pytest.mark.parametrize("gap", [0.0, 1e-15, 1e-13, 1e-11, 1e-9, 1e-7, 1e-4])
@pytest.mark.parametrize("how", ["nan", "ValueError", "ArithmeticError"])
def test_the_end_of_a_domain_is_met_wherever_it_is(call, gap, how):
    theta = np.array([0.1])
    right = call(ending(gap, how), lambda t: np.cos(t) + 3 * t**2, theta)
    wrong = call(ending(gap, how), lambda t: 1.01 * (np.cos(t) + 3 * t**2), theta)
    assert right.passed and wrong.verdict.accuses
    assert "noise" not in {f.kind for f in right.findings}


# --- J(theta) itself has no value --------------------------------------------------------------------------------------
@numba.njit
def undefined(theta):
    return np.log(theta[:3]).sum() + np.exp(theta[3:]).sum()


@pytest.mark.parametrize(
    ("theta", "message"),
    [
        ([0, 1, 2, 0, 0], "got -inf: it is finite with other values for the zeros of s"),
        ([-1, 1, 2, 0, 0], "got nan: it is finite with other values for the negative values of s"),
        ([1, 1, 2, 1000, 0], "got inf: it is finite with other values for the largest values of w"),
        ([0, 1, 2, 1000, 0], "got nan: start from parameters at which the cost is defined"),
    ],
)
def test_what_makes_j_undefined_is_named_if_a_few_evaluations_tell(theta, message):
    layout = fc.Layout.of({"s": (3,), "w": (2,)})
    with pytest.raises(fc.InputError, match=message):
        fc.check(undefined, np.zeros(5), np.array(theta, float), layout=layout)


def test_a_cost_that_does_not_take_other_parameters_is_called_undefined_and_no_more():
    def picky(theta):
        if theta.any():
            raise KeyError("no such parameters")
        return math.nan

    with pytest.raises(fc.InputError, match="got nan: start from parameters"):
        fc.check(picky, np.zeros(2), np.zeros(2))
