"""What is said before a long run: once, on stderr, how long it will take, and only what would be quicker for this call."""

from __future__ import annotations

import re

import numba
import numpy as np
import pytest
from costs import quartic, quartic_gradient

import fastcheck as fc
from fastcheck import zoo
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.words import duration

SCREEN, SAMPLE, STAGED, COMPILED = "screen", "components", "staged", "numba.njit"
PROCESSES = 'workers="processes"'
ONES = np.ones(12)


@pytest.fixture
def slow(monkeypatch):
    """Every J takes so long, as far as anybody knows."""

    def slow(seconds: float = 1.0) -> None:
        monkeypatch.setattr(Evaluator, "projected_seconds", lambda self, n: n * seconds)

    return slow


def parts(theta):
    return {"a": theta[:6], "b": theta[6:]}


CALLS = {
    "check": (lambda t: fc.check(quartic, quartic_gradient, parts(t), (ONES,)), 24, {SCREEN, SAMPLE, STAGED}),
    "one tensor": (lambda t: fc.check(quartic, quartic_gradient, t, (ONES,)), 24, {SCREEN, SAMPLE}),
    "components": (lambda t: fc.check(quartic, quartic_gradient, t, (ONES,), components=11), 22, {SCREEN, SAMPLE}),
    "one each": (lambda t: fc.check(quartic, quartic_gradient, {f"p{k}": t[k : k + 1] for k in range(12)}, (ONES,)), 24, {SCREEN, STAGED}),
    "python": (lambda t: fc.check(quartic.py_func, quartic_gradient, parts(t), (ONES,)), 24, {SCREEN, SAMPLE, COMPILED}),
    "made": (lambda t: fc.from_layer(lambda x: 2 * x, lambda dy: 2 * dy, [t]).check(), 24, {SCREEN, SAMPLE, PROCESSES}),
    "gradient": (lambda t: fc.gradient(quartic, t, (ONES,)), 24, {SAMPLE}),
    "Checker.gradient": (lambda t: fc.Checker(quartic, t, (ONES,)).gradient(t), 24, {SAMPLE}),
    "Checker.check": (lambda t: fc.Checker(quartic, t, (ONES,)).check(t, 4 * t**3), 24, {SCREEN, SAMPLE}),
    "sweep": (lambda t: fc.sweep(quartic, quartic_gradient, t, (ONES,)), 24 * 23, {SAMPLE}),
    "complex": (lambda t: fc.check(quartic, quartic_gradient, t, (ONES,), method="complex"), 24, {SCREEN, SAMPLE}),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_a_long_run_is_announced_once_with_what_would_be_quicker(name, theta, slow, capsys):
    slow()
    call, n_evaluations, quicker = CALLS[name]
    call(theta)
    first, second = capsys.readouterr().err.splitlines()
    told = rf"fastcheck: 1\d components, J .*, \d workers?: this will take about {duration(n_evaluations)}"
    assert re.fullmatch(told, first)
    assert {one.split(" ")[0] for one in second.removeprefix("  quicker: ").split(", ")} == quicker


def test_a_complex_step_that_is_given_up_is_not_announced_again(theta, slow, capsys):
    slow()
    cost = numba.njit(lambda theta: np.sum(np.abs(theta)))
    assert fc.check(cost, np.sign, theta, method="complex").passed
    assert capsys.readouterr().err.count("this will take") == 1


def test_a_cost_in_stages_is_told_nothing_of_stages(slow, capsys):
    slow()
    zoo.lenet().check(components=20)
    assert STAGED not in capsys.readouterr().err


@pytest.mark.parametrize(("progress", "announced"), [(None, True), (lambda done, total: None, True), (False, False)])
def test_nothing_is_said_where_no_progress_is_wanted_nor_of_what_is_quick(progress, announced, theta, slow, capsys):
    slow(10.1 / 24)
    fc.gradient(quartic, theta, (ONES,), progress=progress)
    assert ("about 10 s" in capsys.readouterr().err) is announced
    slow(9.9 / 24)
    fc.gradient(quartic, theta, (ONES,), progress=progress)
    assert capsys.readouterr().err == ""
    fc.screen(quartic, quartic_gradient, theta, (ONES,))
    assert capsys.readouterr().err == ""
