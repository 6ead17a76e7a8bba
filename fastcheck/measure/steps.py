"""The steps of the pass: what was asked for, the lecture's where pilots say that it serves, or one for each component."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.evaluate.progress import Show, part_of
from fastcheck.measure.imaginary import complex_steps, steps_of
from fastcheck.measure.ladder import START
from fastcheck.measure.levels import taken
from fastcheck.measure.pilots import Pilots
from fastcheck.measure.stencil import differences, fitted, sides
from fastcheck.problem.question import ACCEPT, LECTURE, Steps
from fastcheck.problem.selection import Selection
from fastcheck.problem.units import units_of
from fastcheck.vectors import Flags, Indices, Integers, Vector, norm, root_mean_square

SERVES = 1e-5  # of the tensor's slopes: a step serves where its differences are within
_MORE = 8  # components whose slopes tell how large those of a tensor are, where the pilots' own are small
_RESOLVED = 8  # units in the last place of theta_i that a step is long


@dataclass(frozen=True, eq=False)
class Plan:
    """How the pass takes its differences.

    Attributes
    ----------
    steps : float, or ndarray of float64, shape (k,)
        Of the components looked at.
    orders : tuple of int
        2 or 4, for each tensor.
    lecture : tuple of bool
        For each tensor, whether the lecture's step is taken there.
    asked : bool
        Whether the steps are the caller's own.
    imaginary : bool
        Whether they are taken into the complex plane, where no bound of theta is met and nothing is subtracted.
    """

    steps: Steps
    orders: tuple[int, ...]
    lecture: tuple[bool, ...]
    asked: bool = False
    imaginary: bool = False

    def at(self, selection: Selection) -> Plan:
        """Of some of the components, where this is of all."""
        return replace(self, steps=selection.of(self.steps)) if isinstance(self.steps, np.ndarray) else self

    def within(self, evaluator: Evaluator, selection: Selection) -> Plan:
        """With steps that stay inside the bounds of theta, where there are any."""
        if evaluator.domain is None or self.imaginary:
            return self
        return replace(self, steps=fitted(evaluator, selection, self.steps, self._orders(selection)))

    def one_sided(self, evaluator: Evaluator, selection: Selection) -> Flags:
        """Where a difference is taken on one side alone, shape (k,)."""
        if self.imaginary:
            return np.zeros(selection.size, dtype=bool)
        return np.asarray(sides(evaluator, selection, self.steps, self._orders(selection)) != 0)

    def _orders(self, selection: Selection) -> Integers:
        """The order of each component's difference, shape (k,)."""
        return np.repeat(self.orders, [span.stop - span.start for span in selection.spans])

    def of(self, span: slice | Indices) -> Steps:
        """The steps of these positions."""
        return self.steps[span] if isinstance(self.steps, np.ndarray) else self.steps


def sigma(noise: float, steps: Steps) -> Steps:
    """Standard deviation of a two-sided difference due to rounding: epsJ / (sqrt(2) eps)."""
    return noise / (math.sqrt(2) * steps)


def as_asked(eps: Steps, selection: Selection) -> Plan:
    """The caller's own steps; an array has shape (n,)."""
    n_tensors = len(selection.layout.tensors)
    steps = selection.of(eps) if isinstance(eps, np.ndarray) else eps
    return Plan(steps, (2,) * n_tensors, (not isinstance(eps, np.ndarray) and eps == LECTURE,) * n_tensors, asked=True)


def stepped(selection: Selection, units: Vector) -> Plan:
    """The complex step, for all components; ``units`` has shape (n,)."""
    n_tensors = len(selection.layout.tensors)
    return Plan(steps_of(selection.of(units)), (2,) * n_tensors, (False,) * n_tensors, imaginary=True)


def planned(evaluator: Evaluator, pilots: Pilots, units: Vector, auto: bool) -> Plan:
    """Steps from the pilots: the lecture's in every tensor where it serves, unless ``auto``; else one for each component."""
    selection = pilots.selection
    own, orders, lecture = [], [], []
    for k, span in enumerate(selection.spans):
        indices = selection.at(np.arange(span.start, span.stop))
        serves = not auto and _lecture_serves(evaluator, pilots, k, units[indices])
        order, level = _order_and_level(pilots, k)
        own.append(
            np.full(indices.size, LECTURE) if serves else _scaled(evaluator.theta[indices], units[indices], level)
        )
        orders.append(2 if serves or not auto else order)
        lecture.append(serves)
    if all(lecture):
        return Plan(LECTURE, tuple(orders), tuple(lecture))
    return Plan(np.concatenate(own), tuple(orders), tuple(lecture))


