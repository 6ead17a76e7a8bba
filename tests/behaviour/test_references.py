"""The numeric gradient against references that share no code with it: scipy, the complex step, closed forms."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime, rosen, rosen_der
from scipy.optimize._numdiff import approx_derivative

import fastcheck as fc
from fastcheck import zoo

ROUNDING = 2e-8  # of one component at eps = 1e-7 where J is of size 1


def complex_step(cost, theta, *args):
    """dJ/dtheta = Im J(theta + i h e_k) / h: free of cancellation, for analytic J."""
    h, out = 1e-30, np.empty(theta.size)
    for k in range(theta.size):
        shifted = theta.astype(complex)
        shifted[k] += 1j * h
        out[k] = cost(shifted, *args).imag / h
    return out


def complex_mlp(theta, x, y, sizes, activation, l2):
    """The zoo's mlp in plain NumPy, for complex theta; relu is told by the real part."""
    activate = {1: np.tanh, 2: lambda z: z * (z.real > 0), 3: lambda z: 1 / (1 + np.exp(-z))}[activation]
    a, start, squares = x, 0, 0.0
    for layer, (n_in, n_out) in enumerate(zip(sizes[:-1], sizes[1:], strict=True), start=1):
        w = theta[start : start + n_in * n_out].reshape(n_out, n_in)
        b = theta[start + n_in * n_out :][:n_out]
        start += n_out * (n_in + 1)
        z = w @ a + b[:, None]
        a = activate(z) if layer < len(sizes) - 1 else z
        squares = squares + (w * w).sum()
    labels = a[y, np.arange(y.size)]
    return np.mean(np.log(np.exp(a).sum(axis=0)) - labels) + 0.5 * l2 * squares


@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
def test_the_zoo_agrees_with_the_complex_step_and_with_scipy(activation, l2):
    problem = zoo.mlp((6, 9, 8, 4), activation, l2=l2)
    exact = complex_step(complex_mlp, problem.theta, *problem.args)
    np.testing.assert_allclose(problem.grad(problem.theta, *problem.args), exact, rtol=1e-12, atol=1e-15)
    numeric = fc.gradient(problem.cost, problem.theta, problem.args)
    np.testing.assert_allclose(numeric, exact, atol=ROUNDING, rtol=0)
    theirs = approx_derivative(lambda t: problem.cost(t, *problem.args), problem.theta, method="3-point")
    np.testing.assert_allclose(numeric, theirs, atol=ROUNDING, rtol=0)


def test_the_course_example_agrees_with_the_complex_step():
    problem = zoo.course(fixed=True)

    def cost(theta, x, y):
        w1, b1, w2, b2, w3, b3 = problem.layout.unpack(theta).values()
        a1 = (w1 @ x + b1) * ((w1 @ x + b1).real > 0)
        a2 = (w2 @ a1 + b2) * ((w2 @ a1 + b2).real > 0)
        a3 = 1 / (1 + np.exp(-(w3 @ a2 + b3)))
        return np.mean(-np.log(a3) * y - np.log(1 - a3) * (1 - y))

    exact = complex_step(cost, problem.theta, *problem.args)
    gradient = problem.layout.pack(problem.grad(problem.theta, *problem.args))
    np.testing.assert_allclose(gradient, exact, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(fc.gradient(problem.cost, problem.theta, problem.args), exact, atol=1e-6, rtol=0)


@pytest.mark.parametrize("n", [2, 10, 50])
def test_rosenbrock(n, rng):
    theta = rng.standard_normal(n)
    report = fc.check(rosen, rosen_der, theta)
    assert report.passed, str(report)
    np.testing.assert_allclose(report.numeric, approx_fprime(theta, rosen), rtol=1e-4, atol=1e-3)


@numba.njit
def quadratic(theta, matrix):
    return 0.5 * theta @ (matrix @ theta)


@settings(max_examples=30)
@given(st.integers(1, 8), st.integers(0, 2**32 - 1), st.sampled_from([1e-3, 1.0, 1e3]))
def test_a_right_quadratic_passes_and_a_wrong_one_is_caught_at_the_named_entry(n, seed, scale):
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((n, n))
    matrix, theta = scale * (root @ root.T + np.eye(n)), rng.uniform(0.5, 1.5, n)
    gradient = matrix @ theta
    assert fc.check(quadratic, gradient, theta, (matrix,)).passed
    wrong, k = gradient.copy(), int(rng.integers(n))
    wrong[k] += 0.01 * np.abs(gradient).max()
    report = fc.check(quadratic, wrong, theta, (matrix,))
    assert report.verdict is fc.Verdict.WRONG
    assert report.worst(1)[0].index == k
    assert report.worst(1)[0].error == pytest.approx(gradient[k] - wrong[k], rel=1e-3)


@pytest.mark.parametrize(
    ("function", "derivative"),
    [
        (np.sin, np.cos),
        (np.exp, np.exp),
        (np.log, lambda t: 1 / t),
        (np.arctan, lambda t: 1 / (1 + t * t)),
        (np.sqrt, lambda t: 0.5 / np.sqrt(t)),
    ],
)
def test_closed_forms(function, derivative, theta):
    report = fc.check(lambda t: function(t).sum(), derivative, theta)
    assert report.passed, str(report)
    np.testing.assert_allclose(report.numeric, derivative(theta), atol=1e-7)


def test_plain_python_gives_the_same_numbers(theta, weights):
    from costs import quartic

    compiled, plain = (fc.gradient(cost, theta, (weights,)) for cost in (quartic, quartic.py_func))
    np.testing.assert_allclose(plain, compiled, atol=ROUNDING * 10, rtol=0)
