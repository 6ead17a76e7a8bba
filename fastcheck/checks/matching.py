"""What the residuals of random directions point at: each wrong component leaves a trace of its own in all of them.

A component i that is off by delta adds delta u_k[i] to the residual of every direction k. So one wrong component of
millions is found from the slopes of a few directions, and so is a row, a column or a tensor that is wrong by a factor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from fastcheck.evaluate.direction import Direction, matched
from fastcheck.judge import rule
from fastcheck.problem.layout import Tensor
from fastcheck.problem.rows import Line, column_of, row_of
from fastcheck.vectors import Vector, largest, norm

_CHANCE = (
    0.1  # components that explain the residuals by chance, on average, where there are as many directions as needed
)
_FEWEST, _MOST = 3, 8  # of them
_TYPICAL = 1 / 4  # of the root mean square of errors


@dataclass(frozen=True)
class Way:
    """A direction, the slope found, its residual against a gradient, the bound of that, and the error that is none."""

    u: Direction
    slope: float
    residual: float
    bound: float
    least: float

    @property
    def fails(self) -> bool:
        return abs(self.residual) > max(rule.CLEAR * self.bound, self.least)

    def against(self, gradient: Vector, units: Vector) -> Way:
        """The same with the residual that another gradient leaves."""
        return replace(self, residual=self.slope - self.u.dot(gradient, units))


def evened(ways: Sequence[Way]) -> list[Way]:
    """The ways with no bound below the median of those over the same components: one that is sharper must not decide alone."""
    found = list[Way]()
    for _, same in groupby(ways, key=lambda way: (way.u.start, way.u.stop)):
        group = list(same)
        middle = float(np.median([way.bound for way in group]))
        found += [replace(way, bound=max(way.bound, middle, float(np.finfo(float).tiny))) for way in group]
    return found


def n_needed(ways: Sequence[Way], n: int) -> int:
    """How many directions tell one wrong component from n - 1 others, at the precision that these ways have.

    By chance a component explains one residual to a share rho, and so m of them, but for its own size, to rho^(m - 1).
    """
    size, bound = largest(np.array([way.residual for way in ways])), float(np.median([way.bound for way in ways]))
    share = min(max(bound / size, np.finfo(float).eps), 0.5) if size > 0 else 0.5
    return min(max(1 + math.ceil(math.log(n / _CHANCE) / -math.log(share)), _FEWEST), _MOST)


def clearest(ways: Sequence[Way], n: int) -> list[Way]:
    """Those n of them that fail most clearly."""
    return sorted(ways, key=lambda way: -abs(way.residual) / way.bound)[:n]


def typical_error(ways: Sequence[Way]) -> float:
    """How far many components are off, in units of scale, if all that the ways are over are: E (u.e)^2 = ||e||^2.

    That is the root of the mean square, and a few large errors decide it.
    """
    return _TYPICAL * norm(np.array([way.residual for way in ways])) / math.sqrt(len(ways) * ways[0].u.size)


def pointed_at(ways: Sequence[Way], span: slice) -> tuple[int, float] | None:
    """The component of ``span`` of which an error, in units of scale, explains all residuals; None where none does."""
    directions, residuals, bounds = _taken_apart(ways)
    if not ways or _explained(residuals, bounds):
        return None
    score = matched(directions, residuals, bounds, span)
    index = span.start + int(np.argmax(score))
    traces = np.array([u.entry(index) if u.start <= index < u.stop else 0.0 for u in directions])
    with np.errstate(all="ignore"):
        weighted = traces / bounds**2
        error = float(residuals @ weighted / (traces @ weighted))
    return (index, error) if math.isfinite(error) and _explained(residuals - error * traces, bounds) else None


def _taken_apart(ways: Sequence[Way]) -> tuple[list[Direction], Vector, Vector]:
    """Directions, residuals and bounds."""
    bounds = np.array([way.bound for way in ways])
    return [way.u for way in ways], np.array([way.residual for way in ways]), bounds


def _explained(left: Vector, bounds: Vector) -> bool:
    """Whether what is left of the residuals is within their bounds."""
    with np.errstate(over="ignore"):
        return bool(np.sum((left / bounds) ** 2) <= rule.EXPLAINED * left.size)


def patterned(ways: Sequence[Way], tensor: Tensor, gradient: Vector) -> list[tuple[Line, float]]:
    """The lines of a tensor of which a multiple of the gradient, in units of scale, explains the residuals, and that multiple.

    All of the tensor comes first.
    """
    directions, residuals, bounds = _taken_apart(ways)
    traces = np.array([_traces(u, tensor, gradient) for u in directions])
    with np.errstate(all="ignore"):
        weighted = traces / bounds[:, None] ** 2
        multiple = (residuals @ weighted) / (traces * weighted).sum(axis=0)
    multiple = np.where(np.isfinite(multiple), multiple, 0.0)
    left = residuals[:, None] - traces * multiple
    return [(_line(tensor, k), float(multiple[k])) for k in range(left.shape[1]) if _explained(left[:, k], bounds)]


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
