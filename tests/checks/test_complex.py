"""The complex step: exact where J is analytic; where it is not, the report says so and is right all the same."""

from __future__ import annotations

import math
import multiprocessing
import re
from concurrent.futures import ProcessPoolExecutor

import numba
import numpy as np
import pytest
from costs import Counted, quartic, quartic_gradient
from plain import NETWORKS

import fastcheck as fc
from fastcheck import zoo
from fastcheck.evaluate import remote
from fastcheck.functions import sigmoid, softplus, tanh
from fastcheck.measure.imaginary import STEP

LONG = np.random.default_rng(0).uniform(0.5, 1.5, 400)


def checked(*asked, **options) -> fc.Report:
    return fc.check(*asked, method="complex", **options)


def stepped(*asked, **options):
    return fc.gradient(*asked, method="complex", **options)


def seen(report) -> str:
    """What was seen of a J that is not fit for it."""
    return "; ".join(finding.message for finding in report.findings if finding.kind == "complex")


# --- where J is analytic -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize("name", NETWORKS)
def test_smooth_networks_agree_to_rounding(name, l2):
    plain, make = NETWORKS[name]
    problem = make(l2=l2)
    report = checked(plain, problem.grad, problem.theta, problem.args, layout=problem.layout)
    assert report.passed, str(report)
    assert not seen(report)
    assert report.ratio < 1e-14
    assert report.floor < 1e-15
    assert report.eps == STEP
    assert np.array_equal(report.numeric, stepped(plain, problem.theta, problem.args))


@pytest.mark.parametrize("bug", ["sign", "transposed", "shifted"])
@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_wrong_is_caught_where_it_is(name, bug):
    plain, make = NETWORKS[name]
    problem = make()
    known = zoo.bugs(name.partition(",")[0])
    wrong = make(bug=bug if bug in known else next(iter(known)))
    report = checked(plain, wrong.grad, problem.theta, problem.args, layout=problem.layout)
    off = np.flatnonzero(report.analytic != problem.grad(problem.theta, *problem.args))
    assert report.verdict is fc.Verdict.WRONG
    assert report.worst(1)[0].index in off
    assert set(report.wrong) <= set(off.tolist())


def test_the_pass_takes_one_evaluation_for_each_component(theta, weights):
    cost = Counted(quartic.py_func)
    stepped(cost, theta, (weights,))
    assert cost.n == 2 + 1 + theta.size  # vetted twice, and once at complex theta
    cost.n = 0
    report = checked(cost, quartic_gradient, theta, (weights,))
    assert report.evaluations == cost.n


def test_single_wrong_component_of_an_njit_cost(theta, weights):
    report = checked(quartic, quartic_gradient, theta, (weights,))
    assert report.passed
    assert report.ratio < 3e-16
    wrong = quartic_gradient(theta, weights)
    wrong[5] *= 1.01
    report = checked(quartic, wrong, theta, (weights,))
    assert (report.verdict, report.wrong.tolist()) == (fc.Verdict.WRONG, [5])
    assert report.worst(1)[0].name == "theta[5]"


def test_numbas_matrix_product_gets_complex_args_through_tuples(theta, rng):
    joined, layout = fc.pack({"W": theta[:6].reshape(2, 3), "b": theta[6:8]})
    unpack = layout.jit_unpack()

    @numba.njit
    def cost(theta, data, n):
        w, b = unpack(theta)
        return np.sum((w @ data[0] + b.reshape((-1, 1)) - data[1]) ** 2) / n

    def grad(theta, data, n):
        w, b = layout.unpack(theta).values()
        error = 2 * (w @ data[0] + b[:, None] - data[1]) / n
        return {"W": error @ data[0].T, "b": error.sum(axis=1)}

    data = rng.standard_normal((3, 4)), rng.standard_normal((2, 4))
    report = checked(cost, grad, joined, (data, 4), layout=layout)
    assert not seen(report)
    assert report.ratio < 1e-15
    assert data[0].dtype == np.float64


def test_args_stay_real_where_the_cost_compiles_so(theta):
    @numba.njit
    def cost(theta, powers):
        return np.sum(theta * theta) * (1.0 if powers[0] > 0 else 2.0)  # no complex number is compared

    assert checked(cost, lambda theta, powers: 2 * theta, theta, (np.ones(1),)).ratio < 1e-15


