from __future__ import annotations

import numba
import numpy as np
import pytest
from costs import quartic, quartic_gradient

import fastcheck as fc
from fastcheck import zoo
from fastcheck.checks.opening import vetted
from fastcheck.evaluate.threads import n_cores
from fastcheck.problem import accept, choose


def test_theta_and_gradient_as_dicts_give_the_report_of_the_vectors(theta, weights):
    params = {"W": theta[:6].reshape(2, 3), "b": theta[6:]}
    gradient = quartic_gradient(theta, weights)
    of_vectors = fc.check(quartic, gradient, theta, (weights,), layout=fc.pack(params)[1])
    as_dict = {"b": gradient[6:], "W": gradient[:6].reshape(2, 3)}
    for grad in (as_dict, lambda theta, weights: as_dict, quartic_gradient, numba.njit(quartic_gradient)):
        report = fc.check(quartic, grad, params, (weights,))
        np.testing.assert_allclose(report.analytic, of_vectors.analytic, rtol=1e-15)
        assert np.array_equal(report.numeric, of_vectors.numeric)
        assert [t.name for t in report.tensors] == ["W", "b"]


def test_the_cost_gets_the_vector_and_can_unpack_it(theta):
    params = {"W": theta[:6].reshape(2, 3), "b": theta[6:8]}
    unpack = fc.pack(params)[1].jit_unpack()

    @numba.njit
    def cost(theta, x):
        w, b = unpack(theta)
        return np.sum((w @ x + b) ** 2)

    def grad(theta, x):
        w, b = params["W"], params["b"]
        residual = 2 * (w @ x + b)
        return {"W": np.outer(residual, x), "b": residual}

    fc.assert_gradient(cost, grad, params, (np.array([1.0, -2.0, 0.5]),))


def test_components_in_the_order_asked_for(theta, weights):
    everything = fc.gradient(quartic, theta, (weights,))
    some = fc.gradient(quartic, theta, (weights,), components=[7, 2, 2, 11])
    assert np.array_equal(some, everything[[7, 2, 2, 11]])
    assert np.array_equal(
        fc.gradient(quartic, theta, (weights,), components=np.array([3], dtype=np.uint8)), everything[[3]]
    )


def test_a_sample_covers_every_tensor_and_says_what_it_is_worth():
    problem = zoo.mlp((30, 40, 3))
    report = problem.check(components=20)
    assert report.numeric.shape == report.analytic.shape == (20,)
    assert all(t.n_components >= 1 for t in report.tensors)
    assert np.array_equal(report.numeric, fc.gradient(problem.cost, problem.theta, problem.args)[report.components])
    assert report.passed
    finding = next(f for f in report.findings if f.kind == "sample")
    assert "20 of 1,363 components" in finding.message
    assert "13.9%" in finding.message


def test_a_wrong_component_in_a_subset_is_named():
    problem = zoo.mlp((5, 6, 3), bug="sign")
    index = problem.layout.tensors[1].start + 2
    report = problem.check(components=[0, index, 40])
    assert report.verdict is fc.Verdict.WRONG
    assert report.worst(1)[0].name == "b1[2]"
    assert [t.n_components for t in report.tensors] == [1, 1, 1, 0]


def test_assert_gradient_raises_with_the_report_as_its_text(theta, weights):
    fc.assert_gradient(quartic, quartic_gradient, theta, (weights,))
    with pytest.raises(AssertionError, match=r"WRONG: the gradient is wrong in theta") as caught:
        fc.assert_gradient(quartic, lambda t, w: 2 * quartic_gradient(t, w), theta, (weights,))
    assert str(caught.value).splitlines()[0].startswith("WRONG")


def test_a_checker_is_used_in_a_loop_and_follows_theta_and_args(theta, weights):
    with fc.Checker(quartic, theta, args=(weights,), workers=2) as checker:
        for _ in range(3):
            assert np.array_equal(checker.gradient(theta), fc.gradient(quartic, theta, (weights,)))
            report = checker.check(theta, quartic_gradient(theta, weights))
            assert report.passed
            assert checker.check({"theta": theta}, quartic_gradient).passed
            theta *= 0.9
            weights *= 1.1


def test_a_checker_checks_every_theta(theta, weights):
    checker = fc.Checker(quartic, theta, args=(weights,))
    with pytest.raises(fc.InputError, match="layout's 12 components, got 11"):
        checker.gradient(theta[1:])
    theta[3] = np.nan
    with pytest.raises(fc.InputError, match=r"theta\[3\] = nan"):
        checker.gradient(theta)
    theta[3] = 1e200
    with pytest.raises(fc.InputError, match=r"lost in rounding at theta\[3\]"):
        checker.check(theta, quartic_gradient)


def test_evaluations_are_counted_exactly(theta, weights):
    calls = []

    def cost(theta, weights):
        calls.append(1)
        return quartic(theta, weights)

    report = fc.check(cost, lambda t, w: 1.5 * quartic_gradient(t, w), theta, (weights,))
    assert report.evaluations == len(calls)


def test_costs_compiled_for_explicit_signatures(theta, weights):
    for signature in ("float64(float64[:], float64[:])", "float64(float64[::1], float64[::1])"):
        explicit = numba.njit(signature)(quartic.py_func)
        assert fc.check(explicit, quartic_gradient, theta, (weights,)).passed


def test_costs_that_return_float32_or_integers(theta):
    constant = numba.njit(lambda theta: 3)
    assert fc.check(constant, np.zeros(theta.size), theta).passed
    narrow = numba.njit(lambda theta: np.float32(np.sum(theta)))
    report = fc.check(narrow, np.ones(theta.size), theta, eps=1e-7)
    assert report.verdict is fc.Verdict.UNRESOLVED
    assert "does not serve" in report.reason
    assert fc.check(narrow, np.ones(theta.size), theta).passed
    assert fc.check(narrow, 2 * np.ones(theta.size), theta).verdict.accuses


def test_many_kinds_of_args(theta):
    @numba.njit
    def cost(theta, flag, name, nothing, pair, items):
        return np.sum(theta) * pair[1][0] * len(items) if flag and name == "sum" and nothing is None else 0.0

    report = fc.check(
        cost, np.full(theta.size, 6.0), theta, (True, "sum", None, (1, np.array([2.0])), numba.typed.List([1, 2, 3]))
    )
    assert report.passed, str(report)


def test_progress_is_told_to_a_function(theta, weights):
    told = []
    fc.gradient(quartic, theta, (weights,), progress=lambda done, total: told.append((done, total)), chunk=5)
    assert told == [(5, 12), (10, 12), (12, 12)]


def test_a_bar_is_shown_when_asked_for(theta, weights, capsys):
    fc.gradient(quartic, theta, (weights,), progress=False)
    assert capsys.readouterr().err == ""
    fc.gradient(quartic, theta, (weights,), progress=True)
    assert "12/12" in capsys.readouterr().err


def test_a_problem_checks_itself(theta, weights):
    problem = fc.Problem(quartic, quartic_gradient, theta, (weights,), name="quartic")
    assert problem.check(eps=1e-6).eps == 1e-6
    assert problem.check().passed


@pytest.mark.parametrize("workers", [1, 2])
def test_how_long_a_run_will_take(workers, theta, weights):
    question = accept.unclaimed(quartic, theta, (weights,))
    evaluator = vetted(question, choose.options(question.layout, question.theta, workers=workers))
    evaluator.seconds = 0.01
    assert evaluator.projected_seconds(2_000) == 20 / min(workers, n_cores())
