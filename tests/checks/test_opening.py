"""Every check begins and ends alike: the gradient is called twice, and at the very end the arguments are as they were."""

from __future__ import annotations

import numpy as np
import pytest
from costs import Counted, quartic, quartic_gradient

import fastcheck as fc

CHECKS = [fc.check, fc.screen, fc.locate, fc.sweep]


def wrong_gradient(theta, weights):
    return quartic_gradient(theta, weights) * np.where(np.arange(theta.size) == 3, 1.5, 1.0)


class WritesAt:
    """A plain cost that writes into its argument at its k-th call."""

    def __init__(self, k: int) -> None:
        self.k, self.n = k, 0

    def __call__(self, theta, weights):
        self.n += 1
        value = quartic(theta, weights)
        if self.n == self.k:
            weights[0] += 1e-9
        return value


@pytest.mark.parametrize("grad", [quartic_gradient, wrong_gradient])
@pytest.mark.parametrize("function", CHECKS)
def test_a_cost_that_writes_into_its_arguments_is_found_out_at_whatever_call(function, grad, theta, weights):
    before, cost = weights.copy(), Counted(quartic)
    function(cost, grad, theta, (weights,))
    for k in (1, 3, 2 + 2 * theta.size, cost.n // 2, cost.n):  # the last one in a second look, a search, or a diagnosis
        with pytest.raises(fc.InputError, match=r"cost must not modify its arguments, got a change of args\[0\]"):
            function(WritesAt(k), grad, theta, (weights,))
        assert np.array_equal(weights, before)


def test_the_gradient_is_called_twice_and_the_cost_only_after_everything_is_accepted(theta, weights):
    for function in CHECKS:
        gradient = Counted(quartic_gradient)
        function(quartic, gradient, theta, (weights,))
        assert gradient.n == 2


def accumulating():
    total = np.zeros(12)

    def grad(theta, weights):
        total[:] += quartic_gradient(theta, weights)
        return total.copy()

    return grad


def random():
    rng = np.random.default_rng(0)
    return lambda theta, weights: quartic_gradient(theta, weights) * rng.uniform(0.9, 1.1, theta.size)


@pytest.mark.parametrize("function", [fc.check, fc.screen])
@pytest.mark.parametrize(("make", "kind"), [(accumulating, "accumulates"), (random, "random")])
def test_a_gradient_that_changes_from_call_to_call_is_wrong(function, make, kind, theta, weights):
    report = function(quartic, make(), theta, (weights,))
    assert report.verdict is fc.Verdict.WRONG
    assert "a second call of grad at the same theta gives another gradient" in report.reason
    assert report.findings[0].kind == kind
    with fc.Checker(quartic, theta, (weights,)) as checker:
        assert checker.check(theta, make()).verdict is fc.Verdict.WRONG


def test_the_verdict_of_every_check_is_on_the_same_gradient(theta, weights):
    """The one that the first call returned."""
    gradients = [quartic_gradient(theta, weights), 2 * quartic_gradient(theta, weights)]
    report = fc.check(quartic, lambda theta, weights: gradients.pop(0), theta, (weights,))
    assert np.array_equal(report.analytic, quartic_gradient(theta, weights))
