"""Witnesses, bounds and agreement: what the verdict went by stands in the report, and is true."""

from __future__ import annotations

import json
import math

import numba
import numpy as np
import pytest
from costs import Counted, quartic, quartic_gradient

import fastcheck as fc
from fastcheck import zoo
from fastcheck.checks import passing
from fastcheck.judge import rule

CHECKS = {
    "check": fc.check,
    "auto": lambda *args, **options: fc.check(*args, eps="auto", **options),
    "screen": fc.screen,
}
every_check = pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)


def off(gradient, index, factor):
    gradient = gradient.copy()
    gradient[index] *= factor
    return gradient


@every_check
def test_what_is_right_or_open_has_no_witness(check, theta, weights):
    assert check(quartic, quartic_gradient, theta, (weights,)).witnesses == ()
    report = check(lambda t: float((t**2).sum()), lambda t: 3 * t, np.zeros(3), scale=1.0)
    assert (report.verdict, report.witnesses) == (fc.Verdict.UNRESOLVED, ())
    assert "stationary" in report.reason
    report = check(lambda t: 3.0, np.zeros(3), np.ones(3))
    assert (report.verdict, report.witnesses) == (fc.Verdict.CORRECT, ())


@every_check
@pytest.mark.parametrize(("factor", "verdict"), [(1.5, "WRONG"), (1.0004, "SUSPECT"), (-1.0, "WRONG"), (0.0, "WRONG")])
def test_a_wrong_component_has_a_witness_that_is_true(check, factor, verdict, theta, weights):
    right = quartic_gradient(theta, weights)
    report = check(quartic, off(right, 7, factor), theta, (weights,))
    assert report.verdict.name in (("WRONG", "SUSPECT") if check is fc.screen else (verdict,))
    first = report.witnesses[0]
    assert first.outcome == "refuted"
    if first.index is None:
        assert check is fc.screen
        return
    assert (first.index, first.name, first.analytic) == (7, "theta[7]", factor * right[7])
    assert abs(first.slope - right[7]) <= first.bound
    assert abs(first.slope - first.analytic) > 4 * first.bound
    assert 0 < first.step < theta[7]
    assert first.order in (2, 4, 6)


def test_the_deciding_one_comes_first(theta, weights):
    wrong = off(off(quartic_gradient(theta, weights), 2, 1.01), 9, 3.0)
    report = fc.check(quartic, wrong, theta, (weights,))
    assert [w.index for w in report.witnesses] == [9, 2]
    assert "E / (G + S) of a component = 5.0e-01" in report.reason


def test_a_direction_is_a_witness_without_an_index(rng):
    problem = zoo.mlp((30, 20, 5), "tanh")
    wrong = problem.grad(problem.theta, *problem.args)
    problem.layout.unpack(wrong)["W1"][:] *= 1.2
    report = fc.screen(problem.cost, wrong, problem.theta, problem.args, layout=problem.layout)
    assert report.verdict is fc.Verdict.WRONG
    along = [w for w in report.witnesses if w.index is None]
    assert along
    for witness in along:
        assert witness.name in ("direction on W1", "direction on everything")
        assert abs(witness.slope - witness.analytic) > 1e3 * witness.bound
        assert witness.step > 0
        assert witness.outcome == "refuted"
    assert "direction on W1" in {w.name for w in along}
    told = json.loads(json.dumps(report.to_dict()))["witnesses"][0]
    assert (told["index"], told["name"]) == (along[0].index, along[0].name)


def test_along_kinks_no_direction_accuses_without_components():
    problem = zoo.mlp((30, 20, 5), "relu", examples=200)
    right = problem.grad(problem.theta, *problem.args)
    k = int(np.argmax(np.abs(right)))
    for seed in range(3):
        report = fc.screen(
            problem.cost, off(right, k, 1.01), problem.theta, problem.args, layout=problem.layout, seed=seed
        )
        assert report.verdict.accuses, str(report)
        for witness in report.witnesses:
            assert witness.index in (None, k)


