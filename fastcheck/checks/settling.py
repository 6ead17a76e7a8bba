"""Ladders along lines until what they say of the analytic values is settled: measure, judge, look where it is worth it, judge again."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fastcheck.judge import rule
from fastcheck.judge.outcomes import Outcomes, is_from_afar, outcomes
from fastcheck.judge.verdict import Outcome
from fastcheck.measure.ladder import UNROUNDED, climb, grow, look_where_seen, look_where_worth, woken
from fastcheck.measure.levels import Table
from fastcheck.measure.lines import Lines
from fastcheck.measure.rungs import ladders
from fastcheck.measure.sight import Shape, Sight, see
from fastcheck.vectors import Flags, Indices, Vector


@dataclass(frozen=True, eq=False)
class Looked:
    """Ladders, what they show, and what they say of the claimed slopes."""

    table: Table
    sight: Sight
    said: Outcomes


def settled(lines: Lines, claimed: Vector, pilot: Indices | None = None, quantum: float = np.inf) -> Looked:
    """Ladders grown from nothing, and what they say of ``claimed``, in J per unit of each line.

    ``pilot`` are levels that served neighbours, ``quantum`` is the least move of J that is known.
    """
    return doubted(lines, grow(lines.look, lines.table(quantum), pilot).knowing(), claimed)


def confirmed(lines: Lines, claimed: Vector, expected: Vector, noise: float) -> Outcomes:
    """What ladders say of claims that may be off by some ``expected`` size, (m,), where J has this noise.

    Where the levels at which so much is seen refute a claim, they are enough; elsewhere a whole ladder is taken.
    """
    seen = looked(look_where_seen(lines.look, lines.table(), expected, noise).knowing(), claimed)
    said = seen.said
    refuted = (said.outcome == Outcome.REFUTED) & ~is_from_afar(seen.sight, said.bound, said.level)
    refuted &= seen.sight.shape != Shape.STILL  # so near, any J that is rounded stands still
    refuted &= seen.table.level[:, 0] < UNROUNDED  # from so far it may be the other side of a hinge
    others = np.flatnonzero(~refuted)
    return said.put(others, settled(lines.some(others), claimed[others]).said) if others.size else said


def doubted(lines: Lines, table: Table, claimed: Vector) -> Looked:
    """Ladders looked at further where what they say is in doubt.

    Neither accuse nor give up before both the claimed slope and the one found were looked for where each is just worth
    seeing: the derivative is the limit at small steps, and the unit may be far from the scale on which J varies.
    """
    seen = looked(table, claimed)
    sight, said = seen.sight, seen.said
    with np.errstate(invalid="ignore"):
        loose = (said.outcome != Outcome.SUPPORTED) | (said.bound > rule.DOUBTFUL * np.abs(claimed))
        loose |= ~sight.rounding & (sight.shape == Shape.SMOOTH)  # what is heard may be a jump, seen from afar
        doubt = np.flatnonzero(np.where(sight.shape == Shape.STILL, claimed != 0, loose))
        sizes = np.stack([np.abs(claimed), np.abs(said.slope)])
    for worth in (np.fmin(*sizes), np.fmax(*sizes)):
        table = look_where_worth(lines.look, table, doubt, worth[doubt])
    seen = looked(table, claimed, seen)
    again = doubt[_loose(seen)[doubt]]
    table = climb(lines.look, table, again, seen.said.level[again])
    seen = looked(table, claimed, seen)
    with np.errstate(invalid="ignore"):
        error = np.abs(seen.said.slope - claimed)
        far = (error > seen.said.bound) & is_from_afar(seen.sight, seen.said.bound, seen.said.level)
    apart = doubt[far[doubt]]
    table = look_where_worth(lines.look, table, apart, error[apart], difference=True)
    seen = looked(table, claimed, seen)
    far = is_from_afar(seen.sight, seen.said.bound, seen.said.level) | (seen.said.outcome == Outcome.UNKNOWN)
    open_ = again[(_loose(seen) & far)[again]]
    table = climb(lines.look, table, open_, table.level[open_, 0])  # what is in the way may lie between these and those
    return looked(woken(lines.look, table), claimed, seen)


def looked(table: Table, claimed: Vector, before: Looked | None = None) -> Looked:
    """What a table says of ``claimed``; ``before`` is what it said when it was last looked at, perhaps in the same state."""
    if before is not None and before.table is table:
        return before
    sight = see(table)
    return Looked(table, sight, replace(outcomes(sight, claimed), ladders=ladders(table)))


def _loose(seen: Looked) -> Flags:
    """Lines without a kink at the point whose bound further levels might lower."""
    said, sight = seen.said, seen.sight
    with np.errstate(invalid="ignore"):
        loose = np.isfinite(said.bound) & (said.bound > rule.DOUBTFUL * np.abs(said.slope))
    return np.asarray(loose & ~np.isfinite(sight.low))
