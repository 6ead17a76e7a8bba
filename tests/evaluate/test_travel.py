"""What a work item needs travels: it pickles, and gives the same bits after the journey, in another process too."""

from __future__ import annotations

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import cloudpickle
import numba
import numpy as np
import pytest
from costs import quartic

import fastcheck as fc
from fastcheck.evaluate.direction import draw
from fastcheck.evaluate.moves import ComponentMoves, DirectionMoves, JointMoves, Moves
from fastcheck.evaluate.source import Source, source_of
from fastcheck.problem.arguments import Arguments

POINTS = np.array([[1e-6, -1e-6, 0.5]])


def with_gradient(theta, weights, power=4):
    return np.sum(weights * theta**power), power * weights * theta ** (power - 1)


def variadic(theta, *args):
    return np.sum(args[0] * theta**4)


def closure():
    offset = np.arange(3.0)
    return numba.njit(lambda theta, weights: np.sum(weights * theta**4) + offset[1])


def sources(weights: np.ndarray) -> dict[str, Source]:
    return {
        "njit": source_of(quartic, Arguments((weights,))),
        "plain": source_of(quartic.py_func, Arguments((weights,))),
        "kwargs": source_of(numba.njit(with_gradient), Arguments((weights,), {"power": 3}), paired=True),
        "pair": source_of(with_gradient, Arguments((), {"weights": weights}), paired=True),
        "variadic": source_of(numba.njit(variadic), Arguments((weights,))),
        "closure": source_of(closure(), Arguments((weights,))),
        "lambda": source_of(lambda theta, w: float(w @ theta), Arguments((weights,))),
    }


KINDS = list(sources(np.ones(1)))


def moves(theta: np.ndarray) -> list[Moves]:
    rng = np.random.default_rng(3)
    directions = tuple(draw(rng, *span) for span in ((0, 12), (2, 9), (5, 6)))
    return [
        ComponentMoves(np.array([7, 0, 3]), POINTS),
        ComponentMoves(range(2, 12), np.array([[1e-7, -1e-7]]), np.array([1.0, -1.0])),
        DirectionMoves(directions, np.repeat(POINTS, 3, axis=0), np.exp2(np.arange(-6.0, 6)), still=(slice(3, 5),)),
        JointMoves(
            (np.array([7, 0, 3]), np.array([2]), np.array([11, 1])),
            (np.ones(3), np.ones(1), np.array([0.5, -2.0])),
            np.repeat(POINTS, 3, axis=0),
        ),
    ]


def values(source: Source, theta: np.ndarray) -> list[np.ndarray]:
    return [some.evaluated(source, theta.copy(), theta) for some in moves(theta)]


def evaluated(source: Source, some: Moves, theta: np.ndarray) -> np.ndarray:
    """In whatever process it is called."""
    return some.evaluated(source, theta.copy(), theta)


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_gives_the_same_bits_after_a_round_trip(kind, theta, weights):
    source = sources(weights)[kind]
    expected = values(source, theta)
    for travelled in (
        cloudpickle.loads(cloudpickle.dumps(source)),
        cloudpickle.loads(cloudpickle.dumps(sources(weights)[kind])),
    ):
        for here, there in zip(expected, values(travelled, theta), strict=True):
            assert np.array_equal(here, there)
        assert travelled.compiled is source.compiled


def test_moves_pickle(theta, weights):
    source = sources(weights)["njit"]
    for some in moves(theta):
        travelled = pickle.loads(pickle.dumps(some))
        assert (travelled.shape, travelled.n_points) == (some.shape, some.n_points)
        assert np.array_equal(evaluated(source, travelled, theta), evaluated(source, some, theta))


def test_moves_are_evaluated_in_another_process(theta, weights):
    source = sources(weights)["njit"]
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        for some in moves(theta):
            there = pool.submit(type(some).evaluated, some, source, theta.copy(), theta)
            assert np.array_equal(there.result(), evaluated(source, some, theta))


def test_parts_of_moves_are_the_moves(theta, weights):
    source = sources(weights)["njit"]
    for some in moves(theta):
        parts = [some.part(start, min(start + 2, some.size)) for start in range(0, some.size, 2)]
        together = np.concatenate([evaluated(source, part, theta) for part in parts])
        assert np.array_equal(together, evaluated(source, some, theta))


@pytest.mark.parametrize("cost", [quartic, quartic.py_func, closure()])
@pytest.mark.parametrize("eps", [None, 1e-7, "auto"])
def test_a_checker_gives_the_same_bits_after_a_round_trip(cost, eps, theta, weights):
    checker = fc.Checker(cost, theta, (weights,), eps=eps, workers=2)
    travelled = cloudpickle.loads(cloudpickle.dumps(checker))
    assert np.array_equal(travelled.gradient(theta), checker.gradient(theta))
    gradient = checker.gradient(theta)
    reports = [each.check(theta, gradient) for each in (checker, travelled)]
    assert reports[0].evaluations == reports[1].evaluations
    assert np.array_equal(reports[0].numeric, reports[1].numeric)
