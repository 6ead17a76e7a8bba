"""Costs in stages: the same bits and the same report as the cost in one piece, and stages that do not fit are refused."""

from __future__ import annotations

from dataclasses import replace

import cloudpickle
import numba
import numpy as np
import pytest

import fastcheck as fc
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.evaluate.moves import ComponentMoves
from fastcheck.evaluate.source import source_of
from fastcheck.evaluate.threads import Threads
from fastcheck.problem.arguments import Arguments

rng = np.random.default_rng(0)
X, Y = rng.standard_normal((7, 5)), rng.standard_normal((7, 2))
PARAMS = {
    "W1": rng.standard_normal((5, 4)), "b1": rng.standard_normal(4),
    "W2": rng.standard_normal((4, 3)), "b2": rng.standard_normal(3),
    "W3": rng.standard_normal((3, 2)), "b3": rng.standard_normal(2),
}  # fmt: skip
THETA, LAYOUT = fc.pack(PARAMS)
unpack = LAYOUT.jit_unpack()


@numba.njit
def first(theta, X, Y):
    W1, b1 = unpack(theta)[:2]
    return np.maximum(X @ W1 + b1, 0.0)


@numba.njit
def second(theta, A, Y):
    """Reads W1 as well, in a penalty that it hands on."""
    W1, _, W2, b2 = unpack(theta)[:4]
    return np.tanh(A @ W2 + b2), 0.1 * np.sum(W1 * W1)


@numba.njit
def last(theta, state, Y):
    A, penalty = state
    W3, b3 = unpack(theta)[4:]
    e = A @ W3 + b3 - Y
    return 0.5 * np.mean(e * e) + penalty


@numba.njit
def whole(theta, X, Y):
    return last(theta, second(theta, first(theta, X, Y), Y), Y)


STAGES = [(first, ("W1", "b1")), (second, ["W1", "W2", "b2"]), (last, ("W3", "b3"))]
cost = fc.staged(STAGES, LAYOUT)


def right(theta, X, Y):
    return fc.gradient(whole, theta, (X, Y), layout=LAYOUT, eps="auto")


def wrong(theta, X, Y):
    g = right(theta, X, Y)
    g[[3, 40]] *= 1.1
    return g


def test_a_cost_in_stages_is_a_cost_like_any_other():
    @numba.njit
    def twice(theta, X, Y):
        return 2 * cost(theta, X, Y)

    assert cost(THETA, X, Y) == whole(THETA, X, Y) == twice(THETA, X, Y) / 2


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("options", [{}, {"eps": "auto"}, {"eps": 1e-5, "chunk": 3}, {"components": [40, 3, 0, 25]}])
def test_gradients_have_the_bits_of_the_cost_in_one_piece(workers, options):
    one, other = (fc.gradient(c, THETA, (X, Y), layout=LAYOUT, workers=workers, **options) for c in (cost, whole))
    assert np.array_equal(one, other)
    with fc.Checker(cost, PARAMS, (X, Y), workers=workers) as checker:
        assert np.array_equal(checker.gradient(0.9 * THETA), fc.gradient(whole, 0.9 * THETA, (X, Y), layout=LAYOUT))


@pytest.mark.parametrize("grad", [right, wrong])
@pytest.mark.parametrize("call", [fc.check, fc.screen])
def test_reports_are_the_same_but_for_seconds(grad, call):
    one, other = (call(c, grad, PARAMS, (X, Y)) for c in (cost, whole))
    assert replace(one, seconds=0.0) == replace(other, seconds=0.0)
    assert one.passed == (grad is right)