def test_where_neither_compiles_numbas_reason_is_told(theta):
    @numba.njit
    def cost(theta, x):
        return np.sum(theta.reshape(3, 4) @ x) * (1.0 if x[0, 0] > 0 else 2.0)

    x = np.ones((4, 2))
    with pytest.raises(fc.InputError, match=r"cost must take complex theta .* got \w+Error: .*complex128"):
        stepped(cost, theta, (x,))
    report = checked(cost, np.full(12, 2.0), theta, (x,))
    assert report.passed
    assert "Error" in seen(report)


@numba.njit
def variadic(theta, *args):
    return np.sum(args[0] * theta * theta)


@numba.njit
def with_default(theta, weights, factor=1.0):
    return factor * np.sum(weights * theta * theta)


COSTS = {
    "variadic": variadic,
    "kwargs": with_default,
    "parallel": numba.njit(parallel=True)(lambda theta, weights: np.sum(weights * theta * theta)),
    "signature": numba.njit("float64(float64[::1], float64[::1])")(lambda theta, weights: np.sum(weights * theta * theta)),
}  # fmt: skip


@pytest.mark.parametrize("kind", COSTS)
def test_every_kind_of_cost(kind, theta, weights):
    kwargs = {"factor": 1.0} if kind == "kwargs" else None
    report = checked(COSTS[kind], 2 * weights * theta, theta, (weights,), kwargs=kwargs)
    assert not seen(report)
    assert report.ratio < 1e-15


@pytest.mark.parametrize("compiled", [True, False])
def test_a_cost_that_returns_its_gradient_too(compiled, theta, weights):
    def cost(theta, weights):
        return np.sum(weights * theta * theta), 2 * weights * theta

    report = checked(numba.njit(cost) if compiled else cost, True, theta, (weights,))
    assert not seen(report)
    assert report.ratio < 1e-15


def test_a_cost_in_stages_is_evaluated_whole(rng):
    theta, layout = fc.pack({"W": rng.standard_normal((4, 3)), "b": rng.standard_normal(5)})
    unpack = layout.jit_unpack()
    cost = fc.staged(
        [
            (numba.njit(lambda theta, x: np.tanh(unpack(theta)[0] @ x)), "W"),
            (numba.njit(lambda theta, a: np.sum(a * a) + np.sum(unpack(theta)[1] ** 2)), "b"),
        ],
        layout,
    )
    x = rng.standard_normal((3, 6))

    def grad(theta, x):
        a = np.tanh(theta[:12].reshape(4, 3) @ x)
        return {"W": 2 * a * (1 - a * a) @ x.T, "b": 2 * theta[12:]}

    report = checked(cost, grad, theta, (x,))
    assert not seen(report)
    assert report.ratio < 1e-15


def test_bounds_do_not_matter_to_it(theta, weights):
    report = checked(quartic, quartic_gradient, theta, (weights,), bounds=(theta, None))
    assert report.passed
    assert report.eps == STEP
    assert np.array_equal(report.numeric, stepped(quartic, theta, (weights,)))


@pytest.mark.parametrize("power", [-200, -29, 200])
def test_a_step_in_the_unit_of_each_component(power, theta):
    """2^-100 is more than 1e-200, and nothing beside 1e200."""
    cost, small = (lambda theta: np.sum(np.log(theta))), theta.copy()
    small[:3] *= 10.0**power
    numeric = stepped(cost, small)
    np.testing.assert_allclose(numeric, 1 / small, rtol=1e-15)
    assert np.array_equal(numeric[[1, 5]], stepped(cost, small, components=[1, 5]))
    assert np.array_equal(numeric, fc.Checker(cost, theta, method="complex").gradient(small))
    report = checked(cost, lambda theta: 1 / theta, small)
    assert report.passed and not seen(report)
    assert np.array_equal(report.numeric, numeric)
    assert np.array_equal(report.eps == STEP, np.arange(12) >= 3)
    wrong = 1 / small
    wrong[1] *= 1.01
    assert checked(cost, wrong, small).wrong.tolist() == [1]


