"""Fitted models: where the gradient is nearly nothing, a right one is not accused and a wrong one not passed."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

import fastcheck as fc
from fastcheck import zoo

sys.path.append(str(Path(__file__).parents[2]))  # the benchmarks are not installed

from benchmarks import models

CHOSEN = {model.name: model for model in models.problems()[1::3]}
CALLS = {
    "check": fc.check,
    "auto": lambda *args, **options: fc.check(*args, eps="auto", **options),
    "screen": fc.screen,
}
PLACES = {
    "fitted": lambda model: models.fitted(model).copy(),
    "beside": lambda model: models.beside(models.fitted(model), np.random.default_rng(len(model.name))),
}
SURE = {"fitted": 0.6, "beside": 0.8}  # the share that must be CORRECT


def asked(call, model):
    return CALLS[call](model.cost, model.grad, model.theta, model.args, layout=model.layout)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("place", PLACES)
def test_right_gradients_at_a_fit(place, call):
    reports = {m.name: asked(call, replace(m, theta=PLACES[place](m))) for m in CHOSEN.values()}
    accused = [f"{name}\n{report}" for name, report in reports.items() if report.verdict.accuses]
    assert not accused, "\n".join(accused)
    assert np.mean([report.passed for report in reports.values()]) >= SURE[place]


@pytest.mark.parametrize("kind", models.OFF)
@pytest.mark.parametrize("call", CALLS)
def test_wrong_gradients_at_a_fit(call, kind):
    """None passes; in a screen none above the ratio that it names."""
    for right in [replace(m, theta=PLACES["fitted"](m)) for m in list(CHOSEN.values())[len(kind) % 2 :: 2]]:
        wrong = models.off(right, kind)
        report = asked(call, wrong)
        if report.passed:
            g, off = (np.abs(right.theta) * m.grad(m.theta, *m.args) for m in (right, wrong))
            ratio = np.linalg.norm(g - off) / (np.linalg.norm(g) + np.linalg.norm(off))
            assert call == "screen" and ratio < 2 * report.ratio_high < 1e-5, str(report)


def test_at_an_exact_optimum_nothing_is_said_either_way():
    for model in list(CHOSEN.values())[::4]:
        at = replace(model, theta=models.trained(model).copy())
        for m in (at, models.off(at, "twice too large")):
            assert asked("check", m).verdict is fc.Verdict.UNRESOLVED, m.name


@pytest.mark.parametrize("eps", [None, "auto"])
def test_an_entry_of_a_small_component_is_looked_at_by_itself(eps):
    """Its unit is 2.7e-4, and the pass may be off by more than the tenth that is wrong."""
    (model,) = (m for m in models.problems() if m.name == "multinomial logit")
    wrong = models.off(replace(model, theta=models.fitted(model).copy()), "one entry 10 % off")
    report = fc.check(wrong.cost, wrong.grad, wrong.theta, wrong.args, layout=wrong.layout, eps=eps)
    assert report.verdict is fc.Verdict.WRONG, str(report)
    assert [w.name for w in report.witnesses] == ["W[2, 3]"]


@pytest.mark.parametrize("seed", [2, 6])
@pytest.mark.parametrize("eps", [None, "auto"])
def test_a_trained_network_is_not_accused(seed, eps):
    """Its weights are nearly nothing beside the scale on which J bends: from afar two steps agree by chance."""
    problem = zoo.attention(l2=0.1, seed=seed)
    fit = minimize(problem.cost, problem.theta, problem.args, "L-BFGS-B", problem.grad, options={"maxiter": 200})
    report = fc.check(problem.cost, problem.grad, fit.x, problem.args, layout=problem.layout, eps=eps)
    assert not report.verdict.accuses, str(report)
