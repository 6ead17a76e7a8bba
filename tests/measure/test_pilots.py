from __future__ import annotations

import math

import numba
import numpy as np
import pytest

import fastcheck as fc
from fastcheck import zoo
from fastcheck.zoo.mlp import ACTIVATIONS

FACTOR = 3.0  # the floor and the ratio of a right gradient are this near to each other


@pytest.mark.parametrize("eps", [1e-6, 1e-7, 1e-8])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_the_floor_is_the_ratio_of_a_right_gradient(activation, l2, eps):
    report = zoo.mlp((20, 30, 5), activation, l2=l2).check(eps=eps)
    assert 1 / FACTOR < report.ratio / report.floor < FACTOR


@pytest.mark.parametrize("digits", [2, 4, 6])
def test_the_floor_follows_cancellation_in_the_cost(digits, rng):
    offset = 10.0**digits

    @numba.njit
    def cost(theta):
        total = 0.0
        for value in theta:
            total += (offset + np.sin(value)) - offset
        return total

    theta = rng.standard_normal(200)
    report = fc.check(cost, np.cos(theta), theta, eps=1e-5)
    assert 1 / FACTOR < report.ratio / report.floor < FACTOR


def test_noise_added_on_purpose_is_measured(rng):
    unit = 1e-9

    @numba.njit
    def cost(theta):
        return unit * np.round(np.sum(theta**2) / unit)

    theta = rng.standard_normal(100)
    expected = unit / math.sqrt(12)
    for eps in (1e-5, 1e-6, 1e-8, 1e-9):  # down to where most differences of J are zero
        assert 1 / FACTOR < fc.check(cost, 2 * theta, theta, eps=eps).noise / expected < FACTOR


def test_a_kink_is_not_taken_for_noise():
    problem = zoo.mlp((10, 20, 4), "relu")
    theta = problem.theta.copy()
    theta[problem.layout.tensors[1].slice] = 0.0
    x = np.zeros_like(problem.args[0])  # every unit sits on its kink
    report = fc.check(problem.cost, problem.grad, theta, (x, *problem.args[1:]), layout=problem.layout)
    assert report.noise < 1e-14


@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1.0, 1e150, 1e290])
def test_extreme_scales_of_the_cost(scale, theta):
    report = fc.check(lambda t: scale * np.sum(t**2), lambda t: scale * 2 * t, theta)
    assert report.passed, str(report)
    assert 0 < report.floor < 1e-6