def test_rounding_in_a_large_j_does_not_reach_the_derivatives(theta, weights):
    """Two-sided differences of it are lost."""

    def cost(theta, weights):
        return 1e12 + quartic.py_func(theta, weights)

    numeric = stepped(cost, theta, (weights,))
    np.testing.assert_allclose(numeric, quartic_gradient(theta, weights), rtol=1e-15)


def test_beside_the_end_of_a_domain_it_is_borne_out():
    """Where theta rounds what a direction moves, log(1 - theta) loses it."""
    theta = np.array([1 - 1e-6, 0.1, 0.3])
    report = checked(lambda theta: np.sum(np.log(1 - theta)), lambda theta: -1 / (1 - theta), theta, bounds=(None, 1))
    assert report.passed and not seen(report)
    assert report.ratio < 1e-15


def test_rounding_of_a_stationary_j_is_not_less_than_double_precision(rng):
    matrix, wanted = rng.standard_normal((30, 6)), rng.standard_normal(30)
    theta = np.linalg.lstsq(matrix, wanted, rcond=None)[0]
    report = checked(
        lambda t: np.sum((matrix @ t - wanted) ** 2), lambda t: 2 * matrix.T @ (matrix @ t - wanted), theta
    )
    assert report.verdict is fc.Verdict.UNRESOLVED and not seen(report)


def test_where_most_components_are_dead():
    def grad(theta, factor=2.0):
        return np.where(np.arange(theta.size) % 20, 0.0, factor * theta)

    report = checked(lambda theta: np.sum(theta[::20] ** 2), grad, LONG)
    assert report.passed and not seen(report)
    report = checked(lambda theta: np.sum(theta[::20] ** 2), grad(LONG) * np.where(np.arange(400) == 60, 1.01, 1), LONG)
    assert report.wrong.tolist() == [60]


def test_functions_of_ours_in_an_njit_cost(theta):
    @numba.njit
    def cost(theta):
        return np.sum(softplus(theta) * tanh(theta)) + sigmoid(theta[0])

    def grad(theta):
        s = 1 / (1 + np.exp(-theta))
        own = s * np.tanh(theta) + np.log1p(np.exp(theta)) / np.cosh(theta) ** 2
        return own + np.where(np.arange(theta.size) == 0, s * (1 - s), 0.0)

    report = checked(cost, grad, theta)
    assert not seen(report)
    assert report.ratio < 1e-15


def test_fewer_evaluations_than_differences_take():
    plain, make = NETWORKS["attention"]
    problem = make()
    report = checked(plain, problem.grad, problem.theta, problem.args, layout=problem.layout)
    assert problem.theta.size < report.evaluations < 2 * problem.theta.size


# --- who evaluates -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pool():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor


@pytest.mark.parametrize("cost", [quartic, quartic.py_func], ids=["njit", "plain"])
def test_the_same_bits_for_any_workers_and_chunks(cost, pool, monkeypatch):
    monkeypatch.setattr(remote, "_SHORT", 0.0)  # not the shortest round runs here
    numeric = stepped(cost, LONG, (LONG,), workers=1)
    for workers, chunk in ((2, None), (2, 7), (1, 3), (pool, None), (pool, 50)):
        assert np.array_equal(numeric, stepped(cost, LONG, (LONG,), workers=workers, chunk=chunk))


def test_components_in_the_order_asked_for_and_progress(theta, weights):
    told = []
    some = stepped(quartic, theta, (weights,), components=[7, 2, 11], chunk=2, progress=lambda *done: told.append(done))
    assert np.array_equal(some, stepped(quartic, theta, (weights,))[[7, 2, 11]])
    assert told[-1] == (3, 3)


def test_a_checker_in_a_loop(theta, weights):
    with fc.Checker(quartic, theta, args=(weights,), workers=2, method="complex") as checker:
        for _ in range(3):
            report = checker.check(theta, quartic_gradient)
            assert report.ratio < 1e-15
            assert np.array_equal(checker.gradient(theta), report.numeric)
            assert np.array_equal(checker.gradient(theta, components=[3]), report.numeric[[3]])
            assert checker.check(theta, 1.1 * quartic_gradient(theta, weights)).verdict is fc.Verdict.WRONG
            theta *= 0.9
            weights *= 1.1


