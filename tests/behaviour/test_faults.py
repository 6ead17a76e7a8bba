"""What may go wrong around a check: interruptions, exceptions, many callers at once, unusual arrays."""

from __future__ import annotations

import _thread
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest
from costs import quartic, quartic_gradient
from threadpoolctl import threadpool_info, threadpool_limits

import fastcheck as fc
from fastcheck import zoo


@numba.njit
def slow(theta):
    """About a millisecond of work."""
    total = 0.0
    for k in range(300_000):
        total += np.sqrt(theta[k % theta.size] + k)
    return total


def no_thread_is_left() -> bool:
    return not any(thread.name.startswith("fastcheck") for thread in threading.enumerate())


@pytest.fixture
def heard():
    """Ctrl-C as in a terminal: what a shell starts in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("compiled", [True, False])
def test_ctrl_c_ends_the_run_and_leaves_nothing_behind(compiled, workers):
    theta = np.ones(1_000_000)  # a quarter of an hour of work
    before, begun, told = theta.copy(), threading.Event(), []

    def progress(done, total):
        told.append(done)
        begun.set()

    def interrupt():
        begun.wait()
        _thread.interrupt_main()

    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    with pytest.raises(KeyboardInterrupt):
        fc.gradient(slow if compiled else lambda theta: slow(theta), theta, workers=workers, progress=progress)
    interrupter.join()
    assert told[-1] < theta.size / 10
    assert no_thread_is_left()
    assert np.array_equal(theta, before)


def test_an_exception_in_one_worker_stops_the_others():
    @numba.njit
    def cost(theta):
        if theta[5] != 1.0:
            raise RuntimeError("here")
        return slow(theta)

    told = []
    with pytest.raises(RuntimeError, match="here"):
        fc.gradient(cost, np.ones(1_000_000), workers=2, progress=lambda done, total: told.append(done))
    assert max(told, default=0) < 100_000
    assert no_thread_is_left()


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("chunk", [None, 1, 7, 1000])
def test_the_same_bits_for_any_workers_and_chunk(workers, chunk):
    problem = zoo.mlp((9, 40, 7), "tanh")
    expected = fc.gradient(problem.cost, problem.theta, problem.args, workers=1)
    assert np.array_equal(
        fc.gradient(problem.cost, problem.theta, problem.args, workers=workers, chunk=chunk), expected
    )


def test_threads_of_a_checker_wait_between_calls_and_end_with_its_block():
    theta = np.ones(400)
    with fc.Checker(slow, theta, workers=3) as checker:
        first = checker.gradient(theta)
        waiting = {thread for thread in threading.enumerate() if thread.name.startswith("fastcheck")}
        assert len(waiting) == 2
        assert np.array_equal(checker.gradient(theta), first)
        assert waiting <= set(threading.enumerate())
    assert no_thread_is_left()
    assert np.array_equal(checker.gradient(theta), first)  # with new ones
    checker.__exit__()
    assert no_thread_is_left()


@pytest.mark.filterwarnings("ignore:os.fork")  # of JAX, where another test has loaded it
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_starts_threads_of_its_own():
    theta = np.ones(400)
    with fc.Checker(slow, theta, workers=2) as checker:
        expected = checker.gradient(theta)
        child = os.fork()
        if child == 0:
            os._exit(0 if np.array_equal(checker.gradient(theta), expected) else 1)
        assert os.waitpid(child, 0)[1] == 0


def test_eight_threads_get_the_same_bits_as_one_after_the_other():
    problems = [
        zoo.mlp((10 + k, 30, 5), activation, seed=k)
        for k, activation in enumerate(("tanh", "relu", "sigmoid", "tanh") * 2)
    ]
    alone = [problem.check(workers=2) for problem in problems]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda problem: problem.check(workers=2), problems))
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one.numeric, other.numeric)
        assert one.verdict is other.verdict


def blas_threads() -> list[int]:
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_blas_has_its_old_thread_count_afterwards():
    problem = zoo.mlp((9, 40, 7))
    problem.check()
    during = []

    def cost(theta):
        during.extend(blas_threads())
        return float(theta.sum())

    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda k: problem.check(workers=2), range(16)))
        fc.gradient(cost, np.ones(3))
        with pytest.raises(ZeroDivisionError):
            fc.gradient(lambda theta: 1 / 0, np.ones(3))
        assert before
        assert set(before) == {2}
        assert blas_threads() == before
    assert set(during) == {1}


@numba.njit(parallel=True)
def parallel_cost(theta, weights):
    total = 0.0
    for i in numba.prange(theta.size):
        total += weights[i] * theta[i] ** 4
    return total


@pytest.mark.filterwarnings("default::numba.core.errors.NumbaPerformanceWarning")
def test_a_parallel_cost_works_also_from_many_threads(theta, weights):
    assert fc.check(parallel_cost, quartic_gradient, theta, (weights,), workers=2).passed
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda k: fc.check(parallel_cost, quartic_gradient, theta, (weights,)), range(12)))
    assert all(report.passed and report.workers == 1 for report in reports)


def unusual(array: np.ndarray) -> dict[str, np.ndarray]:
    read_only = array.copy()
    read_only.setflags(write=False)
    spread = np.zeros((*array.shape, 2))
    spread[..., 0] = array
    return {
        "read-only": read_only,
        "non-contiguous": spread[..., 0],
        "Fortran": np.asfortranarray(array),
        "reversed": array[::-1].copy()[::-1],
    }


@numba.njit
def bilinear(theta, matrix):
    return theta @ matrix @ theta


@pytest.mark.parametrize("kind", ["read-only", "non-contiguous", "Fortran", "reversed"])
@pytest.mark.parametrize("compiled", [True, False])
def test_unusual_arrays(kind, compiled, theta, rng):
    matrix = rng.standard_normal((theta.size, theta.size))
    cost = bilinear if compiled else bilinear.py_func
    gradient = (matrix + matrix.T) @ theta
    unusual_theta = unusual(theta)[kind]
    report = fc.check(cost, unusual(gradient)[kind], unusual_theta, (unusual(matrix)[kind],))
    assert report.passed, str(report)
    params = {"W": unusual(theta.reshape(3, 4))[kind]}
    assert fc.check(cost, {"W": unusual(gradient.reshape(3, 4))[kind]}, params, (matrix,)).passed
    assert np.array_equal(unusual_theta, theta)


def test_nothing_of_the_callers_is_modified(theta, weights):
    gradient = quartic_gradient(theta, weights)
    arrays = [theta, weights, gradient]
    before = [array.copy() for array in arrays]
    report = fc.check(quartic, gradient, theta, (weights,))
    report.numeric[:] = report.analytic[:] = 0
    for array, old in zip(arrays, before, strict=True):
        assert np.array_equal(array, old)
