"""Large networks: evaluations and outcomes of screen and locate, false alarms and misses, time and memory at large n."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import pytest

import fastcheck as fc
from benchmarks.costs import planted
from fastcheck import zoo
from fastcheck.zoo.mlp import ACTIVATIONS

LARGE = (784, 1000, 200, 10)
SMALL = (20, 40, 30, 6)
CASES = 10  # seeds for every planted error
SEVERAL = [
    (f"one off by {factor - 1:.1%}", factor, (name,)) for factor in (1.001, 1.01, 2.0) for name in ("W1", "W2", "b1")
] + [
    ("two off by 1 %", 1.01, ("W1", "W2")),
    ("two off by 1 %", 1.01, ("W1", "W1")),
    ("three off by 1 %", 1.01, ("W1", "W2", "b1")),
    ("three off by 1 %", 1.01, ("W1", "W1", "W1")),
]
SEEDS = 200


def tensor(problem: fc.Problem, name: str) -> fc.Tensor:
    return next(t for t in problem.layout.tensors if t.name == name)


def ask(function: Callable, problem: fc.Problem, gradient: np.ndarray, seed: int):
    return function(problem.cost, gradient, problem.theta, problem.args, layout=problem.layout, seed=seed)


def by_a_factor(problem: fc.Problem, gradient: np.ndarray, name: str, index: object, factor: float) -> np.ndarray:
    """The gradient with a part of one tensor times a factor."""
    wrong = gradient.copy()
    problem.layout.unpack(wrong)[name][index] *= factor
    return wrong


@pytest.mark.parametrize(("activation", "one"), [("tanh", 130), ("relu", 210)])
def test_screen_and_locate_on_987210_parameters(figures, benchmark, activation, one):
    problem = zoo.mlp(LARGE, activation)
    gradient = problem.grad(problem.theta, *problem.args)

    def run() -> dict[str, list[tuple[bool, int]]]:
        outcome: dict[str, list[tuple[bool, int]]] = {}
        for seed in range(CASES):
            report = ask(fc.screen, problem, gradient, seed)
            outcome.setdefault("right", []).append((report.passed, report.evaluations))
            for what, factor, names in SEVERAL:
                wrong, which = planted(problem, gradient, names, factor, seed)
                passed, found = ask(fc.screen, problem, wrong, seed).passed, ask(fc.locate, problem, wrong, seed)
                exact = not passed and sorted(c.index for c in found.components) == which and not found.tensors
                outcome.setdefault(what, []).append((exact, found.evaluations))
            for what, name, index, named in (
                ("a row of W2 off by 1 %", "W2", np.s_[seed], ((f"W2[{seed}, :]",), ())),
                ("W2 off by 0.01 %", "W2", np.s_[:], ((), ("W2",))),
            ):
                wrong = by_a_factor(problem, gradient, name, index, 1.0001 if named[1] else 1.01)
                found = ask(fc.locate, problem, wrong, seed)
                outcome.setdefault(what, []).append(((found.lines, found.tensors) == named, found.evaluations))
        return outcome

    targets = {"right": 100, "two off by 1 %": 230, "three off by 1 %": 350}
    for name, cases in benchmark.pedantic(run, rounds=1).items():
        evaluations = [n for _, n in cases]
        target = targets.get(name, one if name.startswith("one") else 150)
        figures.note(f"{activation}, {name}: not as it should be", sum(not good for good, _ in cases), "cases", "0")
        figures.note(
            f"{activation}, {name}: evaluations, 95 %", float(np.quantile(evaluations, 0.95)), "", f"<= {target}"
        )
        figures.note(f"{activation}, {name}: most evaluations", max(evaluations), "")


def test_time_on_987210_parameters(figures, benchmark):
    problem = zoo.mlp(LARGE, "relu")
    checker = fc.Checker(problem.cost, problem.theta, problem.args)
    full = problem.theta.size / 100 * timed(lambda: checker.gradient(problem.theta, components=np.arange(100)))
    benchmark.pedantic(problem.screen, rounds=5, warmup_rounds=1)
    screen = benchmark.stats.stats.median
    figures.note("screen", screen, "s")
    gradient = problem.grad(problem.theta, *problem.args)
    located = [ask_timed(problem, planted(problem, gradient, ("W1",), 1.01, seed)[0], seed) for seed in range(5)]
    figures.note("locate one wrong component, over screen", float(np.median(located)) / screen, "x", "<= 1.5")
    figures.note("every component, projected, over screen", full / benchmark.stats.stats.median, "x")


def ask_timed(problem: fc.Problem, gradient: np.ndarray, seed: int) -> float:
    begin = time.perf_counter()
    ask(fc.locate, problem, gradient, seed)
    return time.perf_counter() - begin


def timed(run: Callable[[], object]) -> float:
    run()
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_false_alarms(figures, benchmark, activation, l2):
    def run() -> int:
        return sum(not zoo.mlp(SMALL, activation, l2=l2, seed=seed).screen(seed=seed).passed for seed in range(SEEDS))

    figures.note(f"{activation}, l2 {l2}: alarms in {SEEDS} seeds", benchmark.pedantic(run, rounds=1), "", "0")


def test_misses(figures, benchmark):
    def run() -> int:
        n_missed = 0
        for seed in range(SEEDS):
            problem = zoo.mlp(SMALL, ACTIVATIONS[seed % 3], seed=seed)
            gradient = problem.grad(problem.theta, *problem.args)
            wrong, _ = planted(problem, gradient, (("W1", "b1", "W2", "b2", "W3")[seed % 5],), 1.01, seed)
            n_missed += ask(fc.screen, problem, wrong, seed).passed
        return n_missed

    figures.note(f"one component off by 1 %: missed of {SEEDS}", benchmark.pedantic(run, rounds=1), "", "0")


def test_floor_against_the_ratio_of_right_gradients(figures, benchmark):
    def run() -> tuple[float, float]:
        problems = [
            zoo.mlp((20, 30, 30, 5), activation, l2=l2, seed=seed)
            for activation in ACTIVATIONS
            for l2 in (0.0, 0.1)
            for seed in range(10)
        ]
        reports = [problem.check(eps=eps) for problem in [*problems, zoo.course(fixed=True)] for eps in (1e-6, 1e-7)]
        ratios = [report.ratio / report.floor for report in reports]
        return min(ratios), max(ratios)

    low, high = benchmark.pedantic(run, rounds=1)
    figures.note("ratio over floor, least", low, "x", ">= 0.33")
    figures.note("ratio over floor, most", high, "x", "<= 3")


@pytest.mark.parametrize(("activation", "target"), [("tanh", "< 1e-8"), ("sigmoid", "< 1e-8"), ("relu", "< 1e-7")])
def test_automatic_step(figures, benchmark, activation, target):
    def run() -> float:
        return max(zoo.mlp((20, 30, 30, 5), activation, seed=seed).check(eps="auto").ratio for seed in range(30))

    figures.note(f"{activation}: largest ratio in 30 seeds, eps='auto'", benchmark.pedantic(run, rounds=1), "", target)


SCRIPT = """
import json, resource, sys, time
import numba, numpy as np, fastcheck as fc