def test_a_checkpoint_is_of_one_method(theta, weights, tmp_path):
    path = tmp_path / "done"
    first = stepped(quartic, theta, (weights,), checkpoint=path)
    assert np.array_equal(first, stepped(quartic, theta, (weights,), checkpoint=path))
    with pytest.raises(fc.InputError, match="got another method"):
        fc.gradient(quartic, theta, (weights,), checkpoint=path)


def test_what_was_done_is_in_the_checkpoint(theta, weights, tmp_path):
    cost = Counted(quartic.py_func)
    stepped(cost, theta, (weights,), checkpoint=tmp_path / "done", chunk=4)
    cost.n = 0
    stepped(cost, theta, (weights,), checkpoint=tmp_path / "done", chunk=4)
    assert cost.n == 2 + 1 + 4  # one range, once more


# --- where J is not fit for it -----------------------------------------------------------------------------------------


def discarding(theta):
    own = np.zeros(theta.size)
    own[:] = theta  # NumPy warns that it discards the imaginary part
    return np.sum(own * own)


def single(theta):
    return np.sum(theta.astype(np.complex64) ** 2) if np.iscomplexobj(theta) else np.sum(theta**2)


SQUARE, LAST = (lambda theta: 2 * theta), (lambda theta: np.arange(theta.size) == theta.size - 1)
UNFIT = {  # the cost, its gradient, what is seen
    "abs": (lambda t: np.sum(np.abs(t)), np.sign, "gives a real number"),
    "abs beside others": (lambda t: np.sum(np.abs(t)) + np.sum(t * t), lambda t: np.sign(t) + 2 * t, r"at theta\[\d+\] it gives .*, its ladder .* \+- "),
    "real": (lambda t: np.sum(t.real**2), SQUARE, "gives a real number"),
    "real of one": (lambda t: np.sum(t * t) + t[-1].real, lambda t: 2 * t + LAST(t), "theta.* it gives .*, its ladder"),
    "conjugate": (lambda t: np.sum(t * np.conj(t)) + np.sum(t), lambda t: 2 * t + 1, r"at theta\[\d+\] it gives 1, its ladder"),
    "constant": (lambda t: 3.0, lambda t: np.zeros(t.size), "gives a real number"),
}  # fmt: skip
PLAIN = {
    "math": (lambda t: sum(math.exp(x) for x in t), np.exp, "gives (TypeError|ComplexWarning)"),
    "comparison": (lambda t: sum(x * x if float(x) > 0 else x for x in t), lambda t: np.where(t > 0, 2 * t, 1), "gives (TypeError|ComplexWarning)"),
    "discarded": (discarding, SQUARE, "gives ComplexWarning"),
    "single": (single, SQUARE, "another .less than double precision"),
    "raises": (lambda t: np.sum(t * t) if not np.iscomplexobj(t) else {}[0], SQUARE, "raises KeyError"),
    "raises somewhere": (lambda t: np.sum(t * t) if not t[7].imag else {}[0], SQUARE, "raises KeyError"),
    "not a number": (lambda t: np.sum(t * t) + (t[-1].imag and 1j * np.nan), SQUARE, "gives nan"),
}  # fmt: skip
EVERY = [(name, compiled) for name in UNFIT for compiled in (False, True)] + [(name, False) for name in PLAIN]


@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
@pytest.mark.parametrize(("name", "compiled"), EVERY)
def test_it_is_said_and_differences_are_taken(name, compiled):
    cost, grad, words = (UNFIT | PLAIN)[name]
    cost, theta = numba.njit(cost) if compiled else cost, LONG.copy()
    theta[::3] *= -1
    report, central = checked(cost, grad, theta), fc.check(cost, grad, theta)
    assert report.passed, str(report)
    assert np.array_equal(report.numeric, central.numeric)
    assert report.eps == central.eps
    (finding,) = (finding for finding in report.findings if finding.kind == "complex")
    assert finding.advice
    assert finding.message.startswith("J is not fit for a complex step: ")
    assert finding.message.endswith("; two-sided differences were taken instead.")
    assert re.search(words, finding.message), finding.message
    wrong = np.asarray(grad(theta), dtype=float).copy()
    wrong[5] += 0.1
    report = checked(cost, wrong, theta)
    assert report.verdict is fc.Verdict.WRONG
    assert report.worst(1)[0].name == "theta[5]"
    assert report.wrong.tolist() == [5]


