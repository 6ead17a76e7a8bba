"""The deep-learning course's own example: a 4-5-3-1 network whose backpropagation has two planted bugs."""

from __future__ import annotations

import numba
import numpy as np

from fastcheck.checks.problem import Problem
from fastcheck.problem.layout import pack
from fastcheck.zoo._layers import Array


def course(fixed: bool = False) -> Problem:
    """LINEAR-RELU-LINEAR-RELU-LINEAR-SIGMOID with J = mean of -y log a - (1 - y) log(1 - a), three examples.

    The parameters and data are those of the public assignment (legacy random generator, seed 1), examples in columns.
    As the assignment gives it, dW2 is 2 times and db1 is 4 times what it should be: the ratio is 0.285. With
    ``fixed`` the gradient is right.
    """
    rng = np.random.RandomState(1)
    x = rng.randn(4, 3)
    y = np.array([1.0, 1.0, 0.0])
    shapes = {"W1": (5, 4), "b1": (5, 1), "W2": (3, 5), "b2": (3, 1), "W3": (1, 3), "b3": (1, 1)}
    theta, layout = pack({name: rng.randn(*shape) for name, shape in shapes.items()})
    unpack = layout.jit_unpack()

    @numba.njit()
    def cost(theta: Array, x: Array, y: Array) -> float:
        w1, b1, w2, b2, w3, b3 = unpack(theta)
        a1 = np.maximum(w1 @ x + b1, 0.0)
        a2 = np.maximum(w2 @ a1 + b2, 0.0)
        a3 = 1.0 / (1.0 + np.exp(-(w3 @ a2 + b3)))
        loss: float = np.mean(-np.log(a3[0]) * y - np.log(1.0 - a3[0]) * (1.0 - y))
        return loss

    def grad(theta: Array, x: Array, y: Array) -> dict[str, Array]:
        w1, b1, w2, b2, w3, b3 = layout.unpack(theta).values()
        a1 = np.maximum(w1 @ x + b1, 0)
        a2 = np.maximum(w2 @ a1 + b2, 0)
        a3 = 1 / (1 + np.exp(-(w3 @ a2 + b3)))
        dz3 = (a3 - y) / y.size
        dz2 = (w3.T @ dz3) * (a2 > 0)
        dz1 = (w2.T @ dz2) * (a1 > 0)
        gradients = {
            "W1": dz1 @ x.T,
            "b1": _row_sums(dz1),
            "W2": dz2 @ a1.T,
            "b2": _row_sums(dz2),
            "W3": dz3 @ a2.T,
            "b3": _row_sums(dz3),
        }
        if not fixed:
            gradients["W2"] *= 2
            gradients["b1"] *= 4
        return gradients

    return Problem(cost, grad, theta, (x, y), layout, "course 4-5-3-1 relu" + ("" if fixed else ", two planted bugs"))


def _row_sums(delta: Array) -> Array:
    sums: Array = delta.sum(axis=1, keepdims=True)
    return sums
