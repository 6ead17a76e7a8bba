"""A wrong component taken apart where J is a weighted sum of values f: ladders of f itself name the entries that are wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from fastcheck.checks.settling import settled
from fastcheck.diagnosis.finding import Finding
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.evaluate.source import has_no_value
from fastcheck.judge import rule
from fastcheck.judge.ratios import asked_of
from fastcheck.judge.verdict import Outcome
from fastcheck.measure.levels import Table, opened
from fastcheck.measure.lines import ComponentLines, Limits
from fastcheck.problem.brought import Parts, brought
from fastcheck.problem.question import Question
from fastcheck.vectors import Array, Indices, Vector, norm
from fastcheck.words import listed, told_apart

_COMPONENTS = 4  # wrong ones that are taken apart, the worst first
_ROWS = 8  # of a component, the most suspicious
_TOLD = 6  # entries in all
_ALIKE = 3  # entries that have to be off by the same factor
_NEAR = 2.0**-8  # units, at which it is seen which those are
_RESOLVED = 8  # units in the last place of theta that the finest step is long


@dataclass(frozen=True, eq=False)
class _Along:
    """f along one component, each place evaluated once."""

    f: Parts
    evaluator: Evaluator
    index: int
    unit: float
    _seen: dict[float, Vector] = field(default_factory=dict)

    def at(self, offset: float) -> Vector:
        """f, shape (m,); nan where it has no value."""
        if offset not in self._seen:
            theta = self.evaluator.theta.copy()
            theta[self.index] += offset
            self.evaluator.count(1)
            try:
                with np.errstate(all="ignore"):
                    self._seen[offset] = self.f.f(theta)
            except Exception as error:
                if not has_no_value(error):
                    raise
                self._seen[offset] = np.full(self._seen[0.0].size, np.nan)
        return self._seen[offset]

    @property
    def limits(self) -> Limits:
        return ComponentLines(self.evaluator, np.array([self.index]), np.array([self.unit])).limits

    def near(self) -> Vector:
        """The slopes of f, (m,), as one step tells them."""
        self.at(0.0)
        side = int(self.limits.side[0])
        up, down = (_NEAR * self.unit if side >= 0 else 0.0), (_NEAR * self.unit if side <= 0 else 0.0)
        return (self.at(up) - self.at(-down)) / (up + down)


@dataclass(frozen=True, eq=False)
class _Row:
    """One value of f along one component, as a line."""

    along: _Along
    row: int

    @property
    def size(self) -> int:
        return 1

    def look(self, lines: Indices, h: Vector) -> Array:
        side = int(self.along.limits.side[0])
        up = [self.along.at(step)[self.row] if side >= 0 else np.nan for step in h.tolist()]
        down = [self.along.at(-step)[self.row] if side <= 0 else np.nan for step in h.tolist()]
        return np.array([up, down]).T

    def table(self, quantum: float = np.inf) -> Table:
        resolution = _RESOLVED * np.spacing(np.abs(self.along.evaluator.theta[[self.along.index]]))
        limits, value = self.along.limits, float(self.along.at(0.0)[self.row])
        return opened(value, np.array([self.along.unit]), resolution, quantum, limits.side, limits.reach)

    def some(self, which: Indices) -> _Row:
        return self


@dataclass(frozen=True)
class _Entry:
    """An entry that is refuted."""

    row: int
    index: int
    name: str
    claimed: float
    slope: float
    bound: float

    def __str__(self) -> str:
        bound = f"{self.bound:.0e}" if self.bound else "0"
        claimed, slope = told_apart(self.claimed, self.slope)
        return f"{self.name} is {claimed}, its differences give {slope} +- {bound}"


def taken_apart(
    question: Question,
    evaluator: Evaluator,
    wrong: Sequence[int],
    analytic: Vector | None = None,
    slopes: Vector | None = None,
) -> tuple[Finding, ...]:
    """Which entries are wrong in the components ``wrong``, the worst first; nothing where J has no parts.

    ``analytic`` and ``slopes``, the best that are known, have shape (n,), if all components were looked at.
    """
    brings = brought(question.grad)
    parts = brings.parts
    if parts is None or not wrong:
        return ()
    if analytic is not None and slopes is not None and _is_transposed(parts, analytic, slopes, question.units):
        return _transposed(parts, question)
    return _by_entries(question, evaluator, parts, wrong, asked_of(brings.precision))


def sampled_apart(question: Question, evaluator: Evaluator) -> tuple[Finding, ...]:
    """The same of a J that is wrong throughout: a few components stand for all."""
    brings, n = brought(question.grad), question.theta.size
    parts = brings.parts
    if parts is None:
        return ()
    some = sorted({int(i) for i in np.linspace(0, n - 1, _COMPONENTS)})
    along = [_Along(parts, evaluator, i, float(question.units[i])) for i in some]
    with np.errstate(invalid="ignore", over="ignore"):
        near = [each.near() for each in along]
        slopes = np.array([parts.weights @ seen for seen in near])
        analytic = np.array([parts.weights @ parts.column(i, seen) for i, seen in zip(some, near, strict=True)])
    if len(some) == _COMPONENTS and _is_transposed(parts, analytic, slopes, question.units, some):
        return _transposed(parts, question)
    return _by_entries(question, evaluator, parts, some, asked_of(brings.precision))


def _transposed(parts: Parts, question: Question) -> tuple[Finding, ...]:
    said = f"{parts.name} was handed over as its transpose: turned round, it agrees with the differences."
    return (Finding("transpose", question.layout.names, said),)


def _by_entries(
    question: Question, evaluator: Evaluator, parts: Parts, wrong: Sequence[int], asked: float
) -> tuple[Finding, ...]:
    """The refuted entries of a few components, the most suspicious of all."""
    units = question.units
    found = [_entries(parts, evaluator, index, float(units[index]), asked) for index in wrong[:_COMPONENTS]]
    entries = [entry for of_one in found for entry in of_one]
    if not entries:
        return ()
    each = max(1, _TOLD // sum(map(bool, found)))
    said = "; ".join(str(entry) for of_one in found for entry in of_one[:each]) + "."
    factor = _common_factor(entries)
    if factor:
        said += f" Each of the {len(entries)} entries that were refuted is {factor:.6g} times what it should be."
    rows = set.intersection(*({entry.row for entry in of_one} for of_one in found))
    if len(rows) == 1 and len(found) > 2 and parts.weights.size > 1:
        columns = listed([question.layout.name(index) for index in wrong[:_COMPONENTS]])
        alone = "It is row" if len({entry.row for entry in entries}) == 1 else "Among them is row"
        said += f" {alone} {rows.pop()} in each of the components that were taken apart, {columns}."
    return (Finding("entry", question.layout.names, said),)


def _common_factor(entries: Sequence[_Entry]) -> float:
    """By which all are off alike; 0 if they are not, or are too few to tell."""
    if len(entries) < _ALIKE or not all(entry.slope for entry in entries):
        return 0.0
    factors = np.array([entry.claimed / entry.slope for entry in entries])
    off = np.array([abs(entry.bound / entry.slope) for entry in entries]) + rule.GREAT
    middle = float(np.median(factors))
    return middle if (np.abs(factors - middle) <= off * abs(middle)).all() else 0.0


def _is_transposed(
    parts: Parts, analytic: Vector, slopes: Vector, units: Vector, some: Sequence[int] | slice = slice(None)
) -> bool:
    """Whether the transpose agrees, and is a thousand times nearer than what was handed over: symmetric matrices agree too.

    ``analytic`` and ``slopes`` are of ``some`` components.
    """
    if parts.transposed is None or not np.isfinite(parts.transposed).all() or not np.isfinite(analytic).all():
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        turned, given, seen = parts.transposed[some] * units[some], analytic * units[some], slopes * units[some]
        off = norm(turned - seen)
        return bool(off <= rule.LOOK * (norm(turned) + norm(seen)) and off <= rule.WORRY * norm(given - seen))


def _entries(parts: Parts, evaluator: Evaluator, index: int, unit: float, asked: float) -> list[_Entry]:
    """The refuted entries of one component, the most suspicious of all; those within ``asked`` are as right as their numbers."""
    along = _Along(parts, evaluator, index, unit)
    with np.errstate(invalid="ignore", over="ignore"):
        near = along.near()
        claimed = parts.column(index, near)
        off = np.abs((near - claimed) * parts.weights)
    found, open_ = [], []
    for row in np.argsort(-np.nan_to_num(off, nan=np.inf), kind="stable")[:_ROWS].tolist():
        said = settled(_Row(along, row), np.array([claimed[row] * unit])).said
        slope, bound = float(said.slope[0] / unit) + 0.0, float(said.bound[0] / unit)  # no -0
        if asked and abs(slope - claimed[row]) <= asked * (abs(slope) + abs(claimed[row])):
            continue
        entry = _Entry(row, index, parts.entry(row, index), float(claimed[row]), slope, bound)
        if not np.isfinite(claimed[row]) or said.outcome[0] == Outcome.REFUTED:
            found.append(entry)
        elif abs(slope - claimed[row]) > rule.CLEAR * bound:
            open_.append(entry)
    return found or open_[:1]  # the component is refuted: it is due to some entry
