"""What a person should know beside the verdict: where this check is blind, and what would make it better or quicker."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastcheck.diagnosis.evidence import Part
from fastcheck.diagnosis.examples import axes
from fastcheck.diagnosis.finding import Finding
from fastcheck.evaluate.analytic import Analytic
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.judge.ratios import asked_of
from fastcheck.problem.arguments import Arguments
from fastcheck.problem.question import Question
from fastcheck.problem.selection import Selection
from fastcheck.vectors import Vector, norm
from fastcheck.words import listed

_DOMINATED = 0.01  # the part of the gradient that is left beside regularisation
_SATURATED = 0.1  # the part of a matrix's rows or columns that may be zero unmentioned
_ENOUGH = 64  # examples; a check needs no more,
_SLOW = 10.0  # seconds, from which on it matters


def advice(
    question: Question, evaluator: Evaluator, parts: Sequence[Part], selection: Selection, seconds: float
) -> list[Finding | None]:
    """All the advice that applies, or None in its place."""
    return [
        symmetric(question),
        _dominated(parts),
        _saturated(parts),
        sampled(selection),
        narrow(question),
        many_examples(question.arguments, seconds),
        one_thread(evaluator),
        slow(evaluator),
    ]


def symmetric(question: Question) -> Finding | None:
    """Parameters at which mistakes cancel: all zero, all equal, or the same for every unit."""
    if not question.theta.any():
        message = "theta is zero throughout: many mistakes are invisible there. Draw it at random, and check again after some training."
        return Finding("symmetric", question.layout.names, message)
    names = tuple(t.name for t in question.layout.tensors if _is_symmetric(question.theta[t.slice].reshape(t.shape)))
    if not names:
        return None
    message = f"{listed(names)}: the same value for every unit, which hides mistakes (a missing factor 1, two units mixed up). Draw it at random."
    return Finding("symmetric", names, message)


def _is_symmetric(values: Vector) -> bool:
    """Equal throughout, zero biases apart, or equal in every row of a matrix."""
    if values.size < 2:
        return False
    matrix = np.squeeze(values)
    if matrix.ndim < 2:
        return bool((matrix == matrix[0]).all() and matrix[0] != 0)
    return bool((matrix == matrix[:1]).all())


def _dominated(parts: Sequence[Part]) -> Finding | None:
    """Tensors whose numeric gradient is all but a multiple of theta."""
    names = []
    for part in parts:
        if part.numeric is None or part.numeric.size < 4 or not part.theta.any() or not part.numeric.any():
            continue
        with np.errstate(over="ignore", invalid="ignore"):
            cosine = part.theta @ part.numeric / norm(part.theta) / norm(part.numeric)
        if 1 - cosine**2 <= _DOMINATED**2:
            names.append(part.tensor.name)
    if not names:
        return None
    message = f"{listed(names)}: more than 99 % of the gradient is a multiple of theta. If that is regularisation, a mistake in the rest is hard to see beside it: check with a smaller coefficient as well."
    return Finding("regularised", tuple(names), message)


def _saturated(parts: Sequence[Part]) -> Finding | None:
    """Matrices with whole rows or columns at which both gradients are exactly zero."""
    said: dict[str, str] = {}
    for part in parts:
        if part.numeric is None or not part.whole or sum(length > 1 for length in part.tensor.shape) < 2:
            continue
        dead = ((part.numeric == 0) & (part.analytic == 0)).reshape(part.tensor.shape)
        for axis, what in ((0, "rows"), (dead.ndim - 1, "columns")):
            n = int(dead.all(axis=tuple(k for k in range(dead.ndim) if k != axis)).sum())
            if _SATURATED * dead.shape[axis] <= n < dead.shape[axis]:
                said.setdefault(part.tensor.name, f"{n} of {dead.shape[axis]} {what} of {part.tensor.name}")
    if not said:
        return None
    message = f"the gradient is exactly zero in {listed(list(said.values()), 4)}: units that are off or saturated, or inputs that do not occur. A mistake would not show there; other data or smaller parameters reach them."
    return Finding("saturated", tuple(said), message)


def one_thread(evaluator: Evaluator) -> Finding | None:
    """Plain Python is evaluated on one thread, whatever was asked for."""
    n_asked = evaluator.workers.n_threads
    if evaluator.source.compiled or n_asked < 2:
        return None
    message = f'the cost is plain Python, which threads do not make faster and may corrupt where it keeps state: it ran on one of {n_asked}. workers="processes" runs it on every core.'
    return Finding("threads", (), message)


def coarse(analytic: Analytic) -> Finding | None:
    """A gradient whose numbers are not float64."""
    if not analytic.precision:
        return None
    message = f"the gradient came in numbers with a spacing of {analytic.precision:.0e} (float32 or less): one that agrees to {asked_of(analytic.precision):.0e} is called right. In float64 more can be told."
    return Finding("float32", (), message)


def many_examples(arguments: Arguments, seconds: float) -> Finding | None:
    if seconds < _SLOW:
        return None
    longest = max((axis for axis in axes(arguments) if len(axis.places) > 1), key=lambda a: a.length, default=None)
    if longest is None or longest.length <= _ENOUGH:
        return None
    message = f"{longest.length:,} examples ({longest.words}) make J slow; a handful show the same mistakes."
    return Finding("examples", (), message)


def sampled(selection: Selection) -> Finding | None:
    """How common a mistake has to be to show in a sample."""
    if selection.all:
        return None
    share = 1 - 0.05 ** (1 / selection.size)
    message = f"{selection.size:,} of {selection.layout.size:,} components were checked; a drawn sample of that size finds, with probability 95 %, a bug in {share:.1%} of the components or more."
    return Finding("sample", (), message)


def narrow(question: Question) -> Finding | None:
    """Parameters that came in less than float64."""
    if not question.at.narrow:
        return None
    message = f"{listed(question.at.narrow)} came in less than float64 and {'was' if len(question.at.narrow) == 1 else 'were'} taken to float64: float32 cannot carry eps = 1e-7."
    return Finding("float32", question.at.narrow, message)


def slow(evaluator: Evaluator) -> Finding | None:
    """A cost that is not compiled."""
    if evaluator.source.compiled:
        return None
    faster = ""
    if evaluator.source.compilable:
        faster = " Compile it with numba.njit to check on every core."
    elif evaluator.n_workers == 1 and not one_thread(evaluator):
        faster = ' workers="processes" runs it on every core.'
    workers = "one worker" if evaluator.n_workers == 1 else f"{evaluator.n_workers} workers"
    return Finding("python", (), f"the cost is plain Python: same results, more slowly, on {workers}.{faster}")
