"""Ladders along a few components of every tensor, before anything else: they find the steps, the noise and the levels of the others."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fastcheck.evaluate.direction import draw
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.measure.ladder import START, WIDTH, grow
from fastcheck.measure.levels import EMPTY, Table, power_of_two
from fastcheck.measure.lines import ComponentLines, DirectionLines
from fastcheck.measure.readings import Reading, sharpest
from fastcheck.measure.sight import Shape, Sight, see
from fastcheck.problem.selection import Selection
from fastcheck.vectors import Flags, Indices, Vector, root_mean_square

_EACH = 3  # components of a tensor, at most,
_SPENT = (500, 20)  # and as many as may be measured in so many evaluations, and in so many more a tensor
_LADDER = 14  # evaluations that one takes, about
_KNOWN = 1e-3  # of a slope: a bound of no more makes it known
_STEPS = (2.0**-34, 2.0**-26, 2.0**-18)  # units, from some of which on J moves if it moves at all
_EVEN = np.sqrt(4.375)  # standard deviation of E(h) - E(2h) / 4, E = J+ + J- - 2 J, where that of J is 1
_ODD = 2.23  # of (D4(h) - D4(2h)) 2h


@dataclass(frozen=True, eq=False)
class Pilots:
    """What the first ladders saw; the lines are sorted by component.

    Attributes
    ----------
    selection : Selection
        The components that are looked at, of which the pilots are some.
    positions : ndarray of int64, shape (m,)
        Where among these the pilots are.
    lines : ComponentLines
    table : Table
    sight : Sight
    """

    selection: Selection
    positions: Indices
    lines: ComponentLines
    table: Table
    sight: Sight

    def of(self, k: int) -> Indices:
        """The lines of the k-th tensor."""
        span = self.selection.spans[k]
        return np.arange(*np.searchsorted(self.positions, (span.start, span.stop)))

    def known(self, k: int) -> Indices:
        """Those of the k-th tensor along which J is smooth and the slope is known; or those on no kink or jump; or all."""
        own = self.of(k)
        best = self.best
        with np.errstate(invalid="ignore"):
            known: Flags = (self.sight.shape == Shape.SMOOTH) & (best.bound <= _KNOWN * np.abs(best.value))
        for fit in (known, self._has_slope):
            if fit[own].any():
                return own[fit[own]]
        return own

    def telling(self, k: int) -> Indices:
        """Those of them that tell at which level others are to be read: J moves along them, and has a slope."""
        known = self.known(k)
        return known[self._has_slope[known] & ~self.rests[known]]

    @property
    def _has_slope(self) -> Flags:
        """The lines on no kink and no jump."""
        return np.asarray((self.sight.shape != Shape.KINK) & (self.sight.shape != Shape.JUMP))

    def serve(self, k: int) -> bool:
        """Whether the slope of any of the k-th tensor's is known."""
        own, best = self.of(k), self.best
        with np.errstate(invalid="ignore"):
            return bool((best.bound[own] <= _KNOWN * np.abs(best.value[own])).any())

    @property
    def rests(self) -> Flags:
        """The lines along which J rests near theta and moves only from afar."""
        return np.asarray((self.sight.rest > -EMPTY) & ~self.sight.stairs)

    @property
    def best(self) -> Reading:
        """The sharpest reading of each line, in J per unit of the line; 0 where J rests near theta."""
        found, sight, rests = sharpest(self.sight.readings), self.sight, self.rests
        with np.errstate(all="ignore"):
            bound = np.where(rests, sight.quantum / power_of_two(sight.rest), found.bound)
        value, level = np.where(rests, 0.0, found.value), np.where(rests, sight.rest, found.level)
        return Reading(value, bound, level, found.order)

    @property
    def grain(self) -> Vector:
        """The step in which J moves along each line; its own last place where a line merely rests near theta, as dead units do."""
        own = np.spacing(abs(self.lines.evaluator.value)) / 2
        return np.where(self.sight.stairs, self.sight.grain, own)

    def first_level(self, k: int) -> int:
        """From which on the neighbours of the k-th tensor's pilots are to be looked at."""
        own, best = self.of(k), self.best
        good = own[np.isfinite(best.bound[own]) & (self.sight.shape[own] == Shape.SMOOTH)]
        return int(np.median(best.level[good])) - 1 if good.size else START - WIDTH // 2

    def noise(self, k: int) -> float:
        """epsJ along the k-th tensor's components: the standard deviation of rounding in one evaluation of J."""
        return self._heard(self.of(k))

    @property
    def overall_noise(self) -> float:
        """The same along all of them."""
        return self._heard(np.arange(self.positions.size))

    def _heard(self, lines: Indices) -> float:
        moving = lines[self.sight.stairs[lines]]
        lines = moving if moving.size else lines
        even, odd, grain = self.sight.noise[lines], self.sight.odd_noise[lines], self.grain[lines]
        rounded = root_mean_square(grain) / np.sqrt(3)  # J is rounded to steps of twice the grain, or of the grain
        return float(max(root_mean_square(even) / _EVEN, root_mean_square(odd) / _ODD, rounded))


def _least_move(evaluator: Evaluator, units: Vector) -> float:
    """How little J moves along a direction in which everything moves: all pilots may be of units that are off nearby."""
    if evaluator.domain is not None:  # no direction is free
        return np.inf
    everything = draw(np.random.default_rng(0), 0, evaluator.theta.size)
    lines = DirectionLines(evaluator, (everything,), units)
    try:
        j = lines.look(np.zeros(len(_STEPS), dtype=np.int64), np.array(_STEPS))
    except Exception:  # whatever the cost raises is raised again at the component that it is due to
        return np.inf
    moves = np.abs(j - evaluator.value)
    return float(moves[moves > 0].min(initial=np.inf))


def piloted(evaluator: Evaluator, selection: Selection, units: Vector, most: int = _EACH) -> Pilots:
    """The pilots of a selection (sorted), ``most`` of a tensor, always the same ones; ``units`` has shape (n,)."""
    rng = np.random.default_rng(0)
    filled = sum(span.stop > span.start for span in selection.spans)
    budget = _SPENT[0] + _SPENT[1] * filled
    each = int(np.clip(budget // (_LADDER * max(filled, 1)), 1, most))
    drawn = [
        span.start + np.sort(rng.choice(span.stop - span.start, min(each, span.stop - span.start), replace=False))
        for span in selection.spans
    ]
    positions = np.concatenate(drawn).astype(np.int64)
    indices = selection.at(positions)
    lines = ComponentLines(evaluator, indices, units[indices])
    table = grow(lines.look, lines.table()).knowing()
    if (table.rest > -EMPTY).any():
        least = np.ldexp(_least_move(evaluator, units), -table.shift)
        table = replace(table, quantum=min(table.quantum, float(least)))
    return Pilots(selection, positions, lines, table, see(table))


def piloted_by_one(evaluator: Evaluator, selection: Selection, units: Vector) -> Pilots:
    """One pilot of each tensor, which is enough where no step is to be chosen; as many as usual if any has no slope to compare with."""
    pilots = piloted(evaluator, selection, units, most=1)
    enough = all(pilots.serve(k) for k in range(len(selection.spans)) if pilots.of(k).size)
    return pilots if enough else piloted(evaluator, selection, units)
