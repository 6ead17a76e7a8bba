"""Measuring how checking scales: a factory of problems and sizes in, a `Scaling` out.

Timed are one J, an exhaustive check (on a sample of components, and projected, where there is no time for all) and a
screen; compiling is not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from fastcheck import cost as costs
from fastcheck import engine, inputs
from fastcheck.blas import single_threaded
from fastcheck.check import EPS
from fastcheck.cost import Cost
from fastcheck.errors import InputError, InputTypeError, add_note
from fastcheck.inputs import Point
from fastcheck.layout import Vector
from fastcheck.problem import Problem
from fastcheck.progress import progress as progress_of
from fastcheck.report import Report
from fastcheck.scaling import Measured, Scaling

Factory = Callable[[int], Problem]

WIDTHS = (1, 4, 13, 42, 133, 422, 1333, 4216, 13333)  # of the zoo's mlp: n from 85 to 999,985, a step of sqrt(10)
SIZES = (16, 32, 64, 128, 256, 512, 1024)  # of a factory of the user's: a width, most often, with n of its square
_SHARE = 0.5  # of the time left: what an exhaustive check, or the sample in its place, may take
_SAMPLE_SECONDS = 2.0  # what a sample takes if there is time
_SAMPLE = 50  # components in a sample, at least
_LEAST_EVALUATIONS = 400  # about what a size takes with the smallest sample
_BATCH_SECONDS = 0.01  # of evaluations that are timed together: far more than the clock and one call from Python take
_BATCHES = (2, 15)  # before the check and again after it, at least and at most
_TICK = 1e-9  # no J takes less
_MOMENT = 0.25  # seconds within which a run is repeated,
_RUNS = 5  # up to so often


def scale(
    factory: Factory | None = None,
    sizes: Iterable[int] | None = None,
    *,
    workers: int | None = None,
    max_seconds: float = 60.0,
    progress: bool | Callable[[int, int], None] | None = None,
) -> Scaling:
    """How the time of a check grows with the number of components, measured on problems of several sizes.

    Parameters
    ----------
    factory : callable, optional
        ``factory(size) -> Problem``; ``size`` is a width, or n, as the factory likes. None for the zoo's mlp with
        ``size`` hidden units, ``zoo.mlp((64, size, 10))``, which has n = 75 size + 10.
    sizes : iterable of int, optional
        None for 16 to 1024 by factors of 2, of the zoo's mlp 1 to 13,333 by factors of sqrt(10). Measured in increasing
        order.
    workers : int, optional
        Threads; None for every core (one for plain Python).
    max_seconds : float
        Of measuring in all, compilation and the factory apart. An exhaustive check is measured if it takes no more than
        half of the time left, and otherwise projected from a sample of components. Sizes for which not even that fits
        are left out; the first one never is.
    progress : bool or callable, optional
        As for `check`; counts the sizes.

    Returns
    -------
    Scaling
        After Ctrl-C, with the sizes that were done, if any were, and ``interrupted``.

    Raises
    ------
    InputError
        The factory, the sizes or one of the problems cannot be used.
    """
    chosen = engine.settings(workers, None, progress_of(progress))
    sizes = _sizes(sizes, SIZES if factory else WIDTHS)
    factory = _accepted(factory)
    clock = _Clock(_positive(max_seconds))
    done: list[Measured] = []
    interrupted = False
    try:
        with chosen.progress(len(sizes)) as show:
            for size in sizes:
                found = _measure(size, factory, chosen, clock, first=not done)
                if found is None:
                    break
                done.append(found)
                show(len(done))
    except KeyboardInterrupt:
        if not done:
            raise
        interrupted = True
    return Scaling(tuple(sorted(done, key=lambda m: m.n)), clock.given, sizes[len(done) :], interrupted)


def _sizes(sizes: Any, default: tuple[int, ...]) -> tuple[int, ...]:
    """Different positive integers in increasing order."""
    told = default if sizes is None else tuple(sizes) if isinstance(sizes, Iterable) else (sizes,)
    for size in told:
        if isinstance(size, bool) or not isinstance(size, int | np.integer):
            raise InputTypeError(f"sizes must be positive integers, got {size!r}: write sizes=(32, 64, 128)")
        if size < 1:
            raise InputError(f"sizes must be positive integers, got {size}: write sizes=(32, 64, 128)")
    if not told:
        raise InputError("sizes must hold at least one, got none: leave them out for the usual ones")
    return tuple(sorted({int(size) for size in told}))


def _accepted(factory: Any) -> Factory:
    if factory is None:
        from fastcheck.zoo import mlp  # loaded only here

        return lambda size: mlp((64, size, 10))
    if not callable(factory):
        raise InputTypeError(
            f"factory must be a function factory(size) -> Problem, got {type(factory).__name__}: pass one, or None for the zoo's mlp"
        )
    return factory


def _positive(max_seconds: Any) -> float:
    if isinstance(max_seconds, bool) or not isinstance(max_seconds, int | float | np.integer | np.floating):
        raise InputTypeError(f"max_seconds must be a positive number, got {max_seconds!r}: 60 is the default")
    if not max_seconds > 0:
        raise InputError(f"max_seconds must be a positive number, got {max_seconds}: 60 is the default")
    return float(max_seconds)


class _Clock:
    """The time left for measuring; runs inside ``with``."""

    def __init__(self, given: float) -> None:
        self.given = self.left = given

    def __enter__(self) -> _Clock:
        self._begin = time.perf_counter()
        return self

    def __exit__(self, *exception: object) -> None:
        self.left -= time.perf_counter() - self._begin


def _measure(size: int, factory: Factory, chosen: engine.Settings, clock: _Clock, first: bool) -> Measured | None:
    """The times at one size; None if there is no time for it."""
    if not first and clock.left <= 0:
        return None
    problem = _problem(factory, size)
    try:
        at = inputs.point(problem.theta, problem.layout)
        cost = costs.prepare(problem.cost, at.theta, problem.args, at.layout)
        if not first and _LEAST_EVALUATIONS * cost.seconds > clock.left:
            return None
        problem = replace(problem, cost=cost.function)  # which is not compiled again, whatever it was compiled for
        _warm_up(problem, at)
        with clock:
            return _timed(size, problem, cost, at, chosen.quiet(), clock.left)
    except Exception as error:
        add_note(error, f"at size {size}")
        raise


def _problem(factory: Factory, size: int) -> Problem:
    try:
        problem = factory(size)
    except Exception as error:
        add_note(error, f"raised by factory({size})")
        raise
    if not isinstance(problem, Problem):
        raise InputTypeError(
            f"factory must return a fastcheck.Problem, got {type(problem).__name__} from factory({size}): build a Problem"
        )
    return problem


def _warm_up(problem: Problem, at: Point) -> None:
    """Compile the gradient, and load what any check and screen need."""
    inputs.gradient(problem.grad, at, problem.args)
    small = Problem(lambda theta: float(theta @ theta), lambda theta: 2 * theta, np.ones(2))
    small.check(progress=False)
    small.screen(progress=False)


def _timed(size: int, problem: Problem, cost: Cost, at: Point, chosen: engine.Settings, left: float) -> Measured:
    options = {"workers": chosen.workers, "progress": False}
    n = at.theta.size
    took = _evaluations(cost, at.theta)
    components = _sample(at, engine.projected_seconds(_lasting(cost, took), n, chosen), left)
    checked = _typical(lambda: problem.check(components=components, **options))
    screened = _typical(lambda: problem.screen(**options))
    cost = _lasting(cost, took + _evaluations(cost, at.theta))  # before and after: the machine may have other work
    seconds = checked.seconds / checked.evaluations * (checked.evaluations + 2 * (n - checked.n_checked))
    return Measured(
        size=size,
        n=n,
        evaluation_seconds=cost.seconds,
        seconds=seconds,
        projected=checked.n_checked < n,
        n_checked=checked.n_checked,
        efficiency=engine.projected_seconds(cost, n, chosen) / seconds,
        screen_seconds=screened.seconds,
        screen_evaluations=screened.evaluations,
        verdict=checked.verdict,
        screen_verdict=screened.verdict,
        workers=checked.workers,
        name=problem.name,
    )


def _lasting(cost: Cost, took: list[float]) -> Cost:
    """The cost with the time of one J, the median of what was measured."""
    return replace(cost, seconds=float(np.median(took)))


def _evaluations(cost: Cost, theta: Vector) -> list[float]:
    """Seconds of one J, several times: by the kernel that checks run, many evaluations in a call where they are short."""
    n_each = max(int(_BATCH_SECONDS / max(cost.seconds, _TICK)), 1)
    n_batches = int(np.clip(_MOMENT / (n_each * max(cost.seconds, _TICK)), *_BATCHES))
    (own,) = engine.copies_of(theta, 1)
    components, offsets = np.arange(n_each) % theta.size, np.full(n_each, EPS)
    took = []
    with single_threaded.hold():
        for _ in range(n_batches):
            begin = time.perf_counter()
            cost.probe(own, components, offsets)
            took.append((time.perf_counter() - begin) / n_each)
    return took


def _sample(at: Point, whole: float, left: float) -> int | None:
    """How many components to check where all would take ``whole`` seconds; None for all."""
    if whole <= _SHARE * left:
        return None
    n_filled = sum(tensor.size > 0 for tensor in at.layout.tensors)
    wanted = int(at.theta.size * min(_SAMPLE_SECONDS, max(_SHARE * left, 0.0)) / whole)
    k = max(wanted, _SAMPLE, n_filled)
    return k if k < at.theta.size else None


def _typical(run: Callable[[], Report]) -> Report:
    """The report with the median of the seconds: of several runs where they are short, else of the one."""
    reports = [run()]
    while len(reports) < _RUNS and sum(report.seconds for report in reports) < _MOMENT:
        reports.append(run())
    return sorted(reports, key=lambda report: report.seconds)[(len(reports) - 1) // 2]
