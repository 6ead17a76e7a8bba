"""Whatever callers pass is accepted, or refused in one line before the cost is ever called."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from costs import Counted, quartic, quartic_gradient

import fastcheck as fc
from fastcheck.problem import accept

INTEGERS = [np.int8, np.uint8, np.int32, np.uint64]


def refused(call, *words: str) -> None:
    """``call`` is refused in one line that holds the words."""
    with pytest.raises(fc.InputError) as caught:
        call()
    assert len(str(caught.value).splitlines()) == 1
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("kind", INTEGERS)
def test_integers_may_be_numpys(kind, rng):
    theta, weights = rng.uniform(0.5, 1.5, 300), rng.uniform(0.5, 1.5, 300)  # more than an int8 can count
    expected = fc.gradient(quartic, theta, (weights,))
    for options in ({"chunk": kind(2)}, {"chunk": kind(100), "workers": kind(2)}):
        assert np.array_equal(fc.gradient(quartic, theta, (weights,), **options), expected)
    which = kind([7, 2, 100])
    assert np.array_equal(fc.gradient(quartic, theta, (weights,), components=which, chunk=kind(2)), expected[which])
    report = fc.check(quartic, quartic_gradient, theta, (weights,), components=kind(20), chunk=kind(3))
    assert np.array_equal(report.numeric, expected[report.components])
    location = fc.locate(quartic, quartic_gradient, theta, (weights,), budget=np.int16(900), seed=kind(3))
    assert location == fc.locate(quartic, quartic_gradient, theta, (weights,), budget=900, seed=3)


@pytest.mark.parametrize(
    ("function", "options"),
    [
        (fc.screen, {"seed": -1}),
        (fc.locate, {"seed": "a"}),
        (fc.locate, {"budget": 0}),
        (fc.locate, {"budget": 1.5}),
        (fc.check, {"components": [12]}),
        (fc.check, {"tensors": "V"}),
        (fc.check, {"tensors": 3}),
        (fc.check, {"eps": -1.0}),
        (fc.check, {"kwargs": [1]}),
        (fc.sweep, {"components": 13}),
        (fc.sweep, {"tensors": []}),
        (fc.screen, {"workers": 0}),
        (fc.screen, {"chunk": 0.5}),
        (fc.check, {"progress": "yes"}),
    ],
)
def test_options_are_refused_before_the_cost_or_the_gradient_is_called(function, options, theta, weights):
    cost, gradient = Counted(quartic), Counted(quartic_gradient)
    refused(lambda: function(cost, gradient, theta, (weights,), **options), next(iter(options)))
    assert (cost.n, gradient.n) == (0, 0)


@pytest.mark.parametrize("options", [{"components": [12]}, {"tensors": "V"}, {"components": [1], "tensors": "theta"}])
def test_they_are_by_gradient_and_a_checker_too(options, theta, weights):
    cost = Counted(quartic)
    refused(lambda: fc.gradient(cost, theta, (weights,), **options))
    assert cost.n == 0
    checker = fc.Checker(cost, theta, (weights,))
    n = cost.n
    refused(lambda: checker.gradient(theta, **options))
    refused(lambda: checker.check(theta, quartic_gradient, **options))
    assert cost.n == n


def test_names_of_several_lines_or_of_any_length_stay_in_one_line(weights):
    name = "a\nb" + 200 * " long"
    params = {name: np.ones(12)}
    refused(lambda: fc.pack({name: np.array([np.nan])}), "must be finite")
    refused(lambda: fc.pack({name: np.arange(3)}), "real floating point")
    refused(lambda: fc.check(quartic, {"c\nd": np.ones(12)}, params, (weights,)), "gradient must name the tensors")
    refused(lambda: fc.check(quartic, {name: np.ones(11)}, params, (weights,)), "must have shape (12,)")
    refused(lambda: fc.gradient(quartic, params, (weights,), tensors="V"), "tensors must match")
    refused(lambda: fc.gradient(quartic, params, (weights,), tensors="V\nW"), "tensors must match")
    refused(lambda: fc.gradient(quartic, {name: np.full(12, 1e12)}, (weights,), eps=1e-7), "lost in rounding")
    refused(lambda: fc.gradient(quartic, np.ones(12), (weights,), kwargs={"x\ny": 1.0}), "x y")


@pytest.mark.parametrize(
    ("tensor", "word"),
    [
        (fc.Tensor(3, (2,), 0), "tensor names must be strings, got 3"),
        (fc.Tensor("W", 2, 0), "the shape of 'W' must be a tuple"),
        (fc.Tensor("W", (1.0, 2), 0), "the shape of 'W' must be a tuple"),
        (fc.Tensor("W", (-1,), 0), "the shape of 'W' must be a tuple"),
        (fc.Tensor("W", (True,), 0), "the shape of 'W' must be a tuple"),
        (fc.Tensor("W", (2,), 1), "without gaps"),
    ],
)
def test_a_layout_made_by_hand(tensor, word):
    refused(lambda: fc.check(quartic, np.ones(2), np.ones(2), (np.ones(2),), layout=fc.Layout((tensor,))), word)


@pytest.mark.parametrize("shape", [(1.5,), 3, "33", (None,), [2, 2.0], (np.float64(2),)])
def test_shapes_that_are_no_integers(shape):
    refused(lambda: fc.Layout.of({"W": shape}), "the shape of 'W' must be a tuple of non-negative integers")


def test_what_a_problem_is_called_and_where_a_report_goes(theta, weights):
    refused(lambda: fc.Problem(quartic, quartic_gradient, theta, name=3), "name must be a string, got 3")
    report = fc.check(quartic, quartic_gradient, theta, (weights,))
    for path in (3, None, b"report.json"):
        refused(lambda path=path: report.save(path), "the file must be named by a path")


def test_kwargs_reach_a_plain_cost_and_gradient(theta, weights):
    def cost(theta, weights, *, power):
        return float(np.sum(weights * theta**power))

    def gradient(theta, weights, *, power):
        return power * weights * theta ** (power - 1)

    assert fc.check(cost, gradient, theta, (weights,), kwargs={"power": 4}).passed
    assert fc.screen(cost, gradient, theta, kwargs={"power": 4, "weights": weights}).passed
    assert np.array_equal(
        fc.gradient(cost, theta, (weights,), kwargs={"power": 4}), fc.gradient(quartic.py_func, theta, (weights,))
    )
    assert fc.Problem(cost, gradient, theta, kwargs={"power": 3, "weights": weights}).check().passed
    with fc.Checker(cost, theta, (weights,), kwargs={"power": 3}) as checker:
        assert checker.check(theta, gradient).passed


@numba.njit
def powers(theta, weights, power, shift=0.0):
    return np.sum(weights * theta**power) + shift


def powers_gradient(theta, weights, power, shift=0.0):
    return power * weights * theta ** (power - 1)


@pytest.mark.parametrize(
    ("n_args", "names"), [(2, ("shift",)), (1, ("shift", "power")), (0, ("power", "weights")), (1, ("power",))]
)
def test_kwargs_go_to_an_njit_cost_by_position(n_args, names, theta, weights):
    values = {"weights": weights, "power": 3, "shift": 2.0}
    args = tuple(values.values())[:n_args]
    kwargs = {name: values[name] for name in names}
    report = fc.check(powers, powers_gradient, theta, args, kwargs=kwargs)
    assert report.passed
    assert report.compiled
    assert fc.check(powers, numba.njit(powers_gradient), theta, args, kwargs=kwargs).passed
    for wrong in ({"slope": 1.0}, {**kwargs, "slope": 1.0}):
        refused(lambda wrong=wrong: fc.gradient(powers, theta, args, kwargs=wrong), "slope")


def test_kwargs_that_are_modified_are_noticed(theta, weights):
    def cost(theta, weights):
        weights[0] += 1.0
        return float(theta.sum())

    before = weights.copy()
    refused(lambda: fc.gradient(cost, theta, kwargs={"weights": weights}), "change of kwargs['weights']")
    assert np.array_equal(weights, before)


def value_and_gradient(theta, weights):
    return np.sum(weights * theta**4), 4 * weights * theta**3


def value_and_wrong(theta, weights):
    return np.sum(weights * theta**4), 3 * weights * theta**3


@pytest.mark.parametrize("wrap", [lambda function: function, numba.njit])
def test_a_cost_that_returns_its_gradient_as_well(wrap, theta, weights):
    right, wrong = wrap(value_and_gradient), wrap(value_and_wrong)
    report = fc.check(right, True, theta, (weights,))
    assert report.passed
    assert report.compiled is (wrap is numba.njit)
    np.testing.assert_allclose(report.analytic, quartic_gradient(theta, weights), rtol=1e-14)
    assert fc.check(wrong, True, theta, (weights,)).verdict is fc.Verdict.WRONG
    assert fc.check(right, True, theta, kwargs={"weights": weights}).passed
    assert fc.screen(right, True, theta, (weights,)).passed
    assert not fc.screen(wrong, True, theta, (weights,)).passed
    assert fc.Problem(right, True, theta, (weights,)).sweep().steps
    fc.assert_gradient(right, True, {"W": theta.reshape(3, 4)}, (weights,))


def test_a_pair_is_needed_then(theta, weights):
    refused(lambda: fc.check(quartic.py_func, True, theta, (weights,)), "cost must return (J, gradient)")


def test_njit_costs_with_any_number_of_args(theta, weights):
    @numba.njit
    def cost(theta, *args):
        return np.sum(args[0] * theta**4) + args[1]

    report = fc.check(cost, lambda theta, weights, shift: quartic_gradient(theta, weights), theta, (weights, 1.0))
    assert report.passed
    assert report.compiled
    assert np.array_equal(fc.gradient(cost, theta, (weights, 0.0)), fc.gradient(quartic, theta, (weights,)))


def test_the_record_of_a_question_holds_what_was_given(theta, weights):
    question = accept.question(quartic, quartic_gradient, theta, (weights,), {"x": 1})
    assert question.theta is theta
    assert question.arguments.named == {"args[0]": weights, "kwargs['x']": 1}
    assert question.layout.names == ("theta",)
    assert not question.paired
