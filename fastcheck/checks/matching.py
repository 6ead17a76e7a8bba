"""Which components the residuals of random directions point at: each wrong one leaves a trace of its own in all of them.

A component i that is off by delta adds delta u_k[i] to the residual of every direction k. Orthogonal matching pursuit (Tropp
and Gilbert, IEEE Trans. Inf. Theory 53(12), 2007) takes the component that explains most, fits all that were taken,
and goes on with what is left, until that is within the bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fastcheck.evaluate.direction import Direction, matched
from fastcheck.judge import rule
from fastcheck.problem.layout import Tensor
from fastcheck.vectors import Indices, Vector

_EACH = 5  # directions that are needed for each component, and no fewer


def pursued(
    directions: Sequence[Direction], residuals: Vector, bounds: Vector, span: slice, n: int
) -> list[int] | None:
    """The components of ``span`` that explain the residuals; None where so many directions do not tell which."""
    bounds = evened(bounds)
    chosen, left = list[int](), residuals
    while not explained(left, bounds):
        if len(chosen) >= len(directions) // _EACH:
            return None
        score = matched(directions, left, bounds, n)[span]
        best = span.start + int(np.argmax(score))
        if best in chosen:
            return None
        chosen.append(best)
        left = _left(directions, residuals, bounds, chosen)
    for i in list(chosen):  # one that was taken by chance is not missed
        others = [other for other in chosen if other != i]
        if others and explained(_left(directions, residuals, bounds, others), bounds):
            chosen = others
    return chosen


def _left(directions: Sequence[Direction], residuals: Vector, bounds: Vector, chosen: list[int]) -> Vector:
    """What the best errors in these components leave of the residuals."""
    traces = np.array([[_trace(u, i) for i in chosen] for u in directions])
    delta = np.linalg.lstsq(traces / bounds[:, None], residuals / bounds, rcond=None)[0]
    return np.asarray(residuals - traces @ delta)


def patterned(
    directions: Sequence[Direction], residuals: Vector, bounds: Vector, tensor: Tensor, gradient: Vector
) -> list[Line]:
    """The lines of a tensor of which a multiple of the gradient, in units of scale, explains the residuals; all of it first."""
    bounds = evened(bounds)
    traces = np.array([_traces(u, tensor, gradient) for u in directions])
    with np.errstate(all="ignore"):
        weighted = traces / bounds[:, None] ** 2
        multiple = (residuals @ weighted) / (traces * weighted).sum(axis=0)
    left = residuals[:, None] - traces * np.where(np.isfinite(multiple), multiple, 0.0)
    return [_line(tensor, k) for k in range(left.shape[1]) if explained(left[:, k], bounds)]


def _traces(u: Direction, tensor: Tensor, gradient: Vector) -> Vector:
    """What the gradient leaves along a direction, of the whole tensor, of its rows, and of its columns."""
    own = u.part(max(u.start, tensor.start), min(u.stop, tensor.stop))
    seen = np.zeros(tensor.size)
    seen[own.start - tensor.start : own.stop - tensor.start] = own.entries() * gradient[own.start : own.stop]
    if len(tensor.shape) < 2:
        return np.array([seen.sum()])
    by_row = seen.reshape(tensor.shape[0], -1).sum(axis=1)
    by_column = seen.reshape(-1, tensor.shape[-1]).sum(axis=0)
    return np.concatenate([[seen.sum()], by_row, by_column])


def _line(tensor: Tensor, k: int) -> Line:
    """The k-th of the whole tensor, its rows, and its columns."""
    if k == 0:
        return Line(tensor.name, tensor.slice)
    n_rows = tensor.shape[0]
    return row_of(tensor, k - 1) if k <= n_rows else column_of(tensor, k - 1 - n_rows)


@dataclass(frozen=True)
class Line:
    """A row (first axis), a column (last axis) or all of a tensor: its name as an index, and its place in theta."""

    name: str
    place: slice

    @property
    def indices(self) -> Indices:
        return np.arange(self.place.start, self.place.stop, self.place.step or 1)


def row_of(tensor: Tensor, k: int) -> Line:
    """The k-th row of a tensor with two axes or more."""
    length, rest = tensor.size // tensor.shape[0], ", ".join(":" * (len(tensor.shape) - 1))
    start = tensor.start + k * length
    return Line(f"{tensor.name}[{k}, {rest}]", slice(start, start + length))


def column_of(tensor: Tensor, k: int) -> Line:
    """The k-th column of a tensor with two axes or more."""
    rest = ", ".join(":" * (len(tensor.shape) - 1))
    return Line(f"{tensor.name}[{rest}, {k}]", slice(tensor.start + k, tensor.stop, tensor.shape[-1]))


def shared_lines(tensor: Tensor, indices: Sequence[int]) -> list[Line]:
    """Rows and columns that hold at least two of the components."""
    if len(tensor.shape) < 2 or len(indices) < 2:
        return []
    places = np.unravel_index(np.array(indices) - tensor.start, tensor.shape)
    rows = [row_of(tensor, k) for k in _repeated(places[0])]
    return rows + [column_of(tensor, k) for k in _repeated(places[-1])]


def _repeated(places: Indices) -> list[int]:
    values, counts = np.unique(places, return_counts=True)
    return [int(value) for value in values[counts > 1]]


def explained(left: Vector, bounds: Vector) -> bool:
    """Whether what is left of the residuals is within their bounds."""
    with np.errstate(over="ignore"):
        return bool(np.sum((left / bounds) ** 2) <= rule.EXPLAINED * left.size)


def evened(bounds: Vector) -> Vector:
    """Bounds of which none is below their median: a direction that is sharper must not decide alone."""
    return np.maximum(bounds, max(float(np.median(bounds)), float(np.finfo(float).tiny)))


def _trace(u: Direction, index: int) -> float:
    """What an error of 1 in a component leaves along a direction."""
    return u.entry(index) if u.start <= index < u.stop else 0.0
