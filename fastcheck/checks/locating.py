"""The wrong components: a screen's failing tensors in, single components, lines or whole tensors out.

The slopes that the screen measured point at components: an error in one leaves a trace of its own in all of them. Those
are looked at by themselves; where none is wrong, a failing direction is halved, and the search goes where the residual
is. What is found is set right and the tensor tried again along new directions, until they pass. A tensor is named in
place of its components only where most of those that can be told are wrong: of a small one all are looked at, of a
large one a sample or two. Nothing is named that its own ladder does not refute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from fastcheck.checks.confirming import component_witnesses
from fastcheck.checks.directing import directed
from fastcheck.checks.groups import Group, Screened, measure
from fastcheck.checks.matching import patterned, pursued, shared_lines
from fastcheck.checks.opening import opened
from fastcheck.diagnosis.repeats import repeats
from fastcheck.evaluate.direction import Direction, draw
from fastcheck.judge import rule
from fastcheck.judge.verdict import Component
from fastcheck.measure.lines import DirectionLines
from fastcheck.problem import accept as accepting
from fastcheck.problem.layout import Layout, Tensor
from fastcheck.problem.question import ACCEPT, BUDGET
from fastcheck.problem.selection import Selection
from fastcheck.results.location import Location
from fastcheck.vectors import Indices, Vector, largest, norm

_SAMPLE = 6  # components looked at to see whether a tensor, or a line of it, is wrong throughout
_PASSES = 3  # new directions that have to pass before a tensor counts as set right
_TRIES = 4  # directions in a row that may lead to nothing
_ROUNDS = 5  # how often slopes are looked at for what they point at,
_FURTHER = 6  # with so many directions more where they do not tell
_LINES = 2  # rows and columns that they point at, looked at
_SMALL = 32  # components of a tensor up to which each is looked at


def locate(
    cost: Callable[..., Any],
    grad: Any,
    theta: Any,
    args: tuple[Any, ...] = (),
    *,
    layout: Layout | None = None,
    scale: Any = None,
    bounds: Any = None,
    accept: float = ACCEPT,
    seed: int = 0,
    budget: int = BUDGET,
    workers: int | None = None,
    chunk: int | None = None,
    progress: bool | Callable[[int, int], None] | None = None,
    kwargs: Mapping[str, Any] | None = None,
) -> Location:
    """Find the components at which a gradient is wrong, from slopes along random directions.

    Parameters are those of `screen`, which comes first; and

    budget : int
        Evaluations of the cost after which the search ends with what it knows.
    """
    question = accepting.question(cost, grad, theta, args, kwargs, layout, scale, bounds)
    options = accepting.options(
        question.layout, question.theta, accept=accept, workers=workers, chunk=chunk, progress=progress, seed=seed,
        budget=budget,
    )  # fmt: skip
    with opened(question, options) as opening:
        rng = np.random.default_rng(options.seed)
        found = _search(measure(opening, rng, hunting=True), rng, options.budget)
        changing = repeats(opening.analytic.first, opening.analytic.again, None, Selection(question.layout))
        return replace(found, findings=(changing,) if changing else ())


def _search(measured: Screened, rng: np.random.Generator, budget: int) -> Location:
    """The wrong components of a screen that failed; nothing where it did not."""
    hunt = _Hunt(measured, measured.analytic.copy(), rng, budget)
    layout = measured.layout
    failed = {k: measured.failed(group) for k, group in measured.tensors.items()}
    worst = {k: float(np.where(fails, measured.tensors[k].slopes.error, -1.0).max()) for k, fails in failed.items()}
    tensors = sorted((k for k, fails in failed.items() if fails.any()), key=lambda k: -worst[k])
    for k in tensors:
        hunt.tensor(layout.tensors[k], measured.tensors[k])
    if not tensors and measured.failed(measured.whole).any():  # no tensor shows it by itself
        hunt.tensor(Tensor("theta", (layout.size,), 0), measured.whole)
    found = [Component.of(i, numeric, float(measured.analytic[i]), layout) for i, numeric in hunt.numeric.items()]
    return Location(
        tuple(sorted(found, key=lambda c: -abs(c.error))),
        tuple(hunt.throughout),
        measured.evaluator.evaluations,
        tuple(hunt.lines),
        tuple(hunt.unsearched),
    )


class _Spent(Exception):
    """The budget is used up."""


@dataclass(frozen=True)
class _Way:
    """A direction, the slope found, its residual, the bound of that, and the error that is none."""

    u: Direction
    slope: float
    residual: float
    bound: float
    least: float

    @property
    def fails(self) -> bool:
        return abs(self.residual) > max(rule.CLEAR * self.bound, self.least)


@dataclass
class _Hunt:
    """One search: the gradient set right where it was found wrong."""

    measured: Screened
    gradient: Vector
    rng: np.random.Generator
    budget: int
    still: tuple[slice, ...] = ()
    numeric: dict[int, float] = field(default_factory=dict)  # of the wrong components found
    throughout: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    unsearched: list[str] = field(default_factory=list)

    def tensor(self, tensor: Tensor, group: Group) -> None:
        """Search one tensor, along whose directions the gradient fails."""
        try:
            if tensor.size <= _SMALL:
                self._look_at_all(tensor, group)
            else:
                self._search(tensor, group)
        except _Spent:
            self.unsearched.append(tensor.name)

    def _look_at_all(self, tensor: Tensor, group: Group) -> None:
        """Every component by itself."""
        every = np.arange(tensor.start, tensor.stop)
        told = self._can_be_told(every)
        found = self._refuted(every)
        n_told = np.union1d(told, list(found)).size
        n_few = min(rule.FEW, max(tensor.size - 1, 1))
        if len(found) > max(n_few, rule.MOST * n_told):
            self.throughout.append(tensor.name)
            return
        self._note(found)
        if not found or any(way.fails for way in self._remaining(group)):
            self.unsearched.append(tensor.name)

    def _search(self, tensor: Tensor, group: Group) -> None:
        every, more = np.arange(tensor.start, tensor.stop), list[_Way]()
        zero = not self.gradient[tensor.slice].any()  # never written
        if self._match_lines(tensor, group) or (not zero and self._match(tensor, group, more)):
            return
        throughout = self._wrong_throughout(every)
        if not throughout and self._match(tensor, group, more):
            return
        way = None if throughout else self._worst(group) or self._failing_again(tensor)
        in_vain = n_sampled = 0
        while way is not None and not throughout:
            in_vain = 0 if self._descend(way, tensor) else in_vain + 1
            if in_vain == _TRIES:
                self.unsearched.append(tensor.name)
                return
            self._join_lines(tensor)
            found = self._found_in(tensor)
            if len(found) > (n_sampled + 1) * rule.MANY:
                n_sampled += 1
                throughout = self._wrong_throughout(np.setdiff1d(every, found))
            way = None if throughout else self._failing_again(tensor)
        if throughout:
            self.throughout.append(tensor.name)
            self._forget(self._found_in(tensor))

    def _match_lines(self, tensor: Tensor, group: Group) -> bool:
        """Name the row, the column or the tensor of which a factor explains all that is left, if its components confirm it."""
        ways = self._known(group)
        if len(ways) < rule.ENOUGH:
            return False
        residuals, bounds = np.array([way.residual for way in ways]), np.array([way.bound for way in ways])
        sizes = self.gradient * self.measured.units
        for line in patterned([way.u for way in ways], residuals, bounds, tensor, sizes)[:_LINES]:
            if self._wrong_throughout(line.indices):
                (self.throughout if line.name == tensor.name else self.lines).append(line.name)
                return True
        return False

    def _match(self, tensor: Tensor, group: Group, more: list[_Way]) -> bool:
        """Set right what the slopes point at, as far as their own ladders confirm it; whether nothing else is left.

        Where it is not clear what they point at, directions that are added to ``more`` tell.
        """
        for _ in range(_ROUNDS):
            ways = [*self._known(group), *self._again(more)]
            if not any(way.fails for way in ways):
                return len(ways) >= rule.ENOUGH
            residuals, bounds = np.array([way.residual for way in ways]), np.array([way.bound for way in ways])
            candidates = pursued([way.u for way in ways], residuals, bounds, tensor.slice, self.gradient.size)
            found = self._refuted(np.array(sorted(candidates))) if candidates else {}
            self._note(found)
            self._join_lines(tensor)
            if self.still:  # what was measured moved with what is now left out
                return False
            if not found:
                drawn = [draw(self.rng, tensor.start, tensor.stop, self.measured.sides) for _ in range(_FURTHER)]
                more += self._measure(drawn)
        return False

    def _known(self, group: Group) -> list[_Way]:
        """The slopes over everything and on the tensor, of which the bounds are known."""
        groups = (self.measured.whole, group) if group is not self.measured.whole else (group,)
        return [way for one in groups for way in self._remaining(one) if np.isfinite(way.bound)]

    def _again(self, ways: list[_Way]) -> list[_Way]:
        """Directions measured before, against the gradient as it was set right since."""
        return [replace(way, residual=way.slope - way.u.dot(self.gradient, self.measured.units)) for way in ways]

    def _worst(self, group: Group) -> _Way | None:
        ways = [way for way in self._remaining(group) if way.fails]
        return max(ways, key=lambda way: abs(way.residual) / (way.bound or 1.0), default=None)

    def _remaining(self, group: Group) -> list[_Way]:
        """The group's directions against the gradient as it was set right so far: their slopes are known."""
        slopes, still = group.slopes, self.still
        if still:  # these slopes were measured with what is now left out
            return []
        claimed = np.array([u.dot(self.gradient, self.measured.units) for u in group.directions])
        return self._ways(group.directions, claimed, slopes.said.slope, slopes.bound)

    def _ways(self, directions: Sequence[Direction], claimed: Vector, slope: Vector, bound: Vector) -> list[_Way]:
        """Directions with what was measured of them; what is not known leaves no residual."""
        slope = np.where(np.isfinite(slope) & np.isfinite(bound), slope, claimed)
        least = [self._least(u) for u in directions]
        told = zip(directions, slope.tolist(), (slope - claimed).tolist(), bound.tolist(), least, strict=True)
        return [_Way(*way) for way in told]

    def _least(self, u: Direction) -> float:
        """The error along a direction that is none: of no component on it more than the bands allow."""
        with np.errstate(over="ignore"):
            sizes = self.gradient[u.start : u.stop] * self.measured.units[u.start : u.stop]
        return max(max(rule.GREAT, self.measured.accept) * largest(sizes), rule.OWN_ROUNDING * self.measured.top)

    def _found_in(self, tensor: Tensor) -> list[int]:
        return [i for i in self.numeric if tensor.start <= i < tensor.stop]

    def _forget(self, indices: Iterable[int]) -> None:
        for i in indices:
            self.numeric.pop(int(i), None)

    def _spend(self) -> None:
        if self.measured.evaluator.evaluations >= self.budget:
            raise _Spent

    def _measure(self, directions: list[Direction]) -> list[_Way]:
        """Residuals and bounds against the gradient as it was set right so far."""
        self._spend()
        measured = self.measured
        lines = DirectionLines(measured.evaluator, tuple(directions), measured.units, self.still)
        claimed = np.array([u.dot(self.gradient, measured.units) for u in directions])
        sizes = [norm(self.gradient[u.start : u.stop] * measured.units[u.start : u.stop]) for u in directions]
        said, _ = directed(lines, claimed, np.array(sizes), measured.guide, hunting=True)
        return self._ways(directions, claimed, said.slope, said.bound)

    def _failing_again(self, tensor: Tensor) -> _Way | None:
        """A new direction on the tensor that still fails, or None when several pass."""
        for _ in range(_PASSES):
            (way,) = self._measure([draw(self.rng, tensor.start, tensor.stop, self.measured.sides)])
            if way.fails:
                return way
        return None

    def _descend(self, way: _Way, tensor: Tensor) -> bool:
        """Follow a failing direction down to wrong components, and note them; False if it leads to none.

        Ends early when two of them lie in one line: perhaps all of it is wrong.
        """
        ways, noted = [way], list[int]()
        while ways and not shared_lines(tensor, noted):
            way = ways.pop()
            if way.u.size == 1:
                noted += self._note(self._refuted(np.array([way.u.start])))
            else:
                ways += [half for half in self._halves(way) if half.fails]
        return bool(noted)

    def _halves(self, way: _Way) -> tuple[_Way, _Way]:
        """The left half measured, the right one as the difference unless that is too uncertain."""
        u, middle = way.u, (way.u.start + way.u.stop) // 2
        (left,) = self._measure([u.part(u.start, middle)])
        rest = u.part(middle, u.stop)
        slope, residual = way.slope - left.slope, way.residual - left.residual
        right = _Way(rest, slope, residual, way.bound + left.bound, self._least(rest))
        if not left.fails and not right.fails:
            (right,) = self._measure([right.u])
        return left, right

    def _refuted(self, indices: Indices) -> dict[int, float]:
        """Those of the components whose own ladders refute the gradient, and their slopes."""
        self._spend()
        found = component_witnesses(replace(self.measured, analytic=self.gradient), indices)
        return {w.index: w.slope for w in found if w.index is not None}

    def _note(self, found: Mapping[int, float]) -> list[int]:
        """Set the gradient right at wrong components."""
        for i, slope in found.items():
            self.gradient[i] = self.numeric[i] = slope
        return list(found)

    def _wrong_throughout(self, indices: Indices) -> bool:
        """Whether all but one of a sample of these components are wrong, or most of it and of a second one.

        It is drawn from all but the smallest of those that can be told: the largest may be those that are wrong.
        """
        if indices.size < 2 * _SAMPLE:
            return False
        drawn = self.rng.choice(indices, size=min(16 * _SAMPLE, indices.size), replace=False)
        told = self._can_be_told(drawn)
        sizes = self._sizes(told)
        large = told[sizes >= np.quantile(sizes, rule.SMALLEST)] if told.size >= 2 * _SAMPLE else drawn
        for sample in (large[:_SAMPLE], large[_SAMPLE : 2 * _SAMPLE]):
            n_wrong = len(self._refuted(np.sort(sample))) if sample.size else 0
            if n_wrong <= rule.MOST * sample.size:
                return False
            if n_wrong >= sample.size - 1:
                return True
        return True

    def _can_be_told(self, indices: Indices) -> Indices:
        """Those of the components whose gradient is more than what counts as no error among them."""
        sizes = self._sizes(indices)
        return indices[sizes > max(rule.GREAT, self.measured.accept) * largest(sizes)]

    def _sizes(self, indices: Indices) -> Vector:
        """The gradient's, in units of scale."""
        with np.errstate(over="ignore"):
            return np.asarray(np.abs(self.gradient[indices]) * self.measured.units[indices])

    def _join_lines(self, tensor: Tensor) -> None:
        """Where two of the components found share a row or column, see whether all of it is wrong."""
        for line in shared_lines(tensor, self._found_in(tensor)):
            others = np.setdiff1d(line.indices, list(self.numeric))
            if self._wrong_throughout(others):
                self.lines.append(line.name)
                self._forget(line.indices)
                self.gradient[line.place] = 0.0
                self.still = (*self.still, line.place)
