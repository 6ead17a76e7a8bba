"""A tensor that is driven towards zero: what a screen cannot see along its usual directions is not passed."""

from __future__ import annotations

import numpy as np
import pytest

import fastcheck as fc


def fitted(seed):
    """J = 1 + 0.05 ||theta - c||^2 near its minimum: most of theta is around 1e-6, where weight decay leaves it; its gradient."""
    rng = np.random.default_rng(seed)
    theta, layout = fc.pack({"W": rng.normal(0, 1e-6, (20, 10)), "b": rng.normal(0, 0.3, 10)})
    centre = np.zeros(210)
    large = [*rng.choice(200, 10, replace=False), *range(200, 210)]
    theta[large] = rng.normal(0, 0.3, 20)
    centre[large] = theta[large] + rng.normal(0, 1e-4, 20)
    return lambda theta: 1 + 0.05 * float(np.sum((theta - centre) ** 2)), 0.1 * (theta - centre), theta, layout


@pytest.mark.parametrize("seed", range(6))
def test_a_sign_among_components_that_are_almost_zero_is_not_passed(seed):
    cost, gradient, theta, layout = fitted(seed)
    assert fc.screen(cost, gradient, theta, layout=layout, seed=seed).passed
    gradient[np.argsort(np.abs(gradient))[100]] *= -1
    report = fc.screen(cost, gradient, theta, layout=layout, seed=seed)
    assert report.verdict is fc.Verdict.UNRESOLVED, str(report)
    assert [t.verdict.name for t in report.tensors] == ["UNRESOLVED", "CORRECT"]
    assert report.findings[0].kind == "faint"


def test_with_the_scale_given_it_is_found():
    cost, gradient, theta, layout = fitted(0)
    k = int(np.argsort(np.abs(gradient))[100])
    gradient[k] *= -1
    assert not fc.screen(cost, gradient, theta, layout=layout, scale=0.3).passed
    location = fc.locate(cost, gradient, theta, layout=layout, scale=0.3)
    assert [c.index for c in location.components] == [k]
