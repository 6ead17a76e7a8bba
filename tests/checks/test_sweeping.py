from __future__ import annotations

import json
import math
from dataclasses import replace

import numba
import numpy as np
import pytest
from costs import quartic, quartic_gradient

import fastcheck as fc
from fastcheck import zoo
from fastcheck.checks.sweeping import EPS


@pytest.fixture(scope="module")
def right() -> fc.Sweep:
    return zoo.mlp((5, 8, 3)).sweep(workers=1)


def at(sweep: fc.Sweep, eps: float) -> float:
    return next(step.ratio for step in sweep.steps if step.eps == eps)


def test_the_steps_are_half_decades_from_1e_1_to_1e_12(right):
    eps = [step.eps for step in right.steps]
    assert np.allclose(np.log10(eps), np.arange(-1, -12.5, -0.5))
    assert {1e-1, 1e-7, 1e-12} < set(eps)


def test_ratio_and_floor_are_those_of_the_formula(right):
    problem = zoo.mlp((5, 8, 3))
    analytic = problem.check().analytic
    for eps in (1e-3, 1e-7):
        numeric = fc.gradient(problem.cost, problem.theta, problem.args, eps=eps)
        below = np.linalg.norm(numeric) + np.linalg.norm(analytic)
        assert at(right, eps) == pytest.approx(np.linalg.norm(numeric - analytic) / below)
        floor = np.sqrt(75) * right.noise / (np.sqrt(2) * eps) / below
        assert next(step.floor for step in right.steps if step.eps == eps) == pytest.approx(floor)
    assert right.noise == problem.check().noise


def test_a_right_gradient_falls_as_eps_squared_to_its_floor(right):
    assert at(right, 1e-2) / at(right, 1e-3) == pytest.approx(100, rel=0.01)
    assert all(step.ratio <= 3 * step.floor for step in right.steps if step.eps <= 1e-6)
    assert right.best.ratio < 1e-9
    assert 1e-6 <= right.chosen <= 1e-3
    assert right.chosen == np.median(zoo.mlp((5, 8, 3)).check(eps="auto").eps)


def test_a_wrong_gradient_stays_level():
    sweep = zoo.mlp((5, 8, 3), bug="row").sweep()
    ratios = [step.ratio for step in sweep.steps]
    assert max(ratios) / min(ratios) < 1.05
    assert min(ratios) > 1e-2


def test_large_problems_are_sampled_small_ones_are_not(right):
    assert (right.n_checked, right.n) == (75, 75)
    large = zoo.mlp((30, 40, 5)).sweep()
    assert (large.n_checked, large.n) == (1000, 1445)
    few = zoo.mlp((30, 40, 5)).sweep(components=20)
    assert few.n_checked == 20
    assert few.evaluations < large.evaluations
    assert zoo.mlp((30, 40, 5)).sweep(components=[7, 3, 7]).n_checked == 2


def test_evaluations_are_counted(theta, weights):
    calls = []

    def cost(theta, weights):
        calls.append(1)
        return quartic.py_func(theta, weights)

    assert fc.sweep(cost, quartic_gradient, theta, (weights,)).evaluations == len(calls)


@pytest.mark.parametrize("compiled", [True, False])
def test_steps_at_which_j_overflows_are_nan(compiled):
    def cost(theta):
        return np.sum(np.exp(1e3 * theta))

    theta = np.array([0.65, 0.5, 0.02])
    sweep = fc.sweep(numba.njit(cost) if compiled else cost, 1e3 * np.exp(1e3 * theta), theta)
    assert math.isnan(sweep.steps[0].ratio)
    assert at(sweep, 1e-7) < 1e-7
    assert "nan" in str(sweep)
    assert sweep.to_dict()["steps"][0] == {"eps": 0.1, "ratio": None, "floor": None, "size": None}
    assert sweep.plot().axes


@pytest.mark.parametrize("compiled", [True, False])
def test_steps_at_which_the_cost_raises_are_nan(compiled):
    def cost(theta):
        return sum([math.log(x) for x in theta])

    theta = np.array([0.01, 0.5, 2.0])
    sweep = fc.sweep(cost if not compiled else numba.njit(cost), 1 / theta, theta)
    assert math.isnan(sweep.steps[0].ratio)
    assert at(sweep, 1e-7) < 1e-7


def test_a_gradient_that_is_nan_leaves_the_others_to_be_compared(theta, weights):
    gradient = quartic_gradient(theta, weights)
    gradient[3] = np.nan
    assert at(fc.sweep(quartic, gradient, theta, (weights,)), 1e-4) < 1e-6


def test_steps_lost_in_the_rounding_of_theta_are_nan(theta, weights):
    theta[5] = 1e9
    sweep = fc.sweep(quartic, quartic_gradient, theta, (weights,))
    lost = [math.isnan(step.ratio) for step in sweep.steps]
    assert lost == [step.eps < np.spacing(1e9) for step in sweep.steps]
    theta[5] = 1e30
    sweep = fc.sweep(quartic, quartic_gradient, theta, (weights,))
    assert all(math.isnan(step.ratio) for step in sweep.steps)
    assert sweep.best is None
    assert "ratio finite at no eps" in str(sweep)
    assert sweep.plot().axes


def test_progress_runs_through_once(theta, weights):
    told = []
    fc.sweep(quartic, quartic_gradient, theta, (weights,), workers=1, progress=lambda *pair: told.append(pair))
    assert told == sorted(told)
    assert told[-1] == (12 * len(EPS), 12 * len(EPS))


def test_the_text_is_a_table_of_eighty_columns(right):
    lines = str(right).splitlines()
    assert lines[0] == right.name == "mlp 5-8-3 tanh"
    assert max(map(len, lines)) <= 80
    rows = [line for line in lines if "|" in line and line.lstrip("* ")[0].isdigit()]
    assert len(rows) == len(EPS)
    nearest = min(EPS, key=lambda eps: abs(np.log(eps / right.chosen)))
    assert [row for row in rows if row.startswith("*")] == [row for row in rows if f" {nearest:.1e} " in row]
    assert "\x1b" not in str(right)
    assert right._repr_html_().startswith("<pre")


def test_the_bar_ends_at_the_ratio_and_is_marked_at_the_floor(right):
    step = replace(right.steps[0], ratio=1e-3, floor=1e-9)
    row = str(replace(right, steps=(step,), name="")).splitlines()[1]
    assert row.endswith(4 * 3 * "=" + "|" + 6 * 3 * "=")


def test_what_eps_auto_takes_may_lie_beyond_all_steps(right):
    beyond = replace(right, chosen=1e6)
    assert beyond.marked is None
    assert "\neps='auto' takes 1e+06\n" in str(beyond)
    assert replace(right, chosen=math.nan).marked is None
    assert "auto" not in str(replace(right, chosen=math.nan))


def test_a_sweep_is_saved_as_json_or_picture(right, tmp_path):
    right.save(tmp_path / "sweep.json")
    assert json.loads((tmp_path / "sweep.json").read_text()) == right.to_dict()
    right.save(tmp_path / "sweep.svg")
    assert (tmp_path / "sweep.svg").stat().st_size > 1000
    with pytest.raises(fc.InputError, match="the file must end in .json, .png, .svg, .pdf, got '.*sweep.html'"):
        right.save(tmp_path / "sweep.html")
    assert len(list(tmp_path.iterdir())) == 2


def test_the_callers_arrays_are_not_touched(theta, weights):
    before = theta.copy(), weights.copy()
    fc.sweep(quartic, quartic_gradient, theta, (weights,))
    assert np.array_equal(theta, before[0])
    assert np.array_equal(weights, before[1])
