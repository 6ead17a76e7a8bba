"""Costs to time: one whose evaluation takes a chosen time, a network of a chosen size; and the bare loop beside them."""

from __future__ import annotations

import time

import numba
import numpy as np

from fastcheck import Problem, zoo

N_INPUTS, N_CLASSES = 64, 10


@numba.njit
def spin(theta, work):
    """The mean of ``work`` square roots, about 2.6 ns each."""
    total = 0.0
    for k in range(work):
        total += np.sqrt(theta[k % theta.size] + (k & 7))
    return total / work


@numba.njit
def spin_gradient(theta, work):
    gradient = np.zeros_like(theta)
    for k in range(work):
        gradient[k % theta.size] += 0.5 / np.sqrt(theta[k % theta.size] + (k & 7)) / work
    return gradient


@numba.njit
def bare_loop(cost, theta, args, n_calls):
    """What any checker has to pay: the calls of the cost, one after the other."""
    total = 0.0
    for _ in range(n_calls):
        total += cost(theta, *args)
    return total


def work_for(seconds: float) -> int:
    """The ``work`` with which one evaluation of `spin` takes ``seconds`` on this machine."""
    theta, probe = np.ones(1000), 200_000
    bare_loop(spin, theta, (probe,), 1)
    begin = time.perf_counter()
    bare_loop(spin, theta, (probe,), 50)
    return max(1, round(seconds * 50 * probe / (time.perf_counter() - begin)))


def spinning(seconds: float, n: int) -> Problem:
    """`spin` with its gradient, for ``n`` components; one evaluation takes ``seconds``."""
    return Problem(spin, spin_gradient, np.ones(n), (work_for(seconds),), name=f"spin {seconds * 1e6:g} us")


def network(n: int) -> Problem:
    """The zoo's classifier with one hidden layer of tanh, as wide as ``n`` parameters make it (85 at least)."""
    per_unit = N_INPUTS + 1 + N_CLASSES
    width = max(1, round((n - N_CLASSES) / per_unit))
    return zoo.mlp((N_INPUTS, width, N_CLASSES), "tanh")


def planted(
    problem: Problem, gradient: np.ndarray, names: tuple[str, ...], factor: float, seed: int
) -> tuple[np.ndarray, list[int]]:
    """The gradient with a wrong component in each tensor, among those that are not below 1 % of the largest."""
    rng, wrong = np.random.default_rng(seed), gradient.copy()
    which = set[int]()
    for name in names:
        part = next(tensor for tensor in problem.layout.tensors if tensor.name == name)
        size = np.abs(gradient[part.slice])
        which.add(part.start + int(rng.choice(np.flatnonzero(size > 0.01 * size.max()))))
    wrong[sorted(which)] *= factor
    return wrong, sorted(which)


@numba.njit
def product_of_two(theta):
    return theta[0] * theta[1]


@numba.njit
def product_of_two_gradient(theta):
    gradient = np.zeros_like(theta)
    gradient[0], gradient[1] = theta[1], theta[0]
    return gradient
