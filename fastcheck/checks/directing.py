"""Ladders along directions: one that finds the levels for all, two levels where these suffice, and a whole ladder elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fastcheck.checks.settling import looked, settled
from fastcheck.evaluate.direction import EXACT
from fastcheck.judge import rule
from fastcheck.judge.outcomes import Outcomes
from fastcheck.judge.verdict import Cause, Outcome
from fastcheck.measure.ladder import START, grow
from fastcheck.measure.levels import Table, added, blocks
from fastcheck.measure.lines import DirectionLines
from fastcheck.measure.readings import sharpest
from fastcheck.measure.sight import Shape, Sight
from fastcheck.vectors import Flags, Indices, Vector

_FINER, _COARSER = 12, 4  # levels that the others may begin from that
_COARSE = 8.0  # a lattice of so many grains is no float64's


@dataclass(frozen=True, eq=False)
class Guide:
    """What a first ladder found, for the directions that follow: the level at which it was sharpest, and the noise of J."""

    level: int
    noise: float

    def levels(self, sizes: Vector) -> Indices:
        """Where directions begin over whose components ||G|| is of these sizes.

        That is the finest level at which noise still is no matter: the nearer to theta, the fewer the kinks.
        """
        with np.errstate(all="ignore"):
            finest = np.ceil(np.log2(2 * self.noise / rule.FINE / sizes))
        finest = np.where(np.isfinite(finest), finest, self.level)
        least = min(self.level, max(self.level - _FINER, EXACT))
        return np.clip(finest, least, self.level + _COARSER).astype(np.int64)


def guided(lines: DirectionLines, claimed: Vector, hunting: bool = False) -> tuple[Guide, Outcomes, Flags]:
    """The ladder of a single direction, what it says, and whether it saw a kink; ``hunting`` as in `directed`."""
    seen = looked(grow(lines.look, lines.table()).knowing(), claimed) if hunting else settled(lines, claimed)
    sight, said = seen.sight, seen.said
    best = sharpest(sight.readings)
    level = int(best.level[0]) if np.isfinite(best.bound[0]) else START
    noise, grain = float(np.nan_to_num(sight.noise[0])), float(sight.grain[0])
    lattice = float(np.ldexp(seen.table.lattice, seen.table.shift))
    noise = max(noise, grain, lattice if lattice > _COARSE * grain else 0.0)
    return Guide(level, noise), *_between_sides(said, sight, claimed)


def directed(
    lines: DirectionLines, claimed: Vector, sizes: Vector, guide: Guide, hunting: bool = False
) -> tuple[Outcomes, Flags]:
    """What every direction says of its claimed slope, and where a kink was seen; ``sizes`` is ||G|| of each.

    Two levels are enough to support a claim. Where wrong components are hunted, and by ladders of their own confirmed,
    they are enough to refute one as well, and a direction that does neither is UNKNOWN, for `unhurried`.
    """
    every = np.arange(lines.size)
    table = added(lines.look, lines.table(), *blocks(every, guide.levels(sizes), 2))
    slope, bound = _two_levels(table, guide.noise)
    with np.errstate(invalid="ignore"):
        quick = (bound <= rule.QUICK * sizes) & (sizes > 0)  # whether J stands still or bends takes more than two
        error, wide = (
            np.abs(slope - claimed),
            np.maximum(bound, rule.NEARLY * sizes),
        )  # they may differ by less than that
        agrees, off = quick & (error <= wide), quick & hunting & (error > rule.CLEAR * wide)
    outcome = np.select([agrees, off], [int(Outcome.SUPPORTED), int(Outcome.REFUTED)], int(Outcome.UNKNOWN))
    said, kink = _by_two_levels(outcome, slope, bound), np.zeros(every.size, dtype=bool)
    slow = np.flatnonzero(~quick if hunting else ~agrees)
    return _with_ladders(lines, claimed, sizes, guide, slow, said, kink)


def unhurried(
    lines: DirectionLines, claimed: Vector, sizes: Vector, guide: Guide, said: Outcomes, kink: Flags
) -> tuple[Outcomes, Flags]:
    """The same with whole ladders along the directions that are UNKNOWN."""
    return _with_ladders(lines, claimed, sizes, guide, np.flatnonzero(said.outcome == Outcome.UNKNOWN), said, kink)


def _with_ladders(
    lines: DirectionLines, claimed: Vector, sizes: Vector, guide: Guide, slow: Indices, said: Outcomes, kink: Flags
) -> tuple[Outcomes, Flags]:
    if not slow.size:
        return said, kink
    seen = settled(lines.some(slow), claimed[slow], guide.levels(sizes[slow]) - 1)
    late, kinks = _between_sides(seen.said, seen.sight, claimed[slow])
    kink = kink.copy()
    kink[slow] = kinks
    return said.put(slow, late), kink


def _two_levels(table: Table, noise: float) -> tuple[Vector, Vector]:
    """Slope and bound from two neighbouring levels and the noise that is known."""
    if table.level.shape[1] < 2:
        return np.full(len(table.level), np.nan), np.full(len(table.level), np.inf)
    with np.errstate(all="ignore"):
        h = np.ldexp(1.0, table.level)
        second = np.ldexp((table.up - table.down) / (2 * h), table.shift)
        even = np.ldexp(table.up + table.down, table.shift)
        heard = np.fmax(np.abs(even[:, 0] - even[:, 1] / 4), noise)
        bound = np.abs(second[:, 0] - second[:, 1]) + 2 * heard / h[:, 0]
    return second[:, 0], np.where(np.isfinite(bound), bound, np.inf)


def _by_two_levels(outcome: Indices, slope: Vector, bound: Vector) -> Outcomes:
    def full(value: int) -> Indices:
        return np.full(slope.size, value, dtype=np.int64)

    bends = np.ones(slope.size, dtype=bool)
    return Outcomes(outcome, slope, bound, full(0), full(2), full(Cause.NONE), bends, np.zeros(slope.size))


def _between_sides(said: Outcomes, sight: Sight, claimed: Vector) -> tuple[Outcomes, Flags]:
    """A direction across kinks says no more than that its slope lies between the two sides."""
    kink = sight.shape == Shape.KINK
    with np.errstate(invalid="ignore"):
        wide = np.where(kink, sight.high - sight.low + sight.margin, 0.0)
        firm = (wide <= rule.SETTLED * np.abs(claimed)) | (said.outcome != Outcome.SUPPORTED)
    outcome = np.where(firm, said.outcome, Outcome.UNKNOWN)
    told = replace(said, outcome=outcome, bound=np.fmax(said.bound, wide))
    return told, np.asarray(kink)
