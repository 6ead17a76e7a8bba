"""Rivals by ratio in one run: the time of each over that of fastcheck's two workers on the same network."""

from __future__ import annotations

from functools import cache

import pytest

from benchmarks.compare import Network, Rival, compared
from benchmarks.costs import network
from benchmarks.rivals import BASE, JAX, JAX_BATCHED, ONE_WORKER, RIVALS, SCIPY_NJIT, TORCH

pytestmark = pytest.mark.filterwarnings("default")  # the rivals' own warnings are theirs

SIZES = (10**3, 10**4)
TARGETS = {
    (SCIPY_NJIT, 10**3): ">= 2.8",
    (SCIPY_NJIT, 10**4): ">= 2.8",
    (TORCH, 10**3): ">= 30",
    (TORCH, 10**4): ">= 5",
    **{(rival, n): ">= 1" for rival in (JAX, JAX_BATCHED) for n in SIZES},
}


@cache
def _network(n: int) -> Network:
    return Network(network(n))


def _over(figures, benchmark, rival: Rival, against: Rival, n: int, target: str) -> None:
    outcome, run = compared(rival, _network(n))
    if run is None:
        pytest.skip(f"{rival.name}: {outcome.status}")
    benchmark.extra_info.update(
        n=outcome.n, evaluations=outcome.evaluations, difference=outcome.difference, computes=outcome.computes
    )
    _, other = compared(against, _network(n))
    figures.ratio(f"n = {outcome.n}, over {against.name}", run, other, target, rounds=9 if n == SIZES[0] else 3)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("rival", RIVALS[1:], ids=lambda rival: rival.name)
def test_over_two_workers(figures, benchmark, rival, n):
    _over(figures, benchmark, rival, BASE, n, TARGETS.get((rival, n), ""))


@pytest.mark.parametrize("n", SIZES)
def test_scipy_over_one_worker(figures, benchmark, n):
    _over(figures, benchmark, SCIPY_NJIT, ONE_WORKER, n, ">= 1.4")
