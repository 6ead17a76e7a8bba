"""Every line of input that cannot be used: one line, the rule, the value met; raised before the work, nothing modified."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from costs import quartic, quartic_gradient

import fastcheck as fc

N = 12


def refused(error, message, call):
    with pytest.raises(error, match=message) as caught:
        call()
    assert isinstance(caught.value, fc.InputError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (np.empty(0), ValueError, "theta must hold at least one component, got none"),
        (np.array(["a"]), TypeError, "theta must be real floating point"),
        (np.ones(N) * 1j, TypeError, "theta must be real .*got complex128"),
        (np.arange(N), TypeError, r"theta must be real .*got int64: convert it with \.astype\(float\)"),
        (np.ones((N, 1)), ValueError, r"theta must be a vector, got 2 dimensions, shape \(12, 1\)"),
        (np.ones((0, 2)), ValueError, "theta must be a vector, got 2 dimensions"),
        (np.where(np.arange(N) == 4, np.nan, 1.0), ValueError, r"theta values must be finite, got theta\[4\] = nan"),
        (np.where(np.arange(N) == 5, np.inf, 1.0), ValueError, r"got theta\[5\] = inf"),
        (np.ones(N, dtype=np.longdouble), TypeError, "theta must be real floating point"),
        ({}, ValueError, "parameters must hold at least one component"),
        ({"W": np.arange(3)}, TypeError, "parameter 'W' must be real floating point"),
        ("theta", TypeError, "theta must be real floating point"),
        (None, TypeError, "theta must be real floating point"),
    ],
)
@pytest.mark.parametrize("call", [fc.check, fc.gradient])
def test_theta(call, bad, error, message, weights):
    arguments = (quartic, quartic_gradient, bad) if call is fc.check else (quartic, bad)
    refused(error, message, lambda: call(*arguments, args=(weights,)))


def test_theta_of_another_length_than_the_layout(theta, weights):
    layout = fc.Layout.of({"W": (3, 3)})
    refused(ValueError, "layout's 9 components, got 12", lambda: fc.gradient(quartic, theta, (weights,), layout=layout))
    refused(TypeError, "layout must be a Layout, got dict", lambda: fc.gradient(quartic, theta, (weights,), layout={}))
    refused(
        ValueError,
        "layout must name the tensors of theta",
        lambda: fc.gradient(quartic, {"b": theta}, (weights,), layout=layout),
    )


def test_float32_is_taken_to_float64_and_said_so(theta, weights):
    narrow = theta.astype(np.float32)
    expected = fc.gradient(quartic, narrow.astype(np.float64), (weights,))
    for given in (narrow, {"W": narrow}):
        report = fc.check(quartic, quartic_gradient, given, (weights,))
        assert report.passed
        assert np.array_equal(report.numeric, expected)
        assert [f.kind for f in report.findings] == ["float32"]


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (np.ones(N - 1), ValueError, r"gradient must have shape \(12,\) like theta, got \(11,\)"),
        (np.ones((N, 1)), ValueError, r"gradient must have shape \(12,\) like theta, got \(12, 1\)"),
        (np.ones(N) * 1j, TypeError, "gradient must be real .*got complex128"),
        (np.arange(N), TypeError, "gradient must be real .*got int64"),
        (None, TypeError, "gradient must be real"),
        ({"W": np.ones((2, 3))}, ValueError, "gradient must name the tensors W, b, got missing b: rename or add"),
        ({"W": np.ones((2, 3)), "b": np.ones(6), "c": np.ones(1)}, ValueError, "got extra c"),
        ({"w": np.ones((2, 3)), "b": np.ones(6)}, ValueError, "got missing W; extra w"),
        ({"W": np.ones((3, 2)), "b": np.ones(6)}, ValueError, r"gradient 'W' must have shape \(2, 3\), got \(3, 2\)"),
    ],
)
@pytest.mark.parametrize("as_function", [False, True])
def test_gradient(as_function, bad, error, message, theta, weights):
    params = {"W": theta[:6].reshape(2, 3), "b": theta[6:]}
    grad = (lambda theta, weights: bad) if as_function else bad
    refused(error, message, lambda: fc.check(quartic, grad, params, (weights,)))


def test_a_gradient_that_is_not_finite_is_a_finding(theta, weights):
    gradient = quartic_gradient(theta, weights)
    gradient[[2, 7]] = np.nan, np.inf
    report = fc.check(quartic, gradient, theta, (weights,))
    assert report.verdict is fc.Verdict.WRONG
    assert report.findings[0].kind == "nonfinite"
    assert "theta[2], theta[7]" in report.findings[0].message
    assert report.ratio < 1e-7
    assert {c.index for c in report.worst(2)} == {2, 7}


def test_a_cost_that_numba_cannot_compile_for_these_args(theta):
    @numba.njit
    def cost(theta, x):
        return theta.sum() + x.no_such_thing

    with pytest.raises(fc.InputError, match="cost must compile with numba for .*no_such_thing") as caught:
        fc.gradient(cost, theta, (theta,))
    assert isinstance(caught.value.__cause__, numba.core.errors.NumbaError)
    assert "\n" not in str(caught.value)


def test_args_that_numba_cannot_type(theta):
    refused(
        TypeError,
        r"args\[1\] must be of a type that numba knows, got object",
        lambda: fc.gradient(quartic, theta, (theta, object())),
    )


def test_args_that_do_not_match_the_cost(theta, weights):
    refused(ValueError, "cost must take theta and 2 args", lambda: fc.gradient(quartic, theta, (weights, 1.0)))
    refused(TypeError, "args must be a tuple, got ndarray", lambda: fc.gradient(quartic, theta, weights))


def test_a_cost_that_is_no_function(theta):
    refused(TypeError, "cost must be a function .*got float", lambda: fc.gradient(3.0, theta))


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(
    "function",
    [
        lambda theta: theta,
        lambda theta: theta[:1],
        lambda theta: None,
        lambda theta: 1j * theta[0],
        lambda theta: (theta[0], 1.0),
        lambda theta: (theta[0], theta),
        lambda theta: [theta[0]],
        lambda theta: "J",
    ],
)
def test_a_cost_that_returns_something_else_than_one_real_number(function, compiled, theta):
    cost = numba.njit(function) if compiled else function
    refused(TypeError, "cost must return one real number, got", lambda: fc.gradient(cost, theta))


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_cost_that_is_not_finite_at_theta(value, compiled, theta):
    def cost(theta):
        return theta[0] * value

    refused(
        ValueError, "J.theta. must be finite, got", lambda: fc.gradient(numba.njit(cost) if compiled else cost, theta)
    )


@pytest.mark.parametrize("compiled", [True, False])
def test_a_cost_that_is_not_finite_at_some_components(compiled):
    def cost(theta):
        return np.sum(np.log(theta)) if theta.min() > 0 else np.nan

    theta = np.ones(6)
    theta[[1, 4]] = 1e-8
    layout = fc.Layout.of({"W": (2, 3)})
    report = fc.check(numba.njit(cost) if compiled else cost, 1 / theta, theta, layout=layout)
    assert report.passed, str(report)
    report = fc.check(cost, 1 / theta, theta, layout=layout, eps=1e-7)
    assert report.verdict is fc.Verdict.UNRESOLVED
    assert "J at theta_i +- eps is nan or inf at W[0, 1], W[1, 1]" in report.findings[0].message
    assert np.flatnonzero(~np.isfinite(report.numeric)).tolist() == [1, 4]
    for eps in (None, 1e-7, "auto"):
        for k, factor in ((5, 1.5), (1, 1.01), (4, -1.0)):
            wrong = 1 / theta
            wrong[k] *= factor
            report = fc.check(cost, wrong, theta, layout=layout, eps=eps)
            if eps == 1e-7:
                assert report.verdict is fc.Verdict.UNRESOLVED
                assert "eps = 1e-07 does not serve" in report.reason
            else:
                assert report.verdict is fc.Verdict.WRONG, (k, eps)
                assert [w.index for w in report.witnesses] == [k]


@pytest.mark.parametrize("compiled", [True, False])
def test_a_cost_that_raises_at_theta(compiled, theta):
    def cost(theta):
        if theta[0] > 0:
            raise ZeroDivisionError("mine")
        return 0.0

    with pytest.raises(ZeroDivisionError, match="mine") as caught:
        fc.gradient(numba.njit(cost) if compiled else cost, theta)
    assert caught.value.__notes__ == ["raised by the cost at the unperturbed theta"]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("compiled", [True, False])
def test_a_cost_that_raises_at_a_component_says_which_and_on_which_side(compiled, workers):
    def cost(theta):
        if theta[7] < 1.0:
            raise RuntimeError("mine")
        return theta.sum()

    with pytest.raises(RuntimeError, match="mine") as caught:
        fc.gradient(numba.njit(cost) if compiled else cost, {"W": np.ones((3, 4))}, workers=workers, chunk=2, eps=1e-6)
    assert caught.value.__notes__ == ["raised by the cost at W[1, 3] -1e-06"]


def test_a_gradient_that_raises(theta, weights):
    def grad(theta, weights):
        raise KeyError("dW7")

    with pytest.raises(KeyError, match="dW7") as caught:
        fc.check(quartic, grad, theta, (weights,))
    assert caught.value.__notes__ == ["raised by grad at the unperturbed theta"]


def test_a_cost_that_is_not_repeatable(theta):
    generator = np.random.default_rng(0)
    refused(
        ValueError,
        "cost must be repeatable, got .*dropout.*seed any generator",
        lambda: fc.gradient(lambda theta: theta.sum() + generator.random(), theta),
    )

    @numba.njit
    def dropout(theta):
        return np.sum(theta * (np.random.random(theta.size) > 0.5))  # noqa: NPY002 (all that numba has)

    refused(ValueError, "cost must be repeatable", lambda: fc.gradient(dropout, theta))


@pytest.mark.parametrize("compiled", [True, False])
def test_a_cost_that_modifies_theta_or_args(compiled, theta, weights):
    def writes_theta(theta, x):
        theta[3] = 0.0
        return theta.sum()

    def writes_args(theta, x):
        x[1][0] += 1.0
        return theta.sum()

    wrap = numba.njit if compiled else lambda function: function
    before = theta.copy(), weights.copy()
    layout = fc.Layout.of({"W": (3, 4)})
    refused(
        ValueError,
        r"cost must not modify theta, got a change of W\[0, 3\]",
        lambda: fc.gradient(wrap(writes_theta), theta, (1.0,), layout=layout),
    )
    refused(
        ValueError,
        r"cost must not modify its arguments, got a change of args\[0\]\[1\]",
        lambda: fc.gradient(wrap(writes_args), theta, ((theta, weights),)),
    )
    assert np.array_equal(theta, before[0])
    assert np.array_equal(weights, before[1])


def test_a_cost_that_modifies_args_only_later_does_no_harm_and_is_found_out(theta, weights):
    calls = []

    def cost(theta, x):
        calls.append(1)
        if len(calls) > 5:
            x[:] = 0.0
        return theta.sum()

    before = weights.copy()
    refused(
        ValueError,
        r"cost must not modify its arguments, got a change of args\[0\]",
        lambda: fc.gradient(cost, theta, (weights,)),
    )
    assert np.array_equal(weights, before)


def test_a_gradient_that_modifies_theta_or_args(theta, weights):
    def writes_theta(theta, weights):
        theta[2] *= 2
        return quartic_gradient(theta, weights)

    def writes_args(theta, weights):
        weights /= 2
        return quartic_gradient(theta, weights)

    before = theta.copy(), weights.copy()
    refused(
        ValueError,
        r"grad must not modify theta, got a change of theta\[2\]",
        lambda: fc.check(quartic, writes_theta, theta, (weights,)),
    )
    refused(
        ValueError,
        r"grad must not modify its arguments, got a change of args\[0\]",
        lambda: fc.check(quartic, writes_args, theta, (weights,)),
    )
    assert np.array_equal(theta, before[0])
    assert np.array_equal(weights, before[1])


@pytest.mark.parametrize(
    "grad", [lambda theta, w: theta, lambda theta, w: theta[::-1], lambda theta, w: {"theta": theta[:]}]
)
def test_a_gradient_that_returns_theta_or_a_view_of_it(grad, theta, weights):
    refused(
        ValueError,
        "grad must return an array of its own, got theta itself or a view",
        lambda: fc.check(quartic, grad, theta, (weights,)),
    )


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (0.0, ValueError, "eps must be positive and finite, got 0.0"),
        (-1e-7, ValueError, "eps must be positive and finite, got -1e-07"),
        (np.nan, ValueError, "eps must be positive and finite, got nan"),
        (np.inf, ValueError, "eps must be positive and finite, got inf"),
        ("large", TypeError, "eps must be a positive number, an array, a dict, 'auto' or None, got 'large'"),
        (True, TypeError, "eps must be a positive number, an array, a dict, 'auto' or None, got True"),
        (1e-17, ValueError, r"eps must change every component, got eps = 1e-17 lost in rounding at theta\[0\]"),
    ],
)
def test_eps(bad, error, message, theta, weights):
    refused(error, message, lambda: fc.gradient(quartic, theta, (weights,), eps=bad))


def test_eps_lost_in_rounding_names_the_component(theta, weights):
    theta[5] = 1e12
    refused(
        ValueError,
        r"lost in rounding at W\[1, 1\] = 1e\+12",
        lambda: fc.gradient(quartic, {"W": theta.reshape(3, 4)}, (weights,), eps=1e-7),
    )
    assert np.isfinite(
        fc.gradient(quartic, theta, (weights,))
    ).all()  # left to itself, it takes a step that moves theta


@pytest.mark.parametrize("name", ["workers", "chunk"])
@pytest.mark.parametrize(
    ("bad", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), ("2", TypeError), (True, TypeError)]
)
def test_workers_and_chunk(name, bad, error, theta, weights):
    refused(error, f"{name} must be .*, got", lambda: fc.gradient(quartic, theta, (weights,), **{name: bad}))


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (0, ValueError, r"components must be at least one per tensor and at most n \(1 to 12\), got 0"),
        (13, ValueError, r"\(1 to 12\), got 13"),
        ([], TypeError, "components must be a non-empty list of indices"),
        ([0.5], TypeError, "components must be a non-empty list of indices, got .*float64"),
        ([[1, 2]], TypeError, r"got shape \(1, 2\)"),
        ([3, 12], ValueError, r"components must lie in \[0, 12\), got 12"),
        ([-1], ValueError, r"components must lie in \[0, 12\), got -1"),
        (True, TypeError, "components must be None, an int or indices, got True"),
        ("all", TypeError, "components must be a non-empty list of indices"),
    ],
)
def test_components(bad, error, message, theta, weights):
    refused(error, message, lambda: fc.gradient(quartic, theta, (weights,), components=bad))


def test_progress(theta, weights):
    refused(
        TypeError,
        "progress must be None, True, False or a function",
        lambda: fc.gradient(quartic, theta, (weights,), progress="yes"),
    )


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"theta": np.arange(N)}, TypeError, "theta must be real floating point"),
        ({"grad": np.ones(N - 1)}, ValueError, r"gradient must have shape \(12,\) like theta"),
        (
            {"components": 13},
            ValueError,
            r"components must be at least one per tensor and at most n \(1 to 12\), got 13",
        ),
        ({"workers": 0}, ValueError, "workers must be at least 1, got 0"),
        ({"progress": "yes"}, TypeError, "progress must be None, True, False or a function"),
        ({"layout": {}}, TypeError, "layout must be a Layout, got dict"),
        ({"args": ()}, ValueError, "cost must take theta and 0 args"),
    ],
)
def test_sweep_refuses_what_check_refuses(change, error, message, theta, weights):
    arguments = {"theta": theta, "grad": quartic_gradient, "args": (weights,), **change}
    refused(error, message, lambda: fc.sweep(quartic, **arguments))


def test_a_cost_that_modifies_its_arguments_only_far_from_theta_is_found_out_by_sweep(theta):
    def cost(theta, x):
        if abs(theta[0] - 0.5) > 0.01:
            x[0] += 1.0
        return theta.sum()

    theta[0] = 0.5
    refused(
        ValueError,
        r"cost must not modify its arguments, got a change of args\[0\]",
        lambda: fc.sweep(cost, np.ones(N), theta, (np.zeros(3),)),
    )


def test_a_gradient_of_nan_is_shown_as_that(theta, weights):
    def grad(theta, weights):
        return np.where(np.arange(N) == 2, np.nan, quartic_gradient(theta, weights))

    (found,) = fc.locate(quartic, grad, theta, (weights,)).components
    assert found.name == "theta[2]" and np.isnan(found.analytic)
    assert "analytic 0" not in fc.screen(quartic, grad, theta, (weights,)).brief()


@pytest.mark.parametrize("call", [fc.check, fc.screen])
def test_a_gradient_in_float32_is_held_to_its_own_digits(theta, weights, call):
    def grad(theta, weights):
        return quartic_gradient(theta.astype(np.float32), weights.astype(np.float32))

    report = call(quartic, grad, theta, (weights,))
    assert report.passed and "came in numbers with a spacing of 1e-07" in " ".join(str(report).split())
    assert not call(quartic, lambda t, w: grad(t, w) * np.float32(1.001), theta, (weights,)).passed


def test_what_cannot_say_what_it_is_is_called_by_its_kind(theta, weights):
    class Mute:
        def __repr__(self):
            raise RuntimeError("not now")

    with pytest.raises(fc.InputError, match="got Mute"):
        fc.check(quartic, quartic_gradient, theta, (weights,), workers=Mute())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"components": [[1], [2, 3]]}, "components must be"),
        ({"tensors": "empty"}, "tensors must hold at least one component, got empty: name others"),
        ({"args": ()}, "cost must take theta and 0 args"),
    ],
)
def test_what_cannot_be_looked_at_is_refused_before_the_work(options, message, weights):
    params = {"W": np.ones(12), "empty": np.ones((0, 3))}
    with pytest.raises(fc.InputError, match=message) as caught:
        fc.check(quartic, np.ones(12), params, **{"args": (weights,), **options})
    assert "\n" not in str(caught.value)


def test_a_vector_of_another_length_is_not_unpacked(theta):
    _, layout = fc.pack({"W": theta})
    with pytest.raises(fc.InputError, match=r"theta must have shape \(12,\), got \(11,\): pass what pack returned"):
        layout.unpack(theta[1:])
