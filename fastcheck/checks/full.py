"""The full check, from the callers' functions and arrays to a Report: the differences of every component, judged."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.checks.announcing import POINTS, announce
from fastcheck.checks.apart import taken_apart
from fastcheck.checks.ladders import laddered
from fastcheck.checks.opening import Opening, opened, working
from fastcheck.checks.passing import pass_of, pass_over, plan_of
from fastcheck.checks.stepping import passed_if_fit, way_of
from fastcheck.diagnosis.diagnose import findings
from fastcheck.evaluate.progress import progress_of
from fastcheck.judge.judging import judge
from fastcheck.judge.measured import open_in
from fastcheck.judge.ratios import if_repeatable
from fastcheck.judge.verdict import Component, Judged
from fastcheck.measure.pilots import Pilots
from fastcheck.measure.steps import Plan
from fastcheck.problem import accept as accepting
from fastcheck.problem import choose as choosing
from fastcheck.problem.layout import Layout
from fastcheck.problem.question import ACCEPT, CENTRAL, Question
from fastcheck.problem.typed import (
    BoundsOption,
    CheckOptions,
    CheckpointOption,
    ComponentsOption,
    Cost,
    EpsOption,
    KwargsOption,
    MethodOption,
    ProgressOption,
    ScaleOption,
    TensorsOption,
    WorkersOption,
)
from fastcheck.results.report import Report
from fastcheck.results.unfinished import Unfinished
from fastcheck.vectors import Vector

if TYPE_CHECKING:
    from typing_extensions import Unpack  # of typing since Python 3.11


def check(
    cost: Cost,
    grad: Any,
    theta: Any,
    args: tuple[Any, ...] = (),
    *,
    layout: Layout | None = None,
    eps: EpsOption = None,
    scale: ScaleOption = None,
    bounds: BoundsOption = None,
    accept: float = ACCEPT,
    workers: WorkersOption = None,
    chunk: int | None = None,
    progress: ProgressOption = None,
    components: ComponentsOption = None,
    tensors: TensorsOption = None,
    kwargs: KwargsOption = None,
    checkpoint: CheckpointOption = None,
    method: MethodOption = CENTRAL,
) -> Report:
    """Compare a hand-written gradient with two-sided differences of the cost, component by component.

    Parameters
    ----------
    cost : callable
        ``cost(theta, *args) -> float``: an njit function, or (more slowly) any Python callable.
    grad : callable, ndarray of float, shape (n,), dict of arrays, or True
        The analytic gradient, or the function ``grad(theta, *args)`` that returns it. True: ``cost`` returns the pair
        (J, gradient).
    theta : ndarray of float, shape (n,), a number, a tensor of torch or JAX, or a structure of these
        The parameters. A structure (dicts, lists, tuples, named tuples, dataclasses, nested) is joined in its order, and
        its components are named by their paths. Python functions get the structure, of a flat dict the vector if they take
        it, and the report says which; an njit cost gets the vector. Tensors come back as tensors, in float64.
    args : tuple
        What ``cost`` and ``grad`` take beside theta. Copies are passed on: the caller's arrays are never modified.
    layout : Layout, optional
        What `pack` returned with theta; names tensors and components in the report. A dict brings its own.
    eps : float, ndarray of float, shape (n,), dict, "auto" or None
        The perturbation of one component, in the units of theta, for all or for each. None: 1e-7 in every tensor where
        ladders along a few components say that it serves, and a step for each component elsewhere. "auto": a step for
        each component, and differences of fourth order where those of second order do not reach 1e-7.
    scale : float, ndarray of float, shape (n,), or dict, optional
        The typical size of each component; abs(theta) by default, and where that is zero the geometric mean of its
        tensor's other entries. It may be off by far.
    bounds : tuple (low, high), or scipy.optimize.Bounds, optional
        Where theta may lie, in the units of theta: each a number, an array (n,), a dict of numbers or arrays by tensor, or
        None where it is free. The cost is never evaluated outside; near a bound slopes are taken from the other side.
    accept : float
        The ratio up to which a gradient is right, in (0, 1); a ratio from max(1e-3, accept) on is wrong.
    workers : int, "processes", Executor or distributed.Client, optional
        Who evaluates the cost: so many threads, processes of our own (the extra ``distributed``), those of a
        `concurrent.futures` executor or of a Dask cluster, which stay the caller's. None for a thread on every core. Plain
        Python runs on one thread, whatever number is asked. The result has the same bits for any of them.
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
    checkpoint : path, optional
        A file that keeps what is done, at most a second later: the same call goes on from there, with the same bits on the
        same kind of machine. It belongs to one call, and another's is refused.
    method : "central" or "complex"
        "complex" takes ``Im J(theta + i h e_i) / h`` in place of the differences, h = 2^-100, or so much of a scale that is
        far from 1: one evaluation a component, nothing is subtracted, and it is exact to rounding where J is analytic and
        its code takes a complex128 theta [1]_ [2]_ (of an njit cost's args the float arrays become complex128 where they
        must). The bounds of theta do not matter to it. Ladders at real theta, along a few components and a direction of
        each tensor, tell where J is not fit for it (abs, conjugates, real-only functions, numba's ``x**3`` of a negative
        x): there two-sided differences are taken, and a finding of kind ``complex`` says what was seen. Not with ``eps``.

    Returns
    -------
    Report
        With ``ratio = ||numeric - analytic|| / (||numeric|| + ||analytic||)``, the measured rounding ``floor`` of it,
        and the ``verdict``, for everything and per tensor (see `fastcheck.judge.rule`).

    Raises
    ------
    InputError
        The input cannot be used; raised before the work starts.
    WorkersLost
        Nobody is left to evaluate the cost.

    Notes
    -----
    Whatever ends the differences early, Ctrl-C or an exception of the cost, carries what was done as its ``report``: ``numeric``
    with nan where nothing was, and ``str`` of it in one line.

    References
    ----------
    .. [1] Squire and Trapp, Using complex variables to estimate derivatives of real functions, SIAM Review 40(1), 1998.
    .. [2] Martins, Sturdza and Alonso, The complex-step derivative approximation, ACM TOMS 29(3), 2003.
    """
    question = accepting.question(cost, grad, theta, args, kwargs, layout, scale, bounds)
    options = choosing.options(
        question.layout, question.theta, eps=eps, method=method, accept=accept, workers=workers, chunk=chunk,
        progress=progress, components=components, tensors=tensors, checkpoint=checkpoint,
    )  # fmt: skip
    with opened(question, options) as opening:
        return report_of(opening)


def gradient(
    cost: Cost,
    theta: Any,
    args: tuple[Any, ...] = (),
    *,
    layout: Layout | None = None,
    eps: EpsOption = None,
    scale: ScaleOption = None,
    bounds: BoundsOption = None,
    workers: WorkersOption = None,
    chunk: int | None = None,
    progress: ProgressOption = None,
    components: ComponentsOption = None,
    tensors: TensorsOption = None,
    kwargs: KwargsOption = None,
    checkpoint: CheckpointOption = None,
    method: MethodOption = CENTRAL,
) -> Vector:
    """The two-sided difference gradient alone; parameters as for `check`.

    Returns
    -------
    ndarray of float64, shape (n,), or (k,) with ``components``, in the order asked for
        ``(J(theta + eps e_i) - J(theta - eps e_i)) / ((theta_i + eps) - (theta_i - eps))``: the divisor is the step
        really taken (of fourth order where "auto" takes that). nan or inf where J is not finite. With
        ``method="complex"`` ``Im J(theta + i h e_i) / h`` of a J that must be analytic: it is compared with nothing, as
        `check` does.

    Raises
    ------
    InputError
        The input cannot be used; with ``method="complex"`` also a cost that does not take complex theta, or returns a
        real number for it.
    """
    question = accepting.unclaimed(cost, theta, args, kwargs, layout, scale, bounds)
    options = choosing.options(
        question.layout, question.theta, eps=eps, method=method, workers=workers, chunk=chunk, progress=progress,
        components=components, tensors=tensors, checkpoint=checkpoint,
    )  # fmt: skip
    asked = choosing.selection(components, tensors, question.layout)
    with working(question, options) as evaluator:
        show = progress_of(options.progress)
        announce(evaluator, options.selection, POINTS[options.method], show)
        plan, _ = plan_of(evaluator, options.selection, question.units, options.eps, options.method)
        numeric = pass_of(evaluator, options.selection, plan, show)
    return asked.from_sorted(numeric)


def assert_gradient(
    cost: Cost, grad: Any, theta: Any, args: tuple[Any, ...] = (), **options: Unpack[CheckOptions]
) -> None:
    """`check`, for use in tests: raises AssertionError with the short report as its text unless the verdict is CORRECT.

    The exception's ``report`` is the whole Report.
    """
    __tracebackhide__ = True
    report = check(cost, grad, theta, args, **options)
    if not report.passed:
        raise failure(report)


def failure(report: Report, *more: str) -> AssertionError:
    """What a test fails with: the short report, and what ``more`` there is to say, with the report itself."""
    error = AssertionError("\n".join([report.brief().rstrip(), *more]))
    error.report = report  # type: ignore[attr-defined]
    return error


def report_of(opening: Opening, plan: Plan | None = None) -> Report:
    """Measure, judge what the pass leaves open by ladders, explain, and put it all into a report.

    ``plan`` are steps that were chosen before; None to choose them here.
    """
    question, options, evaluator = opening.question, opening.options, opening.evaluator
    selection = options.selection
    analytic = opening.analytic.at(selection)
    announce(evaluator, selection, POINTS[options.method], opening.progress, screens=True)
    begin = time.perf_counter()
    way = way_of(opening, options.eps if plan is None else plan)
    numeric = np.full(selection.size, np.nan)
    try:
        way = passed_if_fit(opening, way, numeric)
    except BaseException as error:
        with suppress(Exception):  # nothing may hide what happened
            error.report = _unfinished(way.pilots, way.plan, numeric, analytic.first, question)  # type: ignore[attr-defined]
        raise
    pilots, chosen, unfit = way.pilots, way.plan, way.unfit
    evaluator.rest()
    measured = pass_over(pilots, chosen, numeric, question.units)
    measured = laddered(evaluator, measured, pilots, analytic.first)
    evaluator.rest()
    seconds = time.perf_counter() - begin
    judged = judge(measured, analytic.first, options.accept)
    judged = replace(judged, whole=if_repeatable(judged.whole, analytic.first, analytic.again))
    everywhere = (analytic.first, judged.slopes) if selection.all else (None, None)
    said = taken_apart(question, evaluator, _worst_wrong(judged), *everywhere)
    said += findings(question, evaluator, measured, analytic, judged, pilots, chosen, seconds, unfit)
    return Report(
        ratio=judged.whole.ratio,
        floor=judged.whole.floor,
        verdict=judged.whole.verdict,
        reason=judged.whole.reason,
        numeric=numeric,
        analytic=analytic.first,
        bound=judged.numeric_bound,
        wrong=judged.wrong,
        witnesses=judged.witnesses if judged.whole.verdict.accuses else (),
        agreement=judged.agreement,
        components=selection.indices,
        layout=question.layout,
        tensors=judged.tensors,
        findings=said,
        eps=chosen.steps,
        evaluations=evaluator.evaluations,
        seconds=seconds,
        noise=pilots.overall_noise,
        workers=evaluator.n_workers,
        compiled=evaluator.source.compiled,
    )


def _worst_wrong(judged: Judged) -> list[int]:
    """The components that are wrong by themselves, those with witnesses first, then by the size of their errors."""
    seen = [witness.index for witness in judged.witnesses if witness.index is not None]
    others = judged.wrong[np.argsort(-np.abs(judged.slopes - judged.analytic)[judged.wrong], kind="stable")]
    return list(dict.fromkeys([*seen, *judged.selection.at(others).tolist()])) if judged.whole.verdict.accuses else []


def _unfinished(pilots: Pilots, plan: Plan, numeric: Vector, analytic: Vector, question: Question) -> Unfinished:
    """What an interrupted pass had done, as far as its own bounds tell; what was not done agrees with nobody."""
    selection, layout = pilots.selection, question.layout
    measured = pass_over(pilots, plan, np.where(np.isfinite(numeric), numeric, analytic), question.units)
    open_ = np.concatenate([open_in(measured, analytic, k) for k in range(len(selection.spans))])
    at = open_[np.isfinite(numeric[open_])]
    told = zip(selection.at(at).tolist(), numeric[at].tolist(), analytic[at].tolist(), strict=True)
    return Unfinished(numeric, analytic, tuple(Component.of(*each, layout) for each in told))
