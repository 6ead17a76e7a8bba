"""The full check, from the callers' functions and arrays to a Report: the differences of every component, judged."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from fastcheck.checks.opening import Opening, opened, vetted
from fastcheck.diagnosis.diagnose import findings
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.evaluate.progress import Progress, muted, progress_of
from fastcheck.judge import rule
from fastcheck.judge.doubts import doubted, explained
from fastcheck.judge.rule import Measured
from fastcheck.measure.around import STEPS, slopes_around
from fastcheck.measure.estimates import Cause
from fastcheck.measure.noise import Noise, measure_noise
from fastcheck.measure.stencil import differences
from fastcheck.measure.steps import choose_eps, sigma
from fastcheck.problem import accept
from fastcheck.problem.layout import Layout
from fastcheck.problem.question import EPS, Options
from fastcheck.problem.selection import Selection
from fastcheck.results.report import Report
from fastcheck.vectors import Vector, largest

_LONG = 60.0  # seconds after which a run is announced
_LONG_RUN = "fastcheck: checking every component will take about {minutes:.0f} min; screen needs a few dozen evaluations of the cost"


def check(
    cost: Callable[..., Any],
    grad: Any,
    theta: Any,
    args: tuple[Any, ...] = (),
    *,
    layout: Layout | None = None,
    eps: float | str = EPS,
    workers: int | None = None,
    chunk: int | None = None,
    progress: bool | Callable[[int, int], None] | None = None,
    components: Any = None,
    tensors: Any = None,
    kwargs: Mapping[str, Any] | None = None,
) -> Report:
    """Compare a hand-written gradient with two-sided differences of the cost, component by component.

    Parameters
    ----------
    cost : callable
        ``cost(theta, *args) -> float``: an njit function, or (more slowly) any Python callable.
    grad : callable, ndarray of float, shape (n,), dict of arrays, or True
        The analytic gradient, or the function ``grad(theta, *args)`` that returns it. True: ``cost`` returns the pair
        (J, gradient).
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
    tensors : str or sequence of str, optional
        In place of ``components``: names of the tensors to look at, in which ``*`` and ``?`` stand for letters.
    kwargs : dict, optional
        What ``cost`` and ``grad`` take by name; treated as ``args`` are.

    Returns
    -------
    Report
        With ``ratio = ||numeric - analytic|| / (||numeric|| + ||analytic||)``, the measured rounding ``floor`` of it,
        and the ``verdict``, for everything and per tensor (see `fastcheck.judge.rule`).

    Raises
    ------
    InputError
        The input cannot be used; raised before the work starts.
    """
    question = accept.question(cost, grad, theta, args, kwargs, layout)
    options = accept.options(
        question.layout, question.theta, eps=eps, workers=workers, chunk=chunk, progress=progress,
        components=components, tensors=tensors,
    )  # fmt: skip
    with opened(question, options) as opening:
        return report_of(opening, step_of(options, opening.evaluator))


def gradient(
    cost: Callable[..., Any],
    theta: Any,
    args: tuple[Any, ...] = (),
    *,
    layout: Layout | None = None,
    eps: float | str = EPS,
    workers: int | None = None,
    chunk: int | None = None,
    progress: bool | Callable[[int, int], None] | None = None,
    components: Any = None,
    tensors: Any = None,
    kwargs: Mapping[str, Any] | None = None,
) -> Vector:
    """The two-sided difference gradient alone; parameters as for `check`.

    Returns
    -------
    ndarray of float64, shape (n,), or (k,) with ``components``, in the order asked for
        ``(J(theta + eps e_i) - J(theta - eps e_i)) / ((theta_i + eps) - (theta_i - eps))``: the divisor is the step
        really taken. nan or inf where J is not finite.
    """
    question = accept.unclaimed(cost, theta, args, kwargs, layout)
    options = accept.options(question.layout, question.theta, eps=eps, workers=workers, chunk=chunk, progress=progress)
    selection = accept.selection(components, tensors, question.layout)
    evaluator = vetted(question, options)
    numeric = passed(evaluator, selection, step_of(options, evaluator), progress_of(options.progress))
    evaluator.require_unchanged(question.arguments)
    return numeric


def assert_gradient(
    cost: Callable[..., Any], grad: Any, theta: Any, args: tuple[Any, ...] = (), **options: Any
) -> None:
    """`check`, for use in tests: raises AssertionError with the short report as its text unless the verdict is CORRECT."""
    __tracebackhide__ = True
    report = check(cost, grad, theta, args, **options)
    if not report.passed:
        raise AssertionError(report.brief())


def step_of(options: Options, evaluator: Evaluator) -> float:
    """The eps that was asked for, or for "auto" the one that suits the cost."""
    return choose_eps(evaluator) if isinstance(options.eps, str) else options.eps


def passed(evaluator: Evaluator, selection: Selection, eps: float, progress: Progress) -> Vector:
    """The pass: differences at ``eps`` of all components of the selection, in its order, with a sign of life."""
    seconds = evaluator.projected_seconds(2 * selection.size)
    if seconds > _LONG and progress is not muted:
        print(_LONG_RUN.format(minutes=seconds / 60), file=sys.stderr)
    with progress(selection.size) as show:
        return differences(evaluator, selection, eps, show)


def report_of(opening: Opening, eps: float) -> Report:
    """Measure, judge, look again where there is doubt, explain, and put it all into a report."""
    question, options, evaluator = opening.question, opening.options, opening.evaluator
    selection = options.selection
    analytic = opening.analytic.at(selection)
    begin = time.perf_counter()
    numeric = passed(evaluator, selection, eps, opening.progress)
    noise = measure_noise(evaluator, selection, numeric, eps)
    measured = looked_again(evaluator, _first(selection, numeric, noise, eps), analytic.first, noise, eps)
    evaluator.rest()
    seconds = time.perf_counter() - begin
    judged = rule.judge(measured, analytic.first)
    judged = replace(judged, whole=rule.if_repeatable(judged.whole, analytic.first, analytic.again))
    said = findings(question, evaluator, measured, analytic, judged, eps, seconds)
    return Report(
        ratio=judged.whole.ratio,
        floor=judged.whole.floor,
        verdict=judged.whole.verdict,
        reason=judged.whole.reason,
        numeric=numeric,
        analytic=analytic.first,
        bound=measured.bound,
        wrong=judged.wrong,
        components=selection.indices,
        layout=question.layout,
        tensors=judged.tensors,
        findings=said,
        eps=eps,
        evaluations=evaluator.evaluations,
        seconds=seconds,
        noise=noise.overall,
        workers=evaluator.n_workers,
        compiled=evaluator.source.compiled,
    )


def _first(selection: Selection, numeric: Vector, noise: Noise, eps: float) -> Measured:
    """What is known after the pass: the differences, with the rounding that was heard in each tensor."""
    heard = [sigma(level, eps) for level in noise.tensors]
    judged_by = [sigma(noise.of(k), eps) for k in range(len(noise.tensors))]
    return Measured.first(selection, numeric, eps, heard, judged_by)


def looked_again(evaluator: Evaluator, measured: Measured, analytic: Vector, noise: Noise, eps: float) -> Measured:
    """Look again wherever something seems wrong, the worst of each tensor first, as long as all turns out to be right.

    Beside the first batch of each tensor, this takes at most as many evaluations as the pass did.
    """
    most = evaluator.evaluations + max(2 * measured.numeric.size, rule.LEAST_BUDGET)
    for k, span in enumerate(measured.selection.spans):
        n, goes_on = rule.BATCH, True
        while goes_on:
            batch, together = doubted(measured, analytic, k, n)
            if not batch.size:
                break
            settled_before = bool((measured.best.cause[span] != Cause.NONE).any())
            if settled_before and evaluator.evaluations + 2 * STEPS.size * batch.size > most:
                measured = replace(measured, undecided=(*measured.undecided, k))
                break
            positions = span.start + batch
            slopes = slopes_around(evaluator, measured.selection.at(positions), eps)
            size = largest(analytic[span], measured.best.value[span])
            found = explained(slopes, analytic[positions], noise.of(k), eps, size, together)
            settled = found.cause != Cause.NONE
            measured = replace(measured, best=measured.best.replaced(positions[settled], found.some(settled)))
            goes_on, n = bool(settled.all()), 2 * n
    return measured
