"""What a second worker brings, and the least a checker takes; `test_scaling` compares with the bare loop."""

from __future__ import annotations

import numpy as np
import pytest

import fastcheck as fc
from benchmarks.costs import product_of_two, spin, work_for
from fastcheck import zoo

SECONDS = 0.4  # of one worker, per round


@pytest.mark.parametrize("seconds_each", [1e-6, 5e-5, 1e-3])
def test_one_worker_against_two(figures, seconds_each):
    n = int(SECONDS / seconds_each / 2)
    theta, work = np.ones(n), work_for(seconds_each)
    one, two = (fc.Checker(spin, theta, (work,), workers=workers) for workers in (1, 2))
    figures.ratio(
        f"J {seconds_each * 1e6:g} us, one over two",
        lambda: one.gradient(theta),
        lambda: two.gradient(theta),
        ">= 1.85",
    )


def test_one_worker_against_two_on_a_network(figures):
    problem = zoo.mlp()
    one, two = (fc.Checker(problem.cost, problem.theta, problem.args, workers=workers) for workers in (1, 2))
    run = [lambda checker=checker: checker.gradient(problem.theta) for checker in (one, two)]
    figures.ratio("zoo.mlp, one over two", *run, ">= 1.85")


def test_a_checker_called_in_a_loop(figures, benchmark):
    theta = np.ones(10)
    with fc.Checker(product_of_two, theta) as checker:
        benchmark.pedantic(checker.gradient, (theta,), rounds=200, iterations=20, warmup_rounds=5)
    figures.note("n = 10, one call", benchmark.stats.stats.median * 1e6, "us", "< 100")
