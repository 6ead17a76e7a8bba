"""Costs whose evaluation takes a chosen time, and the bare loop to compare with."""

from __future__ import annotations

import time

import numba
import numpy as np


@numba.njit
def spin(theta, work):
    """About 2.6 ns for each of ``work`` square roots."""
    total = 0.0
    for k in range(work):
        total += np.sqrt(theta[k % theta.size] + k)
    return total


@numba.njit
def bare_loop(theta, work, n_calls):
    """What any checker has to pay: the calls of the cost, one after the other."""
    total = 0.0
    for _ in range(n_calls):
        total += spin(theta, work)
    return total


def work_for(seconds: float) -> int:
    """The ``work`` with which one evaluation of `spin` takes ``seconds`` on this machine."""
    theta, probe = np.ones(1000), 200_000
    bare_loop(theta, probe, 1)
    begin = time.perf_counter()
    bare_loop(theta, probe, 50)
    return max(1, round(seconds * 50 * probe / (time.perf_counter() - begin)))


@numba.njit
def product_of_two(theta):
    return theta[0] * theta[1]


@numba.njit
def quadratic(theta):
    return np.dot(theta, theta)
