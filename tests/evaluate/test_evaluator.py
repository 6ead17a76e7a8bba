"""Only the evaluator counts, blames, and says where J is not to be had."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from costs import Counted, quartic, quartic_gradient

import fastcheck as fc
from fastcheck.evaluate.direction import draw
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.evaluate.moves import ComponentMoves, DirectionMoves
from fastcheck.evaluate.source import source_of
from fastcheck.evaluate.threads import Threads
from fastcheck.problem.arguments import Arguments
from fastcheck.problem.layout import Layout


def evaluator_of(cost, theta, *args, **threads) -> Evaluator:
    arguments = Arguments(args)
    layout = Layout.of({"W": (3, 4)})
    return Evaluator(source_of(cost, arguments.private()), theta, layout, Threads(**threads)).vetted(arguments)


@pytest.mark.parametrize("workers", [1, 3])
def test_every_evaluation_is_counted_and_no_other(workers, theta, weights):
    cost = Counted(quartic)
    evaluator = evaluator_of(cost, theta, weights, workers=workers, chunk=2)
    assert evaluator.evaluations == cost.n == 2
    evaluator.values(ComponentMoves(range(12), np.array([[1e-3, -1e-3, 2e-3]])))
    assert evaluator.evaluations == cost.n == 2 + 36
    evaluator.values(DirectionMoves((draw(np.random.default_rng(0), 0, 12),), np.array([[0.1, -0.1]]), np.ones(12)))
    assert evaluator.evaluations == cost.n == 40
    other = evaluator.revalued(Arguments((2 * weights,)))
    assert other.value == 2 * evaluator.value
    other.values(ComponentMoves(range(12), np.array([[1e-3]])))
    assert evaluator.evaluations == other.evaluations == cost.n == 53  # those with other arguments are counted here too


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("error", [ValueError, ZeroDivisionError, OverflowError])
def test_where_the_cost_cannot_be_evaluated_it_is_nan_and_the_run_goes_on(error, compiled, workers):
    def cost(theta):
        if theta[7] < 1.0 or theta[2] > 1.0:
            raise error("out of the domain")
        return theta.sum()

    cost = numba.njit(cost) if compiled else cost
    evaluator = evaluator_of(cost, np.ones(12), workers=workers, chunk=5)
    j = evaluator.values(ComponentMoves(range(12), np.array([[0.5, -0.5]])))
    assert np.argwhere(np.isnan(j)).tolist() == [[2, 0], [7, 1]]
    assert j[3:7].tolist() == 4 * [[12.5, 11.5]]
    assert evaluator.evaluations == 2 + 24
    report = fc.check(cost, np.ones(12), np.ones(12), layout=evaluator.layout, workers=workers)
    assert report.passed, str(report)  # the slope from the side that answers
    assert np.flatnonzero(np.isnan(report.numeric)).tolist() == [2, 7]
    wrong = np.where(np.arange(12) == 7, 1.01, 1.0)
    report = fc.check(cost, wrong, np.ones(12), layout=evaluator.layout, workers=workers)
    assert [w.name for w in report.witnesses] == ["W[1, 3]"]
    assert "W[0, 2], W[1, 3]" in next(f.message for f in report.findings if f.kind == "nonfinite")
    assert np.array_equal(fc.gradient(cost, np.ones(12)), report.numeric, equal_nan=True)


@pytest.mark.parametrize("error", [RuntimeError, KeyError, MemoryError, TypeError])
def test_any_other_exception_reaches_the_caller_with_the_component(error, theta):
    def cost(theta):
        if theta[5] > 1.0:
            raise error("mine")
        return theta.sum()

    evaluator = evaluator_of(cost, np.ones(12))
    with pytest.raises(error, match="mine") as caught:
        evaluator.values(ComponentMoves(range(12), np.array([[-0.25, 0.25]])))
    assert caught.value.__notes__ == ["raised by the cost at W[1, 1] +0.25"]
    with pytest.raises(error, match="mine") as caught:
        evaluator.values(DirectionMoves((draw(np.random.default_rng(0), 5, 6),), np.array([[1.0, -1.0]]), np.ones(12)))
    assert caught.value.__notes__ == ["raised by the cost near theta, along a random direction"]
    assert evaluator.values(ComponentMoves(range(5), np.array([[0.5]]))).tolist() == 5 * [[12.5]]  # all was restored


def test_values_come_in_the_order_of_the_lines_whoever_evaluates_them(theta, weights):
    moves = ComponentMoves(np.array([3, 0, 3, 11, 5, 0]), np.array([[0.5, -0.25]]))
    expected = evaluator_of(quartic, theta, weights, workers=1).values(moves)
    for workers in (1, 2, 5):
        for chunk in (1, 4, 100):
            assert np.array_equal(
                evaluator_of(quartic, theta, weights, workers=workers, chunk=chunk).values(moves), expected
            )


def test_a_finding_of_examples_left_out_is_counted_exactly(rng):
    x, y = rng.standard_normal((3, 7)), rng.standard_normal(7)

    def value(theta, x, y):
        return float(np.sum((theta @ x - y) ** 2))

    def gradient(theta, x, y):
        return 2 * x[:, :-1] @ (theta @ x - y)[:-1]

    cost = Counted(value)
    report = fc.check(cost, gradient, rng.standard_normal(3), (x, y))
    assert "partial" in {finding.kind for finding in report.findings}
    assert report.evaluations == cost.n


@pytest.mark.parametrize("options", [{}, {"components": 5}, {"tensors": "theta"}, {"eps": "auto"}, {"eps": 1e-3}])
def test_whatever_is_asked_for_is_counted_exactly(options, theta, weights):
    for grad in (quartic_gradient, lambda theta, weights: 1.001 * quartic_gradient(theta, weights)):
        cost = Counted(quartic)
        assert fc.check(cost, grad, theta, (weights,), **options).evaluations == cost.n


@pytest.mark.parametrize("compiled", [True, False])
def test_kwargs_may_skip_what_has_a_default(compiled, theta, weights):
    def cost(theta, weights, power=4, offset=0.0):
        return np.sum(weights * (theta + offset) ** power)

    cost = numba.njit(cost) if compiled else cost
    numeric = fc.gradient(cost, theta, (weights,), kwargs={"offset": 1.0})
    assert numeric == pytest.approx(quartic_gradient(theta + 1.0, weights), rel=1e-6)