@numba.njit
def cost(theta):
    total = 0.0
    for i in range(theta.size):
        total += theta[i] * theta[i]
    return total

@numba.njit
def grad(theta):
    return 2 * theta

def seconds(run):
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin

n = int(sys.argv[1])
fc.screen(cost, grad, np.ones(10))
theta = np.random.default_rng(0).uniform(-1, 1, n)
one = min(seconds(lambda: cost(theta)) for _ in range(5))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
report, took = None, []
for _ in range(int(sys.argv[2])):
    report, begin = None, time.perf_counter()
    report = fc.screen(cost, grad, theta)
    took.append(time.perf_counter() - begin)
took.sort()
vectors = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / theta.nbytes
print(json.dumps([one, took[len(took) // 2], report.evaluations, vectors, report.verdict.name]))
"""


@pytest.mark.parametrize(("n", "rounds"), [(10**7, 5), (10**8, 1)])
def test_a_cost_linear_in_n(figures, benchmark, n, rounds):
    def run() -> list:
        command = [sys.executable, "-c", SCRIPT, str(n), str(rounds)]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    one, took, evaluations, vectors, verdict = benchmark.pedantic(run, rounds=1)
    figures.note(f"n = {n:.0e}: one evaluation", one * 1e3, "ms")
    figures.note(f"n = {n:.0e}: screen ({verdict}, {evaluations} evaluations)", took, "s")
    figures.note(
        f"n = {n:.0e}: screen beside its evaluations, over one evaluation",
        (took - evaluations * one) / one,
        "x",
        "<= 60",
    )
    figures.note(f"n = {n:.0e}: peak beyond the inputs", vectors, "vectors", "<= 4")