@pytest.mark.parametrize("eps", [None, 1e-7, "auto", 1e-4])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_bound_covers_what_the_differences_are_off(activation, eps):
    problem = zoo.mlp((12, 20, 5), activation)
    report = problem.check(eps=eps)
    right = problem.grad(problem.theta, *problem.args)
    assert report.bound.shape == right.shape
    assert (report.bound >= 0).all()
    error = np.abs(report.numeric - right)
    own = np.repeat(
        [1e-7 * np.abs(right[t.slice]).max() for t in problem.layout.tensors], [t.size for t in problem.layout.tensors]
    )
    assert np.mean(error <= report.bound) > 0.95  # pilots are few
    assert (error <= np.maximum(10 * report.bound, own)).all()


def test_agreement_is_the_ratio_of_the_best_slopes_in_units_of_scale(rng):
    s = 10.0 ** rng.uniform(-6, 6, 20)
    theta = s * rng.uniform(0.5, 1.5, 20)
    right = np.cos(theta / s) / s

    def cost(t):
        return float(np.sin(t / s).sum())

    assert fc.check(cost, right, theta).agreement < 1e-8
    for report in (fc.check(cost, 1.5 * right, theta), fc.check(cost, 1.5 * right, theta, eps="auto")):
        assert report.agreement == pytest.approx(0.2, rel=1e-6)
    unit = np.exp2(np.round(np.log2(theta)))
    part = off(right, 3, 2.0)
    u, v = right * unit, part * unit
    expected = np.linalg.norm(u - v) / (np.linalg.norm(u) + np.linalg.norm(v))
    assert fc.check(cost, part, theta, scale=theta).agreement == pytest.approx(expected, rel=0.5)
    seen = fc.screen(cost, 1.5 * right, theta)
    assert seen.ratio_low <= 0.2 <= seen.ratio_high
    assert fc.check(cost, 1.5 * right, theta).to_dict()["agreement"] == pytest.approx(0.2, rel=1e-6)


@numba.njit
def sines(theta, s):
    return np.sum(np.sin(theta / s))


def cosines(theta, s):
    return np.cos(theta / s) / s


@pytest.fixture
def units(rng):
    return 10.0 ** rng.uniform(-6, 6, 12)


@every_check
def test_scale_is_a_number_an_array_or_a_dict(check, units):
    """At 0 nothing says in which units theta is, but the caller."""
    theta, layout = fc.pack({"a": np.zeros((2, 3)), "b": np.zeros(6)})
    as_dict = {"b": units[6:], "a": units[:6].reshape(2, 3)}
    for scale in (units, list(units), 3 * units, as_dict):
        right = check(sines, cosines, theta, (units,), layout=layout, scale=scale)
        assert right.passed, str(right)
        wrong = check(sines, off(cosines(theta, units), 8, 1.01), theta, (units,), layout=layout, scale=scale)
        assert wrong.verdict.accuses, str(wrong)
    assert check(sines, cosines, theta, (np.full(12, 1e-5),), scale=1e-5).passed
    problem = fc.Problem(sines, cosines, theta, (units,), layout, scale=units)
    assert problem.check().passed
    assert problem.screen().passed
    assert np.array_equal(problem.check().numeric, fc.gradient(sines, theta, (units,), layout=layout, scale=units))
    assert fc.Checker(sines, theta, (units,), layout=layout, scale=units).check(theta, cosines(theta, units)).passed


