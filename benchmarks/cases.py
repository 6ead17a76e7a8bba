"""What is timed, and how: a problem goes in, a case that is ready and warm comes out, beside the bare loop of its cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from statistics import median
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import fastcheck as fc
from benchmarks.costs import bare_loop, planted
from benchmarks.records import Load, Located, Measured, Staged, Timing

SETTLE = 0.03  # seconds before each run, in which threads of the last one that still spin (OpenBLAS: 25 ms) go to sleep


@dataclass(frozen=True)
class Case:
    """A run and its bare loop: what is timed, with what is known of it beforehand."""

    load: Load
    run: Callable[[], Any]
    bare: Callable[[], Any]


def checking(problem: fc.Problem, workers: int, components: int | None = None) -> Case:
    """`check` from beginning to end: vetting, gradient, differences, noise, verdict."""

    def run() -> fc.Report:
        return problem.check(workers=workers, components=components, progress=False)

    report, first = _first(run)
    error = _largest_error(report.numeric, report.analytic)
    load = Load(problem.name, problem.theta.size, report.n_checked, workers, report.evaluations, error, first)
    return Case(load, run, _bare(problem, report.evaluations))


def screening(problem: fc.Problem, workers: int) -> Case:
    """`screen` from beginning to end."""

    def run() -> fc.Report:
        return problem.screen(workers=workers, progress=False)

    report, first = _first(run)
    n = problem.theta.size
    load = Load(problem.name, n, n, workers, report.evaluations, report.ratio, first)
    return Case(load, run, _bare(problem, report.evaluations))


def differencing(
    problem: fc.Problem, workers: int, chunk: int | None = None, eps: float = 1e-7, name: str | None = None
) -> Case:
    """The differences of every component alone, the cost prepared beforehand."""
    n = problem.theta.size

    def prepared() -> tuple[fc.Checker, np.ndarray]:
        checker = fc.Checker(
            problem.cost, problem.theta, problem.args, eps=eps, workers=workers, chunk=chunk, progress=False
        )
        return checker, checker.gradient(problem.theta)

    (checker, numeric), first = _first(prepared)
    error = _largest_error(numeric, problem.grad(problem.theta, *problem.args))
    load = Load(name or problem.name, n, n, workers, 2 * n, error, first)
    return Case(load, lambda: checker.gradient(problem.theta), _bare(problem, 2 * n))


def in_stages(make: Callable[..., fc.Problem], workers: int, budget: float) -> Staged:
    """The differences by the tails of a cost in stages, and by the same cost in one piece."""
    whole, tails = make(staged=False), make(staged=True)

    def differences(problem: fc.Problem) -> np.ndarray:
        return fc.gradient(problem.cost, problem.theta, problem.args, workers=workers, progress=False)

    same = np.array_equal(differences(whole), differences(tails))
    with threadpool_limits(1, user_api="blas"):
        timing = in_turn(lambda: differences(tails), lambda: differences(whole), budget)
    return Staged(whole.name, tails.theta.size, timing, same)


def locating(problem: fc.Problem, names: tuple[str, ...], seeds: int, budget: float) -> Located:
    """Wrong components, 1 % off, in these tensors; each seed plants others."""
    right = problem.grad(problem.theta, *problem.args)
    gradients = [planted(problem, right, names, 1.01, seed) for seed in range(seeds)]

    def located(seed: int) -> fc.Location:
        wrong, _ = gradients[seed]
        return fc.locate(problem.cost, wrong, problem.theta, problem.args, layout=problem.layout, seed=seed)

    found = [located(seed) for seed in range(seeds)]
    exact = [
        sorted(c.index for c in location.components) == which and not (location.tensors or location.lines)
        for location, (_, which) in zip(found, gradients, strict=True)
    ]
    turns = cycle(range(seeds))
    with threadpool_limits(1, user_api="blas"):
        timing = in_turn(lambda: located(next(turns)), lambda: problem.screen(progress=False), budget)
    evaluations = [location.evaluations for location in found]
    most = int(median(evaluations)), max(evaluations)
    return Located(", ".join(f"one in {name}" for name in names), problem.theta.size, sum(exact), seeds, most, timing)


def affordable(problem: fc.Problem, seconds: float) -> int | None:
    """How many components one worker looks at in ``seconds``; None where that is every one."""
    problem.cost(problem.theta, *problem.args)
    each = 2 * min(seconds_of(lambda: problem.cost(problem.theta, *problem.args)) for _ in range(3))
    k = max(int(seconds / each), len(problem.layout.tensors) if problem.layout else 1)
    return k if k < problem.theta.size else None


def measured(case: Case, budget: float) -> Measured:
    """The case timed against its bare loop, BLAS on one thread for both, as it is inside a check."""
    with threadpool_limits(1, user_api="blas"):
        return Measured(case.load, in_turn(case.run, case.bare, budget))


def in_turn(
    run: Callable[[], Any], against: Callable[[], Any], budget: float, least: int = 3, most: int = 15
) -> Timing:
    """Both once to warm up, then in turn until ``budget`` seconds are spent; if ``least`` pairs take far longer, fewer."""
    run()
    against()
    pairs: list[tuple[float, float]] = []
    spent, begin = 0.0, time.perf_counter()
    while not pairs or (len(pairs) < most and spent < budget) or (len(pairs) < least and spent < 4 * budget):
        pairs.append((seconds_of(run), seconds_of(against)))
        spent = time.perf_counter() - begin
    return timing(pairs)


def timing(pairs: list[tuple[float, float]]) -> Timing:
    own, others = zip(*pairs, strict=True)
    return Timing(median(own), median(others), median(mine / theirs for mine, theirs in pairs), len(pairs))


def seconds_of(run: Callable[[], Any]) -> float:
    settle()
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def settle() -> None:
    """Wait, but stay awake: a core that wakes up is slow at first."""
    until = time.perf_counter() + SETTLE
    while time.perf_counter() < until:
        pass


def _first(run: Callable[[], Any]) -> tuple[Any, float]:
    begin = time.perf_counter()
    result = run()
    return result, time.perf_counter() - begin


def _bare(problem: fc.Problem, n_calls: int) -> Callable[[], float]:
    return lambda: bare_loop(problem.cost, problem.theta, problem.args, n_calls)


def _largest_error(numeric: np.ndarray, analytic: np.ndarray) -> float:
    return float(np.abs(numeric - analytic).max() / np.abs(analytic).max())
