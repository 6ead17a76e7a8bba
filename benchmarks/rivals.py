"""What else computes these differences: every rival with a builder of its own, on the same network, theta and data.

Each runs as it comes, on the threads its library takes, in the fastest form an expert would write for this job. A rival's
library is imported inside its own builder only.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

import fastcheck as fc
from benchmarks.compare import EPS, J, Network, Ready, Rival, scores

TWO_SIDED = f"two-sided differences of every component, eps = {EPS:g}"
BATCHES = (8, 16, 32, 64)  # components at once, in JAX


def _fastcheck(workers: int) -> Callable[[Network], Ready]:
    def build(network: Network) -> Ready:
        p = network.problem
        return Ready(
            lambda: fc.gradient(p.cost, p.theta, p.args, eps=EPS, workers=workers, progress=False),
            evaluations=2 * p.theta.size + 2,
        )

    return build


def _fastcheck_check(network: Network) -> Ready:
    def run() -> fc.Report:
        return network.problem.check(eps=EPS, workers=2, progress=False)

    return Ready(run, lambda report: report.numeric, run().evaluations)


def _fastcheck_screen(network: Network) -> Ready:
    def run() -> fc.Report:
        return network.problem.screen(workers=2, progress=False)

    return Ready(run, lambda report: _if(report.passed, network.analytic), run().evaluations)


@numba.njit
def _loop(cost, theta, args, eps):
    numeric = np.empty_like(theta)
    for i in range(theta.size):
        saved = theta[i]
        theta[i] = saved + eps
        plus = cost(theta, *args)
        theta[i] = saved - eps
        minus = cost(theta, *args)
        theta[i] = saved
        numeric[i] = (plus - minus) / (2 * eps)
    return numeric


def _njit_loop(network: Network) -> Ready:
    p = network.problem
    return Ready(lambda: _loop(p.cost, p.theta.copy(), p.args, EPS), evaluations=2 * p.theta.size)


def _numpy_loop(network: Network) -> Ready:
    cost, theta = network.numpy_cost(), network.theta

    def run() -> np.ndarray:
        numeric = np.empty(theta.size)
        for i in range(theta.size):
            plus, minus = theta.copy(), theta.copy()
            plus[i] += EPS
            minus[i] -= EPS
            numeric[i] = (cost(plus) - cost(minus)) / (2 * EPS)
        return numeric

    return Ready(run)


def _scipy_3_point(cost_of: Callable[[Network], J]) -> Callable[[Network], Ready]:
    def build(network: Network) -> Ready:
        from scipy.optimize._numdiff import approx_derivative

        cost = cost_of(network)
        return Ready(lambda: approx_derivative(cost, network.theta, method="3-point", abs_step=EPS))

    return build


def _scipy_check_grad(network: Network) -> Ready:
    from scipy.optimize import approx_fprime, check_grad

    cost, problem = network.njit_cost(), network.problem

    def gradient(error: float) -> np.ndarray:
        numeric = approx_fprime(problem.theta, Network(problem).njit_cost())  # what check_grad compared
        return _if(np.isclose(error, np.linalg.norm(numeric - network.analytic)), numeric)

    return Ready(lambda: check_grad(cost, lambda t: problem.grad(t, *problem.args), problem.theta), gradient)


def _statsmodels(network: Network) -> Ready:
    from statsmodels.tools.numdiff import approx_fprime

    cost = network.njit_cost()
    return Ready(lambda: approx_fprime(network.theta, cost, epsilon=2 * EPS, centered=True))  # it takes half of epsilon


def _optimagic(network: Network) -> Ready:
    import optimagic

    cost = network.njit_cost()
    return Ready(
        lambda: optimagic.first_derivative(cost, network.theta, method="central", step_size=EPS),
        lambda result: result.derivative,
    )


def _numdifftools(network: Network) -> Ready:
    import numdifftools

    gradient = numdifftools.Gradient(
        network.njit_cost(), step=EPS, num_steps=1, richardson_terms=0, method="central", order=2
    )
    return Ready(lambda: gradient(network.theta))


def _torch(fast: bool) -> Callable[[Network], Ready]:
    def build(network: Network) -> Ready:
        import torch
        from torch.autograd import gradcheck

        x, y = (torch.tensor(array) for array in network.data)
        inputs = [torch.tensor(tensor, requires_grad=True) for tensor in network.unpack()(network.theta)]

        def forward(*tensors: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.cross_entropy(scores(torch.tanh, tensors, x).T, y)

        def gradient(passed: bool) -> np.ndarray:
            by_autograd = torch.autograd.grad(forward(*inputs), inputs)
            return _if(passed, np.concatenate([tensor.numpy().ravel() for tensor in by_autograd]))

        def on(n_threads: int) -> Callable[[], None]:
            def run() -> None:
                torch.set_num_threads(n_threads)
                for _ in range(200):
                    forward(*inputs)

            return run

        n_threads, _ = _fastest({n: on(n) for n in {1, torch.get_num_threads()}})
        watched = network.watch(forward)

        def run() -> bool:
            torch.set_num_threads(n_threads)
            return gradcheck(watched, inputs, eps=EPS, fast_mode=fast)

        return Ready(run, gradient, note=f"threads: {n_threads}")

    return build


def _jax(batched: bool) -> Callable[[Network], Ready]:
    def build(network: Network) -> Ready:
        import jax

        jax.config.update("jax_enable_x64", True)
        theta, x, y = (jax.numpy.asarray(array) for array in (network.theta, *network.data))
        columns, unpack = jax.numpy.arange(y.size), network.unpack()

        def cost(theta: Any, x: Any, y: Any) -> Any:
            z = scores(jax.numpy.tanh, unpack(theta), x)
            return jax.numpy.mean(jax.nn.logsumexp(z, axis=0) - z[y, columns])

        def loop(batch_size: int | None) -> Callable[[], np.ndarray]:
            @jax.jit
            def numeric(theta: Any, x: Any, y: Any) -> Any:
                def component(i: Any) -> Any:
                    plus, minus = theta.at[i].add(EPS), theta.at[i].add(-EPS)
                    return (cost(plus, x, y) - cost(minus, x, y)) / (2 * EPS)

                return jax.lax.map(component, jax.numpy.arange(theta.size), batch_size=batch_size)

            return lambda: np.asarray(numeric(theta, x, y))

        evaluations = 2 * network.theta.size
        if not batched:
            return Ready(loop(None), evaluations=evaluations)
        fastest, run = _fastest({batch_size: loop(batch_size) for batch_size in BATCHES})
        return Ready(run, evaluations=evaluations, note=f"here {fastest}")

    return build


def _fastest(runs: dict[int, Callable[[], Any]]) -> tuple[int, Callable[[], Any]]:
    """The run that took the least time, compiled beforehand, of two tries."""

    def seconds(run: Callable[[], Any]) -> float:
        begin = time.perf_counter()
        run()
        return time.perf_counter() - begin

    for run in runs.values():
        run()
    best = min(runs, key=lambda key: min(seconds(runs[key]) for _ in range(2)))
    return best, runs[best]


def _if(passed: bool, gradient: np.ndarray) -> np.ndarray:
    """The gradient that a check stands for: none, if it did not pass."""
    return gradient if passed else np.full_like(gradient, np.nan)


BASE = Rival("fastcheck gradient, 2 workers", _fastcheck(2), TWO_SIDED)
ONE_WORKER = Rival("fastcheck gradient, 1 worker", _fastcheck(1), TWO_SIDED)
CHECK = Rival("fastcheck check, 2 workers", _fastcheck_check, f"{TWO_SIDED}, and noise of J, verdict, findings")
SCREEN = Rival(
    "fastcheck screen, 2 workers",
    _fastcheck_screen,
    "slopes along random directions, over everything and on each tensor",
    every=False,
)
SCIPY_NJIT = Rival(
    "scipy approx_derivative, njit cost", _scipy_3_point(Network.njit_cost), TWO_SIDED, "method='3-point'"
)
TORCH = Rival(
    "torch gradcheck", _torch(False), f"{TWO_SIDED}, compared with autograd", "slow mode; J in torch operations"
)
TORCH_FAST = Rival(
    "torch gradcheck, fast mode",
    _torch(True),
    "the slope along one random direction in each tensor, compared with autograd",
    "J in torch operations",
    every=False,
)
JAX = Rival("JAX jit, lax.map", _jax(False), TWO_SIDED, "the whole loop under jit, float64")
JAX_BATCHED = Rival(
    "JAX jit, lax.map in batches", _jax(True), TWO_SIDED, f"the fastest batch_size of {', '.join(map(str, BATCHES))}"
)
RIVALS = (
    BASE,
    ONE_WORKER,
    CHECK,
    Rival("bare njit loop", _njit_loop, TWO_SIDED, "one thread"),
    SCIPY_NJIT,
    Rival("scipy approx_derivative, NumPy cost", _scipy_3_point(Network.numpy_cost), TWO_SIDED, "method='3-point'"),
    Rival(
        "scipy check_grad, njit cost",
        _scipy_check_grad,
        "one-sided differences, eps = 1.5e-8 (its default), and the norm of the error",
        "half of the evaluations of J",
    ),
    Rival("statsmodels approx_fprime, njit cost", _statsmodels, TWO_SIDED, "centered=True"),
    Rival("optimagic first_derivative, njit cost", _optimagic, TWO_SIDED, 'method="central"; keeps all 2n points'),
    Rival("numdifftools Gradient, njit cost", _numdifftools, TWO_SIDED, "order 2, a single step, no extrapolation"),
    Rival("NumPy loop of the course", _numpy_loop, TWO_SIDED, "theta copied, perturbed, forward in NumPy"),
    TORCH,
    JAX,
    JAX_BATCHED,
    SCREEN,
    TORCH_FAST,
)