def test_a_wrong_gradient_that_the_complex_step_shares_is_caught():
    """The term that drops its imaginary part is forgotten in the gradient, at a component that is no pilot."""

    def cost(theta):
        return np.sum(theta * theta) + 0.1 * theta[123].real

    report = checked(cost, lambda theta: 2 * theta, LONG)
    assert report.verdict is fc.Verdict.WRONG
    assert report.wrong.tolist() == [123]


def test_a_power_that_numba_takes_by_logarithms(theta):
    @numba.njit
    def cost(theta):
        return np.sum(theta**3)

    theta[2] *= -1
    report = checked(cost, lambda theta: 3 * theta**2, theta)
    assert report.passed
    assert "it gives an imaginary part of" in seen(report)
    with pytest.raises(fc.InputError, match="got an imaginary part of .* where theta has none"):
        stepped(cost, theta)


@pytest.mark.parametrize("network", zoo.NETWORKS)
def test_compiled_networks_fall_back(network):
    """Their buffers are of real numbers."""
    options = {"sizes": (6, 9, 8, 4)} if network == "mlp" else {}
    right, wrong = (zoo.NETWORKS[network].make(bug=bug, **options) for bug in (None, "sign"))
    report = right.check(method="complex")
    assert report.passed
    assert seen(report)
    central, report = wrong.check(), wrong.check(method="complex")
    assert report.verdict is fc.Verdict.WRONG
    assert report.worst(1)[0].name == central.worst(1)[0].name


# --- what cannot be used -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda *asked: fc.screen(*asked, method="complex"), "method must be \"central\" for screen, got 'complex'"),
        (lambda *asked: fc.locate(*asked, method="complex"), "method must be \"central\" for locate, got 'complex'"),
        (lambda *asked: checked(*asked, eps=1e-7), 'eps must be left out with method="complex", got 1e-07'),
        (lambda *asked: checked(*asked, eps="auto"), "eps must be left out with method=\"complex\", got 'auto'"),
        (lambda *asked: fc.check(*asked, method="forward"), 'method must be "central" or "complex", got \'forward\''),
        (lambda *asked: fc.screen(*asked, method=2), 'method must be "central" or "complex", got 2'),
        (lambda *asked: fc.Checker(asked[0], *asked[2:], method=None), "got None"),
    ],
)
def test_a_method_that_cannot_be_used(ask, message, theta, weights):
    with pytest.raises(fc.InputError, match=message) as caught:
        ask(quartic, quartic_gradient, theta, (weights,))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("cost", "got"),
    [
        (lambda theta: np.linalg.norm(theta), "a real number, float64"),
        (numba.njit(lambda theta: np.sum(np.abs(theta))), "a real number, float64"),
        (lambda theta: math.fsum(theta.tolist()), "TypeError: "),
        (discarding, "ComplexWarning: "),
        (numba.njit(lambda theta: np.sum(np.arctan2(theta, theta))), r"\w+Error: "),
    ],
)
def test_a_gradient_has_nothing_to_fall_back_on(cost, got, theta):
    with pytest.raises(fc.InputError, match=f"cost must take complex theta and return a complex number .* got {got}"):
        stepped(cost, theta)
    with pytest.raises(fc.InputError, match="cost must take complex theta"):
        fc.Checker(cost, theta, method="complex").gradient(theta)


def test_what_the_cost_raises_comes_with_the_component_and_theta_is_as_it_was(theta):
    def cost(theta):
        if theta[7].imag:
            raise RuntimeError("here")
        return np.sum(theta * theta)

    before = theta.copy()
    with pytest.raises(RuntimeError, match="here") as caught:
        stepped(cost, theta)
    assert caught.value.__notes__ == ["raised by the cost at theta[7] +7.89e-31i"]
    with fc.Checker(cost, theta, method="complex") as checker:
        with pytest.raises(RuntimeError, match="here"):
            checker.gradient(theta)
        assert np.array_equal(checker.gradient(theta, components=[3]), 2 * theta[[3]])
    assert np.array_equal(theta, before)