BAD_SCALES = [
    (0.0, ValueError, "scale must be positive and finite, got 0.0"),
    (-1.0, ValueError, "scale must be positive and finite, got -1.0"),
    (np.nan, ValueError, "scale must be positive and finite, got nan"),
    (np.r_[np.ones(4), np.inf, np.ones(7)], ValueError, r"scale must be positive and finite, got inf for W\[1, 0\]"),
    (np.ones(11), ValueError, r"scale must be a number, or have shape \(12,\) like theta, got \(11,\)"),
    (np.ones((3, 4)), ValueError, r"scale must be a number, or have shape \(12,\) like theta, got \(3, 4\)"),
    ("auto", TypeError, "scale must be a number, an array or a dict like the parameters, got 'auto'"),
    (True, TypeError, "scale must be a number, an array or a dict"),
    ({"V": np.ones((3, 4))}, ValueError, "scale must name the tensors"),
    ({"W": np.ones((4, 3))}, ValueError, "must have shape"),
    (np.array(["a"] * 12), TypeError, "scale"),
    (1j * np.ones(12), TypeError, "scale"),
]
BAD_STEPS = [
    (np.full(12, -1e-7), ValueError, r"eps must be positive and finite, got -1e-07 for W\[0, 0\]"),
    (
        np.r_[np.full(5, 1e-7), 0.0, np.full(6, 1e-7)],
        ValueError,
        r"eps must be positive and finite, got 0.0 for W\[1, 1\]",
    ),
    (
        np.r_[np.full(5, 1e-7), np.nan, np.full(6, 1e-7)],
        ValueError,
        r"eps must be positive and finite, got nan for W\[1, 1\]",
    ),
    (np.r_[np.full(9, 1e-7), 1e-17, np.full(2, 1e-7)], ValueError, r"got eps = 1e-17 lost in rounding at W\[2, 1\]"),
    (np.full(11, 1e-7), ValueError, r"eps must be a number, or have shape \(12,\) like theta, got \(11,\)"),
    (np.full((3, 4), 1e-7), ValueError, r"eps must be a number, or have shape \(12,\) like theta, got \(3, 4\)"),
    ({"V": np.full((3, 4), 1e-7)}, ValueError, "eps must name the tensors"),
    ({"W": np.full((4, 3), 1e-7)}, ValueError, "must have shape"),
    ([1e-7] * 3, ValueError, r"eps must be a number, or have shape \(12,\)"),
    (np.array(["a"] * 12), TypeError, "eps"),
    (b"auto", TypeError, "eps must be a positive number, an array, a dict, 'auto' or None"),
]
BAD_RATIOS = [
    (0, ValueError, "accept must lie between 0 and 1, got 0"),
    (1, ValueError, "accept must lie between 0 and 1, got 1"),
    (-1e-3, ValueError, "accept must lie between 0 and 1, got -0.001"),
    (math.nan, ValueError, "accept must lie between 0 and 1, got nan"),
    (math.inf, ValueError, "accept must lie between 0 and 1, got inf"),
    (True, TypeError, "accept must be a number between 0 and 1, got True"),
    ("1e-3", TypeError, "accept must be a number between 0 and 1, got '1e-3'"),
    (None, TypeError, "accept must be a number between 0 and 1, got None"),
    (np.array([1e-3]), TypeError, "accept must be a number between 0 and 1"),
]
BAD = [
    (name, *bad) for name, them in (("scale", BAD_SCALES), ("eps", BAD_STEPS), ("accept", BAD_RATIOS)) for bad in them
]


@pytest.mark.parametrize(("name", "value", "error", "message"), BAD)
def test_bad_input_is_refused_in_one_line_before_any_work(name, value, error, message, theta, weights):
    def never(*args):
        raise AssertionError("called")

    params = {"W": theta.reshape(3, 4)}
    functions = [fc.check, fc.assert_gradient] + ([] if name == "eps" else [fc.screen, fc.locate])
    tried = [lambda f=f: f(never, never, params, (weights,), **{name: value}) for f in functions]
    tried.append(lambda: fc.Checker(never, params, (weights,), **{name: value}))
    if name != "eps":
        tried.append(lambda: fc.Problem(never, never, params, (weights,), **{name: value}).check())
    if name != "accept":
        tried.append(lambda: fc.gradient(never, params, (weights,), **{name: value}))
    for call in tried:
        with pytest.raises(error, match=message) as caught:
            call()
        assert "\n" not in str(caught.value)
        assert isinstance(caught.value, fc.InputError | fc.InputTypeError)


