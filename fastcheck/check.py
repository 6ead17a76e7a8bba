"""The check itself, from the caller's functions and arrays to a Report; the only module that knows all the stages."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from fastcheck import cost as costs
from fastcheck import engine, inputs, steps
from fastcheck.autostep import choose_eps
from fastcheck.cost import Cost
from fastcheck.diagnosis import Checked, findings
from fastcheck.inputs import Point
from fastcheck.layout import Layout, Vector
from fastcheck.noise import measure_noise
from fastcheck.progress import progress as progress_of
from fastcheck.recheck import Look, second_look
from fastcheck.report import Report
from fastcheck.verdicts import if_repeatable, verdicts

EPS = 1e-7
_LONG = 60.0  # seconds after which a run is announced
_LONG_RUN = "fastcheck: checking every component will take about {minutes:.0f} min; screen needs a few dozen evaluations of the cost"


def check(
    cost: Callable[..., float],
    grad: Any,
    theta: Any,
    args: tuple[Any, ...] = (),
    *,
    layout: Layout | None = None,
    eps: float | str = EPS,
    workers: int | None = None,
    chunk: int | None = None,
    progress: bool | Callable[[int, int], None] | None = None,
    components: int | Any = None,
) -> Report:
    """Compare a hand-written gradient with two-sided differences of the cost, component by component.

    Parameters
    ----------
    cost : callable
        ``cost(theta, *args) -> float``: an njit function, or (more slowly) any Python callable.
    grad : callable, ndarray of float, shape (n,), or dict of arrays
        The analytic gradient, or the function ``grad(theta, *args)`` that returns it.
    theta : ndarray of float, shape (n,), or dict of arrays
        The parameters; a dict is joined as `pack` does, and ``cost`` gets the vector.
    args : tuple
        What ``cost`` and ``grad`` take beside theta. Copies are passed on: the caller's arrays are never modified.
    layout : Layout, optional
        What `pack` returned with theta; names tensors and components in the report. A dict brings its own.
    eps : float or "auto"
        The perturbation of one component, in the units of theta; "auto" chooses it by the consistency of differences
        at several steps, on a sample of components.
    workers : int, optional
        Threads; None for every core (one for plain Python). The result has the same bits for any number.
    chunk : int, optional
        Components per task; None for about 5 to 50 ms of work.
    progress : bool or callable, optional
        None for a bar when it takes over a second and stderr is a terminal or a notebook; ``f(done, total)`` is called
        from the calling thread.
    components : int or sequence of int, optional
        Indices to look at, or how many to draw so that every tensor is covered; None for all.

    Returns
    -------
    Report
        With ``ratio = ||numeric - analytic|| / (||numeric|| + ||analytic||)``, the measured rounding ``floor`` of it,
        and the ``verdict``, for everything and per tensor (see `fastcheck.compare` for the rules).

    Raises
    ------
    InputError
        The input cannot be used; raised before the work starts.
    """
    checker = Checker(cost, theta, args, layout=layout, eps=eps, workers=workers, chunk=chunk, progress=progress)
    return checker._check(checker._cost, checker._point, grad, components)


def gradient(
    cost: Callable[..., float],
    theta: Any,
    args: tuple[Any, ...] = (),
    *,
    layout: Layout | None = None,
    eps: float | str = EPS,
    workers: int | None = None,
    chunk: int | None = None,
    progress: bool | Callable[[int, int], None] | None = None,
    components: int | Any = None,
) -> Vector:
    """The two-sided difference gradient alone; parameters as for `check`.

    Returns
    -------
    ndarray of float64, shape (n,), or (k,) with ``components``, in the order asked for
        ``(J(theta + eps e_i) - J(theta - eps e_i)) / ((theta_i + eps) - (theta_i - eps))``: the divisor is the step
        really taken. nan or inf where J is not finite.
    """
    checker = Checker(cost, theta, args, layout=layout, eps=eps, workers=workers, chunk=chunk, progress=progress)
    return checker.gradient(checker._point.theta, components)


def assert_gradient(
    cost: Callable[..., float], grad: Any, theta: Any, args: tuple[Any, ...] = (), **options: Any
) -> None:
    """`check`, for use in tests: raises AssertionError with the short report as its text unless the verdict is CORRECT."""
    __tracebackhide__ = True
    report = check(cost, grad, theta, args, **options)
    if not report.passed:
        raise AssertionError(report.brief())


class Checker:
    """A cost compiled and vetted once, to be checked in a loop: ``check(theta, grad)`` and ``gradient(theta)``.

    Parameters are those of `check`. Arrays in ``args`` may change their values between calls, not their dtype, layout
    or number of dimensions. Nothing is held between calls, no thread and no lock, and any number of threads may call at
    once.
    """

    def __init__(
        self,
        cost: Callable[..., float],
        theta: Any,
        args: tuple[Any, ...] = (),
        *,
        layout: Layout | None = None,
        eps: float | str = EPS,
        workers: int | None = None,
        chunk: int | None = None,
        progress: bool | Callable[[int, int], None] | None = None,
    ) -> None:
        self._chosen = engine.settings(workers, chunk, progress_of(progress))
        self._tells = progress is not False
        self._point = at = inputs.point(theta, layout)
        self._args = args
        if eps != "auto":
            eps = steps.require_eps(eps, at.theta, at.layout)
        self._cost = costs.prepare(cost, at.theta, args, at.layout)
        if eps == "auto":
            eps, n_evaluations = choose_eps(self._cost, at.theta, at.layout, self._chosen)
            self._cost = replace(self._cost, evaluations=self._cost.evaluations + n_evaluations)
        self._eps = float(eps)

    def __enter__(self) -> Checker:
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing to release."""

    def gradient(self, theta: Any, components: int | Any = None) -> Vector:
        """The numeric gradient at ``theta``, shape (n,), or at ``components``, in the order asked for."""
        at = self._at(theta)
        cost = replace(self._cost, args=costs.private(self._args))
        return self._differences(cost, at, inputs.components(components, at.layout))

    def check(self, theta: Any, grad: Any, components: int | Any = None) -> Report:
        """Compare ``grad`` (an array, a dict or a function) with the differences of the cost at ``theta``."""
        at = self._at(theta)
        return self._check(costs.revalue(self._cost, at.theta, self._args), at, grad, components)

    def _at(self, theta: Any) -> Point:
        at = inputs.point(theta, self._point.layout)
        steps.require_eps(self._eps, at.theta, at.layout)
        return at

    def _differences(self, cost: Cost, at: Point, components: np.ndarray | None) -> Vector:
        seconds = engine.projected_seconds(cost, at.theta.size if components is None else components.size, self._chosen)
        if seconds > _LONG and self._tells:
            print(_LONG_RUN.format(minutes=seconds / 60), file=sys.stderr)
        numeric = engine.differences(cost, at.theta, components, self._eps, at.layout, self._chosen)
        costs.require_unchanged(cost.args, self._args, "cost")
        return numeric

    def _check(self, cost: Cost, at: Point, grad: Any, components: int | Any) -> Report:
        chosen = inputs.components(components, at.layout)
        chosen = None if chosen is None else np.unique(chosen)
        analytic, again = inputs.gradient_twice(grad, at, self._args, chosen)
        begin = time.perf_counter()
        numeric = self._differences(cost, at, chosen)
        look = Look(cost, at.theta, at.layout, chosen, self._eps, self._chosen)
        noise = measure_noise(cost, at.theta, at.layout, numeric, chosen, self._eps, self._chosen)
        second, n_second = second_look(look, numeric, analytic, noise)
        seconds = time.perf_counter() - begin
        whole, tensors = verdicts(look, numeric, analytic, noise, second)
        whole = if_repeatable(whole, analytic, again)
        anew = (lambda args: inputs.gradient(grad, at, args)) if callable(grad) else None
        said, n_said = findings(
            Checked(at, look, numeric, analytic, again, anew, noise, second, whole, tensors, seconds)
        )
        return Report(
            ratio=whole.ratio,
            floor=whole.floor,
            verdict=whole.verdict,
            reason=whole.reason,
            numeric=numeric,
            analytic=analytic,
            components=chosen,
            layout=at.layout,
            tensors=tensors,
            findings=said,
            eps=self._eps,
            evaluations=cost.evaluations + 2 * numeric.size + noise.evaluations + n_second + n_said,
            seconds=seconds,
            noise=noise.overall,
            workers=engine.n_workers(cost, self._chosen),
            compiled=cost.compiled,
        )