def test_only_the_tail_of_a_component_is_evaluated():
    calls = np.zeros(3, dtype=np.int64)

    @numba.njit
    def one(theta, x, calls):
        calls[0] += 1
        return x * theta[:2]

    @numba.njit
    def two(theta, x, calls):
        calls[1] += 1
        return np.sum(x * theta[2:])

    theta, layout = fc.pack({"a": np.ones(2), "b": np.full(2, 2.0)})
    made = fc.staged([(one, "a"), (two, "b")], layout)
    source = source_of(made, Arguments((np.ones(2), calls)))
    evaluator = Evaluator(source, theta, layout, Threads(1, None))
    evaluator.tails  # noqa: B018 (made before calls are counted)
    kept = [tail.source.arguments.args[-1] for tail in evaluator.tails]
    before = [array.copy() for array in kept]
    evaluator.values(ComponentMoves(range(4), np.array([[0.1, -0.1]])))
    assert [(a - b).tolist() for a, b in zip(kept, before, strict=True)] == [[4, 4, 0], [0, 4, 0]]


def test_the_layout_comes_with_the_cost():
    report = fc.check(cost, right, THETA, (X, Y))
    assert report.layout == LAYOUT and report.passed


def test_problem_and_locate_take_it_too():
    problem = fc.Problem(cost, wrong, THETA, (X, Y), LAYOUT)
    assert sorted(c.index for c in problem.locate().components) == [3, 40]


def test_it_travels():
    travelled = cloudpickle.loads(cloudpickle.dumps(fc.Problem(cost, right, THETA, (X, Y), LAYOUT)))
    assert travelled.check().passed


@numba.njit
def writing(theta, A, Y):
    A[0, 0] += 1.0
    return second(theta, A, Y)


@numba.njit
def dictionary(theta, X, Y):
    return {1: 2.0}


@numba.njit
def of_a_dictionary(theta, state, Y):
    return np.sum(theta) * state[1]


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([], r"stages must be a list of \(stage, names\), got \[\]"),
        ([first], r"stage 0 must be \(stage, names\), got CPUDispatcher"),
        ([(np.sum, "W1")], "stage 0 must be an njit function, got <function sum"),
        ([(first, "W1"), (second, ("V", "b2"))], r"stage 1 must name tensors of the layout \(W1, .*got 'V'"),
        ([(first, ("W1", "b1")), (last, ("W3", "b3"))], "stages must name every tensor, got none that names W2"),
    ],
)
def test_stages_that_are_none_are_refused_in_one_line(stages, message):
    with pytest.raises(fc.InputError, match=message) as caught:
        fc.staged(stages, LAYOUT)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        (
            [(first, "W1"), (second, ("W2", "b2", "b1")), (last, ("W3", "b3"))],
            "a stage must name every tensor that it reads, got b1 read before the stage that names it",
        ),
        (
            [(first, ("W1", "b1")), (writing, ("W2", "b2")), (last, ("W3", "b3"))],
            "a stage must not modify its arguments, got a change of its state",
        ),
        (
            [(dictionary, LAYOUT.names), (of_a_dictionary, "W1")],
            "stage 0 must return an array, a number or a tuple of these, got Dict",
        ),
    ],
)
def test_stages_that_do_not_fit_are_refused_before_the_work(stages, message):
    made, before = fc.staged(stages, LAYOUT), THETA.copy()
    with pytest.raises(fc.InputError, match=message) as caught:
        fc.check(made, right, THETA, (X, Y))
    assert "\n" not in str(caught.value) and np.array_equal(THETA, before)


@pytest.mark.parametrize("which", [2, 3, 4, 5])
def test_a_single_entry_that_is_read_too_early_is_found_out(which):
    @numba.njit
    def one(theta, x):
        return x * theta[0] + theta[which]

    @numba.njit
    def two(theta, x):
        return np.sum(x) * np.sum(theta[2:])

    theta, layout = fc.pack({"a": np.ones(2), "b": np.full(4, 2.0)})
    with pytest.raises(fc.InputError, match="got b read before the stage that names it"):
        fc.gradient(fc.staged([(one, "a"), (two, "b")], layout), theta, (np.ones(2),))


def test_another_layout_is_refused():
    other = fc.Layout.of({"v": (THETA.size,)})
    with pytest.raises(fc.InputError, match=r"layout must be that of the cost's stages \(W1, .*got v: pass the same"):
        fc.check(cost, right, THETA, (X, Y), layout=other)
    with pytest.raises(fc.InputError, match="layout must be a Layout, got int"):
        fc.staged(STAGES, 3)
