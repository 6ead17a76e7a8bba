"""The wrong components by bisection: a screen's failing tensors in, single components, lines or whole tensors out.

A direction that fails on a range is halved: the slope on one half is measured, that on the other is the difference, and
the search goes where the residual is. What is found is set right and the tensor tried again along new directions, until
they pass. A tensor in which a sample of components is wrong is wrong throughout, and is named, not searched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from fastcheck.checks.opening import opened
from fastcheck.checks.screening import Screened, measure
from fastcheck.evaluate.direction import Direction, draw
from fastcheck.judge import rule
from fastcheck.judge.slopes import Slopes, slopes_along
from fastcheck.judge.verdict import Component
from fastcheck.measure.rays import Rays
from fastcheck.measure.stencil import differences
from fastcheck.problem import accept
from fastcheck.problem.layout import Layout, Tensor
from fastcheck.problem.question import BUDGET
from fastcheck.problem.selection import Selection
from fastcheck.results.location import Location
from fastcheck.vectors import Indices, Vector

_SAMPLE = 6  # components looked at to see whether a tensor, or a line of it, is wrong throughout
_PASSES = 3  # new directions that have to pass before a tensor counts as set right
_TRIES = 4  # directions in a row that may lead to nothing
_EPS = 1e-5  # of the difference by which a wrong component is told, times theta_i if that is above 1


def locate(
    cost: Callable[..., Any],
    grad: Any,
    theta: Any,
    args: tuple[Any, ...] = (),
    *,
    layout: Layout | None = None,
    seed: int = 0,
    budget: int = BUDGET,
    workers: int | None = None,
    chunk: int | None = None,
    progress: bool | Callable[[int, int], None] | None = None,
    kwargs: Mapping[str, Any] | None = None,
) -> Location:
    """Find the components at which a gradient is wrong, by bisection with random directions.

    Parameters are those of `screen`, which comes first; and

    budget : int
        Evaluations of the cost after which the search ends with what it knows.
    """
    question = accept.question(cost, grad, theta, args, kwargs, layout)
    options = accept.options(
        question.layout, question.theta, workers=workers, chunk=chunk, progress=progress, seed=seed, budget=budget
    )
    with opened(question, options) as opening:
        rng = np.random.default_rng(options.seed)
        return _search(measure(opening, rng), rng, options.budget)


def _search(measured: Screened, rng: np.random.Generator, budget: int) -> Location:
    """The wrong components of a screen that failed; nothing where it did not."""
    hunt = _Hunt(measured.rays, measured.layout, measured.analytic.copy(), rng, budget)
    layout = measured.layout
    ways = {k: _worst_way(directions, slopes) for k, (directions, slopes) in measured.tensors.items()}
    for k in sorted((k for k, way in ways.items() if way.fails), key=lambda k: -ways[k].significance):
        hunt.tensor(layout.tensors[k], ways[k])
    whole = _worst_way(measured.directions, measured.whole)
    if whole.fails and not any(way.fails for way in ways.values()):  # no tensor shows it by itself
        hunt.tensor(Tensor("theta", (layout.size,), 0), whole)
    found = [Component.of(i, numeric, float(measured.analytic[i]), layout) for i, numeric in hunt.numeric.items()]
    return Location(
        tuple(sorted(found, key=lambda c: -abs(c.error))),
        tuple(hunt.throughout),
        measured.rays.evaluator.evaluations,
        tuple(hunt.lines),
        tuple(hunt.unsearched),
    )


class _Spent(Exception):
    """The budget is used up."""


@dataclass(frozen=True)
class _Way:
    """A direction, its residual and the bound of that."""

    u: Direction
    residual: float
    bound: float

    @property
    def significance(self) -> float:
        return abs(self.residual) / self.bound

    @property
    def fails(self) -> bool:
        return self.significance > rule.C


def _worst_way(directions: list[Direction], slopes: Slopes) -> _Way:
    worst = int(np.argmax(np.abs(slopes.residual) / slopes.bound))
    return _Way(directions[worst], slopes.residual[worst], slopes.bound[worst])


@dataclass
class _Hunt:
    """One search: the gradient set right where it was found wrong."""

    rays: Rays
    layout: Layout
    gradient: Vector
    rng: np.random.Generator
    budget: int
    numeric: dict[int, float] = field(default_factory=dict)  # of the wrong components found
    throughout: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    unsearched: list[str] = field(default_factory=list)

    def tensor(self, tensor: Tensor, way: _Way) -> None:
        """Search one tensor, along a direction on it that fails."""
        try:
            self._search(tensor, way)
        except _Spent:
            self.unsearched.append(tensor.name)

    def _search(self, tensor: Tensor, way: _Way | None) -> None:
        throughout = self._wrong_throughout(np.arange(tensor.start, tensor.stop))
        in_vain = 0
        while way is not None and not throughout:
            in_vain = 0 if self._descend(way, tensor) else in_vain + 1
            if in_vain == _TRIES:
                self.unsearched.append(tensor.name)
                return
            self._join_lines(tensor)
            throughout = len(self._found_in(tensor)) > rule.MANY
            way = None if throughout else self._failing_again(tensor)
        if throughout:
            self.throughout.append(tensor.name)
            self._forget(self._found_in(tensor))

    def _found_in(self, tensor: Tensor) -> list[int]:
        return [i for i in self.numeric if tensor.start <= i < tensor.stop]

    def _forget(self, indices: Iterable[int]) -> None:
        for i in indices:
            self.numeric.pop(int(i), None)

    def _measure(self, directions: list[Direction]) -> list[_Way]:
        """Residuals and bounds against the gradient as it was set right so far."""
        if self.rays.evaluator.evaluations >= self.budget:
            raise _Spent
        slopes = slopes_along(self.rays, directions, self.gradient)
        return list(map(_Way, directions, slopes.residual, slopes.bound))

    def _failing_again(self, tensor: Tensor) -> _Way | None:
        """A new direction on the tensor that still fails, or None when several pass."""
        for _ in range(_PASSES):
            (way,) = self._measure([draw(self.rng, tensor.start, tensor.stop)])
            if way.fails:
                return way
        return None

    def _descend(self, way: _Way, tensor: Tensor) -> bool:
        """Follow a failing direction down to wrong components, and note them; False if it leads to none.

        Ends early when two of them lie in one line: perhaps all of it is wrong.
        """
        ways, noted = [way], list[int]()
        while ways and not _lines_of(tensor, noted):
            way = ways.pop()
            if way.u.size == 1:
                noted += self._note(way.u)
            else:
                ways += [half for half in self._halves(way) if half.fails]
        return bool(noted)

    def _halves(self, way: _Way) -> tuple[_Way, _Way]:
        """The left half measured, the right one as the difference unless that is too uncertain."""
        u, middle = way.u, (way.u.start + way.u.stop) // 2
        (left,) = self._measure([u.part(u.start, middle)])
        right = _Way(u.part(middle, u.stop), way.residual - left.residual, way.bound + left.bound)
        if not left.fails and not right.fails:
            (right,) = self._measure([right.u])
        return left, right

    def _note(self, u: Direction) -> list[int]:
        """If the component that ``u`` is on is wrong, take its own two-sided difference, and set the gradient right."""
        (way,) = self._measure([u])
        if not way.fails:
            return []
        i, evaluator = u.start, self.rays.evaluator
        eps = _EPS * max(1.0, abs(float(evaluator.theta[i])))
        slope = differences(evaluator, Selection(self.layout, np.array([i])), eps)
        self.gradient[i] = self.numeric[i] = float(slope[0])
        return [i]

    def _wrong_throughout(self, indices: Indices) -> bool:
        """Whether a sample of these components, where the gradient is large enough to tell, is mostly wrong."""
        if indices.size < 2 * _SAMPLE:
            return False
        drawn = self.rng.choice(indices, size=min(16 * _SAMPLE, indices.size), replace=False)
        strongest = drawn[np.argsort(-np.abs(self.gradient[drawn]), kind="stable")[:_SAMPLE]]
        return sum(way.fails for way in self._measure([self._single(int(i)) for i in strongest])) >= rule.MOSTLY

    def _single(self, index: int) -> Direction:
        """A direction on one component, with an entry that is not small."""
        while True:
            u = draw(self.rng, index, index + 1)
            if abs(u.entry(index)) >= 1:
                return u

    def _join_lines(self, tensor: Tensor) -> None:
        """Where two of the components found share a row or column, see whether all of it is wrong."""
        for name, line in _lines_of(tensor, self._found_in(tensor)):
            indices = np.arange(line.start, line.stop, line.step or 1)
            if self._wrong_throughout(np.setdiff1d(indices, list(self.numeric))):
                self.lines.append(name)
                self._forget(indices)
                self.gradient[line] = 0.0
                self.rays = replace(self.rays, still=(*self.rays.still, line))


def _lines_of(tensor: Tensor, indices: list[int]) -> list[tuple[str, slice]]:
    """Rows (first axis) and columns (last axis) that hold at least two of the components, as slices of theta."""
    if len(tensor.shape) < 2 or len(indices) < 2:
        return []
    places = np.unravel_index(np.array(indices) - tensor.start, tensor.shape)
    length, n_columns = tensor.size // tensor.shape[0], tensor.shape[-1]
    rest = ", ".join(":" * (len(tensor.shape) - 1))
    rows = [
        (f"{tensor.name}[{row}, {rest}]", slice(tensor.start + row * length, tensor.start + (row + 1) * length))
        for row in _repeated(places[0])
    ]
    columns = [
        (f"{tensor.name}[{rest}, {column}]", slice(tensor.start + column, tensor.stop, n_columns))
        for column in _repeated(places[-1])
    ]
    return rows + columns


def _repeated(places: Indices) -> list[int]:
    values, counts = np.unique(places, return_counts=True)
    return [int(value) for value in values[counts > 1]]