def _lecture_serves(evaluator: Evaluator, pilots: Pilots, k: int, units: Vector) -> bool:
    """Whether differences at the lecture's step agree with what the ladders found; where these found nothing, it is taken.

    Pilots are few: beside what is off there, rounding at the step must be small in all components, each in its own unit.
    """
    span, known = pilots.selection.spans[k], pilots.known(k)
    theta = evaluator.theta[pilots.selection.at(np.arange(span.start, span.stop))]
    if theta.size and np.spacing(np.abs(theta).max()) * _RESOLVED > LECTURE:
        return False
    best, unit = pilots.best, pilots.table.unit
    lines = known[np.isfinite(best.bound[known])]
    if not lines.size:
        return True
    slopes = differences(evaluator, Selection(pilots.selection.layout, pilots.lines.indices[lines]), LECTURE)
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(slopes * unit[lines] - best.value[lines]) + best.bound[lines]
        size = norm(best.value[lines]) / np.sqrt(lines.size)
        if not size and slopes.any():  # J stands still, but its differences do not
            return False
        rounding = float(sigma(pilots.noise(k), LECTURE)) * norm(units) / np.sqrt(units.size)
        off = max(norm(error) / np.sqrt(lines.size), rounding)
        if off <= SERVES * size:
            return True
        typical = _typical_slope(evaluator, pilots.selection, span, units)
        return bool(off <= SERVES * typical or not (size or typical))


def _typical_slope(evaluator: Evaluator, selection: Selection, span: slice, units: Vector) -> float:
    """The root mean square of a few more slopes of a tensor, each in its unit: those of the pilots may all be small."""
    n = span.stop - span.start
    drawn = np.sort(np.random.default_rng(1).choice(n, min(_MORE, n), replace=False))
    part = Selection(selection.layout, selection.at(span.start + drawn))
    return root_mean_square(differences(evaluator, part, LECTURE) * units[drawn])


def _order_and_level(pilots: Pilots, k: int) -> tuple[int, int]:
    """The order that reaches what is asked of a gradient, or the better one; and the level at which its readings are sharpest."""
    found = pilots.sight.readings.rows(pilots.telling(k))
    reached = {}
    for order in (2, 4):
        bound = np.where((found.order == order) & found.found & ~found.far, found.bound, np.inf)
        at = np.argmin(bound, axis=1)[:, None] if bound.size else np.zeros((0, 1), dtype=np.int64)
        least = taken(bound, at)[:, 0]
        seen = np.isfinite(least)
        if seen.any():
            level = int(np.median(taken(found.level, at)[seen, 0]))
            value = taken(found.value, at)[seen, 0]
            reached[order] = norm(least[seen]) / (norm(value) or 1.0), level
    if 2 not in reached:
        return 2, START
    second, fourth = reached[2], reached.get(4, reached[2])
    return (4, fourth[1]) if second[0] > ACCEPT and fourth[0] < second[0] / 4 else (2, second[1])


def _scaled(theta: Vector, units: Vector, level: int) -> Vector:
    """The step at a level of each component's own unit, a power of two that theta resolves."""
    finest = np.ldexp(1.0, np.frexp(_RESOLVED * np.spacing(np.abs(theta)))[1])
    return np.maximum(units * 2.0**level, finest)


def slopes_of(evaluator: Evaluator, selection: Selection, plan: Plan) -> Vector:
    """The slopes of a few components, taken as the pass takes them; differences with one step for all."""
    if plan.imaginary:
        own = selection.of(units_of(evaluator.theta, selection.layout))
        return complex_steps(evaluator, selection, steps_of(own))
    steps = plan.steps if not isinstance(plan.steps, np.ndarray) else float(np.median(plan.steps))
    return differences(evaluator, selection, steps)


def passed(evaluator: Evaluator, selection: Selection, plan: Plan, show: Show, numeric: Vector) -> None:
    """The pass: the differences of all components of the selection (sorted), into ``numeric`` (k,) as they come."""
    if plan.imaginary:
        complex_steps(evaluator, selection, plan.steps, show, numeric)
        return
    if set(plan.orders) == {2}:
        differences(evaluator, selection, plan.steps, show, found=numeric)
        return
    done = 0
    for order in sorted(set(plan.orders)):
        spans = [span for span, own in zip(selection.spans, plan.orders, strict=True) if own == order]
        positions = np.concatenate([np.arange(span.start, span.stop) for span in spans])
        part = Selection(selection.layout, selection.at(positions))
        steps = plan.steps[positions] if isinstance(plan.steps, np.ndarray) else plan.steps
        some = np.full(positions.size, np.nan)
        try:
            differences(evaluator, part, steps, part_of(show, done), order, some)
        finally:
            numeric[positions] = some
        done += positions.size