@pytest.mark.parametrize("kind", ["array", "dict", "list"])
def test_a_step_for_each_component(kind, theta, weights):
    steps = np.geomspace(1e-8, 1e-5, 12)
    eps = {"array": steps, "list": steps.tolist(), "dict": {"W": steps.reshape(3, 4)}}[kind]
    params = {"W": theta.reshape(3, 4)}
    report = fc.check(quartic, quartic_gradient, params, (weights,), eps=eps)
    assert report.passed, str(report)
    assert np.array_equal(report.eps, steps)
    up, down = (np.diag(theta + s * steps) + theta * (1 - np.eye(12)) for s in (1, -1))
    taken = (theta + steps) - (theta - steps)
    expected = [(quartic(u, weights) - quartic(d, weights)) / t for u, d, t in zip(up, down, taken, strict=True)]
    np.testing.assert_allclose(report.numeric, expected, rtol=1e-14)
    assert not fc.check(quartic, off(quartic_gradient(theta, weights), 4, 1.01), params, (weights,), eps=eps).passed


def test_a_caller_keeps_his_arrays(theta, weights):
    eps, scale = np.full(12, 1e-6), np.ones(12)
    report = fc.check(quartic, quartic_gradient, theta, (weights,), eps=eps, scale=scale)
    eps[:] = scale[:] = 7
    assert (report.eps == 1e-6).all()


@pytest.mark.parametrize("eps", [None, "auto", 1e-6, "array"])
@pytest.mark.parametrize("small", [False, True])
def test_numeric_is_what_gradient_gives_bit_for_bit(eps, small, theta, weights):
    """With steps of its own too (theta of 1e-6, of which the lecture's step is a tenth), and in any order of components."""
    theta = theta * np.where(np.arange(12) < 6, 1e-6, 1.0) if small else theta
    params = {"a": theta[:6], "b": theta[6:]}
    eps = 1e-3 * theta if isinstance(eps, str) and eps == "array" else eps
    for components in (None, [7, 2, 2, 11], [0], 5):
        report = fc.check(quartic, quartic_gradient, params, (weights,), eps=eps, components=components)
        numeric = fc.gradient(quartic, params, (weights,), eps=eps, components=components)
        if isinstance(components, list):
            position = {index: k for k, index in enumerate(report.components.tolist())}
            assert np.array_equal(report.numeric[[position[i] for i in components]], numeric)
        else:
            assert np.array_equal(report.numeric, numeric)
        if isinstance(report.eps, np.ndarray):
            assert report.eps.shape == (report.n_checked,)


def test_reports_with_steps_of_their_own_save_and_load(tmp_path, theta, weights):
    theta[:6] *= 1e-6
    for k, components in enumerate((None, [1, 8, 9])):
        report = fc.check(
            quartic,
            1.5 * quartic_gradient(theta, weights),
            {"a": theta[:6], "b": theta[6:]},
            (weights,),
            eps="auto",
            components=components,
        )
        path = tmp_path / f"{k}.json"
        report.save(path)
        again = fc.Report.load(path)
        assert again == report
        assert again.witnesses == report.witnesses != ()
        assert again.agreement == report.agreement
        assert np.array_equal(again.eps, report.eps)
        told = again.to_dict()["eps"]
        assert told["least"] == report.eps.min()
        assert told["largest"] == report.eps.max()
        assert "eps" in str(again)
        again.save(tmp_path / "page.html")


@pytest.mark.parametrize("eps", [None, "auto"])
def test_a_checker_chooses_its_steps_once(eps, theta, weights, monkeypatch):
    theta = theta * np.where(np.arange(12) < 6, 1e-6, 1.0)
    chosen = []
    planned = passing.planned
    monkeypatch.setattr(passing, "planned", lambda *args, **options: chosen.append(1) or planned(*args, **options))
    with fc.Checker(quartic, {"a": theta[:6], "b": theta[6:]}, (weights,), eps=eps) as checker:
        assert len(chosen) == 1
        first = checker.check(theta, quartic_gradient(theta, weights))
        second = checker.check(1.1 * theta, quartic_gradient)
        assert np.array_equal(checker.gradient(theta), first.numeric)
        some = checker.check(theta, quartic_gradient(theta, weights), components=[8, 1])
        assert np.array_equal(checker.gradient(theta, components=[8, 1]), some.numeric[::-1])
    assert len(chosen) == 1
    assert first.passed
    assert second.passed
    assert np.array_equal(first.eps, second.eps)
    assert np.array_equal(some.eps, first.eps[[1, 8]])


