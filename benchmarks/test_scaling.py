"""Throughput against the number of components, the size of J, workers and chunks; each beside the bare loop."""

from __future__ import annotations

import pytest

from benchmarks.cases import affordable, checking, differencing, screening
from benchmarks.costs import network, spinning

LONG = 3.0  # seconds of one worker beyond which a sample of the components is checked
SECONDS = 0.4  # of one worker in a round of a cost of chosen size
SPIN_EPS = 1e-4  # near the best for this cost


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("n", [10**2, 10**3, 10**4, 3 * 10**4, 10**5])
def test_check_against_n(figures, benchmark, n, workers):
    problem = network(n)
    components = affordable(problem, LONG)
    measured = figures.throughput(checking(problem, workers, components), rounds=5 if n < 10**4 else 3)
    if measured.load.sampled:
        benchmark.extra_info["sampled"] = f"{components} of {measured.load.n} components"
        figures.note("every component, projected", measured.seconds_of_all, "s")


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("n", [10**3, 10**4, 10**5, 10**6, 10**7])
def test_screen_against_n(figures, n, workers):
    figures.throughput(screening(network(n), workers), rounds=5 if n < 10**7 else 2)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("seconds_each", "target"),
    [(1e-7, "<= 1.25"), (1e-6, "<= 1.10"), (5e-6, "<= 1.05"), (5e-5, "<= 1.05"), (1e-3, "<= 1.05"), (1e-2, "<= 1.05")],
)
def test_cost_size(figures, seconds_each, target, workers):
    problem = spinning(seconds_each, int(SECONDS / seconds_each / 2))
    figures.throughput(differencing(problem, workers, eps=SPIN_EPS), target if workers == 1 else "<= 0.55")


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_workers(figures, workers):
    figures.throughput(differencing(network(10**4), workers), rounds=3)


@pytest.mark.parametrize("chunk", [1, 10, 100, 1000, None])
def test_chunk(figures, chunk):
    problem = spinning(5e-6, 20_000)
    figures.throughput(differencing(problem, 2, chunk, SPIN_EPS, f"chunk {chunk}"))
