"""Measuring how checking scales: a factory of problems and sizes in, a `Scaling` out.

Timed are one J, an exhaustive check (on a sample of components, and projected, where there is no time for all) and a
screen; compiling is not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from fastcheck.checks.opening import working
from fastcheck.checks.problem import Problem
from fastcheck.errors import InputError, InputTypeError, add_note, shown
from fastcheck.evaluate.analytic import analytic_of
from fastcheck.evaluate.blas import single_threaded
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.evaluate.progress import progress_of
from fastcheck.evaluate.work import copies_of
from fastcheck.problem import accept, choose
from fastcheck.problem.question import LECTURE, Options, Question
from fastcheck.problem.typed import ProgressOption, WorkersOption
from fastcheck.results.report import Report
from fastcheck.results.scaling import Measured, Scaling

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
    workers: WorkersOption = None,
    checkpoint: None = None,
    max_seconds: float = 60.0,
    progress: ProgressOption = None,
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
    workers : int, "processes", Executor or distributed.Client, optional
        As for `check`.
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
    choose.no_checkpoint(checkpoint, "scale")
    show_progress, n_workers = choose.display(progress), choose.whose(workers)
    sizes = _sizes(sizes, SIZES if factory else WIDTHS)
    factory = _accepted(factory)
    clock = _Clock(_positive(max_seconds))
    done: list[Measured] = []
    interrupted = False
    try:
        with progress_of(show_progress)(len(sizes)) as show:
            for size in sizes:
                found = _measure(size, factory, n_workers, clock, first=not done)
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
            raise InputTypeError(f"sizes must be positive integers, got {shown(size)}: write sizes=(32, 64, 128)")
        if size < 1:
            raise InputError(f"sizes must be positive integers, got {size}: write sizes=(32, 64, 128)")
    if not told:
        raise InputError("sizes must hold at least one, got none: leave them out for the usual ones")
    return tuple(sorted({int(size) for size in told}))


def _accepted(factory: Any) -> Factory:
    if factory is None:
        from fastcheck.zoo import mlp  # loaded only here

        return lambda size: mlp((64, size, 10))
    accepted: Factory = factory
    if not callable(factory):
        raise InputTypeError(
            f"factory must be a function factory(size) -> Problem, got {type(factory).__name__}: pass one, or None for the zoo's mlp"
        )
    return accepted


def _positive(max_seconds: Any) -> float:
    if isinstance(max_seconds, bool) or not isinstance(max_seconds, int | float | np.integer | np.floating):
        raise InputTypeError(f"max_seconds must be a positive number, got {shown(max_seconds)}: 60 is the default")
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


def _measure(size: int, factory: Factory, workers: WorkersOption, clock: _Clock, first: bool) -> Measured | None:
    """The times at one size; None if there is no time for it."""
    if not first and clock.left <= 0:
        return None
    problem = _problem(factory, size)
    try:
        question = accept.question(
            problem.cost,
            problem.grad,
            problem.theta,
            problem.args,
            problem.kwargs,
            problem.layout,
            problem.scale,
            problem.bounds,
        )
        options = choose.options(question.layout, question.theta, workers=workers, progress=False)
        with working(question, options) as evaluator:
            if not first and _LEAST_EVALUATIONS * evaluator.seconds > clock.left:
                return None
            _warm_up(question)
            with clock:
                return _timed(size, problem, evaluator, options, clock.left)
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


def _warm_up(question: Question) -> None:
    """Compile the gradient, and load what any check and screen need."""
    analytic_of(question)
    small = Problem(lambda theta: float(theta @ theta), lambda theta: 2 * theta, np.ones(2))
    small.check(progress=False)
    small.screen(progress=False)


def _timed(size: int, problem: Problem, evaluator: Evaluator, options: Options, left: float) -> Measured:
    n = evaluator.theta.size
    took = _evaluations(evaluator)
    evaluator.seconds = float(np.median(took))
    components = _sample(evaluator, evaluator.projected_seconds(2 * n), left)
    checked = _typical(lambda: problem.check(components=components, workers=options.workers, progress=False))
    screened = _typical(lambda: problem.screen(workers=options.workers, progress=False))
    evaluator.seconds = float(np.median(took + _evaluations(evaluator)))  # before and after: the machine may be busy
    seconds = checked.seconds / checked.evaluations * (checked.evaluations + 2 * (n - checked.n_checked))
    return Measured(
        size=size,
        n=n,
        evaluation_seconds=evaluator.seconds,
        seconds=seconds,
        projected=checked.n_checked < n,
        n_checked=checked.n_checked,
        efficiency=evaluator.projected_seconds(2 * n) / seconds,
        screen_seconds=screened.seconds,
        screen_evaluations=screened.evaluations,
        verdict=checked.verdict,
        screen_verdict=screened.verdict,
        workers=checked.workers,
        name=problem.name,
    )


def _evaluations(evaluator: Evaluator) -> list[float]:
    """Seconds of one J, several times: by the kernel that checks run, many evaluations in a call where they are short."""
    each = max(evaluator.seconds, _TICK)
    n_each = max(int(_BATCH_SECONDS / each), 1)
    n_batches = int(np.clip(_MOMENT / (n_each * each), *_BATCHES))
    (own,) = copies_of(evaluator.theta, 1)
    components, offsets = np.arange(n_each) % own.size, np.full(n_each, LECTURE)
    took = []
    with single_threaded.hold():
        for _ in range(n_batches):
            begin = time.perf_counter()
            evaluator.source.kernel.probe(own, components, offsets)
            took.append((time.perf_counter() - begin) / n_each)
    return took


def _sample(evaluator: Evaluator, whole: float, left: float) -> int | None:
    """How many components to check where all would take ``whole`` seconds; None for all."""
    if whole <= _SHARE * left:
        return None
    n_filled = sum(tensor.size > 0 for tensor in evaluator.layout.tensors)
    wanted = int(evaluator.theta.size * min(_SAMPLE_SECONDS, max(_SHARE * left, 0.0)) / whole)
    k = max(wanted, _SAMPLE, n_filled)
    return k if k < evaluator.theta.size else None


def _typical(run: Callable[[], Report]) -> Report:
    """The report with the median of the seconds: of several runs where they are short, else of the one."""
    reports = [run()]
    while len(reports) < _RUNS and sum(report.seconds for report in reports) < _MOMENT:
        reports.append(run())
    return sorted(reports, key=lambda report: report.seconds)[(len(reports) - 1) // 2]