def test_the_gradient_of_a_checker_takes_no_ladders(theta, weights):
    cost = Counted(quartic)
    checker = fc.Checker(cost, theta, (weights,))
    n = cost.n
    checker.gradient(theta)
    assert cost.n == n + 24


@every_check
def test_accept_says_what_is_right(check, theta, weights):
    right = quartic_gradient(theta, weights)
    for ratio, accept, passes in ((1e-3, 1e-2, True), (1e-2, 1e-3, False), (1e-5, 1e-4, True), (1e-4, 1e-6, False)):
        report = check(quartic, (1 + 2 * ratio) * right, theta, (weights,), accept=accept)
        assert report.passed == passes, str(report)
        assert passes or report.verdict.accuses


def test_wrong_begins_where_accept_ends_and_not_below_1e_3(theta, weights):
    right = quartic_gradient(theta, weights)
    for ratio, accept, verdict in (
        (2e-3, 1e-7, "WRONG"), (2e-3, 1e-4, "WRONG"), (5e-4, 1e-7, "SUSPECT"), (5e-4, 1e-4, "SUSPECT"),
        (5e-4, 1e-3, "CORRECT"), (2e-2, 1e-2, "WRONG"), (2e-3, 1e-2, "CORRECT"),
    ):  # fmt: skip
        assert fc.check(quartic, (1 + 2 * ratio) * right, theta, (weights,), accept=accept).verdict.name == verdict


def test_accept_is_a_matter_of_problems_assertions_and_checkers_too(theta, weights):
    nearly = 1.0002 * quartic_gradient(theta, weights)
    fc.assert_gradient(quartic, nearly, theta, (weights,), accept=1e-3)
    with pytest.raises(AssertionError):
        fc.assert_gradient(quartic, nearly, theta, (weights,))
    problem = fc.Problem(quartic, nearly, theta, (weights,), accept=1e-3)
    assert problem.check().passed
    assert problem.screen().passed
    assert not problem.check(accept=1e-6).passed
    assert not fc.Problem(quartic, nearly, theta, (weights,)).check().passed
    assert fc.Checker(quartic, theta, (weights,), accept=1e-3).check(theta, nearly).passed
    assert not fc.Checker(quartic, theta, (weights,)).check(theta, nearly).passed
    assert fc.locate(quartic, nearly, theta, (weights,), accept=1e-3).components == ()
    assert fc.locate(quartic, nearly, theta, (weights,)).tensors


def test_a_solver_inside_is_right_as_far_as_it_is_seen():
    """J given to 1e-6: right to 1 %, and no more can be said."""

    def cost(t):
        return round(float(np.sin(t).sum()), 6)

    theta = np.linspace(0.2, 1.2, 8)
    assert fc.check(cost, np.cos(theta), theta, accept=1e-2).passed
    assert fc.check(cost, np.cos(theta), theta).verdict is fc.Verdict.UNRESOLVED
    assert fc.check(cost, 1.2 * np.cos(theta), theta, accept=1e-2).verdict is fc.Verdict.WRONG


@pytest.mark.parametrize("make", [zoo.mlp, zoo.conv, zoo.lstm, zoo.attention, zoo.batchnorm])
def test_what_a_right_gradient_costs(make):
    problem = make()
    report = problem.check()
    assert report.passed, str(report)
    assert report.evaluations <= 2 * problem.theta.size + rule.BUDGET[0] + rule.BUDGET[1] * len(problem.layout.tensors)
