from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from costs import quartic
from numba.core.runtime import _nrt_python, rtsys

import fastcheck as fc
from fastcheck.evaluate.kernels import cached_njit, probe


def plain_differences(cost, theta, args, eps):
    """The method as it is written in textbooks."""
    out = np.empty(theta.size)
    for i in range(theta.size):
        plus, minus = theta.copy(), theta.copy()
        plus[i] += eps
        minus[i] -= eps
        out[i] = (cost(plus, *args) - cost(minus, *args)) / (plus[i] - minus[i])
    return out


def test_the_engine_and_the_public_kernel_give_the_textbook_bits(theta, weights):
    expected = plain_differences(quartic, theta, (weights,), 1e-6)
    out = np.empty(theta.size)
    fc.central_difference(quartic, theta.copy(), (weights,), 0, theta.size, 1e-6, out)
    assert np.array_equal(out, expected)
    assert np.array_equal(fc.gradient(quartic, theta, (weights,), eps=1e-6), expected)


def test_central_difference_inside_njit_restores_theta_and_fills_the_range(theta, weights):
    @numba.njit
    def some(theta, weights, out):
        fc.central_difference(quartic, theta, (weights,), 3, 7, 1e-6, out)

    work, out = theta.copy(), np.full(4, np.nan)
    some(work, weights, out)
    assert np.array_equal(work, theta)
    assert np.array_equal(out, plain_differences(quartic, theta, (weights,), 1e-6)[3:7])


def test_central_difference_takes_a_cost_without_args(theta):
    @numba.njit
    def cost(theta):
        return np.sum(theta**2)

    out = np.empty(theta.size)
    fc.central_difference(cost, theta.copy(), (), 0, theta.size, 1e-6, out)
    np.testing.assert_allclose(out, 2 * theta, rtol=1e-8)


def test_central_difference_allocates_nothing(theta):
    @numba.njit
    def product(theta):
        total = 1.0
        for value in theta:
            total *= value
        return total

    @numba.njit
    def work(theta, stop, out):
        fc.central_difference(product, theta, (), 0, stop, 1e-6, out)

    def allocations(stop):
        before = rtsys.get_allocation_stats().alloc
        work(theta, stop, out)
        return rtsys.get_allocation_stats().alloc - before

    out = np.empty(theta.size)
    work(theta, 1, out)
    _nrt_python.memsys_enable_stats()
    assert allocations(theta.size) == allocations(0)


class Data(NamedTuple):
    weights: np.ndarray


def test_a_class_of_the_users_never_gets_into_the_cache_that_all_share(theta, weights):
    cost = numba.njit(lambda theta, data: np.sum(data[1].weights * theta**4))
    args = (("any", Data(weights)),)
    np.testing.assert_array_equal(fc.gradient(cost, theta, args), fc.gradient(quartic, theta, (weights,)))
    assert "Data" not in str(probe.signatures)


def test_without_a_folder_for_the_cache_kernels_compile_all_the_same(monkeypatch):
    def no_locator(*args, **options):
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr("numba.core.caching.CacheImpl.__init__", no_locator)
    assert cached_njit(lambda x: x + 1)(1) == 2
