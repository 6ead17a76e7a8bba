"""A rival is run once on a network, its evaluations of J counted, and its result compared before it may be timed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

import fastcheck as fc
from benchmarks.records import Outcome
from fastcheck.errors import first_line

EPS = 1e-6
TOLERANCE = 1e-5  # of the largest component: one-sided differences at 1.5e-8 are off by 1e-6, two-sided by 1e-8

J = Callable[..., Any]


@dataclass(frozen=True)
class Network:
    """What every rival gets. ``watch`` wraps a J that is called from Python, to count its evaluations."""

    problem: fc.Problem
    watch: Callable[[J], J] = lambda function: function

    @property
    def theta(self) -> np.ndarray:
        return self.problem.theta

    @property
    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """The examples as columns, and their labels."""
        return self.problem.args[:2]

    @cached_property
    def reference(self) -> np.ndarray:
        """fastcheck's numeric gradient."""
        return fc.gradient(self.problem.cost, self.theta, self.problem.args, eps=EPS)

    @property
    def analytic(self) -> np.ndarray:
        return self.problem.grad(self.theta, *self.problem.args)

    def unpack(self) -> Callable[[Any], list[Any]]:
        """From a theta of any library to its W1, b1, W2, b2."""
        places = [(tensor.slice, tensor.shape) for tensor in self.problem.layout.tensors]
        return lambda theta: [theta[place].reshape(shape) for place, shape in places]

    def njit_cost(self) -> J:
        cost, args = self.problem.cost, self.problem.args
        return self.watch(lambda theta: cost(theta, *args))

    def numpy_cost(self) -> J:
        (x, y), unpack = self.data, self.unpack()
        columns = np.arange(y.size)

        def cost(theta: np.ndarray) -> float:
            z = scores(np.tanh, unpack(theta), x)
            top = z.max(axis=0)
            return np.mean(np.log(np.exp(z - top).sum(axis=0)) + top - z[y, columns])

        return self.watch(cost)


def scores(tanh: Callable[[Any], Any], tensors: Sequence[Any], x: Any) -> Any:
    """The last layer's outputs, one column for each example; in NumPy, torch and JAX alike."""
    w1, b1, w2, b2 = tensors
    return w2 @ tanh(w1 @ x + b1[:, None]) + b2[:, None]


@dataclass(frozen=True)
class Ready:
    """A rival built for one network: what is timed, and the gradient that what it returns stands for."""

    run: Callable[[], Any]
    gradient: Callable[[Any], np.ndarray] = np.asarray
    evaluations: int | None = None  # where J is compiled into the rival, so that they cannot be counted
    note: str = ""


@dataclass(frozen=True)
class Rival:
    """``build`` takes a `Network`; ``computes`` says in words what a run does."""

    name: str
    build: Callable[[Network], Ready]
    computes: str
    note: str = ""
    every: bool = True  # whether it looks at every component


def compared(rival: Rival, network: Network) -> tuple[Outcome, Callable[[], Any] | None]:
    """Run the rival once, with J's evaluations counted; its run to be timed, or None, and the outcome says why."""
    n_calls = 0

    def watch(function: J) -> J:
        def watched(*given: Any) -> Any:
            nonlocal n_calls
            n_calls += 1
            return function(*given)

        return watched

    outcome = Outcome(rival.name, rival.computes, network.theta.size, rival.every, note=rival.note)
    try:
        ready = rival.build(replace(network, watch=watch))
        gradient = ready.gradient(ready.run())
        counted, timed = (n_calls, rival.build(network)) if n_calls else (ready.evaluations, ready)
    except ModuleNotFoundError:
        return replace(outcome, status="not installed"), None
    except Exception as error:  # a library that changed must not end a run of several minutes
        return replace(outcome, status=f"failed: {type(error).__name__}: {first_line(error)}"), None
    difference = float(np.abs(gradient - network.reference).max() / np.abs(network.reference).max())
    note = "; ".join(filter(None, (rival.note, ready.note)))
    outcome = replace(outcome, evaluations=counted, difference=difference, note=note)
    if not difference <= TOLERANCE:
        return replace(outcome, status=f"its result differs by {difference:.1e}"), None
    return outcome, timed.run
