"""Advice beside the verdict: where a check is blind, and what would make it better or quicker."""

from __future__ import annotations

import numba
import numpy as np
import pytest

import fastcheck as fc
from fastcheck.diagnosis.advice import many_examples
from fastcheck.problem.arguments import Arguments

EXAMPLES = 9


@numba.njit
def cost(theta, x, l2):
    """A layer of four ReLUs on three inputs, squared, and an L2 term."""
    w, gain = theta[:12].reshape(4, 3), theta[12:]
    h = np.maximum(w @ x, 0.0)
    return np.sum(h**2, axis=1) @ gain / x.shape[1] + 0.5 * l2 * np.sum(theta**2)


def gradient(theta, x, l2):
    w, gain = theta[:12].reshape(4, 3), theta[12:]
    h = np.maximum(w @ x, 0)
    dw = 2 * (h * gain[:, None]) @ x.T / x.shape[1]
    return np.concatenate([dw.ravel(), np.sum(h**2, 1) / x.shape[1]]) + l2 * theta


def advice(weights, gain, x, l2=0.0) -> dict[str, fc.Finding]:
    report = fc.check(cost, gradient, {"W": weights, "gain": gain}, (x, l2))
    assert report.passed, str(report)
    return {finding.kind: finding for finding in report.findings if finding.kind != "rounding"}


@pytest.fixture
def x(rng) -> np.ndarray:
    return rng.uniform(0.5, 1.5, (3, EXAMPLES))


@pytest.fixture
def weights(rng) -> np.ndarray:
    return rng.uniform(0.5, 1.5, (4, 3))


@pytest.fixture
def gain(rng) -> np.ndarray:
    return rng.uniform(0.5, 1.5, 4)


def test_an_ordinary_point_needs_no_advice(weights, gain, x):
    assert advice(weights, gain, x) == {}


def test_parameters_that_are_alike_for_every_unit(weights, gain, x):
    assert advice(weights, np.ones(4), x)["symmetric"].tensors == ("gain",)
    assert advice(np.tile(weights[:1], (4, 1)), gain, x)["symmetric"].tensors == ("W",)


def test_zero_biases_are_usual():
    theta = {"W": np.array([[0.3, 0.7], [0.2, 0.9]]), "b": np.zeros(2)}
    report = fc.check(numba.njit(lambda t: np.sum(t**3) + np.sum(t)), lambda t: 3 * t**2 + 1, theta)
    assert report.findings == ()


def test_theta_zero_throughout():
    report = fc.check(numba.njit(lambda t: np.sum(np.sin(t))), np.cos, np.zeros(6))
    assert [finding.kind for finding in report.findings] == ["symmetric"]
    assert "theta is zero throughout" in report.findings[0].message


def test_regularisation_that_drowns_the_rest(weights, gain, x):
    finding = advice(1e3 * weights, 1e-3 * gain, x, l2=1e3)["regularised"]
    assert finding.tensors == ("W",)
    assert "regularised" not in advice(weights, gain, x, l2=0.1)


def test_units_that_are_off(weights, gain, x):
    weights[2] = -weights[2]
    finding = advice(weights, gain, x)["saturated"]
    assert finding.tensors == ("W",)
    assert "1 of 4 rows of W" in finding.message


@pytest.mark.parametrize(("seconds", "examples", "said"), [(20.0, 100, True), (20.0, 10, False), (1.0, 100, False)])
def test_more_examples_than_a_check_needs(seconds, examples, said):
    arguments = Arguments((np.ones((3, examples)), np.ones(examples)))
    assert (many_examples(arguments, seconds) is not None) == said


def test_advice_does_not_hide_a_mistake(weights, gain, x):
    wrong = gradient(np.concatenate([weights.ravel(), np.ones(4)]), x, 0.0)
    wrong[0] *= 2
    report = fc.check(cost, wrong, {"W": weights, "gain": np.ones(4)}, (x, 0.0))
    assert [finding.advice for finding in report.findings] == [False, True]
