"""What the small models are made of: the record, its two builders, and functions that keep complex and float32 as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numba.extending import register_jitable

import fastcheck as fc

Vector = np.ndarray


@dataclass(frozen=True, eq=False)
class Model:
    """``cost(theta, *args) -> float`` and its exact gradient ``grad(theta, *args) -> (n,)`` at theta, shape (n,)."""

    name: str
    cost: Callable[..., float]
    grad: Callable[..., Vector]
    theta: Vector
    layout: fc.Layout | None = None
    args: tuple[Any, ...] = ()

    @property
    def plain(self) -> Callable[..., Any]:
        """The cost as plain Python, which also takes complex and float32 theta."""
        return getattr(self.cost, "py_func", self.cost)


def vector(name: str, cost: Callable[..., float], grad: Callable[..., Vector], theta: Any, *args: Any) -> Model:
    """A model of one unnamed vector, compiled."""
    return Model(name, numba.njit(cost), grad, np.array(theta, float), None, args)


def tensors(name: str, loss: Callable, back: Callable, params: Mapping[str, Any], *args: Any) -> Model:
    """A model of named tensors in NumPy: ``loss(params, *args)`` and ``back(params, *args) -> dict``."""
    theta, layout = fc.pack(params)

    def cost(theta, *args):
        return loss(layout.unpack(theta), *args)

    def grad(theta, *args):
        return layout.pack(back(layout.unpack(theta), *args))

    return Model(name, cost, grad, theta, layout, args)


def design(rng: np.random.Generator, m: int, d: int) -> np.ndarray:
    """Ones and d - 1 columns of normal variates, shape (m, d)."""
    return np.c_[np.ones(m), rng.standard_normal((m, d - 1))]


def one_hot(y: np.ndarray, k: int) -> np.ndarray:
    return np.eye(k)[y]


@register_jitable
def softplus(z):
    """log(1 + exp(z))."""
    a = np.where(np.real(z) > 0, z, -z)
    return 0.5 * (z + a) + np.log1p(np.exp(-a))


@register_jitable
def sigmoid(z):
    return 0.5 * (1 + np.tanh(0.5 * z))


@register_jitable
def simplex(z):
    """Softmax of a vector."""
    e = np.exp(z - np.max(np.real(z)))
    return e / np.sum(e)


def logsumexp(z: np.ndarray, axis: int = -1) -> np.ndarray:
    top = np.max(np.real(z), axis=axis, keepdims=True)
    return np.log(np.sum(np.exp(z - top), axis=axis)) + np.squeeze(top, axis)


def softmax(z: np.ndarray, axis: int = -1) -> np.ndarray:
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


@register_jitable
def cholesky(A):
    """L with L L^T = A, without conjugation, so that a complex step goes through."""
    L = np.zeros_like(A)
    for j in range(A.shape[0]):
        for i in range(j, A.shape[0]):
            L[i, j] = A[i, j] - np.sum(L[i, :j] * L[j, :j])
        L[j:, j] /= np.sqrt(L[j, j])
    return L


@register_jitable
def gaussian_nll(K, y):
    """0.5 y^T K^-1 y + 0.5 log det K."""
    L = cholesky(K)
    z = np.zeros_like(L[0])
    J = 0.0 * L[0, 0]
    for i in range(y.size):
        z[i] = (y[i] - np.sum(L[i, :i] * z[:i])) / L[i, i]
        J += 0.5 * z[i] * z[i] + np.log(L[i, i])
    return J