def test_nothing_of_the_callers_is_changed(theta, rng):
    matrix = rng.standard_normal((12, 3))
    before = matrix.copy(), theta.copy()
    cost = numba.njit(lambda theta, matrix: np.sum((theta @ matrix) ** 2))
    report = checked(cost, lambda theta, matrix: 2 * matrix @ (theta @ matrix), theta, (matrix,))
    assert not seen(report)
    assert report.ratio < 1e-15
    assert np.array_equal(matrix, before[0])
    assert np.array_equal(theta, before[1])


def test_a_problem_takes_it_and_a_sweep_ignores_it(theta, weights):
    problem = fc.Problem(quartic, quartic_gradient, theta, (weights,))
    assert problem.check(method="complex").eps == STEP
    assert problem.sweep(method="complex").n == theta.size
    with pytest.raises(fc.InputError, match='method must be "central" for screen'):
        problem.screen(method="complex")


# --- what the makers make ----------------------------------------------------------------------------------------------


def tanh_layer(x, w):
    return np.tanh(x @ w), (x, w)


def tanh_backward(upstream, cache, factor=1.0):
    x, w = cache
    below = upstream * (1 - np.tanh(x @ w) ** 2)
    return below @ w.T, factor * x.T @ below


def squares(x):
    return np.array([x[0] * x[1], np.sin(x[2]), x[0] ** 2])


def jacobian(x, factor=1.0):
    return np.array([[x[1], x[0], 0], [0, 0, factor * np.cos(x[2])], [2 * x[0], 0, 0]])


POINT = np.array([1.0, 2.0, 3.0])
INPUTS = {"x": np.arange(1.0, 7.0).reshape(2, 3) / 5, "w": np.arange(6.0).reshape(3, 2) / 7}
MADE = {  # right, wrong, the first that is wrong
    "params": (
        lambda: fc.from_params(lambda p: np.sum(p["a"][0] ** 3), lambda p: {"a": [3 * p["a"][0] ** 2]}, {"a": [POINT]}),
        lambda: fc.from_params(lambda p: np.sum(p["a"][0] ** 3), lambda p: {"a": [3 * p["a"][0] ** [2, 2, 1]]}, {"a": [POINT]}),
        "a[0][2]",
    ),
    "layer": (
        lambda: fc.from_layer(tanh_layer, tanh_backward, INPUTS),
        lambda: fc.from_layer(tanh_layer, lambda *a: tanh_backward(*a, np.array([[1.1], [1], [1]])), INPUTS),
        "w[0, ",
    ),
    "jacobian": (
        lambda: fc.from_jacobian(squares, jacobian, POINT),
        lambda: fc.from_jacobian(squares, lambda x: jacobian(x, 1.01), POINT),
        "x[2]",
    ),
    "hvp": (
        lambda: fc.from_hvp(lambda x: x**3, lambda x, v: 3 * x**2 * v, POINT),
        lambda: fc.from_hvp(lambda x: x**3, lambda x, v: 3 * x**2 * v * [1, 1, 2], POINT),
        "x[2]",
    ),
    "retraction": (
        lambda: fc.from_retraction(lambda p: p[0], lambda p: np.array([p[1]]), np.array([0.6, 0.8]), turned, 1),
        lambda: fc.from_retraction(lambda p: p[0], lambda p: np.array([-p[1]]), np.array([0.6, 0.8]), turned, 1),
        "t[0]",
    ),
}  # fmt: skip


def turned(point, t):
    return np.array(
        [point[0] * np.cos(t[0]) + point[1] * np.sin(t[0]), point[1] * np.cos(t[0]) - point[0] * np.sin(t[0])]
    )


@pytest.mark.parametrize("maker", MADE)
def test_whatever_is_made_takes_it(maker):
    right, wrong, name = MADE[maker]
    report = right().check(method="complex")
    assert report.passed and not seen(report), str(report)
    assert report.ratio < 1e-15
    report = wrong().check(method="complex")
    assert report.verdict is fc.Verdict.WRONG and not seen(report)
    assert report.worst(1)[0].name.startswith(name)


def test_a_function_of_c_stays_real():
    @numba.cfunc("float64(intc, CPointer(float64))")
    def cost(n, x):
        return x[0] * x[0] + x[1]

    problem = fc.from_pointer(cost, lambda theta: np.array([2 * theta[0], 1.0]), np.ones(2))
    report = problem.check(method="complex")
    assert report.passed and "a C function of doubles takes no theta" in seen(report)
